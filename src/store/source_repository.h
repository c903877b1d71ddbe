/* SPDX-License-Identifier: Apache-2.0 */
/* Repositories of CodeCommit: names, descriptions, default branches, tags. Their id stays when
 * they are renamed and names the folder on disk. Finders answer 1 (found), 0 (none) or -1
 * (error); texts live in the arena. */
#ifndef TOWPATH_STORE_SOURCE_REPOSITORY_H
#define TOWPATH_STORE_SOURCE_REPOSITORY_H

#include "codecommit.gen.h"
#include "db/db.h"

extern const struct db_migration store_source_repository_migrations[];
extern const size_t store_source_repository_migrations_n;

/* The URLs and the ARN of meta are not stored: they follow from the call. */
struct store_source_repository {
	struct codecommit_repository_metadata meta;
	struct codecommit_tags_map tags;
};

/* ERR_CONFLICT when the name is taken. */
int store_source_repository_insert(
	struct db_tx *tx, const struct store_source_repository *r, struct err *err);
/* By meta.repository_id. ERR_CONFLICT when the new name is taken. */
int store_source_repository_update(
	struct db_tx *tx, const struct store_source_repository *r, struct err *err);
int store_source_repository_find(struct db_tx *tx, const char *name, struct arena *a,
	struct store_source_repository *ret, struct err *err);
int store_source_repository_get(struct db_tx *tx, const char *id, struct arena *a,
	struct store_source_repository *ret, struct err *err);
int store_source_repository_delete(struct db_tx *tx, const char *id, struct err *err);
int store_source_repository_count(struct db_tx *tx, int64_t *ret, struct err *err);
/* An order, and the last one that was seen in it (after_name NULL: none yet). */
struct store_source_repository_order {
	bool by_date, descending;
	const char *after_name;
	int64_t after_usec;
};

struct store_source_repository_name {
	const char *name, *id;
	int64_t modified_usec;
};

/* Those behind the last one seen, up to limit. */
int store_source_repository_list(struct db_tx *tx, const struct store_source_repository_order *o,
	int64_t limit, struct arena *a, struct store_source_repository_name **ret, size_t *ret_n,
	struct err *err);

#endif
