/* SPDX-License-Identifier: Apache-2.0 */
/* Names that some file system takes for ".git". */
#ifndef TOWPATH_VCS_DOT_GIT_H
#define TOWPATH_VCS_DOT_GIT_H

#include <stdbool.h>

#include "base/view.h"

/* Whether a part of a path, checked out by somebody, is (or on Windows leads into) the folder .git:
 * in any case, with the endings that NTFS drops, by its short name git~1, behind backslashes, or
 * with characters between that HFS+ does not see. Git's fsck refuses the same. */
bool vcs_name_is_dot_git(struct view name);

#endif
