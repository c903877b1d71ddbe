/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions of pipelines: structural validation, and the form in which they are stored. */
#ifndef TOWPATH_PIPELINE_DEFINITION_H
#define TOWPATH_PIPELINE_DEFINITION_H

#include "pipeline/flow.h"

/* Checks everything that Create- and UpdatePipeline check; the errors are the service's, with its
 * texts. */
int definition_validate(const struct flow_site *site,
	const struct codepipeline_pipeline_declaration *d, struct arena *a, struct err *err);
/* References to variables: definition_variable.c, part of definition_validate(). */
int definition_validate_variables(
	const struct codepipeline_pipeline_declaration *d, struct arena *a, struct err *err);
/* Artifacts and action types: definition_action.c, part of definition_validate(). */
int definition_validate_actions(const struct flow_site *site,
	const struct codepipeline_pipeline_declaration *d, struct arena *a, struct err *err);
/* Triggers and stage conditions: definition_v2.c, part of definition_validate(). */
int definition_validate_v2(const struct action_registry *registry,
	const struct codepipeline_pipeline_declaration *d, struct arena *a, struct err *err);
bool definition_is_v2(const struct codepipeline_pipeline_declaration *d);
/* A copy with all defaults filled in, as it is stored and answered. */
struct codepipeline_pipeline_declaration *definition_complete(
	const struct codepipeline_pipeline_declaration *d, int64_t version, struct arena *a);
/* The trigger of a source action, or NULL. */
const struct codepipeline_git_configuration *definition_trigger(
	const struct codepipeline_pipeline_declaration *d, const char *action);
/* What a trigger filters by; one without any is default detection. */
bool definition_trigger_filters(const struct codepipeline_git_configuration *trigger);
/* What the source actions watch. */
void definition_watches(const struct flow_site *site,
	const struct codepipeline_pipeline_declaration *d, struct arena *a, const char *const **ret,
	size_t *ret_n);

#endif
