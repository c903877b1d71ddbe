/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of composite alarms: ALARM(name), OK(name), INSUFFICIENT_DATA(name), TRUE, FALSE, AND, OR,
 * NOT and parentheses. AND binds tighter than OR. */
#include "signal/alarm.h"
#include "signal/scanner.h"

#define MOST_NESTING 64

struct reader {
	struct scanner in;
	alarm_state_fn fn;
	void *arg;
};

static int read_or(struct reader *r, bool *ret, struct err *err);

static int complain(const struct reader *r, const char *what, struct err *err)
{
	return err_set_wire(err, "ValidationError", "AlarmRule, position %zu: %s",
		scanner_position(&r->in), what);
}

/* A name in quotes, or up to the closing parenthesis. */
static int read_name(struct reader *r, struct str *out, struct err *err)
{
	const char *end;

	scanner_skip_blanks(&r->in);
	if (*r->in.at == '"' || *r->in.at == '\'') {
		end = strchr(r->in.at + 1, *r->in.at);
		if (!end)
			return complain(r, "the quote is not closed", err);
		str_addf(out, "%.*s", (int)(end - r->in.at - 1), r->in.at + 1);
		r->in.at = end + 1;
	} else {
		end = strchr(r->in.at, ')');
		if (!end)
			return complain(r, "')' is missing", err);
		str_addf(out, "%.*s", (int)(end - r->in.at), r->in.at);
		while (out->len && isspace((unsigned char)out->p[out->len - 1]))
			str_truncate(out, out->len - 1);
		r->in.at = end;
	}
	if (!out->len)
		return complain(r, "the name of an alarm is missing", err);
	return 0;
}

static int read_state(struct reader *r, const char *state, bool *ret, struct err *err)
{
	struct str name CLEANUP_STR = STR_INIT;

	if (!scanner_take(&r->in, "("))
		return complain(r, "'(' is missing", err);
	if (read_name(r, &name, err) < 0)
		return -1;
	if (!scanner_take(&r->in, ")"))
		return complain(r, "')' is missing", err);
	return r->fn(r->arg, alarm_name_of(str_text(&name)), state, ret, err);
}

static int read_operand(struct reader *r, bool *ret, struct err *err)
{
	static const char *const states[] = {
		ALARM_STATE_ALARM, ALARM_STATE_OK, ALARM_STATE_NO_DATA};

	if (scanner_take(&r->in, "(")) {
		if (read_or(r, ret, err) < 0)
			return -1;
		return scanner_take(&r->in, ")") ? 0 : complain(r, "')' is missing", err);
	}
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (scanner_take(&r->in, states[i]))
			return read_state(r, states[i], ret, err);
	if (scanner_take(&r->in, "TRUE"))
		*ret = true;
	else if (scanner_take(&r->in, "FALSE"))
		*ret = false;
	else
		return complain(r,
			"ALARM(...), OK(...), INSUFFICIENT_DATA(...), TRUE, FALSE, NOT or '(' is "
			"expected",
			err);
	return 0;
}

static int read_not(struct reader *r, bool *ret, struct err *err)
{
	bool negated = false;

	while (scanner_take(&r->in, "NOT"))
		negated = !negated;
	if (read_operand(r, ret, err) < 0)
		return -1;
	*ret ^= negated;
	return 0;
}

static int read_and(struct reader *r, bool *ret, struct err *err)
{
	if (read_not(r, ret, err) < 0)
		return -1;
	while (scanner_take(&r->in, "AND")) {
		bool right;

		if (read_not(r, &right, err) < 0)
			return -1;
		*ret &= right;
	}
	return 0;
}

static int read_or(struct reader *r, bool *ret, struct err *err)
{
	if (r->in.depth++ >= MOST_NESTING)
		return complain(r, "it is nested too deeply", err);
	if (read_and(r, ret, err) < 0)
		return -1;
	while (scanner_take(&r->in, "OR")) {
		bool right;

		if (read_and(r, &right, err) < 0)
			return -1;
		*ret |= right;
	}
	r->in.depth--;
	return 0;
}

int alarm_expression_evaluate(
	const char *rule, alarm_state_fn fn, void *arg, bool *ret, struct err *err)
{
	struct reader r = {.in = {.text = rule, .at = rule}, .fn = fn, .arg = arg};

	if (read_or(&r, ret, err) < 0)
		return -1;
	scanner_skip_blanks(&r.in);
	return *r.in.at ? complain(&r, "the rule goes on after its end", err) : 0;
}
