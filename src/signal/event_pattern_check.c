/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an event pattern is well-formed. */
#include <string.h>

#include "base/cidr.h"
#include "signal/event_pattern.h"

/* What choices may multiply to. */
#define MAX_COMBINATIONS 1000

#define WRONG(...)                                        \
	err_set_wire(err, "InvalidEventPatternException", \
		"Event pattern is not valid. Reason: " __VA_ARGS__)

static bool is_number(const struct json_node *v)
{
	return v->kind == JSON_KIND_INT || v->kind == JSON_KIND_REAL;
}

/* ---- arguments of matchers ---- */

static int check_text(const struct json_node *arg, struct err *err)
{
	return arg->kind == JSON_KIND_STRING
		       ? 0
		       : WRONG("%s match pattern must be a string", arg->key.p);
}

/* A string, or {"equals-ignore-case": string}. */
static int check_end(const struct json_node *arg, struct err *err)
{
	if (arg->kind != JSON_KIND_OBJECT)
		return check_text(arg, err);
	if (arg->n != 1 || !view_eq_str(arg->items[0].key, "equals-ignore-case"))
		return WRONG("Only equals-ignore-case is allowed within %s", arg->key.p);
	return check_text(&arg->items[0], err);
}

static int check_wildcard(const struct json_node *arg, struct err *err)
{
	struct view v = arg->text;

	if (check_text(arg, err) < 0)
		return -1;
	for (size_t i = 0; i < v.len; i++) {
		char next = i + 1 < v.len ? v.p[i + 1] : '\0';

		if (v.p[i] == '*' && next == '*')
			return WRONG("Consecutive wildcard characters at pos %zu", i);
		if (v.p[i] != '\\')
			continue;
		if (next != '*' && next != '\\')
			return WRONG("Invalid escape character at pos %zu", i);
		i++;
	}
	return 0;
}

static int check_cidr(const struct json_node *arg, struct err *err)
{
	struct cidr cidr;

	if (check_text(arg, err) < 0)
		return -1;
	if (!cidr_parse(arg->text, &cidr) || !cidr.ranged)
		return WRONG("Malformed CIDR, one '/' required: %s", arg->text.p);
	return 0;
}

static int check_exists(const struct json_node *arg, struct err *err)
{
	return arg->kind == JSON_KIND_BOOL
		       ? 0
		       : WRONG("exists match pattern must be either true or false.");
}

static bool is_operator(const struct json_node *v, const char *first, const char *second)
{
	return v->kind == JSON_KIND_STRING &&
	       (view_eq_str(v->text, first) || view_eq_str(v->text, second));
}

/* ["=", n], ["<", n], [">", n], [">", n, "<", m]. */
static int check_numeric(const struct json_node *arg, struct err *err)
{
	if (arg->kind != JSON_KIND_ARRAY)
		return WRONG("Value of numeric must be an array.");
	if (!arg->n)
		return WRONG("Invalid member in numeric match: ");
	if (!is_operator(&arg->items[0], "=", "<") && !is_operator(&arg->items[0], "<=", ">") &&
		!is_operator(&arg->items[0], ">=", ">="))
		return WRONG("Unrecognized numeric range operator");
	for (size_t i = 1; i < arg->n; i += 2)
		if (!is_number(&arg->items[i]))
			return WRONG("Bad value in numeric range");
	if (arg->n % 2)
		return WRONG("Value of numeric must be an operator and a number");
	if (arg->n == 2)
		return 0;
	if (arg->n > 4 || !is_operator(&arg->items[0], ">", ">="))
		return WRONG("Too many terms in numeric range expression");
	if (!is_operator(&arg->items[2], "<", "<="))
		return WRONG("Bad numeric range operator");
	if (arg->items[1].real >= arg->items[3].real)
		return WRONG("Bottom must be less than top");
	return 0;
}

static int check_values(const struct json_node *list, struct err *err)
{
	if (!list->n)
		return WRONG("Empty arrays are not allowed");
	for (size_t i = 0; i < list->n; i++) {
		const struct json_node *v = &list->items[i];

		if (v->kind != JSON_KIND_STRING && !is_number(v))
			return WRONG("Inside anything but list, start|null|boolean is not "
				     "supported.");
		if (is_number(v) != is_number(&list->items[0]))
			return WRONG("Inside anything but list, either all values are number or "
				     "string, mixed type is not supported");
	}
	return 0;
}

/* {"prefix": "a"}, {"suffix": ["a", "b"]}, ... */
static int check_anything_but_matcher(const struct json_node *arg, struct err *err)
{
	static const struct {
		const char *name;
		int (*check)(const struct json_node *arg, struct err *err);
	} inner[] = {{"prefix", check_end}, {"suffix", check_end},
		{"equals-ignore-case", check_text}, {"wildcard", check_wildcard}};
	const struct json_node *m = arg->n ? &arg->items[0] : NULL;

	if (arg->n != 1)
		return WRONG("Only one key allowed in match expression");
	for (size_t i = 0; i < ARRAY_SIZE(inner); i++) {
		if (!view_eq_str(m->key, inner[i].name))
			continue;
		if (m->kind != JSON_KIND_ARRAY)
			return inner[i].check(m, err);
		if (!m->n)
			return WRONG("Empty arrays are not allowed");
		for (size_t k = 0; k < m->n; k++) {
			struct json_node item = m->items[k];

			item.key = m->key;
			if (inner[i].check(&item, err) < 0)
				return -1;
		}
		return 0;
	}
	return WRONG("Unsupported anything-but pattern: %s", m->key.p);
}

static int check_anything_but(const struct json_node *arg, struct err *err)
{
	if (arg->kind == JSON_KIND_OBJECT)
		return check_anything_but_matcher(arg, err);
	if (arg->kind == JSON_KIND_ARRAY)
		return check_values(arg, err);
	return arg->kind == JSON_KIND_STRING || is_number(arg)
		       ? 0
		       : WRONG("Value of anything-but must be an array or single string/number "
			       "value.");
}

static const struct {
	const char *name;
	int (*check)(const struct json_node *arg, struct err *err);
} matchers[] = {
	{"anything-but", check_anything_but},
	{"cidr", check_cidr},
	{"equals-ignore-case", check_text},
	{"exactly", check_text},
	{"exists", check_exists},
	{"numeric", check_numeric},
	{"prefix", check_end},
	{"suffix", check_end},
	{"wildcard", check_wildcard},
};

static int check_matcher(const struct json_node *m, struct err *err)
{
	if (m->n != 1)
		return WRONG("Only one key allowed in match expression");
	for (size_t i = 0; i < ARRAY_SIZE(matchers); i++)
		if (view_eq_str(m->items[0].key, matchers[i].name))
			return matchers[i].check(&m->items[0], err);
	return WRONG("Unrecognized match type %s", m->items[0].key.p);
}

/* ---- leaves and choices ---- */

static int check_leaf(const struct json_node *leaf, struct err *err)
{
	if (!leaf->n)
		return WRONG("Empty arrays are not allowed");
	for (size_t i = 0; i < leaf->n; i++) {
		const struct json_node *alt = &leaf->items[i];

		if (alt->kind == JSON_KIND_ARRAY)
			return WRONG("Match value must be String, number, true, false, or null");
		if (alt->kind == JSON_KIND_OBJECT && check_matcher(alt, err) < 0)
			return -1;
	}
	return 0;
}

static bool names_matcher(const struct json_node *object)
{
	for (size_t i = 0; i < object->n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(matchers); k++)
			if (view_eq_str(object->items[i].key, matchers[k].name))
				return true;
	return false;
}

bool event_pattern_is_or(const struct json_node *field)
{
	if (!view_eq_str(field->key, "$or") || field->kind != JSON_KIND_ARRAY || !field->n)
		return false;
	for (size_t i = 0; i < field->n; i++)
		if (field->items[i].kind != JSON_KIND_OBJECT || names_matcher(&field->items[i]))
			return false;
	return true;
}

static int check_object(const struct json_node *object, size_t *combinations, struct err *err);

/* The choices of one field after those of others. */
static int check_or(const struct json_node *field, size_t *combinations, struct err *err)
{
	size_t sum = 0;

	if (field->n < 2)
		return WRONG("There must have at least 2 Objects in $or relationship.");
	for (size_t i = 0; i < field->n; i++) {
		size_t own = 1;

		if (check_object(&field->items[i], &own, err) < 0)
			return -1;
		sum += own;
	}
	*combinations *= sum;
	return 0;
}

static int check_object(const struct json_node *object, size_t *combinations, struct err *err)
{
	if (!object->n)
		return WRONG("Empty objects are not allowed");
	for (size_t i = 0; i < object->n; i++) {
		const struct json_node *field = &object->items[i];
		int r;

		if (event_pattern_is_or(field))
			r = check_or(field, combinations, err);
		else if (field->kind == JSON_KIND_OBJECT)
			r = check_object(field, combinations, err);
		else if (field->kind == JSON_KIND_ARRAY)
			r = check_leaf(field, err);
		else
			r = WRONG("\"%s\" must be an object or an array", field->key.p);
		if (r < 0)
			return -1;
		if (*combinations > MAX_COMBINATIONS)
			return WRONG("The pattern has too many combinations of $or: more than %d",
				MAX_COMBINATIONS);
	}
	return 0;
}

int event_pattern_check(const struct json_node *pattern, struct err *err)
{
	size_t combinations = 1;

	if (pattern->kind != JSON_KIND_OBJECT)
		return WRONG("Filter is not an object");
	return check_object(pattern, &combinations, err);
}

int event_pattern_parse(
	const char *text, struct arena *a, const struct json_node **ret, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;
	const struct json_node *node;

	if (json_parse(view_of(text), a, &node, &why) < 0)
		return WRONG("%s", err_message(&why));
	if (ret)
		*ret = node;
	return event_pattern_check(node, err);
}
