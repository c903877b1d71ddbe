/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on custom action types. */
#include "pipeline/custom_type.h"
#include "store/pipeline_job.h"
#include "store/pipeline_type.h"

#define MAX_TYPES 50

/* ---- CreateCustomActionType ---- */

struct create {
	struct call *call;
	const custom_type *type;
};

static int create_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct create *c = arg;
	const custom_type *t = c->type;
	struct arena *a = c->call->arena;
	const char *name = custom_type_name(t->category, t->provider, t->version, a);
	struct store_documents all;
	custom_type old;
	int found = custom_type_get_ever(tx, name, a, &old, err);

	if (found < 0 ||
		store_document_list(tx, &STORE_PIPELINE_TYPE,
			&(struct store_document_filter){.max = MAX_TYPES}, a, &all, err) < 0)
		return -1;
	if (found)
		return err_set_wire(err, "ValidationException",
			"The custom action type %s/%s version %s exists or existed once: choose "
			"another version",
			t->category, t->provider, t->version);
	if (all.n >= MAX_TYPES)
		return err_set_wire(err, "LimitExceededException",
			"The account has its maximum of %d custom action types", MAX_TYPES);
	return store_document_put(tx, &STORE_PIPELINE_TYPE, name, "", t, err);
}

int pipeline_create_custom_action_type(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_create_custom_action_type_request *req,
	struct codepipeline_create_custom_action_type_response *resp, struct err *err)
{
	struct create c = {call, req};

	if (custom_type_check(req, err) < 0 || pipeline_check_tags(&req->tags, err) < 0)
		return -1;
	if (durable_step(e->durable, create_step, &c, err) < 0)
		return -1;
	resp->action_type = custom_type_describe(req, call->arena);
	resp->tags = req->tags;
	return 0;
}

/* ---- DeleteCustomActionType ---- */

struct removal {
	struct pipeline_engine *e;
	const struct codepipeline_delete_custom_action_type_request *req;
	const char *action_id; /* whose job waits in vain */
};

static int fail_action(struct flow *f, struct db_tx *tx, void *arg, struct err *err)
{
	struct removal *r = arg;
	struct store_pipeline_action row;
	struct towpath_pipeline_stage_run *stage;
	struct towpath_pipeline_action_ref *ref;
	struct flow_run *fr;
	int found = store_pipeline_action_get(tx, r->action_id, f->arena, &row, err);

	if (found <= 0)
		return found;
	ref = flow_ref_of(f, row.detail, &fr, &stage);
	if (ref)
		flow_end_action(f, fr, stage, ref, row.detail,
			&(struct flow_end){
				.status = CODEPIPELINE_ACTION_EXECUTION_STATUS_FAILED,
				.code = "ConfigurationError",
				.message = "The custom action type was deleted before a job worker "
					   "took the job",
			});
	return 0;
}

/* Nobody can poll any more for the jobs that wait. */
static int fail_waiting(
	struct removal *r, struct db_tx *tx, const char *name, struct arena *a, struct err *err)
{
	struct store_pipeline_jobs jobs;

	if (store_pipeline_job_waiting(tx, name, NULL, 0, a, &jobs, err) < 0)
		return -1;
	for (size_t i = 0; i < jobs.n; i++) {
		struct pipeline_step step = {
			.id = jobs.v[i].pipeline_id, .fn = fail_action, .arg = r};

		r->action_id = jobs.v[i].action_id;
		if (pipeline_step_in(r->e, tx, &step, err) < 0)
			return -1;
	}
	return 0;
}

static int delete_step(struct db_tx *tx, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct removal *r = arg;
	const char *name =
		custom_type_name(r->req->category, r->req->provider, r->req->version, &a);
	custom_type t;
	int found = custom_type_get(tx, name, &a, &t, err);

	if (found <= 0)
		return found;
	if (store_document_delete(tx, &STORE_PIPELINE_TYPE, name, err) < 0 ||
		store_document_put(tx, &STORE_PIPELINE_TYPE_DELETED, name, "", &t, err) < 0)
		return -1;
	return fail_waiting(r, tx, name, &a, err);
}

int pipeline_delete_custom_action_type(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_delete_custom_action_type_request *req,
	struct codepipeline_delete_custom_action_type_response *resp, struct err *err)
{
	struct removal r = {.e = e, .req = req};

	(void)call;
	(void)resp;
	return durable_step(e->durable, delete_step, &r, err);
}
