/* SPDX-License-Identifier: Apache-2.0 */
/* Stage conditions and their rules (V2 pipelines). VariableCheck is decided at once from the
 * execution alone; the other rules are providers of category Rule (pipeline/provider.h), which run
 * as actions do. Rule types that are not built are refused when a pipeline is defined. */
#ifndef TOWPATH_PIPELINE_CONDITION_H
#define TOWPATH_PIPELINE_CONDITION_H

#include "pipeline/flow.h"

/* Checks a rule's declaration; where names the stage and condition for the message. */
int condition_validate_rule(const struct action_registry *registry,
	const struct codepipeline_rule_declaration *rule, const char *where, struct arena *a,
	struct err *err);
/* Begins all rules of a condition; those that are decided at once have ended. */
struct towpath_pipeline_condition_run *condition_begin(struct flow *f, struct flow_run *fr,
	struct towpath_pipeline_stage_run *stage, const struct codepipeline_condition *c);
/* False while a rule is running. Else the condition has its status: Succeeded when all rules have
 * succeeded. */
bool condition_settle(struct flow *f, struct towpath_pipeline_condition_run *c);
/* Ends what still runs of a condition, which takes this status; NULL is fine. */
void condition_abandon(struct flow *f, struct flow_run *fr,
	struct towpath_pipeline_stage_run *stage, struct towpath_pipeline_condition_run *c,
	const char *status);
bool condition_runs(const struct towpath_pipeline_condition_run *c);
bool condition_succeeded(const struct towpath_pipeline_condition_run *c);

#endif
