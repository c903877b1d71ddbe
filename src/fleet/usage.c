/* SPDX-License-Identifier: Apache-2.0 */
/* What the tasks of services use of what they have reserved, once a minute of the clock. Processor
 * time counts between two looks: a task's first look is not one of its values. */
#include <stdlib.h>

#include "fleet/containers.h"

#define MINUTE_USEC (60 * USEC_PER_SEC)

/* A task's processor time at the last look. */
struct mark {
	int64_t cpu_usec, usec; /* usec: monotonic */
	bool seen;
};

struct look {
	struct fleet_engine *e;
	struct arena a;
	struct fleet_tasks tasks;
	VEC(struct fleet_usage) found;
};

static int load_tasks(struct db_tx *tx, void *arg, struct err *err)
{
	struct look *k = arg;

	return fleet_tasks_in(k->e, tx, NULL, &k->a, &k->tasks, err);
}

/* The task's own, or what its containers have together; 0: nothing is reserved. */
static double reserved(const struct fleet_task *t, bool cpu)
{
	const char *whole = cpu ? t->t.cpu : t->t.memory;
	double sum = 0;

	if (whole && *whole)
		return atof(whole);
	wire_foreach (c, &t->t.containers) {
		const char *own = cpu ? c->cpu : c->memory;

		sum += own ? atof(own) : 0;
	}
	return sum;
}

static void add_value(struct look *k, const struct fleet_task *t, const char *name, double value)
{
	const char *cluster = fleet_last_part(t->t.cluster_arn);
	const char *service = t->t.group + strlen("service:");
	struct fleet_usage *u = NULL;
	double *values;

	for (size_t i = 0; i < k->found.n && !u; i++)
		if (streq(k->found.v[i].name, name) && streq(k->found.v[i].cluster, cluster) &&
			streq(k->found.v[i].service, service))
			u = &k->found.v[i];
	if (!u) {
		vec_push(&k->found, ((struct fleet_usage){.cluster = cluster,
					    .service = service,
					    .name = name,
					    .values = arena_new_n(&k->a, k->tasks.n, double)}));
		u = &k->found.v[k->found.n - 1];
	}
	values = (double *)(uintptr_t)u->values;
	values[u->n++] = value;
}

static void look_at(struct look *k, const struct fleet_task *t)
{
	const struct compute_driver *d = k->e->cfg.task_compute;
	double cpu = reserved(t, true), memory = reserved(t, false);
	struct err gone CLEANUP_ERR = ERR_INIT;
	int64_t now = monotonic_usec();
	struct compute_usage u;
	struct mark *m;

	if (d->pod_usage(d, fleet_pod_id(t->t.task_arn, &k->a), &u, &gone) < 0)
		return;
	if (memory > 0)
		add_value(k, t, "MemoryUtilization", 100 * (double)u.memory / (memory * MIB));
	m = map_get(&k->e->usage, t->t.task_arn);
	if (m && cpu > 0 && now > m->usec && u.cpu_usec >= m->cpu_usec)
		add_value(k, t, "CPUUtilization",
			100 * (double)(u.cpu_usec - m->cpu_usec) / (double)(now - m->usec) /
				(cpu / 1024));
	if (!m) {
		m = xcalloc(1, sizeof(*m));
		map_set(&k->e->usage, t->t.task_arn, m);
	}
	*m = (struct mark){u.cpu_usec, now, true};
}

/* Marks of tasks that have ended. */
static void forget_unseen(struct fleet_engine *e, struct arena *a)
{
	VEC(const char *) gone = {0};

	map_foreach (it, &e->usage) {
		struct mark *m = it->value;

		if (!m->seen)
			vec_push(&gone, arena_strdup(a, it->key));
		m->seen = false;
	}
	for (size_t i = 0; i < gone.n; i++)
		free(map_remove(&e->usage, gone.v[i]));
	vec_release(&gone);
}

int fleet_usage_look(struct fleet_engine *e, struct err *err)
{
	struct look k = {.e = e, .a = ARENA_INIT};
	int64_t minute = durable_now(e->durable) / MINUTE_USEC;
	int r;

	if (minute == e->usage_minute || !e->cfg.usage || !e->cfg.task_compute ||
		!e->cfg.task_compute->pod_usage)
		return 0;
	e->usage_minute = minute;
	r = db_read(durable_db(e->durable), load_tasks, &k, err);
	for (size_t i = 0; r == 0 && i < k.tasks.n; i++) {
		const struct fleet_task *t = &k.tasks.v[i];

		if (fleet_task_status(t) == TASK_RUNNING && starts_with(t->t.group, "service:"))
			look_at(&k, t);
	}
	forget_unseen(e, &k.a);
	if (r == 0 && k.found.n)
		r = e->cfg.usage(e->cfg.arg, minute * MINUTE_USEC - 1, k.found.v, k.found.n, err);
	vec_release(&k.found);
	arena_release(&k.a);
	return r;
}
