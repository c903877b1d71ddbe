/* SPDX-License-Identifier: Apache-2.0 */
/* Agents that wait in a long poll, and the thread that answers them. */
#include "deploy/poll.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "deploy/engine.h"

/* Below the read timeout of every agent known (80 s), and of usual proxies (30 s). */
#define LONG_POLL (20 * USEC_PER_SEC)
/* With several servers on one database, commands are also made where this one does not hear. */
#define SHARED_POLL USEC_PER_SEC
/* How long after a step said that it makes a command each commit is looked at. */
#define EXPECTATION (5 * USEC_PER_SEC)

struct waiter {
	struct waiter *next;
	struct deploy_poll *poll;
	struct call *call;
	const char *host, *host_identifier; /* in the call's arena */
	int64_t until_usec;		    /* monotonic */
	bool gone;
};

struct deploy_poll {
	struct deploy_engine *e;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct waiter *waiters;
	int64_t expect_until_usec;
	bool look, stop;
};

static void set_deadline(struct timespec *ts, int64_t usec)
{
	ts->tv_sec = usec / USEC_PER_SEC;
	ts->tv_nsec = (usec % USEC_PER_SEC) * 1000;
}

/* Answers the waiter and frees it. resp NULL: nothing to do. */
static void answer(struct waiter *w,
	const struct codedeploy_commands_poll_host_command_response *resp, struct err *err)
{
	static const struct codedeploy_commands_poll_host_command_response nothing;
	w->call->finish(w->call, resp ? resp : &nothing, err);
	free(w); /* not before: on_gone() may run until finish() returns */
}

/* True when w was answered. */
static bool try_answer(struct deploy_poll *p, struct waiter *w, bool over)
{
	struct codedeploy_commands_poll_host_command_response *resp =
		arena_new(w->call->arena, struct codedeploy_commands_poll_host_command_response);
	struct err err CLEANUP_ERR = ERR_INIT;
	int found = deploy_take_command(
		p->e, w->host, w->host_identifier, w->call->user_agent, w->call->arena, resp, &err);

	if (found == 0 && !over)
		return false;
	answer(w, resp, found < 0 ? &err : NULL);
	return true;
}

/* Looks for each waiter once; those that stay are linked again. */
static void look_for_all(struct deploy_poll *p, bool all_over)
{
	int64_t now = monotonic_usec();
	struct waiter *list = TAKE_PTR(p->waiters), *kept = NULL;

	pthread_mutex_unlock(&p->lock);
	while (list) {
		struct waiter *w = list;

		list = w->next;
		if (w->gone) {
			answer(w, NULL, NULL);
		} else if (!try_answer(p, w, all_over || w->until_usec <= now)) {
			w->next = kept;
			kept = w;
		}
	}
	pthread_mutex_lock(&p->lock);
	while (kept) {
		struct waiter *w = kept;

		kept = w->next;
		w->next = p->waiters;
		p->waiters = w;
	}
}

static int64_t first_deadline(const struct deploy_poll *p)
{
	int64_t first = INT64_MAX;

	for (const struct waiter *w = p->waiters; w; w = w->next)
		first = MIN(first, w->gone ? 0 : w->until_usec);
	return first;
}

static void *run(void *arg)
{
	struct deploy_poll *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		int64_t until = first_deadline(p);
		struct timespec ts;

		if (p->look || until <= monotonic_usec()) {
			p->look = false;
			look_for_all(p, false);
		} else if (until == INT64_MAX) {
			pthread_cond_wait(&p->wake, &p->lock);
		} else {
			set_deadline(&ts, until);
			pthread_cond_timedwait(&p->wake, &p->lock, &ts);
		}
	}
	look_for_all(p, true);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* After a commit, on its thread. */
static void on_commit(void *arg)
{
	struct deploy_poll *p = arg;

	pthread_mutex_lock(&p->lock);
	if (p->waiters && monotonic_usec() < p->expect_until_usec) {
		p->look = true;
		pthread_cond_signal(&p->wake);
	}
	pthread_mutex_unlock(&p->lock);
}

int deploy_poll_new(struct deploy_engine *e, struct deploy_poll **ret, struct err *err)
{
	struct deploy_poll *p = xcalloc(1, sizeof(*p));
	pthread_condattr_t attr;
	int failed;

	p->e = e;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &attr);
	pthread_condattr_destroy(&attr);
	failed = pthread_create(&p->thread, NULL, run, p);
	if (failed) {
		free(p);
		return err_errno(err, failed, "thread that answers host agents");
	}
	journal_watch(e->durable, on_commit, p);
	*ret = p;
	return 0;
}

struct deploy_poll *deploy_poll_free(struct deploy_poll *p)
{
	if (!p)
		return NULL;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
	return NULL;
}

void deploy_poll_expect(struct deploy_poll *p)
{
	pthread_mutex_lock(&p->lock);
	p->expect_until_usec = monotonic_usec() + EXPECTATION;
	pthread_mutex_unlock(&p->lock);
}

/* The agent went away: its poll must not take a command any more. */
static void on_gone(void *arg)
{
	struct waiter *w = arg;
	struct deploy_poll *p = w->poll;

	pthread_mutex_lock(&p->lock);
	w->gone = true;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}

void deploy_poll_wait(
	struct deploy_poll *p, struct call *call, const char *host, const char *host_identifier)
{
	int64_t length = db_is_shared(durable_db(p->e->durable)) ? SHARED_POLL : LONG_POLL;
	struct waiter *w = xcalloc(1, sizeof(*w));

	w->poll = p;
	w->call = call;
	w->host = host;
	w->host_identifier = host_identifier;
	w->until_usec = monotonic_usec() + length;
	call->defer(call, on_gone, w);
	pthread_mutex_lock(&p->lock);
	w->next = p->waiters;
	p->waiters = w;
	/* A command may have come between the first look and now. */
	p->look = true;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
}
