/* SPDX-License-Identifier: Apache-2.0 */
/* The environment variables of a build ("Environment variables in build environments"):
 * buildspec, then project with StartBuild's overrides, then what the service itself sets. */
#include <inttypes.h>

#include "build/engine.h"

enum kept { KEPT_HERE, KEPT_AS_PARAMETER, KEPT_AS_SECRET };

struct variable {
	const char *value; /* or the reference to it */
	enum kept kept;
};

struct variables {
	struct map values; /* name -> struct variable, in the arena */
	struct arena *a;
};

static void set_kept(struct variables *v, const char *name, const char *value, enum kept kept)
{
	struct variable *var = arena_new(v->a, struct variable);

	var->value = value;
	var->kept = kept;
	map_set(&v->values, name, var);
}

static void set(struct variables *v, const char *name, const char *value)
{
	if (value)
		set_kept(v, name, value, KEPT_HERE);
}

static void add_buildspec(struct variables *v, const struct towpath_buildspec *spec)
{
	wire_foreach (it, &spec->variables)
		set(v, it->name, it->value);
	wire_foreach (it, &spec->parameter_store)
		set_kept(v, it->name, it->value, KEPT_AS_PARAMETER);
	wire_foreach (it, &spec->secrets_manager)
		set_kept(v, it->name, it->value, KEPT_AS_SECRET);
}

static enum kept kept_as(const char *type)
{
	return streq(type, CODEBUILD_ENVIRONMENT_VARIABLE_TYPE_PARAMETER_STORE) ? KEPT_AS_PARAMETER
	       : streq(type, CODEBUILD_ENVIRONMENT_VARIABLE_TYPE_SECRETS_MANAGER) ? KEPT_AS_SECRET
										  : KEPT_HERE;
}

static void add_project(struct variables *v, const struct codebuild_project_environment *env)
{
	wire_foreach (it, &env->environment_variables)
		set_kept(v, it->name, it->value ? it->value : "", kept_as(it->type));
}

bool build_variable_is_exportable(const struct store_build_record *r, const char *name)
{
	wire_foreach (it, &r->spec.environment->environment_variables)
		if (streq(it->name, name) && kept_as(it->type) != KEPT_HERE)
			return false;
	return true;
}

/* The values of references; what was read is masked in the log. */
static int resolve(const struct build_engine *e, const struct store_build_record *r,
	struct variables *v, struct towpath_string_list *secrets, struct err *err)
{
	const struct build_values *port = &e->ports->values;

	map_foreach (it, &v->values) {
		struct variable *var = it->value;
		struct build_value_request req = {build_role(r), it->key, var->value};
		bool secret = var->kept == KEPT_AS_SECRET;

		if (var->kept == KEPT_HERE)
			continue;
		if (!port->parameter)
			return err_set(err, ERR_UNSUPPORTED,
				"variable %s wants '%s' from %s, which this installation does not "
				"have",
				it->key, var->value,
				secret ? "Secrets Manager" : "Parameter Store");
		if ((secret ? port->secret : port->parameter)(
			    port->arg, &req, v->a, &var->value, err) < 0)
			return err_wrap(err, "variable %s", it->key);
		secrets->v[secrets->n++] = var->value;
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
	set(v, "CODEBUILD_BATCH_BUILD_IDENTIFIER", r->extra.batch_identifier);
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
	wire_foreach (it, &r->extra.webhook)
		set(v, it->key, it->value);
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

/* What lets the build act under its role. */
static int add_role(const struct build_engine *e, const struct store_build_record *r,
	struct variables *v, struct towpath_string_list *ret_secrets, struct err *err)
{
	const struct build_roles *port = &e->ports->roles;
	struct build_role role = build_role(r);
	struct towpath_leader_variables list = {0};

	*ret_secrets = (struct towpath_string_list){0};
	if (!port->variables)
		return 0;
	if (port->variables(port->arg, &role, v->a, &list, ret_secrets, err) < 0)
		return -1;
	wire_foreach (it, &list)
		set(v, it->name, it->value);
	return 0;
}

int build_variables(const struct build_engine *e, const struct store_build_record *r,
	const struct towpath_buildspec *spec, const struct build_sources_found *sources,
	struct arena *a, struct towpath_leader_job *ret, struct err *err)
{
	struct variables v = {.a = a};
	struct towpath_string_list of_role;
	size_t i = 0;
	int result;

	add_buildspec(&v, spec);
	add_project(&v, r->spec.environment);
	add_service(e, r, &v);
	add_sources(r, sources, &v);
	result = add_role(e, r, &v, &of_role, err);
	wire_list_alloc(a, &ret->variables, v.values.count);
	wire_list_alloc(a, &ret->secrets, v.values.count + of_role.n);
	ret->secrets.n = 0;
	wire_foreach (it, &of_role)
		ret->secrets.v[ret->secrets.n++] = *it;
	if (result == 0)
		result = resolve(e, r, &v, &ret->secrets, err);
	map_foreach (it, &v.values) {
		ret->variables.v[i].name = arena_strdup(a, it->key);
		ret->variables.v[i++].value = ((const struct variable *)it->value)->value;
	}
	map_release(&v.values);
	return result;
}
