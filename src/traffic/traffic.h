/* SPDX-License-Identifier: Apache-2.0 */
/* The data plane: listeners that accept requests, pools of servers that answer them.
 *
 * One interface, two implementations: HAProxy (traffic/haproxy.h) and a simulated one (sim/).
 * The caller holds the wanted state and hands it over as a plan; apply() brings the data plane
 * there with the gentlest means: weights and servers through the Runtime API, a reload only when
 * listeners or pools come, go or change. Calls are blocking and serialised by the caller. */
#ifndef TOWPATH_TRAFFIC_TRAFFIC_H
#define TOWPATH_TRAFFIC_TRAFFIC_H

#include "base/arena.h"
#include "base/err.h"

struct traffic;

struct traffic_server {
	const char *name;    /* [A-Za-z0-9_.-]+, unique in its pool */
	const char *address; /* IPv4 address */
	int port;
	bool draining; /* gets no new requests; the ones under way go on */
	bool trusted;  /* was healthy: gets requests at once when the data plane starts anew */
};

struct traffic_check {
	bool enabled;
	bool http;	  /* else: a connection is enough */
	const char *path; /* http */
	int port;	  /* 0: the server's own */
	int interval_sec, timeout_sec;
	int healthy_after, unhealthy_after;
	const char *codes; /* "200", "200-399", "200,301" */
};

struct traffic_pool {
	const char *name; /* [A-Za-z0-9_.-]+, unique */
	struct traffic_check check;
	const struct traffic_server *servers;
	size_t n_servers;
	int idle_sec; /* connections to servers on which nothing comes are closed; 0: after 60 s */
	bool tls;     /* servers are spoken to with TLS, certificates unchecked */
	/* > 0: the cookie AWSALB leads a client back to its server for so long. */
	int sticky_sec;
};

struct traffic_share {
	const char *pool;
	int weight; /* relative; 0: no traffic */
};

enum traffic_answer { TRAFFIC_FORWARD, TRAFFIC_FIXED, TRAFFIC_REDIRECT };

struct traffic_condition {
	enum {
		TRAFFIC_IF_PATH,
		TRAFFIC_IF_HOST,
		TRAFFIC_IF_METHOD,
		TRAFFIC_IF_HEADER,
		TRAFFIC_IF_QUERY,
		TRAFFIC_IF_SOURCE
	} kind;
	const char *header; /* TRAFFIC_IF_HEADER */
	/* `*` and `?` are wildcards, but of methods and of sources, which are networks
	 * ("10.0.0.0/8"). */
	const char *const *patterns;
	size_t n_patterns;
	/* TRAFFIC_IF_QUERY: the parameter that each pattern is for, NULL: any. */
	const char *const *parameters;
};

/* Parts of an address; #{protocol}, #{host}, #{port}, #{path} (without its first slash) and
 * #{query} stand for those of the request. */
struct traffic_redirect {
	const char *protocol, *host, *port, *path, *query; /* query NULL or "": none */
};

struct traffic_route {
	const char *name;			    /* [A-Za-z0-9_.-]+, unique in the plan */
	const struct traffic_condition *conditions; /* all must hold; none: always */
	size_t n_conditions;
	enum traffic_answer answer;
	const struct traffic_share *shares; /* TRAFFIC_FORWARD */
	size_t n_shares;
	/* TRAFFIC_FORWARD, > 0: the cookie AWSALBTG leads a client back to its pool for so long,
	 * while the pool has a weight. */
	int sticky_sec;
	int status;			  /* TRAFFIC_FIXED, TRAFFIC_REDIRECT */
	const char *content_type;	  /* TRAFFIC_FIXED */
	const char *body;		  /* TRAFFIC_FIXED */
	struct traffic_redirect redirect; /* TRAFFIC_REDIRECT */
};

struct traffic_listener {
	const char *name;    /* [A-Za-z0-9_.-]+, unique */
	const char *address; /* to bind */
	int port;
	/* With TLS: the one by default, then those for clients that name another host. None: HTTP.
	 */
	const char *const *certificates; /* PEM: itself, its issuers, its private key */
	size_t n_certificates;
	const char *tls_min, *tls_max; /* "TLSv1.2" */
	bool http1_only;	       /* with TLS: no HTTP/2 */
	int idle_sec; /* connections on which nothing comes are closed; 0: after 60 s */
	const struct traffic_route *routes; /* in order; the last one has no conditions */
	size_t n_routes;
};

struct traffic_plan {
	const struct traffic_listener *listeners;
	size_t n_listeners;
	const struct traffic_pool *pools;
	size_t n_pools;
};

enum traffic_health { TRAFFIC_CHECKING, TRAFFIC_UP, TRAFFIC_DOWN, TRAFFIC_UNCHECKED };

/* One server as the data plane sees it now; counters only grow while it exists. */
struct traffic_server_stat {
	const char *pool, *name;
	enum traffic_health health;
	const char *check;  /* L7OK, L7STS, L4CON, L4TOUT, ... or NULL */
	int check_code;	    /* HTTP status of the last check, or 0 */
	int64_t current;    /* requests and connections under way */
	int64_t requests;   /* sessions answered */
	int64_t answers[6]; /* [2] is 2xx ... [5] is 5xx */
	int64_t errors;	    /* connections that failed or broke */
};

/* Response times of one pool since the last call; under high load of a random sample of the
 * requests. */
struct traffic_timing {
	const char *pool;
	int64_t msec; /* lower bound of the bucket; -1: no server answered, the client got a 5xx */
	int64_t count;
};

struct traffic_stats {
	struct traffic_server_stat *servers;
	size_t n_servers;
	struct traffic_timing *timings;
	size_t n_timings;
};

struct traffic_driver {
	const char *name;
	/* Starts the data plane, or finds it again if it lives on from before. */
	int (*start)(struct traffic *t, struct err *err);
	/* Brings the data plane to the plan. Idempotent. */
	int (*apply)(struct traffic *t, const struct traffic_plan *plan, struct err *err);
	/* The present state, in the arena. */
	int (*stats)(
		struct traffic *t, struct arena *a, struct traffic_stats *ret, struct err *err);
	/* A new descriptor, the caller's, that is readable once the data plane has ended by itself;
	 * -1 when it does not run. A later start has another. */
	int (*watch_fd)(struct traffic *t);
	/* Ends the data plane for good (drops the listeners). */
	int (*stop)(struct traffic *t, struct err *err);
	/* Lets go of it; it lives on. NULL is fine. */
	void (*free)(struct traffic *t);
};

/* Implementations put this first. */
struct traffic {
	const struct traffic_driver *driver;
};

#endif
