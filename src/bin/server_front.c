/* SPDX-License-Identifier: Apache-2.0 */
/* From the socket to the engines: git's requests go to githttp, those of images to the registry,
 * all others to the API. */
#include <stdlib.h>

#include "api/health.h"
#include "api/resource_tags.h"
#include "api/snshttp.h"
#include "api/webhook.h"
#include "base/cidr.h"
#include "base/file.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "bin/server_parts.h"

#define HTTP_THREADS 4
#define MAX_STREAMS 64
#define GRACE_USEC (2 * USEC_PER_SEC)

/* An answer of no service in particular: its id in the headers of all of them, and in the log. */
static void tell_failure(void *arg, struct http_exchange *x, int status)
{
	struct uuid_text id = id_uuid();

	(void)arg;
	http_set_header(x, "x-amzn-RequestId", id.text);
	http_set_header(x, "x-amz-request-id", id.text);
	log_info("http", "request %s: %s %s of %s answered with %d", id.text, http_method(x),
		http_raw_path(x), http_peer(x), status);
}

static enum http_mode classify(void *arg, struct http_exchange *x)
{
	struct server *s = arg;

	if (!s->ready) {
		tell_failure(s, x, 503);
		http_set_header(x, "Retry-After", "1");
		http_reply(x, 503, VIEW("the server is starting or ending\n"));
		return HTTP_REFUSE;
	}
	if (cors_apply(&s->cors, x))
		return HTTP_REFUSE;
	if (githttp_matches(x))
		return githttp_classify(&s->git, x);
	if (registry_matches(x))
		return registry_classify(&s->registry, x);
	if (snshttp_matches(x) || container_credentials_matches(x) || task_metadata_matches(x) ||
		health_matches(x) || webhook_matches(x))
		return HTTP_BUFFERED;
	return s->api_routes.classify(s->api_routes.arg, x);
}

static void handle(void *arg, struct http_exchange *x)
{
	struct server *s = arg;

	if (registry_matches(x))
		registry_handle(&s->registry, x);
	else if (snshttp_matches(x))
		snshttp_handle(s->signal, s->account, s->region, x);
	else if (container_credentials_matches(x))
		container_credentials_handle(&s->container_credentials, x);
	else if (task_metadata_matches(x))
		task_metadata_handle(&s->task_metadata, x);
	else if (health_matches(x))
		health_handle(durable_db(s->durable), x);
	else if (webhook_matches(x))
		webhook_handle(&(struct webhook_front){s->build, s->identity}, x);
	else
		s->api_routes.handle(s->api_routes.arg, x);
}

static void handle_stream(void *arg, struct http_exchange *x)
{
	struct server *s = arg;

	if (githttp_matches(x))
		githttp_handle(&s->git, x);
	else if (registry_matches(x))
		registry_handle(&s->registry, x);
	else
		s->api_routes.handle_stream(s->api_routes.arg, x);
}

static void add_record(void *arg, struct view json)
{
	audit_add(arg, json);
}

/* Builds and tasks fetch the credentials of their roles. */
static int give_credentials(
	void *arg, const char *part, const char *ticket, struct str *json, struct err *err)
{
	struct server *s = arg;

	if (starts_with(part, "task/"))
		return fleet_world_credentials(&s->fleet_world, part, ticket, json, err);
	return build_world_credentials(&s->build_world, part, ticket, json, err);
}

int server_front_open(struct server *s, struct err *err)
{
	struct api_config c = {
		.account = s->account,
		.region = s->region,
		.auth = &s->auth,
		.host = s->config.host,
		.page_key = identity_derived_key(s->identity, "tokens of pages"),
	};

	s->auth = auth_identity(s->identity);
	c.audit = (struct audit_sink){s->audit, add_record};
	s->git = (struct git_access_config){
		.source = s->source,
		.auth = &s->auth,
		.account = s->account,
		.region = s->region,
		.audit = c.audit,
		.endpoint = s->public_url,
	};
	s->registry = (struct registry_config){
		.artifact = s->artifact,
		.auth = &s->auth,
		.account = s->account,
		.region = s->region,
	};
	s->container_credentials = (struct container_credentials){s, give_credentials};
	s->task_metadata = (struct task_metadata){&s->fleet_world, fleet_world_metadata};
	s->service_list = xcalloc(s->services.n + 1, sizeof(struct call_service *));
	for (size_t i = 0; i < s->services.n; i++)
		s->service_list[i] = &s->services.v[i];
	c.services = s->service_list;
	c.n_services = s->services.n;
	if (s->config.throttle && throttle_new(s->config.throttle, s->service_list, s->services.n,
					  &s->throttle, err) < 0)
		return err_wrap(err, "--throttle");
	c.throttle = s->git.throttle = s->registry.throttle = s->throttle;
	s->api = api_new(&c);
	s->api_routes = api_routes(s->api);
	identity_resource_tags(s->identity, api_resource_tags, s->api);
	return 0;
}

/* ---- listening ---- */

static bool is_local(const char *address)
{
	return cidr_is_any_address(address) || starts_with(address, "127.") ||
	       streq(address, "localhost");
}

/* How what runs on this machine reaches the server. */
static void tell_builds(struct server *s)
{
	s->build_world.endpoint_is_local = s->http_local || is_local(s->config.address);
	s->build_world.endpoint = s->local_endpoint;
}

static int listen_at(struct server *s, const struct http_server_config *wanted,
	struct http_server **ret, struct err *err)
{
	struct http_server_config c = *wanted;

	c.threads = HTTP_THREADS;
	c.max_streams = MAX_STREAMS;
	c.body_limit = LIMIT_API_BODY;
	c.routes = (struct http_routes){s, classify, handle, handle_stream, tell_failure};
	return http_server_start(&c, ret, err);
}

/* With TLS, what runs on this machine (builds, tasks, agents of instances, commands) speaks plain
 * HTTP on the loopback: the images of tasks know no certificate of ours. Builds outlive the server,
 * so the port is the same after a restart. */
static int listen_local(struct server *s, struct err *err)
{
	char *path CLEANUP(freep) = xasprintf("%s/run/local-port", s->data_dir);
	struct str text CLEANUP_STR = STR_INIT;
	struct http_server_config c = {.address = "127.0.0.1", .port = s->config.local_port};
	struct err taken CLEANUP_ERR = ERR_INIT;

	if (!c.port && file_exists(path) && file_read(path, 16, &text, NULL) == 0)
		c.port = atoi(str_text(&text));
	if (listen_at(s, &c, &s->http_local, s->config.local_port ? err : &taken) < 0) {
		if (s->config.local_port)
			return err_wrap(err, "--local-port");
		log_warn("serve", "%s; builds under way do not find the server",
			err_message(&taken));
		c.port = 0;
		if (listen_at(s, &c, &s->http_local, err) < 0)
			return -1;
	}
	s->local_port = http_server_port(s->http_local);
	s->local_endpoint = xasprintf("http://127.0.0.1:%d", s->local_port);
	str_clear(&text);
	str_addf(&text, "%d\n", s->local_port);
	return file_write_atomic(path, str_view(&text), 0600, err);
}

static int load_certificate(struct server *s, struct server_tls *ret, struct err *err)
{
	struct server_tls_config c = {
		.cert = s->config.tls_cert,
		.key = s->config.tls_key,
		.names = s->config.tls_names,
		.data_dir = s->data_dir,
		.address = s->config.address,
		.host = s->config.host,
	};

	return server_tls_load(&c, ret, err);
}

static int listen_tls(struct server *s, struct http_server_config *c, struct err *err)
{
	struct server_tls tls CLEANUP(server_tls_release) = {0};

	if (load_certificate(s, &tls, err) < 0)
		return -1;
	c->tls_chain = str_text(&tls.chain);
	c->tls_key = str_text(&tls.key);
	if (listen_at(s, c, &s->http, err) < 0)
		return -1;
	s->fingerprint = tls.info.fingerprint;
	s->ca_file = TAKE_PTR(tls.ca_file);
	return listen_local(s, err);
}

static bool speaks_tls(const struct server *s)
{
	return s->config.tls || s->config.tls_cert || s->config.tls_key;
}

static char *url_of(const char *scheme, const char *host, int port)
{
	bool v6 = strchr(host, ':');

	return xasprintf("%s://%s%s%s:%d", scheme, v6 ? "[" : "", host, v6 ? "]" : "", port);
}

int server_front_listen(struct server *s, struct err *err)
{
	struct http_server_config c = {.address = s->config.address,
		.port = s->config.port,
		.trusted_proxies = s->config.trusted_proxies};
	bool tls = speaks_tls(s);

	if (cors_init(&s->cors, s->config.cors_origins, err) < 0)
		return err_wrap(err, "--cors-origin");
	if ((tls ? listen_tls(s, &c, err) : listen_at(s, &c, &s->http, err)) < 0)
		return -1;
	s->port = http_server_port(s->http);
	s->endpoint = url_of(tls ? "https" : "http",
		s->config.host ? s->config.host : s->config.address, s->port);
	s->public_url = s->config.public_url ? s->config.public_url : s->endpoint;
	if (!tls) {
		s->local_port = s->port;
		s->local_endpoint = url_of("http",
			cidr_is_any_address(s->config.address) ? "127.0.0.1" : s->config.address,
			s->port);
	}
	tell_builds(s);
	return 0;
}

const char *server_fingerprint(const struct server *s)
{
	return *s->fingerprint.text ? s->fingerprint.text : NULL;
}

int server_renew_certificate(struct server *s, bool *ret_changed, struct err *err)
{
	struct server_tls tls CLEANUP(server_tls_release) = {0};

	*ret_changed = false;
	if (!speaks_tls(s))
		return 0;
	if (load_certificate(s, &tls, err) < 0)
		return -1;
	if (streq(tls.info.fingerprint.text, s->fingerprint.text))
		return 0;
	if (http_server_show(s->http, str_text(&tls.chain), str_text(&tls.key), err) < 0)
		return -1;
	s->fingerprint = tls.info.fingerprint;
	*ret_changed = true;
	return 0;
}

void server_front_ready(struct server *s)
{
	s->ready = true;
}

void server_front_stop(struct server *s)
{
	s->ready = false;
	s->http_local = http_server_stop(s->http_local, GRACE_USEC);
	s->http = http_server_stop(s->http, GRACE_USEC);
}

void server_front_close(struct server *s)
{
	server_front_stop(s);
	s->api = api_free(s->api);
	s->throttle = throttle_free(s->throttle);
	cors_release(&s->cors);
	free(s->service_list);
	s->service_list = NULL;
	vec_release(&s->services);
}
