/* SPDX-License-Identifier: Apache-2.0 */
/* Build projects: one row each, the API's document beside its keys and the next build number. */
#ifndef TOWPATH_STORE_BUILD_PROJECT_H
#define TOWPATH_STORE_BUILD_PROJECT_H

#include "codebuild.gen.h"
#include "db/db.h"

extern const struct db_migration store_build_project_migrations[];
extern const size_t store_build_project_migrations_n;

struct store_build_project {
	struct codebuild_project project;
	int64_t next_number;	  /* of the next build, from 1 */
	int64_t cache_generation; /* counts InvalidateProjectCache */
};

/* ERR_CONFLICT when the name is taken. */
int store_build_project_insert(
	struct db_tx *tx, const struct codebuild_project *project, struct err *err);
/* Replaces the document; the counters stay. */
int store_build_project_update(
	struct db_tx *tx, const struct codebuild_project *project, struct err *err);
/* 1 found, 0 none. */
int store_build_project_get(struct db_tx *tx, const char *name, struct arena *a,
	struct store_build_project *ret, struct err *err);
/* Hands out the project's next build number. */
int store_build_project_take_number(
	struct db_tx *tx, const char *name, int64_t *ret_number, struct err *err);
/* The same for its batches, which are counted by themselves. */
int store_build_project_take_batch_number(
	struct db_tx *tx, const char *name, int64_t *ret_number, struct err *err);
/* 1 when there was such a project, else 0. */
int store_build_project_invalidate_cache(struct db_tx *tx, const char *name, struct err *err);
int store_build_project_delete(struct db_tx *tx, const char *name, struct err *err);

enum store_build_project_order { PROJECT_BY_NAME, PROJECT_BY_CREATED, PROJECT_BY_MODIFIED };

/* A place in a list: before the first when name is NULL. */
struct store_build_project_place {
	const char *name;
	int64_t usec; /* of the sorting time; 0 when sorted by name */
};

/* Names behind a place, up to max; ret_next gets the place of the last one. */
int store_build_project_list(struct db_tx *tx, enum store_build_project_order order,
	bool descending, const struct store_build_project_place *after, size_t max, struct arena *a,
	const char ***ret_names, size_t *ret_n, struct store_build_project_place *ret_next,
	struct err *err);

#endif
