/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "compute/sandbox.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define CGROUP_PARENT "towpath"
#define MAX_SLOTS 65536
#define BURDEN_MAX (16 * (int64_t)MIB)

/* Those from DEVICES on are for delegated groups only: container engines want them. */
enum controller {
	MEMORY,
	CPU,
	PIDS,
	N_LIMITED,
	DEVICES = N_LIMITED,
	FREEZER,
	CPUACCT,
	CPUSET,
	BLKIO,
	N_CONTROLLERS
};

static const char *const controller_names[N_CONTROLLERS] = {
	"memory", "cpu", "pids", "devices", "freezer", "cpuacct", "cpuset", "blkio"};

/* What a group's new owner must be able to write to, of either version. */
static const char *const owned_files[] = {
	"", "tasks", "cgroup.procs", "cgroup.threads", "cgroup.subtree_control"};

struct cgroup {
	bool v2, delegated;
	int lock_fd;			  /* the first folder, locked: whose this group is */
	int peak_fd;			  /* v2: memory.peak since the group was taken; or -1 */
	char *dirs[N_CONTROLLERS];	  /* v2: only the first */
	char *procs[N_CONTROLLERS];	  /* v1: the file that moves a process in */
	char *hierarchies[N_CONTROLLERS]; /* v1, delegated: as the kernel names them */
};

bool cgroup_is_v2(void)
{
	struct statfs st;

	return statfs(CGROUP_ROOT, &st) == 0 && st.f_type == CGROUP2_SUPER_MAGIC;
}

/* The folder of a group in a hierarchy; v2 has one hierarchy for all controllers. */
static char *group_dir(bool v2, enum controller c, int slot)
{
	if (v2)
		return xasprintf(CGROUP_ROOT "/" CGROUP_PARENT "/%d", slot);
	return xasprintf(CGROUP_ROOT "/%s/" CGROUP_PARENT "/%d", controller_names[c], slot);
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
	const int64_t wanted[N_LIMITED] = {(int64_t)l->memory, l->cpu_milli, l->pids};

	for (int c = 0; c < N_LIMITED; c++)
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

/* A list of words in a file of a group; false when there is no such file. */
static bool read_words(const char *dir, const char *name, struct str *ret)
{
	char *path CLEANUP(freep) = xasprintf("%s/%s", dir, name);

	return file_read(path, 4 * KIB, ret, NULL) == 0;
}

static bool has_word(const struct str *text, const char *word)
{
	struct view rest = view_trim(str_view(text));

	while (rest.len)
		if (view_eq_str(view_cut(&rest, ' '), word))
			return true;
	return false;
}

void cgroup_pass_on(const char *dir)
{
	static const char *const names[] = {"memory", "cpu", "pids", "cpuset", "io"};
	struct str passed CLEANUP_STR = STR_INIT;

	if (!read_words(dir, "cgroup.subtree_control", &passed))
		return;
	/* One by one: a write in which one cannot be had does nothing. */
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char word[16];

		snprintf(word, sizeof(word), "+%s", names[i]);
		if (!has_word(&passed, names[i]))
			write_value(dir, "cgroup.subtree_control", word);
	}
}

/* A group that passes controllers on takes no processes. */
static void keep_back(const char *dir)
{
	struct str passed CLEANUP_STR = STR_INIT;
	struct view rest;

	if (!read_words(dir, "cgroup.subtree_control", &passed))
		return;
	rest = view_trim(str_view(&passed));
	while (rest.len) {
		struct view name = view_cut(&rest, ' ');
		char word[32];

		snprintf(word, sizeof(word), "-%.*s", (int)name.len, name.p);
		write_value(dir, "cgroup.subtree_control", word);
	}
}

static void enable_v2(void)
{
	mkdir(CGROUP_ROOT "/" CGROUP_PARENT, 0755);
	cgroup_pass_on(CGROUP_ROOT);
	cgroup_pass_on(CGROUP_ROOT "/" CGROUP_PARENT);
}

static void close_group(struct cgroup *g)
{
	fd_closep(&g->lock_fd);
	fd_closep(&g->peak_fd);
	for (int c = 0; c < N_CONTROLLERS; c++) {
		freep(&g->dirs[c]);
		freep(&g->procs[c]);
		freep(&g->hierarchies[c]);
	}
}

/* A new cpuset group takes no process before it has what its parent has. */
static void fill_cpuset(const char *slot_dir)
{
	static const char *const names[] = {"cpuset.cpus", "cpuset.mems"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *all CLEANUP(freep) = xasprintf(CGROUP_ROOT "/cpuset/%s", names[i]);
		struct str value CLEANUP_STR = STR_INIT;

		if (file_read(all, 64 * KIB, &value, NULL) < 0)
			continue;
		write_value(CGROUP_ROOT "/cpuset/" CGROUP_PARENT, names[i], str_text(&value));
		write_value(slot_dir, names[i], str_text(&value));
	}
}

static char *hierarchy_of(enum controller c)
{
	char *link CLEANUP(freep) = xasprintf(CGROUP_ROOT "/%s", controller_names[c]);
	char *real CLEANUP(freep) = realpath(link, NULL);

	return xstrdup(real ? path_base(real) : controller_names[c]);
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

/* No process in it, not even one that is on its way out; of version 2, nor in a group below. */
static bool is_idle(const struct cgroup *g, const char *dir)
{
	char *path CLEANUP(freep) = xasprintf("%s/cgroup.procs", dir);
	struct str text CLEANUP_STR = STR_INIT;

	if (g->v2)
		return read_number(dir, "cgroup.events", "populated") == 0;
	return file_read(path, MIB, &text, NULL) == 0 && text.len == 0;
}

/* Locks a folder, unless another root has it, or has put another one in its place. */
static bool take(struct cgroup *g, const char *dir)
{
	struct stat held, now;

	fd_closep(&g->lock_fd);
	g->lock_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return g->lock_fd >= 0 && flock(g->lock_fd, LOCK_EX | LOCK_NB) == 0 &&
	       fstat(g->lock_fd, &held) == 0 && stat(dir, &now) == 0 && held.st_ino == now.st_ino &&
	       is_idle(g, dir);
}

/* Opens the group of a slot: 1 it is ours, 0 it is another root's, -1 there are no groups here. */
static int try_slot(struct cgroup *g, int slot)
{
	const int n = g->v2 ? 1 : g->delegated ? N_CONTROLLERS : N_LIMITED;
	const char *first = NULL;

	for (int c = 0; c < n; c++) {
		g->dirs[c] = group_dir(g->v2, c, slot);
		if (!make_dir(g->dirs[c])) {
			freep(&g->dirs[c]);
			continue;
		}
		/* A thread that moves itself by `tasks` takes no lock of the whole machine;
		 * `cgroup.procs` would wait for every processor. */
		if (!g->v2)
			g->procs[c] = xasprintf("%s/tasks", g->dirs[c]);
		if (g->delegated)
			g->hierarchies[c] = hierarchy_of(c);
		if (c == CPUSET)
			fill_cpuset(g->dirs[c]);
		first = first ? first : g->dirs[c];
	}
	if (!first)
		return -1;
	return take(g, first);
}

static int remove_below(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	if (type == FTW_DP && at->level > 0)
		rmdir(path);
	return 0;
}

/* The groups that the last root of this slot made in it. */
static void remove_children(const char *dir)
{
	nftw(dir, remove_below, 16, FTW_DEPTH | FTW_PHYS);
}

/* What the last root of this slot left set. */
static void reset(const struct cgroup *g)
{
	static const struct {
		bool v2;
		enum controller c;
		const char *name, *value;
	} values[] = {
		{true, MEMORY, "memory.max", "max"},
		{true, MEMORY, "memory.swap.max", "max"},
		{true, MEMORY, "cpu.max", "max 100000"},
		{true, MEMORY, "pids.max", "max"},
		{false, MEMORY, "memory.memsw.limit_in_bytes", "-1"},
		{false, MEMORY, "memory.limit_in_bytes", "-1"},
		{false, MEMORY, "memory.max_usage_in_bytes", "0"},
		{false, CPU, "cpu.cfs_quota_us", "-1"},
		{false, PIDS, "pids.max", "max"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		if (values[i].v2 == g->v2 && g->dirs[values[i].c])
			write_value(g->dirs[values[i].c], values[i].name, values[i].value);
	if (!g->v2)
		return;
	/* A group below that passes controllers on keeps those of this one. */
	remove_children(g->dirs[0]);
	keep_back(g->dirs[0]);
}

/* Version 2 starts the peak of memory anew for who holds the file open, from Linux 6.12 on. */
static bool open_peak(struct cgroup *g)
{
	static const char name[] = "memory.peak", reset_it[] = "reset";
	char *path CLEANUP(freep) = xasprintf("%s/%s", g->dirs[0], name);

	if (read_number(g->dirs[0], name, NULL) == 0)
		return true;
	g->peak_fd = open(path, O_RDWR | O_CLOEXEC);
	if (g->peak_fd >= 0 && write(g->peak_fd, reset_it, strlen(reset_it)) > 0)
		return true;
	fd_closep(&g->peak_fd);
	return false;
}

/* What the last root's files still take of memory counts in its group for as long as it lasts,
 * whoever is in it by then: in the peak, and of files that are kept in memory in the limit, too. */
static bool is_burdened(const struct cgroup *g)
{
	const char *usage = g->v2 ? "memory.current" : "memory.usage_in_bytes";

	return read_number(g->dirs[MEMORY], usage, NULL) > BURDEN_MAX;
}

/* ---- delegation ---- */

/* A new group in the place of one that has what no root should begin with, such as the peak, which
 * an older kernel keeps for good. False: another root was faster. */
static bool renew(struct cgroup *g)
{
	const char *dir = g->dirs[0];

	remove_children(dir);
	return rmdir(dir) == 0 && mkdir(dir, 0755) == 0 && take(g, dir);
}

static int own(const char *dir, uid_t owner, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(owned_files); i++) {
		char *path CLEANUP(freep) = xasprintf("%s/%s", dir, owned_files[i]);

		if (chown(path, owner, owner) < 0 && errno != ENOENT)
			return err_errno(err, errno, "cannot hand over cgroup %s", dir);
	}
	return 0;
}

/* A slot is its next root's, whatever the last one was. */
static int hand_over(const struct cgroup *g, struct err *err)
{
	struct stat st;
	uid_t owner = g->delegated ? SANDBOX_FIRST_ID : 0;

	for (int c = 0; c < N_CONTROLLERS; c++) {
		if (!g->dirs[c] || stat(g->dirs[c], &st) < 0)
			continue;
		if (st.st_uid != 0)
			remove_children(g->dirs[c]);
		if (st.st_uid == owner)
			continue;
		if (own(g->dirs[c], owner, err) < 0)
			return -1;
	}
	return 0;
}

static int show_v2(void)
{
	static const char init[] = CGROUP_ROOT "/init";
	struct str pids CLEANUP_STR = STR_INIT;
	struct view rest, pid;

	if (mount("cgroup2", CGROUP_ROOT, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ||
		mkdir(init, 0755) < 0)
		return errno;
	/* Only a group without processes gives its controllers to those below it. */
	if (file_read(CGROUP_ROOT "/cgroup.procs", MIB, &pids, NULL) < 0)
		return EIO;
	rest = str_view(&pids);
	while (rest.len) {
		char number[24];
		int bad;

		pid = view_cut(&rest, '\n');
		snprintf(number, sizeof(number), "%.*s", (int)pid.len, pid.p);
		bad = write_value(init, "cgroup.procs", number);
		if (bad && bad != ESRCH)
			return bad;
	}
	cgroup_pass_on(CGROUP_ROOT);
	return 0;
}

/* A hierarchy of version 1 may have more controllers than one, and the name "cpu,cpuacct". */
static int show_v1(enum controller c, const char *hierarchy)
{
	char *dir CLEANUP(freep) = xasprintf(CGROUP_ROOT "/%s", hierarchy);
	char *link CLEANUP(freep) = xasprintf(CGROUP_ROOT "/%s", controller_names[c]);

	if (mkdir(dir, 0755) < 0 ? errno != EEXIST
				 : mount("cgroup", dir, "cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC,
					   hierarchy) < 0)
		return errno;
	if (!streq(hierarchy, controller_names[c]) && symlink(hierarchy, link) < 0)
		return errno;
	return 0;
}

int cgroup_show(const struct cgroup *g)
{
	int bad = 0;

	if (!g->dirs[0])
		return 0;
	if (g->v2)
		return show_v2();
	if (mount("tmpfs", CGROUP_ROOT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755") < 0)
		return errno;
	for (int c = 0; c < N_CONTROLLERS && bad == 0; c++)
		if (g->hierarchies[c])
			bad = show_v1(c, g->hierarchies[c]);
	return bad;
}

/* ---- life ---- */

int cgroup_new(
	const struct compute_limits *limits, bool delegated, struct cgroup **ret, struct err *err)
{
	struct cgroup *g = xcalloc(1, sizeof(*g));
	int got = 0;

	g->lock_fd = g->peak_fd = -1;
	g->v2 = cgroup_is_v2();
	g->delegated = delegated;
	if (g->v2)
		enable_v2();
	for (int slot = 0; slot < MAX_SLOTS && got == 0; slot++) {
		got = try_slot(g, slot);
		if (got > 0 && is_burdened(g))
			got = renew(g);
		if (got > 0 && g->v2 && !open_peak(g))
			got = renew(g);
		if (got == 0)
			close_group(g);
	}
	if (got > 0)
		reset(g);
	if ((got > 0 && hand_over(g, err) < 0) || set_limits(g, limits, err) < 0) {
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
	for (int c = 0; c < N_CONTROLLERS && g->delegated; c++)
		if (g->dirs[c])
			remove_children(g->dirs[c]);
	close_group(g);
	free(g);
}

int cgroup_open(const struct cgroup *g)
{
	return g->v2 && g->dirs[0] ? open(g->dirs[0], O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
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

int64_t cgroup_oom_kills(const struct cgroup *g)
{
	if (g->v2)
		return read_number(g->dirs[0], "memory.events", "oom_kill");
	return read_number(g->dirs[MEMORY], "memory.oom_control", "oom_kill");
}

size_t cgroup_peak_memory(const struct cgroup *g)
{
	char text[32] = {0};

	if (g->v2 && g->peak_fd >= 0 && pread(g->peak_fd, text, sizeof(text) - 1, 0) > 0)
		return strtoull(text, NULL, 10);
	if (g->v2)
		return (size_t)read_number(g->dirs[0], "memory.peak", NULL);
	return (size_t)read_number(g->dirs[MEMORY], "memory.max_usage_in_bytes", NULL);
}
