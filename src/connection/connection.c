/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on connections, and their tags. */
#include "base/id.h"
#include "base/mem.h"
#include "connection/engine.h"
#include "store/resource_tags.h"

#define CONNECTIONS_MAX 250
#define PAGE 50
#define PENDING CODECONNECTIONS_CONNECTION_STATUS_PENDING

const char *connection_id_of(const char *arn)
{
	static const char *const marks[] = {":codeconnections:", ":codestar-connections:"};
	const char *id = strstr(arn, ":connection/");

	for (size_t i = 0; id && i < ARRAY_SIZE(marks); i++)
		if (strstr(arn, marks[i]))
			return id + strlen(":connection/");
	return NULL;
}

/* Partition, and all behind the service's name. */
bool connection_same_arn(const char *a, const char *b)
{
	struct view rest_a = view_of(a), rest_b = view_of(b);

	for (int i = 0; i < 2; i++)
		if (!view_eq(view_cut(&rest_a, ':'), view_cut(&rest_b, ':')))
			return false;
	view_cut(&rest_a, ':');
	view_cut(&rest_b, ':');
	return rest_a.p && rest_b.p && view_eq(rest_a, rest_b);
}

int connection_need(
	struct db_tx *tx, const char *arn, struct arena *a, connection_doc *ret, struct err *err)
{
	const char *id = connection_id_of(arn);
	int r = id ? store_document_get(tx, &STORE_CONNECTION, id, a, ret, err) : 0;

	if (r == 0 || (r > 0 && !connection_same_arn(arn, ret->connection_arn)))
		return err_set_wire(
			err, "ResourceNotFoundException", "Connection %s was not found.", arn);
	return r < 0 ? -1 : 0;
}

int connection_put(struct db_tx *tx, const connection_doc *c, struct err *err)
{
	return store_document_put(
		tx, &STORE_CONNECTION, connection_id_of(c->connection_arn), c->host_arn, c, err);
}

int connection_base_url(struct db_tx *tx, const connection_doc *c, struct arena *a,
	const char **ret, struct err *err)
{
	connection_host h;

	*ret = connection_provider_find(c->provider_type)->url;
	if (!c->host_arn)
		return 0;
	if (connection_need_host(tx, c->host_arn, a, &h, err) < 0)
		return -1;
	*ret = h.provider_endpoint;
	return 0;
}

/* ---- creation ---- */

/* The provider, of the request or of the host that it names. */
static int choose_provider(
	struct connection_step *s, struct db_tx *tx, connection_doc *c, struct err *err)
{
	const struct connection_provider *p;
	connection_host h;

	if (!c->host_arn == !c->provider_type)
		return err_set_wire(err, "ValidationException",
			"A connection is made with either ProviderType or HostArn");
	if (c->host_arn) {
		if (connection_need_host(tx, c->host_arn, s->a, &h, err) < 0)
			return -1;
		c->host_arn = h.host_arn;
		c->provider_type = h.provider_type;
		return 0;
	}
	p = connection_provider_find(c->provider_type);
	if (!p) {
		err_set(err, ERR_UNSUPPORTED, "connections to %s are not available",
			c->provider_type);
		return err_hint(err, "bring the repository here with `towpath migrate --follow`");
	}
	if (!p->url)
		return err_set_wire(err, "ValidationException",
			"A connection to %s needs the HostArn of a host (CreateHost)", p->name);
	return 0;
}

static int create_connection(struct connection_step *s, struct db_tx *tx, struct err *err)
{
	const struct codeconnections_create_connection_request *req = s->req;
	struct codeconnections_create_connection_response *resp = s->resp;
	struct store_documents all;
	struct towpath_string_map tags;
	connection_doc c = {
		.connection_name = req->connection_name,
		.provider_type = req->provider_type,
		.host_arn = req->host_arn,
		.owner_account_id = s->e->account,
		.connection_status = PENDING,
	};

	if (choose_provider(s, tx, &c, err) < 0 ||
		store_document_list(tx, &STORE_CONNECTION, NULL, s->a, &all, err) < 0)
		return -1;
	if (all.n >= CONNECTIONS_MAX)
		return err_set_wire(err, "LimitExceededException",
			"The account has its maximum of %d connections", CONNECTIONS_MAX);
	c.connection_arn = call_arn(s->call, s->call->service, "connection/%s", id_uuid().text);
	resp->connection_arn = c.connection_arn;
	resp->tags = req->tags;
	TAG_MAP(s->a, &req->tags, &tags);
	if (store_tags_add(tx, c.connection_arn, &tags, "LimitExceededException", s->a, err) < 0)
		return -1;
	return connection_put(tx, &c, err);
}

/* ---- the rest of its life ---- */

static int get_connection(struct connection_step *s, struct db_tx *tx, struct err *err)
{
	const struct codeconnections_get_connection_request *req = s->req;
	struct codeconnections_get_connection_response *resp = s->resp;

	resp->connection = arena_new(s->a, connection_doc);
	return connection_need(tx, req->connection_arn, s->a, resp->connection, err);
}

static int delete_connection(struct connection_step *s, struct db_tx *tx, struct err *err)
{
	const struct codeconnections_delete_connection_request *req = s->req;
	connection_doc c;
	const char *id;

	if (connection_need(tx, req->connection_arn, s->a, &c, err) < 0)
		return -1;
	id = connection_id_of(c.connection_arn);
	if (connection_remove_access(tx, id, err) < 0 ||
		store_tags_forget(tx, c.connection_arn, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_CONNECTION, id, err);
}

static int list_connections(struct connection_step *s, struct db_tx *tx, struct err *err)
{
	const struct codeconnections_list_connections_request *req = s->req;
	struct codeconnections_list_connections_response *resp = s->resp;
	struct store_document_filter filter = {.after = req->next_token};
	size_t max = (size_t)wire_or(req->max_results, 0), n = 0;
	struct store_documents all;
	connection_host h;

	if (!max)
		max = PAGE;
	if (req->host_arn_filter) {
		if (connection_need_host(tx, req->host_arn_filter, s->a, &h, err) < 0)
			return -1;
		filter.owner = h.host_arn;
	}
	if (store_document_list(tx, &STORE_CONNECTION, &filter, s->a, &all, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->connections, MIN(all.n, max));
	for (size_t i = 0; i < all.n; i++) {
		const connection_doc *c = all.v[i];

		if (req->provider_type_filter &&
			!streq(req->provider_type_filter, c->provider_type))
			continue;
		if (n == max) {
			resp->next_token =
				connection_id_of(resp->connections.v[n - 1].connection_arn);
			break;
		}
		resp->connections.v[n++] = *c;
	}
	resp->connections.n = n;
	return 0;
}

CONNECTION_STEP(codeconnections, create_connection, connection_write)
CONNECTION_STEP(codeconnections, delete_connection, connection_write)
CONNECTION_STEP(codeconnections, get_connection, connection_read)
CONNECTION_STEP(codeconnections, list_connections, connection_read)

/* ---- tags, of hosts too ---- */

/* The ARN under which tags of what an ARN names are kept. */
static int tagged(struct connection_step *s, struct db_tx *tx, const char *arn, const char **ret,
	struct err *err)
{
	connection_doc c;
	connection_host h;

	if (strstr(arn, ":host/")) {
		if (connection_need_host(tx, arn, s->a, &h, err) < 0)
			return -1;
		*ret = h.host_arn;
		return 0;
	}
	if (connection_need(tx, arn, s->a, &c, err) < 0)
		return -1;
	*ret = c.connection_arn;
	return 0;
}

static int tag_resource(struct connection_step *s, struct db_tx *tx, struct err *err)
{
	const struct codeconnections_tag_resource_request *req = s->req;
	struct towpath_string_map tags;
	const char *arn;

	TAG_MAP(s->a, &req->tags, &tags);
	return tagged(s, tx, req->resource_arn, &arn, err) < 0
		       ? -1
		       : store_tags_add(tx, arn, &tags, "LimitExceededException", s->a, err);
}

static int untag_resource(struct connection_step *s, struct db_tx *tx, struct err *err)
{
	const struct codeconnections_untag_resource_request *req = s->req;
	const char *arn;

	return tagged(s, tx, req->resource_arn, &arn, err) < 0
		       ? -1
		       : store_tags_remove(tx, arn, req->tag_keys.v, req->tag_keys.n, s->a, err);
}

static int list_tags_for_resource(struct connection_step *s, struct db_tx *tx, struct err *err)
{
	const struct codeconnections_list_tags_for_resource_request *req = s->req;
	struct codeconnections_list_tags_for_resource_response *resp = s->resp;
	struct towpath_string_map tags;
	const char *arn;

	if (tagged(s, tx, req->resource_arn, &arn, err) < 0 ||
		store_tags_read(tx, arn, s->a, &tags, err) < 0)
		return -1;
	TAG_LIST(s->a, &tags, &resp->tags);
	return 0;
}

CONNECTION_STEP(codeconnections, list_tags_for_resource, connection_read)
CONNECTION_STEP(codeconnections, tag_resource, connection_write)
CONNECTION_STEP(codeconnections, untag_resource, connection_write)
