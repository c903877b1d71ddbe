/* SPDX-License-Identifier: Apache-2.0 */
/* DeleteObject, DeleteObjects. */
#include "artifact/engine.h"
#include "base/mem.h"

#define MAX_BATCH 1000

/* One key to delete, and what became of it. */
struct target {
	const char *key, *version; /* version NULL: the latest */
	const char *if_match;
	bool marker;		    /* a marker was made or removed */
	const char *marker_version; /* of that marker; NULL: none or "null" without versioning */
};

struct deletion {
	struct artifact_engine *e;
	const char *bucket;
	struct target *targets;
	size_t n;
	const char *actor;
	struct arena *arena;
};

/* Removes a version for good; missing is fine. */
static int remove_version(struct deletion *d, struct db_tx *tx, struct target *t,
	const char *version, struct err *err)
{
	struct store_object o;
	int r = store_object_get(tx, d->bucket, t->key, version, d->arena, &o, err);

	if (r <= 0)
		return r;
	if (artifact_discard(d->e, tx, o.blob, err) < 0 ||
		store_object_delete(tx, d->bucket, t->key, version, err) < 0)
		return -1;
	t->marker = o.marker && t->version;
	t->marker_version = t->marker ? version : NULL;
	return artifact_journal(d->e, tx, &o, "ObjectDeleted", d->actor, err);
}

static int add_marker(
	struct deletion *d, struct db_tx *tx, struct target *t, bool enabled, struct err *err)
{
	struct store_object o = {
		.bucket = d->bucket,
		.key = t->key,
		.version_id = enabled ? artifact_new_id(d->arena) : "null",
		.marker = true,
		.etag = "",
		.blob = "",
		.modified_usec = durable_now(d->e->durable),
	};

	if (!enabled) {
		struct store_object before;
		int r = store_object_get(tx, d->bucket, t->key, "null", d->arena, &before, err);

		if (r < 0)
			return -1;
		if (r > 0 && (artifact_discard(d->e, tx, before.blob, err) < 0 ||
				     store_object_delete(tx, d->bucket, t->key, "null", err) < 0))
			return -1;
	}
	if (store_object_insert(tx, &o, err) < 0)
		return -1;
	t->marker = true;
	t->marker_version = o.version_id;
	return artifact_journal(d->e, tx, &o, "ObjectDeleted", d->actor, err);
}

static int check_match(
	struct deletion *d, struct db_tx *tx, const struct target *t, struct err *err)
{
	struct store_object o;
	int r;

	if (!t->if_match)
		return 0;
	r = store_object_get(tx, d->bucket, t->key, t->version, d->arena, &o, err);
	if (r < 0)
		return -1;
	if (r == 0 || o.marker)
		return artifact_no_key(err);
	if (!artifact_etag_in(t->if_match, o.etag))
		return err_set_wire(err, "PreconditionFailed",
			"At least one of the pre-conditions you specified did not hold");
	return 0;
}

static int delete_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct deletion *d = arg;
	struct store_bucket bucket;

	if (artifact_need_bucket(tx, d->bucket, d->arena, &bucket, err) < 0)
		return -1;
	for (size_t i = 0; i < d->n; i++) {
		struct target *t = &d->targets[i];
		int r;

		t->marker = false;
		t->marker_version = NULL;
		if (check_match(d, tx, t, err) < 0)
			return -1;
		if (t->version)
			r = remove_version(d, tx, t, t->version, err);
		else if (*bucket.versioning)
			r = add_marker(d, tx, t, streq(bucket.versioning, "Enabled"), err);
		else
			r = remove_version(d, tx, t, "null", err);
		if (r < 0)
			return -1;
	}
	return 0;
}

int artifact_delete_object(struct artifact_engine *e, struct call *call,
	const struct s3_delete_object_request *req, struct s3_delete_object_response *resp,
	struct err *err)
{
	struct target t = {.key = req->key, .if_match = req->if_match};
	struct deletion d = {e, req->bucket, &t, 1, call->principal_arn, call->arena};

	t.version = req->version_id && *req->version_id ? req->version_id : NULL;
	if (durable_step(e->durable, delete_fn, &d, err) < 0)
		return -1;
	resp->version_id = t.version ? t.version : t.marker_version;
	if (t.marker)
		resp->delete_marker = WIRE_SET_BOOL(true);
	return 0;
}

int artifact_delete(struct artifact_engine *e, const char *bucket, const char *key, struct err *err)
{
	struct arena arena CLEANUP_ARENA = ARENA_INIT;
	struct target t = {.key = key};
	struct deletion d = {e, bucket, &t, 1, NULL, &arena};

	return durable_step(e->durable, delete_fn, &d, err);
}

/* Keys that cannot be are told one by one; all others go in one step. */
static size_t take_targets(const struct s3_delete *what, struct target *targets,
	struct s3_delete_objects_response *resp, struct arena *a)
{
	size_t n = 0;

	wire_list_alloc(a, &resp->errors, what->objects.n);
	resp->errors.n = 0;
	wire_foreach (o, &what->objects) {
		struct err why CLEANUP_ERR = ERR_INIT;

		if (artifact_check_key(o->key, &why) < 0) {
			resp->errors.v[resp->errors.n++] = (struct s3_error){
				.code = arena_strdup(a, why.wire),
				.key = o->key,
				.message = arena_strdup(a, err_message(&why)),
				.version_id = o->version_id,
			};
			continue;
		}
		targets[n++] = (struct target){
			.key = o->key,
			.version = o->version_id && *o->version_id ? o->version_id : NULL,
			.if_match = o->e_tag,
		};
	}
	resp->errors.set = resp->errors.n > 0;
	return n;
}

int artifact_delete_objects(struct artifact_engine *e, struct call *call,
	const struct s3_delete_objects_request *req, struct s3_delete_objects_response *resp,
	struct err *err)
{
	const struct s3_delete *what = req->delete;
	struct deletion d = {e, req->bucket, NULL, 0, call->principal_arn, call->arena};

	if (!what->objects.n || what->objects.n > MAX_BATCH)
		return err_set(err, ERR_MALFORMED,
			"A request deletes 1 to %d objects, this one has %zu", MAX_BATCH,
			what->objects.n);
	d.targets = arena_new_n(call->arena, what->objects.n, struct target);
	d.n = take_targets(what, d.targets, resp, call->arena);
	if (durable_step(e->durable, delete_fn, &d, err) < 0)
		return -1;
	if (wire_or(what->quiet, false))
		return 0;
	wire_list_alloc(call->arena, &resp->deleted, d.n);
	for (size_t i = 0; i < d.n; i++) {
		const struct target *t = &d.targets[i];

		resp->deleted.v[i].key = t->key;
		resp->deleted.v[i].version_id = t->version;
		if (t->marker) {
			resp->deleted.v[i].delete_marker = WIRE_SET_BOOL(true);
			resp->deleted.v[i].delete_marker_version_id = t->marker_version;
		}
	}
	return 0;
}
