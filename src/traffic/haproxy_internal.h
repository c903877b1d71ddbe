/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the HAProxy data plane that its files (and tests) share. */
#ifndef TOWPATH_TRAFFIC_HAPROXY_INTERNAL_H
#define TOWPATH_TRAFFIC_HAPROXY_INTERNAL_H

#include "base/map.h"
#include "base/str.h"
#include "traffic/traffic.h"

/* Shares of a route's map are parts of this. */
#define HAPROXY_SHARES 100000

struct haproxy_paths {
	char *config, *config_new, *state, *pid, *socket, *maps;
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
/* The map of a forwarding route: ranges of 0..HAPROXY_SHARES-1 to pools, a line each. */
void haproxy_map_text(const struct traffic_route *route, struct str *out);
/* Keywords of a server line or of `add server`, without the check when it is off. */
void haproxy_server_words(const struct traffic_pool *pool, struct str *out);

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
