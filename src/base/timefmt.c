/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timefmt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct tm broken_down(int64_t usec)
{
	time_t sec = (time_t)(usec / USEC_PER_SEC);
	struct tm tm;

	if (usec % USEC_PER_SEC < 0)
		sec--;
	gmtime_r(&sec, &tm);
	return tm;
}

static struct timefmt format(int64_t usec, const char *fmt)
{
	struct tm tm = broken_down(usec);
	struct timefmt out = {""};

	strftime(out.text, sizeof(out.text), fmt, &tm);
	return out;
}

struct timefmt timefmt_iso(int64_t usec)
{
	return format(usec, "%Y-%m-%dT%H:%M:%SZ");
}

struct timefmt timefmt_iso_msec(int64_t usec)
{
	struct timefmt whole = format(usec, "%Y-%m-%dT%H:%M:%S"), out;
	int msec = (int)(((usec % USEC_PER_SEC) + USEC_PER_SEC) % USEC_PER_SEC / 1000);

	snprintf(out.text, sizeof(out.text), "%.30s.%03dZ", whole.text, msec);
	return out;
}

struct timefmt timefmt_basic(int64_t usec)
{
	return format(usec, "%Y%m%dT%H%M%SZ");
}

struct timefmt timefmt_http(int64_t usec)
{
	return format(usec, "%a, %d %b %Y %H:%M:%S GMT");
}

struct timefmt timefmt_duration(int64_t usec)
{
	struct timefmt out;
	int64_t sec = usec / USEC_PER_SEC;

	if (usec < USEC_PER_SEC)
		snprintf(out.text, sizeof(out.text), "%dms", (int)(usec / 1000));
	else if (sec < 10)
		snprintf(out.text, sizeof(out.text), "%.1fs", (double)usec / 1e6);
	else if (sec < 60)
		snprintf(out.text, sizeof(out.text), "%ds", (int)sec);
	else if (sec < 3600)
		snprintf(out.text, sizeof(out.text), "%dm%02ds", (int)(sec / 60), (int)(sec % 60));
	else
		snprintf(out.text, sizeof(out.text), "%lldh%02dm", (long long)(sec / 3600),
			(int)(sec / 60 % 60));
	return out;
}

/* After the seconds: an optional fraction, then Z, ±hh:mm, ±hhmm or nothing. */
static bool parse_tail(const char *p, int64_t *usec)
{
	int64_t scale = USEC_PER_SEC / 10;
	int sign, hours, minutes;

	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++, scale /= 10)
			*usec += (*p - '0') * scale;
	}
	if (*p == '\0' || strcmp(p, "Z") == 0)
		return true;
	if (*p != '+' && *p != '-')
		return false;
	sign = *p++ == '-' ? 1 : -1;
	if (sscanf(p, "%2d:%2d", &hours, &minutes) != 2 &&
		sscanf(p, "%2d%2d", &hours, &minutes) != 2)
		return false;
	*usec += sign * (hours * 3600 + minutes * 60) * USEC_PER_SEC;
	return true;
}

/* "20240102T030405Z", which every signed request carries, without the work of strptime(). */
static bool parse_basic(const char *text, int64_t *ret_usec)
{
	static const char form[] = "00000000T000000Z";
	int digits[sizeof(form) - 1];
	struct tm tm = {0};

	for (size_t i = 0; i < ARRAY_SIZE(digits); i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';

		if (form[i] == '0' ? !digit : text[i] != form[i])
			return false;
		digits[i] = text[i] - '0';
	}
	if (text[sizeof(form) - 1])
		return false;
	tm.tm_year = digits[0] * 1000 + digits[1] * 100 + digits[2] * 10 + digits[3] - 1900;
	tm.tm_mon = digits[4] * 10 + digits[5] - 1;
	tm.tm_mday = digits[6] * 10 + digits[7];
	tm.tm_hour = digits[9] * 10 + digits[10];
	tm.tm_min = digits[11] * 10 + digits[12];
	tm.tm_sec = digits[13] * 10 + digits[14];
	if (tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
		tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	*ret_usec = (int64_t)timegm(&tm) * USEC_PER_SEC;
	return true;
}

static bool parse_forms(const char *text, const char *const forms[], size_t n, int64_t *ret_usec)
{
	for (size_t i = 0; i < n; i++) {
		struct tm tm = {0};
		const char *rest = strptime(text, forms[i], &tm);
		int64_t usec;

		if (!rest)
			continue;
		usec = (int64_t)timegm(&tm) * USEC_PER_SEC;
		if (!parse_tail(rest, &usec))
			return false;
		*ret_usec = usec;
		return true;
	}
	return false;
}

bool timefmt_parse(const char *text, int64_t *ret_usec)
{
	static const char *const forms[] = {
		"%Y-%m-%dT%H:%M:%S", "%Y%m%dT%H%M%S", "%a, %d %b %Y %H:%M:%S GMT"};

	return parse_basic(text, ret_usec) || parse_forms(text, forms, ARRAY_SIZE(forms), ret_usec);
}

/* A month's first day is what strptime() cannot know. */
static bool parse_month(const char *text, int64_t *ret_usec)
{
	struct tm tm = {.tm_mday = 1};
	const char *rest = strptime(text, "%Y-%m", &tm);

	if (!rest || *rest)
		return false;
	*ret_usec = (int64_t)timegm(&tm) * USEC_PER_SEC;
	return true;
}

bool timefmt_parse_date(const char *text, int64_t *ret_usec)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M", "%Y-%m-%d"};

	return timefmt_parse(text, ret_usec) || parse_month(text, ret_usec) ||
	       parse_forms(text, forms, ARRAY_SIZE(forms), ret_usec);
}
