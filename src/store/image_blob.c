/* SPDX-License-Identifier: Apache-2.0 */
/* The blobs of images, who holds them, and uploads under way. */
#include "store/image_blob.h"

#include "base/vec.h"

const struct db_migration store_image_blob_migrations[] = {
	{"1-create", "CREATE TABLE image_blob ("
		     "digest TEXT PRIMARY KEY, "
		     "file TEXT NOT NULL, "
		     "size INTEGER NOT NULL);\n"
		     "CREATE INDEX image_blob_file ON image_blob (file);\n"
		     "CREATE TABLE image_link ("
		     "repository TEXT NOT NULL, "
		     "digest TEXT NOT NULL, "
		     "touched INTEGER NOT NULL, "
		     "PRIMARY KEY (repository, digest));\n"
		     "CREATE INDEX image_link_digest ON image_link (digest);\n"
		     "CREATE TABLE image_upload ("
		     "id TEXT PRIMARY KEY, "
		     "repository TEXT NOT NULL, "
		     "file TEXT NOT NULL, "
		     "created INTEGER NOT NULL, "
		     "updated INTEGER NOT NULL, "
		     "short_parts INTEGER NOT NULL);\n"
		     "CREATE INDEX image_upload_repository ON image_upload (repository, created);\n"
		     "CREATE INDEX image_upload_file ON image_upload (file)"},
};
const size_t store_image_blob_migrations_n = ARRAY_SIZE(store_image_blob_migrations);

static int any(struct db_tx *tx, const char *sql, const char *value, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	if (db_query(tx, sql, DB_ARGS(DB_TEXT(value)), &rows, err) < 0)
		return -1;
	return db_next(rows, err);
}

/* ---- blobs ---- */

int store_image_blob_insert(struct db_tx *tx, const struct store_image_blob *b, struct err *err)
{
	return db_exec(tx, "INSERT INTO image_blob (digest, file, size) VALUES (?1, ?2, ?3)",
		DB_ARGS(DB_TEXT(b->digest), DB_TEXT(b->file), DB_INT(b->size)), NULL, err);
}

static void read_blob(const struct db_rows *rows, struct arena *a, struct store_image_blob *ret)
{
	*ret = (struct store_image_blob){
		.digest = db_col_text(rows, 0, a),
		.file = db_col_text(rows, 1, a),
		.size = db_col_int(rows, 2),
		.touched_usec = db_col_int(rows, 3),
	};
}

static int one_blob(struct db_tx *tx, const char *sql, struct db_args args, struct arena *a,
	struct store_image_blob *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int r;

	if (db_query(tx, sql, args, &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r > 0)
		read_blob(rows, a, ret);
	return r;
}

static int many_blobs(struct db_tx *tx, const char *sql, struct db_args args, struct arena *a,
	struct store_image_blob **ret, size_t *ret_n, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	VEC(struct store_image_blob) found = {0};
	int r;

	if (db_query(tx, sql, args, &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0) {
		vec_push(&found, (struct store_image_blob){0});
		read_blob(rows, a, &found.v[found.n - 1]);
	}
	*ret_n = found.n;
	*ret = arena_new_n(a, found.n, struct store_image_blob);
	if (found.n)
		memcpy(*ret, found.v, found.n * sizeof(*found.v));
	vec_release(&found);
	return r;
}

int store_image_blob_get(struct db_tx *tx, const char *digest, struct arena *a,
	struct store_image_blob *ret, struct err *err)
{
	return one_blob(tx, "SELECT digest, file, size, 0 FROM image_blob WHERE digest = ?1",
		DB_ARGS(DB_TEXT(digest)), a, ret, err);
}

int store_image_blob_delete(struct db_tx *tx, const char *digest, struct err *err)
{
	return db_exec(tx, "DELETE FROM image_blob WHERE digest = ?1", DB_ARGS(DB_TEXT(digest)),
		NULL, err);
}

int store_image_has_file(struct db_tx *tx, const char *file, struct err *err)
{
	int r = any(tx, "SELECT 1 FROM image_blob WHERE file = ?1 LIMIT 1", file, err);

	return r ? r : any(tx, "SELECT 1 FROM image_upload WHERE file = ?1 LIMIT 1", file, err);
}

/* ---- links ---- */

int store_image_link_put(struct db_tx *tx, const char *repository, const char *digest,
	int64_t touched_usec, struct err *err)
{
	return db_exec(tx,
		"INSERT INTO image_link (repository, digest, touched) VALUES (?1, ?2, ?3) "
		"ON CONFLICT (repository, digest) DO UPDATE SET touched = excluded.touched",
		DB_ARGS(DB_TEXT(repository), DB_TEXT(digest), DB_INT(touched_usec)), NULL, err);
}

#define LINKED                                                                               \
	"SELECT l.digest, b.file, b.size, l.touched FROM image_link l JOIN image_blob b ON " \
	"b.digest = l.digest WHERE l.repository = ?1"

int store_image_link_get(struct db_tx *tx, const char *repository, const char *digest,
	struct arena *a, struct store_image_blob *ret, struct err *err)
{
	return one_blob(tx, LINKED " AND l.digest = ?2",
		DB_ARGS(DB_TEXT(repository), DB_TEXT(digest)), a, ret, err);
}

int store_image_link_delete(
	struct db_tx *tx, const char *repository, const char *digest, struct err *err)
{
	return db_exec(tx, "DELETE FROM image_link WHERE repository = ?1 AND digest = ?2",
		DB_ARGS(DB_TEXT(repository), DB_TEXT(digest)), NULL, err);
}

int store_image_link_any(struct db_tx *tx, const char *digest, struct err *err)
{
	return any(tx, "SELECT 1 FROM image_link WHERE digest = ?1 LIMIT 1", digest, err);
}

int store_image_link_loose(struct db_tx *tx, const char *repository, size_t max, struct arena *a,
	struct store_image_blob **ret, size_t *ret_n, struct err *err)
{
	return many_blobs(tx,
		LINKED " AND NOT EXISTS (SELECT 1 FROM image_reference r WHERE "
		       "r.repository = l.repository AND r.digest = l.digest AND "
		       "r.is_manifest = 0) ORDER BY l.touched, l.digest LIMIT ?2",
		DB_ARGS(DB_TEXT(repository), DB_INT((int64_t)max)), a, ret, ret_n, err);
}

int store_image_link_list(struct db_tx *tx, const char *repository, const char *after, size_t max,
	struct arena *a, struct store_image_blob **ret, size_t *ret_n, struct err *err)
{
	return many_blobs(tx, LINKED " AND l.digest > ?2 ORDER BY l.digest LIMIT ?3",
		DB_ARGS(DB_TEXT(repository), DB_TEXT(after), DB_INT((int64_t)max)), a, ret, ret_n,
		err);
}

/* ---- uploads ---- */

#define UPLOAD "id, repository, file, created, updated, short_parts"

int store_image_upload_insert(struct db_tx *tx, const struct store_image_upload *u, struct err *err)
{
	return db_exec(tx, "INSERT INTO image_upload (" UPLOAD ") VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
		DB_ARGS(DB_TEXT(u->id), DB_TEXT(u->repository), DB_TEXT(u->file),
			DB_INT(u->created_usec), DB_INT(u->updated_usec), DB_INT(u->short_parts)),
		NULL, err);
}

static void read_upload(const struct db_rows *rows, struct arena *a, struct store_image_upload *ret)
{
	*ret = (struct store_image_upload){
		.id = db_col_text(rows, 0, a),
		.repository = db_col_text(rows, 1, a),
		.file = db_col_text(rows, 2, a),
		.created_usec = db_col_int(rows, 3),
		.updated_usec = db_col_int(rows, 4),
		.short_parts = (int)db_col_int(rows, 5),
	};
}

int store_image_upload_get(struct db_tx *tx, const char *id, struct arena *a,
	struct store_image_upload *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int r;

	if (db_query(tx, "SELECT " UPLOAD " FROM image_upload WHERE id = ?1", DB_ARGS(DB_TEXT(id)),
		    &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r > 0)
		read_upload(rows, a, ret);
	return r;
}

int store_image_upload_touch(struct db_tx *tx, const struct store_image_upload *u, struct err *err)
{
	int64_t changed;

	if (db_exec(tx, "UPDATE image_upload SET updated = ?2, short_parts = ?3 WHERE id = ?1",
		    DB_ARGS(DB_TEXT(u->id), DB_INT(u->updated_usec), DB_INT(u->short_parts)),
		    &changed, err) < 0)
		return -1;
	return changed > 0;
}

int store_image_upload_delete(struct db_tx *tx, const char *id, struct err *err)
{
	return db_exec(
		tx, "DELETE FROM image_upload WHERE id = ?1", DB_ARGS(DB_TEXT(id)), NULL, err);
}

int store_image_upload_list(struct db_tx *tx, const char *repository, struct arena *a,
	struct store_image_upload **ret, size_t *ret_n, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	VEC(struct store_image_upload) found = {0};
	int r;

	if (db_query(tx,
		    "SELECT " UPLOAD " FROM image_upload WHERE repository = ?1 ORDER BY created, "
		    "id",
		    DB_ARGS(DB_TEXT(repository)), &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0) {
		vec_push(&found, (struct store_image_upload){0});
		read_upload(rows, a, &found.v[found.n - 1]);
	}
	*ret_n = found.n;
	*ret = arena_new_n(a, found.n, struct store_image_upload);
	if (found.n)
		memcpy(*ret, found.v, found.n * sizeof(*found.v));
	vec_release(&found);
	return r;
}

int store_image_upload_oldest(
	struct db_tx *tx, const char *repository, int64_t *ret_usec, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int r;

	*ret_usec = 0;
	if (db_query(tx,
		    "SELECT created FROM image_upload WHERE repository = ?1 ORDER BY created "
		    "LIMIT 1",
		    DB_ARGS(DB_TEXT(repository)), &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r > 0)
		*ret_usec = db_col_int(rows, 0);
	return r;
}
