/* SPDX-License-Identifier: Apache-2.0 */
/* The maps by which HAProxy chooses: a route's numbers to pools, cookies to pools and servers; and
 * the list of the numbers of requests whose response time is noted. They are files for a start and
 * a reload, and change by the Runtime API while HAProxy runs. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "crypto/digest.h"
#include "traffic/haproxy_internal.h"

/* ---- text ---- */

void haproxy_map_text(const struct traffic_route *route, struct str *out)
{
	int64_t total = 0, before = 0;

	for (size_t i = 0; i < route->n_shares; i++)
		total += route->shares[i].weight;
	for (size_t i = 0; i < route->n_shares && total; i++) {
		int64_t from = before * HAPROXY_SHARES / total;

		before += route->shares[i].weight;
		if (route->shares[i].weight)
			str_addf(out, "%lld:%lld %s\n", (long long)from,
				(long long)(before * HAPROXY_SHARES / total - 1),
				route->shares[i].pool);
	}
}

/* As HAPROXY_TOKEN_WORDS makes it. */
static void add_token(struct str *out, const char *name)
{
	struct digest_value value = digest_of(DIGEST_SHA256, view_of(name));
	struct digest_text t = digest_hex(&value);

	for (int i = 0; i < HAPROXY_TOKEN_LENGTH; i++)
		str_add_c(out, (char)toupper((unsigned char)t.text[i]));
}

void haproxy_route_tokens_text(const struct traffic_route *route, struct str *out)
{
	for (size_t i = 0; i < route->n_shares; i++) {
		if (!route->shares[i].weight)
			continue;
		add_token(out, route->shares[i].pool);
		str_addf(out, " %s\n", route->shares[i].pool);
	}
}

void haproxy_pool_tokens_text(const struct traffic_pool *pool, struct str *out)
{
	for (size_t i = 0; i < pool->n_servers; i++) {
		if (pool->servers[i].draining)
			continue;
		add_token(out, pool->servers[i].name);
		str_addf(out, " %s\n", pool->servers[i].name);
	}
}

/* ---- all maps of a plan ---- */

typedef int (*map_fn)(struct haproxy *h, const char *name, const struct str *text, struct err *err);

static int each_of_route(
	struct haproxy *h, const struct traffic_route *r, map_fn fn, struct err *err)
{
	struct str shares CLEANUP_STR = STR_INIT;
	struct str tokens CLEANUP_STR = STR_INIT;
	char *name CLEANUP(freep) = xasprintf("%s" HAPROXY_TOKENS, r->name);

	if (r->answer != TRAFFIC_FORWARD)
		return 0;
	haproxy_map_text(r, &shares);
	haproxy_route_tokens_text(r, &tokens);
	if (fn(h, r->name, &shares, err) < 0)
		return -1;
	return r->sticky_sec ? fn(h, name, &tokens, err) : 0;
}

static int each_map(struct haproxy *h, const struct traffic_plan *plan, map_fn fn, struct err *err)
{
	for (size_t i = 0; i < plan->n_listeners; i++)
		for (size_t k = 0; k < plan->listeners[i].n_routes; k++)
			if (each_of_route(h, &plan->listeners[i].routes[k], fn, err) < 0)
				return -1;
	for (size_t i = 0; i < plan->n_pools; i++) {
		struct str tokens CLEANUP_STR = STR_INIT;
		char *name CLEANUP(freep) = xasprintf("%s" HAPROXY_TOKENS, plan->pools[i].name);

		if (!plan->pools[i].sticky_sec)
			continue;
		haproxy_pool_tokens_text(&plan->pools[i], &tokens);
		if (fn(h, name, &tokens, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- files ---- */

static int write_map(struct haproxy *h, const char *name, const struct str *text, struct err *err)
{
	char *path CLEANUP(freep) = path_join(h->paths.maps, name);

	return file_write_atomic(path, str_view(text), 0644, err);
}

int haproxy_maps_write(struct haproxy *h, const struct traffic_plan *plan, struct err *err)
{
	struct str timed CLEANUP_STR = STR_INIT;

	h->timed = HAPROXY_TIMED_OF;
	str_addf(&timed, "0:%d\n", h->timed - 1);
	return write_map(h, HAPROXY_TIMED, &timed, err) < 0 ? -1
							    : each_map(h, plan, write_map, err);
}

/* ---- Runtime API ---- */

/* One transaction on a file of patterns of the kind "map" or "acl"; add follows its name. */
static int commit_patterns(
	struct haproxy *h, const char *kind, const char *name, const char *add, struct err *err)
{
	struct str command CLEANUP_STR = STR_INIT;
	struct str answer CLEANUP_STR = STR_INIT;
	const char *at;
	long version;

	str_addf(&command, "prepare %s %s/%s", kind, h->paths.maps, name);
	if (haproxy_cli(h->paths.socket, str_text(&command), &answer, err) < 0)
		return -1;
	at = strstr(str_text(&answer), "created: ");
	if (!at)
		return err_set(err, ERR_IO, "HAProxy does not know the %s %s: %s", kind, name,
			str_text(&answer));
	version = strtol(at + 9, NULL, 10);
	str_clear(&command);
	str_addf(&command, "add %s @%ld %s/%s %s", kind, version, h->paths.maps, name, add);
	if (*add && haproxy_cli_expect(h->paths.socket, str_text(&command), NULL, err) < 0)
		return -1;
	str_clear(&command);
	str_addf(&command, "commit %s @%ld %s/%s", kind, version, h->paths.maps, name);
	return haproxy_cli_expect(h->paths.socket, str_text(&command), NULL, err);
}

static int commit_map(struct haproxy *h, const char *name, const char *text, struct err *err)
{
	/* Lines up to an empty one, which haproxy_cli() adds. */
	char *add CLEANUP(freep) = *text ? xasprintf("<<\n%s", text) : xstrdup("");

	return commit_patterns(h, "map", name, add, err);
}

static int apply_map(struct haproxy *h, const char *name, const struct str *text, struct err *err)
{
	if (streq(map_get(&h->texts, name), str_text(text)))
		return 0;
	if (write_map(h, name, text, err) < 0 || commit_map(h, name, str_text(text), err) < 0)
		return -1;
	free(map_set(&h->texts, name, xstrdup(str_text(text))));
	return 0;
}

int haproxy_maps_apply(struct haproxy *h, const struct traffic_plan *plan, struct err *err)
{
	return each_map(h, plan, apply_map, err);
}

/* ---- response times ---- */

int haproxy_timed_wanted(int now, int64_t requests, int64_t usec)
{
	int64_t most = HAPROXY_TIMED_A_SECOND * MAX(usec, 1) / USEC_PER_SEC;
	int64_t wanted =
		requests <= most ? HAPROXY_TIMED_OF : MAX(HAPROXY_TIMED_OF * most / requests, 1);
	int64_t off = wanted > now ? wanted - now : now - wanted;

	return wanted == HAPROXY_TIMED_OF || off * 4 > now ? (int)wanted : now;
}

int haproxy_timed_set(struct haproxy *h, int timed, struct err *err)
{
	char range[32];

	h->timed = timed;
	snprintf(range, sizeof(range), "0:%d", timed - 1);
	return commit_patterns(h, "acl", HAPROXY_TIMED, range, err);
}
