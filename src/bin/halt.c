/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath halt`: ends what outlives the server when the machine shuts down, sooner than by the
 * patience of whoever shuts it down. Nothing is taken away: the next server finds it as after any
 * other end of the machine. */
#include <poll.h>
#include <signal.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "bin/command.h"
#include "bin/data_dir.h"
#include "bin/roots.h"
#include "compute/compute.h"
#include "leader/leader.h"

#define GRACE_SECONDS 10
#define KILLED_SECONDS 10

static const struct option_spec options[] = {
	{"grace", 0, "SECONDS", NULL, "how long containers may take to end by themselves (10)"},
	{NULL, 0, NULL, NULL, NULL},
};

/* The roots that live, each with the descriptor that tells its end. */
struct living {
	VEC(struct compute_root *) roots;
	VEC(struct pollfd) ends;
};

static void living_release(struct living *l)
{
	vec_foreach (r, &l->roots)
		compute_oci.detach(*r);
	vec_release(&l->roots);
	vec_release(&l->ends);
}

/* Those of engines are the engines' own to end. */
static int ask_to_end(void *arg, const char *id, const char *dir, struct err *err UNUSED)
{
	struct err why CLEANUP_ERR = ERR_INIT;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct living *l = arg;
	struct compute_root *root;
	int fd;

	if (compute_engine_of(dir, &a) ||
		compute_oci.attach(&compute_oci, id, dir, &root, &why) < 0)
		return 0;
	vec_push(&l->roots, root);
	fd = compute_oci.watch_fd(root, &why);
	if (compute_oci.signal_init(root, SIGTERM, &why) < 0 || fd < 0)
		log_err("halt", &why, "root %s", id);
	vec_push(&l->ends, ((struct pollfd){.fd = fd, .events = POLLIN}));
	return 0;
}

/* True when all have ended within the time. */
static bool await_ends(struct living *l, int64_t grace_usec)
{
	int64_t until = monotonic_usec() + grace_usec;
	size_t left = 0;

	vec_foreach (p, &l->ends)
		left += p->fd >= 0;
	while (left) {
		int64_t wait = until - monotonic_usec();

		if (wait <= 0)
			return false;
		poll(l->ends.v, l->ends.n, (int)(wait / USEC_PER_MSEC) + 1);
		vec_foreach (p, &l->ends) {
			if (p->fd < 0 || !p->revents)
				continue;
			p->fd = -1;
			left--;
		}
	}
	return true;
}

static void kill_rest(const struct living *l)
{
	for (size_t i = 0; i < l->roots.n; i++) {
		struct err why CLEANUP_ERR = ERR_INIT;

		if (l->ends.v[i].fd >= 0 && compute_oci.kill_all(l->roots.v[i], &why) < 0)
			log_err("halt", &why, "a container");
	}
}

static int end_leader(const char *job_dir, void *arg UNUSED)
{
	pid_t pid = leader_alive(job_dir);

	if (pid > 0)
		kill(pid, SIGKILL);
	return 0;
}

static int end_builds(const char *data_dir, struct err *err)
{
	char *dir CLEANUP(freep) = xasprintf("%s/builds", data_dir);

	return file_exists(dir) ? leader_scan(dir, end_leader, NULL, err) : 0;
}

static int run(const struct options *o, struct err *err)
{
	char *data_dir CLEANUP(freep) = option_data_dir(o);
	struct living living CLEANUP(living_release) = {0};
	const struct roots_visitor visitor = {.arg = &living, .root = ask_to_end};
	int lock CLEANUP_FD = -1;
	int64_t grace;

	if (option_int(o, "grace", 0, 3600, GRACE_SECONDS, &grace, err) < 0)
		return -1;
	if (!file_exists(data_dir))
		return EXIT_OK;
	if (data_dir_lock(data_dir, &lock, err) < 0 || end_builds(data_dir, err) < 0 ||
		roots_visit(data_dir, &visitor, err) < 0)
		return -1;
	if (await_ends(&living, grace * USEC_PER_SEC))
		return EXIT_OK;
	kill_rest(&living);
	return await_ends(&living, KILLED_SECONDS * USEC_PER_SEC)
		       ? EXIT_OK
		       : err_set(err, ERR_TIMEOUT,
				 "containers do not end, although they were killed");
}

const struct command command_halt = {
	.name = "halt",
	.summary = "end builds, containers and instances of a stopped server as the machine shuts "
		   "down",
	.details =
		"Containers and instances are asked to end (SIGTERM) and, after --grace, killed;\n"
		"builds end at once. Nothing is removed: a server that starts again finds what\n"
		"it finds after the machine has gone down. The unit towpath-halt.service calls\n"
		"it. Containers of Docker and of a swarm are left to their engines.",
	.options = options,
	.run = run,
};
