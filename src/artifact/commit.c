/* SPDX-License-Identifier: Apache-2.0 */
/* How a new version of an object comes to be: bytes first (A1), then row and event in one step
 * (A4). */
#include "artifact/engine.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/utf8.h"

int artifact_not_found(struct err *err, const char *wire, const char *name)
{
	err_set_wire(err, wire, "The specified %s does not exist.", name);
	if (err)
		err->kind = ERR_NOT_FOUND;
	return -1;
}

int artifact_no_bucket(struct err *err)
{
	return artifact_not_found(err, "NoSuchBucket", "bucket");
}

int artifact_no_key(struct err *err)
{
	return artifact_not_found(err, "NoSuchKey", "key");
}

const char *artifact_new_id(struct arena *a)
{
	char *id = arena_alloc(a, 33);

	id_random_text(id, 32, ID_ALPHABET_BASE62);
	return id;
}

int artifact_check_key(const char *key, struct err *err)
{
	size_t n = strlen(key);

	if (n > 1024)
		return err_set_wire(err, "KeyTooLongError", "Your key is too long: %zu bytes.", n);
	if (!n || !utf8_valid(view_of(key)))
		return err_set_wire(
			err, "InvalidArgument", "A key must be UTF-8 of 1 to 1024 bytes.");
	return 0;
}

int artifact_need_bucket(struct db_tx *tx, const char *name, struct arena *a,
	struct store_bucket *ret, struct err *err)
{
	int r = store_bucket_get(tx, name, a, ret, err);

	return r == 0 ? artifact_no_bucket(err) : MIN(r, 0);
}

struct load_bucket {
	const char *name;
	struct arena *arena;
	struct store_bucket *ret;
};

static int load_bucket_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct load_bucket *l = arg;

	return artifact_need_bucket(tx, l->name, l->arena, l->ret, err);
}

int artifact_load_bucket(struct artifact_engine *e, const char *name, struct arena *a,
	struct store_bucket *ret, struct err *err)
{
	struct load_bucket l = {name, a, ret};

	return db_read(durable_db(e->durable), load_bucket_fn, &l, err);
}

int artifact_journal(struct artifact_engine *e, struct db_tx *tx, const struct store_object *o,
	const char *event, const char *actor, struct err *err)
{
	struct str detail CLEANUP_STR = STR_INIT;
	struct towpath_event_object doc = {
		.bucket = o->bucket,
		.key = o->key,
		.version_id = o->version_id,
		.etag = o->etag,
		.event = event,
		.size = WIRE_SET_LONG(o->size),
	};
	struct journal_entry entry = {.kind = "s3.object", .subject = o->bucket, .actor = actor};

	wire_encode_json(&towpath_event_object_shape, &doc, &detail);
	entry.detail = str_text(&detail);
	return journal_append(e->durable, tx, &entry, err);
}

/* ---- the step ---- */

static int check_condition(const struct artifact_condition *c, bool exists,
	const struct store_object *present, struct err *err)
{
	exists = exists && !present->marker;
	if (c->if_none_match && exists && artifact_etag_in(c->if_none_match, present->etag))
		return err_set_wire(err, "PreconditionFailed",
			"At least one of the pre-conditions you specified did not hold");
	if (!c->if_match)
		return 0;
	if (!exists)
		return artifact_no_key(err);
	if (!artifact_etag_in(c->if_match, present->etag))
		return err_set_wire(err, "PreconditionFailed",
			"At least one of the pre-conditions you specified did not hold");
	return 0;
}

/* The version "null" is replaced, not added to. */
static int replace_null(struct artifact_commit *c, struct db_tx *tx, struct err *err)
{
	struct store_object before;
	const struct store_object *o = &c->object;
	int r = store_object_get(tx, o->bucket, o->key, "null", c->arena, &before, err);

	if (r <= 0)
		return r;
	if (artifact_discard(c->e, tx, before.blob, err) < 0)
		return -1;
	return store_object_delete(tx, o->bucket, o->key, "null", err);
}

/* The upload that became this object ends with it. */
static int end_upload(struct artifact_commit *c, struct db_tx *tx, struct err *err)
{
	struct store_part *parts;
	struct store_upload upload;
	size_t n;
	int r;

	if (!c->upload_id)
		return 0;
	r = store_upload_get(tx, c->upload_id, c->arena, &upload, err);
	if (r <= 0)
		return r < 0 ? -1 : artifact_not_found(err, "NoSuchUpload", "upload");
	if (store_part_list(tx, c->upload_id, 0, INT64_MAX, c->arena, &parts, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (artifact_discard(c->e, tx, parts[i].blob, err) < 0)
			return -1;
	return store_upload_delete(tx, c->upload_id, err);
}

static int commit_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct artifact_commit *c = arg;
	struct store_object *o = &c->object, present = {0};
	struct store_bucket bucket;
	bool enabled;
	int r;

	if (artifact_need_bucket(tx, o->bucket, c->arena, &bucket, err) < 0)
		return -1;
	r = store_object_get(tx, o->bucket, o->key, NULL, c->arena, &present, err);
	if (r < 0 || check_condition(&c->condition, r > 0, &present, err) < 0)
		return -1;
	enabled = streq(bucket.versioning, "Enabled");
	c->versioned = *bucket.versioning;
	o->version_id = enabled ? artifact_new_id(c->arena) : "null";
	o->modified_usec = durable_now(c->e->durable);
	if ((!enabled && replace_null(c, tx, err) < 0) || store_object_insert(tx, o, err) < 0 ||
		end_upload(c, tx, err) < 0)
		return -1;
	return artifact_journal(c->e, tx, o, "ObjectCreated", c->actor, err);
}

int artifact_commit(struct artifact_commit *c, struct blob_writer *w, struct err *err)
{
	c->object.blob = w->id.text;
	if (durable_step(c->e->durable, commit_fn, c, err) < 0)
		return -1;
	blob_keep(w);
	return 0;
}

/* ---- bytes ---- */

const char *artifact_etag(const struct blob_writer *w, struct arena *a)
{
	struct digest_value v = digest_value(&w->md5);

	return arena_strdup(a, digest_hex(&v).text);
}

int artifact_receive(struct blob_writer *w, struct call_stream *stream,
	const struct checksum_claim *claim, struct arena *a, struct towpath_object_meta *meta,
	struct err *err)
{
	char buf[64 * 1024];
	ssize_t got;

	if (claim->kind)
		blob_add_digest(w, claim->kind->kind);
	while ((got = stream->read(stream, buf, sizeof(buf), err)) > 0)
		if (blob_write(w, buf, (size_t)got, err) < 0)
			return -1;
	if (got < 0)
		return -1;
	return checksum_verify(claim, w, stream, a, meta, err);
}
