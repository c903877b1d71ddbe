/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of metric math. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "signal/expression.h"

typedef struct expression_value value_t;

struct function {
	const char *name;
	size_t least, most; /* arguments */
	int (*call)(const struct function *f, const struct expression_scope *s, const value_t *v,
		size_t n, value_t *ret, struct err *err);
	double (*one)(double x);		       /* each_point */
	double (*all)(const double *values, size_t n); /* aggregate */
	int (*part)(const struct tm *tm);	       /* part_of_time */
};

static value_t number_value(double x)
{
	return (value_t){.kind = EXPRESSION_NUMBER, .number = x};
}

static value_t series_value(struct signal_series s)
{
	return (value_t){.kind = EXPRESSION_SERIES, .series = s};
}

static int wrong(const struct function *f, const char *what, struct err *err)
{
	return err_set(err, ERR_INVALID, "%s %s", f->name, what);
}

static int need_series(const struct function *f, const value_t *v, struct err *err)
{
	return v->kind == EXPRESSION_SERIES ? 0 : wrong(f, "needs a time series", err);
}

/* ---- aggregates: of a list a series, of a series a number ---- */

static double sum_of(const double *v, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += v[i];
	return sum;
}

static double average_of(const double *v, size_t n)
{
	return sum_of(v, n) / (double)n;
}

static double min_of(const double *v, size_t n)
{
	double min = v[0];

	for (size_t i = 1; i < n; i++)
		min = fmin(min, v[i]);
	return min;
}

static double max_of(const double *v, size_t n)
{
	double max = v[0];

	for (size_t i = 1; i < n; i++)
		max = fmax(max, v[i]);
	return max;
}

static double deviation_of(const double *v, size_t n)
{
	double mean = average_of(v, n), sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (v[i] - mean) * (v[i] - mean);
	return sqrt(sum / (double)n);
}

static double count_of(const double *v, size_t n)
{
	(void)v;
	return (double)n;
}

static double first_of(const double *v, size_t n)
{
	(void)n;
	return v[0];
}

static double last_of(const double *v, size_t n)
{
	return v[n - 1];
}

static int aggregate(const struct function *f, const struct expression_scope *s, const value_t *v,
	size_t n, value_t *ret, struct err *err)
{
	double *found = arena_new_n(s->a, MAX(s->n, v->n_list) + 1, double);
	size_t k = 0;

	(void)n;
	if (v->kind == EXPRESSION_LIST) {
		struct signal_series out = expression_series_new(s);

		for (size_t i = 0; i < s->n; i++) {
			k = 0;
			for (size_t m = 0; m < v->n_list; m++)
				if (v->list[m].present[i])
					found[k++] = v->list[m].values[i];
			out.present[i] = k > 0;
			out.values[i] = k ? f->all(found, k) : 0;
		}
		*ret = series_value(out);
		return 0;
	}
	if (v->kind == EXPRESSION_NUMBER) {
		*ret = number_value(f->all(&v->number, 1));
		return 0;
	}
	if (need_series(f, v, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if (v->series.present[i])
			found[k++] = v->series.values[i];
	*ret = number_value(k ? f->all(found, k) : 0);
	return 0;
}

/* ---- point by point ---- */

static struct signal_series map_points(
	const struct function *f, const struct expression_scope *s, const struct signal_series *in)
{
	struct signal_series out = expression_series_new(s);

	for (size_t i = 0; i < s->n; i++) {
		out.values[i] = in->present[i] ? f->one(in->values[i]) : 0;
		out.present[i] = in->present[i] && isfinite(out.values[i]);
	}
	return out;
}

static int each_point(const struct function *f, const struct expression_scope *s, const value_t *v,
	size_t n, value_t *ret, struct err *err)
{
	(void)n;
	*ret = *v;
	if (v->kind == EXPRESSION_NUMBER) {
		ret->number = f->one(v->number);
		return isfinite(ret->number) ? 0 : wrong(f, "has no value for this number", err);
	}
	if (v->kind == EXPRESSION_SERIES) {
		ret->series = map_points(f, s, &v->series);
		return 0;
	}
	for (size_t i = 0; i < v->n_list; i++)
		ret->list[i] = map_points(f, s, &v->list[i]);
	return v->kind == EXPRESSION_LIST ? 0 : wrong(f, "needs a number or time series", err);
}

/* ---- along the time ---- */

enum along { DIFFERENCE, DIFFERENCE_TIME, RATE_OF, RUNNING };

static int along(enum along what, const struct function *f, const struct expression_scope *s,
	const value_t *v, value_t *ret, struct err *err)
{
	struct signal_series out = expression_series_new(s);
	double sum = 0;
	size_t last = SIZE_MAX;

	if (need_series(f, v, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		double x = v->series.values[i], seconds = 0, grown = 0;

		if (!v->series.present[i])
			continue;
		if (last != SIZE_MAX) {
			seconds = (double)(i - last) * s->period;
			grown = x - v->series.values[last];
		}
		sum += x;
		out.present[i] = what == RUNNING || last != SIZE_MAX;
		out.values[i] = what == RUNNING		  ? sum
				: what == DIFFERENCE	  ? grown
				: what == DIFFERENCE_TIME ? seconds
				: out.present[i]	  ? grown / seconds
							  : 0;
		last = i;
	}
	*ret = series_value(out);
	return 0;
}

#define ALONG(name, what)                                                           \
	static int name(const struct function *f, const struct expression_scope *s, \
		const value_t *v, size_t n, value_t *ret, struct err *err)          \
	{                                                                           \
		(void)n;                                                            \
		return along(what, f, s, v, ret, err);                              \
	}
ALONG(call_diff, DIFFERENCE)
ALONG(call_diff_time, DIFFERENCE_TIME)
ALONG(call_rate, RATE_OF)
ALONG(call_running_sum, RUNNING)

static void fill_repeat(struct signal_series *x)
{
	for (size_t i = 1; i < x->n; i++)
		if (!x->present[i] && x->present[i - 1]) {
			x->values[i] = x->values[i - 1];
			x->present[i] = true;
		}
}

/* Between two points on the line; after the last one it stays. */
static void fill_linear(struct signal_series *x)
{
	size_t before = SIZE_MAX;

	for (size_t i = 0; i < x->n; i++) {
		if (!x->present[i])
			continue;
		for (size_t k = before == SIZE_MAX ? i : before + 1; k < i; k++) {
			double part = (double)(k - before) / (double)(i - before);

			x->values[k] =
				x->values[before] + part * (x->values[i] - x->values[before]);
			x->present[k] = true;
		}
		before = i;
	}
	fill_repeat(x);
}

static struct signal_series copy_of(const struct expression_scope *s, const struct signal_series *x)
{
	struct signal_series out = expression_series_new(s);

	if (s->n) {
		memcpy(out.values, x->values, s->n * sizeof(*out.values));
		memcpy(out.present, x->present, s->n * sizeof(*out.present));
	}
	return out;
}

static int fill_one(const struct function *f, const struct expression_scope *s,
	const struct signal_series *in, const value_t *with, struct signal_series *ret,
	struct err *err)
{
	struct signal_series other;

	*ret = copy_of(s, in);
	if (with->kind == EXPRESSION_TEXT && streq(with->text, "REPEAT")) {
		fill_repeat(ret);
	} else if (with->kind == EXPRESSION_TEXT && streq(with->text, "LINEAR")) {
		fill_linear(ret);
	} else if (expression_as_series(s, with, &other)) {
		for (size_t i = 0; i < s->n; i++)
			if (!ret->present[i]) {
				ret->values[i] = other.values[i];
				ret->present[i] = other.present[i];
			}
	} else {
		return wrong(f, "fills with a number, a time series, REPEAT or LINEAR", err);
	}
	return 0;
}

static int call_fill(const struct function *f, const struct expression_scope *s, const value_t *v,
	size_t n, value_t *ret, struct err *err)
{
	(void)n;
	*ret = v[0];
	if (v[0].kind == EXPRESSION_SERIES)
		return fill_one(f, s, &v[0].series, &v[1], &ret->series, err);
	if (v[0].kind != EXPRESSION_LIST)
		return wrong(f, "needs a time series", err);
	for (size_t i = 0; i < v[0].n_list; i++)
		if (fill_one(f, s, &v[0].list[i], &v[1], &ret->list[i], err) < 0)
			return -1;
	return 0;
}

/* IF(condition, then, else) or IF(condition, then): a point where the condition is not 0. */
static int call_if(const struct function *f, const struct expression_scope *s, const value_t *v,
	size_t n, value_t *ret, struct err *err)
{
	struct signal_series condition, then, other = expression_series_new(s);
	struct signal_series out = expression_series_new(s);

	if (v[0].kind == EXPRESSION_NUMBER && n == 3) {
		*ret = v[0].number != 0 ? v[1] : v[2];
		return 0;
	}
	if (!expression_as_series(s, &v[0], &condition) || !expression_as_series(s, &v[1], &then) ||
		(n == 3 && !expression_as_series(s, &v[2], &other)))
		return wrong(f, "needs numbers or time series", err);
	for (size_t i = 0; i < s->n; i++) {
		const struct signal_series *from = condition.values[i] != 0 ? &then : &other;

		if (!condition.present[i] || !from->present[i])
			continue;
		out.values[i] = from->values[i];
		out.present[i] = true;
	}
	*ret = series_value(out);
	return 0;
}

/* ---- of the scope ---- */

static int call_metrics(const struct function *f, const struct expression_scope *s,
	const value_t *v, size_t n, value_t *ret, struct err *err)
{
	if (n && v->kind != EXPRESSION_TEXT)
		return wrong(f, "takes a text that ids begin with", err);
	return s->metrics(s->arg, n ? v->text : "", ret, err);
}

static int call_period(const struct function *f, const struct expression_scope *s, const value_t *v,
	size_t n, value_t *ret, struct err *err)
{
	(void)n;
	*ret = number_value(s->period);
	return need_series(f, v, err);
}

static int call_time_series(const struct function *f, const struct expression_scope *s,
	const value_t *v, size_t n, value_t *ret, struct err *err)
{
	struct signal_series out;

	(void)n;
	if (v->kind != EXPRESSION_NUMBER || !expression_as_series(s, v, &out))
		return wrong(f, "needs a number", err);
	*ret = series_value(out);
	return 0;
}

static int part_of_time(const struct function *f, const struct expression_scope *s,
	const value_t *v, size_t n, value_t *ret, struct err *err)
{
	struct signal_series out = expression_series_new(s);

	(void)n;
	if (need_series(f, v, err) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		time_t at = (time_t)(s->from_sec + (int64_t)i * s->period);
		struct tm tm;

		gmtime_r(&at, &tm);
		out.values[i] = f->part(&tm);
		out.present[i] = true;
	}
	*ret = series_value(out);
	return 0;
}

static int minute_of(const struct tm *tm)
{
	return tm->tm_min;
}

static int hour_of(const struct tm *tm)
{
	return tm->tm_hour;
}

/* Monday is 1. */
static int day_of(const struct tm *tm)
{
	return tm->tm_wday ? tm->tm_wday : 7;
}

static int date_of(const struct tm *tm)
{
	return tm->tm_mday;
}

static int month_of(const struct tm *tm)
{
	return tm->tm_mon + 1;
}

static int year_of(const struct tm *tm)
{
	return tm->tm_year + 1900;
}

static const struct function functions[] = {
	{"ABS", 1, 1, each_point, .one = fabs},
	{"AVG", 1, 1, aggregate, .all = average_of},
	{"CEIL", 1, 1, each_point, .one = ceil},
	{"DATAPOINT_COUNT", 1, 1, aggregate, .all = count_of},
	{"DATE", 1, 1, part_of_time, .part = date_of},
	{"DAY", 1, 1, part_of_time, .part = day_of},
	{"DIFF", 1, 1, call_diff},
	{"DIFF_TIME", 1, 1, call_diff_time},
	{"FILL", 2, 2, call_fill},
	{"FIRST", 1, 1, aggregate, .all = first_of},
	{"FLOOR", 1, 1, each_point, .one = floor},
	{"HOUR", 1, 1, part_of_time, .part = hour_of},
	{"IF", 2, 3, call_if},
	{"LAST", 1, 1, aggregate, .all = last_of},
	{"LOG", 1, 1, each_point, .one = log},
	{"LOG10", 1, 1, each_point, .one = log10},
	{"MAX", 1, 1, aggregate, .all = max_of},
	{"METRICS", 0, 1, call_metrics},
	{"MIN", 1, 1, aggregate, .all = min_of},
	{"MINUTE", 1, 1, part_of_time, .part = minute_of},
	{"MONTH", 1, 1, part_of_time, .part = month_of},
	{"PERIOD", 1, 1, call_period},
	{"RATE", 1, 1, call_rate},
	{"RUNNING_SUM", 1, 1, call_running_sum},
	{"STDDEV", 1, 1, aggregate, .all = deviation_of},
	{"SUM", 1, 1, aggregate, .all = sum_of},
	{"TIME_SERIES", 1, 1, call_time_series},
	{"YEAR", 1, 1, part_of_time, .part = year_of},
};

int expression_call(const struct expression_scope *s, const char *name,
	const struct expression_value *arguments, size_t n, struct expression_value *ret,
	struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		const struct function *f = &functions[i];

		if (!streq(f->name, name))
			continue;
		if (n < f->least || n > f->most)
			return wrong(f, "has another number of arguments", err);
		return f->call(f, s, arguments, n, ret, err);
	}
	return err_set(err, ERR_INVALID, "there is no function %s", name);
}
