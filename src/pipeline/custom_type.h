/* SPDX-License-Identifier: Apache-2.0 */
/* Custom action types: actions that systems of the users' own do, which poll for their jobs. A type
 * is stored as the request that made it; for the engine it is a row of the registry like that of
 * any other type. */
#ifndef TOWPATH_PIPELINE_CUSTOM_TYPE_H
#define TOWPATH_PIPELINE_CUSTOM_TYPE_H

#include "pipeline/engine.h"

typedef struct codepipeline_create_custom_action_type_request custom_type;

/* How types are called in the store and in ARNs: Category/Provider/Version. */
char *custom_type_name(
	const char *category, const char *provider, const char *version, struct arena *a);
bool custom_type_is(const struct codepipeline_action_type_id *id);
/* 1, 0 when there is none or it was deleted, -1. */
int custom_type_get(
	struct db_tx *tx, const char *name, struct arena *a, custom_type *ret, struct err *err);
/* The same of one that may have been deleted. */
int custom_type_get_ever(
	struct db_tx *tx, const char *name, struct arena *a, custom_type *ret, struct err *err);
/* What ListActionTypes shows of it. */
struct codepipeline_action_type *custom_type_describe(const custom_type *t, struct arena *a);
/* The property by which workers may choose jobs, or NULL. */
const char *custom_type_queryable(const custom_type *t);

/* The rules of properties, artifact counts and link templates; ValidationException. */
int custom_type_check(const custom_type *t, struct err *err);

/* Text with {Config:...} and {ExternalExecutionId} replaced; NULL without a template, or when a
 * value is not there. */
const char *custom_type_link(const char *template,
	const struct codepipeline_resolved_action_configuration_map *configuration,
	const char *external_id, struct arena *a);

/* The engine's site with rows for the custom types that the definition names, to check it by. Types
 * that do not exist have none. In the arena. */
int custom_type_site(struct pipeline_engine *e, const struct codepipeline_pipeline_declaration *d,
	struct arena *a, struct flow_site *ret, struct err *err);

#endif
