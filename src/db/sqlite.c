/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite in WAL mode with full sync: what was committed survives power loss
 * (https://www.sqlite.org/wal.html, https://www.sqlite.org/pragma.html#pragma_synchronous). */
#include <sqlite3.h>

#include "base/map.h"
#include "base/mem.h"
#include "db/driver.h"

#define MAX_CACHED_STATEMENTS 256
#define BUSY_TIMEOUT_MSEC 10000

struct statement {
	sqlite3_stmt *stmt;
	bool busy, cached;
};

struct sqlite_conn {
	struct db_conn head;
	sqlite3 *handle;
	struct map statements; /* SQL text -> struct statement */
};

struct sqlite_rows {
	struct db_rows head;
	struct sqlite_conn *conn;
	struct statement *st;
};

static int fail(sqlite3 *handle, int code, const char *what, struct err *err)
{
	const char *why = handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
	enum err_kind kind = ERR_IO;

	switch (code & 0xff) {
	case SQLITE_CONSTRAINT:
		kind = ERR_CONFLICT;
		break;
	case SQLITE_FULL:
		kind = ERR_DISK_FULL;
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		kind = ERR_BUSY;
		break;
	case SQLITE_CANTOPEN:
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		kind = ERR_UNAVAILABLE;
		break;
	}
	return err_set(err, kind, "database: %.200s: %s", what, why);
}

static int sqlite_run(struct db_conn *c, const char *sql, struct err *err);
static int sqlite_exec(struct db_conn *c, const char *sql, struct db_args args,
	int64_t *ret_changed, struct err *err);

static void sqlite_disconnect(struct db_conn *c)
{
	struct sqlite_conn *conn = (struct sqlite_conn *)c;

	map_foreach (it, &conn->statements) {
		struct statement *st = it->value;

		sqlite3_finalize(st->stmt);
		free(st);
	}
	map_release(&conn->statements);
	sqlite3_close(conn->handle);
	free(conn);
}

static int setup(struct sqlite_conn *conn, bool read_only, struct err *err)
{
	static const char *const pragmas[] = {
		"PRAGMA journal_mode = WAL",
		"PRAGMA synchronous = FULL",
		"PRAGMA foreign_keys = ON",
		"PRAGMA cache_size = -2048",
		"PRAGMA wal_autocheckpoint = 2000",
	};

	sqlite3_busy_timeout(conn->handle, BUSY_TIMEOUT_MSEC);
	sqlite3_extended_result_codes(conn->handle, 1);
	/* A reader must not change the file's mode, only its own settings. */
	for (size_t i = read_only ? 1 : 0; i < ARRAY_SIZE(pragmas); i++)
		if (sqlite_run(&conn->head, pragmas[i], err) < 0)
			return -1;
	return 0;
}

static int sqlite_connect(const char *url, bool read_only, struct db_conn **ret, struct err *err)
{
	const char *path = strchr(url, ':') + 1;
	struct sqlite_conn *conn = xcalloc(1, sizeof(*conn));
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
	int code;

	if (!read_only)
		flags |= SQLITE_OPEN_CREATE;
	code = sqlite3_open_v2(path, &conn->handle, flags, NULL);
	if (code != SQLITE_OK) {
		fail(conn->handle, code, path, err);
		err_hint(err, "check that the folder exists and is writable");
		sqlite_disconnect(&conn->head);
		return -1;
	}
	if (setup(conn, read_only, err) < 0) {
		sqlite_disconnect(&conn->head);
		return -1;
	}
	*ret = &conn->head;
	return 0;
}

/* What begins and ends transactions is run all the time, so it is worth keeping prepared. */
static bool is_control(const char *sql)
{
	static const char *const words[] = {"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (starts_with(sql, words[i]))
			return true;
	return false;
}

static int sqlite_run(struct db_conn *c, const char *sql, struct err *err)
{
	struct sqlite_conn *conn = (struct sqlite_conn *)c;
	int64_t changed;
	int code;

	if (is_control(sql))
		return sqlite_exec(c, sql, DB_NO_ARGS, &changed, err);
	code = sqlite3_exec(conn->handle, sql, NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : fail(conn->handle, code, sql, err);
}

static bool sqlite_in_transaction(struct db_conn *c)
{
	return !sqlite3_get_autocommit(((struct sqlite_conn *)c)->handle);
}

static bool sqlite_is_broken(struct db_conn *c)
{
	return sqlite_in_transaction(c);
}

/* A prepared statement, from the cache when it is free there; NULL on error. */
static struct statement *prepare(struct sqlite_conn *conn, const char *sql, struct err *err)
{
	struct statement *st = map_get(&conn->statements, sql);
	bool known = st != NULL;
	int code;

	if (st && !st->busy) {
		st->busy = true;
		return st;
	}
	st = xcalloc(1, sizeof(*st));
	code = sqlite3_prepare_v3(
		conn->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &st->stmt, NULL);
	if (code != SQLITE_OK) {
		free(st);
		fail(conn->handle, code, sql, err);
		return NULL;
	}
	st->busy = true;
	st->cached = !known && conn->statements.count < MAX_CACHED_STATEMENTS;
	if (st->cached)
		map_set(&conn->statements, sql, st);
	return st;
}

static void give_back(struct statement *st)
{
	sqlite3_reset(st->stmt);
	sqlite3_clear_bindings(st->stmt);
	st->busy = false;
	if (!st->cached) {
		sqlite3_finalize(st->stmt);
		free(st);
	}
}

static int bind_one(sqlite3_stmt *stmt, int index, const struct db_val *v)
{
	const char *bytes = v->bytes.p ? v->bytes.p : "";

	switch (v->type) {
	case DB_T_NULL:
		return sqlite3_bind_null(stmt, index);
	case DB_T_INT:
		return sqlite3_bind_int64(stmt, index, v->i);
	case DB_T_REAL:
		return sqlite3_bind_double(stmt, index, v->d);
	case DB_T_TEXT:
		return sqlite3_bind_text64(
			stmt, index, bytes, v->bytes.len, SQLITE_TRANSIENT, SQLITE_UTF8);
	case DB_T_BLOB:
		return sqlite3_bind_blob64(stmt, index, bytes, v->bytes.len, SQLITE_TRANSIENT);
	}
	BUG("unknown type of parameter %d", index);
}

/* A statement with its parameters, ready to step; NULL on error. */
static struct statement *start(
	struct sqlite_conn *conn, const char *sql, struct db_args args, struct err *err)
{
	struct statement *st = prepare(conn, sql, err);

	for (size_t i = 0; st && i < args.n; i++) {
		int code = bind_one(st->stmt, (int)i + 1, &args.v[i]);

		if (code != SQLITE_OK) {
			fail(conn->handle, code, sql, err);
			give_back(st);
			st = NULL;
		}
	}
	return st;
}

static int sqlite_exec(struct db_conn *c, const char *sql, struct db_args args,
	int64_t *ret_changed, struct err *err)
{
	struct sqlite_conn *conn = (struct sqlite_conn *)c;
	struct statement *st = start(conn, sql, args, err);
	int code;

	if (!st)
		return -1;
	do {
		code = sqlite3_step(st->stmt);
	} while (code == SQLITE_ROW);
	*ret_changed = sqlite3_changes64(conn->handle);
	if (code != SQLITE_DONE)
		fail(conn->handle, code, sql, err);
	give_back(st);
	return code == SQLITE_DONE ? 0 : -1;
}

static int sqlite_query(struct db_conn *c, const char *sql, struct db_args args,
	struct db_rows **ret, struct err *err)
{
	struct sqlite_conn *conn = (struct sqlite_conn *)c;
	struct sqlite_rows *rows;
	struct statement *st = start(conn, sql, args, err);

	if (!st)
		return -1;
	rows = xcalloc(1, sizeof(*rows));
	rows->conn = conn;
	rows->st = st;
	*ret = &rows->head;
	return 0;
}

static int sqlite_next(struct db_rows *r, struct err *err)
{
	struct sqlite_rows *rows = (struct sqlite_rows *)r;
	int code = sqlite3_step(rows->st->stmt);

	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	return fail(rows->conn->handle, code, sqlite3_sql(rows->st->stmt), err);
}

static void sqlite_close(struct db_rows *r)
{
	struct sqlite_rows *rows = (struct sqlite_rows *)r;

	give_back(rows->st);
	free(rows);
}

static sqlite3_stmt *stmt_of(const struct db_rows *r)
{
	return ((const struct sqlite_rows *)r)->st->stmt;
}

static bool sqlite_col_null(const struct db_rows *r, int col)
{
	return sqlite3_column_type(stmt_of(r), col) == SQLITE_NULL;
}

static int64_t sqlite_col_int(const struct db_rows *r, int col)
{
	return sqlite3_column_int64(stmt_of(r), col);
}

static double sqlite_col_real(const struct db_rows *r, int col)
{
	return sqlite3_column_double(stmt_of(r), col);
}

static struct view sqlite_col_bytes(const struct db_rows *r, int col)
{
	sqlite3_stmt *stmt = stmt_of(r);
	const char *p;

	if (sqlite3_column_type(stmt, col) == SQLITE_NULL)
		return (struct view){NULL, 0};
	p = sqlite3_column_blob(stmt, col);
	return (struct view){p ? p : "", (size_t)sqlite3_column_bytes(stmt, col)};
}

static char *sqlite_translate(const char *sql)
{
	return xstrdup(sql);
}

static int sqlite_backup(struct db_conn *c, const char *path, struct err *err)
{
	sqlite3 *target = NULL;
	sqlite3_backup *copy;
	int code = sqlite3_open_v2(path, &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);

	if (code == SQLITE_OK) {
		copy = sqlite3_backup_init(
			target, "main", ((struct sqlite_conn *)c)->handle, "main");
		if (copy) {
			sqlite3_backup_step(copy, -1);
			sqlite3_backup_finish(copy);
		}
		code = sqlite3_errcode(target);
	}
	if (code != SQLITE_OK)
		fail(target, code, path, err);
	sqlite3_close(target);
	return code == SQLITE_OK ? 0 : -1;
}

const struct db_driver db_sqlite_driver = {
	.scheme = "sqlite",
	.connect = sqlite_connect,
	.disconnect = sqlite_disconnect,
	.run = sqlite_run,
	.begin_write = "BEGIN IMMEDIATE",
	.begin_read = "BEGIN",
	.in_transaction = sqlite_in_transaction,
	.is_broken = sqlite_is_broken,
	.exec = sqlite_exec,
	.query = sqlite_query,
	.next = sqlite_next,
	.close = sqlite_close,
	.col_null = sqlite_col_null,
	.col_int = sqlite_col_int,
	.col_real = sqlite_col_real,
	.col_bytes = sqlite_col_bytes,
	.translate = sqlite_translate,
	.backup = sqlite_backup,
};
