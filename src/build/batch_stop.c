/* SPDX-License-Identifier: Apache-2.0 */
/* Ending batches early: StopBuildBatch and the timeout of the whole batch. */
#include "build/batch.h"

static int decide_stop(struct batch_step *s, struct db_tx *tx, struct err *err)
{
	return batch_cut(s, tx, &(struct batch_end){.status = CODEBUILD_STATUS_TYPE_STOPPED}, err);
}

int build_stop_build_batch(struct build_engine *e, struct call *call,
	const struct codebuild_stop_build_batch_request *req,
	struct codebuild_stop_build_batch_response *resp, struct err *err)
{
	CLEANUP_BATCH_STEP struct batch_step s = {
		.e = e, .decide = decide_stop, .actor = call->principal_arn};

	s.id = req->id;
	s.uuid = batch_uuid_of(req->id);
	if (s.uuid && batch_step_run(&s, err) < 0)
		return -1;
	if (!s.uuid || !s.found)
		return batch_not_there(req->id, err);
	resp->build_batch = wire_copy(&codebuild_build_batch_shape, &s.r.batch, call->arena);
	return 0;
}

static int decide_timeout(struct batch_step *s, struct db_tx *tx, struct err *err)
{
	return batch_cut(s, tx,
		&(struct batch_end){CODEBUILD_STATUS_TYPE_TIMED_OUT, "BUILD_TIMED_OUT",
			"Build has timed out. "},
		err);
}

int batch_task_timeout(struct durable *d UNUSED, const struct task *t, void *arg, struct err *err)
{
	CLEANUP_BATCH_STEP struct batch_step s = {
		.e = arg, .uuid = t->subject, .task = t, .decide = decide_timeout};

	return batch_step_run(&s, err);
}

int batch_task_stop_build(
	struct durable *d UNUSED, const struct task *t, void *arg, struct err *err)
{
	CLEANUP_STEP struct build_step s = {
		.e = arg, .uuid = t->subject, .task = t, .decide = build_decide_stop};

	return build_step_run(&s, err);
}
