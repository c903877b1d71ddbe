/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of logs on groups and streams. */
#include <stdlib.h>
#include <string.h>

#include "codec/spool.h"
#include "signal/log_filter.h"
#include "store/resource_tags.h"

#define LIST_MAX 50

char *log_stream_key(struct arena *a, const char *group, const char *stream)
{
	return arena_printf(a, "%s:%s", group, stream);
}

static int64_t now_msec(struct signal_engine *e)
{
	return durable_now(e->durable) / 1000;
}

/* A name, or an ARN with or without ":*". */
const char *log_group_name_of(const char *name, const char *identifier, struct arena *a)
{
	const char *mark = identifier ? strstr(identifier, ":log-group:") : NULL;
	char *copy;

	if (name)
		return identifier ? NULL : name;
	if (!mark)
		return identifier;
	copy = arena_strdup(a, mark + strlen(":log-group:"));
	if (ends_with(copy, ":*"))
		copy[strlen(copy) - 2] = '\0';
	return copy;
}

int log_group_need(struct db_tx *tx, const char *name, struct arena *a, struct logs_log_group *ret,
	struct err *err)
{
	int r;

	if (!name)
		return err_set_wire(err, "InvalidParameterException",
			"Either logGroupName or logGroupIdentifier must be given, and not both");
	r = store_document_get(tx, &STORE_LOG_GROUP, name, a, ret, err);
	if (r == 0)
		return err_set_wire(err, "ResourceNotFoundException",
			"The specified log group does not exist.");
	return r < 0 ? -1 : 0;
}

/* ---- groups and streams ---- */

int log_group_put(struct signal_engine *e, struct db_tx *tx, const char *name, struct arena *a,
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

int log_stream_put(struct signal_engine *e, struct db_tx *tx, const char *group, const char *stream,
	const char *path, struct arena *a, struct err *err)
{
	struct towpath_signal_stream s = {
		.log_group_name = group,
		.log_stream_name = stream,
		.creation_time = WIRE_SET_TIME(durable_now(e->durable)),
		.path = path,
		.sequence = WIRE_SET_LONG(0),
	};

	return store_document_put(
		tx, &STORE_LOG_STREAM, log_stream_key(a, group, stream), group, &s, err);
}

static int create_log_group_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, create_log_group);
	struct towpath_string_map tags;
	struct logs_log_group g;
	int r = store_document_get(tx, &STORE_LOG_GROUP, req->log_group_name, a, &g, err);

	if (r > 0)
		return err_set_wire(err, "ResourceAlreadyExistsException",
			"The specified log group already exists");
	if (starts_with(req->log_group_name, "aws/"))
		return err_set_wire(err, "InvalidParameterException",
			"Log groups starting with aws/ are reserved for AWS.");
	TAG_MAP(a, &req->tags, &tags);
	return r < 0 || store_tags_add(tx,
				signal_arn(e, a, "logs", "log-group:%s", req->log_group_name),
				&tags, "LimitExceededException", a, err) < 0
		       ? -1
		       : log_group_put(e, tx, req->log_group_name, a, err);
}

static int create_log_stream_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, create_log_stream);
	struct logs_log_group g;
	struct towpath_signal_stream s;
	int r;

	if (log_group_need(tx, req->log_group_name, a, &g, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_LOG_STREAM,
		log_stream_key(a, req->log_group_name, req->log_stream_name), a, &s, err);
	if (r > 0)
		return err_set_wire(err, "ResourceAlreadyExistsException",
			"The specified log stream already exists");
	return r < 0 ? -1
		     : log_stream_put(
			       e, tx, req->log_group_name, req->log_stream_name, NULL, a, err);
}

static int drop_stream(struct db_tx *tx, const char *key, struct err *err)
{
	if (store_log_event_drop(tx, key, INT64_MAX, err) < 0 ||
		store_document_delete(tx, &STORE_LOG_CURSOR, key, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_LOG_STREAM, key, err);
}

static int delete_log_stream_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, delete_log_stream);
	const char *key = log_stream_key(a, req->log_group_name, req->log_stream_name);
	struct logs_log_group g;
	struct towpath_signal_stream s;
	int r;

	if (log_group_need(tx, req->log_group_name, a, &g, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_LOG_STREAM, key, a, &s, err);
	if (r == 0)
		return err_set_wire(err, "ResourceNotFoundException", LOG_NO_STREAM);
	return r < 0 ? -1 : drop_stream(tx, key, err);
}

static int delete_log_group_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(logs, delete_log_group);
	struct logs_log_group g;
	struct store_documents streams;

	if (log_group_need(tx, req->log_group_name, a, &g, err) < 0 ||
		store_document_list(tx, &STORE_LOG_STREAM,
			&(struct store_document_filter){.owner = req->log_group_name}, a, &streams,
			err) < 0)
		return -1;
	for (size_t i = 0; i < streams.n; i++)
		if (drop_stream(tx, streams.ids[i], err) < 0)
			return -1;
	if (log_filters_forget(tx, req->log_group_name, err) < 0 ||
		store_tags_forget(
			tx, signal_arn(e, a, "logs", "log-group:%s", req->log_group_name), err) < 0)
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

	if (log_group_need(tx, name, a, &g, err) < 0)
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
	struct logs_log_group *g;
	size_t n_filters;
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
		if (log_filters_count(tx, all.ids[i], a, &n_filters, err) < 0)
			return -1;
		g = &resp->log_groups.v[resp->log_groups.n++];
		*g = *(struct logs_log_group *)all.v[i];
		g->metric_filter_count = WIRE_SET_INT(n_filters);
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

static int by_name(const void *x, const void *y)
{
	return strcmp(((const struct logs_log_stream *)x)->log_stream_name,
		((const struct logs_log_stream *)y)->log_stream_name);
}

static int by_last_time(const void *x, const void *y)
{
	int64_t a = wire_or(((const struct logs_log_stream *)x)->last_event_timestamp, 0);
	int64_t b = wire_or(((const struct logs_log_stream *)y)->last_event_timestamp, 0);

	return a != b ? (a > b) - (a < b) : by_name(x, y);
}

static void reverse_streams(struct logs_log_stream *v, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct logs_log_stream x = v[i];

		v[i] = v[n - 1 - i];
		v[n - 1 - i] = x;
	}
}

/* A stream that gets events meanwhile moves in the order of times; pages go on from where the last
 * one shown stood. */
static char *stream_mark(const struct logs_log_stream *last, struct arena *a)
{
	return arena_printf(a, "%lld %s", (long long)wire_or(last->last_event_timestamp, 0),
		last->log_stream_name);
}

static int streams_behind(const struct logs_log_stream *v, size_t n, const char *token,
	int (*order)(const void *, const void *), bool descending, size_t *ret, struct err *err)
{
	char *name = NULL;
	struct logs_log_stream mark = {
		.last_event_timestamp = WIRE_SET_LONG(token ? strtoll(token, &name, 10) : 0)};

	*ret = 0;
	if (!token)
		return 0;
	if (*name != ' ')
		return err_set_wire(
			err, "InvalidParameterException", "The specified nextToken is invalid.");
	mark.log_stream_name = name + 1;
	while (*ret < n && (descending ? order(&mark, &v[*ret]) <= 0 : order(&v[*ret], &mark) <= 0))
		++*ret;
	return 0;
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
	const char *name = log_group_name_of(req->log_group_name, req->log_group_identifier, a);
	size_t max = (size_t)wire_or(req->limit, LIST_MAX), start, n;
	bool by_time = streq(req->order_by, "LastEventTime");
	bool descending = wire_or(req->descending, false);
	int (*order)(const void *, const void *) = by_time ? by_last_time : by_name;
	struct logs_log_group g;
	struct store_documents all;
	struct logs_log_stream *v;

	if (by_time && req->log_stream_name_prefix)
		return err_set_wire(err, "InvalidParameterException",
			"Cannot order by LastEventTime with a logStreamNamePrefix.");
	if (log_group_need(tx, name, a, &g, err) < 0 ||
		store_document_list(tx, &STORE_LOG_STREAM,
			&(struct store_document_filter){.owner = name,
				.prefix = req->log_stream_name_prefix
						  ? log_stream_key(
							    a, name, req->log_stream_name_prefix)
						  : NULL},
			a, &all, err) < 0)
		return -1;
	v = arena_new_n(a, all.n + 1, struct logs_log_stream);
	for (size_t i = 0; i < all.n; i++)
		v[i] = describe_stream(e, all.v[i], a);
	if (by_time)
		qsort(v, all.n, sizeof(*v), by_last_time);
	if (descending)
		reverse_streams(v, all.n);
	if (streams_behind(v, all.n, req->next_token, order, descending, &start, err) < 0)
		return -1;
	n = MIN(max, all.n - start);
	wire_list_alloc(a, &resp->log_streams, n);
	if (n)
		memcpy(resp->log_streams.v, v + start, n * sizeof(*v));
	if (start + n < all.n && n)
		resp->next_token = stream_mark(&v[start + n - 1], a);
	return 0;
}

SIGNAL_DEFINE(logs, create_log_group, signal_write)
SIGNAL_DEFINE(logs, create_log_stream, signal_write)
SIGNAL_DEFINE(logs, delete_log_group, signal_write)
SIGNAL_DEFINE(logs, delete_log_stream, signal_write)
SIGNAL_DEFINE(logs, delete_retention_policy, signal_write)
SIGNAL_DEFINE(logs, describe_log_groups, signal_read)
SIGNAL_DEFINE(logs, describe_log_streams, signal_read)
SIGNAL_DEFINE(logs, put_retention_policy, signal_write)
