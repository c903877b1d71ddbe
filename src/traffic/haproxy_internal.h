/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the HAProxy data plane that its files (and tests) share. */
#ifndef TOWPATH_TRAFFIC_HAPROXY_INTERNAL_H
#define TOWPATH_TRAFFIC_HAPROXY_INTERNAL_H

#include <pthread.h>

#include "base/map.h"
#include "base/str.h"
#include "traffic/traffic.h"

/* Shares of a route's map are parts of this. */
#define HAPROXY_SHARES 100000
/* Requests of a route are numbered; the n-th falls on n * HAPROXY_STRIDE modulo HAPROXY_SHARES. The
 * stride is the golden section of the range and has no divisor in common with it: any run of
 * requests is spread evenly over the range, so that shares hold for few requests and for many. */
#define HAPROXY_STRIDE 61803
/* A cookie is the start of a name's digest, in capital letters. */
#define HAPROXY_TOKEN_LENGTH 32
#define HAPROXY_TOKEN_WORDS ",sha2(256),hex,bytes(0,32)"
/* Tail of the names of maps from cookies to pools or servers. */
#define HAPROXY_TOKENS ".stick"
/* Response times of about so many requests a second are noted, chosen by chance: of the numbers
 * below HAPROXY_TIMED_OF, those of the list HAPROXY_TIMED (beside the maps) are. Of a listener with
 * fewer requests a second all are. */
#define HAPROXY_TIMED "timed.list"
#define HAPROXY_TIMED_OF 10000
#define HAPROXY_TIMED_A_SECOND 1000

struct haproxy_paths {
	char *config, *config_new, *state, *pid, *socket, *maps, *certificates;
};

/* A server that is wanted. */
struct haproxy_wanted {
	bool draining, checked;
	bool gated;	    /* H2 */
	bool bad;	    /* was seen failing while gated: rise counts */
	int64_t since_usec; /* monotonic: gated since */
	int64_t patience_usec;
	bool seen; /* in the plan of this apply() */
};

struct haproxy {
	struct traffic base;
	pthread_mutex_t lock;
	struct haproxy_paths paths;
	char *dir;
	struct str structure; /* configuration without servers that HAProxy runs with */
	struct map texts;     /* map: its text in HAProxy (owned) */
	struct map servers;   /* "pool/server": struct haproxy_wanted */
	int64_t timing_pid, timing_last;
	int64_t answered;	   /* requests at the last look at the timings */
	int64_t tuned, tuned_usec; /* requests at the last look at their rate; monotonic */
	int timed;		   /* numbers in HAPROXY_TIMED */
};

/* ---- configuration text (haproxy_config.c) ---- */

struct haproxy_config {
	const struct traffic_plan *plan;
	const struct map *known; /* "pool/server" of the servers to write; NULL: all */
	const struct haproxy_paths *paths;
	bool drop_privileges; /* run as user and group haproxy */
};
/* ERR_INVALID names what cannot be expressed (a name or value with forbidden characters). */
int haproxy_config_text(const struct haproxy_config *c, struct str *out, struct err *err);
/* Keywords of a server line or of `add server`, without the check when it is off. */
void haproxy_server_words(const struct traffic_pool *pool, struct str *out);

/* ---- certificates (haproxy_certificate.c) ---- */

/* Where a certificate's file is while HAProxy reads it. */
char *haproxy_certificate_path(const struct haproxy_paths *paths, const char *pem) MUST_CHECK;
int haproxy_certificates_write(struct haproxy *h, const struct traffic_plan *plan, struct err *err);
void haproxy_certificates_remove(struct haproxy *h);

/* ---- maps (haproxy_map.c) ---- */

/* The map of a forwarding route: ranges of 0..HAPROXY_SHARES-1 to pools, a line each. */
void haproxy_map_text(const struct traffic_route *route, struct str *out);
/* From the cookie of a pool that has a weight to the pool; of a server that does not drain to the
 * server. */
void haproxy_route_tokens_text(const struct traffic_route *route, struct str *out);
void haproxy_pool_tokens_text(const struct traffic_pool *pool, struct str *out);
/* Files of all maps, for a start. */
int haproxy_maps_write(struct haproxy *h, const struct traffic_plan *plan, struct err *err);
/* Brings the running HAProxy's maps to the plan. */
int haproxy_maps_apply(struct haproxy *h, const struct traffic_plan *plan, struct err *err);
/* How many of HAPROXY_TIMED_OF requests shall be noted when so many come in so much time, if they
 * are `now`; small changes of the rate leave it as it is, but for all of them. */
int haproxy_timed_wanted(int now, int64_t requests, int64_t usec);
/* Notes so many of HAPROXY_TIMED_OF requests from now on. */
int haproxy_timed_set(struct haproxy *h, int timed, struct err *err);

/* ---- servers (haproxy_server.c) ---- */

/* What HAProxy knows now: "pool/server" to 2 when it drains, else 1; *ret_state is the text. */
int haproxy_servers_known(
	struct haproxy *h, struct map *ret, struct str *ret_state, struct err *err);
int haproxy_servers_apply(struct haproxy *h, const struct traffic_plan *plan, struct err *err);
/* A server with connections left cannot go yet; the next apply() or stats() tries again. */
void haproxy_server_drop(struct haproxy *h, const char *key);
struct haproxy_row;
/* Lets a new server in when its check passed (H2). */
enum traffic_health haproxy_server_health(struct haproxy *h, const char *key,
	struct haproxy_wanted *w, const struct haproxy_row *row);

/* ---- Runtime API (haproxy_cli.c) ---- */

/* Sends one command (payload may follow "<<\n") and appends the whole answer. ERR_UNAVAILABLE
 * when nobody listens. */
int haproxy_cli(const char *socket, const char *command, struct str *ret_answer, struct err *err);
/* A command whose answer must be empty or begin with `expect`; else the error carries it. */
int haproxy_cli_expect(
	const char *socket, const char *command, const char *expect, struct err *err);

/* ---- statistics (haproxy_stat.c) ---- */

struct haproxy_row {
	const char *pool, *name, *status, *check_status;
	int check_code;
	int64_t current, sessions, answers[6], errors_connect, errors_response;
};
/* Rows of servers from `show stat`, in the arena. */
int haproxy_stat_parse(
	struct view csv, struct arena *a, struct haproxy_row **ret, size_t *ret_n, struct err *err);

#endif
