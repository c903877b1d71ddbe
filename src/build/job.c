/* SPDX-License-Identifier: Apache-2.0 */
/* What the leader of a build is told (LeaderJob; src/leader/README.md names the members). */
#include "build/engine.h"

static const struct compute_class {
	const char *type;
	int cpu_milli;
	int64_t memory_gib;
} classes[] = {
	{CODEBUILD_COMPUTE_TYPE_BUILD_GENERAL1_SMALL, 2000, 4},
	{CODEBUILD_COMPUTE_TYPE_BUILD_GENERAL1_MEDIUM, 4000, 8},
	{CODEBUILD_COMPUTE_TYPE_BUILD_GENERAL1_LARGE, 8000, 16},
	{CODEBUILD_COMPUTE_TYPE_BUILD_GENERAL1_XLARGE, 36000, 72},
	{CODEBUILD_COMPUTE_TYPE_BUILD_GENERAL1_2XLARGE, 72000, 144},
	{CODEBUILD_COMPUTE_TYPE_BUILD_LAMBDA_1GB, 1000, 1},
	{CODEBUILD_COMPUTE_TYPE_BUILD_LAMBDA_2GB, 1000, 2},
	{CODEBUILD_COMPUTE_TYPE_BUILD_LAMBDA_4GB, 2000, 4},
	{CODEBUILD_COMPUTE_TYPE_BUILD_LAMBDA_8GB, 4000, 8},
	{CODEBUILD_COMPUTE_TYPE_BUILD_LAMBDA_10GB, 6000, 10},
};

#define PROCESSES_MAX 16384

static struct towpath_leader_limits *limits_of(const char *compute_type, struct arena *a)
{
	struct towpath_leader_limits *l = arena_new(a, struct towpath_leader_limits);

	l->pids = WIRE_SET_INT(PROCESSES_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (!streq(classes[i].type, compute_type))
			continue;
		l->cpu_milli = WIRE_SET_INT(classes[i].cpu_milli);
		l->memory_bytes = WIRE_SET_LONG(classes[i].memory_gib * (int64_t)GIB);
	}
	return l;
}

/* ---- log lines that the server knows ---- */

struct lines {
	VEC(const char *) v;
};

static void list_into(struct lines *lines, struct arena *a, struct towpath_string_list *ret)
{
	wire_list_alloc(a, ret, lines->v.n);
	for (size_t i = 0; i < lines->v.n; i++)
		ret->v[i] = lines->v.v[i];
	vec_release(&lines->v);
}

static void introduce(const struct store_build_record *r, const struct build_job_input *in,
	struct arena *a, struct towpath_string_list *ret)
{
	struct lines lines = {0};
	const struct codebuild_project_environment *env = r->spec.environment;

	for (const struct yaml_warning *w = in->warnings; w; w = w->next)
		vec_push(&lines.v, arena_printf(a, "Warning: %s:%d:%d: %s", in->origin, w->line,
					   w->column, w->message));
	if (wire_or(in->spec->git_credential_helper, false))
		vec_push(&lines.v, "Warning: git-credential-helper is not offered by this server: "
				   "git in commands has no credential of the source's host; keep "
				   "one in Secrets Manager for it");
	if (!starts_with(env->image, "aws/codebuild/"))
		vec_push(&lines.v, arena_printf(a,
					   "Image %s is not used: builds run on this machine's "
					   "system and the runtime store",
					   env->image));
	if (r->spec.vpc_config && r->spec.vpc_config->vpc_id)
		vec_push(&lines.v, "The VPC configuration is not used: builds share the network of "
				   "this machine");
	list_into(&lines, a, ret);
}

/* ---- phases ---- */

/* The docker runtime of old buildspecs selects nothing. */
static void copy_phases(
	const struct towpath_buildspec *spec, struct arena *a, struct towpath_leader_phases *ret)
{
	*ret = spec->phases;
	wire_foreach (p, ret) {
		struct towpath_leader_runtimes all = p->runtimes;

		if (!all.n)
			continue;
		wire_list_alloc(a, &p->runtimes, all.n);
		p->runtimes.n = 0;
		wire_foreach (it, &all)
			if (!streq(it->name, "docker"))
				p->runtimes.v[p->runtimes.n++] = *it;
	}
}

static void copy_exported(const struct store_build_record *r, const struct towpath_buildspec *spec,
	struct arena *a, struct towpath_string_list *ret)
{
	wire_list_alloc(a, ret, spec->exported_variables.n);
	ret->n = 0;
	wire_foreach (name, &spec->exported_variables)
		if (build_variable_is_exportable(r, *name))
			ret->v[ret->n++] = *name;
}

/* ---- artifacts ---- */

static const struct codebuild_project_artifacts *secondary_of(
	const struct store_build_record *r, const char *identifier)
{
	wire_foreach (it, &r->spec.secondary_artifacts)
		if (streq(it->artifact_identifier, identifier))
			return it;
	return NULL;
}

static bool pipeline_takes(const struct towpath_build_pipeline *p, const char *identifier)
{
	wire_foreach (o, &p->outputs)
		if (streq(o->name, identifier))
			return true;
	return false;
}

static void add_files(struct towpath_leader_files_list *list,
	const struct towpath_leader_files *files, const char *packaging)
{
	list->v[list->n] = *files;
	list->v[list->n++].packaging = packaging ? packaging : "NONE";
}

/* Of several outputs each takes the artifact of its name; a single one takes the artifact of its
 * name or else the primary one. */
static void choose_for_pipeline(const struct store_build_record *r,
	const struct towpath_buildspec *spec, struct towpath_leader_files_list *ret)
{
	const struct towpath_build_pipeline *p = r->extra.pipeline;

	wire_foreach (s, &spec->secondary_artifacts)
		if (p && pipeline_takes(p, s->identifier))
			add_files(ret, s, "ZIP");
	if (!ret->n && p && p->outputs.n == 1 && spec->artifacts)
		add_files(ret, spec->artifacts, "ZIP");
}

static void choose_for_s3(const struct store_build_record *r, const struct towpath_buildspec *spec,
	struct arena *a, struct towpath_leader_files_list *ret, const char **ret_error)
{
	if (spec->artifacts && streq(r->spec.artifacts->type, CODEBUILD_ARTIFACTS_TYPE_S3))
		add_files(ret, spec->artifacts, r->spec.artifacts->packaging);
	wire_foreach (s, &spec->secondary_artifacts) {
		const struct codebuild_project_artifacts *to = secondary_of(r, s->identifier);

		if (to && streq(to->type, CODEBUILD_ARTIFACTS_TYPE_S3))
			add_files(ret, s, to->packaging);
		else if (!to && r->spec.secondary_artifacts.n)
			*ret_error = arena_printf(a,
				"secondary artifact %s of the buildspec is not among the "
				"project's secondaryArtifacts",
				s->identifier);
	}
	if (!spec->artifacts && streq(r->spec.artifacts->type, CODEBUILD_ARTIFACTS_TYPE_S3))
		*ret_error = "the project stores artifacts in S3, but the buildspec has no "
			     "artifacts block";
}

/* ---- cache ---- */

/* The docker engine of a project in privileged mode. */
static struct towpath_leader_engine *engine_of(
	const struct build_engine *e, const struct store_build_record *r, struct arena *a)
{
	struct towpath_leader_engine *engine;

	if (!wire_or(r->spec.environment->privileged_mode, false))
		return NULL;
	engine = arena_new(a, struct towpath_leader_engine);
	engine->cache_dir = build_cache_dir(e, r, CODEBUILD_CACHE_MODE_LOCAL_DOCKER_LAYER_CACHE, a);
	return engine;
}

static struct towpath_leader_cache *cache_of(const struct build_engine *e,
	const struct store_build_record *r, const struct towpath_buildspec *spec, struct arena *a)
{
	const char *dir = build_cache_dir(e, r, CODEBUILD_CACHE_MODE_LOCAL_CUSTOM_CACHE, a);
	const struct towpath_buildspec_cache *s = spec->cache;
	struct towpath_leader_cache *cache = arena_new(a, struct towpath_leader_cache);

	build_cache_place(&r->spec, a, &cache->bucket, &cache->prefix);
	if ((!dir && !cache->bucket) || !s || !s->paths.n)
		return NULL;
	cache->dir = dir;
	cache->paths = s->paths;
	cache->key = s->key;
	cache->fallback_keys = s->fallback_keys;
	cache->restore = WIRE_SET_BOOL(!streq(s->action, "save"));
	cache->save = WIRE_SET_BOOL(!streq(s->action, "restore"));
	return cache;
}

/* ---- sources ---- */

static void add_sources(const struct build_engine *e, const struct store_build_record *r,
	const struct build_sources_found *found, struct arena *a, struct towpath_leader_job *job)
{
	const char *dir = build_job_dir(e, r->uuid, a);

	job->source = arena_new(a, struct towpath_leader_source);
	job->source->path = arena_printf(a, "%s/src", dir);
	job->source->target = build_target_dir(&found->primary, a);
	if (!r->spec.secondary_sources.n)
		return;
	wire_list_alloc(a, &job->secondary_sources, r->spec.secondary_sources.n);
	for (size_t i = 0; i < job->secondary_sources.n; i++) {
		const char *id = r->spec.secondary_sources.v[i].source_identifier;

		job->secondary_sources.v[i].identifier = id;
		job->secondary_sources.v[i].path = arena_printf(a, "%s/src-%s", dir, id);
		job->secondary_sources.v[i].target = arena_printf(a, BUILD_SOURCE_BASE "/%s", id);
	}
}

const char *build_target_dir(const struct build_source_result *found, struct arena *a)
{
	if (!found->path_suffix || !*found->path_suffix)
		return BUILD_SOURCE_BASE "/src";
	return arena_printf(a, BUILD_SOURCE_BASE "/src/%s", found->path_suffix);
}

int build_job(const struct build_engine *e, const struct store_build_record *r,
	const struct build_job_input *in, struct arena *a, struct towpath_leader_job *ret,
	const char **ret_artifact_error, struct err *err)
{
	const struct towpath_buildspec *spec = in->spec;
	struct str clock CLEANUP_STR = STR_INIT;

	clock_describe(durable_clock(e->durable), &clock);
	*ret = (struct towpath_leader_job){
		.build_id = r->uuid,
		.version = spec->version,
		.buildspec = in->text,
		.buildspec_origin = in->origin,
		.shell = spec->shell,
		.timeout_seconds = WIRE_SET_LONG(wire_or(r->build.timeout_in_minutes, 60) * 60),
		.limits = limits_of(r->spec.environment->compute_type, a),
		.runtimes_dir = e->runtimes_dir,
		.clock = arena_strdup(a, str_text(&clock)),
	};
	if (build_variables(e, r, spec, in->sources, a, ret, err) < 0)
		return -1;
	copy_exported(r, spec, a, &ret->exported_variables);
	introduce(r, in, a, &ret->introduction);
	copy_phases(spec, a, &ret->phases);
	wire_list_alloc(a, &ret->artifacts, spec->secondary_artifacts.n + 1);
	ret->artifacts.n = 0;
	*ret_artifact_error = NULL;
	if (streq(r->spec.artifacts->type, CODEBUILD_ARTIFACTS_TYPE_CODEPIPELINE))
		choose_for_pipeline(r, spec, &ret->artifacts);
	else
		choose_for_s3(r, spec, a, &ret->artifacts, ret_artifact_error);
	ret->reports = spec->reports;
	ret->cache = cache_of(e, r, spec, a);
	ret->engine = engine_of(e, r, a);
	add_sources(e, r, in->sources, a, ret);
	wire_list_alloc(a, &ret->hidden_paths, 1);
	ret->hidden_paths.v[0] = e->data_dir;
	return 0;
}
