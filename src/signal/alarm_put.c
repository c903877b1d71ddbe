/* SPDX-License-Identifier: Apache-2.0 */
/* PutMetricAlarm: what an alarm may say, and how it is kept. */
#include <string.h>

#include "signal/alarm.h"
#include "signal/math_query.h"
#include "store/resource_tags.h"

#define MAX_WINDOW_SEC 86400
#define MAX_LONG_WINDOW_SEC 604800
#define MAX_METRICS 10

/* ---- checks ---- */

/* An alarm on one metric. */
static int check_single(const struct cloudwatch_put_metric_alarm_request *req, struct err *err)
{
	struct signal_stat stat;
	const char *text = req->statistic ? req->statistic : req->extended_statistic;

	if (!req->namespace || !req->metric_name || !req->period.set ||
		!req->statistic == !req->extended_statistic)
		return err_set_wire(err, "ValidationError",
			"An alarm needs Namespace, MetricName, Period, Threshold and either "
			"Statistic or ExtendedStatistic, or Metrics");
	if (!signal_stat_parse(text, &stat))
		return err_set_wire(
			err, "ValidationError", "The statistic '%s' is not known", text);
	if (signal_dimension_twice(&req->dimensions))
		return err_set_wire(err, "ValidationError",
			"Dimensions must not contain the name %s twice",
			signal_dimension_twice(&req->dimensions));
	return 0;
}

/* An alarm on metric math. */
static int check_metrics(struct db_tx *tx, const struct cloudwatch_put_metric_alarm_request *req,
	struct arena *a, struct err *err)
{
	const struct cloudwatch_metric_data_query *watched = alarm_watched_query(&req->metrics);
	struct math_range range = {.n = 1};
	struct signal_series *series;
	size_t n, returned = 0;

	if (req->namespace || req->metric_name || req->statistic || req->extended_statistic ||
		req->period.set || req->dimensions.n || req->unit)
		return err_set_wire(err, "ValidationError",
			"Metrics excludes Namespace, MetricName, Dimensions, Period, Unit, "
			"Statistic "
			"and ExtendedStatistic");
	if (req->metrics.n > MAX_METRICS)
		return err_set_wire(err, "ValidationError", "Metrics must hold at most %d queries",
			MAX_METRICS);
	if (math_queries_check(&req->metrics, err) < 0)
		return -1;
	wire_foreach (q, &req->metrics)
		returned += wire_or(q->return_data, true);
	if (returned != 1)
		return err_set_wire(err, "ValidationError",
			"Exactly one query of Metrics must have ReturnData true");
	range.period = math_query_period(&req->metrics, watched);
	/* Over one point: everything it refers to, and its form, is seen. */
	if (math_query_read(tx, &req->metrics, watched, &range, a, &series, &n, err) < 0)
		return -1;
	return n == 1 ? 0
		      : err_set_wire(
				err, "ValidationError", "The expression must give one time series");
}

static int check_metric(struct db_tx *tx, const struct cloudwatch_put_metric_alarm_request *req,
	struct arena *a, struct err *err)
{
	if (req->evaluation_criteria || req->threshold_metric_id)
		return err_set(err, ERR_UNSUPPORTED,
			"alarms on anomaly bands or PromQL are not implemented; use a metric or "
			"metric math");
	if (strstr(req->comparison_operator, "Lower") || strstr(req->comparison_operator, "Upper"))
		return err_set(err, ERR_UNSUPPORTED,
			"comparison %s needs anomaly detection, which is not implemented",
			req->comparison_operator);
	if (!req->threshold.set)
		return err_set_wire(err, "ValidationError", "An alarm needs a Threshold");
	return req->metrics.n ? check_metrics(tx, req, a, err) : check_single(req, err);
}

static int check_window(const struct cloudwatch_put_metric_alarm_request *req, struct err *err)
{
	int period = req->metrics.n
			     ? math_query_period(&req->metrics, alarm_watched_query(&req->metrics))
			     : req->period.v;
	int64_t window = (int64_t)period * req->evaluation_periods.v;

	if (math_period_check(period, NULL) < 0)
		return err_set_wire(
			err, "ValidationError", "Period must be 10, 20, 30 or a multiple of 60");
	if (window > (period < 3600 ? MAX_WINDOW_SEC : MAX_LONG_WINDOW_SEC))
		return err_set_wire(err, "ValidationError",
			"Metrics cannot be checked across more than %s (EvaluationPeriods * Period "
			"must be <= %d).",
			period < 3600 ? "a day" : "a week",
			period < 3600 ? MAX_WINDOW_SEC : MAX_LONG_WINDOW_SEC);
	if (req->datapoints_to_alarm.set && req->datapoints_to_alarm.v > req->evaluation_periods.v)
		return err_set_wire(err, "ValidationError",
			"DatapointsToAlarm must be less than or equal to EvaluationPeriods");
	return 0;
}

static int check_treatment(const struct cloudwatch_put_metric_alarm_request *req, struct err *err)
{
	static const char *const known[] = {"missing", "ignore", "breaching", "notBreaching"};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!req->treat_missing_data || streq(known[i], req->treat_missing_data))
			return 0;
	return err_set_wire(err, "ValidationError",
		"Value for TreatMissingData must be one of missing, ignore, breaching, "
		"notBreaching");
}

static int check_low_samples(const char *text, struct err *err)
{
	if (!text || streq(text, "evaluate") || streq(text, "ignore"))
		return 0;
	return err_set_wire(err, "ValidationError",
		"EvaluateLowSampleCountPercentile must be evaluate or ignore");
}

/* ---- what it looks at, tags ---- */

int alarm_link_metrics(struct db_tx *tx, const struct cloudwatch_metric_alarm *alarm,
	struct arena *a, struct err *err)
{
	if (alarm_unlink(tx, alarm->alarm_name, a, err) < 0)
		return -1;
	if (!alarm->metrics.n)
		return alarm_link_metric(
			tx, alarm->alarm_name, alarm->namespace, alarm->metric_name, err);
	wire_foreach (q, &alarm->metrics) {
		if (q->metric_stat &&
			alarm_link_metric(tx, alarm->alarm_name, q->metric_stat->metric->namespace,
				q->metric_stat->metric->metric_name, err) < 0)
			return -1;
	}
	return 0;
}

static int put_tags(struct db_tx *tx, const char *arn, const struct cloudwatch_tag_list *tags,
	struct arena *a, struct err *err)
{
	struct towpath_string_map map;

	TAG_MAP(a, tags, &map);
	return store_tags_set(tx, arn, &map, "InvalidParameterValueException", a, err);
}

int alarm_put(struct signal_engine *e, struct db_tx *tx, const struct alarm *alarm,
	const struct alarm *old, const struct cloudwatch_tag_list *tags, struct arena *a,
	struct err *err)
{
	const char *name = alarm_name(alarm);

	if (alarm_store(tx, alarm, err) < 0 ||
		alarm_history(e, tx, alarm, "ConfigurationUpdate",
			arena_printf(a, "Alarm \"%s\" %s", name, old ? "updated" : "created"), NULL,
			err) < 0 ||
		alarm_journal_configuration(e, tx, old ? "update" : "create", alarm, old, err) <
			0 ||
		(!old && put_tags(tx, alarm_arn(alarm), tags, a, err) < 0))
		return -1;
	return alarm_wake(e, tx, name, alarm->composite, err);
}

/* ---- PutMetricAlarm ---- */

static struct cloudwatch_metric_alarm alarm_of(struct signal_engine *e,
	const struct cloudwatch_put_metric_alarm_request *req, struct arena *a)
{
	struct wire_time now = WIRE_SET_TIME(durable_now(e->durable));
	struct cloudwatch_metric_alarm alarm = {
		.alarm_name = req->alarm_name,
		.alarm_arn = signal_arn(e, a, "cloudwatch", "alarm:%s", req->alarm_name),
		.alarm_description = req->alarm_description,
		.actions_enabled = WIRE_SET_BOOL(wire_or(req->actions_enabled, true)),
		.alarm_actions = req->alarm_actions,
		.ok_actions = req->ok_actions,
		.insufficient_data_actions = req->insufficient_data_actions,
		.namespace = req->namespace,
		.metric_name = req->metric_name,
		.dimensions = req->dimensions,
		.metrics = req->metrics,
		.statistic = req->statistic,
		.extended_statistic = req->extended_statistic,
		.period = req->period,
		.unit = req->unit,
		.evaluation_periods = req->evaluation_periods,
		.datapoints_to_alarm = req->datapoints_to_alarm,
		.threshold = req->threshold,
		.comparison_operator = req->comparison_operator,
		.treat_missing_data = req->treat_missing_data,
		.evaluate_low_sample_count_percentile = req->evaluate_low_sample_count_percentile,
		.alarm_configuration_updated_timestamp = now,
		.state_value = ALARM_STATE_NO_DATA,
		.state_reason = ALARM_INITIAL_REASON,
		.state_updated_timestamp = now,
		.state_transitioned_timestamp = now,
	};

	alarm.dimensions.set = alarm.alarm_actions.set = alarm.ok_actions.set =
		alarm.insufficient_data_actions.set = true;
	return alarm;
}

static int check_request(struct db_tx *tx, const struct cloudwatch_put_metric_alarm_request *req,
	struct arena *a, struct err *err)
{
	if (check_metric(tx, req, a, err) < 0 || check_window(req, err) < 0 ||
		signal_alarm_actions_check(&req->alarm_actions, err) < 0 ||
		signal_alarm_actions_check(&req->ok_actions, err) < 0 ||
		signal_alarm_actions_check(&req->insufficient_data_actions, err) < 0 ||
		check_treatment(req, err) < 0)
		return -1;
	return check_low_samples(req->evaluate_low_sample_count_percentile, err);
}

static int put_metric_alarm_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, put_metric_alarm);
	struct alarm old, alarm = {0};
	int r = alarm_load(tx, req->alarm_name, a, &old, err);

	if (r < 0 || check_request(tx, req, a, err) < 0)
		return -1;
	if (r > 0 && old.composite)
		return err_set_wire(err, "ValidationError", "%s is the name of a composite alarm",
			req->alarm_name);
	alarm.metric = alarm_of(e, req, a);
	if (r > 0) {
		alarm.metric.state_value = old.metric.state_value;
		alarm.metric.state_reason = old.metric.state_reason;
		alarm.metric.state_reason_data = old.metric.state_reason_data;
		alarm.metric.state_updated_timestamp = old.metric.state_updated_timestamp;
		alarm.metric.state_transitioned_timestamp = old.metric.state_transitioned_timestamp;
	}
	if (alarm_link_metrics(tx, &alarm.metric, a, err) < 0)
		return -1;
	return alarm_put(e, tx, &alarm, r > 0 ? &old : NULL, &req->tags, a, err);
}

SIGNAL_DEFINE(cloudwatch, put_metric_alarm, signal_write)
