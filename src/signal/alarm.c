/* SPDX-License-Identifier: Apache-2.0 */
/* Alarms of both kinds: changes of state, history, and what looks at what. */
#include "signal/alarm.h"

#include <string.h>

const char *alarm_name(const struct alarm *alarm)
{
	return alarm->composite ? alarm->both.alarm_name : alarm->metric.alarm_name;
}

const char *alarm_arn(const struct alarm *alarm)
{
	return alarm->composite ? alarm->both.alarm_arn : alarm->metric.alarm_arn;
}

const char *alarm_state(const struct alarm *alarm)
{
	return alarm->composite ? alarm->both.state_value : alarm->metric.state_value;
}

const char *alarm_name_of(const char *name_or_arn)
{
	const char *at = starts_with(name_or_arn, "arn:") ? strstr(name_or_arn, ":alarm:") : NULL;

	return at ? at + strlen(":alarm:") : name_or_arn;
}

int alarm_load(
	struct db_tx *tx, const char *name, struct arena *a, struct alarm *ret, struct err *err)
{
	int r;

	*ret = (struct alarm){0};
	r = store_document_get(tx, &STORE_ALARM, name, a, &ret->metric, err);
	if (r != 0)
		return r;
	ret->composite = true;
	return store_document_get(tx, &STORE_COMPOSITE_ALARM, name, a, &ret->both, err);
}

int alarm_store(struct db_tx *tx, const struct alarm *alarm, struct err *err)
{
	return alarm->composite ? store_document_put(tx, &STORE_COMPOSITE_ALARM, alarm_name(alarm),
					  NULL, &alarm->both, err)
				: store_document_put(tx, &STORE_ALARM, alarm_name(alarm), NULL,
					  &alarm->metric, err);
}

int alarm_history(struct signal_engine *e, struct db_tx *tx, const struct alarm *alarm,
	const char *type, const char *summary, const char *data, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	int64_t now = durable_now(e->durable);
	struct cloudwatch_alarm_history_item item = {
		.alarm_name = alarm_name(alarm),
		.alarm_type = alarm->composite ? "CompositeAlarm" : "MetricAlarm",
		.timestamp = WIRE_SET_TIME(now),
		.history_item_type = type,
		.history_summary = summary,
		.history_data = data,
	};

	return store_document_put(tx, &STORE_ALARM_HISTORY,
		arena_printf(&a, "%s|%020lld-%s", item.alarm_name, (long long)now, id_uuid().text),
		item.alarm_name, &item, err);
}

/* ---- what looks at what ---- */

static int link_put(
	struct db_tx *tx, const char *alarm, bool composite, const char *to, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_signal_alarm_link link = {
		.alarm_name = alarm, .composite = WIRE_SET_BOOL(composite)};

	return store_document_put(
		tx, &STORE_ALARM_LINK, arena_printf(&a, "%s|%s", alarm, to), to, &link, err);
}

int alarm_unlink(struct db_tx *tx, const char *name, struct arena *a, struct err *err)
{
	struct store_documents all;

	if (store_document_list(tx, &STORE_ALARM_LINK,
		    &(struct store_document_filter){.prefix = arena_printf(a, "%s|", name)}, a,
		    &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (streq(((struct towpath_signal_alarm_link *)all.v[i])->alarm_name, name) &&
			store_document_delete(tx, &STORE_ALARM_LINK, all.ids[i], err) < 0)
			return -1;
	return 0;
}

static char *metric_owner(struct arena *a, const char *name_space, const char *metric)
{
	return arena_printf(a, "metric %s|%s", name_space, metric);
}

int alarm_link_metric(struct db_tx *tx, const char *alarm, const char *name_space,
	const char *metric, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;

	return link_put(tx, alarm, false, metric_owner(&a, name_space, metric), err) < 0 ||
			       link_put(tx, alarm, false,
				       arena_printf(&a, "namespace %s", name_space), err) < 0
		       ? -1
		       : 0;
}

int alarm_link_alarm(struct db_tx *tx, const char *composite, const char *other, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;

	return link_put(tx, composite, true, arena_printf(&a, "alarm %s", other), err);
}

int alarm_wake(struct signal_engine *e, struct db_tx *tx, const char *name, bool composite,
	struct err *err)
{
	return task_enqueue(e->durable, tx,
		&(struct task){.kind = composite ? SIGNAL_TASK_COMPOSITE : SIGNAL_TASK_ALARM,
			.subject = name,
			.token = ""},
		err);
}

/* Wakes those alarms on the owner of links for which `sec` lies in a period that is over. */
static int wake_linked(struct signal_engine *e, struct db_tx *tx, const char *owner, int64_t sec,
	struct arena *a, struct err *err)
{
	int64_t now = durable_now(e->durable) / USEC_PER_SEC;
	struct store_documents links;

	if (store_document_list(tx, &STORE_ALARM_LINK,
		    &(struct store_document_filter){.owner = owner}, a, &links, err) < 0)
		return -1;
	for (size_t i = 0; i < links.n; i++) {
		const struct towpath_signal_alarm_link *link = links.v[i];
		struct alarm alarm;
		int r = alarm_load(tx, link->alarm_name, a, &alarm, err);

		if (r < 0)
			return -1;
		if (r > 0 && !alarm.composite && sec < now - now % alarm_cadence(&alarm.metric) &&
			alarm_wake(e, tx, link->alarm_name, false, err) < 0)
			return -1;
	}
	return 0;
}

int alarm_metric_came(struct signal_engine *e, struct db_tx *tx, const char *name_space,
	const char *metric, int64_t sec, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;

	if (sec >= durable_now(e->durable) / USEC_PER_SEC)
		return 0; /* no period ends before its last second does */
	return wake_linked(e, tx, metric_owner(&a, name_space, metric), sec, &a, err);
}

struct complete {
	struct signal_engine *e;
	const char *name_space;
	int64_t sec;
};

static int complete_step(struct db_tx *tx, void *arg, struct err *err)
{
	const struct complete *c = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;

	return wake_linked(
		c->e, tx, arena_printf(&a, "namespace %s", c->name_space), c->sec - 1, &a, err);
}

int signal_metrics_complete(
	struct signal_engine *e, const char *name_space, int64_t sec, struct err *err)
{
	struct complete c = {e, name_space, sec};

	/* Shorter periods are few; they are evaluated by their data and a moment later. */
	return sec % ALARM_CADENCE_SHORT_SEC ? 0 : signal_write(e, complete_step, &c, err);
}

/* ---- alarms stored before links were ---- */

/* The link that says that every alarm is linked. */
#define INDEXED "|indexed"

static int index_metric_alarms(struct db_tx *tx, struct arena *a, struct err *err)
{
	struct store_documents all;

	if (store_document_list(tx, &STORE_ALARM, NULL, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (alarm_link_metrics(tx, all.v[i], a, err) < 0)
			return -1;
	return 0;
}

static int index_composite_alarms(struct db_tx *tx, struct arena *a, struct err *err)
{
	struct store_documents all;

	if (store_document_list(tx, &STORE_COMPOSITE_ALARM, NULL, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct cloudwatch_composite_alarm *c = all.v[i];

		if (alarm_link_rule(tx, c->alarm_name, c->alarm_rule, a, err) < 0)
			return -1;
	}
	return 0;
}

int alarm_index_all(struct db_tx *tx, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_signal_alarm_link mark = {.alarm_name = ""};
	int r = store_document_get(tx, &STORE_ALARM_LINK, INDEXED, &a, &mark, err);

	if (r != 0)
		return MIN(r, 0);
	if (index_metric_alarms(tx, &a, err) < 0 || index_composite_alarms(tx, &a, err) < 0)
		return -1;
	mark.alarm_name = "";
	return store_document_put(tx, &STORE_ALARM_LINK, INDEXED, INDEXED, &mark, err);
}

/* ---- states ---- */

static int wake_composites(struct signal_engine *e, struct db_tx *tx, const char *name,
	struct arena *a, struct err *err)
{
	struct store_documents links;

	if (store_document_list(tx, &STORE_ALARM_LINK,
		    &(struct store_document_filter){.owner = arena_printf(a, "alarm %s", name)}, a,
		    &links, err) < 0)
		return -1;
	for (size_t i = 0; i < links.n; i++)
		if (alarm_wake(e, tx, ((struct towpath_signal_alarm_link *)links.v[i])->alarm_name,
			    true, err) < 0)
			return -1;
	return 0;
}

static int journal_alarm(struct signal_engine *e, struct db_tx *tx, const struct alarm *alarm,
	const struct alarm *before, struct arena *a, struct err *err)
{
	struct str detail CLEANUP_STR = STR_INIT;
	struct towpath_event_alarm event = {
		.alarm_name = alarm_name(alarm),
		.state = alarm_state(alarm),
		.previous_state = alarm_state(before),
		.reason = ALARM_OF(alarm, state_reason),
		.event = alarm_event_detail(alarm, before, a),
	};

	wire_encode_json(&towpath_event_alarm_shape, &event, &detail);
	return journal_append(e->durable, tx,
		&(struct journal_entry){.kind = "cloudwatch.alarm",
			.subject = alarm_arn(alarm),
			.detail = str_text(&detail)},
		err);
}

#define SET_STATE(alarm, changed, now, state, reason, data)            \
	do {                                                           \
		(alarm)->state_value = (state);                        \
		(alarm)->state_reason = (reason);                      \
		(alarm)->state_reason_data = (data);                   \
		(alarm)->state_updated_timestamp = (now);              \
		if (changed)                                           \
			(alarm)->state_transitioned_timestamp = (now); \
	} while (0)

int alarm_set_state(struct signal_engine *e, struct db_tx *tx, struct alarm *alarm,
	const char *state, const char *reason, const char *reason_data, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const struct alarm before = *alarm;
	const char *previous = alarm_state(alarm);
	bool changed = !streq(previous, state), held = false;
	struct wire_time now = WIRE_SET_TIME(durable_now(e->durable));

	if (alarm->composite)
		SET_STATE(&alarm->both, changed, now, state, reason, reason_data);
	else
		SET_STATE(&alarm->metric, changed, now, state, reason, reason_data);
	if ((changed && alarm_suppress(e, tx, alarm, previous, &a, &held, err) < 0) ||
		alarm_store(tx, alarm, err) < 0)
		return -1;
	if (!changed)
		return 0;
	if (alarm_history(e, tx, alarm, "StateUpdate",
		    arena_printf(&a, "Alarm updated from %s to %s", previous, state),
		    alarm_history_states(alarm, &before, &a), err) < 0 ||
		journal_alarm(e, tx, alarm, &before, &a, err) < 0 ||
		(!held && alarm_act(e, tx, alarm, previous, &a, err) < 0) ||
		alarm_suppressor_changed(e, tx, alarm, &a, err) < 0)
		return -1;
	return wake_composites(e, tx, alarm_name(alarm), &a, err);
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
		struct alarm alarm;
		int r = alarm_load(tx, q->names[i], q->a, &alarm, err);

		if (r == 0)
			return err_set(err, ERR_NOT_FOUND, "there is no alarm %s", q->names[i]);
		if (r < 0)
			return -1;
		if (!q->found && streq(alarm_state(&alarm), ALARM_STATE_ALARM))
			q->found = alarm_name(&alarm);
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

int signal_alarm_stands(
	struct db_tx *tx, const char *name, struct signal_alarm_standing *ret, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct alarm alarm;
	int r = alarm_load(tx, name, &a, &alarm, err);

	*ret = (struct signal_alarm_standing){0};
	if (r <= 0)
		return r;
	ret->active = streq(alarm_state(&alarm), ALARM_STATE_ALARM);
	return alarm_window(tx, &alarm, &a, &ret->window_usec, err) < 0 ? -1 : 1;
}
