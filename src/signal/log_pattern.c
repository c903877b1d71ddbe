/* SPDX-License-Identifier: Apache-2.0 */
/* Reading filter patterns. */
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "codec/json_path.h"
#include "signal/log_pattern_internal.h"
#include "wire/pattern.h"

#define MAX_DEPTH 32
#define MAX_REGEX 2

struct reader {
	struct view rest;
	struct arena *a;
	bool json;
	int depth, n_regex;
};

#define WRONG(...) err_set(err, ERR_INVALID, "Invalid filter pattern: " __VA_ARGS__)

static bool take(struct reader *r, const char *sign)
{
	r->rest = view_trim(r->rest);
	if (!view_starts_with(r->rest, sign))
		return false;
	r->rest.p += strlen(sign);
	r->rest.len -= strlen(sign);
	return true;
}

/* Up to a quote that is not escaped; the reader stands behind the first one. */
static int read_quoted(struct reader *r, char quote, const char **ret, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;

	for (size_t i = 0; i < r->rest.len; i++) {
		char c = r->rest.p[i];

		if (c == '\\' && i + 1 < r->rest.len && r->rest.p[i + 1] == quote) {
			str_add_c(&text, r->rest.p[++i]);
		} else if (c == quote) {
			r->rest.p += i + 1;
			r->rest.len -= i + 1;
			*ret = arena_strdup(r->a, str_text(&text));
			return 0;
		} else {
			str_add_c(&text, c);
		}
	}
	return WRONG("a %c is not closed", quote);
}

static int check_regex(struct reader *r, const char *regex, struct err *err)
{
	if (++r->n_regex > MAX_REGEX)
		return WRONG("it has more than %d regular expressions", MAX_REGEX);
	return wire_pattern_search(regex, "", err) < 0 ? -1 : 0;
}

/* ---- conditions ---- */

/* A selector, a column's name or a bare value: up to a blank, an operator or a bracket. */
static const char *read_word(struct reader *r)
{
	size_t n = 0;
	int brackets = 0;

	r->rest = view_trim(r->rest);
	for (; n < r->rest.len; n++) {
		char c = r->rest.p[n];

		if (c == '[' && r->json)
			brackets++;
		else if (c == ']' && brackets)
			brackets--;
		else if (!brackets && strchr(" \t\r\n=!<>()&|,]}", c))
			break;
	}
	r->rest.p += n;
	r->rest.len -= n;
	return arena_strndup(r->a, r->rest.p - n, n);
}

static int read_value(struct reader *r, struct log_condition *c, struct err *err)
{
	char *end;

	if (take(r, "\""))
		return read_quoted(r, '"', &c->text, err);
	if (take(r, "%")) {
		c->regex = true;
		return read_quoted(r, '%', &c->text, err) < 0 ? -1 : check_regex(r, c->text, err);
	}
	c->text = read_word(r);
	if (!*c->text)
		return WRONG("a value is missing after %s", c->selector);
	c->number = strtod(c->text, &end);
	c->is_number = !*end && strspn(c->text, "+-.0123456789eE") == strlen(c->text);
	return 0;
}

static int read_operator(struct reader *r, struct log_condition *c, bool *ret_valued)
{
	static const struct {
		const char *sign;
		enum log_operator op;
		bool valued;
	} signs[] = {{"!=", LOG_UNEQUAL, true}, {"<=", LOG_LESS_EQUAL, true},
		{">=", LOG_GREATER_EQUAL, true}, {"=", LOG_EQUAL, true}, {"<", LOG_LESS, true},
		{">", LOG_GREATER, true}, {"IS NULL", LOG_IS_NULL, false},
		{"IS TRUE", LOG_IS_TRUE, false}, {"IS FALSE", LOG_IS_FALSE, false},
		{"NOT EXISTS", LOG_NOT_EXISTS, false}};

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		if (!(signs[i].valued || r->json) || !take(r, signs[i].sign))
			continue;
		c->op = signs[i].op;
		*ret_valued = signs[i].valued;
		return 0;
	}
	return -1;
}

static int read_condition(struct reader *r, struct log_node *ret, struct err *err)
{
	struct log_condition *c = &ret->c;
	bool valued = false;

	*ret = (struct log_node){.join = LOG_CONDITION};
	c->selector = read_word(r);
	if (r->json ? !json_path_valid(view_of(c->selector)) : !*c->selector)
		return WRONG("'%s' is no %s", c->selector, r->json ? "selector" : "column");
	if (read_operator(r, c, &valued) < 0)
		return WRONG("an operator is missing after %s", c->selector);
	if (valued && read_value(r, c, err) < 0)
		return -1;
	if (c->op >= LOG_LESS && c->op <= LOG_GREATER_EQUAL && !c->is_number)
		return WRONG("%s is compared with '%s', which is no number", c->selector, c->text);
	return 0;
}

static int read_or(struct reader *r, const struct log_node **ret, struct err *err);

static int read_primary(struct reader *r, const struct log_node **ret, struct err *err)
{
	struct log_node *node = arena_new(r->a, struct log_node);

	if (!take(r, "(")) {
		*ret = node;
		return read_condition(r, node, err);
	}
	if (++r->depth > MAX_DEPTH)
		return WRONG("it is nested too deeply");
	if (read_or(r, ret, err) < 0)
		return -1;
	r->depth--;
	return take(r, ")") ? 0 : WRONG("a ) is missing");
}

static const struct log_node *join(struct reader *r, enum log_join how, const struct log_node *left,
	const struct log_node *right)
{
	struct log_node *node = arena_new(r->a, struct log_node);

	*node = (struct log_node){.join = how, .left = left, .right = right};
	return node;
}

static int read_and(struct reader *r, const struct log_node **ret, struct err *err)
{
	const struct log_node *right;

	if (read_primary(r, ret, err) < 0)
		return -1;
	while (take(r, "&&")) {
		if (read_primary(r, &right, err) < 0)
			return -1;
		*ret = join(r, LOG_AND, *ret, right);
	}
	return 0;
}

static int read_or(struct reader *r, const struct log_node **ret, struct err *err)
{
	const struct log_node *right;

	if (read_and(r, ret, err) < 0)
		return -1;
	while (take(r, "||")) {
		if (read_and(r, &right, err) < 0)
			return -1;
		*ret = join(r, LOG_OR, *ret, right);
	}
	return 0;
}

/* ---- the three kinds ---- */

static int read_json(struct reader *r, struct log_pattern *p, struct err *err)
{
	p->kind = LOG_PATTERN_JSON;
	r->json = true;
	if (read_or(r, &p->root, err) < 0)
		return -1;
	if (!take(r, "}") || view_trim(r->rest).len)
		return WRONG("it does not end with its }");
	return 0;
}

/* One of the columns: a name, "...", or a condition on a name. */
static int read_column(struct reader *r, struct log_column *ret, struct err *err)
{
	struct reader ahead;

	*ret = (struct log_column){0};
	if (take(r, "..."))
		return 0;
	ahead = *r;
	ret->name = read_word(&ahead);
	ahead.rest = view_trim(ahead.rest);
	if (*ret->name && ahead.rest.len && strchr(",]", ahead.rest.p[0])) {
		*r = ahead;
		return 0;
	}
	if (read_or(r, &ret->node, err) < 0)
		return -1;
	if (!*ret->name)
		ret->name = "";
	return 0;
}

static int read_columns(struct reader *r, struct log_pattern *p, struct err *err)
{
	VEC(struct log_column) columns = {0};
	struct log_column c;
	size_t open = 0;
	int result = 0;

	p->kind = LOG_PATTERN_COLUMNS;
	do {
		result = read_column(r, &c, err);
		open += result == 0 && !c.name;
		vec_push(&columns, c);
	} while (result == 0 && take(r, ","));
	p->n_columns = columns.n;
	p->columns = arena_new_n(r->a, columns.n, struct log_column);
	memcpy(p->columns, columns.v, columns.n * sizeof(*columns.v));
	vec_release(&columns);
	if (result < 0)
		return -1;
	if (!take(r, "]") || view_trim(r->rest).len)
		return WRONG("it does not end with its ]");
	return open > 1 ? WRONG("it has more than one ...") : 0;
}

static int read_term(struct reader *r, struct log_term *ret, struct err *err)
{
	const char *text = NULL;

	*ret = (struct log_term){0};
	if (r->rest.len > 1 && (r->rest.p[0] == '-' || r->rest.p[0] == '?')) {
		ret->sign = r->rest.p[0];
		r->rest.p++, r->rest.len--;
	}
	if (take(r, "%")) {
		if (read_quoted(r, '%', &ret->regex, err) < 0)
			return -1;
		return check_regex(r, ret->regex, err);
	}
	if (take(r, "\"")) {
		if (read_quoted(r, '"', &text, err) < 0)
			return -1;
		ret->text = view_of(text);
		return 0;
	}
	ret->text = view_of(arena_view_dup(r->a, view_cut(&r->rest, ' ')));
	return 0;
}

static int read_terms(struct reader *r, struct log_pattern *p, struct err *err)
{
	VEC(struct log_term) terms = {0};
	struct log_term t;
	int result = 0;

	p->kind = LOG_PATTERN_TERMS;
	while (result == 0 && (r->rest = view_trim(r->rest)).len) {
		result = read_term(r, &t, err);
		vec_push(&terms, t);
	}
	p->n_terms = terms.n;
	p->terms = arena_new_n(r->a, terms.n + 1, struct log_term);
	if (terms.n)
		memcpy(p->terms, terms.v, terms.n * sizeof(*terms.v));
	vec_release(&terms);
	return result;
}

int log_pattern_parse(
	const char *text, struct arena *a, const struct log_pattern **ret, struct err *err)
{
	struct reader r = {.rest = view_of(text ? text : ""), .a = a};
	struct log_pattern *p = arena_new(a, struct log_pattern);

	*p = (struct log_pattern){0};
	*ret = p;
	if (take(&r, "{"))
		return read_json(&r, p, err);
	if (take(&r, "["))
		return read_columns(&r, p, err);
	return read_terms(&r, p, err);
}
