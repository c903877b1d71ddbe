/* SPDX-License-Identifier: Apache-2.0 */
/* Event patterns: the language of EventBridge rules. A pattern mirrors the event; a leaf is an
 * array of alternatives, of which one must match. Numbers compare by value. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cidr.h"
#include "base/mem.h"
#include "signal/event_pattern.h"

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

/* One character of a pattern, escaped or not; the count of its bytes. */
static size_t pattern_char(struct view p, char *ret)
{
	bool escaped = p.p[0] == '\\' && p.len > 1;

	*ret = p.p[escaped];
	return escaped ? 2 : 1;
}

/* `*` is any run; \* and \\ are themselves. Goes back to the last star only, so the work is
 * bounded by the product of both lengths. */
static bool wildcard(struct view p, struct view v)
{
	size_t at = 0, i = 0, star = SIZE_MAX, from = 0;

	while (i < v.len) {
		char c = '\0';
		size_t n = 0;

		if (at < p.len && p.p[at] == '*') {
			star = ++at;
			from = i;
			continue;
		}
		if (at < p.len)
			n = pattern_char((struct view){p.p + at, p.len - at}, &c);
		if (n && c == v.p[i]) {
			at += n;
			i++;
		} else if (star != SIZE_MAX) {
			at = star;
			i = ++from;
		} else {
			return false;
		}
	}
	while (at < p.len && p.p[at] == '*')
		at++;
	return at == p.len;
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

static bool match_cidr(const struct json_node *arg, const struct json_node *v)
{
	struct cidr net, host;

	return v->kind == JSON_KIND_STRING && cidr_parse(arg->text, &net) &&
	       cidr_parse(v->text, &host) && !host.ranged && cidr_holds(&net, &host);
}

static const struct {
	const char *name;
	bool (*match)(const struct json_node *arg, const struct json_node *value);
} matchers[] = {
	{"anything-but", match_anything_but},
	{"cidr", match_cidr},
	{"equals-ignore-case", match_folded},
	{"exactly", same_value},
	{"numeric", match_numeric},
	{"prefix", match_prefix},
	{"suffix", match_suffix},
	{"wildcard", match_wildcard},
};

static bool matcher_matches(const struct json_node *m, const struct json_node *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(matchers); i++)
		if (view_eq_str(m->items[0].key, matchers[i].name))
			return matchers[i].match(&m->items[0], value);
	return false;
}

/* ---- leaves and objects ---- */

/* There: neither absent nor an object, nor a list of nothing. */
static bool is_leaf(const struct json_node *value)
{
	return value && value->kind != JSON_KIND_OBJECT &&
	       (value->kind != JSON_KIND_ARRAY || value->n);
}

static bool alternative_matches(const struct json_node *alt, const struct json_node *value)
{
	if (alt->kind == JSON_KIND_OBJECT && view_eq_str(alt->items[0].key, "exists"))
		return alt->items[0].boolean == is_leaf(value);
	if (!is_leaf(value))
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
	if (value && value->kind == JSON_KIND_ARRAY && value->n) {
		/* All fields must hold within one element. */
		for (size_t i = 0; i < value->n; i++)
			if (field_matches(field, &value->items[i]))
				return true;
		return false;
	}
	return event_pattern_matches(field, value);
}

/* The field by its name; one that is not there and has dots in its name by its path: "a.b" means
 * what {"a": {"b": ...}} does. */
static bool named_matches(const struct json_node *field, const struct json_node *event)
{
	const struct json_node *value = json_member(event, field->key.p);
	struct json_node inner = *field,
			 outer = {.kind = JSON_KIND_OBJECT, .items = &inner, .n = 1};
	struct view head;

	if (value || !event || event->kind != JSON_KIND_OBJECT || !strchr(field->key.p, '.'))
		return field_matches(field, value);
	head = view_cut(&inner.key, '.');
	for (size_t i = 0; i < event->n; i++)
		if (view_eq(event->items[i].key, head))
			return field_matches(&outer, &event->items[i]);
	return field_matches(field, NULL);
}

bool event_pattern_matches(const struct json_node *pattern, const struct json_node *event)
{
	for (size_t i = 0; i < pattern->n; i++) {
		const struct json_node *field = &pattern->items[i];

		if (event_pattern_is_or(field)) {
			if (!or_matches(field, event))
				return false;
		} else if (!named_matches(field, event)) {
			return false;
		}
	}
	return true;
}
