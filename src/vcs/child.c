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
#define GROUP_END_WAIT_MSEC 2000 /* nothing of theirs is worth waiting for */

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

/* What the members of a group have open as long as they run, and nobody else: git hands it on to
 * the processes that it starts. *ret_held is for the child. */
static int open_group(struct vcs_child *c, int *ret_held, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot start git");
	c->leads = true;
	c->group = ends[0];
	*ret_held = ends[1];
	return 0;
}

static int start(const char *path, const char *const *args, const struct vcs_child_how *how, int in,
	int out, struct vcs_child *c, struct err *err)
{
	CLEANUP_STRV struct strv argv = {0}, env = {0};
	struct spawn s = SPAWN_INIT;
	CLEANUP_FD int held = -1;

	make_argv(&argv, path, args);
	make_env(&env, path, how);
	/* What works for a git that has ended would go on, as long as a host likes. */
	if ((how->remote || how->bounds) && open_group(c, &held, err) < 0)
		return -1;
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
	s.new_session = c->leads;
	s.file_max = how->bounds ? how->bounds->disk_max : 0;
	s.keep_fds = &held;
	s.n_keep_fds = c->leads ? 1 : 0;
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

	kill(c->pid, SIGTERM);
	if (pidfd < 0 || poll(&p, 1, END_WAIT_MSEC) != 1)
		kill(c->pid, SIGKILL);
	fd_closep(&pidfd);
}

/* Until all of them are gone, so that they write no more into what is then removed. It is not
 * reaped yet, so the number is still the group's. */
static void end_group(const struct vcs_child *c)
{
	struct pollfd p = {.fd = c->group, .events = POLLIN};

	if (poll(&p, 1, 0) == 1)
		return;
	kill(-c->pid, SIGTERM);
	if (poll(&p, 1, GROUP_END_WAIT_MSEC) == 1)
		return;
	kill(-c->pid, SIGKILL);
	poll(&p, 1, END_WAIT_MSEC);
}

void vcs_child_release(struct vcs_child *c)
{
	struct spawn_result ignored = {0};

	fd_closep(&c->in);
	fd_closep(&c->out);
	fd_closep(&c->errout);
	if (c->pid > 0) {
		if (c->leads)
			end_group(c);
		else
			end_softly(c);
		spawn_wait(TAKE(c->pid, 0), &ignored, NULL);
	}
	fd_closep(&c->group);
}

int vcs_child_start_fds(const char *path, const char *const *args, const char *protocol, int in_fd,
	int out_fd, struct vcs_child *ret, struct err *err)
{
	const struct vcs_child_how how = {.protocol = protocol};

	return start(path, args, &how, in_fd, out_fd, ret, err);
}

/* ---- bounds ---- */

/* The limit is the kernel's for each file, of which a pack is one; how much all of them take is
 * looked at while git works. */
#define LOOK_USEC (250 * USEC_PER_MSEC)

static const struct vcs_bounds no_bounds;

struct wait {
	const struct vcs_child_how *how;
	const struct vcs_bounds *bounds;
	int64_t until_usec;	   /* monotonic */
	struct vcs_disk_look look; /* next_usec INT64_MAX: nothing to look at */
};

static struct wait begin_wait(const struct vcs_child_how *how)
{
	struct wait w = {.how = how, .bounds = how->bounds ? how->bounds : &no_bounds};
	int64_t timeout = how->timeout_usec ? monotonic_usec() + how->timeout_usec : INT64_MAX;

	w.until_usec = w.bounds->deadline_usec ? MIN(timeout, w.bounds->deadline_usec) : timeout;
	w.look = (struct vcs_disk_look){how->filled, w.bounds->disk_max, LOOK_USEC,
		w.bounds->disk_max && how->filled ? monotonic_usec() : INT64_MAX};
	return w;
}

static int too_large(uint64_t max, struct err *err)
{
	CLEANUP_STR struct str size = STR_INIT;

	str_add_size(&size, max);
	return err_set(err, ERR_TOO_LARGE, "it takes more than %s of the disk, the limit",
		str_text(&size));
}

static int look_at_disk(struct wait *w, struct err *err)
{
	int over;

	if (w->look.next_usec == INT64_MAX)
		return 0;
	over = vcs_disk_over(&w->look, err);
	return over > 0 ? too_large(w->look.max, err) : over;
}

static int timed_out(const struct wait *w, struct err *err)
{
	if (w->how->timeout_usec)
		return err_set(err, ERR_TIMEOUT, "git did not end within %lld seconds",
			(long long)(w->how->timeout_usec / USEC_PER_SEC));
	return err_set(err, ERR_TIMEOUT, "git did not end in time");
}

/* Until the child has ended, or is to be ended: then it is left as it is. */
static int await_end(const struct vcs_child *c, struct wait *w, struct err *err)
{
	CLEANUP_FD int pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	struct pollfd p[] = {{.fd = pidfd, .events = POLLIN},
		{.fd = interrupt_fd(w->bounds->interrupt), .events = POLLIN}};

	if (pidfd < 0)
		return err_errno(err, errno, "cannot wait for git");
	while (!p[0].revents) {
		int64_t next = MIN(w->until_usec, w->look.next_usec), now = monotonic_usec();
		int64_t msec = MAX(next - now, 0) / USEC_PER_MSEC + 1;

		if (now >= w->until_usec)
			return timed_out(w, err);
		if (now >= w->look.next_usec && look_at_disk(w, err) < 0)
			return -1;
		poll(p, ARRAY_SIZE(p), next == INT64_MAX ? -1 : (int)MIN(msec, INT_MAX));
		if (p[1].revents)
			return interrupt_check(w->bounds->interrupt, "git", err);
	}
	return 0;
}

/* Says why git failed where its own words do not: of a pack that grew too large it leaves nothing,
 * of a file it does not say so. */
static int judge_end(struct vcs_child *c, struct wait *w, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;
	int r = vcs_child_wait(c, &why);

	if (look_at_disk(w, err) < 0)
		return -1;
	if (r < 0 && w->bounds->disk_max && strstr(err_message(&why), strerrordesc_np(EFBIG)))
		return too_large(w->bounds->disk_max, err);
	return r < 0 ? err_move(err, &why) : 0;
}

int vcs_git_how(const char *path, const char *const *args, const struct vcs_child_how *how,
	int in_fd, int out_fd, struct err *err)
{
	CLEANUP_VCS_CHILD struct vcs_child c = VCS_CHILD_INIT;
	struct wait w = begin_wait(how);

	if (interrupt_check(w.bounds->interrupt, "git", err) < 0 ||
		start(path, args, how, in_fd, out_fd, &c, err) < 0 || await_end(&c, &w, err) < 0)
		return -1;
	if (c.leads)
		end_group(&c); /* whom it has left behind */
	return judge_end(&c, &w, err);
}

int vcs_git(const char *path, const char *const *args, int in_fd, int out_fd, struct err *err)
{
	const struct vcs_child_how how = {0};

	return vcs_git_how(path, args, &how, in_fd, out_fd, err);
}
