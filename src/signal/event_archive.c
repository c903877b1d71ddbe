/* SPDX-License-Identifier: Apache-2.0 */
/* Archives: what came to a bus is kept in the step in which it came. */
#include "signal/event_archive.h"

#include <string.h>

#include "base/timefmt.h"
#include "signal/event_pattern.h"
#include "store/event_archive.h"

#define DAY_USEC (INT64_C(86400) * USEC_PER_SEC)
#define KEEP_REPLAYS_USEC (90 * DAY_USEC)

int event_archive_need(struct db_tx *tx, const char *name, struct arena *a,
	struct events_describe_archive_response *ret, struct err *err)
{
	int r = store_document_get(tx, &STORE_EVENT_ARCHIVE, name, a, ret, err);

	if (r == 0)
		return err_set_wire(
			err, "ResourceNotFoundException", "Archive %s does not exist.", name);
	return r < 0 ? -1 : 0;
}

static int put_archive(
	struct db_tx *tx, const struct events_describe_archive_response *v, struct err *err)
{
	return store_document_put(tx, &STORE_EVENT_ARCHIVE, v->archive_name,
		event_bus_owner(event_bus_name(v->event_source_arn)), v, err);
}

int event_archive_add(struct db_tx *tx, const struct event *x, const struct json_node *node,
	struct arena *a, struct err *err)
{
	struct store_archived_event event = {
		.usec = x->ingested_usec, .id = x->id, .event = x->text};
	const char *time = json_member_text(node, "time");
	struct store_documents all;

	if (store_document_list(tx, &STORE_EVENT_ARCHIVE,
		    &(struct store_document_filter){.owner = event_bus_owner(x->bus)}, a, &all,
		    err) < 0)
		return -1;
	if (time)
		(void)timefmt_parse(time, &event.usec);
	for (size_t i = 0; i < all.n; i++) {
		const struct events_describe_archive_response *v = all.v[i];
		const struct json_node *pattern;

		if (v->event_pattern) {
			if (json_parse(view_of(v->event_pattern), a, &pattern, err) < 0)
				return -1;
			if (!event_pattern_matches(pattern, node))
				continue;
		}
		if (store_event_archive_add(tx, v->archive_name, &event, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- operations ---- */

static int refuse_key(const char *key, struct err *err)
{
	return key ? err_set(err, ERR_UNSUPPORTED,
			     "KmsKeyIdentifier of archives is not implemented; leave it out")
		   : 0;
}

static int create_archive_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, create_archive);
	struct events_describe_archive_response old, v;
	struct events_describe_event_bus_response bus;
	int r;

	if (refuse_key(req->kms_key_identifier, err) < 0 ||
		event_bus_need(e, tx, req->event_source_arn, a, &bus, err) < 0 ||
		(req->event_pattern && event_pattern_parse(req->event_pattern, a, NULL, err) < 0))
		return -1;
	r = store_document_get(tx, &STORE_EVENT_ARCHIVE, req->archive_name, a, &old, err);
	if (r > 0)
		return err_set_wire(err, "ResourceAlreadyExistsException",
			"Archive %s already exists.", req->archive_name);
	v = (struct events_describe_archive_response){
		.archive_arn = signal_arn(e, a, "events", "archive/%s", req->archive_name),
		.archive_name = req->archive_name,
		.event_source_arn = bus.arn,
		.description = req->description,
		.event_pattern = req->event_pattern,
		.retention_days = WIRE_SET_INT(wire_or(req->retention_days, 0)),
		.state = "ENABLED",
		.creation_time = WIRE_SET_TIME(durable_now(e->durable)),
	};
	resp->archive_arn = v.archive_arn;
	resp->creation_time = v.creation_time;
	resp->state = v.state;
	return r < 0 ? -1 : put_archive(tx, &v, err);
}

static int update_archive_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, update_archive);
	struct events_describe_archive_response v;

	if (refuse_key(req->kms_key_identifier, err) < 0 ||
		event_archive_need(tx, req->archive_name, a, &v, err) < 0 ||
		(req->event_pattern && event_pattern_parse(req->event_pattern, a, NULL, err) < 0))
		return -1;
	if (req->description)
		v.description = req->description;
	if (req->event_pattern)
		v.event_pattern = req->event_pattern;
	if (req->retention_days.set)
		v.retention_days = req->retention_days;
	resp->archive_arn = v.archive_arn;
	resp->creation_time = v.creation_time;
	resp->state = v.state;
	return put_archive(tx, &v, err);
}

static int delete_archive_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, delete_archive);
	struct events_describe_archive_response v;

	if (event_archive_need(tx, req->archive_name, a, &v, err) < 0 ||
		store_event_archive_drop(tx, req->archive_name, INT64_MAX, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_EVENT_ARCHIVE, req->archive_name, err);
}

static int measure(struct db_tx *tx, struct events_describe_archive_response *v, struct err *err)
{
	int64_t count, bytes;

	if (store_event_archive_measure(tx, v->archive_name, &count, &bytes, err) < 0)
		return -1;
	v->event_count = WIRE_SET_LONG(count);
	v->size_bytes = WIRE_SET_LONG(bytes);
	return 0;
}

static int describe_archive_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, describe_archive);

	return event_archive_need(tx, req->archive_name, a, resp, err) < 0 ? -1
									   : measure(tx, resp, err);
}

static int list_archives_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, list_archives);
	size_t max = (size_t)wire_or(req->limit, EVENT_PAGE), n = 0;
	struct store_documents all;

	if (store_document_list(tx, &STORE_EVENT_ARCHIVE,
		    &(struct store_document_filter){
			    .prefix = req->name_prefix, .after = req->next_token},
		    a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->archives, MIN(all.n, max));
	for (size_t i = 0; i < all.n; i++) {
		struct events_describe_archive_response *v = all.v[i];

		if ((req->event_source_arn && !streq(req->event_source_arn, v->event_source_arn)) ||
			(req->state && !streq(req->state, v->state)))
			continue;
		if (n == max) {
			resp->next_token = resp->archives.v[n - 1].archive_name;
			break;
		}
		if (measure(tx, v, err) < 0)
			return -1;
		resp->archives.v[n] = (struct events_archive){0};
		wire_assign(&events_archive_shape, &resp->archives.v[n++],
			&events_describe_archive_response_shape, v);
	}
	resp->archives.n = n;
	return 0;
}

/* ---- what is kept no longer ---- */

int event_archive_prune(struct db_tx *tx, int64_t now_usec, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct store_documents archives, replays;

	if (store_document_list(tx, &STORE_EVENT_ARCHIVE, NULL, &a, &archives, err) < 0 ||
		store_document_list(tx, &STORE_EVENT_REPLAY, NULL, &a, &replays, err) < 0)
		return -1;
	for (size_t i = 0; i < archives.n; i++) {
		const struct events_describe_archive_response *v = archives.v[i];
		int64_t days = wire_or(v->retention_days, 0);

		if (days && store_event_archive_drop(
				    tx, v->archive_name, now_usec - days * DAY_USEC, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < replays.n; i++) {
		const struct events_describe_replay_response *v = replays.v[i];

		if (v->replay_end_time.set &&
			v->replay_end_time.usec < now_usec - KEEP_REPLAYS_USEC &&
			store_document_delete(tx, &STORE_EVENT_REPLAY, replays.ids[i], err) < 0)
			return -1;
	}
	return 0;
}

SIGNAL_DEFINE(events, create_archive, signal_write)
SIGNAL_DEFINE(events, delete_archive, signal_write)
SIGNAL_DEFINE(events, describe_archive, signal_read)
SIGNAL_DEFINE(events, list_archives, signal_read)
SIGNAL_DEFINE(events, update_archive, signal_write)
