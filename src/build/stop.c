/* SPDX-License-Identifier: Apache-2.0 */
/* Ending builds early: StopBuild and the queue's timeout. */
#include "base/file.h"
#include "build/engine.h"

int build_end_early(struct build_step *s, struct db_tx *tx, const char *status, const char *code,
	const char *message, struct err *err)
{
	struct codebuild_build *b = &s->r.build;
	struct codebuild_build_phase *open = build_phase_last(b);
	int64_t now = durable_now(s->e->durable);
	bool queued = s->r.state == BUILD_QUEUED;
	bool finalizing = open && build_phase_find(open->phase_type)->has_context;

	build_phase_close(b, status, code, message, now, &s->arena);
	build_phase_complete(b, status, finalizing, now, &s->arena);
	s->r.state = BUILD_DONE;
	if (queued && s->task && streq(s->task->kind, BUILD_TASK_QUEUE_TIMEOUT))
		return 0;
	if (queued)
		return task_cancel(s->e->durable, tx, BUILD_TASK_QUEUE_TIMEOUT, s->uuid, "", err);
	/* The slot is free as soon as the row says so. */
	if (store_build_record_update(tx, &s->r, err) < 0)
		return -1;
	return build_queue_advance(s->e, tx, &s->arena, err);
}

/* ---- StopBuild ---- */

int build_decide_stop(struct build_step *s, struct db_tx *tx, struct err *err)
{
	struct task t = {.kind = BUILD_TASK_STOP, .subject = s->uuid};

	switch (s->r.state) {
	case BUILD_QUEUED:
		return build_end_early(s, tx, CODEBUILD_STATUS_TYPE_STOPPED, NULL, NULL, err);
	case BUILD_RUNNING:
		s->r.extra.stop_requested = WIRE_SET_BOOL(true);
		s->r.extra.stopped_by = s->arg;
		task_interrupt(s->e->durable, tx, BUILD_TASK_START, s->uuid);
		return task_enqueue(s->e->durable, tx, &t, err);
	default:
		return 1;
	}
}

int build_stop_build(struct build_engine *e, struct call *call,
	const struct codebuild_stop_build_request *req, struct codebuild_stop_build_response *resp,
	struct err *err)
{
	CLEANUP_STEP struct build_step s = {.e = e, .decide = build_decide_stop};

	s.id = req->id;
	s.uuid = build_uuid_of(req->id);
	s.arg = (void *)(uintptr_t)call->principal_arn;
	if (s.uuid && build_step_run(&s, err) < 0)
		return -1;
	if (!s.uuid || !s.found)
		return err_set_wire(
			err, "ResourceNotFoundException", "Build cannot be found: %s", req->id);
	resp->build = wire_copy(&codebuild_build_shape, &s.r.build, call->arena);
	return 0;
}

int build_task_stop(struct durable *d UNUSED, const struct task *t, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct build_engine *e = arg;
	const char *dir = build_job_dir(e, t->subject, &a);

	if (file_make_dirs(dir, 0700, err) < 0)
		return -1;
	return e->ports->runner.stop(e->ports->runner.arg, dir, err);
}

/* ---- the queue's timeout ---- */

static int decide_timeout(struct build_step *s, struct db_tx *tx, struct err *err)
{
	if (s->r.state != BUILD_QUEUED)
		return 1;
	return build_end_early(s, tx, CODEBUILD_STATUS_TYPE_TIMED_OUT, "BUILD_TIMED_OUT",
		"Build has timed out. No build slot became free in time.", err);
}

int build_task_queue_timeout(
	struct durable *d UNUSED, const struct task *t, void *arg, struct err *err)
{
	CLEANUP_STEP struct build_step s = {
		.e = arg, .uuid = t->subject, .task = t, .decide = decide_timeout};

	return build_step_run(&s, err);
}
