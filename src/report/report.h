/* SPDX-License-Identifier: Apache-2.0 */
/* Test, coverage and analysis reports: what the tools' files say, gathered into one report.
 *
 * The files come from anybody's code. Reading is bounded (base/limits.h), needs no right but to
 * read the files, and happens inside the build's root (leader/collect_report.c); what comes out is
 * an outcome document (outcome.h) that the server checks again. */
#ifndef TOWPATH_REPORT_REPORT_H
#define TOWPATH_REPORT_REPORT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"

enum report_kind {
	REPORT_TEST,
	REPORT_COVERAGE,
};

enum report_case_status {
	REPORT_CASE_SUCCEEDED,
	REPORT_CASE_FAILED,
	REPORT_CASE_ERROR,
	REPORT_CASE_SKIPPED,
	REPORT_CASE_UNKNOWN,
	REPORT_CASE_STATUSES,
};
/* "SUCCEEDED", ...: as the API spells them; static. */
const char *report_case_status_name(enum report_case_status status);
bool report_case_status_known(const char *name);

struct report_case {
	const char *name, *prefix, *suite, *message; /* prefix, suite, message may be NULL */
	const char *file;			     /* where it was read; set by the report */
	enum report_case_status status;
	int64_t duration_nsec;
};

struct report_counts {
	int64_t lines_covered, lines_missed, branches_covered, branches_missed;
};

struct report_coverage {
	const char *path;
	struct report_counts counts; /* the best of all documents that speak of the file */
	struct report_counts open;   /* of the document in hand; several parts of it add up */
	size_t document;
};

struct report {
	enum report_kind kind;
	struct arena arena;
	const char *file; /* being read */
	size_t documents; /* begun */
	bool truncated;
	/* tests */
	int64_t total[REPORT_CASE_STATUSES], duration_nsec;
	VEC(struct report_case) failed, others; /* kept: those that failed come first */
	/* coverage */
	struct map paths; /* path -> 1 + its place in covered */
	VEC(struct report_coverage) covered;
	struct report_counts dropped; /* of files beyond the limit */
};

void report_init(struct report *r, enum report_kind kind);
void report_release(struct report *r);
#define CLEANUP_REPORT CLEANUP(report_release)

/* The next additions come from a document of this file. A file with several results for the same
 * sources (suites) begins several. */
void report_begin_document(struct report *r, const char *file);
/* Copies what it keeps; long texts are cut. */
void report_add_case(struct report *r, const struct report_case *c);
void report_add_coverage(struct report *r, const char *path, const struct report_counts *counts);
/* After the last document. */
void report_finish(struct report *r);
/* Over all files. After report_finish(). */
struct report_counts report_covered(const struct report *r);

/* ---- formats ---- */

struct report_format {
	const char *name; /* as a buildspec's file-format has it */
	enum report_kind kind;
	/* Reads the file open on fd into the report. ERR_UNSUPPORTED: the file is of another kind;
	 * other errors: it is broken, and say where. What was read before stays. */
	int (*read)(struct report *r, int fd, struct err *err);
};

/* By name in any case, or NULL. */
const struct report_format *report_format_find(const char *name);
/* In order of preference for files that nobody said the format of; NULL behind the last. */
const struct report_format *report_format_at(size_t i);

#endif
