/* SPDX-License-Identifier: Apache-2.0 */
/* Slots. Who holds one is told by the state of the rows alone, so that nothing is counted twice
 * or forgotten over a restart. */
#include "build/engine.h"

static int hand_slot(struct build_engine *e, struct db_tx *tx, const char *uuid, struct err *err)
{
	struct task t = {.kind = BUILD_TASK_START, .subject = uuid};

	return task_enqueue(e->durable, tx, &t, err);
}

int build_queue_enter(
	struct build_engine *e, struct db_tx *tx, struct store_build_record *r, struct err *err)
{
	int minutes = wire_or(r->build.queued_timeout_in_minutes, 480);
	struct task timeout = {
		.kind = BUILD_TASK_QUEUE_TIMEOUT,
		.subject = r->uuid,
		.due_usec = durable_now(e->durable) + minutes * 60 * USEC_PER_SEC,
	};
	int64_t running = 0;

	if (store_build_record_count(tx, BUILD_RUNNING, &running, err) < 0)
		return -1;
	if (running >= e->slots) {
		r->state = BUILD_QUEUED;
		return task_enqueue(e->durable, tx, &timeout, err);
	}
	/* While a slot is free nobody waits: whoever frees one hands it on in the same step. */
	r->state = BUILD_RUNNING;
	return hand_slot(e, tx, r->uuid, err);
}

static int promote(struct build_engine *e, struct db_tx *tx, const char *uuid, struct arena *a,
	struct err *err)
{
	struct store_build_record r;

	if (store_build_record_get(tx, uuid, false, a, &r, err) < 0)
		return -1;
	r.state = BUILD_RUNNING;
	if (store_build_record_update(tx, &r, err) < 0 || hand_slot(e, tx, uuid, err) < 0)
		return -1;
	return task_cancel(e->durable, tx, BUILD_TASK_QUEUE_TIMEOUT, uuid, "", err);
}

int build_queue_advance(struct build_engine *e, struct db_tx *tx, struct arena *a, struct err *err)
{
	const char *uuid = NULL;
	int64_t running = 0, seq;
	int r;

	if (store_build_record_count(tx, BUILD_RUNNING, &running, err) < 0)
		return -1;
	for (; running < e->slots; running++) {
		r = store_build_record_next_queued(tx, a, &uuid, &seq, err);
		if (r <= 0)
			return r;
		if (promote(e, tx, uuid, a, err) < 0)
			return -1;
	}
	return 0;
}

void build_queue_explain(
	struct build_engine *e, struct db_tx *tx, struct store_build_record *r, struct arena *a)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	struct codebuild_build_phase *p = build_phase_last(&r->build);
	const char *first;
	int64_t seq;

	if (!p || store_build_record_next_queued(tx, a, &first, &seq, &err) <= 0)
		return;
	wire_list_alloc(a, &p->contexts, 1);
	p->contexts.v[0].status_code = "";
	/* Builds that were stopped meanwhile leave gaps, so the place may be better than this. */
	p->contexts.v[0].message =
		arena_printf(a, "Waiting for one of %d build slots; place %lld in the queue.",
			e->slots, (long long)r->seq - (long long)seq + 1);
}
