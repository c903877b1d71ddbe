/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of cloudwatch on metrics. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "signal/internal.h"
#include "signal/math_query.h"

#define MAX_POINTS 1440
#define MAX_QUERIES 500
#define MAX_QUERY_POINTS 100800
#define MAX_DATA 1000
#define MAX_DATUM_VALUES 150
#define MAX_VALUE 2.6e108 /* 2^360 */
#define OLDEST_USEC (14 * 86400 * USEC_PER_SEC)
#define NEWEST_USEC (2 * 3600 * USEC_PER_SEC)
#define LISTED_SEC (14 * 86400)
#define RECENTLY_LISTED_SEC (3 * 3600) /* RecentlyActive: PT3H is all that there is */

static struct signal_dimension *dimensions_of(
	const struct cloudwatch_dimensions *from, struct arena *a)
{
	struct signal_dimension *d = arena_new_n(a, from->n + 1, struct signal_dimension);

	for (size_t i = 0; i < from->n; i++)
		d[i] = (struct signal_dimension){from->v[i].name, from->v[i].value};
	return d;
}

static char *dimensions_text(const struct cloudwatch_dimensions *from, struct arena *a)
{
	return signal_dimensions_text(dimensions_of(from, a), from->n, a);
}

/* ---- PutMetricData ---- */

static bool value_ok(double v)
{
	return isfinite(v) && fabs(v) <= MAX_VALUE;
}

static int check_datum(const struct cloudwatch_metric_datum *d, const struct signal_datum *x,
	int64_t now, struct err *err)
{
	int forms = d->value.set + (d->values.n > 0) + (d->statistic_values != NULL);

	if (forms != 1)
		return err_set_wire(err, "InvalidParameterCombinationException",
			"The parameters MetricData.member.Value, MetricData.member.Values and "
			"MetricData.member.StatisticValues are mutually exclusive and you have "
			"specified %s.",
			forms ? "more than one" : "none");
	if (d->values.n > MAX_DATUM_VALUES)
		return err_set_wire(err, "InvalidParameterValueException",
			"The collection MetricData.member.Values must not have a size greater than "
			"%d.",
			MAX_DATUM_VALUES);
	if (d->storage_resolution.set && d->storage_resolution.v != 1 &&
		d->storage_resolution.v != 60)
		return err_set_wire(err, "InvalidParameterValueException",
			"The parameter MetricData.member.StorageResolution must be 1 or 60.");
	if (signal_dimension_twice(&d->dimensions))
		return err_set_wire(err, "InvalidParameterValueException",
			"The parameter MetricData.member.Dimensions must not contain the name %s "
			"twice.",
			signal_dimension_twice(&d->dimensions));
	if (d->counts.n && d->counts.n != d->values.n)
		return err_set_wire(err, "InvalidParameterValueException",
			"The parameters MetricData.member.Values and MetricData.member.Counts must "
			"be of the same size.");
	for (size_t i = 0; i < x->n; i++)
		if (!value_ok(x->values[i]))
			return err_set_wire(err, "InvalidParameterValueException",
				"The value %g for parameter MetricData.member.Value is invalid.",
				x->values[i]);
	if (x->usec < now - OLDEST_USEC || x->usec > now + NEWEST_USEC)
		return err_set_wire(err, "InvalidParameterValueException",
			"The parameter MetricData.member.Timestamp must be within the last two "
			"weeks and at most two hours ahead.");
	return 0;
}

static void spread_statistics(
	const struct cloudwatch_statistic_set *s, struct arena *a, struct signal_datum *ret)
{
	double *values = arena_new_n(a, 3, double), *counts = arena_new_n(a, 3, double);

	ret->n = signal_statistics_spread(wire_or(s->sample_count, 0), wire_or(s->sum, 0),
		wire_or(s->minimum, 0), wire_or(s->maximum, 0), values, counts);
	ret->values = values;
	ret->counts = counts;
}

static int datum_of(const struct cloudwatch_put_metric_data_request *req,
	const struct cloudwatch_metric_datum *d, int64_t now, struct arena *a,
	struct signal_datum *ret, struct err *err)
{
	double *values = arena_new_n(a, d->values.n + 1, double);
	double *counts = arena_new_n(a, d->values.n + 1, double);

	*ret = (struct signal_datum){
		.name_space = req->namespace,
		.name = d->metric_name,
		.unit = d->unit,
		.dimensions = dimensions_of(&d->dimensions, a),
		.n_dimensions = d->dimensions.n,
		.usec = d->timestamp.set ? d->timestamp.usec : now,
		.values = values,
		.counts = counts,
		.n = d->values.n,
		.high_resolution = wire_or(d->storage_resolution, 60) == 1,
	};
	for (size_t i = 0; i < d->values.n; i++) {
		values[i] = d->values.v[i].v;
		counts[i] = i < d->counts.n ? d->counts.v[i].v : 1;
	}
	if (d->value.set) {
		values[0] = d->value.v;
		counts[0] = 1;
		ret->n = 1;
	}
	if (d->statistic_values)
		spread_statistics(d->statistic_values, a, ret);
	return check_datum(d, ret, now, err);
}

int signal_cloudwatch_put_metric_data(struct signal_engine *e, struct call *call,
	const struct cloudwatch_put_metric_data_request *req,
	struct cloudwatch_put_metric_data_response *resp, struct err *err)
{
	struct signal_datum *data =
		arena_new_n(call->arena, req->metric_data.n + 1, struct signal_datum);
	int64_t now = durable_now(e->durable);

	(void)resp;
	if (req->entity_metric_data.n)
		return err_set(err, ERR_UNSUPPORTED, "EntityMetricData is not implemented");
	if (!req->metric_data.n)
		return err_set_wire(err, "MissingRequiredParameterException",
			"The parameter MetricData is required.");
	if (req->metric_data.n > MAX_DATA)
		return err_set_wire(err, "InvalidParameterValueException",
			"The collection MetricData must not have a size greater than %d.",
			MAX_DATA);
	if (starts_with(req->namespace, "AWS/") || req->namespace[0] == ':')
		return err_set_wire(err, "InvalidParameterValueException",
			"The value %s for parameter Namespace is invalid.", req->namespace);
	for (size_t i = 0; i < req->metric_data.n; i++)
		if (datum_of(req, &req->metric_data.v[i], now, call->arena, &data[i], err) < 0)
			return -1;
	return signal_metric_put(e, data, req->metric_data.n, err);
}

/* ---- reading ---- */

/* Aligned to the period; false when nothing lies in the range. */
static bool range_of(
	int64_t start_usec, int64_t end_usec, int period, int64_t *ret_from, size_t *ret_n)
{
	int64_t from = start_usec / USEC_PER_SEC;
	int64_t to = (end_usec + USEC_PER_SEC - 1) / USEC_PER_SEC;

	from -= from % period;
	if (to <= from)
		return false;
	*ret_from = from;
	*ret_n = (size_t)((to - from + period - 1) / period);
	return true;
}

static void put_statistic(struct cloudwatch_datapoint *p, enum signal_statistic kind, double value)
{
	struct wire_double v = WIRE_SET_DOUBLE(value);

	switch (kind) {
	case SIGNAL_SAMPLE_COUNT:
		p->sample_count = v;
		break;
	case SIGNAL_SUM:
		p->sum = v;
		break;
	case SIGNAL_AVERAGE:
		p->average = v;
		break;
	case SIGNAL_MINIMUM:
		p->minimum = v;
		break;
	case SIGNAL_MAXIMUM:
		p->maximum = v;
		break;
	default:
		break; /* extended */
	}
}

/* Adds one statistic to all points that have data. */
static int add_statistic(struct db_tx *tx, struct signal_query *q, const char *text,
	struct cloudwatch_datapoint *points, struct arena *a, struct err *err)
{
	struct signal_series s;

	if (!signal_stat_parse(text, &q->stat))
		return err_set_wire(err, "InvalidParameterValueException",
			"The statistic '%s' is not known; use SampleCount, Sum, Average, Minimum, "
			"Maximum or an extended one such as p99, tm90 or TM(5%%:95%%)",
			text);
	if (signal_series_read(tx, q, a, &s, err) < 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		struct cloudwatch_datapoint_value_map *more = &points[i].extended_statistics;

		if (!s.present[i])
			continue;
		points[i].unit = s.unit ? s.unit : "None";
		points[i].timestamp =
			WIRE_SET_TIME((q->from_sec + (int64_t)i * q->period) * USEC_PER_SEC);
		put_statistic(&points[i], q->stat.kind, s.values[i]);
		if (q->stat.kind < SIGNAL_PERCENTILE)
			continue;
		if (!more->set) {
			wire_list_alloc(a, more, 10);
			more->n = 0;
		}
		more->v[more->n++] = (struct cloudwatch_datapoint_value_map_kv){
			text, WIRE_SET_DOUBLE(s.values[i])};
	}
	return 0;
}

static int get_metric_statistics_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, get_metric_statistics);
	struct cloudwatch_datapoint *points;
	struct signal_query q = {
		.name_space = req->namespace,
		.name = req->metric_name,
		.dimensions = dimensions_text(&req->dimensions, a),
		.unit = req->unit,
		.period = req->period.v,
	};

	resp->label = req->metric_name;
	if (!req->statistics.n && !req->extended_statistics.n)
		return err_set_wire(err, "MissingRequiredParameterException",
			"Must specify either Statistics or ExtendedStatistics.");
	if (math_period_check(q.period, err) < 0)
		return -1;
	if (!range_of(req->start_time.usec, req->end_time.usec, q.period, &q.from_sec, &q.n))
		return err_set_wire(err, "InvalidParameterValueException",
			"The parameter StartTime must be less than the parameter EndTime.");
	if (q.n > MAX_POINTS)
		return err_set_wire(err, "InvalidParameterCombinationException",
			"You have requested up to %zu datapoints, which exceeds the limit of %d.",
			q.n, MAX_POINTS);
	points = arena_new_n(a, q.n + 1, struct cloudwatch_datapoint);
	wire_foreach (s, &req->statistics) {
		if (add_statistic(tx, &q, *s, points, a, err) < 0)
			return -1;
	}
	wire_foreach (s, &req->extended_statistics) {
		if (add_statistic(tx, &q, *s, points, a, err) < 0)
			return -1;
	}
	wire_list_alloc(a, &resp->datapoints, q.n);
	resp->datapoints.n = 0;
	for (size_t i = 0; i < q.n; i++) {
		if (!points[i].timestamp.set)
			continue;
		resp->datapoints.v[resp->datapoints.n++] = points[i];
	}
	return 0;
}

/* ---- GetMetricData ---- */

#define NO_POINT (-1)

/* A page begins at a point of a series (the how-manieth of the request), or at a series without
 * points. Points that come in meanwhile do not shift it. */
struct results {
	struct cloudwatch_metric_data_result *v;
	size_t n, cap;
	size_t first;	   /* series */
	int64_t first_sec; /* its point, or NO_POINT */
	size_t seen, room; /* series so far; points that the page still takes */
	size_t math_room;  /* what queries may still compute */
	char *next;	   /* where the next page begins, once this one is full */
};

static int read_page(
	const struct cloudwatch_get_metric_data_request *req, struct results *out, struct err *err)
{
	long long sec = NO_POINT;
	int end = 0;

	out->room = (size_t)wire_or(req->max_datapoints, MAX_QUERY_POINTS);
	if (req->max_datapoints.set &&
		(req->max_datapoints.v < 1 || req->max_datapoints.v > MAX_QUERY_POINTS))
		return err_set_wire(
			err, "ValidationError", "MaxDatapoints must be 1 to %d", MAX_QUERY_POINTS);
	if (req->next_token &&
		(sscanf(req->next_token, "%9zu %lld%n", &out->first, &sec, &end) < 2 ||
			req->next_token[end]))
		return err_set_wire(err, "InvalidNextToken", "The next token is not valid");
	out->first_sec = sec;
	return 0;
}

/* Adds those points of the series that belong to the page. */
static void put_points(const struct math_range *range, const struct signal_series *s,
	bool ascending, struct results *page, struct arena *a,
	struct cloudwatch_metric_data_result *ret)
{
	size_t series = page->seen - 1;
	bool begun = series > page->first || page->first_sec == NO_POINT;

	wire_list_alloc(a, &ret->timestamps, MIN(s->n, page->room));
	wire_list_alloc(a, &ret->values, MIN(s->n, page->room));
	ret->timestamps.n = ret->values.n = 0;
	for (size_t k = 0; k < s->n; k++) {
		size_t i = ascending ? k : s->n - 1 - k;
		int64_t sec = range->from_sec + (int64_t)i * range->period;

		begun |= ascending ? sec >= page->first_sec : sec <= page->first_sec;
		if (!s->present[i] || !begun)
			continue;
		if (!page->room) {
			ret->status_code = CLOUDWATCH_STATUS_CODE_PARTIALDATA;
			page->next = arena_printf(a, "%zu %lld", series, (long long)sec);
			return;
		}
		page->room--;
		ret->timestamps.v[ret->timestamps.n++] = WIRE_SET_TIME(sec * USEC_PER_SEC);
		ret->values.v[ret->values.n++] = WIRE_SET_DOUBLE(s->values[i]);
	}
	if (!ret->values.n && !page->room)
		page->next = arena_printf(a, "%zu %d", series, NO_POINT);
}

static void results_release(struct results *r)
{
	vec_release(r);
}

/* An expression over all metrics gives a result for each. */
static int add_results(struct db_tx *tx, const struct cloudwatch_get_metric_data_request *req,
	const struct cloudwatch_metric_data_query *query, struct arena *a, struct results *out,
	struct err *err)
{
	bool ascending = streq(req->scan_by, CLOUDWATCH_SCAN_BY_TIMESTAMPASCENDING);
	struct math_range range = {.period = math_query_period(&req->metric_data_queries, query),
		.room = &out->math_room};
	const char *label = query->label	 ? query->label
			    : query->metric_stat ? query->metric_stat->metric->metric_name
						 : query->id;
	struct signal_series *series;
	size_t n;

	if (!range_of(req->start_time.usec, req->end_time.usec, range.period, &range.from_sec,
		    &range.n) ||
		range.n > MAX_QUERY_POINTS)
		return err_set_wire(err, "ValidationError",
			"The range from StartTime to EndTime must hold 1 to %d datapoints",
			MAX_QUERY_POINTS);
	if (math_query_read(tx, &req->metric_data_queries, query, &range, a, &series, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct cloudwatch_metric_data_result r = {.id = query->id,
			.label = label,
			.status_code = CLOUDWATCH_STATUS_CODE_COMPLETE};

		if (out->seen++ < out->first || out->next)
			continue;
		put_points(&range, &series[i], ascending, out, a, &r);
		if (r.values.n || !out->next)
			vec_push(out, r);
	}
	return 0;
}

static int get_metric_data_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, get_metric_data);
	struct results found CLEANUP(results_release) = {.math_room = LIMIT_MATH_POINTS};

	if (req->metric_data_queries.n > MAX_QUERIES)
		return err_set_wire(err, "ValidationError",
			"A request must hold at most %d queries", MAX_QUERIES);
	if (math_queries_check(&req->metric_data_queries, err) < 0 ||
		read_page(req, &found, err) < 0)
		return -1;
	wire_foreach (query, &req->metric_data_queries) {
		if (found.next)
			break;
		if (wire_or(query->return_data, true) &&
			add_results(tx, req, query, a, &found, err) < 0)
			return -1;
	}
	wire_list_alloc(a, &resp->metric_data_results, found.n);
	for (size_t i = 0; i < found.n; i++)
		resp->metric_data_results.v[i] = found.v[i];
	resp->next_token = found.next;
	return 0;
}

static bool has_dimensions(
	const struct cloudwatch_dimensions *have, const struct cloudwatch_dimension_filters *wanted)
{
	wire_foreach (f, wanted) {
		bool found = false;

		wire_foreach (d, have)
			found |=
				streq(d->name, f->name) && (!f->value || streq(d->value, f->value));
		if (!found)
			return false;
	}
	return true;
}

static int list_metrics_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, list_metrics);
	int64_t listed = req->recently_active ? RECENTLY_LISTED_SEC : LISTED_SEC;
	struct store_metric_stream *streams;
	size_t n;

	if (store_metric_streams(tx, req->namespace, req->metric_name, NULL, NULL,
		    durable_now(e->durable) / USEC_PER_SEC - listed, a, &streams, &n, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->metrics, n);
	resp->metrics.n = 0;
	for (size_t i = 0; i < n; i++) {
		struct cloudwatch_metric *m = &resp->metrics.v[resp->metrics.n];

		*m = (struct cloudwatch_metric){
			.namespace = streams[i].name_space, .metric_name = streams[i].name};
		if (signal_dimensions_parse(streams[i].dimensions, a, &m->dimensions, err) < 0)
			return -1;
		resp->metrics.n += has_dimensions(&m->dimensions, &req->dimensions);
	}
	return 0;
}

SIGNAL_DEFINE(cloudwatch, get_metric_statistics, signal_read)
SIGNAL_DEFINE(cloudwatch, get_metric_data, signal_read)
SIGNAL_DEFINE(cloudwatch, list_metrics, signal_read)
