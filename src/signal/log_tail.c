/* SPDX-License-Identifier: Apache-2.0 */
/* Spool files are written by builds and containers, which tell nobody of a line: while a group has
 * filters, a task looks every few seconds what came since, and moves each stream's cursor in the
 * step that tells the filters. */
#include <string.h>

#include "signal/log_filter.h"

#define EVERY_USEC (5 * USEC_PER_SEC)
#define BATCH 1000

struct tail {
	struct signal_engine *e;
	const struct task *t;
	struct arena *a;
	int64_t since_msec; /* the oldest filter's creation */
	bool wanted;
	struct store_documents streams, cursors;
};

int log_tail_begin(struct signal_engine *e, struct db_tx *tx, const char *group, struct err *err)
{
	return task_enqueue(e->durable, tx,
		&(struct task){.kind = SIGNAL_TASK_TAIL, .subject = group, .token = ""}, err);
}

static int look(struct db_tx *tx, void *arg, struct err *err)
{
	struct tail *x = arg;
	struct store_document_filter of_group = {.owner = x->t->subject};
	struct store_documents metrics, subscriptions;

	if (store_document_list(tx, &STORE_LOG_METRIC_FILTER, &of_group, x->a, &metrics, err) < 0 ||
		store_document_list(
			tx, &STORE_LOG_SUBSCRIPTION, &of_group, x->a, &subscriptions, err) < 0)
		return -1;
	x->since_msec = INT64_MAX;
	for (size_t i = 0; i < metrics.n; i++)
		x->since_msec = MIN(x->since_msec,
			((struct logs_metric_filter *)metrics.v[i])->creation_time.v);
	for (size_t i = 0; i < subscriptions.n; i++)
		x->since_msec = MIN(x->since_msec,
			((struct logs_subscription_filter *)subscriptions.v[i])->creation_time.v);
	x->wanted = metrics.n || subscriptions.n;
	if (!x->wanted)
		return 0;
	return store_document_list(tx, &STORE_LOG_CURSOR, &of_group, x->a, &x->cursors, err) < 0
		       ? -1
		       : store_document_list(
				 tx, &STORE_LOG_STREAM, &of_group, x->a, &x->streams, err);
}

/* One stream on its way. */
struct follow {
	struct tail *x;
	const char *key;
	const struct towpath_signal_stream *s;
	struct arena *a;
	struct towpath_signal_log_cursor c;
	struct log_page page;
};

static int feed_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct follow *f = arg;

	if (log_feed(f->x->e, tx, f->s->log_group_name, f->s->log_stream_name, f->page.v, f->page.n,
		    err) < 0)
		return -1;
	return store_document_put(tx, &STORE_LOG_CURSOR, f->key, f->s->log_group_name, &f->c, err);
}

/* A stream that was there before the filters is followed from its end. */
static int start_at_end(struct follow *f, struct err *err)
{
	const struct log_page_query q = {.to_msec = INT64_MAX, .backwards = true, .max = 1};

	if (log_page_read(f->x->e, f->key, f->s, &q, f->a, &f->page, err) < 0)
		return -1;
	f->c.place = f->page.after;
	f->page.n = 0;
	return 0;
}

/* Reads on from the cursor, which moves. */
static int follow(struct tail *x, const char *key, const struct towpath_signal_stream *s,
	struct towpath_signal_log_cursor *c, bool *ret_more, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct follow f = {.x = x, .key = key, .s = s, .a = &a, .c = *c};
	struct log_page_query q = {.to_msec = INT64_MAX, .max = BATCH};
	bool finished;

	finished = log_spool_is_finished(s->path); /* before reading: what is read after is all */
	if (!f.c.place && s->creation_time.usec / 1000 < x->since_msec) {
		if (start_at_end(&f, err) < 0)
			return -1;
	} else {
		q.place = f.c.place;
		if (log_page_read(x->e, key, s, &q, &a, &f.page, err) < 0)
			return -1;
		if (!f.page.n && !finished && f.c.place)
			return 0;
		f.c.place = f.page.after;
	}
	if (f.page.n)
		*ret_more = true;
	else if (finished)
		f.c.done = WIRE_SET_BOOL(true);
	if (signal_write(x->e, feed_step, &f, err) < 0)
		return -1;
	*c = f.c;
	c->place = f.c.place ? arena_strdup(x->a, f.c.place) : NULL;
	return 0;
}

static int next_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct tail *x = arg;
	struct task t = {.kind = SIGNAL_TASK_TAIL,
		.subject = x->t->subject,
		.token = "",
		.due_usec = durable_now(x->e->durable) + EVERY_USEC};

	return task_done(x->e->durable, tx, x->t, err) < 0
		       ? -1
		       : task_enqueue(x->e->durable, tx, &t, err);
}

/* Follows one stream to its present end. */
static int follow_stream(struct tail *x, size_t i, const struct map *cursors, struct err *err)
{
	const struct towpath_signal_stream *s = x->streams.v[i];
	const struct towpath_signal_log_cursor *last = map_get(cursors, x->streams.ids[i]);
	struct towpath_signal_log_cursor c = {0};
	bool more = s->path != NULL;

	if (last)
		c = *last;
	while (more && !wire_or(c.done, false)) {
		more = false;
		if (follow(x, x->streams.ids[i], s, &c, &more, err) < 0)
			return -1;
	}
	return 0;
}

static int follow_all(struct tail *x, struct err *err)
{
	struct map cursors CLEANUP_MAP = MAP_INIT;

	for (size_t i = 0; i < x->cursors.n; i++)
		map_set(&cursors, x->cursors.ids[i], x->cursors.v[i]);
	for (size_t i = 0; i < x->streams.n; i++)
		if (follow_stream(x, i, &cursors, err) < 0)
			return -1;
	return 0;
}

int log_tail_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct tail x = {.e = arg, .t = t, .a = &a};

	(void)d;
	if (signal_read(x.e, look, &x, err) < 0)
		return -1;
	if (!x.wanted)
		return 0;
	return follow_all(&x, err) < 0 ? -1 : signal_write(x.e, next_step, &x, err);
}
