/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client (libcurl): blocking calls with timeouts, bodies in memory or by callbacks, over
 * TCP or a unix socket. One client a thread; it keeps connections open between calls. */
#ifndef TOWPATH_NET_HTTP_CLIENT_H
#define TOWPATH_NET_HTTP_CLIENT_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

struct http_client;

struct http_call {
	const char *method; /* NULL: GET */
	const char *url;
	const char *unix_socket;    /* NULL: TCP */
	const char *const *headers; /* "Name: value", NULL-terminated; NULL: none */
	struct view body;	    /* sent unless `read` is given */
	/* Streamed request body of body_length bytes (-1: unknown): count, 0 at the end, -1. */
	ssize_t (*read)(void *arg, char *buf, size_t n, struct err *err);
	int64_t body_length;
	/* Streamed answer, only when its status is 2xx; -1 stops the transfer. NULL: gathered. */
	int (*write)(void *arg, const char *bytes, size_t n, struct err *err);
	void *arg;
	int64_t connect_usec; /* 0: 10 s */
	int64_t timeout_usec; /* of the whole call; 0: none */
	int64_t stall_usec;   /* gives up when nothing moved for so long; 0: none */
	size_t limit;	      /* of a gathered answer; 0: LIMIT_API_BODY */
	bool follow;	      /* redirects, up to 10 */
	bool insecure_tls;    /* the server's certificate is not asked about */
	/* Asked about once a second, and after each piece; true gives up (ERR_CANCELLED). */
	bool (*cancelled)(void *arg);
};

struct http_answer {
	int status;
	struct str body;
	struct strv headers; /* "name: value", names in lower case */
};
#define HTTP_ANSWER_INIT ((struct http_answer){0})
#define CLEANUP_HTTP_ANSWER CLEANUP(http_answer_release)

void http_answer_release(struct http_answer *a);
/* The value of the first header of this (lower-case) name, or NULL; borrowed. */
const char *http_answer_header(const struct http_answer *a, const char *name);

struct http_client *http_client_new(void);
struct http_client *http_client_free(struct http_client *c);
DEFINE_FREEP(struct http_client, http_client_free)
/* Servers over TLS are believed by the certificates in this PEM file, and no longer by the
 * machine's; NULL: the machine's. */
void http_client_trust(struct http_client *c, const char *ca_file);
/* One request. Any status is a success here; -1 is for what did not get as far: ERR_UNAVAILABLE
 * (refused, unknown host), ERR_TIMEOUT, ERR_TOO_LARGE, ERR_CANCELLED or the callbacks' own. */
int http_client_call(struct http_client *c, const struct http_call *call, struct http_answer *ret,
	struct err *err);

#endif
