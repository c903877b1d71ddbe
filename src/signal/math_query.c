/* SPDX-License-Identifier: Apache-2.0 */
/* Queries over metrics: what their ids refer to, and their series. */
#include "signal/math_query.h"

#include <ctype.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "signal/expression.h"

#define MOST_DEPTH 16
#define POINTS_OF_READING 1000 /* that are made in the time in which a metric is read */

static const struct cloudwatch_metric_data_query *query_by_id(
	const struct cloudwatch_metric_data_queries *queries, struct view id)
{
	wire_foreach (q, queries) {
		if (view_eq(view_of(q->id), id))
			return q;
	}
	return NULL;
}

/* ---- checks ---- */

int math_period_check(int period, struct err *err)
{
	static const int small[] = {1, 5, 10, 20, 30};

	for (size_t i = 0; i < ARRAY_SIZE(small); i++)
		if (period == small[i])
			return 0;
	if (period > 0 && period % 60 == 0)
		return 0;
	return err_set_wire(err, "InvalidParameterValueException",
		"The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.");
}

static bool id_ok(const char *id)
{
	if (!id || !islower((unsigned char)*id))
		return false;
	for (; *id; id++)
		if (!isalnum((unsigned char)*id) && *id != '_')
			return false;
	return true;
}

static int check_metric(const struct cloudwatch_metric_data_query *q, struct err *err)
{
	const struct cloudwatch_metric_stat *m = q->metric_stat;
	struct signal_stat stat;

	if (!m->metric || !m->metric->namespace || !m->metric->metric_name)
		return err_set_wire(err, "ValidationError",
			"Query '%s': the metric needs a Namespace and a MetricName", q->id);
	if (!signal_stat_parse(m->stat, &stat))
		return err_set_wire(err, "ValidationError",
			"Query '%s': statistic '%s' is not known", q->id, m->stat);
	if (math_period_check(wire_or(m->period, MATH_PERIOD_DEFAULT), NULL) == 0)
		return 0;
	return err_set_wire(err, "ValidationError",
		"Query '%s': Period must be 1, 5, 10, 20, 30 or a multiple of 60", q->id);
}

int math_queries_check(const struct cloudwatch_metric_data_queries *queries, struct err *err)
{
	wire_foreach (q, queries) {
		if (!id_ok(q->id))
			return err_set_wire(err, "ValidationError",
				"The id '%s' must begin with a lowercase letter and hold letters, "
				"digits and '_' only",
				q->id ? q->id : "");
		if (query_by_id(queries, view_of(q->id)) != q)
			return err_set_wire(
				err, "ValidationError", "The id '%s' must be unique", q->id);
		if (!q->metric_stat == !q->expression)
			return err_set_wire(err, "ValidationError",
				"Query '%s' needs either MetricStat or Expression", q->id);
		if (q->metric_stat && check_metric(q, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- periods ---- */

static int longest(const struct cloudwatch_metric_data_queries *queries,
	const struct cloudwatch_metric_data_query *q, bool *seen);

static int longest_metric(const struct cloudwatch_metric_data_queries *queries, bool *seen)
{
	int period = 0;

	wire_foreach (q, queries) {
		int one = q->metric_stat ? longest(queries, q, seen) : 0;

		period = MAX(period, one);
	}
	return period;
}

/* Of those that were not seen yet: queries may refer to one another as often as they like. */
static int longest(const struct cloudwatch_metric_data_queries *queries,
	const struct cloudwatch_metric_data_query *q, bool *seen)
{
	int period = 0;

	if (seen[q - queries->v])
		return 0;
	seen[q - queries->v] = true;
	if (q->metric_stat)
		return wire_or(q->metric_stat->period, MATH_PERIOD_DEFAULT);
	for (const char *p = q->expression; *p;) {
		const struct cloudwatch_metric_data_query *other;
		struct view word = {p, 0};
		int one = 0;

		while (isalnum((unsigned char)p[word.len]) || p[word.len] == '_')
			word.len++;
		other = word.len ? query_by_id(queries, word) : NULL;
		if (view_eq(word, VIEW("METRICS")))
			one = longest_metric(queries, seen);
		else if (other)
			one = longest(queries, other, seen);
		period = MAX(period, one);
		p += word.len ? word.len : 1;
	}
	return period;
}

int math_query_period(const struct cloudwatch_metric_data_queries *queries,
	const struct cloudwatch_metric_data_query *q)
{
	CLEANUP(freep) bool *seen = xcalloc(queries->n + 1, sizeof(*seen));
	int period = longest(queries, q, seen);

	return period ? period : wire_or(q->period, MATH_PERIOD_DEFAULT);
}

/* ---- series ---- */

struct reading {
	struct db_tx *tx;
	const struct cloudwatch_metric_data_queries *queries;
	const struct math_range *range;
	struct arena *a;
	size_t *room;
	int depth;
};

static int value_of(struct reading *r, const struct cloudwatch_metric_data_query *q,
	struct expression_value *ret, struct err *err);

int math_metric_read(struct db_tx *tx, const struct cloudwatch_metric_stat *stat,
	const struct math_range *range, struct arena *a, struct signal_series *ret, struct err *err)
{
	const struct cloudwatch_dimensions *from = &stat->metric->dimensions;
	struct signal_dimension *dimensions = arena_new_n(a, from->n + 1, struct signal_dimension);
	struct signal_query q = {
		.name_space = stat->metric->namespace,
		.name = stat->metric->metric_name,
		.unit = stat->unit,
		.from_sec = range->from_sec,
		.period = range->period,
		.n = range->n,
	};

	for (size_t i = 0; i < from->n; i++)
		dimensions[i] = (struct signal_dimension){from->v[i].name, from->v[i].value};
	q.dimensions = signal_dimensions_text(dimensions, from->n, a);
	if (!signal_stat_parse(stat->stat, &q.stat))
		return err_set_wire(
			err, "ValidationError", "statistic '%s' is not known", stat->stat);
	return signal_series_read(tx, &q, a, ret, err);
}

static int find(void *arg, const char *id, struct expression_value *ret, struct err *err)
{
	struct reading *r = arg;
	const struct cloudwatch_metric_data_query *q = query_by_id(r->queries, view_of(id));

	if (!q)
		return err_set_wire(
			err, "ValidationError", "there is no metric or expression '%s'", id);
	return value_of(r, q, ret, err);
}

static int metrics(void *arg, const char *prefix, struct expression_value *ret, struct err *err)
{
	struct reading *r = arg;

	*r->room -= MIN(*r->room, r->queries->n);
	*ret = (struct expression_value){.kind = EXPRESSION_LIST,
		.list = arena_new_n(r->a, r->queries->n + 1, struct signal_series)};
	wire_foreach (q, r->queries) {
		struct expression_value one;

		if (!q->metric_stat || !starts_with(q->id, prefix))
			continue;
		if (value_of(r, q, &one, err) < 0)
			return -1;
		ret->list[ret->n_list++] = one.series;
	}
	return 0;
}

static int value_of(struct reading *r, const struct cloudwatch_metric_data_query *q,
	struct expression_value *ret, struct err *err)
{
	struct expression_scope scope = {
		.a = r->a,
		.n = r->range->n,
		.room = r->room,
		.from_sec = r->range->from_sec,
		.period = r->range->period,
		.find = find,
		.metrics = metrics,
		.arg = r,
	};
	int result;

	if (q->metric_stat) {
		int period = wire_or(q->metric_stat->period, MATH_PERIOD_DEFAULT);

		if (period != r->range->period)
			return err_set_wire(err, "ValidationError",
				"metric '%s' has a period of %d s where %d s are needed", q->id,
				period, r->range->period);
		if (!expression_count(&scope, r->range->n + POINTS_OF_READING))
			return err_set_wire(err, "ValidationError",
				"metric '%s': more is to be computed than a request may ask for",
				q->id);
		*ret = (struct expression_value){.kind = EXPRESSION_SERIES};
		return math_metric_read(r->tx, q->metric_stat, r->range, r->a, &ret->series, err);
	}
	if (r->depth >= MOST_DEPTH)
		return err_set_wire(err, "ValidationError",
			"expression '%s' refers to itself, or is nested too deeply", q->id);
	r->depth++;
	result = expression_evaluate(&scope, q->expression, ret, err);
	r->depth--;
	return result;
}

int math_query_read(struct db_tx *tx, const struct cloudwatch_metric_data_queries *queries,
	const struct cloudwatch_metric_data_query *q, const struct math_range *range,
	struct arena *a, struct signal_series **ret, size_t *ret_n, struct err *err)
{
	size_t room = LIMIT_MATH_POINTS;
	struct reading r = {.tx = tx,
		.queries = queries,
		.range = range,
		.a = a,
		.room = range->room ? range->room : &room};
	struct expression_value v;

	if (value_of(&r, q, &v, err) < 0)
		return -1;
	if (v.kind == EXPRESSION_NUMBER)
		return err_set_wire(err, "ValidationError",
			"expression '%s' is a number; a result must be a time series", q->id);
	if (v.kind == EXPRESSION_LIST) {
		*ret = v.list;
		*ret_n = v.n_list;
		return 0;
	}
	*ret = arena_new(a, struct signal_series);
	**ret = v.series;
	*ret_n = 1;
	return 0;
}
