/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on hosts: where a GitHub Enterprise Server or a GitLab of one's own stands. */
#include "base/id.h"
#include "base/mem.h"
#include "connection/engine.h"
#include "store/resource_tags.h"
#include "vcs/remote.h"

#define HOSTS_MAX 50
#define PAGE 50
#define ID_DIGITS 8

/* "NAME-1a2b3c4d" of its ARN, of either service name. */
static const char *host_id_of(const char *arn)
{
	const char *at = strstr(arn, ":host/");

	return at ? at + strlen(":host/") : "";
}

int connection_need_host(
	struct db_tx *tx, const char *arn, struct arena *a, connection_host *ret, struct err *err)
{
	int r = store_document_get(tx, &STORE_CONNECTION_HOST, host_id_of(arn), a, ret, err);

	if (r == 0 || (r > 0 && !connection_same_arn(arn, ret->host_arn)))
		return err_set_wire(
			err, "ResourceNotFoundException", "Host %s was not found.", arn);
	return r < 0 ? -1 : 0;
}

static int put_host(struct db_tx *tx, const connection_host *h, struct err *err)
{
	return store_document_put(
		tx, &STORE_CONNECTION_HOST, host_id_of(h->host_arn), NULL, h, err);
}

int connection_check_address(const char *member, const char *url, struct err *err)
{
	if (vcs_remote_url_has_secret(url))
		return err_set_wire(err, "ValidationException",
			"%s must not hold a password or token; a connection gets its token by "
			"towpath connection complete",
			member);
	if (vcs_remote_is_url(url) && !strpbrk(url, "?#"))
		return 0;
	return err_set_wire(err, "ValidationException",
		"%s %s is not the address of a git host: https://name[:port][/path]", member, url);
}

static int refuse_vpc(const struct codeconnections_vpc_configuration *vpc, struct err *err)
{
	if (!vpc)
		return 0;
	err_set(err, ERR_UNSUPPORTED, "VpcConfiguration of hosts is not available");
	return err_hint(err, "this server reaches the host through the network that it stands in");
}

/* Letters, digits and dashes of the name, as ARNs have it. */
static const char *arn_name(const char *name, struct arena *a)
{
	char *text = arena_strdup(a, name);

	for (char *p = text; *p; p++)
		if (!strchr(ID_ALPHABET_BASE62 "-_.", *p))
			*p = '-';
	return text;
}

static int create_host(struct connection_step *s, struct db_tx *tx, struct err *err)
{
	const struct codeconnections_create_host_request *req = s->req;
	struct codeconnections_create_host_response *resp = s->resp;
	const struct connection_provider *p = connection_provider_find(req->provider_type);
	struct store_documents all;
	struct towpath_string_map tags;
	char digits[ID_DIGITS + 1];
	connection_host h = {
		.name = req->name,
		.provider_type = req->provider_type,
		.provider_endpoint = req->provider_endpoint,
		.status = "AVAILABLE",
	};

	if (!p || p->url)
		return err_set_wire(err, "ValidationException",
			"Hosts are of type GitHubEnterpriseServer or GitLabSelfManaged, not %s",
			req->provider_type);
	if (refuse_vpc(req->vpc_configuration, err) < 0 ||
		connection_check_address("ProviderEndpoint", req->provider_endpoint, err) < 0 ||
		store_document_list(tx, &STORE_CONNECTION_HOST, NULL, s->a, &all, err) < 0)
		return -1;
	if (all.n >= HOSTS_MAX)
		return err_set_wire(err, "LimitExceededException",
			"The account has its maximum of %d hosts", HOSTS_MAX);
	id_random_text(digits, ID_DIGITS, ID_ALPHABET_HEX);
	h.host_arn = call_arn(
		s->call, s->call->service, "host/%s-%s", arn_name(req->name, s->a), digits);
	resp->host_arn = h.host_arn;
	resp->tags = req->tags;
	TAG_MAP(s->a, &req->tags, &tags);
	return store_tags_add(tx, h.host_arn, &tags, "LimitExceededException", s->a, err) < 0
		       ? -1
		       : put_host(tx, &h, err);
}

static int get_host(struct connection_step *s, struct db_tx *tx, struct err *err)
{
	const struct codeconnections_get_host_request *req = s->req;
	connection_host h;

	if (connection_need_host(tx, req->host_arn, s->a, &h, err) < 0)
		return -1;
	wire_assign(
		&codeconnections_get_host_response_shape, s->resp, &codeconnections_host_shape, &h);
	return 0;
}

static int list_hosts(struct connection_step *s, struct db_tx *tx, struct err *err)
{
	const struct codeconnections_list_hosts_request *req = s->req;
	struct codeconnections_list_hosts_response *resp = s->resp;
	size_t max = (size_t)wire_or(req->max_results, 0);
	struct store_documents all;

	if (!max)
		max = PAGE;
	if (store_document_list(tx, &STORE_CONNECTION_HOST,
		    &(struct store_document_filter){.after = req->next_token, .max = max + 1}, s->a,
		    &all, err) < 0)
		return -1;
	if (all.n > max)
		resp->next_token = all.ids[max - 1];
	wire_list_alloc(s->a, &resp->hosts, MIN(all.n, max));
	for (size_t i = 0; i < resp->hosts.n; i++)
		resp->hosts.v[i] = *(const connection_host *)all.v[i];
	return 0;
}

static int connections_of(struct connection_step *s, struct db_tx *tx, const connection_host *h,
	struct store_documents *ret, struct err *err)
{
	return store_document_list(tx, &STORE_CONNECTION,
		&(struct store_document_filter){.owner = h->host_arn}, s->a, ret, err);
}

static int update_host(struct connection_step *s, struct db_tx *tx, struct err *err)
{
	const struct codeconnections_update_host_request *req = s->req;
	struct store_documents users;
	connection_host h;

	if (refuse_vpc(req->vpc_configuration, err) < 0 ||
		connection_need_host(tx, req->host_arn, s->a, &h, err) < 0)
		return -1;
	if (!req->provider_endpoint || streq(req->provider_endpoint, h.provider_endpoint))
		return 0;
	if (connection_check_address("ProviderEndpoint", req->provider_endpoint, err) < 0 ||
		connections_of(s, tx, &h, &users, err) < 0)
		return -1;
	for (size_t i = 0; i < users.n; i++) /* C2 */
		if (connection_forget_access(tx, users.v[i], err) < 0)
			return -1;
	h.provider_endpoint = req->provider_endpoint;
	return put_host(tx, &h, err);
}

static int delete_host(struct connection_step *s, struct db_tx *tx, struct err *err)
{
	const struct codeconnections_delete_host_request *req = s->req;
	struct store_documents users;
	connection_host h;

	if (connection_need_host(tx, req->host_arn, s->a, &h, err) < 0 ||
		connections_of(s, tx, &h, &users, err) < 0)
		return -1;
	if (users.n)
		return err_set_wire(err, "ResourceUnavailableException",
			"Host %s has %zu connections, which must be deleted first", h.host_arn,
			users.n);
	if (store_tags_forget(tx, h.host_arn, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_CONNECTION_HOST, host_id_of(h.host_arn), err);
}

CONNECTION_STEP(codeconnections, create_host, connection_write)
CONNECTION_STEP(codeconnections, delete_host, connection_write)
CONNECTION_STEP(codeconnections, get_host, connection_read)
CONNECTION_STEP(codeconnections, list_hosts, connection_read)
CONNECTION_STEP(codeconnections, update_host, connection_write)
