/* SPDX-License-Identifier: Apache-2.0 */
/* The one way in which references change: begin, change, finish. See ref_update.c for what is
 * promised. */
#ifndef TOWPATH_SOURCE_REF_UPDATE_H
#define TOWPATH_SOURCE_REF_UPDATE_H

#include "base/id.h"
#include "source/engine.h"
#include "towpath.gen.h"

struct ref_change {
	const char *ref; /* full name */
	/* What the caller believes the reference holds; begin() checks it when set, else fills it
	 * in. */
	bool check_before;
	struct vcs_id before, after;
	bool noop;    /* it held `after` before */
	bool applied; /* by finish(): it holds `after` now */
};

struct ref_update {
	struct source_engine *e;
	const char *repository_id, *path, *actor;
	struct ref_change *changes;
	size_t n;
	const struct towpath_event_ref *merge; /* what the events say of the merge, or NULL */
	/* its own: */
	struct uuid_text token;
	const char **refs;
	struct vcs_repository *git;
	bool locked;
	struct arena arena;	     /* of follows */
	struct pull_follow *follows; /* pull_follow.h */
	size_t n_follows;
};

/* Locks the references, settles what an earlier failure left of them, and writes down what is
 * about to change. Strings are borrowed until release. wait_usec: how long to wait for others.
 * ERR_CONFLICT: a reference does not hold what the caller believed; ERR_BUSY; ERR_NOT_FOUND: the
 * repository is gone. */
int ref_update_begin(struct ref_update *u, struct arena *a, int64_t wait_usec, struct err *err);
/* Makes the changes by libgit2 (for a push, git does it). ERR_CONFLICT. */
int ref_update_apply(struct ref_update *u, struct err *err);
/* Looks which changes happened and journals them. -1: the change may stand, but nobody must be
 * told so; it is settled later. */
int ref_update_finish(struct ref_update *u, struct err *err);
/* Unlocks. */
void ref_update_release(struct ref_update *u);
#define CLEANUP_REF_UPDATE CLEANUP(ref_update_release)

/* One reference changes by API, begun, made and finished. merge: what its event says of a merge, or
 * NULL (after a crash the event is without it). ERR_CONFLICT, ERR_BUSY, ERR_NOT_FOUND. */
int ref_update_one(struct source_engine *e, struct call *call, const char *repository_id,
	struct ref_change *change, const struct towpath_event_ref *merge, struct err *err);

/* Settles all changes that a crash left open: of one repository, or of all (NULL). `crashed`: no
 * git can be at work, so stale lock files are removed. */
int ref_update_settle(
	struct source_engine *e, const char *repository_id, bool crashed, struct err *err);

#endif
