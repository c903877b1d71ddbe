/* SPDX-License-Identifier: Apache-2.0 */
/* S3 as the API serves it: handlers, and what each operation needs permission for. */
#include "api/svc_s3.h"

#include "base/mem.h"
#include "codec/form.h"

CALL_ADAPTER(artifact_abort_multipart_upload)
CALL_ADAPTER(artifact_complete_multipart_upload)
CALL_ADAPTER(artifact_copy_object)
CALL_ADAPTER(artifact_create_bucket)
CALL_ADAPTER(artifact_create_multipart_upload)
CALL_ADAPTER(artifact_delete_bucket)
CALL_ADAPTER(artifact_delete_object)
CALL_ADAPTER(artifact_delete_objects)
CALL_ADAPTER(artifact_get_bucket_location)
CALL_ADAPTER(artifact_get_bucket_versioning)
CALL_ADAPTER(artifact_get_object)
CALL_ADAPTER(artifact_head_bucket)
CALL_ADAPTER(artifact_head_object)
CALL_ADAPTER(artifact_list_buckets)
CALL_ADAPTER(artifact_list_multipart_uploads)
CALL_ADAPTER(artifact_list_object_versions)
CALL_ADAPTER(artifact_list_objects)
CALL_ADAPTER(artifact_list_objects_v2)
CALL_ADAPTER(artifact_list_parts)
CALL_ADAPTER(artifact_put_bucket_versioning)
CALL_ADAPTER(artifact_put_object)
CALL_ADAPTER(artifact_upload_part)
CALL_ADAPTER(artifact_upload_part_copy)

static const call_handler handlers[S3_OP_COUNT] = {
	[S3_OP_ABORT_MULTIPART_UPLOAD] = artifact_abort_multipart_upload_call,
	[S3_OP_COMPLETE_MULTIPART_UPLOAD] = artifact_complete_multipart_upload_call,
	[S3_OP_COPY_OBJECT] = artifact_copy_object_call,
	[S3_OP_CREATE_BUCKET] = artifact_create_bucket_call,
	[S3_OP_CREATE_MULTIPART_UPLOAD] = artifact_create_multipart_upload_call,
	[S3_OP_DELETE_BUCKET] = artifact_delete_bucket_call,
	[S3_OP_DELETE_OBJECT] = artifact_delete_object_call,
	[S3_OP_DELETE_OBJECTS] = artifact_delete_objects_call,
	[S3_OP_GET_BUCKET_LOCATION] = artifact_get_bucket_location_call,
	[S3_OP_GET_BUCKET_VERSIONING] = artifact_get_bucket_versioning_call,
	[S3_OP_GET_OBJECT] = artifact_get_object_call,
	[S3_OP_HEAD_BUCKET] = artifact_head_bucket_call,
	[S3_OP_HEAD_OBJECT] = artifact_head_object_call,
	[S3_OP_LIST_BUCKETS] = artifact_list_buckets_call,
	[S3_OP_LIST_MULTIPART_UPLOADS] = artifact_list_multipart_uploads_call,
	[S3_OP_LIST_OBJECT_VERSIONS] = artifact_list_object_versions_call,
	[S3_OP_LIST_OBJECTS] = artifact_list_objects_call,
	[S3_OP_LIST_OBJECTS_V2] = artifact_list_objects_v2_call,
	[S3_OP_LIST_PARTS] = artifact_list_parts_call,
	[S3_OP_PUT_BUCKET_VERSIONING] = artifact_put_bucket_versioning_call,
	[S3_OP_PUT_OBJECT] = artifact_put_object_call,
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

/* A copy reads as well: bucket/key[?versionId=x]. */
static const struct call_access *source_access(struct call *call, const char *source)
{
	struct call_access *need = arena_new(call->arena, struct call_access);
	struct view text = view_of(source), path = view_cut(&text, '?'), decoded;

	if (path.len && path.p[0] == '/')
		path = (struct view){path.p + 1, path.len - 1};
	if (!form_decode(path, false, call->arena, &decoded))
		decoded = path;
	need->action = text.p ? "s3:GetObjectVersion" : "s3:GetObject";
	need->resources = one(call->arena, arena_printf(call->arena, "arn:%s:s3:::" VIEW_FMT,
						   call->partition, VIEW_ARG(decoded)));
	need->n_resources = 1;
	return need;
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

		if (o->version_id)
			versioned[versions->n_resources++] = arn;
		else
			plain[ret->n_resources++] = arn;
	}
	versions->action = "s3:DeleteObjectVersion";
	versions->resources = versioned;
	ret->resources = plain;
	if (!ret->n_resources && versions->n_resources)
		*ret = *versions;
	else if (versions->n_resources)
		ret->next = versions;
}

/* Whether a key exists is the business of those who may list the bucket. */
static void hide_keys(struct call *call, const char *bucket, struct call_access *ret)
{
	struct call_access *list = arena_new(call->arena, struct call_access);

	list->action = "s3:ListBucket";
	list->resources = one(
		call->arena, arena_printf(call->arena, "arn:%s:s3:::%s", call->partition, bucket));
	list->n_resources = 1;
	ret->hidden_error = "NoSuchKey";
	ret->reveal = list;
}

static int s3_access(
	void *engine, struct call *call, const void *req, struct call_access *ret, struct err *err)
{
	const char *source = text_member(call, req, "x-amz-copy-source");

	(void)engine;
	(void)err;
	if (streq(call->operation->name, "DeleteObjects")) {
		batch_access(call, req, ret);
		return 0;
	}
	hide_keys(call, text_member(call, req, "Bucket"), ret);
	if (source)
		ret->next = source_access(call, source);
	return 0;
}

struct call_service svc_s3(struct artifact_engine *e)
{
	return (struct call_service){
		.wire = &s3_service, .engine = e, .handlers = handlers, .access = s3_access};
}
