/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on definitions: create, update, get, delete, list. */
#include "base/id.h"
#include "pipeline/custom_type.h"
#include "pipeline/definition.h"
#include "pipeline/engine.h"
#include "pipeline/secret_value.h"
#include "pipeline/status.h"
#include "pipeline/view_state.h"
#include "store/pipeline_job.h"
#include "store/pipeline_type.h"

enum { MAX_PIPELINES = 1000 };

/* ---- CreatePipeline ---- */

struct create {
	struct pipeline_engine *e;
	struct call *call;
	const struct codepipeline_create_pipeline_request *req;
	const struct flow_site *site; /* with the custom types in it */
	struct codepipeline_pipeline_declaration *declaration, *stored;
};

static int first_run(struct flow *f, struct db_tx *tx, void *arg, struct err *err)
{
	struct create *c = arg;

	(void)tx;
	(void)err;
	flow_start_run(
		f, &(struct flow_start){.trigger_type = CODEPIPELINE_TRIGGER_TYPE_CREATEPIPELINE,
			   .trigger_detail = c->call->principal_arn});
	return 0;
}

static int check_new(struct create *c, struct db_tx *tx, struct arena *a, struct err *err)
{
	const char *id;
	int64_t count;
	int found = store_pipeline_id(tx, c->declaration->name, a, &id, err);

	if (found < 0 || store_pipeline_count(tx, &count, err) < 0)
		return -1;
	if (found)
		return err_set_wire(err, "PipelineNameInUseException",
			"A pipeline with the name '%s' already exists in account '%s'",
			c->declaration->name, c->e->account);
	if (count >= MAX_PIPELINES)
		return err_set_wire(err, "LimitExceededException",
			"The account has its maximum of %d pipelines", MAX_PIPELINES);
	return 0;
}

static int watch(struct pipeline_engine *e, struct db_tx *tx, const struct store_pipeline *p,
	struct arena *a, struct err *err)
{
	const char *const *keys;
	size_t n;

	definition_watches(&e->site, p->declaration, a, &keys, &n);
	return store_pipeline_watch(tx, p->id, keys, n, err) < 0
		       ? -1
		       : pipeline_watch_begin(e, tx, p->declaration, a, err);
}

static int create_step(struct db_tx *tx, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct create *c = arg;
	int64_t now = durable_now(c->e->durable);
	struct uuid_text id = id_uuid();
	struct store_pipeline p = {
		.id = id.text,
		.name = c->declaration->name,
		.version = 1,
		.created_usec = now,
		.updated_usec = now,
		.next_execution = 1,
		.next_action = 1,
		.tags = c->req->tags,
	};
	struct pipeline_step step = {.id = id.text, .fn = first_run, .arg = c};

	if (check_new(c, tx, &a, err) < 0)
		return -1;
	c->stored =
		wire_copy(&codepipeline_pipeline_declaration_shape, c->declaration, c->call->arena);
	if (secret_values_seal(
		    c->e, tx, p.id, &c->site->registry, c->stored, NULL, c->call->arena, err) < 0)
		return -1;
	p.declaration = c->stored;
	p.state = view_new(c->site, &p, NULL, &a);
	if (store_pipeline_insert(tx, &p, err) < 0 || watch(c->e, tx, &p, &a, err) < 0)
		return -1;
	return pipeline_step_in(c->e, tx, &step, err);
}

static int create(struct create *c, struct flow_site *ret_site, struct err *err)
{
	const struct codepipeline_pipeline_declaration *given = c->req->pipeline;
	struct arena *a = c->call->arena;

	if (custom_type_site(c->e, given, a, ret_site, err) < 0 ||
		definition_validate(ret_site, given, a, err) < 0 ||
		pipeline_check_tags(&c->req->tags, err) < 0)
		return -1;
	c->declaration = definition_complete(given, 1, a);
	return durable_step(c->e->durable, create_step, c, err);
}

int pipeline_create_pipeline(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_create_pipeline_request *req,
	struct codepipeline_create_pipeline_response *resp, struct err *err)
{
	struct flow_site site = {0};
	struct create c = {.e = e, .call = call, .req = req, .site = &site};
	int r = create(&c, &site, err);

	secret_values_hide(&site.registry, req->pipeline); /* from the audit */
	if (r < 0)
		return -1;
	secret_values_mask(c.stored);
	resp->pipeline = c.stored;
	resp->tags = req->tags;
	return 0;
}

/* ---- UpdatePipeline ---- */

struct update {
	struct pipeline_engine *e;
	struct call *call;
	const struct flow_site *site; /* with the custom types in it */
	const struct codepipeline_pipeline_declaration *given;
	struct codepipeline_pipeline_declaration *stored;
};

/* Pending approvals cannot be answered any more; other running actions come to their end. */
static void cancel_approvals(struct flow *f, struct flow_run *fr)
{
	const struct codepipeline_stage_declaration *d =
		flow_stage_declaration(fr->declaration, fr->run->stage);
	struct towpath_pipeline_stage_run *stage = flow_stage_run(fr->run, fr->run->stage);

	if (!stage || !d)
		return;
	wire_foreach (r, &stage->actions) {
		const struct codepipeline_action_declaration *a =
			flow_action_declaration(d, r->name);

		if (a && streq(a->action_type_id->category, "Approval") && r->status &&
			!status_final(r->status))
			flow_end_action(f, fr, stage, r, NULL,
				&(struct flow_end){
					.status = CODEPIPELINE_ACTION_EXECUTION_STATUS_FAILED,
					.summary = "The approval action has been canceled."});
	}
}

static int update_step(struct flow *f, struct db_tx *tx, void *arg, struct err *err)
{
	struct update *u = arg;
	struct codepipeline_pipeline_declaration *new =
		definition_complete(u->given, f->pipeline.version + 1, f->arena);

	if (secret_values_seal(u->e, tx, f->pipeline.id, &u->site->registry, new,
		    f->pipeline.declaration, f->arena, err) < 0)
		return -1;
	vec_foreach (it, &f->runs) {
		/* Those of PARALLEL mode go on with the definition they started with. */
		if (flow_is_parallel((*it)->run))
			continue;
		(*it)->run->cancelled = WIRE_SET_BOOL(true);
		(*it)->dirty = true;
		cancel_approvals(f, *it);
	}
	f->pipeline.version++;
	f->pipeline.updated_usec = f->now;
	f->pipeline.declaration = new;
	f->pipeline.state = view_new(u->site, &f->pipeline, f->pipeline.state, f->arena);
	vec_release(&f->targets);
	u->stored = wire_copy(
		&codepipeline_pipeline_declaration_shape, f->pipeline.declaration, u->call->arena);
	if (store_pipeline_save_version(tx, &f->pipeline, err) < 0)
		return -1;
	return watch(u->e, tx, &f->pipeline, f->arena, err);
}

static int update(struct update *u, struct flow_site *ret_site, struct err *err)
{
	struct arena *a = u->call->arena;
	struct pipeline_step step = {.name = u->given->name, .fn = update_step, .arg = u};

	if (custom_type_site(u->e, u->given, a, ret_site, err) < 0 ||
		definition_validate(ret_site, u->given, a, err) < 0)
		return -1;
	if (pipeline_step(u->e, &step, err) == 0)
		return 0;
	/* The model of this operation does not have the exception for it. */
	if (streq(err_wire_name(err), "PipelineNotFoundException"))
		return err_set_wire(err, "InvalidStructureException",
			"Account '%s' does not include a pipeline with the name '%s'",
			u->e->account, u->given->name);
	return -1;
}

int pipeline_update_pipeline(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_update_pipeline_request *req,
	struct codepipeline_update_pipeline_response *resp, struct err *err)
{
	struct flow_site site = {0};
	struct update u = {.e = e, .call = call, .site = &site, .given = req->pipeline};
	int r = update(&u, &site, err);

	secret_values_hide(&site.registry, req->pipeline); /* from the audit */
	if (r < 0)
		return -1;
	secret_values_mask(u.stored);
	resp->pipeline = u.stored;
	return 0;
}

/* ---- GetPipeline ---- */

struct get {
	struct pipeline_engine *e;
	struct call *call;
	const struct codepipeline_get_pipeline_request *req;
	struct codepipeline_get_pipeline_response *resp;
};

static int get_read(struct db_tx *tx, void *arg, struct err *err)
{
	struct get *g = arg;
	struct arena *a = g->call->arena;
	struct store_pipeline p;
	int found = store_pipeline_find(tx, g->req->name, a, &p, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return pipeline_not_found(g->e, g->req->name, err);
	g->resp->pipeline = p.declaration;
	g->resp->metadata = arena_new(a, struct codepipeline_pipeline_metadata);
	g->resp->metadata->pipeline_arn = pipeline_arn(&g->e->site, p.name, a);
	g->resp->metadata->created = WIRE_SET_TIME(p.created_usec);
	g->resp->metadata->updated = WIRE_SET_TIME(p.updated_usec);
	if (!g->req->version.set || g->req->version.v == p.version)
		return 0;
	found = store_pipeline_version(tx, p.id, g->req->version.v, a, &g->resp->pipeline,
		&g->resp->metadata->updated.usec, err);
	if (found == 0)
		return err_set_wire(err, "PipelineVersionNotFoundException",
			"Pipeline '%s' does not have version %d", p.name, g->req->version.v);
	return found < 0 ? -1 : 0;
}

int pipeline_get_pipeline(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_get_pipeline_request *req,
	struct codepipeline_get_pipeline_response *resp, struct err *err)
{
	struct get g = {e, call, req, resp};

	if (db_read(durable_db(e->durable), get_read, &g, err) < 0)
		return -1;
	secret_values_mask(resp->pipeline);
	return 0;
}

/* ---- DeletePipeline ---- */

struct removal {
	struct pipeline_engine *e;
	const char *name;
};

static int cancel_tasks(struct pipeline_engine *e, struct db_tx *tx, const char *pipeline_id,
	struct arena *a, struct err *err)
{
	static const char *const kinds[] = {TASK_START, TASK_CHECK, TASK_TIMEOUT};
	struct store_pipeline_runs runs;

	if (store_pipeline_run_active(tx, pipeline_id, a, &runs, err) < 0)
		return -1;
	for (size_t i = 0; i < runs.n; i++)
		wire_foreach (stage, &runs.v[i]->stages)
			wire_foreach (r, &stage->actions)
				for (size_t k = 0; r->id && k < ARRAY_SIZE(kinds); k++)
					if (task_cancel(
						    e->durable, tx, kinds[k], r->id, NULL, err) < 0)
						return -1;
	return 0;
}

static int delete_step(struct db_tx *tx, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct removal *r = arg;
	const char *id;
	int found = store_pipeline_id(tx, r->name, &a, &id, err);

	if (found <= 0)
		return found;
	if (cancel_tasks(r->e, tx, id, &a, err) < 0 || store_pipeline_delete(tx, id, err) < 0 ||
		store_pipeline_run_delete_all(tx, id, err) < 0)
		return -1;
	if (store_pipeline_job_delete_all(tx, id, err) < 0 ||
		store_document_delete_owned(tx, &STORE_PIPELINE_SECRET, id, err) < 0)
		return -1;
	return store_pipeline_action_delete_all(tx, id, err);
}

int pipeline_delete_pipeline(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_delete_pipeline_request *req,
	struct codepipeline_delete_pipeline_response *resp, struct err *err)
{
	struct removal r = {e, req->name};

	(void)call;
	(void)resp;
	return durable_step(e->durable, delete_step, &r, err);
}

/* ---- ListPipelines ---- */

struct list {
	struct call *call;
	const char *after;
	size_t limit;
	struct codepipeline_pipeline_list *ret;
};

static int list_read(struct db_tx *tx, void *arg, struct err *err)
{
	struct list *l = arg;

	return store_pipeline_list(tx, l->after, l->limit, l->call->arena, l->ret, err);
}

int pipeline_list_pipelines(struct pipeline_engine *e, struct call *call,
	const struct codepipeline_list_pipelines_request *req,
	struct codepipeline_list_pipelines_response *resp, struct err *err)
{
	struct list l = {
		call, req->next_token, (size_t)wire_or(req->max_results, 1000), &resp->pipelines};

	if (db_read(durable_db(e->durable), list_read, &l, err) < 0)
		return -1;
	if (resp->pipelines.n > l.limit) {
		resp->pipelines.n = l.limit;
		resp->next_token = resp->pipelines.v[l.limit - 1].name;
	}
	return 0;
}
