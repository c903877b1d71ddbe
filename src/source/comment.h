/* SPDX-License-Identifier: Apache-2.0 */
/* Inside source/ only: comments on pull requests and on compared commits. A thread is a comment and
 * its replies; it stands at one place. */
#ifndef TOWPATH_SOURCE_COMMENT_H
#define TOWPATH_SOURCE_COMMENT_H

#include "source/engine.h"
#include "store/source_review.h"
#include "towpath.gen.h"

struct comment {
	struct codecommit_comment doc; /* as stored: without reactions */
	struct towpath_source_comment more;
};

/* CommentIdRequiredException, InvalidCommentIdException, CommentDoesNotExistException. */
int comment_load(
	struct db_tx *tx, const char *id, struct arena *a, struct comment *ret, struct err *err);
/* The comment in the API's form, with its reactions. */
int comment_tell(struct db_tx *tx, const struct codecommit_comment *doc, const char *caller,
	struct arena *a, struct codecommit_comment *ret, struct err *err);
/* CommentDeletedException. */
int comment_check_there(const struct comment *c, struct err *err);
/* Appends the journal's entry of something that happened to a comment. */
int comment_journal(struct source_engine *e, struct db_tx *tx, const struct comment *c,
	const char *kind, struct towpath_event_comment *event, const char *actor, struct arena *a,
	struct err *err);

#endif
