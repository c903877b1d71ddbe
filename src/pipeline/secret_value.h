/* SPDX-License-Identifier: Apache-2.0 */
/* Values of secret configuration properties. Definitions and executions hold a reference in their
 * place; the value lies sealed in a document of its own. It is shown to job workers alone. */
#ifndef TOWPATH_PIPELINE_SECRET_VALUE_H
#define TOWPATH_PIPELINE_SECRET_VALUE_H

#include "pipeline/engine.h"

/* Puts references in place of the secret values of a definition that was checked and completed.
 * Asterisks alone mean the value that `old` (or NULL) has for the stage and action of that name. */
int secret_values_seal(struct pipeline_engine *e, struct db_tx *tx, const char *pipeline_id,
	const struct action_registry *registry, struct codepipeline_pipeline_declaration *d,
	const struct codepipeline_pipeline_declaration *old, struct arena *a, struct err *err);
/* Puts **** in place of the secret values of a definition as it was given, and of every value of a
 * type that the registry does not have: what is kept of a request is not to hold them. */
void secret_values_hide(
	const struct action_registry *registry, struct codepipeline_pipeline_declaration *d);
/* Shows **** in place of references. */
void secret_values_mask(struct codepipeline_pipeline_declaration *d);
void secret_values_mask_detail(struct codepipeline_action_execution_detail *d);
void secret_values_mask_map(struct codepipeline_action_configuration_map *m);
/* Puts values in place of references. */
int secret_values_open(struct pipeline_engine *e, struct db_tx *tx,
	struct codepipeline_action_configuration_map *m, struct arena *a, struct err *err);

#endif
