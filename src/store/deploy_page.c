/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of names, page by page, and documents in columns: shared by CodeDeploy's entities. */
#include "store/deploy_page.h"

#include "base/vec.h"

int store_deploy_names_query(struct db_tx *tx, const char *sql, struct db_args args, size_t limit,
	struct arena *a, struct store_deploy_names *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	VEC(const char *) names = {0};
	int more;

	*ret = (struct store_deploy_names){0};
	if (db_query(tx, sql, args, &rows, err) < 0)
		return -1;
	while ((more = db_next(rows, err)) > 0) {
		if (names.n == limit) {
			ret->more = true;
			break;
		}
		vec_push(&names, db_col_text(rows, 0, a));
	}
	if (more >= 0 && names.n) {
		ret->v = arena_new_n(a, names.n, const char *);
		memcpy(ret->v, names.v, names.n * sizeof(*names.v));
		ret->n = names.n;
	}
	vec_release(&names);
	return more < 0 ? -1 : 0;
}

int store_deploy_doc_query(struct db_tx *tx, const char *sql, struct db_args args,
	const struct wire_shape *shape, struct arena *a, void *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int found;

	if (db_query(tx, sql, args, &rows, err) < 0)
		return -1;
	found = db_next(rows, err);
	if (found <= 0)
		return found;
	if (wire_decode_json(shape, db_col_bytes(rows, 0), a, ret, err) < 0)
		return err_wrap(err, "stored %s", shape->name);
	return 1;
}
