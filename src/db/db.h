/* SPDX-License-Identifier: Apache-2.0 */
/* One database interface, two implementations: SQLite (WAL, full sync) and PostgreSQL.
 *
 * A unit of work is a function that gets a transaction. It may be run more than once (a
 * serialization failure, a failed group commit), so it must change nothing but the database and
 * what its argument points to, and must start anew each time.
 *
 * SQL is the common subset of both, with `?1 ?2 ...` placeholders; types: INTEGER (64 bit), TEXT,
 * BLOB, REAL. Only store/ and durable/ contain SQL. */
#ifndef TOWPATH_DB_DB_H
#define TOWPATH_DB_DB_H

#include "base/arena.h"
#include "base/err.h"
#include "base/view.h"

struct db;
struct db_tx;
struct db_rows;

enum db_type { DB_T_NULL, DB_T_INT, DB_T_REAL, DB_T_TEXT, DB_T_BLOB };

struct db_val {
	enum db_type type;
	int64_t i;
	double d;
	struct view bytes; /* borrowed for the call */
};

#define DB_NULL ((struct db_val){.type = DB_T_NULL})
#define DB_INT(x) ((struct db_val){.type = DB_T_INT, .i = (x)})
#define DB_REAL(x) ((struct db_val){.type = DB_T_REAL, .d = (x)})
/* NULL text becomes NULL. */
static inline struct db_val DB_TEXT(const char *s) {
	return s ? (struct db_val){.type = DB_T_TEXT, .bytes = view_of(s)} : DB_NULL;
}
#define DB_TEXT_VIEW(x) ((struct db_val){.type = DB_T_TEXT, .bytes = (x)})
#define DB_BLOB(x) ((struct db_val){.type = DB_T_BLOB, .bytes = (x)})

/* The parameters of a statement: DB_ARGS(DB_TEXT(name), DB_INT(now)); DB_NO_ARGS for none. */
struct db_args {
	const struct db_val *v;
	size_t n;
};
#define DB_ARGS(...)                                            \
	((struct db_args){(const struct db_val[]){__VA_ARGS__}, \
		sizeof((const struct db_val[]){__VA_ARGS__}) / sizeof(struct db_val)})
#define DB_NO_ARGS ((struct db_args){NULL, 0})

/* Opens "sqlite:/path/to/file" (created when missing) or "postgres://..." (a libpq URL).
 * Safe for use by any number of threads. ERR_UNAVAILABLE when the server cannot be reached. */
int db_open(const char *url, struct db **ret, struct err *err);
struct db *db_close(struct db *db);
DEFINE_FREEP(struct db, db_close)

/* 0: commit; -1: roll back and hand *err to the caller. */
typedef int (*db_fn)(struct db_tx *tx, void *arg, struct err *err);

/* Runs fn in a read-write transaction and returns after it is committed and synced. Writers of
 * the same moment share one sync (group commit): each keeps its own savepoint, so that one that
 * fails takes nothing of the others with it. fn may run on another thread. */
int db_write(struct db *db, db_fn fn, void *arg, struct err *err);
/* Runs fn on a consistent snapshot; writing there is an error. */
int db_read(struct db *db, db_fn fn, void *arg, struct err *err);
/* Whether the database answers. */
int db_ping(struct db *db, struct err *err);

/* Runs a statement; *ret_changed (may be NULL) gets the number of rows it changed. A violated
 * unique or foreign key is ERR_CONFLICT. */
int db_exec(struct db_tx *tx, const char *sql, struct db_args args, int64_t *ret_changed,
	struct err *err);
/* After an error from db_exec, db_query or db_next the unit must return -1: the transaction is
 * lost (use ON CONFLICT DO NOTHING where a conflict is expected). */
/* Starts a query (or a statement with RETURNING); the caller closes the rows before the transaction
 * ends. */
int db_query(struct db_tx *tx, const char *sql, struct db_args args, struct db_rows **ret,
	struct err *err);
/* Steps to the next row: 1 there is one, 0 no more, -1 error. */
int db_next(struct db_rows *rows, struct err *err);
struct db_rows *db_rows_close(struct db_rows *rows);
DEFINE_FREEP(struct db_rows, db_rows_close)
#define CLEANUP_ROWS CLEANUP(db_rows_closep)

/* Columns of the current row, from 0. Borrowed until the next db_next(). */
bool db_col_null(const struct db_rows *rows, int col);
int64_t db_col_int(const struct db_rows *rows, int col);       /* NULL: 0 */
double db_col_real(const struct db_rows *rows, int col);       /* NULL: 0 */
struct view db_col_bytes(const struct db_rows *rows, int col); /* text or blob; NULL: p == NULL */
/* A copy in the arena, NUL-terminated; NULL for NULL. */
char *db_col_text(const struct db_rows *rows, int col, struct arena *a);

/* A migration step: its SQL statements, separated by ";\n". Steps are applied once, in order, and
 * recorded; a database with steps of the component that the program does not know is refused.
 * Column types: INTEGER, TEXT, BLOB, REAL; "INTEGER PRIMARY KEY AUTOINCREMENT" for numbered rows
 * (use RETURNING to learn the number). The PostgreSQL driver translates these. */
struct db_migration {
	const char *name; /* unique within the component, e.g. "1-create" */
	const char *sql;
};
int db_migrate(struct db *db, const char *component, const struct db_migration *steps, size_t n,
	struct err *err);

/* A pointer for the layer above (durable/), valid for this run of the unit. */
void db_tx_set_context(struct db_tx *tx, void *context);
void *db_tx_context(const struct db_tx *tx);

/* Copies the whole database, consistent at one moment, to a new file (SQLite only; for
 * PostgreSQL: ERR_UNSUPPORTED with a hint to pg_dump). */
int db_backup(struct db *db, const char *path, struct err *err);

/* True for PostgreSQL, where several servers may share the database. */
bool db_is_shared(const struct db *db);

/* Names a state of the database: the same number before and after means that nothing was committed
 * between. 0 when that cannot be said: while a commit is under way, and always where several
 * servers share the database. */
uint64_t db_version(const struct db *db);

/* Fault injection for tests: called before each commit with its number, counted from 1; a
 * nonzero answer makes that commit fail; the hook may also end the process. */
void db_set_commit_hook(struct db *db, int (*hook)(void *arg, uint64_t commit), void *arg);
/* Commits (syncs) so far, and units of work in them. */
void db_commit_stats(struct db *db, uint64_t *ret_commits, uint64_t *ret_units);

#endif
