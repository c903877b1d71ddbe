/* SPDX-License-Identifier: Apache-2.0 */
/* The crash-safe core: journal, tasks, timers.
 *
 * A step of any engine is one db_write(): load, decide, store the new state, append to the
 * journal, enqueue tasks and timers. Everything below that takes a db_tx is a part of such a step
 * and lasts or vanishes with it.
 *
 * Invariants (cited as D1..D6 in code and tests):
 * D1 A step that returned success survives kill -9 and power loss.
 * D2 A task runs at least once after its step committed, at or after its due time, and not again
 *    after task_done() committed. While it runs, a lease keeps others away; a lease that ran out
 *    (a crash) makes it due again with a higher attempt count.
 * D3 Journal entries have one total order (seq), without holes that could fill up later.
 * D4 A consumer sees every journal entry once in order: its cursor moves in the same transaction
 *    as what it did with the entry.
 * D5 At most one live task a (kind, subject, token) exists, and no wake-up is lost: enqueueing one
 *    that waits moves its due time forward if the new one is earlier and changes nothing else;
 *    enqueueing one that runs makes it run once more, at the earliest time asked for.
 * D6 Nobody sleeps: what waits for time is a task with a due time on the one clock. */
#ifndef TOWPATH_DURABLE_DURABLE_H
#define TOWPATH_DURABLE_DURABLE_H

#include "base/clock.h"
#include "base/interrupt.h"
#include "db/db.h"

struct durable;

/* ---- journal ---- */

struct journal_entry {
	int64_t seq;	     /* filled in by journal_append */
	int64_t time_usec;   /* filled in by journal_append */
	const char *kind;    /* from model/events.txt, e.g. "codebuild.build.state" */
	const char *subject; /* what it is about: an ARN or an id */
	const char *actor;   /* principal's ARN, or NULL for Towpath itself */
	const char *detail;  /* JSON object */
};

/* Appends; sets e->seq and e->time_usec. */
int journal_append(struct durable *d, struct db_tx *tx, struct journal_entry *e, struct err *err);
/* Reads entries with seq > after, oldest first, up to max; *ret_entries is in the arena. */
int journal_read(struct db_tx *tx, int64_t after, size_t max, struct arena *a,
	struct journal_entry **ret_entries, size_t *ret_n, struct err *err);

/* Handles one entry within the consumer's transaction. -1: nothing of it lasts, it is offered
 * again after a pause that grows, and the error is logged. */
typedef int (*journal_fn)(struct durable *d, struct db_tx *tx, const struct journal_entry *e,
	void *arg, struct err *err);
struct journal_consumer {
	const char *name;	 /* unique, stored: names the cursor */
	const char *kind_prefix; /* only entries whose kind starts so; "" for all */
	journal_fn fn;
	void *arg;
};
/* Before durable_start(). A new consumer starts at the journal's present end. */
void journal_subscribe(struct durable *d, const struct journal_consumer *c);

/* Wakes on every append, without a cursor: for live views (log follow, long polls). Called after
 * the commit, on the committing thread, outside of any lock; must not block. */
void journal_watch(struct durable *d, void (*fn)(void *arg), void *arg);

/* ---- what is in memory alone ---- */

/* Once the step of tx has committed, fn is called with a copy of the n bytes, on the committing
 * thread and outside of any lock; never when it has not, and once although the unit ran again. For
 * counts: what a crash may forget. Must not block. */
void durable_after(struct durable *d, struct db_tx *tx, void (*fn)(void *arg, const void *bytes),
	void *arg, const void *bytes, size_t n);

/* ---- tasks and timers ---- */

struct task {
	int64_t id;
	const char *kind;    /* names the handler */
	const char *subject; /* an id of the engine's */
	const char *token;   /* tells apart tasks of the same kind and subject; may be "" */
	const char *payload; /* JSON or NULL */
	int64_t due_usec;
	int attempt; /* 1 on the first run */
};

/* Enqueues (D5); one that runs at this moment runs once more after its end, with the new payload.
 * due_usec 0: now. A timer is a task that is due later; task_reschedule() puts one off. */
int task_enqueue(struct durable *d, struct db_tx *tx, const struct task *t, struct err *err);
/* Takes back a task that has not finished; missing is fine. token NULL: all of the kind and
 * subject. One that runs at this moment is interrupted once the step of tx has committed, and its
 * task_done() fails with ERR_CONFLICT. */
int task_cancel(struct durable *d, struct db_tx *tx, const char *kind, const char *subject,
	const char *token, struct err *err);
/* Moves the due time of an existing task; 0 when there was none, 1 when it was moved. */
int task_reschedule(struct durable *d, struct db_tx *tx, const char *kind, const char *subject,
	const char *token, int64_t due_usec, struct err *err);
/* Ends the running task t as a part of the handler's own step. ERR_CONFLICT when the lease was
 * lost or the task cancelled: the step must then not commit. */
int task_done(struct durable *d, struct db_tx *tx, const struct task *t, struct err *err);

/* What the running task t hears while it waits for something outside (a child process, a host), so
 * that it ends early with ERR_CANCELLED: that it was cancelled, that task_interrupt() asked for it,
 * or that the core stops, and then t is due again with the next start. Borrowed, while t runs. */
const struct interrupt *task_interrupt_of(struct durable *d, const struct task *t);
/* Interrupts the tasks of the kind and subject that run in this process once the step of tx has
 * committed; one that begins to run after that finds what the step has stored. */
void task_interrupt(struct durable *d, struct db_tx *tx, const char *kind, const char *subject);

/* Runs a task outside of any transaction. It acts on the world (with t->id as idempotency
 * token) and commits steps of its own, the last of which calls task_done(). Returning 0 without
 * task_done() ends the task as well. -1: tried again after a pause that grows (1 s doubling to
 * 60 s on the clock) until max_attempts, then `gave_up` is called instead. */
typedef int (*task_fn)(struct durable *d, const struct task *t, void *arg, struct err *err);
struct task_kind {
	const char *name; /* "codebuild.start" */
	task_fn run;
	/* After max_attempts failures: a step that fails the owner visibly and calls task_done().
	 * NULL: logged and dropped. why is the last error. */
	int (*gave_up)(struct durable *d, struct db_tx *tx, const struct task *t,
		const struct err *why, void *arg, struct err *err);
	void *arg;
	int max_attempts;   /* 0: for ever */
	int max_running;    /* at once in this process; 0: no limit but the pool's */
	int64_t lease_usec; /* of true time; 0: 60 s; renewed while run() is under way */
};
/* Before durable_start(). */
void task_register(struct durable *d, const struct task_kind *k);
/* Changes max_running of a kind while running (build slots). */
void task_set_max_running(struct durable *d, const char *kind, int max_running);

/* ---- life ---- */

/* Creates its tables when missing. Borrows db and clock. */
int durable_new(struct db *db, struct clock *clock, struct durable **ret, struct err *err);
struct durable *durable_free(struct durable *d);
DEFINE_FREEP(struct durable, durable_free)
struct db *durable_db(struct durable *d);
struct clock *durable_clock(struct durable *d);
/* clock_now(durable_clock(d)) */
int64_t durable_now(struct durable *d);
/* Starts the worker threads and consumers; tasks leased by a dead process of this server (same
 * data folder) are due at once. */
int durable_start(struct durable *d, int n_workers, struct err *err);
/* After clock_set() on a simulated clock while the threads run: what became due is started. */
void durable_clock_changed(struct durable *d);
/* Interrupts what hears it (task_interrupt_of()), finishes the rest of what runs, starts nothing
 * new. */
void durable_stop(struct durable *d);
/* One db_write() that belongs to the core: after it committed, workers and consumers are woken
 * without polling. Use this, not db_write(), for steps that journal or enqueue. */
int durable_step(struct durable *d, db_fn fn, void *arg, struct err *err);

/* Simulation: no threads; runs everything that is due on this thread, in a fixed order, until
 * nothing is; then, if `advance`, sets the simulated clock to the next due time and goes on, up to
 * until_usec. Returns the number of tasks and entries handled, -1 on an error of the store. */
int64_t durable_run(struct durable *d, bool advance, int64_t until_usec, struct err *err);

#endif
