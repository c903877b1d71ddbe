/* SPDX-License-Identifier: Apache-2.0 */
/* Private to net/http_*.c: what an exchange and a server are made of, and who locks what.
 *
 * Invariants (cited as H1.. in the code):
 * H1 An exchange has one reference held by the connection and one by whoever works on it (a
 *    stream's thread, the owner of a deferred reply). The last one frees it; nothing in it points
 *    into the connection's memory.
 * H2 A connection is suspended and resumed under x->lock only, and `suspended` says which.
 * H3 After `gone` is set (peer left, server stops) nobody suspends the connection any more and
 *    x->connection is not touched by workers.
 * H4 Lock order: server->lock, then x->lock; libmicrohttpd's own locks come last. */
#ifndef TOWPATH_NET_HTTP_EXCHANGE_H
#define TOWPATH_NET_HTTP_EXCHANGE_H

#include <microhttpd.h>
#include <pthread.h>

#include "base/cidr.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/vec.h"
#include "net/http_server.h"
#include "net/http_tls.h"

#define HTTP_THREAD_STACK (256 * KIB)
#define HTTP_STREAM_STACK (1 * MIB)
#define HTTP_RING_SIZE (256 * KIB)
/* Replies from files: the bytes read at once, and how many replies may hold such a buffer. */
#define HTTP_FILE_BUFFER (256 * KIB)
#define HTTP_FILE_BUFFERS 64
/* Head and read buffer; the library zeroes it between the requests of a connection. */
#define HTTP_CONNECTION_MEMORY (2 * LIMIT_HTTP_HEADER)
#define HTTP_MAX_HEADERS 200
/* After a refusal this much of the body is still read, so that the peer gets to see the reply. */
#define HTTP_SWALLOW_LIMIT ((uint64_t)64 * MIB)

struct http_proxies {
	VEC(struct cidr) list;
};

struct http_field {
	char *name, *value;
};

/* A bounded buffer between the connection's thread and a worker's. */
struct http_ring {
	char *p; /* NULL until used */
	size_t start, used;
};

enum http_reply_kind {
	HTTP_NO_REPLY,
	HTTP_REPLY_BYTES,
	HTTP_REPLY_FILE,
	HTTP_REPLY_STREAM,
	HTTP_REPLY_PUSH,
};

struct http_exchange {
	struct http_server *server;
	struct http_exchange *next, *prev; /* server->active, under server->lock */
	struct http_exchange *next_job;	   /* server->jobs */
	struct MHD_Connection *connection;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int refs; /* atomic */

	/* the request */
	struct arena arena;
	char *method, *target, *path, *query;
	char *peer;  /* behind a trusted proxy: the client */
	bool secure; /* the client speaks TLS, to us or to a trusted proxy */
	struct http_field *headers;
	size_t n_headers;
	int64_t content_length;
	bool begun, is_head;
	enum http_mode mode;
	struct str body;
	bool body_over; /* past the limit; the rest is swallowed */
	uint64_t swallowed;
	void *context;

	/* between the threads */
	bool suspended, gone, deferred, handled;
	bool in_eof, discard_in;
	struct http_ring in, out;
	void (*on_gone)(void *arg);
	void *on_gone_arg;
	/* under the watch's lock */
	bool watched, gone_running;
	size_t watch_index;
	pthread_t gone_thread;
	int fd;

	/* the reply */
	enum http_reply_kind kind;
	bool queued, out_end, out_ok;
	int status;
	struct http_field *reply_headers;
	size_t n_reply_headers, room_reply_headers;
	struct view reply_body; /* malloc'd */
	int reply_fd;
	int64_t reply_offset, reply_length;
	struct str pushed; /* HTTP_REPLY_PUSH: what the peer has still to take, */
	size_t push_taken; /* after so many bytes of it */
};

struct http_gone_watch;

struct http_server {
	struct http_server_config config;
	struct MHD_Daemon *daemon;
	int port;
	struct http_tls *tls;	     /* NULL: plain HTTP */
	struct http_proxies proxies; /* trusted */
	struct http_gone_watch *watch;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* n_active, n_workers, jobs */
	struct http_exchange *active;
	size_t n_active;
	size_t n_connected; /* of these: the peer still waits for the end */
	int n_file_buffers; /* atomic */
	bool stopping;
	bool stopped; /* the last exchange frees the server */
	/* stream workers */
	struct http_exchange *jobs, **jobs_tail;
	int n_workers, n_idle_workers;
};

/* ---- http_server.c ---- */
/* When the last exchange of a stopped server is gone. */
void http_server_free(struct http_server *s);

/* ---- http_exchange.c ---- */
struct http_exchange *http_exchange_new(
	struct http_server *s, struct MHD_Connection *c, const char *target);
/* The peer's address as text, the caller's. */
char *http_peer_text(struct MHD_Connection *c);
void http_exchange_ref(struct http_exchange *x);
void http_exchange_unref(struct http_exchange *x);
/* Copies method and headers from the connection. 0, or the status that refuses the request: 431 of
 * too many headers, 400 when they leave open where the body ends (RFC 9112, 6.3). */
int http_exchange_begin(struct http_exchange *x, const char *method);
/* Under x->lock: sets the reply's kind; false when one stands there. */
bool http_exchange_claim(struct http_exchange *x, enum http_reply_kind kind, int status);
/* Under x->lock: sets a bodyless reply, if none stands there. */
void http_exchange_fail(struct http_exchange *x, int status);
/* Under x->lock, which it lets go for a moment: hands the reply that was set to libmicrohttpd. */
enum MHD_Result http_exchange_queue(struct http_exchange *x);
/* Under x->lock (H2). */
void http_exchange_suspend(struct http_exchange *x);
void http_exchange_resume(struct http_exchange *x);
/* What a content reader that has nothing answers: the end, good or bad, or 0 after suspending the
 * connection until there is more. Under x->lock. */
ssize_t http_exchange_wait_out(struct http_exchange *x);

/* ---- http_stream.c ---- */
/* Gives the exchange to a worker thread, now or when one is free. */
void http_stream_submit(struct http_exchange *x);
/* On the connection's thread: takes body bytes; n == 0 is the end. */
enum MHD_Result http_stream_feed(struct http_exchange *x, const char *bytes, size_t *n);
/* libmicrohttpd's source of reply bytes. */
ssize_t http_stream_pull(void *arg, uint64_t pos, char *buf, size_t max);
/* Waits until no worker is left; the server is stopping. */
void http_stream_join(struct http_server *s);

/* ---- http_forwarded.c ---- */
/* "10.0.0.0/24, 192.0.2.1" or NULL; the caller releases what was parsed, also on failure. */
int http_proxies_parse(const char *list, struct http_proxies *ret, struct err *err);
/* Sets peer and secure of a request by what trusted proxies say, once its headers are known. */
void http_forwarded_apply(struct http_exchange *x);

/* ---- http_file.c ---- */
/* Under x->lock: what libmicrohttpd sends of x's file, which it takes; NULL without memory. */
struct MHD_Response *http_file_response(struct http_exchange *x);

/* ---- http_push.c ---- */
ssize_t http_push_pull(void *arg, uint64_t pos, char *buf, size_t max);

/* ---- http_gone.c: notices that the peer of a suspended connection went away ---- */
int http_gone_start(struct http_gone_watch **ret, struct err *err);
/* Ends the thread; add and remove stay harmless until http_gone_free(). */
void http_gone_stop(struct http_gone_watch *w);
struct http_gone_watch *http_gone_free(struct http_gone_watch *w);
/* Under x->lock. */
void http_gone_add(struct http_gone_watch *w, struct http_exchange *x);
/* Under x->lock; waits (letting go of it) for an on_gone that runs on another thread. */
void http_gone_remove(struct http_gone_watch *w, struct http_exchange *x);

#endif
