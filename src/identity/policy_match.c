/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns with wildcards and variables, and the comparisons of the condition operators. */
#include "identity/policy_match.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "base/mem.h"
#include "base/timefmt.h"

/* ---- request keys ---- */

static bool same_name(const char *a, struct view b)
{
	return strlen(a) == b.len && strncasecmp(a, b.p, b.len) == 0;
}

size_t policy_key_count(const struct policy_request *r, struct view name)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_keys; i++)
		n += r->keys[i].value && same_name(r->keys[i].name, name);
	return n;
}

const char *policy_key_value(const struct policy_request *r, struct view name, size_t i)
{
	for (size_t k = 0; k < r->n_keys; k++) {
		if (r->keys[k].value && same_name(r->keys[k].name, name) && i-- == 0)
			return r->keys[k].value;
	}
	return NULL;
}

/* ---- expansion ---- */

/* "name" or "name, 'default'": the value, or NULL. */
static bool add_variable(struct view inside, const struct policy_request *r, struct str *out)
{
	struct view rest = inside;
	struct view name = view_trim(view_cut(&rest, ','));

	if (inside.len == 1 && strchr("*?$", inside.p[0])) {
		str_add_c(out, inside.p[0]);
		return true;
	}
	if (policy_key_count(r, name) == 1) {
		str_add(out, policy_key_value(r, name, 0));
		return true;
	}
	rest = view_trim(rest);
	if (rest.len < 2 || rest.p[0] != '\'' || rest.p[rest.len - 1] != '\'')
		return false;
	str_add_n(out, rest.p + 1, rest.len - 2);
	return true;
}

bool policy_expand(struct view text, bool wildcards, bool variables, const struct policy_request *r,
	struct str *out)
{
	for (size_t i = 0; i < text.len; i++) {
		const char *end = NULL;

		if (variables && i + 1 < text.len && text.p[i] == '$' && text.p[i + 1] == '{')
			end = memchr(text.p + i, '}', text.len - i);
		if (end) {
			struct view inside = {text.p + i + 2, (size_t)(end - text.p) - i - 2};

			if (!add_variable(inside, r, out))
				return false;
			i = (size_t)(end - text.p);
		} else if (wildcards && text.p[i] == '*') {
			str_add_c(out, POLICY_ANY);
		} else if (wildcards && text.p[i] == '?') {
			str_add_c(out, POLICY_ONE);
		} else {
			str_add_c(out, text.p[i]);
		}
	}
	return true;
}

static bool same_char(char a, char b, bool ignore_case)
{
	return a == b || (ignore_case && tolower((unsigned char)a) == tolower((unsigned char)b));
}

/* Backtracks only to the last star: linear in practice, never exponential. */
bool policy_glob(struct view pattern, struct view text, bool ignore_case)
{
	size_t p = 0, t = 0, star = SIZE_MAX, mark = 0;

	while (t < text.len) {
		if (p < pattern.len && pattern.p[p] == POLICY_ANY) {
			star = p++;
			mark = t;
		} else if (p < pattern.len &&
			   (pattern.p[p] == POLICY_ONE ||
				   same_char(pattern.p[p], text.p[t], ignore_case))) {
			p++, t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.p[p] == POLICY_ANY)
		p++;
	return p == pattern.len;
}

bool policy_arn_match(struct view pattern, struct view arn)
{
	if (pattern.len == 1 && pattern.p[0] == POLICY_ANY)
		return true;
	for (int i = 0; i < 5; i++) {
		struct view a = view_cut(&pattern, ':'), b = view_cut(&arn, ':');

		if (!policy_glob(a, b, false) || !pattern.p || !arn.p)
			return false;
	}
	return policy_glob(pattern, arn, false);
}

/* ---- comparisons ---- */

static bool string_equals(struct view pattern, struct view value)
{
	return view_eq(pattern, value);
}

static bool string_equals_ignore_case(struct view pattern, struct view value)
{
	return pattern.len == value.len && strncasecmp(pattern.p, value.p, value.len) == 0;
}

static bool string_like(struct view pattern, struct view value)
{
	return policy_glob(pattern, value, false);
}

static bool copy_text(struct view v, char *buf, size_t size)
{
	if (v.len == 0 || v.len >= size)
		return false;
	memcpy(buf, v.p, v.len);
	buf[v.len] = '\0';
	return true;
}

static bool number_of(struct view v, double *ret)
{
	char text[64], *end;

	if (!copy_text(v, text, sizeof(text)))
		return false;
	*ret = strtod(text, &end);
	return *end == '\0';
}

static bool date_of(struct view v, double *ret)
{
	char text[64];
	int64_t usec;

	if (number_of(v, ret)) {
		*ret *= (double)USEC_PER_SEC;
		return true;
	}
	if (!copy_text(v, text, sizeof(text)) || !timefmt_parse(text, &usec))
		return false;
	*ret = (double)usec;
	return true;
}

/* *ret: -1, 0, 1, value against pattern; false when one is no number. */
static bool compare(
	struct view pattern, struct view value, bool (*of)(struct view, double *), int *ret)
{
	double a, b;

	if (!of(pattern, &a) || !of(value, &b))
		return false;
	*ret = b < a ? -1 : b > a;
	return true;
}

#define COMPARISON(name, of, test)                                    \
	static bool name(struct view pattern, struct view value)      \
	{                                                             \
		int c;                                                \
                                                                      \
		return compare(pattern, value, of, &c) && (c test 0); \
	}

COMPARISON(numeric_equals, number_of, ==)
COMPARISON(numeric_less, number_of, <)
COMPARISON(numeric_less_equals, number_of, <=)
COMPARISON(numeric_greater, number_of, >)
COMPARISON(numeric_greater_equals, number_of, >=)
COMPARISON(date_equals, date_of, ==)
COMPARISON(date_less, date_of, <)
COMPARISON(date_less_equals, date_of, <=)
COMPARISON(date_greater, date_of, >)
COMPARISON(date_greater_equals, date_of, >=)

static bool ip_in(struct view pattern, struct view value)
{
	unsigned char net[16], ip[16];
	char text[80], address[64];
	int family, bits, most;
	char *slash;

	if (!copy_text(pattern, text, sizeof(text)) || !copy_text(value, address, sizeof(address)))
		return false;
	slash = strchr(text, '/');
	family = strchr(text, ':') ? AF_INET6 : AF_INET;
	most = family == AF_INET6 ? 128 : 32;
	bits = slash ? (int)strtol(slash + 1, NULL, 10) : most;
	if (slash)
		*slash = '\0';
	if (bits < 0 || bits > most || inet_pton(family, text, net) != 1 ||
		inet_pton(family, address, ip) != 1)
		return false;
	if (memcmp(net, ip, (size_t)bits / 8) != 0)
		return false;
	return bits % 8 == 0 || (net[bits / 8] ^ ip[bits / 8]) >> (8 - bits % 8) == 0;
}

/* Sorted by name. */
static const struct policy_operator operators[] = {
	{"ArnEquals", policy_arn_match, false, true, true},
	{"ArnLike", policy_arn_match, false, true, true},
	{"ArnNotEquals", policy_arn_match, true, true, true},
	{"ArnNotLike", policy_arn_match, true, true, true},
	{"BinaryEquals", string_equals, false, false, false},
	{"Bool", string_equals_ignore_case, false, true, false},
	{"DateEquals", date_equals, false, false, false},
	{"DateGreaterThan", date_greater, false, false, false},
	{"DateGreaterThanEquals", date_greater_equals, false, false, false},
	{"DateLessThan", date_less, false, false, false},
	{"DateLessThanEquals", date_less_equals, false, false, false},
	{"DateNotEquals", date_equals, true, false, false},
	{"IpAddress", ip_in, false, false, false},
	{"NotIpAddress", ip_in, true, false, false},
	{"NumericEquals", numeric_equals, false, false, false},
	{"NumericGreaterThan", numeric_greater, false, false, false},
	{"NumericGreaterThanEquals", numeric_greater_equals, false, false, false},
	{"NumericLessThan", numeric_less, false, false, false},
	{"NumericLessThanEquals", numeric_less_equals, false, false, false},
	{"NumericNotEquals", numeric_equals, true, false, false},
	{"StringEquals", string_equals, false, true, false},
	{"StringEqualsIgnoreCase", string_equals_ignore_case, false, true, false},
	{"StringLike", string_like, false, true, true},
	{"StringNotEquals", string_equals, true, true, false},
	{"StringNotEqualsIgnoreCase", string_equals_ignore_case, true, true, false},
	{"StringNotLike", string_like, true, true, true},
};

const struct policy_operator *policy_operator_find(struct view name)
{
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		if (view_eq_str(name, operators[i].name))
			return &operators[i];
	}
	return NULL;
}
