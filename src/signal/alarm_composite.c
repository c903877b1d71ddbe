/* SPDX-License-Identifier: Apache-2.0 */
/* Composite alarms: made, and evaluated whenever an alarm in their rule changes its state. */
#include <string.h>

#include "base/timefmt.h"
#include "signal/alarm.h"

#define MOST_CHILDREN 100

/* ---- PutCompositeAlarm ---- */

struct children {
	struct db_tx *tx;
	struct arena *a;
	VEC(const char *) names;
};

static void children_release(struct children *c)
{
	vec_release(&c->names);
}

static int note_child(void *arg, const char *name, const char *state, bool *ret, struct err *err)
{
	struct children *c = arg;

	(void)state;
	(void)err;
	*ret = false;
	vec_foreach (n, &c->names) {
		if (streq(*n, name))
			return 0;
	}
	vec_push(&c->names, arena_strdup(c->a, name));
	return 0;
}

/* Whether the rule leads to the alarm, directly or by other composite alarms: each is looked at
 * once, by however many ways it is reached. */
static int leads_to(struct db_tx *tx, const char *rule, const char *name, struct arena *a,
	bool *ret, struct err *err)
{
	struct children c CLEANUP(children_release) = {.tx = tx, .a = a};
	bool unused;

	*ret = false;
	if (alarm_expression_evaluate(rule, note_child, &c, &unused, err) < 0)
		return -1;
	for (size_t i = 0; i < c.names.n && !*ret; i++) {
		struct alarm below;
		int r = alarm_load(tx, c.names.v[i], a, &below, err);

		if (r < 0 || (r > 0 && below.composite &&
				     alarm_expression_evaluate(below.both.alarm_rule, note_child,
					     &c, &unused, err) < 0))
			return -1;
		*ret = streq(c.names.v[i], name);
	}
	return 0;
}

/* What one alarm looks back over; of a composite one, the alarms of its rule are noted. */
static int note_window(
	const struct alarm *alarm, struct children *c, int64_t *longest, struct err *err)
{
	const struct cloudwatch_metric_alarm *m = &alarm->metric;
	int64_t sec;
	bool unused;

	if (alarm->composite)
		return alarm_expression_evaluate(
			alarm->both.alarm_rule, note_child, c, &unused, err);
	sec = m->evaluation_periods.v * alarm_period(m) + alarm_cadence(m);
	*longest = MAX(*longest, sec * USEC_PER_SEC);
	return 0;
}

/* Each alarm once, by however many ways the rule leads to it. */
int alarm_window(struct db_tx *tx, const struct alarm *alarm, struct arena *a, int64_t *ret_usec,
	struct err *err)
{
	struct children c CLEANUP(children_release) = {.tx = tx, .a = a};

	*ret_usec = 0;
	if (note_window(alarm, &c, ret_usec, err) < 0)
		return -1;
	for (size_t i = 0; i < c.names.n; i++) {
		struct alarm below;
		int r = alarm_load(tx, c.names.v[i], a, &below, err);

		if (r < 0 || (r > 0 && note_window(&below, &c, ret_usec, err) < 0))
			return -1;
	}
	return 0;
}

int alarm_link_rule(
	struct db_tx *tx, const char *name, const char *rule, struct arena *a, struct err *err)
{
	struct children c CLEANUP(children_release) = {.tx = tx, .a = a};
	bool unused;

	if (alarm_expression_evaluate(rule, note_child, &c, &unused, err) < 0)
		return -1;
	vec_foreach (child, &c.names) {
		if (alarm_link_alarm(tx, name, *child, err) < 0)
			return -1;
	}
	return 0;
}

static int check_rule(struct db_tx *tx, const struct cloudwatch_put_composite_alarm_request *req,
	struct arena *a, struct err *err)
{
	struct children c CLEANUP(children_release) = {.tx = tx, .a = a};
	bool unused, loop;

	if (alarm_expression_evaluate(req->alarm_rule, note_child, &c, &unused, err) < 0)
		return -1;
	if (c.names.n > MOST_CHILDREN)
		return err_set_wire(err, "ValidationError",
			"AlarmRule must not refer to more than %d alarms", MOST_CHILDREN);
	if (leads_to(tx, req->alarm_rule, req->alarm_name, a, &loop, err) < 0)
		return -1;
	if (loop)
		return err_set_wire(err, "ValidationError",
			"AlarmRule of %s leads back to the alarm itself", req->alarm_name);
	vec_foreach (child, &c.names) {
		struct alarm alarm;
		int r = alarm_load(tx, *child, a, &alarm, err);

		if (r < 0)
			return -1;
		if (r == 0)
			return err_set_wire(err, "ValidationError",
				"AlarmRule refers to alarm %s, which does not exist", *child);
	}
	return 0;
}

/* The definition; the state is that of the alarm it replaces, if any. */
static struct cloudwatch_composite_alarm composite_of(struct signal_engine *e,
	const struct cloudwatch_put_composite_alarm_request *req,
	const struct cloudwatch_composite_alarm *old, struct arena *a)
{
	struct wire_time now = WIRE_SET_TIME(durable_now(e->durable));

	return (struct cloudwatch_composite_alarm){
		.alarm_name = req->alarm_name,
		.alarm_arn = signal_arn(e, a, "cloudwatch", "alarm:%s", req->alarm_name),
		.alarm_description = req->alarm_description,
		.alarm_rule = req->alarm_rule,
		.actions_enabled = WIRE_SET_BOOL(wire_or(req->actions_enabled, true)),
		.alarm_actions = req->alarm_actions,
		.ok_actions = req->ok_actions,
		.insufficient_data_actions = req->insufficient_data_actions,
		.actions_suppressor = req->actions_suppressor,
		.actions_suppressor_wait_period = req->actions_suppressor_wait_period,
		.actions_suppressor_extension_period = req->actions_suppressor_extension_period,
		.alarm_configuration_updated_timestamp = now,
		.state_value = old ? old->state_value : ALARM_STATE_NO_DATA,
		.state_reason = old ? old->state_reason : ALARM_INITIAL_REASON,
		.state_reason_data = old ? old->state_reason_data : NULL,
		.state_updated_timestamp = old ? old->state_updated_timestamp : now,
		.state_transitioned_timestamp = old ? old->state_transitioned_timestamp : now,
	};
}

static int put_composite_alarm_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(cloudwatch, put_composite_alarm);
	struct alarm old, alarm = {.composite = true};
	int r = alarm_load(tx, req->alarm_name, a, &old, err);

	if (r < 0 || signal_alarm_actions_check(&req->alarm_actions, err) < 0 ||
		signal_alarm_actions_check(&req->ok_actions, err) < 0 ||
		signal_alarm_actions_check(&req->insufficient_data_actions, err) < 0)
		return -1;
	if (r > 0 && !old.composite)
		return err_set_wire(err, "ValidationError", "%s is the name of a metric alarm",
			req->alarm_name);
	alarm.both = composite_of(e, req, r > 0 ? &old.both : NULL, a);
	if (check_rule(tx, req, a, err) < 0 ||
		alarm_suppressor_put(e, tx, &alarm.both, r > 0 ? &old.both : NULL, a, err) < 0 ||
		alarm_link_rule(tx, req->alarm_name, req->alarm_rule, a, err) < 0)
		return -1;
	return alarm_put(e, tx, &alarm, r > 0 ? &old : NULL, &req->tags, a, err);
}

SIGNAL_DEFINE(cloudwatch, put_composite_alarm, signal_write)

/* ---- evaluation ---- */

struct look {
	struct db_tx *tx;
	struct arena *a;
	/* The alarm in the rule that changed last. */
	const char *arn, *state;
	int64_t usec;
};

/* An alarm that is gone is in no state. */
static int child_is(void *arg, const char *name, const char *state, bool *ret, struct err *err)
{
	struct look *l = arg;
	struct alarm alarm;
	int64_t changed;
	int r = alarm_load(l->tx, name, l->a, &alarm, err);

	*ret = r > 0 && streq(alarm_state(&alarm), state);
	if (r <= 0)
		return r;
	changed = alarm.composite ? alarm.both.state_transitioned_timestamp.usec
				  : alarm.metric.state_transitioned_timestamp.usec;
	if (!l->arn || changed > l->usec) {
		l->arn = alarm_arn(&alarm);
		l->state = alarm_state(&alarm);
		l->usec = changed;
	}
	return 0;
}

static const char *look_data(const struct look *l, struct arena *a)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	json_key(&w, "triggeringAlarms");
	json_open(&w, '[');
	if (l->arn) {
		json_open(&w, '{');
		json_put_member(&w, "arn", l->arn);
		json_key(&w, "state");
		json_open(&w, '{');
		json_put_member(&w, "value", l->state);
		json_put_member(&w, "timestamp", alarm_date(a, l->usec));
		json_close(&w, '}');
		json_close(&w, '}');
	}
	json_close(&w, ']');
	json_close(&w, '}');
	return arena_strdup(a, str_text(&text));
}

static int composite_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct signal_op *o = arg;
	const struct task *t = o->req;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct look look = {.tx = tx, .a = &a};
	struct alarm alarm;
	const char *state;
	bool holds;
	int r = alarm_load(tx, t->subject, &a, &alarm, err);

	if (r < 0 || task_done(o->e->durable, tx, t, err) < 0)
		return -1;
	if (r == 0 || !alarm.composite)
		return 0;
	if (alarm_expression_evaluate(alarm.both.alarm_rule, child_is, &look, &holds, err) < 0)
		return -1;
	state = holds ? ALARM_STATE_ALARM : ALARM_STATE_OK;
	if (streq(state, alarm_state(&alarm)))
		return 0;
	return alarm_set_state(o->e, tx, &alarm, state,
		look.arn ? arena_printf(&a, "%s transitioned to %s at %s", look.arn, look.state,
				   timefmt_iso(look.usec).text)
			 : "The rule looks at no alarm",
		look_data(&look, &a), err);
}

int signal_composite_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct signal_op o = {.e = arg, .req = t};

	return durable_step(d, composite_step, &o, err);
}
