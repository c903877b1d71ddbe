/* SPDX-License-Identifier: Apache-2.0 */
/* Roots of the sandbox driver: what works inside, and what must not reach out. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/mem.h"
#include "compute/compute.h"
#include "unit/skip.h"

struct fixture {
	char base[64]; /* what stands for the server's data folder */
	char dir[96];  /* of the root */
	char id[64];
	struct compute_root *root;
};

static struct fixture *fixture_new(void)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	/* Not below /tmp, which every root hides anyway. */
	strcpy(f->base, "/var/lib/towpath-test.XXXXXX");
	assert_non_null(mkdtemp(f->base));
	snprintf(f->dir, sizeof(f->dir), "%s/root", f->base);
	assert_int_equal(mkdir(f->dir, 0700), 0);
	snprintf(f->id, sizeof(f->id), "test-%s", id_uuid().text);
	return f;
}

static int no_root(void **state)
{
	*state = fixture_new();
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	compute_root_destroyp(&f->root);
	file_remove_tree(f->base, NULL);
	free(f);
	return 0;
}

static void make_root(struct fixture *f, struct compute_spec spec)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	const char *hidden[] = {f->base};

	if (!spec.hidden) {
		spec.hidden = hidden;
		spec.n_hidden = 1;
	}
	spec.id = f->id;
	spec.dir = f->dir;
	spec.log_fd = -1;
	if (compute_sandbox.create(&compute_sandbox, &spec, &f->root, &err) < 0)
		fail_msg("%s", err_message(&err));
}

static int with_root(void **state)
{
	*state = fixture_new();
	make_root(*state, (struct compute_spec){0});
	return 0;
}

/* Runs a shell command inside; returns its exit status, appends what it wrote to out. */
static int run_as(struct fixture *f, const char *user, const char *command, struct str *out)
{
	const char *argv[] = {"sh", "-c", command, NULL};
	char *envp[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	struct compute_process p = COMPUTE_PROCESS_INIT;
	struct compute_exec *e CLEANUP_COMPUTE_EXEC = NULL;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct compute_exit ended;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	p.argv = argv;
	p.envp = envp;
	p.user = user;
	p.stdout_fd = p.stderr_fd = fds[1];
	if (compute_sandbox.exec(f->root, &p, &e, &err) < 0)
		fail_msg("%s", err_message(&err));
	close(fds[1]);
	fd_read_all(fds[0], MIB, out, NULL);
	close(fds[0]);
	assert_int_equal(compute_sandbox.wait(e, 120 * USEC_PER_SEC, &ended, &err), 1);
	return ended.signal ? 128 + ended.signal : ended.exit_code;
}

static void expect_output(struct fixture *f, const char *command, const char *want)
{
	struct str out CLEANUP_STR = STR_INIT;

	assert_int_equal(run_as(f, NULL, command, &out), 0);
	assert_string_equal(str_text(&out), want);
}

static void expect_refusal(struct fixture *f, const char *command)
{
	struct str out CLEANUP_STR = STR_INIT;

	if (run_as(f, NULL, command, &out) == 0)
		fail_msg("this must not work: %s\n%s", command, str_text(&out));
}

static void commands_share_the_root(void **state)
{
	struct fixture *f = *state;
	char leaked[128];

	expect_output(
		f, "echo hello > /opt/towpath-file; id -u; hostname | grep -c ^test-", "0\n1\n");
	expect_output(f,
		"cat /opt/towpath-file; sleep 60 >/dev/null 2>&1 & "
		"until grep -q sleep /proc/$!/comm; do :; done; echo",
		"hello\n\n");
	expect_output(f, "pgrep -c sleep", "1\n");
	assert_false(file_exists("/opt/towpath-file"));
	snprintf(leaked, sizeof(leaked), "%s/upper/opt/towpath-file", f->dir);
	assert_true(file_exists(leaked));
}

static void devices_and_homes_work(void **state)
{
	struct fixture *f = *state;

	expect_output(f,
		"echo x > /dev/null; head -c 4 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c;"
		"echo out > /dev/stdout; echo y > /tmp/y; stat -c %a /tmp /root; ls -A /home /run;"
		"script -qc 'tty' /dev/null | tr -d '\\r'; echo z > /dev/shm/z; ls /proc/self/fd "
		">/dev/null; test -r /etc/resolv.conf; ip -o link show lo | grep -c UP",
		"4\n3\nout\n1777\n700\n/home:\n\n/run:\n/dev/pts/0\n1\n");
}

static void users_are_taken_on(void **state)
{
	struct fixture *f = *state;
	struct str out CLEANUP_STR = STR_INIT;
	struct compute_process p = COMPUTE_PROCESS_INIT;
	struct compute_exec *e CLEANUP_COMPUTE_EXEC = NULL;
	struct err err CLEANUP_ERR = ERR_INIT;
	const char *argv[] = {"true", NULL};

	assert_int_equal(
		run_as(f, "nobody", "id -un; touch /etc/x 2>/dev/null || echo no", &out), 0);
	assert_string_equal(str_text(&out), "nobody\nno\n");
	p.argv = argv;
	p.user = "nosuchuser";
	assert_int_equal(compute_sandbox.exec(f->root, &p, &e, &err), -1);
	assert_non_null(strstr(err_message(&err), "no user nosuchuser"));
}

static void missing_programs_are_errors(void **state)
{
	struct fixture *f = *state;
	struct compute_process p = COMPUTE_PROCESS_INIT;
	struct compute_exec *e CLEANUP_COMPUTE_EXEC = NULL;
	struct err err CLEANUP_ERR = ERR_INIT;
	const char *argv[] = {"no-such-program", NULL};

	p.argv = argv;
	assert_int_equal(compute_sandbox.exec(f->root, &p, &e, &err), -1);
	assert_non_null(strstr(err_message(&err), "cannot execute no-such-program"));
	argv[0] = "true";
	p.cwd = "/no/such/folder";
	assert_int_equal(compute_sandbox.exec(f->root, &p, &e, &err), -1);
	assert_non_null(strstr(err_message(&err), "/no/such/folder"));
}

static void host_is_out_of_reach(void **state)
{
	struct fixture *f = *state;
	char command[512], secret[128];
	struct str out CLEANUP_STR = STR_INIT;
	int fd;

	snprintf(secret, sizeof(secret), "%s/towpath.db", f->base);
	fd = open(secret, O_WRONLY | O_CREAT, 0644);
	close(fd);
	snprintf(command, sizeof(command), "ls %s/towpath.db", f->base);
	expect_refusal(f, command);
	snprintf(command, sizeof(command), "ls -A %s", f->base);
	expect_output(f, command, "");
	snprintf(command, sizeof(command), "echo planted > %s/planted; true", f->base);
	run_as(f, NULL, command, &out);
	snprintf(secret, sizeof(secret), "%s/planted", f->base);
	assert_false(file_exists(secret));
	snprintf(command, sizeof(command), "ls /proc/1/root%s/towpath.db", f->base);
	expect_refusal(f, command);
	expect_refusal(f, "cat /proc/1/environ");
	expect_refusal(f, "cat /proc/1/mem");
	expect_refusal(f, "readlink /proc/1/fd/3");
	expect_refusal(f, "cat < /proc/1/fd/0");
	expect_refusal(f, "grep -v '^[^:]*:\\*:' /etc/shadow | grep .");
	expect_refusal(f, "ls -A /root /home | grep -v -e : -e '^$'");
}

static void kernel_is_out_of_reach(void **state)
{
	struct fixture *f = *state;

	expect_refusal(f, "mount -t tmpfs none /mnt");
	expect_refusal(f, "mount --bind / /mnt");
	expect_refusal(f, "umount /proc");
	expect_refusal(f, "mount -o remount,rw /proc");
	expect_refusal(f, "mknod /tmp/disk b 8 0");
	expect_refusal(f, "mknod /tmp/mem c 1 1");
	expect_refusal(f, "unshare -r true");
	expect_refusal(f, "unshare -m true");
	expect_refusal(f, "nsenter -t 1 -m true");
	expect_refusal(f, "echo '|/tmp/x' > /proc/sys/kernel/core_pattern");
	expect_refusal(f, "echo b > /proc/sysrq-trigger");
	expect_refusal(f, "echo 1 > /sys/kernel/uevent_helper");
	expect_refusal(f, "dmesg");
	expect_refusal(f, "hostname other");
	expect_refusal(f, "date -s 2001-01-01");
	expect_refusal(f, "kill -9 1; kill -0 1 && exit 1"); /* 1 cannot be killed: still there */
	expect_refusal(f, "ls /sys/fs/cgroup/memory");
	expect_refusal(f, "grep -E '^Cap(Bnd|Eff)' /proc/self/status | grep -q 1ffff");
}

/* open_by_handle_at() would find any file of the disk by its inode. */
static void handles_are_refused(void **state)
{
	struct fixture *f = *state;

	expect_output(f,
		"python3 -c '\n"
		"import ctypes, os\n"
		"libc = ctypes.CDLL(None, use_errno=True)\n"
		"for number in (304, 323, 425, 250, 321):\n"
		"    assert libc.syscall(number, 0, 0, 0, 0, 0) == -1\n"
		"    assert ctypes.get_errno() in (1, 38), (number, ctypes.get_errno())\n"
		"'",
		"");
}

static void host_processes_are_out_of_reach(void **state)
{
	struct fixture *f = *state;
	struct str out CLEANUP_STR = STR_INIT;
	char command[128];

	snprintf(command, sizeof(command), "kill -9 %d || test -e /proc/%d/stat; true",
		(int)getpid(), (int)getppid());
	run_as(f, NULL, command, &out);
	run_as(f, NULL, "kill -9 -1", &out);
	/* This process is alive, and so is process 1. */
	expect_output(f, "ls -d /proc/[0-9]* | head -1; echo alive", "/proc/1\nalive\n");
}

#define LANDLOCK_WITH_SCOPES 6

static long landlock_version(void)
{
	return syscall(444 /* landlock_create_ruleset */, NULL, 0, 1 /* its version */);
}

static void abstract_sockets_are_out_of_reach(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd CLEANUP_FD = socket(AF_UNIX, SOCK_STREAM, 0);
	char command[256];

	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "%s", f->id);
	assert_int_equal(
		bind(fd, (struct sockaddr *)&a,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(f->id))),
		0);
	assert_int_equal(listen(fd, 1), 0);
	snprintf(command, sizeof(command),
		"python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); "
		"s.connect(\"\\0%s\")'",
		f->id);
	if (landlock_version() < LANDLOCK_WITH_SCOPES)
		SKIP_CASE("kernels before Linux 6.12 cannot keep abstract sockets away");
	expect_refusal(f, command);
}

static void other_roots_are_out_of_reach(void **state)
{
	struct fixture *f = *state, *other = fixture_new();
	char command[256];
	void *other_state = other;
	const char *hidden[] = {f->base, other->base};

	make_root(f, (struct compute_spec){.hidden = hidden, .n_hidden = 2});
	make_root(other, (struct compute_spec){.network = COMPUTE_NET_NONE});
	expect_output(other, "echo mine > /root/mine", "");
	snprintf(command, sizeof(command), "ls %s/upper/root/mine", other->dir);
	expect_refusal(f, command);
	expect_refusal(f, "ls /root/mine");
	expect_output(other, "ls /sys/class/net", "lo\n");
	teardown(&other_state);
}

static void mounts_are_attached(void **state)
{
	struct fixture *f = *state;
	char source[128], file[160];
	struct compute_mount mounts[4];

	snprintf(source, sizeof(source), "%s/source", f->base);
	assert_int_equal(mkdir(source, 0755), 0);
	snprintf(file, sizeof(file), "%s/file", source);
	assert_int_equal(file_write_atomic(file, VIEW("content\n"), 0644, NULL), 0);
	mounts[0] = (struct compute_mount){.source = source, .target = "/codebuild/src"};
	mounts[1] = (struct compute_mount){
		.source = source, .target = "/codebuild/readonly", .read_only = true};
	mounts[2] = (struct compute_mount){
		.kind = COMPUTE_OVERLAY, .source = source, .target = "/codebuild/view"};
	mounts[3] = (struct compute_mount){
		.source = file, .target = "/etc/towpath-file", .read_only = true};
	make_root(f, (struct compute_spec){.mounts = mounts, .n_mounts = 4});
	expect_output(f, "cd /codebuild; cat src/file readonly/file view/file /etc/towpath-file",
		"content\ncontent\ncontent\ncontent\n");
	expect_refusal(f, "touch /codebuild/readonly/x");
	expect_refusal(f, "echo x > /etc/towpath-file");
	expect_output(f, "cd /codebuild; rm view/file; echo a > view/a; echo b > src/b", "");
	assert_true(file_exists(file));
	snprintf(file, sizeof(file), "%s/b", source);
	assert_true(file_exists(file));
	snprintf(file, sizeof(file), "%s/a", source);
	assert_false(file_exists(file));
}

static void privileged_roots_rule_what_is_their_own(void **state)
{
	struct fixture *f = *state;
	char source[128], made[160];
	struct compute_mount mounts[2];
	struct stat st;

	snprintf(source, sizeof(source), "%s/source", f->base);
	assert_int_equal(mkdir(source, 0755), 0);
	mounts[0] = (struct compute_mount){.source = source, .target = "/codebuild/src"};
	mounts[1] = (struct compute_mount){
		.kind = COMPUTE_OVERLAY, .source = source, .target = "/codebuild/view"};
	make_root(f, (struct compute_spec){.privileged = true,
			     .mounts = mounts,
			     .n_mounts = 2,
			     .limits = {.pids = 500, .memory = 512 * MIB}});
	/* User 0 also of files: what it makes in a mount is user 0's out here too. */
	expect_output(f,
		"id -u; stat -c %u /etc/passwd; cd /codebuild; echo a > src/a; stat -c %u src/a",
		"0\n0\n0\n");
	snprintf(made, sizeof(made), "%s/a", source);
	assert_int_equal(stat(made, &st), 0);
	assert_int_equal(st.st_uid, 0);
	expect_output(f, "cd /codebuild/view; echo b > b; chown 5:6 b; stat -c %u:%g b", "5:6\n");
	expect_output(f,
		"mkdir /tmp/o && mount -t tmpfs t /tmp/o && cd /tmp/o && mkdir l u w m && "
		"mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w m && touch m/x && ls u && "
		"umount m",
		"x\n");
	/* As containers of an engine do. */
	expect_output(f, "cd /proc/self; cat oom_score_adj; echo 0 > oom_score_adj", "300\n");
	expect_output(f, "ip link add br9 type bridge && ls /sys/class/net | grep br9", "br9\n");
	expect_output(f, "unshare -mnpf --mount-proc sh -c 'echo $$'", "1\n");
	expect_output(
		f, "cd /sys/fs/cgroup; [ ! -d pids ] || cd pids; mkdir inner && rmdir inner", "");
}

static void privileged_roots_reach_no_further(void **state)
{
	struct fixture *f = *state;
	char command[256];
	struct stat st;

	make_root(f, (struct compute_spec){.privileged = true});
	assert_int_equal(stat(f->base, &st), 0);
	snprintf(command, sizeof(command), "mknod /tmp/disk b %u %u && mount /tmp/disk /mnt",
		major(st.st_dev), minor(st.st_dev));
	expect_refusal(f, command);
	expect_refusal(f, "echo x > /proc/sys/kernel/core_pattern");
	expect_refusal(f, "mount -t proc p /mnt && echo x > /mnt/sys/kernel/core_pattern");
	expect_refusal(f, "mount -t sysfs s /mnt && echo 1 > /mnt/power/pm_async");
	expect_refusal(f, "cat /proc/kcore");
	expect_refusal(f, "echo h > /proc/sysrq-trigger");
	expect_refusal(f, "mount -t cgroup -o none,name=systemd c /mnt && mkdir /mnt/mine");
	expect_refusal(f, "cat /proc/$(pgrep -x pasta)/environ");
	expect_refusal(f, "nsenter -t $(pgrep -x pasta) -m ls /");
	snprintf(command, sizeof(command), "umount -l /; ls %s/upper", f->dir);
	expect_refusal(f, command);
	expect_refusal(f, "date -s 2020-01-01");
}

/* Mounts that stand at this path or below it. */
static size_t count_mounts(const char *path)
{
	struct str text CLEANUP_STR = STR_INIT;
	char *point CLEANUP(freep) = xasprintf(" %s", path);
	size_t n = 0;

	file_read("/proc/self/mountinfo", MIB, &text, NULL);
	for (const char *p = str_text(&text); (p = strstr(p, point)); p++)
		n += p[strlen(point)] == ' ' || p[strlen(point)] == '/';
	return n;
}

/* Where mounts are shared, as under systemd, none is lost with a root that has had them too. Those
 * of the machine come and go with other tests: it is our own that tell. */
static void mounts_of_the_machine_stay(void **state)
{
	struct fixture *f = *state;
	char *own CLEANUP(freep) = xasprintf("%s/own", f->base);
	char *below CLEANUP(freep) = xasprintf("%s/below", own);
	pid_t maker;
	int status;

	assert_int_equal(mkdir(own, 0700), 0);
	maker = fork();
	if (maker == 0) {
		struct compute_spec spec = {
			.id = f->id, .dir = f->dir, .log_fd = -1, .privileged = true};
		struct err err = ERR_INIT;

		if (unshare(CLONE_NEWNS) < 0 ||
			mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
			mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) < 0 ||
			mount("own", own, "tmpfs", 0, NULL) < 0 || mkdir(below, 0700) < 0 ||
			mount("below", below, "tmpfs", 0, NULL) < 0)
			_exit(2);
		if (count_mounts(f->base) != 2)
			_exit(3);
		if (compute_sandbox.create(&compute_sandbox, &spec, &f->root, &err) < 0)
			_exit(4);
		compute_root_destroyp(&f->root);
		if (count_mounts(f->base) != 2)
			_exit(5);
		_exit(count_mounts("/proc") ? 0 : 6);
	}
	assert_int_equal(waitpid(maker, &status, 0), maker);
	assert_int_equal(status, 0);
}

static bool has_memory_limits(void)
{
	return file_exists("/sys/fs/cgroup/memory") ||
	       file_exists("/sys/fs/cgroup/cgroup.controllers");
}

static void builds_go_before_services(void **state)
{
	struct fixture *f = *state;

	expect_output(f, "cat /proc/self/oom_score_adj", "300\n");
	expect_refusal(f, "echo 0 > /proc/self/oom_score_adj");
}

static void limits_hold(void **state)
{
	struct fixture *f = *state;
	struct compute_process p = COMPUTE_PROCESS_INIT;
	struct compute_exec *e CLEANUP_COMPUTE_EXEC = NULL;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct compute_exit ended;
	const char *argv[] = {"/usr/bin/python3", "-c", "b'x' * (256 << 20)", NULL};
	struct str out CLEANUP_STR = STR_INIT;

	if (!has_memory_limits())
		SKIP_CASE("no control groups are mounted here");
	make_root(f, (struct compute_spec){.limits = {.memory = 64 * MIB, .pids = 24}});
	p.argv = argv;
	assert_int_equal(compute_sandbox.exec(f->root, &p, &e, &err), 0);
	assert_int_equal(compute_sandbox.wait(e, -1, &ended, &err), 1);
	assert_int_equal(ended.signal, SIGKILL);
	assert_true(ended.out_of_memory);
	assert_true(compute_sandbox.peak_memory(f->root) >= 32 * MIB);
	assert_int_not_equal(
		run_as(f, NULL, "for i in $(seq 60); do sleep 300 >/dev/null 2>&1 & done; wait",
			&out),
		0);
}

/* A group is used again: neither limits nor the peak of the root before are the next one's. */
static void roots_begin_anew(void **state)
{
	struct fixture *f = *state;
	const char fill[] = "/usr/bin/python3 -c \"b'x' * (64 << 20)\"";
	struct str out CLEANUP_STR = STR_INIT;
	size_t peak;

	if (!has_memory_limits())
		SKIP_CASE("no control groups are mounted here");
	make_root(f, (struct compute_spec){
			     .privileged = true, .limits = {.memory = 128 * MIB, .pids = 24}});
	assert_int_equal(run_as(f, NULL, fill, &out), 0);
	assert_true(compute_sandbox.peak_memory(f->root) >= 64 * MIB);
	compute_root_destroyp(&f->root);
	assert_int_equal(compute_sweep(f->dir, NULL), 0);
	make_root(f, (struct compute_spec){0});
	assert_int_equal(
		run_as(f, NULL, "for i in $(seq 60); do sleep 0.1 & done 2>&1; wait", &out), 0);
	peak = compute_sandbox.peak_memory(f->root);
	assert_true(peak > 0 && peak < 64 * MIB);
	assert_int_equal(run_as(f, NULL, fill, &out), 0);
	assert_true(compute_sandbox.peak_memory(f->root) >= 64 * MIB);
}

/* What a root leaves in a folder that is kept in memory does not count as the next one's. */
static void files_in_memory_stay_the_last_roots(void **state)
{
	struct fixture *f = *state;
	char folder[] = "/dev/shm/towpath-test.XXXXXX";
	struct compute_mount mount = {.source = folder, .target = "/codebuild/src"};
	size_t peak;

	if (!has_memory_limits())
		SKIP_CASE("no control groups are mounted here");
	if (!mkdtemp(folder))
		SKIP_CASE("no folder is kept in memory here");
	make_root(f, (struct compute_spec){.mounts = &mount, .n_mounts = 1});
	expect_output(f, "head -c 80M /dev/zero > /codebuild/src/file", "");
	compute_root_destroyp(&f->root);
	assert_int_equal(compute_sweep(f->dir, NULL), 0);
	make_root(f, (struct compute_spec){0});
	expect_output(f, "echo alone", "alone\n");
	peak = compute_sandbox.peak_memory(f->root);
	assert_int_equal(file_remove_tree(folder, NULL), 0);
	assert_true(peak < 64 * MIB);
}

static void signals_and_time_limits(void **state)
{
	struct fixture *f = *state;
	struct compute_process p = COMPUTE_PROCESS_INIT;
	struct compute_exec *e CLEANUP_COMPUTE_EXEC = NULL;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct compute_exit ended;
	const char *argv[] = {"sleep", "100", NULL};

	p.argv = argv;
	assert_int_equal(compute_sandbox.exec(f->root, &p, &e, &err), 0);
	assert_int_equal(compute_sandbox.wait(e, 1000, &ended, &err), 0);
	assert_int_equal(compute_sandbox.signal(e, SIGTERM, &err), 0);
	assert_int_equal(compute_sandbox.wait(e, -1, &ended, &err), 1);
	assert_int_equal(ended.signal, SIGTERM);
	compute_exec_freep(&e);
	assert_int_equal(compute_sandbox.exec(f->root, &p, &e, &err), 0);
	assert_int_equal(compute_sandbox.kill_all(f->root, &err), 0);
	assert_int_equal(compute_sandbox.wait(e, -1, &ended, &err), -1);
}

static int builtin_sum(char **argv, const int *fds, size_t n_fds)
{
	char text[64];

	snprintf(text, sizeof(text), "%s %zu %d", argv[1], n_fds, (int)getpid() > 1);
	return write(fds[0], text, strlen(text)) > 0 ? 42 : 1;
}

static void functions_run_inside(void **state)
{
	struct fixture *f = *state;
	struct compute_process p = COMPUTE_PROCESS_INIT;
	struct compute_exec *e CLEANUP_COMPUTE_EXEC = NULL;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct compute_exit ended;
	const char *argv[] = {"sum", "arg", NULL};
	struct str out CLEANUP_STR = STR_INIT;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	p.argv = argv;
	p.builtin = builtin_sum;
	p.fds = &fds[1];
	p.n_fds = 1;
	assert_int_equal(compute_sandbox.exec(f->root, &p, &e, &err), 0);
	close(fds[1]);
	fd_read_all(fds[0], KIB, &out, NULL);
	close(fds[0]);
	assert_string_equal(str_text(&out), "arg 1 1");
	assert_int_equal(compute_sandbox.wait(e, -1, &ended, &err), 1);
	assert_int_equal(ended.exit_code, 42);
}

/* The maker is killed: nothing of the root goes on, and a sweep takes the rest away. */
static void a_killed_maker_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct err err CLEANUP_ERR = ERR_INIT;
	char upper[128], text[16] = {0};
	int fds[2], status;
	pid_t maker;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	maker = fork();
	if (maker == 0) {
		struct compute_process p = COMPUTE_PROCESS_INIT;
		struct compute_exec *e = NULL;
		const char *argv[] = {"sh", "-c", "setsid sleep 300 & echo up; wait", NULL};

		make_root(f, (struct compute_spec){.limits = {.pids = 100}});
		p.argv = argv;
		p.stdout_fd = fds[1];
		if (compute_sandbox.exec(f->root, &p, &e, NULL) < 0)
			_exit(1);
		close(fds[1]);
		pause();
		_exit(0);
	}
	close(fds[1]);
	assert_int_equal(read(fds[0], text, 3), 3);
	kill(maker, SIGKILL);
	waitpid(maker, &status, 0);
	/* The sleeper holds the pipe open: its end is the end of the whole tree. */
	assert_int_equal(read(fds[0], text, 3), 0);
	close(fds[0]);
	assert_int_equal(compute_sweep(f->dir, &err), 0);
	snprintf(upper, sizeof(upper), "%s/upper", f->dir);
	assert_false(file_exists(upper));
}

static void bad_ids_are_refused(void **state)
{
	struct compute_spec spec = {.id = "../x", .dir = "/tmp"};
	struct err err CLEANUP_ERR = ERR_INIT;
	struct compute_root *r = NULL;

	(void)state;
	assert_int_equal(compute_sandbox.create(&compute_sandbox, &spec, &r, &err), -1);
	assert_true(err_is(&err, ERR_INVALID));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(commands_share_the_root, with_root, teardown),
		cmocka_unit_test_setup_teardown(devices_and_homes_work, with_root, teardown),
		cmocka_unit_test_setup_teardown(users_are_taken_on, with_root, teardown),
		cmocka_unit_test_setup_teardown(missing_programs_are_errors, with_root, teardown),
		cmocka_unit_test_setup_teardown(host_is_out_of_reach, with_root, teardown),
		cmocka_unit_test_setup_teardown(kernel_is_out_of_reach, with_root, teardown),
		cmocka_unit_test_setup_teardown(handles_are_refused, with_root, teardown),
		cmocka_unit_test_setup_teardown(
			host_processes_are_out_of_reach, with_root, teardown),
		cmocka_unit_test_setup_teardown(
			abstract_sockets_are_out_of_reach, with_root, teardown),
		cmocka_unit_test_setup_teardown(other_roots_are_out_of_reach, no_root, teardown),
		cmocka_unit_test_setup_teardown(mounts_are_attached, no_root, teardown),
		cmocka_unit_test_setup_teardown(
			privileged_roots_rule_what_is_their_own, no_root, teardown),
		cmocka_unit_test_setup_teardown(
			privileged_roots_reach_no_further, no_root, teardown),
		cmocka_unit_test_setup_teardown(mounts_of_the_machine_stay, no_root, teardown),
		cmocka_unit_test_setup_teardown(builds_go_before_services, with_root, teardown),
		cmocka_unit_test_setup_teardown(limits_hold, no_root, teardown),
		cmocka_unit_test_setup_teardown(roots_begin_anew, no_root, teardown),
		cmocka_unit_test_setup_teardown(
			files_in_memory_stay_the_last_roots, no_root, teardown),
		cmocka_unit_test_setup_teardown(signals_and_time_limits, with_root, teardown),
		cmocka_unit_test_setup_teardown(functions_run_inside, with_root, teardown),
		cmocka_unit_test_setup_teardown(a_killed_maker_leaves_nothing, no_root, teardown),
		cmocka_unit_test(bad_ids_are_refused),
	};

	if (geteuid() != 0) {
		puts("1..0 # SKIP roots are made by user 0 only");
		return 0;
	}
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
