/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of custom actions, on both databases. */
#include "store/pipeline_job.h"

#include "unit/store/fixture.h"

static struct arena arena;

static int waiting(
	struct db_tx *tx, const char *query, size_t limit, const char *ids, struct err *err)
{
	struct store_pipeline_jobs jobs;
	struct str got CLEANUP_STR = STR_INIT;

	if (store_pipeline_job_waiting(tx, "Test/Lab/1", query, limit, &arena, &jobs, err) < 0)
		return -1;
	for (size_t i = 0; i < jobs.n; i++)
		str_add(&got, jobs.v[i].id);
	assert_string_equal(str_text(&got), ids);
	return 0;
}

static struct store_pipeline_job job(const char *id, const char *action, const char *query)
{
	return (struct store_pipeline_job){.id = id,
		.pipeline_id = "p",
		.action_id = action,
		.type = "Test/Lab/1",
		.query = query,
		.status = "Queued",
		.nonce = "n",
		.created_usec = INT64_C(1760000000000000)};
}

/* Inserts three jobs and one of another type. */
static int put_jobs(struct db_tx *tx, struct store_pipeline_job *ret_a, struct err *err)
{
	struct store_pipeline_job a = job("a", "x", NULL), b = job("b", "y", "b1"),
				  c = job("c", "z", "b2"), other = job("d", "w", NULL);

	other.type = "Test/Lab/2";
	a.continuation = "on";
	a.created_usec++;
	*ret_a = a;
	if (store_pipeline_job_put(tx, &a, err) < 0 || store_pipeline_job_put(tx, &b, err) < 0 ||
		store_pipeline_job_put(tx, &c, err) < 0)
		return -1;
	return store_pipeline_job_put(tx, &other, err);
}

static int jobs_fn(struct db_tx *tx, void *arg UNUSED, struct err *err)
{
	struct store_pipeline_job a, next = job("e", "x", NULL), got;

	if (put_jobs(tx, &a, err) < 0 || waiting(tx, NULL, 0, "bca", err) < 0 ||
		waiting(tx, NULL, 2, "bc", err) < 0 || waiting(tx, "b2", 0, "c", err) < 0)
		return -1;
	/* What was offered goes behind; what is under way is not offered. */
	a.offered_usec = a.created_usec;
	a.status = "Dispatched";
	if (store_pipeline_job_put(tx, &a, err) < 0 || waiting(tx, NULL, 0, "bca", err) < 0)
		return -1;
	a.status = "Succeeded";
	if (store_pipeline_job_put(tx, &a, err) < 0 || waiting(tx, NULL, 0, "bc", err) < 0)
		return -1;
	assert_int_equal(store_pipeline_job_get(tx, "a", &arena, &got, err), 1);
	assert_string_equal(got.continuation, "on");
	assert_null(got.query);
	assert_true(got.offered_usec == a.offered_usec);
	/* The open one of an action, though it is not the younger. */
	if (store_pipeline_job_put(tx, &next, err) < 0)
		return -1;
	assert_int_equal(store_pipeline_job_of_action(tx, "x", &arena, &got, err), 1);
	assert_string_equal(got.id, "e");
	assert_int_equal(store_pipeline_job_of_action(tx, "nobody", &arena, &got, err), 0);
	if (store_pipeline_job_delete_others(tx, "x", "e", err) < 0)
		return -1;
	assert_int_equal(store_pipeline_job_get(tx, "e", &arena, &got, err), 1);
	assert_int_equal(store_pipeline_job_get(tx, "b", &arena, &got, err), 1);
	assert_int_equal(store_pipeline_job_get(tx, "a", &arena, &got, err), 0);
	if (store_pipeline_job_delete_all(tx, "p", err) < 0)
		return -1;
	assert_int_equal(store_pipeline_job_get(tx, "b", &arena, &got, err), 0);
	return 0;
}

static void test_jobs(void **state)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	if (db_write(db, jobs_fn, NULL, &err) < 0)
		fail_msg("%s", err_message(&err));
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_jobs)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
