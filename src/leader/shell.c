/* SPDX-License-Identifier: Apache-2.0 */
/* One command of a buildspec: written to a script whose user text starts on line 4, run by the
 * job's shell. Variables and the working folder are carried from command to command in two files
 * that the script writes at its end; a command that leaves by `exit` carries nothing.
 *
 * The build may do what it likes with these files: they are written anew and read with care, and
 * never through a link. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "leader/job.h"

#define STATE_FILE "env.sh"
#define CWD_FILE "dir.txt"
#define SCRIPT_FILE "script.sh"
#define STATE_MAX (4 * MIB)
#define VALUE_MAX (1 * MIB)

static char *control_path(const struct job *j, const char *name)
{
	return xasprintf("%s/control/%s", j->dir, name);
}

/* Replaces a file of the control folder; whatever the build put there is unlinked. */
static int put(
	const struct job *j, const char *name, struct view text, mode_t mode, struct err *err)
{
	char *path CLEANUP(freep) = control_path(j, name);
	int fd CLEANUP_FD = -1;

	if (unlink(path) < 0 && errno == EISDIR)
		file_remove_tree(path, NULL);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fchmod(fd, mode) < 0)
		return err_errno(err, errno, "cannot write %s", path);
	return fd_write_all(fd, text.p, text.len, err) < 0 ? err_wrap(err, "%s", path) : 0;
}

/* Opens a file of the control folder if it is still a plain file; -1 otherwise. */
static int open_plain(const struct job *j, const char *name, int flags)
{
	char *path CLEANUP(freep) = control_path(j, name);
	int fd CLEANUP_FD = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	return TAKE_FD(fd);
}

int shell_prepare(struct job *j, struct err *err)
{
	char *dir CLEANUP(freep) = control_path(j, "");

	if (mkdir(dir, 0777) < 0 || chmod(dir, 0777) < 0)
		return err_errno(err, errno, "cannot make %s", dir);
	vec_push(&j->mounts, (struct compute_mount){.kind = COMPUTE_BIND,
				     .source = arena_strdup(&j->arena, dir),
				     .target = JOB_CONTROL_DIR});
	return 0;
}

static bool is_name(const char *s, size_t n)
{
	if (n == 0 || isdigit((unsigned char)s[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_')
			return false;
	return true;
}

static void add_quoted(struct str *out, const char *value)
{
	str_add_c(out, '\'');
	for (; *value; value++) {
		if (*value == '\'')
			str_add(out, "'\\''");
		else
			str_add_c(out, *value);
	}
	str_add_c(out, '\'');
}

int shell_start(struct job *j, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;

	for (size_t i = 0; i < j->variables.n; i++) {
		const char *eq = strchr(j->variables.v[i], '=');

		if (!is_name(j->variables.v[i], (size_t)(eq - j->variables.v[i])))
			continue;
		str_addf(&text, "export %.*s=", (int)(eq - j->variables.v[i]), j->variables.v[i]);
		add_quoted(&text, eq + 1);
		str_add_c(&text, '\n');
	}
	if (put(j, STATE_FILE, str_view(&text), 0666, err) < 0)
		return -1;
	str_clear(&text);
	str_addf(&text, "%s\n", j->source_target);
	return put(j, CWD_FILE, str_view(&text), 0666, err);
}

int shell_mark_failing(struct job *j, struct err *err)
{
	int fd CLEANUP_FD = open_plain(j, STATE_FILE, O_WRONLY | O_APPEND);
	struct view line = VIEW("\nexport CODEBUILD_BUILD_SUCCEEDING='0'\n");

	j->failing = true;
	strv_setenv(&j->variables, "CODEBUILD_BUILD_SUCCEEDING", "0");
	return fd < 0 ? 0 : fd_write_all(fd, line.p, line.len, err);
}

/* Where the last command left off; the source folder when it cannot be told. */
static char *carried_cwd(const struct job *j)
{
	int fd CLEANUP_FD = j->carries_state ? open_plain(j, CWD_FILE, O_RDONLY) : -1;
	struct str text CLEANUP_STR = STR_INIT;

	if (fd < 0 || fd_read_all(fd, 8 * KIB, &text, NULL) < 0 || text.len < 2 ||
		text.p[0] != '/' || memchr(text.p, '\0', text.len))
		return xstrdup(j->source_target);
	if (text.p[text.len - 1] == '\n')
		str_truncate(&text, text.len - 1);
	return str_take(&text);
}

static int write_script(struct job *j, const char *command, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;

	if (!j->carries_state)
		return put(j, SCRIPT_FILE, view_of(command), 0644, err);
	str_add(&text, "[ ! -f " JOB_CONTROL_DIR "/" STATE_FILE " ] ||\n"
		       ". " JOB_CONTROL_DIR "/" STATE_FILE "\n"
		       "set -a\n");
	str_addf(&text, "%s\n", command);
	str_add(&text, "CODEBUILD_LAST_EXIT=$?\n"
		       "export -p > " JOB_CONTROL_DIR "/" STATE_FILE "\n"
		       "pwd > " JOB_CONTROL_DIR "/" CWD_FILE "\n"
		       "exit $CODEBUILD_LAST_EXIT\n");
	return put(j, SCRIPT_FILE, str_view(&text), 0644, err);
}

static const struct {
	int number;
	const char *text;
} signal_texts[] = {
	{SIGKILL, "killed"},
	{SIGTERM, "terminated"},
	{SIGINT, "interrupt"},
	{SIGHUP, "hangup"},
	{SIGSEGV, "segmentation fault"},
	{SIGABRT, "aborted"},
	{SIGBUS, "bus error"},
	{SIGFPE, "floating point exception"},
	{SIGILL, "illegal instruction"},
	{SIGPIPE, "broken pipe"},
};

static const char *reason_of(struct job *j, const struct compute_exit *e)
{
	if (e->signal == 0)
		return e->exit_code == 0 ? NULL
					 : arena_printf(&j->arena, "exit status %d", e->exit_code);
	for (size_t i = 0; i < ARRAY_SIZE(signal_texts); i++)
		if (signal_texts[i].number == e->signal)
			return arena_printf(&j->arena, "signal: %s", signal_texts[i].text);
	return arena_printf(&j->arena, "signal: %d", e->signal);
}

/* The log and, where the command failed of it, the phase tell of memory that ran out. */
static int tell_out_of_memory(struct job *j, const char **reason, struct err *err)
{
	const char *text = arena_printf(&j->arena,
		"A process was killed: the build went over its memory limit of %lld MiB",
		(long long)(wire_or(j->spec->limits->memory_bytes, 0) / MIB));

	if (*reason)
		*reason = arena_printf(&j->arena, "%s. %s", *reason, text);
	return output_line(&j->output, err, "%s", text);
}

/* Starts the script; when the working folder is gone, in the source folder. */
static int start(
	struct job *j, struct compute_process *p, struct compute_exec **ret, struct err *err)
{
	char *cwd CLEANUP(freep) = carried_cwd(j);
	struct err local CLEANUP_ERR = ERR_INIT;

	p->cwd = cwd;
	if (j->root->driver->exec(j->root, p, ret, &local) == 0)
		return 0;
	if (streq(cwd, j->source_target) || !strstr(err_message(&local), "cannot enter folder"))
		return err_move(err, &local);
	if (output_line(&j->output, err, "%s: going on in %s", err_message(&local),
		    j->source_target) < 0)
		return -1;
	p->cwd = j->source_target;
	return j->root->driver->exec(j->root, p, ret, err);
}

int shell_run(struct job *j, const char *command, const char *user, const char **ret_reason,
	struct err *err)
{
	const char *argv[] = {j->shell, JOB_CONTROL_DIR "/" SCRIPT_FILE, NULL};
	struct compute_process p = COMPUTE_PROCESS_INIT;
	struct compute_exec *e CLEANUP_COMPUTE_EXEC = NULL;
	struct err local CLEANUP_ERR = ERR_INIT;
	struct job_exit ended;

	*ret_reason = NULL;
	if (write_script(j, command, err) < 0)
		return -1;
	p.argv = argv;
	p.envp = j->variables.v;
	p.user = user;
	p.stdout_fd = p.stderr_fd = j->output.pipe_fds[1];
	output_begin_command(&j->output);
	if (start(j, &p, &e, &local) < 0) {
		*ret_reason = arena_strdup(&j->arena, err_message(&local));
		return 0;
	}
	if (job_await(j, e, &ended, err) < 0 || output_end_command(&j->output, err) < 0)
		return -1;
	if (!ended.ended)
		return 0;
	*ret_reason = reason_of(j, &ended.exit);
	return ended.exit.out_of_memory ? tell_out_of_memory(j, ret_reason, err) : 0;
}

/* Runs a script of our own in the carried state and gathers what it prints. */
static int capture(struct job *j, struct view script, struct str *ret, struct err *err)
{
	const char *argv[] = {j->shell, JOB_CONTROL_DIR "/" SCRIPT_FILE, NULL};
	struct compute_process p = COMPUTE_PROCESS_INIT;
	struct compute_exec *e CLEANUP_COMPUTE_EXEC = NULL;
	int out CLEANUP_FD = -1;
	char *path CLEANUP(freep) = xasprintf("%s/captured", j->dir);
	struct job_exit ended;

	if (put(j, SCRIPT_FILE, script, 0644, err) < 0)
		return -1;
	out = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out < 0)
		return err_errno(err, errno, "cannot make %s", path);
	unlink(path);
	p.argv = argv;
	p.envp = j->variables.v;
	p.stdout_fd = out;
	p.stderr_fd = j->output.pipe_fds[1];
	if (start(j, &p, &e, err) < 0 || job_await(j, e, &ended, err) < 0)
		return -1;
	if (lseek(out, 0, SEEK_SET) < 0)
		return err_errno(err, errno, "cannot read back %s", path);
	return fd_read_all(out, VALUE_MAX, ret, err);
}

int shell_expand(struct job *j, const char *text, struct str *ret, struct err *err)
{
	struct str script CLEANUP_STR = STR_INIT;

	if (!strpbrk(text, "$`\\\"")) {
		str_add(ret, text);
		return 0;
	}
	str_add(&script, ". " JOB_CONTROL_DIR "/" STATE_FILE "\nprintf '%s' \"");
	str_add(&script, text);
	str_add(&script, "\"\n");
	return capture(j, str_view(&script), ret, err);
}

int shell_variables(struct job *j, const struct towpath_string_list *names,
	struct towpath_leader_variables *ret, struct err *err)
{
	struct str script CLEANUP_STR = STR_INIT, text CLEANUP_STR = STR_INIT;
	struct view rest;

	str_add(&script, ". " JOB_CONTROL_DIR "/" STATE_FILE "\n");
	for (size_t i = 0; i < names->n; i++) {
		bool good = is_name(names->v[i], strlen(names->v[i]));

		str_addf(&script, "printf '%%s\\000' \"${%s}\"\n", good ? names->v[i] : "_none_");
	}
	if (capture(j, str_view(&script), &text, err) < 0)
		return -1;
	rest = str_view(&text);
	wire_list_alloc(&j->arena, ret, names->n);
	for (size_t i = 0; i < names->n; i++) {
		struct view value = view_cut(&rest, '\0');

		ret->v[i].name = names->v[i];
		ret->v[i].value = value.len ? arena_view_dup(&j->arena, value) : "";
	}
	return 0;
}
