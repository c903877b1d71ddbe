/* SPDX-License-Identifier: Apache-2.0 */
/* The table of source types, and the ports put together. */
#include "provider/build_world.h"

#include "base/mem.h"
#include "build/host.h"

static const struct {
	const char *type;
	int (*fetch)(struct build_world *w, const struct build_source_request *req, struct arena *a,
		struct build_source_result *ret, struct err *err);
} source_types[] = {
	{CODEBUILD_SOURCE_TYPE_CODECOMMIT, build_source_codecommit},
	{CODEBUILD_SOURCE_TYPE_S3, build_source_s3},
	{CODEBUILD_SOURCE_TYPE_CODEPIPELINE, build_source_pipeline},
};

static int fetch(void *arg, const struct build_source_request *req, struct arena *a,
	struct build_source_result *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(source_types); i++)
		if (streq(source_types[i].type, req->source->type))
			return source_types[i].fetch(arg, req, a, ret, err);
	if (build_host_of(req->source->type))
		return build_source_git(arg, req, a, ret, err);
	return err_set(err, ERR_UNSUPPORTED, "source type %s is not offered by this server",
		req->source->type);
}

/* Without a signal engine a build's log is in its spool file alone. */
static int no_stream(void *arg UNUSED, struct db_tx *tx UNUSED, const char *group UNUSED,
	const char *stream UNUSED, const char *spool_path UNUSED, int64_t usec UNUSED,
	struct err *err UNUSED)
{
	return 0;
}

void build_world_ports(struct build_world *w, struct build_ports *ret)
{
	ret->sources = (struct build_sources){
		.arg = w, .fetch = fetch, .read_object = build_source_read_object};
	ret->artifacts = (struct build_artifacts){
		.arg = w, .put_file = build_artifact_put_file, .put_tree = build_artifact_put_tree};
	if (w->secret)
		ret->values = (struct build_values){
			.arg = w, .parameter = build_value_parameter, .secret = build_value_secret};
	ret->logs = (struct build_logs){.arg = w, .open_stream = no_stream};
}
