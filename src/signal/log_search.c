/* SPDX-License-Identifier: Apache-2.0 */
/* FilterLogEvents: the lines of many streams, merged by time. However much a group holds, no more
 * than some pages of lines and a page of one stream are in memory. */
#include <stdlib.h>
#include <string.h>

#include "signal/log_read.h"

#define PAGE_EVENTS 10000
#define PAGE_BYTES MIB

typedef VEC(struct logs_filtered_log_event) filtered_vec;

struct search {
	struct signal_engine *e;
	const char *token;	 /* the id of the last line that was told, or NULL */
	struct log_page_query q; /* what later streams are asked for: less as the page fills */
	size_t max;
	filtered_vec found;
	size_t n_fresh, fresh_bytes; /* of them, since they were sorted last */
	struct arena lines;	     /* ids and messages of what was found */
};

static void search_release(struct search *s)
{
	vec_release(&s->found);
	arena_release(&s->lines);
}

struct streams {
	struct arena *a;
	const char *group, *prefix;
	struct logs_log_group g;
	struct store_documents all;
};

static int find_streams_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct streams *f = arg;

	if (log_group_need(tx, f->group, f->a, &f->g, err) < 0)
		return -1;
	return store_document_list(tx, &STORE_LOG_STREAM,
		&(struct store_document_filter){.owner = f->group,
			.prefix = f->prefix ? log_stream_key(f->a, f->group, f->prefix) : NULL},
		f->a, &f->all, err);
}

char *log_event_id(struct arena *a, const struct log_event *x, const char *stream)
{
	uint32_t h = 2166136261u;

	for (; *stream; stream++)
		h = (h ^ (unsigned char)*stream) * 16777619u;
	return arena_printf(a, "%015lld%010u%012lld", (long long)x->msec, h, (long long)x->number);
}

static int by_event_id(const void *x, const void *y)
{
	return strcmp(((const struct logs_filtered_log_event *)x)->event_id,
		((const struct logs_filtered_log_event *)y)->event_id);
}

/* ---- what is kept ---- */

/* How many of the lines found, which are sorted, are a page. */
static size_t page_length(const struct search *s)
{
	size_t bytes = 0, n = 0;

	for (; n < s->found.n && n < s->max; n++) {
		bytes += strlen(s->found.v[n].message);
		if (n && bytes > PAGE_BYTES)
			break;
	}
	return n;
}

static void move_texts(struct logs_filtered_log_event *x, struct arena *to)
{
	x->event_id = arena_strdup(to, x->event_id);
	x->message = arena_strdup(to, x->message);
}

/* Sorts, and forgets what comes after the page and the line that says that there is more: no later
 * stream needs to be read beyond that. */
static void trim(struct search *s)
{
	struct arena lines = ARENA_INIT;
	size_t n;

	s->n_fresh = s->fresh_bytes = 0;
	if (!s->found.n)
		return;
	qsort(s->found.v, s->found.n, sizeof(*s->found.v), by_event_id);
	n = page_length(s) + 1;
	if (n >= s->found.n)
		return;
	s->found.n = n;
	for (size_t i = 0; i < n; i++)
		move_texts(&s->found.v[i], &lines);
	arena_release(&s->lines);
	s->lines = lines;
	s->q.to_msec = MIN(s->q.to_msec, s->found.v[n - 1].timestamp.v + 1);
}

/* ---- streams ---- */

/* Adds the lines of a page that come after the last one told; their bytes. */
static size_t take_page(struct search *s, const struct log_page *page, const char *stream)
{
	size_t bytes = 0;

	for (size_t i = 0; i < page->n; i++) {
		const struct log_event *x = &page->v[i];
		const char *id = log_event_id(&s->lines, x, stream);

		if (s->token && strcmp(id, s->token) <= 0)
			continue;
		bytes += strlen(x->message);
		s->n_fresh++;
		vec_push(&s->found, ((struct logs_filtered_log_event){
					    .event_id = id,
					    .timestamp = WIRE_SET_LONG(x->msec),
					    .ingestion_time = WIRE_SET_LONG(x->ingestion_msec),
					    .log_stream_name = stream,
					    .message = arena_strdup(&s->lines, x->message),
				    }));
	}
	return bytes;
}

/* As many of the stream's lines as a page may have, and what says that there are more. */
static int search_stream(struct search *s, const char *key,
	const struct towpath_signal_stream *stream, struct err *err)
{
	struct str place CLEANUP_STR = STR_INIT;
	struct log_page_query q = s->q;
	size_t before = s->found.n, bytes = 0;
	bool end = false;

	while (!end && s->found.n - before <= s->max && bytes <= PAGE_BYTES) {
		struct arena a CLEANUP_ARENA = ARENA_INIT;
		struct log_page page;

		if (log_page_read(s->e, key, stream, &q, &a, &page, err) < 0)
			return -1;
		bytes += take_page(s, &page, stream->log_stream_name);
		end = q.place && streq(q.place, page.after);
		str_clear(&place);
		str_add(&place, page.after);
		q.place = str_text(&place);
	}
	/* A page at a time: to sort for each of many streams with few lines takes too long. */
	s->fresh_bytes += bytes;
	if (s->n_fresh > s->max || s->fresh_bytes > PAGE_BYTES)
		trim(s);
	return 0;
}

/* ---- the operation ---- */

static bool stream_wanted(const struct logs_input_log_stream_names *names, const char *name)
{
	wire_foreach (x, names) {
		if (streq(*x, name))
			return true;
	}
	return names->n == 0;
}

/* Streams are named, or chosen by what their names begin with; those named are there. */
static int check_streams(const struct logs_filter_log_events_request *req,
	const struct store_documents *all, struct err *err)
{
	if (req->log_stream_names.n && req->log_stream_name_prefix)
		return err_set_wire(err, "InvalidParameterException",
			"logStreamNames and logStreamNamePrefix are mutually exclusive");
	wire_foreach (name, &req->log_stream_names) {
		bool there = false;

		for (size_t i = 0; i < all->n && !there; i++) {
			const struct towpath_signal_stream *stream = all->v[i];

			there = streq(stream->log_stream_name, *name);
		}
		if (!there)
			return err_set_wire(err, "ResourceNotFoundException", LOG_NO_STREAM);
	}
	return 0;
}

static int read_pattern(
	const char *text, struct arena *a, const struct log_pattern **ret, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;

	if (!text)
		return 0;
	return log_pattern_parse(text, a, ret, &why) < 0
		       ? err_set_wire(err, "InvalidParameterException", "%s", err_message(&why))
		       : 0;
}

/* From when on: by the request, the group's retention and the line that was told last. */
static int64_t start_of(
	const struct logs_filter_log_events_request *req, int64_t retention_start_msec)
{
	int64_t start = MAX(wire_or(req->start_time, 0), retention_start_msec);
	char msec[16] = "";

	if (!req->next_token)
		return start;
	strncpy(msec, req->next_token, 15);
	return MAX(start, strtoll(msec, NULL, 10));
}

static void answer(struct search *s, struct arena *a, struct logs_filter_log_events_response *resp)
{
	size_t n;

	trim(s);
	n = page_length(s);
	wire_list_alloc(a, &resp->events, n);
	for (size_t i = 0; i < n; i++) {
		resp->events.v[i] = s->found.v[i];
		move_texts(&resp->events.v[i], a);
	}
	if (n < s->found.n)
		resp->next_token = resp->events.v[n - 1].event_id;
	wire_list_alloc(a, &resp->searched_log_streams, 0);
}

int signal_logs_filter_log_events(struct signal_engine *e, struct call *call,
	const struct logs_filter_log_events_request *req,
	struct logs_filter_log_events_response *resp, struct err *err)
{
	struct arena *a = call->arena;
	struct streams f = {.a = a, .prefix = req->log_stream_name_prefix};
	size_t max = (size_t)wire_or(req->limit, PAGE_EVENTS);
	CLEANUP(search_release)
	struct search s = {
		.e = e,
		.token = req->next_token,
		.max = max,
		.q = {.to_msec = req->end_time.set && req->end_time.v < INT64_MAX
					 ? req->end_time.v + 1
					 : INT64_MAX,
			.max = max + 1},
	};

	f.group = log_group_name_of(req->log_group_name, req->log_group_identifier, a);
	if (read_pattern(req->filter_pattern, a, &s.q.pattern, err) < 0 ||
		signal_read(e, find_streams_step, &f, err) < 0 ||
		check_streams(req, &f.all, err) < 0)
		return -1;
	s.q.from_msec = start_of(req, log_retention_start(e, &f.g));
	for (size_t i = 0; i < f.all.n; i++) {
		const struct towpath_signal_stream *stream = f.all.v[i];

		if (stream_wanted(&req->log_stream_names, stream->log_stream_name) &&
			search_stream(&s, f.all.ids[i], stream, err) < 0)
			return -1;
	}
	answer(&s, a, resp);
	return 0;
}
