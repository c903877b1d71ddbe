/* SPDX-License-Identifier: Apache-2.0 */
/* Action executions of pipelines: one row each, with the detail that ListActionExecutions shows.
 * Executions of rules are rows as well, as if they were actions of category Rule.
 * Finders answer 1 (found), 0 (none) or -1 (error); documents live in the arena. */
#ifndef TOWPATH_STORE_PIPELINE_ACTION_H
#define TOWPATH_STORE_PIPELINE_ACTION_H

#include "codepipeline.gen.h"
#include "base/vec.h"
#include "db/db.h"

extern const struct db_migration store_pipeline_action_migrations[];
extern const size_t store_pipeline_action_migrations_n;

struct store_pipeline_action {
	const char *pipeline_id;
	int64_t number; /* order of starts within the pipeline */
	int64_t attempt;
	const char *provider;	 /* e.g. "CodeBuild" */
	const char *external_id; /* NULL until known */
	struct codepipeline_action_execution_detail *detail;
};

struct store_pipeline_actions {
	struct store_pipeline_action *v;
	size_t n;
};

/* Whether it is the execution of a rule. */
bool store_pipeline_action_is_rule(const struct codepipeline_action_execution_detail *d);
/* Inserts or updates. */
int store_pipeline_action_put(
	struct db_tx *tx, const struct store_pipeline_action *action, struct err *err);
int store_pipeline_action_get(struct db_tx *tx, const char *id, struct arena *a,
	struct store_pipeline_action *ret, struct err *err);
/* The running actions with this external id (of a build there is one, several rules may look at one
 * alarm). */
int store_pipeline_action_by_external(struct db_tx *tx, const char *provider,
	const char *external_id, struct arena *a, struct strv *ret_ids, struct err *err);

struct store_pipeline_action_filter {
	bool rules;	    /* executions of rules, not of actions */
	const char *run_id; /* NULL: of all executions */
	bool latest_only;   /* only the last attempt of each action of the execution */
	int64_t before;	    /* page: numbers below; 0: all */
	size_t limit;
};
/* Newest start first. */
int store_pipeline_action_list(struct db_tx *tx, const char *pipeline_id,
	const struct store_pipeline_action_filter *filter, struct arena *a,
	struct store_pipeline_actions *ret, struct err *err);
int store_pipeline_action_delete_all(struct db_tx *tx, const char *pipeline_id, struct err *err);

#endif
