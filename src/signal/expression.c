/* SPDX-License-Identifier: Apache-2.0 */
/* Metric math: reads an expression and evaluates it on the way. */
#include "signal/expression.h"

#include <math.h>
#include <stdlib.h>

#include "signal/scanner.h"

#define MOST_NESTING 64
#define MOST_ELEMENTS 500

struct reader {
	const struct expression_scope *s;
	struct scanner in;
};

static int read_or(struct reader *r, struct expression_value *ret, struct err *err);

static int complain(const struct reader *r, const char *what, struct err *err)
{
	return err_set_wire(err, "ValidationError", "Error in expression '%s' at position %zu: %s",
		r->in.text, scanner_position(&r->in), what);
}

/* ---- operators ---- */

bool expression_count(const struct expression_scope *s, size_t points)
{
	size_t room = s->room ? *s->room : SIZE_MAX;

	if (s->room)
		*s->room -= MIN(room, points);
	return room >= points;
}

/* What is beyond the room is refused at the next operand: an operator or function makes no more
 * series than its operands are. */
struct signal_series expression_series_new(const struct expression_scope *s)
{
	expression_count(s, s->n + 1);
	return (struct signal_series){
		.values = arena_new_n(s->a, s->n + 1, double),
		.samples = arena_new_n(s->a, s->n + 1, double),
		.present = arena_new_n(s->a, s->n + 1, bool),
		.n = s->n,
	};
}

bool expression_as_series(const struct expression_scope *s, const struct expression_value *v,
	struct signal_series *ret)
{
	if (v->kind == EXPRESSION_SERIES) {
		*ret = v->series;
		return true;
	}
	if (v->kind != EXPRESSION_NUMBER)
		return false;
	*ret = expression_series_new(s);
	for (size_t i = 0; i < s->n; i++) {
		ret->values[i] = v->number;
		ret->present[i] = true;
	}
	return true;
}

enum operator{ ADD, SUBTRACT, MULTIPLY, DIVIDE, POWER, EQ, NE, LT, LE, GT, GE, AND, OR };

static double operate(enum operator op, double x, double y)
{
	switch (op) {
	case ADD:
		return x + y;
	case SUBTRACT:
		return x - y;
	case MULTIPLY:
		return x * y;
	case DIVIDE:
		return x / y;
	case POWER:
		return pow(x, y);
	case EQ:
		return x == y;
	case NE:
		return x != y;
	case LT:
		return x < y;
	case LE:
		return x <= y;
	case GT:
		return x > y;
	case GE:
		return x >= y;
	case AND:
		return x != 0 && y != 0;
	case OR:
		return x != 0 || y != 0;
	}
	BUG("operator %d", (int)op);
}

/* A point is missing where one of both is, and where the result is no number (x / 0). */
static struct signal_series operate_series(const struct expression_scope *s, enum operator op,
	const struct signal_series *x, const struct signal_series *y)
{
	struct signal_series out = expression_series_new(s);

	for (size_t i = 0; i < s->n; i++) {
		if (!x->present[i] || !y->present[i])
			continue;
		out.values[i] = operate(op, x->values[i], y->values[i]);
		out.present[i] = isfinite(out.values[i]);
	}
	return out;
}

static int combine(struct reader *r, enum operator op, struct expression_value *left,
	const struct expression_value *right, struct err *err)
{
	struct signal_series x, y;
	bool list = left->kind == EXPRESSION_LIST;

	if (left->kind == EXPRESSION_NUMBER && right->kind == EXPRESSION_NUMBER) {
		left->number = operate(op, left->number, right->number);
		return isfinite(left->number) ? 0 : complain(r, "the number is not finite", err);
	}
	if (!expression_as_series(r->s, right, &y) ||
		(!list && !expression_as_series(r->s, left, &x)))
		return complain(r, "an operator needs numbers or time series on both sides", err);
	if (!list) {
		*left = (struct expression_value){
			.kind = EXPRESSION_SERIES, .series = operate_series(r->s, op, &x, &y)};
		return 0;
	}
	for (size_t i = 0; i < left->n_list; i++)
		left->list[i] = operate_series(r->s, op, &left->list[i], &y);
	return 0;
}

/* ---- operands ---- */

static int read_call(
	struct reader *r, const char *name, struct expression_value *ret, struct err *err)
{
	struct expression_value arguments[EXPRESSION_ARGUMENTS] = {0};
	struct err why CLEANUP_ERR = ERR_INIT;
	size_t n = 0;

	if (!scanner_take(&r->in, ")")) {
		do {
			if (n == EXPRESSION_ARGUMENTS)
				return complain(r, "a function has at most three arguments", err);
			if (read_or(r, &arguments[n++], err) < 0)
				return -1;
		} while (scanner_take(&r->in, ","));
		if (!scanner_take(&r->in, ")"))
			return complain(r, "',' or ')' is missing", err);
	}
	if (expression_call(r->s, name, arguments, n, ret, &why) < 0)
		return complain(r, err_message(&why), err);
	return 0;
}

static int read_text(struct reader *r, struct expression_value *ret, struct err *err)
{
	char quote = *r->in.at++;
	const char *end = strchr(r->in.at, quote);

	if (!end)
		return complain(r, "the quote is not closed", err);
	ret->kind = EXPRESSION_TEXT;
	ret->text = arena_printf(r->s->a, "%.*s", (int)(end - r->in.at), r->in.at);
	r->in.at = end + 1;
	return 0;
}

static int read_word(struct reader *r, struct expression_value *ret, struct err *err)
{
	size_t n = 0;
	char *word;

	while (isalnum((unsigned char)r->in.at[n]) || r->in.at[n] == '_')
		n++;
	word = arena_printf(r->s->a, "%.*s", (int)n, r->in.at);
	r->in.at += n;
	if (scanner_take(&r->in, "("))
		return read_call(r, word, ret, err);
	/* REPEAT and LINEAR are words of FILL. */
	if (isupper((unsigned char)word[0])) {
		*ret = (struct expression_value){.kind = EXPRESSION_TEXT, .text = word};
		return 0;
	}
	return r->s->find(r->s->arg, word, ret, err);
}

static void push(struct reader *r, struct expression_value *list, const struct signal_series *x)
{
	size_t n = list->n_list;

	if (!(n & (n - 1))) { /* as many as there is room for: twice as many */
		struct signal_series *longer =
			arena_new_n(r->s->a, MAX(2 * n, 1), struct signal_series);

		for (size_t i = 0; i < n; i++)
			longer[i] = list->list[i];
		list->list = longer;
	}
	list->list[list->n_list++] = *x;
}

/* Adds an element of a list: a time series, a number as one, or all of another list. */
static int add_element(struct reader *r, struct expression_value *list,
	const struct expression_value *element, struct err *err)
{
	bool many = element->kind == EXPRESSION_LIST;
	struct signal_series one;

	if (list->n_list + (many ? element->n_list : 1) > MOST_ELEMENTS)
		return complain(r, "a list has at most 500 time series", err);
	if (!many && !expression_as_series(r->s, element, &one))
		return complain(r, "a list holds time series and numbers", err);
	for (size_t i = 0; many && i < element->n_list; i++)
		push(r, list, &element->list[i]);
	if (!many)
		push(r, list, &one);
	return 0;
}

/* [m1, m2]: behind its bracket. */
static int read_list(struct reader *r, struct expression_value *ret, struct err *err)
{
	ret->kind = EXPRESSION_LIST;
	do {
		struct expression_value element;

		if (read_or(r, &element, err) < 0 || add_element(r, ret, &element, err) < 0)
			return -1;
	} while (scanner_take(&r->in, ","));
	return scanner_take(&r->in, "]") ? 0 : complain(r, "',' or ']' is missing", err);
}

static int read_operand(struct reader *r, struct expression_value *ret, struct err *err)
{
	*ret = (struct expression_value){0};
	if (!expression_count(r->s, 1))
		return complain(r, "more is to be computed than a request may ask for", err);
	scanner_skip_blanks(&r->in);
	if (scanner_take(&r->in, "(")) {
		if (read_or(r, ret, err) < 0)
			return -1;
		return scanner_take(&r->in, ")") ? 0 : complain(r, "')' is missing", err);
	}
	if (scanner_take(&r->in, "["))
		return read_list(r, ret, err);
	if (*r->in.at == '"' || *r->in.at == '\'')
		return read_text(r, ret, err);
	if (isdigit((unsigned char)*r->in.at) || *r->in.at == '.') {
		char *end;

		ret->kind = EXPRESSION_NUMBER;
		ret->number = strtod(r->in.at, &end);
		if (end == r->in.at)
			return complain(r, "this is no number", err);
		r->in.at = end;
		return 0;
	}
	if (isalpha((unsigned char)*r->in.at))
		return read_word(r, ret, err);
	return complain(r, *r->in.at ? "this was not expected" : "something is missing", err);
}

/* ---- precedence ---- */

/* -x, and x ^ y, which binds tighter and to the right. */
static int read_signed(struct reader *r, struct expression_value *ret, struct err *err)
{
	struct expression_value right;

	if (r->in.depth >= MOST_NESTING)
		return complain(r, "it is nested too deeply", err);
	if (scanner_take(&r->in, "-")) {
		struct expression_value minus = {.kind = EXPRESSION_NUMBER, .number = -1};
		int result;

		r->in.depth++;
		result = read_signed(r, ret, err);
		r->in.depth--;
		return result < 0 ? -1 : combine(r, MULTIPLY, ret, &minus, err);
	}
	if (read_operand(r, ret, err) < 0)
		return -1;
	if (!scanner_take(&r->in, "^"))
		return 0;
	return read_signed(r, &right, err) < 0 ? -1 : combine(r, POWER, ret, &right, err);
}

struct sign {
	const char *text;
	enum operator op;
};
/* Loosest first; within a level longer signs come first. */
static const struct sign levels[][7] = {
	{{"||", OR}, {"OR", OR}},
	{{"&&", AND}, {"AND", AND}},
	{{"==", EQ}, {"!=", NE}, {"<=", LE}, {">=", GE}, {"<", LT}, {">", GT}},
	{{"+", ADD}, {"-", SUBTRACT}},
	{{"*", MULTIPLY}, {"/", DIVIDE}},
};

static int read_level(struct reader *r, size_t level, struct expression_value *ret, struct err *err)
{
	struct expression_value right;

	if (level == ARRAY_SIZE(levels))
		return read_signed(r, ret, err);
	if (read_level(r, level + 1, ret, err) < 0)
		return -1;
	for (;;) {
		const struct sign *sign = levels[level];

		while (sign->text && !scanner_take(&r->in, sign->text))
			sign++;
		if (!sign->text)
			return 0;
		if (read_level(r, level + 1, &right, err) < 0 ||
			combine(r, sign->op, ret, &right, err) < 0)
			return -1;
	}
}

static int read_or(struct reader *r, struct expression_value *ret, struct err *err)
{
	int result;

	if (r->in.depth++ >= MOST_NESTING)
		return complain(r, "it is nested too deeply", err);
	result = read_level(r, 0, ret, err);
	r->in.depth--;
	return result;
}

int expression_evaluate(const struct expression_scope *s, const char *text,
	struct expression_value *ret, struct err *err)
{
	struct reader r = {.s = s, .in = {.text = text, .at = text}};

	if (read_or(&r, ret, err) < 0)
		return -1;
	scanner_skip_blanks(&r.in);
	if (*r.in.at)
		return complain(&r, "the expression goes on after its end", err);
	return ret->kind == EXPRESSION_TEXT ? complain(&r, "a text is no result", err) : 0;
}
