/* SPDX-License-Identifier: Apache-2.0 */
/* The event "CloudWatch Alarm State Change", whose detail goes into the journal with the change. */
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
