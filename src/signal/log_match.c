/* SPDX-License-Identifier: Apache-2.0 */
/* Matching lines with filter patterns. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/vec.h"
#include "codec/json_path.h"
#include "signal/log_pattern_internal.h"
#include "wire/pattern.h"

/* ---- values ---- */

/* `*` is any run. Goes back to the last star only. */
static bool star_matches(const char *p, struct view v)
{
	const char *star = NULL;
	size_t i = 0, from = 0;

	while (i < v.len) {
		if (*p == '*') {
			star = ++p;
			from = i;
		} else if (*p && *p == v.p[i]) {
			p++;
			i++;
		} else if (star) {
			p = star;
			i = ++from;
		} else {
			return false;
		}
	}
	while (*p == '*')
		p++;
	return !*p;
}

static bool regex_matches(const char *regex, struct view v, struct arena *a)
{
	return wire_pattern_search(regex, arena_view_dup(a, v), NULL) == 1;
}

static bool text_matches(const struct log_condition *c, struct view v, struct arena *a)
{
	return c->regex ? regex_matches(c->text, v, a) : star_matches(c->text, v);
}

static bool ordered(enum log_operator op, double x, double y)
{
	switch (op) {
	case LOG_EQUAL:
		return x == y;
	case LOG_UNEQUAL:
		return x != y;
	case LOG_LESS:
		return x < y;
	case LOG_LESS_EQUAL:
		return x <= y;
	case LOG_GREATER:
		return x > y;
	default:
		return x >= y;
	}
}

/* A number's text, and a text's own. */
static struct view text_of(const struct json_node *v, struct arena *a)
{
	struct str text CLEANUP_STR = STR_INIT;

	if (v->kind == JSON_KIND_STRING)
		return v->text;
	json_write(v, &text);
	return view_of(arena_strdup(a, str_text(&text)));
}

static bool json_holds(const struct log_condition *c, const struct json_node *root, struct arena *a)
{
	const struct json_node *v = json_path_find(root, view_of(c->selector));
	bool number = v && (v->kind == JSON_KIND_INT || v->kind == JSON_KIND_REAL);

	switch (c->op) {
	case LOG_NOT_EXISTS:
		return !v;
	case LOG_IS_NULL:
		return v && v->kind == JSON_KIND_NULL;
	case LOG_IS_TRUE:
	case LOG_IS_FALSE:
		return v && v->kind == JSON_KIND_BOOL && v->boolean == (c->op == LOG_IS_TRUE);
	default:
		break;
	}
	if (number && c->is_number)
		return ordered(c->op, v->real, c->number);
	/* A path that leads nowhere, or to a list or an object, matches nothing. */
	if (!v || (!number && v->kind != JSON_KIND_STRING) ||
		(c->op != LOG_EQUAL && c->op != LOG_UNEQUAL))
		return false;
	return text_matches(c, text_of(v, a), a) == (c->op == LOG_EQUAL);
}

static bool column_holds(const struct log_condition *c, struct view field, struct arena *a)
{
	char *text = arena_view_dup(a, field), *end;
	double number = strtod(text, &end);
	bool is_number = *text && !*end;

	if (c->op == LOG_EQUAL || c->op == LOG_UNEQUAL) {
		bool same = text_matches(c, field, a) ||
			    (c->is_number && is_number && number == c->number);

		return same == (c->op == LOG_EQUAL);
	}
	return is_number && ordered(c->op, number, c->number);
}

static bool node_holds(
	const struct log_node *n, const struct json_node *root, struct view field, struct arena *a)
{
	if (n->join == LOG_AND)
		return node_holds(n->left, root, field, a) && node_holds(n->right, root, field, a);
	if (n->join == LOG_OR)
		return node_holds(n->left, root, field, a) || node_holds(n->right, root, field, a);
	return root ? json_holds(&n->c, root, a) : column_holds(&n->c, field, a);
}

/* ---- terms ---- */

static bool has_term(const struct log_term *t, struct view message, struct arena *a)
{
	if (t->regex)
		return regex_matches(t->regex, message, a);
	return !t->text.len || memmem(message.p, message.len, t->text.p, t->text.len);
}

static bool terms_match(const struct log_pattern *p, struct view message, struct arena *a)
{
	bool any_wanted = false, any_found = false, plain = false;

	for (size_t i = 0; i < p->n_terms; i++) {
		bool found = has_term(&p->terms[i], message, a);

		if (p->terms[i].sign == '?') {
			any_wanted = true;
			any_found |= found;
			continue;
		}
		plain = true;
		if (found == (p->terms[i].sign == '-'))
			return false;
	}
	return plain || !any_wanted || any_found;
}

/* ---- columns ---- */

/* Cuts the next field off: a word, or what stands between [] or "". */
static bool next_field(struct view *rest, struct view *ret)
{
	char first, close;
	const char *end;

	*rest = view_trim(*rest);
	if (!rest->len)
		return false;
	first = rest->p[0];
	close = first == '[' ? ']' : '"';
	end = first == '[' || first == '"' ? memchr(rest->p + 1, close, rest->len - 1) : NULL;
	if (!end) {
		*ret = view_cut(rest, ' ');
		return true;
	}
	*ret = (struct view){rest->p + 1, (size_t)(end - rest->p) - 1};
	rest->len -= (size_t)(end + 1 - rest->p);
	rest->p = end + 1;
	return true;
}

/* The fields in the places of the pattern's columns: "..." takes what is between; false: there are
 * too many or too few. */
static bool split(
	const struct log_pattern *p, struct view message, struct arena *a, struct log_line *line)
{
	VEC(struct view) all = {0};
	struct view field;
	size_t open = p->n_columns;
	bool fits;

	while (next_field(&message, &field))
		vec_push(&all, field);
	for (size_t i = 0; i < p->n_columns; i++)
		if (!p->columns[i].name)
			open = i;
	fits = open == p->n_columns ? all.n == p->n_columns : all.n + 1 >= p->n_columns;
	line->n_fields = fits ? p->n_columns : 0;
	line->fields = arena_new_n(a, p->n_columns + 1, struct view);
	for (size_t i = 0; i < line->n_fields; i++)
		if (i != open)
			line->fields[i] = all.v[i < open ? i : all.n - (p->n_columns - i)];
	vec_release(&all);
	return fits;
}

static bool columns_match(
	const struct log_pattern *p, struct view message, struct arena *a, struct log_line *line)
{
	if (!split(p, message, a, line))
		return false;
	for (size_t i = 0; i < p->n_columns; i++)
		if (p->columns[i].node && !node_holds(p->columns[i].node, NULL, line->fields[i], a))
			return false;
	return true;
}

bool log_pattern_matches(
	const struct log_pattern *p, struct view message, struct arena *a, struct log_line *ret)
{
	struct log_line line = {.text = message};
	bool matches = false;

	switch (p->kind) {
	case LOG_PATTERN_TERMS:
		matches = terms_match(p, message, a);
		break;
	case LOG_PATTERN_COLUMNS:
		matches = columns_match(p, message, a, &line);
		break;
	case LOG_PATTERN_JSON:
		matches = json_parse(message, a, &line.json, NULL) == 0 &&
			  line.json->kind == JSON_KIND_OBJECT &&
			  node_holds(p->root, line.json, (struct view){0}, a);
		break;
	}
	if (ret)
		*ret = line;
	return matches;
}

/* ---- values of a line ---- */

const char *log_pattern_value(const struct log_pattern *p, const struct log_line *line,
	const char *selector, struct arena *a)
{
	const struct json_node *node, *root = line->json;

	for (size_t i = 0; i < line->n_fields && *selector == '$'; i++)
		if (streq(p->columns[i].name, selector + 1))
			return arena_view_dup(a, line->fields[i]);
	/* A pattern of terms may be on JSON lines too. */
	if (!root && p->kind == LOG_PATTERN_TERMS && json_parse(line->text, a, &root, NULL) < 0)
		return NULL;
	node = root ? json_path_find(root, view_of(selector)) : NULL;
	if (!node || node->kind == JSON_KIND_OBJECT || node->kind == JSON_KIND_ARRAY ||
		node->kind == JSON_KIND_NULL)
		return NULL;
	return arena_view_dup(a, text_of(node, a));
}

typedef VEC(const char *) selector_vec;

static void gather(const struct log_node *n, selector_vec *out)
{
	if (n->join == LOG_CONDITION) {
		vec_push(out, n->c.selector);
		return;
	}
	gather(n->left, out);
	gather(n->right, out);
}

size_t log_pattern_selectors(const struct log_pattern *p, struct arena *a, const char ***ret)
{
	selector_vec out = {0};
	size_t n;

	if (p->root)
		gather(p->root, &out);
	for (size_t i = 0; i < p->n_columns; i++)
		if (p->columns[i].name && *p->columns[i].name)
			vec_push(&out, arena_printf(a, "$%s", p->columns[i].name));
	n = out.n;
	*ret = arena_new_n(a, n + 1, const char *);
	if (n)
		memcpy(*ret, out.v, n * sizeof(*out.v));
	vec_release(&out);
	return n;
}
