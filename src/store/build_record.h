/* SPDX-License-Identifier: Apache-2.0 */
/* Builds: one row each. `doc` is the build as the API shows it, `spec` the project with the
 * build's overrides applied, `extra` what only Towpath needs to know. */
#ifndef TOWPATH_STORE_BUILD_RECORD_H
#define TOWPATH_STORE_BUILD_RECORD_H

#include "codebuild.gen.h"
#include "db/db.h"
#include "towpath.gen.h"

extern const struct db_migration store_build_record_migrations[];
extern const size_t store_build_record_migrations_n;

enum build_state {
	BUILD_QUEUED = 0,    /* waits for a slot */
	BUILD_RUNNING = 1,   /* holds a slot: being started, or its leader works */
	BUILD_FINISHING = 2, /* the leader has ended, artifacts are being stored */
	BUILD_DONE = 3,
};

struct store_build_record {
	const char *uuid; /* the key; the API's id is "<project>:<uuid>" */
	int64_t seq;	  /* order of asking over all projects; set by insert */
	enum build_state state;
	const char *token; /* of idempotency, or NULL */
	struct codebuild_build build;
	struct codebuild_project spec;
	struct towpath_build_extra extra;
};

/* Sets r->seq. */
int store_build_record_insert(struct db_tx *tx, struct store_build_record *r, struct err *err);
/* Stores state, build and extra. */
int store_build_record_update(
	struct db_tx *tx, const struct store_build_record *r, struct err *err);
/* 1 found, 0 none. with_spec false leaves ret->spec empty. */
int store_build_record_get(struct db_tx *tx, const char *uuid, bool with_spec, struct arena *a,
	struct store_build_record *ret, struct err *err);
int store_build_record_delete(struct db_tx *tx, const char *uuid, struct err *err);

/* The newest build that was asked for with this token in the project. 1 found, 0 none. */
int store_build_record_by_token(struct db_tx *tx, const char *project, const char *token,
	struct arena *a, struct store_build_record *ret, struct err *err);
/* The first build in the queue; 1 found, 0 the queue is empty. */
int store_build_record_next_queued(struct db_tx *tx, struct arena *a, const char **ret_uuid,
	int64_t *ret_seq, struct err *err);
int store_build_record_count(
	struct db_tx *tx, enum build_state state, int64_t *ret, struct err *err);
/* Builds of a project that are not done. */
int store_build_record_count_active(
	struct db_tx *tx, const char *project, int64_t *ret, struct err *err);
/* uuids of builds in a state, in order of asking. */
int store_build_record_in_state(struct db_tx *tx, enum build_state state, struct arena *a,
	const char ***ret_uuids, size_t *ret_n, struct err *err);

/* API ids of builds behind `after` (0: from the start of the list), of one project or (NULL) of
 * all; *ret_last is the seq of the last one. */
int store_build_record_list(struct db_tx *tx, const char *project, bool descending, int64_t after,
	size_t max, struct arena *a, const char ***ret_ids, size_t *ret_n, int64_t *ret_last,
	struct err *err);

#endif
