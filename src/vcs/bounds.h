/* SPDX-License-Identifier: Apache-2.0 */
/* What work of git is held to: that it ends when it is told to, by a time, and before it has filled
 * the disk. Where one is taken, NULL stands for no bounds. */
#ifndef TOWPATH_VCS_BOUNDS_H
#define TOWPATH_VCS_BOUNDS_H

#include "base/interrupt.h"

struct vcs_bounds {
	const struct interrupt *interrupt; /* NULL: none; ERR_CANCELLED */
	int64_t deadline_usec;		   /* of monotonic_usec(); 0: none; ERR_TIMEOUT */
	/* Bytes of the disk that the folder which is filled may take; 0: any; ERR_TOO_LARGE */
	uint64_t disk_max;
};

/* Now and then a look at how much of the disk a folder takes: nothing tells when it is too much. */
struct vcs_disk_look {
	const char *folder;
	uint64_t max;
	int64_t every_usec; /* at least between two looks */
	int64_t next_usec;  /* of monotonic_usec(): when the next one is due */
};
/* Looks; 1: it takes more than max. */
int vcs_disk_over(struct vcs_disk_look *l, struct err *err);

/* What can be done where the server's limit was too little. */
#define VCS_DISK_HINT                                                          \
	"Start the server with a larger --clone-limit (TOWPATH_CLONE_LIMIT), " \
	"or ask for less: some commits of history (gitCloneDepth), no submodules"

#endif
