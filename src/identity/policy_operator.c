/* SPDX-License-Identifier: Apache-2.0 */
/* The operators of the Condition element, without their qualifiers. */
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "identity/policy_match.h"

static bool string_equals(const struct policy_value *v, struct view value)
{
	return view_eq(v->pattern.text, value);
}

static bool string_equals_ignore_case(const struct policy_value *v, struct view value)
{
	return v->pattern.text.len == value.len &&
	       (value.len == 0 || strncasecmp(v->pattern.text.p, value.p, value.len) == 0);
}

static bool string_like(const struct policy_value *v, struct view value)
{
	return policy_glob(&v->pattern, value);
}

static bool arn_like(const struct policy_value *v, struct view value)
{
	return policy_arn_match(&v->pattern, value);
}

/* ---- numbers and dates ---- */

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
	if (!copy_text(v, text, sizeof(text)) || !timefmt_parse_date(text, &usec))
		return false;
	*ret = (double)usec;
	return true;
}

static void read_number(struct policy_value *v)
{
	v->valid = number_of(v->pattern.text, &v->number);
}

static void read_date(struct policy_value *v)
{
	v->valid = date_of(v->pattern.text, &v->number);
}

/* The request's value stands left of the operator, the policy's right. */
#define COMPARISON(name, of, test)                                              \
	static bool name(const struct policy_value *v, struct view value)       \
	{                                                                       \
		double number;                                                  \
                                                                                \
		return v->valid && of(value, &number) && number test v->number; \
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

/* ---- networks ---- */

/* "10.0.0.0/8", "2001:db8::/32"; without a length: the one address. */
static void read_network(struct policy_value *v)
{
	v->valid = cidr_parse(v->pattern.text, &v->net);
}

static bool ip_in(const struct policy_value *v, struct view value)
{
	struct cidr ip;

	return v->valid && cidr_parse(value, &ip) && !ip.ranged && cidr_holds(&v->net, &ip);
}

/* Sorted by name. */
static const struct policy_operator operators[] = {
	{"ArnEquals", arn_like, NULL, false, true, true},
	{"ArnLike", arn_like, NULL, false, true, true},
	{"ArnNotEquals", arn_like, NULL, true, true, true},
	{"ArnNotLike", arn_like, NULL, true, true, true},
	{"BinaryEquals", string_equals, NULL, false, false, false},
	{"Bool", string_equals_ignore_case, NULL, false, true, false},
	{"DateEquals", date_equals, read_date, false, false, false},
	{"DateGreaterThan", date_greater, read_date, false, false, false},
	{"DateGreaterThanEquals", date_greater_equals, read_date, false, false, false},
	{"DateLessThan", date_less, read_date, false, false, false},
	{"DateLessThanEquals", date_less_equals, read_date, false, false, false},
	{"DateNotEquals", date_equals, read_date, true, false, false},
	{"IpAddress", ip_in, read_network, false, false, false},
	{"NotIpAddress", ip_in, read_network, true, false, false},
	{"NumericEquals", numeric_equals, read_number, false, false, false},
	{"NumericGreaterThan", numeric_greater, read_number, false, false, false},
	{"NumericGreaterThanEquals", numeric_greater_equals, read_number, false, false, false},
	{"NumericLessThan", numeric_less, read_number, false, false, false},
	{"NumericLessThanEquals", numeric_less_equals, read_number, false, false, false},
	{"NumericNotEquals", numeric_equals, read_number, true, false, false},
	{"StringEquals", string_equals, NULL, false, true, false},
	{"StringEqualsIgnoreCase", string_equals_ignore_case, NULL, false, true, false},
	{"StringLike", string_like, NULL, false, true, true},
	{"StringNotEquals", string_equals, NULL, true, true, false},
	{"StringNotEqualsIgnoreCase", string_equals_ignore_case, NULL, true, true, false},
	{"StringNotLike", string_like, NULL, true, true, true},
};

const struct policy_operator *policy_operator_find(struct view name)
{
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		if (view_eq_str(name, operators[i].name))
			return &operators[i];
	}
	return NULL;
}
