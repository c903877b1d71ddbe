/* SPDX-License-Identifier: Apache-2.0 */
/* What an alarm does when its state changes: it tells topics. */
#include <string.h>

#include "signal/alarm.h"
#include "signal/topic.h"

#define MAX_ACTIONS 5
#define TOPIC_PREFIX "arn:aws:sns:"

int signal_alarm_actions_check(const struct cloudwatch_resource_list *actions, struct err *err)
{
	if (actions->n > MAX_ACTIONS)
		return err_set_wire(err, "ValidationError",
			"At most %d actions for each state are allowed", MAX_ACTIONS);
	wire_foreach (x, actions) {
		if (!starts_with(*x, TOPIC_PREFIX))
			return err_set(err, ERR_UNSUPPORTED,
				"action %s is not implemented; use the ARN of a topic", *x);
	}
	return 0;
}

/* ---- the message ---- */

static const char *region_name(const char *region)
{
	static const struct {
		const char *id, *name;
	} names[] = {
		{"us-east-1", "US East (N. Virginia)"},
		{"us-east-2", "US East (Ohio)"},
		{"us-west-1", "US West (N. California)"},
		{"us-west-2", "US West (Oregon)"},
		{"eu-west-1", "EU (Ireland)"},
		{"eu-central-1", "EU (Frankfurt)"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(names[i].id, region))
			return names[i].name;
	return region;
}

static void put_list(
	struct json_writer *w, const char *key, const struct cloudwatch_resource_list *list)
{
	json_key(w, key);
	json_open(w, '[');
	wire_foreach (x, list)
		json_put_text(w, *x);
	json_close(w, ']');
}

/* AVERAGE, SAMPLE_COUNT */
static const char *statistic_words(const char *statistic, struct arena *a)
{
	struct str out CLEANUP_STR = STR_INIT;

	for (const char *p = statistic; *p; p++) {
		bool upper = *p >= 'A' && *p <= 'Z';

		if (upper && p > statistic)
			str_add_c(&out, '_');
		str_add_c(&out, (char)(upper ? *p : *p - 'a' + 'A'));
	}
	return arena_strdup(a, str_text(&out));
}

static void put_metric(
	struct json_writer *w, const struct cloudwatch_metric_alarm *m, struct arena *a)
{
	if (m->metrics.n) {
		struct str queries CLEANUP_STR = STR_INIT;
		struct cloudwatch_put_metric_alarm_request only = {.metrics = m->metrics};
		const struct json_node *node;

		wire_encode_json(&cloudwatch_put_metric_alarm_request_shape, &only, &queries);
		if (json_parse(view_of(arena_strdup(a, str_text(&queries))), a, &node, NULL) == 0 &&
			json_member(node, "Metrics")) {
			str_clear(&queries);
			json_write(json_member(node, "Metrics"), &queries);
			json_key(w, "Metrics");
			json_put_raw(w, str_view(&queries));
		}
		return;
	}
	json_put_member(w, "MetricName", m->metric_name);
	json_put_member(w, "Namespace", m->namespace);
	json_put_member(w, "StatisticType", m->statistic ? "Statistic" : "ExtendedStatistic");
	if (m->statistic)
		json_put_member(w, "Statistic", statistic_words(m->statistic, a));
	else
		json_put_member(w, "ExtendedStatistic", m->extended_statistic);
	json_key(w, "Unit");
	json_put_text(w, m->unit);
	json_key(w, "Dimensions");
	json_open(w, '[');
	wire_foreach (d, &m->dimensions) {
		json_open(w, '{');
		json_put_member(w, "value", d->value);
		json_put_member(w, "name", d->name);
		json_close(w, '}');
	}
	json_close(w, ']');
}

static void put_trigger(
	struct json_writer *w, const struct cloudwatch_metric_alarm *m, struct arena *a)
{
	json_key(w, "Trigger");
	json_open(w, '{');
	put_metric(w, m, a);
	json_key(w, "Period");
	json_put_int(w, alarm_period(m));
	json_key(w, "EvaluationPeriods");
	json_put_int(w, m->evaluation_periods.v);
	if (m->datapoints_to_alarm.set) {
		json_key(w, "DatapointsToAlarm");
		json_put_int(w, m->datapoints_to_alarm.v);
	}
	json_put_member(w, "ComparisonOperator", m->comparison_operator);
	json_key(w, "Threshold");
	json_put_real(w, wire_or(m->threshold, 0));
	json_put_member(w, "TreatMissingData", m->treat_missing_data ? m->treat_missing_data : "");
	json_put_member(w, "EvaluateLowSampleCountPercentile",
		m->evaluate_low_sample_count_percentile ? m->evaluate_low_sample_count_percentile
							: "");
	json_close(w, '}');
}

static const char *message(
	struct signal_engine *e, const struct alarm *alarm, const char *previous, struct arena *a)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	json_put_member(&w, "AlarmName", alarm_name(alarm));
	json_key(&w, "AlarmDescription");
	json_put_text(&w, ALARM_OF(alarm, alarm_description));
	json_put_member(&w, "AWSAccountId", e->cfg.account);
	json_put_member(&w, "AlarmConfigurationUpdatedTimestamp",
		alarm_date(a, ALARM_OF(alarm, alarm_configuration_updated_timestamp).usec));
	json_put_member(&w, "NewStateValue", alarm_state(alarm));
	json_put_member(&w, "NewStateReason", ALARM_OF(alarm, state_reason));
	json_put_member(&w, "StateChangeTime",
		alarm_date(a, ALARM_OF(alarm, state_updated_timestamp).usec));
	json_put_member(&w, "Region", region_name(e->cfg.region));
	json_put_member(&w, "AlarmArn", alarm_arn(alarm));
	json_put_member(&w, "OldStateValue", previous);
	put_list(&w, "OKActions",
		alarm->composite ? &alarm->both.ok_actions : &alarm->metric.ok_actions);
	put_list(&w, "AlarmActions",
		alarm->composite ? &alarm->both.alarm_actions : &alarm->metric.alarm_actions);
	put_list(&w, "InsufficientDataActions",
		alarm->composite ? &alarm->both.insufficient_data_actions
				 : &alarm->metric.insufficient_data_actions);
	if (alarm->composite)
		json_put_member(&w, "AlarmRule", alarm->both.alarm_rule);
	else
		put_trigger(&w, &alarm->metric, a);
	json_close(&w, '}');
	return arena_strdup(a, str_text(&text));
}

/* ---- running ---- */

static const struct cloudwatch_resource_list *actions_of(const struct alarm *alarm)
{
	const char *state = alarm_state(alarm);

	if (streq(state, ALARM_STATE_ALARM))
		return alarm->composite ? &alarm->both.alarm_actions : &alarm->metric.alarm_actions;
	if (streq(state, ALARM_STATE_OK))
		return alarm->composite ? &alarm->both.ok_actions : &alarm->metric.ok_actions;
	return alarm->composite ? &alarm->both.insufficient_data_actions
				: &alarm->metric.insufficient_data_actions;
}

/* What became of an action; failure NULL: it was done. */
static int note_action(struct signal_engine *e, struct db_tx *tx, const struct alarm *alarm,
	const char *arn, const char *failure, struct arena *a, struct err *err)
{
	const char *what = failure ? "Failed to execute" : "Successfully executed";
	struct str data CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &data};

	json_open(&w, '{');
	json_put_member(&w, "actionState", failure ? "Failed" : "Succeeded");
	json_put_member(&w, "notificationResource", arn);
	json_put_member(&w, "error", failure);
	json_close(&w, '}');
	return alarm_history(e, tx, alarm, "Action", arena_printf(a, "%s action %.200s", what, arn),
		str_text(&data), err);
}

int alarm_act(struct signal_engine *e, struct db_tx *tx, const struct alarm *alarm,
	const char *previous, struct arena *a, struct err *err)
{
	const char *subject = arena_printf(a, "%s: \"%.60s\" in %s", alarm_state(alarm),
		alarm_name(alarm), region_name(e->cfg.region));
	const struct signal_agent by = {
		.service = "cloudwatch.amazonaws.com", .source_arn = alarm_arn(alarm)};

	if (!wire_or(ALARM_OF(alarm, actions_enabled), true))
		return 0;
	wire_foreach (arn, actions_of(alarm)) {
		struct err why CLEANUP_ERR = ERR_INIT;
		bool sent = signal_publish_step(e, tx, &by, *arn, subject,
				    message(e, alarm, previous, a), &why) == 0;

		if (!sent && !topic_refused(&why))
			return err_move(err, &why);
		if (note_action(e, tx, alarm, *arn, sent ? NULL : err_message(&why), a, err) < 0)
			return -1;
	}
	return 0;
}
