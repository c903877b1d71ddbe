/* SPDX-License-Identifier: Apache-2.0 */
/* What the files on alarms share. */
#ifndef TOWPATH_SIGNAL_ALARM_H
#define TOWPATH_SIGNAL_ALARM_H

#include "signal/internal.h"

#define ALARM_STATE_OK "OK"
#define ALARM_STATE_ALARM "ALARM"
#define ALARM_STATE_NO_DATA "INSUFFICIENT_DATA"

/* ---- either kind of alarm (alarm.c) ---- */

struct alarm {
	bool composite;
	union {
		struct cloudwatch_metric_alarm metric;
		struct cloudwatch_composite_alarm both;
	};
};
/* A member that both kinds have. */
#define ALARM_OF(alarm, member) ((alarm)->composite ? (alarm)->both.member : (alarm)->metric.member)
/* 1, 0 (no such alarm) or -1. */
int alarm_load(
	struct db_tx *tx, const char *name, struct arena *a, struct alarm *ret, struct err *err);
int alarm_store(struct db_tx *tx, const struct alarm *alarm, struct err *err);
const char *alarm_name(const struct alarm *alarm);
const char *alarm_arn(const struct alarm *alarm);
const char *alarm_state(const struct alarm *alarm);
/* The name in an ARN, or the text itself. */
const char *alarm_name_of(const char *name_or_arn);
/* The one setter of an alarm's state: stores; journals, keeps history and wakes the composite
 * alarms that look at it when it changed. */
int alarm_set_state(struct signal_engine *e, struct db_tx *tx, struct alarm *alarm,
	const char *state, const char *reason, const char *reason_data, struct err *err);
int alarm_history(struct signal_engine *e, struct db_tx *tx, const struct alarm *alarm,
	const char *type, const char *summary, const char *data, struct err *err);
/* The next evaluation: now. */
int alarm_wake(struct signal_engine *e, struct db_tx *tx, const char *name, bool composite,
	struct err *err);
/* Forgets what the alarm looks at; then notes one thing. */
int alarm_unlink(struct db_tx *tx, const char *name, struct arena *a, struct err *err);
int alarm_link_metric(struct db_tx *tx, const char *alarm, const char *name_space,
	const char *metric, struct err *err);
int alarm_link_alarm(struct db_tx *tx, const char *composite, const char *other, struct err *err);
/* Wakes the metric alarms that look at a metric of which data came for a period that is over. */
int alarm_metric_came(struct signal_engine *e, struct db_tx *tx, const char *name_space,
	const char *metric, int64_t sec, struct err *err);

/* Notes what alarms look at that were stored before that was noted. */
int alarm_index_all(struct db_tx *tx, struct err *err);
/* Detail of the event that tells of a change, as JSON. */
char *alarm_event_detail(const struct alarm *now, const struct alarm *before, struct arena *a);

/* What the history says of a change of state, as JSON: oldState and newState. */
char *alarm_history_states(const struct alarm *now, const struct alarm *before, struct arena *a);
/* Journals what the event on a change of the definition tells: operation is create, update (before:
 * what it was) or delete. */
int alarm_journal_configuration(struct signal_engine *e, struct db_tx *tx, const char *operation,
	const struct alarm *alarm, const struct alarm *before, struct err *err);

/* ---- suppressors (alarm_suppress.c) ---- */

/* A change of the alarm's state: whether its actions are held back. The caller stores the alarm. */
int alarm_suppress(struct signal_engine *e, struct db_tx *tx, struct alarm *alarm,
	const char *previous, struct arena *a, bool *ret_held, struct err *err);
/* The alarm's state changed: what it suppresses hears of it. */
int alarm_suppressor_changed(struct signal_engine *e, struct db_tx *tx, const struct alarm *alarm,
	struct arena *a, struct err *err);
/* Forgets what the alarm looked at; checks and notes the suppressor of a definition (old: NULL or
 * what it replaces). What is held back stays so when the suppressor stays; a wait is dropped with
 * the suppressor. */
int alarm_suppressor_put(struct signal_engine *e, struct db_tx *tx,
	struct cloudwatch_composite_alarm *c, const struct cloudwatch_composite_alarm *old,
	struct arena *a, struct err *err);
int signal_suppress_run(struct durable *d, const struct task *t, void *arg, struct err *err);

/* ---- evaluation (alarm_evaluate.c, alarm_reason.c) ---- */

/* What one evaluation looked at. */
struct alarm_evaluation {
	struct alarm_rule rule;
	struct signal_series series;
	int64_t from_sec;
	int period;
};
/* 2019-10-02T17:04:40.985+0000 */
const char *alarm_date(struct arena *a, int64_t usec);
int alarm_period(const struct cloudwatch_metric_alarm *alarm);
/* Seconds between evaluations: a minute, for periods below that these or less. */
#define ALARM_CADENCE_SHORT_SEC 10
int alarm_cadence(const struct cloudwatch_metric_alarm *alarm);
/* How long ago something may have happened that an evaluation to come looks at; of a composite
 * alarm: the longest among the alarms that its rule leads to. */
int alarm_window(struct db_tx *tx, const struct alarm *alarm, struct arena *a, int64_t *ret_usec,
	struct err *err);
const char *alarm_reason_text(
	const struct alarm_evaluation *v, const char *from, const char *to, struct arena *a);
const char *alarm_reason_data(struct signal_engine *e, const struct alarm_evaluation *v,
	const struct cloudwatch_metric_alarm *alarm, struct arena *a);
/* The query whose data an alarm on metric math looks at. */
const struct cloudwatch_metric_data_query *alarm_watched_query(
	const struct cloudwatch_metric_data_queries *queries);

/* ---- definitions (alarm_put.c) ---- */

#define ALARM_INITIAL_REASON "Unchecked: Initial alarm creation"
/* Notes the metrics that an alarm looks at. */
int alarm_link_metrics(struct db_tx *tx, const struct cloudwatch_metric_alarm *alarm,
	struct arena *a, struct err *err);
/* Topics only. */
int signal_alarm_actions_check(const struct cloudwatch_resource_list *actions, struct err *err);
/* Tells the topics of the alarm's present state, and notes that in its history. */
int alarm_act(struct signal_engine *e, struct db_tx *tx, const struct alarm *alarm,
	const char *previous, struct arena *a, struct err *err);
/* Keeps the definition, its history and, when it is new (old: NULL), its tags; evaluates it. */
int alarm_put(struct signal_engine *e, struct db_tx *tx, const struct alarm *alarm,
	const struct alarm *old, const struct cloudwatch_tag_list *tags, struct arena *a,
	struct err *err);

/* ---- rules of composite alarms (alarm_expression.c, alarm_composite.c) ---- */

/* Whether the alarm of this name is in the state. */
typedef int (*alarm_state_fn)(
	void *arg, const char *name, const char *state, bool *ret, struct err *err);
/* Asks for every alarm in the rule. ValidationError says what is wrong and where. */
int alarm_expression_evaluate(
	const char *rule, alarm_state_fn fn, void *arg, bool *ret, struct err *err);
/* Notes the alarms in the rule, whether they exist or not. */
int alarm_link_rule(
	struct db_tx *tx, const char *name, const char *rule, struct arena *a, struct err *err);
int signal_composite_run(struct durable *d, const struct task *t, void *arg, struct err *err);

#endif
