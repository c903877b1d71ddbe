/* SPDX-License-Identifier: Apache-2.0 */
/* Privileged roots: user 0 of a user namespace of its own, with every right over the namespaces
 * that belong to it and none over the machine. Numbers inside are shifted outside; every file
 * system of the root is mounted so that this does not show, on the disk or inside.
 *
 * The network is a namespace as well: slirp4netns(1) lets it reach what the machine reaches,
 * pasta(1) the machine's loopback ports at the same addresses, and neither lets anybody in. They
 * are started in the root's process namespace, as the machine's user 0 and before the root has a
 * process that could see them, and fall with that namespace. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "compute/sandbox.h"

/* ---- the maker's side ---- */

/* Lives until the pipe's other end is closed, that the namespaces have a process to be named by. */
NORETURN static void holder_main(const int *pipe_fds)
{
	char end;

	close(pipe_fds[1]);
	while (read(pipe_fds[0], &end, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

static int write_map(pid_t pid, const char *name, struct err *err)
{
	char path[64], map[64];
	int fd CLEANUP_FD = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	snprintf(map, sizeof(map), "0 %u %u\n", SANDBOX_FIRST_ID, SANDBOX_IDS);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, map, strlen(map)) < 0)
		return err_errno(err, errno, "cannot write %s", path);
	return 0;
}

int sandbox_userns_hold(struct sandbox_userns *ret, struct err *err)
{
	struct clone_args args = {
		.flags = CLONE_NEWUSER | CLONE_NEWNET, .exit_signal = (uint64_t)SIGCHLD};
	int fds[2];
	long pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot make a user namespace");
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		holder_main(fds);
	close(fds[0]);
	if (pid < 0) {
		err_errno(err, errno, "cannot make a user namespace");
		close(fds[1]);
		return err_hint(err, "a privileged build needs them: see the sysctl "
				     "user.max_user_namespaces");
	}
	*ret = (struct sandbox_userns){.holder = (pid_t)pid, .end_fd = fds[1]};
	if (write_map(ret->holder, "uid_map", err) < 0 ||
		write_map(ret->holder, "gid_map", err) < 0) {
		sandbox_userns_release(ret);
		return -1;
	}
	return 0;
}

void sandbox_userns_release(struct sandbox_userns *u)
{
	fd_closep(&u->end_fd);
	if (u->holder > 0)
		while (waitpid(u->holder, NULL, 0) < 0 && errno == EINTR)
			;
	u->holder = 0;
}

/* ---- in process 1 ---- */

static int open_namespace(pid_t pid, const char *name, struct sandbox_report *report)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? sandbox_report_errno(report, "cannot open %s", path) : fd;
}

/* Debian's AppArmor profile of pasta lets it into no namespace that another process has made, so
 * that it, and nothing else here, is started without one; as the variant that it would start itself
 * anew as, for that would have the profile again. */
static const char *choose_pasta(void)
{
#ifdef __x86_64__
	static const char variant[] = "/usr/bin/pasta.avx2";

	if (access("/proc/self/attr/apparmor/exec", W_OK) == 0 && __builtin_cpu_supports("avx2") &&
		access(variant, X_OK) == 0)
		return variant;
#endif
	return "pasta";
}

/* The machine's loopback ports, inside at the same addresses; nothing from the machine to the root.
 */
static int start_loopback(const char *holder, struct sandbox_report *report)
{
	const char *const argv[] = {choose_pasta(), "--runas", "0:0", "--quiet", "--ns-ifname",
		"unused", "-t", "none", "-u", "none", "-T", "auto", "-U", "auto", holder, NULL};
	struct spawn spawn = SPAWN_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;

	spawn.argv = argv;
	spawn.unconfined = true;
	/* It goes to the background when it is ready. */
	if (spawn_check_as(&spawn, NULL, &err) == 0)
		return 0;
	errno = 0;
	return sandbox_report_errno(
		report, "no network (pasta of the package passt): %s", err_message(&err));
}

/* What the machine reaches; the size of packets is that of bridges inside. */
static int start_outside(const char *holder, struct sandbox_report *report)
{
	char ready[16];
	const char *const argv[] = {"slirp4netns", "--configure", "--mtu=1500",
		"--disable-host-loopback", "--enable-sandbox", "--enable-seccomp", "--ready-fd",
		ready, holder, "eth0", NULL};
	struct spawn spawn = SPAWN_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	int fds[2];
	char answer;
	pid_t pid;
	bool up;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return sandbox_report_errno(report, "cannot start the network");
	snprintf(ready, sizeof(ready), "%d", fds[1]);
	spawn.argv = argv;
	spawn.keep_fds = &fds[1];
	spawn.n_keep_fds = 1;
	up = spawn_start(&spawn, &pid, &err) == 0;
	close(fds[1]);
	up = up && fd_read_full(fds[0], &answer, 1, &err) == 1;
	close(fds[0]);
	if (up)
		return 0;
	errno = 0;
	return sandbox_report_errno(report,
		"no network (slirp4netns of the package slirp4netns): %s",
		err.kind != ERR_NONE ? err_message(&err) : "it ended before it was ready");
}

static int start_network(const struct sandbox_userns *u, struct sandbox_report *report)
{
	char holder[16];

	snprintf(holder, sizeof(holder), "%d", (int)u->holder);
	if (start_loopback(holder, report) < 0 || start_outside(holder, report) < 0)
		return -1;
	/* /sys shows the interfaces of the namespace that it is mounted in, too. */
	if (setns(u->net_fd, CLONE_NEWNET) < 0)
		return sandbox_report_errno(report, "cannot enter the network namespace");
	return 0;
}

int sandbox_userns_open(struct sandbox_userns *u, struct sandbox_report *report)
{
	u->user_fd = open_namespace(u->holder, "user", report);
	u->net_fd = u->user_fd < 0 ? -1 : open_namespace(u->holder, "net", report);
	return u->net_fd < 0 ? -1 : start_network(u, report);
}

int sandbox_userns_enter(struct sandbox_userns *u, struct sandbox_report *report)
{
	if (setns(u->user_fd, CLONE_NEWUSER) < 0)
		return sandbox_report_errno(report, "cannot enter the user namespace");
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return sandbox_report_errno(report, "cannot become user 0 of the root");
	/* What user 0 in here is to manage must belong to the user namespace. */
	if (unshare(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return sandbox_report_errno(report, "cannot make namespaces of the root");
	fd_closep(&u->user_fd);
	fd_closep(&u->net_fd);
	return 0;
}
