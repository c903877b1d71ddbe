/* SPDX-License-Identifier: Apache-2.0 */
/* What is new in the streams of some log groups. Rows are counted by their stream, so that a stream
 * that has none is passed over; spool files are read on from the last place. */
#include <stdlib.h>
#include <string.h>

#include "signal/log_live.h"

#define LOOK_LINES 10000 /* of one stream at once; more are passed over */
#define LOOK_BYTES MIB	 /* of messages told at once */
#define BATCH 1000

/* How far a stream was seen. */
struct place {
	int64_t sequence; /* rows: the last one */
	char *at;	  /* spool files: NULL: the start */
	bool spool, done; /* a spool file; no more will come */
};

struct stream {
	const char *key;
	const struct towpath_signal_stream *s;
	struct store_log_event *rows; /* oldest arrival first */
	size_t n_rows;
	bool passed_over; /* some rows */
};

struct look {
	struct signal_engine *e;
	struct log_watch *w;
	struct arena *a;
	bool first; /* only to remember where things end */
	VEC(struct stream) streams;
	/* what is told */
	VEC(struct logs_live_tail_session_log_event) found;
	size_t bytes;
	bool sampled;
};

static void free_place(void *p)
{
	free(((struct place *)p)->at);
	free(p);
}

void log_watch_release(struct log_watch *w)
{
	map_release_with(&w->places, free_place);
}

static struct place *place_of(struct log_watch *w, const char *key)
{
	struct place *p = map_get(&w->places, key);

	if (!p) {
		p = xcalloc(1, sizeof(*p));
		map_set(&w->places, key, p);
	}
	return p;
}

/* ---- rows ---- */

static int by_sequence(const void *x, const void *y)
{
	int64_t a = ((const struct store_log_event *)x)->sequence;
	int64_t b = ((const struct store_log_event *)y)->sequence;

	return (a > b) - (a < b);
}

/* The rows after number `known`: most stand at the end of time, so it is read from there. */
static int read_rows(
	struct db_tx *tx, struct look *x, struct stream *st, int64_t known, struct err *err)
{
	size_t wanted = (size_t)MIN(st->s->sequence.v - known, LOOK_LINES), looked = 0, n;
	struct store_log_query q = {.stream = st->key,
		.to_msec = INT64_MAX,
		.at_msec = INT64_MAX,
		.at_sequence = INT64_MAX,
		.backwards = true};
	struct store_log_event *page;

	st->rows = arena_new_n(x->a, wanted, struct store_log_event);
	do {
		q.max = MIN(MAX(wanted, (size_t)BATCH), LOOK_LINES - looked);
		if (store_log_event_read(tx, &q, x->a, &page, &n, err) < 0)
			return -1;
		for (size_t i = 0; i < n && st->n_rows < wanted; i++)
			if (page[i].sequence > known)
				st->rows[st->n_rows++] = page[i];
		if (n) {
			q.at_msec = page[n - 1].msec;
			q.at_sequence = page[n - 1].sequence;
		}
		looked += n;
	} while (n == q.max && st->n_rows < wanted && looked < LOOK_LINES);
	st->passed_over = (int64_t)st->n_rows < st->s->sequence.v - known;
	if (st->n_rows)
		qsort(st->rows, st->n_rows, sizeof(*st->rows), by_sequence);
	return 0;
}

/* ---- streams ---- */

static int add_stream(struct db_tx *tx, struct look *x, const char *key,
	const struct towpath_signal_stream *s, struct err *err)
{
	const struct place *p = map_get(&x->w->places, key);
	int64_t known = p ? p->sequence : 0;
	struct stream st = {.key = key, .s = s};

	if (!s->path && known > wire_or(s->sequence, 0))
		known = 0; /* another stream of the same name */
	if (!x->first && (s->path ? p && p->done : known == wire_or(s->sequence, 0)))
		return 0;
	if (!x->first && !s->path && read_rows(tx, x, &st, known, err) < 0)
		return -1;
	vec_push(&x->streams, st);
	return 0;
}

static int add_named(
	struct db_tx *tx, struct look *x, const char *group, const char *name, struct err *err)
{
	struct towpath_signal_stream *s = arena_new(x->a, struct towpath_signal_stream);
	const char *key = log_stream_key(x->a, group, name);
	int r = store_document_get(tx, &STORE_LOG_STREAM, key, x->a, s, err);

	return r <= 0 ? r : add_stream(tx, x, key, s, err);
}

static int add_listed(
	struct db_tx *tx, struct look *x, const char *group, const char *prefix, struct err *err)
{
	struct store_documents all;

	if (store_document_list(tx, &STORE_LOG_STREAM,
		    &(struct store_document_filter){.owner = group,
			    .prefix = prefix ? log_stream_key(x->a, group, prefix) : NULL},
		    x->a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (add_stream(tx, x, all.ids[i], all.v[i], err) < 0)
			return -1;
	return 0;
}

static int add_group(struct db_tx *tx, struct look *x, const char *group, struct err *err)
{
	const struct logs_input_log_stream_names *streams = x->w->streams;
	struct logs_log_group g;

	if (x->first && log_group_need(tx, group, x->a, &g, err) < 0)
		return -1;
	if (!streams)
		return add_listed(tx, x, group, NULL, err);
	for (size_t i = 0; i < streams->n; i++)
		if ((x->w->by_prefix ? add_listed : add_named)(tx, x, group, streams->v[i], err) <
			0)
			return -1;
	return 0;
}

static int look_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct look *x = arg;

	x->streams.n = 0;
	for (size_t i = 0; i < x->w->n_groups; i++)
		if (add_group(tx, x, x->w->groups[i], err) < 0)
			return -1;
	return 0;
}

/* ---- what is told ---- */

static void tell(struct look *x, const struct towpath_signal_stream *s, int64_t msec,
	int64_t ingestion_msec, const char *message)
{
	struct arena scratch CLEANUP_ARENA = ARENA_INIT;

	if (!log_pattern_matches(x->w->pattern, view_of(message), &scratch, NULL))
		return;
	x->bytes += strlen(message);
	if (x->found.n == LOG_WATCH_EVENTS || (x->bytes > LOOK_BYTES && x->found.n)) {
		x->sampled = true;
		return;
	}
	vec_push(&x->found, ((struct logs_live_tail_session_log_event){
				    .log_group_identifier = arena_printf(
					    x->a, "%s:%s", x->w->account, s->log_group_name),
				    .log_stream_name = s->log_stream_name,
				    .message = message,
				    .timestamp = WIRE_SET_LONG(msec),
				    .ingestion_time = WIRE_SET_LONG(ingestion_msec),
			    }));
}

static void take_rows(struct look *x, const struct stream *st, struct place *p)
{
	for (size_t i = 0; i < st->n_rows; i++)
		tell(x, st->s, st->rows[i].msec, st->rows[i].ingestion_msec, st->rows[i].message);
	if (st->passed_over)
		x->sampled = true;
	p->sequence = wire_or(st->s->sequence, 0);
}

static void move_to(struct place *p, const char *at)
{
	free(p->at);
	p->at = xstrdup(at);
}

static int move_to_end(struct look *x, const struct stream *st, struct place *p, struct err *err)
{
	const struct log_page_query q = {.to_msec = INT64_MAX, .backwards = true, .max = 1};
	struct log_page page;

	if (log_page_read(x->e, st->key, st->s, &q, x->a, &page, err) < 0)
		return -1;
	move_to(p, page.after);
	return 0;
}

static int take_spool(struct look *x, const struct stream *st, struct place *p, struct err *err)
{
	bool finished = log_spool_is_finished(st->s->path); /* before reading */
	struct log_page_query q = {.to_msec = INT64_MAX, .max = BATCH};
	struct log_page page;
	size_t looked = 0;

	p->spool = true;
	do {
		q.place = p->at;
		if (log_page_read(x->e, st->key, st->s, &q, x->a, &page, err) < 0)
			return -1;
		for (size_t i = 0; i < page.n; i++)
			tell(x, st->s, page.v[i].msec, page.v[i].ingestion_msec, page.v[i].message);
		if (page.n)
			move_to(p, page.after);
		looked += page.n;
	} while (page.n && looked < LOOK_LINES);
	p->done = finished && !page.n;
	if (!page.n)
		return 0;
	x->sampled = true;
	return move_to_end(x, st, p, err);
}

static int start_behind(struct look *x, const struct stream *st, struct place *p, struct err *err)
{
	p->spool = st->s->path != NULL;
	if (!p->spool)
		p->sequence = wire_or(st->s->sequence, 0);
	else if (log_spool_is_finished(st->s->path))
		p->done = true;
	else
		return move_to_end(x, st, p, err);
	return 0;
}

static int take(struct look *x, const struct stream *st, struct err *err)
{
	struct place *p = place_of(x->w, st->key);

	if (x->first)
		return start_behind(x, st, p, err);
	if (st->s->path)
		return take_spool(x, st, p, err);
	take_rows(x, st, p);
	return 0;
}

static int take_all(struct look *x, struct err *err)
{
	vec_foreach (st, &x->streams)
		if (take(x, st, err) < 0)
			return -1;
	return 0;
}

/* Spool files grow without a commit: one that is open is looked at each time. */
static bool has_open_spool(const struct log_watch *w)
{
	map_foreach (it, &w->places) {
		const struct place *p = it->value;

		if (p->spool && !p->done)
			return true;
	}
	return false;
}

/* Lines of one time stay in the order in which they were found. */
static int by_time(const void *x, const void *y)
{
	const struct logs_live_tail_session_log_event *a =
		*(const struct logs_live_tail_session_log_event *const *)x;
	const struct logs_live_tail_session_log_event *b =
		*(const struct logs_live_tail_session_log_event *const *)y;

	if (a->timestamp.v != b->timestamp.v)
		return a->timestamp.v > b->timestamp.v ? 1 : -1;
	return (a > b) - (a < b);
}

static void give(const struct look *x, struct log_news *ret)
{
	const struct logs_live_tail_session_log_event **order =
		arena_array(x->a, x->found.n + 1, sizeof(*order));

	ret->n = x->found.n;
	ret->sampled = x->sampled;
	ret->v = arena_new_n(x->a, ret->n + 1, struct logs_live_tail_session_log_event);
	for (size_t i = 0; i < ret->n; i++)
		order[i] = &x->found.v[i];
	qsort(order, ret->n, sizeof(*order), by_time);
	for (size_t i = 0; i < ret->n; i++)
		ret->v[i] = *order[i];
}

/* ---- looking ---- */

int log_watch_begin(struct signal_engine *e, struct log_watch *w, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct look x = {.e = e, .w = w, .a = &a, .first = true};
	int r;

	w->version = db_version(durable_db(e->durable));
	r = signal_read(e, look_step, &x, err) < 0 ? -1 : take_all(&x, err);
	vec_release(&x.streams);
	return r;
}

int log_watch_look(struct signal_engine *e, struct log_watch *w, struct arena *a,
	struct log_news *ret, struct err *err)
{
	struct look x = {.e = e, .w = w, .a = a};
	uint64_t version = db_version(durable_db(e->durable));
	int r;

	*ret = (struct log_news){0};
	if (version && version == w->version && !has_open_spool(w))
		return 0;
	r = signal_read(e, look_step, &x, err) < 0 ? -1 : take_all(&x, err);
	vec_release(&x.streams);
	if (r == 0) {
		w->version = version;
		give(&x, ret);
	}
	vec_release(&x.found);
	return r;
}
