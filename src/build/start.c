/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for a build: StartBuild, RetryBuild, the pipeline's way in, automatic retries. One step:
 * number, row, place in the queue, journal entry. */
#include <inttypes.h>

#include "base/id.h"
#include "build/engine.h"

struct ask_step {
	struct build_engine *e;
	struct call *call;
	const struct codebuild_start_build_request *req;
	const struct towpath_build_pipeline *pipeline;
	const struct build_hook_start *hook;
	const char *digest; /* of the request, for idempotency */
	struct codebuild_build *build;
};

/* ---- the build's first form ---- */

static struct codebuild_build_artifacts *planned_artifact(
	const struct codebuild_project_artifacts *spec, const struct store_build_record *r,
	struct arena *a)
{
	struct codebuild_build_artifacts *b = arena_new(a, struct codebuild_build_artifacts);
	struct build_destination to;

	b->artifact_identifier = spec->artifact_identifier;
	b->override_artifact_name = spec->override_artifact_name;
	b->encryption_disabled = spec->encryption_disabled;
	b->bucket_owner_access = spec->bucket_owner_access;
	b->location = "";
	if (!wire_or(spec->override_artifact_name, false) &&
		build_destination(spec, r->extra.pipeline,
			spec->artifact_identifier ? spec->artifact_identifier : "", r->spec.name,
			r->uuid, NULL, NULL, a, &to))
		b->location = arena_printf(a, "arn:aws:s3:::%s/%s", to.bucket, to.key);
	return b;
}

static void plan_artifacts(struct store_build_record *r, struct arena *a)
{
	struct codebuild_build *b = &r->build;

	b->artifacts = planned_artifact(r->spec.artifacts, r, a);
	if (!r->spec.secondary_artifacts.n)
		return;
	wire_list_alloc(a, &b->secondary_artifacts, r->spec.secondary_artifacts.n);
	for (size_t i = 0; i < r->spec.secondary_artifacts.n; i++)
		b->secondary_artifacts.v[i] =
			*planned_artifact(&r->spec.secondary_artifacts.v[i], r, a);
}

static bool log_enabled_in(const struct codebuild_logs_config *c)
{
	return !c || !c->cloud_watch_logs || !streq(c->cloud_watch_logs->status, "DISABLED");
}

static void plan_logs(struct build_engine *e, struct store_build_record *r, struct arena *a)
{
	const struct codebuild_logs_config *c = r->spec.logs_config;
	const struct codebuild_cloud_watch_logs_config *cw = c ? c->cloud_watch_logs : NULL;
	struct codebuild_logs_location *l = arena_new(a, struct codebuild_logs_location);

	r->build.logs = l;
	l->cloud_watch_logs = cw ? (void *)cw : NULL;
	l->s3_logs = c ? c->s3_logs : NULL;
	if (!l->cloud_watch_logs) {
		l->cloud_watch_logs = arena_new(a, struct codebuild_cloud_watch_logs_config);
		l->cloud_watch_logs->status = "ENABLED";
	}
	if (!log_enabled_in(c))
		return;
	l->group_name = cw && cw->group_name ? cw->group_name
					     : arena_printf(a, "/aws/codebuild/%s", r->spec.name);
	l->stream_name = cw && cw->stream_name ? arena_printf(a, "%s/%s", cw->stream_name, r->uuid)
					       : r->uuid;
	l->cloud_watch_logs_arn = arena_printf(a, "arn:aws:logs:%s:%s:log-group:%s:log-stream:%s",
		e->region, e->account, l->group_name, l->stream_name);
	l->deep_link = arena_printf(a, "%s/logs/%s/%s", e->console_url, r->spec.name, r->uuid);
}

static void plan_retries(struct store_build_record *r, struct arena *a)
{
	struct codebuild_auto_retry_config *c;

	if (!r->extra.auto_retry_limit.set || r->extra.auto_retry_limit.v <= 0)
		return;
	c = arena_new(a, struct codebuild_auto_retry_config);
	c->auto_retry_limit = r->extra.auto_retry_limit;
	c->auto_retry_number = WIRE_SET_INT(wire_or(r->extra.auto_retry_number, 0));
	c->previous_auto_retry = r->extra.previous_auto_retry;
	r->build.auto_retry_config = c;
}

static bool is_commit_id(const char *s)
{
	return s && strlen(s) == 40 && strspn(s, "0123456789abcdef") == 40;
}

static void plan(struct build_engine *e, struct store_build_record *r, const char *initiator,
	int64_t number, struct arena *a)
{
	const struct codebuild_project *p = &r->spec;
	struct codebuild_build *b = &r->build;
	int64_t now = durable_now(e->durable);

	b->id = arena_printf(a, "%s:%s", p->name, r->uuid);
	b->arn = build_arn(e, p->name, r->uuid, a);
	b->build_number = WIRE_SET_LONG(number);
	b->project_name = p->name;
	b->start_time = WIRE_SET_TIME(now);
	b->build_status = CODEBUILD_STATUS_TYPE_IN_PROGRESS;
	b->build_complete = WIRE_SET_BOOL(false);
	b->source_version = p->source_version;
	if (is_commit_id(p->source_version))
		b->resolved_source_version = p->source_version;
	b->source = p->source;
	b->secondary_sources = p->secondary_sources;
	b->secondary_source_versions = p->secondary_source_versions;
	b->cache = p->cache;
	b->environment = p->environment;
	b->service_role = p->service_role;
	b->timeout_in_minutes = p->timeout_in_minutes;
	b->queued_timeout_in_minutes = p->queued_timeout_in_minutes;
	b->vpc_config = p->vpc_config;
	b->encryption_key = p->encryption_key;
	b->file_system_locations = p->file_system_locations;
	b->initiator = initiator;
	plan_artifacts(r, a);
	plan_logs(e, r, a);
	plan_retries(r, a);
	build_phase_open(b, CODEBUILD_BUILD_PHASE_TYPE_SUBMITTED, now, a);
	build_phase_close(b, CODEBUILD_STATUS_TYPE_SUCCEEDED, NULL, NULL, now, a);
	build_phase_open(b, CODEBUILD_BUILD_PHASE_TYPE_QUEUED, now, a);
}

static int check_limit(struct db_tx *tx, const struct codebuild_project *current,
	const struct codebuild_project *spec, struct err *err)
{
	int64_t active = 0;

	if (!current->concurrent_build_limit.set)
		return 0;
	if (store_build_record_count_active(tx, spec->name, &active, err) < 0)
		return -1;
	if (active < current->concurrent_build_limit.v)
		return 0;
	return err_set_wire(err, "AccountLimitExceededException",
		"Build failed to start: project %s already has %" PRId64
		" active builds, its concurrentBuildLimit is %d",
		spec->name, active, current->concurrent_build_limit.v);
}

int build_ask(struct build_engine *e, struct db_tx *tx, struct store_build_record *r,
	const char *initiator, const char *actor, struct arena *a, struct err *err)
{
	struct uuid_text uuid = id_uuid();
	struct build_news news;
	int64_t number = 0;

	if (store_build_project_take_number(tx, r->spec.name, &number, err) < 0)
		return -1;
	r->uuid = arena_strdup(a, uuid.text);
	plan(e, r, initiator, number, a);
	if (build_queue_enter(e, tx, r, err) < 0)
		return -1;
	r->extra.phases_told = WIRE_SET_INT(0);
	news = build_news(r, NULL);
	if (store_build_record_insert(tx, r, err) < 0)
		return -1;
	return build_tell(e, tx, &r->build, &news, actor, err) < 0
		       ? -1
		       : build_report_status(e, tx, r, err);
}

/* ---- StartBuild ---- */

/* 1: the token was used before, s->build is that build; 0: it is new. */
static int find_token(struct ask_step *s, struct db_tx *tx, const char *project, const char *token,
	struct err *err)
{
	struct store_build_record *old = arena_new(s->call->arena, struct store_build_record);
	int r;

	if (!token)
		return 0;
	r = store_build_record_by_token(tx, project, token, s->call->arena, old, err);
	if (r <= 0)
		return r;
	if (!s->pipeline &&
		old->build.start_time.usec + BUILD_TOKEN_VALID_USEC <= durable_now(s->e->durable))
		return 0;
	if (!s->pipeline && s->digest && !streq(old->extra.request_digest, s->digest))
		return build_invalid(err,
			"Idempotency parameter mismatch: token %s was used with other parameters",
			token);
	s->build = &old->build;
	return 1;
}

const char *build_initiator(const struct call *call, const struct towpath_build_pipeline *pipeline)
{
	const char *arn = call->principal_arn, *slash;

	if (pipeline)
		return arena_printf(call->arena, "codepipeline/%s", pipeline->pipeline_name);
	if (!arn)
		return "towpath";
	/* An event rule is "rule/name". */
	if (strstr(arn, ":rule/"))
		return strstr(arn, ":rule/") + 1;
	/* arn:...:user/path/name is "name", arn:...:assumed-role/role/session "role/session". */
	slash = strchr(arn, '/');
	if (slash && strstr(arn, ":assumed-role/"))
		return slash + 1;
	slash = strrchr(arn, '/');
	return slash ? slash + 1 : strrchr(arn, ':') ? strrchr(arn, ':') + 1 : arn;
}

int build_no_project(
	const struct build_engine *e, const char *name, struct arena *a, struct err *err)
{
	return err_set_wire(err, "ResourceNotFoundException", "Project cannot be found: %s",
		build_project_arn(e, name, a));
}

/* The first input artifact is the source, every other one a secondary source of its name. */
static void take_inputs(
	const struct towpath_build_pipeline *p, struct codebuild_project *spec, struct arena *a)
{
	const char *primary = p->primary_input ? p->primary_input
			      : p->inputs.n    ? p->inputs.v[0].name
					       : NULL;

	spec->secondary_sources = (struct codebuild_project_sources){0};
	if (p->inputs.n < 2)
		return;
	wire_list_alloc(a, &spec->secondary_sources, p->inputs.n);
	spec->secondary_sources.n = 0;
	wire_foreach (in, &p->inputs) {
		struct codebuild_project_source *s;

		if (streq(in->name, primary))
			continue;
		s = &spec->secondary_sources.v[spec->secondary_sources.n++];
		s->type = "CODEPIPELINE";
		s->source_identifier = in->name;
	}
}

/* One that brings nothing (a rule of commands) takes nothing. */
int build_fit_pipeline(const struct towpath_build_pipeline *pipeline,
	const struct codebuild_start_build_request *req, struct codebuild_project *spec,
	struct arena *a, struct err *err)
{
	bool brings = pipeline && pipeline->inputs.n;

	if (!pipeline) {
		if (!req->artifacts_override && streq(spec->artifacts->type, "CODEPIPELINE"))
			return build_invalid(err, "ArtifactsOverride must be set when using "
						  "artifacts type CodePipelines");
		return 0;
	}
	if (!streq(spec->source->type, "CODEPIPELINE") || !brings) {
		const char *buildspec = spec->source->buildspec;

		spec->source = arena_new(a, struct codebuild_project_source);
		spec->source->type = brings ? "CODEPIPELINE" : "NO_SOURCE";
		spec->source->buildspec = buildspec;
	}
	spec->artifacts = arena_new(a, struct codebuild_project_artifacts);
	spec->artifacts->type = brings ? "CODEPIPELINE" : "NO_ARTIFACTS";
	spec->artifacts->packaging = brings ? "ZIP" : NULL;
	spec->secondary_artifacts = (struct codebuild_project_artifacts_list){0};
	take_inputs(pipeline, spec, a);
	spec->secondary_source_versions = (struct codebuild_project_secondary_source_versions){0};
	return 0;
}

static void fill_extra(
	struct ask_step *s, struct store_build_record *r, const struct store_build_project *project)
{
	r->token = s->req->idempotency_token;
	r->extra.pipeline =
		s->pipeline ? (struct towpath_build_pipeline *)(uintptr_t)s->pipeline : NULL;
	if (s->hook)
		r->extra.webhook = s->hook->variables;
	r->extra.request_digest = s->digest;
	r->extra.cache_generation = WIRE_SET_INT(project->cache_generation);
	r->extra.auto_retry_limit = r->spec.auto_retry_limit;
}

static int start(struct db_tx *tx, void *arg, struct err *err)
{
	struct ask_step *s = arg;
	struct arena *a = s->call->arena;
	struct store_build_project *project = arena_new(a, struct store_build_project);
	struct store_build_record *r = arena_new(a, struct store_build_record);
	const char *name = build_project_name_of(s->req->project_name);
	struct codebuild_project current;
	int found = name ? store_build_project_get(tx, name, a, project, err) : 0;

	if (found < 0)
		return -1;
	if (!found)
		return build_no_project(s->e, name ? name : s->req->project_name, a, err);
	found = find_token(s, tx, name, s->req->idempotency_token, err);
	if (found)
		return found < 0 ? -1 : 0;
	current = project->project;
	r->spec = project->project;
	if (build_fit_pipeline(s->pipeline, s->req, &r->spec, a, err) < 0 ||
		build_override(s->req, &r->spec, a, err) < 0 ||
		check_limit(tx, &current, &r->spec, err) < 0)
		return -1;
	build_project_defaults(s->e, &r->spec, a);
	fill_extra(s, r, project);
	if (build_ask(s->e, tx, r,
		    s->hook ? s->hook->initiator : build_initiator(s->call, s->pipeline),
		    s->call->principal_arn, a, err) < 0)
		return -1;
	s->build = &r->build;
	return 0;
}

static int start_asked(
	struct ask_step *s, struct codebuild_start_build_response *resp, struct err *err)
{
	if (s->req->idempotency_token)
		s->digest =
			wire_digest(&codebuild_start_build_request_shape, s->req, s->call->arena);
	if (durable_step(s->e->durable, start, s, err) < 0)
		return -1;
	resp->build = s->build;
	return 0;
}

int build_start_for_pipeline(struct build_engine *e, struct call *call,
	const struct codebuild_start_build_request *req,
	const struct towpath_build_pipeline *pipeline, struct codebuild_start_build_response *resp,
	struct err *err)
{
	struct ask_step s = {.e = e, .call = call, .req = req, .pipeline = pipeline};

	return start_asked(&s, resp, err);
}

int build_start_build(struct build_engine *e, struct call *call,
	const struct codebuild_start_build_request *req,
	struct codebuild_start_build_response *resp, struct err *err)
{
	return build_start_for_pipeline(e, call, req, NULL, resp, err);
}

int build_start_for_hook(struct build_engine *e, struct call *call,
	const struct codebuild_start_build_request *req, const struct build_hook_start *how,
	struct codebuild_start_build_response *resp, struct err *err)
{
	struct ask_step s = {.e = e, .call = call, .req = req, .hook = how};

	return start_asked(&s, resp, err);
}

/* ---- RetryBuild ---- */

struct retry_step {
	struct ask_step ask;
	const struct codebuild_retry_build_request *req;
};

static int retry(struct db_tx *tx, void *arg, struct err *err)
{
	struct retry_step *s = arg;
	struct arena *a = s->ask.call->arena;
	const char *uuid = s->req->id ? build_uuid_of(s->req->id) : NULL;
	struct store_build_record *old = arena_new(a, struct store_build_record);
	struct store_build_record *r = arena_new(a, struct store_build_record);
	struct store_build_project project;
	int found = uuid ? store_build_record_get(tx, uuid, true, a, old, err) : 0;

	if (found < 0)
		return -1;
	if (!found || !build_id_is_of(s->req->id, old->build.project_name))
		return err_set_wire(err, "ResourceNotFoundException", "Build cannot be found: %s",
			s->req->id ? s->req->id : "");
	found = find_token(&s->ask, tx, old->build.project_name, s->req->idempotency_token, err);
	if (found)
		return found < 0 ? -1 : 0;
	if (old->build.build_batch_arn)
		return build_invalid(err,
			"Cannot retry build %s: it is one of batch %s, which RetryBuildBatch "
			"retries",
			old->build.id, old->build.build_batch_arn);
	if (old->state != BUILD_DONE)
		return build_invalid(
			err, "Cannot retry build %s: it is still in progress", old->build.id);
	found = store_build_project_get(tx, old->build.project_name, a, &project, err);
	if (found < 0)
		return -1;
	if (!found)
		return build_no_project(s->ask.e, old->build.project_name, a, err);
	r->spec = old->spec;
	r->extra.pipeline = old->extra.pipeline;
	r->extra.webhook = old->extra.webhook;
	r->extra.retry_of = old->build.id;
	r->extra.request_digest = s->ask.digest;
	r->extra.cache_generation = WIRE_SET_INT(project.cache_generation);
	r->token = s->req->idempotency_token;
	if (check_limit(tx, &project.project, &r->spec, err) < 0 ||
		build_ask(s->ask.e, tx, r, build_initiator(s->ask.call, NULL),
			s->ask.call->principal_arn, a, err) < 0)
		return -1;
	s->ask.build = &r->build;
	return 0;
}

int build_retry_build(struct build_engine *e, struct call *call,
	const struct codebuild_retry_build_request *req,
	struct codebuild_retry_build_response *resp, struct err *err)
{
	struct retry_step s = {.ask = {.e = e, .call = call}, .req = req};

	if (req->idempotency_token && req->id)
		s.ask.digest = arena_printf(call->arena, "retry %s", req->id);
	if (durable_step(e->durable, retry, &s, err) < 0)
		return -1;
	resp->build = s.ask.build;
	return 0;
}
