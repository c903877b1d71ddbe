/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/spawn.h"
#include "base/vec.h"

#define ERROUT_SHOWN 2000
#define END_WAIT_MSEC 10000

/* Only what git needs: no configuration, no credentials, no agents of the server's user. */
static void make_env(struct strv *env, const char *path, const struct vcs_child_how *how)
{
	static const char *const handed_on[] = {
		"PATH", "TMPDIR", "LD_LIBRARY_PATH", "ASAN_OPTIONS"};

	for (size_t i = 0; i < ARRAY_SIZE(handed_on); i++)
		if (getenv(handed_on[i]))
			strv_setenv(env, handed_on[i], getenv(handed_on[i]));
	strv_setenv(env, "HOME", "/nonexistent");
	strv_setenv(env, "LC_ALL", "C");
	strv_setenv(env, "GIT_CONFIG_NOSYSTEM", "1");
	strv_setenv(env, "GIT_CONFIG_GLOBAL", "/dev/null");
	strv_setenv(env, "GIT_TERMINAL_PROMPT", "0");
	/* Repositories may belong to another user when the data folder was restored. */
	vcs_env_setting(env, "safe.directory", "*");
	if (how->remote)
		vcs_env_remote(env, how->remote);
	if (how->protocol)
		strv_setenv(env, "GIT_PROTOCOL", how->protocol);
	if (how->objects) {
		CLEANUP(freep) char *own = path_join(path, "objects");

		strv_setenv(env, "GIT_OBJECT_DIRECTORY", how->objects);
		strv_setenv(env, "GIT_ALTERNATE_OBJECT_DIRECTORIES", own);
	}
}

static void make_argv(struct strv *argv, const char *path, const char *const *args)
{
	strv_add(argv, "git");
	if (path)
		strv_addf(argv, "--git-dir=%s", path);
	for (; *args; args++)
		strv_add(argv, *args);
}

static int start(const char *path, const char *const *args, const struct vcs_child_how *how, int in,
	int out, struct vcs_child *c, struct err *err)
{
	CLEANUP_STRV struct strv argv = {0}, env = {0};
	struct spawn s = SPAWN_INIT;

	make_argv(&argv, path, args);
	make_env(&env, path, how);
	c->errout = memfd_create("git-stderr", MFD_CLOEXEC);
	if (c->errout < 0)
		return err_errno(err, errno, "cannot start git");
	s.argv = (const char *const *)argv.v;
	s.envp = env.v;
	s.cwd = "/";
	s.stdin_fd = in;
	s.stdout_fd = how->out_is_stderr ? -1 : out;
	s.stderr_fd = how->out_is_stderr ? out : c->errout;
	s.die_with_parent = true;
	/* What talks to a host outlives the git that is waiting for it, as long as the host likes.
	 */
	s.new_session = c->leads = how->remote != NULL;
	return spawn_start(&s, &c->pid, err);
}

int vcs_child_start(const char *path, const char *const *args, const struct vcs_child_how *how,
	struct vcs_child *ret, struct err *err)
{
	CLEANUP_VCS_CHILD struct vcs_child c = VCS_CHILD_INIT;
	int in[2], out[2], rc;

	if (pipe2(in, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot start git");
	c.in = in[1];
	if (pipe2(out, O_CLOEXEC) < 0) {
		close(in[0]);
		return err_errno(err, errno, "cannot start git");
	}
	c.out = out[0];
	rc = start(path, args, how, in[0], out[1], &c, err);
	close(in[0]);
	close(out[1]);
	if (rc < 0)
		return -1;
	*ret = c;
	c = VCS_CHILD_INIT;
	return 0;
}

int vcs_child_wait(struct vcs_child *c, struct err *err)
{
	CLEANUP_STR struct str text = STR_INIT;
	struct spawn_result result = {0};
	off_t size;
	pid_t pid = TAKE(c->pid, 0);

	if (spawn_wait(pid, &result, err) < 0)
		return -1;
	if (result.exit_code == 0)
		return 0;
	size = lseek(c->errout, 0, SEEK_END);
	lseek(c->errout, size > ERROUT_SHOWN ? size - ERROUT_SHOWN : 0, SEEK_SET);
	fd_read_all(c->errout, ERROUT_SHOWN + 1, &text, NULL);
	while (text.len && text.p[text.len - 1] == '\n')
		str_truncate(&text, text.len - 1);
	if (result.signal)
		return err_set(err, ERR_IO, "git was killed by signal %d: %s", result.signal,
			str_text(&text));
	return err_set(
		err, ERR_IO, "git ended with status %d: %s", result.exit_code, str_text(&text));
}

/* SIGTERM lets git remove its quarantine; what ignores it is killed. */
static void end_softly(const struct vcs_child *c)
{
	int pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	kill(c->leads ? -c->pid : c->pid, SIGTERM);
	if (pidfd < 0 || poll(&p, 1, END_WAIT_MSEC) != 1)
		kill(c->pid, SIGKILL);
	if (c->leads) /* not reaped yet, so the number is still the group's */
		kill(-c->pid, SIGKILL);
	fd_closep(&pidfd);
}

void vcs_child_release(struct vcs_child *c)
{
	struct spawn_result ignored = {0};

	fd_closep(&c->in);
	fd_closep(&c->out);
	fd_closep(&c->errout);
	if (c->pid > 0) {
		end_softly(c);
		spawn_wait(TAKE(c->pid, 0), &ignored, NULL);
	}
}

int vcs_child_start_fds(const char *path, const char *const *args, const char *protocol, int in_fd,
	int out_fd, struct vcs_child *ret, struct err *err)
{
	const struct vcs_child_how how = {.protocol = protocol};

	return start(path, args, &how, in_fd, out_fd, ret, err);
}

/* Whether the child ends in time; it is left as it is. */
static bool ends_within(const struct vcs_child *c, int64_t timeout_usec)
{
	int64_t msec = timeout_usec / USEC_PER_MSEC;
	CLEANUP_FD int pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return pidfd < 0 || poll(&p, 1, msec < INT_MAX ? (int)msec : INT_MAX) != 0;
}

int vcs_git_how(const char *path, const char *const *args, const struct vcs_child_how *how,
	int in_fd, int out_fd, struct err *err)
{
	CLEANUP_VCS_CHILD struct vcs_child c = VCS_CHILD_INIT;

	if (start(path, args, how, in_fd, out_fd, &c, err) < 0)
		return -1;
	if (how->timeout_usec && !ends_within(&c, how->timeout_usec))
		return err_set(err, ERR_TIMEOUT, "git did not end within %lld seconds",
			(long long)(how->timeout_usec / USEC_PER_SEC));
	return vcs_child_wait(&c, err);
}

int vcs_git(const char *path, const char *const *args, int in_fd, int out_fd, struct err *err)
{
	const struct vcs_child_how how = {0};

	return vcs_git_how(path, args, &how, in_fd, out_fd, err);
}
