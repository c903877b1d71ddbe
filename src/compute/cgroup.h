/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups of roots, /towpath/<slot> in every hierarchy: version 2, or 1 with its controllers
 * mounted one by one. Where no controller is mounted a group has no limits and takes none.
 *
 * Groups are kept and used again, one root at a time: a removed memory group lives on in the
 * kernel until its last cached page is gone, and each of these makes every mount slower. Version 2
 * before Linux 6.12 cannot begin a group's peak of memory anew, so there a used group is replaced.
 * Whose a slot is says a lock on its folder, which falls with its maker. */
#ifndef TOWPATH_COMPUTE_CGROUP_H
#define TOWPATH_COMPUTE_CGROUP_H

#include "base/err.h"
#include "compute/compute.h"

/* Whether the machine has control groups of version 2 alone. */
bool cgroup_is_v2(void);
/* Version 2: gives the controllers that a group has to the groups below it, as far as it can. */
void cgroup_pass_on(const char *dir);

struct cgroup; /* the folders of one group */

/* Takes a free group and sets its limits. ERR_UNSUPPORTED when a limit is asked for whose
 * controller is not there. Delegated: SANDBOX_FIRST_ID may make groups below it, within its limits,
 * of more controllers than have limits. */
int cgroup_new(
	const struct compute_limits *limits, bool delegated, struct cgroup **ret, struct err *err);
/* Gives the group back; its processes must be gone. NULL is fine. */
void cgroup_free(struct cgroup *g);
/* Version 2: the group's folder, for CLONE_INTO_CGROUP; the caller's to close. Else -1. */
int cgroup_open(const struct cgroup *g);
/* Version 1: moves the calling thread, the only one of its process, into the group. Safe between
 * clone and exec: 0, or errno. */
int cgroup_enter(const struct cgroup *g);
/* In a root's own cgroup namespace, as its user 0: shows a delegated group in /sys/fs/cgroup. 0, or
 * errno. */
int cgroup_show(const struct cgroup *g);
/* How often the kernel killed a process of the group for its memory. */
int64_t cgroup_oom_kills(const struct cgroup *g);
/* Bytes; 0 when not known. */
size_t cgroup_peak_memory(const struct cgroup *g);

#endif
