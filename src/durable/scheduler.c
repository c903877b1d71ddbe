/* SPDX-License-Identifier: Apache-2.0 */
/* Who runs which task when: claims due tasks under a lease, hands them to workers, renews leases,
 * records failures.
 *
 * For each kind the scheduler remembers a time before which none is due, so that it asks the
 * store only where something is to be had, and a long queue behind a full kind costs nothing. */
#include "durable/internal.h"

#include <stdio.h>
#include <time.h>

#include "base/log.h"

#define FIRST_RETRY_USEC USEC_PER_SEC
#define LONGEST_RETRY_USEC (60 * USEC_PER_SEC)
#define FAILED_CLAIM_USEC USEC_PER_SEC /* pause while the store takes nothing */
#define SHARED_LOOK_USEC USEC_PER_SEC  /* how often to look for other servers' tasks */

/* ---- claiming ---- */

struct claim {
	struct durable *d;
	struct kind_state *kind;
	int64_t now_usec;
	int max;
	struct running_task *claimed; /* newest first */
	int n;
	int64_t next_due_usec; /* of the kind, after this claim */
};

static struct running_task *running_free(struct running_task *r)
{
	if (!r)
		return NULL;
	interrupt_release(&r->interrupt);
	arena_release(&r->arena);
	free(r);
	return NULL;
}

static void drop_claimed(struct claim *c)
{
	while (c->claimed) {
		struct running_task *r = c->claimed;

		c->claimed = r->next;
		running_free(r);
	}
	c->n = 0;
}

static struct running_task *read_task(struct claim *c, const struct db_rows *rows)
{
	struct running_task *r = xcalloc(1, sizeof(*r));

	r->kind = c->kind;
	r->interrupt = INTERRUPT_INIT;
	r->task.id = db_col_int(rows, 0);
	r->task.kind = c->kind->kind.name;
	r->task.subject = db_col_text(rows, 1, &r->arena);
	r->task.token = db_col_text(rows, 2, &r->arena);
	r->task.payload = db_col_text(rows, 3, &r->arena);
	r->task.due_usec = db_col_int(rows, 4);
	r->task.attempt = (int)db_col_int(rows, 5) + 1;
	return r;
}

static int read_due(struct db_tx *tx, struct claim *c, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int r;

	if (db_query(tx,
		    "SELECT id, subject, token, payload, due, attempt FROM task "
		    "WHERE kind = ?1 ORDER BY due, id LIMIT ?2",
		    DB_ARGS(DB_TEXT(c->kind->kind.name), DB_INT(c->max + 1)), &rows, err) < 0)
		return -1;
	c->next_due_usec = INT64_MAX;
	while ((r = db_next(rows, err)) > 0) {
		struct running_task *task;

		if (db_col_int(rows, 4) > c->now_usec || c->n == c->max) {
			c->next_due_usec = db_col_int(rows, 4);
			break;
		}
		task = read_task(c, rows);
		task->next = c->claimed;
		c->claimed = task;
		c->n++;
	}
	return r < 0 ? -1 : 0;
}

/* When a lease that is given or renewed now runs out. Leases are renewed by true time, and so last
 * as long of it however fast the clock goes. */
static int64_t lease_end(struct durable *d, int64_t lease_usec)
{
	return d->clock->kind == CLOCK_REAL ? clock_at(d->clock, clock_true_now() + lease_usec)
					    : durable_now(d) + lease_usec;
}

static int lease_task(struct db_tx *tx, struct claim *c, struct running_task *r, struct err *err)
{
	uint64_t number;

	pthread_mutex_lock(&c->d->lock);
	number = ++c->d->n_leases;
	pthread_mutex_unlock(&c->d->lock);
	snprintf(r->lease, sizeof(r->lease), "%s:%llu", c->d->owner, (unsigned long long)number);
	return db_exec(tx, "UPDATE task SET lease = ?2, due = ?3, attempt = ?4 WHERE id = ?1",
		DB_ARGS(DB_INT(r->task.id), DB_TEXT(r->lease),
			DB_INT(lease_end(c->d, c->kind->kind.lease_usec)), DB_INT(r->task.attempt)),
		NULL, err);
}

static int claim_unit(struct db_tx *tx, void *arg, struct err *err)
{
	struct claim *c = arg;

	drop_claimed(c);
	if (read_due(tx, c, err) < 0)
		return -1;
	for (struct running_task *r = c->claimed; r; r = r->next)
		if (lease_task(tx, c, r, err) < 0)
			return -1;
	return 0;
}

/* Only looks whether a claim would find something: spares a commit where it would not. */
static int look_unit(struct db_tx *tx, void *arg, struct err *err)
{
	struct claim *c = arg;
	int r;

	drop_claimed(c);
	r = read_due(tx, c, err);
	if (c->n)
		c->next_due_usec = INT64_MIN;
	drop_claimed(c);
	return r;
}

/* Moves what was claimed to the ready list, oldest first. Lock held. */
static void make_ready(struct durable *d, struct claim *c)
{
	struct running_task *oldest = NULL;

	while (c->claimed) {
		struct running_task *r = c->claimed;

		c->claimed = r->next;
		r->next = oldest;
		oldest = r;
	}
	while (oldest) {
		struct running_task *r = oldest;

		oldest = r->next;
		r->next = NULL;
		r->kind->running++;
		*d->ready_end = r;
		d->ready_end = &r->next;
	}
}

/* How many of this kind may start now; 0 when none is due. Lock held. */
static int wanted(const struct kind_state *k, int64_t now_usec, int max)
{
	int room = max;

	if (k->kind.max_running > 0)
		room = MIN(room, k->kind.max_running - k->running);
	return k->next_due_usec <= now_usec ? MAX(room, 0) : 0;
}

static int claim_kind(struct durable *d, struct kind_state *k, int max, struct err *err)
{
	struct claim c = {.d = d, .kind = k, .now_usec = durable_now(d)};
	int64_t seen;
	int r;

	pthread_mutex_lock(&d->lock);
	c.max = wanted(k, c.now_usec, max);
	seen = k->next_due_usec;
	if (c.max > 0)
		k->next_due_usec = INT64_MAX; /* what is enqueued from here on lowers it */
	pthread_mutex_unlock(&d->lock);
	if (c.max == 0)
		return 0;
	r = db_read(d->db, look_unit, &c, err);
	if (r == 0 && c.next_due_usec == INT64_MIN)
		r = db_write(d->db, claim_unit, &c, err);
	pthread_mutex_lock(&d->lock);
	k->next_due_usec = MIN(k->next_due_usec, r == 0 ? c.next_due_usec : seen);
	if (r == 0)
		make_ready(d, &c);
	pthread_mutex_unlock(&d->lock);
	if (r < 0)
		drop_claimed(&c);
	return r < 0 ? -1 : c.n;
}

int scheduler_claim(struct durable *d, int max, struct err *err)
{
	int total = 0;

	vec_foreach (k, &d->kinds) {
		int n = claim_kind(d, *k, max - total, err);

		if (n < 0)
			return -1;
		total += n;
		if (total >= max)
			break;
	}
	return total;
}

struct running_task *scheduler_take_ready(struct durable *d)
{
	struct running_task *r;

	pthread_mutex_lock(&d->lock);
	r = d->ready;
	if (r) {
		d->ready = r->next;
		if (!d->ready)
			d->ready_end = &d->ready;
		r->next = d->running;
		d->running = r;
	}
	pthread_mutex_unlock(&d->lock);
	return r;
}

/* Lock held. */
static int64_t next_due(struct durable *d)
{
	int64_t next = INT64_MAX;

	vec_foreach (k, &d->kinds)
		if ((*k)->kind.max_running == 0 || (*k)->running < (*k)->kind.max_running)
			next = MIN(next, (*k)->next_due_usec);
	return next;
}

void scheduler_interrupt(struct running_task *r)
{
	r->interrupted = true;
	if (r->interrupt.fd >= 0)
		interrupt_raise(&r->interrupt);
}

int64_t scheduler_next_due(struct durable *d)
{
	int64_t next;

	pthread_mutex_lock(&d->lock);
	next = next_due(d);
	pthread_mutex_unlock(&d->lock);
	return next;
}

/* ---- running ---- */

struct end_step {
	struct durable *d;
	struct running_task *r;
	const struct err *why;
};

static int end_unit(struct db_tx *tx, void *arg, struct err *err)
{
	struct end_step *e = arg;

	return task_done(e->d, tx, &e->r->task, err);
}

static int retry_unit(struct db_tx *tx, void *arg, struct err *err)
{
	struct end_step *e = arg;

	/* The next attempt is the run more that a wake-up asked for, unless that is due later. */
	return db_exec(tx,
		"UPDATE task SET lease = NULL, due = ?3, attempt = ?4, "
		"again = CASE WHEN again > ?3 THEN again END WHERE id = ?1 AND lease = ?2",
		DB_ARGS(DB_INT(e->r->task.id), DB_TEXT(e->r->lease), DB_INT(e->r->retry_usec),
			DB_INT(e->r->attempts)),
		NULL, err);
}

static int give_up_unit(struct db_tx *tx, void *arg, struct err *err)
{
	struct end_step *e = arg;
	const struct task_kind *kind = &e->r->kind->kind;

	return kind->gave_up(e->d, tx, &e->r->task, e->why, kind->arg, err);
}

static bool was_interrupted(struct durable *d, const struct running_task *r)
{
	bool yes;

	pthread_mutex_lock(&d->lock);
	yes = r->interrupted;
	pthread_mutex_unlock(&d->lock);
	return yes;
}

/* Due again at once, and no failure that counts; the next attempt is not the first, though, and
 * looks for what this one has left. One that was cancelled has no row that could be due. */
static enum ending ending_of_interruption(struct durable *d, struct running_task *r)
{
	log_info("durable", "task %s of %s was interrupted", r->task.kind, r->task.subject);
	r->retry_usec = durable_now(d);
	r->attempts = MAX(r->task.attempt - 1, 1);
	return ENDING_RETRY;
}

/* The task failed: given up, or to be tried later, which the caller stores. */
static enum ending ending_of_failure(struct durable *d, struct running_task *r, struct err *why)
{
	const struct task_kind *kind = &r->kind->kind;
	struct end_step e = {.d = d, .r = r, .why = why};
	struct err err CLEANUP_ERR = ERR_INIT;
	bool last = kind->max_attempts && r->task.attempt >= kind->max_attempts;
	int64_t pause = FIRST_RETRY_USEC << MIN(r->task.attempt - 1, 10);

	if (err_is(why, ERR_CANCELLED) && was_interrupted(d, r))
		return ending_of_interruption(d, r);
	log_warn("durable", "task %s of %s failed (attempt %d%s): %s", r->task.kind,
		r->task.subject, r->task.attempt, last ? ", the last" : "", err_message(why));
	if (last && durable_step(d, kind->gave_up ? give_up_unit : end_unit, &e, &err) == 0)
		return ENDING_NONE;
	if (last && err_is(&err, ERR_CONFLICT))
		return ENDING_NONE; /* cancelled meanwhile */
	if (last)
		log_err("durable", &err, "task %s of %s cannot be given up", r->task.kind,
			r->task.subject);
	r->retry_usec = durable_now(d) + MIN(pause, LONGEST_RETRY_USEC);
	r->attempts = r->task.attempt;
	return ENDING_RETRY;
}

/* ERR_CONFLICT is no failure here: the task was cancelled, or its lease ran out. */
static int store_ending(
	struct durable *d, struct running_task *r, enum ending ending, struct err *err)
{
	struct end_step e = {.d = d, .r = r};
	struct err why CLEANUP_ERR = ERR_INIT;

	switch (ending) {
	case ENDING_NONE:
		return 0;
	case ENDING_DONE:
		if (durable_step(d, end_unit, &e, &why) < 0 && !err_is(&why, ERR_CONFLICT))
			return err_move(err, &why);
		return 0;
	case ENDING_RETRY:
		if (db_write(d->db, retry_unit, &e, err) < 0)
			return -1;
		pthread_mutex_lock(&d->lock);
		r->kind->next_due_usec = MIN(r->kind->next_due_usec, r->retry_usec);
		pthread_mutex_unlock(&d->lock);
		return 0;
	}
	BUG("no such ending");
}

static void unlink_running(struct durable *d, struct running_task *r)
{
	pthread_mutex_lock(&d->lock);
	for (struct running_task **p = &d->running; *p; p = &(*p)->next) {
		if (*p == r) {
			*p = r->next;
			break;
		}
	}
	r->kind->running--;
	pthread_cond_signal(&d->wake_scheduler);
	pthread_mutex_unlock(&d->lock);
	running_free(r);
}

/* Its lease is renewed until then, so that it does not run meanwhile. */
static void leave_unstored(struct durable *d, struct running_task *r, enum ending ending)
{
	pthread_mutex_lock(&d->lock);
	r->unstored = ending;
	pthread_cond_signal(&d->wake_scheduler);
	pthread_mutex_unlock(&d->lock);
}

/* Lock held. */
static struct running_task *first_unstored(const struct durable *d)
{
	struct running_task *r;

	for (r = d->running; r && r->unstored == ENDING_NONE; r = r->next)
		;
	return r;
}

static struct running_task *find_unstored(struct durable *d, enum ending *ret_ending)
{
	struct running_task *r;

	pthread_mutex_lock(&d->lock);
	r = first_unstored(d);
	*ret_ending = r ? r->unstored : ENDING_NONE;
	pthread_mutex_unlock(&d->lock);
	return r;
}

int scheduler_settle(struct durable *d, struct err *err)
{
	struct running_task *r;
	enum ending ending;

	while ((r = find_unstored(d, &ending))) {
		if (store_ending(d, r, ending, err) < 0)
			return -1;
		unlink_running(d, r);
	}
	return 0;
}

void scheduler_drop_left(struct durable *d)
{
	while (scheduler_take_ready(d))
		;
	while (d->running)
		unlink_running(d, d->running);
}

void scheduler_run_task(struct durable *d, struct running_task *r)
{
	const struct task_kind *kind = &r->kind->kind;
	struct err err CLEANUP_ERR = ERR_INIT, why CLEANUP_ERR = ERR_INIT;
	enum ending ending = ENDING_NONE;

	if (kind->run(d, &r->task, kind->arg, &why) == 0) {
		ending = r->done ? ENDING_NONE : ENDING_DONE;
	} else if (err_is(&why, ERR_CONFLICT) && r->done) {
		log_debug("durable", "task %s of %s: %s", r->task.kind, r->task.subject,
			err_message(&why));
	} else {
		ending = ending_of_failure(d, r, &why);
	}
	if (store_ending(d, r, ending, &err) == 0) {
		unlink_running(d, r);
		return;
	}
	log_err("durable", &err, "the end of task %s of %s is stored later", r->task.kind,
		r->task.subject);
	leave_unstored(d, r, ending);
}

void *worker_main(void *arg)
{
	struct durable *d = arg;

	pthread_mutex_lock(&d->lock);
	for (;;) {
		struct running_task *r;

		d->n_idle++;
		pthread_cond_signal(&d->wake_scheduler);
		while (!d->ready && !d->stopping)
			pthread_cond_wait(&d->wake_workers, &d->lock);
		d->n_idle--;
		if (!d->ready)
			break;
		pthread_mutex_unlock(&d->lock);
		r = scheduler_take_ready(d);
		if (r)
			scheduler_run_task(d, r);
		pthread_mutex_lock(&d->lock);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

/* ---- the scheduler's thread ---- */

/* What does not change while a task runs: the rest is its worker's to write. */
struct held_lease {
	int64_t task_id, usec;
	char text[sizeof(((struct running_task *)0)->lease)];
};

static int renew_unit(struct db_tx *tx, void *arg, struct err *err)
{
	struct durable *d = arg;
	VEC(struct held_lease) held = {0};
	int r = 0;

	pthread_mutex_lock(&d->lock);
	for (struct running_task *t = d->running; t; t = t->next) {
		struct held_lease lease = {t->task.id, t->kind->kind.lease_usec, ""};

		memcpy(lease.text, t->lease, sizeof(lease.text));
		vec_push(&held, lease);
	}
	pthread_mutex_unlock(&d->lock);
	vec_foreach (lease, &held)
		if (r == 0)
			r = db_exec(tx, "UPDATE task SET due = ?3 WHERE id = ?1 AND lease = ?2",
				DB_ARGS(DB_INT(lease->task_id), DB_TEXT(lease->text),
					DB_INT(lease_end(d, lease->usec))),
				NULL, err);
	vec_release(&held);
	return r;
}

static int64_t shortest_lease(struct durable *d)
{
	int64_t lease = 60 * USEC_PER_SEC;

	vec_foreach (k, &d->kinds)
		lease = MIN(lease, (*k)->kind.lease_usec);
	return lease;
}

/* Idle workers that no ready task waits for. Lock held. */
static int free_workers(const struct durable *d)
{
	int n = d->n_idle;

	for (const struct running_task *r = d->ready; r; r = r->next)
		n--;
	return MAX(n, 0);
}

/* Waits, lock held, until something may be due or an ending is to be stored (neither before
 * claim_at), a worker is free, or leases want renewal. */
static void wait_due(struct durable *d, int64_t renew_at, int64_t claim_at)
{
	int64_t until = renew_at;
	struct timespec ts;

	if (claim_at > monotonic_usec()) {
		until = MIN(until, claim_at);
	} else if (free_workers(d) > 0) {
		int64_t due = next_due(d);
		int64_t wait = due == INT64_MAX ? INT64_MAX : clock_true_wait(d->clock, due);

		if (wait == 0 || first_unstored(d))
			return;
		if (wait != INT64_MAX)
			until = MIN(until, monotonic_usec() + wait);
		if (db_is_shared(d->db))
			until = MIN(until, monotonic_usec() + SHARED_LOOK_USEC);
	}
	ts = (struct timespec){until / USEC_PER_SEC, until % USEC_PER_SEC * 1000};
	pthread_cond_timedwait(&d->wake_scheduler, &d->lock, &ts);
}

/* Another server may have enqueued: look again everywhere. Lock held. */
static void forget_due_times(struct durable *d)
{
	vec_foreach (k, &d->kinds)
		(*k)->next_due_usec = MIN((*k)->next_due_usec, durable_now(d));
}

/* Returns when to claim again at the earliest. */
static int64_t claim_for(struct durable *d, int room)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	if (scheduler_settle(d, &err) == 0 && scheduler_claim(d, room, &err) >= 0)
		return 0;
	log_err("durable", &err, "tasks cannot be claimed");
	return monotonic_usec() + FAILED_CLAIM_USEC;
}

void *scheduler_main(void *arg)
{
	struct durable *d = arg;
	int64_t period = shortest_lease(d) / 3;
	int64_t renew_at = monotonic_usec() + period;
	int64_t look_at = 0, claim_at = 0;

	pthread_mutex_lock(&d->lock);
	while (!d->stopping) {
		int room = free_workers(d);
		bool holds = d->running != NULL;

		if (db_is_shared(d->db) && monotonic_usec() >= look_at) {
			forget_due_times(d);
			look_at = monotonic_usec() + SHARED_LOOK_USEC;
		}
		pthread_mutex_unlock(&d->lock);
		if (monotonic_usec() >= renew_at) {
			struct err err CLEANUP_ERR = ERR_INIT;

			if (holds && db_write(d->db, renew_unit, d, &err) < 0)
				log_err("durable", &err, "leases cannot be renewed");
			renew_at = monotonic_usec() + period;
		}
		if (room > 0 && monotonic_usec() >= claim_at)
			claim_at = claim_for(d, room);
		pthread_mutex_lock(&d->lock);
		if (d->ready)
			pthread_cond_broadcast(&d->wake_workers);
		if (!d->stopping)
			wait_due(d, renew_at, claim_at);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}
