/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of logs. */
#include <stdlib.h>
#include <string.h>

#include "codec/spool.h"
#include "signal/log_filter.h"
#include "signal/tally.h"
#include "store/resource_tags.h"

#define PAGE_EVENTS 10000
#define BATCH_BYTES 1048576
#define EVENT_OVERHEAD 26
#define BATCH_SPAN_MSEC (24 * 3600 * INT64_C(1000))
#define OLDEST_MSEC (INT64_C(14) * 86400000)
#define NEWEST_MSEC INT64_C(7200000)

static int64_t now_msec(struct signal_engine *e)
{
	return durable_now(e->durable) / 1000;
}

/* ---- groups and streams ---- */

int signal_log_stream_attach(struct signal_engine *e, struct db_tx *tx, const char *group,
	const char *stream, const char *path, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct logs_log_group g;
	struct towpath_signal_stream s;
	int r = store_document_get(tx, &STORE_LOG_GROUP, group, &a, &g, err);

	if (r < 0 || (r == 0 && log_group_put(e, tx, group, &a, err) < 0))
		return -1;
	r = store_document_get(
		tx, &STORE_LOG_STREAM, log_stream_key(&a, group, stream), &a, &s, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	return log_stream_put(e, tx, group, stream, path, &a, err);
}

static void count_incoming(struct signal_engine *e, struct db_tx *tx, const char *group,
	const struct log_event *v, size_t n)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += strlen(v[i].message) + EVENT_OVERHEAD;
	if (!n)
		return;
	tally_note(e, tx, TALLY_LOG_BYTES, TALLY_OF(group), (double)bytes);
	tally_note(e, tx, TALLY_LOG_EVENTS, TALLY_OF(group), (double)n);
}

static int append_events(struct db_tx *tx, const char *key, struct towpath_signal_stream *s,
	int64_t msec, const char *message, int64_t now, struct err *err)
{
	struct store_log_event event = {
		.sequence = ++s->sequence.v,
		.msec = msec,
		.ingestion_msec = now,
		.message = message,
	};

	s->first_time = WIRE_SET_LONG(s->first_time.set ? MIN(s->first_time.v, msec) : msec);
	s->last_time = WIRE_SET_LONG(s->last_time.set ? MAX(s->last_time.v, msec) : msec);
	s->last_ingestion_time = WIRE_SET_LONG(now);
	return store_log_event_add(tx, key, &event, err);
}

int signal_log_append(struct signal_engine *e, struct db_tx *tx, const char *group,
	const char *stream, int64_t msec, const char *message, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *key = log_stream_key(&a, group, stream);
	struct towpath_signal_stream s;
	struct log_event event;

	if (signal_log_stream_attach(e, tx, group, stream, NULL, err) < 0 ||
		store_document_get(tx, &STORE_LOG_STREAM, key, &a, &s, err) < 0 ||
		append_events(tx, key, &s, msec, message, now_msec(e), err) < 0 ||
		store_document_put(tx, &STORE_LOG_STREAM, key, group, &s, err) < 0)
		return -1;
	event = (struct log_event){msec, now_msec(e), s.sequence.v, message};
	count_incoming(e, tx, group, &event, 1);
	return log_feed(e, tx, group, stream, &event, 1, err);
}

/* ---- PutLogEvents ---- */

static int check_batch(const struct logs_put_log_events_request *req, struct err *err)
{
	size_t bytes = 0;

	for (size_t i = 0; i < req->log_events.n; i++) {
		const struct logs_input_log_event *x = &req->log_events.v[i];

		bytes += strlen(x->message) + EVENT_OVERHEAD;
		if (i && x->timestamp.v < req->log_events.v[i - 1].timestamp.v)
			return err_set_wire(err, "InvalidParameterException",
				"Log events in a single PutLogEvents request must be in "
				"chronological order.");
	}
	if (req->log_events.v[req->log_events.n - 1].timestamp.v -
			req->log_events.v[0].timestamp.v >
		BATCH_SPAN_MSEC)
		return err_set_wire(err, "InvalidParameterException",
			"The batch of log events in a single PutLogEvents request cannot span more "
			"than 24 hours.");
	if (bytes > BATCH_BYTES)
		return err_set_wire(err, "InvalidParameterException",
			"Upload too large: %zu bytes exceeds limit of %d", bytes, BATCH_BYTES);
	return 0;
}

static int put_log_events_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, put_log_events);
	const char *key = log_stream_key(a, req->log_group_name, req->log_stream_name);
	struct log_event *taken = arena_new_n(a, req->log_events.n + 1, struct log_event);
	size_t n_taken = 0;
	struct logs_rejected_log_events_info *rejected =
		arena_new(a, struct logs_rejected_log_events_info);
	int64_t now = now_msec(e);
	struct logs_log_group g;
	struct towpath_signal_stream s;
	int r;

	if (log_group_need(tx, req->log_group_name, a, &g, err) < 0 || check_batch(req, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_LOG_STREAM, key, a, &s, err);
	if (r == 0)
		return err_set_wire(err, "ResourceNotFoundException", LOG_NO_STREAM);
	if (r < 0)
		return -1;
	if (s.path)
		return err_set_wire(err, "InvalidParameterException",
			"The log stream %s is written by a build", req->log_stream_name);
	for (size_t i = 0; i < req->log_events.n; i++) {
		const struct logs_input_log_event *x = &req->log_events.v[i];
		int64_t at = x->timestamp.v;

		if (at > now + NEWEST_MSEC) {
			if (!rejected->too_new_log_event_start_index.set)
				rejected->too_new_log_event_start_index = WIRE_SET_INT(i);
		} else if (at < now - OLDEST_MSEC) {
			rejected->too_old_log_event_end_index = WIRE_SET_INT(i + 1);
		} else if (at < log_retention_start(e, &g)) {
			rejected->expired_log_event_end_index = WIRE_SET_INT(i + 1);
		} else if (append_events(tx, key, &s, at, x->message, now, err) < 0) {
			return -1;
		} else {
			taken[n_taken++] = (struct log_event){at, now, s.sequence.v, x->message};
		}
	}
	if (rejected->too_new_log_event_start_index.set ||
		rejected->too_old_log_event_end_index.set ||
		rejected->expired_log_event_end_index.set)
		resp->rejected_log_events_info = rejected;
	resp->next_sequence_token = arena_printf(a, "%lld", (long long)s.sequence.v);
	if (store_document_put(tx, &STORE_LOG_STREAM, key, req->log_group_name, &s, err) < 0)
		return -1;
	count_incoming(e, tx, req->log_group_name, taken, n_taken);
	return log_feed(e, tx, req->log_group_name, req->log_stream_name, taken, n_taken, err);
}

/* ---- GetLogEvents ---- */

struct find {
	struct arena *a;
	const char *group, *stream, *key;
	struct logs_log_group g;
	struct towpath_signal_stream s;
};

static int find_stream_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct find *f = arg;
	int r;

	if (log_group_need(tx, f->group, f->a, &f->g, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_LOG_STREAM, f->key, f->a, &f->s, err);
	if (r == 0)
		return err_set_wire(err, "ResourceNotFoundException", LOG_NO_STREAM);
	return r < 0 ? -1 : 0;
}

static int wire_token_error(struct err *err)
{
	if (err_is(err, ERR_INVALID))
		return err_set_wire(
			err, "InvalidParameterException", "The specified nextToken is invalid.");
	return -1;
}

int signal_logs_get_log_events(struct signal_engine *e, struct call *call,
	const struct logs_get_log_events_request *req, struct logs_get_log_events_response *resp,
	struct err *err)
{
	struct arena *a = call->arena;
	struct find f = {.a = a, .stream = req->log_stream_name};
	const char *token = req->next_token;
	struct log_page_query q = {
		.to_msec = wire_or(req->end_time, INT64_MAX),
		.backwards = !wire_or(req->start_from_head, false),
		.max = (size_t)wire_or(req->limit, PAGE_EVENTS),
	};
	struct log_page page;

	f.group = log_group_name_of(req->log_group_name, req->log_group_identifier, a);
	f.key = log_stream_key(a, f.group ? f.group : "", f.stream);
	if (signal_read(e, find_stream_step, &f, err) < 0)
		return -1;
	if (token) {
		if (!starts_with(token, "f/") && !starts_with(token, "b/"))
			return err_set_wire(err, "InvalidParameterException",
				"The specified nextToken is invalid.");
		q.backwards = token[0] == 'b';
		q.place = token + 2;
	}
	q.from_msec = MAX(wire_or(req->start_time, 0), log_retention_start(e, &f.g));
	if (log_page_read(e, f.key, &f.s, &q, a, &page, err) < 0)
		return wire_token_error(err);
	wire_list_alloc(a, &resp->events, page.n);
	for (size_t i = 0; i < page.n; i++)
		resp->events.v[i] = (struct logs_output_log_event){
			.timestamp = WIRE_SET_LONG(page.v[i].msec),
			.ingestion_time = WIRE_SET_LONG(page.v[i].ingestion_msec),
			.message = page.v[i].message,
		};
	resp->next_forward_token = arena_printf(a, "f/%s", page.after);
	resp->next_backward_token = arena_printf(a, "b/%s", page.before);
	return 0;
}

SIGNAL_DEFINE(logs, put_log_events, signal_write)
