/* SPDX-License-Identifier: Apache-2.0 */
/* Reports. */
#include "store/build_report.h"

#include <math.h>

#include "base/vec.h"

/* Of items: line_ppm is the line coverage in millionths, for filters and order. */
const struct db_migration store_build_report_migrations[] = {
	{"1-create", "CREATE TABLE build_report ("
		     "id TEXT PRIMARY KEY, "
		     "seq BIGINT NOT NULL, "
		     "group_name TEXT NOT NULL, "
		     "build TEXT NOT NULL, "
		     "execution TEXT NOT NULL, "
		     "status TEXT NOT NULL, "
		     "message TEXT NOT NULL, "
		     "doc TEXT NOT NULL);\n"
		     "CREATE UNIQUE INDEX build_report_seq ON build_report(seq);\n"
		     "CREATE INDEX build_report_group_seq ON build_report(group_name, seq);\n"
		     "CREATE INDEX build_report_execution ON build_report(execution, group_name);\n"
		     "CREATE TABLE build_report_item ("
		     "report TEXT NOT NULL, "
		     "n BIGINT NOT NULL, "
		     "path TEXT NOT NULL, "
		     "line_ppm BIGINT NOT NULL, "
		     "doc TEXT NOT NULL, "
		     "PRIMARY KEY (report, n))"},
};
const size_t store_build_report_migrations_n = ARRAY_SIZE(store_build_report_migrations);

#define COLUMNS "SELECT id, seq, group_name, build, execution, message, doc FROM build_report "

static int next_seq(struct db_tx *tx, int64_t *ret, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	int r;

	if (db_query(tx, "SELECT COALESCE(MAX(seq), 0) + 1 FROM build_report", DB_NO_ARGS, &rows,
		    err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r > 0)
		*ret = db_col_int(rows, 0);
	return r < 0 ? -1 : 0;
}

int store_build_report_insert(struct db_tx *tx, struct store_build_report *r, struct err *err)
{
	CLEANUP_STR struct str doc = STR_INIT;

	if (next_seq(tx, &r->seq, err) < 0)
		return -1;
	wire_encode_json(&codebuild_report_shape, &r->report, &doc);
	return db_exec(tx,
		"INSERT INTO build_report(id, seq, group_name, build, execution, status, message, "
		"doc) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		DB_ARGS(DB_TEXT(r->id), DB_INT(r->seq), DB_TEXT(r->group), DB_TEXT(r->build),
			DB_TEXT(r->execution), DB_TEXT(r->report.status), DB_TEXT(r->message),
			DB_TEXT_VIEW(str_view(&doc))),
		NULL, err);
}

int store_build_report_update(struct db_tx *tx, const struct store_build_report *r, struct err *err)
{
	CLEANUP_STR struct str doc = STR_INIT;

	wire_encode_json(&codebuild_report_shape, &r->report, &doc);
	return db_exec(tx,
		"UPDATE build_report SET status = ?2, message = ?3, doc = ?4 WHERE id = ?1",
		DB_ARGS(DB_TEXT(r->id), DB_TEXT(r->report.status), DB_TEXT(r->message),
			DB_TEXT_VIEW(str_view(&doc))),
		NULL, err);
}

static int read_row(
	struct db_rows *rows, struct arena *a, struct store_build_report *ret, struct err *err)
{
	*ret = (struct store_build_report){
		.id = db_col_text(rows, 0, a),
		.seq = db_col_int(rows, 1),
		.group = db_col_text(rows, 2, a),
		.build = db_col_text(rows, 3, a),
		.execution = db_col_text(rows, 4, a),
		.message = db_col_text(rows, 5, a),
	};
	if (wire_decode_json(&codebuild_report_shape, db_col_bytes(rows, 6), a, &ret->report, err) <
		0)
		return err_wrap(err, "stored report %s", ret->id);
	return 1;
}

int store_build_report_get(struct db_tx *tx, const char *id, struct arena *a,
	struct store_build_report *ret, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	int r;

	if (db_query(tx, COLUMNS "WHERE id = ?1", DB_ARGS(DB_TEXT(id)), &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	return r <= 0 ? r : read_row(rows, a, ret, err);
}

int store_build_report_of_execution(struct db_tx *tx, const char *group, const char *execution,
	struct arena *a, struct store_build_report *ret, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	int r;

	if (db_query(tx,
		    COLUMNS "WHERE execution = ?1 AND group_name = ?2 ORDER BY seq DESC LIMIT 1",
		    DB_ARGS(DB_TEXT(execution), DB_TEXT(group)), &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	return r <= 0 ? r : read_row(rows, a, ret, err);
}

int store_build_report_delete(struct db_tx *tx, const char *id, struct err *err)
{
	if (db_exec(tx, "DELETE FROM build_report_item WHERE report = ?1", DB_ARGS(DB_TEXT(id)),
		    NULL, err) < 0)
		return -1;
	return db_exec(
		tx, "DELETE FROM build_report WHERE id = ?1", DB_ARGS(DB_TEXT(id)), NULL, err);
}

int store_build_report_delete_of_group(struct db_tx *tx, const char *group, struct err *err)
{
	if (db_exec(tx,
		    "DELETE FROM build_report_item WHERE report IN "
		    "(SELECT id FROM build_report WHERE group_name = ?1)",
		    DB_ARGS(DB_TEXT(group)), NULL, err) < 0)
		return -1;
	return db_exec(tx, "DELETE FROM build_report WHERE group_name = ?1",
		DB_ARGS(DB_TEXT(group)), NULL, err);
}

/* [of a group][descending] */
static const char *const list_sql[][2] = {
	{COLUMNS "WHERE seq > ?2 AND (?3 = '' OR status = ?3) ORDER BY seq LIMIT ?4",
		COLUMNS "WHERE (?2 = 0 OR seq < ?2) AND (?3 = '' OR status = ?3) "
			"ORDER BY seq DESC LIMIT ?4"},
	{COLUMNS "WHERE group_name = ?1 AND seq > ?2 AND (?3 = '' OR status = ?3) "
		 "ORDER BY seq LIMIT ?4",
		COLUMNS "WHERE group_name = ?1 AND (?2 = 0 OR seq < ?2) AND "
			"(?3 = '' OR status = ?3) ORDER BY seq DESC LIMIT ?4"},
};

int store_build_report_list(struct db_tx *tx, const struct store_build_report_filter *f,
	struct arena *a, struct store_build_report **ret, size_t *ret_n, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	int r;

	*ret = arena_new_n(a, f->max, struct store_build_report);
	*ret_n = 0;
	if (db_query(tx, list_sql[f->group != NULL][f->descending],
		    DB_ARGS(DB_TEXT(f->group ? f->group : ""), DB_INT(f->after),
			    DB_TEXT(f->status ? f->status : ""), DB_INT((int64_t)f->max)),
		    &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0)
		if (read_row(rows, a, &(*ret)[(*ret_n)++], err) < 0)
			return -1;
	return r;
}

/* ---- what is kept of a report ---- */

static int add_item(struct db_tx *tx, const char *id, int64_t n, const char *path, int64_t ppm,
	const struct str *doc, struct err *err)
{
	return db_exec(tx,
		"INSERT INTO build_report_item(report, n, path, line_ppm, doc) "
		"VALUES (?1, ?2, ?3, ?4, ?5)",
		DB_ARGS(DB_TEXT(id), DB_INT(n), DB_TEXT(path), DB_INT(ppm),
			DB_TEXT_VIEW(str_view(doc))),
		NULL, err);
}

int store_build_report_add_case(struct db_tx *tx, const char *id, int64_t n,
	const struct codebuild_test_case *c, struct err *err)
{
	CLEANUP_STR struct str doc = STR_INIT;

	wire_encode_json(&codebuild_test_case_shape, c, &doc);
	return add_item(tx, id, n, "", 0, &doc, err);
}

int64_t store_build_coverage_ppm(double percent)
{
	return llround(percent * 10000);
}

int store_build_report_add_coverage(struct db_tx *tx, const char *id, int64_t n,
	const struct codebuild_code_coverage *c, struct err *err)
{
	CLEANUP_STR struct str doc = STR_INIT;

	wire_encode_json(&codebuild_code_coverage_shape, c, &doc);
	return add_item(tx, id, n, c->file_path,
		store_build_coverage_ppm(c->line_coverage_percentage.v), &doc, err);
}

int store_build_report_cases(struct db_tx *tx, const char *id, struct arena *a,
	struct codebuild_test_cases *ret, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	VEC(struct codebuild_test_case) all = {0};
	struct codebuild_test_case c;
	int r;

	if (db_query(tx, "SELECT doc FROM build_report_item WHERE report = ?1 ORDER BY n",
		    DB_ARGS(DB_TEXT(id)), &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0) {
		r = wire_decode_json(&codebuild_test_case_shape, db_col_bytes(rows, 0), a, &c, err);
		if (r < 0)
			break;
		vec_push(&all, c);
	}
	if (r == 0) {
		wire_list_alloc(a, ret, all.n);
		for (size_t i = 0; i < all.n; i++)
			ret->v[i] = all.v[i];
	}
	vec_release(&all);
	return r;
}

#define COVERED                                                \
	"SELECT doc FROM build_report_item WHERE report = ?1 " \
	"AND line_ppm >= ?2 AND line_ppm <= ?3 "

/* [by line][descending] */
static const char *const covered_sql[][2] = {
	{COVERED "AND path > ?5 ORDER BY path LIMIT ?6",
		COVERED "AND (?5 = '' OR path < ?5) ORDER BY path DESC LIMIT ?6"},
	{COVERED "AND (line_ppm > ?4 OR (line_ppm = ?4 AND path > ?5)) "
		 "ORDER BY line_ppm, path LIMIT ?6",
		COVERED "AND (?5 = '' OR line_ppm < ?4 OR (line_ppm = ?4 AND path > ?5)) "
			"ORDER BY line_ppm DESC, path LIMIT ?6"},
};

int store_build_report_coverages(struct db_tx *tx, const char *id,
	const struct store_build_coverage_filter *f, struct arena *a,
	struct codebuild_code_coverages *ret, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	int r;

	wire_list_alloc(a, ret, f->limit);
	ret->n = 0;
	if (db_query(tx, covered_sql[f->by_line][f->descending],
		    DB_ARGS(DB_TEXT(id), DB_INT(store_build_coverage_ppm(f->min)),
			    DB_INT(store_build_coverage_ppm(f->max)), DB_INT(f->behind_ppm),
			    DB_TEXT(f->behind), DB_INT((int64_t)f->limit)),
		    &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0)
		if (wire_decode_json(&codebuild_code_coverage_shape, db_col_bytes(rows, 0), a,
			    &ret->v[ret->n++], err) < 0)
			return -1;
	return r;
}
