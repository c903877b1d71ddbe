/* SPDX-License-Identifier: Apache-2.0 */
/* Instances: their states, and how they come and go in the store.
 *
 *   pending -> running -> shutting-down -> terminated
 *      \________________/
 */
#include <stdio.h>

#include "base/id.h"
#include "base/path.h"
#include "fleet/containers.h"

#define FORGET_AFTER_USEC (3600 * USEC_PER_SEC)
#define ID_DIGITS 17

enum state { PENDING, RUNNING, STOPPING, GONE, N_STATES };
static const char *const state_names[N_STATES] = {
	INSTANCE_PENDING, INSTANCE_RUNNING, INSTANCE_STOPPING, INSTANCE_GONE};
static const bool transitions[N_STATES][N_STATES] = {
	[PENDING] = {[RUNNING] = true, [STOPPING] = true},
	[RUNNING] = {[STOPPING] = true},
	[STOPPING] = {[GONE] = true},
};

static enum state state_of(const char *name)
{
	for (int s = 0; s < N_STATES; s++)
		if (streq(state_names[s], name))
			return (enum state)s;
	BUG("no instance state '%s'", name);
}

int fleet_instance_get(struct db_tx *tx, const char *id, struct arena *a,
	struct towpath_fleet_instance *ret, struct err *err)
{
	return store_document_get(tx, &STORE_INSTANCE, id, a, ret, err);
}

int fleet_instance_put(struct db_tx *tx, const struct towpath_fleet_instance *i, struct err *err)
{
	return store_document_put(
		tx, &STORE_INSTANCE, i->instance_id, i->auto_scaling_group_name, i, err);
}

bool fleet_instance_live(const struct towpath_fleet_instance *i)
{
	return streq(i->state, INSTANCE_PENDING) || streq(i->state, INSTANCE_RUNNING);
}

char *fleet_instance_dir(struct fleet_engine *e, const char *id)
{
	return xasprintf("%s/fleet/%s", e->cfg.data_dir, id);
}

static int journal_instance(struct fleet_engine *e, struct db_tx *tx,
	const struct towpath_fleet_instance *i, struct err *err)
{
	struct str detail CLEANUP_STR = STR_INIT;
	struct towpath_event_instance event = {
		.instance_id = i->instance_id,
		.state = i->state,
		.auto_scaling_group_name = i->auto_scaling_group_name,
	};

	wire_encode_json(&towpath_event_instance_shape, &event, &detail);
	return journal_append(e->durable, tx,
		&(struct journal_entry){.kind = "fleet.instance",
			.subject = i->instance_id,
			.detail = str_text(&detail)},
		err);
}

int fleet_instance_journal_group(struct fleet_engine *e, struct db_tx *tx,
	const struct towpath_fleet_instance *i, const char *what, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct autoscaling_auto_scaling_group g;
	struct str detail CLEANUP_STR = STR_INIT;
	struct towpath_event_group event = {
		.auto_scaling_group_name = i->auto_scaling_group_name,
		.event = what,
		.instance_id = i->instance_id,
	};
	int r;

	if (!i->auto_scaling_group_name)
		return 0;
	r = fleet_group_get(tx, i->auto_scaling_group_name, &a, &g, err);
	if (r <= 0)
		return r;
	wire_encode_json(&towpath_event_group_shape, &event, &detail);
	return journal_append(e->durable, tx,
		&(struct journal_entry){.kind = "autoscaling.group",
			.subject = g.auto_scaling_group_arn,
			.detail = str_text(&detail)},
		err);
}

int fleet_instance_set_state(struct fleet_engine *e, struct db_tx *tx,
	struct towpath_fleet_instance *i, const char *state, const char *reason, struct err *err)
{
	if (!transitions[state_of(i->state)][state_of(state)])
		BUG("instance %s cannot go from %s to %s", i->instance_id, i->state, state);
	i->state = state;
	i->state_time = WIRE_SET_TIME(durable_now(e->durable));
	i->reason = reason;
	if (fleet_instance_put(tx, i, err) < 0 || journal_instance(e, tx, i, err) < 0)
		return -1;
	if (streq(state, INSTANCE_GONE)) {
		if (fleet_wake(e, tx, FLEET_TASK_FORGET, i->instance_id,
			    durable_now(e->durable) + FORGET_AFTER_USEC, err) < 0)
			return -1;
		return fleet_instance_journal_group(e, tx, i, "terminated", err);
	}
	return 0;
}

/* ---- coming ---- */

static void add_tag(struct towpath_string_map *tags, const char *key, const char *value)
{
	tags->v[tags->n++] = (struct towpath_string_map_kv){key, value};
}

static void tags_of_group(const struct autoscaling_auto_scaling_group *g, struct arena *a,
	struct towpath_string_map *ret)
{
	wire_list_alloc(a, ret, g->tags.n + 1);
	ret->n = 0;
	wire_foreach (t, &g->tags) {
		if (wire_or(t->propagate_at_launch, true))
			add_tag(ret, t->key, t->value ? t->value : "");
	}
	add_tag(ret, "aws:autoscaling:groupName", g->auto_scaling_group_name);
}

int fleet_instance_make(struct fleet_engine *e, struct db_tx *tx,
	const struct autoscaling_auto_scaling_group *g, struct arena *a, struct err *err)
{
	struct autoscaling_launch_configuration lc = {0};
	struct towpath_fleet_instance i = {
		.auto_scaling_group_name = g->auto_scaling_group_name,
		.launch_configuration_name = g->launch_configuration_name,
		.state = INSTANCE_PENDING,
		.launch_time = WIRE_SET_TIME(durable_now(e->durable)),
		.state_time = WIRE_SET_TIME(durable_now(e->durable)),
		.zone = g->availability_zones.n ? g->availability_zones.v[0]
						: arena_printf(a, "%sa", e->cfg.region),
	};
	char digits[ID_DIGITS + 1];

	if (g->launch_configuration_name && store_document_get(tx, &STORE_LAUNCH_CONFIGURATION,
						    g->launch_configuration_name, a, &lc, err) < 0)
		return -1;
	i.address = fleet_address_free(e, tx, a, err);
	if (!i.address)
		return -1;
	id_random_text(digits, ID_DIGITS, ID_ALPHABET_HEX);
	i.instance_id = arena_printf(a, "i-%s", digits);
	i.image_id = lc.image_id;
	i.instance_type = lc.instance_type;
	i.user_data = lc.user_data;
	tags_of_group(g, a, &i.tags);
	if (fleet_instance_put(tx, &i, err) < 0 || journal_instance(e, tx, &i, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_INSTANCE, i.instance_id, 0, err);
}

/* ---- going ---- */

int fleet_instance_stop(struct fleet_engine *e, struct db_tx *tx, struct towpath_fleet_instance *i,
	const char *reason, struct arena *a, struct err *err)
{
	bool was_pending = streq(i->state, INSTANCE_PENDING);

	if (!fleet_instance_live(i))
		return 0;
	if (fleet_instance_set_state(e, tx, i, INSTANCE_STOPPING, reason, err) < 0 ||
		fleet_targets_drain_all(e, tx, i->instance_id, 0, was_pending, a, err) < 0 ||
		fleet_wake(e, tx, FLEET_TASK_INSTANCE, i->instance_id, 0, err) < 0)
		return -1;
	if (i->auto_scaling_group_name)
		return fleet_wake(e, tx, FLEET_TASK_GROUP, i->auto_scaling_group_name, 0, err);
	return 0;
}

static int forget_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_op *o = arg;

	if (store_document_delete(
		    tx, &STORE_INSTANCE, ((const struct task *)o->req)->subject, err) < 0)
		return -1;
	return task_done(o->e->durable, tx, o->req, err);
}

int fleet_forget_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct fleet_op o = {.e = arg, .req = t};

	return durable_step(d, forget_step, &o, err);
}

/* ---- for deployments ---- */

struct hosts_query {
	struct arena *a;
	struct store_documents all;
};

static int hosts_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct hosts_query *q = arg;

	return store_document_list(tx, &STORE_INSTANCE, NULL, q->a, &q->all, err);
}

static void host_from(
	const struct towpath_fleet_instance *i, struct arena *a, struct fleet_host *ret)
{
	*ret = (struct fleet_host){
		.id = i->instance_id,
		.group = i->auto_scaling_group_name,
		.zone = i->zone,
		.address = i->address,
		.state = streq(i->state, INSTANCE_PENDING) ? FLEET_HOST_PENDING
			 : fleet_instance_waits(i)	   ? FLEET_HOST_WAITING
			 : fleet_instance_in_service(i)	   ? FLEET_HOST_RUNNING
							   : FLEET_HOST_GONE,
		.tags = arena_new_n(a, i->tags.n + 1, struct fleet_tag),
		.n_tags = i->tags.n,
	};
	for (size_t k = 0; k < i->tags.n; k++)
		ret->tags[k] = (struct fleet_tag){i->tags.v[k].key, i->tags.v[k].value};
}

int fleet_hosts(struct fleet_engine *e, struct arena *a, struct fleet_host **ret, size_t *ret_n,
	struct err *err)
{
	struct hosts_query q = {.a = a};

	*ret_n = 0;
	if (fleet_read(e, hosts_step, &q, err) < 0)
		return -1;
	*ret = arena_new_n(a, q.all.n + 1, struct fleet_host);
	for (size_t i = 0; i < q.all.n; i++)
		if (fleet_instance_live(q.all.v[i]))
			host_from(q.all.v[i], a, &(*ret)[(*ret_n)++]);
	return 0;
}

static int terminate_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_op *o = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_fleet_instance i;
	int r = fleet_instance_get(tx, o->req, &a, &i, err);

	if (r == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no instance %s", (const char *)o->req);
	return r < 0 ? -1 : fleet_instance_stop(o->e, tx, &i, "terminated on request", &a, err);
}

int fleet_host_terminate(struct fleet_engine *e, const char *id, struct err *err)
{
	return fleet_write(e, terminate_step, &(struct fleet_op){.e = e, .req = id}, err);
}

static int seen_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_op *o = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_fleet_instance i;
	int r = fleet_instance_get(tx, o->req, &a, &i, err);

	if (r == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no instance %s", (const char *)o->req);
	if (r < 0 || wire_or(i.agent_seen, false))
		return r < 0 ? -1 : 0;
	i.agent_seen = WIRE_SET_BOOL(true);
	return fleet_instance_put(tx, &i, err);
}

static int exists_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_op *o = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_fleet_instance i;
	int r = fleet_instance_get(tx, o->req, &a, &i, err);

	*(bool *)o->resp = r > 0 && !streq(i.state, INSTANCE_GONE);
	return r < 0 ? -1 : 0;
}

int fleet_host_exists(struct fleet_engine *e, const char *id, struct err *err)
{
	bool found = false;

	if (fleet_read(e, exists_step, &(struct fleet_op){.req = id, .resp = &found}, err) < 0)
		return -1;
	return found;
}

static int oldest_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_op *o = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct wire_time *oldest = o->resp;
	struct store_documents all;

	if (store_document_list(tx, &STORE_INSTANCE, NULL, &a, &all, err) < 0)
		return -1;
	for (size_t k = 0; k < all.n; k++) {
		const struct towpath_fleet_instance *i = all.v[k];

		if (!streq(i->state, INSTANCE_GONE) &&
			(!oldest->set || i->launch_time.usec < oldest->usec))
			*oldest = WIRE_SET_TIME(i->launch_time.usec);
	}
	return 0;
}

int fleet_host_oldest(struct fleet_engine *e, int64_t *ret_usec, struct err *err)
{
	struct wire_time oldest = {0};

	if (fleet_read(e, oldest_step, &(struct fleet_op){.resp = &oldest}, err) < 0)
		return -1;
	*ret_usec = oldest.usec;
	return oldest.set;
}

int fleet_agent_seen(struct fleet_engine *e, const char *id, struct err *err)
{
	return fleet_write(e, seen_step, &(struct fleet_op){.e = e, .req = id}, err);
}
