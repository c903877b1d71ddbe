/* SPDX-License-Identifier: Apache-2.0 */
/* Cron expressions of deployment windows. */
#include "codec/cron.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/view.h"

static const char *const month_names[] = {
	"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
static const char *const day_names[] = {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

struct field {
	const char *name;
	int min, max;
	const char *const *names; /* of min, min + 1, ... */
	size_t n_names;
};

enum { SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY, YEAR, FIELDS };

static const struct field fields[FIELDS] = {
	[SECOND] = {"second", 0, 59, NULL, 0},
	[MINUTE] = {"minute", 0, 59, NULL, 0},
	[HOUR] = {"hour", 0, 23, NULL, 0},
	[DAY] = {"day of month", 1, 31, NULL, 0},
	[MONTH] = {"month", 1, 12, month_names, ARRAY_SIZE(month_names)},
	[WEEKDAY] = {"day of week", 1, 7, day_names, ARRAY_SIZE(day_names)},
	[YEAR] = {"year", 1970, 2199, NULL, 0},
};

static int bad(const struct field *f, struct view text, struct err *err)
{
	return err_set(err, ERR_MALFORMED, "'%.*s' is not a %s of a cron expression",
		VIEW_ARG(text), f->name);
}

/* A number or a name of the field; -1 when it is neither. */
static int value_of(const struct field *f, struct view text)
{
	int v = 0;

	for (size_t i = 0; i < f->n_names; i++)
		if (text.len == 3 && strncasecmp(text.p, f->names[i], 3) == 0)
			return f->min + (int)i;
	if (!text.len || text.len > 4)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return -1;
		v = v * 10 + (text.p[i] - '0');
	}
	return v >= f->min && v <= f->max ? v : -1;
}

/* "*", "a", "a-b", each with "/step": as first, last and step. */
static int read_range(
	const struct field *f, struct view text, int *from, int *to, int *step, struct err *err)
{
	struct view rest = text, range = view_cut(&rest, '/'), first;
	bool stepped = memchr(text.p, '/', text.len) != NULL;
	const struct field count = {f->name, 1, f->max, NULL, 0};

	*step = stepped ? value_of(&count, rest) : 1;
	if (view_eq_str(range, "*") || view_eq_str(range, "?")) {
		*from = f->min;
		*to = f->max;
	} else {
		first = view_cut(&range, '-');
		*from = value_of(f, first);
		*to = range.p ? value_of(f, range) : stepped ? f->max : *from;
	}
	return *from < 0 || *to < 0 || *step < 1 ? bad(f, text, err) : 0;
}

/* The forms that only days have. 1: it was one. */
static int read_special(struct cron *c, int which, struct view text)
{
	const struct field *f = &fields[which];
	struct view body = text;

	if (which == DAY && (view_eq_str(text, "L") || view_eq_str(text, "LW"))) {
		c->last_day |= text.len == 1;
		c->last_weekday |= text.len == 2;
		return 1;
	}
	if (text.len < 2)
		return 0;
	body.len--;
	if (which == DAY && text.p[body.len] == 'W' && value_of(f, body) > 0) {
		c->nearest = value_of(f, body);
		return 1;
	}
	if (which == WEEKDAY && text.p[body.len] == 'L' && value_of(f, body) > 0) {
		c->last_of = value_of(f, body);
		return 1;
	}
	body.len--;
	if (which == WEEKDAY && text.len > 2 && text.p[text.len - 2] == '#' &&
		text.p[text.len - 1] >= '1' && text.p[text.len - 1] <= '5' &&
		value_of(f, body) > 0) {
		c->nth_of = value_of(f, body);
		c->nth = text.p[text.len - 1] - '0';
		return 1;
	}
	return 0;
}

static int read_field(struct cron *c, int which, struct view text, uint64_t *bits, struct err *err)
{
	const struct field *f = &fields[which];
	struct view rest = text, item;
	int from, to, step;

	if (!text.len)
		return bad(f, text, err);
	while (rest.len) {
		item = view_cut(&rest, ',');
		if (!item.len)
			return bad(f, text, err);
		if (read_special(c, which, item))
			continue;
		if (read_range(f, item, &from, &to, &step, err) < 0)
			return -1;
		if (to < from) /* over the end, as FRI-MON */
			to += f->max - f->min + 1;
		for (int v = from; v <= to; v += step)
			*bits |= UINT64_C(1) << (v > f->max ? v - (f->max - f->min + 1) : v);
	}
	return 0;
}

int cron_parse(const char *text, struct cron *ret, struct err *err)
{
	uint64_t seconds = 0;
	uint64_t *bits[] = {
		&seconds, &ret->minutes, &ret->hours, &ret->days, &ret->months, &ret->weekdays};
	struct view rest = view_trim(view_of(text)), word = {0};
	int n = 0;

	*ret = (struct cron){.year_from = 1970, .year_to = 2199, .year_step = 1};
	while (rest.len && n < FIELDS) {
		word = view_cut(&rest, ' ');
		rest = view_trim(rest);
		if (n < YEAR ? read_field(ret, n, word, bits[n], err) < 0
			     : read_range(&fields[YEAR], word, &ret->year_from, &ret->year_to,
				       &ret->year_step, err) < 0)
			return -1;
		n++;
	}
	if (n < YEAR || rest.len)
		return err_set(err, ERR_MALFORMED,
			"'%.100s' has not the six or seven fields of a cron expression", text);
	return 0;
}

/* ---- matching ---- */

static int month_length(const struct tm *t)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = t->tm_year + 1900;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return lengths[t->tm_mon] + (t->tm_mon == 1 && leap);
}

/* 0 Sunday ... of another day of the same month. */
static int weekday_of(const struct tm *t, int day)
{
	return ((t->tm_wday + day - t->tm_mday) % 7 + 7) % 7;
}

/* The working day nearest to the given one, within the month. */
static int working_day(const struct tm *t, int day)
{
	int length = month_length(t);

	day = MIN(day, length);
	if (weekday_of(t, day) == 6)
		return day > 1 ? day - 1 : day + 2;
	if (weekday_of(t, day) == 0)
		return day < length ? day + 1 : day - 2;
	return day;
}

static bool has(uint64_t bits, int n)
{
	return bits >> n & 1;
}

static bool day_matches(const struct cron *c, const struct tm *t)
{
	int length = month_length(t);

	return has(c->days, t->tm_mday) || (c->last_day && t->tm_mday == length) ||
	       (c->last_weekday && t->tm_mday == working_day(t, length)) ||
	       (c->nearest && t->tm_mday == working_day(t, c->nearest));
}

static bool weekday_matches(const struct cron *c, const struct tm *t)
{
	int day = t->tm_wday + 1;

	return has(c->weekdays, day) || (c->last_of == day && t->tm_mday + 7 > month_length(t)) ||
	       (c->nth_of == day && (t->tm_mday - 1) / 7 + 1 == c->nth);
}

static bool date_matches(const struct cron *c, const struct tm *t)
{
	int year = t->tm_year + 1900;

	return has(c->months, t->tm_mon + 1) && day_matches(c, t) && weekday_matches(c, t) &&
	       year >= c->year_from && year <= c->year_to &&
	       (year - c->year_from) % c->year_step == 0;
}

bool cron_matches(const struct cron *c, int64_t usec)
{
	time_t seconds = (time_t)(usec / USEC_PER_SEC);
	struct tm t;

	return gmtime_r(&seconds, &t) && has(c->minutes, t.tm_min) && has(c->hours, t.tm_hour) &&
	       date_matches(c, &t);
}

int64_t cron_next(const struct cron *c, int64_t after_usec)
{
	time_t at = (time_t)(after_usec / (60 * USEC_PER_SEC) + 1) * 60;
	struct tm t;

	while (gmtime_r(&at, &t) && t.tm_year + 1900 <= c->year_to) {
		if (!date_matches(c, &t))
			at += 86400 - (t.tm_hour * 60 + t.tm_min) * 60;
		else if (!has(c->hours, t.tm_hour))
			at += 3600 - t.tm_min * 60;
		else if (!has(c->minutes, t.tm_min))
			at += 60;
		else
			return (int64_t)at * USEC_PER_SEC;
	}
	return INT64_MAX;
}
