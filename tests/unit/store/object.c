/* SPDX-License-Identifier: Apache-2.0 */
/* Objects, buckets, uploads and their order, on both databases; and that all tables can be made. */
#include "store/object.h"

#include "store/bucket.h"
#include "store/upload.h"
#include "unit/store/fixture.h"

static struct arena arena;

static void in_write(db_fn fn)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	if (db_write(db, fn, NULL, &err) < 0)
		fail_msg("%s", err_message(&err));
}

#define TRY(call)                  \
	do {                       \
		if ((call) < 0)    \
			return -1; \
	} while (0)

static int put(struct db_tx *tx, const char *key, const char *version, bool marker, struct err *err)
{
	struct towpath_object_meta meta = {.content_type = "text/plain"};
	struct store_object o = {.bucket = "b",
		.key = key,
		.version_id = version,
		.marker = marker,
		.size = 5,
		.etag = "e",
		.blob = marker ? "" : version,
		.modified_usec = 7,
		.meta = &meta};

	return store_object_insert(tx, &o, err);
}

/* The keys (and versions) found, in one text. */
static int list(
	struct db_tx *tx, const struct store_object_range *range, struct str *out, struct err *err)
{
	struct store_object *rows;
	size_t n;

	str_clear(out);
	TRY(store_object_list(tx, range, &arena, &rows, &n, err));
	for (size_t i = 0; i < n; i++)
		str_addf(out, "%s%s:%s", i ? " " : "", rows[i].key, rows[i].version_id);
	return 0;
}

static int versions_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct str out CLEANUP_STR = STR_INIT;
	struct store_object o;
	struct store_object_range all = {.bucket = "b", .max = 10},
				  versions = {.bucket = "b", .versions = true, .max = 10};

	(void)arg;
	TRY(put(tx, "k", "v1", false, err));
	TRY(put(tx, "k", "v2", false, err));
	TRY(put(tx, "k", "m", true, err));
	TRY(put(tx, "a", "v3", false, err));
	assert_int_equal(store_object_get(tx, "b", "k", NULL, &arena, &o, err), 1);
	assert_true(o.marker && o.latest);
	assert_int_equal(store_object_get(tx, "b", "k", "v1", &arena, &o, err), 1);
	assert_false(o.latest);
	assert_string_equal(o.meta->content_type, "text/plain");
	assert_int_equal(store_object_get(tx, "b", "k", "v9", &arena, &o, err), 0);
	TRY(list(tx, &all, &out, err));
	assert_string_equal(str_text(&out), "a:v3");
	TRY(list(tx, &versions, &out, err));
	assert_string_equal(str_text(&out), "a:v3 k:m k:v2 k:v1");
	versions.from = VIEW("k");
	versions.exclusive = true;
	TRY(list(tx, &versions, &out, err));
	assert_string_equal(str_text(&out), "");
	versions.before_seq = 3;
	TRY(list(tx, &versions, &out, err));
	assert_string_equal(str_text(&out), "k:v2 k:v1");
	TRY(store_object_delete(tx, "b", "k", "m", err));
	TRY(list(tx, &all, &out, err));
	assert_string_equal(str_text(&out), "a:v3 k:v2");
	assert_int_equal(store_object_has_blob(tx, "v2", err), 1);
	assert_int_equal(store_object_has_blob(tx, "v9", err), 0);
	assert_int_equal(store_object_any(tx, "b", err), 1);
	assert_int_equal(store_object_any(tx, "c", err), 0);
	for (const char *const *v = (const char *const[]){"v1", "v2", NULL}; *v; v++)
		TRY(store_object_delete(tx, "b", "k", *v, err));
	return store_object_delete(tx, "b", "a", "v3", err);
}

static void versions(void **state)
{
	(void)state;
	in_write(versions_fn);
}

/* Bytes, not letters of some language, and not characters. */
static int order_fn(struct db_tx *tx, void *arg, struct err *err)
{
	static const char *const keys[] = {
		"B", "a", "\xc3\xa9", "a/b", "a b", "A", "\xf0\x9f\x98\x80", "\xef\xbf\xbd"};
	struct str out CLEANUP_STR = STR_INIT;
	struct store_object_range range = {.bucket = "b", .max = 20};

	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		TRY(put(tx, keys[i], "null", false, err));
	TRY(list(tx, &range, &out, err));
	assert_string_equal(str_text(&out),
		"A:null B:null a:null a b:null a/b:null \xc3\xa9:null \xef\xbf\xbd:null "
		"\xf0\x9f\x98\x80:null");
	range.from = VIEW("a");
	range.end = VIEW("b");
	range.max = 2;
	TRY(list(tx, &range, &out, err));
	assert_string_equal(str_text(&out), "a:null a b:null");
	range.exclusive = true;
	TRY(list(tx, &range, &out, err));
	assert_string_equal(str_text(&out), "a b:null a/b:null");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		TRY(store_object_delete(tx, "b", keys[i], "null", err));
	return 0;
}

static void order(void **state)
{
	(void)state;
	in_write(order_fn);
}

static int uploads_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct towpath_object_meta meta = {.content_type = "x/y"};
	struct store_upload u = {"id2", "b", "k", 3, &meta}, got, *all;
	struct store_part p = {1, 10, "e1", "f1", 4, NULL}, *parts;
	size_t n;

	(void)arg;
	TRY(store_upload_insert(tx, &u, err));
	u.id = "id1";
	TRY(store_upload_insert(tx, &u, err));
	assert_int_equal(store_upload_get(tx, "id2", &arena, &got, err), 1);
	assert_string_equal(got.meta->content_type, "x/y");
	TRY(store_upload_list(
		tx, "b", VIEW("k"), "id1", VIEW("k"), VIEW("l"), 10, &arena, &all, &n, err));
	assert_int_equal(n, 1);
	assert_string_equal(all[0].id, "id2");
	TRY(store_part_put(tx, "id2", &p, err));
	p.blob = "f2";
	TRY(store_part_put(tx, "id2", &p, err));
	p.number = 2;
	TRY(store_part_put(tx, "id2", &p, err));
	TRY(store_part_list(tx, "id2", 0, 10, &arena, &parts, &n, err));
	assert_int_equal(n, 2);
	assert_string_equal(parts[0].blob, "f2");
	assert_int_equal(store_part_has_blob(tx, "f2", err), 1);
	assert_int_equal(store_part_has_blob(tx, "f1", err), 0);
	TRY(store_upload_delete(tx, "id2", err));
	TRY(store_upload_delete(tx, "id1", err));
	assert_int_equal(store_part_has_blob(tx, "f2", err), 0);
	return 0;
}

static void uploads(void **state)
{
	(void)state;
	in_write(uploads_fn);
}

static int buckets_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct store_bucket b = {"one", "", 1}, *all;
	struct store_bucket_access access;
	const char **trash;
	size_t n;

	(void)arg;
	TRY(store_bucket_insert(tx, &b, err));
	TRY(store_bucket_set_versioning(tx, "one", "Enabled", err));
	assert_int_equal(store_bucket_get(tx, "one", &arena, &b, err), 1);
	assert_string_equal(b.versioning, "Enabled");
	TRY(store_bucket_list(tx, "o", "", 5, &arena, &all, &n, err));
	assert_int_equal(n, 1);
	TRY(store_bucket_list(tx, "", "one", 5, &arena, &all, &n, err));
	assert_int_equal(n, 0);
	assert_int_equal(store_bucket_access_get(tx, "one", &arena, &access, err), 1);
	assert_string_equal(access.policy, "");
	assert_true(access.block->restrict_public_buckets.v); /* a new bucket is closed */
	access = (struct store_bucket_access){.policy = "{}", .policy_public = true};
	TRY(store_bucket_access_set(tx, "one", &access, err));
	assert_int_equal(store_bucket_access_get(tx, "one", &arena, &access, err), 1);
	assert_true(access.policy_public && !access.block);
	assert_string_equal(access.policy, "{}");
	TRY(store_bucket_delete(tx, "one", err));
	assert_int_equal(store_bucket_access_get(tx, "one", &arena, &access, err), 0);
	TRY(store_trash_add(tx, "x", err));
	TRY(store_trash_add(tx, "x", err));
	TRY(store_trash_list(tx, 5, &arena, &trash, &n, err));
	assert_int_equal(n, 1);
	return store_trash_remove(tx, "x", err);
}

static void buckets(void **state)
{
	(void)state;
	in_write(buckets_fn);
}

static int release(void **state)
{
	arena_release(&arena);
	return tear_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions),
		cmocka_unit_test(order),
		cmocka_unit_test(uploads),
		cmocka_unit_test(buckets),
	};

	return cmocka_run_group_tests(tests, set_up, release);
}
