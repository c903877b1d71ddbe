/* SPDX-License-Identifier: Apache-2.0 */
/* Pipelines, the versions of their definitions, and what they watch. */
#include "store/pipeline.h"

#include "base/str.h"

const struct db_migration store_pipeline_migrations[] = {
	{"1-create", "CREATE TABLE pipeline ("
		     "id TEXT PRIMARY KEY, "
		     "name TEXT NOT NULL UNIQUE, "
		     "version INTEGER NOT NULL, "
		     "created INTEGER NOT NULL, "
		     "updated INTEGER NOT NULL, "
		     "next_execution INTEGER NOT NULL, "
		     "next_action INTEGER NOT NULL, "
		     "declaration TEXT NOT NULL, "
		     "state TEXT NOT NULL, "
		     "tags TEXT NOT NULL);\n"
		     "CREATE TABLE pipeline_version ("
		     "pipeline_id TEXT NOT NULL, "
		     "version INTEGER NOT NULL, "
		     "created INTEGER NOT NULL, "
		     "declaration TEXT NOT NULL, "
		     "PRIMARY KEY (pipeline_id, version));\n"
		     "CREATE TABLE pipeline_watch ("
		     "watch TEXT NOT NULL, "
		     "pipeline_id TEXT NOT NULL, "
		     "PRIMARY KEY (watch, pipeline_id));\n"
		     "CREATE INDEX pipeline_watch_pipeline ON pipeline_watch (pipeline_id);\n"
		     "CREATE TABLE pipeline_token ("
		     "pipeline_id TEXT NOT NULL, "
		     "token TEXT NOT NULL, "
		     "execution_id TEXT NOT NULL, "
		     "PRIMARY KEY (pipeline_id, token))"},
};
const size_t store_pipeline_migrations_n = ARRAY_SIZE(store_pipeline_migrations);

#define COLUMNS                                                              \
	"id, name, version, created, updated, next_execution, next_action, " \
	"declaration, state, tags"

/* Tags are kept in the form in which they are listed. */
static void encode_tags(const struct store_pipeline *p, struct str *out)
{
	struct codepipeline_list_tags_for_resource_response doc = {.tags = p->tags};

	wire_encode_json(&codepipeline_list_tags_for_resource_response_shape, &doc, out);
}

static int put_version(
	struct db_tx *tx, const struct store_pipeline *p, struct view declaration, struct err *err)
{
	return db_exec(tx,
		"INSERT INTO pipeline_version (pipeline_id, version, created, declaration) "
		"VALUES (?1, ?2, ?3, ?4)",
		DB_ARGS(DB_TEXT(p->id), DB_INT(p->version), DB_INT(p->updated_usec),
			DB_TEXT_VIEW(declaration)),
		NULL, err);
}

int store_pipeline_insert(struct db_tx *tx, const struct store_pipeline *p, struct err *err)
{
	struct str decl CLEANUP_STR = STR_INIT, state CLEANUP_STR = STR_INIT;
	struct str tags CLEANUP_STR = STR_INIT;

	wire_encode_json(&codepipeline_pipeline_declaration_shape, p->declaration, &decl);
	wire_encode_json(&codepipeline_get_pipeline_state_response_shape, p->state, &state);
	encode_tags(p, &tags);
	if (db_exec(tx,
		    "INSERT INTO pipeline (" COLUMNS ") "
		    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
		    DB_ARGS(DB_TEXT(p->id), DB_TEXT(p->name), DB_INT(p->version),
			    DB_INT(p->created_usec), DB_INT(p->updated_usec),
			    DB_INT(p->next_execution), DB_INT(p->next_action),
			    DB_TEXT_VIEW(str_view(&decl)), DB_TEXT_VIEW(str_view(&state)),
			    DB_TEXT_VIEW(str_view(&tags))),
		    NULL, err) < 0)
		return -1;
	return put_version(tx, p, str_view(&decl), err);
}

int store_pipeline_save_state(struct db_tx *tx, const struct store_pipeline *p, struct err *err)
{
	struct str state CLEANUP_STR = STR_INIT;

	wire_encode_json(&codepipeline_get_pipeline_state_response_shape, p->state, &state);
	return db_exec(tx,
		"UPDATE pipeline SET next_execution = ?2, next_action = ?3, state = ?4 "
		"WHERE id = ?1",
		DB_ARGS(DB_TEXT(p->id), DB_INT(p->next_execution), DB_INT(p->next_action),
			DB_TEXT_VIEW(str_view(&state))),
		NULL, err);
}

int store_pipeline_save_version(struct db_tx *tx, const struct store_pipeline *p, struct err *err)
{
	struct str decl CLEANUP_STR = STR_INIT;

	wire_encode_json(&codepipeline_pipeline_declaration_shape, p->declaration, &decl);
	if (db_exec(tx,
		    "UPDATE pipeline SET version = ?2, updated = ?3, declaration = ?4 "
		    "WHERE id = ?1",
		    DB_ARGS(DB_TEXT(p->id), DB_INT(p->version), DB_INT(p->updated_usec),
			    DB_TEXT_VIEW(str_view(&decl))),
		    NULL, err) < 0)
		return -1;
	if (put_version(tx, p, str_view(&decl), err) < 0)
		return -1;
	return store_pipeline_save_state(tx, p, err);
}

int store_pipeline_save_tags(struct db_tx *tx, const struct store_pipeline *p, struct err *err)
{
	struct str tags CLEANUP_STR = STR_INIT;

	encode_tags(p, &tags);
	return db_exec(tx, "UPDATE pipeline SET tags = ?2 WHERE id = ?1",
		DB_ARGS(DB_TEXT(p->id), DB_TEXT_VIEW(str_view(&tags))), NULL, err);
}

static int read_pipeline(
	struct db_rows *rows, struct arena *a, struct store_pipeline *ret, struct err *err)
{
	struct codepipeline_list_tags_for_resource_response tags;
	int found = db_next(rows, err);

	if (found <= 0)
		return found;
	*ret = (struct store_pipeline){
		.id = db_col_text(rows, 0, a),
		.name = db_col_text(rows, 1, a),
		.version = db_col_int(rows, 2),
		.created_usec = db_col_int(rows, 3),
		.updated_usec = db_col_int(rows, 4),
		.next_execution = db_col_int(rows, 5),
		.next_action = db_col_int(rows, 6),
		.declaration = arena_new(a, struct codepipeline_pipeline_declaration),
		.state = arena_new(a, struct codepipeline_get_pipeline_state_response),
	};
	if (wire_decode_json(&codepipeline_pipeline_declaration_shape, db_col_bytes(rows, 7), a,
		    ret->declaration, err) < 0 ||
		wire_decode_json(&codepipeline_get_pipeline_state_response_shape,
			db_col_bytes(rows, 8), a, ret->state, err) < 0 ||
		wire_decode_json(&codepipeline_list_tags_for_resource_response_shape,
			db_col_bytes(rows, 9), a, &tags, err) < 0)
		return err_wrap(err, "stored pipeline %s", ret->name);
	ret->tags = tags.tags;
	return 1;
}

int store_pipeline_find(struct db_tx *tx, const char *name, struct arena *a,
	struct store_pipeline *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	if (db_query(tx, "SELECT " COLUMNS " FROM pipeline WHERE name = ?1", DB_ARGS(DB_TEXT(name)),
		    &rows, err) < 0)
		return -1;
	return read_pipeline(rows, a, ret, err);
}

int store_pipeline_get(struct db_tx *tx, const char *id, struct arena *a,
	struct store_pipeline *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	if (db_query(tx, "SELECT " COLUMNS " FROM pipeline WHERE id = ?1", DB_ARGS(DB_TEXT(id)),
		    &rows, err) < 0)
		return -1;
	return read_pipeline(rows, a, ret, err);
}

/* The first column of the first row: 1, 0 or -1. */
static int one_text(struct db_tx *tx, const char *sql, struct db_args args, struct arena *a,
	const char **ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int found;

	if (db_query(tx, sql, args, &rows, err) < 0)
		return -1;
	found = db_next(rows, err);
	if (found == 1)
		*ret = db_col_text(rows, 0, a);
	return found;
}

int store_pipeline_state(
	struct db_tx *tx, const char *name, struct arena *a, struct view *ret_json, struct err *err)
{
	const char *text = NULL;
	int found = one_text(tx, "SELECT state FROM pipeline WHERE name = ?1",
		DB_ARGS(DB_TEXT(name)), a, &text, err);

	*ret_json = view_of(text);
	return found;
}

int store_pipeline_id(
	struct db_tx *tx, const char *name, struct arena *a, const char **ret_id, struct err *err)
{
	return one_text(tx, "SELECT id FROM pipeline WHERE name = ?1", DB_ARGS(DB_TEXT(name)), a,
		ret_id, err);
}

int store_pipeline_delete(struct db_tx *tx, const char *id, struct err *err)
{
	static const char *const statements[] = {
		"DELETE FROM pipeline WHERE id = ?1",
		"DELETE FROM pipeline_version WHERE pipeline_id = ?1",
		"DELETE FROM pipeline_watch WHERE pipeline_id = ?1",
		"DELETE FROM pipeline_token WHERE pipeline_id = ?1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++)
		if (db_exec(tx, statements[i], DB_ARGS(DB_TEXT(id)), NULL, err) < 0)
			return -1;
	return 0;
}

int store_pipeline_version(struct db_tx *tx, const char *id, int64_t version, struct arena *a,
	struct codepipeline_pipeline_declaration **ret, int64_t *ret_created_usec, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int found;

	if (db_query(tx,
		    "SELECT declaration, created FROM pipeline_version "
		    "WHERE pipeline_id = ?1 AND version = ?2",
		    DB_ARGS(DB_TEXT(id), DB_INT(version)), &rows, err) < 0)
		return -1;
	found = db_next(rows, err);
	if (found <= 0)
		return found;
	*ret = arena_new(a, struct codepipeline_pipeline_declaration);
	if (ret_created_usec)
		*ret_created_usec = db_col_int(rows, 1);
	if (wire_decode_json(&codepipeline_pipeline_declaration_shape, db_col_bytes(rows, 0), a,
		    *ret, err) < 0)
		return -1;
	return 1;
}

int store_pipeline_list(struct db_tx *tx, const char *after, size_t limit, struct arena *a,
	struct codepipeline_pipeline_list *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int found;

	wire_list_alloc(a, ret, limit + 1);
	ret->n = 0;
	if (db_query(tx,
		    "SELECT name, version, created, updated, declaration FROM pipeline "
		    "WHERE name > ?1 ORDER BY name LIMIT ?2",
		    DB_ARGS(DB_TEXT(after ? after : ""), DB_INT((int64_t)limit + 1)), &rows,
		    err) < 0)
		return -1;
	while ((found = db_next(rows, err)) == 1) {
		struct codepipeline_pipeline_declaration decl;

		if (wire_decode_json(&codepipeline_pipeline_declaration_shape,
			    db_col_bytes(rows, 4), a, &decl, err) < 0)
			return -1;
		ret->v[ret->n++] = (struct codepipeline_pipeline_summary){
			.name = db_col_text(rows, 0, a),
			.version = WIRE_SET_INT(db_col_int(rows, 1)),
			.created = WIRE_SET_TIME(db_col_int(rows, 2)),
			.updated = WIRE_SET_TIME(db_col_int(rows, 3)),
			.pipeline_type = decl.pipeline_type,
			.execution_mode = decl.execution_mode,
		};
	}
	return found;
}

int store_pipeline_count(struct db_tx *tx, int64_t *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	if (db_query(tx, "SELECT COUNT(*) FROM pipeline", DB_NO_ARGS, &rows, err) < 0 ||
		db_next(rows, err) < 0)
		return -1;
	*ret = db_col_int(rows, 0);
	return 0;
}

int store_pipeline_watch(
	struct db_tx *tx, const char *id, const char *const *keys, size_t n, struct err *err)
{
	if (db_exec(tx, "DELETE FROM pipeline_watch WHERE pipeline_id = ?1", DB_ARGS(DB_TEXT(id)),
		    NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (db_exec(tx,
			    "INSERT INTO pipeline_watch (watch, pipeline_id) VALUES (?1, ?2) "
			    "ON CONFLICT DO NOTHING",
			    DB_ARGS(DB_TEXT(keys[i]), DB_TEXT(id)), NULL, err) < 0)
			return -1;
	return 0;
}

int store_pipeline_watchers(struct db_tx *tx, const char *key, struct arena *a,
	const char ***ret_ids, size_t *ret_n, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	size_t cap = 16;
	int found;

	*ret_n = 0;
	*ret_ids = arena_new_n(a, cap, const char *);
	if (db_query(tx,
		    "SELECT p.id FROM pipeline_watch w JOIN pipeline p ON p.id = w.pipeline_id "
		    "WHERE w.watch = ?1 ORDER BY p.created, p.name",
		    DB_ARGS(DB_TEXT(key)), &rows, err) < 0)
		return -1;
	while ((found = db_next(rows, err)) == 1) {
		if (*ret_n == cap) {
			const char **more = arena_new_n(a, cap * 2, const char *);

			memcpy(more, *ret_ids, cap * sizeof(*more));
			*ret_ids = more;
			cap *= 2;
		}
		(*ret_ids)[(*ret_n)++] = db_col_text(rows, 0, a);
	}
	return found;
}

int store_pipeline_token_find(struct db_tx *tx, const char *id, const char *token, struct arena *a,
	const char **ret_execution, struct err *err)
{
	return one_text(tx,
		"SELECT execution_id FROM pipeline_token WHERE pipeline_id = ?1 AND token = ?2",
		DB_ARGS(DB_TEXT(id), DB_TEXT(token)), a, ret_execution, err);
}

int store_pipeline_token_put(
	struct db_tx *tx, const char *id, const char *token, const char *execution, struct err *err)
{
	return db_exec(tx,
		"INSERT INTO pipeline_token (pipeline_id, token, execution_id) "
		"VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
		DB_ARGS(DB_TEXT(id), DB_TEXT(token), DB_TEXT(execution)), NULL, err);
}
