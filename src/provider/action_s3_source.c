/* SPDX-License-Identifier: Apache-2.0 */
/* Source / S3: an object, unchanged. */
#include "base/fd.h"
#include "base/mem.h"
#include "provider/action_world.h"

static const struct action_key keys[] = {
	{"S3Bucket", true, false, "A bucket with versioning"},
	{"S3ObjectKey", true, false, "Key of the object, normally a zip"},
	{"PollForSourceChanges", false, false,
		"Changes start the pipeline either way; it decides how the start is explained"},
	{"AllowOverrideForS3ObjectKey", false, false,
		"true: StartPipelineExecution may name another key"},
};

static const char *override_of(const struct action_run *run, const char *type)
{
	for (size_t i = 0; i < run->n_overrides; i++)
		if (streq(run->overrides[i].revision_type, type))
			return run->overrides[i].revision_value;
	return NULL;
}

static void fill_result(
	const struct action_run *run, const struct artifact_object *o, struct action_result *ret)
{
	const struct codepipeline_output_variables_map_kv rows[] = {
		{"BucketName", o->bucket},
		{"ETag", o->etag},
		{"ObjectKey", o->key},
		{"VersionId", o->version_id},
	};

	ret->outcome = ACTION_SUCCEEDED;
	ret->revision_id = ret->revision_change_id = o->version_id;
	ret->revision_summary = ret->summary =
		arena_printf(run->arena, "Amazon S3 version id: %s", o->version_id);
	ret->revision_created = WIRE_SET_TIME(o->modified_usec);
	ret->revision_url = arena_printf(run->arena,
		"https://s3.console.aws.amazon.com/s3/object/%s?region=%s&prefix=%s", o->bucket,
		run->region, o->key);
	wire_list_alloc(run->arena, &ret->variables, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ret->variables.v[i] = rows[i];
}

static int start(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	struct action_world *w = arg;
	const char *bucket = action_run_setting(run, "S3Bucket");
	const char *key = override_of(run, CODEPIPELINE_SOURCE_REVISION_TYPE_S3_OBJECT_KEY);
	const char *version =
		override_of(run, CODEPIPELINE_SOURCE_REVISION_TYPE_S3_OBJECT_VERSION_ID);
	struct artifact_put put = {.bucket = run->outputs[0].bucket,
		.key = run->outputs[0].key,
		.server_side_encryption = BUCKET_ENCRYPTION};
	struct artifact_object object;
	CLEANUP_FD int fd = -1;
	int versioned;

	if (!key)
		key = action_run_setting(run, "S3ObjectKey");
	if (action_check_object(w, run, version ? "s3:GetObjectVersion" : "s3:GetObject", bucket,
		    key, NULL, err) < 0)
		return action_sibling_failed(run, ret, "PermissionError", "", err);
	if (artifact_open(w->artifact, bucket, key, version, run->arena, &object, &fd, err) < 0)
		return action_sibling_failed(run, ret, "ConfigurationError",
			arena_printf(run->arena,
				"Unable to access the object '%s' in the bucket '%s': ", key,
				bucket),
			err);
	versioned = artifact_is_versioned(w->artifact, bucket, err);
	if (versioned < 0)
		return -1;
	if (!versioned)
		return action_fail(run, ret, "ConfigurationError",
			"The bucket '%s' does not have versioning enabled; a source action needs "
			"it",
			bucket);
	put.content_type = object.content_type;
	if (artifact_put_fd(w->artifact, &put, fd, run->arena, NULL, err) < 0)
		return action_sibling_failed(run, ret, "JobFailed",
			arena_printf(run->arena,
				"Unable to upload the source artifact to the bucket %s: ",
				run->outputs[0].bucket),
			err);
	fill_result(run, &object, ret);
	return 0;
}

static const char *watch_key(
	void *arg, const struct codepipeline_action_declaration *action, struct arena *a)
{
	(void)arg;
	return arena_printf(a, "s3 %s/%s", action_setting(action, "S3Bucket"),
		action_setting(action, "S3ObjectKey"));
}

static bool change(
	void *arg, const struct journal_entry *e, struct arena *a, struct action_change *ret)
{
	struct towpath_event_object o;

	(void)arg;
	if (wire_decode_json(&towpath_event_object_shape, view_of(e->detail), a, &o, NULL) < 0 ||
		!o.bucket || !o.key || !streq(o.event, "ObjectCreated"))
		return false;
	ret->watch = arena_printf(a, "s3 %s/%s", o.bucket, o.key);
	ret->revision_type = CODEPIPELINE_SOURCE_REVISION_TYPE_S3_OBJECT_VERSION_ID;
	ret->revision = o.version_id;
	return true;
}

static bool concerns(void *arg, const struct codepipeline_action_declaration *action,
	const struct action_change *c)
{
	(void)arg;
	(void)action;
	(void)c;
	return true; /* the watched key says it all */
}

static const char *entity_url(void *arg, const struct codepipeline_action_declaration *action,
	const char *region, struct arena *a)
{
	(void)arg;
	return arena_printf(a, "https://s3.console.aws.amazon.com/s3/buckets/%s?region=%s",
		action_setting(action, "S3Bucket"), region);
}

static const char *const kinds[] = {"s3.object", NULL};

const struct action_provider action_s3_source = {
	.category = "Source",
	.provider = "S3",
	.min_outputs = 1,
	.max_outputs = 1,
	ACTION_KEYS(keys),
	.journal_kinds = kinds,
	.start = start,
	.watch_key = watch_key,
	.change = change,
	.concerns = concerns,
	.entity_url = entity_url,
};
