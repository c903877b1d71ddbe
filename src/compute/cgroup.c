/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define CGROUP_PARENT "towpath"

enum controller { MEMORY, CPU, PIDS, N_CONTROLLERS };

static const char *const controller_names[N_CONTROLLERS] = {"memory", "cpu", "pids"};

struct cgroup {
	bool v2;
	char *dirs[N_CONTROLLERS];  /* v2: only the first */
	char *procs[N_CONTROLLERS]; /* the file that moves a process in */
};

static bool is_v2(void)
{
	struct statfs st;

	return statfs(CGROUP_ROOT, &st) == 0 && st.f_type == CGROUP2_SUPER_MAGIC;
}

/* The group's folder in a hierarchy; v2 has one hierarchy for all controllers. */
static char *group_dir(bool v2, enum controller c, const char *id)
{
	if (v2)
		return xasprintf(CGROUP_ROOT "/" CGROUP_PARENT "/%s", id);
	return xasprintf(CGROUP_ROOT "/%s/" CGROUP_PARENT "/%s", controller_names[c], id);
}

static int write_value(const char *dir, const char *name, const char *value)
{
	char *path CLEANUP(freep) = xasprintf("%s/%s", dir, name);
	int fd CLEANUP_FD = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return errno;
	return 0;
}

static int set_limit(const char *dir, const char *name, const char *value, struct err *err)
{
	int r = write_value(dir, name, value);

	return r ? err_errno(err, r, "cannot set %s of cgroup %s to %s", name, dir, value) : 0;
}

static int set_number(const char *dir, const char *name, int64_t value, struct err *err)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	return set_limit(dir, name, text, err);
}

static int limit_memory(const struct cgroup *g, size_t bytes, struct err *err)
{
	const char *dir = g->dirs[g->v2 ? 0 : MEMORY];

	if (g->v2) {
		write_value(dir, "memory.swap.max", "0");
		return set_number(dir, "memory.max", (int64_t)bytes, err);
	}
	if (set_number(dir, "memory.limit_in_bytes", (int64_t)bytes, err) < 0)
		return -1;
	/* Kernels without swap accounting have no such file. */
	set_number(dir, "memory.memsw.limit_in_bytes", (int64_t)bytes, NULL);
	return 0;
}

static int limit_cpu(const struct cgroup *g, int milli, struct err *err)
{
	const char *dir = g->dirs[g->v2 ? 0 : CPU];
	char text[48];

	if (!g->v2)
		return set_number(dir, "cpu.cfs_quota_us", (int64_t)milli * 100, err);
	snprintf(text, sizeof(text), "%d 100000", milli * 100);
	return set_limit(dir, "cpu.max", text, err);
}

static int set_limits(const struct cgroup *g, const struct compute_limits *l, struct err *err)
{
	const int64_t wanted[N_CONTROLLERS] = {(int64_t)l->memory, l->cpu_milli, l->pids};

	for (int c = 0; c < N_CONTROLLERS; c++)
		if (wanted[c] && !g->dirs[g->v2 ? 0 : c]) {
			err_set(err, ERR_UNSUPPORTED,
				"cannot limit %s: the cgroup controller is not mounted",
				controller_names[c]);
			return err_hint(err, "mount cgroup version 2 on " CGROUP_ROOT
					     ", or take the limit away");
		}
	if (l->memory && limit_memory(g, l->memory, err) < 0)
		return -1;
	if (l->cpu_milli && limit_cpu(g, l->cpu_milli, err) < 0)
		return -1;
	if (l->pids && set_number(g->dirs[g->v2 ? 0 : PIDS], "pids.max", l->pids, err) < 0)
		return -1;
	return 0;
}

/* Makes one folder; false when the hierarchy is not there. */
static bool make_dir(const char *dir)
{
	char *parent CLEANUP(freep) = xstrdup(dir);

	if (mkdir(dir, 0755) == 0 || errno == EEXIST)
		return true;
	*strrchr(parent, '/') = '\0';
	mkdir(parent, 0755);
	return mkdir(dir, 0755) == 0 || errno == EEXIST;
}

static void enable_v2(void)
{
	static const char all[] = "+memory +cpu +pids";

	mkdir(CGROUP_ROOT "/" CGROUP_PARENT, 0755);
	write_value(CGROUP_ROOT, "cgroup.subtree_control", all);
	write_value(CGROUP_ROOT "/" CGROUP_PARENT, "cgroup.subtree_control", all);
}

int cgroup_new(
	const char *id, const struct compute_limits *limits, struct cgroup **ret, struct err *err)
{
	struct cgroup *g = xcalloc(1, sizeof(*g));

	g->v2 = is_v2();
	if (g->v2)
		enable_v2();
	for (int c = 0; c < (g->v2 ? 1 : N_CONTROLLERS); c++) {
		g->dirs[c] = group_dir(g->v2, c, id);
		if (make_dir(g->dirs[c]))
			g->procs[c] = xasprintf("%s/cgroup.procs", g->dirs[c]);
		else
			freep(&g->dirs[c]);
	}
	if (set_limits(g, limits, err) < 0) {
		cgroup_free(g);
		return -1;
	}
	*ret = g;
	return 0;
}

void cgroup_free(struct cgroup *g)
{
	if (!g)
		return;
	for (int c = 0; c < N_CONTROLLERS; c++) {
		if (g->dirs[c])
			rmdir(g->dirs[c]);
		free(g->dirs[c]);
		free(g->procs[c]);
	}
	free(g);
}

int cgroup_enter(const struct cgroup *g)
{
	for (int c = 0; c < N_CONTROLLERS; c++) {
		int fd, bad;

		if (!g->procs[c])
			continue;
		fd = open(g->procs[c], O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			return errno;
		bad = write(fd, "0", 1) < 0 ? errno : 0;
		close(fd);
		if (bad)
			return bad;
	}
	return 0;
}

/* The number behind `key ` in a file of lines "key value"; key NULL: the file's only number. */
static int64_t read_number(const char *dir, const char *name, const char *key)
{
	char *path CLEANUP(freep) = dir ? xasprintf("%s/%s", dir, name) : NULL;
	struct str text CLEANUP_STR = STR_INIT;
	struct view rest, line;

	if (!dir || file_read(path, 64 * KIB, &text, NULL) < 0)
		return 0;
	if (!key)
		return strtoll(str_text(&text), NULL, 10);
	rest = str_view(&text);
	while (rest.len) {
		line = view_cut(&rest, '\n');
		if (view_eq_str(view_cut(&line, ' '), key) && line.len)
			return strtoll(line.p, NULL, 10);
	}
	return 0;
}

int64_t cgroup_oom_kills(const struct cgroup *g)
{
	if (g->v2)
		return read_number(g->dirs[0], "memory.events", "oom_kill");
	return read_number(g->dirs[MEMORY], "memory.oom_control", "oom_kill");
}

size_t cgroup_peak_memory(const struct cgroup *g)
{
	if (g->v2)
		return (size_t)read_number(g->dirs[0], "memory.peak", NULL);
	return (size_t)read_number(g->dirs[MEMORY], "memory.max_usage_in_bytes", NULL);
}

/* Kills what is left in the group and removes it. The kernel takes a moment to let go of
 * processes that were just killed: at most 100 ms of waiting. */
static void remove_group(const char *dir)
{
	char *procs CLEANUP(freep) = xasprintf("%s/cgroup.procs", dir);
	const struct timespec moment = {0, 2000000};

	for (int i = 0; i < 50 && rmdir(dir) < 0 && errno == EBUSY; i++) {
		struct str text CLEANUP_STR = STR_INIT;
		struct view rest;

		file_read(procs, MIB, &text, NULL);
		rest = str_view(&text);
		while (rest.len) {
			pid_t pid = (pid_t)strtol(view_cut(&rest, '\n').p, NULL, 10);

			if (pid > 1)
				kill(pid, SIGKILL);
		}
		nanosleep(&moment, NULL);
	}
}

void cgroup_sweep(const char *id)
{
	bool v2 = is_v2();

	for (int c = 0; c < (v2 ? 1 : N_CONTROLLERS); c++) {
		char *dir CLEANUP(freep) = group_dir(v2, c, id);

		remove_group(dir);
	}
}
