/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server (libmicrohttpd): an epoll thread pool for short requests, worker threads with
 * bounded buffers for streams. Memory a connection is bounded whatever is sent or fetched. */
#ifndef TOWPATH_NET_HTTP_SERVER_H
#define TOWPATH_NET_HTTP_SERVER_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/view.h"

struct http_server;
struct http_exchange;

enum http_mode {
	HTTP_BUFFERED, /* the handler is called once, on a pool thread, with the whole body */
	HTTP_STREAM,   /* the handler runs on a worker thread and reads and writes as it likes */
	HTTP_REFUSE,   /* the classifier has replied already; the body is dropped */
};

struct http_routes {
	void *arg;
	/* Decides from the head of the request alone; may http_reply() and answer HTTP_REFUSE. */
	enum http_mode (*classify)(void *arg, struct http_exchange *x);
	/* Must reply before it returns, or call http_defer(). */
	void (*handle)(void *arg, struct http_exchange *x);
	/* May block. Returning without a reply answers 500. */
	void (*handle_stream)(void *arg, struct http_exchange *x);
	/* The server answers by itself: too much was sent, it stops, a handler gave no reply. May
	 * http_set_header() and log, no more. NULL: nothing to say. */
	void (*failed)(void *arg, struct http_exchange *x, int status);
};

struct http_server_config {
	const char *address; /* "127.0.0.1" */
	int port;	     /* 0: the kernel chooses */
	int threads;	     /* epoll pool */
	int max_streams;     /* worker threads at once; more wait their turn */
	size_t body_limit;   /* of an HTTP_BUFFERED request; more answers 413 */
	int64_t idle_usec;   /* a connection that sends and takes nothing is closed; 0: 75 s */
	/* PEM: the server's certificate, then those between it and the root; and its key. NULL: no
	 * TLS. Used during http_server_start() only. */
	const char *tls_chain, *tls_key;
	/* Addresses and ranges, parted by commas, whose X-Forwarded-For and X-Forwarded-Proto are
	 * believed; NULL: nobody's. Used during http_server_start() only. */
	const char *trusted_proxies;
	struct http_routes routes;
};

int http_server_start(
	const struct http_server_config *c, struct http_server **ret, struct err *err);
int http_server_port(const struct http_server *s);
/* Shows another certificate from now on, of a server that speaks TLS; connections that are open
 * stay. On failure the one before is shown. */
int http_server_show(
	struct http_server *s, const char *tls_chain, const char *tls_key, struct err *err);
/* Stops accepting, lets running exchanges end for grace_usec, then closes. NULL is fine. */
struct http_server *http_server_stop(struct http_server *s, int64_t grace_usec);

/* ---- the request ---- */

/* Lives as long as the exchange; for everything that belongs to it. */
struct arena *http_arena(struct http_exchange *x);
const char *http_method(const struct http_exchange *x);
/* As sent: not decoded; the part before and the part after the first '?' ("" when none). */
const char *http_raw_path(const struct http_exchange *x);
const char *http_raw_query(const struct http_exchange *x);
/* Case-insensitive; NULL when absent; the first of several. Borrowed. */
const char *http_header(const struct http_exchange *x, const char *name);
/* All request headers in the order received. */
size_t http_header_count(const struct http_exchange *x);
void http_header_at(
	const struct http_exchange *x, size_t i, const char **ret_name, const char **ret_value);
/* "https://host:port" as the client addressed the server or a trusted proxy; lives as long as the
 * exchange. */
const char *http_origin(struct http_exchange *x);
/* The client's address as text: the peer's, or what a trusted proxy says. */
const char *http_peer(const struct http_exchange *x);
/* Content-Length, or -1 when it is chunked. */
int64_t http_content_length(const struct http_exchange *x);
/* HTTP_BUFFERED: the whole body. */
struct view http_body(const struct http_exchange *x);
/* A place for the routes' own data (a request context made in classify()). */
void http_set_context(struct http_exchange *x, void *context);
void *http_context(const struct http_exchange *x);

/* ---- the reply ---- */

/* Before http_reply/http_start; name and value are copied. */
void http_set_header(struct http_exchange *x, const char *name, const char *value);
/* The whole reply at once; body is copied. Ends the exchange. */
void http_reply(struct http_exchange *x, int status, struct view body);
/* The same without the copy: takes what body holds and leaves it empty. */
void http_reply_take(struct http_exchange *x, int status, struct str *body);
/* Sends n bytes of an open file from offset on. Takes the fd. Ends the exchange. */
void http_reply_file(struct http_exchange *x, int status, int fd, int64_t offset, int64_t n);
/* HTTP_BUFFERED only: the reply comes later, from any thread, by http_reply() and its kin, after
 * which x must not be touched. on_gone (may be NULL) is called at most once, on a thread of the
 * server, if the peer goes away first; the exchange must then still be replied to (the reply is
 * dropped), which on_gone itself may do. It is never called after http_reply() returned, and
 * http_reply() waits for one that runs: hold no lock there that on_gone takes. */
void http_defer(struct http_exchange *x, void (*on_gone)(void *arg), void *arg);

/* ---- a deferred reply in pieces: from any thread, never waits ---- */

/* After http_defer(): starts a reply of unknown length, of whose end on_gone is told no more. */
void http_open(struct http_exchange *x, int status);
enum http_pushed {
	HTTP_PUSHED, /* all of it */
	HTTP_FULL,   /* nothing: the peer has too much (LIMIT_HTTP_PUSH) of before to take still */
	HTTP_GONE,   /* nothing: the peer broke off or the server stops; http_close() is due */
};
/* Adds bytes to a reply that was opened. */
enum http_pushed http_push(struct http_exchange *x, struct view bytes);
/* Ends it; x must not be touched after. ok false: the connection is cut so that the peer notices.
 */
void http_close(struct http_exchange *x, bool ok);

/* ---- streams: only in handle_stream, on its thread ---- */

/* True once the peer broke off or the server stops: a good moment to end a long stream. */
bool http_is_gone(struct http_exchange *x);
/* Body bytes, blocking: count, 0 at the end, -1 when the peer broke off. */
ssize_t http_read(struct http_exchange *x, void *buf, size_t n, struct err *err);
/* Starts a reply of unknown (-1) or given length; bytes follow by http_write(). */
int http_start(struct http_exchange *x, int status, int64_t length, struct err *err);
/* Blocks while the peer is slow; -1 when it broke off. */
int http_write(struct http_exchange *x, const void *bytes, size_t n, struct err *err);
/* Ends the reply. Without it, or with ok false, the connection is cut so that the peer notices. */
void http_finish(struct http_exchange *x, bool ok);

#endif
