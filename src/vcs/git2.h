/* SPDX-License-Identifier: Apache-2.0 */
/* Inside vcs/ only: libgit2's set-up, its errors, its objects' life. */
#ifndef TOWPATH_VCS_GIT2_H
#define TOWPATH_VCS_GIT2_H

#include <git2.h>

#include "base/mem.h"
#include "vcs/repository.h"

struct vcs_repository {
	git_repository *git;
	char *path;
};

/* Starts libgit2 once a process. */
void vcs_git2_init(void);
/* Sets err from libgit2's last error; code is what the call returned. Returns -1. */
int vcs_git2_err(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
struct vcs_id vcs_id_of(const git_oid *oid);
git_oid vcs_oid_of(const struct vcs_id *id);

#define VCS_DEFINE_FREEP(type, fn)         \
	static inline void fn##p(type **p) \
	{                                  \
		fn(*p);                    \
	}
VCS_DEFINE_FREEP(git_reference, git_reference_free)
VCS_DEFINE_FREEP(git_object, git_object_free)
VCS_DEFINE_FREEP(git_commit, git_commit_free)
VCS_DEFINE_FREEP(git_tree, git_tree_free)
VCS_DEFINE_FREEP(git_tree_entry, git_tree_entry_free)
VCS_DEFINE_FREEP(git_odb, git_odb_free)
VCS_DEFINE_FREEP(git_blob, git_blob_free)
VCS_DEFINE_FREEP(git_config, git_config_free)
VCS_DEFINE_FREEP(git_diff, git_diff_free)
VCS_DEFINE_FREEP(git_reference_iterator, git_reference_iterator_free)

#endif
