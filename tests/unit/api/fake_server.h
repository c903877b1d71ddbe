/* SPDX-License-Identifier: Apache-2.0 */
/* The API over real HTTP, with services and callers of the test's own. */
#ifndef TOWPATH_TESTS_API_FAKE_SERVER_H
#define TOWPATH_TESTS_API_FAKE_SERVER_H

#include "api/dispatch.h"
#include "base/mem.h"
#include "net/http_client.h"

static struct http_server *server;
static struct http_client *client;
static struct api *api;

static inline int start_server(
	const struct call_service *const *services, size_t n, const struct auth *auth)
{
	struct http_server_config http = {
		.address = "127.0.0.1", .threads = 2, .max_streams = 4, .body_limit = 1000000};
	struct api_config config = {.services = services,
		.n_services = n,
		.auth = auth,
		.account = "000000000000",
		.region = "us-east-1",
		.validate_replies = true};
	CLEANUP_ERR struct err err = ERR_INIT;

	api = api_new(&config);
	http.routes = api_routes(api);
	if (http_server_start(&http, &server, &err) < 0)
		fail_msg("%s", err_message(&err));
	client = http_client_new();
	return 0;
}

static inline int stop_server(void **state)
{
	(void)state;
	http_client_free(client);
	http_server_stop(server, 0);
	api_free(api);
	return 0;
}

/* The header of a caller whose signature the test's authentication does not look at. */
#define SCOPE(service)                                                              \
	"Authorization: AWS4-HMAC-SHA256 Credential=AK/20240101/us-east-1/" service \
	"/aws4_request, SignedHeaders=host, Signature=0"

static inline void ask(const char *method, const char *target, const char *const *headers,
	const char *body, struct http_answer *ret)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP(freep)
	char *url = xasprintf("http://127.0.0.1:%d%s", http_server_port(server), target);
	struct http_call call = {
		.method = method, .url = url, .headers = headers, .body = view_of(body)};

	if (http_client_call(client, &call, ret, &err) < 0)
		fail_msg("%s %s: %s", method, target, err_message(&err));
}

#endif
