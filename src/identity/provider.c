/* SPDX-License-Identifier: Apache-2.0 */
/* OpenID Connect providers, whose tokens AssumeRoleWithWebIdentity takes. */
#include "identity/engine.h"

#define MAX_CLIENTS 100
#define MAX_THUMBPRINTS 5

typedef struct iam_get_open_id_connect_provider_response provider;

int identity_need_provider(
	struct identity_step *s, struct db_tx *tx, const char *arn, provider *ret, struct err *err)
{
	int r = store_document_get(tx, &STORE_IAM_PROVIDER, arn, s->a, ret, err);

	if (r < 0)
		return -1;
	if (r > 0)
		return 0;
	return err_set_wire(
		err, "NoSuchEntity", "OpenIDConnect Provider not found for arn %s", arn);
}

/* Providers are asked over TLS; one on this very machine may do without. */
const char *identity_provider_name(const char *url)
{
	static const struct {
		const char *start;
		bool whole_host;
	} starts[] = {{"https://", false}, {"http://127.0.0.1", true}, {"http://localhost", true}};

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		const char *rest = url + strlen(starts[i].start), *name;

		if (!starts_with(url, starts[i].start) ||
			(starts[i].whole_host && *rest && !strchr(":/", *rest)))
			continue;
		name = strstr(url, "://") + 3;
		return *name && !strpbrk(name, "?#@ ") ? name : NULL;
	}
	return NULL;
}

static int save(struct db_tx *tx, const char *arn, const provider *p, struct err *err)
{
	return store_document_put(tx, &STORE_IAM_PROVIDER, arn, "", p, err);
}

static int create_open_id_connect_provider(
	struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_create_open_id_connect_provider_request *req = s->req;
	struct iam_create_open_id_connect_provider_response *resp = s->resp;
	const char *name = identity_provider_name(req->url);
	provider old, p = {
			      .client_id_list = req->client_id_list,
			      .create_date = WIRE_SET_TIME(durable_now(s->e->durable)),
			      .tags = req->tags,
			      .thumbprint_list = req->thumbprint_list,
			      .url = name,
		      };
	int r;

	if (!name)
		return err_set_wire(
			err, "InvalidInput", "Invalid Open ID Connect Provider URL %s", req->url);
	if (req->client_id_list.n > MAX_CLIENTS || req->thumbprint_list.n > MAX_THUMBPRINTS)
		return err_set_wire(err, "LimitExceeded",
			"A provider has at most %d client ids and %d thumbprints.", MAX_CLIENTS,
			MAX_THUMBPRINTS);
	resp->open_id_connect_provider_arn = identity_arn(s->e, s->a, "oidc-provider", "/", name);
	r = store_document_get(
		tx, &STORE_IAM_PROVIDER, resp->open_id_connect_provider_arn, s->a, &old, err);
	if (r < 0 || identity_check_tags(&req->tags, err) < 0)
		return -1;
	if (r > 0)
		return err_set_wire(err, "EntityAlreadyExists",
			"Provider with url %s already exists.", req->url);
	resp->tags = req->tags;
	return save(tx, resp->open_id_connect_provider_arn, &p, err);
}

static int get_open_id_connect_provider(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_get_open_id_connect_provider_request *req = s->req;

	return identity_need_provider(s, tx, req->open_id_connect_provider_arn, s->resp, err);
}

static int delete_open_id_connect_provider(
	struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_delete_open_id_connect_provider_request *req = s->req;

	(void)s;
	return store_document_delete(
		tx, &STORE_IAM_PROVIDER, req->open_id_connect_provider_arn, err);
}

static int list_open_id_connect_providers(
	struct identity_step *s, struct db_tx *tx, struct err *err)
{
	struct iam_list_open_id_connect_providers_response *resp = s->resp;
	struct store_document_filter filter = {0};
	struct store_documents rows;

	if (store_document_list(tx, &STORE_IAM_PROVIDER, &filter, s->a, &rows, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->open_id_connect_provider_list, rows.n);
	for (size_t i = 0; i < rows.n; i++)
		resp->open_id_connect_provider_list.v[i].arn = rows.ids[i];
	return 0;
}

/* Without the client id; its place in *list for it to be added again. */
static void drop_client(struct iam_client_id_list_type *list, const char *id)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		if (!streq(list->v[i], id))
			list->v[n++] = list->v[i];
	}
	list->n = n;
}

static int add_client_id_to_open_id_connect_provider(
	struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_add_client_id_to_open_id_connect_provider_request *req = s->req;
	struct iam_client_id_list_type list;
	provider p;

	if (identity_need_provider(s, tx, req->open_id_connect_provider_arn, &p, err) < 0)
		return -1;
	drop_client(&p.client_id_list, req->client_id);
	if (p.client_id_list.n >= MAX_CLIENTS)
		return err_set_wire(err, "LimitExceeded",
			"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: %d",
			MAX_CLIENTS);
	wire_list_alloc(s->a, &list, p.client_id_list.n + 1);
	for (size_t i = 0; i < p.client_id_list.n; i++)
		list.v[i] = p.client_id_list.v[i];
	list.v[list.n - 1] = req->client_id;
	p.client_id_list = list;
	return save(tx, req->open_id_connect_provider_arn, &p, err);
}

static int remove_client_id_from_open_id_connect_provider(
	struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_remove_client_id_from_open_id_connect_provider_request *req = s->req;
	provider p;

	if (identity_need_provider(s, tx, req->open_id_connect_provider_arn, &p, err) < 0)
		return -1;
	drop_client(&p.client_id_list, req->client_id);
	return save(tx, req->open_id_connect_provider_arn, &p, err);
}

static int update_open_id_connect_provider_thumbprint(
	struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_update_open_id_connect_provider_thumbprint_request *req = s->req;
	provider p;

	if (identity_need_provider(s, tx, req->open_id_connect_provider_arn, &p, err) < 0)
		return -1;
	p.thumbprint_list = req->thumbprint_list;
	return save(tx, req->open_id_connect_provider_arn, &p, err);
}

IDENTITY_STEP(iam, add_client_id_to_open_id_connect_provider, identity_write)
IDENTITY_STEP(iam, create_open_id_connect_provider, identity_write)
IDENTITY_STEP(iam, delete_open_id_connect_provider, identity_write)
IDENTITY_STEP(iam, get_open_id_connect_provider, identity_read)
IDENTITY_STEP(iam, list_open_id_connect_providers, identity_read)
IDENTITY_STEP(iam, remove_client_id_from_open_id_connect_provider, identity_write)
IDENTITY_STEP(iam, update_open_id_connect_provider_thumbprint, identity_write)
