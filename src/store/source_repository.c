/* SPDX-License-Identifier: Apache-2.0 */
#include "store/source_repository.h"

#include "base/vec.h"

const struct db_migration store_source_repository_migrations[] = {
	{"1-create", "CREATE TABLE source_repository ("
		     "id TEXT PRIMARY KEY, "
		     "name TEXT NOT NULL UNIQUE, "
		     "modified_usec BIGINT NOT NULL, "
		     "doc TEXT NOT NULL, "
		     "tags TEXT NOT NULL)"},
};
const size_t store_source_repository_migrations_n = ARRAY_SIZE(store_source_repository_migrations);

static int save(
	struct db_tx *tx, const char *sql, const struct store_source_repository *r, struct err *err)
{
	CLEANUP_STR struct str doc = STR_INIT;
	CLEANUP_STR struct str tags = STR_INIT;

	wire_encode_json(&codecommit_repository_metadata_shape, &r->meta, &doc);
	if (r->tags.set)
		wire_encode_json(&codecommit_tags_map_shape, &r->tags, &tags);
	else
		str_add(&tags, "{}");
	return db_exec(tx, sql,
		DB_ARGS(DB_TEXT(r->meta.repository_id), DB_TEXT(r->meta.repository_name),
			DB_INT(r->meta.last_modified_date.usec), DB_TEXT_VIEW(str_view(&doc)),
			DB_TEXT_VIEW(str_view(&tags))),
		NULL, err);
}

int store_source_repository_insert(
	struct db_tx *tx, const struct store_source_repository *r, struct err *err)
{
	return save(tx,
		"INSERT INTO source_repository (id, name, modified_usec, doc, tags) "
		"VALUES (?1, ?2, ?3, ?4, ?5)",
		r, err);
}

int store_source_repository_update(
	struct db_tx *tx, const struct store_source_repository *r, struct err *err)
{
	return save(tx,
		"UPDATE source_repository SET name = ?2, modified_usec = ?3, doc = ?4, tags = ?5 "
		"WHERE id = ?1",
		r, err);
}

static int load(struct db_tx *tx, const char *sql, const char *key, struct arena *a,
	struct store_source_repository *ret, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;
	int rc;

	if (db_query(tx, sql, DB_ARGS(DB_TEXT(key)), &rows, err) < 0)
		return -1;
	rc = db_next(rows, err);
	if (rc <= 0)
		return rc;
	/* Decoded values may point into the text, so it goes to the arena first. */
	if (wire_decode_json(&codecommit_repository_metadata_shape,
		    view_of(db_col_text(rows, 0, a)), a, &ret->meta, err) < 0 ||
		wire_decode_json(&codecommit_tags_map_shape, view_of(db_col_text(rows, 1, a)), a,
			&ret->tags, err) < 0)
		return err_wrap(err, "repository %s as it is stored", key);
	return 1;
}

int store_source_repository_find(struct db_tx *tx, const char *name, struct arena *a,
	struct store_source_repository *ret, struct err *err)
{
	return load(
		tx, "SELECT doc, tags FROM source_repository WHERE name = ?1", name, a, ret, err);
}

int store_source_repository_get(struct db_tx *tx, const char *id, struct arena *a,
	struct store_source_repository *ret, struct err *err)
{
	return load(tx, "SELECT doc, tags FROM source_repository WHERE id = ?1", id, a, ret, err);
}

int store_source_repository_delete(struct db_tx *tx, const char *id, struct err *err)
{
	return db_exec(
		tx, "DELETE FROM source_repository WHERE id = ?1", DB_ARGS(DB_TEXT(id)), NULL, err);
}

int store_source_repository_count(struct db_tx *tx, int64_t *ret, struct err *err)
{
	CLEANUP_ROWS struct db_rows *rows = NULL;

	if (db_query(tx, "SELECT COUNT(*) FROM source_repository", DB_NO_ARGS, &rows, err) < 0 ||
		db_next(rows, err) < 0)
		return -1;
	*ret = db_col_int(rows, 0);
	return 0;
}

int store_source_repository_list(struct db_tx *tx, const struct store_source_repository_order *o,
	int64_t limit, struct arena *a, struct store_source_repository_name **ret, size_t *ret_n,
	struct err *err)
{
	static const char *const sql[2][2] = {
		{"SELECT name, id, modified_usec FROM source_repository "
		 "WHERE name > ?2 AND ?3 >= 0 ORDER BY name LIMIT ?1",
			"SELECT name, id, modified_usec FROM source_repository "
			"WHERE (?2 = '' OR name < ?2) AND ?3 >= 0 ORDER BY name DESC LIMIT ?1"},
		{"SELECT name, id, modified_usec FROM source_repository "
		 "WHERE ?2 = '' OR modified_usec > ?3 OR (modified_usec = ?3 AND name > ?2) "
		 "ORDER BY modified_usec, name LIMIT ?1",
			"SELECT name, id, modified_usec FROM source_repository WHERE ?2 = '' OR "
			"modified_usec < ?3 OR (modified_usec = ?3 AND name < ?2) "
			"ORDER BY modified_usec DESC, name DESC LIMIT ?1"},
	};
	CLEANUP_ROWS struct db_rows *rows = NULL;
	int rc;

	if (db_query(tx, sql[o->by_date][o->descending],
		    DB_ARGS(DB_INT(limit), DB_TEXT(o->after_name ? o->after_name : ""),
			    DB_INT(o->after_usec)),
		    &rows, err) < 0)
		return -1;
	*ret = arena_new_n(a, (size_t)limit, struct store_source_repository_name);
	for (*ret_n = 0; (rc = db_next(rows, err)) > 0; (*ret_n)++)
		(*ret)[*ret_n] = (struct store_source_repository_name){
			.name = db_col_text(rows, 0, a),
			.id = db_col_text(rows, 1, a),
			.modified_usec = db_col_int(rows, 2),
		};
	return rc;
}
