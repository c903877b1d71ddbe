/* SPDX-License-Identifier: Apache-2.0 */
/* Objects and the trash of their content files. */
#include "store/object.h"

#include "base/vec.h"

const struct db_migration store_object_migrations[] = {
	{"1-create", "CREATE TABLE object ("
		     "bucket TEXT NOT NULL, "
		     "name BLOB NOT NULL, "
		     "version_id TEXT NOT NULL, "
		     "seq INTEGER NOT NULL, "
		     "latest INTEGER NOT NULL, "
		     "marker INTEGER NOT NULL, "
		     "size INTEGER NOT NULL, "
		     "etag TEXT NOT NULL, "
		     "file TEXT NOT NULL, "
		     "modified INTEGER NOT NULL, "
		     "doc TEXT NOT NULL, "
		     "PRIMARY KEY (bucket, name, version_id));\n"
		     "CREATE INDEX object_latest ON object (bucket, latest, name);\n"
		     "CREATE INDEX object_seq ON object (bucket, name, seq);\n"
		     "CREATE INDEX object_file ON object (file);\n"
		     "CREATE TABLE object_trash (file TEXT PRIMARY KEY)"},
};
const size_t store_object_migrations_n = ARRAY_SIZE(store_object_migrations);

#define COLUMNS "name, version_id, seq, latest, marker, size, etag, file, modified"

static struct db_val key_val(const char *key)
{
	return DB_BLOB(view_of(key));
}

static int next_seq(struct db_tx *tx, struct store_object *o, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	if (db_query(tx, "SELECT MAX(seq) FROM object WHERE bucket = ?1 AND name = ?2",
		    DB_ARGS(DB_TEXT(o->bucket), key_val(o->key)), &rows, err) < 0 ||
		db_next(rows, err) < 0)
		return -1;
	o->seq = db_col_int(rows, 0) + 1;
	o->latest = true;
	return 0;
}

int store_object_insert(struct db_tx *tx, struct store_object *o, struct err *err)
{
	struct str doc CLEANUP_STR = STR_INIT;
	static const struct towpath_object_meta none;

	wire_encode_json(&towpath_object_meta_shape, o->meta ? o->meta : &none, &doc);
	if (next_seq(tx, o, err) < 0 ||
		db_exec(tx,
			"UPDATE object SET latest = 0 WHERE bucket = ?1 AND name = ?2 AND latest = "
			"1",
			DB_ARGS(DB_TEXT(o->bucket), key_val(o->key)), NULL, err) < 0)
		return -1;
	return db_exec(tx,
		"INSERT INTO object (bucket, name, version_id, seq, latest, marker, size, etag, "
		"file, modified, doc) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, ?9, ?10)",
		DB_ARGS(DB_TEXT(o->bucket), key_val(o->key), DB_TEXT(o->version_id), DB_INT(o->seq),
			DB_INT(o->marker), DB_INT(o->size), DB_TEXT(o->etag), DB_TEXT(o->blob),
			DB_INT(o->modified_usec), DB_TEXT_VIEW(str_view(&doc))),
		NULL, err);
}

int store_object_delete(struct db_tx *tx, const char *bucket, const char *key,
	const char *version_id, struct err *err)
{
	if (db_exec(tx, "DELETE FROM object WHERE bucket = ?1 AND name = ?2 AND version_id = ?3",
		    DB_ARGS(DB_TEXT(bucket), key_val(key), DB_TEXT(version_id)), NULL, err) < 0)
		return -1;
	return db_exec(tx,
		"UPDATE object SET latest = 1 WHERE bucket = ?1 AND name = ?2 AND seq = "
		"(SELECT MAX(seq) FROM object WHERE bucket = ?1 AND name = ?2)",
		DB_ARGS(DB_TEXT(bucket), key_val(key)), NULL, err);
}

static void read_object(
	const struct db_rows *rows, const char *bucket, struct arena *a, struct store_object *ret)
{
	struct view key = db_col_bytes(rows, 0);

	*ret = (struct store_object){
		.bucket = arena_strdup(a, bucket),
		.key = arena_view_dup(a, key),
		.version_id = db_col_text(rows, 1, a),
		.seq = db_col_int(rows, 2),
		.latest = db_col_int(rows, 3),
		.marker = db_col_int(rows, 4),
		.size = db_col_int(rows, 5),
		.etag = db_col_text(rows, 6, a),
		.blob = db_col_text(rows, 7, a),
		.modified_usec = db_col_int(rows, 8),
	};
}

int store_object_get(struct db_tx *tx, const char *bucket, const char *key, const char *version_id,
	struct arena *a, struct store_object *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	struct towpath_object_meta *meta;
	int r;

	if (db_query(tx,
		    version_id ? "SELECT " COLUMNS ", doc FROM object WHERE bucket = ?1 AND "
				 "name = ?2 AND version_id = ?3"
			       : "SELECT " COLUMNS ", doc FROM object WHERE bucket = ?1 AND "
				 "name = ?2 AND latest = 1 AND ?3 = ''",
		    DB_ARGS(DB_TEXT(bucket), key_val(key), DB_TEXT(version_id ? version_id : "")),
		    &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r <= 0)
		return r;
	read_object(rows, bucket, a, ret);
	meta = arena_new(a, struct towpath_object_meta);
	if (wire_decode_json(&towpath_object_meta_shape, db_col_bytes(rows, 9), a, meta, err) < 0)
		return err_wrap(err, "stored object %s/%s", bucket, key);
	ret->meta = meta;
	return 1;
}

static int any(struct db_tx *tx, const char *sql, const char *value, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	if (db_query(tx, sql, DB_ARGS(DB_TEXT(value)), &rows, err) < 0)
		return -1;
	return db_next(rows, err);
}

int store_object_any(struct db_tx *tx, const char *bucket, struct err *err)
{
	return any(tx, "SELECT 1 FROM object WHERE bucket = ?1 LIMIT 1", bucket, err);
}

int store_object_has_blob(struct db_tx *tx, const char *blob, struct err *err)
{
	return any(tx, "SELECT 1 FROM object WHERE file = ?1 LIMIT 1", blob, err);
}

int store_object_list(struct db_tx *tx, const struct store_object_range *range, struct arena *a,
	struct store_object **ret, size_t *ret_n, struct err *err)
{
	static const char latest[] =
		"SELECT " COLUMNS
		" FROM object WHERE bucket = ?1 AND latest = 1 AND marker = 0 AND "
		"name >= ?2 AND (?3 = 0 OR name > ?2) AND (?4 = 1 OR name < ?5) AND ?6 >= 0 "
		"ORDER BY name LIMIT ?7";
	static const char versions[] =
		"SELECT " COLUMNS " FROM object WHERE bucket = ?1 AND name >= ?2 AND "
		"(?3 = 0 OR name > ?2 OR seq < ?6) AND (?4 = 1 OR name < ?5) "
		"ORDER BY name, seq DESC LIMIT ?7";
	struct db_rows *rows CLEANUP_ROWS = NULL;
	VEC(struct store_object) found = {0};
	struct view empty = {"", 0};
	int r;

	if (db_query(tx, range->versions ? versions : latest,
		    DB_ARGS(DB_TEXT(range->bucket), DB_BLOB(range->from.len ? range->from : empty),
			    DB_INT(range->exclusive), DB_INT(range->end.len == 0),
			    DB_BLOB(range->end.len ? range->end : empty), DB_INT(range->before_seq),
			    DB_INT(range->max)),
		    &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0) {
		vec_push(&found, (struct store_object){0});
		read_object(rows, range->bucket, a, &found.v[found.n - 1]);
	}
	*ret_n = found.n;
	*ret = arena_new_n(a, found.n, struct store_object);
	if (found.n)
		memcpy(*ret, found.v, found.n * sizeof(*found.v));
	vec_release(&found);
	return r;
}

int store_trash_add(struct db_tx *tx, const char *blob, struct err *err)
{
	return db_exec(tx, "INSERT INTO object_trash (file) VALUES (?1) ON CONFLICT DO NOTHING",
		DB_ARGS(DB_TEXT(blob)), NULL, err);
}

int store_trash_remove(struct db_tx *tx, const char *blob, struct err *err)
{
	return db_exec(
		tx, "DELETE FROM object_trash WHERE file = ?1", DB_ARGS(DB_TEXT(blob)), NULL, err);
}

int store_trash_list(struct db_tx *tx, int64_t max, struct arena *a, const char ***ret,
	size_t *ret_n, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	VEC(const char *) found = {0};
	int r;

	if (db_query(tx, "SELECT file FROM object_trash ORDER BY file LIMIT ?1",
		    DB_ARGS(DB_INT(max)), &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0)
		vec_push(&found, db_col_text(rows, 0, a));
	*ret_n = found.n;
	*ret = arena_new_n(a, found.n, const char *);
	if (found.n)
		memcpy(*ret, found.v, found.n * sizeof(*found.v));
	vec_release(&found);
	return r;
}
