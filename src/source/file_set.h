/* SPDX-License-Identifier: Apache-2.0 */
/* Inside source/ only: the changes that one commit by API makes to files. */
#ifndef TOWPATH_SOURCE_FILE_SET_H
#define TOWPATH_SOURCE_FILE_SET_H

#include "base/vec.h"
#include "source/engine.h"

struct file_change {
	const char *path;
	struct vcs_entry before; /* mode 0: was not there */
	uint32_t mode;		 /* 0: removed */
	struct vcs_id blob;
};

struct file_set {
	struct vcs_repository *git;
	struct arena *arena;
	struct vcs_id base; /* tree; zeros: empty */
	bool keep_empty_folders;
	struct map paths;
	VEC(struct file_change) changes;
	size_t bytes; /* of new content */
};

void file_set_release(struct file_set *s);
/* Mode by its name (NULL or "": dflt): InvalidFileModeException. */
int file_set_mode(const char *name, uint32_t dflt, uint32_t *ret, struct err *err);
/* Each checks the path, that it is named once (SamePathRequestException), and what is there. */
int file_set_put(
	struct file_set *s, const char *path, struct view content, uint32_t mode, struct err *err);
/* mode 0: the source's. */
int file_set_copy(struct file_set *s, const char *path, const char *from, bool move, uint32_t mode,
	struct err *err);
int file_set_delete(struct file_set *s, const char *path, struct err *err);
int file_set_chmod(struct file_set *s, const char *path, uint32_t mode, struct err *err);
/* Checks the changes against one another and the tree, and makes the new tree. */
int file_set_write(struct file_set *s, struct vcs_id *ret_tree, struct err *err);

#endif
