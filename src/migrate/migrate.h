/* SPDX-License-Identifier: Apache-2.0 */
/* Brings a repository with its history from any git host to a repository of Towpath, and keeps it
 * up to date until the team has switched. */
#ifndef TOWPATH_MIGRATE_MIGRATE_H
#define TOWPATH_MIGRATE_MIGRATE_H

#include "migrate/plan.h"

struct migrate_config {
	struct migrate_ends ends;
	const char *state_dir; /* what was fetched and what was sent; made when missing */
	bool pulls;	       /* heads of pull requests, too */
	/* Makes a branch the target's default. */
	int (*set_default)(void *arg, const char *branch, struct err *err);
	void *arg;
};

struct migrate_report {
	size_t carried[MIGRATE_KINDS]; /* references at the target that equal the source's */
	size_t created, updated, deleted;
	size_t objects;	       /* counted at both ends by migrate_verify() */
	size_t lfs_objects;    /* likewise */
	struct strv conflicts; /* names of references where the target has commits of its own */
	const char *kept;      /* the default branch, which the source has no more; or NULL */
};

struct migrate;

/* Opens or makes the state folder and locks it, and asks a new source whether it is there:
 * ERR_CONFLICT when another process works in the folder or it belongs to another source. */
int migrate_open(const struct migrate_config *c, struct migrate **ret, struct err *err);
struct migrate *migrate_free(struct migrate *m);
DEFINE_FREEP(struct migrate, migrate_free)

/* Fetches and sends until the target equals the source as far as M1 allows (plan.h). May be killed
 * at any moment and called again. */
int migrate_run(struct migrate *m, struct err *err);
/* Fetches everything back from the target into an empty repository and compares: every reference,
 * the number of objects behind them, every LFS object. */
int migrate_verify(struct migrate *m, struct err *err);
/* What was done since migrate_open(); borrowed. */
const struct migrate_report *migrate_report(const struct migrate *m);
struct migrate_progress *migrate_progress(struct migrate *m);

#endif
