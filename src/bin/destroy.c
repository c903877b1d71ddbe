/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath destroy`: ends what outlives the server (builds, instances, the load balancer), then
 * removes the data folder. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "bin/command.h"
#include "bin/data_dir.h"
#include "bin/roots.h"
#include "compute/compute.h"
#include "fleet/fleet.h"
#include "leader/leader.h"
#include "traffic/haproxy.h"

static const struct option_spec options[] = {
	{"yes", 'y', NULL, NULL, "do not ask"},
	{NULL, 0, NULL, NULL, NULL},
};

static int end_leader(const char *job_dir, void *arg)
{
	pid_t pid = leader_alive(job_dir);

	(void)arg;
	leader_stop(job_dir, NULL);
	if (pid > 0)
		kill(pid, SIGKILL);
	compute_sweep(job_dir, NULL);
	return 0;
}

static int end_builds(const char *data_dir, struct err *err)
{
	char *dir CLEANUP(freep) = xasprintf("%s/builds", data_dir);

	return file_exists(dir) ? leader_scan(dir, end_leader, NULL, err) : 0;
}

static int end_traffic(const char *data_dir, struct err *err)
{
	char *dir CLEANUP(freep) = xasprintf("%s/traffic", data_dir);
	struct traffic *t;
	int r;

	if (!file_exists(dir))
		return 0;
	if (haproxy_new(dir, &t, err) < 0)
		return -1;
	r = t->driver->stop(t, err);
	t->driver->free(t);
	return r;
}

/* The driver that has made what stands in a folder; *ret_engine is the caller's. */
static int driver_of(const char *dir, const struct compute_driver **ret,
	struct compute_driver **ret_engine, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *name = compute_engine_of(dir, &a);

	*ret = &compute_oci;
	if (!name)
		return 0;
	if (compute_engine_new(name, ret_engine, err) < 0)
		return err_wrap(err, "%s", dir);
	*ret = *ret_engine;
	return 0;
}

static int discard_root(void *arg UNUSED, const char *id, const char *dir, struct err *err)
{
	struct compute_driver *engine CLEANUP(compute_engine_freep) = NULL;
	const struct compute_driver *driver;

	if (driver_of(dir, &driver, &engine, err) < 0)
		return -1;
	return driver->discard(driver, id, dir, err);
}

/* What its containers have shared. */
static int drop_pod(void *arg, const char *id, const char *dir, struct err *err)
{
	struct compute_pod pod = {
		.id = id, .dir = dir, .bridge = *(const struct compute_bridge *)arg};
	struct compute_driver *engine CLEANUP(compute_engine_freep) = NULL;
	const struct compute_driver *driver;

	if (driver_of(dir, &driver, &engine, err) < 0)
		return -1;
	return driver->pod_drop ? driver->pod_drop(driver, &pod, err) : 0;
}

static int end_instances(const char *data_dir, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct compute_bridge bridge = fleet_bridge(data_dir, &a);
	const struct roots_visitor visitor = {&bridge, discard_root, drop_pod};

	return roots_visit(data_dir, &visitor, err);
}

static bool confirmed(const struct options *o, const char *data_dir)
{
	char answer[8];

	if (option_flag(o, "yes"))
		return true;
	printf("Remove %s with all repositories, builds, objects and instances? [y/N] ", data_dir);
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static int run(const struct options *o, struct err *err)
{
	char *data_dir CLEANUP(freep) = option_data_dir(o);
	char *db CLEANUP(freep) = xasprintf("%s/towpath.db", data_dir);
	char *run CLEANUP(freep) = xasprintf("%s/run", data_dir);
	int lock CLEANUP_FD = -1;

	if (!file_exists(data_dir))
		return EXIT_OK;
	if (!file_exists(db) && !file_exists(run)) {
		err_set(err, ERR_INVALID, "%s is no data folder of towpath", data_dir);
		return err_hint(err, "name the server's folder with --data");
	}
	if (data_dir_lock(data_dir, &lock, err) < 0)
		return -1;
	if (!confirmed(o, data_dir))
		return EXIT_FAILED;
	if (end_builds(data_dir, err) < 0 || end_traffic(data_dir, err) < 0 ||
		end_instances(data_dir, err) < 0 || file_remove_tree(data_dir, err) < 0)
		return err_wrap(err, "destroying %s", data_dir);
	return EXIT_OK;
}

const struct command command_destroy = {
	.name = "destroy",
	.arguments = "[--yes]",
	.summary = "end what a stopped server left running, and remove its data folder",
	.options = options,
	.run = run,
};
