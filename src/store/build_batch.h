/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of builds: one row each. `doc` is the batch as the API shows it, `spec` the project with
 * the batch's overrides applied, `extra` what only Towpath needs to know. */
#ifndef TOWPATH_STORE_BUILD_BATCH_H
#define TOWPATH_STORE_BUILD_BATCH_H

#include "codebuild.gen.h"
#include "db/db.h"
#include "towpath.gen.h"

extern const struct db_migration store_build_batch_migrations[];
extern const size_t store_build_batch_migrations_n;

struct store_build_batch {
	const char *uuid;  /* the key; the API's id is "<project>:<uuid>" */
	int64_t seq;	   /* order of asking over all projects; set by insert */
	const char *token; /* of idempotency, or NULL */
	bool waiting;	   /* for the project's concurrentBuildLimit */
	struct codebuild_build_batch batch;
	struct codebuild_project spec;
	struct towpath_build_batch_extra extra;
};

/* Sets r->seq. */
int store_build_batch_insert(struct db_tx *tx, struct store_build_batch *r, struct err *err);
/* Stores batch, extra and waiting. */
int store_build_batch_update(struct db_tx *tx, const struct store_build_batch *r, struct err *err);
/* 1 found, 0 none. */
int store_build_batch_get(struct db_tx *tx, const char *uuid, struct arena *a,
	struct store_build_batch *ret, struct err *err);
int store_build_batch_delete(struct db_tx *tx, const char *uuid, struct err *err);
/* The newest batch that was asked for with this token in the project. 1 found, 0 none. */
int store_build_batch_by_token(struct db_tx *tx, const char *project, const char *token,
	struct arena *a, struct store_build_batch *ret, struct err *err);
/* uuids of the project's batches that wait for its concurrentBuildLimit, in order of asking. */
int store_build_batch_waiting(struct db_tx *tx, const char *project, struct arena *a,
	const char ***ret_uuids, size_t *ret_n, struct err *err);

struct store_build_batch_page {
	const char *project; /* NULL: of all */
	const char *status;  /* NULL: every one */
	bool descending;
	int64_t after; /* seq; 0: from the start of the list */
	size_t max;
};
/* API ids; *ret_last is the seq of the last one. */
int store_build_batch_list(struct db_tx *tx, const struct store_build_batch_page *page,
	struct arena *a, const char ***ret_ids, size_t *ret_n, int64_t *ret_last, struct err *err);

#endif
