/* SPDX-License-Identifier: Apache-2.0 */
/* Lifecycle hooks: an instance that its group has launched waits (Pending:Wait) until each hook of
 * the group lets it go in service; only then it is registered with target groups.
 *
 * L1 An instance in state running with actions waits; without, it is in service.
 * L2 An action ends once: by whoever completes it, by its deadline, or with the instance.
 *
 * Hooks are the group's own (PutLifecycleHook), which have a deadline, and those that the server
 * itself has at the group for deployments (fleet_manage_hooks()), which end with a deployment. */
#include "base/id.h"
#include "base/vec.h"
#include "fleet/lifecycle.h"

#define MANAGED_HEARTBEAT_SECONDS 600 /* as clients see it */

bool fleet_instance_in_service(const struct towpath_fleet_instance *i)
{
	return streq(i->state, INSTANCE_RUNNING) && !i->actions.n;
}

bool fleet_instance_waits(const struct towpath_fleet_instance *i)
{
	return streq(i->state, INSTANCE_RUNNING) && i->actions.n;
}

void fleet_manage_hooks(struct fleet_engine *e, fleet_hooks_fn fn, void *arg)
{
	e->managed_hooks = fn;
	e->managed_hooks_arg = arg;
}

bool fleet_hook_is_managed(const char *name)
{
	return starts_with(name, FLEET_MANAGED_HOOK);
}

/* ---- the hooks of a group ---- */

static struct autoscaling_lifecycle_hook managed_hook(const char *group, const char *name)
{
	return (struct autoscaling_lifecycle_hook){
		.auto_scaling_group_name = group,
		.lifecycle_hook_name = name,
		.lifecycle_transition = FLEET_LAUNCHING,
		.heartbeat_timeout = WIRE_SET_INT(MANAGED_HEARTBEAT_SECONDS),
		.global_timeout = WIRE_SET_INT(MANAGED_HEARTBEAT_SECONDS * FLEET_GLOBAL_FACTOR),
		.default_result = FLEET_ABANDON,
	};
}

int fleet_own_hooks(struct db_tx *tx, const char *group, struct arena *a,
	struct store_documents *ret, struct err *err)
{
	return store_document_list(tx, &STORE_LIFECYCLE_HOOK,
		&(struct store_document_filter){.owner = group}, a, ret, err);
}

int fleet_hooks_of(struct fleet_engine *e, struct db_tx *tx, const char *group, struct arena *a,
	struct autoscaling_lifecycle_hooks *ret, struct err *err)
{
	struct store_documents own;
	const char **managed = NULL;
	size_t n = 0;

	if (fleet_own_hooks(tx, group, a, &own, err) < 0)
		return -1;
	if (e->managed_hooks &&
		e->managed_hooks(e->managed_hooks_arg, tx, group, a, &managed, &n, err) < 0)
		return -1;
	wire_list_alloc(a, ret, own.n + n);
	for (size_t i = 0; i < own.n; i++)
		ret->v[i] = *(struct autoscaling_lifecycle_hook *)own.v[i];
	for (size_t i = 0; i < n; i++)
		ret->v[own.n + i] = managed_hook(group, managed[i]);
	return 0;
}

/* ---- going in service ---- */

static int attach_by_arn(struct fleet_engine *e, struct db_tx *tx, const char *arn,
	const struct towpath_fleet_instance *i, struct arena *a, struct err *err)
{
	struct elbv2_target_group tg;
	int r = store_document_get(tx, &STORE_TARGET_GROUP, arn, a, &tg, err);

	return r > 0 ? fleet_target_add(e, tx, &tg, i->instance_id, 0, a, err) : r;
}

static int attach_by_name(struct fleet_engine *e, struct db_tx *tx, const char *name,
	const struct towpath_fleet_instance *i, struct arena *a, struct err *err)
{
	struct elbv2_target_group tg;
	int r = fleet_target_group_by_name(tx, name, a, &tg, err);

	return r > 0 ? fleet_target_add(e, tx, &tg, i->instance_id, 0, a, err) : r;
}

/* With the target groups of its group, and those of who has prepared it. */
static int attach_targets(struct fleet_engine *e, struct db_tx *tx,
	const struct towpath_fleet_instance *i, struct arena *a, struct err *err)
{
	struct autoscaling_auto_scaling_group g;
	int r = fleet_group_get(tx, i->auto_scaling_group_name, a, &g, err);

	if (r < 0)
		return -1;
	if (r > 0)
		wire_foreach (arn, &g.target_group_ar_ns)
			if (attach_by_arn(e, tx, *arn, i, a, err) < 0)
				return -1;
	wire_foreach (name, &i->target_groups)
		if (attach_by_name(e, tx, *name, i, a, err) < 0)
			return -1;
	return 0;
}

static int enter_service(struct fleet_engine *e, struct db_tx *tx, struct towpath_fleet_instance *i,
	struct arena *a, struct err *err)
{
	i->service_time = WIRE_SET_TIME(durable_now(e->durable));
	if (fleet_instance_put(tx, i, err) < 0)
		return -1;
	if (!i->auto_scaling_group_name)
		return 0;
	return fleet_instance_journal_group(e, tx, i, "launched", err) < 0
		       ? -1
		       : attach_targets(e, tx, i, a, err);
}

/* ---- waiting ---- */

static int journal_action(struct fleet_engine *e, struct db_tx *tx,
	const struct towpath_fleet_instance *i, const struct towpath_fleet_lifecycle_action *action,
	const char *group_arn, struct err *err)
{
	struct str detail CLEANUP_STR = STR_INIT;
	struct towpath_event_lifecycle event = {
		.auto_scaling_group_name = i->auto_scaling_group_name,
		.instance_id = i->instance_id,
		.lifecycle_hook_name = action->hook,
		.lifecycle_action_token = action->token,
		.lifecycle_transition = FLEET_LAUNCHING,
		.notification_metadata = action->metadata,
		.origin = "EC2",
		.destination = "AutoScalingGroup",
	};

	wire_encode_json(&towpath_event_lifecycle_shape, &event, &detail);
	return journal_append(e->durable, tx,
		&(struct journal_entry){.kind = "autoscaling.lifecycle",
			.subject = group_arn,
			.detail = str_text(&detail)},
		err);
}

static struct towpath_fleet_lifecycle_action new_action(
	const struct autoscaling_lifecycle_hook *hook, int64_t now, struct arena *a)
{
	int64_t timeout = wire_or(hook->heartbeat_timeout, FLEET_HEARTBEAT_SECONDS);
	struct towpath_fleet_lifecycle_action action = {
		.hook = hook->lifecycle_hook_name,
		.token = arena_strdup(a, id_uuid().text),
		.timeout_seconds = WIRE_SET_LONG(timeout),
		.proceed = WIRE_SET_BOOL(streq(hook->default_result, FLEET_CONTINUE)),
		.started = WIRE_SET_TIME(now),
		.metadata = hook->notification_metadata,
	};

	if (!fleet_hook_is_managed(hook->lifecycle_hook_name))
		action.deadline = WIRE_SET_TIME(now + timeout * USEC_PER_SEC);
	return action;
}

/* The next deadline, 0 when there is none. */
static int64_t next_deadline(const struct towpath_fleet_instance *i)
{
	int64_t next = 0;

	wire_foreach (action, &i->actions)
		if (action->deadline.set && (!next || action->deadline.usec < next))
			next = action->deadline.usec;
	return next;
}

static int wake_at_deadline(struct fleet_engine *e, struct db_tx *tx,
	const struct towpath_fleet_instance *i, struct err *err)
{
	int64_t next = next_deadline(i);

	return next ? fleet_wake(e, tx, FLEET_TASK_LIFECYCLE, i->instance_id, next, err) : 0;
}

int fleet_lifecycle_begin(struct fleet_engine *e, struct db_tx *tx,
	struct towpath_fleet_instance *i, struct arena *a, struct err *err)
{
	struct autoscaling_auto_scaling_group g;
	struct autoscaling_lifecycle_hooks hooks = {0};
	int r = 0;

	if (i->auto_scaling_group_name)
		r = fleet_group_get(tx, i->auto_scaling_group_name, a, &g, err);
	if (r < 0 ||
		(r > 0 && fleet_hooks_of(e, tx, g.auto_scaling_group_name, a, &hooks, err) < 0))
		return -1;
	if (!hooks.n)
		return enter_service(e, tx, i, a, err);
	wire_list_alloc(a, &i->actions, hooks.n);
	for (size_t k = 0; k < hooks.n; k++)
		i->actions.v[k] = new_action(&hooks.v[k], durable_now(e->durable), a);
	if (fleet_instance_put(tx, i, err) < 0)
		return -1;
	wire_foreach (action, &i->actions)
		if (journal_action(e, tx, i, action, g.auto_scaling_group_arn, err) < 0)
			return -1;
	return wake_at_deadline(e, tx, i, err);
}

/* ---- ending ---- */

struct towpath_fleet_lifecycle_action *fleet_action_find(
	const struct towpath_fleet_instance *i, const char *hook)
{
	if (fleet_instance_waits(i))
		wire_foreach (action, &i->actions)
			if (streq(action->hook, hook))
				return action;
	return NULL;
}

int fleet_action_end(struct fleet_engine *e, struct db_tx *tx, struct towpath_fleet_instance *i,
	struct towpath_fleet_lifecycle_action *action, const char *abandoned, struct arena *a,
	struct err *err)
{
	size_t k = (size_t)(action - i->actions.v);

	if (abandoned) {
		i->abandoned = WIRE_SET_BOOL(true);
		if (fleet_instance_journal_group(e, tx, i, "launch abandoned", err) < 0)
			return -1;
		return fleet_instance_stop(e, tx, i,
			arena_printf(a, "its launch was abandoned: %s", abandoned), a, err);
	}
	memmove(action, action + 1, (i->actions.n - k - 1) * sizeof(*action));
	i->actions.n--;
	return i->actions.n ? fleet_instance_put(tx, i, err) : enter_service(e, tx, i, a, err);
}

/* What the deadline says of the action, for fleet_action_end(). */
static const char *timed_out(const struct towpath_fleet_lifecycle_action *action, struct arena *a)
{
	return action->proceed.v ? NULL
				 : arena_printf(a,
					   "the lifecycle hook %s was not completed within %lld "
					   "seconds of the last heartbeat",
					   action->hook, (long long)action->timeout_seconds.v);
}

static int deadline_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_op *o = arg;
	const struct task *t = o->req;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	int64_t now = durable_now(o->e->durable);
	struct towpath_fleet_instance i = {0};
	int r = fleet_instance_get(tx, t->subject, &a, &i, err);

	if (r < 0 || task_done(o->e->durable, tx, t, err) < 0)
		return -1;
	for (size_t k = 0; r > 0 && fleet_instance_waits(&i) && k < i.actions.n;) {
		struct towpath_fleet_lifecycle_action *action = &i.actions.v[k];

		if (!action->deadline.set || action->deadline.usec > now)
			k++;
		else if (fleet_action_end(o->e, tx, &i, action, timed_out(action, &a), &a, err) < 0)
			return -1;
	}
	return r > 0 && fleet_instance_waits(&i) ? wake_at_deadline(o->e, tx, &i, err) : 0;
}

int fleet_lifecycle_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct fleet_op o = {.e = arg, .req = t};

	return durable_step(d, deadline_step, &o, err);
}

/* ---- for deployments ---- */

int fleet_launch_end(
	struct fleet_engine *e, struct db_tx *tx, const struct fleet_launch *l, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_fleet_lifecycle_action *action;
	struct towpath_fleet_instance i;
	size_t had;
	int r = fleet_instance_get(tx, l->instance, &a, &i, err);

	if (r <= 0)
		return r;
	action = fleet_action_find(&i, l->hook);
	if (!action)
		return 0;
	had = i.target_groups.n;
	if (!l->abandoned && l->n) {
		const char **old = i.target_groups.v;

		wire_list_alloc(&a, &i.target_groups, had + l->n);
		for (size_t k = 0; k < had; k++)
			i.target_groups.v[k] = old[k];
		for (size_t k = 0; k < l->n; k++)
			i.target_groups.v[had + k] = l->target_groups[k];
	}
	return fleet_action_end(e, tx, &i, action, l->abandoned, &a, err) < 0 ? -1 : 1;
}

int fleet_group_retry(struct fleet_engine *e, struct db_tx *tx, const char *group, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct store_documents all;
	bool any = false;

	if (store_document_list(tx, &STORE_INSTANCE,
		    &(struct store_document_filter){.owner = group}, &a, &all, err) < 0)
		return -1;
	for (size_t k = 0; k < all.n; k++) {
		struct towpath_fleet_instance *i = all.v[k];

		if (!wire_or(i->abandoned, false))
			continue;
		i->abandoned = WIRE_SET_BOOL(false);
		any = true;
		if (fleet_instance_put(tx, i, err) < 0)
			return -1;
	}
	return any ? fleet_wake(e, tx, FLEET_TASK_GROUP, group, 0, err) : 0;
}
