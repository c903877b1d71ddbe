/* SPDX-License-Identifier: Apache-2.0 */
/* Ending a task: its targets leave, its containers are asked and then made to stop, what it had
 * is taken away. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "fleet/containers.h"

/* ---- targets ---- */

static bool any_running(const struct fleet_run *r)
{
	wire_foreach (c, &r->task.s.containers) {
		if (streq(c->state, CONTAINER_RUNNING))
			return true;
	}
	return false;
}

struct leaving {
	struct fleet_run *r;
	bool at_once, busy;
	int64_t until;
};

static int leave_place(
	struct leaving *l, struct db_tx *tx, const char *address, int port, struct err *err)
{
	struct fleet_run *r = l->r;
	int64_t until;
	int busy;

	if (fleet_targets_drain_all(r->e, tx, address, port, l->at_once, r->a, err) < 0)
		return -1;
	busy = fleet_targets_busy(tx, address, port, r->a, &until, err);
	l->busy |= busy > 0;
	l->until = MAX(l->until, until);
	return busy < 0 ? -1 : 0;
}

static int leave_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct leaving *l = arg;
	struct fleet_run *r = l->r;

	if (r->task.s.address && leave_place(l, tx, r->task.s.address, 0, err) < 0)
		return -1;
	wire_foreach (p, &r->task.s.places) {
		if (leave_place(l, tx, p->address, (int)p->port.v, err) < 0)
			return -1;
	}
	return 0;
}

/* Requests that are under way are answered first, as long as somebody is there to answer. */
static int leave_targets(struct fleet_run *r, struct err *err)
{
	struct leaving l = {.r = r, .at_once = !any_running(r)};

	if (wire_or(r->task.s.registered, false)) {
		if (fleet_write(r->e, leave_step, &l, err) < 0)
			return -1;
		fleet_sampler_hurry(r->e);
	}
	if (l.busy && l.until > durable_now(r->e->durable)) {
		fleet_run_wake_at(r, l.until);
		return 0;
	}
	return fleet_run_commit_status(r, TASK_STOPPING, err) < 0 ? -1 : 1;
}

/* ---- containers ---- */

/* Signals by the names that images have; a number as well. */
static int signal_of(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {{"SIGTERM", SIGTERM}, {"SIGINT", SIGINT}, {"SIGQUIT", SIGQUIT},
		{"SIGHUP", SIGHUP}, {"SIGUSR1", SIGUSR1}, {"SIGUSR2", SIGUSR2},
		{"SIGWINCH", SIGWINCH}, {"SIGKILL", SIGKILL}, {"SIGRTMIN+3", 37}};
	int number = name ? atoi(name) : 0;

	for (size_t i = 0; name && i < ARRAY_SIZE(names); i++)
		if (streq(names[i].name, name) || streq(names[i].name + strlen("SIG"), name))
			return names[i].number;
	return number > 0 && number < 65 ? number : SIGTERM;
}

/* Containers stop in the opposite order of their start. */
static bool is_needed(const struct fleet_run *r, const char *name)
{
	wire_foreach (c, &r->task.s.containers) {
		const struct ecs_container_definition *d =
			fleet_container_definition(&r->definition, c->name);

		if (!streq(c->state, CONTAINER_RUNNING))
			continue;
		wire_foreach (dep, &d->depends_on) {
			if (streq(dep->container_name, name))
				return true;
		}
	}
	return false;
}

/* 1: the container was asked or made to stop. */
static int stop_container(struct fleet_run *r, struct towpath_fleet_container *c, struct err *err)
{
	const struct ecs_container_definition *d =
		fleet_container_definition(&r->definition, c->name);
	const struct compute_driver *compute = r->e->cfg.task_compute;
	int64_t now = durable_now(r->e->durable);
	int64_t until = c->stop_sent_at.usec +
			wire_or(d->stop_timeout, FLEET_STOP_TIMEOUT_SEC) * USEC_PER_SEC;
	char *dir CLEANUP(freep) = NULL;
	struct err why CLEANUP_ERR = ERR_INIT;
	struct compute_root *root = NULL;
	bool kill = c->stop_sent_at.set && now >= until;
	int bad;

	if (c->stop_sent_at.set && (!kill || wire_or(c->killed, false))) {
		if (!kill)
			fleet_run_wake_at(r, until);
		return 0;
	}
	dir = fleet_container_dir(r, c);
	if (compute->attach(compute, c->root_id, dir, &root, &why) == 0) {
		bad = compute->signal_init(root, kill ? SIGKILL : signal_of(c->stop_signal), err);
		compute->detach(root);
		if (bad < 0)
			return -1;
	} else if (fleet_run_engine_away(r, &why)) {
		return err_move(err, &why);
	}
	if (kill)
		c->killed = WIRE_SET_BOOL(true);
	else
		c->stop_sent_at = WIRE_SET_TIME(now);
	return fleet_run_commit(r, err) < 0 ? -1 : 1;
}

static int stop_containers(struct fleet_run *r, struct err *err)
{
	wire_foreach (c, &r->task.s.containers) {
		int changed;

		if (!streq(c->state, CONTAINER_RUNNING) || is_needed(r, c->name))
			continue;
		changed = stop_container(r, c, err);
		if (changed)
			return changed;
	}
	if (any_running(r))
		return 0;
	return fleet_run_commit_status(r, TASK_DEPROVISIONING, err) < 0 ? -1 : 1;
}

/* ---- the rest ---- */

static int take_away(struct fleet_run *r, struct err *err)
{
	const struct compute_driver *compute = r->e->cfg.task_compute;
	char *task_dir CLEANUP(freep) = fleet_task_dir(r->e, r->arn);
	struct compute_pod pod;

	wire_foreach (c, &r->task.s.containers) {
		char *dir CLEANUP(freep) = fleet_container_dir(r, c);
		struct compute_root *root = fleet_unwatch_root(r->e, c->root_id);

		if (root)
			compute->detach(root);
		if (file_exists(dir) && compute->discard(compute, c->root_id, dir, err) < 0)
			return -1;
		c->state = CONTAINER_STOPPED;
		fleet_run_container(r, c->name)->last_status = "STOPPED";
	}
	if (fleet_task_has_room(&r->task) && compute && compute->pod_drop) {
		pod = fleet_run_pod(r);
		if (compute->pod_drop(compute, &pod, err) < 0)
			return -1;
	}
	if (file_remove_tree(task_dir, err) < 0)
		return -1;
	r->task.s.address = NULL;
	r->task.s.pod.set = false;
	r->task.s.places.n = 0;
	wire_foreach (eni, &r->task.t.attachments)
		eni->status = "DELETED";
	return fleet_run_commit_status(r, TASK_STOPPED, err) < 0 ? -1 : 1;
}

int fleet_run_end(struct fleet_run *r, struct err *err)
{
	switch (fleet_task_status(&r->task)) {
	case TASK_PROVISIONING:
		return fleet_run_commit_status(r, TASK_DEPROVISIONING, err) < 0 ? -1 : 1;
	case TASK_PENDING:
		return fleet_run_commit_status(r, TASK_STOPPING, err) < 0 ? -1 : 1;
	case TASK_ACTIVATING:
	case TASK_RUNNING:
		return fleet_run_commit_status(r, TASK_DEACTIVATING, err) < 0 ? -1 : 1;
	case TASK_DEACTIVATING:
		return leave_targets(r, err);
	case TASK_STOPPING:
		return stop_containers(r, err);
	case TASK_DEPROVISIONING:
		return take_away(r, err);
	default:
		return 0;
	}
}
