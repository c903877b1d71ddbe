/* SPDX-License-Identifier: Apache-2.0 */
/* The Condition element: all operators and all keys must hold, one of a key's values suffices. */
#include "identity/policy_match.h"

enum quantity { ONE_VALUE, ANY_VALUE, ALL_VALUES };

struct condition {
	const struct policy_operator *op; /* NULL: Null */
	enum quantity quantity;
	bool if_exists;
};

static bool cut_suffix(struct view *v, const char *suffix)
{
	size_t n = strlen(suffix);

	if (v->len < n || memcmp(v->p + v->len - n, suffix, n) != 0)
		return false;
	v->len -= n;
	return true;
}

static bool parse_operator(struct view name, struct condition *ret)
{
	*ret = (struct condition){.quantity = ONE_VALUE};
	if (view_starts_with(name, "ForAnyValue:"))
		ret->quantity = ANY_VALUE;
	else if (view_starts_with(name, "ForAllValues:"))
		ret->quantity = ALL_VALUES;
	if (ret->quantity != ONE_VALUE)
		(void)view_cut(&name, ':');
	if (view_eq_str(name, "Null"))
		return true;
	ret->if_exists = cut_suffix(&name, "IfExists");
	ret->op = policy_operator_find(name);
	return ret->op != NULL;
}

bool policy_operator_known(struct view name)
{
	struct condition c;

	return parse_operator(name, &c);
}

/* The text of a policy value; numbers and booleans may stand unquoted. */
static struct view value_text(const struct json_node *node, struct str *buf)
{
	if (node->kind == JSON_KIND_STRING)
		return node->text;
	json_write(node, buf);
	return str_view(buf);
}

static bool matches_value(const struct policy_operator *op, const struct json_node *node,
	struct view value, bool variables, const struct policy_request *r)
{
	struct str buf CLEANUP_STR = STR_INIT, pattern CLEANUP_STR = STR_INIT;

	if (!policy_expand(
		    value_text(node, &buf), op->wildcards, variables && op->variables, r, &pattern))
		return false;
	return op->match(str_view(&pattern), value);
}

/* Whether one of the policy's values (a single one or a list) matches. */
static bool matches_any(const struct policy_operator *op, const struct json_node *values,
	struct view value, bool variables, const struct policy_request *r)
{
	if (values->kind != JSON_KIND_ARRAY)
		return matches_value(op, values, value, variables, r);
	for (size_t i = 0; i < values->n; i++) {
		if (matches_value(op, &values->items[i], value, variables, r))
			return true;
	}
	return false;
}

static bool null_holds(const struct json_node *values, bool absent)
{
	struct view wanted = absent ? VIEW("true") : VIEW("false");
	struct policy_request none = {0};

	return matches_any(policy_operator_find(VIEW("Bool")), values, wanted, false, &none);
}

static bool key_holds(const struct condition *c, const struct json_node *values, bool variables,
	const struct policy_request *r)
{
	size_t n = policy_key_count(r, values->key), held = 0;

	if (!c->op)
		return null_holds(values, n == 0);
	if (n == 0)
		return c->quantity == ALL_VALUES || c->if_exists ||
		       (c->op->negated && c->quantity == ONE_VALUE);
	for (size_t i = 0; i < n; i++) {
		struct view value = view_of(policy_key_value(r, values->key, i));

		held += matches_any(c->op, values, value, variables, r) != c->op->negated;
	}
	if (c->quantity == ANY_VALUE)
		return held > 0;
	if (c->quantity == ONE_VALUE && n > 1 && !c->op->negated)
		return false; /* several values need a qualifier */
	return held == n;
}

bool policy_conditions_hold(
	const struct json_node *conditions, bool variables, const struct policy_request *r)
{
	if (!conditions)
		return true;
	for (size_t i = 0; i < conditions->n; i++) {
		const struct json_node *keys = &conditions->items[i];
		struct condition c;

		if (!parse_operator(keys->key, &c))
			return false;
		for (size_t k = 0; k < keys->n; k++) {
			if (!key_holds(&c, &keys->items[k], variables, r))
				return false;
		}
	}
	return true;
}
