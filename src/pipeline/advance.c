/* SPDX-License-Identifier: Apache-2.0 */
/* How executions move: through doors, groups of actions, conditions, and to their end (P2, P3). */
#include "pipeline/flow.h"

#include "pipeline/condition.h"
#include "pipeline/status.h"
#include "pipeline/view_state.h"

#define MAX_PARALLEL_ACTIONS 5 /* at once in one execution of PARALLEL mode */

#define INPROGRESS "InProgress"
#define SUCCEEDED "Succeeded"
#define FAILED "Failed"

/* ---- doors ---- */

static bool waits_at(const struct flow_run *fr, const char *stage)
{
	return !status_final(fr->run->status) && streq(fr->run->phase, FLOW_AT_DOOR) &&
	       streq(fr->run->stage, stage);
}

static bool stage_locked(const struct flow *f, const char *stage)
{
	vec_foreach (it, &f->runs) {
		const struct towpath_pipeline_run *run = (*it)->run;

		if (!status_final(run->status) && !flow_is_parallel(run) &&
			streq(run->phase, FLOW_IN_STAGE) && streq(run->stage, stage))
			return true;
	}
	return false;
}

static bool transition_open(const struct flow *f, const char *stage)
{
	const struct codepipeline_stage_state *s = view_stage(f, stage);

	return !s || !s->inbound_transition_state || s->inbound_transition_state->enabled.v;
}

/* Another one at the same door that is to be looked at instead of fr. */
static bool another_waits(
	const struct flow *f, const struct flow_run *fr, bool rollback, bool newer)
{
	vec_foreach (it, &f->runs) {
		const struct towpath_pipeline_run *other = (*it)->run;

		if (*it == fr || !waits_at(*it, fr->run->stage) || flow_is_parallel(other) ||
			flow_is_rollback(other) != rollback)
			continue;
		if (rollback || (other->number.v > fr->run->number.v) == newer)
			return true;
	}
	return false;
}

static bool may_enter(const struct flow *f, const struct flow_run *fr)
{
	if (flow_is_rollback(fr->run))
		return !stage_locked(f, fr->run->stage);
	if (!transition_open(f, fr->run->stage))
		return false;
	if (flow_is_parallel(fr->run))
		return true;
	if (stage_locked(f, fr->run->stage) || another_waits(f, fr, true, false))
		return false;
	return !another_waits(f, fr, false, false);
}

static void run_failed(struct flow *f, struct flow_run *fr,
	struct towpath_pipeline_stage_run *stage, const char *summary)
{
	flow_set_stage_status(f, fr, stage, FAILED);
	flow_set_run_status(f, fr, FAILED, summary);
}

/* On from a stage that is behind it. */
static void next_stage(struct flow *f, struct flow_run *fr)
{
	const struct codepipeline_pipeline_stage_declaration_list *stages =
		&fr->declaration->stages;
	const char *next = NULL;

	for (size_t i = 0; i + 1 < stages->n && !flow_is_rollback(fr->run); i++)
		if (streq(stages->v[i].name, fr->run->stage))
			next = stages->v[i + 1].name;
	if (next)
		flow_to_door(f, fr, next);
	else
		flow_set_run_status(f, fr, SUCCEEDED, NULL);
}

/* Goes on when the entry condition has its status; false while it is running. */
static bool settle_entry(
	struct flow *f, struct flow_run *fr, struct towpath_pipeline_stage_run *stage)
{
	bool settled = condition_settle(f, stage->entry);

	view_stage_changed(f, fr->run, stage);
	if (!settled || condition_succeeded(stage->entry))
		return settled;
	if (streq(stage->entry->result, CODEPIPELINE_RESULT_SKIP)) {
		flow_set_stage_status(f, fr, stage, CODEPIPELINE_STAGE_EXECUTION_STATUS_SKIPPED);
		next_stage(f, fr);
	} else {
		run_failed(f, fr, stage,
			arena_printf(f->arena, "Entry condition of stage %s: %s", stage->name,
				stage->entry->summary));
	}
	return true;
}

static void begin_entry(struct flow *f, struct flow_run *fr,
	struct towpath_pipeline_stage_run *stage, const struct codepipeline_stage_declaration *d)
{
	if (!d->before_entry || !d->before_entry->conditions.n)
		return;
	stage->entry = condition_begin(f, fr, stage, &d->before_entry->conditions.v[0]);
	settle_entry(f, fr, stage);
}

static void enter(struct flow *f, struct flow_run *fr)
{
	const struct codepipeline_stage_declaration *d =
		flow_stage_declaration(fr->declaration, fr->run->stage);
	struct towpath_pipeline_stage_run *stage;

	BUG_ON(!d);
	flow_list_add(f->arena, &fr->run->stages,
		(struct towpath_pipeline_stage_run){
			.name = d->name, .start_time = WIRE_SET_TIME(f->now)});
	stage = &fr->run->stages.v[fr->run->stages.n - 1];
	wire_foreach (a, &d->actions)
		flow_list_add(f->arena, &stage->actions,
			(struct towpath_pipeline_action_ref){.name = a->name});
	fr->run->phase = FLOW_IN_STAGE;
	fr->run->phase_since = WIRE_SET_TIME(f->now);
	flow_set_stage_status(f, fr, stage, INPROGRESS);
	begin_entry(f, fr, stage, d);
}

static bool at_door(struct flow *f, struct flow_run *fr)
{
	const struct towpath_pipeline_run *run = fr->run;

	if (streq(run->status, "Stopping")) {
		flow_set_run_status(f, fr, "Stopped", run->status_summary);
		return true;
	}
	if (run->cancelled.v) {
		flow_set_run_status(f, fr, "Cancelled", "The pipeline was updated");
		return true;
	}
	if (streq(run->mode, CODEPIPELINE_EXECUTION_MODE_SUPERSEDED) && !flow_is_rollback(run) &&
		another_waits(f, fr, false, true)) {
		flow_set_run_status(f, fr, "Superseded",
			"A newer execution overtook this one in front of a stage");
		return true;
	}
	if (!may_enter(f, fr))
		return false;
	enter(f, fr);
	return true;
}

/* ---- inside a stage ---- */

struct counts {
	int running, failed, succeeded, idle;
};

static struct counts count(const struct towpath_pipeline_stage_run *stage)
{
	struct counts c = {0};

	wire_foreach (r, &stage->actions) {
		if (!r->status)
			c.idle++;
		else if (streq(r->status, INPROGRESS))
			c.running++;
		else if (streq(r->status, SUCCEEDED))
			c.succeeded++;
		else
			c.failed++;
	}
	return c;
}

static int run_order(const struct codepipeline_action_declaration *a)
{
	return wire_or(a->run_order, 1);
}

/* Starts what may start of the lowest group that is not done. */
static bool start_group(struct flow *f, struct flow_run *fr,
	struct towpath_pipeline_stage_run *stage, const struct codepipeline_stage_declaration *d,
	int running)
{
	int order = INT32_MAX;
	bool started = false;

	wire_foreach (a, &d->actions) {
		const struct towpath_pipeline_action_ref *r = flow_action_ref(stage, a->name);

		if (!streq(r->status, SUCCEEDED))
			order = MIN(order, run_order(a));
	}
	wire_foreach (a, &d->actions) {
		struct towpath_pipeline_action_ref *r = flow_action_ref(stage, a->name);

		if (run_order(a) != order || r->status)
			continue;
		if (flow_is_parallel(fr->run) && running >= MAX_PARALLEL_ACTIONS)
			break;
		flow_start_action(f, fr, stage, r, a);
		running++;
		started = true;
	}
	return started;
}

static const struct towpath_pipeline_run *rollback_target(
	const struct flow *f, const struct flow_run *fr, const char *stage)
{
	if (flow_is_parallel(fr->run) || fr->run->version.v != f->pipeline.version)
		return NULL;
	vec_foreach (t, &f->targets)
		if (streq(t->stage, stage) && !streq(t->run->execution_id, fr->run->execution_id))
			return t->run;
	return NULL;
}

/* A rollback of the stage after fr failed in it; nothing when there is no good execution. */
static void roll_back(struct flow *f, struct flow_run *fr, const char *stage)
{
	const struct towpath_pipeline_run *target = rollback_target(f, fr, stage);

	if (target && !flow_is_rollback(fr->run))
		flow_start_rollback(f, stage, target, CODEPIPELINE_TRIGGER_TYPE_AUTOMATEDROLLBACK,
			fr->run->execution_id);
}

static const char *failed_action(const struct towpath_pipeline_stage_run *stage)
{
	wire_foreach (r, &stage->actions)
		if (streq(r->status, FAILED))
			return r->name;
	return "";
}

/* False while the condition for failures is running. */
static bool stage_failed(struct flow *f, struct flow_run *fr,
	struct towpath_pipeline_stage_run *stage, const struct codepipeline_stage_declaration *d)
{
	const struct codepipeline_failure_conditions *on = d->on_failure;
	bool rollback = on && streq(on->result, CODEPIPELINE_RESULT_ROLLBACK);

	if (on && streq(on->result, CODEPIPELINE_RESULT_RETRY) && stage->auto_retries.v == 0) {
		const struct codepipeline_retry_configuration *c = on->retry_configuration;

		flow_set_stage_status(f, fr, stage, FAILED);
		flow_retry_stage(f, fr, stage,
			c && streq(c->retry_mode, CODEPIPELINE_STAGE_RETRY_MODE_ALL_ACTIONS), true);
		return true;
	}
	if (on && on->conditions.n) {
		if (!stage->failure)
			stage->failure = condition_begin(f, fr, stage, &on->conditions.v[0]);
		if (!condition_settle(f, stage->failure)) {
			view_stage_changed(f, fr->run, stage);
			return false;
		}
		rollback = condition_succeeded(stage->failure) &&
			   streq(stage->failure->result, CODEPIPELINE_RESULT_ROLLBACK);
	}
	run_failed(f, fr, stage,
		arena_printf(f->arena, "Action %s in stage %s failed", failed_action(stage),
			stage->name));
	if (rollback)
		roll_back(f, fr, stage->name);
	return true;
}

/* False while the condition for success is running. */
static bool stage_done(struct flow *f, struct flow_run *fr,
	struct towpath_pipeline_stage_run *stage, const struct codepipeline_stage_declaration *d)
{
	if (d->on_success && d->on_success->conditions.n) {
		if (!stage->success)
			stage->success =
				condition_begin(f, fr, stage, &d->on_success->conditions.v[0]);
		if (!condition_settle(f, stage->success)) {
			view_stage_changed(f, fr->run, stage);
			return false;
		}
		if (!condition_succeeded(stage->success)) {
			run_failed(f, fr, stage,
				arena_printf(f->arena, "Success condition of stage %s: %s",
					stage->name, stage->success->summary));
			if (streq(stage->success->result, CODEPIPELINE_RESULT_ROLLBACK))
				roll_back(f, fr, stage->name);
			return true;
		}
	}
	flow_set_stage_status(f, fr, stage, SUCCEEDED);
	next_stage(f, fr);
	return true;
}

static void abandon_conditions(struct flow *f, struct flow_run *fr,
	struct towpath_pipeline_stage_run *stage, const char *status)
{
	condition_abandon(f, fr, stage, stage->entry, status);
	condition_abandon(f, fr, stage, stage->success, status);
	condition_abandon(f, fr, stage, stage->failure, status);
}

static void abandon_all(
	struct flow *f, struct flow_run *fr, struct towpath_pipeline_stage_run *stage)
{
	const struct codepipeline_stage_declaration *d =
		flow_stage_declaration(fr->declaration, stage->name);

	wire_foreach (r, &stage->actions) {
		const struct codepipeline_action_declaration *a =
			flow_action_declaration(d, r->name);
		struct flow_end end = {
			.status = CODEPIPELINE_ACTION_EXECUTION_STATUS_ABANDONED,
			.summary = a && streq(a->action_type_id->category, "Approval")
					   ? "The approval action has been canceled."
					   : "The action was abandoned: the execution was stopped.",
		};

		if (streq(r->status, INPROGRESS))
			flow_end_action(f, fr, stage, r, NULL, &end);
	}
}

static bool stopping(struct flow *f, struct flow_run *fr, struct towpath_pipeline_stage_run *stage)
{
	if (streq(stage->status, INPROGRESS))
		flow_set_stage_status(f, fr, stage, CODEPIPELINE_STAGE_EXECUTION_STATUS_STOPPING);
	if (fr->run->abandon.v)
		abandon_all(f, fr, stage);
	if (count(stage).running)
		return false;
	flow_set_stage_status(f, fr, stage, CODEPIPELINE_STAGE_EXECUTION_STATUS_STOPPED);
	flow_set_run_status(f, fr, "Stopped", fr->run->status_summary);
	return true;
}

static bool in_stage(struct flow *f, struct flow_run *fr)
{
	const struct codepipeline_stage_declaration *d =
		flow_stage_declaration(fr->declaration, fr->run->stage);
	struct towpath_pipeline_stage_run *stage = flow_stage_run(fr->run, fr->run->stage);
	struct counts c = count(stage);

	if (streq(fr->run->status, "Stopping")) {
		abandon_conditions(f, fr, stage, CODEPIPELINE_CONDITION_EXECUTION_STATUS_ABANDONED);
		return stopping(f, fr, stage);
	}
	if (fr->run->cancelled.v) {
		abandon_conditions(f, fr, stage, CODEPIPELINE_CONDITION_EXECUTION_STATUS_CANCELLED);
		if (c.running)
			return false;
		flow_set_stage_status(f, fr, stage, CODEPIPELINE_STAGE_EXECUTION_STATUS_CANCELLED);
		flow_set_run_status(f, fr, "Cancelled", "The pipeline was updated");
		return true;
	}
	if (condition_runs(stage->entry))
		return settle_entry(f, fr, stage);
	if (c.failed)
		return !c.running && stage_failed(f, fr, stage, d);
	if (!c.running && !c.idle)
		return stage_done(f, fr, stage, d);
	return start_group(f, fr, stage, d, c.running);
}

void flow_advance(struct flow *f)
{
	bool moved;

	do {
		moved = false;
		/* By number: rollbacks that are added meanwhile come at the end. */
		for (size_t i = 0; i < f->runs.n; i++) {
			struct flow_run *fr = f->runs.v[i];

			if (status_final(fr->run->status))
				continue;
			moved |= streq(fr->run->phase, FLOW_AT_DOOR) ? at_door(f, fr)
								     : in_stage(f, fr);
		}
	} while (moved);
	view_inbound(f);
}

/* ---- second attempts ---- */

static void reopen(struct flow *f, struct flow_run *fr, struct towpath_pipeline_stage_run *stage)
{
	fr->run->stage = stage->name;
	fr->run->phase = FLOW_IN_STAGE;
	fr->run->phase_since = WIRE_SET_TIME(f->now);
	fr->run->abandon = (struct wire_bool){0};
	if (status_final(fr->run->status)) {
		fr->run->attempt.v++;
		flow_set_run_status(f, fr, INPROGRESS, NULL);
	}
}

void flow_retry_stage(struct flow *f, struct flow_run *fr, struct towpath_pipeline_stage_run *stage,
	bool all_actions, bool automatic)
{
	const struct codepipeline_stage_declaration *d =
		flow_stage_declaration(fr->declaration, stage->name);

	wire_foreach (r, &stage->actions)
		if (all_actions || !streq(r->status, SUCCEEDED))
			r->status = NULL;
	stage->success = stage->failure = NULL;
	if (automatic)
		stage->auto_retries = WIRE_SET_INT(stage->auto_retries.v + 1);
	else
		stage->manual_retries = WIRE_SET_INT(stage->manual_retries.v + 1);
	stage->retry_trigger = automatic ? CODEPIPELINE_RETRY_TRIGGER_AUTOMATEDSTAGERETRY
					 : CODEPIPELINE_RETRY_TRIGGER_MANUALSTAGERETRY;
	reopen(f, fr, stage);
	flow_set_stage_status(f, fr, stage, INPROGRESS);
	if (stage->entry && !condition_succeeded(stage->entry))
		begin_entry(f, fr, stage, d);
}

void flow_override(
	struct flow *f, struct flow_run *fr, struct towpath_pipeline_stage_run *stage, bool entry)
{
	struct towpath_pipeline_condition_run *c = entry ? stage->entry : stage->success;

	condition_abandon(f, fr, stage, c, CODEPIPELINE_CONDITION_EXECUTION_STATUS_OVERRIDDEN);
	c->status = CODEPIPELINE_CONDITION_EXECUTION_STATUS_OVERRIDDEN;
	if (status_final(stage->status)) {
		reopen(f, fr, stage);
		flow_set_stage_status(f, fr, stage, INPROGRESS);
	}
	view_stage_changed(f, fr->run, stage);
	if (entry)
		return;
	flow_set_stage_status(f, fr, stage, SUCCEEDED);
	next_stage(f, fr);
}
