/* SPDX-License-Identifier: Apache-2.0 */
/* Inside vcs/ only: small pushes that are plainly right, without a git process. Most pushes are: a
 * few commits on top of what a branch holds. Whatever is not proven right here, wrong or only
 * unusual, is git's to judge, so that there is one set of rules and one set of words.
 *
 * What makes a push plain (nothing of it is visible before all of this is shown):
 * P1 Its pack is small, whole, and holds nothing but commits, trees and files which git's own check
 *    could not object to (plain_object.h) and which the push's commits lead to.
 * P2 Each reference is created, or moves forward from what it holds.
 * P3 No object is missing: a commit is in the pack or a reference holds it; each entry of a tree is
 * in the pack, or the same entry of a parent's tree. What references hold is complete. */
#ifndef TOWPATH_VCS_PLAIN_PUSH_H
#define TOWPATH_VCS_PLAIN_PUSH_H

#include "vcs/transport.h"

/* Serves the push if it is plain: 1; 0 when git is to do it: what has been read of the request is
 * in p->raw, and nothing has changed, but that objects may stand in the repository to which no
 * reference leads. push_max, file_max: how large the push and a file may be. */
int plain_push_serve(const char *path, struct vcs_push *p, uint64_t push_max, uint64_t file_max,
	const struct vcs_stream *s, const struct vcs_push_bracket *b, struct err *err);

#endif
