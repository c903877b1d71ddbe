/* SPDX-License-Identifier: Apache-2.0 */
/* What came out of reading a build's report files, as a document of lines: for each report a
 * ReportOutcome and as many ReportItem lines as its `items` says (cases or covered files). Written
 * inside the build's root, so the reader trusts nothing in it. */
#ifndef TOWPATH_REPORT_OUTCOME_H
#define TOWPATH_REPORT_OUTCOME_H

#include <stdio.h>

#include "base/str.h"
#include "report/report.h"
#include "towpath.gen.h"

/* Appends the report's lines. head: format, status, message, files, discovered; the numbers are
 * filled in here. */
void report_outcome_write(
	const struct report *r, struct towpath_report_outcome *head, struct str *out);

/* Cuts the next report off the document: 1 read, 0 the end. Texts and lists live in the arena.
 * ERR_MALFORMED: a line is no such document, or says what no reader of ours writes. */
int report_outcome_read(struct view *rest, struct arena *a, struct towpath_report_outcome *ret,
	struct towpath_report_item **ret_items, struct err *err);

/* ---- folder.c ---- */

/* Reads all files of a folder in their order by name and writes the outcomes to `out`. name: the
 * report's, for the lines written to `log`. guess: nobody named the format; files that
 * are of another one become reports that were discovered, one for each test format, and one for
 * the first coverage format that fits. */
int report_read_folder(const char *name, int dir_fd, const struct report_format *format, bool guess,
	FILE *log, struct str *out, struct err *err);

#endif
