/* SPDX-License-Identifier: Apache-2.0 */
/* Life of the core, and the step. Invariants: durable.h. */
#include "durable/internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"
#include "base/log.h"

#define WORKER_STACK (512 * KIB)

/* task: `due` orders the queue. While a task runs, `lease` names the claim and `due` is when the
 * lease runs out, so that a crash makes it due again by itself (D2). `again` is the due time of
 * one more run that was asked for meanwhile. */
static const struct db_migration steps[] = {
	{"1-create",
		"CREATE TABLE journal("
		"seq INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, kind TEXT NOT NULL, "
		"subject TEXT NOT NULL, actor TEXT, detail TEXT NOT NULL);\n"
		"CREATE INDEX journal_subject ON journal(subject, seq);\n"
		"CREATE TABLE journal_cursor(name TEXT PRIMARY KEY, seq INTEGER NOT NULL);\n"
		"CREATE TABLE task("
		"id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, subject TEXT NOT NULL, "
		"token TEXT NOT NULL, payload TEXT, due INTEGER NOT NULL, attempt INTEGER NOT "
		"NULL, "
		"lease TEXT, again INTEGER, UNIQUE (kind, subject, token));\n"
		"CREATE INDEX task_due ON task(kind, due, id)"},
};

int durable_migrate(struct db *db, struct err *err)
{
	return db_migrate(db, "durable", steps, ARRAY_SIZE(steps), err);
}

int durable_new(struct db *db, struct clock *clock, struct durable **ret, struct err *err)
{
	pthread_condattr_t attr;
	struct durable *d;

	if (durable_migrate(db, err) < 0)
		return -1;
	d = xcalloc(1, sizeof(*d));
	d->db = db;
	d->clock = clock;
	d->ready_end = &d->ready;
	snprintf(d->owner, sizeof(d->owner), "%s", id_uuid().text);
	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&d->wake_scheduler, &attr);
	pthread_cond_init(&d->wake_workers, &attr);
	pthread_cond_init(&d->wake_consumers, &attr);
	pthread_condattr_destroy(&attr);
	*ret = d;
	return 0;
}

struct durable *durable_free(struct durable *d)
{
	if (!d)
		return NULL;
	durable_stop(d);
	scheduler_drop_left(d);
	vec_foreach (k, &d->kinds)
		free(*k);
	vec_foreach (c, &d->consumers)
		free(*c);
	vec_release(&d->kinds);
	vec_release(&d->consumers);
	vec_release(&d->watchers);
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->wake_scheduler);
	pthread_cond_destroy(&d->wake_workers);
	pthread_cond_destroy(&d->wake_consumers);
	free(d->workers);
	free(d);
	return NULL;
}

struct db *durable_db(struct durable *d)
{
	return d->db;
}

struct clock *durable_clock(struct durable *d)
{
	return d->clock;
}

int64_t durable_now(struct durable *d)
{
	return clock_now(d->clock);
}

/* Leases of this database's only server are those of a dead process (D2). */
static int free_leases(struct db_tx *tx, void *arg, struct err *err)
{
	struct durable *d = arg;

	return db_exec(tx, "UPDATE task SET lease = NULL, due = ?1 WHERE lease IS NOT NULL",
		DB_ARGS(DB_INT(durable_now(d))), NULL, err);
}

static int prepare_start(struct durable *d, struct err *err)
{
	if (!db_is_shared(d->db) && db_write(d->db, free_leases, d, err) < 0)
		return -1;
	if (consumers_load(d, err) < 0)
		return -1;
	d->started = true;
	return 0;
}

int durable_start(struct durable *d, int n_workers, struct err *err)
{
	pthread_attr_t attr;

	BUG_ON(d->started || n_workers < 1);
	if (prepare_start(d, err) < 0)
		return -1;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WORKER_STACK);
	d->workers = xcalloc((size_t)n_workers, sizeof(*d->workers));
	for (int i = 0; i < n_workers; i++)
		if (pthread_create(&d->workers[i], &attr, worker_main, d) != 0)
			BUG("cannot start a thread");
	d->n_workers = n_workers;
	if (pthread_create(&d->scheduler, &attr, scheduler_main, d) != 0 ||
		pthread_create(&d->consumer_thread, &attr, consumer_main, d) != 0)
		BUG("cannot start a thread");
	pthread_attr_destroy(&attr);
	return 0;
}

void durable_clock_changed(struct durable *d)
{
	pthread_mutex_lock(&d->lock);
	pthread_cond_signal(&d->wake_scheduler);
	pthread_mutex_unlock(&d->lock);
}

void durable_stop(struct durable *d)
{
	pthread_mutex_lock(&d->lock);
	d->stopping = true;
	for (struct running_task *r = d->running; r; r = r->next)
		scheduler_interrupt(r);
	pthread_cond_broadcast(&d->wake_scheduler);
	pthread_cond_broadcast(&d->wake_workers);
	pthread_cond_broadcast(&d->wake_consumers);
	pthread_mutex_unlock(&d->lock);
	if (!d->n_workers)
		return;
	pthread_join(d->scheduler, NULL);
	pthread_join(d->consumer_thread, NULL);
	for (int i = 0; i < d->n_workers; i++)
		pthread_join(d->workers[i], NULL);
	d->n_workers = 0;
}

/* ---- steps ---- */

static void step_reset(struct step *s)
{
	vec_release(&s->wakes);
	vec_release(&s->journal_kinds);
	vec_release(&s->afters);
	arena_release(&s->arena);
}

static int run_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct step *s = arg;

	step_reset(s); /* an earlier run of the unit did not last */
	db_tx_set_context(tx, s);
	return s->fn(tx, s->arg, err);
}

struct step *durable_step_of(struct durable *d, struct db_tx *tx)
{
	struct step *s = db_tx_context(tx);

	if (!s || s->d != d)
		BUG("journal, tasks and counts are written within durable_step() only");
	return s;
}

/* After the commit: whoever waits for what the step left behind is woken. */
static void publish(struct step *s)
{
	struct durable *d = s->d;
	VEC(struct watcher) watchers = {0};

	pthread_mutex_lock(&d->lock);
	vec_foreach (w, &s->wakes)
		w->kind->next_due_usec = MIN(w->kind->next_due_usec, w->due_usec);
	if (s->wakes.n)
		pthread_cond_signal(&d->wake_scheduler);
	vec_foreach (kind, &s->journal_kinds)
		vec_foreach (c, &d->consumers)
			if (starts_with(*kind, (*c)->consumer.kind_prefix))
				(*c)->pending = true;
	if (s->journal_kinds.n) {
		pthread_cond_signal(&d->wake_consumers);
		vec_foreach (w, &d->watchers)
			vec_push(&watchers, *w);
	}
	pthread_mutex_unlock(&d->lock);
	vec_foreach (w, &watchers)
		w->fn(w->arg);
	vec_release(&watchers);
	vec_foreach (after, &s->afters)
		after->fn(after->arg, after->bytes);
}

void durable_after(struct durable *d, struct db_tx *tx, void (*fn)(void *arg, const void *bytes),
	void *arg, const void *bytes, size_t n)
{
	struct step *s = durable_step_of(d, tx);
	void *copy = arena_alloc(&s->arena, n);

	memcpy(copy, bytes, n);
	vec_push(&s->afters, ((struct after){fn, arg, copy}));
}

int durable_step(struct durable *d, db_fn fn, void *arg, struct err *err)
{
	struct step s = {.d = d, .fn = fn, .arg = arg};
	int r = db_write(d->db, run_step, &s, err);

	if (r == 0)
		publish(&s);
	step_reset(&s);
	return r;
}

/* ---- simulation ---- */

static int64_t run_due(struct durable *d, struct err *err)
{
	int64_t n = consumers_run(d);
	struct running_task *r;

	if (scheduler_settle(d, err) < 0 || scheduler_claim(d, 1, err) < 0)
		return -1;
	r = scheduler_take_ready(d);
	if (r) {
		scheduler_run_task(d, r);
		n++;
	}
	return n;
}

int64_t durable_run(struct durable *d, bool advance, int64_t until_usec, struct err *err)
{
	int64_t total = 0;

	BUG_ON(d->n_workers);
	if (!d->started && prepare_start(d, err) < 0)
		return -1;
	for (;;) {
		int64_t n = run_due(d, err), due;

		if (n < 0)
			return -1;
		total += n;
		if (n > 0)
			continue;
		due = scheduler_next_due(d);
		if (!advance || due == INT64_MAX || due > until_usec)
			return total;
		clock_set(d->clock, due);
	}
}
