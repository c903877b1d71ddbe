/* SPDX-License-Identifier: Apache-2.0 */
/* What deployments hear of in the journal: alarms that go off or are deleted stop them, fleets and
 * load balancers wake the tasks that wait for them. */
#include "base/mem.h"
#include "deploy/scale_out.h"
#include "deploy/service.h"

static bool is_watched(const struct step *s, const char *name)
{
	wire_foreach (it, &s->d.state.alarms)
		if (streq(*it, name))
			return true;
	return false;
}

/* gone: the alarm was deleted, so that nobody can tell its state any more. */
static int with_alarm(struct step *s, const char *name, bool gone, struct err *err)
{
	if (!is_watched(s, name) || (gone && s->d.state.ignore_poll_alarm_failure.v))
		return 0;
	if (deploy_halt(s, CODEDEPLOY_ERROR_CODE_ALARM_ACTIVE, err,
		    gone ? "The state of the alarms cannot be read: the alarm %s was deleted"
			 : "One or more alarms have been activated: %s",
		    name) < 0)
		return -1;
	return step_close(s, err);
}

static int tell_alarm(struct deploy_engine *e, struct db_tx *tx, const struct journal_entry *entry,
	bool gone, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_event_alarm alarm;
	struct store_deploy_names ids;

	if (wire_decode_json(&towpath_event_alarm_shape, view_of(entry->detail), &a, &alarm, err) <
		0)
		return -1;
	if (!alarm.alarm_name ||
		(gone ? !streq(alarm.operation, "delete") : !streq(alarm.state, "ALARM")))
		return 0;
	if (store_deployment_active(tx, &a, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++) {
		struct step s;
		int found = step_open(e, tx, ids.v[i], &a, &s, err);

		/* What was before its creation it has seen itself when it began. */
		if (found > 0 && s.d.active && entry->time_usec >= s.d.info.create_time.usec)
			found = with_alarm(&s, alarm.alarm_name, gone, err);
		if (found < 0)
			return -1;
	}
	return 0;
}

static int on_alarm(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	(void)d;
	return tell_alarm(arg, tx, entry, false, err);
}

static int on_alarm_changed(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	(void)d;
	return tell_alarm(arg, tx, entry, true, err);
}

/* Hosts came up: deployments that provision look at once. Hosts went: those made for them end. */
static int on_instance(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_event_instance event;
	struct store_deploy_names ids;
	struct deploy_engine *e = arg;

	if (wire_decode_json(
		    &towpath_event_instance_shape, view_of(entry->detail), &a, &event, err) < 0)
		return -1;
	if (streq(event.state, "shutting-down") &&
		scale_out_host_gone(e, tx, event.instance_id, &a, err) < 0)
		return -1;
	if (!event.auto_scaling_group_name ||
		!starts_with(event.auto_scaling_group_name, "CodeDeploy_"))
		return 0;
	if (store_deployment_active(tx, &a, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++)
		if (ends_with(event.auto_scaling_group_name, ids.v[i]) &&
			task_reschedule(d, tx, DEPLOY_TASK_PROVISION, ids.v[i], "",
				durable_now(e->durable), err) < 0)
			return -1;
	return 0;
}

typedef int (*service_fn)(struct step *s, const void *event, struct err *err);

/* Calls fn for each deployment to a service that has not ended. */
static int each_service(struct deploy_engine *e, struct db_tx *tx, struct arena *a, service_fn fn,
	const void *event, struct err *err)
{
	struct store_deploy_names ids;

	if (store_deployment_active(tx, a, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++) {
		struct step s;
		int found = step_open(e, tx, ids.v[i], a, &s, err);

		if (found > 0 && s.d.state.service)
			found = fn(&s, event, err);
		if (found < 0)
			return -1;
	}
	return 0;
}

static int target_of_service(struct step *s, const void *arg, struct err *err)
{
	const struct towpath_event_target *event = arg;

	wire_foreach (it, &s->d.state.service->groups)
		if (streq(*it, event->target_group_name))
			return service_poke(s, err);
	return 0;
}

/* A task set changed: the deployment that waits for it looks at once. Events that are not about
 * its set alone (a set that went, to make room) are as good: it looks for itself. */
static int task_set_of_service(struct step *s, const void *arg, struct err *err)
{
	const struct towpath_event_task_set *event = arg;

	return streq(s->d.state.service->arn, event->service_arn) ? service_poke(s, err) : 0;
}

static int on_task_set(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_event_task_set event;

	(void)d;
	if (wire_decode_json(
		    &towpath_event_task_set_shape, view_of(entry->detail), &a, &event, err) < 0)
		return -1;
	return event.service_arn ? each_service(arg, tx, &a, task_set_of_service, &event, err) : 0;
}

/* A build has ended: the hook that it answers looks at once. */
static int build_of_hook(struct step *s, const void *arg, struct err *err)
{
	const struct towpath_event_build *event = arg;

	return hook_poke(s, event->build_id, err);
}

static int on_build(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_event_build event;

	(void)d;
	if (wire_decode_json(&towpath_event_build_shape, view_of(entry->detail), &a, &event, err) <
		0)
		return -1;
	if (streq(event.build_status, "IN_PROGRESS"))
		return 0;
	return each_service(arg, tx, &a, build_of_hook, &event, err);
}

/* A target's health changed: the deployment that moves it looks at once. */
static int on_target(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_event_target event;
	struct store_deploy_names ids;
	struct deploy_engine *e = arg;

	if (wire_decode_json(&towpath_event_target_shape, view_of(entry->detail), &a, &event, err) <
		0)
		return -1;
	if (!event.target_id)
		return 0;
	if (each_service(e, tx, &a, target_of_service, &event, err) < 0)
		return -1;
	if (store_target_deployments(tx, event.target_id, &a, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++)
		if (task_reschedule(d, tx, DEPLOY_TASK_TRAFFIC, ids.v[i], event.target_id,
			    durable_now(e->durable), err) < 0)
			return -1;
	return 0;
}

void deploy_register_watch(struct deploy_engine *e)
{
	const struct journal_consumer consumers[] = {
		{"deploy.alarm", "cloudwatch.alarm", on_alarm, e},
		{"deploy.alarm-gone", "cloudwatch.configuration", on_alarm_changed, e},
		{"deploy.instance", "fleet.instance", on_instance, e},
		{"deploy.target", "elbv2.target", on_target, e},
		{"deploy.task-set", "ecs.task-set", on_task_set, e},
		{"deploy.build", "codebuild.build", on_build, e},
	};

	for (size_t i = 0; i < ARRAY_SIZE(consumers); i++)
		journal_subscribe(e->durable, &consumers[i]);
}
