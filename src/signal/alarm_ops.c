/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of cloudwatch on alarms. */
#include <stdlib.h>
#include <string.h>

#include "signal/internal.h"

#define MAX_WINDOW_SEC 86400
#define MAX_LONG_WINDOW_SEC 604800
#define DEFAULT_RECORDS 50

/* ---- PutMetricAlarm ---- */

static int check_metric(const struct cloudwatch_put_metric_alarm_request *req, struct err *err)
{
	struct signal_stat stat;

	if (req->metrics.n || req->evaluation_criteria || req->threshold_metric_id)
		return err_set(err, ERR_UNSUPPORTED,
			"alarms on metric math, anomaly bands or queries are not implemented; give "
			"Namespace, MetricName and a statistic");
	if (!req->namespace || !req->metric_name || !req->period.set ||
		!req->statistic == !req->extended_statistic || !req->threshold.set)
		return err_set_wire(err, "ValidationError",
			"An alarm needs Namespace, MetricName, Period, Threshold and either "
			"Statistic "
			"or ExtendedStatistic");
	if (req->extended_statistic && !signal_stat_parse(req->extended_statistic, &stat))
		return err_set(err, ERR_UNSUPPORTED,
			"statistic %s is not implemented; use a percentile such as p99",
			req->extended_statistic);
	if (strstr(req->comparison_operator, "Lower") || strstr(req->comparison_operator, "Upper"))
		return err_set(err, ERR_UNSUPPORTED,
			"comparison %s needs anomaly detection, which is not implemented",
			req->comparison_operator);
	return 0;
}

static int check_window(const struct cloudwatch_put_metric_alarm_request *req, struct err *err)
{
	int period = req->period.v;
	int64_t window = (int64_t)period * req->evaluation_periods.v;

	if (period != 1 && period != 5 && period != 10 && period != 20 && period != 30 &&
		(period <= 0 || period % 60))
		return err_set_wire(
			err, "ValidationError", "Period must be 10, 20, 30 or a multiple of 60");
	if (window > (period < 3600 ? MAX_WINDOW_SEC : MAX_LONG_WINDOW_SEC))
		return err_set_wire(err, "ValidationError",
			"Metrics cannot be checked across more than a day (EvaluationPeriods * "
			"Period "
			"must be <= %d).",
			period < 3600 ? MAX_WINDOW_SEC : MAX_LONG_WINDOW_SEC);
	if (req->datapoints_to_alarm.set && req->datapoints_to_alarm.v > req->evaluation_periods.v)
		return err_set_wire(err, "ValidationError",
			"DatapointsToAlarm must be less than or equal to EvaluationPeriods");
	return 0;
}

/* Their delivery is not built: nobody must believe that they run. */
static int check_actions(const struct cloudwatch_put_metric_alarm_request *req, struct err *err)
{
	if (req->alarm_actions.n || req->ok_actions.n || req->insufficient_data_actions.n)
		return err_set(err, ERR_UNSUPPORTED,
			"actions of alarms are not implemented; let deployments watch the alarm, "
			"or "
			"use an event rule on 'CloudWatch Alarm State Change'");
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

static int put_metric_alarm_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, put_metric_alarm);
	struct cloudwatch_metric_alarm old;
	struct wire_time now = WIRE_SET_TIME(durable_now(e->durable));
	int r = store_document_get(tx, &STORE_ALARM, req->alarm_name, a, &old, err);
	struct cloudwatch_metric_alarm alarm = {
		.alarm_name = req->alarm_name,
		.alarm_arn = signal_arn(e, a, "cloudwatch", "alarm:%s", req->alarm_name),
		.alarm_description = req->alarm_description,
		.actions_enabled = WIRE_SET_BOOL(wire_or(req->actions_enabled, true)),
		.alarm_actions = {.set = true},
		.ok_actions = {.set = true},
		.insufficient_data_actions = {.set = true},
		.namespace = req->namespace,
		.metric_name = req->metric_name,
		.dimensions = req->dimensions,
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
		.state_value = "INSUFFICIENT_DATA",
		.state_reason = "Unchecked: Initial alarm creation",
		.state_updated_timestamp = now,
		.state_transitioned_timestamp = now,
	};

	if (r < 0 || check_metric(req, err) < 0 || check_window(req, err) < 0 ||
		check_actions(req, err) < 0 || check_treatment(req, err) < 0)
		return -1;
	alarm.dimensions.set = true;
	if (r > 0) {
		alarm.state_value = old.state_value;
		alarm.state_reason = old.state_reason;
		alarm.state_reason_data = old.state_reason_data;
		alarm.state_updated_timestamp = old.state_updated_timestamp;
		alarm.state_transitioned_timestamp = old.state_transitioned_timestamp;
	}
	if (store_document_put(tx, &STORE_ALARM, req->alarm_name, NULL, &alarm, err) < 0 ||
		signal_alarm_history(e, tx, req->alarm_name, "ConfigurationUpdate",
			arena_printf(a, "Alarm \"%s\" %s", req->alarm_name,
				r > 0 ? "updated" : "created"),
			NULL, err) < 0)
		return -1;
	return signal_alarm_schedule(e, tx, req->alarm_name, err);
}

/* ---- describing ---- */

static bool one_of(const struct cloudwatch_alarm_names *names, const char *name)
{
	wire_foreach (x, names) {
		if (streq(*x, name))
			return true;
	}
	return false;
}

static bool wants_metric_alarms(const struct cloudwatch_alarm_types *types)
{
	if (!types->n)
		return true;
	wire_foreach (t, types) {
		if (streq(*t, "MetricAlarm"))
			return true;
	}
	return false;
}

static int describe_alarms_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, describe_alarms);
	size_t max = (size_t)wire_or(req->max_records, DEFAULT_RECORDS);
	struct store_documents all;

	wire_list_alloc(a, &resp->metric_alarms, max + 1);
	resp->metric_alarms.n = 0;
	wire_list_alloc(a, &resp->composite_alarms, 0);
	if (req->alarm_names.n && req->alarm_name_prefix)
		return err_set_wire(err, "ValidationError",
			"AlarmNames and AlarmNamePrefix are mutually exclusive");
	if (!wants_metric_alarms(&req->alarm_types))
		return 0;
	if (store_document_list(tx, &STORE_ALARM,
		    &(struct store_document_filter){
			    .prefix = req->alarm_name_prefix, .after = req->next_token},
		    a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct cloudwatch_metric_alarm *alarm = all.v[i];

		if ((req->alarm_names.n && !one_of(&req->alarm_names, alarm->alarm_name)) ||
			(req->state_value && !streq(req->state_value, alarm->state_value)))
			continue;
		if (resp->metric_alarms.n == max) {
			resp->next_token = resp->metric_alarms.v[max - 1].alarm_name;
			return 0;
		}
		resp->metric_alarms.v[resp->metric_alarms.n++] = *alarm;
	}
	return 0;
}

static bool same_dimensions(
	const struct cloudwatch_dimensions *x, const struct cloudwatch_dimensions *y)
{
	size_t same = 0;

	wire_foreach (a, x) {
		wire_foreach (b, y)
			same += streq(a->name, b->name) && streq(a->value, b->value);
	}
	return x->n == y->n && same == x->n;
}

static int describe_alarms_for_metric_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, describe_alarms_for_metric);
	struct store_documents all;

	if (store_document_list(tx, &STORE_ALARM, NULL, a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->metric_alarms, all.n);
	resp->metric_alarms.n = 0;
	for (size_t i = 0; i < all.n; i++) {
		const struct cloudwatch_metric_alarm *alarm = all.v[i];

		if (streq(alarm->namespace, req->namespace) &&
			streq(alarm->metric_name, req->metric_name) &&
			(!req->statistic || streq(req->statistic, alarm->statistic)) &&
			(!req->extended_statistic ||
				streq(req->extended_statistic, alarm->extended_statistic)) &&
			(!req->period.set || req->period.v == alarm->period.v) &&
			same_dimensions(&alarm->dimensions, &req->dimensions))
			resp->metric_alarms.v[resp->metric_alarms.n++] = *alarm;
	}
	return 0;
}

static int newest_first(const void *x, const void *y)
{
	int64_t a = ((const struct cloudwatch_alarm_history_item *)x)->timestamp.usec;
	int64_t b = ((const struct cloudwatch_alarm_history_item *)y)->timestamp.usec;

	return (a < b) - (a > b);
}

static int oldest_first(const void *x, const void *y)
{
	return newest_first(y, x);
}

static int describe_alarm_history_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, describe_alarm_history);
	size_t max = (size_t)wire_or(req->max_records, 100);
	struct store_documents all;

	if (store_document_list(tx, &STORE_ALARM_HISTORY,
		    &(struct store_document_filter){.owner = req->alarm_name}, a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->alarm_history_items, all.n);
	resp->alarm_history_items.n = 0;
	for (size_t i = 0; i < all.n; i++) {
		const struct cloudwatch_alarm_history_item *item = all.v[i];

		if ((req->history_item_type &&
			    !streq(req->history_item_type, item->history_item_type)) ||
			(req->start_date.set && item->timestamp.usec < req->start_date.usec) ||
			(req->end_date.set && item->timestamp.usec > req->end_date.usec))
			continue;
		resp->alarm_history_items.v[resp->alarm_history_items.n++] = *item;
	}
	qsort(resp->alarm_history_items.v, resp->alarm_history_items.n,
		sizeof(*resp->alarm_history_items.v),
		streq(req->scan_by, CLOUDWATCH_SCAN_BY_TIMESTAMPASCENDING) ? oldest_first
									   : newest_first);
	resp->alarm_history_items.n = MIN(resp->alarm_history_items.n, max);
	return 0;
}

/* ---- changing ---- */

static int delete_alarms_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, delete_alarms);

	wire_foreach (name, &req->alarm_names) {
		struct cloudwatch_metric_alarm alarm;
		int r = store_document_get(tx, &STORE_ALARM, *name, a, &alarm, err);

		if (r < 0)
			return -1;
		if (r == 0)
			continue;
		if (store_document_delete(tx, &STORE_ALARM, *name, err) < 0 ||
			task_cancel(e->durable, tx, SIGNAL_TASK_ALARM, *name, NULL, err) < 0 ||
			signal_alarm_history(e, tx, *name, "ConfigurationUpdate",
				arena_printf(a, "Alarm \"%s\" deleted", *name), NULL, err) < 0)
			return -1;
	}
	return 0;
}

static int switch_actions(struct db_tx *tx, const struct cloudwatch_alarm_names *names, bool on,
	struct arena *a, struct err *err)
{
	wire_foreach (name, names) {
		struct cloudwatch_metric_alarm alarm;
		int r = store_document_get(tx, &STORE_ALARM, *name, a, &alarm, err);

		if (r < 0)
			return -1;
		alarm.actions_enabled = WIRE_SET_BOOL(on);
		if (r > 0 && store_document_put(tx, &STORE_ALARM, *name, NULL, &alarm, err) < 0)
			return -1;
	}
	return 0;
}

static int disable_alarm_actions_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, disable_alarm_actions);

	return switch_actions(tx, &req->alarm_names, false, a, err);
}

static int enable_alarm_actions_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, enable_alarm_actions);

	return switch_actions(tx, &req->alarm_names, true, a, err);
}

static int set_alarm_state_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, set_alarm_state);
	struct cloudwatch_metric_alarm alarm;
	int r = store_document_get(tx, &STORE_ALARM, req->alarm_name, a, &alarm, err);

	if (r == 0)
		return err_set_wire(err, "ResourceNotFound", "Unknown alarm: %s", req->alarm_name);
	return r < 0 ? -1
		     : signal_alarm_set_state(e, tx, &alarm, req->state_value, req->state_reason,
			       req->state_reason_data, err);
}

SIGNAL_DEFINE(cloudwatch, delete_alarms, signal_write)
SIGNAL_DEFINE(cloudwatch, describe_alarm_history, signal_read)
SIGNAL_DEFINE(cloudwatch, describe_alarms, signal_read)
SIGNAL_DEFINE(cloudwatch, describe_alarms_for_metric, signal_read)
SIGNAL_DEFINE(cloudwatch, disable_alarm_actions, signal_write)
SIGNAL_DEFINE(cloudwatch, enable_alarm_actions, signal_write)
SIGNAL_DEFINE(cloudwatch, put_metric_alarm, signal_write)
SIGNAL_DEFINE(cloudwatch, set_alarm_state, signal_write)
