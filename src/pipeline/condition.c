/* SPDX-License-Identifier: Apache-2.0 */
/* Stage conditions: what is declared, how their rules begin and what comes of them. */
#include "pipeline/condition.h"

#include "pipeline/variable.h"
#include "wire/pattern.h"

static const char *setting(const struct codepipeline_rule_declaration *rule, const char *key)
{
	wire_foreach (kv, &rule->configuration)
		if (streq(kv->key, key))
			return kv->value;
	return NULL;
}

static bool check_eq(const char *have, const char *want)
{
	return streq(have, want);
}

static bool check_ne(const char *have, const char *want)
{
	return !streq(have, want);
}

static bool check_contains(const char *have, const char *want)
{
	return strstr(have, want) != NULL;
}

static bool check_matches(const char *have, const char *want)
{
	return wire_pattern_match_once(want, have, NULL) == 1;
}

static const struct operator
{
	const char *name;
	bool (*holds)(const char *have, const char *want);
}
operators[] = {
	{"EQ", check_eq},
	{"NE", check_ne},
	{"CONTAINS", check_contains},
	{"MATCHES", check_matches},
};

static const struct operator* find_operator(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
		if (streq(operators[i].name, name))
			return &operators[i];
	return NULL;
}

#define STAGE "InvalidStageDeclarationException"
#define VARIABLE_CHECK "VariableCheck"

static int validate_check(
	const struct codepipeline_rule_declaration *rule, const char *where, struct err *err)
{
	static const char *const required[] = {"Variable", "Value", "Operator"};

	for (size_t i = 0; i < ARRAY_SIZE(required); i++)
		if (!setting(rule, required[i]))
			return err_set_wire(err, STAGE,
				"Rule configuration for rule '%s' of the %s is missing required "
				"configuration '%s'",
				rule->name, where, required[i]);
	if (!find_operator(setting(rule, "Operator")))
		return err_set_wire(err, STAGE,
			"Rule '%s' of the %s: Operator must be one of EQ, NE, CONTAINS, MATCHES",
			rule->name, where);
	return 0;
}

static int not_available(const struct action_registry *registry,
	const struct codepipeline_rule_declaration *rule, const char *where, struct arena *a,
	struct err *err)
{
	const char *names = VARIABLE_CHECK;

	for (size_t i = 0; i < registry->n; i++)
		if (streq(registry->v[i]->category, CODEPIPELINE_RULE_CATEGORY_RULE))
			names = arena_printf(a, "%s, %s", names, registry->v[i]->provider);
	return err_set_wire(err, STAGE,
		"Rule '%s' of the %s: rules of type %s are not available here; available: %s",
		rule->name, where, rule->rule_type_id->provider, names);
}

static bool is_key(const struct action_provider *p, const char *name)
{
	for (size_t i = 0; i < p->n_keys; i++)
		if (streq(p->keys[i].name, name))
			return true;
	return false;
}

static int validate_keys(const struct action_provider *p,
	const struct codepipeline_rule_declaration *rule, const char *where, struct err *err)
{
	for (size_t i = 0; i < p->n_keys; i++)
		if (p->keys[i].required && !setting(rule, p->keys[i].name))
			return err_set_wire(err, STAGE,
				"Rule configuration for rule '%s' of the %s is missing required "
				"configuration '%s'",
				rule->name, where, p->keys[i].name);
	wire_foreach (kv, &rule->configuration)
		if (!is_key(p, kv->key))
			return err_set_wire(err, STAGE,
				"Rule configuration for rule '%s' of the %s contains unknown "
				"configuration '%s'",
				rule->name, where, kv->key);
	if (rule->input_artifacts.n < (size_t)p->min_inputs ||
		rule->input_artifacts.n > (size_t)p->max_inputs)
		return err_set_wire(err, STAGE,
			"Rule '%s' of the %s has %zu input artifacts, %s takes %d to %d",
			rule->name, where, rule->input_artifacts.n, p->provider, p->min_inputs,
			p->max_inputs);
	return 0;
}

int condition_validate_rule(const struct action_registry *registry,
	const struct codepipeline_rule_declaration *rule, const char *where, struct arena *a,
	struct err *err)
{
	const struct codepipeline_action_declaration *action = flow_rule_action(rule, a);
	const struct action_provider *p = action_registry_find(registry, action->action_type_id);

	if (streq(rule->rule_type_id->provider, VARIABLE_CHECK))
		return validate_check(rule, where, err);
	if (!p)
		return not_available(registry, rule, where, a, err);
	if (validate_keys(p, rule, where, err) < 0)
		return -1;
	return p->validate ? p->validate(p->arg, action, a, err) : 0;
}

/* ---- running ---- */

static void check_variable(struct flow *f, struct flow_run *fr,
	struct towpath_pipeline_stage_run *stage, struct towpath_pipeline_rule_run *r,
	const struct codepipeline_rule_declaration *rule)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	const struct operator* op = find_operator(setting(rule, "Operator"));
	const char *have = NULL, *want = NULL;
	struct flow_end end = {.status = CODEPIPELINE_ACTION_EXECUTION_STATUS_FAILED};

	if (variable_resolve(
		    setting(rule, "Variable"), flow_variable, fr->run, f->arena, &have, &err) < 0 ||
		variable_resolve(setting(rule, "Value"), flow_variable, fr->run, f->arena, &want,
			&err) < 0) {
		end.code = "ConfigurationError";
		end.message = arena_strdup(f->arena, err_message(&err));
	} else if (!op || !op->holds(have, want)) {
		end.code = "RuleFailed";
		end.message = arena_printf(f->arena, "VariableCheck: '%s' %s '%s' does not hold",
			have, setting(rule, "Operator"), want);
	} else {
		end.status = CODEPIPELINE_ACTION_EXECUTION_STATUS_SUCCEEDED;
	}
	flow_end_rule(f, fr, stage, r, &end);
}

struct towpath_pipeline_condition_run *condition_begin(struct flow *f, struct flow_run *fr,
	struct towpath_pipeline_stage_run *stage, const struct codepipeline_condition *c)
{
	struct towpath_pipeline_condition_run *out =
		arena_new(f->arena, struct towpath_pipeline_condition_run);

	out->status = CODEPIPELINE_CONDITION_EXECUTION_STATUS_INPROGRESS;
	out->result = c->result ? c->result : CODEPIPELINE_RESULT_FAIL;
	out->time = WIRE_SET_TIME(f->now);
	wire_list_alloc(f->arena, &out->rules, c->rules.n);
	for (size_t i = 0; i < c->rules.n; i++) {
		const struct codepipeline_rule_declaration *rule = &c->rules.v[i];
		bool at_once = streq(rule->rule_type_id->provider, VARIABLE_CHECK);

		flow_start_rule(f, fr, stage, &out->rules.v[i], rule, at_once);
		if (at_once)
			check_variable(f, fr, stage, &out->rules.v[i], rule);
	}
	return out;
}

bool condition_runs(const struct towpath_pipeline_condition_run *c)
{
	return c && streq(c->status, CODEPIPELINE_CONDITION_EXECUTION_STATUS_INPROGRESS);
}

bool condition_settle(struct flow *f, struct towpath_pipeline_condition_run *c)
{
	const char *status = CODEPIPELINE_CONDITION_EXECUTION_STATUS_SUCCEEDED;

	if (!condition_runs(c))
		return true;
	wire_foreach (r, &c->rules)
		if (streq(r->status, CODEPIPELINE_RULE_EXECUTION_STATUS_INPROGRESS))
			return false;
	wire_foreach (r, &c->rules) {
		if (streq(r->status, CODEPIPELINE_RULE_EXECUTION_STATUS_SUCCEEDED))
			continue;
		status = CODEPIPELINE_CONDITION_EXECUTION_STATUS_FAILED;
		if (!c->summary)
			c->summary =
				arena_printf(f->arena, "Rule %s failed: %s", r->name, r->summary);
	}
	c->status = status;
	c->time = WIRE_SET_TIME(f->now);
	return true;
}

void condition_abandon(struct flow *f, struct flow_run *fr,
	struct towpath_pipeline_stage_run *stage, struct towpath_pipeline_condition_run *c,
	const char *status)
{
	const struct flow_end end = {.status = CODEPIPELINE_ACTION_EXECUTION_STATUS_ABANDONED,
		.summary = "The rule was abandoned: its condition was ended."};

	if (!condition_runs(c))
		return;
	wire_foreach (r, &c->rules)
		flow_end_rule(f, fr, stage, r, &end);
	c->status = status;
	c->time = WIRE_SET_TIME(f->now);
}

bool condition_succeeded(const struct towpath_pipeline_condition_run *c)
{
	return streq(c->status, CODEPIPELINE_CONDITION_EXECUTION_STATUS_SUCCEEDED) ||
	       streq(c->status, CODEPIPELINE_CONDITION_EXECUTION_STATUS_OVERRIDDEN);
}
