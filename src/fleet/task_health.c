/* SPDX-License-Identifier: Apache-2.0 */
/* Health checks of containers: `fleet.health` runs the check in the container, notes what came of
 * it, and comes again after the interval. Its subject is the task, its token the container. */
#include <signal.h>
#include <stdlib.h>

#include "fleet/containers.h"

void fleet_health_decide(struct fleet_health *h, bool passed, int retries, int64_t running_usec,
	int64_t start_period_usec)
{
	if (passed) {
		h->failures = 0;
		h->status = HEALTH_HEALTHY;
		return;
	}
	/* The first minutes are forgiven until a check has passed. */
	if (running_usec < start_period_usec && !streq(h->status, HEALTH_HEALTHY))
		return;
	h->failures++;
	if (h->failures >= retries)
		h->status = HEALTH_UNHEALTHY;
}

static int enqueue(struct fleet_engine *e, struct db_tx *tx, const char *task_arn,
	const char *container, int64_t due_usec, struct err *err)
{
	return task_enqueue(e->durable, tx,
		&(struct task){.kind = FLEET_TASK_HEALTH,
			.subject = task_arn,
			.token = container,
			.due_usec = due_usec},
		err);
}

int fleet_health_begin(struct fleet_engine *e, struct db_tx *tx, const struct fleet_task *task,
	const struct ecs_task_definition *d, struct err *err)
{
	wire_foreach (c, &task->s.containers) {
		const struct ecs_container_definition *def = fleet_container_definition(d, c->name);

		/* The one that was started last: each has its own series of checks. */
		if (!def->health_check || !streq(c->state, CONTAINER_RUNNING) ||
			c->health_failures.set)
			continue;
		if (enqueue(e, tx, task->t.task_arn, c->name,
			    durable_now(e->durable) + wire_or(def->health_check->interval,
							      FLEET_HEALTH_INTERVAL_SEC) *
							      USEC_PER_SEC,
			    err) < 0)
			return -1;
	}
	return 0;
}

/* ---- one check ---- */

struct check {
	struct fleet_engine *e;
	const struct task *t;
	const char *container;
	struct arena *a;
	struct fleet_task task;
	struct ecs_task_definition definition;
	const struct ecs_container_definition *d;
	struct towpath_fleet_container *c; /* NULL: nothing to check any more */
	bool passed;
	bool asked; /* the driver makes the checks, `found` is what it says */
	enum compute_health found;
};

static int load_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct check *k = arg;
	int r = fleet_task_load(tx, k->t->subject, k->a, &k->task, err);

	k->c = NULL;
	if (r <= 0)
		return r;
	r = fleet_task_definition_find(
		k->e, tx, k->task.t.task_definition_arn, k->a, &k->definition, err);
	if (r <= 0)
		return r;
	k->d = fleet_container_definition(&k->definition, k->container);
	wire_foreach (c, &k->task.s.containers) {
		if (streq(c->name, k->container) && streq(c->state, CONTAINER_RUNNING) &&
			fleet_task_wanted(&k->task) && k->d)
			k->c = c;
	}
	return 0;
}

static const char *const *check_argv(const struct check *k)
{
	const struct ecs_string_list *command = &k->d->health_check->command;
	const char **argv = arena_new_n(k->a, command->n + 3, const char *);
	size_t n = 0;

	if (streq(command->v[0], "CMD-SHELL")) {
		argv[n++] = "/bin/sh";
		argv[n++] = "-c";
	}
	for (size_t i = 1; i < command->n; i++)
		argv[n++] = command->v[i];
	return argv;
}

/* Whether the command ended with 0 in time. */
static bool check_in(const struct check *k, struct compute_root *root)
{
	const struct compute_driver *compute = root->driver;
	int64_t limit =
		wire_or(k->d->health_check->timeout, FLEET_HEALTH_TIMEOUT_SEC) * USEC_PER_SEC;
	struct compute_exec *exec CLEANUP_COMPUTE_EXEC = NULL;
	struct compute_process p = COMPUTE_PROCESS_INIT;
	struct compute_exit end = {.exit_code = 1};
	int ended;

	p.argv = check_argv(k);
	p.inherit = true;
	if (compute->exec(root, &p, &exec, NULL) < 0)
		return false;
	ended = compute->wait(exec, limit, &end, NULL);
	if (ended == 0) {
		compute->signal(exec, SIGKILL, NULL);
		compute->wait(exec, -1, &end, NULL);
	}
	return ended > 0 && end.exit_code == 0 && !end.signal;
}

/* Runs the check, or asks what the driver's own ones have found. */
static void run_check(struct check *k)
{
	const struct compute_driver *compute = k->e->cfg.task_compute;
	struct fleet_run r = {.e = k->e, .arn = k->t->subject, .a = k->a};
	char *dir CLEANUP(freep) = fleet_container_dir(&r, k->c);
	struct compute_root *root;

	if (compute->attach(compute, k->c->root_id, dir, &root, NULL) < 0)
		return;
	if (!compute->health)
		k->passed = check_in(k, root);
	else if (compute->health(root, &k->found, NULL) == 0)
		k->asked = true;
	compute->detach(root);
}

/* The task is UNHEALTHY with its first essential container, HEALTHY with the last of them. */
static const char *task_health(const struct check *k)
{
	const char *all = HEALTH_HEALTHY;

	wire_foreach (c, &k->task.s.containers) {
		const struct ecs_container_definition *d =
			fleet_container_definition(&k->definition, c->name);

		if (!d->health_check || !fleet_container_essential(d))
			continue;
		if (streq(c->health_status, HEALTH_UNHEALTHY))
			return HEALTH_UNHEALTHY;
		if (!streq(c->health_status, HEALTH_HEALTHY))
			all = HEALTH_UNKNOWN;
	}
	return all;
}

static struct fleet_health asked_health(const struct check *k)
{
	static const char *const names[] = {
		[COMPUTE_HEALTH_UNKNOWN] = HEALTH_UNKNOWN,
		[COMPUTE_HEALTHY] = HEALTH_HEALTHY,
		[COMPUTE_UNHEALTHY] = HEALTH_UNHEALTHY,
	};

	return (struct fleet_health){.status = names[k->found]};
}

static int note_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct check *k = arg;
	struct fleet_health h;
	int64_t now = durable_now(k->e->durable);
	const char *before;

	if (load_step(tx, k, err) < 0)
		return -1;
	if (!k->c)
		return task_done(k->e->durable, tx, k->t, err);
	h = (struct fleet_health){(int)wire_or(k->c->health_failures, 0), k->c->health_status};
	before = h.status;
	if (k->asked)
		h = asked_health(k);
	else
		fleet_health_decide(&h, k->passed,
			(int)wire_or(k->d->health_check->retries, FLEET_HEALTH_RETRIES),
			now - k->c->started_at.usec,
			wire_or(k->d->health_check->start_period, 0) * USEC_PER_SEC);
	k->c->health_failures = WIRE_SET_INT(h.failures);
	k->c->health_status = h.status;
	wire_foreach (shown, &k->task.t.containers) {
		if (streq(shown->name, k->container))
			shown->health_status = h.status;
	}
	k->task.t.health_status = task_health(k);
	if (fleet_task_save(tx, &k->task, err) < 0)
		return -1;
	if (!streq(before, h.status) &&
		(fleet_task_announce(k->e, tx, &k->task, err) < 0 ||
			fleet_task_wake_service(k->e, tx, &k->task, err) < 0 ||
			fleet_wake(k->e, tx, FLEET_TASK_RUN, k->t->subject, 0, err) < 0))
		return -1;
	if (enqueue(k->e, tx, k->t->subject, k->container,
		    now + wire_or(k->d->health_check->interval, FLEET_HEALTH_INTERVAL_SEC) *
				    USEC_PER_SEC,
		    err) < 0)
		return -1;
	return task_done(k->e->durable, tx, k->t, err);
}

int fleet_health_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct check k = {.e = arg, .t = t, .a = &a, .container = t->token};

	if (fleet_read(k.e, load_step, &k, err) < 0)
		return -1;
	if (k.c && k.e->cfg.task_compute)
		run_check(&k);
	return durable_step(d, note_step, &k, err);
}
