/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of references that are under way: written before a reference may change, removed by
 * the step that journals what became of it. What is left after a crash is settled at the next
 * start. */
#ifndef TOWPATH_STORE_SOURCE_REF_INTENT_H
#define TOWPATH_STORE_SOURCE_REF_INTENT_H

#include "db/db.h"

extern const struct db_migration store_source_ref_intent_migrations[];
extern const size_t store_source_ref_intent_migrations_n;

struct store_source_ref_intent {
	const char *repository_id;
	const char *ref;	    /* full name; one intent a reference at a time */
	const char *before, *after; /* ids; forty zeros: none */
	const char *actor;	    /* principal's ARN */
	const char *token;	    /* of the change that it belongs to */
	int64_t created_usec;
};

/* ERR_CONFLICT when the reference has one. */
int store_source_ref_intent_insert(
	struct db_tx *tx, const struct store_source_ref_intent *i, struct err *err);
/* *ret_found: whether an intent of this token was there. */
int store_source_ref_intent_delete(struct db_tx *tx, const char *repository_id, const char *ref,
	const char *token, bool *ret_found, struct err *err);
int store_source_ref_intent_delete_all(
	struct db_tx *tx, const char *repository_id, struct err *err);
/* Of one repository, or of all (repository_id NULL), in order of repository and reference. */
int store_source_ref_intent_list(struct db_tx *tx, const char *repository_id, struct arena *a,
	struct store_source_ref_intent **ret, size_t *ret_n, struct err *err);

#endif
