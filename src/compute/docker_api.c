/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to a Docker engine. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/form.h"
#include "compute/docker_internal.h"
#include "net/http_client.h"

#define VERSION_LEAST 41 /* of 1.x: engine 20.10 */
#define VERSION_MOST 44
#define CONNECT_USEC (5 * USEC_PER_SEC)
#define ANSWER_LIMIT (12 * MIB)

static int unavailable(const struct docker_engine *e, struct err *err)
{
	err_wrap(err, "the engine at %s does not answer", e->socket);
	return err_hint(err, "is the Docker engine running, and may the server use its socket?");
}

static int send_to(struct docker_engine *e, const struct docker_call *c, const char *version,
	struct http_answer *answer, struct err *err)
{
	struct http_client *http CLEANUP(http_client_freep) = http_client_new();
	char *url CLEANUP(freep) = xasprintf(
		"http://docker%s%s%s", version ? "/v" : "", version ? version : "", c->path);
	char *type CLEANUP(freep) =
		xasprintf("Content-Type: %s", c->body_type ? c->body_type : "application/json");
	char *auth CLEANUP(freep) =
		xasprintf("X-Registry-Auth: %s", c->registry_auth ? c->registry_auth : "");
	const char *headers[] = {type, c->registry_auth ? auth : NULL, NULL};
	struct http_call call = {
		.method = c->method,
		.url = url,
		.unix_socket = e->socket,
		.headers = headers,
		.body = c->body,
		.write = c->write,
		.cancelled = c->cancelled,
		.arg = c->arg,
		.connect_usec = CONNECT_USEC,
		.timeout_usec = c->timeout_usec < 0   ? 0
				: c->timeout_usec > 0 ? c->timeout_usec
						      : DOCKER_CALL_USEC,
		.limit = ANSWER_LIMIT,
	};

	if (http_client_call(http, &call, answer, err) == 0)
		return 0;
	return err_is(err, ERR_UNAVAILABLE) || err_is(err, ERR_TIMEOUT) ? unavailable(e, err) : -1;
}

/* The number behind "1." of a version, or 0. */
static int minor_of(const char *version)
{
	int minor = 0;

	return version && sscanf(version, "1.%d", &minor) == 1 ? minor : 0;
}

/* Agrees on a version once; the newest that both sides know. */
static int negotiate(struct docker_engine *e, char version[16], struct err *err)
{
	struct http_answer answer CLEANUP_HTTP_ANSWER = HTTP_ANSWER_INIT;
	int theirs;

	pthread_mutex_lock(&e->lock);
	memcpy(version, e->version, 16);
	pthread_mutex_unlock(&e->lock);
	if (*version)
		return 0;
	if (send_to(e, &(struct docker_call){.path = "/_ping"}, NULL, &answer, err) < 0)
		return -1;
	theirs = minor_of(http_answer_header(&answer, "api-version"));
	if (answer.status != 200 || theirs < VERSION_LEAST)
		return err_set(err, ERR_UNSUPPORTED,
			"the engine at %s speaks version 1.%d of the Engine API; 1.%d is needed "
			"(Docker 20.10 or newer)",
			e->socket, theirs, VERSION_LEAST);
	snprintf(version, 16, "1.%d", MIN(theirs, VERSION_MOST));
	pthread_mutex_lock(&e->lock);
	memcpy(e->version, version, 16);
	pthread_mutex_unlock(&e->lock);
	return 0;
}

static int refused(const struct docker_call *c, const struct http_answer *answer, struct arena *a,
	struct err *err)
{
	const struct json_node *node = NULL;
	const char *message = NULL;
	enum err_kind kind = answer->status == 404			      ? ERR_NOT_FOUND
			     : answer->status == 409 || answer->status == 304 ? ERR_CONFLICT
									      : ERR_IO;

	if (answer->body.len && json_parse(str_view(&answer->body), a, &node, NULL) == 0)
		message = json_member_text(node, "message");
	if (message)
		return err_set(err, kind, "%s", message);
	return err_set(err, kind, "the engine answered %d to %s %s", answer->status,
		c->method ? c->method : "GET", c->path);
}

int docker_call(struct docker_engine *e, const struct docker_call *c, struct arena *a,
	const struct json_node **ret, struct err *err)
{
	struct http_answer answer CLEANUP_HTTP_ANSWER = HTTP_ANSWER_INIT;
	struct err own CLEANUP_ERR = ERR_INIT;
	char version[16];

	if (ret)
		*ret = NULL;
	if (negotiate(e, version, &own) < 0 || send_to(e, c, version, &answer, &own) < 0)
		return err_move(err, &own);
	if (answer.status / 100 != 2)
		return refused(c, &answer, a, err);
	if (!ret || c->write || !answer.body.len)
		return 0;
	return json_parse(str_view(&answer.body), a, ret, err);
}

int docker_get(struct docker_engine *e, struct arena *a, const struct json_node **ret,
	struct err *err, const char *fmt, ...)
{
	struct docker_call c = {0};
	va_list ap;

	va_start(ap, fmt);
	c.path = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return docker_call(e, &c, a, ret, err);
}

int docker_do(struct docker_engine *e, const char *method, struct err *err, const char *fmt, ...)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct docker_call c = {.method = method};
	va_list ap;

	va_start(ap, fmt);
	c.path = arena_vprintf(&a, fmt, ap);
	va_end(ap);
	return docker_call(e, &c, &a, NULL, err);
}

const struct json_node *docker_member(const struct json_node *node, ...)
{
	const char *name;
	va_list ap;

	va_start(ap, node);
	while (node && (name = va_arg(ap, const char *)))
		node = json_member(node, name);
	va_end(ap);
	return node;
}

char *docker_label_filter(const char *name, const char *value)
{
	struct str plain CLEANUP_STR = STR_INIT, out = STR_INIT;
	struct json_writer w = {&plain, false};
	char *label CLEANUP(freep) = xasprintf("%s=%s", name, value);

	json_open(&w, '{');
	json_key(&w, "label");
	json_open(&w, '[');
	json_put_text(&w, label);
	json_close(&w, ']');
	json_close(&w, '}');
	form_encode(str_view(&plain), false, &out);
	return str_take(&out);
}
