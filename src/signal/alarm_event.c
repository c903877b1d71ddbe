/* SPDX-License-Identifier: Apache-2.0 */
/* The events "CloudWatch Alarm State Change" and "CloudWatch Alarm Configuration Change", whose
 * details go into the journal with the change. */
#include "signal/alarm.h"

static void put_time(struct json_writer *w, const char *key, struct wire_time at)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;

	if (at.set)
		json_put_member(w, key, alarm_date(&a, at.usec));
}

static void put_text(struct json_writer *w, const char *key, const char *text)
{
	if (text)
		json_put_member(w, key, text);
}

/* ---- configuration ---- */

static void put_metric(struct json_writer *w, const struct cloudwatch_metric *m, int period,
	const char *stat, const char *unit)
{
	json_key(w, "metricStat");
	json_open(w, '{');
	json_key(w, "metric");
	json_open(w, '{');
	json_put_member(w, "namespace", m->namespace);
	json_put_member(w, "name", m->metric_name);
	json_key(w, "dimensions");
	json_open(w, '{');
	wire_foreach (d, &m->dimensions)
		json_put_member(w, d->name, d->value);
	json_close(w, '}');
	json_close(w, '}');
	json_key(w, "period");
	json_put_int(w, period);
	put_text(w, "stat", stat);
	put_text(w, "unit", unit);
	json_close(w, '}');
}

static void put_query(struct json_writer *w, const struct cloudwatch_metric_data_query *q)
{
	json_open(w, '{');
	json_put_member(w, "id", q->id);
	put_text(w, "expression", q->expression);
	put_text(w, "label", q->label);
	if (q->metric_stat)
		put_metric(w, q->metric_stat->metric, q->metric_stat->period.v,
			q->metric_stat->stat, q->metric_stat->unit);
	json_key(w, "returnData");
	json_put_bool(w, wire_or(q->return_data, true));
	json_close(w, '}');
}

static void put_metrics(struct json_writer *w, const struct cloudwatch_metric_alarm *m)
{
	const struct cloudwatch_metric metric = {
		.namespace = m->namespace,
		.metric_name = m->metric_name,
		.dimensions = m->dimensions,
	};

	json_key(w, "metrics");
	json_open(w, '[');
	wire_foreach (q, &m->metrics)
		put_query(w, q);
	if (!m->metrics.n) {
		json_open(w, '{');
		json_put_member(w, "id", id_uuid().text);
		put_metric(w, &metric, m->period.v,
			m->statistic ? m->statistic : m->extended_statistic, m->unit);
		json_key(w, "returnData");
		json_put_bool(w, true);
		json_close(w, '}');
	}
	json_close(w, ']');
}

static void put_composite(struct json_writer *w, const struct cloudwatch_composite_alarm *c)
{
	json_put_member(w, "alarmRule", c->alarm_rule);
	if (!c->actions_suppressor)
		return;
	json_put_member(w, "actionsSuppressor", c->actions_suppressor);
	json_key(w, "actionsSuppressorWaitPeriod");
	json_put_int(w, c->actions_suppressor_wait_period.v);
	json_key(w, "actionsSuppressorExtensionPeriod");
	json_put_int(w, c->actions_suppressor_extension_period.v);
}

static void put_configuration(struct json_writer *w, const struct alarm *alarm)
{
	json_key(w, "configuration");
	json_open(w, '{');
	put_text(w, "description", ALARM_OF(alarm, alarm_description));
	if (alarm->composite)
		put_composite(w, &alarm->both);
	else
		put_metrics(w, &alarm->metric);
	json_close(w, '}');
}

/* ---- history ---- */

static void put_history_state(
	struct json_writer *w, const char *key, const struct alarm *alarm, struct arena *a)
{
	const char *data = ALARM_OF(alarm, state_reason_data);
	const struct json_node *node;

	json_key(w, key);
	json_open(w, '{');
	json_put_member(w, "stateValue", alarm_state(alarm));
	put_text(w, "stateReason", ALARM_OF(alarm, state_reason));
	if (data && json_parse(view_of(data), a, &node, NULL) == 0) {
		json_key(w, "stateReasonData");
		json_put_raw(w, view_of(data));
	}
	json_close(w, '}');
}

char *alarm_history_states(const struct alarm *now, const struct alarm *before, struct arena *a)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	json_put_member(&w, "version", "1.0");
	put_history_state(&w, "oldState", before, a);
	put_history_state(&w, "newState", now, a);
	json_close(&w, '}');
	return arena_strdup(a, str_text(&text));
}

/* ---- states ---- */

static void put_state(struct json_writer *w, const char *key, const struct alarm *alarm)
{
	json_key(w, key);
	json_open(w, '{');
	json_put_member(w, "value", alarm_state(alarm));
	put_text(w, "reason", ALARM_OF(alarm, state_reason));
	put_text(w, "reasonData", ALARM_OF(alarm, state_reason_data));
	put_time(w, "timestamp", ALARM_OF(alarm, state_updated_timestamp));
	if (alarm->composite) {
		put_text(w, "actionsSuppressedBy", alarm->both.actions_suppressed_by);
		put_text(w, "actionsSuppressedReason", alarm->both.actions_suppressed_reason);
	}
	json_close(w, '}');
}

char *alarm_event_detail(const struct alarm *now, const struct alarm *before, struct arena *a)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	json_put_member(&w, "alarmName", alarm_name(now));
	put_configuration(&w, now);
	put_state(&w, "previousState", before);
	put_state(&w, "state", now);
	json_close(&w, '}');
	return arena_strdup(a, str_text(&text));
}

/* ---- changes of the configuration ---- */

static void put_actions(
	struct json_writer *w, const char *key, struct cloudwatch_resource_list actions)
{
	json_key(w, key);
	json_open(w, '[');
	wire_foreach (arn, &actions)
		json_put_text(w, *arn);
	json_close(w, ']');
}

static void put_rule(struct json_writer *w, const struct cloudwatch_metric_alarm *m)
{
	json_key(w, "evaluationPeriods");
	json_put_int(w, m->evaluation_periods.v);
	if (m->datapoints_to_alarm.set) {
		json_key(w, "datapointsToAlarm");
		json_put_int(w, m->datapoints_to_alarm.v);
	}
	json_key(w, "threshold");
	json_put_real(w, m->threshold.v);
	json_put_member(w, "comparisonOperator", m->comparison_operator);
	put_text(w, "treatMissingData", m->treat_missing_data);
	put_text(w, "evaluateLowSampleCountPercentile", m->evaluate_low_sample_count_percentile);
	put_metrics(w, m);
}

static void put_definition(struct json_writer *w, const char *key, const struct alarm *alarm)
{
	json_key(w, key);
	json_open(w, '{');
	if (alarm->composite)
		put_composite(w, &alarm->both);
	else
		put_rule(w, &alarm->metric);
	json_put_member(w, "alarmName", alarm_name(alarm));
	put_text(w, "description", ALARM_OF(alarm, alarm_description));
	json_key(w, "actionsEnabled");
	json_put_bool(w, wire_or(ALARM_OF(alarm, actions_enabled), true));
	put_time(w, "timestamp", ALARM_OF(alarm, alarm_configuration_updated_timestamp));
	put_actions(w, "okActions", ALARM_OF(alarm, ok_actions));
	put_actions(w, "alarmActions", ALARM_OF(alarm, alarm_actions));
	put_actions(w, "insufficientDataActions", ALARM_OF(alarm, insufficient_data_actions));
	json_close(w, '}');
}

int alarm_journal_configuration(struct signal_engine *e, struct db_tx *tx, const char *operation,
	const struct alarm *alarm, const struct alarm *before, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct str detail CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};
	struct towpath_event_alarm event = {.alarm_name = alarm_name(alarm),
		.state = alarm_state(alarm),
		.operation = operation};

	json_open(&w, '{');
	json_put_member(&w, "alarmName", alarm_name(alarm));
	json_put_member(&w, "operation", operation);
	json_key(&w, "state");
	json_open(&w, '{');
	json_put_member(&w, "value", alarm_state(alarm));
	put_time(&w, "timestamp", ALARM_OF(alarm, state_updated_timestamp));
	json_close(&w, '}');
	put_definition(&w, "configuration", alarm);
	if (before)
		put_definition(&w, "previousConfiguration", before);
	json_close(&w, '}');
	event.event = str_text(&text);
	wire_encode_json(&towpath_event_alarm_shape, &event, &detail);
	return journal_append(e->durable, tx,
		&(struct journal_entry){.kind = "cloudwatch.configuration",
			.subject = alarm_arn(alarm),
			.detail = str_text(&detail)},
		err);
}
