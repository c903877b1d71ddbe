/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of builds. */
#include "store/build_batch.h"

#include "base/mem.h"
#include "store/build_page.h"

const struct db_migration store_build_batch_migrations[] = {
	{"1-create", "CREATE TABLE build_batch ("
		     "uuid TEXT PRIMARY KEY, "
		     "seq BIGINT NOT NULL, "
		     "project TEXT NOT NULL, "
		     "status TEXT NOT NULL, "
		     "token TEXT, "
		     "doc TEXT NOT NULL, "
		     "spec TEXT NOT NULL, "
		     "extra TEXT NOT NULL);\n"
		     "CREATE UNIQUE INDEX build_batch_seq ON build_batch(seq);\n"
		     "CREATE INDEX build_batch_project ON build_batch(project, seq);\n"
		     "CREATE INDEX build_batch_active ON build_batch(project, seq) "
		     "WHERE status = 'IN_PROGRESS';\n"
		     "CREATE INDEX build_batch_token ON build_batch(project, token) "
		     "WHERE token IS NOT NULL"},
	{"2-waiting", "DROP INDEX build_batch_active;\n"
		      "ALTER TABLE build_batch ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;\n"
		      "UPDATE build_batch SET waiting = 1 WHERE status = 'IN_PROGRESS';\n"
		      "CREATE INDEX build_batch_waiting ON build_batch(project, seq) "
		      "WHERE waiting = 1"},
};
const size_t store_build_batch_migrations_n = ARRAY_SIZE(store_build_batch_migrations);

#define COLUMNS "uuid, seq, token, doc, spec, extra, waiting"

static int next_seq(struct db_tx *tx, int64_t *ret, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;

	if (db_query(tx, "SELECT COALESCE(MAX(seq), 0) + 1 FROM build_batch", DB_NO_ARGS, &rows,
		    err) < 0 ||
		db_next(rows, err) < 0)
		return -1;
	*ret = db_col_int(rows, 0);
	return 0;
}

int store_build_batch_insert(struct db_tx *tx, struct store_build_batch *r, struct err *err)
{
	CLEANUP_STR struct str doc = STR_INIT, spec = STR_INIT, extra = STR_INIT;

	if (next_seq(tx, &r->seq, err) < 0)
		return -1;
	wire_encode_json(&codebuild_build_batch_shape, &r->batch, &doc);
	wire_encode_json(&codebuild_project_shape, &r->spec, &spec);
	wire_encode_json(&towpath_build_batch_extra_shape, &r->extra, &extra);
	return db_exec(tx,
		"INSERT INTO build_batch(uuid, seq, project, status, token, doc, spec, extra, "
		"waiting) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
		DB_ARGS(DB_TEXT(r->uuid), DB_INT(r->seq), DB_TEXT(r->batch.project_name),
			DB_TEXT(r->batch.build_batch_status), DB_TEXT(r->token),
			DB_TEXT_VIEW(str_view(&doc)), DB_TEXT_VIEW(str_view(&spec)),
			DB_TEXT_VIEW(str_view(&extra)), DB_INT(r->waiting)),
		NULL, err);
}

int store_build_batch_update(struct db_tx *tx, const struct store_build_batch *r, struct err *err)
{
	CLEANUP_STR struct str doc = STR_INIT, extra = STR_INIT;

	wire_encode_json(&codebuild_build_batch_shape, &r->batch, &doc);
	wire_encode_json(&towpath_build_batch_extra_shape, &r->extra, &extra);
	return db_exec(tx,
		"UPDATE build_batch SET status = ?2, doc = ?3, extra = ?4, waiting = ?5 "
		"WHERE uuid = ?1",
		DB_ARGS(DB_TEXT(r->uuid), DB_TEXT(r->batch.build_batch_status),
			DB_TEXT_VIEW(str_view(&doc)), DB_TEXT_VIEW(str_view(&extra)),
			DB_INT(r->waiting)),
		NULL, err);
}

/* The first row, decoded. */
static int read_one(
	struct db_rows *rows, struct arena *a, struct store_build_batch *ret, struct err *err)
{
	int r = db_next(rows, err);

	if (r <= 0)
		return r;
	*ret = (struct store_build_batch){
		.uuid = db_col_text(rows, 0, a),
		.seq = db_col_int(rows, 1),
		.token = db_col_text(rows, 2, a),
		.waiting = db_col_int(rows, 6),
	};
	if (wire_decode_json(
		    &codebuild_build_batch_shape, db_col_bytes(rows, 3), a, &ret->batch, err) < 0 ||
		wire_decode_json(
			&codebuild_project_shape, db_col_bytes(rows, 4), a, &ret->spec, err) < 0 ||
		wire_decode_json(&towpath_build_batch_extra_shape, db_col_bytes(rows, 5), a,
			&ret->extra, err) < 0)
		return err_wrap(err, "stored batch %s", ret->uuid);
	return 1;
}

int store_build_batch_get(struct db_tx *tx, const char *uuid, struct arena *a,
	struct store_build_batch *ret, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;

	if (db_query(tx, "SELECT " COLUMNS " FROM build_batch WHERE uuid = ?1",
		    DB_ARGS(DB_TEXT(uuid)), &rows, err) < 0)
		return -1;
	return read_one(rows, a, ret, err);
}

int store_build_batch_by_token(struct db_tx *tx, const char *project, const char *token,
	struct arena *a, struct store_build_batch *ret, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;

	if (db_query(tx,
		    "SELECT " COLUMNS " FROM build_batch WHERE project = ?1 AND token = ?2 "
		    "ORDER BY seq DESC LIMIT 1",
		    DB_ARGS(DB_TEXT(project), DB_TEXT(token)), &rows, err) < 0)
		return -1;
	return read_one(rows, a, ret, err);
}

int store_build_batch_delete(struct db_tx *tx, const char *uuid, struct err *err)
{
	return db_exec(
		tx, "DELETE FROM build_batch WHERE uuid = ?1", DB_ARGS(DB_TEXT(uuid)), NULL, err);
}

int store_build_batch_waiting(struct db_tx *tx, const char *project, struct arena *a,
	const char ***ret_uuids, size_t *ret_n, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;

	if (db_query(tx,
		    "SELECT uuid, seq FROM build_batch "
		    "WHERE project = ?1 AND waiting = 1 ORDER BY seq",
		    DB_ARGS(DB_TEXT(project)), &rows, err) < 0)
		return -1;
	return store_build_page_read(rows, a, ret_uuids, ret_n, NULL, err);
}

#define LIST "SELECT project || ':' || uuid, seq FROM build_batch WHERE "
#define OF_STATUS " AND (?3 = '' OR status = ?3) "

/* [one project][descending] */
static const char *const list_sql[2][2] = {
	{
		LIST "seq > ?1" OF_STATUS "ORDER BY seq LIMIT ?2",
		LIST "seq < ?1" OF_STATUS "ORDER BY seq DESC LIMIT ?2",
	},
	{
		LIST "project = ?4 AND seq > ?1" OF_STATUS "ORDER BY seq LIMIT ?2",
		LIST "project = ?4 AND seq < ?1" OF_STATUS "ORDER BY seq DESC LIMIT ?2",
	},
};

int store_build_batch_list(struct db_tx *tx, const struct store_build_batch_page *page,
	struct arena *a, const char ***ret_ids, size_t *ret_n, int64_t *ret_last, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	int64_t after = page->after == 0 && page->descending ? INT64_MAX : page->after;
	struct db_args args = DB_ARGS(DB_INT(after), DB_INT((int64_t)page->max),
		DB_TEXT(page->status ? page->status : ""), DB_TEXT(page->project));

	args.n = page->project ? 4 : 3;
	if (db_query(tx, list_sql[page->project != NULL][page->descending], args, &rows, err) < 0)
		return -1;
	return store_build_page_read(rows, a, ret_ids, ret_n, ret_last, err);
}
