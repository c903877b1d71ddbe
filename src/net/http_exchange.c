/* SPDX-License-Identifier: Apache-2.0 */
/* One request and its reply: what the routes ask of it and set on it. */
#include "net/http_exchange.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "base/log.h"

struct http_exchange *http_exchange_new(
	struct http_server *s, struct MHD_Connection *c, const char *target)
{
	struct http_exchange *x = xcalloc(1, sizeof(*x));
	char *mark;

	x->server = s;
	x->connection = c;
	x->refs = 1;
	x->reply_fd = -1;
	x->fd = -1;
	pthread_mutex_init(&x->lock, NULL);
	pthread_cond_init(&x->wake, NULL);
	x->target = arena_strdup(&x->arena, target);
	x->path = arena_strdup(&x->arena, target);
	mark = strchr(x->path, '?');
	x->query = "";
	if (mark) {
		*mark = '\0';
		x->query = mark + 1;
	}
	pthread_mutex_lock(&s->lock);
	x->next = s->active;
	if (x->next)
		x->next->prev = x;
	s->active = x;
	s->n_active++;
	s->n_connected++;
	pthread_mutex_unlock(&s->lock);
	return x;
}

void http_exchange_ref(struct http_exchange *x)
{
	__atomic_fetch_add(&x->refs, 1, __ATOMIC_RELAXED);
}

/* True when it was the last one of a stopped server. */
static bool exchange_unlink(struct http_exchange *x)
{
	struct http_server *s = x->server;
	bool last;

	pthread_mutex_lock(&s->lock);
	if (x->prev)
		x->prev->next = x->next;
	else
		s->active = x->next;
	if (x->next)
		x->next->prev = x->prev;
	s->n_active--;
	if (s->stopping)
		pthread_cond_broadcast(&s->changed);
	last = s->stopped && s->n_active == 0;
	pthread_mutex_unlock(&s->lock);
	return last;
}

void http_exchange_unref(struct http_exchange *x)
{
	struct http_server *s = x->server;
	bool last;

	if (__atomic_sub_fetch(&x->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	last = exchange_unlink(x); /* first: who walks the list may still touch it */
	fd_closep(&x->reply_fd);
	free((char *)x->reply_body.p);
	free(x->in.p);
	free(x->out.p);
	str_release(&x->body);
	str_release(&x->pushed);
	arena_release(&x->arena);
	pthread_cond_destroy(&x->wake);
	pthread_mutex_destroy(&x->lock);
	free(x);
	if (last)
		http_server_free(s);
}

static enum MHD_Result copy_header(
	void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct http_exchange *x = arg;

	(void)kind;
	x->headers[x->n_headers++] = (struct http_field){
		arena_strdup(&x->arena, name), arena_strdup(&x->arena, value ? value : "")};
	return MHD_YES;
}

/* An IPv4 peer of an IPv6 socket (::ffff:192.0.2.1) is named as what it is. */
static void write_v6(const struct in6_addr *address, char text[INET6_ADDRSTRLEN])
{
	if (IN6_IS_ADDR_V4MAPPED(address))
		inet_ntop(AF_INET, &address->s6_addr[12], text, INET6_ADDRSTRLEN);
	else
		inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
}

char *http_peer_text(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	char text[INET6_ADDRSTRLEN] = "";

	if (info && info->client_addr->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)info->client_addr)->sin_addr, text,
			sizeof(text));
	else if (info && info->client_addr->sa_family == AF_INET6)
		write_v6(&((const struct sockaddr_in6 *)info->client_addr)->sin6_addr, text);
	return xstrdup(text);
}

static const char *peer_of(const struct http_exchange *x)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info && info->socket_context ? info->socket_context : "";
}

/* How long the body is. False: the headers leave it open, and a proxy before the server may have
 * read the request as another number of requests; then nobody waits for its end. */
static bool read_length(struct http_exchange *x)
{
	size_t told = 0;

	x->content_length = 0;
	for (size_t i = 0; i < x->n_headers; i++) {
		const struct http_field *h = &x->headers[i];
		bool chunked = strcasecmp(h->name, "Transfer-Encoding") == 0;

		if (!chunked && strcasecmp(h->name, "Content-Length") != 0)
			continue;
		x->content_length = chunked ? -1 : strtoll(h->value, NULL, 10);
		told++;
	}
	if (told > 1)
		x->content_length = INT64_MAX;
	return told <= 1;
}

int http_exchange_begin(struct http_exchange *x, const char *method)
{
	int total;

	x->begun = true;
	x->method = arena_strdup(&x->arena, method);
	x->is_head = strcmp(method, "HEAD") == 0;
	x->peer = arena_strdup(&x->arena, peer_of(x));
	x->secure = x->server->tls;
	total = MHD_get_connection_values(x->connection, MHD_HEADER_KIND, NULL, NULL);
	if (total > HTTP_MAX_HEADERS)
		return 431;
	x->headers = arena_new_n(&x->arena, (size_t)total, struct http_field);
	MHD_get_connection_values(x->connection, MHD_HEADER_KIND, copy_header, x);
	if (!read_length(x))
		return 400;
	http_forwarded_apply(x);
	return 0;
}

struct arena *http_arena(struct http_exchange *x)
{
	return &x->arena;
}

const char *http_method(const struct http_exchange *x)
{
	return x->method;
}

const char *http_raw_path(const struct http_exchange *x)
{
	return x->path;
}

const char *http_raw_query(const struct http_exchange *x)
{
	return x->query;
}

const char *http_header(const struct http_exchange *x, const char *name)
{
	for (size_t i = 0; i < x->n_headers; i++) {
		if (strcasecmp(x->headers[i].name, name) == 0)
			return x->headers[i].value;
	}
	return NULL;
}

size_t http_header_count(const struct http_exchange *x)
{
	return x->n_headers;
}

void http_header_at(
	const struct http_exchange *x, size_t i, const char **ret_name, const char **ret_value)
{
	*ret_name = x->headers[i].name;
	*ret_value = x->headers[i].value;
}

const char *http_origin(struct http_exchange *x)
{
	const char *host = http_header(x, "Host");

	return arena_concat(
		&x->arena, x->secure ? "https://" : "http://", host ? host : "localhost");
}

const char *http_peer(const struct http_exchange *x)
{
	return x->peer;
}

int64_t http_content_length(const struct http_exchange *x)
{
	return x->content_length;
}

struct view http_body(const struct http_exchange *x)
{
	return str_view(&x->body);
}

void http_set_context(struct http_exchange *x, void *context)
{
	x->context = context;
}

void *http_context(const struct http_exchange *x)
{
	return x->context;
}

/* ---- the reply ---- */

void http_set_header(struct http_exchange *x, const char *name, const char *value)
{
	if (x->n_reply_headers == x->room_reply_headers) {
		size_t room = MAX(2 * x->room_reply_headers, (size_t)8);
		struct http_field *more = arena_new_n(&x->arena, room, struct http_field);

		if (x->n_reply_headers)
			memcpy(more, x->reply_headers, x->n_reply_headers * sizeof(*more));
		x->reply_headers = more;
		x->room_reply_headers = room;
	}
	x->reply_headers[x->n_reply_headers++] =
		(struct http_field){arena_strdup(&x->arena, name), arena_strdup(&x->arena, value)};
}

void http_exchange_suspend(struct http_exchange *x)
{
	if (x->gone || x->suspended)
		return;
	x->suspended = true;
	MHD_suspend_connection(x->connection);
}

ssize_t http_exchange_wait_out(struct http_exchange *x)
{
	if (x->gone || (x->out_end && !x->out_ok))
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (x->out_end)
		return MHD_CONTENT_READER_END_OF_STREAM;
	http_exchange_suspend(x);
	return 0;
}

void http_exchange_resume(struct http_exchange *x)
{
	if (!x->suspended)
		return;
	x->suspended = false;
	MHD_resume_connection(x->connection);
}

static struct MHD_Response *make_response(struct http_exchange *x)
{
	struct view body = x->reply_body;
	uint64_t length = (uint64_t)x->reply_length;

	switch (x->kind) {
	case HTTP_REPLY_BYTES:
		x->reply_body = (struct view){0};
		return MHD_create_response_from_buffer(
			body.len, (void *)(uintptr_t)body.p, MHD_RESPMEM_MUST_FREE);
	case HTTP_REPLY_FILE:
		return http_file_response(x);
	case HTTP_REPLY_STREAM:
		if (x->reply_length < 0)
			length = MHD_SIZE_UNKNOWN;
		return MHD_create_response_from_callback(
			length, 32 * KIB, http_stream_pull, x, NULL);
	case HTTP_REPLY_PUSH:
		return MHD_create_response_from_callback(
			MHD_SIZE_UNKNOWN, 32 * KIB, http_push_pull, x, NULL);
	case HTTP_NO_REPLY:
		break;
	}
	BUG("no reply to queue");
}

enum MHD_Result http_exchange_queue(struct http_exchange *x)
{
	struct MHD_Response *r = make_response(x);
	enum MHD_Result result;

	if (!r) {
		log_error("http", "no memory for the reply to %s %s", x->method, x->path);
		return MHD_NO;
	}
	for (size_t i = 0; i < x->n_reply_headers; i++)
		MHD_add_response_header(r, x->reply_headers[i].name, x->reply_headers[i].value);
	x->queued = true;
	/* H4: the library holds a lock of the response while it pulls, which takes ours */
	pthread_mutex_unlock(&x->lock);
	result = MHD_queue_response(x->connection, (unsigned int)x->status, r);
	MHD_destroy_response(r);
	pthread_mutex_lock(&x->lock);
	return result;
}

bool http_exchange_claim(struct http_exchange *x, enum http_reply_kind kind, int status)
{
	if (x->kind != HTTP_NO_REPLY)
		return false;
	x->kind = kind;
	x->status = status;
	x->discard_in = true;
	return true;
}

/* Wakes the connection for the reply; ends the owner's part of a deferred exchange. */
static void reply_ready(struct http_exchange *x)
{
	bool owned = x->deferred;

	if (x->on_gone)
		http_gone_remove(x->server->watch, x);
	http_exchange_resume(x);
	pthread_mutex_unlock(&x->lock);
	if (owned)
		http_exchange_unref(x);
}

void http_exchange_fail(struct http_exchange *x, int status)
{
	const struct http_routes *routes = &x->server->config.routes;

	if (!http_exchange_claim(x, HTTP_REPLY_BYTES, status))
		return;
	x->reply_body = (struct view){xmalloc(1), 0};
	if (routes->failed)
		routes->failed(routes->arg, x, status);
}

void http_reply_take(struct http_exchange *x, int status, struct str *body)
{
	size_t n = body->len;
	char *bytes = str_take(body);

	pthread_mutex_lock(&x->lock);
	if (http_exchange_claim(x, HTTP_REPLY_BYTES, status))
		x->reply_body = (struct view){bytes, n};
	else
		free(bytes);
	reply_ready(x);
}

void http_reply(struct http_exchange *x, int status, struct view body)
{
	struct str copy = STR_INIT;

	str_add_view(&copy, body);
	http_reply_take(x, status, &copy);
}

void http_reply_file(struct http_exchange *x, int status, int fd, int64_t offset, int64_t n)
{
	pthread_mutex_lock(&x->lock);
	if (http_exchange_claim(x, HTTP_REPLY_FILE, status)) {
		x->reply_fd = TAKE_FD(fd);
		x->reply_offset = offset;
		x->reply_length = n;
	}
	reply_ready(x);
	fd_closep(&fd);
}

void http_defer(struct http_exchange *x, void (*on_gone)(void *arg), void *arg)
{
	pthread_mutex_lock(&x->lock);
	BUG_ON(x->mode != HTTP_BUFFERED || x->deferred);
	x->deferred = true;
	http_exchange_ref(x);
	x->on_gone = on_gone;
	x->on_gone_arg = arg;
	pthread_mutex_unlock(&x->lock);
}
