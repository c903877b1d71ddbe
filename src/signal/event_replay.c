/* SPDX-License-Identifier: Apache-2.0 */
/* Replays: archived events go to the rules of their bus once more, a batch a step. The place that a
 * replay has come to is in its task, which moves on in the step that publishes. */
#include "signal/event_archive.h"
#include "store/event_archive.h"

#define BATCH 100

static bool is_over(const struct events_describe_replay_response *v)
{
	return v->replay_end_time.set;
}

static int need_replay(struct db_tx *tx, const char *name, struct arena *a,
	struct events_describe_replay_response *ret, struct err *err)
{
	int r = store_document_get(tx, &STORE_EVENT_REPLAY, name, a, ret, err);

	if (r == 0)
		return err_set_wire(
			err, "ResourceNotFoundException", "Replay %s does not exist.", name);
	return r < 0 ? -1 : 0;
}

static int put_replay(
	struct db_tx *tx, const struct events_describe_replay_response *v, struct err *err)
{
	return store_document_put(
		tx, &STORE_EVENT_REPLAY, v->replay_name, v->event_source_arn, v, err);
}

static int enqueue(struct signal_engine *e, struct db_tx *tx, const char *name,
	const struct towpath_signal_replay_place *place, struct err *err)
{
	struct str payload CLEANUP_STR = STR_INIT;

	wire_encode_json(&towpath_signal_replay_place_shape, place, &payload);
	return task_enqueue(e->durable, tx,
		&(struct task){.kind = SIGNAL_TASK_REPLAY,
			.subject = name,
			.token = "",
			.payload = str_text(&payload)},
		err);
}

/* ---- operations ---- */

static int check_replay(struct db_tx *tx, const struct events_start_replay_request *req,
	struct arena *a, struct err *err)
{
	struct events_describe_archive_response archive;
	const char *resource = event_arn_resource(req->event_source_arn);

	if (!event_arn_is(req->event_source_arn, "events", "archive/"))
		return err_set_wire(err, "ValidationException",
			"Parameter EventSourceArn is not valid. Reason: Must be the ARN of an "
			"archive.");
	if (event_archive_need(tx, resource + sizeof("archive/") - 1, a, &archive, err) < 0)
		return -1;
	if (!streq(req->destination->arn, archive.event_source_arn))
		return err_set_wire(err, "ValidationException",
			"Parameter Destination.Arn is not valid. Reason: Cross event bus replay is "
			"not permitted.");
	wire_foreach (arn, &req->destination->filter_arns) {
		if (!event_arn_is(*arn, "events", "rule/"))
			return err_set_wire(err, "ValidationException",
				"Parameter Destination.FilterArns is not valid. Reason: Must be "
				"ARNs "
				"of rules.");
	}
	if (req->event_start_time.usec >= req->event_end_time.usec)
		return err_set_wire(err, "ValidationException",
			"Parameter EventEndTime is not valid. Reason: EventStartTime must be "
			"before "
			"EventEndTime.");
	return 0;
}

static int start_replay_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, start_replay);
	struct events_describe_replay_response old,
		v = {
			.replay_name = req->replay_name,
			.replay_arn = signal_arn(e, a, "events", "replay/%s", req->replay_name),
			.description = req->description,
			.destination = req->destination,
			.event_source_arn = req->event_source_arn,
			.event_start_time = req->event_start_time,
			.event_end_time = req->event_end_time,
			.replay_start_time = WIRE_SET_TIME(durable_now(e->durable)),
			.state = "STARTING",
		};
	int r = store_document_get(tx, &STORE_EVENT_REPLAY, req->replay_name, a, &old, err);

	if (r > 0)
		return err_set_wire(err, "ResourceAlreadyExistsException",
			"Replay %s already exists.", req->replay_name);
	if (r < 0 || check_replay(tx, req, a, err) < 0)
		return -1;
	resp->replay_arn = v.replay_arn;
	resp->replay_start_time = v.replay_start_time;
	resp->state = v.state;
	return put_replay(tx, &v, err) < 0
		       ? -1
		       : enqueue(e, tx, v.replay_name,
				 &(const struct towpath_signal_replay_place){0}, err);
}

static int cancel_replay_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, cancel_replay);
	struct events_describe_replay_response v;

	if (need_replay(tx, req->replay_name, a, &v, err) < 0)
		return -1;
	if (is_over(&v) || streq(v.state, "CANCELLING"))
		return err_set_wire(err, "IllegalStatusException",
			"Replay %s is not in a valid state for this operation.", req->replay_name);
	v.state = "CANCELLING";
	resp->replay_arn = v.replay_arn;
	resp->state = v.state;
	return put_replay(tx, &v, err);
}

static int describe_replay_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, describe_replay);

	return need_replay(tx, req->replay_name, a, resp, err);
}

static int list_replays_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, list_replays);
	size_t max = (size_t)wire_or(req->limit, EVENT_PAGE), n = 0;
	struct store_documents all;

	if (store_document_list(tx, &STORE_EVENT_REPLAY,
		    &(struct store_document_filter){.owner = req->event_source_arn,
			    .prefix = req->name_prefix,
			    .after = req->next_token},
		    a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->replays, MIN(all.n, max));
	for (size_t i = 0; i < all.n; i++) {
		const struct events_describe_replay_response *v = all.v[i];

		if (req->state && !streq(req->state, v->state))
			continue;
		if (n == max) {
			resp->next_token = resp->replays.v[n - 1].replay_name;
			break;
		}
		resp->replays.v[n] = (struct events_replay){0};
		wire_assign(&events_replay_shape, &resp->replays.v[n++],
			&events_describe_replay_response_shape, v);
	}
	resp->replays.n = n;
	return 0;
}

/* ---- the task ---- */

struct run {
	struct signal_engine *e;
	const struct task *t;
};

/* Publishes a batch and moves the place on; *ret_more: there may be more. */
static int replay_batch(struct signal_engine *e, struct db_tx *tx,
	struct events_describe_replay_response *v, struct towpath_signal_replay_place *place,
	struct arena *a, bool *ret_more, struct err *err)
{
	const struct store_archive_query q = {
		.archive = event_arn_resource(v->event_source_arn) + sizeof("archive/") - 1,
		.from_usec = v->event_start_time.usec,
		.to_usec = v->event_end_time.usec,
		.at_usec = wire_or(place->usec, 0),
		.at_id = place->id,
		.max = BATCH,
	};
	struct store_archived_event *events;
	size_t n;

	if (store_event_archive_read(tx, &q, a, &events, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		/* Its own id for deliveries, so that none is taken for the first one. */
		struct event x = {
			.id = arena_printf(a, "%s-%s", events[i].id, v->replay_name),
			.text = arena_printf(a, "{\"replay-name\":\"%s\",%s", v->replay_name,
				events[i].event + 1),
			.bus = event_bus_name(v->destination->arn),
			.ingested_usec = durable_now(e->durable),
			.replayed = true,
			.only = v->destination->filter_arns.v,
			.n_only = v->destination->filter_arns.n,
		};

		if (event_publish(e, tx, &x, a, err) < 0)
			return -1;
	}
	if (n) {
		place->usec = WIRE_SET_LONG(events[n - 1].usec);
		place->id = events[n - 1].id;
		v->event_last_replayed_time = WIRE_SET_TIME(events[n - 1].usec);
	}
	*ret_more = n == BATCH;
	return 0;
}

static int run_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct run *x = arg;
	struct signal_engine *e = x->e;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_signal_replay_place place;
	struct events_describe_replay_response v;
	bool more = false;
	int r = store_document_get(tx, &STORE_EVENT_REPLAY, x->t->subject, &a, &v, err);

	if (r < 0 ||
		wire_decode_json(&towpath_signal_replay_place_shape, view_of(x->t->payload), &a,
			&place, err) < 0 ||
		task_done(e->durable, tx, x->t, err) < 0)
		return -1;
	if (r == 0 || is_over(&v))
		return 0;
	if (streq(v.state, "CANCELLING")) {
		v.state = "CANCELLED";
	} else {
		if (replay_batch(e, tx, &v, &place, &a, &more, err) < 0)
			return -1;
		v.state = more ? "RUNNING" : "COMPLETED";
	}
	if (!more)
		v.replay_end_time = WIRE_SET_TIME(durable_now(e->durable));
	if (put_replay(tx, &v, err) < 0)
		return -1;
	return more ? enqueue(e, tx, v.replay_name, &place, err) : 0;
}

int event_replay_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct run x = {.e = arg, .t = t};

	return durable_step(d, run_step, &x, err);
}

SIGNAL_DEFINE(events, cancel_replay, signal_write)
SIGNAL_DEFINE(events, describe_replay, signal_read)
SIGNAL_DEFINE(events, list_replays, signal_read)
SIGNAL_DEFINE(events, start_replay, signal_write)
