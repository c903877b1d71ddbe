/* SPDX-License-Identifier: Apache-2.0 */
/* Auto Scaling groups: keeping the desired number of instances, and what deployments do with
 * groups. */
#include "base/id.h"
#include "fleet/lifecycle.h"

#define BACKOFF_USEC (30 * USEC_PER_SEC) /* after a launch was abandoned; doubles */
#define BACKOFF_MAX_USEC (15 * 60 * USEC_PER_SEC)

int fleet_group_get(struct db_tx *tx, const char *name, struct arena *a,
	struct autoscaling_auto_scaling_group *ret, struct err *err)
{
	return store_document_get(tx, &STORE_SCALING_GROUP, name, a, ret, err);
}

int fleet_group_put(
	struct db_tx *tx, const struct autoscaling_auto_scaling_group *g, struct err *err)
{
	return store_document_put(
		tx, &STORE_SCALING_GROUP, g->auto_scaling_group_name, NULL, g, err);
}

/* ---- deciding ---- */

/* Whether a goes before b. */
static bool goes_first(const struct fleet_member *a, const struct fleet_member *b)
{
	if (a->unhealthy != b->unhealthy)
		return a->unhealthy;
	if (a->running != b->running)
		return !a->running;
	return a->launch_usec < b->launch_usec;
}

size_t fleet_group_decide(size_t desired, const struct fleet_member *members, size_t n, bool *stop)
{
	if (n <= desired)
		return desired - n;
	for (size_t excess = n - desired; excess; excess--) {
		size_t chosen = SIZE_MAX;

		for (size_t i = 0; i < n; i++)
			if (!stop[i] &&
				(chosen == SIZE_MAX || goes_first(&members[i], &members[chosen])))
				chosen = i;
		stop[chosen] = true;
	}
	return 0;
}

static int by_launch(const void *a, const void *b)
{
	const struct fleet_abandoned *x = a, *y = b;

	return (x->launch_usec > y->launch_usec) - (x->launch_usec < y->launch_usec);
}

int64_t fleet_group_backoff(struct fleet_abandoned *v, size_t n)
{
	int64_t pause = BACKOFF_USEC / 2, round_end = INT64_MIN, last = 0;

	if (!n)
		return 0;
	qsort(v, n, sizeof(*v), by_launch);
	for (size_t i = 0; i < n; i++) {
		if (v[i].launch_usec >= round_end) {
			pause = MIN(pause * 2, BACKOFF_MAX_USEC);
			round_end = v[i].end_usec;
		}
		round_end = MIN(round_end, v[i].end_usec);
		last = MAX(last, v[i].end_usec);
	}
	return last + pause;
}

/* ---- the task ---- */

static int live_members(struct db_tx *tx, const char *group, struct arena *a,
	struct towpath_fleet_instance ***ret, size_t *ret_n, size_t *ret_all, struct err *err)
{
	struct store_documents all;

	if (store_document_list(tx, &STORE_INSTANCE,
		    &(struct store_document_filter){.owner = group}, a, &all, err) < 0)
		return -1;
	*ret = arena_new_n(a, all.n + 1, struct towpath_fleet_instance *);
	*ret_n = *ret_all = 0;
	for (size_t i = 0; i < all.n; i++) {
		struct towpath_fleet_instance *instance = all.v[i];

		*ret_all += !streq(instance->state, INSTANCE_GONE);
		if (fleet_instance_live(instance))
			(*ret)[(*ret_n)++] = instance;
	}
	return 0;
}

/* When the group may launch: those that were abandoned since one went in service hold it back. */
static int may_launch_at(
	struct db_tx *tx, const char *group, struct arena *a, int64_t *ret, struct err *err)
{
	struct store_documents all;
	struct fleet_abandoned *abandoned;
	int64_t served = 0;
	size_t n = 0;

	if (store_document_list(tx, &STORE_INSTANCE,
		    &(struct store_document_filter){.owner = group}, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		served =
			MAX(served, ((struct towpath_fleet_instance *)all.v[i])->service_time.usec);
	abandoned = arena_new_n(a, all.n + 1, struct fleet_abandoned);
	for (size_t i = 0; i < all.n; i++) {
		const struct towpath_fleet_instance *x = all.v[i];

		if (wire_or(x->abandoned, false) && x->state_time.usec > served)
			abandoned[n++] =
				(struct fleet_abandoned){x->launch_time.usec, x->state_time.usec};
	}
	*ret = fleet_group_backoff(abandoned, n);
	return 0;
}

/* *ret_again: when to look again, or 0. */
static int launch_some(struct fleet_engine *e, struct db_tx *tx,
	const struct autoscaling_auto_scaling_group *g, size_t n, struct arena *a,
	int64_t *ret_again, struct err *err)
{
	int64_t at = 0;

	if (n && may_launch_at(tx, g->auto_scaling_group_name, a, &at, err) < 0)
		return -1;
	if (n && at > durable_now(e->durable)) {
		*ret_again = at;
		return 0;
	}
	for (; n; n--)
		if (fleet_instance_make(e, tx, g, a, err) < 0)
			return -1;
	return 0;
}

static int forget_group(
	struct db_tx *tx, const struct autoscaling_auto_scaling_group *g, struct err *err)
{
	if (store_document_delete_owned(
		    tx, &STORE_LIFECYCLE_HOOK, g->auto_scaling_group_name, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_SCALING_GROUP, g->auto_scaling_group_name, err);
}

static int reconcile(struct fleet_engine *e, struct db_tx *tx,
	const struct autoscaling_auto_scaling_group *g, struct arena *a, int64_t *ret_again,
	struct err *err)
{
	bool deleting = streq(g->status, GROUP_DELETING);
	struct towpath_fleet_instance **live;
	struct fleet_member *members;
	size_t n, left, launch;
	bool *stop;

	if (live_members(tx, g->auto_scaling_group_name, a, &live, &n, &left, err) < 0)
		return -1;
	if (deleting && left == 0)
		return forget_group(tx, g, err);
	members = arena_new_n(a, n + 1, struct fleet_member);
	stop = arena_new_n(a, n + 1, bool);
	for (size_t i = 0; i < n; i++)
		members[i] = (struct fleet_member){
			.running = fleet_instance_in_service(live[i]),
			.launch_usec = live[i]->launch_time.usec,
		};
	launch = fleet_group_decide(
		deleting ? 0 : (size_t)wire_or(g->desired_capacity, 0), members, n, stop);
	for (size_t i = 0; i < n; i++)
		if (stop[i] && fleet_instance_stop(e, tx, live[i],
				       deleting ? "its group is deleted"
						: "its group needs fewer instances",
				       a, err) < 0)
			return -1;
	return launch_some(e, tx, g, launch, a, ret_again, err);
}

static int group_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_op *o = arg;
	const struct task *t = o->req;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct autoscaling_auto_scaling_group g;
	int64_t again = 0;
	int r = fleet_group_get(tx, t->subject, &a, &g, err);

	if (r < 0 || (r > 0 && reconcile(o->e, tx, &g, &a, &again, err) < 0) ||
		task_done(o->e->durable, tx, t, err) < 0)
		return -1;
	return again ? fleet_wake(o->e, tx, FLEET_TASK_GROUP, t->subject, again, err) : 0;
}

int fleet_group_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct fleet_op o = {.e = arg, .req = t};

	return durable_step(d, group_step, &o, err);
}

/* ---- for deployments ---- */

struct group_query {
	struct fleet_engine *e;
	const char *name, *other;
	const char *const *names;
	size_t n;
	size_t desired;
};

static int need_group(struct db_tx *tx, const char *name, struct arena *a,
	struct autoscaling_auto_scaling_group *ret, struct err *err)
{
	int r = fleet_group_get(tx, name, a, ret, err);

	if (r == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no Auto Scaling group %s", name);
	return r;
}

static int desired_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct group_query *q = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct autoscaling_auto_scaling_group g;

	if (need_group(tx, q->name, &a, &g, err) < 0)
		return -1;
	q->desired = (size_t)wire_or(g.desired_capacity, 0);
	return 0;
}

int fleet_group_desired(
	struct fleet_engine *e, const char *group, size_t *ret_desired, struct err *err)
{
	struct group_query q = {.e = e, .name = group};

	if (fleet_read(e, desired_step, &q, err) < 0)
		return -1;
	*ret_desired = q.desired;
	return 0;
}

static int copy_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct group_query *q = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct autoscaling_auto_scaling_group g, old;
	int r = fleet_group_get(tx, q->other, &a, &old, err);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (need_group(tx, q->name, &a, &g, err) < 0)
		return -1;
	g.auto_scaling_group_name = q->other;
	g.auto_scaling_group_arn = fleet_arn(q->e, &a, "autoscaling",
		"autoScalingGroup:%s:autoScalingGroupName/%s", id_uuid().text, q->other);
	g.created_time = WIRE_SET_TIME(durable_now(q->e->durable));
	g.status = NULL;
	g.target_group_ar_ns.n = 0;
	g.desired_capacity = WIRE_SET_INT(q->desired);
	g.min_size = WIRE_SET_INT(MIN(wire_or(g.min_size, 0), (int32_t)q->desired));
	g.max_size = WIRE_SET_INT(MAX(wire_or(g.max_size, 0), (int32_t)q->desired));
	wire_foreach (tag, &g.tags)
		tag->resource_id = q->other;
	if (fleet_group_put(tx, &g, err) < 0)
		return -1;
	return fleet_wake(q->e, tx, FLEET_TASK_GROUP, q->other, 0, err);
}

int fleet_group_copy(
	struct fleet_engine *e, const char *blue, const char *green, size_t size, struct err *err)
{
	struct group_query q = {.e = e, .name = blue, .other = green, .desired = size};

	return fleet_write(e, copy_step, &q, err);
}

static bool attached(const struct autoscaling_auto_scaling_group *g, const char *arn)
{
	wire_foreach (have, &g->target_group_ar_ns) {
		if (streq(*have, arn))
			return true;
	}
	return false;
}

int fleet_group_attach_arn(struct fleet_engine *e, struct db_tx *tx,
	struct autoscaling_auto_scaling_group *g, const struct elbv2_target_group *tg,
	struct arena *a, struct err *err)
{
	struct towpath_fleet_instance **live;
	size_t n, left;

	if (!attached(g, tg->target_group_arn)) {
		size_t old_n = g->target_group_ar_ns.n;
		const char **old = g->target_group_ar_ns.v;

		wire_list_alloc(a, &g->target_group_ar_ns, old_n + 1);
		if (old_n)
			memcpy(g->target_group_ar_ns.v, old, old_n * sizeof(*old));
		g->target_group_ar_ns.v[old_n] = tg->target_group_arn;
	}
	if (live_members(tx, g->auto_scaling_group_name, a, &live, &n, &left, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (fleet_instance_in_service(live[i]) &&
			fleet_target_add(e, tx, tg, live[i]->instance_id, 0, a, err) < 0)
			return -1;
	return 0;
}

static int attach_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct group_query *q = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct autoscaling_auto_scaling_group g;

	if (need_group(tx, q->name, &a, &g, err) < 0)
		return -1;
	for (size_t i = 0; i < q->n; i++) {
		struct elbv2_target_group tg;
		int r = fleet_target_group_by_name(tx, q->names[i], &a, &tg, err);

		if (r == 0)
			return err_set(
				err, ERR_NOT_FOUND, "there is no target group %s", q->names[i]);
		if (r < 0 || fleet_group_attach_arn(q->e, tx, &g, &tg, &a, err) < 0)
			return -1;
	}
	return fleet_group_put(tx, &g, err);
}

int fleet_group_attach(struct fleet_engine *e, const char *group, const char *const *target_groups,
	size_t n, struct err *err)
{
	struct group_query q = {.e = e, .name = group, .names = target_groups, .n = n};

	return fleet_write(e, attach_step, &q, err);
}

static int delete_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct group_query *q = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct autoscaling_auto_scaling_group g;
	int r = fleet_group_get(tx, q->name, &a, &g, err);

	if (r <= 0 || streq(g.status, GROUP_DELETING))
		return r < 0 ? -1 : 0;
	g.status = GROUP_DELETING;
	g.desired_capacity = g.min_size = WIRE_SET_INT(0);
	if (fleet_group_put(tx, &g, err) < 0)
		return -1;
	return fleet_wake(q->e, tx, FLEET_TASK_GROUP, q->name, 0, err);
}

int fleet_group_delete(struct fleet_engine *e, const char *group, struct err *err)
{
	struct group_query q = {.e = e, .name = group};

	return fleet_write(e, delete_step, &q, err);
}
