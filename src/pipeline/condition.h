/* SPDX-License-Identifier: Apache-2.0 */
/* Stage conditions and their rules (V2 pipelines). Rules are decided from the execution alone:
 * VariableCheck. Rule types that are not built are refused when a pipeline is defined. */
#ifndef TOWPATH_PIPELINE_CONDITION_H
#define TOWPATH_PIPELINE_CONDITION_H

#include "pipeline/flow.h"

/* Checks a rule's declaration; where names the stage and condition for the message. */
int condition_validate_rule(
	const struct codepipeline_rule_declaration *rule, const char *where, struct err *err);
/* Runs all rules of a condition now. Status Succeeded when all of them are. */
struct towpath_pipeline_condition_run *condition_evaluate(struct flow *f,
	const struct towpath_pipeline_run *run, const struct codepipeline_condition *c);
bool condition_succeeded(const struct towpath_pipeline_condition_run *c);

#endif
