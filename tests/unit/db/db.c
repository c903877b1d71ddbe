/* SPDX-License-Identifier: Apache-2.0 */
/* The database interface, against SQLite and, when TOWPATH_TEST_DB names one, PostgreSQL. */
#include "db/db.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"

struct fixture {
	struct db *db;
	char dir[64];
};

static const struct db_migration tables[] = {
	{"1-create", "CREATE TABLE thing(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, "
		     "n INTEGER, x REAL, bytes BLOB)"},
	{"2-more", "ALTER TABLE thing ADD COLUMN extra TEXT"},
};

static int run_sql(struct db_tx *tx, void *arg, struct err *err)
{
	return db_exec(tx, arg, DB_NO_ARGS, NULL, err);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	const char *url = getenv("TOWPATH_TEST_DB");
	char *sqlite CLEANUP(freep) = NULL;
	struct err err = ERR_INIT;

	snprintf(f->dir, sizeof(f->dir), "/tmp/towpath-db-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	sqlite = xasprintf("sqlite:%s/test.db", f->dir);
	if (db_open(url ? url : sqlite, &f->db, &err) < 0)
		fail_msg("%s", err_message(&err));
	db_write(f->db, run_sql, (void *)"DROP TABLE IF EXISTS thing", NULL);
	db_write(f->db, run_sql, (void *)"DROP TABLE IF EXISTS schema_step", NULL);
	if (db_migrate(f->db, "test", tables, 1, &err) < 0)
		fail_msg("%s", err_message(&err));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	db_close(f->db);
	file_remove_tree(f->dir, NULL);
	free(f);
	return 0;
}

static int insert_all_types(struct db_tx *tx, void *arg, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	if (db_query(tx,
		    "INSERT INTO thing(name, n, x, bytes) VALUES (?1, ?2, ?3, ?4) RETURNING id",
		    DB_ARGS(DB_TEXT("a ' quote"), DB_INT(-9007199254740993), DB_REAL(0.1),
			    DB_BLOB(((struct view){"\0\xff\n", 3}))),
		    &rows, err) < 0)
		return -1;
	assert_int_equal(db_next(rows, err), 1);
	*(int64_t *)arg = db_col_int(rows, 0);
	return 0;
}

static int read_all_types(struct db_tx *tx, void *arg, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	struct arena a CLEANUP_ARENA = ARENA_INIT;

	assert_int_equal(db_query(tx, "SELECT name, n, x, bytes, NULL FROM thing WHERE id = ?1",
				 DB_ARGS(DB_INT(*(int64_t *)arg)), &rows, err),
		0);
	assert_int_equal(db_next(rows, err), 1);
	assert_string_equal(db_col_text(rows, 0, &a), "a ' quote");
	assert_true(db_col_int(rows, 1) == -9007199254740993);
	assert_true(db_col_real(rows, 2) == 0.1);
	assert_true(view_eq(db_col_bytes(rows, 3), (struct view){"\0\xff\n", 3}));
	assert_true(db_col_null(rows, 4) && !db_col_text(rows, 4, &a));
	assert_false(db_col_null(rows, 0));
	assert_int_equal(db_next(rows, err), 0);
	return 0;
}

static void test_types(void **state)
{
	struct fixture *f = *state;
	int64_t id;

	assert_int_equal(db_write(f->db, insert_all_types, &id, NULL), 0);
	assert_int_equal(db_read(f->db, read_all_types, &id, NULL), 0);
}

static int insert_named(struct db_tx *tx, void *arg, struct err *err)
{
	return db_exec(tx, "INSERT INTO thing(name) VALUES (?1)", DB_ARGS(DB_TEXT(arg)), NULL, err);
}

static int insert_then_fail(struct db_tx *tx, void *arg, struct err *err)
{
	if (insert_named(tx, arg, err) < 0)
		return -1;
	return err_set(err, ERR_INVALID, "changed my mind");
}

static int count(struct db_tx *tx, void *arg, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	if (db_query(tx, "SELECT COUNT(*) FROM thing", DB_NO_ARGS, &rows, err) < 0)
		return -1;
	assert_int_equal(db_next(rows, err), 1);
	*(int64_t *)arg = db_col_int(rows, 0);
	return 0;
}

static int64_t count_things(struct db *db)
{
	int64_t n = -1;

	assert_int_equal(db_read(db, count, &n, NULL), 0);
	return n;
}

static void test_failed_unit_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct err err CLEANUP_ERR = ERR_INIT;

	assert_int_equal(db_write(f->db, insert_then_fail, (void *)"x", &err), -1);
	assert_string_equal(err_message(&err), "changed my mind");
	assert_int_equal(count_things(f->db), 0);
}

static void test_conflict(void **state)
{
	struct fixture *f = *state;
	struct err err CLEANUP_ERR = ERR_INIT;

	assert_int_equal(db_write(f->db, insert_named, (void *)"same", NULL), 0);
	assert_int_equal(db_write(f->db, insert_named, (void *)"same", &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(count_things(f->db), 1);
}

struct writer {
	struct db *db;
	int number, failures;
};

/* Every third unit fails; the others of the same group commit must last. */
static void *write_many(void *arg)
{
	struct writer *w = arg;

	for (int i = 0; i < 200; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%d-%d", w->number, i);
		if (db_write(w->db, i % 3 == 0 ? insert_then_fail : insert_named, name, NULL) < 0)
			w->failures++;
	}
	return NULL;
}

static void test_group_commit(void **state)
{
	struct fixture *f = *state;
	struct writer w[8];
	pthread_t threads[8];
	uint64_t before, after, units;

	db_commit_stats(f->db, &before, &units);
	for (int i = 0; i < 8; i++) {
		w[i] = (struct writer){f->db, i, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, &w[i]), 0);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(w[i].failures, 67);
	}
	db_commit_stats(f->db, &after, &units);
	assert_int_equal(count_things(f->db), 8 * 133);
	assert_true(after - before <= 8 * 200);
}

static int fail_commit(void *arg, uint64_t number)
{
	(void)number;
	return *(int *)arg;
}

static void test_failed_commit(void **state)
{
	struct fixture *f = *state;
	struct err err CLEANUP_ERR = ERR_INIT;
	int failing = 1;

	db_set_commit_hook(f->db, fail_commit, &failing);
	assert_int_equal(db_write(f->db, insert_named, (void *)"lost", &err), -1);
	failing = 0;
	assert_int_equal(count_things(f->db), 0);
	assert_int_equal(db_write(f->db, insert_named, (void *)"kept", NULL), 0);
	assert_int_equal(count_things(f->db), 1);
}

static void test_migrations(void **state)
{
	struct fixture *f = *state;
	struct err err CLEANUP_ERR = ERR_INIT;

	assert_int_equal(db_migrate(f->db, "test", tables, 2, &err), 0);
	assert_int_equal(db_migrate(f->db, "test", tables, 2, &err), 0);
	assert_int_equal(db_migrate(f->db, "test", tables, 1, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_non_null(strstr(err_message(&err), "2-more"));
	assert_non_null(err.hint);
}

static void test_bad_url(void **state)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	struct db *db;

	(void)state;
	assert_int_equal(db_open("mysql://x", &db, &err), -1);
	assert_int_equal(err.kind, ERR_INVALID);
	assert_int_equal(db_open("sqlite:/nowhere/at/all.db", &db, &err), -1);
	assert_non_null(strstr(err_message(&err), "/nowhere/at/all.db"));
	assert_int_equal(db_open("postgres://127.0.0.1:1/none", &db, &err), -1);
	assert_int_equal(err.kind, ERR_UNAVAILABLE);
}

static void test_backup(void **state)
{
	struct fixture *f = *state;
	struct err err CLEANUP_ERR = ERR_INIT;
	char *path CLEANUP(freep) = xasprintf("%s/copy.db", f->dir);
	char *url CLEANUP(freep) = xasprintf("sqlite:%s", path);
	struct db *copy CLEANUP(db_closep) = NULL;

	db_write(f->db, insert_named, (void *)"one", NULL);
	if (db_is_shared(f->db)) {
		assert_int_equal(db_backup(f->db, path, &err), -1);
		assert_int_equal(err.kind, ERR_UNSUPPORTED);
		return;
	}
	assert_int_equal(db_backup(f->db, path, &err), 0);
	assert_int_equal(db_open(url, &copy, &err), 0);
	assert_int_equal(count_things(copy), 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_types),
		CASE(test_failed_unit_leaves_nothing),
		CASE(test_conflict),
		CASE(test_group_commit),
		CASE(test_failed_commit),
		CASE(test_migrations),
		cmocka_unit_test(test_bad_url),
		CASE(test_backup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
