/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs of custom actions, which job workers poll for: one row each. Several jobs of one action
 * follow one another when its workers hand back continuation tokens; at most one is open.
 * Finders answer 1 (found), 0 (none) or -1 (error); texts live in the arena. */
#ifndef TOWPATH_STORE_PIPELINE_JOB_H
#define TOWPATH_STORE_PIPELINE_JOB_H

#include "db/db.h"

extern const struct db_migration store_pipeline_job_migrations[];
extern const size_t store_pipeline_job_migrations_n;

struct store_pipeline_job {
	const char *id;
	const char *pipeline_id;
	const char *action_id; /* of the action's execution */
	const char *type;      /* Category/Provider/Version */
	const char *query;     /* value of the type's queryable property, or NULL */
	const char *status;    /* codepipeline's JobStatus */
	const char *nonce;
	const char *continuation; /* what the job before it handed back, or NULL */
	int64_t created_usec;
	int64_t offered_usec; /* when a worker was last offered it; 0: never */
};

struct store_pipeline_jobs {
	struct store_pipeline_job *v;
	size_t n;
};

/* Inserts or updates; of one that is there status and offered_usec change. */
int store_pipeline_job_put(struct db_tx *tx, const struct store_pipeline_job *job, struct err *err);
int store_pipeline_job_get(struct db_tx *tx, const char *id, struct arena *a,
	struct store_pipeline_job *ret, struct err *err);
/* The last job of an action's execution. */
int store_pipeline_job_of_action(struct db_tx *tx, const char *action_id, struct arena *a,
	struct store_pipeline_job *ret, struct err *err);
/* Jobs of a type that nobody has acknowledged, with this value of the queryable property (NULL:
 * any): those whose last offer is longest ago first, at most limit (0: all). */
int store_pipeline_job_waiting(struct db_tx *tx, const char *type, const char *query, size_t limit,
	struct arena *a, struct store_pipeline_jobs *ret, struct err *err);
/* Deletes the action's jobs but the one named. */
int store_pipeline_job_delete_others(
	struct db_tx *tx, const char *action_id, const char *but, struct err *err);
int store_pipeline_job_delete_all(struct db_tx *tx, const char *pipeline_id, struct err *err);

#endif
