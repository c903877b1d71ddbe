/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of durable/ share. */
#ifndef TOWPATH_DURABLE_INTERNAL_H
#define TOWPATH_DURABLE_INTERNAL_H

#include <pthread.h>

#include "base/vec.h"
#include "durable/durable.h"

/* A registered kind of tasks, and what the scheduler knows of it. */
struct kind_state {
	struct task_kind kind;
	int running;
	/* No task of this kind is due before this: INT64_MIN means "look". Guarded by lock. */
	int64_t next_due_usec;
};

struct consumer_state {
	struct journal_consumer consumer;
	int64_t cursor;	      /* entries up to here are handled */
	int64_t saved_cursor; /* as stored; may lag behind over entries of other kinds */
	bool pending;	      /* there may be entries for it. Guarded by lock. */
	int64_t retry_usec;   /* true (monotonic) time before which it is not offered again */
	int failures;
};

struct watcher {
	void (*fn)(void *arg);
	void *arg;
};

/* How a run ended, while the store does not have it yet. */
enum ending {
	ENDING_NONE,
	ENDING_DONE,
	ENDING_RETRY, /* failed: due again at retry_usec */
};

/* A task that runs now, or whose ending the store could not take (a full disk). */
struct running_task {
	struct task task;
	struct kind_state *kind;
	struct arena arena; /* owns the task's strings */
	char lease[64];
	bool done;	      /* task_done() was called in its last step */
	enum ending unstored; /* the scheduler stores it as soon as it can. Guarded by lock. */
	int64_t retry_usec;
	int attempts;		    /* that count when it is due again */
	struct interrupt interrupt; /* made when it is asked for. Guarded by lock. */
	bool interrupted;
	struct running_task *next;
};

struct durable {
	struct db *db;
	struct clock *clock;
	pthread_mutex_t lock;
	pthread_cond_t wake_scheduler, wake_workers, wake_consumers;
	VEC(struct kind_state *) kinds;
	VEC(struct consumer_state *) consumers;
	VEC(struct watcher) watchers;
	struct running_task *running;		 /* all that run, or whose ending is not stored */
	struct running_task *ready, **ready_end; /* claimed, waiting for a worker */
	int n_idle, n_workers;
	bool started, stopping;
	char owner[40]; /* of leases: this process */
	uint64_t n_leases;
	pthread_t scheduler, consumer_thread;
	pthread_t *workers;
};

/* What a step did that matters once it is committed. */
struct step {
	struct durable *d;
	db_fn fn;
	void *arg;
	VEC(struct kind_wake {
		struct kind_state *kind;
		int64_t due_usec;
	})
	wakes;
	VEC(const char *) journal_kinds; /* borrowed while the unit runs: copied into the arena */
	VEC(struct after {
		void (*fn)(void *arg, const void *bytes);
		void *arg;
		const void *bytes; /* in the arena */
	})
	afters;
	struct arena arena;
};

struct step *durable_step_of(struct durable *d, struct db_tx *tx);
struct kind_state *durable_find_kind(struct durable *d, const char *name);
int durable_migrate(struct db *db, struct err *err);

/* scheduler.c */
/* Claims up to max due tasks; they are appended to d->ready. Returns how many, -1 on error. */
int scheduler_claim(struct durable *d, int max, struct err *err);
/* Runs a claimed task to its end and stores how it ended. Frees it, unless the store takes nothing:
 * then scheduler_settle() does both. */
void scheduler_run_task(struct durable *d, struct running_task *r);
/* Stores the endings that could not be stored. -1: one still cannot, the others wait. */
int scheduler_settle(struct durable *d, struct err *err);
/* At the end of life, what is not stored, and what was claimed when the workers had gone: their
 * leases run out, or end with the next start. */
void scheduler_drop_left(struct durable *d);
struct running_task *scheduler_take_ready(struct durable *d);
/* Lock held. */
void scheduler_interrupt(struct running_task *r);
/* When the next task is due that no limit holds back; INT64_MAX when there is none. */
int64_t scheduler_next_due(struct durable *d);
void *scheduler_main(void *arg);
void *worker_main(void *arg);

/* consumer.c */
int consumers_load(struct durable *d, struct err *err);
/* Handles what is pending; returns the number of entries handled. */
int64_t consumers_run(struct durable *d);
void *consumer_main(void *arg);

#endif
