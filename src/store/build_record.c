/* SPDX-License-Identifier: Apache-2.0 */
/* Builds. */
#include "store/build_record.h"

#include "base/mem.h"
#include "store/build_page.h"

const struct db_migration store_build_record_migrations[] = {
	{"1-create",
		"CREATE TABLE build_record ("
		"uuid TEXT PRIMARY KEY, "
		"seq BIGINT NOT NULL, "
		"project TEXT NOT NULL, "
		"state BIGINT NOT NULL, "
		"token TEXT, "
		"doc TEXT NOT NULL, "
		"spec TEXT NOT NULL, "
		"extra TEXT NOT NULL);\n"
		"CREATE UNIQUE INDEX build_record_seq ON build_record(seq);\n"
		"CREATE INDEX build_record_project ON build_record(project, seq);\n"
		"CREATE INDEX build_record_active ON build_record(state, seq) WHERE state < 3;\n"
		"CREATE INDEX build_record_busy ON build_record(project) WHERE state < 3;\n"
		"CREATE INDEX build_record_token ON build_record(project, token) "
		"WHERE token IS NOT NULL"},
};
const size_t store_build_record_migrations_n = ARRAY_SIZE(store_build_record_migrations);

static int one_number(
	struct db_tx *tx, const char *sql, struct db_args args, int64_t *ret, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	int r;

	if (db_query(tx, sql, args, &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r > 0)
		*ret = db_col_int(rows, 0);
	return r < 0 ? -1 : 0;
}

int store_build_record_insert(struct db_tx *tx, struct store_build_record *r, struct err *err)
{
	CLEANUP_STR struct str doc = STR_INIT, spec = STR_INIT, extra = STR_INIT;

	if (one_number(tx, "SELECT COALESCE(MAX(seq), 0) + 1 FROM build_record", DB_NO_ARGS,
		    &r->seq, err) < 0)
		return -1;
	wire_encode_json(&codebuild_build_shape, &r->build, &doc);
	wire_encode_json(&codebuild_project_shape, &r->spec, &spec);
	wire_encode_json(&towpath_build_extra_shape, &r->extra, &extra);
	return db_exec(tx,
		"INSERT INTO build_record(uuid, seq, project, state, token, doc, spec, extra) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		DB_ARGS(DB_TEXT(r->uuid), DB_INT(r->seq), DB_TEXT(r->build.project_name),
			DB_INT(r->state), DB_TEXT(r->token), DB_TEXT_VIEW(str_view(&doc)),
			DB_TEXT_VIEW(str_view(&spec)), DB_TEXT_VIEW(str_view(&extra))),
		NULL, err);
}

int store_build_record_update(struct db_tx *tx, const struct store_build_record *r, struct err *err)
{
	CLEANUP_STR struct str doc = STR_INIT, extra = STR_INIT;

	wire_encode_json(&codebuild_build_shape, &r->build, &doc);
	wire_encode_json(&towpath_build_extra_shape, &r->extra, &extra);
	return db_exec(tx,
		"UPDATE build_record SET state = ?2, doc = ?3, extra = ?4 WHERE uuid = ?1",
		DB_ARGS(DB_TEXT(r->uuid), DB_INT(r->state), DB_TEXT_VIEW(str_view(&doc)),
			DB_TEXT_VIEW(str_view(&extra))),
		NULL, err);
}

static int read_row(struct db_rows *rows, bool with_spec, struct arena *a,
	struct store_build_record *ret, struct err *err)
{
	*ret = (struct store_build_record){
		.uuid = db_col_text(rows, 0, a),
		.seq = db_col_int(rows, 1),
		.state = (enum build_state)db_col_int(rows, 2),
		.token = db_col_text(rows, 3, a),
	};
	if (wire_decode_json(&codebuild_build_shape, db_col_bytes(rows, 4), a, &ret->build, err) <
			0 ||
		wire_decode_json(&towpath_build_extra_shape, db_col_bytes(rows, 5), a, &ret->extra,
			err) < 0 ||
		(with_spec && wire_decode_json(&codebuild_project_shape, db_col_bytes(rows, 6), a,
				      &ret->spec, err) < 0))
		return err_wrap(err, "stored build %s", ret->uuid);
	return 1;
}

int store_build_record_get(struct db_tx *tx, const char *uuid, bool with_spec, struct arena *a,
	struct store_build_record *ret, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	int r;

	if (db_query(tx,
		    with_spec ? "SELECT uuid, seq, state, token, doc, extra, spec "
				"FROM build_record WHERE uuid = ?1"
			      : "SELECT uuid, seq, state, token, doc, extra "
				"FROM build_record WHERE uuid = ?1",
		    DB_ARGS(DB_TEXT(uuid)), &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	return r <= 0 ? r : read_row(rows, with_spec, a, ret, err);
}

int store_build_record_delete(struct db_tx *tx, const char *uuid, struct err *err)
{
	return db_exec(
		tx, "DELETE FROM build_record WHERE uuid = ?1", DB_ARGS(DB_TEXT(uuid)), NULL, err);
}

int store_build_record_by_token(struct db_tx *tx, const char *project, const char *token,
	struct arena *a, struct store_build_record *ret, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	int r;

	if (db_query(tx,
		    "SELECT uuid, seq, state, token, doc, extra FROM build_record "
		    "WHERE project = ?1 AND token = ?2 ORDER BY seq DESC LIMIT 1",
		    DB_ARGS(DB_TEXT(project), DB_TEXT(token)), &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	return r <= 0 ? r : read_row(rows, false, a, ret, err);
}

int store_build_record_next_queued(
	struct db_tx *tx, struct arena *a, const char **ret_uuid, int64_t *ret_seq, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	int r;

	if (db_query(tx,
		    "SELECT uuid, seq FROM build_record WHERE state = 0 AND state < 3 "
		    "ORDER BY seq LIMIT 1",
		    DB_NO_ARGS, &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r > 0) {
		*ret_uuid = db_col_text(rows, 0, a);
		*ret_seq = db_col_int(rows, 1);
	}
	return r;
}

int store_build_record_count(
	struct db_tx *tx, enum build_state state, int64_t *ret, struct err *err)
{
	return one_number(tx, "SELECT COUNT(*) FROM build_record WHERE state = ?1 AND state < 3",
		DB_ARGS(DB_INT(state)), ret, err);
}

int store_build_record_count_active(
	struct db_tx *tx, const char *project, int64_t *ret, struct err *err)
{
	return one_number(tx, "SELECT COUNT(*) FROM build_record WHERE project = ?1 AND state < 3",
		DB_ARGS(DB_TEXT(project)), ret, err);
}

int store_build_record_in_state(struct db_tx *tx, enum build_state state, struct arena *a,
	const char ***ret_uuids, size_t *ret_n, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;

	if (db_query(tx,
		    "SELECT uuid FROM build_record WHERE state = ?1 AND state < 3 ORDER BY seq",
		    DB_ARGS(DB_INT(state)), &rows, err) < 0)
		return -1;
	return store_build_page_read(rows, a, ret_uuids, ret_n, NULL, err);
}

/* [one project][descending] */
static const char *const list_sql[2][2] = {
	{
		"SELECT project || ':' || uuid, seq FROM build_record WHERE seq > ?1 "
		"ORDER BY seq LIMIT ?2",
		"SELECT project || ':' || uuid, seq FROM build_record WHERE seq < ?1 "
		"ORDER BY seq DESC LIMIT ?2",
	},
	{
		"SELECT project || ':' || uuid, seq FROM build_record WHERE project = ?3 AND "
		"seq > ?1 ORDER BY seq LIMIT ?2",
		"SELECT project || ':' || uuid, seq FROM build_record WHERE project = ?3 AND "
		"seq < ?1 ORDER BY seq DESC LIMIT ?2",
	},
};

int store_build_record_list(struct db_tx *tx, const char *project, bool descending, int64_t after,
	size_t max, struct arena *a, const char ***ret_ids, size_t *ret_n, int64_t *ret_last,
	struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	struct db_args args;

	if (after == 0 && descending)
		after = INT64_MAX;
	args = DB_ARGS(DB_INT(after), DB_INT((int64_t)max), DB_TEXT(project));
	args.n = project ? 3 : 2;
	if (db_query(tx, list_sql[project != NULL][descending], args, &rows, err) < 0)
		return -1;
	return store_build_page_read(rows, a, ret_ids, ret_n, ret_last, err);
}
