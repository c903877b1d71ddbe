/* SPDX-License-Identifier: Apache-2.0 */
/* Inside source/ only: pull requests as they are stored, the steps that change them, and what the
 * change of a reference does to them.
 *
 * P1 A pull request that is open has one row for each of its two references
 *    (STORE_SOURCE_PULL_REF); the step that closes it removes both.
 * P2 The step that ends a change of a reference (ref_update.c) also moves, closes or merges the
 *    open pull requests of that reference. So after a crash a merge that happened is told as one.
 * P3 A merge by API writes the commit it is about to make into the pull request before the
 *    reference moves; P2 knows it by that. */
#ifndef TOWPATH_SOURCE_PULL_H
#define TOWPATH_SOURCE_PULL_H

#include "source/engine.h"
#include "store/source_review.h"
#include "towpath.gen.h"

struct pull {
	const char *key;
	struct codecommit_pull_request doc;
	struct codecommit_pull_request_target *target; /* of doc: there is one */
	struct towpath_source_pull more;
};

/* 1 found, 0 not, -1 error. */
int pull_get(struct db_tx *tx, const char *key, struct arena *a, struct pull *ret, struct err *err);
/* By number: PullRequestIdRequiredException, InvalidPullRequestIdException,
 * PullRequestDoesNotExistException. */
int pull_load(struct db_tx *tx, const char *id, struct arena *a, struct pull *ret, struct err *err);
/* The same, outside of a step. */
int pull_read(struct source_engine *e, const char *id, struct arena *a, struct pull *ret,
	struct err *err);
/* Key of a number. */
const char *pull_key(int64_t number, struct arena *a);
bool pull_is_open(const struct pull *p);
/* New id of its state of the source: 64 hexadecimal digits. */
const char *pull_new_revision(struct arena *a);
/* Stores it; lastActivityDate becomes now. */
int pull_save(struct source_engine *e, struct db_tx *tx, struct pull *p, struct err *err);
/* Ends it: rows of references go. */
int pull_close(struct db_tx *tx, struct pull *p, struct arena *a, struct err *err);
int pull_insert_refs(struct db_tx *tx, const struct pull *p, struct arena *a, struct err *err);

/* What happened: an entry of the request's own history (type and one metadata member of `event`)
 * and one of the journal (`journal`: event and its extra members; NULL: none). */
struct pull_news {
	const char *actor;
	struct codecommit_pull_request_event event;
	const struct towpath_event_pull *journal;
};
int pull_tell(struct source_engine *e, struct db_tx *tx, struct pull *p, struct arena *a,
	struct pull_news *news, struct err *err);

/* One step on one pull request: loads it, refuses when it is closed (PullRequestAlreadyClosed)
 * unless closed_too, runs `change`, stores it. */
struct pull_step {
	struct source_engine *e;
	struct call *call;
	const char *id;
	bool closed_too;
	int (*change)(struct pull_step *s, struct db_tx *tx, struct err *err);
	const void *req;
	void *resp;
	struct pull p;
};
int pull_step(struct pull_step *s, struct err *err);

/* ---- approvals (pull_approval.c) ---- */

/* InvalidRevisionIdException, RevisionIdRequiredException; with current, also
 * RevisionNotCurrentException. */
int pull_check_revision(const struct pull *p, const char *revision, bool current, struct err *err);
int pull_evaluate(struct db_tx *tx, const struct pull *p, struct arena *a,
	struct codecommit_evaluation *ret, struct err *err);
/* Adds the rules of the repository's templates that fit the destination. */
int pull_add_template_rules(struct source_engine *e, struct db_tx *tx, struct pull *p,
	struct arena *a, struct err *err);

/* ---- client tokens ---- */

/* What a token made before (*ret_id, NULL: nothing): IdempotencyParameterMismatchException when
 * it came with other parameters. `kind` keeps operations apart. */
int token_find(struct db_tx *tx, const char *kind, const char *token, const void *req,
	const struct wire_shape *shape, struct arena *a, const char **ret_id, struct err *err);
int token_keep(struct db_tx *tx, const char *kind, const char *token, const void *req,
	const struct wire_shape *shape, const char *id, struct arena *a, struct err *err);

#endif
