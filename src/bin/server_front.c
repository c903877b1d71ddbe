/* SPDX-License-Identifier: Apache-2.0 */
/* From the socket to the engines: git's requests go to githttp, those of images to the registry,
 * all others to the API. */
#include <stdlib.h>

#include "base/limits.h"
#include "api/snshttp.h"
#include "bin/server_parts.h"

#define HTTP_THREADS 4
#define MAX_STREAMS 64
#define GRACE_USEC (2 * USEC_PER_SEC)

static enum http_mode classify(void *arg, struct http_exchange *x)
{
	struct server *s = arg;

	if (!s->ready) {
		http_set_header(x, "Retry-After", "1");
		http_reply(x, 503, VIEW("the server is starting or ending\n"));
		return HTTP_REFUSE;
	}
	if (githttp_matches(x))
		return githttp_classify(&s->git, x);
	if (registry_matches(x))
		return registry_classify(&s->registry, x);
	if (snshttp_matches(x) || container_credentials_matches(x))
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

void server_front_open(struct server *s)
{
	struct api_config c = {.account = s->account, .region = s->region, .auth = &s->auth};

	s->auth = auth_identity(s->identity);
	c.audit = (struct audit_sink){s->audit, add_record};
	s->git = (struct githttp_config){
		.source = s->source,
		.auth = &s->auth,
		.account = s->account,
		.region = s->region,
		.audit = c.audit,
	};
	s->registry = (struct registry_config){
		.artifact = s->artifact,
		.auth = &s->auth,
		.account = s->account,
		.region = s->region,
	};
	s->container_credentials = (struct container_credentials){s, give_credentials};
	s->service_list = xcalloc(s->services.n + 1, sizeof(struct call_service *));
	for (size_t i = 0; i < s->services.n; i++)
		s->service_list[i] = &s->services.v[i];
	c.services = s->service_list;
	c.n_services = s->services.n;
	s->api = api_new(&c);
	s->api_routes = api_routes(s->api);
}

/* How what runs on this machine reaches the server. */
static void tell_builds(struct server *s)
{
	const char *address = s->config.address;
	bool any = streq(address, "0.0.0.0") || streq(address, "::");
	bool local = any || starts_with(address, "127.") || streq(address, "localhost");

	s->build_world.endpoint_is_local = local;
	s->build_world.endpoint =
		any ? arena_printf(&s->arena, "http://127.0.0.1:%d", s->port) : s->endpoint;
}

int server_front_listen(struct server *s, struct err *err)
{
	struct http_server_config c = {
		.address = s->config.address,
		.port = s->config.port,
		.threads = HTTP_THREADS,
		.max_streams = MAX_STREAMS,
		.body_limit = LIMIT_API_BODY,
		.routes = {s, classify, handle, handle_stream},
	};

	if (http_server_start(&c, &s->http, err) < 0)
		return -1;
	s->port = http_server_port(s->http);
	s->endpoint = xasprintf("http://%s:%d", s->config.address, s->port);
	tell_builds(s);
	return 0;
}

void server_front_ready(struct server *s)
{
	s->ready = true;
}

void server_front_stop(struct server *s)
{
	s->ready = false;
	s->http = http_server_stop(s->http, GRACE_USEC);
}

void server_front_close(struct server *s)
{
	server_front_stop(s);
	s->api = api_free(s->api);
	free(s->service_list);
	s->service_list = NULL;
	vec_release(&s->services);
}
