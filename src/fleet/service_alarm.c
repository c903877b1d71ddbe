/* SPDX-License-Identifier: Apache-2.0 */
/* Alarms of rolling deployments (`deploymentConfiguration.alarms` of a service with controller
 * ECS): which of them watch a deployment, for how long, and how it hears of them. What follows is
 * in service_rollout.c. */
#include "fleet/containers.h"

#define INVALID "InvalidParameterException"
#define NAMES_MAX 100
#define NAME_MAX_LEN 255

static const struct ecs_deployment_alarms *enabled(const struct ecs_deployment_configuration *c)
{
	return c && c->alarms && wire_or(c->alarms->enable, false) ? c->alarms : NULL;
}

int fleet_service_alarms_check(const struct ecs_deployment_configuration *c,
	enum fleet_controller controller, struct err *err)
{
	if (!c || !c->alarms)
		return 0;
	if (c->alarms->alarm_names.n > NAMES_MAX)
		return err_set_wire(
			err, INVALID, "A service has at most %d deployment alarms.", NAMES_MAX);
	wire_foreach (name, &c->alarms->alarm_names) {
		if (!**name || strlen(*name) > NAME_MAX_LEN)
			return err_set_wire(err, INVALID,
				"The name of a deployment alarm has 1 to %d characters.",
				NAME_MAX_LEN);
	}
	if (!enabled(c))
		return 0;
	if (controller != FLEET_CONTROLLER_ECS)
		return err_set_wire(err, INVALID,
			"Deployment alarms are for services whose deployment controller is ECS.");
	if (!c->alarms->alarm_names.n)
		return err_set_wire(
			err, INVALID, "Deployment alarms are enabled, but alarmNames names none.");
	return 0;
}

const struct ecs_deployment_alarms *fleet_service_alarms(
	const struct ecs_service *s, const struct towpath_fleet_set *set)
{
	return wire_or(set->alarms_ignored, false) ? NULL : enabled(s->deployment_configuration);
}

/* An alarm that does not exist (yet) is as one that is not in ALARM. */
static int look(struct fleet_engine *e, struct db_tx *tx, const char *name, struct fleet_alarm *ret,
	struct err *err)
{
	*ret = (struct fleet_alarm){0};
	return e->cfg.alarm ? e->cfg.alarm(e->cfg.arg, tx, name, ret, err) : 0;
}

int fleet_service_alarms_ignore(struct db_tx *tx, const struct ecs_service *s,
	const struct ecs_deployment *d, struct arena *a, struct err *err)
{
	struct towpath_fleet_set set;

	if (fleet_set_get(tx, d->id, s->service_arn, a, &set, err) < 0)
		return -1;
	set.alarms_ignored = WIRE_SET_BOOL(true);
	return fleet_set_put(tx, &set, err);
}

int fleet_service_alarms_begin(struct fleet_engine *e, struct db_tx *tx, struct ecs_service *s,
	const struct ecs_deployment *d, struct arena *a, struct err *err)
{
	const struct ecs_deployment_alarms *alarms = enabled(s->deployment_configuration);

	if (!alarms)
		return 0;
	wire_foreach (name, &alarms->alarm_names) {
		struct fleet_alarm alarm;

		if (look(e, tx, *name, &alarm, err) < 0)
			return -1;
		if (!alarm.active)
			continue;
		fleet_service_event(e, s, a,
			"(deployment %s) is not watched by alarms: %s is in ALARM already.", d->id,
			*name);
		return fleet_service_alarms_ignore(tx, s, d, a, err);
	}
	return 0;
}

int fleet_service_bake_usec(struct fleet_engine *e, struct db_tx *tx,
	const struct ecs_deployment_alarms *alarms, int64_t *ret_usec, struct err *err)
{
	*ret_usec = 0;
	wire_foreach (name, &alarms->alarm_names) {
		struct fleet_alarm alarm;

		if (look(e, tx, *name, &alarm, err) < 0)
			return -1;
		*ret_usec = MAX(*ret_usec, alarm.window_usec);
	}
	return 0;
}

/* ---- hearing of them ---- */

static bool has_name(const struct ecs_deployment_alarms *alarms, const char *name)
{
	wire_foreach (it, &alarms->alarm_names) {
		if (streq(*it, name))
			return true;
	}
	return false;
}

/* The service's newest deployment keeps which alarm it was and is looked at. */
static int tell(struct fleet_engine *e, struct db_tx *tx, const struct ecs_service *s,
	const char *alarm, int64_t usec, struct arena *a, struct err *err)
{
	const struct ecs_deployment_alarms *alarms = enabled(s->deployment_configuration);
	const struct ecs_deployment *d = s->deployments.n ? &s->deployments.v[0] : NULL;
	struct towpath_fleet_set set;

	/* What was before its start it has seen itself when it began. */
	if (!alarms || !d || !streq(s->status, SERVICE_ACTIVE) || !has_name(alarms, alarm) ||
		!streq(d->rollout_state, ROLLOUT_IN_PROGRESS) || usec < d->created_at.usec)
		return 0;
	if (fleet_set_get(tx, d->id, s->service_arn, a, &set, err) < 0)
		return -1;
	if (set.alarm || !fleet_service_alarms(s, &set))
		return 0;
	set.alarm = alarm;
	if (fleet_set_put(tx, &set, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_SERVICE, s->service_arn, 0, err);
}

static int on_alarm(struct durable *d UNUSED, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_event_alarm alarm;
	struct store_documents all;

	if (wire_decode_json(&towpath_event_alarm_shape, view_of(entry->detail), &a, &alarm, err) <
		0)
		return -1;
	if (!streq(alarm.state, "ALARM") || !alarm.alarm_name)
		return 0;
	if (store_document_list(tx, &STORE_SERVICE, NULL, &a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (tell(arg, tx, all.v[i], alarm.alarm_name, entry->time_usec, &a, err) < 0)
			return -1;
	return 0;
}

void fleet_service_alarms_watch(struct fleet_engine *e)
{
	journal_subscribe(e->durable,
		&(struct journal_consumer){"fleet.alarm", "cloudwatch.alarm", on_alarm, e});
}
