/* SPDX-License-Identifier: Apache-2.0 */
/* StartBuild's overrides laid over the project: what comes out is checked like a project. */
#include "build/engine.h"

#define OVERRIDE(field, value)             \
	do {                               \
		if (value)                 \
			(field) = (value); \
	} while (0)
#define OVERRIDE_SET(field, value)         \
	do {                               \
		if ((value).set)           \
			(field) = (value); \
	} while (0)

/* Same name replaces, new name adds. */
static void override_variables(struct codebuild_project_environment *env,
	const struct codebuild_environment_variables *with, struct arena *a)
{
	struct codebuild_environment_variables old = env->environment_variables;

	if (!with->set)
		return;
	wire_list_alloc(a, &env->environment_variables, old.n + with->n);
	if (old.n)
		memcpy(env->environment_variables.v, old.v, old.n * sizeof(*old.v));
	env->environment_variables.n = old.n;
	wire_foreach (v, with) {
		size_t i = 0;

		while (i < env->environment_variables.n &&
			!streq(env->environment_variables.v[i].name, v->name))
			i++;
		env->environment_variables.v[i] = *v;
		if (!v->type)
			env->environment_variables.v[i].type = "PLAINTEXT";
		if (i == env->environment_variables.n)
			env->environment_variables.n++;
	}
}

static void override_source(
	const struct codebuild_start_build_request *req, struct codebuild_project *p)
{
	struct codebuild_project_source *s = p->source;

	OVERRIDE(s->type, req->source_type_override);
	OVERRIDE(s->location, req->source_location_override);
	OVERRIDE(s->auth, req->source_auth_override);
	OVERRIDE_SET(s->git_clone_depth, req->git_clone_depth_override);
	OVERRIDE(s->git_submodules_config, req->git_submodules_config_override);
	OVERRIDE_SET(s->insecure_ssl, req->insecure_ssl_override);
	OVERRIDE(s->buildspec, req->buildspec_override);
	OVERRIDE_SET(s->report_build_status, req->report_build_status_override);
	OVERRIDE(s->build_status_config, req->build_status_config_override);
	OVERRIDE(p->source_version, req->source_version);
	OVERRIDE_SET(p->secondary_sources, req->secondary_sources_override);
	OVERRIDE_SET(p->secondary_source_versions, req->secondary_sources_version_override);
}

static void override_environment(const struct codebuild_start_build_request *req,
	struct codebuild_project_environment *env, struct arena *a)
{
	OVERRIDE(env->type, req->environment_type_override);
	OVERRIDE(env->image, req->image_override);
	OVERRIDE(env->compute_type, req->compute_type_override);
	OVERRIDE(env->certificate, req->certificate_override);
	OVERRIDE_SET(env->privileged_mode, req->privileged_mode_override);
	OVERRIDE(env->fleet, req->fleet_override);
	OVERRIDE(env->registry_credential, req->registry_credential_override);
	OVERRIDE(env->image_pull_credentials_type, req->image_pull_credentials_type_override);
	override_variables(env, &req->environment_variables_override, a);
}

int build_override(const struct codebuild_start_build_request *req, struct codebuild_project *p,
	struct arena *a, struct err *err)
{
	override_source(req, p);
	override_environment(req, p->environment, a);
	OVERRIDE(p->artifacts, req->artifacts_override);
	OVERRIDE_SET(p->secondary_artifacts, req->secondary_artifacts_override);
	OVERRIDE(p->cache, req->cache_override);
	OVERRIDE(p->logs_config, req->logs_config_override);
	OVERRIDE(p->encryption_key, req->encryption_key_override);
	OVERRIDE(p->service_role, req->service_role_override);
	OVERRIDE_SET(p->timeout_in_minutes, req->timeout_in_minutes_override);
	OVERRIDE_SET(p->queued_timeout_in_minutes, req->queued_timeout_in_minutes_override);
	OVERRIDE_SET(p->auto_retry_limit, req->auto_retry_limit_override);
	if (wire_or(req->debug_session_enabled, false))
		return build_invalid(err, "Invalid input: debugSessionEnabled is not offered: "
					  "there is no Session Manager to connect with");
	return build_project_check(p, err);
}
