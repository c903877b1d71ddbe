/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on buckets. */
#include <arpa/inet.h>
#include <ctype.h>

#include "artifact/engine.h"
#include "base/mem.h"

/* 3 to 63 of a-z, 0-9, '-', '.'; a letter or digit at both ends; no "..", no IP address. */
static bool valid_name(const char *name)
{
	size_t n = strlen(name);
	struct in_addr address;

	if (n < 3 || n > 63 || strstr(name, "..") || inet_aton(name, &address))
		return false;
	for (size_t i = 0; i < n; i++) {
		bool plain = islower((unsigned char)name[i]) || isdigit((unsigned char)name[i]);

		if (!plain && (!strchr("-.", name[i]) || i == 0 || i == n - 1))
			return false;
	}
	return true;
}

struct create {
	struct artifact_engine *e;
	const char *name, *versioning;
	struct arena *arena;
	bool existed;
	struct store_bucket present;
};

static int create_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct create *c = arg;
	struct store_bucket b = {
		c->name, c->versioning ? c->versioning : "", durable_now(c->e->durable)};
	int r = store_bucket_get(tx, c->name, c->arena, &c->present, err);

	c->existed = r > 0;
	if (r < 0)
		return -1;
	if (!r)
		return store_bucket_insert(tx, &b, err);
	if (c->versioning && !streq(c->present.versioning, c->versioning))
		return store_bucket_set_versioning(tx, c->name, c->versioning, err);
	return 0;
}

static int check_name(const char *name, struct err *err)
{
	if (valid_name(name))
		return 0;
	return err_set_wire(
		err, "InvalidBucketName", "The specified bucket is not valid: %s", name);
}

int artifact_create_bucket(struct artifact_engine *e, struct call *call,
	const struct s3_create_bucket_request *req, struct s3_create_bucket_response *resp,
	struct err *err)
{
	const struct s3_create_bucket_configuration *config = req->create_bucket_configuration;
	struct create c = {.e = e, .name = req->bucket, .arena = call->arena};

	if (check_name(req->bucket, err) < 0)
		return -1;
	if (config && config->location_constraint && !streq(config->location_constraint, e->region))
		return err_set_wire(err, "IllegalLocationConstraintException",
			"The %s location constraint is incompatible for the region specific "
			"endpoint this request was sent to (%s).",
			config->location_constraint, e->region);
	if (durable_step(e->durable, create_fn, &c, err) < 0)
		return -1;
	if (c.existed && !streq(e->region, "us-east-1"))
		return err_set_wire(err, "BucketAlreadyOwnedByYou",
			"Your previous request to create the named bucket succeeded and you "
			"already own it.");
	resp->location = arena_printf(call->arena, "/%s", req->bucket);
	return 0;
}

int artifact_ensure_bucket(
	struct artifact_engine *e, const char *bucket, bool versioned, struct err *err)
{
	struct arena arena CLEANUP_ARENA = ARENA_INIT;
	struct create c = {.e = e, .name = bucket, .arena = &arena};

	c.versioning = versioned ? "Enabled" : NULL;
	if (check_name(bucket, err) < 0)
		return -1;
	return durable_step(e->durable, create_fn, &c, err);
}

int artifact_is_versioned(struct artifact_engine *e, const char *bucket, struct err *err)
{
	struct arena arena CLEANUP_ARENA = ARENA_INIT;
	struct store_bucket b;

	if (artifact_load_bucket(e, bucket, &arena, &b, err) < 0)
		return -1;
	return streq(b.versioning, "Enabled");
}

struct delete
{
	struct artifact_engine *e;
	const char *name;
	struct arena *arena;
};

static int end_uploads(struct delete *d, struct db_tx *tx, struct err *err)
{
	struct store_upload *uploads;
	struct store_part *parts;
	size_t n, n_parts;

	if (store_upload_list(tx, d->name, VIEW(""), "", VIEW(""), VIEW(""), INT64_MAX, d->arena,
		    &uploads, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (store_part_list(
			    tx, uploads[i].id, 0, INT64_MAX, d->arena, &parts, &n_parts, err) < 0)
			return -1;
		for (size_t j = 0; j < n_parts; j++)
			if (artifact_discard(d->e, tx, parts[j].blob, err) < 0)
				return -1;
		if (store_upload_delete(tx, uploads[i].id, err) < 0)
			return -1;
	}
	return 0;
}

static int delete_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct delete *d = arg;
	struct store_bucket bucket;
	int r;

	if (artifact_need_bucket(tx, d->name, d->arena, &bucket, err) < 0)
		return -1;
	r = store_object_any(tx, d->name, err);
	if (r > 0)
		return err_set_wire(err, "BucketNotEmpty",
			"The bucket you tried to delete is not empty%s",
			*bucket.versioning ? ". You must delete all versions in the bucket." : "");
	if (r < 0 || end_uploads(d, tx, err) < 0)
		return -1;
	return store_bucket_delete(tx, d->name, err);
}

int artifact_delete_bucket(struct artifact_engine *e, struct call *call,
	const struct s3_delete_bucket_request *req, struct s3_delete_bucket_response *resp,
	struct err *err)
{
	struct delete d = {e, req->bucket, call->arena};

	(void)resp;
	return durable_step(e->durable, delete_fn, &d, err);
}

int artifact_head_bucket(struct artifact_engine *e, struct call *call,
	const struct s3_head_bucket_request *req, struct s3_head_bucket_response *resp,
	struct err *err)
{
	struct store_bucket bucket;

	if (artifact_load_bucket(e, req->bucket, call->arena, &bucket, err) < 0)
		return -1;
	resp->bucket_region = e->region;
	return 0;
}

int artifact_get_bucket_location(struct artifact_engine *e, struct call *call,
	const struct s3_get_bucket_location_request *req,
	struct s3_get_bucket_location_response *resp, struct err *err)
{
	struct store_bucket bucket;

	if (artifact_load_bucket(e, req->bucket, call->arena, &bucket, err) < 0)
		return -1;
	if (!streq(e->region, "us-east-1")) /* which is told by nothing */
		resp->location_constraint = e->region;
	return 0;
}

int artifact_get_bucket_versioning(struct artifact_engine *e, struct call *call,
	const struct s3_get_bucket_versioning_request *req,
	struct s3_get_bucket_versioning_response *resp, struct err *err)
{
	struct store_bucket bucket;

	if (artifact_load_bucket(e, req->bucket, call->arena, &bucket, err) < 0)
		return -1;
	if (*bucket.versioning)
		resp->status = bucket.versioning;
	return 0;
}

struct versioning {
	const struct s3_put_bucket_versioning_request *req;
	struct arena *arena;
};

static int versioning_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct versioning *v = arg;
	struct store_bucket bucket;

	if (artifact_need_bucket(tx, v->req->bucket, v->arena, &bucket, err) < 0)
		return -1;
	return store_bucket_set_versioning(
		tx, v->req->bucket, v->req->versioning_configuration->status, err);
}

int artifact_put_bucket_versioning(struct artifact_engine *e, struct call *call,
	const struct s3_put_bucket_versioning_request *req,
	struct s3_put_bucket_versioning_response *resp, struct err *err)
{
	struct versioning v = {req, call->arena};

	(void)resp;
	if (!req->versioning_configuration->status)
		return err_set_wire(err, "IllegalVersioningConfigurationException",
			"The versioning configuration has no Status.");
	if (streq(req->versioning_configuration->mfa_delete, "Enabled"))
		return err_set(err, ERR_UNSUPPORTED, "MfaDelete is not implemented.");
	return durable_step(e->durable, versioning_fn, &v, err);
}

struct list {
	const struct s3_list_buckets_request *req;
	struct arena *arena;
	struct store_bucket *found;
	size_t n;
	int64_t max;
};

static int list_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct list *l = arg;
	const char *after = l->req->continuation_token;

	return store_bucket_list(tx, l->req->prefix ? l->req->prefix : "", after ? after : "",
		l->max + 1, l->arena, &l->found, &l->n, err);
}

int artifact_list_buckets(struct artifact_engine *e, struct call *call,
	const struct s3_list_buckets_request *req, struct s3_list_buckets_response *resp,
	struct err *err)
{
	struct list l = {.req = req, .arena = call->arena};

	l.max = wire_or(req->max_buckets, 10000);
	if (db_read(durable_db(e->durable), list_fn, &l, err) < 0)
		return -1;
	resp->owner = arena_new(call->arena, struct s3_owner);
	resp->owner->id = e->account;
	resp->prefix = req->prefix;
	if ((int64_t)l.n > l.max) {
		l.n = (size_t)l.max;
		resp->continuation_token = l.found[l.n - 1].name;
	}
	wire_list_alloc(call->arena, &resp->buckets, l.n);
	for (size_t i = 0; i < l.n; i++) {
		resp->buckets.v[i].name = l.found[i].name;
		resp->buckets.v[i].creation_date = WIRE_SET_TIME(l.found[i].created_usec);
		if (req->max_buckets.set)
			resp->buckets.v[i].bucket_region = e->region;
	}
	return 0;
}
