/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of autoscaling: lifecycle hooks and the actions of instances that wait for them. */
#include "fleet/lifecycle.h"

#define WIRE_INVALID "ValidationError"
#define MAX_HOOKS 50
#define MIN_HEARTBEAT 30
#define MAX_HEARTBEAT 7200

static const char *hook_key(const char *group, const char *name, struct arena *a)
{
	return arena_printf(a, "%s:%s", group, name); /* no hook's name has a colon */
}

/* ---- what a hook says ---- */

static int check_managed(const char *name, struct err *err)
{
	if (!fleet_hook_is_managed(name))
		return 0;
	err_set_wire(err, WIRE_INVALID, "The lifecycle hook %s belongs to CodeDeploy", name);
	return err_hint(err, "it comes and goes with the group in a deployment group's "
			     "autoScalingGroups");
}

static int refuse_unbuilt(const struct autoscaling_lifecycle_hook *h, struct err *err)
{
	if (streq(h->lifecycle_transition, FLEET_TERMINATING))
		return err_set(err, ERR_UNSUPPORTED,
			"lifecycle hooks of %s are not implemented; use %s", FLEET_TERMINATING,
			FLEET_LAUNCHING);
	if ((h->notification_target_arn && *h->notification_target_arn) || h->role_arn) {
		err_set(err, ERR_UNSUPPORTED,
			"NotificationTargetARN and RoleARN of a lifecycle hook are not "
			"implemented");
		return err_hint(err, "a rule on events of aws.autoscaling, EC2 Instance-launch "
				     "Lifecycle Action, tells of instances that wait");
	}
	return 0;
}

static int check_hook(const struct autoscaling_lifecycle_hook *h, struct err *err)
{
	int heartbeat = wire_or(h->heartbeat_timeout, FLEET_HEARTBEAT_SECONDS);

	if (check_managed(h->lifecycle_hook_name, err) < 0 || refuse_unbuilt(h, err) < 0)
		return -1;
	if (!streq(h->lifecycle_transition, FLEET_LAUNCHING))
		return err_set_wire(err, WIRE_INVALID,
			"LifecycleTransition of the hook %s must be %s, not %s",
			h->lifecycle_hook_name, FLEET_LAUNCHING,
			h->lifecycle_transition ? h->lifecycle_transition : "absent");
	if (!streq(h->default_result, FLEET_CONTINUE) && !streq(h->default_result, FLEET_ABANDON))
		return err_set_wire(err, WIRE_INVALID,
			"DefaultResult of the hook %s must be CONTINUE or ABANDON, not %s",
			h->lifecycle_hook_name, h->default_result);
	if (heartbeat < MIN_HEARTBEAT || heartbeat > MAX_HEARTBEAT)
		return err_set_wire(err, WIRE_INVALID,
			"HeartbeatTimeout of the hook %s must be %d to %d seconds, not %d",
			h->lifecycle_hook_name, MIN_HEARTBEAT, MAX_HEARTBEAT, heartbeat);
	return 0;
}

static int put_hook(
	struct db_tx *tx, struct autoscaling_lifecycle_hook *h, struct arena *a, struct err *err)
{
	int heartbeat = wire_or(h->heartbeat_timeout, FLEET_HEARTBEAT_SECONDS);

	if (!h->default_result)
		h->default_result = FLEET_ABANDON;
	if (check_hook(h, err) < 0)
		return -1;
	h->heartbeat_timeout = WIRE_SET_INT(heartbeat);
	h->global_timeout =
		WIRE_SET_INT(MIN(heartbeat * FLEET_GLOBAL_FACTOR, FLEET_GLOBAL_SECONDS));
	return store_document_put(tx, &STORE_LIFECYCLE_HOOK,
		hook_key(h->auto_scaling_group_name, h->lifecycle_hook_name, a),
		h->auto_scaling_group_name, h, err);
}

int fleet_hooks_put(struct db_tx *tx, const char *group,
	const struct autoscaling_lifecycle_hook_specifications *specs, struct arena *a,
	struct err *err)
{
	wire_foreach (spec, specs) {
		struct autoscaling_lifecycle_hook h = {.auto_scaling_group_name = group};

		wire_assign(&autoscaling_lifecycle_hook_shape, &h,
			&autoscaling_lifecycle_hook_specification_shape, spec);
		if (put_hook(tx, &h, a, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- operations on hooks ---- */

static int put_lifecycle_hook_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(autoscaling, put_lifecycle_hook);
	const char *group = req->auto_scaling_group_name;
	struct autoscaling_auto_scaling_group g;
	struct autoscaling_lifecycle_hook h = {0};
	struct store_documents own;
	int r;

	if (fleet_group_need(tx, group, a, &g, err) < 0 ||
		fleet_own_hooks(tx, group, a, &own, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_LIFECYCLE_HOOK,
		hook_key(group, req->lifecycle_hook_name, a), a, &h, err);
	if (r < 0)
		return -1;
	if (r == 0 && own.n >= MAX_HOOKS)
		return err_set_wire(err, "LimitExceeded",
			"The group %s has %d lifecycle hooks, the most that it may have", group,
			MAX_HOOKS);
	wire_assign(&autoscaling_lifecycle_hook_shape, &h,
		&autoscaling_put_lifecycle_hook_request_shape, req);
	return put_hook(tx, &h, a, err);
}

static bool hook_wanted(const struct autoscaling_lifecycle_hook_names *names, const char *name)
{
	wire_foreach (wanted, names)
		if (streq(*wanted, name))
			return true;
	return names->n == 0;
}

static int describe_lifecycle_hooks_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(autoscaling, describe_lifecycle_hooks);
	struct autoscaling_auto_scaling_group g;
	struct autoscaling_lifecycle_hooks *all = &resp->lifecycle_hooks;
	size_t n = 0;

	if (fleet_group_need(tx, req->auto_scaling_group_name, a, &g, err) < 0 ||
		fleet_hooks_of(e, tx, req->auto_scaling_group_name, a, all, err) < 0)
		return -1;
	for (size_t i = 0; i < all->n; i++)
		if (hook_wanted(&req->lifecycle_hook_names, all->v[i].lifecycle_hook_name))
			all->v[n++] = all->v[i];
	all->n = n;
	return 0;
}

/* Instances that wait for a hook that is gone are abandoned. */
static int end_waiting(struct fleet_engine *e, struct db_tx *tx, const char *group,
	const char *hook, struct arena *a, struct err *err)
{
	struct store_documents all;

	if (store_document_list(tx, &STORE_INSTANCE,
		    &(struct store_document_filter){.owner = group}, a, &all, err) < 0)
		return -1;
	for (size_t k = 0; k < all.n; k++) {
		struct towpath_fleet_lifecycle_action *action = fleet_action_find(all.v[k], hook);

		if (action && fleet_action_end(e, tx, all.v[k], action,
				      arena_printf(a, "the lifecycle hook %s was deleted", hook), a,
				      err) < 0)
			return -1;
	}
	return 0;
}

static int delete_lifecycle_hook_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(autoscaling, delete_lifecycle_hook);
	const char *group = req->auto_scaling_group_name, *name = req->lifecycle_hook_name;
	struct autoscaling_auto_scaling_group g;
	struct autoscaling_lifecycle_hook h;
	int r;

	if (fleet_group_need(tx, group, a, &g, err) < 0 || check_managed(name, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_LIFECYCLE_HOOK, hook_key(group, name, a), a, &h, err);
	if (r == 0)
		return err_set_wire(err, WIRE_INVALID,
			"No Lifecycle Hook found for Auto Scaling group %s with name: %s", group,
			name);
	if (r < 0 ||
		store_document_delete(tx, &STORE_LIFECYCLE_HOOK, hook_key(group, name, a), err) < 0)
		return -1;
	return end_waiting(e, tx, group, name, a, err);
}

/* ---- operations on actions ---- */

/* Which action a request is about: by the instance, or by the token alone. */
struct action_query {
	const char *group, *hook, *token, *instance_id;
};

static int find_action(struct db_tx *tx, const struct action_query *q, struct arena *a,
	struct towpath_fleet_instance **ret_instance, struct towpath_fleet_lifecycle_action **ret,
	struct err *err)
{
	struct autoscaling_auto_scaling_group g;
	struct store_documents all;

	if (!q->token && !q->instance_id)
		return err_set_wire(err, WIRE_INVALID,
			"A lifecycle action is named by LifecycleActionToken or InstanceId");
	if (fleet_group_need(tx, q->group, a, &g, err) < 0 ||
		store_document_list(tx, &STORE_INSTANCE,
			&(struct store_document_filter){.owner = q->group}, a, &all, err) < 0)
		return -1;
	for (size_t k = 0; k < all.n; k++) {
		struct towpath_fleet_lifecycle_action *action =
			fleet_action_find(all.v[k], q->hook);

		if (!action || (q->token && !streq(q->token, action->token)) ||
			(q->instance_id && !streq(q->instance_id, all.ids[k])))
			continue;
		*ret_instance = all.v[k];
		*ret = action;
		return 0;
	}
	return err_set_wire(err, WIRE_INVALID,
		"No active Lifecycle Action found with %s %s of the hook %s",
		q->instance_id ? "instance ID" : "token",
		q->instance_id ? q->instance_id : q->token, q->hook);
}

static int complete_lifecycle_action_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(autoscaling, complete_lifecycle_action);
	const char *result = req->lifecycle_action_result;
	struct action_query q = {req->auto_scaling_group_name, req->lifecycle_hook_name,
		req->lifecycle_action_token, req->instance_id};
	struct towpath_fleet_lifecycle_action *action;
	struct towpath_fleet_instance *i;

	if (!streq(result, FLEET_CONTINUE) && !streq(result, FLEET_ABANDON))
		return err_set_wire(err, WIRE_INVALID,
			"LifecycleActionResult must be CONTINUE or ABANDON, not %s", result);
	if (find_action(tx, &q, a, &i, &action, err) < 0)
		return -1;
	return fleet_action_end(e, tx, i, action,
		streq(result, FLEET_CONTINUE)
			? NULL
			: arena_printf(a, "the lifecycle hook %s was completed with ABANDON",
				  action->hook),
		a, err);
}

static int record_lifecycle_action_heartbeat_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(autoscaling, record_lifecycle_action_heartbeat);
	struct action_query q = {req->auto_scaling_group_name, req->lifecycle_hook_name,
		req->lifecycle_action_token, req->instance_id};
	struct towpath_fleet_lifecycle_action *action;
	struct towpath_fleet_instance *i;
	int64_t timeout, last;

	if (find_action(tx, &q, a, &i, &action, err) < 0)
		return -1;
	if (!action->deadline.set)
		return 0; /* it ends with its deployment */
	timeout = action->timeout_seconds.v;
	last = action->started.usec +
	       MIN(timeout * FLEET_GLOBAL_FACTOR, (int64_t)FLEET_GLOBAL_SECONDS) * USEC_PER_SEC;
	action->deadline =
		WIRE_SET_TIME(MIN(durable_now(e->durable) + timeout * USEC_PER_SEC, last));
	return fleet_instance_put(tx, i, err); /* the task looks at the deadline again */
}

FLEET_DEFINE(autoscaling, complete_lifecycle_action, fleet_write)
FLEET_DEFINE(autoscaling, delete_lifecycle_hook, fleet_write)
FLEET_DEFINE(autoscaling, describe_lifecycle_hooks, fleet_read)
FLEET_DEFINE(autoscaling, put_lifecycle_hook, fleet_write)
FLEET_DEFINE(autoscaling, record_lifecycle_action_heartbeat, fleet_write)
