/* SPDX-License-Identifier: Apache-2.0 */
/* The data plane on HAProxy.
 *
 * H1 No request is lost by a change: weights and servers change through the Runtime API; a
 *    reload hands the listening sockets over and idle connections end after a response.
 * H2 A new server is in the drain state (checked, without requests) until its first check passed;
 *    after that HAProxy's own rise and fall count.
 * H3 A configuration holds the servers that the running HAProxy knows, or, when none runs, those
 *    that were healthy before: they serve at once. New ones always come by `add server`, so that
 *    H2 holds for them.
 * H4 Everything needed to go on after a restart of this program is in HAProxy and in the folder.
 * H5 One that is there and silent is waited for: a second one beside it would take a part of the
 *    connections of the same ports, by another configuration.
 */
#include "traffic/haproxy.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/path.h"
#include "base/spawn.h"
#include "base/vec.h"
#include "traffic/haproxy_internal.h"

#define RELOAD_LIMIT_USEC (10 * USEC_PER_SEC)
#define RATE_SPAN_USEC (USEC_PER_SEC * 8 / 10)
#define CONFIG_MAX (16 * MIB)

static struct haproxy *haproxy_of(struct traffic *t)
{
	return CONTAINER_OF(t, struct haproxy, base);
}

/* 1 when one runs, 0 when none does; -1 when one is there that does not answer (H5). */
static int find_running(struct haproxy *h, struct err *err)
{
	struct str answer CLEANUP_STR = STR_INIT;
	struct err why CLEANUP_ERR = ERR_INIT;

	if (haproxy_cli(h->paths.socket, "show version", &answer, &why) == 0)
		return 1;
	return err_is(&why, ERR_TIMEOUT) ? err_move(err, &why) : 0;
}

static bool is_there(struct haproxy *h)
{
	return find_running(h, NULL) != 0;
}

/* Process id of the worker that answers, or -1. */
static long worker_pid(struct haproxy *h)
{
	struct str answer CLEANUP_STR = STR_INIT;
	const char *at;

	if (haproxy_cli(h->paths.socket, "show info", &answer, NULL) < 0)
		return -1;
	at = strstr(str_text(&answer), "\nPid: ");
	return at ? strtol(at + 6, NULL, 10) : -1;
}

/* The master's process id if it is alive and ours. */
static pid_t master_pid(struct haproxy *h)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct str command CLEANUP_STR = STR_INIT;
	char path[64];
	long pid;

	if (file_read(h->paths.pid, 64, &text, NULL) < 0)
		return -1;
	pid = strtol(str_text(&text), NULL, 10);
	snprintf(path, sizeof(path), "/proc/%ld/cmdline", pid);
	if (pid <= 1 || file_read(path, 64 * KIB, &command, NULL) < 0 ||
		!memmem(command.p, command.len, h->paths.config, strlen(h->paths.config)))
		return -1;
	return (pid_t)pid;
}

/* Runs haproxy with these arguments; its messages are in the error. */
static int run_haproxy(struct haproxy *h, const char *const *argv, struct err *err)
{
	char *log_path CLEANUP(freep) = path_join(h->dir, "haproxy.log");
	int fd CLEANUP_FD = open(log_path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	struct spawn_result result CLEANUP_SPAWN_RESULT = {0};
	struct spawn spawn = SPAWN_INIT;
	struct str text CLEANUP_STR = STR_INIT;
	pid_t pid;

	if (fd < 0)
		return err_errno(err, errno, "%s", log_path);
	spawn.argv = argv;
	spawn.stdout_fd = fd;
	spawn.stderr_fd = fd;
	spawn.new_session = true;
	if (spawn_start(&spawn, &pid, err) < 0)
		return err_hint(err, "install the package haproxy");
	if (spawn_wait(pid, &result, err) < 0)
		return -1;
	if (result.exit_code == 0)
		return 0;
	file_read(log_path, 64 * KIB, &text, NULL);
	return err_set(err, ERR_IO, "HAProxy did not take its configuration %s: %.2000s",
		h->paths.config, str_text(&text));
}

/* ---- configuration ---- */

static int write_config(struct haproxy *h, const struct traffic_plan *plan, const struct map *known,
	struct err *err)
{
	struct haproxy_config c = {
		.plan = plan,
		.known = known,
		.paths = &h->paths,
		.drop_privileges = geteuid() == 0 && getpwnam("haproxy"),
	};
	struct str text CLEANUP_STR = STR_INIT;
	const char *argv[] = {"haproxy", "-c", "-f", h->paths.config_new, NULL};

	if (haproxy_config_text(&c, &text, err) < 0 ||
		file_write_atomic(h->paths.config_new, str_view(&text), 0600, err) < 0)
		return -1;
	/* One that runs must never be told to take a bad one over; a fresh start tells by itself.
	 */
	if (is_there(h) && run_haproxy(h, argv, err) < 0)
		return -1;
	if (rename(h->paths.config_new, h->paths.config) < 0)
		return err_errno(err, errno, "%s", h->paths.config);
	return 0;
}

static int structure_text(
	struct haproxy *h, const struct traffic_plan *plan, struct str *out, struct err *err)
{
	struct map none CLEANUP_MAP = MAP_INIT;
	struct haproxy_config c = {.plan = plan, .known = &none, .paths = &h->paths};

	if (haproxy_config_text(&c, out, err) < 0)
		return -1;
	/* Keywords of servers count as structure too: they take effect by a reload. */
	for (size_t i = 0; i < plan->n_pools; i++) {
		str_addf(out, "# %s", plan->pools[i].name);
		haproxy_server_words(&plan->pools[i], out);
		str_add_c(out, '\n');
	}
	return 0;
}

static int save_structure(struct haproxy *h, const struct str *structure, struct err *err)
{
	char *path CLEANUP(freep) = path_join(h->dir, "structure");

	if (file_write_atomic(path, str_view(structure), 0600, err) < 0)
		return -1;
	str_clear(&h->structure);
	str_add_view(&h->structure, str_view(structure));
	return 0;
}

/* ---- start and reload ---- */

static void free_value(void *p)
{
	free(p);
}

static void short_pause(void)
{
	struct timespec pause = {.tv_nsec = 5000000};

	nanosleep(&pause, NULL);
}

static int wait_worker(struct haproxy *h, long before, struct err *err)
{
	int64_t limit = monotonic_usec() + RELOAD_LIMIT_USEC;

	while (monotonic_usec() < limit) {
		long now = worker_pid(h);

		if (now > 0 && now != before)
			return 0;
		short_pause();
	}
	return err_set(err, ERR_TIMEOUT,
		"HAProxy did not take the new configuration over within 10 s; see %s/haproxy.log "
		"and whether another program uses a listener's port",
		h->dir);
}

/* "pool/server" of the servers that need not wait for their first check. */
static void trusted_servers(const struct traffic_plan *plan, struct map *ret)
{
	for (size_t i = 0; i < plan->n_pools; i++)
		for (size_t k = 0; k < plan->pools[i].n_servers; k++) {
			const struct traffic_server *s = &plan->pools[i].servers[k];
			char *key CLEANUP(freep) = xasprintf("%s/%s", plan->pools[i].name, s->name);

			if (s->trusted && !s->draining)
				map_set(ret, key, ret);
		}
}

static int start_fresh(struct haproxy *h, const struct traffic_plan *plan, struct err *err)
{
	const char *argv[] = {
		"haproxy", "-D", "-W", "-p", h->paths.pid, "-f", h->paths.config, NULL};
	struct map trusted CLEANUP_MAP = MAP_INIT;

	trusted_servers(plan, &trusted);
	map_release_with(&h->servers, free_value);
	if (haproxy_maps_write(h, plan, err) < 0 ||
		file_write_atomic(h->paths.state, VIEW("1\n"), 0600, err) < 0 ||
		write_config(h, plan, &trusted, err) < 0 || run_haproxy(h, argv, err) < 0)
		return -1;
	return wait_worker(h, -1, err);
}

static int reload(struct haproxy *h, const struct traffic_plan *plan, struct err *err)
{
	struct str state CLEANUP_STR = STR_INIT;
	struct map known CLEANUP_MAP = MAP_INIT;
	pid_t master = master_pid(h);
	long before = worker_pid(h);

	if (master < 0)
		return err_set(err, ERR_IO, "HAProxy answers but its master process is gone");
	if (before < 0)
		return err_set(err, ERR_TIMEOUT, "HAProxy has just answered and does not now");
	if (haproxy_servers_known(h, &known, &state, err) < 0 ||
		haproxy_maps_write(h, plan, err) < 0 || write_config(h, plan, &known, err) < 0 ||
		file_write_atomic(h->paths.state, str_view(&state), 0600, err) < 0)
		return -1;
	if (kill(master, SIGUSR2) < 0)
		return err_errno(err, errno, "HAProxy's master process %d", (int)master);
	return wait_worker(h, before, err);
}

/* A worker whose master was killed soon ends; until then it must not pass for a data plane. */
static bool end_orphan(struct haproxy *h)
{
	long worker = master_pid(h) < 0 ? worker_pid(h) : -1;
	int64_t limit = monotonic_usec() + RELOAD_LIMIT_USEC;

	if (worker <= 1)
		return false;
	/* It lets go of the ports and finishes what is under way. */
	kill((pid_t)worker, SIGUSR1);
	while (is_there(h) && monotonic_usec() < limit)
		short_pause();
	return true;
}

static int apply_structure(struct haproxy *h, const struct traffic_plan *plan, struct err *err)
{
	struct str structure CLEANUP_STR = STR_INIT;
	int lives = end_orphan(h) ? 0 : find_running(h, err);
	int r;

	if (lives < 0 || structure_text(h, plan, &structure, err) < 0)
		return -1;
	if (lives && view_eq(str_view(&structure), str_view(&h->structure)))
		return 0;
	r = haproxy_certificates_write(h, plan, err);
	if (r == 0)
		r = lives ? reload(h, plan, err) : start_fresh(h, plan, err);
	haproxy_certificates_remove(h);
	if (r < 0)
		return -1;
	map_release_with(&h->texts, free_value);
	return save_structure(h, &structure, err);
}

static int apply_locked(struct haproxy *h, const struct traffic_plan *plan, struct err *err)
{
	if (plan->n_listeners == 0 && plan->n_pools == 0 && !is_there(h))
		return 0;
	if (apply_structure(h, plan, err) < 0)
		return -1;
	/* Maps first: no cookie leads to a server that is about to drain. */
	return haproxy_maps_apply(h, plan, err) < 0 ? -1 : haproxy_servers_apply(h, plan, err);
}

static int haproxy_apply(struct traffic *t, const struct traffic_plan *plan, struct err *err)
{
	struct haproxy *h = haproxy_of(t);
	int r;

	pthread_mutex_lock(&h->lock);
	r = apply_locked(h, plan, err);
	pthread_mutex_unlock(&h->lock);
	return r;
}

/* ---- statistics ---- */

static struct traffic_server_stat server_stat(
	const struct haproxy_row *row, enum traffic_health health)
{
	struct traffic_server_stat s = {
		.pool = row->pool,
		.name = row->name,
		.health = health,
		.check = *row->check_status ? row->check_status : NULL,
		.check_code = row->check_code,
		.current = row->current,
		.requests = row->sessions,
		.errors = row->errors_connect + row->errors_response,
	};

	memcpy(s.answers, row->answers, sizeof(s.answers));
	return s;
}

/* What was logged after the line that was read last; all when the ring has lost that one. Lines are
 * in the order in which requests ended, their counts in the order in which they began. */
static struct view unread(const struct haproxy *h, struct view all)
{
	char last[64];
	size_t n = (size_t)snprintf(last, sizeof(last), "%lld %lld ", (long long)h->timing_pid,
		(long long)h->timing_last);
	struct view rest = all;

	while (rest.len) {
		struct view line = view_cut(&rest, '\n');

		if (line.len >= n && memcmp(line.p, last, n) == 0)
			return rest;
	}
	return all;
}

/* Log lines in the ring are "pid count pool msec status"; msec is -1 when no server answered. */
static int read_timings(
	struct haproxy *h, struct arena *a, struct traffic_stats *ret, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	VEC(struct traffic_timing) found = {0};
	struct view rest;

	if (haproxy_cli(h->paths.socket, "show events timing", &text, err) < 0)
		return -1;
	rest = unread(h, str_view(&text));
	while (rest.len) {
		struct view line = view_cut(&rest, '\n');
		char pool[256], copy[512];
		long long pid, count, msec;
		int status;

		snprintf(copy, sizeof(copy), VIEW_FMT, VIEW_ARG(line));
		if (sscanf(copy, "%lld %lld %255s %lld %d", &pid, &count, pool, &msec, &status) !=
			5)
			continue;
		h->timing_pid = pid;
		h->timing_last = count;
		if (msec >= 0 || status >= 500)
			vec_push(&found, ((struct traffic_timing){arena_strdup(a, pool), msec, 1}));
	}
	ret->n_timings = found.n;
	ret->timings = arena_new_n(a, found.n + 1, struct traffic_timing);
	if (found.n)
		memcpy(ret->timings, found.v, found.n * sizeof(*found.v));
	vec_release(&found);
	return 0;
}

/* The sample of response times follows the rate of requests over a second or so. What HAProxy
 * refuses (a plan without listeners has no list) is not asked for again until the rate changes. */
static void tune_timings(struct haproxy *h, int64_t answered)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	int64_t now = monotonic_usec(), more = answered - h->tuned, since = h->tuned_usec;
	int timed;

	if (now - since < RATE_SPAN_USEC)
		return;
	h->tuned = answered;
	h->tuned_usec = now;
	if (!since || more < 0)
		return;
	timed = haproxy_timed_wanted(h->timed, more, now - since);
	if (timed != h->timed && haproxy_timed_set(h, timed, &err) < 0)
		log_debug("traffic", "the sample of response times stays: %s", err_message(&err));
}

static int stats_locked(
	struct haproxy *h, struct arena *a, struct traffic_stats *ret, struct err *err)
{
	struct str csv CLEANUP_STR = STR_INIT;
	struct haproxy_row *rows;
	int64_t answered = 0;
	size_t n;

	if (haproxy_cli(h->paths.socket, "show stat -1 4 -1", &csv, err) < 0 ||
		haproxy_stat_parse(str_view(&csv), a, &rows, &n, err) < 0)
		return -1;
	ret->servers = arena_new_n(a, n + 1, struct traffic_server_stat);
	for (size_t i = 0; i < n; i++) {
		char *key = arena_printf(a, "%s/%s", rows[i].pool, rows[i].name);
		struct haproxy_wanted *w = map_get(&h->servers, key);

		answered += rows[i].sessions;
		if (w)
			ret->servers[ret->n_servers++] =
				server_stat(&rows[i], haproxy_server_health(h, key, w, &rows[i]));
		else
			haproxy_server_drop(h, key);
	}
	tune_timings(h, answered);
	if (answered == h->answered)
		return 0;
	h->answered = answered;
	return read_timings(h, a, ret, err);
}

static int haproxy_stats(
	struct traffic *t, struct arena *a, struct traffic_stats *ret, struct err *err)
{
	struct haproxy *h = haproxy_of(t);
	int r;

	*ret = (struct traffic_stats){0};
	pthread_mutex_lock(&h->lock);
	r = stats_locked(h, a, ret, err);
	pthread_mutex_unlock(&h->lock);
	return r;
}

/* ---- life ---- */

static int haproxy_start(struct traffic *t, struct err *err)
{
	struct haproxy *h = haproxy_of(t);
	char *path CLEANUP(freep) = path_join(h->dir, "structure");

	if (!is_there(h))
		return 0;
	str_clear(&h->structure);
	if (file_exists(path))
		return file_read(path, CONFIG_MAX, &h->structure, err);
	return 0;
}

static int haproxy_watch_fd(struct traffic *t)
{
	pid_t master = master_pid(haproxy_of(t));

	return master < 0 ? -1 : (int)syscall(SYS_pidfd_open, master, 0);
}

static int haproxy_stop(struct traffic *t, struct err *err)
{
	struct haproxy *h = haproxy_of(t);
	pid_t master = master_pid(h);
	int64_t limit = monotonic_usec() + RELOAD_LIMIT_USEC;

	if (master < 0)
		return 0;
	if (kill(master, SIGTERM) < 0 && errno != ESRCH)
		return err_errno(err, errno, "HAProxy's master process %d", (int)master);
	while (kill(master, 0) == 0 && monotonic_usec() < limit)
		short_pause();
	unlink(h->paths.pid);
	unlink(h->paths.socket);
	return 0;
}

static void haproxy_free(struct traffic *t)
{
	struct haproxy *h;

	if (!t)
		return;
	h = haproxy_of(t);
	free(h->paths.config);
	free(h->paths.config_new);
	free(h->paths.state);
	free(h->paths.pid);
	free(h->paths.socket);
	free(h->paths.maps);
	free(h->paths.certificates);
	free(h->dir);
	str_release(&h->structure);
	map_release_with(&h->texts, free_value);
	map_release_with(&h->servers, free_value);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static const struct traffic_driver haproxy_driver = {
	.name = "haproxy",
	.start = haproxy_start,
	.apply = haproxy_apply,
	.stats = haproxy_stats,
	.watch_fd = haproxy_watch_fd,
	.stop = haproxy_stop,
	.free = haproxy_free,
};

int haproxy_new(const char *dir, struct traffic **ret, struct err *err)
{
	struct haproxy *h = xcalloc(1, sizeof(*h));

	h->base.driver = &haproxy_driver;
	pthread_mutex_init(&h->lock, NULL);
	h->dir = xstrdup(dir);
	h->paths = (struct haproxy_paths){
		.config = path_join(dir, "haproxy.cfg"),
		.config_new = path_join(dir, "haproxy.cfg.new"),
		.state = path_join(dir, "servers.state"),
		.pid = path_join(dir, "haproxy.pid"),
		.socket = path_join(dir, "haproxy.sock"),
		.maps = path_join(dir, "maps"),
		.certificates = path_join(dir, "certificates"),
	};
	if (file_make_dirs(h->paths.maps, 0700, err) < 0) {
		haproxy_free(&h->base);
		return -1;
	}
	*ret = &h->base;
	return 0;
}
