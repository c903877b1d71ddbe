/* SPDX-License-Identifier: Apache-2.0 */
/* StartBuildBatch, and the pipeline's way in: one step makes the batch and asks for its first
 * build. */
#include <inttypes.h>

#include "base/id.h"
#include "build/batch.h"

#define TIMEOUT_MINUTES_DEFAULT 480

struct ask {
	struct build_engine *e;
	struct call *call;
	const struct codebuild_start_build_batch_request *req;
	const struct towpath_build_pipeline *pipeline;
	const char *digest; /* of the request, for idempotency */
	struct codebuild_build_batch *batch;
};

int batch_set_timeout(struct build_engine *e, struct db_tx *tx, const struct store_build_batch *r,
	struct err *err)
{
	int64_t minutes =
		wire_or(r->spec.build_batch_config->timeout_in_mins, TIMEOUT_MINUTES_DEFAULT);
	struct task t = {
		.kind = BATCH_TASK_TIMEOUT,
		.subject = r->uuid,
		.due_usec = durable_now(e->durable) + minutes * 60 * USEC_PER_SEC,
	};

	return task_enqueue(e->durable, tx, &t, err);
}

/* ---- the project in force ---- */

/* What both requests have in common. */
static struct codebuild_start_build_request overrides_of(
	const struct codebuild_start_build_batch_request *req)
{
	return (struct codebuild_start_build_request){
		.project_name = req->project_name,
		.secondary_sources_override = req->secondary_sources_override,
		.secondary_sources_version_override = req->secondary_sources_version_override,
		.source_version = req->source_version,
		.artifacts_override = req->artifacts_override,
		.secondary_artifacts_override = req->secondary_artifacts_override,
		.environment_variables_override = req->environment_variables_override,
		.source_type_override = req->source_type_override,
		.source_location_override = req->source_location_override,
		.source_auth_override = req->source_auth_override,
		.git_clone_depth_override = req->git_clone_depth_override,
		.git_submodules_config_override = req->git_submodules_config_override,
		.buildspec_override = req->buildspec_override,
		.insecure_ssl_override = req->insecure_ssl_override,
		.report_build_status_override = req->report_build_batch_status_override,
		.environment_type_override = req->environment_type_override,
		.image_override = req->image_override,
		.compute_type_override = req->compute_type_override,
		.certificate_override = req->certificate_override,
		.cache_override = req->cache_override,
		.service_role_override = req->service_role_override,
		.privileged_mode_override = req->privileged_mode_override,
		.timeout_in_minutes_override = req->build_timeout_in_minutes_override,
		.queued_timeout_in_minutes_override = req->queued_timeout_in_minutes_override,
		.encryption_key_override = req->encryption_key_override,
		.logs_config_override = req->logs_config_override,
		.registry_credential_override = req->registry_credential_override,
		.image_pull_credentials_type_override = req->image_pull_credentials_type_override,
		.debug_session_enabled = req->debug_session_enabled,
	};
}

static const struct codebuild_project_build_batch_config *config_of(
	const struct codebuild_start_build_batch_request *req, const struct codebuild_project *p)
{
	return req->build_batch_config_override ? req->build_batch_config_override
						: p->build_batch_config;
}

static int set_config(struct ask *s, struct codebuild_project *spec, struct err *err)
{
	const struct codebuild_project_build_batch_config *given = config_of(s->req, spec);
	struct codebuild_project_build_batch_config *c =
		arena_new(s->call->arena, struct codebuild_project_build_batch_config);

	if (!given || !given->service_role || !*given->service_role)
		return build_invalid(err,
			"Invalid batch configuration: project %s has no buildBatchConfig with a "
			"serviceRole, which batches need",
			spec->name);
	*c = *given;
	if (!c->timeout_in_mins.set)
		c->timeout_in_mins = WIRE_SET_INT(TIMEOUT_MINUTES_DEFAULT);
	if (s->pipeline)
		c->combine_artifacts = WIRE_SET_BOOL(wire_or(s->pipeline->combine, false));
	spec->build_batch_config = c;
	return 0;
}

static int make_spec(struct ask *s, struct codebuild_project *spec, struct err *err)
{
	struct codebuild_start_build_request overrides = overrides_of(s->req);
	struct arena *a = s->call->arena;

	if (build_fit_pipeline(s->pipeline, &overrides, spec, a, err) < 0 ||
		set_config(s, spec, err) < 0 || build_override(&overrides, spec, a, err) < 0)
		return -1;
	build_project_defaults(s->e, spec, a);
	return 0;
}

/* ---- the batch's first form ---- */

static struct codebuild_build_artifacts *shown_artifact(
	const struct codebuild_project_artifacts *spec, struct arena *a)
{
	struct codebuild_build_artifacts *b = arena_new(a, struct codebuild_build_artifacts);

	b->location = "";
	if (streq(spec->type, CODEBUILD_ARTIFACTS_TYPE_S3))
		b->location = arena_printf(a, "arn:aws:s3:::%s", build_bucket_of(spec->location));
	b->artifact_identifier = spec->artifact_identifier;
	b->override_artifact_name = spec->override_artifact_name;
	b->encryption_disabled = spec->encryption_disabled;
	b->bucket_owner_access = spec->bucket_owner_access;
	return b;
}

static void show_artifacts(struct store_build_batch *r, struct arena *a)
{
	const struct codebuild_project *p = &r->spec;

	r->batch.artifacts = shown_artifact(p->artifacts, a);
	if (!p->secondary_artifacts.n)
		return;
	wire_list_alloc(a, &r->batch.secondary_artifacts, p->secondary_artifacts.n);
	for (size_t i = 0; i < p->secondary_artifacts.n; i++)
		r->batch.secondary_artifacts.v[i] =
			*shown_artifact(&p->secondary_artifacts.v[i], a);
}

static void plan(struct ask *s, struct store_build_batch *r, int64_t number)
{
	const struct codebuild_project *p = &r->spec;
	struct arena *a = s->call->arena;
	int64_t now = durable_now(s->e->durable);

	r->batch = (struct codebuild_build_batch){
		.id = arena_printf(a, "%s:%s", p->name, r->uuid),
		.arn = batch_arn(s->e, p->name, r->uuid, a),
		.start_time = WIRE_SET_TIME(now),
		.source_version = p->source_version,
		.project_name = p->name,
		.source = p->source,
		.secondary_sources = p->secondary_sources,
		.secondary_source_versions = p->secondary_source_versions,
		.cache = p->cache,
		.environment = p->environment,
		.service_role = p->service_role,
		.log_config = p->logs_config,
		.build_timeout_in_minutes = p->timeout_in_minutes,
		.queued_timeout_in_minutes = p->queued_timeout_in_minutes,
		.initiator = build_initiator(s->call, s->pipeline),
		.vpc_config = p->vpc_config,
		.encryption_key = p->encryption_key,
		.build_batch_number = WIRE_SET_LONG(number),
		.file_system_locations = p->file_system_locations,
		.build_batch_config = p->build_batch_config,
		.debug_session_enabled = WIRE_SET_BOOL(false),
	};
	show_artifacts(r, a);
	batch_groups_begin(&r->batch, a);
	batch_submit(&r->batch, now, a);
}

/* ---- asking ---- */

/* 1: the token was used before, s->batch is that batch; 0: it is new. */
static int find_token(struct ask *s, struct db_tx *tx, const char *project, struct err *err)
{
	const char *token = s->req->idempotency_token;
	struct store_build_batch *old = arena_new(s->call->arena, struct store_build_batch);
	int r = token ? store_build_batch_by_token(tx, project, token, s->call->arena, old, err)
		      : 0;

	if (r <= 0)
		return r;
	if (!s->pipeline &&
		old->batch.start_time.usec + BUILD_TOKEN_VALID_USEC <= durable_now(s->e->durable))
		return 0;
	if (!s->pipeline && !streq(old->extra.request_digest, s->digest))
		return build_invalid(err,
			"Idempotency parameter mismatch: token %s was used with other parameters",
			token);
	s->batch = &old->batch;
	return 1;
}

static int make(
	struct ask *s, struct db_tx *tx, const struct store_build_project *project, struct err *err)
{
	CLEANUP_BATCH_STEP struct batch_step step = {.e = s->e, .actor = s->call->principal_arn};
	struct store_build_batch *r = &step.r;
	struct uuid_text uuid = id_uuid();
	int64_t number = 0;

	r->spec = project->project;
	if (make_spec(s, &r->spec, err) < 0 ||
		store_build_project_take_batch_number(tx, r->spec.name, &number, err) < 0)
		return -1;
	step.uuid = r->uuid = arena_strdup(s->call->arena, uuid.text);
	r->token = s->req->idempotency_token;
	r->extra.pipeline = (struct towpath_build_pipeline *)(uintptr_t)s->pipeline;
	r->extra.request_digest = s->digest;
	r->extra.cache_generation = WIRE_SET_INT(project->cache_generation);
	plan(s, r, number);
	if (batch_set_timeout(s->e, tx, r, err) < 0 || batch_advance(&step, tx, err) < 0 ||
		store_build_batch_insert(tx, r, err) < 0)
		return -1;
	s->batch = wire_copy(&codebuild_build_batch_shape, &r->batch, s->call->arena);
	return batch_tell(s->e, tx, &r->batch, true, step.actor, err);
}

static int start(struct db_tx *tx, void *arg, struct err *err)
{
	struct ask *s = arg;
	struct store_build_project *project = arena_new(s->call->arena, struct store_build_project);
	const char *name = build_project_name_of(s->req->project_name);
	int found = name ? store_build_project_get(tx, name, s->call->arena, project, err) : 0;

	if (found < 0)
		return -1;
	if (!found)
		return build_no_project(
			s->e, name ? name : s->req->project_name, s->call->arena, err);
	found = find_token(s, tx, name, err);
	if (found)
		return found < 0 ? -1 : 0;
	return make(s, tx, project, err);
}

/* ---- the batch's role ---- */

struct find_role {
	struct ask *ask;
	const char *role, *project;
};

static int find_role(struct db_tx *tx, void *arg, struct err *err)
{
	struct find_role *f = arg;
	const struct codebuild_project_build_batch_config *c;
	struct store_build_project project = {0};
	int found;

	f->project = build_project_name_of(f->ask->req->project_name);
	found = f->project ? store_build_project_get(
				     tx, f->project, f->ask->call->arena, &project, err)
			   : 0;
	if (found <= 0)
		return found;
	c = config_of(f->ask->req, &project.project);
	f->role = c ? c->service_role : NULL;
	return 0;
}

int batch_role_may(const struct build_engine *e, const char *role, const char *action,
	const char *project, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err why = ERR_INIT;
	const struct build_roles *port = &e->ports->roles;
	const struct build_role who = {.arn = role, .build = "batch"};
	const char *arn = build_project_arn(e, project, &a);

	if (!port->may || port->may(port->arg, &who, action, arn, &why) == 0)
		return 0;
	if (!err_is(&why, ERR_DENIED))
		return err_move(err, &why);
	return build_invalid(err, "The batch's service role %s cannot be used for %s on %s: %s",
		role, action, arn, err_message(&why));
}

int build_start_batch_for_pipeline(struct build_engine *e, struct call *call,
	const struct codebuild_start_build_batch_request *req,
	const struct towpath_build_pipeline *pipeline,
	struct codebuild_start_build_batch_response *resp, struct err *err)
{
	struct ask s = {.e = e, .call = call, .req = req, .pipeline = pipeline};
	struct find_role f = {.ask = &s};

	if (req->idempotency_token)
		s.digest =
			wire_digest(&codebuild_start_build_batch_request_shape, req, call->arena);
	if (db_read(durable_db(e->durable), find_role, &f, err) < 0 ||
		(f.role && batch_role_may(e, f.role, "codebuild:StartBuild", f.project, err) < 0) ||
		durable_step(e->durable, start, &s, err) < 0)
		return -1;
	resp->build_batch = s.batch;
	return 0;
}

int build_start_build_batch(struct build_engine *e, struct call *call,
	const struct codebuild_start_build_batch_request *req,
	struct codebuild_start_build_batch_response *resp, struct err *err)
{
	return build_start_batch_for_pipeline(e, call, req, NULL, resp, err);
}
