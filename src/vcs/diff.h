/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between two trees, and the history of one file. */
#ifndef TOWPATH_VCS_DIFF_H
#define TOWPATH_VCS_DIFF_H

#include "vcs/object.h"

struct vcs_difference {
	char change;			  /* 'A', 'M' or 'D' */
	const char *path;		  /* of the whole, also when only a folder was compared */
	uint32_t before_mode, after_mode; /* 0 when absent */
	struct vcs_id before, after;
};

/* Differences between two trees (before may be NULL: everything is added), in the order of their
 * paths' bytes, without rename detection: those behind the path `behind` (NULL: from the start), at
 * most max; *ret_more tells whether there are further ones. prefix ("" or "folder/") is put before
 * each path, and stands before `behind` too. */
int vcs_diff_trees(struct vcs_repository *r, const struct vcs_id *before,
	const struct vcs_id *after, const char *prefix, const char *behind, size_t max,
	struct arena *a, struct vcs_difference **ret, size_t *ret_n, bool *ret_more,
	struct err *err);

struct vcs_version {
	struct vcs_id commit, blob;
	const char *path;	 /* in that commit: renames are followed */
	struct vcs_id *children; /* newer versions that were made from this one */
	size_t n_children;
};
/* Where a page of a history ends. */
struct vcs_version_mark {
	struct vcs_id commit;
	const char *path;
};
/* The commits that changed the file, newest first, from `start` back: those behind the version
 * `behind` of this history (NULL: all), at most max. A file that is not in `start` has no history
 * (*ret_n 0). */
int vcs_file_history(struct vcs_repository *r, const struct vcs_id *start, const char *path,
	const struct vcs_version_mark *behind, size_t max, struct arena *a,
	struct vcs_version **ret, size_t *ret_n, bool *ret_more, struct err *err);

#endif
