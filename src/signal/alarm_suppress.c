/* SPDX-License-Identifier: Apache-2.0 */
/* Suppressors of composite alarms: while the suppressor is in ALARM, the actions of the composite
 * alarm wait. Before them comes a wait (the suppressor may be about to go off), after them an
 * extension. Both are one timer; actions_suppressed_by says which.
 *
 * A change starts the wait, or is held by the alarm at once; the suppressor's ALARM ends a wait or
 * an extension; its way back starts the extension; the timer's end runs the actions of the present
 * state. The link from the suppressor keeps the state that the held change came from. */
#include "signal/alarm.h"

static char *link_owner(struct arena *a, const char *suppressor)
{
	return arena_printf(a, "suppressor %s", alarm_name_of(suppressor));
}

static char *link_id(struct arena *a, const struct cloudwatch_composite_alarm *c)
{
	return arena_printf(a, "%s|%s", c->alarm_name, link_owner(a, c->actions_suppressor));
}

static int put_link(struct db_tx *tx, const struct cloudwatch_composite_alarm *c,
	const char *held_from, struct arena *a, struct err *err)
{
	struct towpath_signal_alarm_link link = {
		.alarm_name = c->alarm_name,
		.composite = WIRE_SET_BOOL(true),
		.held_from = held_from,
	};

	return store_document_put(tx, &STORE_ALARM_LINK, link_id(a, c),
		link_owner(a, c->actions_suppressor), &link, err);
}

/* by NULL: no more. */
static void mark(struct cloudwatch_composite_alarm *c, const char *by, struct arena *a)
{
	c->actions_suppressed_by = by;
	c->actions_suppressed_reason = by ? arena_printf(a, "Actions suppressed by %s", by) : NULL;
}

static int cancel_timer(
	struct signal_engine *e, struct db_tx *tx, const char *name, struct err *err)
{
	return task_cancel(e->durable, tx, SIGNAL_TASK_SUPPRESS, name, NULL, err);
}

static int start_timer(struct signal_engine *e, struct db_tx *tx,
	struct cloudwatch_composite_alarm *c, const char *by, int sec, struct arena *a,
	struct err *err)
{
	mark(c, by, a);
	return task_enqueue(e->durable, tx,
		&(struct task){.kind = SIGNAL_TASK_SUPPRESS,
			.subject = c->alarm_name,
			.token = "",
			.due_usec = durable_now(e->durable) + sec * USEC_PER_SEC},
		err);
}

static int hold(struct signal_engine *e, struct db_tx *tx, struct alarm *alarm, struct arena *a,
	struct err *err)
{
	mark(&alarm->both, CLOUDWATCH_ACTIONS_SUPPRESSED_BY_ALARM, a);
	if (cancel_timer(e, tx, alarm->both.alarm_name, err) < 0)
		return -1;
	return alarm_history(e, tx, alarm, "Action",
		arena_printf(a, "Actions suppressed by alarm %s", alarm->both.actions_suppressor),
		NULL, err);
}

int alarm_suppress(struct signal_engine *e, struct db_tx *tx, struct alarm *alarm,
	const char *previous, struct arena *a, bool *ret_held, struct err *err)
{
	struct alarm suppressor;
	int r;

	*ret_held = alarm->composite && alarm->both.actions_suppressor;
	if (!*ret_held)
		return 0;
	r = alarm_load(tx, alarm_name_of(alarm->both.actions_suppressor), a, &suppressor, err);
	if (r < 0 || put_link(tx, &alarm->both, previous, a, err) < 0)
		return -1;
	if (r > 0 && streq(alarm_state(&suppressor), ALARM_STATE_ALARM))
		return hold(e, tx, alarm, a, err);
	return start_timer(e, tx, &alarm->both, CLOUDWATCH_ACTIONS_SUPPRESSED_BY_WAITPERIOD,
		alarm->both.actions_suppressor_wait_period.v, a, err);
}

static int follow(struct signal_engine *e, struct db_tx *tx, const char *name, bool off,
	struct arena *a, struct err *err)
{
	struct alarm alarm;
	const char *by;
	int r = alarm_load(tx, name, a, &alarm, err);

	if (r <= 0 || !alarm.composite || !alarm.both.actions_suppressed_by)
		return r < 0 ? -1 : 0;
	by = alarm.both.actions_suppressed_by;
	if (off == streq(by, CLOUDWATCH_ACTIONS_SUPPRESSED_BY_ALARM))
		return 0;
	if ((off ? hold(e, tx, &alarm, a, err)
		 : start_timer(e, tx, &alarm.both, CLOUDWATCH_ACTIONS_SUPPRESSED_BY_EXTENSIONPERIOD,
			   alarm.both.actions_suppressor_extension_period.v, a, err)) < 0)
		return -1;
	return alarm_store(tx, &alarm, err);
}

int alarm_suppressor_changed(struct signal_engine *e, struct db_tx *tx, const struct alarm *alarm,
	struct arena *a, struct err *err)
{
	bool off = streq(alarm_state(alarm), ALARM_STATE_ALARM);
	struct store_documents links;

	if (store_document_list(tx, &STORE_ALARM_LINK,
		    &(struct store_document_filter){.owner = link_owner(a, alarm_name(alarm))}, a,
		    &links, err) < 0)
		return -1;
	for (size_t i = 0; i < links.n; i++)
		if (follow(e, tx, ((struct towpath_signal_alarm_link *)links.v[i])->alarm_name, off,
			    a, err) < 0)
			return -1;
	return 0;
}

/* ---- definitions ---- */

static int check(struct db_tx *tx, const struct cloudwatch_composite_alarm *c, struct arena *a,
	struct err *err)
{
	bool both =
		c->actions_suppressor_wait_period.set && c->actions_suppressor_extension_period.set;
	bool any =
		c->actions_suppressor_wait_period.set || c->actions_suppressor_extension_period.set;
	struct alarm suppressor;
	int r;

	if (c->actions_suppressor ? !both : any)
		return err_set_wire(err, "ValidationError",
			"ActionsSuppressor, ActionsSuppressorWaitPeriod and "
			"ActionsSuppressorExtensionPeriod are given together or not at all");
	if (!c->actions_suppressor)
		return 0;
	if (streq(alarm_name_of(c->actions_suppressor), c->alarm_name))
		return err_set_wire(err, "ValidationError",
			"%s cannot be the ActionsSuppressor of itself", c->alarm_name);
	r = alarm_load(tx, alarm_name_of(c->actions_suppressor), a, &suppressor, err);
	return r ? MIN(r, 0)
		 : err_set_wire(err, "ValidationError",
			   "ActionsSuppressor refers to alarm %s, which does not exist",
			   alarm_name_of(c->actions_suppressor));
}

int alarm_suppressor_put(struct signal_engine *e, struct db_tx *tx,
	struct cloudwatch_composite_alarm *c, const struct cloudwatch_composite_alarm *old,
	struct arena *a, struct err *err)
{
	struct towpath_signal_alarm_link link = {0};
	bool same =
		old && old->actions_suppressor && c->actions_suppressor &&
		streq(alarm_name_of(old->actions_suppressor), alarm_name_of(c->actions_suppressor));

	if (check(tx, c, a, err) < 0)
		return -1;
	if (old && !same && cancel_timer(e, tx, c->alarm_name, err) < 0)
		return -1;
	if ((same && store_document_get(tx, &STORE_ALARM_LINK, link_id(a, old), a, &link, err) <
			     0) ||
		alarm_unlink(tx, c->alarm_name, a, err) < 0)
		return -1;
	if (same)
		mark(c, old->actions_suppressed_by, a);
	if (!c->actions_suppressor)
		return 0;
	return put_link(tx, c, same ? link.held_from : NULL, a, err);
}

/* ---- the end of a wait or an extension ---- */

static int suppress_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct signal_op *o = arg;
	const struct task *t = o->req;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_signal_alarm_link link;
	struct alarm alarm;
	int r = alarm_load(tx, t->subject, &a, &alarm, err);

	if (r < 0 || task_done(o->e->durable, tx, t, err) < 0)
		return -1;
	if (r == 0 || !alarm.composite || !alarm.both.actions_suppressor)
		return 0;
	r = store_document_get(tx, &STORE_ALARM_LINK, link_id(&a, &alarm.both), &a, &link, err);
	if (r <= 0 || !link.held_from)
		return r < 0 ? -1 : 0;
	mark(&alarm.both, NULL, &a);
	if (alarm_store(tx, &alarm, err) < 0 || put_link(tx, &alarm.both, NULL, &a, err) < 0)
		return -1;
	return alarm_act(o->e, tx, &alarm, link.held_from, &a, err);
}

int signal_suppress_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct signal_op o = {.e = arg, .req = t};

	return durable_step(d, suppress_step, &o, err);
}
