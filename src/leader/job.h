/* SPDX-License-Identifier: Apache-2.0 */
/* One build while its leader runs it: for the leader's own files only.
 *
 * Work stops at once when `ended` is set (stop request, time limit, root gone): what waits
 * returns then, and no further process is started. */
#ifndef TOWPATH_LEADER_JOB_H
#define TOWPATH_LEADER_JOB_H

#include "base/arena.h"
#include "base/vec.h"
#include "build/ports.h"
#include "compute/compute.h"
#include "leader/output.h"
#include "leader/status.h"

#define JOB_CONTROL_DIR "/codebuild/output/tmp" /* scripts and state, inside */
#define JOB_HOSTNAME "towpath-build"
#define JOB_BUILDSPEC "/codebuild/readonly/buildspec.yml"
#define JOB_ENGINE_DIR "docker" /* in JOB */
#define JOB_DEFAULT_TARGET BUILD_SOURCE_BASE "/src"

enum job_end {
	JOB_RUNS,
	JOB_TIMED_OUT,
	JOB_STOPPED,
};

/* The docker engine of a build in privileged mode (engine.c). */
struct job_engine {
	const char *storage;	   /* folder on the host */
	bool kept;		   /* for the project's next build */
	int lock_fd;		   /* of the kept storage */
	struct compute_exec *exec; /* NULL: there is none, or no longer */
	int log_fd;		   /* what it writes */
	int told_fd;		   /* readable once it was used */
};

/* A cache of type S3 (cache_bucket.c). */
struct job_cache {
	const char *key;    /* of the object; NULL: not known, nothing is saved */
	bool hit;	    /* the object was there */
	const char *sha256; /* of the archive that was restored; NULL: none or not told */
};

struct job {
	const char *dir; /* JOB */
	struct arena arena;
	struct clock clock; /* the server's */
	struct towpath_leader_job *spec;
	const char *source_target; /* CODEBUILD_SRC_DIR */
	const char *shell;
	bool carries_state; /* version 0.2 */
	struct status_log status;
	struct output output;
	struct strv variables; /* of every process in the root */
	VEC(struct compute_mount) mounts;
	struct compute_root *root;
	struct job_engine engine;
	struct job_cache cache;
	int signal_fd;
	int64_t deadline_usec; /* monotonic; 0: none */
	enum job_end ended;
	bool failing; /* a phase failed: CODEBUILD_BUILD_SUCCEEDING=0 */
};

/* How a process of the root ended. */
struct job_exit {
	bool ended; /* false: the job was ended before it */
	struct compute_exit exit;
};

/* Waits for a process of the root while its output goes to the log; watches for stop requests
 * and the time limit, at which everything in the root is killed. */
int job_await(struct job *j, struct compute_exec *e, struct job_exit *ret, struct err *err);
/* Whether the job was ended meanwhile, without waiting. */
bool job_check_end(struct job *j);
/* The value of a variable in force at the start, or NULL. */
const char *job_variable(const struct job *j, const char *name);
/* Starts a function inside the root whose standard output and error are the log. */
int job_builtin(struct job *j, compute_builtin fn, const char *const *argv, const int *fds,
	size_t n_fds, struct job_exit *ret, struct err *err);

/* Leads a job in this process, which is its leader's own. ready() is called once, when the lock is
 * taken, or with the error that forbids the run. */
void job_lead(const char *job_dir, void (*ready)(void *arg, const struct err *err), void *arg);

/* ---- shell.c ---- */

/* Prepares JOB/control, which the root sees as JOB_CONTROL_DIR. */
int shell_prepare(struct job *j, struct err *err);
/* After the root is made: the state that the first command starts from. */
int shell_start(struct job *j, struct err *err);
/* Runs one command as CodeBuild does. *ret_reason: NULL on success, else "exit status 1",
 * "signal: killed" and the like, in the arena. */
int shell_run(struct job *j, const char *command, const char *user, const char **ret_reason,
	struct err *err);
/* From now on commands see CODEBUILD_BUILD_SUCCEEDING=0. */
int shell_mark_failing(struct job *j, struct err *err);
/* The text as the shell expands it between double quotes, with the state of the last command. */
int shell_expand(struct job *j, const char *text, struct str *ret, struct err *err);
/* The value of each name in the state of the last command, "" when not set. */
int shell_variables(struct job *j, const struct towpath_string_list *names,
	struct towpath_leader_variables *ret, struct err *err);

/* ---- phase.c ---- */

struct phase_result {
	const char *status; /* SUCCEEDED, FAILED, TIMED_OUT, STOPPED */
	const char *status_code, *message;
};

#define PHASE_OK ((struct phase_result){"SUCCEEDED", "", ""})

int phase_begin(struct job *j, const char *name, struct err *err);
/* Logs the two lines, appends the record. */
int phase_end(struct job *j, const char *name, const struct phase_result *r, struct err *err);
/* The message as it may be stored: secrets masked. In the arena. */
const char *phase_message(struct job *j, const struct phase_result *r);
/* Overrides *r when the job was ended from outside. */
void phase_note_end(const struct job *j, struct phase_result *r);
/* Runs INSTALL ... POST_BUILD by their rules. *ret: SUCCEEDED or what counts against the build;
 * *ret_collect: whether UPLOAD_ARTIFACTS comes next. */
int phase_run_all(struct job *j, struct phase_result *ret, bool *ret_collect, struct err *err);

/* ---- engine.c ---- */

/* Before the root is made: its programs and its storage. Programs that are missing are a failed *r,
 * not an error. Without privileged mode there is no engine: nothing happens. */
int engine_prepare(struct job *j, struct phase_result *r, struct err *err);
/* After the root is made: its socket is there from now on. */
int engine_start(struct job *j, struct err *err);
/* Polls readable when the engine has ended; -1: there is none. */
int engine_end_fd(const struct job *j);
/* Logs that it ended while the build went on, and what it wrote. */
int engine_note_end(struct job *j, struct err *err);
/* While the root lives: ends the engine in order where its storage is kept. */
void engine_stop(struct job *j);
/* The credential helper that clients of docker have in a build's PATH. */
#define JOB_DOCKER_HELPER "docker-credential-towpath"
/* engine_inside.c: a function inside the root. */
int engine_inside(char **argv, const int *fds, size_t n_fds);

/* ---- collect.c, cache.c, runtime.c ---- */

/* The UPLOAD_ARTIFACTS phase: gathers artifacts and reports into JOB/out. */
int collect_run(struct job *j, struct phase_result *ret, struct err *err);
/* Mounts the folders of the project's local cache. */
int cache_restore(struct job *j, struct err *err);
/* A cache of type S3: brought after the root is made, stored after the phases of a build that
 * succeeded, both under the build's role. What fails is a line of the log. */
int cache_bucket_restore(struct job *j, struct err *err);
int cache_bucket_save(struct job *j, struct err *err);
/* Finds or brings what runtime-versions asks for: mounts and PATH. A runtime that cannot be had
 * is a failed *ret, not an error. */
/* Puts in front of PATH what points an old aws CLI to AWS_ENDPOINT_URL. */
int runtime_point_cli(struct job *j, struct err *err);
int runtime_select(struct job *j, struct phase_result *ret, struct err *err);

#endif
