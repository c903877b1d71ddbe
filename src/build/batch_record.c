/* SPDX-License-Identifier: Apache-2.0 */
/* One durable step on one batch: load, decide, store, tell. */
#include "build/batch.h"

int batch_tell(struct build_engine *e, struct db_tx *tx, const struct codebuild_build_batch *b,
	bool changed, const char *actor, struct err *err)
{
	CLEANUP_STR struct str detail = STR_INIT;
	struct towpath_event_build_batch event = {
		.build_batch_id = b->id,
		.project_name = b->project_name,
		.build_batch_status = b->build_batch_status,
		.current_phase = b->current_phase,
		.initiator = b->initiator,
		.changed = WIRE_SET_BOOL(changed),
	};
	struct journal_entry entry = {.kind = "codebuild.batch", .subject = b->arn, .actor = actor};

	wire_encode_json(&towpath_event_build_batch_shape, &event, &detail);
	entry.detail = str_text(&detail);
	return journal_append(e->durable, tx, &entry, err);
}

static int step(struct db_tx *tx, void *arg, struct err *err)
{
	struct batch_step *s = arg;
	const char *was;
	int r;

	arena_release(&s->arena);
	r = store_build_batch_get(tx, s->uuid, &s->arena, &s->r, err);
	s->found = r > 0 && (!s->id || build_id_is_of(s->id, s->r.batch.project_name));
	if (r < 0)
		return -1;
	was = s->found ? s->r.batch.build_batch_status : NULL;
	r = s->found ? s->decide(s, tx, err) : 1;
	if (r < 0)
		return -1;
	if (r == 0 &&
		(store_build_batch_update(tx, &s->r, err) < 0 ||
			batch_tell(s->e, tx, &s->r.batch,
				!streq(was, s->r.batch.build_batch_status), s->actor, err) < 0))
		return -1;
	return s->task ? task_done(s->e->durable, tx, s->task, err) : 0;
}

int batch_step_within(struct batch_step *s, struct db_tx *tx, struct err *err)
{
	return step(tx, s, err);
}

int batch_step_run(struct batch_step *s, struct err *err)
{
	return durable_step(s->e->durable, step, s, err);
}

void batch_step_release(struct batch_step *s)
{
	arena_release(&s->arena);
}
