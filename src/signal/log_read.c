/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of log streams: of rows in the store, and of spool files. */
#include "signal/log_read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/spool.h"

#define PAGE_BYTES MIB
#define EVENT_OVERHEAD 26
#define ROWS_AT_ONCE 1000

typedef VEC(struct log_event) event_vec;

static void take_events(event_vec *found, bool reversed, struct arena *a, struct log_page *ret)
{
	ret->n = found->n;
	ret->v = arena_new_n(a, found->n + 1, struct log_event);
	for (size_t i = 0; i < found->n; i++)
		ret->v[reversed ? found->n - 1 - i : i] = found->v[i];
	vec_release(found);
}

static bool matches(const struct log_page_query *q, struct view message)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;

	return !q->pattern || log_pattern_matches(q->pattern, message, &a, NULL);
}

/* ---- rows ---- */

struct rows_query {
	struct store_log_query q;
	struct arena *a;
	struct store_log_event *v; /* of one step */
	size_t n;
	VEC(struct store_log_event) all;
};

static int rows_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct rows_query *r = arg;

	return store_log_event_read(tx, &r->q, r->a, &r->v, &r->n, err);
}

static const char *row_place(struct arena *a, int64_t msec, int64_t sequence)
{
	return arena_printf(a, "%" PRId64 ".%" PRId64, msec, sequence);
}

static int row_place_parse(const struct log_page_query *q, struct rows_query *r, struct err *err)
{
	if (!q->place) {
		r->q.at_msec = r->q.at_sequence = q->backwards ? INT64_MAX : -1;
		return 0;
	}
	if (sscanf(q->place, "%" SCNd64 ".%" SCNd64, &r->q.at_msec, &r->q.at_sequence) == 2)
		return 0;
	return err_set(err, ERR_INVALID, "The specified nextToken is invalid.");
}

/* Up to max rows, a part at a time, until a page's bytes are there: a database may hand over all
 * rows that were asked for at once. */
static int read_rows(struct signal_engine *e, struct rows_query *r, size_t max, struct err *err)
{
	size_t bytes = 0;

	do {
		r->q.max = MIN(max - r->all.n, ROWS_AT_ONCE);
		r->q.bytes = PAGE_BYTES - bytes;
		if (signal_read(e, rows_step, r, err) < 0)
			return -1;
		for (size_t i = 0; i < r->n; i++) {
			vec_push(&r->all, r->v[i]);
			bytes += strlen(r->v[i].message) + EVENT_OVERHEAD;
			r->q.at_msec = r->v[i].msec;
			r->q.at_sequence = r->v[i].sequence;
		}
	} while (r->n == r->q.max && r->all.n < max && bytes < PAGE_BYTES);
	return 0;
}

static int page_rows(struct signal_engine *e, const char *key, const struct log_page_query *q,
	struct arena *a, struct log_page *ret, struct err *err)
{
	struct rows_query r = {.a = a};
	event_vec found = {0};
	size_t bytes = 0, used = 0;

	r.q = (struct store_log_query){
		.stream = key,
		.from_msec = q->from_msec,
		.to_msec = q->to_msec,
		.backwards = q->backwards,
	};
	if (row_place_parse(q, &r, err) < 0 || read_rows(e, &r, q->max, err) < 0) {
		vec_release(&r.all);
		return -1;
	}
	for (; used < r.all.n; used++) {
		const struct store_log_event *x = &r.all.v[used];

		bytes += strlen(x->message) + EVENT_OVERHEAD;
		if (bytes > PAGE_BYTES && used)
			break;
		if (!matches(q, view_of(x->message)))
			continue;
		vec_push(&found,
			((struct log_event){x->msec, x->ingestion_msec, x->sequence, x->message}));
	}
	ret->before = ret->after = q->place ? q->place : row_place(a, -1, -1);
	if (used) {
		const struct store_log_event *first = &r.all.v[q->backwards ? used - 1 : 0];
		const struct store_log_event *last = &r.all.v[q->backwards ? 0 : used - 1];

		ret->before = row_place(a, first->msec, first->sequence);
		ret->after = row_place(a, last->msec, last->sequence);
	}
	vec_release(&r.all);
	take_events(&found, q->backwards, a, ret);
	return 0;
}

/* ---- spool files ---- */

static int spool_start(struct spool_reader *r, const struct log_page_query *q, struct err *err)
{
	struct spool_pos pos;

	if (q->place) {
		if (!spool_pos_parse(q->place, &pos) || spool_seek(r, pos, NULL) < 0)
			return err_set(err, ERR_INVALID, "The specified nextToken is invalid.");
		return 0;
	}
	if (q->backwards)
		return q->to_msec == INT64_MAX ? spool_seek_end(r, err)
					       : spool_seek_time(r, q->to_msec * 1000, err);
	if (q->from_msec > 0)
		return spool_seek_time(r, q->from_msec * 1000, err);
	spool_seek_start(r);
	return 0;
}

/* One step in the direction of the query: 1 and the line, or 0 at the end or out of range. */
static int spool_step(struct spool_reader *r, const struct log_page_query *q,
	struct spool_line *line, struct err *err)
{
	int got = q->backwards ? spool_prev(r, line, err) : spool_next(r, line, err);

	if (got <= 0)
		return got;
	if (q->backwards ? line->usec / 1000 < q->from_msec : line->usec / 1000 >= q->to_msec) {
		/* Not of this page: the place stays in front of it. */
		return (q->backwards ? spool_next(r, line, err) : spool_prev(r, line, err)) < 0 ? -1
												: 0;
	}
	return 1;
}

static int page_spool(const struct towpath_signal_stream *s, const struct log_page_query *q,
	struct arena *a, struct log_page *ret, struct err *err)
{
	struct spool_reader *r CLEANUP_SPOOL_READER = NULL;
	event_vec found = {0};
	struct spool_line line;
	const char *start, *end;
	size_t bytes = 0;
	int got;

	if (spool_reader_open(s->path, &r, err) < 0) {
		if (!err_is(err, ERR_NOT_FOUND))
			return -1;
		err_release(err); /* nothing was written yet */
		ret->before = ret->after = q->place ? q->place : "";
		return 0;
	}
	if (q->place && !*q->place)
		spool_seek_start(r);
	else if (spool_start(r, q, err) < 0)
		return -1;
	start = arena_strdup(a, spool_pos_format(spool_tell(r)).text);
	while (found.n < q->max && bytes < PAGE_BYTES &&
		(got = spool_step(r, q, &line, err)) != 0) {
		if (got < 0) {
			vec_release(&found);
			return -1;
		}
		if (line.usec / 1000 < q->from_msec || line.usec / 1000 >= q->to_msec ||
			!matches(q, line.text))
			continue;
		bytes += line.text.len + EVENT_OVERHEAD;
		vec_push(
			&found, ((struct log_event){line.usec / 1000, line.usec / 1000, line.number,
					/* A message has one character at least. */
					line.text.len ? arena_view_dup(a, line.text) : " "}));
	}
	end = arena_strdup(a, spool_pos_format(spool_tell(r)).text);
	ret->before = q->backwards ? end : start;
	ret->after = q->backwards ? start : end;
	take_events(&found, q->backwards, a, ret);
	return 0;
}

int log_page_read(struct signal_engine *e, const char *key, const struct towpath_signal_stream *s,
	const struct log_page_query *q, struct arena *a, struct log_page *ret, struct err *err)
{
	*ret = (struct log_page){0};
	return s->path ? page_spool(s, q, a, ret, err) : page_rows(e, key, q, a, ret, err);
}

bool log_spool_is_finished(const char *path)
{
	struct spool_reader *r CLEANUP_SPOOL_READER = NULL;
	struct spool_stat stat = {0};

	return spool_reader_open(path, &r, NULL) == 0 && spool_stat(r, &stat, NULL) == 0 &&
	       stat.ended;
}
