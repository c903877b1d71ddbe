/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks of action executions: starting the provider's work, looking at it, its timeout.
 *
 * A task calls the provider outside of any transaction and then commits what it answered, with the
 * end of the task, in one step. An action that ended meanwhile (P4) makes the answer void. */
#include "base/log.h"
#include "pipeline/engine.h"
#include "pipeline/status.h"
#include "pipeline/view_state.h"

#define MAX_ATTEMPTS 8 /* of calls to a provider that cannot tell */

static const struct codepipeline_action_declaration *declaration_of(
	const struct action_loaded *l, const struct codepipeline_stage_declaration *stage)
{
	const struct codepipeline_action_execution_detail *d = l->row.detail;
	const struct codepipeline_rule_declaration *rule;
	const struct towpath_pipeline_stage_run *run;

	if (!stage || !store_pipeline_action_is_rule(d))
		return flow_action_declaration(stage, d->action_name);
	run = flow_stage_run(l->run, d->stage_name);
	rule = run ? flow_rule_declaration(stage, run, d->action_execution_id) : NULL;
	return rule ? flow_rule_action(rule, l->arena) : NULL;
}

int pipeline_load_action(struct db_tx *tx, void *arg, struct err *err)
{
	struct action_loaded *l = arg;
	struct codepipeline_pipeline_declaration *d = NULL;
	const struct codepipeline_action_execution_detail *detail;
	int found = store_pipeline_action_get(tx, l->action_id, l->arena, &l->row, err);

	l->gone = found == 0;
	if (found <= 0)
		return found;
	detail = l->row.detail;
	l->gone = status_final(detail->status);
	if (l->gone)
		return 0;
	if (store_pipeline_run_get(tx, detail->pipeline_execution_id, l->arena, &l->run, err) < 1 ||
		store_pipeline_version(
			tx, l->row.pipeline_id, l->run->version.v, l->arena, &d, NULL, err) < 1) {
		l->gone = true;
		return err && err->kind ? -1 : 0;
	}
	l->declaration = d;
	l->action = declaration_of(l, flow_stage_declaration(d, detail->stage_name));
	l->provider = action_registry_find(&l->e->site.registry, detail->input->action_type_id);
	return 0;
}

static const struct towpath_pipeline_artifact *find_artifact(
	const struct towpath_pipeline_run *run, const char *name)
{
	wire_foreach (a, &run->artifacts)
		if (streq(a->name, name))
			return a;
	return NULL;
}

static const struct action_artifact *artifacts(const struct action_loaded *l,
	const struct codepipeline_artifact_detail_list *list, bool outputs)
{
	struct action_artifact *v = arena_new_n(l->arena, list->n + 1, struct action_artifact);

	for (size_t i = 0; i < list->n; i++) {
		const struct towpath_pipeline_artifact *known =
			find_artifact(l->run, list->v[i].name);

		v[i].name = list->v[i].name;
		v[i].bucket = list->v[i].s3location->bucket;
		v[i].key = list->v[i].s3location->key;
		if (known && !outputs)
			v[i].revision_id = known->revision_id;
		if (outputs && i < l->action->output_artifacts.n) {
			v[i].files = l->action->output_artifacts.v[i].files.v;
			v[i].n_files = l->action->output_artifacts.v[i].files.n;
		}
	}
	return v;
}

static void fill_overrides(const struct action_loaded *l, struct action_run *run)
{
	struct codepipeline_source_revision_override *v = arena_new_n(
		l->arena, l->run->overrides.n + 1, struct codepipeline_source_revision_override);

	wire_foreach (o, &l->run->overrides)
		if (streq(o->action_name, run->action))
			v[run->n_overrides++] = (struct codepipeline_source_revision_override){
				.action_name = o->action_name,
				.revision_type = o->revision_type,
				.revision_value = o->revision_value,
			};
	run->overrides = v;
}

struct action_run pipeline_action_run(const struct action_loaded *l)
{
	const struct codepipeline_action_execution_detail *d = l->row.detail;
	struct action_run run = {
		.arena = l->arena,
		.account = l->e->site.account,
		.region = d->input->region,
		.partition = l->e->site.partition,
		.pipeline = l->run->pipeline,
		.stage = d->stage_name,
		.action = d->action_name,
		.pipeline_version = l->run->version.v,
		.execution_id = d->pipeline_execution_id,
		.id = d->action_execution_id,
		.execution_number = l->run->number.v,
		.attempt = (int)l->row.attempt,
		.role_arn = d->input->role_arn,
		.declaration = l->action,
		.configuration = &d->input->resolved_configuration,
		.inputs = artifacts(l, &d->input->input_artifacts, false),
		.n_inputs = d->input->input_artifacts.n,
		.outputs = artifacts(l, &d->output->output_artifacts, true),
		.n_outputs = d->output->output_artifacts.n,
		.external_id = l->row.external_id,
		.started_usec = d->start_time.usec,
		.now_usec = durable_now(l->e->durable),
	};

	if (store_pipeline_action_is_rule(d))
		run.condition = flow_rule_condition(
			flow_stage_run(l->run, d->stage_name), d->action_execution_id);
	fill_overrides(l, &run);
	return run;
}

void action_detail_take(struct codepipeline_action_execution_detail *d,
	const struct action_result *r, struct arena *a)
{
	struct codepipeline_action_execution_result *x = d->output->execution_result;

	if (!x)
		x = d->output->execution_result =
			arena_new(a, struct codepipeline_action_execution_result);
	if (r->external_id)
		x->external_execution_id = r->external_id;
	if (r->external_url)
		x->external_execution_url = r->external_url;
	if (r->summary)
		x->external_execution_summary = r->summary;
	if (r->log_stream_arn)
		x->log_stream_arn = r->log_stream_arn;
	if (r->variables.n)
		d->output->output_variables = r->variables;
}

void action_detail_end(struct codepipeline_action_execution_detail *d, const struct flow_end *end,
	int64_t now, struct arena *a)
{
	struct action_result summary = {.summary = end->summary};

	d->status = end->status;
	d->last_update_time = WIRE_SET_TIME(now);
	if (end->updated_by)
		d->updated_by = end->updated_by;
	if (end->result)
		action_detail_take(d, end->result, a);
	action_detail_take(d, &summary, a);
	if (end->code) {
		struct codepipeline_error_details *e =
			arena_new(a, struct codepipeline_error_details);

		e->code = end->code;
		e->message = end->message;
		d->output->execution_result->error_details = e;
	}
}

struct towpath_pipeline_action_ref *flow_ref_of(struct flow *f,
	const struct codepipeline_action_execution_detail *d, struct flow_run **ret_run,
	struct towpath_pipeline_stage_run **ret_stage)
{
	struct towpath_pipeline_action_ref *ref;

	*ret_run = flow_find(f, d->pipeline_execution_id);
	*ret_stage = *ret_run ? flow_stage_run((*ret_run)->run, d->stage_name) : NULL;
	ref = *ret_stage ? flow_action_ref(*ret_stage, d->action_name) : NULL;
	return ref && streq(ref->id, d->action_execution_id) &&
			       streq(ref->status, CODEPIPELINE_ACTION_EXECUTION_STATUS_INPROGRESS)
		       ? ref
		       : NULL;
}

/* ---- what the provider answered becomes a step ---- */

struct outcome {
	struct pipeline_engine *e;
	const struct action_loaded *loaded;
	const struct action_result *result;
};

int action_keep_pending(struct flow *f, struct db_tx *tx, struct store_pipeline_action *row,
	const struct flow_run *fr, const struct action_result *r, struct err *err)
{
	action_detail_take(row->detail, r, f->arena);
	row->detail->last_update_time = WIRE_SET_TIME(f->now);
	if (r->external_id)
		row->external_id = r->external_id;
	if (!store_pipeline_action_is_rule(row->detail))
		view_action_changed(f, fr->run, row->detail->stage_name, row->detail->action_name,
			row->detail->action_execution_id, row->detail->status, r, NULL);
	return store_pipeline_action_put(tx, row, err);
}

static int keep_pending(struct flow *f, struct db_tx *tx, struct outcome *o,
	struct store_pipeline_action *row, const struct flow_run *fr, struct err *err)
{
	const struct action_result *r = o->result;
	const char *id = row->detail->action_execution_id;
	struct task check = {.kind = TASK_CHECK, .subject = id, .token = CHECK_NOW};
	struct task later = {.kind = TASK_CHECK,
		.subject = id,
		.token = CHECK_LATER,
		.due_usec = f->now + r->check_after_usec};

	bool renamed = r->external_id && !streq(r->external_id, row->external_id);

	if (action_keep_pending(f, tx, row, fr, r, err) < 0)
		return -1;
	/* What happened to it before the external id was stored found nobody: look once. */
	if (renamed && o->loaded->provider->check &&
		task_enqueue(o->e->durable, tx, &check, err) < 0)
		return -1;
	if (!r->check_after_usec)
		return 0;
	return task_enqueue(o->e->durable, tx, &later, err);
}

/* The running execution in the set, of an action or (then *ret_rule is set) of a rule. */
struct target {
	struct flow_run *fr;
	struct towpath_pipeline_stage_run *stage;
	struct towpath_pipeline_action_ref *ref;
	struct towpath_pipeline_rule_run *rule;
};

/* False when it is not running any more (P4). */
static bool find_target(
	struct flow *f, const struct codepipeline_action_execution_detail *d, struct target *ret)
{
	*ret = (struct target){0};
	if (!store_pipeline_action_is_rule(d)) {
		ret->ref = flow_ref_of(f, d, &ret->fr, &ret->stage);
		return ret->ref;
	}
	ret->fr = flow_find(f, d->pipeline_execution_id);
	ret->stage = ret->fr ? flow_stage_run(ret->fr->run, d->stage_name) : NULL;
	ret->rule = ret->stage ? flow_rule_run(ret->stage, d->action_execution_id) : NULL;
	return ret->rule && streq(ret->rule->status, CODEPIPELINE_RULE_EXECUTION_STATUS_INPROGRESS);
}

static void end_target(struct flow *f, const struct target *t,
	const struct codepipeline_action_execution_detail *d, const struct flow_end *end)
{
	if (t->rule)
		flow_end_rule(f, t->fr, t->stage, t->rule, end);
	else
		flow_end_action(f, t->fr, t->stage, t->ref, d, end);
}

static int apply_outcome(struct flow *f, struct db_tx *tx, void *arg, struct err *err)
{
	struct outcome *o = arg;
	const struct action_result *r = o->result;
	struct store_pipeline_action row;
	struct target target;
	struct flow_end end = {.result = r, .summary = r->summary};
	int found = store_pipeline_action_get(
		tx, o->loaded->row.detail->action_execution_id, f->arena, &row, err);

	if (found <= 0)
		return found;
	if (!find_target(f, row.detail, &target))
		return 0;
	if (r->outcome == ACTION_PENDING)
		return keep_pending(f, tx, o, &row, target.fr, err);
	if (r->outcome == ACTION_FAILED) {
		end.status = CODEPIPELINE_ACTION_EXECUTION_STATUS_FAILED;
		end.code = r->error_code ? r->error_code : "JobFailed";
		end.message = r->error_message ? r->error_message : "The action failed";
	} else {
		end.status = CODEPIPELINE_ACTION_EXECUTION_STATUS_SUCCEEDED;
	}
	end_target(f, &target, row.detail, &end);
	return 0;
}

static int commit_outcome(const struct action_loaded *l, const struct task *t,
	const struct action_result *result, struct err *err)
{
	struct outcome o = {l->e, l, result};
	struct pipeline_step step = {
		.id = l->row.pipeline_id, .task = t, .fn = apply_outcome, .arg = &o};

	if (pipeline_step(l->e, &step, err) == 0)
		return 0;
	/* The action was ended by somebody else while the provider worked. */
	if (err_is(err, ERR_CONFLICT)) {
		err_release(err);
		return 0;
	}
	return -1;
}

static int fail_unknown(const struct action_loaded *l, struct action_result *ret)
{
	const struct codepipeline_action_type_id *id = l->row.detail->input->action_type_id;

	ret->outcome = ACTION_FAILED;
	ret->error_code = "ConfigurationError";
	ret->error_message =
		arena_printf(l->arena, "The action type %s/%s/%s version %s is not available here",
			id->category, id->owner, id->provider, id->version);
	return 0;
}

static int call_provider(struct action_loaded *l, const struct interrupt *interrupt, bool start,
	struct action_result *ret, struct err *err)
{
	struct action_run run;

	if (!l->provider || !l->action)
		return fail_unknown(l, ret);
	if (start) {
		l->action = flow_resolve_commands(l->run, l->action, l->arena, err);
		if (!l->action)
			return -1; /* had values when the action was made */
	}
	run = pipeline_action_run(l);
	run.interrupt = interrupt;
	if (start)
		return l->provider->start(l->provider->arg, &run, ret, err);
	if (l->provider->check && l->row.external_id)
		return l->provider->check(l->provider->arg, &run, ret, err);
	return 0;
}

static int run_task(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct action_loaded l = {.e = arg, .action_id = t->subject, .arena = &arena};
	struct action_result result = {0};
	bool start = streq(t->kind, TASK_START);

	if (db_read(durable_db(d), pipeline_load_action, &l, err) < 0)
		return -1;
	/* start() that was cut off after its step would be called again: its answer is stored. */
	if (l.gone || (start && l.row.external_id))
		return 0;
	if (call_provider(&l, task_interrupt_of(d, t), start, &result, err) < 0)
		return err_wrap(
			err, "pipeline %s, action %s", l.run->pipeline, l.row.detail->action_name);
	return commit_outcome(&l, t, &result, err);
}

/* ---- ends without the provider ---- */

struct ending {
	const char *action_id;
	struct flow_end end;
};

static int end_action(struct flow *f, struct db_tx *tx, void *arg, struct err *err)
{
	struct ending *x = arg;
	struct store_pipeline_action row;
	struct target target;
	int found = store_pipeline_action_get(tx, x->action_id, f->arena, &row, err);

	if (found <= 0)
		return found;
	if (find_target(f, row.detail, &target))
		end_target(f, &target, row.detail, &x->end);
	return 0;
}

static int gave_up(struct durable *d, struct db_tx *tx, const struct task *t, const struct err *why,
	void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct action_loaded l = {.e = arg, .action_id = t->subject, .arena = &arena};
	struct ending x = {.action_id = t->subject,
		.end = {.status = CODEPIPELINE_ACTION_EXECUTION_STATUS_FAILED,
			.code = "InternalError",
			.message = err_message(why)}};
	struct pipeline_step step = {.fn = end_action, .arg = &x};

	if (task_done(d, tx, t, err) < 0 || pipeline_load_action(tx, &l, err) < 0)
		return -1;
	step.id = l.row.pipeline_id;
	return l.gone ? 0 : pipeline_step_in(l.e, tx, &step, err);
}

static int time_out(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct action_loaded l = {.e = arg, .action_id = t->subject, .arena = &arena};
	struct ending x = {.action_id = t->subject};
	struct pipeline_step step = {.fn = end_action, .arg = &x};
	bool approval;

	if (db_read(durable_db(d), pipeline_load_action, &l, err) < 0)
		return -1;
	if (l.gone)
		return 0;
	approval = streq(l.row.detail->input->action_type_id->category, "Approval");
	x.end = (struct flow_end){
		.status = CODEPIPELINE_ACTION_EXECUTION_STATUS_FAILED,
		.code = approval ? "ApprovalTimedOut" : "ActionTimedOut",
		.message = approval ? "The approval was not answered in time"
				    : "The action did not complete within its timeout",
	};
	if (l.provider && l.provider->stop && l.action && l.row.external_id) {
		struct action_run run = pipeline_action_run(&l);

		l.provider->stop(l.provider->arg, &run);
	}
	step.id = l.row.pipeline_id;
	return pipeline_step(l.e, &step, err);
}

void pipeline_register_tasks(struct pipeline_engine *e)
{
	task_register(e->durable, &(struct task_kind){.name = TASK_START,
					  .run = run_task,
					  .gave_up = gave_up,
					  .arg = e,
					  .max_attempts = MAX_ATTEMPTS});
	task_register(e->durable, &(struct task_kind){.name = TASK_CHECK,
					  .run = run_task,
					  .gave_up = gave_up,
					  .arg = e,
					  .max_attempts = MAX_ATTEMPTS});
	task_register(
		e->durable, &(struct task_kind){.name = TASK_TIMEOUT, .run = time_out, .arg = e});
}
