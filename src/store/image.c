/* SPDX-License-Identifier: Apache-2.0 */
/* Image repositories: documents, manifests, references and tags. */
#include "store/image.h"

#include "base/vec.h"
#include "ecr.gen.h"

const struct db_migration store_image_migrations[] = {
	{"1-create", "CREATE TABLE image_manifest ("
		     "repository TEXT NOT NULL, "
		     "digest TEXT NOT NULL, "
		     "media_type TEXT NOT NULL, "
		     "artifact_type TEXT NOT NULL, "
		     "subject TEXT NOT NULL, "
		     "size INTEGER NOT NULL, "
		     "pushed INTEGER NOT NULL, "
		     "pulled INTEGER NOT NULL, "
		     "body BLOB NOT NULL, "
		     "PRIMARY KEY (repository, digest));\n"
		     "CREATE INDEX image_manifest_subject ON image_manifest (repository, subject, "
		     "digest);\n"
		     "CREATE TABLE image_reference ("
		     "repository TEXT NOT NULL, "
		     "manifest TEXT NOT NULL, "
		     "digest TEXT NOT NULL, "
		     "is_manifest INTEGER NOT NULL, "
		     "PRIMARY KEY (repository, manifest, digest, is_manifest));\n"
		     "CREATE INDEX image_reference_digest ON image_reference (repository, digest, "
		     "is_manifest);\n"
		     "CREATE TABLE image_tag ("
		     "repository TEXT NOT NULL, "
		     "tag TEXT NOT NULL, "
		     "digest TEXT NOT NULL, "
		     "pushed INTEGER NOT NULL, "
		     "PRIMARY KEY (repository, tag));\n"
		     "CREATE INDEX image_tag_digest ON image_tag (repository, digest, tag)"},
};
const size_t store_image_migrations_n = ARRAY_SIZE(store_image_migrations);

const struct store_document_kind STORE_IMAGE_REPOSITORY = {
	"image.repository", &ecr_repository_shape};
const struct store_document_kind STORE_IMAGE_POLICY = {
	"image.policy", &ecr_get_repository_policy_response_shape};
const struct store_document_kind STORE_IMAGE_LIFECYCLE = {
	"image.lifecycle", &ecr_get_lifecycle_policy_response_shape};
const struct store_document_kind STORE_IMAGE_PREVIEW = {
	"image.preview", &ecr_get_lifecycle_policy_preview_response_shape};

/* ---- manifests ---- */

#define COLUMNS "digest, media_type, artifact_type, subject, size, pushed, pulled"

static void read_image(const struct db_rows *rows, const char *repository, struct arena *a,
	struct store_image *ret)
{
	*ret = (struct store_image){
		.repository = arena_strdup(a, repository),
		.digest = db_col_text(rows, 0, a),
		.media_type = db_col_text(rows, 1, a),
		.artifact_type = db_col_text(rows, 2, a),
		.subject = db_col_text(rows, 3, a),
		.size = db_col_int(rows, 4),
		.pushed_usec = db_col_int(rows, 5),
		.pulled_usec = db_col_int(rows, 6),
	};
}

static struct view read_body(const struct db_rows *rows, struct arena *a)
{
	struct view body = db_col_bytes(rows, 7);

	return (struct view){arena_view_dup(a, body), body.len};
}

int store_image_insert(struct db_tx *tx, const struct store_image *i, struct err *err)
{
	return db_exec(tx,
		"INSERT INTO image_manifest (repository, " COLUMNS ", body) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
		DB_ARGS(DB_TEXT(i->repository), DB_TEXT(i->digest), DB_TEXT(i->media_type),
			DB_TEXT(i->artifact_type), DB_TEXT(i->subject), DB_INT(i->size),
			DB_INT(i->pushed_usec), DB_INT(i->pulled_usec), DB_BLOB(i->body)),
		NULL, err);
}

int store_image_get(struct db_tx *tx, const char *repository, const char *digest, struct arena *a,
	struct store_image *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int r;

	if (db_query(tx,
		    "SELECT " COLUMNS ", body FROM image_manifest "
		    "WHERE repository = ?1 AND digest = ?2",
		    DB_ARGS(DB_TEXT(repository), DB_TEXT(digest)), &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r > 0) {
		read_image(rows, repository, a, ret);
		ret->body = read_body(rows, a);
	}
	return r;
}

int store_image_delete(
	struct db_tx *tx, const char *repository, const char *digest, struct err *err)
{
	static const char *const statements[] = {
		"DELETE FROM image_tag WHERE repository = ?1 AND digest = ?2",
		"DELETE FROM image_reference WHERE repository = ?1 AND manifest = ?2",
		"DELETE FROM image_manifest WHERE repository = ?1 AND digest = ?2",
	};

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++)
		if (db_exec(tx, statements[i], DB_ARGS(DB_TEXT(repository), DB_TEXT(digest)), NULL,
			    err) < 0)
			return -1;
	return 0;
}

int store_image_set_pulled(
	struct db_tx *tx, const char *repository, const char *digest, int64_t usec, struct err *err)
{
	return db_exec(tx,
		"UPDATE image_manifest SET pulled = ?3 WHERE repository = ?1 AND digest = ?2",
		DB_ARGS(DB_TEXT(repository), DB_TEXT(digest), DB_INT(usec)), NULL, err);
}

typedef VEC(struct store_image) image_vec;

/* Hands the rows found over to the arena. */
static int give(image_vec *found, int r, struct arena *a, struct store_image **ret, size_t *ret_n)
{
	*ret_n = found->n;
	*ret = arena_new_n(a, found->n, struct store_image);
	if (found->n)
		memcpy(*ret, found->v, found->n * sizeof(*found->v));
	vec_release(found);
	return r;
}

int store_image_list(struct db_tx *tx, const char *repository, const char *after, size_t max,
	struct arena *a, struct store_image **ret, size_t *ret_n, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	image_vec found = {0};
	int r;

	if (db_query(tx,
		    "SELECT " COLUMNS " FROM image_manifest WHERE repository = ?1 AND digest > ?2 "
		    "ORDER BY digest LIMIT ?3",
		    DB_ARGS(DB_TEXT(repository), DB_TEXT(after),
			    DB_INT(max ? (int64_t)max : INT64_MAX)),
		    &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0) {
		vec_push(&found, (struct store_image){0});
		read_image(rows, repository, a, &found.v[found.n - 1]);
	}
	return give(&found, r, a, ret, ret_n);
}

int store_image_referrers(struct db_tx *tx, const char *repository, const char *subject,
	const char *after, size_t max, struct arena *a, struct store_image **ret, size_t *ret_n,
	struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	image_vec found = {0};
	int r;

	if (db_query(tx,
		    "SELECT " COLUMNS ", body FROM image_manifest WHERE repository = ?1 AND "
		    "subject = ?2 AND digest > ?3 ORDER BY digest LIMIT ?4",
		    DB_ARGS(DB_TEXT(repository), DB_TEXT(subject), DB_TEXT(after),
			    DB_INT((int64_t)max)),
		    &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0) {
		vec_push(&found, (struct store_image){0});
		read_image(rows, repository, a, &found.v[found.n - 1]);
		found.v[found.n - 1].body = read_body(rows, a);
	}
	return give(&found, r, a, ret, ret_n);
}

int store_image_any(struct db_tx *tx, const char *repository, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;

	if (db_query(tx, "SELECT 1 FROM image_manifest WHERE repository = ?1 LIMIT 1",
		    DB_ARGS(DB_TEXT(repository)), &rows, err) < 0)
		return -1;
	return db_next(rows, err);
}

int store_image_delete_all(struct db_tx *tx, const char *repository, struct err *err)
{
	static const char *const statements[] = {
		"DELETE FROM image_tag WHERE repository = ?1",
		"DELETE FROM image_reference WHERE repository = ?1",
		"DELETE FROM image_manifest WHERE repository = ?1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++)
		if (db_exec(tx, statements[i], DB_ARGS(DB_TEXT(repository)), NULL, err) < 0)
			return -1;
	return 0;
}

/* ---- references ---- */

int store_image_reference_add(struct db_tx *tx, const char *repository, const char *manifest,
	const char *digest, bool is_manifest, struct err *err)
{
	return db_exec(tx,
		"INSERT INTO image_reference (repository, manifest, digest, is_manifest) "
		"VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
		DB_ARGS(DB_TEXT(repository), DB_TEXT(manifest), DB_TEXT(digest),
			DB_INT(is_manifest)),
		NULL, err);
}

int store_image_named(struct db_tx *tx, const char *repository, const char *digest,
	bool is_manifest, struct arena *a, const char **ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int r;

	if (db_query(tx,
		    "SELECT manifest FROM image_reference WHERE repository = ?1 AND digest = ?2 "
		    "AND is_manifest = ?3 ORDER BY manifest LIMIT 1",
		    DB_ARGS(DB_TEXT(repository), DB_TEXT(digest), DB_INT(is_manifest)), &rows,
		    err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r > 0 && ret)
		*ret = db_col_text(rows, 0, a);
	return r;
}

int store_image_pairs(struct db_tx *tx, const char *repository, struct arena *a,
	struct store_image_pair **ret, size_t *ret_n, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	VEC(struct store_image_pair) found = {0};
	int r;

	if (db_query(tx,
		    "SELECT manifest, digest FROM image_reference WHERE repository = ?1 AND "
		    "is_manifest = 1 ORDER BY digest, manifest",
		    DB_ARGS(DB_TEXT(repository)), &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0)
		vec_push(&found, (struct store_image_pair){
					 db_col_text(rows, 0, a), db_col_text(rows, 1, a)});
	*ret_n = found.n;
	*ret = arena_new_n(a, found.n, struct store_image_pair);
	if (found.n)
		memcpy(*ret, found.v, found.n * sizeof(*found.v));
	vec_release(&found);
	return r;
}

/* ---- tags ---- */

int store_image_tag_put(
	struct db_tx *tx, const char *repository, const struct store_image_tag *t, struct err *err)
{
	return db_exec(tx,
		"INSERT INTO image_tag (repository, tag, digest, pushed) VALUES (?1, ?2, ?3, ?4) "
		"ON CONFLICT (repository, tag) DO UPDATE SET digest = excluded.digest, "
		"pushed = excluded.pushed",
		DB_ARGS(DB_TEXT(repository), DB_TEXT(t->tag), DB_TEXT(t->digest),
			DB_INT(t->pushed_usec)),
		NULL, err);
}

static void read_tag(const struct db_rows *rows, struct arena *a, struct store_image_tag *ret)
{
	ret->tag = db_col_text(rows, 0, a);
	ret->digest = db_col_text(rows, 1, a);
	ret->pushed_usec = db_col_int(rows, 2);
}

int store_image_tag_get(struct db_tx *tx, const char *repository, const char *tag, struct arena *a,
	struct store_image_tag *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int r;

	if (db_query(tx,
		    "SELECT tag, digest, pushed FROM image_tag WHERE repository = ?1 AND tag = ?2",
		    DB_ARGS(DB_TEXT(repository), DB_TEXT(tag)), &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r > 0)
		read_tag(rows, a, ret);
	return r;
}

int store_image_tag_delete(
	struct db_tx *tx, const char *repository, const char *tag, struct err *err)
{
	return db_exec(tx, "DELETE FROM image_tag WHERE repository = ?1 AND tag = ?2",
		DB_ARGS(DB_TEXT(repository), DB_TEXT(tag)), NULL, err);
}

int store_image_tag_list(struct db_tx *tx, const char *repository, const char *digest,
	const char *after, size_t max, struct arena *a, struct store_image_tag **ret, size_t *ret_n,
	struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	VEC(struct store_image_tag) found = {0};
	int r;

	if (db_query(tx,
		    digest ? "SELECT tag, digest, pushed FROM image_tag WHERE repository = ?1 AND "
			     "digest = ?4 AND tag > ?2 ORDER BY tag LIMIT ?3"
			   : "SELECT tag, digest, pushed FROM image_tag WHERE repository = ?1 AND "
			     "tag > ?2 AND ?4 = '' ORDER BY tag LIMIT ?3",
		    DB_ARGS(DB_TEXT(repository), DB_TEXT(after),
			    DB_INT(max ? (int64_t)max : INT64_MAX), DB_TEXT(digest ? digest : "")),
		    &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0) {
		vec_push(&found, (struct store_image_tag){0});
		read_tag(rows, a, &found.v[found.n - 1]);
	}
	*ret_n = found.n;
	*ret = arena_new_n(a, found.n, struct store_image_tag);
	if (found.n)
		memcpy(*ret, found.v, found.n * sizeof(*found.v));
	vec_release(&found);
	return r;
}
