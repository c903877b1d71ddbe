/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of the lists of reports: maxResults up to 100, tokens name the last one shown by the number
 * and the name that the list is ordered by. */
#ifndef TOWPATH_BUILD_REPORT_PAGE_H
#define TOWPATH_BUILD_REPORT_PAGE_H

#include "build/engine.h"

struct build_page {
	int64_t number; /* 0 and "": from the start */
	const char *name;
	size_t max;
};

/* InvalidInputException for a token that no list gave. */
int build_page_read(
	const char *token, struct wire_int max_results, struct build_page *ret, struct err *err);
/* The token of the page behind one of n, whose last one is this; NULL when it was not full. */
const char *build_page_next(
	const struct build_page *page, size_t n, int64_t number, const char *name, struct arena *a);

#endif
