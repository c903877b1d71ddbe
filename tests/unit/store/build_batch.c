/* SPDX-License-Identifier: Apache-2.0 */
/* Batches by project, status and token, page by page, on both databases. */
#include "store/build_batch.h"

#include "unit/store/fixture.h"

static struct arena arena;

static int add(struct db_tx *tx, const char *uuid, const char *project, const char *status,
	const char *token, struct err *err)
{
	struct store_build_batch r = {.uuid = uuid, .token = token};

	r.batch.project_name = project;
	r.batch.build_batch_status = status;
	r.extra.fast_fail = WIRE_SET_BOOL(true);
	return store_build_batch_insert(tx, &r, err);
}

/* All ids of the list, two at a time. */
static int walk(
	struct db_tx *tx, struct store_build_batch_page page, struct str *out, struct err *err)
{
	const char **ids;
	size_t n = 2;

	str_clear(out);
	page.max = 2;
	while (n == page.max) {
		if (store_build_batch_list(tx, &page, &arena, &ids, &n, &page.after, err) < 0)
			return -1;
		for (size_t i = 0; i < n; i++)
			str_addf(out, "%s ", ids[i]);
	}
	return 0;
}

static const struct {
	struct store_build_batch_page page;
	const char *ids;
} lists[] = {
	{{0}, "p:a p:b q:c p:d "},
	{{.descending = true}, "p:d q:c p:b p:a "},
	{{.project = "p"}, "p:a p:b p:d "},
	{{.project = "p", .status = "IN_PROGRESS", .descending = true}, "p:d p:a "},
	{{.status = "FAILED"}, "p:b "},
	{{.project = "q", .status = "FAILED"}, ""},
};

static int lists_fn(struct db_tx *tx, void *arg UNUSED, struct err *err)
{
	struct str out CLEANUP_STR = STR_INIT;
	struct store_build_batch r;
	const char **uuids;
	size_t n;

	if (add(tx, "a", "p", "IN_PROGRESS", "t", err) < 0 ||
		add(tx, "b", "p", "FAILED", "t", err) < 0 ||
		add(tx, "c", "q", "IN_PROGRESS", "t", err) < 0 ||
		add(tx, "d", "p", "IN_PROGRESS", NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		if (walk(tx, lists[i].page, &out, err) < 0)
			return -1;
		assert_string_equal(str_text(&out), lists[i].ids);
	}
	if (store_build_batch_waiting(tx, "p", &arena, &uuids, &n, err) < 0)
		return -1;
	assert_int_equal(n, 0);
	assert_int_equal(store_build_batch_by_token(tx, "p", "t", &arena, &r, err), 1);
	assert_string_equal(r.uuid, "b");
	r.batch.build_batch_status = "SUCCEEDED";
	r.waiting = true;
	if (store_build_batch_update(tx, &r, err) < 0)
		return -1;
	assert_int_equal(store_build_batch_get(tx, "b", &arena, &r, err), 1);
	assert_string_equal(r.batch.build_batch_status, "SUCCEEDED");
	assert_true(r.extra.fast_fail.v && r.waiting);
	if (store_build_batch_waiting(tx, "p", &arena, &uuids, &n, err) < 0)
		return -1;
	assert_int_equal(n, 1);
	assert_string_equal(uuids[0], "b");
	if (store_build_batch_delete(tx, "b", err) < 0)
		return -1;
	assert_int_equal(store_build_batch_get(tx, "b", &arena, &r, err), 0);
	return 0;
}

static void finds(void **state UNUSED)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	if (db_write(db, lists_fn, NULL, &err) < 0)
		fail_msg("%s", err_message(&err));
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(finds, set_up, tear_down)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
