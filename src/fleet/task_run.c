/* SPDX-License-Identifier: Apache-2.0 */
/* The task `fleet.task`: brings one ECS task from status to status. It runs when the task is made
 * or asked to end, when one of its containers ends or is checked, when a target of it leaves, when
 * room that it waits for may have become free, and at times of its own; one run a task at a time.
 * Each step may be repeated after a crash: what an earlier run has done to the world is found
 * again.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "fleet/containers.h"

#define TASK_PIDS 4096

/* ---- the run's copy and the store's ---- */

static int load_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_run *r = arg;
	int found = fleet_task_load(tx, r->arn, r->a, &r->task, err);

	if (found <= 0) {
		r->arn = NULL;
		return found;
	}
	found = fleet_task_definition_find(
		r->e, tx, r->task.t.task_definition_arn, r->a, &r->definition, err);
	if (found == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no task definition %s",
			r->task.t.task_definition_arn);
	return found < 0 ? -1 : 0;
}

/* Who asked for the end meanwhile, and who checked the health, did so in the store alone. */
static int heed_others(struct fleet_run *r, struct db_tx *tx, struct err *err)
{
	struct fleet_task kept;
	int found = fleet_task_load(tx, r->arn, r->a, &kept, err);

	if (found <= 0)
		return found < 0 ? -1 : err_set(err, ERR_NOT_FOUND, "task %s is gone", r->arn);
	if (streq(kept.t.desired_status, "STOPPED")) {
		r->task.t.desired_status = kept.t.desired_status;
		r->task.t.stop_code = kept.t.stop_code;
		r->task.t.stopped_reason = kept.t.stopped_reason;
	}
	r->task.t.version = kept.t.version;
	r->task.t.health_status = kept.t.health_status;
	for (size_t i = 0; i < kept.s.containers.n; i++) {
		r->task.s.containers.v[i].health_status = kept.s.containers.v[i].health_status;
		r->task.s.containers.v[i].health_failures = kept.s.containers.v[i].health_failures;
		r->task.t.containers.v[i].health_status = kept.t.containers.v[i].health_status;
	}
	return 0;
}

static int commit_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_run *r = arg;

	return heed_others(r, tx, err) < 0 ? -1 : fleet_task_save(tx, &r->task, err);
}

int fleet_run_commit(struct fleet_run *r, struct err *err)
{
	return fleet_write(r->e, commit_step, r, err);
}

struct status_change {
	struct fleet_run *r;
	enum fleet_task_status status;
};

static int status_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct status_change *c = arg;

	if (heed_others(c->r, tx, err) < 0)
		return -1;
	return fleet_task_set_status(c->r->e, tx, &c->r->task, c->status, err);
}

int fleet_run_commit_status(struct fleet_run *r, enum fleet_task_status status, struct err *err)
{
	const char *before = r->task.t.last_status;
	struct status_change c = {r, status};

	if (fleet_write(r->e, status_step, &c, err) == 0)
		return 0;
	r->task.t.last_status = before;
	return -1;
}

struct stop_request {
	struct fleet_run *r;
	const char *code, *reason;
};

static int stop_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct stop_request *s = arg;

	if (heed_others(s->r, tx, err) < 0)
		return -1;
	if (!fleet_task_wanted(&s->r->task))
		return fleet_task_save(tx, &s->r->task, err);
	return fleet_task_stop(s->r->e, tx, &s->r->task, s->code, true, s->reason, err);
}

int fleet_run_stop(struct fleet_run *r, const char *code, const char *reason, struct err *err)
{
	struct stop_request s = {r, code, arena_strdup(r->a, reason)};

	log_info("fleet", "task %s ends: %s", fleet_last_part(r->arn), reason);
	return fleet_write(r->e, stop_step, &s, err);
}

void fleet_run_wake_at(struct fleet_run *r, int64_t usec)
{
	if (!r->wake_usec || usec < r->wake_usec)
		r->wake_usec = usec;
}

struct ecs_container *fleet_run_container(struct fleet_run *r, const char *name)
{
	wire_foreach (c, &r->task.t.containers) {
		if (streq(c->name, name))
			return c;
	}
	BUG("task %s has no container %s", r->arn, name);
}

char *fleet_container_dir(struct fleet_run *r, const struct towpath_fleet_container *c)
{
	char *dir CLEANUP(freep) = fleet_task_dir(r->e, r->arn);

	return xasprintf("%s/%s", dir, c->root_id);
}

/* ---- provisioning ---- */

struct compute_pod fleet_run_pod(struct fleet_run *r)
{
	const struct ecs_task *t = &r->task.t;
	bool none = streq(r->definition.network_mode, "none");

	return (struct compute_pod){
		.id = arena_printf(r->a, "t-%s", fleet_last_part(t->task_arn)),
		.network = none ? COMPUTE_NET_NONE : COMPUTE_NET_BRIDGE,
		.bridge = {.bridge = r->e->bridge,
			.address = arena_printf(r->a, "%s/24", r->task.s.address),
			.gateway = r->e->gateway,
			.inside_port = r->e->cfg.endpoint_port ? FLEET_API_PORT : 0,
			.host_port = r->e->cfg.endpoint_port},
		.limits = {.memory = t->memory ? (size_t)atoll(t->memory) * MIB : 0,
			.cpu_milli = t->cpu ? (int)(atoll(t->cpu) * 1000 / 1024) : 0,
			.pids = TASK_PIDS},
	};
}

static void show_address(struct fleet_run *r)
{
	struct ecs_task *t = &r->task.t;
	struct ecs_attachment *eni;
	const char *id = id_uuid().text;

	wire_list_alloc(r->a, &t->attachments, 1);
	eni = &t->attachments.v[0];
	eni->id = arena_strdup(r->a, id);
	eni->type = "ElasticNetworkInterface";
	eni->status = "ATTACHED";
	wire_list_alloc(r->a, &eni->details, 1);
	eni->details.v[0] = (struct ecs_key_value_pair){"privateIPv4Address", r->task.s.address};
	wire_foreach (c, &t->containers) {
		wire_list_alloc(r->a, &c->network_interfaces, 1);
		c->network_interfaces.v[0] = (struct ecs_network_interface){
			.attachment_id = eni->id, .private_ipv4_address = r->task.s.address};
	}
}

/* An address, if there is one and there is room. */
static int address_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_run *r = arg;
	struct err none CLEANUP_ERR = ERR_INIT;
	struct fleet_tasks all;
	char *address;
	int running = 0;

	if (heed_others(r, tx, err) < 0 || fleet_tasks_in(r->e, tx, NULL, r->a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		running += all.v[i].s.address != NULL;
	if (running >= r->e->cfg.max_tasks)
		return 0;
	address = fleet_address_free(r->e, tx, r->a, &none);
	if (!address)
		return err_is(&none, ERR_UNAVAILABLE) ? 0 : err_move(err, &none);
	r->task.s.address = address;
	if (!streq(r->definition.network_mode, "none"))
		show_address(r);
	return fleet_task_save(tx, &r->task, err);
}

static bool engine_ready(struct fleet_engine *e)
{
	bool ready;

	pthread_mutex_lock(&e->lock);
	ready = e->running && e->cfg.compute && e->cfg.compute->pod_make;
	pthread_mutex_unlock(&e->lock);
	return ready;
}

static int provision(struct fleet_run *r, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;
	struct compute_pod pod;

	if (engine_ready(r->e) && !r->task.s.address && fleet_write(r->e, address_step, r, err) < 0)
		return -1;
	if (!engine_ready(r->e) || !r->task.s.address)
		return 0; /* fleet_tasks_wake_waiting() and the engine's start wake it */
	pod = fleet_run_pod(r);
	if (r->e->cfg.compute->pod_make(&pod, &why) < 0) {
		err_wrap(&why, "ResourceInitializationError");
		return fleet_run_stop(r, "TaskFailedToStart", err_message(&why), err) < 0 ? -1 : 1;
	}
	return fleet_run_commit_status(r, TASK_PENDING, err) < 0 ? -1 : 1;
}

/* ---- targets ---- */

struct load_balancers {
	const struct ecs_load_balancers *v;
	struct ecs_service service;
	struct ecs_task_set set;
};

/* Of the task's set, or of its service. */
static int find_load_balancers(
	struct fleet_run *r, struct db_tx *tx, struct load_balancers *ret, struct err *err)
{
	static const struct ecs_load_balancers none;
	const char *name = r->task.t.group + strlen("service:");
	int found;

	ret->v = &none;
	if (!r->task.s.set_id)
		return 0;
	found = fleet_service_find(r->e, tx, r->task.t.cluster_arn, name, r->a, &ret->service, err);
	if (found <= 0)
		return found;
	ret->v = &ret->service.load_balancers;
	if (fleet_service_controller(&ret->service) == FLEET_CONTROLLER_ECS)
		return 0;
	found = fleet_task_set_find(
		tx, ret->service.service_arn, r->task.s.set_id, r->a, &ret->set, err);
	ret->v = found > 0 ? &ret->set.load_balancers : &none;
	return found < 0 ? -1 : 0;
}

static int activate_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_run *r = arg;
	struct load_balancers l;

	if (heed_others(r, tx, err) < 0 || find_load_balancers(r, tx, &l, err) < 0)
		return -1;
	wire_foreach (b, l.v) {
		struct elbv2_target_group tg;
		int found = fleet_target_group_by_name(tx, b->target_group_arn, r->a, &tg, err);

		if (found < 0 ||
			(found > 0 && fleet_target_add(r->e, tx, &tg, r->task.s.address,
					      (int)wire_or(b->container_port, 0), r->a, err) < 0))
			return -1;
		r->task.s.registered = WIRE_SET_BOOL(true);
	}
	return fleet_task_set_status(r->e, tx, &r->task, TASK_RUNNING, err);
}

static int activate(struct fleet_run *r, struct err *err)
{
	if (fleet_write(r->e, activate_step, r, err) < 0)
		return -1;
	if (wire_or(r->task.s.registered, false))
		fleet_sampler_hurry(r->e);
	return 1;
}

/* ---- containers that end ---- */

static const char *end_reason(struct fleet_run *r, const struct compute_exit *end)
{
	if (end->out_of_memory)
		return "OutOfMemoryError: Container killed due to memory usage";
	if (end->signal)
		return arena_printf(r->a, "killed by signal %d", end->signal);
	return NULL;
}

static void note_end(struct fleet_run *r, struct towpath_fleet_container *c,
	const struct compute_exit *end, const char *reason)
{
	struct ecs_container *shown = fleet_run_container(r, c->name);

	c->state = CONTAINER_STOPPED;
	c->reason = reason;
	c->out_of_memory = WIRE_SET_BOOL(end && end->out_of_memory);
	if (end)
		c->exit_code = WIRE_SET_INT(end->signal ? 128 + end->signal : end->exit_code);
	shown->last_status = "STOPPED";
	shown->exit_code = c->exit_code;
	if (reason && !starts_with(reason, "killed by"))
		shown->reason = reason;
}

/* 1: it has ended, and how is noted. A monitor that was killed takes the container with it. */
static int look_at(struct fleet_run *r, struct towpath_fleet_container *c, struct err *err)
{
	const struct compute_driver *compute = r->e->cfg.compute;
	char *dir CLEANUP(freep) = fleet_container_dir(r, c);
	struct err why CLEANUP_ERR = ERR_INIT;
	struct compute_root *root = NULL;
	struct compute_exit end;
	int ended;

	if (compute->attach(c->root_id, dir, &root, &why) == 0) {
		if (!fleet_watched_root(r->e, c->root_id))
			fleet_watch_root(r->e, c->root_id, TAKE_PTR(root));
		compute->detach(root);
		return 0;
	}
	ended = compute->ended(c->root_id, dir, &end, err);
	if (ended < 0)
		return -1;
	compute->detach(fleet_unwatch_root(r->e, c->root_id));
	note_end(r, c, ended ? &end : NULL,
		ended ? end_reason(r, &end)
		      : "CannotInspectContainerError: the monitor of the container was killed");
	if (!ended && compute->discard(c->root_id, dir, err) < 0)
		return -1;
	return 1;
}

int fleet_run_observe(struct fleet_run *r, struct err *err)
{
	const char *essential = NULL;
	int changed = 0;

	wire_foreach (c, &r->task.s.containers) {
		int ended = streq(c->state, CONTAINER_RUNNING) ? look_at(r, c, err) : 0;

		if (ended < 0)
			return -1;
		changed |= ended;
		if (streq(c->state, CONTAINER_STOPPED) && !essential &&
			fleet_container_essential(
				fleet_container_definition(&r->definition, c->name)))
			essential = c->name;
	}
	if (essential && fleet_task_wanted(&r->task)) {
		bool early = fleet_task_status(&r->task) < TASK_RUNNING;

		return fleet_run_stop(r, early ? "TaskFailedToStart" : "EssentialContainerExited",
			       "Essential container in task exited", err) < 0
			       ? -1
			       : 1;
	}
	if (changed && fleet_run_commit(r, err) < 0)
		return -1;
	return changed;
}

/* ---- the run ---- */

/* 1: something has changed, look again; 0: waits. */
static int advance(struct fleet_run *r, struct err *err)
{
	enum fleet_task_status status = fleet_task_status(&r->task);
	int changed = 0;

	if (status == TASK_STOPPED)
		return 0;
	if (status != TASK_PROVISIONING && status != TASK_DEPROVISIONING) {
		if (!engine_ready(r->e))
			return 0; /* its start wakes all */
		changed = fleet_run_observe(r, err);
		if (changed)
			return changed;
	}
	if (!fleet_task_wanted(&r->task))
		return fleet_run_end(r, err);
	switch (status) {
	case TASK_PROVISIONING:
		return provision(r, err);
	case TASK_PENDING:
		return fleet_run_start(r, err);
	case TASK_ACTIVATING:
		return activate(r, err);
	default:
		return 0;
	}
}

static int wake_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_run *r = arg;

	return fleet_wake(r->e, tx, FLEET_TASK_RUN, r->arn, r->wake_usec, err);
}

int fleet_task_run(struct durable *d UNUSED, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct fleet_run r = {.e = arg, .arn = t->subject, .a = &a};
	int changed;

	if (fleet_read(r.e, load_step, &r, err) < 0)
		return -1;
	if (!r.arn)
		return 0;
	do
		changed = advance(&r, err);
	while (changed > 0);
	if (changed < 0)
		return err_wrap(err, "task %s", fleet_last_part(t->subject));
	if (!r.wake_usec)
		return 0;
	return fleet_write(r.e, wake_step, &r, err);
}
