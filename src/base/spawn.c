/* SPDX-License-Identifier: Apache-2.0 */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/path.h"

/* In the child: only async-signal-safe calls until execvpe, and nothing of the parent's written to,
 * whose memory it may be. Reports errno through report_fd. */

NORETURN static void child_fail(int report_fd)
{
	int saved = errno;

	if (write(report_fd, &saved, sizeof(saved)) < 0)
		_exit(126);
	_exit(127);
}

static void child_stdio(int report_fd, int from, int to)
{
	int fd = from >= 0 ? from : open("/dev/null", O_RDWR);

	if (fd < 0)
		child_fail(report_fd);
	if (fd == to)
		fcntl(fd, F_SETFD, 0);
	else if (dup2(fd, to) < 0)
		child_fail(report_fd);
}

/* Moves a descriptor out of the way of 0, 1 and 2. */
static int child_lift(int report_fd, int fd)
{
	int high;

	if (fd < 0 || fd > 2)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (high < 0)
		child_fail(report_fd);
	return high;
}

/* For the program that is executed next and what that starts; without AppArmor there is no file. */
static void child_unconfine(void)
{
	static const char wish[] = "exec unconfined";
	int fd = open("/proc/self/attr/apparmor/exec", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, wish, sizeof(wish) - 1) < 0)
		errno = 0;
	close(fd);
}

/* A write beyond it fails and tells why: no signal and no core. */
static void child_limit_files(int report_fd, uint64_t max)
{
	const struct rlimit limit = {max, max};

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		child_fail(report_fd);
}

NORETURN static void child_main(const struct spawn *s, int report_fd, pid_t parent)
{
	int in, out, errout;
	sigset_t none;

	/* Before any may come: a handler of the parent's would run on its memory. */
	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	in = child_lift(report_fd, s->stdin_fd);
	out = child_lift(report_fd, s->stdout_fd);
	errout = child_lift(report_fd, s->stderr_fd);
	child_stdio(report_fd, in, 0);
	child_stdio(report_fd, out, 1);
	child_stdio(report_fd, errout, 2);
	/* Every descriptor from here on is closed by exec, those to keep excepted. */
	syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
	for (size_t i = 0; i < s->n_keep_fds; i++)
		fcntl(s->keep_fds[i], F_SETFD, 0);
	if (s->new_session && setsid() < 0)
		child_fail(report_fd);
	if (s->die_with_parent) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127);
	}
	if (s->cwd && chdir(s->cwd) < 0)
		child_fail(report_fd);
	if (s->file_max)
		child_limit_files(report_fd, s->file_max);
	if (s->set_ids && (setgroups(0, NULL) < 0 || setgid(s->gid) < 0 || setuid(s->uid) < 0))
		child_fail(report_fd);
	if (s->unconfined)
		child_unconfine();
	if (s->envp)
		execvpe(s->argv[0], (char *const *)s->argv, s->envp);
	else
		execvp(s->argv[0], (char *const *)s->argv);
	child_fail(report_fd);
}

/* A copy of a server's memory takes longer than all else of a start, so the child borrows it until
 * it has executed the program, and the calling thread waits as long. A change of user would be one
 * of the borrowed memory's rights, too: that child gets a copy. */
static pid_t start_child(const struct spawn *s, int report_fd, pid_t parent)
{
	/* NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork) */
	pid_t pid = s->set_ids ? fork() : vfork();

	if (pid == 0)
		child_main(s, report_fd, parent); /* NOLINT(clang-analyzer-unix.Vfork) */
	return pid;
}

int spawn_start(const struct spawn *s, pid_t *ret_pid, struct err *err)
{
	int report[2], child_errno = 0;
	pid_t parent = getpid(), pid;
	sigset_t all, before;
	ssize_t got;

	if (pipe2(report, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot start %s: pipe", s->argv[0]);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = start_child(s, report[1], parent);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(report[1]);
	if (pid < 0) {
		close(report[0]);
		return err_errno(err, errno, "cannot start %s: fork", s->argv[0]);
	}
	got = fd_read_full(report[0], &child_errno, sizeof(child_errno), NULL);
	close(report[0]);
	if (got == sizeof(child_errno)) {
		waitpid(pid, NULL, 0);
		return err_errno(err, child_errno, "cannot start %s", s->argv[0]);
	}
	*ret_pid = pid;
	return 0;
}

int spawn_wait(pid_t pid, struct spawn_result *ret, struct err *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_errno(err, errno, "cannot wait for process %d", (int)pid);
	ret->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	ret->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	return 0;
}

void spawn_result_release(struct spawn_result *r)
{
	str_release(&r->out);
	str_release(&r->errout);
}

/* Reads what is there; closes the descriptor at its end. */
static void gather(int *fd, struct str *into, size_t limit, bool *truncated)
{
	char buf[16384];
	ssize_t got = read(*fd, buf, sizeof(buf));
	size_t room;

	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got <= 0) {
		fd_closep(fd);
		return;
	}
	room = limit - MIN(limit, into->len);
	if ((size_t)got > room)
		*truncated = true;
	str_add_n(into, buf, MIN((size_t)got, room));
}

static void feed(int *fd, struct view *input)
{
	ssize_t done = input->len ? write(*fd, input->p, input->len) : 0;

	if (done < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (done > 0) {
		input->p += done;
		input->len -= (size_t)done;
	}
	if (done < 0 || input->len == 0)
		fd_closep(fd);
}

/* Pumps the three pipes until both outputs have ended or the time is up. */
static void pump(int in, int out, int errout, struct view input, size_t limit,
	int64_t deadline_usec, const struct interrupt *interrupt, struct spawn_result *ret)
{
	int fds[3] = {in, out, errout};

	fd_set_nonblock(in, true, NULL);
	while (fds[1] >= 0 || fds[2] >= 0) {
		struct pollfd p[] = {{fds[0], POLLOUT, 0}, {fds[1], POLLIN, 0}, {fds[2], POLLIN, 0},
			{interrupt_fd(interrupt), POLLIN, 0}};
		int wait_msec = -1;

		if (deadline_usec) {
			int64_t left = deadline_usec - monotonic_usec();

			if (left <= 0) {
				ret->timed_out = true;
				break;
			}
			wait_msec = (int)(left / 1000) + 1;
		}
		if (poll(p, ARRAY_SIZE(p), wait_msec) < 0)
			continue;
		if (p[3].revents)
			break;
		if (fds[0] >= 0 && p[0].revents)
			feed(&fds[0], &input);
		if (fds[1] >= 0 && p[1].revents)
			gather(&fds[1], &ret->out, limit, &ret->truncated);
		if (fds[2] >= 0 && p[2].revents)
			gather(&fds[2], &ret->errout, limit, &ret->truncated);
	}
	for (size_t i = 0; i < 3; i++)
		fd_closep(&fds[i]);
}

int spawn_run(const struct spawn *s, struct view input, size_t limit, int64_t timeout_usec,
	struct spawn_result *ret, struct err *err)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, errout[2] = {-1, -1};
	struct spawn local = *s;
	bool cut;
	pid_t pid;
	int r;

	*ret = (struct spawn_result){0};
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(errout, O_CLOEXEC) < 0) {
		r = err_errno(err, errno, "cannot start %s: pipe", s->argv[0]);
	} else {
		local.stdin_fd = in[0];
		local.stdout_fd = out[1];
		local.stderr_fd = errout[1];
		r = spawn_start(&local, &pid, err);
	}
	fd_closep(&in[0]);
	fd_closep(&out[1]);
	fd_closep(&errout[1]);
	if (r < 0) {
		fd_closep(&in[1]);
		fd_closep(&out[0]);
		fd_closep(&errout[0]);
		return -1;
	}
	pump(in[1], out[0], errout[0], input, limit,
		timeout_usec ? monotonic_usec() + timeout_usec : 0, s->interrupt, ret);
	cut = interrupt_raised(s->interrupt);
	if (ret->timed_out || cut)
		kill(s->new_session ? -pid : pid, SIGKILL);
	if (spawn_wait(pid, ret, err) < 0)
		return -1;
	return cut ? interrupt_check(s->interrupt, s->argv[0], err) : 0;
}

int spawn_check_as(const struct spawn *s, struct str *ret_out, struct err *err)
{
	struct spawn_result res CLEANUP_SPAWN_RESULT = {0};
	const char *program = s->argv[0];
	size_t skip;

	if (spawn_run(s, VIEW(""), LIMIT_COMMAND_OUTPUT, 0, &res, err) < 0)
		return -1;
	if (res.exit_code != 0) {
		struct view tail = view_trim(str_view(&res.errout));

		skip = tail.len - MIN(tail.len, (size_t)1024);
		if (res.signal)
			return err_set(
				err, ERR_IO, "%s was killed by signal %d", program, res.signal);
		return err_set(err, ERR_IO, "%s failed with exit status %d: " VIEW_FMT, program,
			res.exit_code, (int)(tail.len - skip), tail.p + skip);
	}
	if (ret_out)
		str_add_n(ret_out, res.out.p, res.out.len);
	return 0;
}

int spawn_check(const char *const *argv, struct str *ret_out, struct err *err)
{
	struct spawn s = SPAWN_INIT;

	s.argv = argv;
	return spawn_check_as(&s, ret_out, err);
}

bool spawn_can_find(const char *program)
{
	struct view path = view_of(getenv("PATH"));

	if (strchr(program, '/'))
		return access(program, X_OK) == 0;
	while (path.len) {
		struct view dir = view_cut(&path, ':');
		char *file CLEANUP(freep) = xasprintf(VIEW_FMT "/%s", VIEW_ARG(dir), program);

		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

char *spawn_own_program(const char *name, struct err *err)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0) {
		err_errno(err, errno, "cannot tell where this program is");
		return NULL;
	}
	self[n] = '\0';
	return name ? xasprintf("%.*s%s", (int)(path_base(self) - self), self, name)
		    : xstrdup(self);
}
