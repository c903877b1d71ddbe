/* SPDX-License-Identifier: Apache-2.0 */
/* Scalars as plain text: in queries, XML elements, headers and paths. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "codec/base64.h"
#include "wire/text.h"

static bool parse_integer(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, 10);
	return end != text && !*end && errno == 0 && *ret >= min && *ret <= max &&
	       !strchr(" \t\n", text[0]);
}

static bool parse_real(const char *text, double *ret)
{
	char *end;

	*ret = strtod(text, &end);
	return end != text && !*end && !strchr(" \t\n", text[0]);
}

static bool parse_bool(const char *text, bool *ret)
{
	*ret = streq(text, "true") || streq(text, "True") || streq(text, "TRUE") ||
	       streq(text, "1");
	return *ret || streq(text, "false") || streq(text, "False") || streq(text, "FALSE") ||
	       streq(text, "0");
}

/* Any of the forms in use: ISO 8601, RFC 822, epoch seconds. */
static bool parse_time(const char *text, int64_t *ret)
{
	double seconds;

	if (parse_real(text, &seconds) && fabs(seconds) < 1e12 && !strchr(text, 'T')) {
		*ret = llround(seconds * 1e6);
		return true;
	}
	return timefmt_parse(text, ret);
}

bool wire_text_parse(const struct wire_shape *shape, struct view text, struct arena *a, void *slot)
{
	const char *p = text.p ? text.p : "";
	int64_t integer = 0;
	double real = 0;
	bool truth = false, good = true;

	switch (shape->type) {
	case WIRE_STRING:
		*(const char **)slot = arena_strdup(a, p);
		return true;
	case WIRE_BLOB:
		return base64_decode(text, a, slot);
	case WIRE_BOOL:
		good = parse_bool(p, &truth);
		*(struct wire_bool *)slot = WIRE_SET_BOOL(truth);
		return good;
	case WIRE_INT:
		good = parse_integer(p, INT32_MIN, INT32_MAX, &integer);
		*(struct wire_int *)slot = WIRE_SET_INT(integer);
		return good;
	case WIRE_LONG:
		good = parse_integer(p, INT64_MIN, INT64_MAX, &integer);
		*(struct wire_long *)slot = WIRE_SET_LONG(integer);
		return good;
	case WIRE_DOUBLE:
		good = parse_real(p, &real);
		*(struct wire_double *)slot = WIRE_SET_DOUBLE(real);
		return good;
	case WIRE_TIMESTAMP:
		good = parse_time(p, &integer);
		*(struct wire_time *)slot = WIRE_SET_TIME(integer);
		return good;
	default:
		return false;
	}
}

static void add_real(double v, struct str *out)
{
	char buf[40];

	if (isnan(v) || isinf(v)) {
		str_add(out, isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity");
		return;
	}
	snprintf(buf, sizeof(buf), "%.15g", v);
	if (strtod(buf, NULL) != v)
		snprintf(buf, sizeof(buf), "%.17g", v);
	str_add(out, buf);
	if (!strpbrk(buf, ".e"))
		str_add(out, ".0");
}

static void add_time(int64_t usec, const char *format, struct str *out)
{
	if (streq(format, "rfc822"))
		str_add(out, timefmt_http(usec).text);
	else if (streq(format, "unixTimestamp"))
		str_addf(out, "%" PRId64, usec / USEC_PER_SEC);
	else
		str_add(out, timefmt_iso_msec(usec).text);
}

void wire_text_add(
	const struct wire_shape *shape, const void *slot, const char *format, struct str *out)
{
	switch (shape->type) {
	case WIRE_STRING:
		str_add(out, *(const char *const *)slot);
		return;
	case WIRE_BLOB:
		base64_encode(*(const struct view *)slot, out);
		return;
	case WIRE_BOOL:
		str_add(out, ((const struct wire_bool *)slot)->v ? "true" : "false");
		return;
	case WIRE_INT:
		str_addf(out, "%" PRId32, ((const struct wire_int *)slot)->v);
		return;
	case WIRE_LONG:
		str_addf(out, "%" PRId64, ((const struct wire_long *)slot)->v);
		return;
	case WIRE_DOUBLE:
		add_real(((const struct wire_double *)slot)->v, out);
		return;
	case WIRE_TIMESTAMP:
		add_time(((const struct wire_time *)slot)->usec,
			shape->timestamp_format ? shape->timestamp_format : format, out);
		return;
	default:
		BUG("shape %s is no scalar", shape->name);
	}
}

const char *wire_text_wanted(const struct wire_shape *shape)
{
	static const char *const names[] = {
		[WIRE_STRING] = "text",
		[WIRE_BLOB] = "base64 text",
		[WIRE_BOOL] = "true or false",
		[WIRE_INT] = "a whole number of 32 bits",
		[WIRE_LONG] = "a whole number of 64 bits",
		[WIRE_DOUBLE] = "a number",
		[WIRE_TIMESTAMP] = "a time (ISO 8601)",
		[WIRE_LIST] = "a list",
		[WIRE_MAP] = "a map",
		[WIRE_STRUCT] = "a structure",
	};

	return names[shape->type];
}
