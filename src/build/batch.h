/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of builds: what the files batch*.c share. Private to build/.
 *
 * A batch is a list of groups, each of which runs one build at a time. Its first group,
 * DOWNLOAD_SOURCE, is a build without a leader that fetches the source and reads the batch block;
 * what it found becomes the other groups. A batch has no thread and no task of its own: the step
 * that ends a build moves its batch on (batch_run.c). Only joining artifacts and the timeout are
 * tasks. */
#ifndef TOWPATH_BUILD_BATCH_H
#define TOWPATH_BUILD_BATCH_H

#include "build/engine.h"
#include "store/build_batch.h"

#define BATCH_TASK_TIMEOUT "codebuild.batch-timeout"
#define BATCH_TASK_COMBINE "codebuild.batch-combine"
#define BATCH_TASK_STOP_BUILD "codebuild.batch-stop-build" /* subject: the build's uuid */

#define BATCH_SOURCE_GROUP "DOWNLOAD_SOURCE"
#define BATCH_BUILDS_DEFAULT 100

/* ---- names (name.c) ---- */

/* The uuid in "<project>:<uuid>" or the batch's ARN; NULL when it is neither. Borrowed. */
const char *batch_uuid_of(const char *id_or_arn);
const char *batch_arn(
	const struct build_engine *e, const char *project, const char *uuid, struct arena *a);

/* ---- phases (batch_phase.c) ---- */

/* How the phase that is left ends; NULL members may be left out. */
struct batch_end {
	const char *status, *code, *message;
};
/* The one setter of a batch's phase: ends the open one and opens the next, which the table of
 * phases allows. A last phase (SUCCEEDED, FAILED, STOPPED) has a start alone. */
void batch_enter(struct codebuild_build_batch *b, const char *phase, const struct batch_end *end,
	int64_t usec, struct arena *a);
/* Begins the list anew, with SUBMITTED. */
void batch_submit(struct codebuild_build_batch *b, int64_t usec, struct arena *a);

/* ---- a step on one batch (batch_record.c) ---- */

struct batch_step {
	struct build_engine *e;
	const char *uuid;
	const char *id;	    /* as a request names it (build_id_is_of()), or NULL */
	struct arena arena; /* emptied at each try of the step */
	struct store_build_batch r;
	const struct task *task; /* ended with the step when not NULL */
	const char *actor;
	/* Decides and changes r; 0: store it, 1: nothing to store, -1: error. */
	int (*decide)(struct batch_step *s, struct db_tx *tx, struct err *err);
	void *arg;
	bool found;
};

/* Loads, decides, stores, journals, ends the task: one durable step. Releases nothing. */
int batch_step_run(struct batch_step *s, struct err *err);
/* The same within a transaction of somebody else's step. */
int batch_step_within(struct batch_step *s, struct db_tx *tx, struct err *err);
void batch_step_release(struct batch_step *s);
#define CLEANUP_BATCH_STEP CLEANUP(batch_step_release)
/* Appends the journal entry that tells a batch's present state. */
int batch_tell(struct build_engine *e, struct db_tx *tx, const struct codebuild_build_batch *b,
	bool changed, const char *actor, struct err *err);

/* ---- the batch block (batch_spec.c) ---- */

/* The builds that the batch block asks for, in the arena: identifiers are unique, depends_on
 * begins with DOWNLOAD_SOURCE. What the project's restrictions or this server do not allow is
 * ERR_INVALID, with the build's name. p is the batch's effective project. */
int batch_plan(const struct towpath_buildspec *spec, const struct codebuild_project *p,
	struct arena *a, struct towpath_build_batch_tasks *ret, struct err *err);
/* The effective project of one build of a batch. task NULL: of the one that reads the batch block.
 * Checked again: InvalidInputException. */
int batch_project_of(const struct store_build_batch *r, const struct towpath_build_batch_task *task,
	struct arena *a, struct codebuild_project *ret, struct err *err);
/* What one build of a batch hands over to the pipeline; NULL without a pipeline. */
struct towpath_build_pipeline *batch_pipeline_of(const struct store_build_batch *r,
	const struct towpath_build_batch_task *task, struct arena *a);

/* ---- life (batch_run.c) ---- */

/* Starts what may start, ends what has ended. Returns as decide() does. */
int batch_advance(struct batch_step *s, struct db_tx *tx, struct err *err);
/* Within decide(): from now on nothing starts, what runs is stopped, and the batch ends as status
 * once all builds have ended. The first call counts. Advances. */
int batch_cut(struct batch_step *s, struct db_tx *tx, const struct batch_end *end, struct err *err);
/* Ends COMBINE_ARTIFACTS and the batch. */
int batch_finish(
	struct batch_step *s, struct db_tx *tx, const struct batch_end *end, struct err *err);
/* Has the source's git host told how the batch stands, where the project wants it. */
int batch_report(struct batch_step *s, struct db_tx *tx, struct err *err);
/* Within the step that ended the build r: its batch, and others that wait for the project's
 * concurrentBuildLimit, go on. */
int batch_build_ended(struct build_engine *e, struct db_tx *tx, const struct store_build_record *r,
	struct err *err);
bool batch_wants_combining(const struct store_build_batch *r);

int batch_task_timeout(struct durable *d, const struct task *t, void *arg, struct err *err);
int batch_task_stop_build(struct durable *d, const struct task *t, void *arg, struct err *err);
int batch_task_combine(struct durable *d, const struct task *t, void *arg, struct err *err);
int batch_task_combine_gave_up(struct durable *d, struct db_tx *tx, const struct task *t,
	const struct err *why, void *arg, struct err *err);
/* The batch's role must be allowed to do it to the project; InvalidInputException. Outside of
 * steps. */
int batch_role_may(const struct build_engine *e, const char *role, const char *action,
	const char *project, struct err *err);
/* 1 found, 0 none. */
int batch_load(struct build_engine *e, const char *uuid, struct arena *a,
	struct store_build_batch *ret, struct err *err);
/* ResourceNotFoundException */
int batch_not_there(const char *id, struct err *err);
/* Puts the batch's timer, within a step that starts it. */
int batch_set_timeout(struct build_engine *e, struct db_tx *tx, const struct store_build_batch *r,
	struct err *err);

/* ---- groups (batch_group.c) ---- */

struct codebuild_build_group *batch_group(struct codebuild_build_batch *b, const char *identifier);
/* True when the group's present build has this status. */
static inline bool batch_group_is(const struct codebuild_build_group *g, const char *status)
{
	return g->current_build_summary && streq(g->current_build_summary->build_status, status);
}
/* The present build, if any, becomes the last of the prior ones. */
void batch_group_reset(struct codebuild_build_group *g, struct arena *a);
/* The groups of a batch that has not read its batch block: DOWNLOAD_SOURCE alone. */
void batch_groups_begin(struct codebuild_build_batch *b, struct arena *a);

/* What the first build of a batch found out. */
struct batch_found {
	const struct towpath_buildspec_batch *block;
	struct towpath_build_batch_tasks tasks;
	const struct build_sources_found *sources;
};
/* Within that build's step, before it ends: gives the batch its groups. */
int batch_take_plan(struct build_engine *e, struct db_tx *tx, const char *arn,
	const struct batch_found *found, struct err *err);

#endif
