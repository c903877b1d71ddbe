/* SPDX-License-Identifier: Apache-2.0 */
/* One durable step on one build: load, decide, store, tell. */
#include "build/batch.h"

/* How many phases have ended for good: the upload's may still be opened again. */
static int phases_ended(const struct store_build_record *r)
{
	int n = 0;

	wire_foreach (p, &r->build.phases) {
		if (!p->phase_status ||
			(r->state != BUILD_DONE &&
				streq(p->phase_type, CODEBUILD_BUILD_PHASE_TYPE_UPLOAD_ARTIFACTS)))
			break;
		n++;
	}
	return n;
}

struct build_news build_news(struct store_build_record *r, const char *was)
{
	int told = wire_or(r->extra.phases_told, 0), ended = phases_ended(r);
	struct build_news news = {
		.changed = !was || !streq(was, r->build.build_status),
		.phases_from = told,
		.phases_to = MAX(told, ended),
	};

	r->extra.phases_told = WIRE_SET_INT(news.phases_to);
	return news;
}

int build_tell(struct build_engine *e, struct db_tx *tx, const struct codebuild_build *b,
	const struct build_news *news, const char *actor, struct err *err)
{
	CLEANUP_STR struct str detail = STR_INIT;
	struct towpath_event_build event = {
		.build_id = b->id,
		.project_name = b->project_name,
		.build_status = b->build_status,
		.current_phase = b->current_phase,
		.initiator = b->initiator,
		.changed = WIRE_SET_BOOL(news->changed),
		.phases_from = WIRE_SET_INT(news->phases_from),
		.phases_to = WIRE_SET_INT(news->phases_to),
	};
	struct journal_entry entry = {.kind = "codebuild.build", .subject = b->arn, .actor = actor};

	wire_encode_json(&towpath_event_build_shape, &event, &detail);
	entry.detail = str_text(&detail);
	return journal_append(e->durable, tx, &entry, err);
}

static int step(struct db_tx *tx, void *arg, struct err *err)
{
	struct build_step *s = arg;
	struct build_news news;
	const char *was, *resolved;
	bool was_done;
	int r;

	arena_release(&s->arena);
	r = store_build_record_get(tx, s->uuid, true, &s->arena, &s->r, err);
	s->found = r > 0 && (!s->id || build_id_is_of(s->id, s->r.build.project_name));
	if (r < 0)
		return -1;
	was = s->found ? s->r.build.build_status : NULL;
	resolved = s->found ? s->r.build.resolved_source_version : NULL;
	was_done = s->found && s->r.state == BUILD_DONE;
	r = s->found ? s->decide(s, tx, err) : 1;
	if (r < 0)
		return -1;
	if (r == 0) {
		news = build_news(&s->r, was);
		if (store_build_record_update(tx, &s->r, err) < 0 ||
			build_tell(s->e, tx, &s->r.build, &news, NULL, err) < 0)
			return -1;
		if ((news.changed || (!resolved && s->r.build.resolved_source_version)) &&
			build_report_status(s->e, tx, &s->r, err) < 0)
			return -1;
		if (s->r.state == BUILD_DONE && !was_done &&
			batch_build_ended(s->e, tx, &s->r, err) < 0)
			return -1;
	}
	return s->task ? task_done(s->e->durable, tx, s->task, err) : 0;
}

int build_step_within(struct build_step *s, struct db_tx *tx, struct err *err)
{
	return step(tx, s, err);
}

int build_step_run(struct build_step *s, struct err *err)
{
	return durable_step(s->e->durable, step, s, err);
}

void build_step_release(struct build_step *s)
{
	arena_release(&s->arena);
}
