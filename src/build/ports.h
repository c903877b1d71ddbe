/* SPDX-License-Identifier: Apache-2.0 */
/* What builds need from their surroundings: sources, artifact storage, log streams,
 * values of parameters and secrets, and somebody who runs the phases. Implemented in
 * provider/build_*.c (over the sibling engines), leader/runner.c (real processes) and sim/build_*.c
 * (simulations).
 *
 * Unless said otherwise functions are called from worker threads, outside of transactions, may
 * block, and may be called again for the same thing after a crash: asking again for what is
 * already so succeeds. Texts that are returned live in the arena. An error's message becomes the
 * message of the phase's context, so it names the object and says what to do. */
#ifndef TOWPATH_BUILD_PORTS_H
#define TOWPATH_BUILD_PORTS_H

#include "base/interrupt.h"
#include "codebuild.gen.h"
#include "db/db.h"
#include "towpath.gen.h"

/* Where builds see their sources: the same for all, so that tools that cache by path find again
 * what an earlier build left, and roots need no folders of their own for it. */
#define BUILD_SOURCE_BASE "/codebuild/output/src1"

/* ---- the service role ---- */

struct build_role {
	const char *arn;
	const char *build; /* uuid of the build that acts under it */
	const char *build_arn;
	const char *pipeline; /* whose role it is, which trusts pipelines and not builds; or NULL */
};

/* ---- sources ---- */

struct build_credential {
	const char *user, *password;
};

struct build_source_request {
	const char *account, *region;
	const char *project;
	struct build_role role; /* must be allowed to read each object of a folder */
	const char *identifier; /* "" for the primary source */
	const struct codebuild_project_source *source;
	const char *version; /* as asked for (commit, branch, tag, S3 version), or NULL */
	/* CODEPIPELINE: the artifact that the pipeline hands over; NULL otherwise */
	const struct towpath_build_input *input;
	const char *dir;       /* existing folder to fill; what an earlier try left is in it */
	const char *cache_dir; /* LOCAL_SOURCE_CACHE: a folder that is kept, or NULL */
	const struct build_credential *credential; /* for a git host elsewhere; NULL: none */
	int64_t deadline_usec;		   /* of monotonic_usec(): the build has timed out */
	const struct interrupt *interrupt; /* the build is stopped, or the server; NULL: never */
};

struct build_source_result {
	const char *resolved_version; /* commit id, pipeline revision, or NULL */
	const char *url;	      /* CODEBUILD_SOURCE_REPO_URL, or NULL */
	const char *path_suffix;      /* "git-codecommit.R.amazonaws.com/v1/repos/x",
					 "github.com/x/y" or NULL */
};

struct build_sources {
	void *arg;
	/* Fills the folder with the source. Types: CODECOMMIT, S3, CODEPIPELINE and those of
	 * build/host.h; others answer ERR_UNSUPPORTED. Clones end early with ERR_TIMEOUT and
	 * ERR_CANCELLED; nothing writes into the folder after that. */
	int (*fetch)(void *arg, const struct build_source_request *req, struct arena *a,
		struct build_source_result *ret, struct err *err);
	/* Reads a small object (a buildspec given by its ARN); ERR_TOO_LARGE past limit. */
	int (*read_object)(void *arg, const char *bucket, const char *key, size_t limit,
		struct str *ret, struct err *err);
};

/* ---- artifacts ---- */

struct build_artifacts {
	void *arg;
	/* Stores a file as one object. metadata: x-amz-meta-* names without the prefix. */
	int (*put_file)(void *arg, const char *bucket, const char *key, const char *path,
		const struct towpath_string_map *metadata, struct err *err);
	/* Stores every file below dir as prefix + its relative path, which the role must be allowed
	 * for each. A symbolic link is stored as what it points to inside dir; one that leads out
	 * of dir is refused. */
	int (*put_tree)(void *arg, const struct build_role *role, const char *bucket,
		const char *prefix, const char *dir, const struct towpath_string_map *metadata,
		struct err *err);
};

/* ---- logs ---- */

struct build_logs {
	void *arg;
	/* Within the step that starts the build: makes the group and stream known; the stream's
	 * lines are those of the spool file (codec/spool.h), which may come later. */
	int (*open_stream)(void *arg, struct db_tx *tx, const char *group, const char *stream,
		const char *spool_path, int64_t usec, struct err *err);
};

/* ---- values kept elsewhere ---- */

struct build_value_request {
	struct build_role role; /* must be allowed to read */
	const char *variable;	/* that wants it */
	const char *reference;	/* as the environment writes it */
};

struct build_values {
	void *arg;
	/* Parameter Store: "name[:version or label]"; decrypted. */
	int (*parameter)(void *arg, const struct build_value_request *req, struct arena *a,
		const char **ret, struct err *err);
	/* Secrets Manager: "id[:json-key[:version-stage[:version-id]]]". */
	int (*secret)(void *arg, const struct build_value_request *req, struct arena *a,
		const char **ret, struct err *err);
};

/* may NULL: nobody asks. */
struct build_roles {
	void *arg;
	/* 0 when the role may do it; ERR_DENIED says what is missing. */
	int (*may)(void *arg, const struct build_role *role, const char *action,
		const char *resource, struct err *err);
	/* What a build needs in its environment to act under its role, and which of the values logs
	 * must not show. Both lists are made in the arena. */
	int (*variables)(void *arg, const struct build_role *role, struct arena *a,
		struct towpath_leader_variables *ret, struct towpath_string_list *ret_secrets,
		struct err *err);
};

/* ---- runner ---- */

/* What is known of a build's run: the records of its leader, folded. */
struct build_run {
	bool started, finished;
	bool lost;		  /* started, not finished, and nobody works on it any more */
	const char *build_status; /* when finished: SUCCEEDED FAILED FAULT TIMED_OUT STOPPED */
	const struct towpath_leader_record *records; /* in order */
	size_t n_records;
};

struct build_runner {
	void *arg;
	/* Stores the job beside its folder's other files and starts it. When this returns 0 the
	 * run goes on without us. A job that was ever started is not started again: ERR_CONFLICT.
	 */
	int (*start)(void *arg, const char *job_dir, const struct towpath_leader_job *job,
		struct err *err);
	/* After a restart of the server: watch again what was started before. changed() is called
	 * at least once for it. */
	int (*attach)(void *arg, const char *job_dir, struct err *err);
	/* Ends the run as STOPPED; one that ended already is fine. */
	int (*stop)(void *arg, const char *job_dir, struct err *err);
	int (*status)(void *arg, const char *job_dir, struct arena *a, struct build_run *ret,
		struct err *err);
	/* From now on changed(engine, job_dir) is called, on a thread of the runner's (simulated
	 * runners: from a task), after new records and after the end or death of a run. Several
	 * changes may be told by one call. -1: it could not be stored, and is told again after a
	 * pause. Called once, before the first start. */
	void (*watch)(void *arg, int (*changed)(void *engine, const char *job_dir), void *engine);
	/* Changes are told no more; returns when no call is under way. Runs go on. */
	void (*unwatch)(void *arg);
};

struct build_ports {
	struct build_sources sources;
	struct build_artifacts artifacts;
	struct build_logs logs;
	struct build_values values;
	struct build_roles roles;
	struct build_runner runner;
};

#endif
