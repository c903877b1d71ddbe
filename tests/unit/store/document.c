/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of the engines, those of container services above all, on both databases. */
#include "store/document.h"

#include "towpath.gen.h"
#include "ecs.gen.h"
#include "unit/store/fixture.h"

static struct arena arena;

#define TRY(call)                  \
	do {                       \
		if ((call) < 0)    \
			return -1; \
	} while (0)

static void in_write(db_fn fn)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	if (db_write(db, fn, NULL, &err) < 0)
		fail_msg("%s", err_message(&err));
}

/* What stands in the first text member tells documents apart. */
union any {
	struct ecs_cluster cluster;
	struct ecs_task_definition definition;
	struct ecs_service service;
	struct ecs_task_set set;
	struct ecs_task task;
	struct towpath_fleet_task state;
	struct towpath_fleet_set kept_set;
};

/* ---- a row each ---- */

static int cluster_fn(struct db_tx *tx, void *arg UNUSED, struct err *err)
{
	struct ecs_cluster c = {.cluster_name = "c", .status = "ACTIVE"}, got;

	TRY(store_document_put(tx, &STORE_CLUSTER, "c", NULL, &c, err));
	c.status = "INACTIVE";
	TRY(store_document_put(tx, &STORE_CLUSTER, "c", NULL, &c, err));
	assert_int_equal(store_document_get(tx, &STORE_CLUSTER, "c", &arena, &got, err), 1);
	assert_string_equal(got.status, "INACTIVE");
	assert_int_equal(store_document_get(tx, &STORE_CLUSTER, "C", &arena, &got, err), 0);
	/* the same id of another kind is another document */
	assert_int_equal(
		store_document_get(tx, &STORE_SERVICE, "c", &arena, &(union any){0}, err), 0);
	TRY(store_document_delete(tx, &STORE_CLUSTER, "c", err));
	TRY(store_document_delete(tx, &STORE_CLUSTER, "c", err));
	return store_document_get(tx, &STORE_CLUSTER, "c", &arena, &got, err);
}

static void test_cluster(void **state)
{
	(void)state;
	in_write(cluster_fn);
}

/* Texts that a database must give back as they came. */
static int task_fn(struct db_tx *tx, void *arg UNUSED, struct err *err)
{
	static const char reason[] = "it said \"no\", 'never' \\ and % _ \xc3\xa4\xe2\x82\xac\n\t";
	struct ecs_task task = {.task_arn = "arn:t",
		.stopped_reason = reason,
		.version = WIRE_SET_LONG(INT64_C(9007199254740993)),
		.created_at = WIRE_SET_TIME(INT64_C(1700000000123456)),
		.containers.set = true}; /* an empty list, which is not none */
	struct ecs_task got;

	TRY(store_document_put(tx, &STORE_TASK, "arn:t", "arn:s", &task, err));
	assert_int_equal(store_document_get(tx, &STORE_TASK, "arn:t", &arena, &got, err), 1);
	assert_string_equal(got.stopped_reason, reason);
	assert_true(got.version.v == task.version.v);
	assert_true(got.containers.set);
	assert_int_equal(got.containers.n, 0);
	assert_false(got.attachments.set);
	assert_null(got.stop_code);
	return 0;
}

static void test_task(void **state)
{
	(void)state;
	in_write(task_fn);
}

/* ---- lists ---- */

static int list(struct db_tx *tx, const struct store_document_filter *filter, struct str *out,
	struct err *err)
{
	struct store_documents all;

	str_clear(out);
	TRY(store_document_list(tx, &STORE_TASK_STATE, filter, &arena, &all, err));
	for (size_t i = 0; i < all.n; i++) {
		const struct towpath_fleet_task *s = all.v[i];

		assert_string_equal(s->task_arn, all.ids[i]);
		str_addf(out, "%s%s", i ? " " : "", all.ids[i]);
	}
	return 0;
}

static int lists_fn(struct db_tx *tx, void *arg UNUSED, struct err *err)
{
	static const struct {
		const char *id, *owner;
	} rows[] = {{"task/b/2", "s1"}, {"task/a/1", "s1"}, {"task/a/3", "s2"}, {"task/B/1", "s2"},
		{"task/a_/1", "s2"}, {"task/ab/1", "s2"}};
	struct str out CLEANUP_STR = STR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct towpath_fleet_task s = {.task_arn = rows[i].id};

		TRY(store_document_put(tx, &STORE_TASK_STATE, rows[i].id, rows[i].owner, &s, err));
	}
	/* in the order of bytes, on both databases */
	TRY(list(tx, NULL, &out, err));
	assert_string_equal(
		str_text(&out), "task/B/1 task/a/1 task/a/3 task/a_/1 task/ab/1 task/b/2");
	TRY(list(tx, &(struct store_document_filter){.owner = "s1"}, &out, err));
	assert_string_equal(str_text(&out), "task/a/1 task/b/2");
	TRY(list(tx, &(struct store_document_filter){.prefix = "task/a/"}, &out, err));
	assert_string_equal(str_text(&out), "task/a/1 task/a/3");
	/* no pattern: "_" is itself */
	TRY(list(tx, &(struct store_document_filter){.prefix = "task/a_"}, &out, err));
	assert_string_equal(str_text(&out), "task/a_/1");
	TRY(list(tx, &(struct store_document_filter){.after = "task/a/3", .max = 2}, &out, err));
	assert_string_equal(str_text(&out), "task/a_/1 task/ab/1");

	TRY(store_document_delete_owned(tx, &STORE_TASK_STATE, "s2", err));
	TRY(list(tx, NULL, &out, err));
	assert_string_equal(str_text(&out), "task/a/1 task/b/2");
	/* a new owner takes it along */
	TRY(store_document_put(tx, &STORE_TASK_STATE, "task/a/1", "s3",
		&(struct towpath_fleet_task){.task_arn = "task/a/1"}, err));
	TRY(list(tx, &(struct store_document_filter){.owner = "s1"}, &out, err));
	assert_string_equal(str_text(&out), "task/b/2");
	return 0;
}

static void test_lists(void **state)
{
	(void)state;
	in_write(lists_fn);
}

/* ---- every kind of the container services ---- */

static int kinds_fn(struct db_tx *tx, void *arg UNUSED, struct err *err)
{
	static const struct store_document_kind *const kinds[] = {&STORE_CLUSTER,
		&STORE_TASK_DEFINITION, &STORE_SERVICE, &STORE_SERVICE_SET, &STORE_TASK_SET,
		&STORE_TASK, &STORE_TASK_STATE};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		union any value = {0}, got;
		struct store_documents all;

		TRY(store_document_list(tx, kinds[i], NULL, &arena, &all, err));
		for (size_t k = 0; k < all.n; k++) /* of the tests before */
			TRY(store_document_delete(tx, kinds[i], all.ids[k], err));
		TRY(store_document_put(tx, kinds[i], "one", "owner", &value, err));
		TRY(store_document_put(tx, kinds[i], "two", "owner", &value, err));
		TRY(store_document_put(tx, kinds[i], "three", "other", &value, err));
		assert_int_equal(store_document_get(tx, kinds[i], "two", &arena, &got, err), 1);
		TRY(store_document_delete_owned(tx, kinds[i], "owner", err));
		TRY(store_document_list(tx, kinds[i], NULL, &arena, &all, err));
		assert_int_equal(all.n, 1);
		assert_string_equal(all.ids[0], "three");
	}
	return 0;
}

static void test_kinds(void **state)
{
	(void)state;
	in_write(kinds_fn);
}

/* A step that fails leaves nothing of what it wrote. */
static int failing_fn(struct db_tx *tx, void *arg UNUSED, struct err *err)
{
	TRY(store_document_put(
		tx, &STORE_CLUSTER, "lost", NULL, &(struct ecs_cluster){.status = "ACTIVE"}, err));
	return err_set(err, ERR_INVALID, "on purpose");
}

static int lost_fn(struct db_tx *tx, void *arg UNUSED, struct err *err)
{
	struct ecs_cluster got;

	assert_int_equal(store_document_get(tx, &STORE_CLUSTER, "lost", &arena, &got, err), 0);
	return 0;
}

static void test_rollback(void **state)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	assert_int_equal(db_write(db, failing_fn, NULL, &err), -1);
	in_write(lost_fn);
}

static int tear_down_all(void **state)
{
	arena_release(&arena);
	return tear_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cluster),
		cmocka_unit_test(test_task),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_rollback),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down_all);
}
