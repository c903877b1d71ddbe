/* SPDX-License-Identifier: Apache-2.0 */
/* Inside source/ only: what comments are checked for, and the journal's kinds of their events. */
#ifndef TOWPATH_SOURCE_COMMENT_POST_H
#define TOWPATH_SOURCE_COMMENT_POST_H

#include "base/arena.h"
#include "base/err.h"
#include "vcs/object.h"

#define COMMENT_KIND_COMMIT "codecommit.comment-on-commit"
#define COMMENT_KIND_PULL "codecommit.comment-on-pull"
#define COMMENT_KIND_REACTION "codecommit.reaction"

/* CommentContentRequiredException, CommentContentSizeLimitExceededException. */
int comment_check_content(const char *content, struct err *err);
/* CommitIdRequiredException, InvalidCommitIdException, CommitDoesNotExistException. */
int comment_find_commit(struct vcs_repository *git, const char *id, struct arena *a,
	struct vcs_commit *ret, struct err *err);
/* Owners of threads (STORE_SOURCE_THREAD); before may be NULL. */
const char *comment_owner_of_commits(
	const char *repository_id, const char *before, const char *after, struct arena *a);
const char *comment_owner_of_pull(const char *pull_id, struct arena *a);

#endif
