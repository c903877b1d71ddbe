/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that are kept until something is committed. With a shared database none are. */
#include "db/memo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"

#define MAX_BYTES 100

struct fixture {
	struct db *db;
	struct db_memo *memo;
	struct arena arena;
	char dir[64];
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	const char *url = getenv("TOWPATH_TEST_DB");
	char *sqlite CLEANUP(freep) = NULL;
	struct err err = ERR_INIT;

	snprintf(f->dir, sizeof(f->dir), "/tmp/towpath-memo-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	sqlite = xasprintf("sqlite:%s/test.db", f->dir);
	if (db_open(url ? url : sqlite, &f->db, &err) < 0)
		fail_msg("%s", err_message(&err));
	f->memo = db_memo_new(f->db, MAX_BYTES);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	db_memo_free(f->memo);
	db_close(f->db);
	arena_release(&f->arena);
	file_remove_tree(f->dir, NULL);
	free(f);
	return 0;
}

static int change(struct db_tx *tx, void *arg, struct err *err)
{
	(void)arg;
	return db_exec(
		tx, "CREATE TABLE IF NOT EXISTS memo_test(n INTEGER)", DB_NO_ARGS, NULL, err);
}

/* What the memo knows, or NULL; *ret_version is for db_memo_put(). */
static const char *known(struct fixture *f, const char *key, uint64_t *ret_version)
{
	struct view v;

	return db_memo_get(f->memo, key, &f->arena, &v, ret_version) ? v.p : NULL;
}

static void an_answer_lasts_until_a_commit(void **state)
{
	struct fixture *f = *state;
	uint64_t version;

	assert_null(known(f, "a", &version));
	db_memo_put(f->memo, "a", version, VIEW("one"));
	if (db_is_shared(f->db)) {
		assert_null(known(f, "a", &version));
		return;
	}
	assert_string_equal(known(f, "a", &version), "one");
	assert_null(known(f, "b", &version));
	assert_int_equal(db_write(f->db, change, NULL, NULL), 0);
	assert_null(known(f, "a", &version));
	db_memo_put(f->memo, "a", version, VIEW("two"));
	assert_string_equal(known(f, "a", &version), "two");
}

static void an_answer_read_before_a_commit_is_not_kept(void **state)
{
	struct fixture *f = *state;
	uint64_t before, version;

	assert_null(known(f, "a", &before));
	assert_int_equal(db_write(f->db, change, NULL, NULL), 0);
	db_memo_put(f->memo, "a", before, VIEW("old"));
	assert_null(known(f, "a", &version));
}

static int in_commit(void *arg, uint64_t commit)
{
	(void)arg;
	(void)commit;
	return 1;
}

static void a_failed_commit_ends_answers_or_changes_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t version, after;
	const char *text;

	if (db_is_shared(f->db))
		return;
	assert_null(known(f, "a", &version));
	db_memo_put(f->memo, "a", version, VIEW("one"));
	db_set_commit_hook(f->db, in_commit, NULL);
	assert_int_equal(db_write(f->db, change, NULL, NULL), -1);
	db_set_commit_hook(f->db, NULL, NULL);
	text = known(f, "a", &after);
	assert_true(!text || strcmp(text, "one") == 0);
	assert_true(after != 0);
}

static void no_more_than_the_limit_is_kept(void **state)
{
	struct fixture *f = *state;
	char big[MAX_BYTES + 1] = {0};
	uint64_t version;

	if (db_is_shared(f->db))
		return;
	assert_null(known(f, "big", &version));
	db_memo_put(f->memo, "big", version, (struct view){big, sizeof(big)});
	assert_null(known(f, "big", &version));
	db_memo_put(f->memo, "x", version, (struct view){big, 60});
	db_memo_put(f->memo, "y", version, (struct view){big, 60});
	assert_null(known(f, "x", &version));
	assert_non_null(known(f, "y", &version));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_answer_lasts_until_a_commit),
		CASE(an_answer_read_before_a_commit_is_not_kept),
		CASE(a_failed_commit_ends_answers_or_changes_nothing),
		CASE(no_more_than_the_limit_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
