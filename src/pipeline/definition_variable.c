/* SPDX-License-Identifier: Apache-2.0 */
/* Validation of namespaces, pipeline variables and references to them. */
#include "base/map.h"
#include "pipeline/definition.h"
#include "pipeline/variable.h"

#define STRUCTURE "InvalidStructureException"
#define ACTION "InvalidActionDeclarationException"

/* Where a reference stands. */
struct place {
	const struct codepipeline_pipeline_declaration *d;
	const struct codepipeline_stage_declaration *stage;
	const struct codepipeline_action_declaration *action;
	const char *key;
};

static int complain(const struct place *at, const struct variable_ref *ref, const char *wire,
	const char *text, struct err *err)
{
	return err_set_wire(err, wire,
		"%s StageName=[%s], ActionName=[%s], ActionConfigurationKey=[%s], "
		"VariableReferenceText=[" VIEW_FMT "]",
		text, at->stage->name, at->action->name, at->key, VIEW_ARG(ref->text));
}

static bool declared(const struct codepipeline_pipeline_declaration *d, struct view name)
{
	wire_foreach (v, &d->variables)
		if (view_eq_str(name, v->name))
			return true;
	return false;
}

/* Whether an action that surely ends before has this namespace. */
static bool space_before(const struct place *at, struct view space)
{
	for (const struct codepipeline_stage_declaration *s = at->d->stages.v; s <= at->stage; s++)
		wire_foreach (a, &s->actions) {
			if (s == at->stage &&
				wire_or(a->run_order, 1) >= wire_or(at->action->run_order, 1))
				continue;
			if (a->namespace && view_eq_str(space, a->namespace))
				return true;
		}
	return false;
}

static int check_reference(const struct place *at, const struct variable_ref *ref, struct err *err)
{
	if (!ref->malformed && view_eq_str(ref->space, "variables") && at->d->variables.n) {
		if (at->stage == at->d->stages.v)
			return complain(at, ref, STRUCTURE,
				"Variables at the pipeline level cannot be used in source actions.",
				err);
		if (!declared(at->d, ref->key))
			return complain(at, ref, STRUCTURE,
				"The referenced variables haven't been declared.", err);
		return 0;
	}
	if (!ref->malformed && view_eq_str(ref->space, "codepipeline") &&
		view_eq_str(ref->key, "PipelineExecutionId"))
		return 0;
	if (!ref->malformed && view_eq_str(ref->space, "variables") &&
		!space_before(at, ref->space))
		return complain(
			at, ref, STRUCTURE, "The referenced variables haven't been declared.", err);
	if (ref->malformed || !space_before(at, ref->space))
		return complain(at, ref, ACTION,
			"Valid format for a pipeline execution variable reference is a namespace "
			"and "
			"a key separated by a period (.). The following pipeline execution "
			"variables "
			"are referencing a namespace that does not exist.",
			err);
	return 0;
}

static int check_text(const struct place *at, const char *text, struct err *err)
{
	struct view rest = view_of(text), literal;
	struct variable_ref ref;

	while (variable_next(&rest, &literal, &ref))
		if (check_reference(at, &ref, err) < 0)
			return -1;
	return 0;
}

static int check_namespaces(const struct codepipeline_pipeline_declaration *d, struct err *err)
{
	struct map seen CLEANUP_MAP = MAP_INIT;

	wire_foreach (s, &d->stages)
		wire_foreach (a, &s->actions)
			wire_foreach (out, &a->output_artifacts)
				map_set(&seen, out->name, "an artifact");
	wire_foreach (s, &d->stages)
		wire_foreach (a, &s->actions) {
			const char *before;

			if (!a->namespace)
				continue;
			if (streq(a->namespace, "codepipeline") ||
				(streq(a->namespace, "variables") && d->variables.n))
				return err_set_wire(err, ACTION,
					"Namespace '%s' of action '%s' is reserved", a->namespace,
					a->name);
			before = map_get(&seen, a->namespace);
			if (before)
				return err_set_wire(err, STRUCTURE,
					"Namespace '%s' of action '%s' is already the name of %s",
					a->namespace, a->name, before);
			map_set(&seen, a->namespace, "another action's namespace");
		}
	return 0;
}

static int check_declarations(const struct codepipeline_pipeline_declaration *d, struct err *err)
{
	wire_foreach (v, &d->variables)
		for (const struct codepipeline_pipeline_variable_declaration *w = d->variables.v;
			w < v; w++)
			if (streq(v->name, w->name))
				return err_set_wire(err, STRUCTURE,
					"Variable names must be unique. The following variable "
					"name "
					"is already in use: %s",
					v->name);
	return 0;
}

static int check_action(struct place at, struct err *err)
{
	wire_foreach (kv, &at.action->configuration) {
		at.key = kv->key;
		if (check_text(&at, kv->value, err) < 0)
			return -1;
	}
	at.key = "commands";
	wire_foreach (command, &at.action->commands)
		if (check_text(&at, *command, err) < 0)
			return -1;
	at.key = "environmentVariables";
	wire_foreach (v, &at.action->environment_variables)
		if (check_text(&at, v->value, err) < 0)
			return -1;
	return 0;
}

int definition_validate_variables(
	const struct codepipeline_pipeline_declaration *d, struct arena *a, struct err *err)
{
	(void)a;
	if (check_declarations(d, err) < 0 || check_namespaces(d, err) < 0)
		return -1;
	wire_foreach (s, &d->stages)
		wire_foreach (action, &s->actions)
			if (check_action((struct place){d, s, action, NULL}, err) < 0)
				return -1;
	return 0;
}
