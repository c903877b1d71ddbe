/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups of roots, /towpath/<id> in every hierarchy: version 2, or 1 with its controllers
 * mounted one by one. Where no controller is mounted a group has no limits and takes none. */
#ifndef TOWPATH_COMPUTE_CGROUP_H
#define TOWPATH_COMPUTE_CGROUP_H

#include "base/err.h"
#include "compute/compute.h"

struct cgroup; /* the folders of one group */

/* Makes the group and sets its limits. ERR_UNSUPPORTED when a limit is asked for whose controller
 * is not there. */
int cgroup_new(
	const char *id, const struct compute_limits *limits, struct cgroup **ret, struct err *err);
/* Removes the group, which must have no processes left, and frees g. NULL is fine. */
void cgroup_free(struct cgroup *g);
/* Moves the calling process into the group. Safe between clone and exec: 0, or errno. */
int cgroup_enter(const struct cgroup *g);
/* How often the kernel killed a process of the group for its memory. */
int64_t cgroup_oom_kills(const struct cgroup *g);
/* Bytes; 0 when not known. */
size_t cgroup_peak_memory(const struct cgroup *g);
/* Kills what is left of the group of this id and removes it. */
void cgroup_sweep(const char *id);

#endif
