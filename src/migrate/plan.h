/* SPDX-License-Identifier: Apache-2.0 */
/* What must change at the target so that it holds what the source holds. Decides by its arguments
 * alone.
 *
 * M1 A commit that only the target has is never lost: a reference is changed or deleted only where
 *    the target holds what a migration sent there, or where its value is an ancestor of the new
 * one. M2 What is about to be sent is recorded before it is sent, so M1 holds after a kill, too. M3
 * References that only the target has and that no migration sent stay as they are. */
#ifndef TOWPATH_MIGRATE_PLAN_H
#define TOWPATH_MIGRATE_PLAN_H

#include "migrate/ref.h"

enum migrate_action {
	MIGRATE_SAME, /* nothing to do */
	MIGRATE_CREATE,
	MIGRATE_UPDATE,
	MIGRATE_DELETE,	  /* the source has it no more */
	MIGRATE_CONFLICT, /* the target has commits of its own: nothing is done */
};

struct migrate_change {
	enum migrate_action action;
	const char *name;
	const char *before, *after; /* ids; NULL: absent */
};

struct migrate_plan {
	VEC(struct migrate_change) changes; /* without MIGRATE_SAME; in the source's order */
	size_t n_conflicts;
};

/* The two questions that need more than the lists. Both may fail with -1. */
struct migrate_oracle {
	/* Whether a migration has sent this id to this reference (M2). */
	bool (*was_sent)(void *arg, const char *name, const char *id);
	/* Whether the first is an ancestor of the second: 1, 0. */
	int (*is_ancestor)(void *arg, const char *old, const char *new, struct err *err);
	void *arg;
};

/* Strings of the plan are those of the lists. */
int migrate_plan_make(const struct migrate_refs *source, const struct migrate_refs *target,
	const struct migrate_oracle *o, struct migrate_plan *ret, struct err *err);
void migrate_plan_release(struct migrate_plan *p);
#define CLEANUP_MIGRATE_PLAN CLEANUP(migrate_plan_release)

#endif
