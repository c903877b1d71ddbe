/* SPDX-License-Identifier: Apache-2.0 */
/* Multipart uploads under way, and their parts. */
#include "store/upload.h"

#include "base/vec.h"

const struct db_migration store_upload_migrations[] = {
	{"1-create", "CREATE TABLE upload ("
		     "id TEXT PRIMARY KEY, "
		     "bucket TEXT NOT NULL, "
		     "name BLOB NOT NULL, "
		     "created INTEGER NOT NULL, "
		     "doc TEXT NOT NULL);\n"
		     "CREATE INDEX upload_bucket ON upload (bucket, name, id);\n"
		     "CREATE TABLE upload_part ("
		     "upload_id TEXT NOT NULL, "
		     "number INTEGER NOT NULL, "
		     "size INTEGER NOT NULL, "
		     "etag TEXT NOT NULL, "
		     "file TEXT NOT NULL, "
		     "modified INTEGER NOT NULL, "
		     "doc TEXT NOT NULL, "
		     "PRIMARY KEY (upload_id, number));\n"
		     "CREATE INDEX upload_part_file ON upload_part (file)"},
};
const size_t store_upload_migrations_n = ARRAY_SIZE(store_upload_migrations);

static void encode_meta(const struct towpath_object_meta *meta, struct str *out)
{
	static const struct towpath_object_meta none;

	wire_encode_json(&towpath_object_meta_shape, meta ? meta : &none, out);
}

static int decode_meta(const struct db_rows *rows, int col, struct arena *a,
	const struct towpath_object_meta **ret, struct err *err)
{
	struct towpath_object_meta *meta = arena_new(a, struct towpath_object_meta);

	*ret = meta;
	return wire_decode_json(&towpath_object_meta_shape, db_col_bytes(rows, col), a, meta, err);
}

int store_upload_insert(struct db_tx *tx, const struct store_upload *u, struct err *err)
{
	struct str doc CLEANUP_STR = STR_INIT;

	encode_meta(u->meta, &doc);
	return db_exec(tx,
		"INSERT INTO upload (id, bucket, name, created, doc) VALUES (?1, ?2, ?3, ?4, ?5)",
		DB_ARGS(DB_TEXT(u->id), DB_TEXT(u->bucket), DB_BLOB(view_of(u->key)),
			DB_INT(u->created_usec), DB_TEXT_VIEW(str_view(&doc))),
		NULL, err);
}

static int read_upload(
	const struct db_rows *rows, struct arena *a, struct store_upload *ret, struct err *err)
{
	ret->id = db_col_text(rows, 0, a);
	ret->bucket = db_col_text(rows, 1, a);
	ret->key = arena_view_dup(a, db_col_bytes(rows, 2));
	ret->created_usec = db_col_int(rows, 3);
	return decode_meta(rows, 4, a, &ret->meta, err);
}

int store_upload_get(struct db_tx *tx, const char *id, struct arena *a, struct store_upload *ret,
	struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int r;

	if (db_query(tx, "SELECT id, bucket, name, created, doc FROM upload WHERE id = ?1",
		    DB_ARGS(DB_TEXT(id)), &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r > 0 && read_upload(rows, a, ret, err) < 0)
		return -1;
	return r;
}

int store_upload_delete(struct db_tx *tx, const char *id, struct err *err)
{
	if (db_exec(tx, "DELETE FROM upload_part WHERE upload_id = ?1", DB_ARGS(DB_TEXT(id)), NULL,
		    err) < 0)
		return -1;
	return db_exec(tx, "DELETE FROM upload WHERE id = ?1", DB_ARGS(DB_TEXT(id)), NULL, err);
}

int store_upload_list(struct db_tx *tx, const char *bucket, struct view after_key,
	const char *after_id, struct view prefix, struct view end, int64_t max, struct arena *a,
	struct store_upload **ret, size_t *ret_n, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	VEC(struct store_upload) found = {0};
	struct view empty = {"", 0};
	int r;

	if (db_query(tx,
		    "SELECT id, bucket, name, created, doc FROM upload WHERE bucket = ?1 AND "
		    "(name > ?2 OR (name = ?2 AND id > ?3)) AND name >= ?4 AND "
		    "(?5 = 1 OR name < ?6) ORDER BY name, id LIMIT ?7",
		    DB_ARGS(DB_TEXT(bucket), DB_BLOB(after_key.len ? after_key : empty),
			    DB_TEXT(after_id), DB_BLOB(prefix.len ? prefix : empty),
			    DB_INT(end.len == 0), DB_BLOB(end.len ? end : empty), DB_INT(max)),
		    &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0) {
		vec_push(&found, (struct store_upload){0});
		r = read_upload(rows, a, &found.v[found.n - 1], err);
		if (r < 0)
			break;
	}
	*ret_n = found.n;
	*ret = arena_new_n(a, found.n, struct store_upload);
	if (found.n)
		memcpy(*ret, found.v, found.n * sizeof(*found.v));
	vec_release(&found);
	return r;
}

int store_part_put(
	struct db_tx *tx, const char *upload_id, const struct store_part *p, struct err *err)
{
	struct str doc CLEANUP_STR = STR_INIT;

	encode_meta(p->meta, &doc);
	return db_exec(tx,
		"INSERT INTO upload_part (upload_id, number, size, etag, file, modified, doc) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (upload_id, number) DO UPDATE SET "
		"size = excluded.size, etag = excluded.etag, file = excluded.file, "
		"modified = excluded.modified, doc = excluded.doc",
		DB_ARGS(DB_TEXT(upload_id), DB_INT(p->number), DB_INT(p->size), DB_TEXT(p->etag),
			DB_TEXT(p->blob), DB_INT(p->modified_usec), DB_TEXT_VIEW(str_view(&doc))),
		NULL, err);
}

#define PART_COLUMNS "number, size, etag, file, modified, doc"

static int read_part(
	const struct db_rows *rows, struct arena *a, struct store_part *ret, struct err *err)
{
	ret->number = (int)db_col_int(rows, 0);
	ret->size = db_col_int(rows, 1);
	ret->etag = db_col_text(rows, 2, a);
	ret->blob = db_col_text(rows, 3, a);
	ret->modified_usec = db_col_int(rows, 4);
	return decode_meta(rows, 5, a, &ret->meta, err);
}

int store_part_get(struct db_tx *tx, const char *upload_id, int number, struct arena *a,
	struct store_part *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int r;

	if (db_query(tx,
		    "SELECT " PART_COLUMNS " FROM upload_part WHERE upload_id = ?1 AND number = ?2",
		    DB_ARGS(DB_TEXT(upload_id), DB_INT(number)), &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r > 0 && read_part(rows, a, ret, err) < 0)
		return -1;
	return r;
}

int store_part_list(struct db_tx *tx, const char *upload_id, int after, int64_t max,
	struct arena *a, struct store_part **ret, size_t *ret_n, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	VEC(struct store_part) found = {0};
	int r;

	if (db_query(tx,
		    "SELECT " PART_COLUMNS " FROM upload_part WHERE upload_id = ?1 AND number > ?2 "
		    "ORDER BY number LIMIT ?3",
		    DB_ARGS(DB_TEXT(upload_id), DB_INT(after), DB_INT(max)), &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0) {
		vec_push(&found, (struct store_part){0});
		r = read_part(rows, a, &found.v[found.n - 1], err);
		if (r < 0)
			break;
	}
	*ret_n = found.n;
	*ret = arena_new_n(a, found.n, struct store_part);
	if (found.n)
		memcpy(*ret, found.v, found.n * sizeof(*found.v));
	vec_release(&found);
	return r;
}

int store_part_has_blob(struct db_tx *tx, const char *blob, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	if (db_query(tx, "SELECT 1 FROM upload_part WHERE file = ?1 LIMIT 1",
		    DB_ARGS(DB_TEXT(blob)), &rows, err) < 0)
		return -1;
	return db_next(rows, err);
}
