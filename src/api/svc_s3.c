/* SPDX-License-Identifier: Apache-2.0 */
/* S3 as the API serves it: handlers, and what each operation needs permission for. */
#include "api/svc_s3.h"

#include "base/mem.h"
#include "identity/identity.h"

CALL_ADAPTER(artifact_abort_multipart_upload)
CALL_ADAPTER(artifact_complete_multipart_upload)
CALL_ADAPTER(artifact_copy_object)
CALL_ADAPTER(artifact_create_bucket)
CALL_ADAPTER(artifact_create_multipart_upload)
CALL_ADAPTER(artifact_delete_bucket)
CALL_ADAPTER(artifact_delete_bucket_policy)
CALL_ADAPTER(artifact_delete_object)
CALL_ADAPTER(artifact_delete_objects)
CALL_ADAPTER(artifact_delete_public_access_block)
CALL_ADAPTER(artifact_get_bucket_location)
CALL_ADAPTER(artifact_get_bucket_policy)
CALL_ADAPTER(artifact_get_bucket_policy_status)
CALL_ADAPTER(artifact_get_bucket_versioning)
CALL_ADAPTER(artifact_get_object)
CALL_ADAPTER(artifact_get_public_access_block)
CALL_ADAPTER(artifact_head_bucket)
CALL_ADAPTER(artifact_head_object)
CALL_ADAPTER(artifact_list_buckets)
CALL_ADAPTER(artifact_list_multipart_uploads)
CALL_ADAPTER(artifact_list_object_versions)
CALL_ADAPTER(artifact_list_objects)
CALL_ADAPTER(artifact_list_objects_v2)
CALL_ADAPTER(artifact_list_parts)
CALL_ADAPTER(artifact_put_bucket_policy)
CALL_ADAPTER(artifact_put_bucket_versioning)
CALL_ADAPTER(artifact_put_object)
CALL_ADAPTER(artifact_put_public_access_block)
CALL_ADAPTER(artifact_upload_part)
CALL_ADAPTER(artifact_upload_part_copy)

static const call_handler handlers[S3_OP_COUNT] = {
	[S3_OP_ABORT_MULTIPART_UPLOAD] = artifact_abort_multipart_upload_call,
	[S3_OP_COMPLETE_MULTIPART_UPLOAD] = artifact_complete_multipart_upload_call,
	[S3_OP_COPY_OBJECT] = artifact_copy_object_call,
	[S3_OP_CREATE_BUCKET] = artifact_create_bucket_call,
	[S3_OP_CREATE_MULTIPART_UPLOAD] = artifact_create_multipart_upload_call,
	[S3_OP_DELETE_BUCKET] = artifact_delete_bucket_call,
	[S3_OP_DELETE_BUCKET_POLICY] = artifact_delete_bucket_policy_call,
	[S3_OP_DELETE_OBJECT] = artifact_delete_object_call,
	[S3_OP_DELETE_OBJECTS] = artifact_delete_objects_call,
	[S3_OP_DELETE_PUBLIC_ACCESS_BLOCK] = artifact_delete_public_access_block_call,
	[S3_OP_GET_BUCKET_LOCATION] = artifact_get_bucket_location_call,
	[S3_OP_GET_BUCKET_POLICY] = artifact_get_bucket_policy_call,
	[S3_OP_GET_BUCKET_POLICY_STATUS] = artifact_get_bucket_policy_status_call,
	[S3_OP_GET_BUCKET_VERSIONING] = artifact_get_bucket_versioning_call,
	[S3_OP_GET_OBJECT] = artifact_get_object_call,
	[S3_OP_GET_PUBLIC_ACCESS_BLOCK] = artifact_get_public_access_block_call,
	[S3_OP_HEAD_BUCKET] = artifact_head_bucket_call,
	[S3_OP_HEAD_OBJECT] = artifact_head_object_call,
	[S3_OP_LIST_BUCKETS] = artifact_list_buckets_call,
	[S3_OP_LIST_MULTIPART_UPLOADS] = artifact_list_multipart_uploads_call,
	[S3_OP_LIST_OBJECT_VERSIONS] = artifact_list_object_versions_call,
	[S3_OP_LIST_OBJECTS] = artifact_list_objects_call,
	[S3_OP_LIST_OBJECTS_V2] = artifact_list_objects_v2_call,
	[S3_OP_LIST_PARTS] = artifact_list_parts_call,
	[S3_OP_PUT_BUCKET_POLICY] = artifact_put_bucket_policy_call,
	[S3_OP_PUT_BUCKET_VERSIONING] = artifact_put_bucket_versioning_call,
	[S3_OP_PUT_OBJECT] = artifact_put_object_call,
	[S3_OP_PUT_PUBLIC_ACCESS_BLOCK] = artifact_put_public_access_block_call,
	[S3_OP_UPLOAD_PART] = artifact_upload_part_call,
	[S3_OP_UPLOAD_PART_COPY] = artifact_upload_part_copy_call,
};

static const char *text_member(const struct call *call, const void *req, const char *name)
{
	const struct wire_member *m = wire_member_find(call->operation->input, view_of(name));

	return m ? *(const char *const *)((const char *)req + m->offset) : NULL;
}

static const char *const *one(struct arena *a, const char *arn)
{
	const char **list = arena_new_n(a, 1, const char *);

	list[0] = arn;
	return list;
}

/* ---- policies of buckets ---- */

/* Who owns the account can always mend a bucket's policy, whatever it says. */
static bool mends_policy(const struct call *call, const char *action)
{
	static const char *const mending[] = {
		"s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketPolicy"};

	for (size_t i = 0; i < ARRAY_SIZE(mending); i++)
		if (streq(action, mending[i]))
			return ends_with(call->principal_arn, ":root");
	return false;
}

static int add_policy(struct artifact_engine *e, struct call *call, const char *bucket,
	struct call_access *need, struct err *err)
{
	if (mends_policy(call, need->action))
		return 0;
	return artifact_bucket_policy(
		e, bucket, !call->principal, call->arena, &need->resource_policy, err);
}

/* ---- what some operations need beside their row ---- */

static void add_condition(
	struct call *call, struct call_access *need, const char *key, const char *value)
{
	need->conditions = identity_conditions_add(need->conditions, key, value, call->arena);
}

/* Whether a key exists is the business of those who may list the bucket; there: what is needed of
 * the bucket that the key is looked for in. */
static void hide_keys(struct call *call, const char *bucket, const struct call_access *there,
	struct call_access *ret)
{
	struct call_access *list = arena_new(call->arena, struct call_access);

	list->action = "s3:ListBucket";
	list->resource_policy = there->resource_policy;
	list->resources = one(
		call->arena, arena_printf(call->arena, "arn:%s:s3:::%s", call->partition, bucket));
	list->n_resources = 1;
	ret->hidden_error = "NoSuchKey";
	ret->reveal = list;
}

/* A copy reads as well. */
static int add_source(struct artifact_engine *e, struct call *call, const char *source,
	struct call_access *ret, struct err *err)
{
	struct call_access *need = arena_new(call->arena, struct call_access);
	struct artifact_source from;

	if (artifact_parse_source(source, call->arena, &from, err) < 0)
		return -1;
	need->action = from.version ? "s3:GetObjectVersion" : "s3:GetObject";
	need->resources = one(call->arena, arena_printf(call->arena, "arn:%s:s3:::%s/%s",
						   call->partition, from.bucket, from.key));
	need->n_resources = 1;
	if (from.version)
		add_condition(call, need, "s3:VersionId", from.version);
	ret->next = need;
	if (add_policy(e, call, from.bucket, need, err) < 0)
		return -1;
	hide_keys(call, from.bucket, need, ret);
	return 0;
}

/* What goes on with an upload goes on with the encryption that its start asked for. */
static int add_encryption(struct artifact_engine *e, struct call *call, const char *upload_id,
	struct call_access *ret, struct err *err)
{
	const char *algorithm, *key;

	if (artifact_upload_encryption(e, upload_id, call->arena, &algorithm, &key, err) < 0)
		return -1;
	if (algorithm)
		add_condition(call, ret, "s3:x-amz-server-side-encryption", algorithm);
	if (key)
		add_condition(call, ret, "s3:x-amz-server-side-encryption-aws-kms-key-id", key);
	return 0;
}

/* Each object of a batch; those named by version need another action. */
static void batch_access(
	struct call *call, const struct s3_delete_objects_request *req, struct call_access *ret)
{
	struct call_access *versions = arena_new(call->arena, struct call_access);
	size_t n = req->delete->objects.n;
	const char **plain = arena_new_n(call->arena, n, const char *);
	const char **versioned = arena_new_n(call->arena, n, const char *);

	wire_foreach (o, &req->delete->objects) {
		const char *arn = arena_printf(
			call->arena, "arn:%s:s3:::%s/%s", call->partition, req->bucket, o->key);

		if (o->version_id && *o->version_id)
			versioned[versions->n_resources++] = arn;
		else
			plain[ret->n_resources++] = arn;
	}
	versions->action = "s3:DeleteObjectVersion";
	versions->resources = versioned;
	versions->resource_policy = ret->resource_policy;
	ret->resources = plain;
	if (!ret->n_resources && versions->n_resources)
		*ret = *versions;
	else if (versions->n_resources)
		ret->next = versions;
}

/* Whoever made a URL says by its signature that its headers may be others. */
static int check_overrides(const struct call *call, const void *req, struct err *err)
{
	static const char *const names[] = {"response-cache-control",
		"response-content-disposition", "response-content-encoding",
		"response-content-language", "response-content-type", "response-expires"};

	for (size_t i = 0; !call->principal && i < ARRAY_SIZE(names); i++)
		if (text_member(call, req, names[i]))
			return err_set_wire(err, "InvalidRequest",
				"Request specific response headers cannot be used for anonymous "
				"GET requests.");
	return 0;
}

static int s3_access(
	void *engine, struct call *call, const void *req, struct call_access *ret, struct err *err)
{
	const char *bucket = text_member(call, req, "Bucket");
	const char *source = text_member(call, req, "x-amz-copy-source");
	const char *upload = text_member(call, req, "uploadId");

	if (check_overrides(call, req, err) < 0 || add_policy(engine, call, bucket, ret, err) < 0)
		return -1;
	if (streq(call->operation->name, "DeleteObjects")) {
		batch_access(call, req, ret);
		return 0;
	}
	if (streq(ret->action, "s3:PutObject") && upload &&
		add_encryption(engine, call, upload, ret, err) < 0)
		return -1;
	if (text_member(call, req, "Key"))
		hide_keys(call, bucket, ret, ret);
	return source ? add_source(engine, call, source, ret, err) : 0;
}

struct call_service svc_s3(struct artifact_engine *e)
{
	return (struct call_service){
		.wire = &s3_service,
		.engine = e,
		.handlers = handlers,
		.access = s3_access,
		.unsigned_too = true,
	};
}
