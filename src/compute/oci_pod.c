/* SPDX-License-Identifier: Apache-2.0 */
/* Pods of the oci driver: a named network namespace, and a cgroup above those of the roots. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "compute/cgroup.h"
#include "compute/oci_internal.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

static char *netns_of(const char *pod)
{
	return xasprintf("towpath-%s", pod);
}

char *oci_pod_network(const char *pod)
{
	return xasprintf("/run/netns/towpath-%s", pod);
}

/* ---- limits ---- */

/* Writes a value; files that a kernel has not got are passed over where optional. */
static int put(const char *dir, const char *name, const char *value, bool optional, struct err *err)
{
	char *path CLEANUP(freep) = xasprintf("%s/%s", dir, name);
	FILE *f = fopen(path, "we");
	int bad = f ? 0 : errno;

	if (f && fputs(value, f) < 0)
		bad = errno;
	if (f && fclose(f) != 0 && !bad)
		bad = errno;
	if (!bad || optional)
		return 0;
	return err_errno(err, bad, "cannot set %s of cgroup %s to %s", name, dir, value);
}

/* The folder of a controller, made; NULL when the hierarchy is not there. */
static char *make_dir(const char *controller, const char *pod)
{
	char *top CLEANUP(freep) = controller ? xasprintf(CGROUP_ROOT "/%s/towpath", controller)
					      : xstrdup(CGROUP_ROOT "/towpath");
	char *dir = xasprintf("%s/%s", top, pod);

	mkdir(top, 0755);
	if (mkdir(dir, 0755) == 0 || errno == EEXIST)
		return dir;
	free(dir);
	return NULL;
}

static const struct {
	const char *controller;
	bool v2, optional;
	const char *file;
	enum { MEMORY, CPU, PIDS } what;
	const char *format; /* of the number */
} limits[] = {
	{"memory", false, false, "memory.limit_in_bytes", MEMORY, "%lld"},
	{"memory", false, true, "memory.memsw.limit_in_bytes", MEMORY, "%lld"},
	{"cpu", false, false, "cpu.cfs_quota_us", CPU, "%lld"},
	{"pids", false, false, "pids.max", PIDS, "%lld"},
	{NULL, true, false, "memory.max", MEMORY, "%lld"},
	{NULL, true, false, "cpu.max", CPU, "%lld 100000"},
	{NULL, true, false, "pids.max", PIDS, "%lld"},
};

static int limit(const struct compute_pod *pod, struct err *err)
{
	const long long wanted[] = {
		[MEMORY] = (long long)pod->limits.memory,
		[CPU] = (long long)pod->limits.cpu_milli * 100,
		[PIDS] = pod->limits.pids,
	};
	bool v2 = cgroup_is_v2();

	if (v2) {
		char *dir CLEANUP(freep) = make_dir(NULL, pod->id);

		cgroup_pass_on(CGROUP_ROOT);
		cgroup_pass_on(CGROUP_ROOT "/towpath");
		if (dir)
			cgroup_pass_on(dir);
		if (dir && pod->limits.memory)
			put(dir, "memory.swap.max", "0", true, NULL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		char *dir CLEANUP(freep) = NULL;
		char value[48];

		if (limits[i].v2 != v2 || !wanted[limits[i].what])
			continue;
		dir = make_dir(limits[i].controller, pod->id);
		if (!dir)
			return err_set(err, ERR_UNSUPPORTED,
				"cannot limit a pod: there is no cgroup controller for %s",
				limits[i].file);
		if (streq(limits[i].format, "%lld"))
			snprintf(value, sizeof(value), "%lld", wanted[limits[i].what]);
		else
			snprintf(value, sizeof(value), "%lld 100000", wanted[limits[i].what]);
		if (put(dir, limits[i].file, value, limits[i].optional, err) < 0)
			return -1;
	}
	return 0;
}

/* Runtimes make the pod's folder in every hierarchy; empty ones are removed. */
static void unlimit(const char *pod)
{
	static const char *const hierarchies[] = {"memory", "cpu", "cpuacct", "cpu,cpuacct",
		"cpuset", "pids", "devices", "freezer", "blkio", "net_cls", "net_prio",
		"net_cls,net_prio", "perf_event", "hugetlb", "rdma", "misc", "systemd", "unified"};
	char *dir CLEANUP(freep) = xasprintf(CGROUP_ROOT "/towpath/%s", pod);

	rmdir(dir);
	for (size_t i = 0; i < ARRAY_SIZE(hierarchies); i++) {
		char *path CLEANUP(freep) =
			xasprintf(CGROUP_ROOT "/%s/towpath/%s", hierarchies[i], pod);

		rmdir(path);
	}
}

/* ---- life ---- */

int oci_pod_make(
	const struct compute_driver *d UNUSED, const struct compute_pod *pod, struct err *err)
{
	char *netns CLEANUP(freep) = netns_of(pod->id);
	const struct compute_bridge *b = pod->network == COMPUTE_NET_BRIDGE ? &pod->bridge : NULL;

	if (limit(pod, err) < 0 || oci_network_make(pod->id, b, netns, err) < 0)
		return err_wrap(err, "cannot make pod %s", pod->id);
	return 0;
}

int oci_pod_drop(
	const struct compute_driver *d UNUSED, const struct compute_pod *pod, struct err *err)
{
	char *netns CLEANUP(freep) = netns_of(pod->id);
	const struct compute_bridge *b = pod->bridge.bridge ? &pod->bridge : NULL;

	if (oci_network_unmake(pod->id, b, netns, err) < 0)
		return err_wrap(err, "cannot drop pod %s", pod->id);
	unlimit(pod->id);
	return 0;
}
