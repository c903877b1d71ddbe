/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the engine: its object, steps, and what its files share. Private to pipeline/. */
#ifndef TOWPATH_PIPELINE_ENGINE_H
#define TOWPATH_PIPELINE_ENGINE_H

#include "db/memo.h"
#include "pipeline/flow.h"
#include "pipeline/pipeline.h"
#include "store/pipeline_run.h"

/* Tasks; the subject is an action execution's id. */
#define TASK_START "codepipeline.start"
#define TASK_CHECK "codepipeline.check"
#define TASK_TIMEOUT "codepipeline.timeout"
/* Tokens of TASK_CHECK: because something happened, or because time has passed. */
#define CHECK_NOW "now"
#define CHECK_LATER "later"

#define SHOWN_ARTIFACTS_MAX 5 /* of the model, in lists of types; some types take more */

struct pipeline_engine {
	struct durable *durable;
	char *account, *region;
	struct flow_site site;
	struct pipeline_workers workers;
	const struct seal_key *seal;   /* of secret properties, or NULL */
	struct action_provider custom; /* of all custom action types */
	struct db_memo *states;	       /* pipeline's name -> the answer of GetPipelineState */
	struct strv consumers;	       /* names of journal consumers */
};

/* Changes the working set; the step advances and stores it afterwards. */
typedef int (*pipeline_step_fn)(struct flow *f, struct db_tx *tx, void *arg, struct err *err);

/* Which pipeline a step is about. */
struct pipeline_step {
	const char *name; /* or id */
	const char *id;
	const struct task *task; /* ended with the step, or NULL */
	pipeline_step_fn fn;
	void *arg;
};
/* One durable step: load, fn, advance, store. PipelineNotFoundException when the name is unknown;
 * with an id, a pipeline that is gone ends the task and does nothing. fn may run more than once. */
int pipeline_step(struct pipeline_engine *e, const struct pipeline_step *s, struct err *err);
/* The same as a part of somebody's transaction. 0 also when the id is unknown. */
int pipeline_step_in(struct pipeline_engine *e, struct db_tx *tx, const struct pipeline_step *s,
	struct err *err);

/* step_load.c: fills a working set whose pipeline was read. */
int flow_load(struct flow *f, struct db_tx *tx, struct err *err);
/* Adds an execution that is not active; 0 when it is none of this pipeline. */
int flow_load_run(struct flow *f, struct db_tx *tx, const char *execution_id, struct flow_run **ret,
	struct err *err);
/* step_save.c */
int flow_save(struct pipeline_engine *e, struct flow *f, struct db_tx *tx, struct err *err);

/* What a provider's call needs, loaded in one read. */
struct action_loaded {
	struct pipeline_engine *e;
	const char *action_id;
	struct arena *arena;
	bool gone; /* ended, or its pipeline was deleted */
	struct store_pipeline_action row;
	struct towpath_pipeline_run *run;
	const struct codepipeline_pipeline_declaration *declaration;
	const struct codepipeline_action_declaration *action;
	const struct action_provider *provider;
};

/* action_run.c: tasks of action executions. */
void pipeline_register_tasks(struct pipeline_engine *e);
/* Fills in an action_loaded whose first three members are set; a db_read function. */
int pipeline_load_action(struct db_tx *tx, void *arg, struct err *err);
/* As its provider sees it; l->action is not NULL. */
struct action_run pipeline_action_run(const struct action_loaded *l);
/* Stores what is new of an action that goes on. */
int action_keep_pending(struct flow *f, struct db_tx *tx, struct store_pipeline_action *row,
	const struct flow_run *fr, const struct action_result *r, struct err *err);
/* The result of a provider put into a stored detail. */
void action_detail_take(struct codepipeline_action_execution_detail *d,
	const struct action_result *r, struct arena *a);
void action_detail_end(struct codepipeline_action_execution_detail *d, const struct flow_end *end,
	int64_t now, struct arena *a);
/* The action reference in the set that belongs to a detail; NULL when it is another attempt's. */
struct towpath_pipeline_action_ref *flow_ref_of(struct flow *f,
	const struct codepipeline_action_execution_detail *d, struct flow_run **ret_run,
	struct towpath_pipeline_stage_run **ret_stage);

/* op_action.c: executions of actions or rules, newest first. */
struct pipeline_history_request {
	const char *pipeline;
	bool rules;
	const char *execution_id;					       /* or NULL */
	const struct codepipeline_latest_in_pipeline_execution_filter *latest; /* or NULL */
	const char *token;
	struct wire_int max_results;
};
int pipeline_history(struct pipeline_engine *e, struct call *call,
	const struct pipeline_history_request *req, struct store_pipeline_actions *ret,
	const char **ret_token, struct err *err);

/* watch.c: tells providers what a definition watches, in the step that stores it. */
int pipeline_watch_begin(struct pipeline_engine *e, struct db_tx *tx,
	const struct codepipeline_pipeline_declaration *d, struct arena *a, struct err *err);

/* action_react.c: the journal. */
void pipeline_subscribe(struct pipeline_engine *e);

/* job.c: the job of an action of a custom type ends with it. */
int job_end_of_action(struct db_tx *tx, const char *action_id, const struct flow_end *end,
	struct arena *a, struct err *err);

/* op_tag.c: TooManyTagsException, InvalidTagsException. */
int pipeline_check_tags(const struct codepipeline_tag_list *tags, struct err *err);

/* lookup.c: what operations need to find, with the service's errors. */
int pipeline_not_found(const struct pipeline_engine *e, const char *name, struct err *err);
int pipeline_find_id(struct pipeline_engine *e, struct db_tx *tx, const char *name, struct arena *a,
	const char **ret_id, struct err *err);
int pipeline_stage_not_found(const char *pipeline, const char *stage, struct err *err);
/* ARN of a pipeline. */
char *pipeline_arn(const struct flow_site *site, const char *name, struct arena *a);
/* Page tokens: a number and what it belongs to; InvalidNextTokenException. */
char *pipeline_page_token(int64_t number, const char *scope, struct arena *a);
int pipeline_page_number(const char *token, const char *scope, int64_t *ret, struct err *err);

#endif
