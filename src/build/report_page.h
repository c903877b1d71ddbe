/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of the lists of reports: maxResults up to 100, tokens are places in the list. */
#ifndef TOWPATH_BUILD_REPORT_PAGE_H
#define TOWPATH_BUILD_REPORT_PAGE_H

#include "build/engine.h"

struct build_page {
	int64_t place; /* 0: from the start */
	size_t max;
};

/* InvalidInputException for a token that no list gave. */
int build_page_read(
	const char *token, struct wire_int max_results, struct build_page *ret, struct err *err);
/* The token of the page behind one of n; NULL when it was not full. */
const char *build_page_next(
	const struct build_page *page, size_t n, int64_t next_place, struct arena *a);

#endif
