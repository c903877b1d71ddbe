/* SPDX-License-Identifier: Apache-2.0 */
#include "migrate/git.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/spawn.h"
#include "vcs/remote.h"

#define SAID_MAX 4000 /* bytes kept of what git says */
#define LINE_MAX_BYTES (16 * MIB)
#define TICK_MSEC 500
#define END_WAIT_MSEC 10000

extern char **environ;

/* ---- environment ---- */

/* In the environment it would stand before what is configured for one host. */
#define OTHERS_CA "GIT_SSL_CAINFO"
/* What would point git at another repository. */
static const char *const dropped[] = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE",
	"GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_PREFIX",
	"GIT_COMMON_DIR", "GIT_QUARANTINE_PATH", "GIT_SHALLOW_FILE"};

static bool is_dropped(const char *assignment, const struct migrate_ends *ends)
{
	if (ends->target_ca && strncmp(assignment, OTHERS_CA "=", strlen(OTHERS_CA "=")) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++) {
		size_t n = strlen(dropped[i]);

		if (strncmp(assignment, dropped[i], n) == 0 && assignment[n] == '=')
			return true;
	}
	return false;
}

/* The text is constant: what differs comes through the environment, never through a shell. */
static const char target_helper[] = "!\"$TOWPATH_PROGRAM\" git-credential";

static void add_ca(struct strv *env, const struct migrate_ends *ends)
{
	CLEANUP(freep) char *key = xasprintf("http.%s.sslCAInfo", ends->target);
	const char *others = getenv(OTHERS_CA);

	if (others)
		vcs_env_setting(env, "http.sslCAInfo", others);
	vcs_env_setting(env, key, ends->target_ca);
}

static void make_env(const struct migrate_ends *ends, struct strv *env)
{
	const char *user = getenv("TOWPATH_MIGRATE_USER"),
		   *password = getenv("TOWPATH_MIGRATE_PASSWORD");

	for (char **e = environ; *e; e++)
		if (!is_dropped(*e, ends))
			strv_add(env, *e);
	strv_setenv(env, "LC_ALL", "C");
	strv_setenv(env, "TOWPATH_PROGRAM", ends->program);
	if (ends->data_dir)
		strv_setenv(env, "TOWPATH_DATA", ends->data_dir);
	if (!isatty(STDIN_FILENO))
		strv_setenv(env, "GIT_TERMINAL_PROMPT", "0");
	vcs_env_setting(env, "gc.autoDetach", "false");
	/* Objects are synced; a reference that is lost with the power is fetched again. */
	vcs_env_setting(env, "core.fsync", "objects,derived-metadata,-reference");
	vcs_env_setting(env, "core.hooksPath", "/dev/null");
	if (password)
		vcs_env_credential(env, ends->source, user ? user : "token", password);
	if (ends->target)
		vcs_env_helper(env, ends->target, target_helper);
	if (ends->target_ca)
		add_ca(env, ends);
}

/* ---- what git says ---- */

static const struct {
	enum err_kind kind;
	const char *hint;
} troubles[] = {
	[VCS_TROUBLE_OTHER] = {ERR_IO, NULL},
	[VCS_TROUBLE_HOST_KEY] = {ERR_DENIED,
		"say to ssh that you know the host: connect to it by hand once, or add its key to "
		"~/.ssh/known_hosts"},
	[VCS_TROUBLE_CREDENTIAL] = {ERR_DENIED,
		"set up git's credential helper for the host, an SSH key, or "
		"TOWPATH_MIGRATE_USER and TOWPATH_MIGRATE_PASSWORD (a token) in the "
		"environment"},
	[VCS_TROUBLE_STALE] = {ERR_CONFLICT, NULL},
	[VCS_TROUBLE_REFERENCE] = {ERR_CONFLICT, NULL},
	[VCS_TROUBLE_TLS] = {ERR_UNAVAILABLE,
		"name the authority that vouches for the host in GIT_SSL_CAINFO"},
	[VCS_TROUBLE_REACH] = {ERR_UNAVAILABLE,
		"is the host reachable from here? Started again, it goes on"},
	[VCS_TROUBLE_ADDRESS] = {ERR_NOT_FOUND,
		"check the address; hosts answer so as well where the credentials "
		"may not read a private repository"},
	[VCS_TROUBLE_FULL] = {ERR_DISK_FULL, "make room, then start again: it goes on"},
};

static int fail(const char *command, int code, const struct str *said, struct err *err)
{
	struct view text = view_trim(str_view(said));
	enum vcs_trouble trouble = vcs_trouble_of(str_text(said));
	const char *hint = troubles[trouble].hint;
	enum err_kind kind = troubles[trouble].kind;

	if (text.len)
		err_set(err, kind, "git %s: " VIEW_FMT, command, VIEW_ARG(text));
	else
		err_set(err, kind, "git %s ended with status %d", command, code);
	return hint ? err_hint(err, "%s", hint) : -1;
}

/* "Receiving objects:  45% (450/1000), 1.20 MiB", "Enumerating objects: 12", also behind
 * "remote: " */
static bool is_progress(struct view line)
{
	const char *colon;

	if (view_starts_with(line, "remote: "))
		line = (struct view){line.p + 8, line.len - 8};
	colon = line.len ? memchr(line.p, ':', line.len) : NULL;
	if (!colon || colon == line.p || !isupper((unsigned char)line.p[0]))
		return false;
	for (const char *p = line.p; p < colon; p++)
		if (!isalpha((unsigned char)*p) && *p != ' ' && *p != '-')
			return false;
	for (colon++; colon < line.p + line.len && *colon == ' '; colon++)
		;
	return colon < line.p + line.len && isdigit((unsigned char)*colon);
}

/* ---- the run ---- */

struct run {
	const struct migrate_git *g;
	pid_t pid;
	int out, errout;
	struct vcs_disk_look look;
	struct str line, said_line, said;
	migrate_line_fn *fn;
	void *arg;
};

/* What git has started shares its standard error, and ends when git does. */
static void await_all(const struct run *r)
{
	struct pollfd p = {.fd = r->errout, .events = POLLIN};
	char buf[4 * 1024];

	while (poll(&p, 1, END_WAIT_MSEC) > 0 && read(r->errout, buf, sizeof(buf)) > 0)
		;
}

static void run_release(struct run *r)
{
	struct spawn_result ignored = {0};

	fd_closep(&r->out);
	if (r->pid > 0) {
		kill(r->pid, SIGTERM);
		await_all(r);
		spawn_wait(r->pid, &ignored, NULL);
	}
	fd_closep(&r->errout);
	str_release(&r->line);
	str_release(&r->said_line);
	str_release(&r->said);
}

static int start(struct run *r, const char *const *args, struct view input, struct err *err)
{
	CLEANUP_STRV struct strv argv = {0}, env = {0};
	CLEANUP_FD int in = -1, out = -1, errout = -1;
	struct spawn s = SPAWN_INIT;
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot start git");
	r->out = pipes[0];
	out = pipes[1];
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot start git");
	r->errout = pipes[0];
	errout = pipes[1];
	in = memfd_create("git-input", MFD_CLOEXEC);
	if (in < 0 || fd_write_all(in, input.p, input.len, err) < 0 || lseek(in, 0, SEEK_SET) < 0)
		return err_errno(err, errno, "cannot start git");
	strv_add(&argv, "git");
	if (r->g->dir)
		strv_addf(&argv, "--git-dir=%s", r->g->dir);
	for (; *args; args++)
		strv_add(&argv, *args);
	make_env(r->g->ends, &env);
	s.argv = (const char *const *)argv.v;
	s.envp = env.v;
	s.stdin_fd = in;
	s.stdout_fd = out;
	s.stderr_fd = errout;
	s.die_with_parent = true;
	s.file_max = r->g->ends->bounds.disk_max;
	r->look = (struct vcs_disk_look){.folder = r->g->ends->filled,
		.max = s.file_max,
		.every_usec = TICK_MSEC * USEC_PER_MSEC};
	return spawn_start(&s, &r->pid, err);
}

static int take_out(struct run *r, struct view bytes, struct err *err)
{
	while (bytes.p && r->fn) {
		struct view piece = view_cut(&bytes, '\n');

		str_add_view(&r->line, piece);
		if (r->line.len > LINE_MAX_BYTES)
			return err_set(err, ERR_TOO_LARGE, "git writes a line that is too long");
		if (!bytes.p)
			break;
		if (r->fn(r->arg, str_view(&r->line), err) < 0)
			return -1;
		str_clear(&r->line);
	}
	return 0;
}

static void end_said_line(struct run *r)
{
	if (is_progress(str_view(&r->said_line))) {
		migrate_progress_detail(r->g->progress, view_trim(str_view(&r->said_line)));
	} else if (r->said_line.len) {
		str_add_view(&r->said, str_view(&r->said_line));
		str_add_c(&r->said, '\n');
	}
	if (r->said.len > SAID_MAX) {
		memmove(r->said.p, r->said.p + r->said.len - SAID_MAX, SAID_MAX);
		str_truncate(&r->said, SAID_MAX);
	}
	str_clear(&r->said_line);
}

static void take_said(struct run *r, struct view bytes)
{
	for (size_t i = 0; i < bytes.len; i++) {
		if (bytes.p[i] == '\n' || bytes.p[i] == '\r')
			end_said_line(r);
		else if (r->said_line.len < SAID_MAX)
			str_add_c(&r->said_line, bytes.p[i]);
	}
}

static int look_at_disk(struct run *r, struct err *err)
{
	CLEANUP_STR struct str size = STR_INIT;
	int over;

	if (!r->look.max || monotonic_usec() < r->look.next_usec)
		return 0;
	over = vcs_disk_over(&r->look, err);
	if (over <= 0)
		return over;
	str_add_size(&size, r->look.max);
	err_set(err, ERR_TOO_LARGE, "%s takes more than %s of the disk, the limit", r->look.folder,
		str_text(&size));
	return err_hint(
		err, "start again with a larger --limit (TOWPATH_MIGRATE_LIMIT): it goes on");
}

/* Reads what both pipes hold, until both end. */
static int relay(struct run *r, struct err *err)
{
	char buf[16 * 1024];

	while (r->out >= 0 || r->errout >= 0) {
		const struct interrupt *interrupt = r->g->ends->bounds.interrupt;
		struct pollfd p[] = {{.fd = r->out, .events = POLLIN},
			{.fd = r->errout, .events = POLLIN},
			{.fd = interrupt_fd(interrupt), .events = POLLIN}};
		int n = poll(p, ARRAY_SIZE(p), TICK_MSEC);

		if (n < 0 && errno != EINTR)
			return err_errno(err, errno, "cannot wait for git");
		if (n == 0)
			migrate_progress_tick(r->g->progress);
		if (look_at_disk(r, err) < 0 ||
			(n > 0 && p[2].revents && interrupt_check(interrupt, "git", err) < 0))
			return -1;
		for (int i = 0; n > 0 && i < 2; i++) {
			ssize_t got = p[i].revents ? read(p[i].fd, buf, sizeof(buf)) : -1;

			if (got == 0)
				fd_closep(i ? &r->errout : &r->out);
			else if (got > 0 && i == 1)
				take_said(r, (struct view){buf, (size_t)got});
			else if (got > 0 && take_out(r, (struct view){buf, (size_t)got}, err) < 0)
				return -1;
		}
	}
	end_said_line(r);
	return 0;
}

static int run(
	struct run *r, const char *const *args, struct view input, int *ret_code, struct err *err)
{
	struct spawn_result result = {0};

	if (interrupt_check(r->g->ends->bounds.interrupt, "git", err) < 0 ||
		start(r, args, input, err) < 0 || relay(r, err) < 0 ||
		spawn_wait(TAKE(r->pid, 0), &result, err) < 0)
		return -1;
	*ret_code = result.signal ? 128 + result.signal : result.exit_code;
	return 0;
}

/* The command's name: the first argument that is no option. */
static const char *command_of(const char *const *args)
{
	while (args[0][0] == '-' && args[1])
		args += streq(args[0], "-c") && args[2] ? 2 : 1;
	return args[0];
}

int migrate_git_run(const struct migrate_git *g, const char *const *args, struct view input,
	migrate_line_fn *line, void *arg, struct err *err)
{
	struct run r CLEANUP(run_release) = {
		.g = g, .out = -1, .errout = -1, .fn = line, .arg = arg};
	int code;

	if (run(&r, args, input, &code, err) < 0)
		return -1;
	r.look.next_usec = 0;
	if (code != 0 && look_at_disk(&r, err) < 0)
		return -1;
	return code == 0 ? 0 : fail(command_of(args), code, &r.said, err);
}

int migrate_git_ask(const struct migrate_git *g, const char *const *args, struct err *err)
{
	struct run r CLEANUP(run_release) = {.g = g, .out = -1, .errout = -1};
	int code;

	if (run(&r, args, (struct view){NULL, 0}, &code, err) < 0)
		return -1;
	return code == 0;
}
