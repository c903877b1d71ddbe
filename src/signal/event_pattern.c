/* SPDX-License-Identifier: Apache-2.0 */
/* Event patterns: the language of EventBridge rules. A pattern mirrors the event; a leaf is an
 * array of alternatives, of which one must match. Numbers compare by value. */
#include <string.h>
#include <strings.h>

#include "signal/internal.h"

static bool matcher_matches(const struct json_node *m, const struct json_node *value);

/* ---- one value ---- */

static bool same_value(const struct json_node *x, const struct json_node *y)
{
	bool numbers = (x->kind == JSON_KIND_INT || x->kind == JSON_KIND_REAL) &&
		       (y->kind == JSON_KIND_INT || y->kind == JSON_KIND_REAL);

	if (numbers)
		return x->real == y->real;
	if (x->kind != y->kind)
		return false;
	if (x->kind == JSON_KIND_STRING)
		return view_eq(x->text, y->text);
	return x->kind == JSON_KIND_NULL || (x->kind == JSON_KIND_BOOL && x->boolean == y->boolean);
}

static bool ends_view(struct view v, struct view end)
{
	return v.len >= end.len && memcmp(v.p + v.len - end.len, end.p, end.len) == 0;
}

static bool starts_view(struct view v, struct view start)
{
	return v.len >= start.len && memcmp(v.p, start.p, start.len) == 0;
}

static bool match_prefix(const struct json_node *arg, const struct json_node *v)
{
	const struct json_node *folded = json_member(arg, "equals-ignore-case");

	if (v->kind != JSON_KIND_STRING)
		return false;
	if (folded)
		return v->text.len >= folded->text.len &&
		       strncasecmp(v->text.p, folded->text.p, folded->text.len) == 0;
	return starts_view(v->text, arg->text);
}

static bool match_suffix(const struct json_node *arg, const struct json_node *v)
{
	const struct json_node *folded = json_member(arg, "equals-ignore-case");

	if (v->kind != JSON_KIND_STRING)
		return false;
	if (folded)
		return v->text.len >= folded->text.len &&
		       strncasecmp(v->text.p + v->text.len - folded->text.len, folded->text.p,
			       folded->text.len) == 0;
	return ends_view(v->text, arg->text);
}

static bool match_folded(const struct json_node *arg, const struct json_node *v)
{
	return v->kind == JSON_KIND_STRING && arg->text.len == v->text.len &&
	       strncasecmp(arg->text.p, v->text.p, v->text.len) == 0;
}

/* `*` is any run; \* and \\ are themselves. */
static bool wildcard(struct view p, struct view v)
{
	while (p.len) {
		if (p.p[0] == '*') {
			p.p++, p.len--;
			for (;; v.p++, v.len--) {
				if (wildcard(p, v))
					return true;
				if (!v.len)
					return false;
			}
		}
		if (p.p[0] == '\\' && p.len > 1)
			p.p++, p.len--;
		if (!v.len || p.p[0] != v.p[0])
			return false;
		p.p++, p.len--, v.p++, v.len--;
	}
	return v.len == 0;
}

static bool match_wildcard(const struct json_node *arg, const struct json_node *v)
{
	return v->kind == JSON_KIND_STRING && wildcard(arg->text, v->text);
}

static bool compare(const char *op, double x, double y)
{
	if (streq(op, "="))
		return x == y;
	if (streq(op, "<"))
		return x < y;
	if (streq(op, "<="))
		return x <= y;
	if (streq(op, ">"))
		return x > y;
	return x >= y;
}

static bool match_numeric(const struct json_node *arg, const struct json_node *v)
{
	if (v->kind != JSON_KIND_INT && v->kind != JSON_KIND_REAL)
		return false;
	for (size_t i = 0; i + 1 < arg->n; i += 2)
		if (!compare(arg->items[i].text.p, v->real, arg->items[i + 1].real))
			return false;
	return true;
}

static bool match_anything_but(const struct json_node *arg, const struct json_node *v)
{
	if (arg->kind == JSON_KIND_ARRAY) {
		for (size_t i = 0; i < arg->n; i++)
			if (same_value(&arg->items[i], v))
				return false;
		return true;
	}
	if (arg->kind == JSON_KIND_OBJECT) {
		const struct json_node *inner = &arg->items[0];

		if (inner->kind != JSON_KIND_ARRAY)
			return !matcher_matches(arg, v);
		for (size_t i = 0; i < inner->n; i++) {
			struct json_node item = inner->items[i];
			struct json_node one = {.kind = JSON_KIND_OBJECT, .items = &item, .n = 1};

			item.key = inner->key;
			if (matcher_matches(&one, v))
				return false;
		}
		return true;
	}
	return !same_value(arg, v);
}

static const struct {
	const char *name;
	bool (*match)(const struct json_node *arg, const struct json_node *value);
	bool text; /* its argument is a string */
} matchers[] = {
	{"anything-but", match_anything_but, false},
	{"equals-ignore-case", match_folded, true},
	{"exactly", same_value, true},
	{"numeric", match_numeric, false},
	{"prefix", match_prefix, false},
	{"suffix", match_suffix, false},
	{"wildcard", match_wildcard, true},
};

static bool matcher_matches(const struct json_node *m, const struct json_node *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(matchers); i++)
		if (view_eq_str(m->items[0].key, matchers[i].name))
			return matchers[i].match(&m->items[0], value);
	return false;
}

/* ---- leaves and objects ---- */

static bool alternative_matches(const struct json_node *alt, const struct json_node *value)
{
	if (alt->kind == JSON_KIND_OBJECT && view_eq_str(alt->items[0].key, "exists"))
		return alt->items[0].boolean == (value && value->kind != JSON_KIND_OBJECT);
	if (!value || value->kind == JSON_KIND_OBJECT)
		return false;
	if (value->kind == JSON_KIND_ARRAY) {
		for (size_t i = 0; i < value->n; i++)
			if (alternative_matches(alt, &value->items[i]))
				return true;
		return false;
	}
	if (alt->kind == JSON_KIND_OBJECT)
		return matcher_matches(alt, value);
	return same_value(alt, value);
}

static bool leaf_matches(const struct json_node *leaf, const struct json_node *value)
{
	for (size_t i = 0; i < leaf->n; i++)
		if (alternative_matches(&leaf->items[i], value))
			return true;
	return false;
}

static bool or_matches(const struct json_node *alternatives, const struct json_node *event)
{
	for (size_t i = 0; i < alternatives->n; i++)
		if (event_pattern_matches(&alternatives->items[i], event))
			return true;
	return false;
}

static bool field_matches(const struct json_node *field, const struct json_node *value)
{
	if (field->kind == JSON_KIND_ARRAY)
		return leaf_matches(field, value);
	if (value && value->kind == JSON_KIND_ARRAY) {
		/* All fields must hold within one element. */
		for (size_t i = 0; i < value->n; i++)
			if (event_pattern_matches(field, &value->items[i]))
				return true;
		return false;
	}
	return event_pattern_matches(field, value);
}

bool event_pattern_matches(const struct json_node *pattern, const struct json_node *event)
{
	for (size_t i = 0; i < pattern->n; i++) {
		const struct json_node *field = &pattern->items[i];

		if (view_eq_str(field->key, "$or")) {
			if (!or_matches(field, event))
				return false;
		} else if (!field_matches(field, json_member(event, field->key.p))) {
			return false;
		}
	}
	return true;
}

/* ---- checking ---- */

#define WRONG(...)                                        \
	err_set_wire(err, "InvalidEventPatternException", \
		"Event pattern is not valid. Reason: " __VA_ARGS__)

static int check_numeric(const struct json_node *arg, struct err *err)
{
	static const char *const ops[] = {"=", "<", "<=", ">", ">="};

	if (arg->kind != JSON_KIND_ARRAY || !arg->n || arg->n % 2)
		return WRONG("Value of numeric must be an array.");
	for (size_t i = 0; i < arg->n; i += 2) {
		bool known = false;

		for (size_t k = 0; k < ARRAY_SIZE(ops); k++)
			known |= arg->items[i].kind == JSON_KIND_STRING &&
				 view_eq_str(arg->items[i].text, ops[k]);
		if (!known)
			return WRONG("Unrecognized numeric range operator");
		if (arg->items[i + 1].kind != JSON_KIND_INT &&
			arg->items[i + 1].kind != JSON_KIND_REAL)
			return WRONG("Bad value in numeric range");
	}
	return 0;
}

static int check_matcher(const struct json_node *m, struct err *err)
{
	const struct json_node *arg = m->n ? &m->items[0] : NULL;

	if (m->n != 1)
		return WRONG("Only one key allowed in match expression");
	if (view_eq_str(arg->key, "exists"))
		return arg->kind == JSON_KIND_BOOL
			       ? 0
			       : WRONG("exists match pattern must be either true or false.");
	if (view_eq_str(arg->key, "numeric"))
		return check_numeric(arg, err);
	if (view_eq_str(arg->key, "anything-but"))
		return arg->kind == JSON_KIND_OBJECT ? check_matcher(arg, err) : 0;
	for (size_t i = 0; i < ARRAY_SIZE(matchers); i++) {
		if (!view_eq_str(arg->key, matchers[i].name))
			continue;
		if (matchers[i].text && arg->kind != JSON_KIND_STRING &&
			arg->kind != JSON_KIND_ARRAY)
			return WRONG("%s match pattern must be a string", matchers[i].name);
		if (!matchers[i].text && arg->kind != JSON_KIND_STRING &&
			arg->kind != JSON_KIND_ARRAY && arg->kind != JSON_KIND_OBJECT)
			return WRONG("%s match pattern must be a string", matchers[i].name);
		return 0;
	}
	return WRONG("Unrecognized match type %s", arg->key.p);
}

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

static int check_or(const struct json_node *field, struct err *err)
{
	if (field->kind != JSON_KIND_ARRAY || field->n < 2)
		return WRONG("There must have at least 2 Objects in $or relationship.");
	for (size_t i = 0; i < field->n; i++)
		if (event_pattern_check(&field->items[i], err) < 0)
			return -1;
	return 0;
}

int event_pattern_check(const struct json_node *pattern, struct err *err)
{
	if (pattern->kind != JSON_KIND_OBJECT)
		return WRONG("Filter is not an object");
	if (!pattern->n)
		return WRONG("Empty objects are not allowed");
	for (size_t i = 0; i < pattern->n; i++) {
		const struct json_node *field = &pattern->items[i];
		int r;

		if (view_eq_str(field->key, "$or"))
			r = check_or(field, err);
		else if (field->kind == JSON_KIND_OBJECT)
			r = event_pattern_check(field, err);
		else if (field->kind == JSON_KIND_ARRAY)
			r = check_leaf(field, err);
		else
			r = WRONG("\"%s\" must be an object or an array", field->key.p);
		if (r < 0)
			return -1;
	}
	return 0;
}
