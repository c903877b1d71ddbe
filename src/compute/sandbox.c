/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox driver, maker's side: makes roots and talks to their process 1. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "compute/sandbox.h"

struct sandbox {
	struct compute_root root;
	pid_t init;
	int pidfd;
	int socket;
	struct cgroup *cgroup;
	char *id;
};

struct sandbox_exec {
	struct compute_exec exec;
	int64_t oom_kills; /* of the group, before this process */
};

static struct sandbox *sandbox_of(struct compute_root *r)
{
	return CONTAINER_OF(r, struct sandbox, root);
}

static int check_spec(const struct compute_spec *s, struct err *err)
{
	size_t n = strlen(s->id);

	for (const char *p = s->id; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
			n = 0;
	if (n == 0 || n > 64 || s->id[0] == '.')
		return err_set(
			err, ERR_INVALID, "sandbox id '%s' is not of [A-Za-z0-9._-]{1,64}", s->id);
	if (s->detached || s->init_argv)
		return err_set(err, ERR_UNSUPPORTED,
			"a sandbox ends with its maker and brings its own init");
	if (s->network == COMPUTE_NET_BRIDGE)
		return err_set(err, ERR_UNSUPPORTED, "a sandbox has no bridge network");
	return 0;
}

static int sandbox_probe(const struct compute_driver *d UNUSED, struct err *err)
{
	struct str fs CLEANUP_STR = STR_INIT;

	if (geteuid() != 0) {
		err_set(err, ERR_DENIED, "making an isolated root needs user 0, this is user %u",
			(unsigned)geteuid());
		return err_hint(err, "run as root, for example with sudo");
	}
	if (file_read("/proc/filesystems", 64 * KIB, &fs, err) < 0)
		return -1;
	if (!strstr(str_text(&fs), "\toverlay\n")) {
		err_set(err, ERR_UNSUPPORTED, "the kernel has no overlay file system");
		return err_hint(err, "load it with: modprobe overlay");
	}
	return sandbox_confine_prepare(false, err);
}

NORETURN static void init_fail(int socket, const struct sandbox_report *report)
{
	_exit(write(socket, report, sizeof(*report)) < 0 ? 2 : 1);
}

/* The first thing in the new namespaces. Only the socket stays open. */
NORETURN static void init_main(struct sandbox_plan *plan)
{
	struct sandbox_report report = {0};
	int socket = fcntl(plan->socket, F_DUPFD_CLOEXEC, 3), score, null;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (socket < 0)
		_exit(1);
	if (dup2(socket, 3) < 0 || syscall(SYS_close_range, 4U, ~0U, 0U) < 0)
		_exit(1);
	socket = 3;
	fcntl(socket, F_SETFD, FD_CLOEXEC);
	score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	setsid();
	errno = cgroup_enter(plan->cgroup);
	if (errno) {
		sandbox_report_errno(&report, "cannot enter the cgroup");
		init_fail(socket, &report);
	}
	if (sandbox_tree_part(&report) < 0)
		init_fail(socket, &report);
	if (plan->userns.holder && sandbox_userns_open(&plan->userns, &report) < 0)
		init_fail(socket, &report);
	if (sandbox_tree_build(plan, &report) < 0)
		init_fail(socket, &report);
	/* When memory is short builds go before services. What the machine's user 0 sets nobody
	 * else may lower; containers of a privileged root ask for 0, so there its own user 0 sets
	 * it. */
	if (score >= 0 && write(score, "300", 3) < 0)
		errno = 0;
	fd_closep(&score);
	if (sandbox_confine(plan, &report) < 0)
		init_fail(socket, &report);
	/* The maker's terminal or log is no affair of the root. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	fd_closep(&null);
	if (write(socket, &report, sizeof(report)) < 0)
		_exit(1);
	sandbox_init_serve(socket);
}

static int clone_init(struct sandbox_plan *plan, int *ret_pidfd, pid_t *ret_pid, struct err *err)
{
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
	};
	int group CLEANUP_FD = cgroup_open(plan->cgroup);
	sigset_t all, before;
	long pid;

	if (group >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)group;
	}
	if (plan->spec->network == COMPUTE_NET_NONE)
		args.flags |= CLONE_NEWNET;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		init_main(plan);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return err_errno(err, errno, "cannot make namespaces");
	*ret_pid = (pid_t)pid;
	return 0;
}

static int await_ready(const struct sandbox *s, const struct compute_spec *spec, struct err *err)
{
	struct sandbox_report report;
	ssize_t got;

	do
		got = read(s->socket, &report, sizeof(report));
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof(report))
		return err_set(err, ERR_IO, "sandbox %s ended while it was made", spec->id);
	if (report.errnum) {
		err_errno(err, report.errnum, "%s", report.what);
		return err_wrap(err, "cannot make sandbox %s", spec->id);
	}
	return 0;
}

static int make(struct sandbox *s, const struct compute_spec *spec, struct err *err)
{
	struct sandbox_plan plan = {.spec = spec, .userns = {.end_fd = -1}};
	int pair[2];
	int r;

	/* Templates may lie on a file system whose ids cannot be shifted. */
	if (cgroup_new(&spec->limits, spec->privileged, &s->cgroup, err) < 0 ||
		sandbox_layer_make(spec, spec->privileged ? NULL : &plan.template, err) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		free(plan.template);
		return err_errno(err, errno, "cannot make sandbox %s", spec->id);
	}
	s->socket = pair[0];
	plan.socket = pair[1];
	plan.cgroup = s->cgroup;
	r = spec->privileged ? sandbox_userns_hold(&plan.userns, err) : 0;
	if (r == 0)
		r = clone_init(&plan, &s->pidfd, &s->init, err);
	close(pair[1]);
	free(plan.template);
	if (r == 0)
		r = await_ready(s, spec, err);
	sandbox_userns_release(&plan.userns);
	return r;
}

static int sandbox_destroy(struct compute_root *r, struct err *err)
{
	struct sandbox *s;

	(void)err;
	if (!r)
		return 0;
	s = sandbox_of(r);
	if (s->init > 0) {
		kill(s->init, SIGKILL);
		/* Process 1 is gone only when all of its namespace is. */
		while (waitpid(s->init, NULL, 0) < 0 && errno == EINTR)
			;
	}
	fd_closep(&s->pidfd);
	fd_closep(&s->socket);
	cgroup_free(s->cgroup);
	free(s->id);
	free(s);
	return 0;
}

static int sandbox_create(const struct compute_driver *d, const struct compute_spec *spec,
	struct compute_root **ret, struct err *err)
{
	struct sandbox *s;

	if (check_spec(spec, err) < 0 || sandbox_probe(d, err) < 0 ||
		(spec->privileged && sandbox_confine_prepare(true, err) < 0))
		return -1;
	s = xcalloc(1, sizeof(*s));
	s->root.driver = &compute_sandbox;
	s->pidfd = s->socket = -1;
	s->id = xstrdup(spec->id);
	if (make(s, spec, err) < 0) {
		sandbox_destroy(&s->root, NULL);
		return -1;
	}
	*ret = &s->root;
	return 0;
}

/* ---- processes ---- */

static void add_string(struct str *text, const char *s)
{
	str_add_n(text, s ? s : "", s ? strlen(s) + 1 : 1);
}

static int text_file(const struct compute_process *p, struct sandbox_request *req, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	int fd CLEANUP_FD = memfd_create("request", MFD_CLOEXEC);

	for (const char *const *a = p->argv; a && *a; a++, req->n_argv++)
		add_string(&text, *a);
	for (char *const *e = p->envp; e && *e; e++, req->n_envp++)
		add_string(&text, *e);
	add_string(&text, p->cwd);
	add_string(&text, p->user);
	req->text_len = text.len;
	if (fd < 0)
		return err_errno(err, errno, "cannot pass a command into a sandbox");
	if (fd_write_all(fd, text.p, text.len, err) < 0)
		return -1;
	return TAKE_FD(fd);
}

static int send_request(const struct sandbox *s, const struct sandbox_request *req, const int *fds,
	size_t n_fds, struct err *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * SANDBOX_MAX_FDS)];
	} control = {0};
	struct iovec iov = {(void *)req, sizeof(*req)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (n_fds) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	if (sendmsg(s->socket, &msg, MSG_NOSIGNAL) != (ssize_t)sizeof(*req))
		return err_errno(err, errno, "sandbox %s is gone", s->id);
	return 0;
}

static int send_exec(const struct sandbox *s, const struct compute_process *p, int end_fd,
	int report_fd, struct err *err)
{
	struct sandbox_request req = {
		.kind = SANDBOX_EXEC, .builtin = p->builtin, .n_fds = (uint32_t)p->n_fds};
	const int stdio[3] = {p->stdin_fd, p->stdout_fd, p->stderr_fd};
	int text CLEANUP_FD = -1, fds[SANDBOX_MAX_FDS];
	size_t n = 0;

	if (p->n_fds > SANDBOX_MAX_FDS - 6)
		return err_set(err, ERR_INVALID, "too many descriptors for a sandbox's process");
	text = text_file(p, &req, err);
	if (text < 0)
		return -1;
	fds[n++] = text;
	fds[n++] = end_fd;
	fds[n++] = report_fd;
	for (int i = 0; i < 3; i++)
		if (stdio[i] >= 0) {
			req.has_stdio[i] = true;
			fds[n++] = stdio[i];
		}
	for (size_t i = 0; i < p->n_fds; i++)
		fds[n++] = p->fds[i];
	return send_request(s, &req, fds, n, err);
}

/* Reads the end of the report pipe: silence means that the program runs. */
static int await_start(int report_fd, int end_fd, pid_t *ret_pid, struct err *err)
{
	struct sandbox_report report;
	struct sandbox_event event;

	if (fd_read_full(report_fd, &report, sizeof(report), NULL) == (ssize_t)sizeof(report))
		return err_errno(err, report.errnum, "%s", report.what);
	if (fd_read_full(end_fd, &event, sizeof(event), NULL) != (ssize_t)sizeof(event))
		return err_set(err, ERR_IO, "the sandbox ended before a command could start");
	*ret_pid = event.pid;
	return 0;
}

static void sandbox_exec_free(struct compute_exec *e)
{
	if (!e)
		return;
	fd_closep(&e->end_fd);
	free(CONTAINER_OF(e, struct sandbox_exec, exec));
}

static int sandbox_exec(struct compute_root *r, const struct compute_process *p,
	struct compute_exec **ret, struct err *err)
{
	struct sandbox *s = sandbox_of(r);
	struct sandbox_exec *e = xcalloc(1, sizeof(*e));
	int end[2] = {-1, -1}, report[2] = {-1, -1}, bad;

	e->exec = (struct compute_exec){.root = r, .end_fd = -1};
	if (pipe2(end, O_CLOEXEC) < 0 || pipe2(report, O_CLOEXEC) < 0) {
		bad = err_errno(err, errno, "cannot start a command in sandbox %s", s->id);
	} else {
		e->oom_kills = cgroup_oom_kills(s->cgroup);
		bad = send_exec(s, p, end[1], report[1], err);
	}
	fd_closep(&end[1]);
	fd_closep(&report[1]);
	if (bad == 0)
		bad = await_start(report[0], end[0], &e->exec.pid, err);
	fd_closep(&report[0]);
	e->exec.end_fd = end[0];
	if (bad) {
		sandbox_exec_free(&e->exec);
		return -1;
	}
	*ret = &e->exec;
	return 0;
}

static int sandbox_wait(
	struct compute_exec *e, int64_t timeout_usec, struct compute_exit *ret, struct err *err)
{
	struct sandbox *s = sandbox_of(e->root);
	struct sandbox_exec *se = CONTAINER_OF(e, struct sandbox_exec, exec);
	int64_t deadline = monotonic_usec() + timeout_usec, left = timeout_usec;
	struct pollfd p = {e->end_fd, POLLIN, 0};
	struct sandbox_event event;
	int got;

	do {
		got = poll(&p, 1, timeout_usec < 0 ? -1 : (int)((left + 999) / 1000));
		left = deadline - monotonic_usec();
	} while (got < 0 && errno == EINTR && (timeout_usec < 0 || left > 0));
	if (got <= 0)
		return 0;
	if (fd_read_full(e->end_fd, &event, sizeof(event), NULL) != (ssize_t)sizeof(event))
		return err_set(err, ERR_IO, "sandbox %s ended while a command ran", s->id);
	*ret = (struct compute_exit){
		.exit_code = WIFEXITED(event.status) ? WEXITSTATUS(event.status) : -1,
		.signal = WIFSIGNALED(event.status) ? WTERMSIG(event.status) : 0,
		.out_of_memory = cgroup_oom_kills(s->cgroup) > se->oom_kills,
	};
	return 1;
}

static int sandbox_signal(struct compute_exec *e, int signal, struct err *err)
{
	struct sandbox_request req = {.kind = SANDBOX_SIGNAL, .pid = e->pid, .signal = signal};

	return send_request(sandbox_of(e->root), &req, NULL, 0, err);
}

static int sandbox_kill_all(struct compute_root *r, struct err *err)
{
	struct sandbox *s = sandbox_of(r);

	if (syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return err_errno(err, errno, "cannot kill sandbox %s", s->id);
	return 0;
}

static size_t sandbox_peak_memory(struct compute_root *r)
{
	return cgroup_peak_memory(sandbox_of(r)->cgroup);
}

const struct compute_driver compute_sandbox = {
	.name = "sandbox",
	.probe = sandbox_probe,
	.create = sandbox_create,
	.exec = sandbox_exec,
	.wait = sandbox_wait,
	.signal = sandbox_signal,
	.exec_free = sandbox_exec_free,
	.kill_all = sandbox_kill_all,
	.peak_memory = sandbox_peak_memory,
	.destroy = sandbox_destroy,
};

int compute_sweep(const char *dir, struct err *err)
{
	static const char *const parts[] = {"upper", "work", "root", "below", "shifted"};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		char *part CLEANUP(freep) = xasprintf("%s/%s", dir, parts[i]);

		if (file_remove_tree(part, err) < 0)
			return -1;
	}
	return 0;
}

void compute_exec_freep(struct compute_exec **e)
{
	if (*e)
		(*e)->root->driver->exec_free(*e);
	*e = NULL;
}

void compute_root_destroyp(struct compute_root **r)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	if (*r && (*r)->driver->destroy(*r, &err) < 0)
		log_err("compute", &err, "cannot take a root away");
	*r = NULL;
}
