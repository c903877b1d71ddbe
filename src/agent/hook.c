/* SPDX-License-Identifier: Apache-2.0 */
/* Runs hook scripts: own process group, no standard input, output line by line into the log.
 *
 * H1 A script has its timeout for itself and for closing its outputs; then its whole process
 *    group gets SIGTERM, and SIGKILL a little later.
 * H2 No shell sees a path or a user's name. */
#include "agent/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/spawn.h"

#define KILL_AFTER (5 * USEC_PER_SEC)
#define LOOK_EVERY (500 * USEC_PER_MSEC)
#define LINE_MAX_BYTES (64 * KIB)
#define CATCH_UP_READS 64 /* as much as a pipe holds, in reads of 16 KiB */

struct stream {
	const char *name; /* stdout, stderr */
	int fd;		  /* -1 at the end */
	struct str line;  /* what came since the last newline */
};

struct script_run {
	const struct hook_run *h;
	const struct appspec_script *script;
	struct agent_result *result;
	int log_fd;
	pid_t pid;
	bool exited;
	int status;
	struct stream streams[2];
};

/* ---- log ---- */

/* Keeps whole lines below AGENT_LOG_TAIL; a longer line drops itself and all before it. */
static void keep_tail(struct str *tail, struct view line)
{
	size_t drop = 0;

	if (line.len + 1 >= AGENT_LOG_TAIL) {
		str_clear(tail);
		return;
	}
	while (tail->len - drop + line.len + 1 >= AGENT_LOG_TAIL) {
		const char *end = memchr(tail->p + drop, '\n', tail->len - drop);

		drop = end ? (size_t)(end - tail->p) + 1 : tail->len;
	}
	if (drop) {
		memmove(tail->p, tail->p + drop, tail->len - drop);
		str_truncate(tail, tail->len - drop);
	}
	str_add_view(tail, line);
	str_add_c(tail, '\n');
}

static void log_line(struct script_run *r, const char *text)
{
	struct str out CLEANUP_STR = STR_INIT;
	time_t now = time(NULL);
	struct tm tm;
	char stamp[32];

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S ", &tm);
	str_add(&out, stamp);
	str_add(&out, text);
	str_add_c(&out, '\n');
	fd_write_all(r->log_fd, out.p, out.len, NULL);
	keep_tail(&r->result->log, view_of(text));
}

static void log_title(struct script_run *r, const char *what, const char *name)
{
	char *text CLEANUP(freep) = xasprintf("%s - %s", what, name);

	log_line(r, text);
}

static void end_line(struct script_run *r, struct stream *s)
{
	struct str text CLEANUP_STR = STR_INIT;

	str_addf(&text, "[%s]", s->name);
	for (size_t i = 0; i < s->line.len; i++) /* no NULs in a log */
		str_add_c(&text, s->line.p[i] ? s->line.p[i] : ' ');
	str_clear(&s->line);
	log_line(r, str_text(&text));
}

static void take_bytes(struct script_run *r, struct stream *s, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] != '\n')
			str_add_c(&s->line, bytes[i]);
		if (bytes[i] == '\n' || s->line.len >= LINE_MAX_BYTES)
			end_line(r, s);
	}
}

static void read_stream(struct script_run *r, struct stream *s)
{
	char buf[16384];
	ssize_t n = read(s->fd, buf, sizeof(buf));

	if (n > 0) {
		take_bytes(r, s, buf, (size_t)n);
		return;
	}
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (s->line.len)
		end_line(r, s);
	fd_closep(&s->fd);
}

/* ---- the process ---- */

static bool outputs_open(const struct script_run *r)
{
	return r->streams[0].fd >= 0 || r->streams[1].fd >= 0;
}

static void reap(struct script_run *r)
{
	if (!r->exited && waitpid(r->pid, &r->status, WNOHANG) == r->pid)
		r->exited = true;
}

/* Waits so long for output or the end, which is seen by the pidfd, and takes what there is. What
 * poll() says. */
static int take_ready(struct script_run *r, int pidfd, int msec)
{
	struct pollfd fds[3] = {{r->streams[0].fd, POLLIN, 0}, {r->streams[1].fd, POLLIN, 0},
		{r->exited ? -1 : pidfd, POLLIN, 0}};
	int ready = poll(fds, ARRAY_SIZE(fds), msec);

	for (size_t i = 0; i < ARRAY_SIZE(r->streams); i++)
		if (fds[i].revents)
			read_stream(r, &r->streams[i]);
	reap(r);
	return ready;
}

/* Reads and waits until the script and its outputs have ended, or the time has come. */
static void follow(struct script_run *r, int pidfd, int64_t until)
{
	int64_t look = monotonic_usec() + LOOK_EVERY;

	while ((!r->exited || outputs_open(r)) && monotonic_usec() < until) {
		int64_t wait = MIN(until, look) - monotonic_usec();

		take_ready(r, pidfd, (int)MAX(wait / 1000 + 1, (int64_t)1));
		if (monotonic_usec() >= look) {
			if (r->h->logged)
				r->h->logged(r->h->arg);
			look = monotonic_usec() + LOOK_EVERY;
		}
	}
}

/* What happened in time but was not seen in time, while this process stood still or shipped the
 * log. */
static void catch_up(struct script_run *r)
{
	reap(r);
	for (int n = 0; r->exited && outputs_open(r) && n < CATCH_UP_READS; n++)
		if (take_ready(r, -1, 0) <= 0)
			break;
}

/* Ends the whole process group (H1). */
static void end_group(struct script_run *r, int pidfd)
{
	kill(-r->pid, SIGTERM);
	follow(r, pidfd, monotonic_usec() + KILL_AFTER);
	kill(-r->pid, SIGKILL);
	while (!r->exited && waitpid(r->pid, &r->status, 0) < 0 && errno == EINTR)
		;
	r->exited = true;
}

static int check_script(struct script_run *r, char **ret_path)
{
	const char *location = r->script->location;
	char *path = path_join(r->h->archive, *location == '/' ? location + 1 : location);
	struct stat st;

	*ret_path = path;
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return agent_fail(r->result, AGENT_SCRIPT_MISSING, location,
			"Script does not exist at specified location: %s", path);
	if (access(path, X_OK) == 0)
		return 0;
	if (chmod(path, (st.st_mode & 07777) | 0111) < 0)
		return agent_fail(r->result, AGENT_SCRIPT_NOT_EXECUTABLE, location,
			"Unable to set script at specified location: %s as executable", path);
	return 0;
}

static bool is_own_user(const char *user)
{
	const struct passwd *p = getpwuid(geteuid());

	return p && streq(p->pw_name, user);
}

/* runuser starts the program itself, with the user's groups and without a shell. */
static void build_command(const struct script_run *r, const char *path, struct strv *argv)
{
	const char *user = r->script->runas;

	if (r->script->sudo)
		strv_add(argv, "sudo");
	if (user && (r->script->sudo || !is_own_user(user))) {
		strv_add(argv, "runuser");
		strv_add(argv, "-u");
		strv_add(argv, user);
		strv_add(argv, "--");
	}
	strv_add(argv, path);
}

static void user_environment(const struct script_run *r, struct strv *env)
{
	const struct passwd *p = r->script->runas ? getpwnam(r->script->runas) : NULL;

	for (char *const *e = r->h->envp; *e; e++)
		strv_add(env, *e);
	if (!p)
		return;
	strv_setenv(env, "HOME", p->pw_dir);
	strv_setenv(env, "SHELL", p->pw_shell);
	strv_setenv(env, "USER", p->pw_name);
	strv_setenv(env, "LOGNAME", p->pw_name);
}

static int start(struct script_run *r, const char *path, struct err *err)
{
	struct strv argv CLEANUP_STRV = {0}, env CLEANUP_STRV = {0};
	int out[2], errout[2], failed;
	struct spawn s = SPAWN_INIT;

	if (pipe2(out, O_CLOEXEC) < 0)
		return err_errno(err, errno, "pipe");
	if (pipe2(errout, O_CLOEXEC) < 0) {
		close(out[0]);
		close(out[1]);
		return err_errno(err, errno, "pipe");
	}
	build_command(r, path, &argv);
	user_environment(r, &env);
	s.argv = (const char *const *)argv.v;
	s.envp = env.v;
	s.stdout_fd = out[1];
	s.stderr_fd = errout[1];
	s.new_session = true;
	s.die_with_parent = true;
	failed = spawn_start(&s, &r->pid, err);
	close(out[1]);
	close(errout[1]);
	r->streams[0].fd = out[0];
	r->streams[1].fd = errout[0];
	return failed;
}

/* ---- one script ---- */

static int judge(struct script_run *r, bool timed_out, bool left_open)
{
	const char *location = r->script->location, *user = r->script->runas;
	struct str as CLEANUP_STR = STR_INIT;

	if (user)
		str_addf(&as, " run as user %s", user);
	if (timed_out)
		return agent_fail(r->result, AGENT_SCRIPT_TIMED_OUT, location,
			"Script at specified location: %s%s failed to complete in %d seconds",
			location, str_text(&as), r->script->timeout_sec);
	if (WIFSIGNALED(r->status))
		return agent_fail(r->result, AGENT_SCRIPT_FAILED, location,
			"Script at specified location: %s%s was ended by signal %d", location,
			str_text(&as), WTERMSIG(r->status));
	if (WEXITSTATUS(r->status) != 0)
		return agent_fail(r->result, AGENT_SCRIPT_FAILED, location,
			"Script at specified location: %s%s failed with exit code %d", location,
			str_text(&as), WEXITSTATUS(r->status));
	if (left_open)
		return agent_fail(r->result, AGENT_OUTPUTS_LEFT_OPEN, location,
			"Script at specified location: %s%s failed to close %s: a process that it "
			"leaves behind must redirect its output",
			location, str_text(&as), r->streams[0].fd >= 0 ? "STDOUT" : "STDERR");
	return 0;
}

static int run_started(struct script_run *r)
{
	int64_t until = monotonic_usec() + r->script->timeout_sec * USEC_PER_SEC;
	int pidfd CLEANUP_FD = (int)syscall(SYS_pidfd_open, r->pid, 0);
	bool timed_out, left_open;
	int failed;

	follow(r, pidfd, until);
	catch_up(r);
	timed_out = !r->exited;
	left_open = !timed_out && outputs_open(r);
	failed = judge(r, timed_out, left_open);
	if (timed_out || left_open)
		end_group(r, pidfd);
	return failed;
}

static int run_script(struct script_run *r)
{
	char *path CLEANUP(freep) = NULL;
	struct err why CLEANUP_ERR = ERR_INIT;
	int failed;

	log_title(r, "Script", r->script->location);
	if (check_script(r, &path) < 0)
		return -1;
	if (start(r, path, &why) < 0)
		failed = agent_fail(r->result, AGENT_SCRIPT_FAILED, r->script->location,
			"Script at specified location: %s cannot be started: %s",
			r->script->location, err_message(&why));
	else
		failed = run_started(r);
	for (size_t i = 0; i < ARRAY_SIZE(r->streams); i++) {
		fd_closep(&r->streams[i].fd);
		str_release(&r->streams[i].line);
	}
	if (r->h->logged)
		r->h->logged(r->h->arg);
	return failed;
}

int hook_run(const struct hook_run *h, struct agent_result *ret)
{
	char *dir CLEANUP(freep) = xstrdup(h->log_path);
	struct err why CLEANUP_ERR = ERR_INIT;
	int log_fd CLEANUP_FD = -1;

	*strrchr(dir, '/') = '\0';
	if (file_make_dirs(dir, 0755, &why) < 0)
		return agent_fail_err(ret, &why);
	log_fd = open(h->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (log_fd < 0) {
		err_errno(&why, errno, "%s", h->log_path);
		return agent_fail_err(ret, &why);
	}
	for (size_t i = 0; i < h->hook->n; i++) {
		struct script_run r = {.h = h,
			.script = &h->hook->scripts[i],
			.result = ret,
			.log_fd = log_fd,
			.streams = {{"stdout", -1, STR_INIT}, {"stderr", -1, STR_INIT}}};

		if (i == 0)
			log_title(&r, "LifecycleEvent", h->hook->event);
		if (run_script(&r) < 0)
			return -1;
	}
	return 0;
}
