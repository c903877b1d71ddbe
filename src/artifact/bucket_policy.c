/* SPDX-License-Identifier: Apache-2.0 */
/* Policies of buckets, and the block of public access that stands over them. */
#include "artifact/engine.h"
#include "base/limits.h"
#include "base/mem.h"

typedef const struct s3_public_access_block_configuration access_block;

/* ---- what stands in the store ---- */

/* Within a transaction; missing: NoSuchBucket. */
static int need_access(struct db_tx *tx, const char *bucket, struct arena *a,
	struct store_bucket_access *ret, struct err *err)
{
	int r = store_bucket_access_get(tx, bucket, a, ret, err);

	return r != 0 ? MIN(r, 0) : artifact_no_bucket(err);
}

struct look {
	const char *bucket;
	struct arena *a;
	struct store_bucket_access *ret;
};

static int look_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;

	return need_access(tx, l->bucket, l->a, l->ret, err);
}

static int load_access(struct artifact_engine *e, const char *bucket, struct arena *a,
	struct store_bucket_access *ret, struct err *err)
{
	struct look l = {bucket, a, ret};

	return db_read(durable_db(e->durable), look_fn, &l, err);
}

/* A change of one of them, as a step. */
struct change {
	const char *bucket, *action;
	struct arena *a;
	/* 0 when b is to be stored. */
	int (*apply)(struct change *c, struct store_bucket_access *b, struct err *err);
	const char *policy;
	bool policy_public;
	access_block *block;
};

static int change_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct change *c = arg;
	struct store_bucket_access b;

	if (need_access(tx, c->bucket, c->a, &b, err) < 0 || c->apply(c, &b, err) < 0)
		return -1;
	return store_bucket_access_set(tx, c->bucket, &b, err);
}

/* ---- for authorisation ---- */

int artifact_bucket_policy(struct artifact_engine *e, const char *bucket, bool anybody,
	struct arena *a, const char **ret, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;
	struct store_bucket_access b;

	*ret = NULL;
	if (load_access(e, bucket, a, &b, &why) < 0)
		return err_is(&why, ERR_NOT_FOUND) ? 0 : err_move(err, &why);
	if (*b.policy && !(anybody && b.policy_public && b.block &&
				 wire_or(b.block->restrict_public_buckets, false)))
		*ret = b.policy;
	return 0;
}

/* ---- policies ---- */

static int no_policy(struct err *err)
{
	return artifact_not_found(err, "NoSuchBucketPolicy", "bucket policy");
}

static int apply_policy(struct change *c, struct store_bucket_access *b, struct err *err)
{
	if (c->policy_public && b->block && wire_or(b->block->block_public_policy, false))
		return err_set(err, ERR_DENIED,
			"s3:PutBucketPolicy on arn:aws:s3:::%s is not allowed because public "
			"policies are prevented by the BlockPublicPolicy setting in S3 Block "
			"Public Access.",
			c->bucket);
	b->policy = c->policy ? c->policy : "";
	b->policy_public = c->policy_public;
	return 0;
}

static int check_policy(struct artifact_engine *e, const char *text, const char *bucket,
	bool *ret_public, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;

	if (strlen(text) > LIMIT_BUCKET_POLICY)
		return err_set_wire(err, "MalformedPolicy",
			"Policy exceeds the maximum allowed document size of %zu bytes.",
			(size_t)LIMIT_BUCKET_POLICY);
	if (text[0] != '{')
		return err_set_wire(err, "MalformedPolicy",
			"Policies must be valid JSON and the first byte must be '{'");
	if (!e->policies ||
		e->policies->check_bucket(e->policies->arg, text, bucket, ret_public, &why) == 0)
		return 0;
	if (!streq(why.wire, "MalformedPolicyDocument"))
		return err_move(err, &why);
	return err_set_wire(err, "MalformedPolicy", "%s", err_message(&why));
}

int artifact_put_bucket_policy(struct artifact_engine *e, struct call *call,
	const struct s3_put_bucket_policy_request *req, struct s3_put_bucket_policy_response *resp,
	struct err *err)
{
	struct change c = {.bucket = req->bucket,
		.a = call->arena,
		.apply = apply_policy,
		.policy = req->policy};

	if (check_policy(e, req->policy, req->bucket, &c.policy_public, err) < 0 ||
		durable_step(e->durable, change_fn, &c, err) < 0)
		return -1;
	call->status = 204;
	(void)resp;
	return 0;
}

int artifact_delete_bucket_policy(struct artifact_engine *e, struct call *call,
	const struct s3_delete_bucket_policy_request *req,
	struct s3_delete_bucket_policy_response *resp, struct err *err)
{
	struct change c = {.bucket = req->bucket, .a = call->arena, .apply = apply_policy};

	(void)resp;
	return durable_step(e->durable, change_fn, &c, err);
}

int artifact_get_bucket_policy(struct artifact_engine *e, struct call *call,
	const struct s3_get_bucket_policy_request *req, struct s3_get_bucket_policy_response *resp,
	struct err *err)
{
	struct store_bucket_access b;

	if (load_access(e, req->bucket, call->arena, &b, err) < 0)
		return -1;
	if (!*b.policy)
		return no_policy(err);
	resp->policy = b.policy;
	return 0;
}

int artifact_get_bucket_policy_status(struct artifact_engine *e, struct call *call,
	const struct s3_get_bucket_policy_status_request *req,
	struct s3_get_bucket_policy_status_response *resp, struct err *err)
{
	struct store_bucket_access b;

	if (load_access(e, req->bucket, call->arena, &b, err) < 0)
		return -1;
	if (!*b.policy)
		return no_policy(err);
	resp->policy_status = arena_new(call->arena, struct s3_policy_status);
	resp->policy_status->is_public = WIRE_SET_BOOL(b.policy_public);
	return 0;
}

/* ---- the block of public access ---- */

static int apply_block(struct change *c, struct store_bucket_access *b, struct err *err UNUSED)
{
	b->block = c->block;
	return 0;
}

/* All four are told: what was not set is off. */
static access_block *whole(access_block *from, struct arena *a)
{
	struct s3_public_access_block_configuration *to =
		arena_new(a, struct s3_public_access_block_configuration);

	to->block_public_acls = WIRE_SET_BOOL(wire_or(from->block_public_acls, false));
	to->ignore_public_acls = WIRE_SET_BOOL(wire_or(from->ignore_public_acls, false));
	to->block_public_policy = WIRE_SET_BOOL(wire_or(from->block_public_policy, false));
	to->restrict_public_buckets = WIRE_SET_BOOL(wire_or(from->restrict_public_buckets, false));
	return to;
}

int artifact_put_public_access_block(struct artifact_engine *e, struct call *call,
	const struct s3_put_public_access_block_request *req,
	struct s3_put_public_access_block_response *resp, struct err *err)
{
	struct change c = {.bucket = req->bucket, .a = call->arena, .apply = apply_block};

	(void)resp;
	c.block = whole(req->public_access_block_configuration, call->arena);
	return durable_step(e->durable, change_fn, &c, err);
}

int artifact_delete_public_access_block(struct artifact_engine *e, struct call *call,
	const struct s3_delete_public_access_block_request *req,
	struct s3_delete_public_access_block_response *resp, struct err *err)
{
	struct change c = {.bucket = req->bucket, .a = call->arena, .apply = apply_block};

	(void)resp;
	return durable_step(e->durable, change_fn, &c, err);
}

int artifact_get_public_access_block(struct artifact_engine *e, struct call *call,
	const struct s3_get_public_access_block_request *req,
	struct s3_get_public_access_block_response *resp, struct err *err)
{
	struct s3_public_access_block_configuration *block;
	struct store_bucket_access b;

	if (load_access(e, req->bucket, call->arena, &b, err) < 0)
		return -1;
	if (!b.block)
		return artifact_not_found(err, "NoSuchPublicAccessBlockConfiguration",
			"public access block configuration");
	block = arena_new(call->arena, struct s3_public_access_block_configuration);
	*block = *b.block;
	resp->public_access_block_configuration = block;
	return 0;
}
