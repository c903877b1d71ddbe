/* SPDX-License-Identifier: Apache-2.0 */
/* Validation of what V2 pipelines have: modes, variables, triggers, conditions. */
#include "pipeline/condition.h"
#include "pipeline/definition.h"

#define STRUCTURE "InvalidStructureException"
#define STAGE "InvalidStageDeclarationException"

static bool mode_is_v2(const struct codepipeline_pipeline_declaration *d)
{
	return d->execution_mode &&
	       !streq(d->execution_mode, CODEPIPELINE_EXECUTION_MODE_SUPERSEDED);
}

static bool has_conditions(const struct codepipeline_stage_declaration *s)
{
	return s->before_entry || s->on_success || s->on_failure;
}

bool definition_is_v2(const struct codepipeline_pipeline_declaration *d)
{
	if (d->pipeline_type)
		return streq(d->pipeline_type, CODEPIPELINE_PIPELINE_TYPE_V2);
	if (mode_is_v2(d) || d->variables.n || d->triggers.n)
		return true;
	wire_foreach (s, &d->stages) {
		if (has_conditions(s))
			return true;
		wire_foreach (action, &s->actions)
			if (action->commands.n)
				return true;
	}
	return false;
}

static int check_v1(const struct codepipeline_pipeline_declaration *d, struct err *err)
{
	if (mode_is_v2(d))
		return err_set_wire(err, STRUCTURE,
			"QUEUED or PARALLEL mode can only be used with V2 pipelines");
	if (d->variables.n)
		return err_set_wire(
			err, STRUCTURE, "Pipeline variable can only be used with V2 pipelines");
	if (d->triggers.n)
		return err_set_wire(
			err, STRUCTURE, "Triggers on tag can only be used with V2 pipelines");
	wire_foreach (s, &d->stages)
		if (has_conditions(s))
			return err_set_wire(err, STAGE,
				"Stage level conditions can only be used with V2 pipelines.");
	return 0;
}

static const char *source_provider(
	const struct codepipeline_pipeline_declaration *d, const char *action)
{
	const struct codepipeline_action_declaration *a =
		flow_action_declaration(&d->stages.v[0], action);

	return a ? a->action_type_id->provider : NULL;
}

static int check_filter(
	const char *source, const struct codepipeline_git_push_filter *f, struct err *err)
{
	if (f->tags && (f->branches || f->file_paths))
		return err_set_wire(err, STRUCTURE,
			"Trigger of source action '%s': tags cannot be combined with branches or "
			"filePaths in one push filter",
			source);
	if (f->file_paths && !f->branches)
		return err_set_wire(err, STRUCTURE,
			"Trigger of source action '%s': filePaths need branches in the same push "
			"filter",
			source);
	if (!f->tags && !f->branches)
		return err_set_wire(err, STRUCTURE,
			"Trigger of source action '%s': a push filter needs tags or branches",
			source);
	return 0;
}

static int check_trigger(
	const struct codepipeline_pipeline_declaration *d, size_t i, struct err *err)
{
	const struct codepipeline_git_configuration *c = d->triggers.v[i].git_configuration;
	const char *provider = source_provider(d, c->source_action_name);

	if (!provider ||
		(!streq(provider, "CodeStarSourceConnection") && !streq(provider, "CodeCommit")))
		return err_set_wire(err, STRUCTURE,
			"Triggers for connections must reference a CodeStarSourceConnection "
			"action.");
	for (size_t k = 0; k < i; k++)
		if (streq(d->triggers.v[k].git_configuration->source_action_name,
			    c->source_action_name))
			return err_set_wire(err, STRUCTURE,
				"Only one trigger can be declared for source action '%s'",
				c->source_action_name);
	if (c->pull_request.n)
		return err_set_wire(err, STRUCTURE,
			"Trigger of source action '%s': pull request filters are not available",
			c->source_action_name);
	wire_foreach (f, &c->push)
		if (check_filter(c->source_action_name, f, err) < 0)
			return -1;
	return 0;
}

/* A kind of condition: its name for messages, and the results that it may have. */
struct condition_kind {
	const char *name;
	const char *results[3];
};
static const struct condition_kind entry_kind = {
	"entry condition", {CODEPIPELINE_RESULT_FAIL, CODEPIPELINE_RESULT_SKIP}};
static const struct condition_kind success_kind = {
	"success condition", {CODEPIPELINE_RESULT_FAIL, CODEPIPELINE_RESULT_ROLLBACK}};
static const struct condition_kind failure_kind = {
	"failure condition", {CODEPIPELINE_RESULT_ROLLBACK}};

/* Only rules that are decided from what the execution has may skip a stage. */
static int check_skip(const char *stage, const struct codepipeline_condition *c, struct err *err)
{
	if (!c->result || !streq(c->result, CODEPIPELINE_RESULT_SKIP))
		return 0;
	wire_foreach (rule, &c->rules)
		if (!streq(rule->rule_type_id->provider, "VariableCheck") &&
			!streq(rule->rule_type_id->provider, "LambdaInvoke"))
			return err_set_wire(err, STAGE,
				"Result SKIP of stage '%s' can only be used with rules of type "
				"LambdaInvoke and VariableCheck, not %s",
				stage, rule->rule_type_id->provider);
	return 0;
}

static int check_condition(const struct action_registry *registry, const char *stage,
	const struct condition_kind *kind, const struct codepipeline_condition_list *conditions,
	struct arena *a, struct err *err)
{
	bool known = false;

	if (conditions->n == 0)
		return 0;
	for (size_t i = 0; kind->results[i]; i++)
		known |= streq(conditions->v[0].result, kind->results[i]);
	if (conditions->v[0].result && !known)
		return err_set_wire(err, STAGE, "Result %s cannot be used for the %s of stage '%s'",
			conditions->v[0].result, kind->name, stage);
	if (conditions->v[0].rules.n == 0)
		return err_set_wire(
			err, STAGE, "The %s of stage '%s' has no rules", kind->name, stage);
	wire_foreach (rule, &conditions->v[0].rules)
		if (condition_validate_rule(registry, rule,
			    arena_printf(a, "%s of stage '%s'", kind->name, stage), a, err) < 0)
			return -1;
	return check_skip(stage, &conditions->v[0], err);
}

static int check_failure(const struct action_registry *registry,
	const struct codepipeline_pipeline_declaration *d,
	const struct codepipeline_stage_declaration *s, struct arena *a, struct err *err)
{
	const struct codepipeline_failure_conditions *f = s->on_failure;
	bool rollback;

	if (!f)
		return 0;
	if (f->result && f->conditions.n)
		return err_set_wire(err, STAGE,
			"Stage '%s' cannot have both a top level result and conditions on failure",
			s->name);
	if (f->result && streq(f->result, CODEPIPELINE_RESULT_SKIP))
		return err_set_wire(err, STAGE,
			"Result SKIP cannot be used for the failure of stage '%s'", s->name);
	rollback =
		streq(f->result, CODEPIPELINE_RESULT_ROLLBACK) ||
		(f->conditions.n && streq(f->conditions.v[0].result, CODEPIPELINE_RESULT_ROLLBACK));
	if (rollback && streq(d->execution_mode, CODEPIPELINE_EXECUTION_MODE_PARALLEL))
		return err_set_wire(err, STAGE,
			"Failure conditions with rollback result type cannot be added to a "
			"PARALLEL "
			"pipeline.");
	if (rollback && s == d->stages.v)
		return err_set_wire(
			err, STAGE, "The source stage '%s' cannot be rolled back", s->name);
	return check_condition(registry, s->name, &failure_kind, &f->conditions, a, err);
}

int definition_validate_v2(const struct action_registry *registry,
	const struct codepipeline_pipeline_declaration *d, struct arena *a, struct err *err)
{
	if (!definition_is_v2(d) && check_v1(d, err) < 0)
		return -1;
	for (size_t i = 0; i < d->triggers.n; i++)
		if (check_trigger(d, i, err) < 0)
			return -1;
	wire_foreach (s, &d->stages) {
		if (s->blockers.n)
			return err_set_wire(err, "InvalidBlockerDeclarationException",
				"Stage '%s': blockers are reserved", s->name);
		if (s->before_entry && check_condition(registry, s->name, &entry_kind,
					       &s->before_entry->conditions, a, err) < 0)
			return -1;
		if (s->on_success && check_condition(registry, s->name, &success_kind,
					     &s->on_success->conditions, a, err) < 0)
			return -1;
		if (check_failure(registry, d, s, a, err) < 0)
			return -1;
	}
	return 0;
}
