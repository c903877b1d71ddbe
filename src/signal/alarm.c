/* SPDX-License-Identifier: Apache-2.0 */
/* Alarms: evaluation at the ends of their periods, changes of state, history. */
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "signal/internal.h"

/* Samples of a period are in the store this long after its end. */
#define SETTLE_USEC (1500 * USEC_PER_MSEC)
#define CADENCE_SEC 60
#define HIGH_RESOLUTION_CADENCE_SEC 10

#define OK "OK"
#define ALARM "ALARM"
#define NO_DATA "INSUFFICIENT_DATA"

int signal_alarm_history(struct signal_engine *e, struct db_tx *tx, const char *alarm_name,
	const char *type, const char *summary, const char *data, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	int64_t now = durable_now(e->durable);
	struct cloudwatch_alarm_history_item item = {
		.alarm_name = alarm_name,
		.alarm_type = "MetricAlarm",
		.timestamp = WIRE_SET_TIME(now),
		.history_item_type = type,
		.history_summary = summary,
		.history_data = data,
	};

	return store_document_put(tx, &STORE_ALARM_HISTORY,
		arena_printf(&a, "%s|%020lld-%s", alarm_name, (long long)now, id_uuid().text),
		alarm_name, &item, err);
}

static int journal_alarm(struct signal_engine *e, struct db_tx *tx,
	const struct cloudwatch_metric_alarm *alarm, const char *previous, struct err *err)
{
	struct str detail CLEANUP_STR = STR_INIT;
	struct towpath_event_alarm event = {
		.alarm_name = alarm->alarm_name,
		.state = alarm->state_value,
		.previous_state = previous,
		.reason = alarm->state_reason,
	};

	wire_encode_json(&towpath_event_alarm_shape, &event, &detail);
	return journal_append(e->durable, tx,
		&(struct journal_entry){.kind = "cloudwatch.alarm",
			.subject = alarm->alarm_arn,
			.detail = str_text(&detail)},
		err);
}

int signal_alarm_set_state(struct signal_engine *e, struct db_tx *tx,
	struct cloudwatch_metric_alarm *alarm, const char *state, const char *reason,
	const char *reason_data, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *previous = alarm->state_value;
	bool changed = !streq(previous, state);
	struct wire_time now = WIRE_SET_TIME(durable_now(e->durable));

	alarm->state_value = state;
	alarm->state_reason = reason;
	alarm->state_reason_data = reason_data;
	alarm->state_updated_timestamp = now;
	if (changed)
		alarm->state_transitioned_timestamp = now;
	if (store_document_put(tx, &STORE_ALARM, alarm->alarm_name, NULL, alarm, err) < 0)
		return -1;
	if (!changed)
		return 0;
	if (signal_alarm_history(e, tx, alarm->alarm_name, "StateUpdate",
		    arena_printf(&a, "Alarm updated from %s to %s", previous, state), reason_data,
		    err) < 0)
		return -1;
	return journal_alarm(e, tx, alarm, previous, err);
}

/* ---- reasons ---- */

/* 50.0, 99.5 */
static const char *number_text(struct arena *a, double v)
{
	if (v == floor(v) && fabs(v) < 1e15)
		return arena_printf(a, "%.1f", v);
	return arena_printf(a, "%.12g", v);
}

static const char *comparison_words(const char *comparison)
{
	static const struct {
		const char *name, *words;
	} table[] = {
		{CLOUDWATCH_COMPARISON_OPERATOR_GREATERTHANTHRESHOLD, "greater than"},
		{CLOUDWATCH_COMPARISON_OPERATOR_GREATERTHANOREQUALTOTHRESHOLD,
			"greater than or equal to"},
		{CLOUDWATCH_COMPARISON_OPERATOR_LESSTHANTHRESHOLD, "less than"},
		{CLOUDWATCH_COMPARISON_OPERATOR_LESSTHANOREQUALTOTHRESHOLD,
			"less than or equal to"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (streq(table[i].name, comparison))
			return table[i].words;
	return comparison;
}

/* What one evaluation looked at. */
struct evaluation {
	struct alarm_rule rule;
	struct signal_series series;
	int64_t from_sec;
	int period;
};

static void datapoints_text(const struct evaluation *v, struct arena *a, struct str *out,
	size_t *ret_n, size_t *ret_breaching)
{
	*ret_n = *ret_breaching = 0;
	for (size_t i = v->series.n; i-- > 0 && *ret_n < v->rule.n;) {
		time_t at = (time_t)(v->from_sec + (int64_t)i * v->period);
		char when[32];
		struct tm tm;

		if (!v->series.present[i])
			continue;
		gmtime_r(&at, &tm);
		strftime(when, sizeof(when), "%d/%m/%y %H:%M:%S", &tm);
		str_addf(out, "%s%s (%s)", *ret_n ? ", " : "", number_text(a, v->series.values[i]),
			when);
		(*ret_n)++;
		*ret_breaching += alarm_breaches(&v->rule, v->series.values[i]);
	}
}

static const char *reason_text(
	const struct evaluation *v, const char *from, const char *to, struct arena *a)
{
	struct str points CLEANUP_STR = STR_INIT;
	bool alarm = streq(to, ALARM);
	size_t n, breaching, shown;

	datapoints_text(v, a, &points, &n, &breaching);
	if (streq(to, NO_DATA))
		return arena_printf(a, "Insufficient Data: %zu datapoint%s unknown.", v->rule.n,
			v->rule.n == 1 ? " was" : "s were");
	if (n == 0)
		return arena_printf(a,
			"Threshold Crossed: no datapoints were received for %zu period%s and %zu "
			"missing datapoint%s treated as [%s].",
			v->rule.n, v->rule.n == 1 ? "" : "s", v->rule.n,
			v->rule.n == 1 ? " was" : "s were", alarm ? "Breaching" : "NonBreaching");
	shown = alarm ? breaching : n - breaching;
	return arena_printf(a,
		"Threshold Crossed: %zu out of the last %zu datapoint%s [%s] %s %s%s the threshold "
		"(%s) (minimum %zu datapoint%s for %s -> %s transition).",
		shown, n, n == 1 ? "" : "s", str_text(&points), shown == 1 ? "was" : "were",
		alarm ? "" : "not ", comparison_words(v->rule.comparison),
		number_text(a, v->rule.threshold), alarm ? v->rule.m : v->rule.n - v->rule.m + 1,
		(alarm ? v->rule.m : v->rule.n - v->rule.m + 1) == 1 ? "" : "s", from, to);
}

static const char *wire_date(struct arena *a, int64_t usec)
{
	time_t sec = (time_t)(usec / USEC_PER_SEC);
	char text[32];
	struct tm tm;

	gmtime_r(&sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return arena_printf(a, "%s.%03d+0000", text, (int)(usec / 1000 % 1000));
}

static const char *reason_data(struct signal_engine *e, const struct evaluation *v,
	const struct cloudwatch_metric_alarm *alarm, struct arena *a)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	json_put_member(&w, "version", "1.0");
	json_put_member(&w, "queryDate", wire_date(a, durable_now(e->durable)));
	json_put_member(&w, "startDate", wire_date(a, v->from_sec * USEC_PER_SEC));
	json_put_member(
		&w, "statistic", alarm->statistic ? alarm->statistic : alarm->extended_statistic);
	json_key(&w, "period");
	json_put_int(&w, v->period);
	json_key(&w, "recentDatapoints");
	json_open(&w, '[');
	for (size_t i = 0; i < v->series.n; i++)
		if (v->series.present[i])
			json_put_real(&w, v->series.values[i]);
	json_close(&w, ']');
	json_key(&w, "threshold");
	json_put_real(&w, v->rule.threshold);
	json_close(&w, '}');
	return arena_strdup(a, str_text(&text));
}

/* ---- evaluation ---- */

static enum alarm_missing missing_of(const char *text)
{
	static const char *const names[] = {
		[MISSING_MISSING] = "missing",
		[MISSING_IGNORE] = "ignore",
		[MISSING_BREACHING] = "breaching",
		[MISSING_NOT_BREACHING] = "notBreaching",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(names[i], text))
			return (enum alarm_missing)i;
	return MISSING_MISSING;
}

static int cadence_of(const struct cloudwatch_metric_alarm *alarm)
{
	int period = alarm->period.v;

	if (period >= CADENCE_SEC)
		return CADENCE_SEC;
	return MIN(period, HIGH_RESOLUTION_CADENCE_SEC);
}

/* A percentile of few samples says little; "ignore" keeps the state then. */
static bool too_few_samples(const struct cloudwatch_metric_alarm *alarm, const struct evaluation *v)
{
	struct signal_stat stat;
	double p, needed;

	if (!streq(alarm->evaluate_low_sample_count_percentile, "ignore") ||
		!signal_stat_parse(alarm->extended_statistic, &stat))
		return false;
	p = stat.percent / 100;
	needed = p >= 0.5 ? 10 / (1 - p) : 10 / p;
	return v->series.samples[v->series.n - 1] < needed;
}

static int evaluate(struct signal_engine *e, struct db_tx *tx,
	const struct cloudwatch_metric_alarm *alarm, struct arena *a, struct evaluation *v,
	enum alarm_outcome *ret, struct err *err)
{
	int64_t now = (durable_now(e->durable) - SETTLE_USEC) / USEC_PER_SEC;
	struct signal_dimension *dimensions =
		arena_new_n(a, alarm->dimensions.n + 1, struct signal_dimension);
	struct signal_query q = {
		.name_space = alarm->namespace,
		.name = alarm->metric_name,
		.unit = alarm->unit,
		.period = alarm->period.v,
	};

	for (size_t i = 0; i < alarm->dimensions.n; i++)
		dimensions[i] = (struct signal_dimension){
			alarm->dimensions.v[i].name, alarm->dimensions.v[i].value};
	q.dimensions = signal_dimensions_text(dimensions, alarm->dimensions.n, a);
	if (!signal_stat_parse(
		    alarm->statistic ? alarm->statistic : alarm->extended_statistic, &q.stat))
		return err_set(
			err, ERR_INTERNAL, "alarm %s has an unknown statistic", alarm->alarm_name);
	v->rule = (struct alarm_rule){
		.n = (size_t)alarm->evaluation_periods.v,
		.m = (size_t)wire_or(alarm->datapoints_to_alarm, alarm->evaluation_periods.v),
		.missing = missing_of(alarm->treat_missing_data),
		.comparison = alarm->comparison_operator,
		.threshold = wire_or(alarm->threshold, 0),
	};
	q.n = v->rule.n + ALARM_EXTRA_SLOTS;
	q.from_sec = now - now % cadence_of(alarm) - (int64_t)q.n * q.period;
	v->from_sec = q.from_sec;
	v->period = q.period;
	if (signal_series_read(tx, &q, a, &v->series, err) < 0)
		return -1;
	*ret = too_few_samples(alarm, v)
		       ? ALARM_OUTCOME_KEEP
		       : alarm_decide(&v->rule, v->series.values, v->series.present);
	return 0;
}

static int alarm_step(struct db_tx *tx, void *arg, struct err *err)
{
	static const char *const states[] = {
		[ALARM_OUTCOME_OK] = OK,
		[ALARM_OUTCOME_ALARM] = ALARM,
		[ALARM_OUTCOME_NO_DATA] = NO_DATA,
	};
	struct signal_op *o = arg;
	const struct task *t = o->req;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct cloudwatch_metric_alarm alarm;
	struct evaluation v;
	enum alarm_outcome outcome;
	int64_t cadence;
	struct task next = {.kind = SIGNAL_TASK_ALARM, .subject = t->subject, .token = t->token};
	int r = store_document_get(tx, &STORE_ALARM, t->subject, &a, &alarm, err);

	if (r < 0 || task_done(o->e->durable, tx, t, err) < 0)
		return -1;
	if (r == 0)
		return 0;
	if (evaluate(o->e, tx, &alarm, &a, &v, &outcome, err) < 0)
		return -1;
	if (outcome != ALARM_OUTCOME_KEEP && !streq(alarm.state_value, states[outcome])) {
		const char *state = states[outcome];

		if (signal_alarm_set_state(o->e, tx, &alarm, state,
			    reason_text(&v, alarm.state_value, state, &a),
			    reason_data(o->e, &v, &alarm, &a), err) < 0)
			return -1;
	}
	cadence = cadence_of(&alarm) * USEC_PER_SEC;
	next.due_usec = durable_now(o->e->durable) - SETTLE_USEC;
	next.due_usec += cadence - next.due_usec % cadence + SETTLE_USEC;
	return task_enqueue(o->e->durable, tx, &next, err);
}

int signal_alarm_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct signal_op o = {.e = arg, .req = t};

	return durable_step(d, alarm_step, &o, err);
}

int signal_alarm_schedule(
	struct signal_engine *e, struct db_tx *tx, const char *name, struct err *err)
{
	struct uuid_text token = id_uuid();

	if (task_cancel(e->durable, tx, SIGNAL_TASK_ALARM, name, NULL, err) < 0)
		return -1;
	return task_enqueue(e->durable, tx,
		&(struct task){.kind = SIGNAL_TASK_ALARM, .subject = name, .token = token.text},
		err);
}

/* ---- for deployments ---- */

struct active_query {
	const char *const *names;
	size_t n;
	struct arena *a;
	const char *found;
};

static int active_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct active_query *q = arg;

	q->found = NULL;
	for (size_t i = 0; i < q->n; i++) {
		struct cloudwatch_metric_alarm alarm;
		int r = store_document_get(tx, &STORE_ALARM, q->names[i], q->a, &alarm, err);

		if (r == 0)
			return err_set(err, ERR_NOT_FOUND, "there is no alarm %s", q->names[i]);
		if (r < 0)
			return -1;
		if (!q->found && streq(alarm.state_value, ALARM))
			q->found = alarm.alarm_name;
	}
	return 0;
}

int signal_alarm_active(struct signal_engine *e, const char *const *names, size_t n,
	struct arena *a, const char **ret_name, struct err *err)
{
	struct active_query q = {names, n, a, NULL};

	if (signal_read(e, active_step, &q, err) < 0)
		return -1;
	*ret_name = q.found;
	return 0;
}
