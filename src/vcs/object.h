/* SPDX-License-Identifier: Apache-2.0 */
/* Commits, trees and blobs: reading them, and making new ones. Results live in the arena. */
#ifndef TOWPATH_VCS_OBJECT_H
#define TOWPATH_VCS_OBJECT_H

#include "vcs/repository.h"

enum vcs_type { VCS_NONE, VCS_COMMIT, VCS_TREE, VCS_BLOB, VCS_TAG };

/* Modes of tree entries. */
#define VCS_MODE_TREE 0040000
#define VCS_MODE_FILE 0100644
#define VCS_MODE_EXECUTABLE 0100755
#define VCS_MODE_SYMLINK 0120000
#define VCS_MODE_SUBMODULE 0160000

struct vcs_signature {
	const char *name, *email;
	int64_t when;	    /* seconds since 1970 */
	int offset_minutes; /* of the time zone */
};

struct vcs_commit {
	struct vcs_id id, tree;
	struct vcs_id *parents;
	size_t n_parents;
	struct vcs_signature author, committer;
	const char *message;
	const char *extra; /* further headers, a line each ("gpgsig ..."), or "" */
};

struct vcs_entry {
	const char *name;
	uint32_t mode;
	struct vcs_id id;
};

/* VCS_NONE when there is no such object. */
enum vcs_type vcs_object_type(struct vcs_repository *r, const struct vcs_id *id);
/* Follows tags to the commit they stand for: 1, 0 when it is none, -1 error. */
int vcs_peel_to_commit(
	struct vcs_repository *r, const struct vcs_id *id, struct vcs_id *ret, struct err *err);
/* 1 found, 0 no such commit, -1 error. */
int vcs_commit_read(struct vcs_repository *r, const struct vcs_id *id, struct arena *a,
	struct vcs_commit *ret, struct err *err);
/* Entries in git's order. */
int vcs_tree_read(struct vcs_repository *r, const struct vcs_id *tree, struct arena *a,
	struct vcs_entry **ret, size_t *ret_n, struct err *err);
/* Looks a path up below a tree ("" is the tree itself): 1 found, 0 not, -1 error.
 * The entry's name is the path's last part, in the arena. */
int vcs_tree_find(struct vcs_repository *r, const struct vcs_id *tree, const char *path,
	struct arena *a, struct vcs_entry *ret, struct err *err);
/* 1 found, 0 no such blob, -1 error. Reads no content. */
int vcs_blob_size(
	struct vcs_repository *r, const struct vcs_id *id, uint64_t *ret, struct err *err);
/* ERR_TOO_LARGE over limit bytes, ERR_NOT_FOUND when there is no such blob. */
int vcs_blob_read(struct vcs_repository *r, const struct vcs_id *id, size_t limit, struct arena *a,
	struct view *ret, struct err *err);
/* 1 when ancestor is reachable from (or is) descendant. */
int vcs_is_ancestor(struct vcs_repository *r, const struct vcs_id *ancestor,
	const struct vcs_id *descendant, struct err *err);

int vcs_blob_write(
	struct vcs_repository *r, struct view content, struct vcs_id *ret, struct err *err);
/* The same for what may come once: 1, 0 when the repository has that blob already, -1. */
int vcs_blob_write_once(
	struct vcs_repository *r, struct view content, struct vcs_id *ret, struct err *err);

/* One change to a tree: mode 0 removes the path, else it becomes this blob. */
struct vcs_edit {
	const char *path;
	uint32_t mode;
	struct vcs_id blob;
};
/* The tree that base (zero: the empty tree) becomes by the edits; folders appear as needed and
 * vanish when empty. */
int vcs_tree_edit(struct vcs_repository *r, const struct vcs_id *base, const struct vcs_edit *edits,
	size_t n, struct vcs_id *ret, struct err *err);
/* Author and committer are the same; their names are cleaned of what a commit cannot hold. */
int vcs_commit_write(struct vcs_repository *r, const struct vcs_id *tree,
	const struct vcs_id *parents, size_t n_parents, const struct vcs_signature *who,
	const char *message, struct vcs_id *ret, struct err *err);

/* Writes the commit's files as a zip to fd, by git archive: file modes and links kept,
 * attributes of the repository not applied, memory bounded. */
int vcs_archive_zip(const char *repository_path, const struct vcs_id *commit, int fd,
	const struct vcs_bounds *bounds, struct err *err);
/* Clones into dir (which must not exist) with history, checked out at the commit with HEAD
 * detached or, when branch is not NULL, on that branch. depth 0: all. What a failure leaves there
 * is the caller's to remove. */
int vcs_clone(const char *repository_path, const struct vcs_id *commit, const char *branch,
	int depth, const char *dir, const struct vcs_bounds *bounds, struct err *err);

#endif
