/* SPDX-License-Identifier: Apache-2.0 */
/* Validation of actions: types, configuration keys, artifacts. */
#include "pipeline/definition.h"

#include <ctype.h>

#include "base/map.h"

#define STRUCTURE "InvalidStructureException"
#define ACTION "InvalidActionDeclarationException"

/* us-east-1 -> US_EAST_1, as the service spells it in one message. */
static char *shouted_region(const char *region, struct arena *a)
{
	char *out = arena_strdup(a, region);

	for (char *p = out; *p; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
	return out;
}

static int check_keys(const struct action_provider *p,
	const struct codepipeline_action_declaration *action, struct err *err)
{
	for (size_t i = 0; i < p->n_keys; i++)
		if (p->keys[i].required && !action_setting(action, p->keys[i].name))
			return err_set_wire(err, ACTION,
				"Action configuration for action '%s' is missing required "
				"configuration '%s'",
				action->name, p->keys[i].name);
	wire_foreach (kv, &action->configuration) {
		bool known = false;

		for (size_t i = 0; i < p->n_keys && !known; i++)
			known = streq(p->keys[i].name, kv->key);
		if (!known)
			return err_set_wire(err, ACTION,
				"Action configuration for action '%s' contains unknown "
				"configuration '%s'",
				action->name, kv->key);
	}
	return 0;
}

static int check_count(
	const char *action, const char *what, size_t n, int min, int max, struct err *err)
{
	if ((int64_t)n < min)
		return err_set_wire(err, ACTION,
			"Action %s declares %zu %s artifacts which is less than the minimum count "
			"(%d)",
			action, n, what, min);
	if ((int64_t)n > max)
		return err_set_wire(err, ACTION,
			"Action %s declares %zu %s artifacts which is more than the maximum count "
			"(%d)",
			action, n, what, max);
	return 0;
}

/* What only commands have, and no other type would heed. */
static int check_commands(const struct action_provider *p,
	const struct codepipeline_action_declaration *a, struct err *err)
{
	const char *member = a->commands.n		  ? "commands"
			     : a->environment_variables.n ? "environmentVariables"
			     : a->output_variables.n	  ? "outputVariables"
							  : NULL;

	wire_foreach (out, &a->output_artifacts)
		if (out->files.n && !member)
			member = "files of output artifacts";
	if (!member || streq(p->provider, "Commands"))
		return 0;
	return err_set_wire(
		err, ACTION, "Action %s: only actions of type Commands have %s", a->name, member);
}

static int check_action(const struct flow_site *site,
	const struct codepipeline_pipeline_declaration *d,
	const struct codepipeline_action_declaration *action, struct arena *a, struct err *err)
{
	const struct codepipeline_action_type_id *id = action->action_type_id;
	const struct action_provider *p = action_registry_find(&site->registry, id);

	if (!p)
		return err_set_wire(err, ACTION,
			"ActionType (Category: '%s', Provider: '%s', Owner: '%s', Version: '%s') "
			"in "
			"action '%s' is not available in region '%s'",
			id->category, id->provider, id->owner, id->version, action->name,
			shouted_region(site->region, a));
	if (p == site->registry.custom)
		return 0; /* where only the server knows the custom types */
	if (p->v2_only && !definition_is_v2(d) &&
		streq(d->pipeline_type, CODEPIPELINE_PIPELINE_TYPE_V1))
		return err_set_wire(
			err, ACTION, "%s Action can only be used with V2 pipelines.", p->provider);
	if (check_keys(p, action, err) < 0 || check_commands(p, action, err) < 0 ||
		check_count(action->name, "input", action->input_artifacts.n, p->min_inputs,
			p->max_inputs, err) < 0 ||
		check_count(action->name, "output", action->output_artifacts.n, p->min_outputs,
			p->max_outputs, err) < 0)
		return -1;
	return p->validate ? p->validate(p->arg, action, a, err) : 0;
}

/* Whether an action that surely ends before this one has the artifact as its output. */
static bool produced_before(const struct codepipeline_pipeline_declaration *d,
	const struct codepipeline_stage_declaration *stage,
	const struct codepipeline_action_declaration *action, const char *artifact)
{
	for (const struct codepipeline_stage_declaration *s = d->stages.v; s <= stage; s++)
		wire_foreach (other, &s->actions) {
			if (s == stage &&
				wire_or(other->run_order, 1) >= wire_or(action->run_order, 1))
				continue;
			wire_foreach (out, &other->output_artifacts)
				if (streq(out->name, artifact))
					return true;
		}
	return false;
}

static int check_artifacts(const struct codepipeline_pipeline_declaration *d, struct err *err)
{
	struct map outputs CLEANUP_MAP = MAP_INIT;

	wire_foreach (s, &d->stages)
		wire_foreach (a, &s->actions)
			wire_foreach (out, &a->output_artifacts)
				if (map_set(&outputs, out->name, (void *)out->name))
					return err_set_wire(err, ACTION,
						"Output Artifact Bundle name must be unique within "
						"the pipeline. %s has been used more than once.",
						out->name);
	wire_foreach (s, &d->stages)
		wire_foreach (a, &s->actions)
			wire_foreach (in, &a->input_artifacts)
				if (!produced_before(d, s, a, in->name))
					return err_set_wire(err, ACTION,
						"Input Artifact Bundle %s in action %s is not "
						"declared as Output Artifact Bundle in any of the "
						"preceding actions",
						in->name, a->name);
	return 0;
}

int definition_validate_actions(const struct flow_site *site,
	const struct codepipeline_pipeline_declaration *d, struct arena *a, struct err *err)
{
	wire_foreach (s, &d->stages)
		wire_foreach (action, &s->actions)
			if (check_action(site, d, action, a, err) < 0)
				return -1;
	return check_artifacts(d, err);
}
