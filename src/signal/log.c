/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of logs. */
#include <stdlib.h>
#include <string.h>

#include "codec/spool.h"
#include "signal/log_read.h"

#define PAGE_EVENTS 10000
#define LIST_MAX 50
#define BATCH_BYTES 1048576
#define EVENT_OVERHEAD 26
#define OLDEST_MSEC (INT64_C(14) * 86400000)
#define NEWEST_MSEC INT64_C(7200000)
#define NO_GROUP "The specified log group does not exist."
#define NO_STREAM "The specified log stream does not exist."

static char *stream_key(struct arena *a, const char *group, const char *stream)
{
	return arena_printf(a, "%s:%s", group, stream);
}

static int64_t now_msec(struct signal_engine *e)
{
	return durable_now(e->durable) / 1000;
}

/* A name, or an ARN with or without ":*". */
static const char *group_name(const char *name, const char *identifier, struct arena *a)
{
	const char *mark = identifier ? strstr(identifier, ":log-group:") : NULL;
	char *copy;

	if (name)
		return name;
	if (!mark)
		return identifier;
	copy = arena_strdup(a, mark + strlen(":log-group:"));
	if (ends_with(copy, ":*"))
		copy[strlen(copy) - 2] = '\0';
	return copy;
}

static int need_group(struct db_tx *tx, const char *name, struct arena *a,
	struct logs_log_group *ret, struct err *err)
{
	int r;

	if (!name)
		return err_set_wire(err, "InvalidParameterException",
			"Either logGroupName or logGroupIdentifier must be given");
	r = store_document_get(tx, &STORE_LOG_GROUP, name, a, ret, err);
	if (r == 0)
		return err_set_wire(err, "ResourceNotFoundException", NO_GROUP);
	return r < 0 ? -1 : 0;
}

/* ---- groups and streams ---- */

static int put_group(struct signal_engine *e, struct db_tx *tx, const char *name, struct arena *a,
	struct err *err)
{
	struct logs_log_group g = {
		.log_group_name = name,
		.creation_time = WIRE_SET_LONG(now_msec(e)),
		.arn = signal_arn(e, a, "logs", "log-group:%s:*", name),
		.log_group_arn = signal_arn(e, a, "logs", "log-group:%s", name),
		.log_group_class = "STANDARD",
		.metric_filter_count = WIRE_SET_INT(0),
		.stored_bytes = WIRE_SET_LONG(0),
	};

	return store_document_put(tx, &STORE_LOG_GROUP, name, NULL, &g, err);
}

static int put_stream(struct signal_engine *e, struct db_tx *tx, const char *group,
	const char *stream, const char *path, struct arena *a, struct err *err)
{
	struct towpath_signal_stream s = {
		.log_group_name = group,
		.log_stream_name = stream,
		.creation_time = WIRE_SET_TIME(durable_now(e->durable)),
		.path = path,
		.sequence = WIRE_SET_LONG(0),
	};

	return store_document_put(
		tx, &STORE_LOG_STREAM, stream_key(a, group, stream), group, &s, err);
}

int signal_log_stream_attach(struct signal_engine *e, struct db_tx *tx, const char *group,
	const char *stream, const char *path, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct logs_log_group g;
	struct towpath_signal_stream s;
	int r = store_document_get(tx, &STORE_LOG_GROUP, group, &a, &g, err);

	if (r < 0 || (r == 0 && put_group(e, tx, group, &a, err) < 0))
		return -1;
	r = store_document_get(tx, &STORE_LOG_STREAM, stream_key(&a, group, stream), &a, &s, err);
	if (r != 0)
		return r < 0 ? -1 : 0;
	return put_stream(e, tx, group, stream, path, &a, err);
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
	const char *key = stream_key(&a, group, stream);
	struct towpath_signal_stream s;

	if (signal_log_stream_attach(e, tx, group, stream, NULL, err) < 0 ||
		store_document_get(tx, &STORE_LOG_STREAM, key, &a, &s, err) < 0 ||
		append_events(tx, key, &s, msec, message, now_msec(e), err) < 0)
		return -1;
	return store_document_put(tx, &STORE_LOG_STREAM, key, group, &s, err);
}

static int create_log_group_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, create_log_group);
	struct logs_log_group g;
	int r = store_document_get(tx, &STORE_LOG_GROUP, req->log_group_name, a, &g, err);

	if (r > 0)
		return err_set_wire(err, "ResourceAlreadyExistsException",
			"The specified log group already exists");
	if (starts_with(req->log_group_name, "aws/"))
		return err_set_wire(err, "InvalidParameterException",
			"Log groups starting with aws/ are reserved for AWS.");
	return r < 0 ? -1 : put_group(e, tx, req->log_group_name, a, err);
}

static int create_log_stream_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, create_log_stream);
	struct logs_log_group g;
	struct towpath_signal_stream s;
	int r;

	if (need_group(tx, req->log_group_name, a, &g, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_LOG_STREAM,
		stream_key(a, req->log_group_name, req->log_stream_name), a, &s, err);
	if (r > 0)
		return err_set_wire(err, "ResourceAlreadyExistsException",
			"The specified log stream already exists");
	return r < 0 ? -1
		     : put_stream(e, tx, req->log_group_name, req->log_stream_name, NULL, a, err);
}

static int drop_stream(struct db_tx *tx, const char *key, struct err *err)
{
	if (store_log_event_drop(tx, key, INT64_MAX, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_LOG_STREAM, key, err);
}

static int delete_log_stream_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, delete_log_stream);
	const char *key = stream_key(a, req->log_group_name, req->log_stream_name);
	struct logs_log_group g;
	struct towpath_signal_stream s;
	int r;

	if (need_group(tx, req->log_group_name, a, &g, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_LOG_STREAM, key, a, &s, err);
	if (r == 0)
		return err_set_wire(err, "ResourceNotFoundException", NO_STREAM);
	return r < 0 ? -1 : drop_stream(tx, key, err);
}

static int delete_log_group_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, delete_log_group);
	struct logs_log_group g;
	struct store_documents streams;

	if (need_group(tx, req->log_group_name, a, &g, err) < 0 ||
		store_document_list(tx, &STORE_LOG_STREAM,
			&(struct store_document_filter){.owner = req->log_group_name}, a, &streams,
			err) < 0)
		return -1;
	for (size_t i = 0; i < streams.n; i++)
		if (drop_stream(tx, streams.ids[i], err) < 0)
			return -1;
	return store_document_delete(tx, &STORE_LOG_GROUP, req->log_group_name, err);
}

/* ---- retention ---- */

static const int retention_days[] = {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731,
	1096, 1827, 2192, 2557, 2922, 3288, 3653};

static int set_retention(
	struct db_tx *tx, const char *name, struct wire_int days, struct arena *a, struct err *err)
{
	struct logs_log_group g;

	if (need_group(tx, name, a, &g, err) < 0)
		return -1;
	g.retention_in_days = days;
	return store_document_put(tx, &STORE_LOG_GROUP, name, NULL, &g, err);
}

static int put_retention_policy_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, put_retention_policy);

	for (size_t i = 0; i < ARRAY_SIZE(retention_days); i++)
		if (retention_days[i] == req->retention_in_days.v)
			return set_retention(
				tx, req->log_group_name, req->retention_in_days, a, err);
	return err_set_wire(err, "InvalidParameterException",
		"retentionInDays %d is not one of the allowed values (1, 3, 5, 7, 14, 30, 60, 90, "
		"...)",
		req->retention_in_days.v);
}

static int delete_retention_policy_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, delete_retention_policy);

	return set_retention(tx, req->log_group_name, (struct wire_int){0}, a, err);
}

/* ---- describing ---- */

static int describe_log_groups_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, describe_log_groups);
	size_t max = (size_t)wire_or(req->limit, LIST_MAX);
	struct store_documents all;

	if (req->log_group_name_prefix && req->log_group_name_pattern)
		return err_set_wire(err, "InvalidParameterException",
			"LogGroup name prefix and LogGroup name pattern are mutually exclusive "
			"parameters.");
	if (store_document_list(tx, &STORE_LOG_GROUP,
		    &(struct store_document_filter){
			    .prefix = req->log_group_name_prefix, .after = req->next_token},
		    a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->log_groups, max);
	resp->log_groups.n = 0;
	for (size_t i = 0; i < all.n; i++) {
		if (req->log_group_name_pattern && !strstr(all.ids[i], req->log_group_name_pattern))
			continue;
		if (resp->log_groups.n == max) {
			resp->next_token = resp->log_groups.v[max - 1].log_group_name;
			return 0;
		}
		resp->log_groups.v[resp->log_groups.n++] = *(struct logs_log_group *)all.v[i];
	}
	return 0;
}

/* Times of a spool come from the file. */
static void spool_times(struct towpath_signal_stream *s)
{
	struct spool_reader *r CLEANUP_SPOOL_READER = NULL;
	struct spool_stat stat;

	if (!s->path || spool_reader_open(s->path, &r, NULL) < 0 ||
		spool_stat(r, &stat, NULL) < 0 || stat.lines == 0)
		return;
	s->first_time = WIRE_SET_LONG(stat.first_usec / 1000);
	s->last_time = s->last_ingestion_time = WIRE_SET_LONG(stat.last_usec / 1000);
}

static int by_last_time(const void *x, const void *y)
{
	int64_t a = wire_or(((const struct logs_log_stream *)x)->last_event_timestamp, 0);
	int64_t b = wire_or(((const struct logs_log_stream *)y)->last_event_timestamp, 0);

	return (a > b) - (a < b);
}

static void reverse_streams(struct logs_log_stream *v, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct logs_log_stream x = v[i];

		v[i] = v[n - 1 - i];
		v[n - 1 - i] = x;
	}
}

static struct logs_log_stream describe_stream(
	struct signal_engine *e, struct towpath_signal_stream *s, struct arena *a)
{
	spool_times(s);
	return (struct logs_log_stream){
		.log_stream_name = s->log_stream_name,
		.arn = signal_arn(e, a, "logs", "log-group:%s:log-stream:%s", s->log_group_name,
			s->log_stream_name),
		.creation_time = WIRE_SET_LONG(s->creation_time.usec / 1000),
		.first_event_timestamp = s->first_time,
		.last_event_timestamp = s->last_time,
		.last_ingestion_time = s->last_ingestion_time,
		.upload_sequence_token =
			arena_printf(a, "%lld", (long long)wire_or(s->sequence, 0)),
		.stored_bytes = WIRE_SET_LONG(0),
	};
}

static int describe_log_streams_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, describe_log_streams);
	const char *name = group_name(req->log_group_name, req->log_group_identifier, a);
	size_t max = (size_t)wire_or(req->limit, LIST_MAX), start = 0, n;
	bool by_time = streq(req->order_by, "LastEventTime");
	struct logs_log_group g;
	struct store_documents all;
	struct logs_log_stream *v;

	if (by_time && req->log_stream_name_prefix)
		return err_set_wire(err, "InvalidParameterException",
			"Cannot order by LastEventTime with a logStreamNamePrefix.");
	if (need_group(tx, name, a, &g, err) < 0 ||
		store_document_list(tx, &STORE_LOG_STREAM,
			&(struct store_document_filter){.owner = name,
				.prefix = req->log_stream_name_prefix
						  ? stream_key(a, name, req->log_stream_name_prefix)
						  : NULL},
			a, &all, err) < 0)
		return -1;
	v = arena_new_n(a, all.n + 1, struct logs_log_stream);
	for (size_t i = 0; i < all.n; i++)
		v[i] = describe_stream(e, all.v[i], a);
	if (by_time)
		qsort(v, all.n, sizeof(*v), by_last_time);
	if (wire_or(req->descending, false))
		reverse_streams(v, all.n);
	while (req->next_token && start < all.n &&
		!streq(v[start++].log_stream_name, req->next_token))
		;
	n = MIN(max, all.n - start);
	wire_list_alloc(a, &resp->log_streams, n);
	if (n)
		memcpy(resp->log_streams.v, v + start, n * sizeof(*v));
	if (start + n < all.n && n)
		resp->next_token = v[start + n - 1].log_stream_name;
	return 0;
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
	if (bytes > BATCH_BYTES)
		return err_set_wire(err, "InvalidParameterException",
			"Upload too large: %zu bytes exceeds limit of %d", bytes, BATCH_BYTES);
	return 0;
}

static int put_log_events_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, put_log_events);
	const char *key = stream_key(a, req->log_group_name, req->log_stream_name);
	struct logs_rejected_log_events_info *rejected =
		arena_new(a, struct logs_rejected_log_events_info);
	int64_t now = now_msec(e);
	struct logs_log_group g;
	struct towpath_signal_stream s;
	int r;

	if (need_group(tx, req->log_group_name, a, &g, err) < 0 || check_batch(req, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_LOG_STREAM, key, a, &s, err);
	if (r == 0)
		return err_set_wire(err, "ResourceNotFoundException", NO_STREAM);
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
		}
	}
	if (rejected->too_new_log_event_start_index.set ||
		rejected->too_old_log_event_end_index.set ||
		rejected->expired_log_event_end_index.set)
		resp->rejected_log_events_info = rejected;
	resp->next_sequence_token = arena_printf(a, "%lld", (long long)s.sequence.v);
	return store_document_put(tx, &STORE_LOG_STREAM, key, req->log_group_name, &s, err);
}

/* ---- GetLogEvents ---- */

struct find {
	struct arena *a;
	const char *group, *stream, *key, *prefix;
	struct logs_log_group g;
	struct towpath_signal_stream s;
	struct store_documents all;
};

static int find_stream_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct find *f = arg;
	int r;

	if (need_group(tx, f->group, f->a, &f->g, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_LOG_STREAM, f->key, f->a, &f->s, err);
	if (r == 0)
		return err_set_wire(err, "ResourceNotFoundException", NO_STREAM);
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

	f.group = group_name(req->log_group_name, req->log_group_identifier, a);
	f.key = stream_key(a, f.group ? f.group : "", f.stream);
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

/* ---- FilterLogEvents ---- */

static int find_streams_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct find *f = arg;

	if (need_group(tx, f->group, f->a, &f->g, err) < 0)
		return -1;
	return store_document_list(tx, &STORE_LOG_STREAM,
		&(struct store_document_filter){.owner = f->group,
			.prefix = f->prefix ? stream_key(f->a, f->group, f->prefix) : NULL},
		f->a, &f->all, err);
}

/* Sortable digits: time, stream, number in the stream. */
static char *event_id(struct arena *a, const struct log_event *x, const char *stream)
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

typedef VEC(struct logs_filtered_log_event) filtered_vec;

/* Adds the stream's events that come after the one named by token, up to max of them. */
static int filter_stream(struct signal_engine *e, const char *key,
	const struct towpath_signal_stream *s, const struct log_page_query *base, const char *token,
	struct arena *a, filtered_vec *out, struct err *err)
{
	struct log_page_query q = *base;
	size_t added = 0;
	struct log_page page;

	do {
		if (log_page_read(e, key, s, &q, a, &page, err) < 0)
			return -1;
		for (size_t i = 0; i < page.n && added < base->max; i++) {
			const char *id = event_id(a, &page.v[i], s->log_stream_name);

			if (token && strcmp(id, token) <= 0)
				continue;
			added++;
			vec_push(out,
				((struct logs_filtered_log_event){
					.event_id = id,
					.timestamp = WIRE_SET_LONG(page.v[i].msec),
					.ingestion_time = WIRE_SET_LONG(page.v[i].ingestion_msec),
					.log_stream_name = s->log_stream_name,
					.message = page.v[i].message,
				}));
		}
		if (q.place && streq(q.place, page.after))
			break;
		q.place = page.after;
	} while (added < base->max);
	return 0;
}

static bool stream_wanted(const struct logs_input_log_stream_names *names, const char *name)
{
	wire_foreach (x, names) {
		if (streq(*x, name))
			return true;
	}
	return names->n == 0;
}

static int check_pattern(const char *pattern, struct err *err)
{
	struct view p = view_trim(view_of(pattern));

	if (p.len && (p.p[0] == '{' || p.p[0] == '[' || p.p[0] == '%'))
		return err_set(err, ERR_UNSUPPORTED,
			"filter patterns on JSON, columns or regular expressions are not "
			"implemented; use terms, \"phrases\", -term and ?term");
	return 0;
}

int signal_logs_filter_log_events(struct signal_engine *e, struct call *call,
	const struct logs_filter_log_events_request *req,
	struct logs_filter_log_events_response *resp, struct err *err)
{
	struct arena *a = call->arena;
	struct find f = {.a = a, .prefix = req->log_stream_name_prefix};
	size_t max = (size_t)wire_or(req->limit, PAGE_EVENTS);
	struct log_page_query q = {
		.to_msec = req->end_time.set && req->end_time.v < INT64_MAX ? req->end_time.v + 1
									    : INT64_MAX,
		.max = max + 1,
		.pattern = req->filter_pattern,
	};
	filtered_vec found = {0};
	int r = 0;

	f.group = group_name(req->log_group_name, req->log_group_identifier, a);
	if (check_pattern(req->filter_pattern, err) < 0 ||
		signal_read(e, find_streams_step, &f, err) < 0)
		return -1;
	q.from_msec = MAX(wire_or(req->start_time, 0), log_retention_start(e, &f.g));
	if (req->next_token) {
		char msec[16] = "";

		strncpy(msec, req->next_token, 15);
		q.from_msec = MAX(q.from_msec, strtoll(msec, NULL, 10));
	}
	for (size_t i = 0; r == 0 && i < f.all.n; i++) {
		const struct towpath_signal_stream *s = f.all.v[i];

		if (stream_wanted(&req->log_stream_names, s->log_stream_name))
			r = filter_stream(e, f.all.ids[i], s, &q, req->next_token, a, &found, err);
	}
	if (found.n)
		qsort(found.v, found.n, sizeof(*found.v), by_event_id);
	wire_list_alloc(a, &resp->events, MIN(found.n, max));
	if (resp->events.n)
		memcpy(resp->events.v, found.v, resp->events.n * sizeof(*found.v));
	if (found.n > max)
		resp->next_token = resp->events.v[max - 1].event_id;
	wire_list_alloc(a, &resp->searched_log_streams, 0);
	vec_release(&found);
	return r;
}

SIGNAL_DEFINE(logs, create_log_group, signal_write)
SIGNAL_DEFINE(logs, create_log_stream, signal_write)
SIGNAL_DEFINE(logs, delete_log_group, signal_write)
SIGNAL_DEFINE(logs, delete_log_stream, signal_write)
SIGNAL_DEFINE(logs, delete_retention_policy, signal_write)
SIGNAL_DEFINE(logs, describe_log_groups, signal_read)
SIGNAL_DEFINE(logs, describe_log_streams, signal_read)
SIGNAL_DEFINE(logs, put_log_events, signal_write)
SIGNAL_DEFINE(logs, put_retention_policy, signal_write)
