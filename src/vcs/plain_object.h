/* SPDX-License-Identifier: Apache-2.0 */
/* Inside vcs/ only: commits and trees without anything that git's own check (fsck) could object to.
 * What is not plain may be right all the same: git decides about it. */
#ifndef TOWPATH_VCS_PLAIN_OBJECT_H
#define TOWPATH_VCS_PLAIN_OBJECT_H

#include "vcs/git2.h"

#define PLAIN_PARENTS_MAX 8

struct plain_commit {
	git_oid tree, parents[PLAIN_PARENTS_MAX];
	size_t n_parents;
};
bool plain_commit_parse(struct view bytes, struct plain_commit *ret);

struct plain_entry {
	struct view mode, name;
	git_oid id;
};
/* The next entry of a tree, which goes on behind it; false at the end, *tree is then empty, or
 * where the bytes are not a tree's. */
bool plain_tree_next(struct view *tree, struct plain_entry *ret);
/* Whether the entries stand in git's order, with no name twice. */
bool plain_tree_is_ordered(struct view tree);
bool plain_entry_is_folder(const struct plain_entry *e);
/* A file or folder whose name no file system takes for another's, nor git for one of its own. */
bool plain_entry_ok(const struct plain_entry *e);

#endif
