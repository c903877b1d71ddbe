/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of metric alarms: when a period is over and its data is there, which is told by the
 * data itself (alarm_metric_came()), and, should none come, a moment after the period's end. */
#include "signal/alarm.h"
#include "signal/math_query.h"

/* The services' own metrics come at the end of each second; they are waited for a little. */
#define SETTLE_OWN_USEC (1500 * USEC_PER_MSEC)
#define SETTLE_USEC (100 * USEC_PER_MSEC)
#define CADENCE_SEC 60

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

const struct cloudwatch_metric_data_query *alarm_watched_query(
	const struct cloudwatch_metric_data_queries *queries)
{
	wire_foreach (q, queries) {
		if (wire_or(q->return_data, true))
			return q;
	}
	return NULL;
}

int alarm_period(const struct cloudwatch_metric_alarm *alarm)
{
	return alarm->metrics.n
		       ? math_query_period(&alarm->metrics, alarm_watched_query(&alarm->metrics))
		       : alarm->period.v;
}

int alarm_cadence(const struct cloudwatch_metric_alarm *alarm)
{
	int period = alarm_period(alarm);

	if (period >= CADENCE_SEC)
		return CADENCE_SEC;
	return MIN(period, ALARM_CADENCE_SHORT_SEC);
}

/* A percentile of few samples says little; "ignore" keeps the state then. The newest period that
 * has samples counts; where none has, data is missing. */
static bool too_few_samples(
	const struct cloudwatch_metric_alarm *alarm, const struct alarm_evaluation *v)
{
	struct signal_stat stat;
	size_t newest = v->series.n;
	double p, needed;

	if (!streq(alarm->evaluate_low_sample_count_percentile, "ignore") ||
		!signal_stat_parse(alarm->extended_statistic, &stat))
		return false;
	p = stat.percent / 100;
	needed = p >= 0.5 ? 10 / (1 - p) : 10 / p;
	while (newest && !v->series.present[newest - 1])
		newest--;
	return newest && v->series.samples[newest - 1] < needed;
}

/* The data of the alarm's slots, the newest last. */
static int read_series(struct db_tx *tx, const struct cloudwatch_metric_alarm *alarm,
	const struct math_range *range, struct arena *a, struct signal_series *ret, struct err *err)
{
	struct cloudwatch_metric metric = {
		.namespace = alarm->namespace,
		.metric_name = alarm->metric_name,
		.dimensions = alarm->dimensions,
	};
	struct cloudwatch_metric_stat stat = {
		.metric = &metric,
		.stat = alarm->statistic ? alarm->statistic : alarm->extended_statistic,
		.unit = alarm->unit,
	};
	struct signal_series *all;
	size_t n;

	if (!alarm->metrics.n)
		return math_metric_read(tx, &stat, range, a, ret, err);
	if (math_query_read(tx, &alarm->metrics, alarm_watched_query(&alarm->metrics), range, a,
		    &all, &n, err) < 0)
		return -1;
	if (n != 1)
		return err_set_wire(err, "ValidationError",
			"alarm %s: the expression gives %zu time series where one is needed",
			alarm->alarm_name, n);
	*ret = all[0];
	return 0;
}

static int evaluate(struct signal_engine *e, struct db_tx *tx,
	const struct cloudwatch_metric_alarm *alarm, struct arena *a, struct alarm_evaluation *v,
	enum alarm_outcome *ret, struct err *err)
{
	int64_t now = durable_now(e->durable) / USEC_PER_SEC;
	struct math_range range = {.period = alarm_period(alarm)};

	*v = (struct alarm_evaluation){.rule = {
					       .n = (size_t)alarm->evaluation_periods.v,
					       .m = (size_t)wire_or(alarm->datapoints_to_alarm,
						       alarm->evaluation_periods.v),
					       .missing = missing_of(alarm->treat_missing_data),
					       .comparison = alarm->comparison_operator,
					       .threshold = wire_or(alarm->threshold, 0),
				       }};
	range.n = v->rule.n + ALARM_EXTRA_SLOTS;
	range.from_sec = now - now % alarm_cadence(alarm) - (int64_t)range.n * range.period;
	v->from_sec = range.from_sec;
	v->period = range.period;
	if (read_series(tx, alarm, &range, a, &v->series, err) < 0)
		return -1;
	*ret = too_few_samples(alarm, v)
		       ? ALARM_OUTCOME_KEEP
		       : alarm_decide(&v->rule, v->series.values, v->series.present);
	return 0;
}

static int64_t settle_usec(const struct cloudwatch_metric_alarm *alarm)
{
	wire_foreach (q, &alarm->metrics) {
		if (q->metric_stat && starts_with(q->metric_stat->metric->namespace, "AWS/"))
			return SETTLE_OWN_USEC;
	}
	return alarm->namespace && starts_with(alarm->namespace, "AWS/") ? SETTLE_OWN_USEC
									 : SETTLE_USEC;
}

static int change_state(struct signal_engine *e, struct db_tx *tx, struct alarm *alarm,
	const struct alarm_evaluation *v, enum alarm_outcome outcome, struct arena *a,
	struct err *err)
{
	static const char *const states[] = {
		[ALARM_OUTCOME_OK] = ALARM_STATE_OK,
		[ALARM_OUTCOME_ALARM] = ALARM_STATE_ALARM,
		[ALARM_OUTCOME_NO_DATA] = ALARM_STATE_NO_DATA,
	};
	const char *state = outcome == ALARM_OUTCOME_KEEP ? alarm_state(alarm) : states[outcome];

	if (streq(alarm_state(alarm), state))
		return 0;
	return alarm_set_state(e, tx, alarm, state,
		alarm_reason_text(v, alarm_state(alarm), state, a),
		alarm_reason_data(e, v, &alarm->metric, a), err);
}

static int alarm_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct signal_op *o = arg;
	const struct task *t = o->req;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct alarm_evaluation v;
	enum alarm_outcome outcome;
	struct alarm alarm;
	int64_t cadence, now = durable_now(o->e->durable);
	struct task next = {.kind = SIGNAL_TASK_ALARM, .subject = t->subject, .token = t->token};
	int r = alarm_load(tx, t->subject, &a, &alarm, err);

	if (r < 0 || task_done(o->e->durable, tx, t, err) < 0)
		return -1;
	if (r == 0 || alarm.composite)
		return 0;
	if (evaluate(o->e, tx, &alarm.metric, &a, &v, &outcome, err) < 0 ||
		change_state(o->e, tx, &alarm, &v, outcome, &a, err) < 0)
		return -1;
	cadence = alarm_cadence(&alarm.metric) * USEC_PER_SEC;
	next.due_usec = now - settle_usec(&alarm.metric);
	next.due_usec += cadence - next.due_usec % cadence + settle_usec(&alarm.metric);
	return task_enqueue(o->e->durable, tx, &next, err);
}

int signal_alarm_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct signal_op o = {.e = arg, .req = t};

	return durable_step(d, alarm_step, &o, err);
}
