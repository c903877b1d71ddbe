/* SPDX-License-Identifier: Apache-2.0 */
/* Large files that Git LFS keeps beside a repository: one file an object, by its SHA-256, in the
 * repository's own folder (lfs/), so that they come and go with it.
 *
 * An object stands there whole, checked and synced, or not at all. */
#ifndef TOWPATH_VCS_LFS_H
#define TOWPATH_VCS_LFS_H

#include "vcs/transport.h"

#define VCS_LFS_OBJECT_MAX ((int64_t)(16 * GIB)) /* as a whole push */

/* 64 lower-case hex digits. */
bool vcs_lfs_oid_valid(const char *oid);
/* 1 and its size, 0 when it is not there. */
int vcs_lfs_find(const char *path, const char *oid, int64_t *ret_size, struct err *err);
/* ERR_NOT_FOUND. The descriptor is the caller's. */
int vcs_lfs_open(
	const char *path, const char *oid, int *ret_fd, int64_t *ret_size, struct err *err);
/* Takes an object from a stream to its end. ERR_INVALID: it is not that object; ERR_TOO_LARGE. */
int vcs_lfs_receive(const char *path, const char *oid, const struct vcs_stream *s, struct err *err);

#endif
