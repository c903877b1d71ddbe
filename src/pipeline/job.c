/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of custom actions: how they begin, follow one another and end, and what workers see. */
#include "pipeline/job.h"

#include "base/id.h"
#include "base/log.h"
#include "pipeline/custom_type.h"
#include "pipeline/secret_value.h"
#include "pipeline/status.h"

#define TIMEOUT_USEC (INT64_C(24) * 3600 * USEC_PER_SEC)

/* ---- states ---- */

int job_set_status(
	struct db_tx *tx, struct store_pipeline_job *job, const char *status, struct err *err)
{
	if (!status_may_follow(STATUS_OF_JOB, job->status, status))
		BUG("job %s: %s -> %s", job->id, job->status ? job->status : "", status);
	job->status = status;
	return store_pipeline_job_put(tx, job, err);
}

bool job_is_open(const struct store_pipeline_job *job)
{
	return status_may_follow(STATUS_OF_JOB, job->status, CODEPIPELINE_JOB_STATUS_FAILED);
}

int job_find(struct db_tx *tx, const char *id, struct arena *a, struct store_pipeline_job *ret,
	struct err *err)
{
	int found = store_pipeline_job_get(tx, id, a, ret, err);

	if (found == 0)
		return err_set_wire(
			err, "JobNotFoundException", "There is no job with the id '%s'", id);
	return found < 0 ? -1 : 0;
}

static int queue(struct db_tx *tx, struct store_pipeline_job job, struct err *err)
{
	struct uuid_text id = id_uuid(), nonce = id_uuid();

	job.id = id.text;
	job.nonce = nonce.text;
	job.status = NULL;
	job.offered_usec = 0;
	return job_set_status(tx, &job, CODEPIPELINE_JOB_STATUS_QUEUED, err);
}

int job_follow(struct db_tx *tx, const struct store_pipeline_job *before, const char *token,
	int64_t now, struct err *err)
{
	struct store_pipeline_job job = *before;

	job.continuation = token;
	job.created_usec = now;
	/* Workers may look for days by one token after the other: the last two jobs are kept. */
	if (store_pipeline_job_delete_others(tx, before->action_id, before->id, err) < 0)
		return -1;
	return queue(tx, job, err);
}

/* ---- the action starts ---- */

struct starting {
	struct pipeline_engine *e;
	const struct action_run *run;
	bool no_type;
};

static const char *query_value(const custom_type *t, const struct action_run *run)
{
	const char *key = custom_type_queryable(t);

	return key ? action_run_setting(run, key) : NULL;
}

static int queue_first(struct db_tx *tx, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct starting *s = arg;
	const struct codepipeline_action_type_id *id = s->run->declaration->action_type_id;
	const char *name = custom_type_name(id->category, id->provider, id->version, &a);
	struct store_pipeline_job job = {0};
	struct store_pipeline_action row;
	custom_type t;
	int found = store_pipeline_action_get(tx, s->run->id, &a, &row, err);

	s->no_type = false;
	if (found <= 0 || status_final(row.detail->status)) /* J2 */
		return found < 0 ? -1 : 0;
	found = store_pipeline_job_of_action(tx, s->run->id, &a, &job, err);
	if (found) /* start() was cut off after its step */
		return found < 0 ? -1 : 0;
	found = custom_type_get(tx, name, &a, &t, err);
	s->no_type = found == 0;
	if (found <= 0)
		return found;
	job = (struct store_pipeline_job){.pipeline_id = row.pipeline_id,
		.action_id = s->run->id,
		.type = name,
		.query = query_value(&t, s->run),
		.created_usec = durable_now(s->e->durable)};
	return queue(tx, job, err);
}

static int start(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	struct pipeline_engine *e = arg;
	const struct codepipeline_action_type_id *id = run->declaration->action_type_id;
	struct starting s = {.e = e, .run = run};

	if (e->workers.may && e->workers.may(e->workers.arg, run, err) < 0) {
		if (!err_is(err, ERR_DENIED))
			return -1;
		action_fail(run, ret, "PermissionError", "%s", err_message(err));
		err_release(err);
		return 0;
	}
	if (durable_step(e->durable, queue_first, &s, err) < 0)
		return -1;
	if (!s.no_type)
		return 0;
	return action_fail(run, ret, "ConfigurationError",
		"The custom action type %s/%s version %s was deleted", id->category, id->provider,
		id->version);
}

struct action_provider job_provider(struct pipeline_engine *e)
{
	return (struct action_provider){
		.owner = CODEPIPELINE_ACTION_OWNER_CUSTOM,
		.timeout_usec = TIMEOUT_USEC,
		.arg = e,
		.start = start,
	};
}

/* ---- the action ends ---- */

int job_end_of_action(struct db_tx *tx, const char *action_id, const struct flow_end *end,
	struct arena *a, struct err *err)
{
	struct store_pipeline_job job;
	int found = store_pipeline_job_of_action(tx, action_id, a, &job, err);
	bool late = end->code &&
		    (streq(end->code, "ActionTimedOut") || streq(end->code, "ApprovalTimedOut"));

	if (found <= 0 || !job_is_open(&job))
		return found < 0 ? -1 : 0;
	return job_set_status(tx, &job,
		late ? CODEPIPELINE_JOB_STATUS_TIMEDOUT : CODEPIPELINE_JOB_STATUS_FAILED, err);
}

struct look {
	const char *id;
	struct arena a;
	bool open;
};

static int look(struct db_tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;
	struct store_pipeline_job job;
	int found = store_pipeline_job_get(tx, l->id, &l->a, &job, err);

	l->open = found > 0 && job_is_open(&job);
	return found < 0 ? -1 : 0;
}

int pipeline_job_is_open(struct pipeline_engine *e, const char *id, struct err *err)
{
	struct look l = {.id = id, .a = ARENA_INIT};
	int rc = db_read(durable_db(e->durable), look, &l, err);

	arena_release(&l.a);
	return rc < 0 ? -1 : l.open;
}

/* ---- what workers see ---- */

static void fill_artifacts(struct arena *a, const struct action_artifact *v, size_t n,
	struct codepipeline_artifact_list *ret)
{
	wire_list_alloc(a, ret, n);
	for (size_t i = 0; i < n; i++) {
		struct codepipeline_artifact_location *where =
			arena_new(a, struct codepipeline_artifact_location);

		where->type = CODEPIPELINE_ARTIFACT_LOCATION_TYPE_S3;
		where->s3_location = arena_new(a, struct codepipeline_s3_artifact_location);
		where->s3_location->bucket_name = v[i].bucket;
		where->s3_location->object_key = v[i].key;
		ret->v[i].name = v[i].name;
		ret->v[i].revision = v[i].revision_id;
		ret->v[i].location = where;
	}
}

static struct codepipeline_pipeline_context *context_of(
	const struct pipeline_engine *e, const struct action_run *run)
{
	struct arena *a = run->arena;
	struct codepipeline_pipeline_context *c =
		arena_new(a, struct codepipeline_pipeline_context);

	c->pipeline_name = run->pipeline;
	c->pipeline_arn = pipeline_arn(&e->site, run->pipeline, a);
	c->pipeline_execution_id = run->execution_id;
	c->stage = arena_new(a, struct codepipeline_stage_context);
	c->stage->name = run->stage;
	c->action = arena_new(a, struct codepipeline_action_context);
	c->action->name = run->action;
	c->action->action_execution_id = run->id;
	return c;
}

struct opening {
	struct pipeline_engine *e;
	struct codepipeline_action_configuration_map *m;
	struct arena *a;
};

static int open_secrets(struct db_tx *tx, void *arg, struct err *err)
{
	struct opening *o = arg;

	return secret_values_open(o->e, tx, o->m, o->a, err);
}

static int fill_configuration(struct pipeline_engine *e, const struct action_run *run, bool secrets,
	struct codepipeline_action_configuration *ret, struct err *err)
{
	struct opening o = {e, &ret->configuration, run->arena};

	wire_list_alloc(run->arena, &ret->configuration, run->configuration->n);
	for (size_t i = 0; i < run->configuration->n; i++) {
		ret->configuration.v[i].key = run->configuration->v[i].key;
		ret->configuration.v[i].value = run->configuration->v[i].value;
	}
	if (secrets)
		return db_read(durable_db(e->durable), open_secrets, &o, err);
	secret_values_mask_map(&ret->configuration);
	return 0;
}

/* A role that may not be used any more leaves the worker without credentials: its requests to the
 * artifact store then fail in its own name. */
static int fill_credentials(struct pipeline_engine *e, const struct action_run *run,
	const struct store_pipeline_job *job, struct codepipeline_job_data *d, struct err *err)
{
	struct codepipeline_aws_session_credentials *c =
		arena_new(run->arena, struct codepipeline_aws_session_credentials);

	if (!e->workers.credentials || !job_is_open(job))
		return 0;
	if (e->workers.credentials(e->workers.arg, run, job->id, c, err) == 0) {
		d->artifact_credentials = c;
		return 0;
	}
	if (!err_is(err, ERR_DENIED))
		return -1;
	log_err("pipeline", err, "a job has no credentials for its artifacts");
	err_release(err);
	return 0;
}

static struct codepipeline_encryption_key *encryption_key(
	const struct codepipeline_pipeline_declaration *d, const char *region)
{
	if (d->artifact_store)
		return d->artifact_store->encryption_key;
	wire_foreach (kv, &d->artifact_stores)
		if (streq(kv->key, region))
			return kv->value->encryption_key;
	return NULL;
}

int job_describe(struct pipeline_engine *e, const struct action_loaded *l,
	const struct store_pipeline_job *job, bool secrets, struct codepipeline_job_data **ret,
	struct err *err)
{
	struct action_run run = pipeline_action_run(l);
	struct codepipeline_job_data *d = arena_new(run.arena, struct codepipeline_job_data);

	d->action_type_id = l->row.detail->input->action_type_id;
	d->action_configuration = arena_new(run.arena, struct codepipeline_action_configuration);
	d->pipeline_context = context_of(e, &run);
	d->continuation_token = job->continuation;
	d->encryption_key = encryption_key(l->declaration, run.region);
	fill_artifacts(run.arena, run.inputs, run.n_inputs, &d->input_artifacts);
	fill_artifacts(run.arena, run.outputs, run.n_outputs, &d->output_artifacts);
	if (fill_configuration(e, &run, secrets, d->action_configuration, err) < 0 ||
		fill_credentials(e, &run, job, d, err) < 0)
		return -1;
	*ret = d;
	return 0;
}
