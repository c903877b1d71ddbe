/* SPDX-License-Identifier: Apache-2.0 */
/* The one way to start a child process. No shell, no inherited descriptors but those named. */
#ifndef TOWPATH_BASE_SPAWN_H
#define TOWPATH_BASE_SPAWN_H

#include <sys/types.h>

#include "base/err.h"
#include "base/interrupt.h"
#include "base/str.h"
#include "base/view.h"

struct spawn {
	const char *const *argv;	    /* NULL-terminated; argv[0] is looked up in PATH */
	char *const *envp;		    /* NULL: this process's environment */
	const char *cwd;		    /* NULL: this process's */
	int stdin_fd, stdout_fd, stderr_fd; /* -1: /dev/null; borrowed */
	const int *keep_fds; /* further descriptors the child keeps, by the same number */
	size_t n_keep_fds;
	bool new_session;     /* setsid() */
	bool die_with_parent; /* SIGKILL when the spawning thread's process ends */
	bool unconfined;      /* without an AppArmor profile, where that is allowed */
	uint64_t file_max;    /* bytes of any file that it writes (EFBIG); 0: as this process */
	bool set_ids;	      /* change to uid, gid and no supplementary groups */
	uid_t uid;
	gid_t gid;
	const struct interrupt *interrupt; /* of spawn_run(), or NULL */
};

#define SPAWN_INIT ((struct spawn){.stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1})

struct spawn_result {
	int exit_code; /* 0..255, or -1 when killed by a signal */
	int signal;    /* 0 unless killed */
	bool timed_out;
	bool truncated;	   /* output went over the limit; the rest was read and dropped */
	struct str out;	   /* standard output */
	struct str errout; /* standard error */
};

/* Starts the child; on success *ret_pid is the caller's to wait for. A program that cannot be
 * executed is an error here (it names the program), not an exit status. */
int spawn_start(const struct spawn *s, pid_t *ret_pid, struct err *err);
/* Waits (EINTR-safe); fills exit_code and signal. */
int spawn_wait(pid_t pid, struct spawn_result *ret, struct err *err);
/* Starts, feeds input, gathers output up to limit bytes each, waits. After timeout_usec
 * (true time; 0: none) kills the child and sets timed_out; so does an interruption, which is
 * ERR_CANCELLED. s->std*_fd are ignored.
 * Caller releases ret. */
int spawn_run(const struct spawn *s, struct view input, size_t limit, int64_t timeout_usec,
	struct spawn_result *ret, struct err *err);
/* As spawn_run, but anything else than exit status 0 is an error that carries the command and
 * the end of its standard error. ret_out may be NULL. */
int spawn_check(const char *const *argv, struct str *ret_out, struct err *err);
/* The same of a child with more to say about it. */
int spawn_check_as(const struct spawn *s, struct str *ret_out, struct err *err);
/* Whether PATH has the program (or the path with a slash is one); nothing is run. */
bool spawn_can_find(const char *program);
/* The path of the running program (name NULL), or of the one that stands beside it; the caller's.
 * NULL when that cannot be told. */
char *spawn_own_program(const char *name, struct err *err);
void spawn_result_release(struct spawn_result *r);
#define CLEANUP_SPAWN_RESULT CLEANUP(spawn_result_release)

#endif
