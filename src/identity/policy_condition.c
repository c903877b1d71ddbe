/* SPDX-License-Identifier: Apache-2.0 */
/* The Condition element: all operators and all keys must hold, one of a key's values suffices. */
#include <ctype.h>
#include <strings.h>

#include "base/mem.h"
#include "identity/policy_match.h"

enum quantity { ONE_VALUE, ANY_VALUE, ALL_VALUES };

struct policy_condition {
	const struct policy_operator *op; /* NULL: Null */
	enum quantity quantity;
	bool if_exists;
	struct view key;
	uint32_t hash;
	struct policy_value *values;
	size_t n;
};

/* ---- request keys ---- */

/* FNV-1a over the small letters. */
uint32_t policy_hash_name(struct view name)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < name.len; i++)
		h = (h ^ (uint32_t)tolower((unsigned char)name.p[i])) * 16777619u;
	return h ? h : 1;
}

static bool is_key(const struct policy_key *k, struct view name, uint32_t hash)
{
	if (!k->value || (k->hash && k->hash != hash))
		return false;
	return strncasecmp(k->name, name.p, name.len) == 0 && k->name[name.len] == '\0';
}

size_t policy_key_count(
	const struct policy_request *r, struct view name, uint32_t hash, const char **ret_first)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_keys; i++) {
		if (!is_key(&r->keys[i], name, hash))
			continue;
		if (n++ == 0 && ret_first)
			*ret_first = r->keys[i].value;
	}
	return n;
}

/* ---- compiling ---- */

static bool cut_suffix(struct view *v, const char *suffix)
{
	size_t n = strlen(suffix);

	if (v->len < n || memcmp(v->p + v->len - n, suffix, n) != 0)
		return false;
	v->len -= n;
	return true;
}

static bool parse_operator(struct view name, struct policy_condition *ret)
{
	*ret = (struct policy_condition){.quantity = ONE_VALUE};
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

static void compile_value(const struct policy_condition *c, const struct json_node *node,
	bool variables, struct arena *a, struct policy_value *ret)
{
	const struct policy_operator *op = c->op ? c->op : policy_operator_find(VIEW("Bool"));
	struct str buf CLEANUP_STR = STR_INIT;
	struct view text = node->text;

	/* numbers and booleans may stand unquoted */
	if (node->kind != JSON_KIND_STRING) {
		json_write(node, &buf);
		text = str_view(&buf);
	}
	*ret = (struct policy_value){0};
	policy_pattern_init(
		&ret->pattern, text, op->wildcards, variables && c->op && op->variables, a);
	if (op->read)
		op->read(ret);
}

static bool is_plain(const struct json_node *node)
{
	return node->kind == JSON_KIND_STRING || node->kind == JSON_KIND_BOOL ||
	       node->kind == JSON_KIND_INT || node->kind == JSON_KIND_REAL;
}

static int compile_key(struct policy_condition *c, const struct json_node *values, bool variables,
	struct arena *a, struct err *err)
{
	bool many = values->kind == JSON_KIND_ARRAY;

	c->key = (struct view){arena_view_dup(a, values->key), values->key.len};
	c->hash = policy_hash_name(c->key);
	c->n = many ? values->n : 1;
	c->values = arena_new_n(a, c->n + 1, struct policy_value);
	for (size_t i = 0; i < c->n; i++) {
		const struct json_node *one = many ? &values->items[i] : values;

		if (!is_plain(one))
			return err_set_wire(err, "MalformedPolicyDocument",
				"The values of condition key " VIEW_FMT " must be texts.",
				VIEW_ARG(values->key));
		compile_value(c, one, variables, a, &c->values[i]);
	}
	return 0;
}

static int check_operator(
	const struct json_node *node, struct policy_condition *ret, struct err *err)
{
	if (!parse_operator(node->key, ret))
		return err_set_wire(err, "MalformedPolicyDocument",
			"Invalid Condition type : " VIEW_FMT ".", VIEW_ARG(node->key));
	if (node->kind != JSON_KIND_OBJECT)
		return err_set_wire(err, "MalformedPolicyDocument",
			"Condition " VIEW_FMT " must hold keys with values.", VIEW_ARG(node->key));
	return 0;
}

int policy_conditions_parse(const struct json_node *node, bool variables, struct arena *a,
	struct policy_conditions *ret, struct err *err)
{
	size_t n = 0;

	*ret = (struct policy_conditions){0};
	if (!node)
		return 0;
	if (node->kind != JSON_KIND_OBJECT)
		return err_set_wire(err, "MalformedPolicyDocument", "Condition must be an object.");
	for (size_t i = 0; i < node->n; i++)
		n += node->items[i].n;
	ret->v = arena_new_n(a, n + 1, struct policy_condition);
	for (size_t i = 0; i < node->n; i++) {
		const struct json_node *keys = &node->items[i];
		struct policy_condition head;

		if (check_operator(keys, &head, err) < 0)
			return -1;
		for (size_t k = 0; k < keys->n; k++) {
			ret->v[ret->n] = head;
			if (compile_key(&ret->v[ret->n++], &keys->items[k], variables, a, err) < 0)
				return -1;
		}
	}
	return 0;
}

static bool is_text(struct view v, const char *text)
{
	return v.len == strlen(text) && strncasecmp(v.p, text, v.len) == 0;
}

/* Whether it is true or false, or a variable that may be. */
static bool is_truth(const struct policy_value *v)
{
	struct view text = v->pattern.text;

	return v->pattern.variables || is_text(text, "true") || is_text(text, "false");
}

static bool fits(const struct policy_condition *c, const struct policy_value *v)
{
	if (!c->op || streq(c->op->name, "Bool"))
		return is_truth(v);
	return !c->op->read || v->valid;
}

int policy_conditions_check(const struct policy_conditions *c, struct err *err)
{
	for (size_t i = 0; i < c->n; i++) {
		for (size_t k = 0; k < c->v[i].n; k++) {
			const struct policy_value *v = &c->v[i].values[k];

			if (!fits(&c->v[i], v))
				return err_set_wire(err, "MalformedPolicyDocument",
					"The value '" VIEW_FMT "' of condition key " VIEW_FMT
					" is none that %s can compare with.",
					VIEW_ARG(v->pattern.text), VIEW_ARG(c->v[i].key),
					c->v[i].op ? c->v[i].op->name : "Null");
		}
	}
	return 0;
}

/* Keys by which a condition can leave but a few whom a statement means (spec: S3, "The meaning of
 * public"); not the id of an encryption key, which anybody can send where no keys have policies. */
static const char *const narrowing[] = {"aws:PrincipalAccount", "aws:PrincipalArn",
	"aws:PrincipalOrgID", "aws:PrincipalServiceName", "aws:SourceAccount", "aws:SourceArn",
	"aws:SourceIp", "aws:SourceOwner", "aws:SourceVpc", "aws:SourceVpce", "aws:userid"};

/* Networks as large as these are as good as any. */
#define BROAD_IPV4 8
#define BROAD_IPV6 32

static bool is_fixed(const struct policy_condition *c, const struct policy_value *v)
{
	if (c->op->read)
		return v->valid && v->net.bits >= (v->net.n == 4 ? BROAD_IPV4 : BROAD_IPV6);
	return !v->pattern.variables && v->pattern.fixed == v->pattern.text.len &&
	       !is_text(v->pattern.text, POLICY_ANYBODY);
}

static bool narrows(const struct policy_condition *c)
{
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(narrowing); i++)
		known |= is_key(&(struct policy_key){.name = narrowing[i], .value = ""}, c->key, 0);
	if (!known || !c->op || c->op->negated || c->if_exists || c->quantity == ALL_VALUES)
		return false;
	for (size_t i = 0; i < c->n; i++)
		if (!is_fixed(c, &c->values[i]))
			return false;
	return c->n > 0;
}

bool policy_conditions_narrow(const struct policy_conditions *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (narrows(&c->v[i]))
			return true;
	return false;
}

struct view policy_condition_key(const struct policy_conditions *c, size_t i)
{
	return c->v[i].key;
}

/* ---- asking ---- */

static bool matches(const struct policy_condition *c, const struct policy_value *v,
	struct view value, const struct policy_request *r)
{
	struct str buf CLEANUP_STR = STR_INIT;
	struct policy_value filled;

	if (!v->pattern.variables)
		return c->op->match(v, value);
	filled = *v;
	return policy_pattern_fill(&v->pattern, r, &buf, &filled.pattern) &&
	       c->op->match(&filled, value);
}

static bool matches_any(
	const struct policy_condition *c, struct view value, const struct policy_request *r)
{
	for (size_t i = 0; i < c->n; i++) {
		if (matches(c, &c->values[i], value, r))
			return true;
	}
	return false;
}

static bool null_holds(const struct policy_condition *c, bool absent)
{
	for (size_t i = 0; i < c->n; i++) {
		if (is_text(c->values[i].pattern.text, absent ? "true" : "false"))
			return true;
	}
	return false;
}

static bool holds(const struct policy_condition *c, const struct policy_request *r)
{
	size_t n = 0, held = 0;

	for (size_t i = 0; i < r->n_keys; i++) {
		if (!is_key(&r->keys[i], c->key, c->hash))
			continue;
		n++;
		if (c->op)
			held += matches_any(c, view_of(r->keys[i].value), r) != c->op->negated;
	}
	if (!c->op)
		return null_holds(c, n == 0);
	if (n == 0)
		return c->quantity == ALL_VALUES || c->if_exists ||
		       (c->op->negated && c->quantity == ONE_VALUE);
	if (c->quantity == ANY_VALUE)
		return held > 0;
	if (c->quantity == ONE_VALUE && n > 1 && !c->op->negated)
		return false; /* several values need a qualifier */
	return held == n;
}

bool policy_conditions_hold(const struct policy_conditions *c, const struct policy_request *r)
{
	for (size_t i = 0; i < c->n; i++) {
		if (!holds(&c->v[i], r))
			return false;
	}
	return true;
}
