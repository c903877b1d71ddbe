/* SPDX-License-Identifier: Apache-2.0 */
/* Where an artifact is stored (ProjectArtifacts: location, path, namespaceType, name, packaging;
 * in a pipeline the objects that the pipeline chose). */
#include "build/engine.h"

static const char *without_slashes(const char *s, struct arena *a)
{
	size_t n;

	while (s && *s == '/')
		s++;
	n = s ? strlen(s) : 0;
	while (n && s[n - 1] == '/')
		n--;
	return n ? arena_strndup(a, s, n) : "";
}

static bool pipeline_destination(const struct towpath_build_pipeline *pipeline,
	const char *identifier, struct build_destination *ret)
{
	const struct towpath_build_output *to = NULL;

	if (!pipeline)
		return false;
	wire_foreach (o, &pipeline->outputs)
		if (*identifier ? streq(o->name, identifier) : pipeline->outputs.n == 1)
			to = o;
	if (!to)
		return false;
	*ret = (struct build_destination){.bucket = to->bucket, .key = to->key, .zip = true};
	return true;
}

const char *build_bucket_of(const char *location)
{
	static const char prefix[] = "arn:aws:s3:::";

	return starts_with(location, prefix) ? location + strlen(prefix) : location;
}

bool build_destination(const struct codebuild_project_artifacts *spec,
	const struct towpath_build_pipeline *pipeline, const char *identifier, const char *project,
	const char *uuid, const char *evaluated_name, const char *s3_prefix, struct arena *a,
	struct build_destination *ret)
{
	CLEANUP_STR struct str key = STR_INIT;
	bool by_id = streq(spec->namespace_type, CODEBUILD_ARTIFACT_NAMESPACE_BUILD_ID);
	const char *name = spec->name, *path;

	if (streq(spec->type, CODEBUILD_ARTIFACTS_TYPE_CODEPIPELINE))
		return pipeline_destination(pipeline, identifier, ret);
	if (!streq(spec->type, CODEBUILD_ARTIFACTS_TYPE_S3))
		return false;
	if (wire_or(spec->override_artifact_name, false) && evaluated_name && *evaluated_name)
		name = evaluated_name;
	if (!name || !*name)
		name = project;
	path = without_slashes(by_id && s3_prefix ? s3_prefix : spec->path, a);
	ret->bucket = build_bucket_of(spec->location);
	ret->zip = streq(spec->packaging, CODEBUILD_ARTIFACT_PACKAGING_ZIP);
	if (*path)
		str_addf(&key, "%s/", path);
	if (by_id)
		str_addf(&key, "%s/", uuid);
	/* "/" stores at the root; a ZIP still needs a name. */
	name = without_slashes(name, a);
	if (!*name && ret->zip)
		name = project;
	str_add(&key, name);
	if (!ret->zip && *name)
		str_add_c(&key, '/');
	ret->key = arena_strdup(a, str_text(&key));
	return true;
}
