/* SPDX-License-Identifier: Apache-2.0 */
/* Real git as a child process of a migration: with the user's own configuration and credential
 * helpers, and with helpers of ours for the two ends. */
#ifndef TOWPATH_MIGRATE_GIT_H
#define TOWPATH_MIGRATE_GIT_H

#include "base/err.h"
#include "base/vec.h"
#include "migrate/progress.h"
#include "vcs/bounds.h"

/* Where a run of git talks to; says how it comes to its credentials, and what ends it early. */
struct migrate_ends {
	const char *source, *target; /* addresses, without credentials */
	const char *target_ca;	     /* file of certificates that vouch for the target, or NULL */
	const char *program, *data_dir; /* this program, and what --data was, or NULL */
	struct vcs_bounds bounds;
	const char *filled; /* the folder that bounds.disk_max is of */
};

/* Each line of standard output, without its end. -1 ends the run. */
typedef int migrate_line_fn(void *arg, struct view line, struct err *err);

struct migrate_git {
	const struct migrate_ends *ends;
	struct migrate_progress *progress;
	const char *dir; /* a bare repository, or NULL */
};

/* Runs `git <args>` (ends with NULL) to its end. input is its standard input; line may be NULL.
 * Anything but exit status 0 is an error with what git said, a kind (ERR_DENIED, ERR_NOT_FOUND,
 * ERR_UNAVAILABLE, ERR_CONFLICT for a push that came too late, ERR_TOO_LARGE, ERR_CANCELLED,
 * ERR_IO) and a hint. After a failure nobody of git's works any more. */
int migrate_git_run(const struct migrate_git *g, const char *const *args, struct view input,
	migrate_line_fn *line, void *arg, struct err *err);
/* The same for a question: 1 for exit status 0, 0 for another, -1 when git cannot be run. */
int migrate_git_ask(const struct migrate_git *g, const char *const *args, struct err *err);

#endif
