/* SPDX-License-Identifier: Apache-2.0 */
/* The process that owns one build, and how the server starts, stops and watches it.
 *
 * The server writes JOB/spec.json (shape LeaderJob of model/towpath.json) and launches a leader
 * for the folder JOB. The leader is a process of its own, detached: it runs the phases in a
 * sandbox, writes JOB/log (codec/spool.h), appends JOB/status.log (one LeaderRecord a line), puts
 * artifacts into JOB/out/ and ends. It neither needs nor notices the server; a server that comes
 * back reads status.log.
 *
 * Who is alive is told by a lock on JOB/leader.lock that the kernel drops with the process. */
#ifndef TOWPATH_LEADER_LEADER_H
#define TOWPATH_LEADER_LEADER_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/zygote.h"
#include "towpath.gen.h"

#define LEADER_SPEC "spec.json"
#define LEADER_STATUS "status.log"
#define LEADER_LOG "log"
#define LEADER_LOCK "leader.lock"
#define LEADER_STOP "stop.request"
#define LEADER_OUT "out"

/* The zygote of leaders (base/zygote.h says when to call this, and when it ends). */
int leader_zygote_start(struct zygote **ret, struct err *err);

/* Starts the leader of a job folder that holds spec.json. When this returns the leader has its
 * lock; *ret_pid (may be NULL) is its process. ERR_CONFLICT when one is alive already. A job
 * whose leader once wrote status.log is never run again: ERR_CONFLICT as well. Thread-safe. */
int leader_launch(struct zygote *z, const char *job_dir, pid_t *ret_pid, struct err *err);
/* Asks the leader to end the build: processes are killed at once, the build ends STOPPED.
 * Safe to repeat; without a living leader it leaves the request for one that starts. */
int leader_stop(const char *job_dir, struct err *err);
/* The leader's process, or 0 when none is alive. */
pid_t leader_alive(const char *job_dir);
/* Runs the job in this process, in the foreground; the log is also copied to echo_fd (-1: no).
 * *ret_status is the build status (borrowed, static). For `towpath run` and for tests. */
int leader_run(const char *job_dir, int echo_fd, const char **ret_status, struct err *err);

/* All of status.log, folded. Values live in the arena. */
struct leader_status {
	bool started, finished;
	const char *build_status; /* when finished: SUCCEEDED FAILED FAULT TIMED_OUT STOPPED */
	struct towpath_leader_record *records; /* in order, as written */
	size_t n_records;
	bool lost; /* not finished and no leader is alive: the build failed */
};

/* Reads what there is; a torn last line is left out. A missing file is an empty status. */
int leader_status_read(
	const char *job_dir, struct arena *a, struct leader_status *ret, struct err *err);
/* Calls fn for every folder in `builds_dir` that holds spec.json; stops when fn returns not 0
 * and answers that. */
int leader_scan(const char *builds_dir, int (*fn)(const char *job_dir, void *arg), void *arg,
	struct err *err);

#endif
