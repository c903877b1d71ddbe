/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as report files have them. */
#include "report/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int report_count(const char *text, const char *what, int64_t *ret, struct err *err)
{
	size_t digits = text ? strspn(text, "0123456789") : 0;

	*ret = digits && digits <= 10 && !text[digits] ? strtoll(text, NULL, 10) : -1;
	if (*ret >= 0 && *ret <= INT32_MAX)
		return 0;
	if (!text)
		return err_set(err, ERR_MALFORMED, "%s is missing", what);
	return err_set(err, ERR_MALFORMED, "%s is '%.40s', not a count", what, text);
}

int64_t report_nsec(double nsec)
{
	if (!(nsec > 0))
		return 0;
	return nsec >= 9e18 ? INT64_C(9000000000000000000) : llround(nsec);
}

int report_duration(const char *text, double nsec_per_unit, int64_t *ret, struct err *err)
{
	char plain[64];
	size_t n = 0;
	char *end;
	double v;

	*ret = 0;
	if (!text || !*text)
		return 0;
	for (const char *p = text; *p && n < sizeof(plain) - 1; p++)
		if (*p != ',')
			plain[n++] = *p;
	plain[n] = '\0';
	v = strtod(plain, &end);
	if (*end || end == plain || !isfinite(v) || strspn(plain, "+-.0123456789eE") != n)
		return err_set(err, ERR_MALFORMED, "'%.40s' is not a duration", text);
	*ret = report_nsec(v * nsec_per_unit);
	return 0;
}

int report_clock_duration(const char *text, int64_t *ret, struct err *err)
{
	unsigned days = 0, hours, minutes;
	double seconds;
	int end = 0;

	*ret = 0;
	if (!text || !*text)
		return 0;
	if (strspn(text, "0123456789:.") == strlen(text) && strlen(text) < 40 &&
		((sscanf(text, "%4u:%2u:%lf%n", &hours, &minutes, &seconds, &end) == 3 &&
			 !text[end]) ||
			(sscanf(text, "%6u.%2u:%2u:%lf%n", &days, &hours, &minutes, &seconds,
				 &end) == 4 &&
				!text[end]))) {
		*ret = report_nsec((((days * 24.0 + hours) * 60 + minutes) * 60 + seconds) * 1e9);
		return 0;
	}
	return err_set(err, ERR_MALFORMED, "'%.40s' is not a duration", text);
}
