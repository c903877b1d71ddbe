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
int fleet_run_heed(struct fleet_run *r, struct db_tx *tx, struct err *err)
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

	return fleet_run_heed(r, tx, err) < 0 ? -1 : fleet_task_save(tx, &r->task, err);
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

	if (fleet_run_heed(c->r, tx, err) < 0)
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
	bool failed;
};

static int stop_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct stop_request *s = arg;

	if (fleet_run_heed(s->r, tx, err) < 0)
		return -1;
	if (!fleet_task_wanted(&s->r->task))
		return fleet_task_save(tx, &s->r->task, err);
	return fleet_task_stop(s->r->e, tx, &s->r->task, s->code, s->failed, s->reason, err);
}

static int stop(struct stop_request *s, struct err *err)
{
	s->reason = arena_strdup(s->r->a, s->reason);
	log_info("fleet", "task %s ends: %s", fleet_last_part(s->r->arn), s->reason);
	return fleet_write(s->r->e, stop_step, s, err);
}

int fleet_run_stop(struct fleet_run *r, const char *code, const char *reason, struct err *err)
{
	return stop(&(struct stop_request){r, code, reason, true}, err);
}

/* Its service replaces it at once: the task itself has not failed. */
static int lose(struct fleet_run *r, const char *reason, struct err *err)
{
	return stop(&(struct stop_request){r, "TerminationNotice", reason, false}, err);
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

const char *fleet_run_hostname(struct fleet_run *r)
{
	const char *address = r->task.s.address;
	char *name;

	if (!address)
		return arena_printf(r->a, "task-%.12s", fleet_last_part(r->arn));
	name = arena_printf(r->a, "ip-%s", address);
	for (char *p = name; *p; p++)
		if (*p == '.')
			*p = '-';
	return name;
}

struct compute_pod fleet_run_pod(struct fleet_run *r)
{
	const struct ecs_task *t = &r->task.t;
	char *dir CLEANUP(freep) = fleet_task_dir(r->e, r->arn);
	bool none = streq(r->definition.network_mode, "none");

	return (struct compute_pod){
		.id = fleet_pod_id(t->task_arn, r->a),
		.dir = arena_strdup(r->a, dir),
		.owner = r->e->bridge,
		.hostname = fleet_run_hostname(r),
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

/* Room, and an address where the caller of the driver chooses it. */
static int room_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_run *r = arg;
	struct err none CLEANUP_ERR = ERR_INIT;
	struct fleet_tasks all;
	char *address;
	int running = 0;

	if (fleet_run_heed(r, tx, err) < 0 || fleet_tasks_in(r->e, tx, NULL, r->a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		running += fleet_task_has_room(&all.v[i]);
	if (running >= r->e->cfg.max_tasks)
		return 0;
	if (!r->e->cfg.task_compute->remote) {
		address = fleet_address_free(r->e, tx, r->a, &none);
		if (!address)
			return err_is(&none, ERR_UNAVAILABLE) ? 0 : err_move(err, &none);
		r->task.s.address = address;
		if (!streq(r->definition.network_mode, "none"))
			fleet_run_show_address(r, address);
	}
	r->task.s.pod = WIRE_SET_BOOL(true);
	return fleet_task_save(tx, &r->task, err);
}

static bool engine_ready(struct fleet_engine *e)
{
	const struct compute_driver *compute = e->cfg.task_compute;
	bool ready;

	pthread_mutex_lock(&e->lock);
	ready = e->running && compute && (compute->remote || compute->pod_make);
	pthread_mutex_unlock(&e->lock);
	return ready;
}

bool fleet_run_engine_away(const struct fleet_run *r, const struct err *err)
{
	return r->e->cfg.task_compute->pulls &&
	       (err_is(err, ERR_UNAVAILABLE) || err_is(err, ERR_TIMEOUT));
}

static int make_pod(struct fleet_run *r, struct err *err)
{
	const struct compute_driver *compute = r->e->cfg.task_compute;
	struct compute_pod pod = fleet_run_pod(r);

	if (fleet_task_definition_fits(r->e, &r->definition, err) < 0)
		return -1;
	return compute->pod_make ? compute->pod_make(compute, &pod, err) : 0;
}

static int provision(struct fleet_run *r, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;

	if (engine_ready(r->e) && !fleet_task_has_room(&r->task) &&
		fleet_write(r->e, room_step, r, err) < 0)
		return -1;
	if (!engine_ready(r->e) || !fleet_task_has_room(&r->task))
		return 0; /* fleet_tasks_wake_waiting() and the engine's start wake it */
	if (make_pod(r, &why) < 0) {
		if (fleet_run_engine_away(r, &why))
			return err_move(err, &why);
		err_wrap(&why, "ResourceInitializationError");
		return fleet_run_stop(r, "TaskFailedToStart", err_message(&why), err) < 0 ? -1 : 1;
	}
	return fleet_run_commit_status(r, TASK_PENDING, err) < 0 ? -1 : 1;
}

/* ---- containers that end ---- */

static const char *end_reason(struct fleet_run *r, const struct compute_exit *end)
{
	if (end->host_lost)
		return arena_printf(r->a, "HostLostError: %s", end->why);
	if (end->out_of_memory)
		return "OutOfMemoryError: Container killed due to memory usage";
	if (end->signal)
		return arena_printf(r->a, "killed by signal %d", end->signal);
	return end->why[0] ? arena_strdup(r->a, end->why) : NULL;
}

static void note_end(struct fleet_run *r, struct towpath_fleet_container *c,
	const struct compute_exit *end, const char *reason)
{
	struct ecs_container *shown = fleet_run_container(r, c->name);

	c->state = CONTAINER_STOPPED;
	c->reason = reason;
	c->out_of_memory = WIRE_SET_BOOL(end && end->out_of_memory);
	if (end && (end->signal || end->exit_code >= 0))
		c->exit_code = WIRE_SET_INT(end->signal ? 128 + end->signal : end->exit_code);
	shown->last_status = "STOPPED";
	shown->exit_code = c->exit_code;
	if (reason && !starts_with(reason, "killed by"))
		shown->reason = reason;
}

/* 1: it has ended, and how is noted; a container that its driver has lost (with its monitor, or
 * from its engine) has ended, too. */
static int look_at(struct fleet_run *r, struct towpath_fleet_container *c, struct err *err)
{
	const struct compute_driver *compute = r->e->cfg.task_compute;
	char *dir CLEANUP(freep) = fleet_container_dir(r, c);
	struct err why CLEANUP_ERR = ERR_INIT;
	struct compute_root *root = NULL;
	struct compute_exit end;
	int ended;

	if (compute->attach(compute, c->root_id, dir, &root, &why) == 0) {
		if (!fleet_watched_root(r->e, c->root_id))
			fleet_watch_root(r->e, c->root_id, TAKE_PTR(root));
		compute->detach(root);
		return 0;
	}
	if (fleet_run_engine_away(r, &why))
		return err_move(err, &why);
	ended = compute->ended(compute, c->root_id, dir, &end, err);
	if (ended < 0)
		return -1;
	compute->detach(fleet_unwatch_root(r->e, c->root_id));
	note_end(r, c, ended ? &end : NULL,
		ended ? end_reason(r, &end)
		      : arena_printf(r->a, "CannotInspectContainerError: %s", err_message(&why)));
	if (!ended && compute->discard(compute, c->root_id, dir, err) < 0)
		return -1;
	return 1;
}

/* The end of an essential container is the end of its task. */
static int essential_ended(
	struct fleet_run *r, const struct towpath_fleet_container *c, struct err *err)
{
	bool early = fleet_task_status(&r->task) < TASK_RUNNING;
	int bad;

	if (c->reason && starts_with(c->reason, "HostLostError"))
		bad = lose(r, c->reason, err);
	else if (early && c->reason && !c->exit_code.set)
		bad = fleet_run_stop(r, "TaskFailedToStart", c->reason, err);
	else
		bad = fleet_run_stop(
			r, "EssentialContainerExited", "Essential container in task exited", err);
	return bad < 0 ? -1 : 1;
}

int fleet_run_observe(struct fleet_run *r, struct err *err)
{
	const struct towpath_fleet_container *essential = NULL;
	int changed = 0;

	wire_foreach (c, &r->task.s.containers) {
		int ended = streq(c->state, CONTAINER_RUNNING) ? look_at(r, c, err) : 0;

		if (ended < 0)
			return -1;
		changed |= ended;
		if (streq(c->state, CONTAINER_STOPPED) && !essential &&
			fleet_container_essential(
				fleet_container_definition(&r->definition, c->name)))
			essential = c;
	}
	if (essential && fleet_task_wanted(&r->task))
		return essential_ended(r, essential, err);
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
		return fleet_run_activate(r, err);
	default:
		return 0;
	}
}

static int wake_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_run *r = arg;

	return fleet_wake(r->e, tx, FLEET_TASK_RUN, r->arn, r->wake_usec, err);
}

int fleet_task_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct fleet_run r = {
		.e = arg, .arn = t->subject, .a = &a, .interrupt = task_interrupt_of(d, t)};
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
