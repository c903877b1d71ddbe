/* SPDX-License-Identifier: Apache-2.0 */
/* Servers of the running HAProxy: added, drained, let in after their first check, dropped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "traffic/haproxy_internal.h"

/* Loads what HAProxy knows now: "pool/server" to a nonzero value when it drains. */
int haproxy_servers_known(
	struct haproxy *h, struct map *ret, struct str *ret_state, struct err *err)
{
	struct view text;

	if (haproxy_cli(h->paths.socket, "show servers state", ret_state, err) < 0)
		return -1;
	text = str_view(ret_state);
	while (text.len) {
		struct view line = view_cut(&text, '\n');
		struct view pool, name;
		int64_t admin;
		char key[512];

		if (!line.len || line.p[0] == '#' || !memchr(line.p, ' ', line.len))
			continue;
		view_cut(&line, ' ');
		pool = view_cut(&line, ' ');
		view_cut(&line, ' ');
		name = view_cut(&line, ' ');
		view_cut(&line, ' '); /* address */
		view_cut(&line, ' '); /* operational state */
		admin = line.p ? strtoll(line.p, NULL, 10) : 0;
		snprintf(key, sizeof(key), VIEW_FMT "/" VIEW_FMT, VIEW_ARG(pool), VIEW_ARG(name));
		map_set(ret, key, (void *)(intptr_t)(1 + (admin & 0x08 ? 1 : 0)));
	}
	return 0;
}

/* ---- servers ---- */

static int server_command(struct haproxy *h, const char *expect, struct err *err, const char *fmt,
	...) PRINTF_LIKE(4, 5);

static int server_command(
	struct haproxy *h, const char *expect, struct err *err, const char *fmt, ...)
{
	struct str command CLEANUP_STR = STR_INIT;
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(&command, fmt, ap);
	va_end(ap);
	return haproxy_cli_expect(h->paths.socket, str_text(&command), expect, err);
}

static int add_server(struct haproxy *h, const struct traffic_pool *pool,
	const struct traffic_server *s, const char *key, struct err *err)
{
	struct str words CLEANUP_STR = STR_INIT;

	haproxy_server_words(pool, &words);
	if (server_command(h, "New server registered", err, "add server %s %s:%d%s", key,
		    s->address, s->port, str_text(&words)) < 0 ||
		server_command(h, NULL, err, "set server %s state drain", key) < 0)
		return -1;
	return pool->check.enabled ? server_command(h, NULL, err, "enable health %s", key) : 0;
}

static void gate(struct haproxy_wanted *w, const struct traffic_pool *pool)
{
	w->gated = true;
	w->bad = false;
	w->since_usec = monotonic_usec();
	w->patience_usec =
		(int64_t)pool->check.interval_sec * pool->check.unhealthy_after * USEC_PER_SEC;
}

/* state: 0 unknown to HAProxy, 1 known, 2 known and draining. */
static int apply_server(struct haproxy *h, const struct traffic_pool *pool,
	const struct traffic_server *s, intptr_t state, struct err *err)
{
	char *key CLEANUP(freep) = xasprintf("%s/%s", pool->name, s->name);
	struct haproxy_wanted *w = map_get(&h->servers, key);

	if (state == 0 && add_server(h, pool, s, key, err) < 0)
		return -1;
	if (!w) {
		w = xcalloc(1, sizeof(*w));
		map_set(&h->servers, key, w);
		if (state != 1 && !s->draining)
			gate(w, pool);
	} else if (state == 0 || (w->draining && !s->draining)) {
		gate(w, pool);
	}
	w->draining = s->draining;
	w->checked = pool->check.enabled;
	w->seen = true;
	if (s->draining && state == 1)
		return server_command(h, NULL, err, "set server %s state drain", key);
	if (w->gated && !w->checked && !s->draining) {
		w->gated = false;
		return server_command(h, NULL, err, "set server %s state ready", key);
	}
	return 0;
}

/* A server with connections left cannot go yet; the next apply() or stats() tries again. */
void haproxy_server_drop(struct haproxy *h, const char *key)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	if (server_command(h, NULL, &err, "set server %s state maint", key) < 0 ||
		server_command(h, NULL, &err, "shutdown sessions server %s", key) < 0 ||
		server_command(h, "Server deleted", &err, "del server %s", key) < 0)
		log_debug("traffic", "server %s stays for now: %s", key, err_message(&err));
}

int haproxy_servers_apply(struct haproxy *h, const struct traffic_plan *plan, struct err *err)
{
	struct str state CLEANUP_STR = STR_INIT;
	struct map known CLEANUP_MAP = MAP_INIT;

	if (haproxy_servers_known(h, &known, &state, err) < 0)
		return -1;
	map_foreach (it, &h->servers)
		((struct haproxy_wanted *)it->value)->seen = false;
	for (size_t i = 0; i < plan->n_pools; i++)
		for (size_t k = 0; k < plan->pools[i].n_servers; k++) {
			const struct traffic_pool *pool = &plan->pools[i];
			char *key CLEANUP(freep) =
				xasprintf("%s/%s", pool->name, pool->servers[k].name);

			if (apply_server(h, pool, &pool->servers[k], (intptr_t)map_get(&known, key),
				    err) < 0)
				return -1;
		}
	map_foreach (it, &h->servers) {
		if (!((struct haproxy_wanted *)it->value)->seen)
			free(map_remove(&h->servers, it->key));
	}
	map_foreach (it, &known) {
		if (!map_has(&h->servers, it->key))
			haproxy_server_drop(h, it->key);
	}
	return 0;
}

static bool check_passed(const struct haproxy_row *row)
{
	const char *s = row->check_status;

	return ends_with(s, "L7OK") || ends_with(s, "L7OKC") || ends_with(s, "L4OK") ||
	       ends_with(s, "L6OK");
}

static bool check_unknown(const struct haproxy_row *row)
{
	return !*row->check_status || ends_with(row->check_status, "INI") ||
	       ends_with(row->check_status, "UNK") || ends_with(row->check_status, "SOCKERR");
}

/* H2: lets requests in once the check passed. */
static enum traffic_health gated_health(
	struct haproxy *h, const char *key, struct haproxy_wanted *w, const struct haproxy_row *row)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	bool down = starts_with(row->status, "DOWN");

	if (check_passed(row) && (!w->bad || !down)) {
		if (server_command(h, NULL, &err, "set server %s health up", key) < 0 ||
			server_command(h, NULL, &err, "set server %s state ready", key) < 0) {
			log_err("traffic", &err, "server %s", key);
			return TRAFFIC_CHECKING;
		}
		w->gated = false;
		return TRAFFIC_UP;
	}
	if (!check_unknown(row) && !check_passed(row) &&
		monotonic_usec() - w->since_usec >= w->patience_usec)
		w->bad = true;
	return w->bad ? TRAFFIC_DOWN : TRAFFIC_CHECKING;
}

enum traffic_health haproxy_server_health(
	struct haproxy *h, const char *key, struct haproxy_wanted *w, const struct haproxy_row *row)
{
	if (!w->checked)
		return TRAFFIC_UNCHECKED;
	if (w->gated && !w->draining)
		return gated_health(h, key, w, row);
	return starts_with(row->status, "DOWN") ? TRAFFIC_DOWN : TRAFFIC_UP;
}
