/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of names, page by page, and documents in columns: shared by CodeDeploy's entities. */
#ifndef TOWPATH_STORE_DEPLOY_PAGE_H
#define TOWPATH_STORE_DEPLOY_PAGE_H

#include "db/db.h"
#include "wire/wire.h"

/* A page that holds everything. */
#define STORE_DEPLOY_PAGE_ALL ((size_t)UINT32_MAX)

struct store_deploy_page {
	const char *after; /* the last name of the page before, NULL or "" at the start */
	size_t limit;
};

struct store_deploy_names {
	const char **v;
	size_t n;
	bool more; /* there are names behind the last one */
};

/* Runs a query whose first column is a name, and whose last parameter is "limit + 1". */
int store_deploy_names_query(struct db_tx *tx, const char *sql, struct db_args args, size_t limit,
	struct arena *a, struct store_deploy_names *ret, struct err *err);
/* Runs a query for one document in its first column: 1 and *ret, 0 or -1. */
int store_deploy_doc_query(struct db_tx *tx, const char *sql, struct db_args args,
	const struct wire_shape *shape, struct arena *a, void *ret, struct err *err);

#endif
