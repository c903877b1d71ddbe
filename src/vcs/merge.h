/* SPDX-License-Identifier: Apache-2.0 */
/* Three-way merges of two commits, in memory until written: what git merge makes of them, what is
 * in conflict, and how conflicts are settled. "Ours" is the side that is merged into. */
#ifndef TOWPATH_VCS_MERGE_H
#define TOWPATH_VCS_MERGE_H

#include "vcs/object.h"

enum vcs_merge_level {
	/* Lines are merged and renames followed, as git merge does (differences by Myers, no
	 * guesses about renamed folders). */
	VCS_MERGE_LINES,
	/* A file that both sides changed, each in its own way, is a conflict. */
	VCS_MERGE_FILES,
};
/* Whose version conflicting pieces take. */
enum vcs_merge_favor { VCS_FAVOR_NONE, VCS_FAVOR_OURS, VCS_FAVOR_THEIRS };

struct vcs_merge_side {
	uint32_t mode; /* 0: there is none */
	struct vcs_id id;
};
struct vcs_merge_conflict {
	const char *path;
	struct vcs_merge_side base, ours, theirs;
};

struct vcs_merge;

/* The best common ancestor: 1, 0 when the histories have none in common, -1 error. */
int vcs_merge_base(struct vcs_repository *r, const struct vcs_id *ours, const struct vcs_id *theirs,
	struct vcs_id *ret, struct err *err);
/* Merges; `r` must outlive the result. ERR_NOT_FOUND: no common ancestor; ERR_TOO_LARGE: a file to
 * be merged by lines is too large. */
int vcs_merge_new(struct vcs_repository *r, const struct vcs_id *ours, const struct vcs_id *theirs,
	enum vcs_merge_level level, enum vcs_merge_favor favor, struct vcs_merge **ret,
	struct err *err);
struct vcs_merge *vcs_merge_free(struct vcs_merge *m);
DEFINE_FREEP(struct vcs_merge, vcs_merge_free)
#define CLEANUP_MERGE CLEANUP(vcs_merge_freep)

/* The paths in conflict, in order of path; in the arena. */
int vcs_merge_conflicts(struct vcs_merge *m, struct arena *a, struct vcs_merge_conflict **ret,
	size_t *ret_n, struct err *err);
/* What the merged tree holds at path: 1 found, 0 not. */
int vcs_merge_find(const struct vcs_merge *m, const char *path, struct vcs_merge_side *ret);
/* Decides what stands at path (mode 0: nothing), whether it was in conflict or not. */
int vcs_merge_settle(
	struct vcs_merge *m, const char *path, const struct vcs_merge_side *as, struct err *err);
/* Writes the tree. ERR_CONFLICT while anything is in conflict. */
int vcs_merge_write(struct vcs_merge *m, struct vcs_id *ret_tree, struct err *err);

/* ---- pieces of a file ---- */

struct vcs_merge_lines {
	int start, n; /* first line, from 0; number of lines */
	struct view text;
};
/* A place where at least one side differs from the base. */
struct vcs_merge_hunk {
	bool conflict; /* both sides changed it, each in its own way */
	struct vcs_merge_lines base, ours, theirs;
};
/* In the order of lines; touching changes of both sides are one piece. Texts are borrowed. */
int vcs_merge_hunks(struct view base, struct view ours, struct view theirs, struct arena *a,
	struct vcs_merge_hunk **ret, size_t *ret_n, struct err *err);
/* As git guesses it. */
bool vcs_is_binary(struct view content);

#endif
