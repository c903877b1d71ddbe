/* SPDX-License-Identifier: Apache-2.0 */
/* All values from under one key to under another. */
#include <inttypes.h>

#include "secret/engine.h"

struct reseal {
	struct db_tx *tx;
	const struct seal_key *from, *to;
	struct arena *a;
	size_t *n;
};

/* X1 */
static const char *again(struct reseal *r, const char *sealed, const char *name,
	const char *version, struct err *err)
{
	struct str out CLEANUP_STR = STR_INIT;

	if (seal_again(r->from, r->to, view_of(sealed), arena_printf(r->a, "%s %s", name, version),
		    &out, err) < 0) {
		err_wrap(err, "the value of %s", name);
		return NULL;
	}
	(*r->n)++;
	return arena_view_dup(r->a, str_view(&out));
}

/* Parameters, and earlier versions of them: documents of one shape. */
static int parameters(struct reseal *r, const struct store_document_kind *kind, struct err *err)
{
	struct store_documents all;

	if (store_document_list(r->tx, kind, &(struct store_document_filter){0}, r->a, &all, err) <
		0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		secret_parameter *p = all.v[i];

		if (!secret_parameter_is_secure(p))
			continue;
		p->value = again(r, p->value, p->name,
			arena_printf(r->a, "%" PRId64, wire_or(p->version, 0)), err);
		if (!p->value || store_document_rewrite(r->tx, kind, all.ids[i], p, err) < 0)
			return -1;
	}
	return 0;
}

static int versions_of(struct reseal *r, const char *name, struct err *err)
{
	struct store_documents all;

	if (store_document_list(r->tx, &STORE_SECRET_VERSION,
		    &(struct store_document_filter){.owner = name}, r->a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		secret_version *v = all.v[i];

		if (!v->value)
			continue;
		v->value = again(r, v->value, name, v->version_id, err);
		if (!v->value || store_document_rewrite(
					 r->tx, &STORE_SECRET_VERSION, all.ids[i], v, err) < 0)
			return -1;
	}
	return 0;
}

static int secrets(struct reseal *r, struct err *err)
{
	struct store_documents all;

	if (store_document_list(
		    r->tx, &STORE_SECRET, &(struct store_document_filter){0}, r->a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (versions_of(r, ((struct towpath_secret_item *)all.v[i])->name, err) < 0)
			return -1;
	return 0;
}

int secret_reseal(struct db_tx *tx, const struct seal_key *from, const struct seal_key *to,
	size_t *n, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct reseal r = {tx, from, to, &a, n};

	if (parameters(&r, &STORE_SECRET_PARAMETER, err) < 0 ||
		parameters(&r, &STORE_SECRET_PARAMETER_VERSION, err) < 0)
		return -1;
	return secrets(&r, err);
}
