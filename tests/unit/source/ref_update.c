/* SPDX-License-Identifier: Apache-2.0 */
/* Invariants S1..S6: what a server that dies at any point of a change leaves behind. */
#include "source/ref_update.h"

#include "fixture.h"

/* A change of refs/heads/x to a commit, up to a point; then the "server" dies. */
enum point { BEFORE_BEGIN, AFTER_BEGIN, AFTER_APPLY, AFTER_FINISH };

struct setting {
	const char *id, *path, *first, *second;
};

static struct setting prepare(struct fixture *f)
{
	struct setting s = {.id = create(f, "shop-api")};

	s.path = source_path(f->e, s.id, &f->arena);
	s.first = put(f, "shop-api", "main", NULL, "a", "1");
	s.second = put(f, "shop-api", "main", s.first, "a", "2");
	return s;
}

static void change_until(struct fixture *f, const struct setting *s, const char *ref,
	const char *to, enum point point)
{
	struct ref_change change = {.ref = ref};
	struct ref_update u = {.e = f->e,
		.repository_id = s->id,
		.path = s->path,
		.actor = "arn:aws:iam::111122223333:user/bob",
		.changes = &change,
		.n = 1};

	if (to)
		vcs_id_parse(view_of(to), &change.after);
	else
		change.after = VCS_ID_ZERO;
	if (point >= AFTER_BEGIN)
		OK(ref_update_begin(&u, &f->arena, 0, E));
	if (point >= AFTER_APPLY)
		OK(ref_update_apply(&u, E));
	if (point >= AFTER_FINISH)
		OK(ref_update_finish(&u, E));
	/* What a dead process does not do, but memory wants. */
	ref_update_release(&u);
}

static void check_crash(
	struct fixture *f, const char *ref, const char *to, enum point point, const char *event)
{
	struct setting s = prepare(f);
	size_t before;
	struct entries e;

	if (starts_with(ref, "refs/heads/old"))
		change_until(f, &s, ref, s.first, AFTER_FINISH);
	before = journal_of(f).n;
	change_until(f, &s, ref, to ? s.second : NULL, point);
	for (int restarts = 0; restarts < 3; restarts++) {
		stop_engine(f);
		start_engine(f);
		e = journal_of(f);
		if (point < AFTER_APPLY) {
			assert_int_equal(e.n, before);
			continue;
		}
		assert_int_equal(e.n, before + 1);
		assert_string_equal(e.v[before].kind, "codecommit.ref");
		assert_string_equal(e.v[before].actor, "arn:aws:iam::111122223333:user/bob");
		assert_non_null(strstr(e.v[before].detail, event));
	}
}

static void test_crashes_of_a_creation(void **state)
{
	for (enum point p = BEFORE_BEGIN; p <= AFTER_FINISH; p++) {
		check_crash(*state, "refs/heads/x", "", p, "\"referenceCreated\"");
		teardown(state);
		setup(state);
	}
}

static void test_crashes_of_an_update(void **state)
{
	for (enum point p = BEFORE_BEGIN; p <= AFTER_FINISH; p++) {
		check_crash(*state, "refs/heads/old", "", p, "\"referenceUpdated\"");
		teardown(state);
		setup(state);
	}
}

static void test_crashes_of_a_deletion(void **state)
{
	for (enum point p = BEFORE_BEGIN; p <= AFTER_FINISH; p++) {
		check_crash(*state, "refs/heads/old", NULL, p, "\"referenceDeleted\"");
		teardown(state);
		setup(state);
	}
}

static void test_unsettled_change_is_settled_before_the_next(void **state)
{
	struct fixture *f = *state;
	struct setting s = prepare(f);
	struct source_repository r = {.id = s.id};
	size_t before = journal_of(f).n;

	change_until(f, &s, "refs/heads/x", s.first, AFTER_APPLY);
	assert_int_equal(journal_of(f).n, before);
	/* As ref_update_finish() does when the database fails. */
	map_set(&f->e->unsettled, s.id, f->e);
	change_until(f, &s, "refs/heads/x", s.second, AFTER_FINISH);
	assert_int_equal(journal_of(f).n, before + 2);
	assert_non_null(strstr(journal_of(f).v[before].detail, "referenceCreated"));
	assert_non_null(strstr(journal_of(f).v[before + 1].detail, "referenceUpdated"));

	change_until(f, &s, "refs/heads/y", s.second, AFTER_APPLY);
	map_set(&f->e->unsettled, s.id, f->e);
	OK(source_settle(f->e, &r, E));
	assert_int_equal(journal_of(f).n, before + 3);
	OK(source_settle(f->e, &r, E));
	assert_int_equal(journal_of(f).n, before + 3);
}

/* P2: what a push did to a pull request is settled with the push. */
static void test_pull_requests_follow_after_a_crash(void **state)
{
	struct fixture *f = *state;
	struct setting s = prepare(f);
	struct codecommit_target target = {.repository_name = "shop-api",
		.source_reference = "x",
		.destination_reference = "old"};
	struct codecommit_create_pull_request_request make = {
		.title = "t", .targets = {.v = &target, .n = 1, .set = true}};
	struct codecommit_create_pull_request_response made = {0};
	struct codecommit_get_pull_request_request get = {0};
	struct codecommit_get_pull_request_response got = {0};
	struct entries e;

	change_until(f, &s, "refs/heads/old", s.first, AFTER_FINISH);
	change_until(f, &s, "refs/heads/x", s.second, AFTER_FINISH);
	OK(source_create_pull_request(f->e, &f->call, &make, &made, E));
	get.pull_request_id = made.pull_request->pull_request_id;
	change_until(f, &s, "refs/heads/old", s.second, AFTER_APPLY);
	OK(source_get_pull_request(f->e, &f->call, &get, &got, E));
	assert_string_equal(got.pull_request->pull_request_status, "OPEN");
	for (int restarts = 0; restarts < 2; restarts++) {
		stop_engine(f);
		start_engine(f);
		OK(source_get_pull_request(f->e, &f->call, &get, &got, E));
		assert_string_equal(got.pull_request->pull_request_status, "CLOSED");
		assert_true(got.pull_request->pull_request_targets.v->merge_metadata->is_merged.v);
		e = journal_of(f);
		assert_string_equal(e.v[e.n - 1].kind, "codecommit.pull");
		assert_non_null(strstr(e.v[e.n - 1].detail, "pullRequestMergeStatusUpdated"));
		assert_string_equal(e.v[e.n - 2].kind, "codecommit.ref");
	}
}

static void test_no_event_without_a_change(void **state)
{
	struct fixture *f = *state;
	struct setting s = prepare(f);
	size_t before = journal_of(f).n;

	change_until(f, &s, "refs/heads/main", s.second, AFTER_FINISH);
	change_until(f, &s, "refs/heads/none", NULL, AFTER_FINISH);
	assert_int_equal(journal_of(f).n, before);
}

static void test_deleted_repository_has_no_events(void **state)
{
	struct fixture *f = *state;
	struct setting s = prepare(f);
	struct codecommit_delete_repository_request req = {.repository_name = "shop-api"};
	struct codecommit_delete_repository_response resp = {0};
	size_t before = journal_of(f).n;

	change_until(f, &s, "refs/heads/x", s.first, AFTER_APPLY);
	OK(source_delete_repository(f->e, &f->call, &req, &resp, E));
	assert_string_equal(resp.repository_id, s.id);
	OK((int)durable_run(f->d, false, 0, E));
	assert_false(file_exists(s.path));
	stop_engine(f);
	start_engine(f);
	assert_int_equal(journal_of(f).n, before);
	resp.repository_id = NULL;
	OK(source_delete_repository(f->e, &f->call, &req, &resp, E));
	assert_null(resp.repository_id);
}

static void test_stale_lock_is_removed_after_a_crash(void **state)
{
	struct fixture *f = *state;
	struct setting s = prepare(f);

	change_until(f, &s, "refs/heads/main", s.first, AFTER_BEGIN);
	OK(file_write_atomic(
		arena_printf(&f->arena, "%s/refs/heads/main.lock", s.path), VIEW(""), 0644, E));
	stop_engine(f);
	start_engine(f);
	put(f, "shop-api", "main", s.second, "b", "3");
}

static void test_sweep(void **state)
{
	struct fixture *f = *state;
	const char *id = create(f, "shop-api");
	char *orphan = source_path(f->e, "0000", &f->arena),
	     *mine = source_path(f->e, id, &f->arena);

	OK(vcs_repository_create(orphan, E));
	stop_engine(f);
	start_engine(f);
	f->e->started_usec = INT64_MAX;
	OK((int)durable_run(f->d, false, 0, E));
	assert_false(file_exists(orphan));
	assert_true(file_exists(mine));
}

static void test_locks(void **state)
{
	struct ref_locks l;
	static const char *const a[] = {"refs/heads/a"},
				 *const ab[] = {"refs/heads/a", "refs/heads/b"},
				 *const c[] = {"refs/heads/c"};
	struct err err = ERR_INIT;

	(void)state;
	ref_locks_init(&l);
	OK(ref_locks_take(&l, "r", a, 1, 0, E));
	assert_int_equal(ref_locks_take(&l, "r", ab, 2, 1000, &err), -1);
	assert_int_equal(err.kind, ERR_BUSY);
	assert_int_equal(ref_locks_take(&l, "r", NULL, 0, 1000, &err), -1);
	OK(ref_locks_take(&l, "s", ab, 2, 0, E));
	OK(ref_locks_take(&l, "r", c, 1, 0, E));
	ref_locks_give(&l, "r", a, 1);
	ref_locks_give(&l, "r", c, 1);
	OK(ref_locks_take(&l, "r", NULL, 0, 0, E));
	assert_int_equal(ref_locks_take(&l, "r", c, 1, 0, &err), -1);
	ref_locks_give(&l, "r", NULL, 0);
	ref_locks_give(&l, "s", ab, 2);
	assert_int_equal(l.held.count, 0);
	assert_int_equal(l.counts.count, 0);
	ref_locks_release(&l);
	err_release(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_crashes_of_a_creation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crashes_of_an_update, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crashes_of_a_deletion, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_pull_requests_follow_after_a_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_unsettled_change_is_settled_before_the_next, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_event_without_a_change, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_deleted_repository_has_no_events, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_stale_lock_is_removed_after_a_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sweep, setup, teardown),
		cmocka_unit_test(test_locks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
