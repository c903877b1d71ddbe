/* SPDX-License-Identifier: Apache-2.0 */
/* One operation, one transaction; pages of lists. */
#include "identity/engine.h"

#define PAGE 100

static int run_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct identity_step *s = arg;

	return s->run(s, tx, err);
}

int identity_write(struct identity_step *s, struct err *err)
{
	int r;

	s->a = s->call->arena;
	r = db_write(durable_db(s->e->durable), run_step, s, err);
	identity_cache_drop(s->e); /* I3 */
	return r;
}

int identity_read(struct identity_step *s, struct err *err)
{
	s->a = s->call->arena;
	return db_read(durable_db(s->e->durable), run_step, s, err);
}

int identity_list(struct identity_step *s, struct db_tx *tx, const struct identity_page *p,
	struct store_documents *ret, const char **ret_marker, struct wire_bool *ret_truncated,
	struct err *err)
{
	size_t max = (size_t)wire_or(p->max_items, PAGE);
	struct store_document_filter filter = {
		.owner = p->owner, .after = p->marker, .max = max + 1};

	if (store_document_list(tx, p->kind, &filter, s->a, ret, err) < 0)
		return -1;
	*ret_truncated = WIRE_SET_BOOL(ret->n > max);
	if (ret->n > max) {
		ret->n = max;
		*ret_marker = ret->ids[max - 1];
	}
	return 0;
}
