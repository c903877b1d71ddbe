/* SPDX-License-Identifier: Apache-2.0 */
/* ListObjects, ListObjectsV2, ListObjectVersions: keys in the order of their bytes, those that
 * share a part up to the delimiter rolled up into one common prefix. */
#include "artifact/engine.h"
#include "base/mem.h"
#include "base/vec.h"
#include "codec/base64.h"

#define MAX_KEYS 1000

struct listing {
	/* asked */
	const char *bucket;
	struct view prefix, delimiter;
	const char *after; /* keys (or the common prefix) after this; NULL: from the start */
	const char *after_version; /* with versions: of that key, those after this one */
	bool versions;
	int64_t max;
	struct arena *arena;
	/* found */
	VEC(struct store_object) objects;
	VEC(const char *) prefixes;
	bool truncated;
	const char *last, *last_version; /* key or common prefix that came last */
};

/* The part of key up to and with the first delimiter behind the prefix; empty: none. */
static struct view common_prefix(const struct listing *l, const char *key)
{
	const char *at;

	if (!l->delimiter.len || strlen(key) < l->prefix.len)
		return (struct view){0};
	at = strstr(key + l->prefix.len, l->delimiter.p);
	if (!at)
		return (struct view){0};
	return (struct view){key, (size_t)(at - key) + l->delimiter.len};
}

/* Where to begin: at the prefix, or behind the marker. */
static int begin(
	struct listing *l, struct db_tx *tx, struct store_object_range *range, struct err *err)
{
	struct store_object o;
	int r;

	*range = (struct store_object_range){
		.bucket = l->bucket,
		.from = l->prefix,
		.end = artifact_prefix_end(l->arena, l->prefix),
		.versions = l->versions,
	};
	if (!l->after || strcmp(l->after, l->prefix.len ? l->prefix.p : "") < 0)
		return 0;
	range->from = view_of(l->after);
	range->exclusive = true;
	if (view_eq_str(common_prefix(l, l->after), l->after) && !l->after_version) {
		range->from = artifact_prefix_end(l->arena, view_of(l->after));
		range->exclusive = false;
	}
	if (!l->after_version)
		return 0;
	r = store_object_get(tx, l->bucket, l->after, l->after_version, l->arena, &o, err);
	if (r > 0)
		range->before_seq = o.seq;
	return MIN(r, 0);
}

static bool full(struct listing *l)
{
	l->truncated = (int64_t)(l->objects.n + l->prefixes.n) >= l->max;
	return l->truncated;
}

/* Takes rows until one rolls up: 1 go on behind it, 0 the page is full, 2 all rows were taken. */
static int take_rows(struct listing *l, const struct store_object *rows, size_t n,
	struct store_object_range *range)
{
	for (size_t i = 0; i < n; i++) {
		struct view common = common_prefix(l, rows[i].key);

		if (full(l))
			return 0;
		if (common.len) {
			l->last = arena_view_dup(l->arena, common);
			l->last_version = NULL;
			vec_push(&l->prefixes, l->last);
			range->from = artifact_prefix_end(l->arena, common);
			range->exclusive = false;
			range->before_seq = 0;
			return 1;
		}
		l->last = rows[i].key;
		l->last_version = rows[i].version_id;
		vec_push(&l->objects, rows[i]);
		range->from = view_of(rows[i].key);
		range->exclusive = true;
		range->before_seq = rows[i].seq;
	}
	return 2;
}

static int list_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct listing *l = arg;
	struct store_object_range range;
	struct store_bucket bucket;
	struct store_object *rows;
	size_t n;
	int r;

	l->objects.n = l->prefixes.n = 0;
	l->truncated = false;
	if (artifact_need_bucket(tx, l->bucket, l->arena, &bucket, err) < 0 ||
		begin(l, tx, &range, err) < 0)
		return -1;
	if (l->max == 0)
		return 0;
	do {
		range.max = l->max - (int64_t)(l->objects.n + l->prefixes.n) + 1;
		if (store_object_list(tx, &range, l->arena, &rows, &n, err) < 0)
			return -1;
		r = take_rows(l, rows, n, &range);
	} while (r == 1 || (r == 2 && (int64_t)n == range.max));
	return 0;
}

static void listing_release(struct listing *l)
{
	vec_release(&l->objects);
	vec_release(&l->prefixes);
}

static int list(struct artifact_engine *e, struct listing *l, struct wire_int max,
	const char *prefix, const char *delimiter, struct err *err)
{
	l->max = MIN(wire_or(max, MAX_KEYS), MAX_KEYS);
	if (l->max < 0)
		return err_set_wire(err, "InvalidArgument",
			"Argument maxKeys must be an integer between 0 and 2147483647");
	l->prefix = view_of(prefix ? prefix : "");
	l->delimiter = view_of(delimiter ? delimiter : "");
	return db_read(durable_db(e->durable), list_fn, l, err);
}

static void add_contents(const struct listing *l, const char *encoding, struct artifact_engine *e,
	bool owner, struct s3_object_list *ret)
{
	if (!l->objects.n)
		return;
	wire_list_alloc(l->arena, ret, l->objects.n);
	for (size_t i = 0; i < ret->n; i++) {
		const struct store_object *o = &l->objects.v[i];

		ret->v[i] = (struct s3_object){
			.key = artifact_listed(l->arena, o->key, encoding),
			.e_tag = artifact_quote(l->arena, o->etag),
			.last_modified = WIRE_SET_TIME(o->modified_usec),
			.size = WIRE_SET_LONG(o->size),
			.storage_class = "STANDARD",
		};
		if (!owner)
			continue;
		ret->v[i].owner = arena_new(l->arena, struct s3_owner);
		ret->v[i].owner->id = e->account;
	}
}

static void add_prefixes(
	const struct listing *l, const char *encoding, struct s3_common_prefix_list *ret)
{
	if (!l->prefixes.n)
		return;
	wire_list_alloc(l->arena, ret, l->prefixes.n);
	for (size_t i = 0; i < ret->n; i++)
		ret->v[i].prefix = artifact_listed(l->arena, l->prefixes.v[i], encoding);
}

int artifact_list_objects(struct artifact_engine *e, struct call *call,
	const struct s3_list_objects_request *req, struct s3_list_objects_response *resp,
	struct err *err)
{
	struct arena *a = call->arena;
	const char *encoding = req->encoding_type;
	struct listing l CLEANUP(listing_release) = {
		.bucket = req->bucket, .after = req->marker, .arena = a};

	if (list(e, &l, req->max_keys, req->prefix, req->delimiter, err) < 0)
		return -1;
	resp->name = req->bucket;
	resp->prefix = artifact_listed(a, req->prefix ? req->prefix : "", encoding);
	resp->marker = artifact_listed(a, req->marker ? req->marker : "", encoding);
	resp->delimiter = artifact_listed(a, req->delimiter, encoding);
	resp->max_keys = WIRE_SET_INT(l.max);
	resp->encoding_type = encoding;
	resp->is_truncated = WIRE_SET_BOOL(l.truncated);
	if (l.truncated && req->delimiter) /* without, the last key is the marker */
		resp->next_marker = artifact_listed(a, l.last, encoding);
	add_contents(&l, encoding, e, true, &resp->contents);
	add_prefixes(&l, encoding, &resp->common_prefixes);
	return 0;
}

static const char *make_token(const char *last, struct arena *a)
{
	struct str text CLEANUP_STR = STR_INIT;

	base64_encode(view_of(last), &text);
	return arena_strdup(a, str_text(&text));
}

static int read_token(const char *token, struct arena *a, const char **ret, struct err *err)
{
	struct view text;

	if (!base64_decode(view_of(token), a, &text) || memchr(text.p, 0, text.len))
		return err_set_wire(
			err, "InvalidArgument", "The continuation token provided is incorrect");
	*ret = arena_view_dup(a, text);
	return 0;
}

int artifact_list_objects_v2(struct artifact_engine *e, struct call *call,
	const struct s3_list_objects_v2_request *req, struct s3_list_objects_v2_response *resp,
	struct err *err)
{
	struct arena *a = call->arena;
	const char *encoding = req->encoding_type;
	struct listing l CLEANUP(listing_release) = {
		.bucket = req->bucket, .after = req->start_after, .arena = a};

	if (req->continuation_token && read_token(req->continuation_token, a, &l.after, err) < 0)
		return -1;
	if (list(e, &l, req->max_keys, req->prefix, req->delimiter, err) < 0)
		return -1;
	resp->name = req->bucket;
	resp->prefix = artifact_listed(a, req->prefix ? req->prefix : "", encoding);
	resp->start_after = artifact_listed(a, req->start_after, encoding);
	resp->delimiter = artifact_listed(a, req->delimiter, encoding);
	resp->continuation_token = req->continuation_token;
	resp->max_keys = WIRE_SET_INT(l.max);
	resp->key_count = WIRE_SET_INT(l.objects.n + l.prefixes.n);
	resp->encoding_type = encoding;
	resp->is_truncated = WIRE_SET_BOOL(l.truncated);
	if (l.truncated)
		resp->next_continuation_token = make_token(l.last, a);
	add_contents(&l, encoding, e, wire_or(req->fetch_owner, false), &resp->contents);
	add_prefixes(&l, encoding, &resp->common_prefixes);
	return 0;
}

/* ---- versions ---- */

static void add_versions(const struct listing *l, const char *encoding, struct artifact_engine *e,
	struct s3_list_object_versions_response *resp)
{
	struct s3_owner *owner = arena_new(l->arena, struct s3_owner);

	owner->id = e->account;
	wire_list_alloc(l->arena, &resp->versions, l->objects.n);
	wire_list_alloc(l->arena, &resp->delete_markers, l->objects.n);
	resp->versions.n = resp->delete_markers.n = 0;
	for (size_t i = 0; i < l->objects.n; i++) {
		const struct store_object *o = &l->objects.v[i];
		const char *key = artifact_listed(l->arena, o->key, encoding);

		if (o->marker)
			resp->delete_markers.v[resp->delete_markers.n++] =
				(struct s3_delete_marker_entry){
					.is_latest = WIRE_SET_BOOL(o->latest),
					.key = key,
					.last_modified = WIRE_SET_TIME(o->modified_usec),
					.owner = owner,
					.version_id = o->version_id,
				};
		else
			resp->versions.v[resp->versions.n++] = (struct s3_object_version){
				.e_tag = artifact_quote(l->arena, o->etag),
				.is_latest = WIRE_SET_BOOL(o->latest),
				.key = key,
				.last_modified = WIRE_SET_TIME(o->modified_usec),
				.owner = owner,
				.size = WIRE_SET_LONG(o->size),
				.storage_class = "STANDARD",
				.version_id = o->version_id,
			};
	}
	resp->versions.set = resp->versions.n > 0;
	resp->delete_markers.set = resp->delete_markers.n > 0;
}

int artifact_list_object_versions(struct artifact_engine *e, struct call *call,
	const struct s3_list_object_versions_request *req,
	struct s3_list_object_versions_response *resp, struct err *err)
{
	struct arena *a = call->arena;
	const char *encoding = req->encoding_type;
	struct listing l CLEANUP(listing_release) = {.bucket = req->bucket,
		.after = req->key_marker,
		.after_version = req->version_id_marker,
		.versions = true,
		.arena = a};

	if (req->version_id_marker && !req->key_marker)
		return err_set_wire(err, "InvalidArgument",
			"A version-id marker cannot be specified without a key marker.");
	if (list(e, &l, req->max_keys, req->prefix, req->delimiter, err) < 0)
		return -1;
	resp->name = req->bucket;
	resp->prefix = artifact_listed(a, req->prefix ? req->prefix : "", encoding);
	resp->delimiter = artifact_listed(a, req->delimiter, encoding);
	resp->key_marker = artifact_listed(a, req->key_marker ? req->key_marker : "", encoding);
	resp->version_id_marker = req->version_id_marker ? req->version_id_marker : "";
	resp->max_keys = WIRE_SET_INT(l.max);
	resp->encoding_type = encoding;
	resp->is_truncated = WIRE_SET_BOOL(l.truncated);
	if (l.truncated) {
		resp->next_key_marker = artifact_listed(a, l.last, encoding);
		resp->next_version_id_marker = l.last_version;
	}
	add_versions(&l, encoding, e, resp);
	add_prefixes(&l, encoding, &resp->common_prefixes);
	return 0;
}
