/* SPDX-License-Identifier: Apache-2.0 */
/* Metric math: expressions over metrics, as GetMetricData and alarms have them. A value is a
 * number, a series (points on a grid of periods, some missing) or a list of series. */
#ifndef TOWPATH_SIGNAL_EXPRESSION_H
#define TOWPATH_SIGNAL_EXPRESSION_H

#include "signal/internal.h"

enum expression_kind { EXPRESSION_NUMBER, EXPRESSION_SERIES, EXPRESSION_LIST, EXPRESSION_TEXT };

struct expression_value {
	enum expression_kind kind;
	double number;
	struct signal_series series;
	struct signal_series *list;
	size_t n_list;
	const char *text;
};

/* What an expression is evaluated in. */
struct expression_scope {
	struct arena *a;
	size_t n;     /* points of each series */
	size_t *room; /* points that may still be made, and operands be read; NULL: any number */
	int64_t from_sec;
	int period;
	/* The value of an id; an error names one that is not known. */
	int (*find)(void *arg, const char *id, struct expression_value *ret, struct err *err);
	/* All metrics (not expressions) whose id begins so. */
	int (*metrics)(
		void *arg, const char *prefix, struct expression_value *ret, struct err *err);
	void *arg;
};

/* ValidationError says what is wrong and where. The value's memory is the arena's. */
int expression_evaluate(const struct expression_scope *s, const char *text,
	struct expression_value *ret, struct err *err);

/* ---- between expression.c and expression_function.c ---- */

struct signal_series expression_series_new(const struct expression_scope *s);
/* Counts what is made; false: there was no room for it. */
bool expression_count(const struct expression_scope *s, size_t points);
/* A number at all points, a series as it is; false for others. */
bool expression_as_series(const struct expression_scope *s, const struct expression_value *v,
	struct signal_series *ret);
#define EXPRESSION_ARGUMENTS 3
int expression_call(const struct expression_scope *s, const char *name,
	const struct expression_value *arguments, size_t n, struct expression_value *ret,
	struct err *err);

#endif
