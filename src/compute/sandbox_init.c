/* SPDX-License-Identifier: Apache-2.0 */
/* Process 1 of a root: starts processes as asked for over its socket, reaps all that end, tells
 * of those it started. Ends, and with it everything in the root, when the socket closes. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/vec.h"
#include "compute/sandbox.h"

enum { FD_TEXT, FD_END, FD_REPORT, FD_FIRST_STDIO };

struct child {
	pid_t pid;
	int end_fd;
};

static VEC(struct child) children;

/* What a request says, taken apart. Strings point into the mapped text. */
struct order {
	struct sandbox_request req;
	int fds[SANDBOX_MAX_FDS];
	size_t n_fds;
	const char **argv, **envp;
	const char *cwd, *user;
};

struct identity {
	uid_t uid;
	gid_t gid;
	gid_t groups[64];
	int n_groups;
	char name[64], home[256];
};

NORETURN static void child_fail(int report_fd, const char *fmt, ...) PRINTF_LIKE(2, 3);
NORETURN static void child_fail(int report_fd, const char *fmt, ...)
{
	struct sandbox_report r = {.errnum = errno};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r.what, sizeof(r.what), fmt, ap);
	va_end(ap);
	if (write(report_fd, &r, sizeof(r)) < 0)
		_exit(126);
	_exit(127);
}

static void join_group(struct identity *id, gid_t gid)
{
	if (id->n_groups < (int)ARRAY_SIZE(id->groups))
		id->groups[id->n_groups++] = gid;
}

static void find_groups(struct identity *id)
{
	FILE *f = fopen("/etc/group", "re");
	struct group *g;

	join_group(id, id->gid);
	while (f && (g = fgetgrent(f)))
		for (char **m = g->gr_mem; *m; m++)
			if (streq(*m, id->name) && g->gr_gid != id->gid)
				join_group(id, g->gr_gid);
	if (f)
		fclose(f);
}

/* Reads the root's own passwd: no name service of the host or the build is loaded in here. */
static bool find_user(const char *user, struct identity *id)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *p;
	char number[24];
	bool found = false;

	while (f && !found && (p = fgetpwent(f))) {
		snprintf(number, sizeof(number), "%u", p->pw_uid);
		if (!streq(p->pw_name, user) && !streq(number, user))
			continue;
		found = true;
		id->uid = p->pw_uid;
		id->gid = p->pw_gid;
		snprintf(id->name, sizeof(id->name), "%s", p->pw_name);
		snprintf(id->home, sizeof(id->home), "%s", p->pw_dir);
		find_groups(id);
	}
	if (f)
		fclose(f);
	return found;
}

static void become(const char *user, int report_fd)
{
	struct identity id = {0};

	if (!user[0])
		return;
	if (!find_user(user, &id)) {
		errno = ENOENT;
		child_fail(report_fd, "no user %s in the image", user);
	}
	/* Homes are hidden with all that was in them: the user gets an empty one. */
	if (id.uid != 0 && mkdir(id.home, 0755) == 0 && chown(id.home, id.uid, id.gid) < 0)
		child_fail(report_fd, "cannot make home %s", id.home);
	if (setgroups((size_t)id.n_groups, id.groups) < 0 || setgid(id.gid) < 0 ||
		setuid(id.uid) < 0)
		child_fail(report_fd, "cannot become user %s", user);
}

/* Moves a descriptor above those that are to be replaced. */
static int lift(int fd, int report_fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 64);

	if (high < 0)
		child_fail(report_fd, "cannot pass descriptors");
	return high;
}

static void set_stdio(const struct order *o, int report_fd)
{
	size_t next = FD_FIRST_STDIO;
	int from[3];

	for (int i = 0; i < 3; i++) {
		int fd = o->req.has_stdio[i] ? o->fds[next++] : open("/dev/null", O_RDWR);

		if (fd < 0)
			child_fail(report_fd, "cannot open /dev/null");
		from[i] = lift(fd, report_fd);
	}
	for (int i = 0; i < 3; i++)
		if (dup2(from[i], i) < 0)
			child_fail(report_fd, "cannot pass descriptors");
}

static const char *find_env(const char **envp, const char *name)
{
	size_t n = strlen(name);

	for (; *envp; envp++)
		if (strncmp(*envp, name, n) == 0 && (*envp)[n] == '=')
			return *envp + n + 1;
	return NULL;
}

NORETURN static void child_exec(const struct order *o, int report_fd)
{
	const char *path = find_env(o->envp, "PATH");

	/* execvpe() looks PATH up in this process's environment. */
	clearenv();
	setenv("PATH", path ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		1);
	execvpe(o->argv[0], (char *const *)o->argv, (char *const *)o->envp);
	child_fail(report_fd, "cannot execute %s", o->argv[0]);
}

NORETURN static void child_builtin(const struct order *o, int report_fd)
{
	size_t first = o->n_fds - o->req.n_fds;

	close(report_fd);
	clearenv();
	for (const char **e = o->envp; *e; e++)
		putenv((char *)*e);
	_exit(o->req.builtin((char **)o->argv, o->fds + first, o->req.n_fds));
}

NORETURN static void child_main(struct order *o)
{
	int report_fd = lift(o->fds[FD_REPORT], o->fds[FD_REPORT]);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			signal(sig, SIG_DFL);
	setsid();
	for (size_t i = o->n_fds - o->req.n_fds; i < o->n_fds; i++)
		o->fds[i] = lift(o->fds[i], report_fd);
	set_stdio(o, report_fd);
	/* The maker's socket among others: nothing but the three, the passed ones, the report. */
	if (o->req.builtin)
		syscall(SYS_close_range, 3U, 63U, 0U);
	else
		syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
	if (chdir(o->cwd[0] ? o->cwd : "/") < 0)
		child_fail(report_fd, "cannot enter folder %s", o->cwd);
	become(o->user, report_fd);
	umask(022);
	if (o->req.builtin)
		child_builtin(o, report_fd);
	child_exec(o, report_fd);
}

static const char *next_string(const char **at, const char *end)
{
	const char *s = *at, *nul = memchr(s, '\0', (size_t)(end - s));

	if (!nul)
		BUG("a request's text is cut off");
	*at = nul + 1;
	return s;
}

static void take_apart(struct order *o, const char *text)
{
	const char *at = text, *end = text + o->req.text_len;

	o->argv = xcalloc(o->req.n_argv + 1, sizeof(char *));
	o->envp = xcalloc(o->req.n_envp + 1, sizeof(char *));
	for (uint32_t i = 0; i < o->req.n_argv; i++)
		o->argv[i] = next_string(&at, end);
	for (uint32_t i = 0; i < o->req.n_envp; i++)
		o->envp[i] = next_string(&at, end);
	o->cwd = next_string(&at, end);
	o->user = next_string(&at, end);
}

/* Owns the order's descriptors. */
static void execute(struct order *o)
{
	void *text = mmap(
		NULL, o->req.text_len, PROT_READ | PROT_WRITE, MAP_PRIVATE, o->fds[FD_TEXT], 0);
	struct sandbox_event event = {0};
	pid_t pid;

	if (text == MAP_FAILED)
		BUG("cannot map a request");
	take_apart(o, text);
	pid = fork();
	if (pid == 0)
		child_main(o);
	if (pid < 0) {
		struct sandbox_report r = {.errnum = errno, .what = "cannot start a process"};

		if (write(o->fds[FD_REPORT], &r, sizeof(r)) < 0) {
			/* Whoever asked is gone. */
		}
	} else {
		event.pid = pid;
		if (write(o->fds[FD_END], &event, sizeof(event)) == (ssize_t)sizeof(event)) {
			vec_push(&children, (struct child){pid, TAKE_FD(o->fds[FD_END])});
		}
	}
	free(o->argv);
	free(o->envp);
	munmap(text, o->req.text_len);
	for (size_t i = 0; i < o->n_fds; i++)
		fd_closep(&o->fds[i]);
}

static void send_signal(const struct sandbox_request *req)
{
	vec_foreach (c, &children) {
		if (c->pid != req->pid)
			continue;
		kill(-c->pid, req->signal);
		kill(c->pid, req->signal);
	}
}

static void serve_request(int socket)
{
	struct order o = {0};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * SANDBOX_MAX_FDS)];
	} control;
	struct iovec iov = {&o.req, sizeof(o.req)};
	struct msghdr msg = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *c;
	ssize_t got = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got != (ssize_t)sizeof(o.req))
		_exit(0); /* the maker let go */
	c = CMSG_FIRSTHDR(&msg);
	if (c) {
		o.n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(o.fds, CMSG_DATA(c), o.n_fds * sizeof(int));
	}
	if (o.req.kind == SANDBOX_EXEC)
		execute(&o);
	else
		send_signal(&o.req);
}

static void reap(void)
{
	struct sandbox_event event = {.ended = true};
	pid_t pid;

	while ((pid = waitpid(-1, &event.status, WNOHANG)) > 0) {
		for (size_t i = 0; i < children.n; i++) {
			if (children.v[i].pid != pid)
				continue;
			event.pid = pid;
			/* A maker that no longer listens has lost interest: fine. */
			if (write(children.v[i].end_fd, &event, sizeof(event)) < 0)
				errno = 0;
			close(children.v[i].end_fd);
			children.v[i] = children.v[--children.n];
			break;
		}
	}
}

void sandbox_init_serve(int socket)
{
	struct pollfd p[2] = {{socket, POLLIN, 0}, {-1, POLLIN, 0}};
	struct signalfd_siginfo info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_SETMASK, &set, NULL);
	p[1].fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (p[1].fd < 0)
		_exit(1);
	while (true) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			_exit(1);
		if (p[1].revents) {
			while (read(p[1].fd, &info, sizeof(info)) > 0)
				;
			reap();
		}
		if (p[0].revents)
			serve_request(socket);
	}
}
