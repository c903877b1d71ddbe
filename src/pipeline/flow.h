/* SPDX-License-Identifier: Apache-2.0 */
/* The working set of one step: a pipeline with its active executions, loaded into memory, changed
 * by functions that read nothing but it (and its `now`), then stored in the same transaction.
 *
 * P1 A status changes only through flow_set_*_status(), along the tables of status.c.
 * P2 After flow_advance() nothing in the set can go on by itself: every execution waits at a door
 *    or for a running action, or is final.
 * P3 In SUPERSEDED and QUEUED mode at most one execution is inside a stage.
 * P4 An action execution ends once; what comes later for it is dropped. */
#ifndef TOWPATH_PIPELINE_FLOW_H
#define TOWPATH_PIPELINE_FLOW_H

#include "base/mem.h"
#include "base/vec.h"
#include "pipeline/provider.h"
#include "pipeline/variable.h"
#include "store/pipeline.h"
#include "store/pipeline_action.h"
#include "towpath.gen.h"

/* Where an execution stands with respect to its stage. */
#define FLOW_AT_DOOR "Door"
#define FLOW_IN_STAGE "Stage"

#define FLOW_MAX_CONCURRENT 50 /* active executions in QUEUED and PARALLEL mode */

struct flow_site {
	const char *account, *region, *partition;
	struct action_registry registry;
};

struct flow_run {
	struct towpath_pipeline_run *run;
	/* the definition it runs by */
	const struct codepipeline_pipeline_declaration *declaration;
	bool dirty;
};

/* How an action execution ended. */
struct flow_end {
	const char *status;		    /* Succeeded, Failed, Abandoned */
	const char *code, *message;	    /* of a failure */
	const char *summary;		    /* NULL: as it was */
	const char *updated_by;		    /* ARN of the person who answered, or NULL */
	const struct action_result *result; /* of the provider, or NULL */
};

/* What happens besides changed documents, in order. */
enum flow_effect_kind {
	FLOW_RUN_STATE,
	FLOW_STAGE_STATE,
	FLOW_STAGE_SUCCEEDED,
	FLOW_ACTION_STARTED,
	FLOW_ACTION_ENDED,
};

struct flow_effect {
	enum flow_effect_kind kind;
	const struct towpath_pipeline_run *run;
	const char *stage, *state;	  /* state: in events */
	struct store_pipeline_action row; /* FLOW_ACTION_STARTED */
	int64_t timeout_usec;
	bool approval;
	bool settled; /* FLOW_ACTION_STARTED: it ends in the same step, no task is needed */
	const char *action_id; /* FLOW_ACTION_ENDED */
	struct flow_end end;
};

/* The execution to which a stage would be rolled back. */
struct flow_target {
	const char *stage;
	const struct towpath_pipeline_run *run;
};

struct flow {
	struct arena *arena;
	const struct flow_site *site;
	int64_t now;
	struct store_pipeline pipeline;
	VEC(struct flow_run *) runs; /* oldest first */
	VEC(struct flow_effect) effects;
	VEC(struct flow_target) targets;
};

void flow_release(struct flow *f);
#define CLEANUP_FLOW CLEANUP(flow_release)

/* Appends to a generated list in the arena. */
#define flow_list_add(arena, list, ...)                                                       \
	do {                                                                                  \
		__typeof__((list)->v) flow_new_ =                                             \
			arena_array((arena), (list)->n + 1, sizeof(*(list)->v));              \
		if ((list)->n)                                                                \
			memcpy((void *)flow_new_, (list)->v, (list)->n * sizeof(*(list)->v)); \
		flow_new_[(list)->n] = __VA_ARGS__;                                           \
		(list)->v = flow_new_;                                                        \
		(list)->n++;                                                                  \
		(list)->set = true;                                                           \
	} while (0)

/* ---- lookups; NULL when there is none ---- */

struct flow_run *flow_find(struct flow *f, const char *execution_id);
const struct codepipeline_stage_declaration *flow_stage_declaration(
	const struct codepipeline_pipeline_declaration *d, const char *stage);
const struct codepipeline_action_declaration *flow_action_declaration(
	const struct codepipeline_stage_declaration *stage, const char *action);
struct towpath_pipeline_stage_run *flow_stage_run(
	struct towpath_pipeline_run *run, const char *stage);
struct towpath_pipeline_action_ref *flow_action_ref(
	struct towpath_pipeline_stage_run *stage, const char *action);
bool flow_is_parallel(const struct towpath_pipeline_run *run);
bool flow_is_rollback(const struct towpath_pipeline_run *run);
/* Value of a variable for an execution: a variable_lookup with the run as its argument. */
const char *flow_variable(void *run, const struct variable_ref *ref);

/* ---- setters ---- */

void flow_set_run_status(
	struct flow *f, struct flow_run *fr, const char *status, const char *summary);
void flow_set_stage_status(struct flow *f, struct flow_run *fr,
	struct towpath_pipeline_stage_run *stage, const char *status);
/* Puts the execution in front of a stage. */
void flow_to_door(struct flow *f, struct flow_run *fr, const char *stage);
/* Adds an execution to the set; its start is told unless quiet. */
struct flow_run *flow_add(struct flow *f, struct towpath_pipeline_run *run,
	const struct codepipeline_pipeline_declaration *declaration);

/* ---- starting ---- */

struct flow_start {
	const char *trigger_type, *trigger_detail;
	const struct codepipeline_pipeline_variable_list *variables;	    /* or NULL */
	const struct codepipeline_source_revision_override_list *overrides; /* or NULL */
};
/* A new execution in front of the first stage, or failed at once when a variable has no value. */
struct flow_run *flow_start_run(struct flow *f, const struct flow_start *s);
/* A new execution of type ROLLBACK in front of the stage, with what the target had. */
struct flow_run *flow_start_rollback(struct flow *f, const char *stage,
	const struct towpath_pipeline_run *target, const char *trigger_type,
	const char *trigger_detail);

/* ---- actions ---- */

void flow_start_action(struct flow *f, struct flow_run *fr,
	struct towpath_pipeline_stage_run *stage, struct towpath_pipeline_action_ref *ref,
	const struct codepipeline_action_declaration *action);
/* The action with the variables in its commands and their environment replaced, in the arena; NULL
 * with ERR_INVALID, which names the first one without a value. */
const struct codepipeline_action_declaration *flow_resolve_commands(
	struct towpath_pipeline_run *run, const struct codepipeline_action_declaration *action,
	struct arena *a, struct err *err);
/* P4: false when that action execution is not running any more. */
bool flow_end_action(struct flow *f, struct flow_run *fr, struct towpath_pipeline_stage_run *stage,
	struct towpath_pipeline_action_ref *ref,
	const struct codepipeline_action_execution_detail *detail, const struct flow_end *end);

/* ---- rules of conditions ---- */

/* A rule as the action of category Rule that its provider sees. */
const struct codepipeline_action_declaration *flow_rule_action(
	const struct codepipeline_rule_declaration *rule, struct arena *a);
/* The declaration of the rule execution of this id among the stage's conditions, or NULL. */
const struct codepipeline_rule_declaration *flow_rule_declaration(
	const struct codepipeline_stage_declaration *d,
	const struct towpath_pipeline_stage_run *stage, const char *id);
/* BEFORE_ENTRY, ON_SUCCESS or ON_FAILURE: whose rule the execution of this id is; or NULL. */
const char *flow_rule_condition(const struct towpath_pipeline_stage_run *stage, const char *id);
/* The rule execution of this id among the stage's conditions, or NULL. */
struct towpath_pipeline_rule_run *flow_rule_run(
	const struct towpath_pipeline_stage_run *stage, const char *id);
/* Fills in ret and begins the rule's execution; settled: the caller ends it in this step. */
void flow_start_rule(struct flow *f, struct flow_run *fr, struct towpath_pipeline_stage_run *stage,
	struct towpath_pipeline_rule_run *ret, const struct codepipeline_rule_declaration *rule,
	bool settled);
/* P4: false when it is not running any more. */
bool flow_end_rule(struct flow *f, struct flow_run *fr, struct towpath_pipeline_stage_run *stage,
	struct towpath_pipeline_rule_run *rule, const struct flow_end *end);

/* ---- going on ---- */

/* P2. */
void flow_advance(struct flow *f);
/* Prepares the stage for another attempt; the caller has checked that it may be retried. */
void flow_retry_stage(struct flow *f, struct flow_run *fr, struct towpath_pipeline_stage_run *stage,
	bool all_actions, bool automatic);
/* Takes a failed condition as fulfilled. */
void flow_override(
	struct flow *f, struct flow_run *fr, struct towpath_pipeline_stage_run *stage, bool entry);

#endif
