/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of job workers: polling, acknowledging, results. */
#include "crypto/digest.h"
#include "pipeline/custom_type.h"
#include "pipeline/job.h"

enum { MAX_BATCH = 100, MAX_VARIABLES_SIZE = 122880 };

/* ---- PollForJobs ---- */

struct offer {
	struct store_pipeline_job job;
	struct action_loaded action;
};

struct poll {
	struct pipeline_engine *e;
	struct arena *a;
	const struct codepipeline_poll_for_jobs_request *req;
	const char *type, *query;
	size_t limit;
	struct offer *offers;
	size_t n;
};

static int check_query(struct poll *p, const custom_type *t, struct err *err)
{
	const char *queryable = custom_type_queryable(t);

	wire_foreach (kv, &p->req->query_param) {
		if (!streq(kv->key, queryable))
			return err_set_wire(err, "ValidationException",
				"'%s' is no queryable configuration property of %s", kv->key,
				p->type);
		p->query = kv->value;
	}
	return 0;
}

/* What waits is looked for before anything is written: most polls find nothing. */
static int look_for_jobs(struct db_tx *tx, void *arg, struct err *err)
{
	const struct codepipeline_action_type_id *id;
	struct store_pipeline_jobs jobs;
	struct poll *p = arg;
	custom_type t;
	int found = 0;

	id = p->req->action_type_id;
	p->type = custom_type_name(id->category, id->provider, id->version, p->a);
	if (custom_type_is(id))
		found = custom_type_get(tx, p->type, p->a, &t, err);
	if (found == 0)
		return err_set_wire(err, "ActionTypeNotFoundException",
			"There is no custom action type with category '%s', owner '%s', provider "
			"'%s' and version '%s'",
			id->category, id->owner, id->provider, id->version);
	if (found < 0 || check_query(p, &t, err) < 0 ||
		store_pipeline_job_waiting(tx, p->type, p->query, 1, p->a, &jobs, err) < 0)
		return -1;
	p->n = jobs.n;
	return 0;
}

/* Whoever was offered a job longest ago is offered to the next worker first: several workers get
 * different jobs, and what nobody acknowledged comes again. */
static int offer_jobs(struct db_tx *tx, void *arg, struct err *err)
{
	struct store_pipeline_jobs jobs;
	struct poll *p = arg;

	p->n = 0;
	if (store_pipeline_job_waiting(tx, p->type, p->query, p->limit, p->a, &jobs, err) < 0)
		return -1;
	p->offers = arena_new_n(p->a, jobs.n + 1, struct offer);
	for (size_t i = 0; i < jobs.n; i++) {
		struct store_pipeline_job *job = &jobs.v[i];
		struct action_loaded l = {.e = p->e, .action_id = job->action_id, .arena = p->a};

		if (pipeline_load_action(tx, &l, err) < 0)
			return -1;
		if (l.gone || !l.action)
			continue;
		job->offered_usec = durable_now(p->e->durable);
		if (streq(job->status, CODEPIPELINE_JOB_STATUS_DISPATCHED)
				? store_pipeline_job_put(tx, job, err) < 0
				: job_set_status(tx, job, CODEPIPELINE_JOB_STATUS_DISPATCHED, err) <
					  0)
			return -1;
		p->offers[p->n++] = (struct offer){*job, l};
	}
	return 0;
}

int pipeline_poll_for_jobs(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_poll_for_jobs_request *req,
	struct codepipeline_poll_for_jobs_response *resp, struct err *err)
{
	struct poll p = {.e = e,
		.a = call->arena,
		.req = req,
		.limit = (size_t)MIN(wire_or(req->max_batch_size, 1), MAX_BATCH)};

	if (db_read(durable_db(e->durable), look_for_jobs, &p, err) < 0 ||
		(p.n && durable_step(e->durable, offer_jobs, &p, err) < 0))
		return -1;
	wire_list_alloc(call->arena, &resp->jobs, p.n);
	for (size_t i = 0; i < p.n; i++) {
		struct codepipeline_job *job = &resp->jobs.v[i];

		job->id = p.offers[i].job.id;
		job->nonce = p.offers[i].job.nonce;
		job->account_id = e->account;
		if (job_describe(e, &p.offers[i].action, &p.offers[i].job, false, &job->data, err) <
			0)
			return -1;
	}
	return 0;
}

/* ---- AcknowledgeJob ---- */

static int acknowledge(struct db_tx *tx, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct codepipeline_acknowledge_job_request *req = arg;
	struct store_pipeline_job job;

	if (job_find(tx, req->job_id, &a, &job, err) < 0)
		return -1;
	if (!digest_equal(view_of(job.nonce), view_of(req->nonce)))
		return err_set_wire(err, "InvalidNonceException",
			"The nonce is not the one of job '%s'", job.id);
	if (!streq(job.status, CODEPIPELINE_JOB_STATUS_DISPATCHED))
		return err_set_wire(err, "InvalidNonceException",
			"The nonce of job '%s' has been used, or its action has ended: the job is "
			"in state %s",
			job.id, job.status);
	return job_set_status(tx, &job, CODEPIPELINE_JOB_STATUS_INPROGRESS, err);
}

int pipeline_acknowledge_job(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_acknowledge_job_request *req,
	struct codepipeline_acknowledge_job_response *resp, struct err *err)
{
	(void)call;
	if (durable_step(e->durable, acknowledge, (void *)req, err) < 0)
		return -1;
	resp->status = CODEPIPELINE_JOB_STATUS_INPROGRESS;
	return 0;
}

/* ---- GetJobDetails ---- */

struct details {
	struct pipeline_engine *e;
	struct arena *a;
	const char *id;
	struct store_pipeline_job job;
	struct action_loaded action;
};

static int read_details(struct db_tx *tx, void *arg, struct err *err)
{
	struct details *d = arg;

	if (job_find(tx, d->id, d->a, &d->job, err) < 0)
		return -1;
	d->action = (struct action_loaded){.e = d->e, .action_id = d->job.action_id, .arena = d->a};
	return pipeline_load_action(tx, &d->action, err);
}

int pipeline_get_job_details(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_get_job_details_request *req,
	struct codepipeline_get_job_details_response *resp, struct err *err)
{
	struct details d = {.e = e, .a = call->arena, .id = req->job_id};

	if (db_read(durable_db(e->durable), read_details, &d, err) < 0)
		return -1;
	resp->job_details = arena_new(call->arena, struct codepipeline_job_details);
	resp->job_details->id = d.job.id;
	resp->job_details->account_id = e->account;
	/* Of an action that has ended nothing is left to be done. */
	if (d.action.gone || !d.action.action)
		return 0;
	return job_describe(e, &d.action, &d.job, true, &resp->job_details->data, err);
}

/* ---- PutJobSuccessResult, PutJobFailureResult ---- */

struct result {
	struct pipeline_engine *e;
	const char *job_id, *pipeline_id;
	const struct codepipeline_put_job_success_result_request *success; /* or */
	const struct codepipeline_put_job_failure_result_request *failure;
};

/* A result's job with its action, as far as they still wait for it. */
struct answered {
	struct store_pipeline_job job;
	struct store_pipeline_action row;
	struct towpath_pipeline_stage_run *stage;
	struct towpath_pipeline_action_ref *ref;
	struct flow_run *fr;
};

static int invalid_state(const struct store_pipeline_job *job, struct err *err)
{
	return err_set_wire(err, "InvalidJobStateException",
		"Job '%s' is in state %s: it takes a result once, after it was acknowledged and as "
		"long as its action runs",
		job->id, job->status);
}

static int find_answered(
	struct flow *f, struct db_tx *tx, const char *id, struct answered *ret, struct err *err)
{
	int found;

	if (job_find(tx, id, f->arena, &ret->job, err) < 0)
		return -1;
	if (!streq(ret->job.status, CODEPIPELINE_JOB_STATUS_INPROGRESS))
		return invalid_state(&ret->job, err);
	found = store_pipeline_action_get(tx, ret->job.action_id, f->arena, &ret->row, err);
	if (found < 0)
		return -1;
	ret->ref = found ? flow_ref_of(f, ret->row.detail, &ret->fr, &ret->stage) : NULL;
	return ret->ref ? 0 : invalid_state(&ret->job, err);
}

static void take_links(
	const struct answered *x, const custom_type *t, struct arena *a, struct action_result *r)
{
	const struct codepipeline_resolved_action_configuration_map *configuration =
		&x->row.detail->input->resolved_configuration;
	const char *id = r->external_id ? r->external_id : x->row.external_id;

	if (!t->settings)
		return;
	r->external_url =
		custom_type_link(t->settings->execution_url_template, configuration, id, a);
	if (r->revision_id)
		r->revision_url =
			custom_type_link(t->settings->revision_url_template, configuration, id, a);
}

static int take_type_links(struct db_tx *tx, const struct answered *x, struct arena *a,
	struct action_result *r, struct err *err)
{
	custom_type t;
	int found = custom_type_get_ever(tx, x->job.type, a, &t, err);

	if (found > 0)
		take_links(x, &t, a, r);
	return found < 0 ? -1 : 0;
}

/* In the arena, for the end of an action is stored after the step's function. */
static struct action_result *success_result(
	const struct codepipeline_put_job_success_result_request *req, struct arena *a)
{
	const struct codepipeline_execution_details *details = req->execution_details;
	const struct codepipeline_current_revision *revision = req->current_revision;
	struct action_result *r = arena_new(a, struct action_result);

	r->outcome = ACTION_SUCCEEDED;
	r->variables = req->output_variables;
	if (details) {
		r->external_id = details->external_execution_id;
		r->summary = details->summary;
		r->percent_complete = details->percent_complete;
	}
	if (revision) {
		r->revision_id = revision->revision;
		r->revision_change_id = revision->change_identifier;
		r->revision_summary = revision->revision_summary;
		r->revision_created = revision->created;
	}
	return r;
}

static int succeed(struct flow *f, struct db_tx *tx, void *arg, struct err *err)
{
	const struct result *q = arg;
	const char *token = q->success->continuation_token;
	struct action_result *r = success_result(q->success, f->arena);
	struct flow_end end = {.status = CODEPIPELINE_ACTION_EXECUTION_STATUS_SUCCEEDED,
		.summary = r->summary,
		.result = r};
	struct answered x;

	if (find_answered(f, tx, q->job_id, &x, err) < 0 ||
		take_type_links(tx, &x, f->arena, r, err) < 0 ||
		job_set_status(tx, &x.job, CODEPIPELINE_JOB_STATUS_SUCCEEDED, err) < 0)
		return -1;
	if (!token) {
		flow_end_action(f, x.fr, x.stage, x.ref, x.row.detail, &end);
		return 0;
	}
	r->outcome = ACTION_PENDING;
	if (job_follow(tx, &x.job, token, f->now, err) < 0)
		return -1;
	return action_keep_pending(f, tx, &x.row, x.fr, r, err);
}

static int fail(struct flow *f, struct db_tx *tx, void *arg, struct err *err)
{
	const struct result *q = arg;
	const struct codepipeline_failure_details *why = q->failure->failure_details;
	struct action_result *r = arena_new(f->arena, struct action_result);
	struct flow_end end = {.status = CODEPIPELINE_ACTION_EXECUTION_STATUS_FAILED,
		.code = why->type,
		.message = why->message,
		.result = r};
	struct answered x;

	r->outcome = ACTION_FAILED;
	r->external_id = why->external_execution_id;
	if (find_answered(f, tx, q->job_id, &x, err) < 0 ||
		take_type_links(tx, &x, f->arena, r, err) < 0 ||
		job_set_status(tx, &x.job, CODEPIPELINE_JOB_STATUS_FAILED, err) < 0)
		return -1;
	flow_end_action(f, x.fr, x.stage, x.ref, x.row.detail, &end);
	return 0;
}

/* The job's pipeline first, for the step is one of the pipeline's. */
static int find_pipeline(struct db_tx *tx, void *arg, struct err *err)
{
	struct details *d = arg;

	return job_find(tx, d->id, d->a, &d->job, err);
}

static int take_result(struct result *q, pipeline_step_fn fn, struct arena *a, struct err *err)
{
	struct details d = {.e = q->e, .a = a, .id = q->job_id};
	struct pipeline_step step = {.fn = fn, .arg = q};

	if (db_read(durable_db(q->e->durable), find_pipeline, &d, err) < 0)
		return -1;
	step.id = d.job.pipeline_id;
	return pipeline_step(q->e, &step, err);
}

static int check_variables(
	const struct codepipeline_put_job_success_result_request *req, struct err *err)
{
	size_t size = 0;

	if (req->continuation_token && req->output_variables.n)
		return err_set_wire(err, "ValidationException",
			"outputVariables go with the last result of an action, not with a "
			"continuationToken");
	wire_foreach (kv, &req->output_variables)
		size += strlen(kv->key) + strlen(kv->value);
	if (size > MAX_VARIABLES_SIZE)
		return err_set_wire(err, "OutputVariablesSizeExceededException",
			"The output variables have %zu bytes, more than the maximum of %d", size,
			MAX_VARIABLES_SIZE);
	return 0;
}

int pipeline_put_job_success_result(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_put_job_success_result_request *req,
	struct codepipeline_put_job_success_result_response *resp, struct err *err)
{
	struct result q = {.e = e, .job_id = req->job_id, .success = req};

	(void)resp;
	if (check_variables(req, err) < 0)
		return -1;
	return take_result(&q, succeed, call->arena, err);
}

int pipeline_put_job_failure_result(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_put_job_failure_result_request *req,
	struct codepipeline_put_job_failure_result_response *resp, struct err *err)
{
	struct result q = {.e = e, .job_id = req->job_id, .failure = req};

	(void)resp;
	return take_result(&q, fail, call->arena, err);
}
