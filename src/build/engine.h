/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of build/ share: the engine, a build's row in a step, how a change is told.
 * Private to build/. */
#ifndef TOWPATH_BUILD_ENGINE_H
#define TOWPATH_BUILD_ENGINE_H

#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "build/build.h"
#include "codec/yaml.h"
#include "store/build_project.h"
#include "store/build_record.h"
#include "store/build_report.h"
#include "store/build_report_group.h"

#define BUILD_TASK_START "codebuild.start"
#define BUILD_TASK_UPLOAD "codebuild.upload"
#define BUILD_TASK_STOP "codebuild.stop"
#define BUILD_TASK_QUEUE_TIMEOUT "codebuild.queue-timeout"
#define BUILD_TASK_REPORT_STATUS "codebuild.report-status"
#define BUILD_TASK_WEBHOOK_REGISTER "codebuild.webhook-register"
#define BUILD_TASK_WEBHOOK_UNREGISTER "codebuild.webhook-unregister"
#define BUILD_TASK_REPORT_EXPIRES "codebuild.report-expires"
#define BUILD_TASK_SWEEP "codebuild.sweep"

#define BUILD_TOKEN_VALID_USEC (5 * 60 * USEC_PER_SEC)
#define BUILD_PAGE 100 /* ids a page of every list */

struct build_engine {
	struct durable *durable;
	const struct build_ports *ports;
	char *account, *region, *data_dir, *builds_dir, *cache_dir, *runtimes_dir, *console_url;
	int slots;
	const struct seal_key *seal; /* NULL: no tokens are kept */
};

/* ---- errors ---- */

int build_invalid(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- names (name.c) ---- */

/* The project's name in "name" or its ARN; NULL for an ARN of something else. Borrowed. */
const char *build_project_name_of(const char *name_or_arn);
/* The uuid in "<project>:<uuid>" or the build's ARN; NULL when it is neither. Borrowed. */
const char *build_uuid_of(const char *id_or_arn);
/* Whether it is the id or ARN of a build or batch of this project, or of a report of this group.
 * Permission was asked for what it names: of another one it is to be taken for not found. */
bool build_id_is_of(const char *id_or_arn, const char *owner);
const char *build_project_arn(const struct build_engine *e, const char *name, struct arena *a);
const char *build_arn(
	const struct build_engine *e, const char *project, const char *uuid, struct arena *a);
/* The group's name in its name or ARN; NULL for anything else. Borrowed. */
const char *build_report_group_of(const char *name_or_arn);
/* The uuid in a report's ARN, or NULL. Borrowed. */
const char *build_report_id_of(const char *arn);
const char *build_report_group_arn(const struct build_engine *e, const char *name, struct arena *a);
const char *build_report_arn(
	const struct build_engine *e, const char *group, const char *id, struct arena *a);
const char *build_job_dir(const struct build_engine *e, const char *uuid, struct arena *a);

/* ---- the service role (role.c) ---- */

struct build_role build_role(const struct store_build_record *r);
/* 0 when the build's role may do it; ERR_DENIED. Resource: the end of an ARN ("s3:::bucket/key").
 */
int build_may(const struct build_engine *e, const struct store_build_record *r, const char *action,
	const char *resource, struct err *err);
/* What fetching a source takes. */
int build_may_fetch(const struct build_engine *e, const struct store_build_record *r,
	const struct build_source_request *req, struct err *err);
/* What reading the buildspec takes. */
int build_may_locate(const struct build_engine *e, const struct store_build_record *r,
	const char *buildspec, struct err *err);

/* ---- credentials for git hosts (credential.c) ---- */

/* What a source on a git host is fetched with: 1, 0 when there is none (or the source is of
 * another type), -1. A secret is read under the role. */
int build_credential_of(const struct build_engine *e, const struct build_role *role,
	const struct codebuild_project_source *source, struct arena *a,
	struct build_credential *ret, struct err *err);

/* Within a transaction: whether there is one. */
int build_credential_exists(
	struct db_tx *tx, const struct codebuild_project_source *source, struct err *err);

/* ---- projects ---- */

/* Checks every rule that the model does not know; fills in what the service fills in.
 * InvalidInputException. */
int build_project_check(struct codebuild_project *p, struct err *err);
void build_project_defaults(
	const struct build_engine *e, struct codebuild_project *p, struct arena *a);
/* The project with StartBuild's overrides applied; checked again. spec is changed in place. */
int build_override(const struct codebuild_start_build_request *req, struct codebuild_project *spec,
	struct arena *a, struct err *err);

/* ---- phases (phase.c) ---- */

struct build_phase_rule {
	const char *type;
	bool has_context; /* ends with contexts, even empty ones */
};
const struct build_phase_rule *build_phase_find(const char *type);
/* The build's last phase, or NULL. */
struct codebuild_build_phase *build_phase_last(const struct codebuild_build *b);
/* Opens a phase after the last one; currentPhase follows. */
void build_phase_open(struct codebuild_build *b, const char *type, int64_t usec, struct arena *a);
/* Ends the open phase; code and message may be NULL. Without an open phase does nothing. */
void build_phase_close(struct codebuild_build *b, const char *status, const char *code,
	const char *message, int64_t usec, struct arena *a);
/* Cuts the list behind the phase of this type; it is open again. */
void build_phase_rewind(struct codebuild_build *b, const char *type);
/* Ends the build: FINALIZING (where phases ran) and COMPLETED. */
void build_phase_complete(struct codebuild_build *b, const char *status, bool finalizing,
	int64_t usec, struct arena *a);

/* ---- a step on one build (record.c) ---- */

struct build_step {
	struct build_engine *e;
	const char *uuid;
	const char *id;	    /* as a request names it (build_id_is_of()), or NULL */
	struct arena arena; /* emptied at each try of the step */
	struct store_build_record r;
	const struct task *task; /* ended with the step when not NULL */
	/* Decides and changes r; 0: store it, 1: nothing to store, -1: error. */
	int (*decide)(struct build_step *s, struct db_tx *tx, struct err *err);
	void *arg;
	bool found;
};

/* Loads, decides, stores, journals, ends the task: one durable step. Releases nothing. */
int build_step_run(struct build_step *s, struct err *err);
/* The same within a transaction of somebody else's step. */
int build_step_within(struct build_step *s, struct db_tx *tx, struct err *err);
void build_step_release(struct build_step *s);
#define CLEANUP_STEP CLEANUP(build_step_release)
/* What is new about a build since it was told last: whether its status is, and which phases ended.
 */
struct build_news {
	bool changed;
	int phases_from, phases_to;
};
/* Before the record is stored: it remembers which of its phases are told. was: the status before,
 * or NULL. */
struct build_news build_news(struct store_build_record *r, const char *was);
/* Appends the journal entry that tells a build's present state. */
int build_tell(struct build_engine *e, struct db_tx *tx, const struct codebuild_build *b,
	const struct build_news *news, const char *actor, struct err *err);

/* ---- the queue (queue.c) ---- */

/* Within a step that asked for a build: runs it at once when a slot is free. */
int build_queue_enter(
	struct build_engine *e, struct db_tx *tx, struct store_build_record *r, struct err *err);
/* Within a step that freed a slot: hands it to the first in the queue. */
int build_queue_advance(struct build_engine *e, struct db_tx *tx, struct arena *a, struct err *err);
/* What a reader of a queued build is told: place in the queue. */
void build_queue_explain(
	struct build_engine *e, struct db_tx *tx, struct store_build_record *r, struct arena *a);

/* ---- life (start.c, run.c, finish.c, stop.c) ---- */

/* StartBuild for a delivery of a git host, whose variables the build has. */
struct build_hook_start {
	const char *initiator;
	struct towpath_string_map variables;
};
int build_start_for_hook(struct build_engine *e, struct call *call,
	const struct codebuild_start_build_request *req, const struct build_hook_start *how,
	struct codebuild_start_build_response *resp, struct err *err);

/* Asks for a build of r->spec within a step: number, row, queue, journal. r->build is made here
 * from r->spec; r->extra and r->token are the caller's. */
int build_ask(struct build_engine *e, struct db_tx *tx, struct store_build_record *r,
	const char *initiator, const char *actor, struct arena *a, struct err *err);
/* Who asked: "codepipeline/<pipeline>", "rule/<name>", a user's name, "<role>/<session>". */
const char *build_initiator(const struct call *call, const struct towpath_build_pipeline *pipeline);
/* A pipeline brings the source and takes the artifacts, whatever the project says. */
int build_fit_pipeline(const struct towpath_build_pipeline *pipeline,
	const struct codebuild_start_build_request *req, struct codebuild_project *spec,
	struct arena *a, struct err *err);
/* ResourceNotFoundException for a project. */
int build_no_project(
	const struct build_engine *e, const char *name, struct arena *a, struct err *err);
/* Puts what the leader has told so far into the build, as of now. */
void build_fold(struct codebuild_build *b, const struct build_run *run, struct arena *a);
/* The runner's callback: something changed in a job. -1: it could not be stored, and was logged. */
int build_changed(void *engine, const char *job_dir);
/* Within a step: stops a build that is not done. s->arg: who asked, or NULL. */
int build_decide_stop(struct build_step *s, struct db_tx *tx, struct err *err);
/* Ends a build that never had a leader, within a step: closes the open phase with these. */
int build_end_early(struct build_step *s, struct db_tx *tx, const char *status, const char *code,
	const char *message, struct err *err);
/* Ends a build whose leader has ended, within a step: last phases, retry, the slot. */
int build_finish(struct build_step *s, struct db_tx *tx, const char *status, struct err *err);
/* After the end: takes the job's folder away, but for its log. */
void build_clean_job(struct build_engine *e, const char *uuid);
/* Within a step: the same for builds that a killed server has ended, a minute from now. */
int build_sweep_later(struct build_engine *e, struct db_tx *tx, struct err *err);

int build_task_start(struct durable *d, const struct task *t, void *arg, struct err *err);
int build_task_start_gave_up(struct durable *d, struct db_tx *tx, const struct task *t,
	const struct err *why, void *arg, struct err *err);
int build_task_upload(struct durable *d, const struct task *t, void *arg, struct err *err);
int build_task_upload_gave_up(struct durable *d, struct db_tx *tx, const struct task *t,
	const struct err *why, void *arg, struct err *err);
int build_task_sweep(struct durable *d, const struct task *t, void *arg, struct err *err);
int build_task_stop(struct durable *d, const struct task *t, void *arg, struct err *err);
int build_task_queue_timeout(struct durable *d, const struct task *t, void *arg, struct err *err);

/* Within a step: the build's status is told to its source's git host, when that is wanted and the
 * commit is known (status.c). */
int build_report_status(struct build_engine *e, struct db_tx *tx,
	const struct store_build_record *r, struct err *err);
int build_task_report_status(struct durable *d, const struct task *t, void *arg, struct err *err);
int build_task_webhook_register(
	struct durable *d, const struct task *t, void *arg, struct err *err);
int build_task_webhook_register_gave_up(struct durable *d, struct db_tx *tx, const struct task *t,
	const struct err *why, void *arg, struct err *err);
int build_task_webhook_unregister(
	struct durable *d, const struct task *t, void *arg, struct err *err);

/* ---- what the leader is told (job.c, variable.c) ---- */

struct build_sources_found {
	struct build_source_result primary;
	struct build_source_result *secondary; /* as spec.secondarySources */
};

/* Fills in the environment in force, in order of rising precedence folded (names are unique), and
 * the values in it that the log must not show. */
int build_variables(const struct build_engine *e, const struct store_build_record *r,
	const struct towpath_buildspec *spec, const struct build_sources_found *sources,
	struct arena *a, struct towpath_leader_job *ret, struct err *err);
/* False for what the project takes from Parameter Store or Secrets Manager. */
bool build_variable_is_exportable(const struct store_build_record *r, const char *name);
struct build_job_input {
	const struct towpath_buildspec *spec;
	const struct yaml_warning *warnings;
	const char *text, *origin; /* of the buildspec */
	const struct build_sources_found *sources;
};
/* Makes the leader's job. *ret_artifact_error: why artifacts cannot be stored as the buildspec
 * wants (the build fails in UPLOAD_ARTIFACTS with it), or NULL. */
int build_job(const struct build_engine *e, const struct store_build_record *r,
	const struct build_job_input *in, struct arena *a, struct towpath_leader_job *ret,
	const char **ret_artifact_error, struct err *err);
/* The folder of a mode of the project's local cache, on this host; NULL when it has not this mode.
 */
const char *build_cache_dir(const struct build_engine *e, const struct store_build_record *r,
	const char *mode, struct arena *a);
/* Bucket and key prefix (location's prefix, then the cache's namespace or the project's name) of a
 * cache of type S3; both NULL for others. */
void build_cache_place(const struct codebuild_project *p, struct arena *a, const char **ret_bucket,
	const char **ret_prefix);
/* Takes away the docker layers of generations of the cache before this build's. */
void build_cache_sweep(const struct build_engine *e, const struct store_build_record *r);
/* CODEBUILD_SRC_DIR as the build sees it. */
const char *build_target_dir(const struct build_source_result *found, struct arena *a);

/* ---- reports (report_group.c, report_take.c) ---- */

/* A new group's row within a step; AccountLimitExceededException, ResourceAlreadyExistsException.
 */
int build_report_group_make(struct build_engine *e, struct db_tx *tx,
	const struct codebuild_report_group *wanted, struct arena *a,
	struct codebuild_report_group *ret, struct err *err);
/* Stores the reports that a build's leader left, and exports what their groups want exported.
 * Asking again for the same build stores nothing twice. What is wrong with a report is told by
 * *ret_note (NULL: nothing) and never an error; errors are faults that may pass. */
int build_reports_take(struct build_engine *e, const struct store_build_record *r,
	const struct build_run *run, struct arena *a, struct codebuild_build_report_arns *ret_arns,
	const char **ret_note, struct err *err);
int build_task_report_expires(struct durable *d, const struct task *t, void *arg, struct err *err);

/* Faults that may pass are tried again with the task; the rest is the user's to know. */
bool build_fault_may_pass(const struct err *why);

/* ---- where artifacts go (artifact.c) ---- */

struct build_destination {
	const char *bucket, *key; /* of a ZIP; of a tree: the prefix, ending in a slash */
	bool zip;
};
/* "bucket" or "arn:aws:s3:::bucket", with what follows it. */
const char *build_bucket_of(const char *location);
/* False when the artifact is not stored (NO_ARTIFACTS). */
bool build_destination(const struct codebuild_project_artifacts *spec,
	const struct towpath_build_pipeline *pipeline, const char *identifier, const char *project,
	const char *uuid, const char *evaluated_name, const char *s3_prefix, struct arena *a,
	struct build_destination *ret);

#endif
