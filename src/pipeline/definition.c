/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions of pipelines: their structure, defaults, and what they watch. */
#include "pipeline/definition.h"

#define STRUCTURE "InvalidStructureException"
#define STAGE "InvalidStageDeclarationException"
#define ACTION "InvalidActionDeclarationException"

enum { MIN_STAGES = 2, MAX_STAGES = 50, MAX_ACTIONS = 1000, MAX_STAGE_ACTIONS = 100 };

static int check_counts(const struct codepipeline_pipeline_declaration *d, struct err *err)
{
	size_t actions = 0;

	if (d->stages.n < MIN_STAGES)
		return err_set_wire(err, STRUCTURE,
			"Pipeline has only %zu stage(s). There should be a minimum of %d stages in "
			"a "
			"pipeline",
			d->stages.n, MIN_STAGES);
	if (d->stages.n > MAX_STAGES)
		return err_set_wire(err, STRUCTURE,
			"Pipeline has too many stages. There can only be up to %d stages in a "
			"pipeline",
			MAX_STAGES);
	wire_foreach (s, &d->stages) {
		actions += s->actions.n;
		if (s->actions.n == 0)
			return err_set_wire(err, STAGE, "Stage '%s' has no actions", s->name);
		if (s->actions.n > MAX_STAGE_ACTIONS)
			return err_set_wire(err, STAGE,
				"Stage '%s' has too many actions. There can only be up to %d",
				s->name, MAX_STAGE_ACTIONS);
	}
	if (actions > MAX_ACTIONS)
		return err_set_wire(err, "LimitExceededException",
			"Pipeline has too many actions. There can only be up to %d", MAX_ACTIONS);
	return 0;
}

static int check_names(const struct codepipeline_pipeline_declaration *d, struct err *err)
{
	wire_foreach (s, &d->stages) {
		for (const struct codepipeline_stage_declaration *t = d->stages.v; t < s; t++)
			if (streq(t->name, s->name))
				return err_set_wire(err, STAGE,
					"Stage name '%s' is used more than once", s->name);
		wire_foreach (a, &s->actions)
			for (const struct codepipeline_action_declaration *b = s->actions.v; b < a;
				b++)
				if (streq(a->name, b->name))
					return err_set_wire(err, ACTION,
						"Action name '%s' is used more than once in stage "
						"'%s'",
						a->name, s->name);
	}
	return 0;
}

static bool is_source(const struct codepipeline_action_declaration *a)
{
	return streq(a->action_type_id->category, CODEPIPELINE_ACTION_CATEGORY_SOURCE);
}

static int check_sources(const struct codepipeline_pipeline_declaration *d, struct err *err)
{
	bool other = false;

	wire_foreach (s, &d->stages)
		wire_foreach (a, &s->actions) {
			if (s == d->stages.v && !is_source(a))
				return err_set_wire(err, STRUCTURE,
					"Pipeline should start with a stage that only contains "
					"source actions");
			if (s != d->stages.v && is_source(a))
				return err_set_wire(err, STRUCTURE,
					"Source actions can only be included in the first stage of "
					"the pipeline");
			other |= !is_source(a);
		}
	if (!other)
		return err_set_wire(err, STRUCTURE,
			"Pipeline should contain at least 1 action whose category is not Source");
	return 0;
}

static bool has_store(const struct codepipeline_pipeline_declaration *d, const char *region)
{
	wire_foreach (kv, &d->artifact_stores)
		if (streq(kv->key, region))
			return true;
	return false;
}

static int check_stores(const struct flow_site *site,
	const struct codepipeline_pipeline_declaration *d, struct err *err)
{
	if ((d->artifact_store != NULL) == (d->artifact_stores.n > 0))
		return err_set_wire(err, STRUCTURE,
			"Pipeline must have exactly one of artifactStore and artifactStores");
	if (d->artifact_stores.n && !has_store(d, site->region))
		return err_set_wire(err, STRUCTURE,
			"artifactStores must have a store for each region with an action and for "
			"the "
			"pipeline's own region: %s is missing",
			site->region);
	wire_foreach (s, &d->stages)
		wire_foreach (a, &s->actions) {
			if (!a->region || streq(a->region, site->region))
				continue;
			if (d->artifact_store)
				return err_set_wire(err, STRUCTURE,
					"Pipeline has actions in more than one region (action "
					"'%s': "
					"%s). Use pipeline.artifactStores",
					a->name, a->region);
			if (!has_store(d, a->region))
				return err_set_wire(err, STRUCTURE,
					"artifactStores must have a store for each region with an "
					"action: %s is missing",
					a->region);
			if (is_source(a) ||
				streq(a->action_type_id->owner, CODEPIPELINE_ACTION_OWNER_CUSTOM))
				return err_set_wire(err, ACTION,
					"Action '%s': source and custom actions cannot be in "
					"another region than the pipeline",
					a->name);
		}
	return 0;
}

int definition_validate(const struct flow_site *site,
	const struct codepipeline_pipeline_declaration *d, struct arena *a, struct err *err)
{
	if (check_counts(d, err) < 0 || check_names(d, err) < 0 || check_sources(d, err) < 0 ||
		check_stores(site, d, err) < 0)
		return -1;
	if (definition_validate_v2(&site->registry, d, a, err) < 0 ||
		definition_validate_actions(site, d, a, err) < 0)
		return -1;
	return definition_validate_variables(d, a, err);
}

struct codepipeline_pipeline_declaration *definition_complete(
	const struct codepipeline_pipeline_declaration *d, int64_t version, struct arena *a)
{
	struct codepipeline_pipeline_declaration *out =
		wire_copy(&codepipeline_pipeline_declaration_shape, d, a);

	out->version = WIRE_SET_INT(version);
	if (!out->execution_mode)
		out->execution_mode = CODEPIPELINE_EXECUTION_MODE_SUPERSEDED;
	if (!out->pipeline_type)
		out->pipeline_type = definition_is_v2(d) ? CODEPIPELINE_PIPELINE_TYPE_V2
							 : CODEPIPELINE_PIPELINE_TYPE_V1;
	wire_foreach (s, &out->stages)
		wire_foreach (action, &s->actions) {
			if (!action->run_order.set)
				action->run_order = WIRE_SET_INT(1);
			action->configuration.set = true;
			action->input_artifacts.set = true;
			action->output_artifacts.set = true;
		}
	return out;
}

const struct codepipeline_git_configuration *definition_trigger(
	const struct codepipeline_pipeline_declaration *d, const char *action)
{
	wire_foreach (t, &d->triggers)
		if (streq(t->git_configuration->source_action_name, action))
			return t->git_configuration;
	return NULL;
}

bool definition_trigger_filters(const struct codepipeline_git_configuration *trigger)
{
	return trigger && trigger->push.n;
}

void definition_watches(const struct flow_site *site,
	const struct codepipeline_pipeline_declaration *d, struct arena *a, const char *const **ret,
	size_t *ret_n)
{
	const struct codepipeline_stage_declaration *first = &d->stages.v[0];
	const char **keys = arena_new_n(a, first->actions.n, const char *);

	*ret_n = 0;
	wire_foreach (action, &first->actions) {
		const struct action_provider *p =
			action_registry_find(&site->registry, action->action_type_id);
		const char *key = p && p->watch_key ? p->watch_key(p->arg, action, a) : NULL;

		if (key)
			keys[(*ret_n)++] = key;
	}
	*ret = keys;
}
