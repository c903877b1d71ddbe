/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of a root, built by its process 1 in its own mount namespace.
 *
 * Sources of mounts are opened while the host's tree is still there and attached after
 * pivot_root, when every path, with all its symbolic links, means the root's own. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <linux/securebits.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "compute/sandbox.h"

int sandbox_report_errno(struct sandbox_report *r, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->what, sizeof(r->what), fmt, ap);
	va_end(ap);
	r->errnum = saved ? saved : EIO;
	return -1;
}

/* A mount of its own that shows a file or folder of the host; in privileged roots with its ids
 * shifted. Recursive where asked for. */
static int clone_mount(const struct sandbox_plan *plan, const char *path, bool all, uint64_t set,
	struct sandbox_report *report)
{
	const unsigned recursive = all ? AT_RECURSIVE : 0;
	struct mount_attr attr = {.attr_set = set};
	int fd CLEANUP_FD = (int)syscall(
		SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive);

	if (fd < 0)
		return sandbox_report_errno(report, "cannot mount %s", path);
	if (plan->spec->privileged) {
		attr.attr_set |= MOUNT_ATTR_IDMAP;
		attr.userns_fd = (uint64_t)plan->userns.user_fd;
	}
	if (attr.attr_set && syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | recursive, &attr,
				     sizeof(attr)) < 0)
		return sandbox_report_errno(report,
			plan->spec->privileged
				? "cannot mount %s with shifted ids (its file system "
				  "and the kernel must know idmapped mounts)"
				: "cannot protect mount %s",
			path);
	return TAKE_FD(fd);
}

/* Shows a folder of the host, ids shifted, on another one. */
static int shift_on(const struct sandbox_plan *plan, const char *path, const char *target,
	struct sandbox_report *report)
{
	int fd CLEANUP_FD = clone_mount(plan, path, false, 0, report);

	if (fd < 0)
		return -1;
	if (mkdir(target, 0755) < 0 && errno != EEXIST)
		return sandbox_report_errno(report, "cannot make %s", target);
	if (syscall(SYS_move_mount, fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return sandbox_report_errno(report, "cannot mount %s", target);
	return 0;
}

/* Makes files as this user, all capabilities kept: whoever mounts an overlay makes its files, and
 * the machine's user 0 cannot where ids are shifted. */
static int act_as(unsigned user, struct sandbox_report *report)
{
	if (prctl(PR_SET_SECUREBITS, user ? SECBIT_NO_SETUID_FIXUP : 0, 0, 0, 0) < 0)
		return sandbox_report_errno(report, "cannot act as user %u", user);
	setfsgid(user);
	setfsuid(user);
	return 0;
}

/* Written layer dir/upper with dir/work, over lower. */
static int mount_overlay(const struct sandbox_plan *plan, const char *lower, const char *dir,
	const char *target, struct sandbox_report *report)
{
	char options[256], with_volatile[272];
	int bad;

	/* The layers of one overlay must be on one mount. */
	if (plan->spec->privileged && shift_on(plan, dir, "shifted", report) < 0)
		return -1;
	if (plan->spec->privileged)
		dir = "shifted";
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", lower,
		dir, dir);
	snprintf(with_volatile, sizeof(with_volatile), "%s,volatile", options);
	if (plan->spec->privileged && act_as(SANDBOX_FIRST_ID, report) < 0)
		return -1;
	/* The layer is thrown away: nothing in it needs to be synced. */
	bad = mount("overlay", target, "overlay", MS_NODEV, with_volatile) < 0 ? errno : 0;
	if (bad == EINVAL)
		bad = mount("overlay", target, "overlay", MS_NODEV, options) < 0 ? errno : 0;
	if (plan->spec->privileged && act_as(0, report) < 0)
		return -1;
	errno = bad;
	return bad ? sandbox_report_errno(report, "cannot mount an overlay file system") : 0;
}

/* What a lower layer is called: overlay options cannot hold every character that a path may have;
 * a descriptor's name can. In privileged roots the folder is mounted anew, on "below". */
static int open_lower(const struct sandbox_plan *plan, const char *path, char name[64],
	struct sandbox_report *report)
{
	int fd;

	if (plan->spec->privileged && shift_on(plan, path, "below", report) < 0)
		return -1;
	fd = open(plan->spec->privileged ? "below" : path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return sandbox_report_errno(report, "cannot open folder %s", path);
	snprintf(name, 64, "/proc/self/fd/%d", fd);
	return fd;
}

static int mount_root(const struct sandbox_plan *plan, struct sandbox_report *report)
{
	const struct compute_spec *spec = plan->spec;
	char options[256], name[64];
	int lower CLEANUP_FD = -1;

	snprintf(options, sizeof(options), "%s%s/", plan->template ? plan->template : "",
		plan->template ? ":" : "");
	if (spec->lower || spec->privileged) {
		lower = open_lower(plan, spec->lower ? spec->lower : "/", name, report);
		if (lower < 0)
			return -1;
	}
	return mount_overlay(plan, lower < 0 ? options : name, ".", ".", report);
}

static int open_mount_tree(const struct sandbox_plan *plan, const char *path, bool read_only,
	struct sandbox_report *report)
{
	return clone_mount(plan, path, true,
		MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | (read_only ? MOUNT_ATTR_RDONLY : 0), report);
}

/* A writable view of a folder: its layer lies in ovl<i>/ of the root's own folder. */
static int open_view(const struct sandbox_plan *plan, size_t i, struct sandbox_report *report)
{
	const struct compute_mount *m = &plan->spec->mounts[i];
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID |
					      (m->read_only ? MOUNT_ATTR_RDONLY : 0)};
	char dir[32], layer[32], name[64];
	int lower CLEANUP_FD = -1, view CLEANUP_FD = -1;
	static const char *const parts[] = {"", "/upper", "/work", "/view"};

	for (size_t k = 0; k < ARRAY_SIZE(parts); k++) {
		snprintf(dir, sizeof(dir), "ovl%zu%s", i, parts[k]);
		if (mkdir(dir, 0755) < 0)
			return sandbox_report_errno(report, "cannot make layer %s", dir);
	}
	lower = open_lower(plan, m->source, name, report);
	snprintf(layer, sizeof(layer), "ovl%zu", i);
	if (lower < 0 || mount_overlay(plan, name, layer, dir, report) < 0)
		return -1;
	/* Its ids are those of its layers: shifted already. */
	view = (int)syscall(SYS_open_tree, AT_FDCWD, dir, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (view < 0 ||
		syscall(SYS_mount_setattr, view, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return sandbox_report_errno(report, "cannot mount a view of %s", m->source);
	return TAKE_FD(view);
}

/* Opens what the i-th mount shows; -1 in *ret for a tmpfs, which has no source. */
static int open_source(const struct sandbox_plan *plan, size_t i, int *ret, bool *ret_is_dir,
	struct sandbox_report *report)
{
	const struct compute_mount *m = &plan->spec->mounts[i];
	struct stat st;

	*ret = -1;
	*ret_is_dir = true;
	if (m->kind == COMPUTE_TMPFS)
		return 0;
	*ret = m->kind == COMPUTE_OVERLAY ? open_view(plan, i, report)
					  : open_mount_tree(plan, m->source, m->read_only, report);
	if (*ret < 0 || fstat(*ret, &st) < 0)
		return -1;
	*ret_is_dir = S_ISDIR(st.st_mode);
	return 0;
}

/* mkdir -p for the folder, or for the parent and an empty file. Runs inside the root. */
static int make_target(const char *path, bool is_dir, struct sandbox_report *report)
{
	char copy[PATH_MAX];
	size_t n = strlen(path);
	int fd;

	if (path[0] != '/' || n >= sizeof(copy)) {
		errno = EINVAL;
		return sandbox_report_errno(
			report, "mount target %s is not an absolute path", path);
	}
	memcpy(copy, path, n + 1);
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		mkdir(copy, 0755);
		*p = '/';
	}
	if (is_dir) {
		mkdir(copy, 0755);
		return 0;
	}
	/* Not for writing: that would copy up a file that is there. */
	fd = open(copy, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
	if (fd < 0)
		return sandbox_report_errno(report, "cannot make mount point %s", path);
	close(fd);
	return 0;
}

static int attach(
	const struct compute_mount *m, int source, bool is_dir, struct sandbox_report *report)
{
	char options[64];

	if (make_target(m->target, is_dir, report) < 0)
		return -1;
	if (m->kind == COMPUTE_TMPFS) {
		snprintf(options, sizeof(options), "mode=0755%s%.0zu", m->size ? ",size=" : "",
			m->size);
		if (mount("tmpfs", m->target, "tmpfs", MS_NODEV | MS_NOSUID, options) < 0)
			return sandbox_report_errno(report, "cannot mount tmpfs %s", m->target);
		return 0;
	}
	if (syscall(SYS_move_mount, source, "", AT_FDCWD, m->target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return sandbox_report_errno(report, "cannot mount %s on %s", m->source, m->target);
	return 0;
}

static const struct {
	const char *name;
	unsigned minor;
} device_nodes[] = {{"null", 3}, {"zero", 5}, {"full", 7}, {"random", 8}, {"urandom", 9}};

static const struct {
	const char *name, *target;
} device_links[] = {
	{"fd", "/proc/self/fd"},
	{"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"},
	{"ptmx", "pts/ptmx"},
};

static int make_device(
	const char *path, unsigned major, unsigned minor, struct sandbox_report *report)
{
	if (mknod(path, S_IFCHR | 0666, makedev(major, minor)) < 0 || chmod(path, 0666) < 0)
		return sandbox_report_errno(report, "cannot make %s", path);
	return 0;
}

/* Paths are relative: the working directory is the new root, not yet pivoted to. */
static int make_dev(bool privileged, struct sandbox_report *report)
{
	const unsigned owner = privileged ? SANDBOX_FIRST_ID : 0;
	char path[32], options[96];

	snprintf(options, sizeof(options), "mode=0755,size=512m,nr_inodes=64k,uid=%u,gid=%u", owner,
		owner);
	if (mount("tmpfs", "dev", "tmpfs", MS_NOSUID, options) < 0)
		return sandbox_report_errno(report, "cannot mount /dev");
	for (size_t i = 0; i < ARRAY_SIZE(device_nodes); i++) {
		snprintf(path, sizeof(path), "dev/%s", device_nodes[i].name);
		if (make_device(path, 1, device_nodes[i].minor, report) < 0)
			return -1;
	}
	if (make_device("dev/tty", 5, 0, report) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(device_links); i++) {
		snprintf(path, sizeof(path), "dev/%s", device_links[i].name);
		if (symlink(device_links[i].target, path) < 0)
			return sandbox_report_errno(report, "cannot make %s", path);
	}
	if (mkdir("dev/shm", 01777) < 0 || chmod("dev/shm", 01777) < 0 ||
		mkdir("dev/pts", 0755) < 0 ||
		mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
			"newinstance,ptmxmode=0666,mode=0620") < 0)
		return sandbox_report_errno(report, "cannot mount /dev/pts");
	return 0;
}

static int make_kernel_files(bool privileged, struct sandbox_report *report)
{
	const unsigned long common = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	const unsigned long flags = common | (privileged ? 0 : MS_RDONLY);

	/* Images may lack these; over the host they are there already. */
	mkdir("proc", 0555);
	mkdir("sys", 0555);
	mkdir("dev", 0755);
	/* Read-only: /proc/sys and /proc/sysrq-trigger are the whole machine's, and user 0 in
	 * here is user 0 out there. In privileged roots it is not, so these files guard
	 * themselves; and the kernel lets a root's own containers have only what it has. */
	if (mount("proc", "proc", "proc", flags, NULL) < 0)
		return sandbox_report_errno(report, "cannot mount /proc");
	if (mount("sysfs", "sys", "sysfs", flags, NULL) < 0)
		return sandbox_report_errno(report, "cannot mount /sys");
	return make_dev(privileged, report);
}

/* What even a reader should not have, of the files of /proc that are not about processes. */
static int mask_kernel_files(struct sandbox_report *report)
{
	static const char *const masked[] = {
		"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/kallsyms"};

	for (size_t i = 0; i < ARRAY_SIZE(masked); i++)
		if (mount("/dev/null", masked[i], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
			return sandbox_report_errno(report, "cannot mask %s", masked[i]);
	return 0;
}

static int enter_root(struct sandbox_report *report)
{
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return sandbox_report_errno(report, "cannot change the root");
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return sandbox_report_errno(report, "cannot leave the host's tree");
	return 0;
}

static int raise_loopback(struct sandbox_report *report)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd CLEANUP_FD = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return sandbox_report_errno(report, "cannot start the loopback interface");
	return 0;
}

/* From here on process 1 is user 0 of a privileged root. */
static int become_own(struct sandbox_plan *plan, struct sandbox_report *report)
{
	if (sandbox_userns_enter(&plan->userns, report) < 0)
		return -1;
	errno = cgroup_show(plan->cgroup);
	return errno ? sandbox_report_errno(report, "cannot mount the cgroups") : 0;
}

int sandbox_tree_part(struct sandbox_report *report)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return sandbox_report_errno(report, "cannot make the mounts private");
	return 0;
}

int sandbox_tree_build(struct sandbox_plan *plan, struct sandbox_report *report)
{
	const struct compute_spec *spec = plan->spec;
	const char *hostname = spec->hostname ? spec->hostname : spec->id;
	int *sources CLEANUP(freep) = xcalloc(spec->n_mounts + 1, sizeof(int));
	bool *is_dir CLEANUP(freep) = xcalloc(spec->n_mounts + 1, sizeof(bool));

	if (chdir(spec->dir) < 0)
		return sandbox_report_errno(report, "cannot enter %s", spec->dir);
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (open_source(plan, i, &sources[i], &is_dir[i], report) < 0)
			return -1;
	/* The root is mounted over its own folder, whose layers it has by then. */
	if (mount_root(plan, report) < 0)
		return -1;
	if (chdir(spec->dir) < 0)
		return sandbox_report_errno(report, "cannot enter the root");
	if (make_kernel_files(spec->privileged, report) < 0 || enter_root(report) < 0)
		return -1;
	if (spec->privileged ? become_own(plan, report) < 0 : mask_kernel_files(report) < 0)
		return -1;
	for (size_t i = 0; i < spec->n_mounts; i++) {
		if (attach(&spec->mounts[i], sources[i], is_dir[i], report) < 0)
			return -1;
		fd_closep(&sources[i]);
	}
	if (sethostname(hostname, strlen(hostname)) < 0)
		return sandbox_report_errno(report, "cannot set host name %s", hostname);
	return spec->network == COMPUTE_NET_NONE && !spec->privileged ? raise_loopback(report) : 0;
}
