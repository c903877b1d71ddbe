/* SPDX-License-Identifier: Apache-2.0 */
/* How connections are used: addresses and tokens. */
#include "connection/engine.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"

#define AVAILABLE CODECONNECTIONS_CONNECTION_STATUS_AVAILABLE

/* ---- C1 ---- */

const char *connection_seal(
	const struct connection_engine *e, const char *id, const char *plain, struct arena *a)
{
	struct str out CLEANUP_STR = STR_INIT;

	seal_close(&e->seal, view_of(plain), id, &out);
	return arena_strdup(a, str_text(&out));
}

int connection_unseal(const struct connection_engine *e, const char *id, const char *sealed,
	struct arena *a, const char **ret, struct err *err)
{
	struct str out CLEANUP_STR = STR_INIT;

	if (seal_open(&e->seal, view_of(sealed), id, &out, err) < 0)
		return err_wrap(err, "the token of connection %s", id);
	*ret = arena_strdup(a, str_text(&out));
	explicit_bzero(out.p, out.len);
	return 0;
}

int connection_remove_access(struct db_tx *tx, const char *id, struct err *err)
{
	return store_document_delete(tx, &STORE_CONNECTION_ACCESS, id, err) < 0
		       ? -1
		       : store_document_delete(tx, &STORE_CONNECTION_CANDIDATE, id, err);
}

int connection_forget_access(struct db_tx *tx, connection_doc *c, struct err *err)
{
	if (connection_remove_access(tx, connection_id_of(c->connection_arn), err) < 0)
		return -1;
	c->connection_status = CODECONNECTIONS_CONNECTION_STATUS_PENDING;
	return connection_put(tx, c, err);
}

/* ---- repositories ---- */

bool connection_repository_valid(const char *repository)
{
	struct view rest = view_of(repository);
	size_t parts = 0;

	while (rest.p) {
		struct view part = view_cut(&rest, '/');

		if (!part.len || part.p[0] == '.' || part.p[0] == '-')
			return false;
		for (size_t i = 0; i < part.len; i++)
			if (!isalnum((unsigned char)part.p[i]) && !strchr("._-~+", part.p[i]))
				return false;
		parts++;
	}
	return parts >= 2;
}

const char *connection_page(const char *base, const char *repository, struct arena *a)
{
	size_t n = strlen(base);

	while (n && base[n - 1] == '/')
		n--;
	return arena_printf(a, "%.*s/%s", (int)n, base, repository);
}

const char *connection_commit_page(
	const struct connection_repository *r, const char *commit, struct arena *a)
{
	const struct connection_provider *p = connection_provider_find(r->provider);

	return arena_printf(a, "%s/%s/%s", r->page, p ? p->commit_page : "commit", commit);
}

struct open {
	const char *id;
	struct arena *a;
	connection_doc c;
	connection_access access;
};

static int load(struct db_tx *tx, void *arg, struct err *err)
{
	struct open *o = arg;
	int r;

	r = store_document_get(tx, &STORE_CONNECTION, o->id, o->a, &o->c, err);
	if (r == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no connection %s", o->id);
	if (r > 0)
		r = store_document_get(tx, &STORE_CONNECTION_ACCESS, o->id, o->a, &o->access, err);
	if (r < 0)
		return -1;
	if (r && streq(o->c.connection_status, AVAILABLE))
		return 0;
	err_set(err, ERR_INVALID, "the connection %s (%s) is %s", o->c.connection_name,
		o->c.connection_arn, o->c.connection_status);
	return err_hint(err,
		"complete it: towpath connection complete %s --token-file FILE "
		"--repository OWNER/NAME",
		o->c.connection_arn);
}

int connection_open(struct connection_engine *e, const char *arn, const char *repository,
	struct arena *a, struct connection_repository *ret, struct err *err)
{
	const char *id = connection_id_of(arn);

	if (!id)
		return err_set(err, ERR_INVALID, "%s is not the ARN of a connection", arn);
	return connection_open_id(e, id, repository, a, ret, err);
}

int connection_open_id(struct connection_engine *e, const char *id, const char *repository,
	struct arena *a, struct connection_repository *ret, struct err *err)
{
	struct open o = {.id = id, .a = a};

	if (!connection_repository_valid(repository))
		return err_set(err, ERR_INVALID, "%s is not the name of a repository (owner/name)",
			repository);
	if (db_read(durable_db(e->durable), load, &o, err) < 0)
		return -1;
	*ret = (struct connection_repository){
		.arn = o.c.connection_arn,
		.provider = o.c.provider_type,
		.page = connection_page(o.access.url, repository, a),
		.user = o.access.user_name,
	};
	ret->url = arena_printf(a, "%s.git", ret->page);
	return connection_unseal(e, id, o.access.token, a, &ret->token, err);
}

/* ---- another key ---- */

static int seal_one(const struct seal_key *from, const struct seal_key *to, const char *id,
	const char **text, struct arena *a, struct err *err)
{
	struct str out CLEANUP_STR = STR_INIT;

	if (!*text)
		return 0;
	if (seal_again(from, to, view_of(*text), id, &out, err) < 0)
		return err_wrap(err, "the secrets of connection %s", id);
	*text = arena_view_dup(a, str_view(&out));
	return 0;
}

int connection_reseal(struct db_tx *tx, const struct seal_key *from, const struct seal_key *to,
	size_t *n, struct err *err)
{
	const struct store_document_kind *const kinds[] = {
		&STORE_CONNECTION_ACCESS, &STORE_CONNECTION_CANDIDATE};
	struct arena a CLEANUP_ARENA = ARENA_INIT;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct store_documents all;

		if (store_document_list(tx, kinds[k], NULL, &a, &all, err) < 0)
			return -1;
		for (size_t i = 0; i < all.n; i++) {
			connection_access *access = all.v[i];

			if (seal_one(from, to, all.ids[i], &access->token, &a, err) < 0 ||
				store_document_rewrite(tx, kinds[k], all.ids[i], access, err) < 0)
				return -1;
			(*n)++;
		}
	}
	return 0;
}
