/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a list of builds or batches. Private to store/. */
#ifndef TOWPATH_STORE_BUILD_PAGE_H
#define TOWPATH_STORE_BUILD_PAGE_H

#include "db/db.h"

/* All rows of (text, number): the texts, and the last number unless ret_last is NULL. */
int store_build_page_read(struct db_rows *rows, struct arena *a, const char ***ret, size_t *ret_n,
	int64_t *ret_last, struct err *err);

#endif
