/* SPDX-License-Identifier: Apache-2.0 */
/* Live tails: the operation, and the thread that serves them. */
#include "signal/log_live.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

/* By the one clock; but in true time no faster, where that clock runs, and no slower, where it
 * stands. */
#define UPDATE_USEC USEC_PER_SEC
#define FASTEST_USEC (20 * USEC_PER_MSEC)
#define SESSION_USEC (3 * 3600 * USEC_PER_SEC)
#define MAX_TAILS 15

struct tail {
	struct tail *next;
	struct call *call;
	struct log_watch watch;
	int64_t due_usec;   /* of the next update; monotonic */
	int64_t until_usec; /* on the clock */
	bool left_out;	    /* an update that the client did not take */
};

struct log_live {
	struct signal_engine *e;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct tail *tails; /* those that the thread is not at */
	size_t n_tails;
	bool stop;
};

typedef struct logs_start_live_tail_response_stream tail_event;

/* ---- one tail ---- */

/* Ends the answer; with `why` the client sees it cut off. */
static void end_tail(struct log_live *l, struct tail *t, struct err *why)
{
	log_watch_release(&t->watch);
	t->call->finish(t->call, NULL, why);
	free(t);
	pthread_mutex_lock(&l->lock);
	l->n_tails--;
	pthread_mutex_unlock(&l->lock);
}

static enum call_emitted send_timeout(struct tail *t)
{
	struct logs_session_timeout_exception over = {
		.message = "The Live Tail session timed out after three hours.",
	};

	return t->call->emit(t->call, &(const tail_event){.session_timeout_exception = &over});
}

static enum call_emitted send_news(struct tail *t, const struct log_news *news)
{
	struct logs_live_tail_session_metadata metadata = {
		.sampled = WIRE_SET_BOOL(news->sampled || t->left_out),
	};
	struct logs_live_tail_session_update update = {
		.session_metadata = &metadata,
		.session_results = {.v = news->v, .n = news->n, .set = true},
	};
	enum call_emitted r =
		t->call->emit(t->call, &(const tail_event){.session_update = &update});

	t->left_out = r == CALL_BUSY && (news->n || metadata.sampled.v);
	return r;
}

static int64_t next_update(struct log_live *l)
{
	int64_t due = durable_now(l->e->durable) + UPDATE_USEC;
	int64_t wait = clock_true_wait(durable_clock(l->e->durable), due);

	return monotonic_usec() + MIN(MAX(wait, FASTEST_USEC), UPDATE_USEC);
}

/* One update; false when the tail has ended. */
static bool serve(struct log_live *l, struct tail *t)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct log_news news;

	if (durable_now(l->e->durable) >= t->until_usec) {
		send_timeout(t);
		end_tail(l, t, NULL);
		return false;
	}
	if (log_watch_look(l->e, &t->watch, &a, &news, &err) < 0) {
		log_error("logs", "a live tail ends: %s", err_message(&err));
		end_tail(l, t, &err);
		return false;
	}
	if (send_news(t, &news) == CALL_GONE) {
		end_tail(l, t, NULL);
		return false;
	}
	t->due_usec = next_update(l);
	return true;
}

/* ---- the thread ---- */

/* Under the lock: the tails that are due, taken out of the list. */
static struct tail *take_due(struct log_live *l)
{
	struct tail *due = NULL, **at = &l->tails;
	int64_t now = monotonic_usec();

	while (*at) {
		struct tail *t = *at;

		if (t->due_usec > now) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		t->next = due;
		due = t;
	}
	return due;
}

static void serve_all(struct log_live *l, struct tail *due)
{
	while (due) {
		struct tail *t = due;

		due = t->next;
		if (!serve(l, t))
			continue;
		pthread_mutex_lock(&l->lock);
		t->next = l->tails;
		l->tails = t;
		pthread_mutex_unlock(&l->lock);
	}
}

/* Under the lock: until a tail is due, another comes or the engine ends. */
static void wait_due(struct log_live *l)
{
	int64_t first = INT64_MAX;
	struct timespec ts;

	for (const struct tail *t = l->tails; t; t = t->next)
		first = MIN(first, t->due_usec);
	if (first == INT64_MAX) {
		pthread_cond_wait(&l->wake, &l->lock);
		return;
	}
	ts.tv_sec = first / USEC_PER_SEC;
	ts.tv_nsec = (first % USEC_PER_SEC) * 1000;
	pthread_cond_timedwait(&l->wake, &l->lock, &ts);
}

static void *run(void *arg)
{
	struct log_live *l = arg;

	pthread_mutex_lock(&l->lock);
	while (!l->stop) {
		struct tail *due = take_due(l);

		if (!due) {
			wait_due(l);
			continue;
		}
		pthread_mutex_unlock(&l->lock);
		serve_all(l, due);
		pthread_mutex_lock(&l->lock);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

/* ---- StartLiveTail ---- */

/* The names of the groups, which are told by their ARNs: permission was asked for these. */
static int take_groups(struct signal_engine *e, struct call *call,
	const struct logs_start_live_tail_request *req, struct log_watch *w, struct err *err)
{
	const char *own = signal_arn(e, call->arena, "logs", "log-group:");

	w->n_groups = req->log_group_identifiers.n;
	w->groups = arena_array(call->arena, w->n_groups, sizeof(*w->groups));
	for (size_t i = 0; i < w->n_groups; i++) {
		const char *arn = req->log_group_identifiers.v[i];

		if (!starts_with(arn, own))
			return err_set_wire(err, "InvalidParameterException",
				"%s is not the ARN of a log group here, which is %sNAME.", arn,
				own);
		w->groups[i] = arn + strlen(own);
	}
	return 0;
}

static int take_streams(
	const struct logs_start_live_tail_request *req, struct log_watch *w, struct err *err)
{
	bool names = req->log_stream_names.set, prefixes = req->log_stream_name_prefixes.set;

	if (names && prefixes)
		return err_set_wire(err, "InvalidParameterException",
			"logStreamNames and logStreamNamePrefixes exclude one another.");
	if ((names || prefixes) && w->n_groups > 1)
		return err_set_wire(err, "InvalidParameterException",
			"Log streams can be chosen of one log group only; %zu are given.",
			w->n_groups);
	if (names || prefixes)
		w->streams = names ? &req->log_stream_names : &req->log_stream_name_prefixes;
	w->by_prefix = prefixes;
	return 0;
}

static int watch_begin(struct signal_engine *e, struct call *call,
	const struct logs_start_live_tail_request *req, struct log_watch *w, struct err *err)
{
	*w = (struct log_watch){.account = e->cfg.account};
	if (take_groups(e, call, req, w, err) < 0 || take_streams(req, w, err) < 0)
		return -1;
	if (log_pattern_parse(req->log_event_filter_pattern, call->arena, &w->pattern, err) < 0)
		return err_set_wire(err, "InvalidParameterException", "%s",
			arena_strdup(call->arena, err_message(err)));
	return log_watch_begin(e, w, err);
}

/* A place among the tails. */
static int reserve(struct log_live *l, struct err *err)
{
	bool full;

	pthread_mutex_lock(&l->lock);
	full = l->n_tails == MAX_TAILS;
	if (!full)
		l->n_tails++;
	pthread_mutex_unlock(&l->lock);
	return !full ? 0
		     : err_set_wire(err, "LimitExceededException",
			       "There are %d live tails, which is the limit.", MAX_TAILS);
}

static void give_back(struct log_live *l)
{
	pthread_mutex_lock(&l->lock);
	l->n_tails--;
	pthread_mutex_unlock(&l->lock);
}

static void begin_tail(
	struct log_live *l, struct tail *t, const struct logs_start_live_tail_request *req)
{
	struct logs_live_tail_session_start start = {
		.request_id = t->call->request_id,
		.session_id = arena_strdup(t->call->arena, id_uuid().text),
		.log_group_identifiers = req->log_group_identifiers,
		.log_stream_names = req->log_stream_names,
		.log_stream_name_prefixes = req->log_stream_name_prefixes,
		.log_event_filter_pattern = req->log_event_filter_pattern,
	};

	t->call->defer(t->call, NULL, NULL);
	t->call->emit(t->call, &(const tail_event){.session_start = &start});
	pthread_mutex_lock(&l->lock);
	t->next = l->tails;
	l->tails = t;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
}

int signal_logs_start_live_tail(struct signal_engine *e, struct call *call,
	const struct logs_start_live_tail_request *req,
	struct logs_start_live_tail_response *resp UNUSED, struct err *err)
{
	struct tail *t;

	if (reserve(e->live, err) < 0)
		return -1;
	t = xcalloc(1, sizeof(*t));
	t->call = call;
	if (watch_begin(e, call, req, &t->watch, err) < 0) {
		log_watch_release(&t->watch);
		free(t);
		give_back(e->live);
		return -1;
	}
	t->due_usec = next_update(e->live);
	t->until_usec = durable_now(e->durable) + SESSION_USEC;
	begin_tail(e->live, t, req);
	return CALL_LATER;
}

/* ---- life ---- */

int log_live_new(struct signal_engine *e, struct log_live **ret, struct err *err)
{
	struct log_live *l = xcalloc(1, sizeof(*l));
	pthread_condattr_t attr;
	int failed;

	l->e = e;
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->wake, &attr);
	pthread_condattr_destroy(&attr);
	failed = pthread_create(&l->thread, NULL, run, l);
	if (failed) {
		free(l);
		return err_errno(err, failed, "thread that serves live tails");
	}
	pthread_setname_np(l->thread, "logs-live");
	*ret = l;
	return 0;
}

void log_live_free(struct log_live *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
	pthread_join(l->thread, NULL);
	while (l->tails) {
		struct tail *t = l->tails;

		l->tails = t->next;
		end_tail(l, t, NULL);
	}
	pthread_cond_destroy(&l->wake);
	pthread_mutex_destroy(&l->lock);
	free(l);
}
