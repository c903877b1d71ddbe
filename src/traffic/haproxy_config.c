/* SPDX-License-Identifier: Apache-2.0 */
/* The text of HAProxy's configuration file for a plan.
 *
 * A pool is a backend. A listener is a frontend: each route's conditions set txn.route once, in
 * order; then fixed answers return and forwards look a number up in the route's map, so that
 * weights change by the Runtime API alone. The number is made of the route's counter of requests
 * (HAPROXY_STRIDE), which lives in a stick table and is shared by all threads.
 *
 * What can be done once a connection is not done with each request: a connection looks its
 * listener's counters up, of which each route has one, and puts the client's address into words.
 *
 * A client that is to stick gets a cookie with the digest of its pool's or server's name; a map
 * leads from the digest back to those that still take requests, so that a cookie of one that left
 * means nothing. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <sys/resource.h>

#include "base/mem.h"
#include "traffic/haproxy_internal.h"

#define MOST_CONNECTIONS 16384
#define OWN_DESCRIPTORS 500
#define COUNTERS "towpath.routes"
/* Counters of an entry of the table, and entries that a connection may hold (HAProxy's limits). */
#define COUNTERS_OF_ENTRY 100
#define ENTRIES_OF_LISTENER 3
#define TIMINGS_RING_BYTES (256 * 1024)

static bool plain_name(const char *name)
{
	return name && *name &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
		       strlen(name);
}

static int check_name(const char *what, const char *name, struct err *err)
{
	if (plain_name(name))
		return 0;
	return err_set(err, ERR_INVALID, "%s name '%s' must be letters, digits, '.', '_' or '-'",
		what, name ? name : "");
}

/* In single quotes, which HAProxy takes literally. */
static int quote(struct str *out, const char *what, const char *text, struct err *err)
{
	str_add_c(out, '\'');
	for (const char *p = text; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return err_set(
				err, ERR_INVALID, "%s must not hold control characters", what);
		if (*p == '\'')
			str_add(out, "'\\''");
		else
			str_add_c(out, *p);
	}
	str_add_c(out, '\'');
	return 0;
}

/* HAProxy wants two descriptors a connection and some for itself, and refuses to start when the
 * hard limit does not give them. */
static int max_connections(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max == RLIM_INFINITY)
		return MOST_CONNECTIONS;
	return (int)MIN((limit.rlim_max - MIN(limit.rlim_max, OWN_DESCRIPTORS)) / 2,
		(rlim_t)MOST_CONNECTIONS);
}

static void global_text(const struct haproxy_config *c, struct str *out)
{
	str_addf(out,
		"# Made by towpath; changes are lost.\n"
		"ring timing\n"
		"\tformat raw\n"
		"\tmaxlen 256\n"
		"\tsize %d\n"
		"global\n"
		"\tstats socket '%s' mode 600 level admin expose-fd listeners\n"
		"\tstats timeout 10s\n"
		"\tserver-state-file '%s'\n"
		"\tlog ring@timing len 256 format raw local0\n"
		"\thard-stop-after 1h\n"
		"\tmaxconn %d\n",
		TIMINGS_RING_BYTES, c->paths->socket, c->paths->state, max_connections());
	if (c->drop_privileges)
		str_add(out, "\tuser haproxy\n\tgroup haproxy\n");
	str_addf(out,
		"defaults\n"
		"\tmode http\n"
		"\tlog global\n"
		"\toption idle-close-on-response\n"
		"\toption redispatch 1\n"
		"\tretries 3\n"
		"\tretry-on conn-failure\n"
		"\thttp-reuse safe\n"
		"\ttimeout connect 2s\n"
		"\ttimeout client 60s\n"
		"\ttimeout server 60s\n"
		"\ttimeout queue 10s\n"
		"\ttimeout http-keep-alive 60s\n"
		"\tload-server-state-from-file global\n"
		"backend nobody\n"
		"backend " COUNTERS "\n"
		"\tstick-table type integer size 64k store gpc(%d)\n",
		COUNTERS_OF_ENTRY);
}

void haproxy_server_words(const struct traffic_pool *pool, struct str *out)
{
	const struct traffic_check *k = &pool->check;

	/* Servers that come by `add server` keep no idle connections unless told to. */
	str_add(out, " weight 100 pool-max-conn -1 pool-purge-delay 5s");
	if (pool->tls)
		str_add(out, " ssl verify none");
	if (!k->enabled)
		return;
	/* Not yet up: looked at each second, so that a new server's first check comes soon. */
	str_addf(out, " check inter %ds fastinter %ds downinter 1s rise %d fall %d",
		k->interval_sec, MIN(k->interval_sec, 1), k->healthy_after, k->unhealthy_after);
	if (k->port)
		str_addf(out, " port %d", k->port);
}

static int codes_ok(const char *codes)
{
	return codes && *codes && strspn(codes, "0123456789,-") == strlen(codes);
}

static int check_text(const struct traffic_pool *pool, struct str *out, struct err *err)
{
	const struct traffic_check *k = &pool->check;

	if (!k->enabled)
		return 0;
	str_addf(out, "\ttimeout check %ds\n", k->timeout_sec);
	if (!k->http)
		return 0;
	str_add(out, "\toption httpchk\n\thttp-check send meth GET uri ");
	if (quote(out, "the health check's path", k->path, err) < 0)
		return -1;
	str_add(out, " hdr Host towpath hdr User-Agent ELB-HealthChecker/2.0\n");
	if (!codes_ok(k->codes))
		return err_set(err, ERR_INVALID,
			"codes '%s' of pool %s must be numbers and ranges such as 200-299,301",
			k->codes ? k->codes : "", pool->name);
	str_addf(out, "\thttp-check expect status %s\n", k->codes);
	return 0;
}

/* Sets the cookie anew with each response; the second one is for pages of other sites, as the real
 * service does. `of` is the fetch whose digest the cookie holds. */
static void cookie_text(
	const char *name, const char *of, int seconds, const char *guard, struct str *out)
{
	static const struct {
		const char *name, *more;
	} forms[] = {{"", ""}, {"CORS", "; SameSite=None"}};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		str_addf(out,
			"\thttp-response add-header Set-Cookie \"%s%s=%%[%s]; "
			"Expires=%%[date(%d),http_date]; Path=/%s\"%s\n",
			name, forms[i].name, of, seconds, forms[i].more, guard);
}

static void pool_sticky_text(
	const struct haproxy_config *c, const struct traffic_pool *pool, struct str *out)
{
	if (!pool->sticky_sec)
		return;
	str_addf(out,
		"\thttp-request set-var(txn.server) req.cook(AWSALB),map_str('%s/%s" HAPROXY_TOKENS
		"')\n"
		"\tuse-server %%[var(txn.server)] if { var(txn.server) -m found }\n",
		c->paths->maps, pool->name);
	cookie_text("AWSALB", "srv_name" HAPROXY_TOKEN_WORDS, pool->sticky_sec, "", out);
}

static int pool_text(const struct haproxy_config *c, const struct traffic_pool *pool,
	struct str *out, struct err *err)
{
	if (check_name("pool", pool->name, err) < 0)
		return -1;
	str_addf(out, "backend %s\n\tbalance roundrobin\n", pool->name);
	if (pool->idle_sec)
		str_addf(out, "\ttimeout server %ds\n\ttimeout tunnel %ds\n", pool->idle_sec,
			pool->idle_sec);
	if (check_text(pool, out, err) < 0)
		return -1;
	pool_sticky_text(c, pool, out);
	for (size_t i = 0; i < pool->n_servers; i++) {
		const struct traffic_server *s = &pool->servers[i];
		char *key CLEANUP(freep) = xasprintf("%s/%s", pool->name, s->name);

		if (check_name("server", s->name, err) < 0)
			return -1;
		if (c->known && !map_has(c->known, key))
			continue;
		str_addf(out, "\tserver %s %s:%d", s->name, s->address, s->port);
		haproxy_server_words(pool, out);
		str_add_c(out, '\n');
	}
	return 0;
}

/* A pattern with wildcards as a regular expression. */
static void pattern_regex(const char *pattern, const char *any, struct str *out)
{
	for (const char *p = pattern; *p; p++) {
		if (*p == '*')
			str_addf(out, "%s*", any);
		else if (*p == '?')
			str_add(out, any);
		else if (isalnum((unsigned char)*p) || strchr("/_-", *p))
			str_add_c(out, *p);
		else
			str_addf(out, "[%s%c]", *p == '^' || *p == '\\' ? "\\" : "", *p);
	}
}

static void anchored_regex(const char *pattern, struct str *out)
{
	str_add_c(out, '^');
	pattern_regex(pattern, ".", out);
	str_add_c(out, '$');
}

/* A parameter of the query string, or any. */
static void query_regex(const char *parameter, const char *pattern, struct str *out)
{
	str_add(out, "(^|&)");
	if (parameter)
		pattern_regex(parameter, "[^=&]", out);
	str_add(out, parameter ? "=" : "([^=&]*=)?");
	pattern_regex(pattern, "[^&]", out);
	str_add(out, "(&|$)");
}

static int condition_text(const struct traffic_route *r, size_t i, struct str *out, struct err *err)
{
	static const char *const fetch[] = {
		[TRAFFIC_IF_PATH] = "path -m reg",
		[TRAFFIC_IF_HOST] = "req.hdr(host),host_only,lower -m reg -i",
		[TRAFFIC_IF_METHOD] = "method -m str",
		[TRAFFIC_IF_QUERY] = "query -m reg -i",
		[TRAFFIC_IF_SOURCE] = "src -m ip",
	};
	const struct traffic_condition *c = &r->conditions[i];

	str_addf(out, "\tacl c.%s.%zu ", r->name, i);
	if (c->kind == TRAFFIC_IF_HEADER) {
		if (check_name("header", c->header, err) < 0)
			return -1;
		str_addf(out, "req.hdr(%s) -m reg -i", c->header);
	} else {
		str_add(out, fetch[c->kind]);
	}
	str_add(out, " --");
	for (size_t k = 0; k < c->n_patterns; k++) {
		struct str regex CLEANUP_STR = STR_INIT;

		if (c->kind == TRAFFIC_IF_METHOD || c->kind == TRAFFIC_IF_SOURCE)
			str_add(&regex, c->patterns[k]);
		else if (c->kind == TRAFFIC_IF_QUERY)
			query_regex(c->parameters[k], c->patterns[k], &regex);
		else
			anchored_regex(c->patterns[k], &regex);
		str_add_c(out, ' ');
		if (quote(out, "a condition's pattern", str_text(&regex), err) < 0)
			return -1;
	}
	str_add_c(out, '\n');
	return 0;
}

static int route_choose_text(
	const struct traffic_route *r, bool only, struct str *out, struct err *err)
{
	if (check_name("route", r->name, err) < 0)
		return -1;
	if (only)
		return 0;
	for (size_t i = 0; i < r->n_conditions; i++)
		if (condition_text(r, i, out, err) < 0)
			return -1;
	str_addf(out, "\thttp-request set-var(txn.route) str(%s) if !{ var(txn.route) -m found }",
		r->name);
	for (size_t i = 0; i < r->n_conditions; i++)
		str_addf(out, " c.%s.%zu", r->name, i);
	str_add_c(out, '\n');
	return 0;
}

static int fixed_text(
	const struct traffic_route *r, const char *guard, struct str *out, struct err *err)
{
	str_addf(out, "\thttp-request return status %d", r->status);
	if (r->body && *r->body) {
		str_add(out, " content-type ");
		if (quote(out, "a content type", r->content_type ? r->content_type : "text/plain",
			    err) < 0)
			return -1;
		str_add(out, " string ");
		if (quote(out, "a fixed response's body", r->body, err) < 0)
			return -1;
	}
	str_addf(out, "%s\n", guard);
	return 0;
}

struct word {
	const char *name, *format;
};

/* A part of a redirect's address as a log format, whose percent signs are doubled. */
static int part_text(
	const struct word *words, size_t n, const char *part, struct str *out, struct err *err)
{
	for (const char *p = part; *p; p++) {
		size_t i = 0;

		while (i < n && !starts_with(p, words[i].name))
			i++;
		if (i < n) {
			str_add(out, words[i].format);
			p += strlen(words[i].name) - 1;
		} else if (starts_with(p, "#{")) {
			return err_set(
				err, ERR_INVALID, "a redirect's '%s' holds an unknown name", part);
		} else {
			str_addf(out, *p == '%' ? "%%%%" : "%c", *p);
		}
	}
	return 0;
}

static int location_text(const struct traffic_listener *l, const struct traffic_redirect *to,
	bool query, struct str *out, struct err *err)
{
	char port[12];
	const struct word words[] = {
		{"#{protocol}", l->n_certificates ? "https" : "http"},
		{"#{host}", "%[req.hdr(host),host_only]"},
		{"#{port}", port},
		{"#{path}", "%[path,regsub(^/,)]"},
		{"#{query}", "%[query]"},
	};
	const struct {
		const char *before, *part;
	} parts[] = {{"", to->protocol}, {"://", to->host}, {":", to->port}, {"", to->path},
		{query ? "?" : "", query ? to->query : ""}};

	snprintf(port, sizeof(port), "%d", l->port);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		str_add(out, parts[i].before);
		if (part_text(words, ARRAY_SIZE(words), parts[i].part, out, err) < 0)
			return -1;
	}
	return 0;
}

/* A query that is the request's leaves its question mark away where the request has none. */
static int redirect_text(const struct traffic_listener *l, const struct traffic_route *r,
	const char *guard, struct str *out, struct err *err)
{
	const char *query = r->redirect.query ? r->redirect.query : "";
	bool same = streq(query, "#{query}");

	for (int with = same ? 1 : *query != 0; with >= 0; with--) {
		struct str location CLEANUP_STR = STR_INIT;

		if (location_text(l, &r->redirect, with, &location, err) < 0)
			return -1;
		str_add(out, "\thttp-request redirect location ");
		if (quote(out, "a redirect's address", str_text(&location), err) < 0)
			return -1;
		str_addf(out, " code %d%s", r->status, guard);
		if (with && same)
			str_addf(out, "%s { query -m len gt 0 }", *guard ? "" : " if");
		str_add_c(out, '\n');
		if (!same)
			break;
	}
	return 0;
}

/* The guard holds when the request is the route's. */
static void forward_text(const struct haproxy_config *c, const struct traffic_listener *l,
	const struct traffic_route *r, const char *guard, struct str *out)
{
	size_t i = (size_t)(r - l->routes);
	char *choice CLEANUP(freep) =
		xasprintf("sc_inc_gpc(%zu,%zu),mod(%d),mul(%d),mod(%d),map_int('%s/%s',nobody)",
			i % COUNTERS_OF_ENTRY, i / COUNTERS_OF_ENTRY, HAPROXY_SHARES,
			HAPROXY_STRIDE, HAPROXY_SHARES, c->paths->maps, r->name);

	if (!r->sticky_sec) {
		str_addf(out, "\tuse_backend %%[%s]%s\n", choice, guard);
		return;
	}
	str_addf(out,
		"\thttp-request set-var(txn.pool) req.cook(AWSALBTG),map_str('%s/%s" HAPROXY_TOKENS
		"')%s\n",
		c->paths->maps, r->name, guard);
	str_addf(out, "\thttp-request set-var(txn.pool) %s%s !{ var(txn.pool) -m found }\n", choice,
		*guard ? guard : " if");
	str_addf(out, "\tuse_backend %%[var(txn.pool)]%s\n", guard);
	cookie_text("AWSALBTG", "var(txn.pool)" HAPROXY_TOKEN_WORDS, r->sticky_sec, guard, out);
}

static int route_answer_text(const struct haproxy_config *c, const struct traffic_listener *l,
	const struct traffic_route *r, struct str *out, struct err *err)
{
	bool only = l->n_routes == 1;
	char *guard CLEANUP(freep) =
		only ? xstrdup("") : xasprintf(" if { var(txn.route) -m str %s }", r->name);

	if (r->answer == TRAFFIC_FIXED)
		return fixed_text(r, guard, out, err);
	if (r->answer == TRAFFIC_REDIRECT)
		return redirect_text(l, r, guard, out, err);
	forward_text(c, l, r, guard, out);
	return 0;
}

/* Each request is noted while they are few; of more, a random sample as large as
 * HAPROXY_TIMED says. Answers that HAProxy makes itself do not pass here and are noted all. */
static void sample_text(const struct haproxy_config *c, struct str *out)
{
	str_addf(out,
		"\thttp-response set-log-level silent unless { rand(%d) -m int -f "
		"'%s/" HAPROXY_TIMED "' } or { fe_req_rate lt %d }\n",
		HAPROXY_TIMED_OF, c->paths->maps, HAPROXY_TIMED_A_SECOND);
}

/* Entries of the table are numbered over the listeners. */
static int connection_text(const struct haproxy_config *c, const struct traffic_listener *l,
	struct str *out, struct err *err)
{
	size_t at = (size_t)(l - c->plan->listeners) * ENTRIES_OF_LISTENER;

	if (l->n_routes > COUNTERS_OF_ENTRY * ENTRIES_OF_LISTENER)
		return err_set(err, ERR_INVALID, "listener %s has %zu routes, %d are the most",
			l->name, l->n_routes, COUNTERS_OF_ENTRY * ENTRIES_OF_LISTENER);
	for (size_t i = 0; i * COUNTERS_OF_ENTRY < l->n_routes; i++)
		str_addf(out, "\ttcp-request connection track-sc%zu int(%zu) table " COUNTERS "\n",
			i, at + i + 1);
	str_add(out, "\ttcp-request connection set-var(sess.client) src,concat()\n");
	return 0;
}

static int bind_text(const struct haproxy_config *c, const struct traffic_listener *l,
	struct str *out, struct err *err)
{
	bool v6 = strchr(l->address, ':');

	str_addf(out, "\tbind %s%s%s:%d%s", v6 ? "[" : "", l->address, v6 ? "]" : "", l->port,
		v6 ? " v4v6" : "");
	for (size_t i = 0; i < l->n_certificates; i++) {
		char *path CLEANUP(freep) = haproxy_certificate_path(c->paths, l->certificates[i]);

		str_add(out, i ? " crt " : " ssl crt ");
		if (quote(out, "a folder's name", path, err) < 0)
			return -1;
	}
	if (l->n_certificates)
		str_addf(out, " alpn %shttp/1.1 ssl-min-ver %s ssl-max-ver %s",
			l->http1_only ? "" : "h2,", l->tls_min, l->tls_max);
	str_add_c(out, '\n');
	return 0;
}

static int listener_text(const struct haproxy_config *c, const struct traffic_listener *l,
	struct str *out, struct err *err)
{
	if (check_name("listener", l->name, err) < 0)
		return -1;
	str_addf(out, "frontend %s\n", l->name);
	if (bind_text(c, l, out, err) < 0)
		return -1;
	if (l->idle_sec)
		str_addf(out, "\ttimeout client %ds\n\ttimeout http-keep-alive %ds\n", l->idle_sec,
			l->idle_sec);
	str_addf(out,
		"\thttp-request add-header X-Forwarded-For %%[var(sess.client)]\n"
		"\thttp-request set-header X-Forwarded-Proto %s\n"
		"\thttp-request set-header X-Forwarded-Port %d\n"
		"\tlog-format \"%%pid %%rt %%b %%Tr %%ST\"\n",
		l->n_certificates ? "https" : "http", l->port);
	if (connection_text(c, l, out, err) < 0)
		return -1;
	sample_text(c, out);
	for (size_t i = 0; i < l->n_routes; i++)
		if (route_choose_text(&l->routes[i], l->n_routes == 1, out, err) < 0)
			return -1;
	for (int answers = 0; answers < 2; answers++)
		for (size_t i = 0; i < l->n_routes; i++)
			if ((l->routes[i].answer == TRAFFIC_FORWARD) == (answers == 1) &&
				route_answer_text(c, l, &l->routes[i], out, err) < 0)
				return -1;
	str_add(out, "\tdefault_backend nobody\n");
	return 0;
}

int haproxy_config_text(const struct haproxy_config *c, struct str *out, struct err *err)
{
	global_text(c, out);
	for (size_t i = 0; i < c->plan->n_pools; i++)
		if (pool_text(c, &c->plan->pools[i], out, err) < 0)
			return -1;
	for (size_t i = 0; i < c->plan->n_listeners; i++)
		if (listener_text(c, &c->plan->listeners[i], out, err) < 0)
			return -1;
	return 0;
}
