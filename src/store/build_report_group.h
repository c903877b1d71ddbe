/* SPDX-License-Identifier: Apache-2.0 */
/* Report groups, by name. */
#ifndef TOWPATH_STORE_BUILD_REPORT_GROUP_H
#define TOWPATH_STORE_BUILD_REPORT_GROUP_H

#include "codebuild.gen.h"
#include "db/db.h"

extern const struct db_migration store_build_report_group_migrations[];
extern const size_t store_build_report_group_migrations_n;

enum store_build_report_group_order {
	REPORT_GROUP_BY_NAME,
	REPORT_GROUP_BY_CREATED,
	REPORT_GROUP_BY_MODIFIED,
};

/* ERR_CONFLICT when the name is taken. */
int store_build_report_group_insert(
	struct db_tx *tx, const struct codebuild_report_group *g, struct err *err);
int store_build_report_group_update(
	struct db_tx *tx, const struct codebuild_report_group *g, struct err *err);
/* 1 found, 0 none. */
int store_build_report_group_get(struct db_tx *tx, const char *name, struct arena *a,
	struct codebuild_report_group *ret, struct err *err);
int store_build_report_group_delete(struct db_tx *tx, const char *name, struct err *err);
int store_build_report_group_count(struct db_tx *tx, int64_t *ret, struct err *err);
/* A group's place in a list: its name, and the time that the list is ordered by (0 by name). */
struct store_build_report_group_mark {
	int64_t usec;
	const char *name;
};
/* Those behind the given place (its name "": from the start), at most max. */
int store_build_report_group_list(struct db_tx *tx, enum store_build_report_group_order order,
	bool descending, const struct store_build_report_group_mark *behind, size_t max,
	struct arena *a, struct store_build_report_group_mark **ret, size_t *ret_n,
	struct err *err);

#endif
