/* SPDX-License-Identifier: Apache-2.0 */
/* Stage conditions: VariableCheck. */
#include "pipeline/condition.h"

#include "base/id.h"
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

int condition_validate_rule(
	const struct codepipeline_rule_declaration *rule, const char *where, struct err *err)
{
	static const char *const required[] = {"Variable", "Value", "Operator"};

	if (!streq(rule->rule_type_id->provider, "VariableCheck"))
		return err_set_wire(err, "InvalidStageDeclarationException",
			"Rule '%s' of the %s: rules of type %s are not available here; available: "
			"VariableCheck",
			rule->name, where, rule->rule_type_id->provider);
	for (size_t i = 0; i < ARRAY_SIZE(required); i++)
		if (!setting(rule, required[i]))
			return err_set_wire(err, "InvalidStageDeclarationException",
				"Rule configuration for rule '%s' of the %s is missing required "
				"configuration '%s'",
				rule->name, where, required[i]);
	if (!find_operator(setting(rule, "Operator")))
		return err_set_wire(err, "InvalidStageDeclarationException",
			"Rule '%s' of the %s: Operator must be one of EQ, NE, CONTAINS, MATCHES",
			rule->name, where);
	return 0;
}

static void fail_rule(struct towpath_pipeline_rule_run *r, const char *code, const char *summary)
{
	r->status = CODEPIPELINE_RULE_EXECUTION_STATUS_FAILED;
	r->code = code;
	r->summary = summary;
}

static void run_rule(struct flow *f, const struct towpath_pipeline_run *run,
	const struct codepipeline_rule_declaration *rule, struct towpath_pipeline_rule_run *r)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	const struct operator* op = find_operator(setting(rule, "Operator"));
	const char *have = NULL, *want = NULL;

	*r = (struct towpath_pipeline_rule_run){
		.name = rule->name,
		.id = arena_strdup(f->arena, id_uuid().text),
		.status = CODEPIPELINE_RULE_EXECUTION_STATUS_SUCCEEDED,
		.time = WIRE_SET_TIME(f->now),
	};
	if (variable_resolve(setting(rule, "Variable"), flow_variable, (void *)run, f->arena, &have,
		    &err) < 0 ||
		variable_resolve(setting(rule, "Value"), flow_variable, (void *)run, f->arena,
			&want, &err) < 0)
		fail_rule(r, "ConfigurationError", arena_strdup(f->arena, err_message(&err)));
	else if (!op || !op->holds(have, want))
		fail_rule(r, "RuleFailed",
			arena_printf(f->arena, "VariableCheck: '%s' %s '%s' does not hold", have,
				setting(rule, "Operator"), want));
}

struct towpath_pipeline_condition_run *condition_evaluate(struct flow *f,
	const struct towpath_pipeline_run *run, const struct codepipeline_condition *c)
{
	struct towpath_pipeline_condition_run *out =
		arena_new(f->arena, struct towpath_pipeline_condition_run);

	out->status = CODEPIPELINE_CONDITION_EXECUTION_STATUS_SUCCEEDED;
	out->result = c->result ? c->result : CODEPIPELINE_RESULT_FAIL;
	out->time = WIRE_SET_TIME(f->now);
	wire_list_alloc(f->arena, &out->rules, c->rules.n);
	for (size_t i = 0; i < c->rules.n; i++) {
		run_rule(f, run, &c->rules.v[i], &out->rules.v[i]);
		if (streq(out->rules.v[i].status, CODEPIPELINE_RULE_EXECUTION_STATUS_SUCCEEDED))
			continue;
		out->status = CODEPIPELINE_CONDITION_EXECUTION_STATUS_FAILED;
		if (!out->summary)
			out->summary = arena_printf(f->arena, "Rule %s failed: %s",
				out->rules.v[i].name, out->rules.v[i].summary);
	}
	return out;
}

bool condition_succeeded(const struct towpath_pipeline_condition_run *c)
{
	return streq(c->status, CODEPIPELINE_CONDITION_EXECUTION_STATUS_SUCCEEDED) ||
	       streq(c->status, CODEPIPELINE_CONDITION_EXECUTION_STATUS_OVERRIDDEN);
}
