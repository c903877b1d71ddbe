/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a list of builds or batches. */
#include "store/build_page.h"

#include "base/mem.h"
#include "base/vec.h"

int store_build_page_read(struct db_rows *rows, struct arena *a, const char ***ret, size_t *ret_n,
	int64_t *ret_last, struct err *err)
{
	VEC(const char *) list = {0};
	int r;

	while ((r = db_next(rows, err)) > 0) {
		vec_push(&list, db_col_text(rows, 0, a));
		if (ret_last)
			*ret_last = db_col_int(rows, 1);
	}
	*ret = arena_new_n(a, list.n, const char *);
	*ret_n = list.n;
	if (list.n)
		memcpy(*ret, list.v, list.n * sizeof(*list.v));
	vec_release(&list);
	return r;
}
