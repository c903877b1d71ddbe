/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor of a root: a process of its own, the parent of the root's init, so that how init
 * ended and what it wrote are kept whole while the server is down or has been killed.
 *
 * Files of the bundle: oci-monitor (what it is told), monitor.pid (pid and start time, so that
 * another process of the same number is not taken for it), exit (how init ended). The spool is
 * finished before `exit` is there, `exit` before the monitor ends: whoever sees the monitor gone
 * finds both, or knows that it was killed. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/spawn.h"
#include "codec/spool.h"
#include "compute/oci_internal.h"

#define JOB_FILE "oci-monitor"
#define PID_FILE "monitor.pid"
#define EXIT_FILE "exit"
#define INIT_FILE "init.pid"
#define BREAK_OFF_MSEC 10000
#define DRAIN_MSEC 2000	  /* after init's end: who else holds its output */
#define PARTIAL_MSEC 1000 /* a line without end is shown after this */

/* ---- the caller's side ---- */

/* Start time of a process in ticks since the machine's start; 0 when there is none. */
static unsigned long long start_of(pid_t pid)
{
	char *path CLEANUP(freep) = xasprintf("/proc/%d/stat", (int)pid);
	struct str text CLEANUP_STR = STR_INIT;
	const char *at;
	unsigned long long start = 0;

	if (file_read(path, 4096, &text, NULL) < 0)
		return 0;
	at = strrchr(str_text(&text), ')');
	for (int field = 2; at && field < 22; field++) {
		at = strchr(at + 1, ' ');
		if (at && field == 21)
			start = strtoull(at + 1, NULL, 10);
	}
	return start;
}

bool oci_monitored(const char *dir)
{
	char *path CLEANUP(freep) = path_join(dir, JOB_FILE);

	return file_exists(path);
}

char *oci_runtime_of(const char *dir)
{
	char *path CLEANUP(freep) = path_join(dir, JOB_FILE);
	struct str text CLEANUP_STR = STR_INIT;
	struct view rest, line;

	if (file_read(path, 64 * KIB, &text, NULL) < 0)
		return NULL;
	rest = str_view(&text);
	line = view_cut(&rest, '\n');
	return line.len ? xstrndup(line.p, line.len) : NULL;
}

int oci_monitor_pidfd(const char *dir)
{
	char *path CLEANUP(freep) = path_join(dir, PID_FILE);
	struct str text CLEANUP_STR = STR_INIT;
	struct pollfd p = {.events = POLLIN};
	unsigned long long start;
	int pid, fd;

	if (file_read(path, 64, &text, NULL) < 0 ||
		sscanf(str_text(&text), "%d %llu", &pid, &start) != 2)
		return -1;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	p.fd = fd;
	/* One that has ended may stand there as long as its parent does not ask. */
	if (fd >= 0 && (start_of(pid) != start || poll(&p, 1, 0) != 0))
		fd_closep(&fd);
	return fd;
}

void oci_monitor_break_off(const char *dir)
{
	char *path CLEANUP(freep) = path_join(dir, PID_FILE);
	char *init CLEANUP(freep) = path_join(dir, INIT_FILE);
	struct str text CLEANUP_STR = STR_INIT;
	int monitor CLEANUP_FD = oci_monitor_pidfd(dir);
	struct pollfd p = {.fd = monitor, .events = POLLIN};
	pid_t pid;

	if (monitor < 0 || file_exists(init) || file_read(path, 64, &text, NULL) < 0)
		return;
	pid = (pid_t)strtol(str_text(&text), NULL, 10);
	if (pid > 1 && kill(-pid, SIGKILL) == 0) /* it leads its group, the runtime is in it */
		poll(&p, 1, BREAK_OFF_MSEC);
}

int oci_monitor_ended(const struct compute_driver *d UNUSED, const char *id, const char *dir,
	struct compute_exit *ret, struct err *err)
{
	char *path CLEANUP(freep) = path_join(dir, EXIT_FILE);
	struct str text CLEANUP_STR = STR_INIT;
	int code, signal, oom;

	if (!file_exists(path))
		return 0;
	if (file_read(path, 256, &text, err) < 0)
		return -1;
	if (sscanf(str_text(&text), "%d %d %d", &code, &signal, &oom) != 3)
		return err_set(err, ERR_MALFORMED, "the end of root %s is not readable", id);
	*ret = (struct compute_exit){
		.exit_code = code, .signal = signal, .out_of_memory = oom != 0};
	return 1;
}

static int write_job(const struct compute_spec *spec, struct err *err)
{
	const char *runtime = getenv("TOWPATH_OCI_RUNTIME");
	char *cgroup CLEANUP(freep) = oci_cgroup(spec->pod, spec->id);
	struct str text CLEANUP_STR = STR_INIT, clock CLEANUP_STR = STR_INIT;

	if (spec->clock)
		clock_describe(spec->clock, &clock);
	str_addf(&text, "%s\n%s\n%s\n%s\n%s\n",
		spec->runtime	      ? spec->runtime
		: runtime && *runtime ? runtime
				      : "runc",
		spec->id, cgroup, spec->log_path ? spec->log_path : "", str_text(&clock));
	return oci_write(spec->dir, JOB_FILE, str_view(&text), 0600, err);
}

int oci_monitor_start(const struct compute_spec *spec, struct err *err)
{
	struct str said CLEANUP_STR = STR_INIT;
	int answer CLEANUP_FD = -1;

	if (write_job(spec, err) < 0 || zygote_fork(spec->monitors, spec->dir, &answer, err) < 0 ||
		fd_read_all(answer, 64 * KIB, &said, err) < 0)
		return -1;
	if (!streq(str_text(&said), "ok"))
		return err_set(err, ERR_IO, "%s",
			said.len ? str_text(&said) : "the monitor ended without a word");
	return 0;
}

/* ---- the monitor ---- */

struct monitor {
	const char *dir;
	char *job[5]; /* runtime, id, cgroup, log path, clock_describe() */
	struct clock clock;
	struct spool_writer *log;
	int output;
	pid_t init;
	int init_fd;
};

static int read_job(struct monitor *m, struct err *err)
{
	char *path CLEANUP(freep) = path_join(m->dir, JOB_FILE);
	struct str text CLEANUP_STR = STR_INIT;
	struct view rest;

	if (file_read(path, 64 * KIB, &text, err) < 0)
		return -1;
	rest = str_view(&text);
	for (size_t i = 0; i < ARRAY_SIZE(m->job); i++) {
		struct view line = view_cut(&rest, '\n');

		m->job[i] = xstrndup(line.len ? line.p : "", line.len);
	}
	return clock_init_described(&m->clock, m->job[4], err);
}

static int write_pid(const struct monitor *m, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;

	str_addf(&text, "%d %llu\n", (int)getpid(), start_of(getpid()));
	return oci_write(m->dir, PID_FILE, str_view(&text), 0600, err);
}

/* What the runtime said, without the marks around it: its log has a JSON object a line. */
static int runtime_failed(const struct monitor *m, const char *log,
	const struct spawn_result *result, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	const char *at, *message = NULL;

	file_read(log, MIB, &text, NULL);
	for (at = str_text(&text); (at = strstr(at, "msg=\"")); at++)
		message = at + 5;
	if (message && *message) {
		struct str plain CLEANUP_STR = STR_INIT;

		for (; *message && *message != '"' && plain.len < 800; message++)
			if (*message != '\\')
				str_add_c(&plain, *message);
			else if (message[1])
				str_add_c(&plain, *++message);
		return err_set(err, ERR_IO, "%s: %s", m->job[0], str_text(&plain));
	}
	if (text.len)
		return err_set(err, ERR_IO, "%s: %.800s", m->job[0], str_text(&text));
	return err_set(err, ERR_IO, "%s failed without a message: %s %d", m->job[0],
		result->signal ? "signal" : "exit status",
		result->signal ? result->signal : result->exit_code);
}

/* The runtime itself ended, or its helper did, before a process of the root was there. runc 1.1
 * at times loses its helper on a busy machine. */
static bool lost_on_the_way(const struct spawn_result *result, const struct err *err)
{
	return result->signal || strstr(err_message(err), "can't get final child's PID");
}

/* Runs the runtime, which leaves init as a child of this process, a sub-reaper.
 * *ret_again: it failed before anything of the root ran. */
static int run_runtime(
	struct monitor *m, const char *pid_file, int output, bool *ret_again, struct err *err)
{
	char *log CLEANUP(freep) = path_join(m->dir, "runtime.log");
	const char *argv[] = {m->job[0], "--root", OCI_STATE, "--log", log, "run", "--detach",
		"--bundle", m->dir, "--pid-file", pid_file, m->job[1], NULL};
	struct spawn_result result CLEANUP_SPAWN_RESULT = {0};
	struct spawn spawn = SPAWN_INIT;
	pid_t pid;

	*ret_again = false;
	spawn.argv = argv;
	spawn.stdout_fd = spawn.stderr_fd = output;
	if (spawn_start(&spawn, &pid, err) < 0 || spawn_wait(pid, &result, err) < 0)
		return -1;
	if (result.exit_code != 0) {
		runtime_failed(m, log, &result, err);
		*ret_again = lost_on_the_way(&result, err);
	}
	unlink(log);
	return result.exit_code == 0 ? 0 : -1;
}

static int start_init(struct monitor *m, int output, struct err *err)
{
	char *pid_file CLEANUP(freep) = path_join(m->dir, INIT_FILE);
	struct err first CLEANUP_ERR = ERR_INIT;
	struct str text CLEANUP_STR = STR_INIT;
	bool again;

	if (run_runtime(m, pid_file, output, &again, &first) < 0) {
		if (!again)
			return err_move(err, &first);
		oci_runtime_run(m->dir, -1, NULL, NULL, "delete", "--force", m->job[1], NULL);
		if (run_runtime(m, pid_file, output, &again, err) < 0)
			return -1;
	}
	if (file_read(pid_file, 64, &text, err) < 0)
		return -1;
	m->init = (pid_t)strtol(str_text(&text), NULL, 10);
	m->init_fd = (int)syscall(SYS_pidfd_open, m->init, 0);
	if (m->init_fd < 0)
		return err_errno(err, errno, "process 1 of root %s", m->job[1]);
	return 0;
}

/* 1: something was read; 0: nothing there now; -1: the end. */
static int take_output(struct monitor *m)
{
	char buf[64 * KIB];
	ssize_t n = read(m->output, buf, sizeof(buf));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (n == 0)
		return -1;
	if (m->log)
		spool_write(m->log, (struct view){buf, (size_t)n}, clock_now(&m->clock), NULL);
	return 1;
}

static void follow(struct monitor *m)
{
	struct pollfd p[2] = {
		{.fd = m->init_fd, .events = POLLIN}, {.fd = m->output, .events = POLLIN}};
	bool partial = false;

	while (!p[0].revents) {
		int n = poll(p, 2, partial ? PARTIAL_MSEC : -1);

		if (n == 0 && m->log)
			spool_flush(m->log, NULL);
		partial = n > 0 && p[1].revents;
		if (n > 0 && p[1].revents && take_output(m) < 0)
			p[1].fd = -1;
		if (n <= 0)
			p[0].revents = p[1].revents = 0;
	}
	/* All processes of the root are dead, but the pipe may hold what they wrote. */
	p[0].fd = -1;
	while (p[1].fd >= 0 && poll(p, 2, DRAIN_MSEC) > 0)
		if (take_output(m) < 0)
			p[1].fd = -1;
}

/* Processes of the root that the kernel killed for memory. */
static bool out_of_memory(const char *cgroup)
{
	static const char *const files[] = {
		"/sys/fs/cgroup/memory%s/memory.oom_control", "/sys/fs/cgroup%s/memory.events"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const char *mark = strstr(files[i], "%s");
		char *path CLEANUP(freep) =
			xasprintf("%.*s%s%s", (int)(mark - files[i]), files[i], cgroup, mark + 2);
		struct str text CLEANUP_STR = STR_INIT;
		const char *at;

		if (file_read(path, 64 * KIB, &text, NULL) < 0)
			continue;
		at = strstr(str_text(&text), "oom_kill ");
		if (at && strtol(at + strlen("oom_kill "), NULL, 10) > 0)
			return true;
	}
	return false;
}

static void keep_end(struct monitor *m)
{
	struct str text CLEANUP_STR = STR_INIT;
	int status = 0;
	bool oom;

	while (waitpid(m->init, &status, 0) < 0 && errno == EINTR)
		;
	oom = WIFSIGNALED(status) && out_of_memory(m->job[2]);
	if (m->log) {
		spool_break_line(m->log, clock_now(&m->clock), NULL);
		spool_finish(m->log, clock_now(&m->clock), NULL);
		spool_writer_free(m->log);
		m->log = NULL;
	}
	str_addf(&text, "%d %d %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1,
		WIFSIGNALED(status) ? WTERMSIG(status) : 0, oom);
	oci_write(m->dir, EXIT_FILE, str_view(&text), 0600, NULL);
}

static int prepare(struct monitor *m, struct err *err)
{
	int ends[2], r;

	if (read_job(m, err) < 0 || (*m->job[3] && spool_writer_open(m->job[3], &m->log, err) < 0))
		return -1;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1L) < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, errno, "the monitor of root %s", m->job[1]);
	m->output = ends[0];
	/* Before the runtime is run: who takes away what was begun must find this process. */
	r = write_pid(m, err);
	if (r == 0)
		r = start_init(m, ends[1], err);
	close(ends[1]);
	return r < 0 ? -1 : fd_set_nonblock(m->output, true, err);
}

static void answer(int fd, const char *text)
{
	fd_write_all(fd, text, strlen(text), NULL);
	close(fd);
}

static void monitor_main(const char *dir, int answer_fd)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	struct monitor m = {.dir = dir, .output = -1, .init_fd = -1};

	if (prepare(&m, &err) < 0) {
		answer(answer_fd, err_message(&err));
		_exit(1);
	}
	answer(answer_fd, "ok");
	follow(&m);
	keep_end(&m);
}

static const struct zygote_role role = {
	.what = "monitors",
	.process = "towpath-monitor",
	.main = monitor_main,
};

int compute_monitors_start(struct zygote **ret, struct err *err)
{
	return zygote_start(&role, ret, err);
}
