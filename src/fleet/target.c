/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: what is registered with a target group, and its health.
 *
 * A target that is deregistered is draining until its deregistration delay has passed, but it has
 * left (`drained`, announced as `unused`) as soon as no request is under way. */
#include <stdio.h>
#include <stdlib.h>

#include "base/id.h"
#include "fleet/containers.h"

#define DEFAULT_DELAY_SEC 300

int fleet_target_group_by_name(struct db_tx *tx, const char *name, struct arena *a,
	struct elbv2_target_group *ret, struct err *err)
{
	struct store_documents all;

	if (store_document_list(tx, &STORE_TARGET_GROUP, NULL, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct elbv2_target_group *tg = all.v[i];

		if (streq(tg->target_group_name, name) || streq(tg->target_group_arn, name)) {
			*ret = *tg;
			return 1;
		}
	}
	return 0;
}

const char *fleet_target_group_attribute(
	struct db_tx *tx, const char *arn, const char *key, struct arena *a, struct err *err)
{
	struct towpath_fleet_target_group more;

	if (store_document_get(tx, &STORE_TARGET_GROUP_MORE, arn, a, &more, err) <= 0)
		return NULL;
	return fleet_attribute_get(&more.attributes, key);
}

char *fleet_target_key(struct arena *a, const struct towpath_fleet_target *t)
{
	return arena_printf(a, "%s|%s|%d", t->target_group_arn, t->target_id, t->port.v);
}

static int target_put(struct db_tx *tx, const struct towpath_fleet_target *t, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;

	return store_document_put(
		tx, &STORE_TARGET, fleet_target_key(&a, t), t->target_group_arn, t, err);
}

static int journal_target(struct fleet_engine *e, struct db_tx *tx,
	const struct towpath_fleet_target *t, const char *state, const char *previous,
	struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct str detail CLEANUP_STR = STR_INIT;
	struct view arn = view_of(t->target_group_arn);
	struct towpath_event_target event = {
		.target_group_arn = t->target_group_arn,
		.target_id = t->target_id,
		.state = state,
		.previous_state = previous,
		.reason = t->description ? t->description : t->reason,
	};

	view_cut(&arn, '/');
	event.target_group_name = arena_view_dup(&a, view_cut(&arn, '/'));
	wire_encode_json(&towpath_event_target_shape, &event, &detail);
	return journal_append(e->durable, tx,
		&(struct journal_entry){.kind = "elbv2.target",
			.subject = t->target_group_arn,
			.detail = str_text(&detail)},
		err);
}

/* Replaces an unhealthy instance of a group that asks for it. */
static int replace_unhealthy(struct fleet_engine *e, struct db_tx *tx,
	const struct towpath_fleet_target *t, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_fleet_instance i;
	struct autoscaling_auto_scaling_group g;
	int64_t grace;
	int r = fleet_instance_get(tx, t->target_id, &a, &i, err);

	if (r <= 0 || !i.auto_scaling_group_name)
		return r < 0 ? -1 : 0;
	r = fleet_group_get(tx, i.auto_scaling_group_name, &a, &g, err);
	if (r <= 0 || !streq(g.health_check_type, "ELB"))
		return r < 0 ? -1 : 0;
	grace = wire_or(g.health_check_grace_period, 0) * USEC_PER_SEC;
	if (durable_now(e->durable) < i.state_time.usec + grace)
		return 0;
	return fleet_instance_stop(e, tx, &i, "its load balancer found it unhealthy", &a, err);
}

/* The instance may wait for its targets to leave. */
static int wake_terminating(
	struct fleet_engine *e, struct db_tx *tx, const char *instance_id, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_fleet_instance i;
	int64_t until;
	int r = fleet_instance_get(tx, instance_id, &a, &i, err);

	if (r <= 0 || !streq(i.state, INSTANCE_STOPPING))
		return r < 0 ? -1 : 0;
	r = fleet_targets_busy(tx, instance_id, 0, &a, &until, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	return fleet_wake(e, tx, FLEET_TASK_INSTANCE, instance_id, 0, err);
}

int fleet_target_set_state(struct fleet_engine *e, struct db_tx *tx, struct towpath_fleet_target *t,
	const char *state, const char *reason, const char *description, struct err *err)
{
	const char *previous = t->state;
	bool left = streq(state, TARGET_UNUSED);

	t->state = left ? TARGET_DRAINING : state;
	t->drained = WIRE_SET_BOOL(left);
	t->reason = reason;
	t->description = description;
	if (target_put(tx, t, err) < 0 || journal_target(e, tx, t, state, previous, err) < 0)
		return -1;
	if (fleet_task_target_changed(e, tx, t, err) < 0)
		return -1;
	if (left)
		return wake_terminating(e, tx, t->target_id, err);
	if (streq(state, TARGET_UNHEALTHY))
		return replace_unhealthy(e, tx, t, err);
	return 0;
}

/* ---- register ---- */

static int target_address(struct db_tx *tx, const struct elbv2_target_group *tg,
	const char *target_id, struct arena *a, const char **ret, struct err *err)
{
	struct towpath_fleet_instance i;
	int r;

	if (streq(tg->target_type, "ip")) {
		*ret = target_id;
		return 0;
	}
	r = fleet_instance_get(tx, target_id, a, &i, err);
	if (r < 0)
		return -1;
	if (r == 0 || !fleet_instance_live(&i))
		return err_set_wire(err, "InvalidTargetException",
			"The following targets are not in a running state and cannot be "
			"registered: '%s'",
			target_id);
	*ret = i.address;
	return 0;
}

int fleet_target_add(struct fleet_engine *e, struct db_tx *tx, const struct elbv2_target_group *tg,
	const char *target_id, int port, struct arena *a, struct err *err)
{
	struct towpath_fleet_target t = {
		.target_group_arn = tg->target_group_arn,
		.target_id = target_id,
		.port = WIRE_SET_INT(port ? port : wire_or(tg->port, 80)),
	};
	struct towpath_fleet_target old;
	char tail[5];
	int r = store_document_get(tx, &STORE_TARGET, fleet_target_key(a, &t), a, &old, err);

	if (r < 0)
		return -1;
	if (r > 0 && !streq(old.state, TARGET_DRAINING))
		return 0;
	if (target_address(tx, tg, target_id, a, &t.address, err) < 0)
		return -1;
	id_random_text(tail, 4, ID_ALPHABET_HEX);
	t.server = arena_printf(a, "%s-%d-%s", target_id, t.port.v, tail);
	if (r > 0 && !wire_or(old.drained, false))
		t.server = old.server;
	t.registered_time = WIRE_SET_TIME(durable_now(e->durable));
	if (fleet_target_set_state(e, tx, &t, TARGET_INITIAL, "Elb.RegistrationInProgress",
		    "Target registration is in progress", err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_TRAFFIC, "", 0, err);
}

/* ---- deregister ---- */

static int drain_one(struct fleet_engine *e, struct db_tx *tx, struct towpath_fleet_target *t,
	bool at_once, struct arena *a, struct err *err)
{
	int64_t now = durable_now(e->durable);
	const char *delay;

	if (streq(t->state, TARGET_DRAINING)) {
		if (at_once && !wire_or(t->drained, false))
			return fleet_target_set_state(e, tx, t, TARGET_UNUSED,
				"Target.DeregistrationInProgress",
				"Target deregistration is in progress", err);
		return 0;
	}
	delay = fleet_target_group_attribute(
		tx, t->target_group_arn, "deregistration_delay.timeout_seconds", a, err);
	t->drain_until = WIRE_SET_TIME(
		now + (delay ? strtoll(delay, NULL, 10) : DEFAULT_DELAY_SEC) * USEC_PER_SEC);
	if (fleet_target_set_state(e, tx, t, at_once ? TARGET_UNUSED : TARGET_DRAINING,
		    "Target.DeregistrationInProgress", "Target deregistration is in progress",
		    err) < 0 ||
		fleet_wake(e, tx, FLEET_TASK_TARGET, fleet_target_key(a, t), t->drain_until.usec,
			err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_TRAFFIC, "", 0, err);
}

int fleet_target_drain(struct fleet_engine *e, struct db_tx *tx,
	const struct elbv2_target_group *tg, const char *target_id, int port, struct arena *a,
	struct err *err)
{
	struct store_documents all;

	if (store_document_list(tx, &STORE_TARGET,
		    &(struct store_document_filter){.owner = tg->target_group_arn}, a, &all,
		    err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		struct towpath_fleet_target *t = all.v[i];

		if (streq(t->target_id, target_id) && (!port || t->port.v == port) &&
			drain_one(e, tx, t, false, a, err) < 0)
			return -1;
	}
	return 0;
}

int fleet_targets_drain_all(struct fleet_engine *e, struct db_tx *tx, const char *target_id,
	int port, bool at_once, struct arena *a, struct err *err)
{
	struct store_documents all;

	if (store_document_list(tx, &STORE_TARGET, NULL, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		struct towpath_fleet_target *t = all.v[i];

		if (streq(t->target_id, target_id) && (!port || t->port.v == port) &&
			drain_one(e, tx, t, at_once, a, err) < 0)
			return -1;
	}
	return 0;
}

int fleet_targets_busy(struct db_tx *tx, const char *target_id, int port, struct arena *a,
	int64_t *ret_until, struct err *err)
{
	struct store_documents all;
	int busy = 0;

	*ret_until = 0;
	if (store_document_list(tx, &STORE_TARGET, NULL, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct towpath_fleet_target *t = all.v[i];

		if (!streq(t->target_id, target_id) || (port && t->port.v != port) ||
			wire_or(t->drained, false))
			continue;
		busy = 1;
		*ret_until = MAX(*ret_until, t->drain_until.usec);
	}
	return busy;
}

/* The deregistration delay has passed: the target is forgotten. */
static int target_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_op *o = arg;
	const struct task *t = o->req;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_fleet_target target;
	int r = store_document_get(tx, &STORE_TARGET, t->subject, &a, &target, err);

	if (r > 0 && streq(target.state, TARGET_DRAINING) &&
		durable_now(o->e->durable) >= target.drain_until.usec) {
		if (!wire_or(target.drained, false) &&
			fleet_target_set_state(o->e, tx, &target, TARGET_UNUSED,
				"Target.DeregistrationInProgress",
				"The deregistration delay has passed", err) < 0)
			return -1;
		if (store_document_delete(tx, &STORE_TARGET, t->subject, err) < 0 ||
			fleet_wake(o->e, tx, FLEET_TASK_TRAFFIC, "", 0, err) < 0 ||
			fleet_tasks_wake_waiting(o->e, tx, err) < 0)
			return -1;
	}
	if (r < 0 || task_done(o->e->durable, tx, t, err) < 0)
		return -1;
	/* Registered and deregistered again meanwhile: the new delay runs on. */
	if (r > 0 && streq(target.state, TARGET_DRAINING) &&
		durable_now(o->e->durable) < target.drain_until.usec)
		return fleet_wake(
			o->e, tx, FLEET_TASK_TARGET, t->subject, target.drain_until.usec, err);
	return 0;
}

int fleet_target_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct fleet_op o = {.e = arg, .req = t};

	return durable_step(d, target_step, &o, err);
}

/* ---- for deployments ---- */

struct target_query {
	struct fleet_engine *e;
	const char *group, *host;
	bool add;
	struct arena *a;
	enum fleet_target_state state;
	const char *reason;
};

static int need_target_group(
	struct db_tx *tx, struct target_query *q, struct elbv2_target_group *ret, struct err *err)
{
	int r = fleet_target_group_by_name(tx, q->group, q->a, ret, err);

	if (r == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no target group %s", q->group);
	return r;
}

static int change_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct target_query *q = arg;
	struct elbv2_target_group tg;

	if (need_target_group(tx, q, &tg, err) < 0)
		return -1;
	if (q->add)
		return fleet_target_add(q->e, tx, &tg, q->host, 0, q->a, err);
	return fleet_target_drain(q->e, tx, &tg, q->host, 0, q->a, err);
}

static int change_target(struct fleet_engine *e, const char *target_group, const char *host,
	bool add, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct target_query q = {.e = e, .group = target_group, .host = host, .add = add, .a = &a};

	return fleet_write(e, change_step, &q, err);
}

int fleet_target_register(
	struct fleet_engine *e, const char *target_group, const char *host, struct err *err)
{
	return change_target(e, target_group, host, true, err);
}

int fleet_target_deregister(
	struct fleet_engine *e, const char *target_group, const char *host, struct err *err)
{
	return change_target(e, target_group, host, false, err);
}

static const struct {
	const char *name;
	enum fleet_target_state state;
} state_names[] = {
	{TARGET_INITIAL, FLEET_TARGET_INITIAL},
	{TARGET_HEALTHY, FLEET_TARGET_HEALTHY},
	{TARGET_UNHEALTHY, FLEET_TARGET_UNHEALTHY},
	{TARGET_DRAINING, FLEET_TARGET_DRAINING},
};

static int health_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct target_query *q = arg;
	struct elbv2_target_group tg;
	struct store_documents all;

	q->state = FLEET_TARGET_ABSENT;
	if (need_target_group(tx, q, &tg, err) < 0 ||
		store_document_list(tx, &STORE_TARGET,
			&(struct store_document_filter){.owner = tg.target_group_arn}, q->a, &all,
			err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct towpath_fleet_target *t = all.v[i];

		if (!streq(t->target_id, q->host) || wire_or(t->drained, false))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(state_names); k++)
			if (streq(state_names[k].name, t->state))
				q->state = state_names[k].state;
		q->reason = t->description ? t->description : t->reason;
	}
	return 0;
}

int fleet_target_health(struct fleet_engine *e, const char *target_group, const char *host,
	struct arena *a, enum fleet_target_state *ret, const char **ret_reason, struct err *err)
{
	struct target_query q = {.e = e, .group = target_group, .host = host, .a = a};

	if (fleet_read(e, health_step, &q, err) < 0)
		return -1;
	*ret = q.state;
	if (ret_reason)
		*ret_reason = q.reason;
	return 0;
}
