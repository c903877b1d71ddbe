/* SPDX-License-Identifier: Apache-2.0 */
/* Reports: one row each, and one row for each case or covered file that is kept of it. */
#ifndef TOWPATH_STORE_BUILD_REPORT_H
#define TOWPATH_STORE_BUILD_REPORT_H

#include "codebuild.gen.h"
#include "db/db.h"

extern const struct db_migration store_build_report_migrations[];
extern const size_t store_build_report_migrations_n;

struct store_build_report {
	const char *id; /* uuid */
	int64_t seq;	/* order of making over all reports; set by insert */
	const char *group, *build;
	const char *execution; /* of the pipeline that asked for the build, or "" */
	const char *message;   /* why it is INCOMPLETE, or "" */
	struct codebuild_report report;
};

/* Sets r->seq; ERR_CONFLICT when the id is taken. */
int store_build_report_insert(struct db_tx *tx, struct store_build_report *r, struct err *err);
/* Stores report and message. */
int store_build_report_update(
	struct db_tx *tx, const struct store_build_report *r, struct err *err);
/* 1 found, 0 none. */
int store_build_report_get(struct db_tx *tx, const char *id, struct arena *a,
	struct store_build_report *ret, struct err *err);
/* The newest one of a group that a pipeline's execution made. 1 found, 0 none. */
int store_build_report_of_execution(struct db_tx *tx, const char *group, const char *execution,
	struct arena *a, struct store_build_report *ret, struct err *err);
/* With what is kept of it; missing is fine. */
int store_build_report_delete(struct db_tx *tx, const char *id, struct err *err);
int store_build_report_delete_of_group(struct db_tx *tx, const char *group, struct err *err);

/* Reports behind `after` (0: from the start), of one group or (NULL) all, of one status or (NULL)
 * any; at most max. */
struct store_build_report_filter {
	const char *group, *status;
	bool descending;
	int64_t after;
	size_t max;
};
int store_build_report_list(struct db_tx *tx, const struct store_build_report_filter *filter,
	struct arena *a, struct store_build_report **ret, size_t *ret_n, struct err *err);

/* ---- what is kept of a report ---- */

int store_build_report_add_case(struct db_tx *tx, const char *id, int64_t n,
	const struct codebuild_test_case *c, struct err *err);
int store_build_report_add_coverage(struct db_tx *tx, const char *id, int64_t n,
	const struct codebuild_code_coverage *c, struct err *err);
/* All cases, in their order (there are few: LIMIT_REPORT_CASES). */
int store_build_report_cases(struct db_tx *tx, const char *id, struct arena *a,
	struct codebuild_test_cases *ret, struct err *err);
/* A line coverage in percent as files are ordered by it: in millionths. */
int64_t store_build_coverage_ppm(double percent);
/* Covered files whose line coverage is within [min, max] percent, behind the one of this path (""
 * : from the start), which has this coverage. */
struct store_build_coverage_filter {
	bool by_line, descending; /* by path otherwise */
	double min, max;
	int64_t behind_ppm;
	const char *behind;
	size_t limit;
};
int store_build_report_coverages(struct db_tx *tx, const char *id,
	const struct store_build_coverage_filter *filter, struct arena *a,
	struct codebuild_code_coverages *ret, struct err *err);

#endif
