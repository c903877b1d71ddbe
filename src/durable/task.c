/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks within steps: enqueueing, cancelling, moving, ending. */
#include "base/log.h"
#include "durable/internal.h"

struct kind_state *durable_find_kind(struct durable *d, const char *name)
{
	vec_foreach (k, &d->kinds)
		if (streq((*k)->kind.name, name))
			return *k;
	return NULL;
}

void task_register(struct durable *d, const struct task_kind *kind)
{
	struct kind_state *state = xcalloc(1, sizeof(*state));

	BUG_ON(d->started || durable_find_kind(d, kind->name));
	state->kind = *kind;
	if (!state->kind.lease_usec)
		state->kind.lease_usec = 60 * USEC_PER_SEC;
	state->next_due_usec = INT64_MIN;
	vec_push(&d->kinds, state);
}

void task_set_max_running(struct durable *d, const char *kind, int max_running)
{
	struct kind_state *state = durable_find_kind(d, kind);

	BUG_ON(!state);
	pthread_mutex_lock(&d->lock);
	state->kind.max_running = max_running;
	pthread_cond_signal(&d->wake_scheduler);
	pthread_mutex_unlock(&d->lock);
}

static void wake(struct durable *d, struct step *s, const char *kind, int64_t due_usec)
{
	struct kind_state *state = durable_find_kind(d, kind);

	if (state)
		vec_push(&s->wakes, (struct kind_wake){state, due_usec});
}

int task_enqueue(struct durable *d, struct db_tx *tx, const struct task *t, struct err *err)
{
	struct step *s = durable_step_of(d, tx);
	int64_t due = t->due_usec ? t->due_usec : durable_now(d);

	/* D5: one that waits is due earlier; one that runs will run once more. */
	if (db_exec(tx,
		    "INSERT INTO task(kind, subject, token, payload, due, attempt) "
		    "VALUES (?1, ?2, ?3, ?4, ?5, 0) ON CONFLICT (kind, subject, token) DO UPDATE "
		    "SET payload = CASE WHEN task.lease IS NULL THEN task.payload "
		    "ELSE excluded.payload END, "
		    "due = CASE WHEN task.lease IS NULL THEN excluded.due ELSE task.due END, "
		    "again = CASE WHEN task.lease IS NULL THEN task.again "
		    "WHEN task.again < excluded.due THEN task.again ELSE excluded.due END "
		    "WHERE task.lease IS NOT NULL OR task.due > excluded.due",
		    DB_ARGS(DB_TEXT(t->kind), DB_TEXT(t->subject),
			    DB_TEXT(t->token ? t->token : ""), DB_TEXT(t->payload), DB_INT(due)),
		    NULL, err) < 0)
		return err_wrap(err, "task %s of %s", t->kind, t->subject);
	wake(d, s, t->kind, due);
	return 0;
}

/* ---- interrupting ---- */

struct interruption {
	struct durable *d;
	const char *kind, *subject, *token; /* token NULL: any */
};

static void interrupt_now(void *arg UNUSED, const void *bytes)
{
	const struct interruption *x = bytes;

	pthread_mutex_lock(&x->d->lock);
	for (struct running_task *r = x->d->running; r; r = r->next)
		if (streq(r->task.kind, x->kind) && streq(r->task.subject, x->subject) &&
			(!x->token || streq(r->task.token, x->token)))
			scheduler_interrupt(r);
	pthread_mutex_unlock(&x->d->lock);
}

static void interrupt_after(struct durable *d, struct db_tx *tx, const char *kind,
	const char *subject, const char *token)
{
	struct arena *a = &durable_step_of(d, tx)->arena;
	const struct interruption x = {
		d, arena_strdup(a, kind), arena_strdup(a, subject), arena_strdup(a, token)};

	durable_after(d, tx, interrupt_now, NULL, &x, sizeof(x));
}

void task_interrupt(struct durable *d, struct db_tx *tx, const char *kind, const char *subject)
{
	interrupt_after(d, tx, kind, subject, NULL);
}

int task_cancel(struct durable *d, struct db_tx *tx, const char *kind, const char *subject,
	const char *token, struct err *err)
{
	interrupt_after(d, tx, kind, subject, token);
	if (!token)
		return db_exec(tx, "DELETE FROM task WHERE kind = ?1 AND subject = ?2",
			DB_ARGS(DB_TEXT(kind), DB_TEXT(subject)), NULL, err);
	return db_exec(tx, "DELETE FROM task WHERE kind = ?1 AND subject = ?2 AND token = ?3",
		DB_ARGS(DB_TEXT(kind), DB_TEXT(subject), DB_TEXT(token)), NULL, err);
}

int task_reschedule(struct durable *d, struct db_tx *tx, const char *kind, const char *subject,
	const char *token, int64_t due_usec, struct err *err)
{
	struct step *s = durable_step_of(d, tx);
	int64_t waiting, running;
	struct db_args args = DB_ARGS(
		DB_TEXT(kind), DB_TEXT(subject), DB_TEXT(token ? token : ""), DB_INT(due_usec));

	if (db_exec(tx,
		    "UPDATE task SET due = ?4 WHERE kind = ?1 AND subject = ?2 AND token = ?3 "
		    "AND lease IS NULL",
		    args, &waiting, err) < 0 ||
		db_exec(tx,
			"UPDATE task SET again = ?4 WHERE kind = ?1 AND subject = ?2 "
			"AND token = ?3 AND lease IS NOT NULL",
			args, &running, err) < 0)
		return -1;
	if (waiting + running == 0)
		return 0;
	wake(d, s, kind, due_usec);
	return 1;
}

static struct running_task *find_running(struct durable *d, int64_t id)
{
	struct running_task *r;

	pthread_mutex_lock(&d->lock);
	for (r = d->running; r && r->task.id != id; r = r->next)
		;
	pthread_mutex_unlock(&d->lock);
	return r;
}

const struct interrupt *task_interrupt_of(struct durable *d, const struct task *t)
{
	struct running_task *r = find_running(d, t->id);
	CLEANUP_ERR struct err err = ERR_INIT;

	if (!r)
		return NULL;
	pthread_mutex_lock(&d->lock);
	if (r->interrupt.fd < 0 && interrupt_init(&r->interrupt, &err) < 0)
		log_err("durable", &err, "task %s of %s hears no interruption", t->kind,
			t->subject);
	r->interrupted |= d->stopping;
	if (r->interrupted)
		scheduler_interrupt(r);
	pthread_mutex_unlock(&d->lock);
	return r->interrupt.fd < 0 ? NULL : &r->interrupt;
}

int task_done(struct durable *d, struct db_tx *tx, const struct task *t, struct err *err)
{
	struct step *s = durable_step_of(d, tx);
	struct running_task *r = find_running(d, t->id);
	int64_t ended, rearmed;
	struct db_args args;

	if (!r)
		return err_set(
			err, ERR_CONFLICT, "task %s of %s does not run here", t->kind, t->subject);
	args = DB_ARGS(DB_INT(t->id), DB_TEXT(r->lease));
	if (db_exec(tx, "DELETE FROM task WHERE id = ?1 AND lease = ?2 AND again IS NULL", args,
		    &ended, err) < 0)
		return -1;
	r->done = true;
	if (ended)
		return 0;
	if (db_exec(tx,
		    "UPDATE task SET due = again, again = NULL, lease = NULL, attempt = 0 "
		    "WHERE id = ?1 AND lease = ?2",
		    args, &rearmed, err) < 0)
		return -1;
	if (!rearmed)
		return err_set(err, ERR_CONFLICT,
			"task %s of %s was cancelled or its lease ran out", t->kind, t->subject);
	wake(d, s, t->kind, INT64_MIN);
	return 0;
}
