/* SPDX-License-Identifier: Apache-2.0 */
/* The environment variables of a build ("Environment variables in build environments"):
 * buildspec, then project with StartBuild's overrides, then what the service itself sets. */
#include <inttypes.h>

#include "build/engine.h"

struct variables {
	struct map values; /* name -> value */
	struct arena *a;
};

static void set(struct variables *v, const char *name, const char *value)
{
	if (value)
		map_set(&v->values, name, (void *)(uintptr_t)value);
}

static int refuse_reference(const char *where, const char *name, const char *value, struct err *err)
{
	err_set(err, ERR_UNSUPPORTED,
		"variable %s wants '%s' from %s, which is not part of this installation", name,
		value, where);
	return err_hint(err, "Give the value as a variable of type PLAINTEXT.");
}

static int add_buildspec(struct variables *v, const struct towpath_buildspec *spec, struct err *err)
{
	wire_foreach (it, &spec->variables)
		set(v, it->name, it->value);
	if (spec->parameter_store.n)
		return refuse_reference("Parameter Store", spec->parameter_store.v[0].name,
			spec->parameter_store.v[0].value, err);
	if (spec->secrets_manager.n)
		return refuse_reference("Secrets Manager", spec->secrets_manager.v[0].name,
			spec->secrets_manager.v[0].value, err);
	return 0;
}

static int add_project(
	struct variables *v, const struct codebuild_project_environment *env, struct err *err)
{
	wire_foreach (it, &env->environment_variables) {
		if (streq(it->type, CODEBUILD_ENVIRONMENT_VARIABLE_TYPE_PARAMETER_STORE))
			return refuse_reference("Parameter Store", it->name, it->value, err);
		if (streq(it->type, CODEBUILD_ENVIRONMENT_VARIABLE_TYPE_SECRETS_MANAGER))
			return refuse_reference("Secrets Manager", it->name, it->value, err);
		set(v, it->name, it->value ? it->value : "");
	}
	return 0;
}

static void add_service(
	const struct build_engine *e, const struct store_build_record *r, struct variables *v)
{
	const struct codebuild_build *b = &r->build;
	struct arena *a = v->a;

	set(v, "AWS_DEFAULT_REGION", e->region);
	set(v, "AWS_REGION", e->region);
	set(v, "CODEBUILD_BUILD_ARN", b->arn);
	set(v, "CODEBUILD_BUILD_ID", b->id);
	set(v, "CODEBUILD_BUILD_IMAGE", b->environment->image);
	set(v, "CODEBUILD_BUILD_NUMBER", arena_printf(a, "%" PRId64, wire_or(b->build_number, 0)));
	set(v, "CODEBUILD_BUILD_URL",
		arena_printf(a, "%s/builds/%s/%s", e->console_url, b->project_name, r->uuid));
	set(v, "CODEBUILD_INITIATOR", b->initiator);
	set(v, "CODEBUILD_KMS_KEY_ID", b->encryption_key);
	set(v, "CODEBUILD_LOG_PATH",
		b->logs && b->logs->stream_name ? b->logs->stream_name : r->uuid);
	set(v, "CODEBUILD_PROJECT_ARN", build_project_arn(e, b->project_name, a));
	set(v, "CODEBUILD_START_TIME",
		arena_printf(a, "%" PRId64, b->start_time.usec / USEC_PER_MSEC));
	set(v, "CODEBUILD_CONTAINER_NAME", "default");
}

static const char *version_of(const struct store_build_record *r, const char *identifier)
{
	wire_foreach (it, &r->spec.secondary_source_versions)
		if (streq(it->source_identifier, identifier))
			return it->source_version;
	return NULL;
}

/* In a pipeline the artifact that it handed over. */
static const char *source_version(const struct store_build_record *r, struct arena *a)
{
	const struct towpath_build_pipeline *p = r->extra.pipeline;

	if (p)
		wire_foreach (in, &p->inputs)
			if (!p->primary_input || streq(in->name, p->primary_input))
				return arena_printf(a, "arn:aws:s3:::%s/%s", in->bucket, in->key);
	return r->build.source_version ? r->build.source_version : "";
}

static void add_sources(const struct store_build_record *r, const struct build_sources_found *found,
	struct variables *v)
{
	const char *url = found->primary.url ? found->primary.url : r->spec.source->location;

	set(v, "CODEBUILD_SOURCE_REPO_URL", url ? url : "");
	set(v, "CODEBUILD_SOURCE_VERSION", source_version(r, v->a));
	set(v, "CODEBUILD_RESOLVED_SOURCE_VERSION", found->primary.resolved_version);
	for (size_t i = 0; i < r->spec.secondary_sources.n; i++) {
		const struct codebuild_project_source *s = &r->spec.secondary_sources.v[i];
		const char *version = version_of(r, s->source_identifier);

		set(v, arena_printf(v->a, "CODEBUILD_SOURCE_REPO_URL_%s", s->source_identifier),
			s->location ? s->location : "");
		set(v, arena_printf(v->a, "CODEBUILD_SOURCE_VERSION_%s", s->source_identifier),
			version ? version : "");
	}
}

int build_variables(const struct build_engine *e, const struct store_build_record *r,
	const struct towpath_buildspec *spec, const struct build_sources_found *sources,
	struct arena *a, struct towpath_leader_variables *ret, struct err *err)
{
	struct variables v = {.a = a};
	size_t i = 0;
	int result = add_buildspec(&v, spec, err);

	if (result == 0)
		result = add_project(&v, r->spec.environment, err);
	add_service(e, r, &v);
	add_sources(r, sources, &v);
	wire_list_alloc(a, ret, v.values.count);
	map_foreach (it, &v.values) {
		ret->v[i].name = arena_strdup(a, it->key);
		ret->v[i++].value = it->value;
	}
	map_release(&v.values);
	return result;
}
