/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL through libpq. Writers of all servers take one advisory lock for the length of their
 * (grouped) transaction, so that they are serial as in SQLite: what a unit read still holds when
 * it commits, and journal numbers become visible in their order. */
#include <libpq-fe.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/driver.h"

#define MAX_PARAMS 64
#define MAX_CACHED_STATEMENTS 512

/* Type numbers of the server's catalogue (pg_type.dat). */
enum { OID_BYTEA = 17, OID_INT8 = 20, OID_TEXT = 25, OID_FLOAT8 = 701 };

struct pg_conn {
	struct db_conn head;
	PGconn *handle;
	struct map texts; /* SQL with ?N -> the same with $N */
};

struct pg_rows {
	struct db_rows head;
	PGresult *result;
	int row, n_rows;
	unsigned char **unescaped; /* bytea cells that were asked for, to be freed */
	size_t n_unescaped;
};

static int fail(struct pg_conn *conn, const PGresult *result, const char *what, struct err *err)
{
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	const char *text = result ? PQresultErrorMessage(result) : PQerrorMessage(conn->handle);
	enum err_kind kind = ERR_IO;
	struct view line = view_trim(view_of(text));

	if (!state || PQstatus(conn->handle) != CONNECTION_OK)
		kind = ERR_UNAVAILABLE;
	else if (starts_with(state, "23"))
		kind = ERR_CONFLICT;
	else if (streq(state, "53100"))
		kind = ERR_DISK_FULL;
	else if (starts_with(state, "40"))
		kind = ERR_BUSY;
	return err_set(err, kind, "database: %.200s: " VIEW_FMT, what, VIEW_ARG(line));
}

static void pg_disconnect(struct db_conn *c)
{
	struct pg_conn *conn = (struct pg_conn *)c;

	map_release_with(&conn->texts, free);
	PQfinish(conn->handle);
	free(conn);
}

static void ignore_notice(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

static int pg_connect(const char *url, bool read_only, struct db_conn **ret, struct err *err)
{
	struct pg_conn *conn = xcalloc(1, sizeof(*conn));

	(void)read_only; /* the transaction says it */
	conn->handle = PQconnectdb(url);
	if (PQstatus(conn->handle) != CONNECTION_OK) {
		struct view why = view_trim(view_of(PQerrorMessage(conn->handle)));

		err_set(err, ERR_UNAVAILABLE, "cannot connect to PostgreSQL: " VIEW_FMT,
			VIEW_ARG(why));
		pg_disconnect(&conn->head);
		return -1;
	}
	PQsetNoticeReceiver(conn->handle, ignore_notice, NULL);
	*ret = &conn->head;
	return 0;
}

static int pg_run(struct db_conn *c, const char *sql, struct err *err)
{
	struct pg_conn *conn = (struct pg_conn *)c;
	PGresult *result = PQexec(conn->handle, sql);
	ExecStatusType status = PQresultStatus(result);
	int r = 0;

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		r = fail(conn, result, sql, err);
	PQclear(result);
	return r;
}

static bool pg_in_transaction(struct db_conn *c)
{
	PGTransactionStatusType status = PQtransactionStatus(((struct pg_conn *)c)->handle);

	return status == PQTRANS_INTRANS || status == PQTRANS_INERROR || status == PQTRANS_ACTIVE;
}

static bool pg_is_broken(struct db_conn *c)
{
	return PQstatus(((struct pg_conn *)c)->handle) != CONNECTION_OK || pg_in_transaction(c);
}

/* The statement with $N for ?N, kept with the connection. */
static const char *numbered(struct pg_conn *conn, const char *sql, char **ret_owned)
{
	char *text = map_get(&conn->texts, sql);

	*ret_owned = NULL;
	if (text)
		return text;
	text = xstrdup(sql);
	for (char *p = text; *p; p++)
		if (*p == '?' && p[1] >= '0' && p[1] <= '9')
			*p = '$';
	if (conn->texts.count < MAX_CACHED_STATEMENTS)
		map_set(&conn->texts, sql, text);
	else
		*ret_owned = text;
	return text;
}

struct params {
	Oid types[MAX_PARAMS];
	const char *values[MAX_PARAMS];
	int lengths[MAX_PARAMS], formats[MAX_PARAMS];
	char numbers[MAX_PARAMS][32];
	char *copies[MAX_PARAMS];
};

static void fill_param(struct params *p, size_t i, const struct db_val *v)
{
	switch (v->type) {
	case DB_T_NULL:
		return;
	case DB_T_INT:
		p->types[i] = OID_INT8;
		snprintf(p->numbers[i], sizeof(p->numbers[i]), "%lld", (long long)v->i);
		p->values[i] = p->numbers[i];
		return;
	case DB_T_REAL:
		p->types[i] = OID_FLOAT8;
		snprintf(p->numbers[i], sizeof(p->numbers[i]), "%.17g", v->d);
		p->values[i] = p->numbers[i];
		return;
	case DB_T_TEXT:
		p->types[i] = OID_TEXT;
		p->copies[i] = xstrndup(v->bytes.p ? v->bytes.p : "", v->bytes.len);
		p->values[i] = p->copies[i];
		return;
	case DB_T_BLOB:
		p->types[i] = OID_BYTEA;
		p->values[i] = v->bytes.p ? v->bytes.p : "";
		p->lengths[i] = (int)v->bytes.len;
		p->formats[i] = 1;
		return;
	}
}

static PGresult *send(struct pg_conn *conn, const char *sql, struct db_args args)
{
	struct params p = {0};
	char *owned CLEANUP(freep) = NULL;
	const char *text = numbered(conn, sql, &owned);
	PGresult *result;

	BUG_ON(args.n > MAX_PARAMS);
	for (size_t i = 0; i < args.n; i++)
		fill_param(&p, i, &args.v[i]);
	result = PQexecParams(
		conn->handle, text, (int)args.n, p.types, p.values, p.lengths, p.formats, 0);
	for (size_t i = 0; i < args.n; i++)
		free(p.copies[i]);
	return result;
}

static int pg_exec(struct db_conn *c, const char *sql, struct db_args args, int64_t *ret_changed,
	struct err *err)
{
	struct pg_conn *conn = (struct pg_conn *)c;
	PGresult *result = send(conn, sql, args);
	ExecStatusType status = PQresultStatus(result);
	int r = 0;

	*ret_changed = 0;
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		*ret_changed = strtoll(PQcmdTuples(result), NULL, 10);
	else
		r = fail(conn, result, sql, err);
	PQclear(result);
	return r;
}

static int pg_query(struct db_conn *c, const char *sql, struct db_args args, struct db_rows **ret,
	struct err *err)
{
	struct pg_conn *conn = (struct pg_conn *)c;
	PGresult *result = send(conn, sql, args);
	struct pg_rows *rows;

	if (PQresultStatus(result) != PGRES_TUPLES_OK) {
		fail(conn, result, sql, err);
		PQclear(result);
		return -1;
	}
	rows = xcalloc(1, sizeof(*rows));
	rows->result = result;
	rows->row = -1;
	rows->n_rows = PQntuples(result);
	*ret = &rows->head;
	return 0;
}

static void drop_unescaped(struct pg_rows *rows)
{
	for (size_t i = 0; i < rows->n_unescaped; i++)
		PQfreemem(rows->unescaped[i]);
	rows->n_unescaped = 0;
}

static int pg_next(struct db_rows *r, struct err *err)
{
	struct pg_rows *rows = (struct pg_rows *)r;

	(void)err;
	drop_unescaped(rows);
	return ++rows->row < rows->n_rows ? 1 : 0;
}

static void pg_close(struct db_rows *r)
{
	struct pg_rows *rows = (struct pg_rows *)r;

	drop_unescaped(rows);
	free(rows->unescaped);
	PQclear(rows->result);
	free(rows);
}

static bool pg_col_null(const struct db_rows *r, int col)
{
	const struct pg_rows *rows = (const struct pg_rows *)r;

	return PQgetisnull(rows->result, rows->row, col);
}

static int64_t pg_col_int(const struct db_rows *r, int col)
{
	const struct pg_rows *rows = (const struct pg_rows *)r;
	const char *text = PQgetvalue(rows->result, rows->row, col);

	if (text[0] == 't' || text[0] == 'f')
		return text[0] == 't';
	return strtoll(text, NULL, 10);
}

static double pg_col_real(const struct db_rows *r, int col)
{
	const struct pg_rows *rows = (const struct pg_rows *)r;

	return strtod(PQgetvalue(rows->result, rows->row, col), NULL);
}

static struct view pg_col_bytes(const struct db_rows *r, int col)
{
	struct pg_rows *rows = (struct pg_rows *)(uintptr_t)r;
	const char *text = PQgetvalue(rows->result, rows->row, col);
	unsigned char *bytes;
	size_t len;

	if (PQgetisnull(rows->result, rows->row, col))
		return (struct view){NULL, 0};
	if (PQftype(rows->result, col) != OID_BYTEA)
		return (struct view){text, (size_t)PQgetlength(rows->result, rows->row, col)};
	bytes = PQunescapeBytea((const unsigned char *)text, &len);
	BUG_ON(!bytes);
	rows->unescaped =
		xreallocarray(rows->unescaped, rows->n_unescaped + 1, sizeof(*rows->unescaped));
	rows->unescaped[rows->n_unescaped++] = bytes;
	return (struct view){(const char *)bytes, len};
}

static char *pg_translate(const char *sql)
{
	static const struct {
		const char *ours, *theirs;
	} words[] = {
		{"INTEGER PRIMARY KEY AUTOINCREMENT",
			"BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"},
		{"INTEGER", "BIGINT"},
		{"BLOB", "BYTEA"},
		{"REAL", "DOUBLE PRECISION"},
		{" WITHOUT ROWID", ""},
	};
	struct str out = STR_INIT;

	while (*sql) {
		size_t i;

		for (i = 0; i < ARRAY_SIZE(words); i++)
			if (starts_with(sql, words[i].ours))
				break;
		if (i == ARRAY_SIZE(words)) {
			str_add_c(&out, *sql++);
			continue;
		}
		str_add(&out, words[i].theirs);
		sql += strlen(words[i].ours);
	}
	return str_take(&out);
}

static int pg_backup(struct db_conn *c, const char *path, struct err *err)
{
	(void)c;
	(void)path;
	err_set(err, ERR_UNSUPPORTED, "a PostgreSQL database is not copied by towpath");
	return err_hint(err, "use pg_dump, which makes a consistent copy while the server runs");
}

const struct db_driver db_postgres_driver = {
	.scheme = "postgres",
	.shared = true,
	.connect = pg_connect,
	.disconnect = pg_disconnect,
	.run = pg_run,
	.begin_write = "BEGIN; SELECT pg_advisory_xact_lock(7305808869229538)",
	.begin_read = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
	.in_transaction = pg_in_transaction,
	.is_broken = pg_is_broken,
	.exec = pg_exec,
	.query = pg_query,
	.next = pg_next,
	.close = pg_close,
	.col_null = pg_col_null,
	.col_int = pg_col_int,
	.col_real = pg_col_real,
	.col_bytes = pg_col_bytes,
	.translate = pg_translate,
	.backup = pg_backup,
};
