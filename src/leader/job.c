/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one build: its root, its phases, its end. */
#include "leader/job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"

#define SPEC_MAX (16 * MIB)
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* How the machine reaches the network is known to the server's environment only: builds need it
 * as well. No credentials among these. */
static const char *const inherited[] = {"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY",
	"HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS",
	"CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT", "LANG", "TZ"};

/* ---- ends from outside ---- */

static bool stop_requested(const struct job *j)
{
	char *path CLEANUP(freep) = path_join(j->dir, LEADER_STOP);

	return file_exists(path);
}

static void end_now(struct job *j, enum job_end how)
{
	if (!j->ended)
		j->ended = how;
	if (j->root)
		j->root->driver->kill_all(j->root, NULL);
}

static bool past_deadline(const struct job *j)
{
	return j->deadline_usec && monotonic_usec() >= j->deadline_usec;
}

bool job_check_end(struct job *j)
{
	struct signalfd_siginfo info;

	if (!j->ended && read(j->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		end_now(j, JOB_STOPPED);
	if (!j->ended && past_deadline(j))
		end_now(j, JOB_TIMED_OUT);
	return j->ended != JOB_RUNS;
}

static int wait_msec(const struct job *j)
{
	int64_t left;

	if (!j->deadline_usec)
		return -1;
	left = j->deadline_usec - monotonic_usec();
	return left <= 0 ? 0 : (int)MIN(left / 1000 + 1, (int64_t)1 << 30);
}

int job_await(struct job *j, struct compute_exec *e, struct job_exit *ret, struct err *err)
{
	struct pollfd p[4] = {{j->output.pipe_fds[0], POLLIN, 0}, {e->end_fd, POLLIN, 0},
		{j->signal_fd, POLLIN, 0}, {engine_end_fd(j), POLLIN, 0}};
	int got;

	*ret = (struct job_exit){0};
	/* Output may come in many small pieces: what costs a system call is asked when it is due.
	 */
	if (job_check_end(j))
		return 0;
	while (!j->ended) {
		if (poll(p, 4, wait_msec(j)) < 0 && errno != EINTR)
			return err_errno(err, errno, "cannot wait for a build's command");
		if (p[0].revents && output_pump(&j->output, err) < 0)
			return -1;
		if ((p[2].revents || past_deadline(j)) && job_check_end(j))
			return 0;
		if (p[3].revents) {
			p[3].fd = -1;
			if (engine_note_end(j, err) < 0)
				return -1;
		}
		if (!p[1].revents)
			continue;
		got = e->root->driver->wait(e, 0, &ret->exit, err);
		if (got < 0)
			return -1;
		ret->ended = got > 0;
		if (ret->ended)
			return 0;
	}
	return 0;
}

int job_builtin(struct job *j, compute_builtin fn, const char *const *argv, const int *fds,
	size_t n_fds, struct job_exit *ret, struct err *err)
{
	struct compute_process p = COMPUTE_PROCESS_INIT;
	struct compute_exec *e CLEANUP_COMPUTE_EXEC = NULL;

	p.argv = argv;
	p.envp = j->variables.v;
	p.builtin = fn;
	p.fds = fds;
	p.n_fds = n_fds;
	p.stdout_fd = p.stderr_fd = j->output.pipe_fds[1];
	if (j->root->driver->exec(j->root, &p, &e, err) < 0 || job_await(j, e, ret, err) < 0)
		return -1;
	return output_drain(&j->output, err);
}

/* ---- beginnings ---- */

const char *job_variable(const struct job *j, const char *name)
{
	return strv_getenv(&j->variables, name);
}

static int load_spec(struct job *j, struct err *err)
{
	char *path CLEANUP(freep) = path_join(j->dir, LEADER_SPEC);
	struct str text CLEANUP_STR = STR_INIT;

	if (file_read(path, SPEC_MAX, &text, err) < 0)
		return -1;
	j->spec = arena_new(&j->arena, struct towpath_leader_job);
	if (wire_decode_json(&towpath_leader_job_shape, str_view(&text), &j->arena, j->spec, err) <
		0)
		return err_wrap(err, "%s", path);
	clock_release(&j->clock);
	if (clock_init_described(&j->clock, j->spec->clock, err) < 0)
		return err_wrap(err, "%s: clock", path);
	if (!j->spec->limits)
		j->spec->limits = arena_new(&j->arena, struct towpath_leader_limits);
	if (!j->spec->source)
		j->spec->source = arena_new(&j->arena, struct towpath_leader_source);
	j->source_target = j->spec->source->target ? j->spec->source->target : JOB_DEFAULT_TARGET;
	j->shell = j->spec->shell && j->spec->shell[0] ? j->spec->shell : "/bin/sh";
	j->carries_state = !streq(j->spec->version, "0.1");
	if (wire_or(j->spec->timeout_seconds, 0) > 0)
		j->deadline_usec =
			monotonic_usec() + wire_or(j->spec->timeout_seconds, 0) * USEC_PER_SEC;
	return 0;
}

static void set_variables(struct job *j)
{
	struct strv *v = &j->variables;

	strv_setenv(v, "PATH", DEFAULT_PATH);
	strv_setenv(v, "HOME", "/root");
	for (size_t i = 0; i < ARRAY_SIZE(inherited); i++)
		if (getenv(inherited[i]))
			strv_setenv(v, inherited[i], getenv(inherited[i]));
	strv_setenv(v, "CODEBUILD_CI", "true");
	strv_setenv(v, "CODEBUILD_LAST_EXIT", "0");
	strv_setenv(v, "CODEBUILD_SRC_DIR", j->source_target);
	wire_foreach (s, &j->spec->secondary_sources) {
		char *name CLEANUP(freep) = xasprintf("CODEBUILD_SRC_DIR_%s", s->identifier);

		strv_setenv(v, name, s->target);
	}
	wire_foreach (x, &j->spec->variables) {
		if (x->name && x->name[0] && !strchr(x->name, '='))
			strv_setenv(v, x->name, x->value ? x->value : "");
	}
	strv_setenv(v, "CODEBUILD_BUILD_SUCCEEDING", "1");
}

static void add_mount(
	struct job *j, const char *source, const char *target, bool overlay, bool read_only)
{
	vec_push(
		&j->mounts, (struct compute_mount){.kind = overlay ? COMPUTE_OVERLAY : COMPUTE_BIND,
				    .source = source,
				    .target = target,
				    .read_only = read_only});
}

static int mount_buildspec(struct job *j, struct err *err)
{
	int fd CLEANUP_FD = -1;
	char *path;

	if (!j->spec->buildspec)
		return 0;
	path = arena_printf(&j->arena, "%s/buildspec.yml", j->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_errno(err, errno, "cannot write %s", path);
	if (fd_write_all(fd, j->spec->buildspec, strlen(j->spec->buildspec), err) < 0)
		return err_wrap(err, "%s", path);
	add_mount(j, path, JOB_BUILDSPEC, false, true);
	return 0;
}

static int mount_sources(struct job *j, struct err *err)
{
	const char *path = j->spec->source->path;

	if (!path)
		path = arena_printf(&j->arena, "%s/src", j->dir);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return err_errno(err, errno, "cannot make source folder %s", path);
	add_mount(j, path, j->source_target, wire_or(j->spec->source_overlay, false), false);
	wire_foreach (s, &j->spec->secondary_sources) {
		add_mount(j, s->path, s->target, wire_or(j->spec->source_overlay, false), false);
	}
	return mount_buildspec(j, err);
}

static int make_root(struct job *j, struct err *err)
{
	static const char *const points[] = {
		JOB_CONTROL_DIR "/", JOB_BUILDSPEC, JOB_DEFAULT_TARGET "/"};
	char *dir CLEANUP(freep) = path_join(j->dir, "root");
	bool covered = false;
	const char **hidden = arena_new_n(&j->arena, j->spec->hidden_paths.n + 1, const char *);
	struct compute_spec spec = {
		.id = j->spec->build_id ? j->spec->build_id : path_base(j->dir),
		.dir = dir,
		.mounts = j->mounts.v,
		.n_mounts = j->mounts.n,
		.points = points,
		.n_points = ARRAY_SIZE(points),
		.hidden = hidden,
		.n_hidden = j->spec->hidden_paths.n,
		.hostname = JOB_HOSTNAME,
		.privileged = j->spec->engine != NULL,
		.limits = {.memory = (size_t)wire_or(j->spec->limits->memory_bytes, 0),
			.cpu_milli = wire_or(j->spec->limits->cpu_milli, 0),
			.pids = wire_or(j->spec->limits->pids, 0)},
		.log_fd = -1,
	};

	for (size_t i = 0; i < j->spec->hidden_paths.n; i++) {
		hidden[i] = j->spec->hidden_paths.v[i];
		covered |= starts_with(j->dir, hidden[i]) && j->dir[strlen(hidden[i])] == '/';
	}
	/* A set of hidden paths that is the same for all builds is prepared once for all. */
	if (!covered)
		hidden[spec.n_hidden++] = j->dir;
	if (mkdir(dir, 0700) < 0)
		return err_errno(err, errno, "cannot make %s", dir);
	return compute_sandbox.create(&compute_sandbox, &spec, &j->root, err);
}

/* ---- the phases ---- */

static int introduce(struct job *j, struct err *err)
{
	if (output_line(&j->output, err, "Waiting for agent ping") < 0 ||
		output_line(&j->output, err, "Waiting for DOWNLOAD_SOURCE") < 0 ||
		output_line(&j->output, err, "Phase is DOWNLOAD_SOURCE") < 0 ||
		output_line(&j->output, err, "CODEBUILD_SRC_DIR=%s", j->source_target) < 0 ||
		output_line(&j->output, err, "YAML location is %s",
			j->spec->buildspec_origin ? j->spec->buildspec_origin : JOB_BUILDSPEC) <
			0 ||
		output_line(&j->output, err, "Processing environment variables") < 0)
		return -1;
	for (size_t i = 0; i < j->spec->introduction.n; i++)
		if (output_line(&j->output, err, "%s", j->spec->introduction.v[i]) < 0)
			return -1;
	return 0;
}

static int list_phases(struct job *j, struct err *err)
{
	if (output_line(&j->output, err, "Moving to directory %s", j->source_target) < 0 ||
		output_line(&j->output, err, "Phases found in YAML: %zu", j->spec->phases.n) < 0)
		return -1;
	wire_foreach (p, &j->spec->phases) {
		if (output_line(&j->output, err, " %s: %zu commands", p->name, p->commands.n) < 0)
			return -1;
	}
	return 0;
}

/* What is left of DOWNLOAD_SOURCE after the server: runtimes, cache, and the root itself. */
static int prepare(struct job *j, struct phase_result *r, struct err *err)
{
	*r = PHASE_OK;
	if (runtime_select(j, r, err) < 0)
		return -1;
	if (streq(r->status, "SUCCEEDED") && engine_prepare(j, r, err) < 0)
		return -1;
	if (streq(r->status, "SUCCEEDED") && !job_check_end(j)) {
		if (list_phases(j, err) < 0 || shell_prepare(j, err) < 0 ||
			mount_sources(j, err) < 0 || cache_restore(j, err) < 0 ||
			make_root(j, err) < 0 || engine_start(j, err) < 0 ||
			shell_start(j, err) < 0 || cache_bucket_restore(j, err) < 0)
			return -1;
	}
	phase_note_end(j, r);
	return phase_end(j, "DOWNLOAD_SOURCE", r, err);
}

static int export_variables(struct job *j, struct err *err)
{
	struct towpath_leader_record r = {0};

	if (!j->spec->exported_variables.n || j->ended)
		return 0;
	if (shell_variables(j, &j->spec->exported_variables, &r.variables, err) < 0)
		return -1;
	return status_log_add(&j->status, "variables", &r, false, err);
}

static int run_phases(struct job *j, struct phase_result *ret, struct err *err)
{
	struct phase_result collected = PHASE_OK;
	bool collect;

	if (introduce(j, err) < 0 || prepare(j, ret, err) < 0)
		return -1;
	if (!streq(ret->status, "SUCCEEDED"))
		return 0;
	if (phase_run_all(j, ret, &collect, err) < 0 || export_variables(j, err) < 0)
		return -1;
	if (!collect || j->ended)
		return 0;
	if (collect_run(j, &collected, err) < 0)
		return -1;
	if (streq(ret->status, "SUCCEEDED"))
		*ret = collected;
	return streq(ret->status, "SUCCEEDED") ? cache_bucket_save(j, err) : 0;
}

static void finish(struct job *j, const struct phase_result *r)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	struct towpath_leader_record record = {
		.status = r->status, .status_code = r->status_code, .message = phase_message(j, r)};

	if (j->root) {
		engine_stop(j);
		record.peak_memory = WIRE_SET_LONG((int64_t)j->root->driver->peak_memory(j->root));
		j->root->driver->kill_all(j->root, NULL);
		/* What background processes wrote up to now is in the pipe. */
		output_drain(&j->output, NULL);
	}
	if (j->output.spool)
		spool_finish(j->output.spool, clock_now(&j->clock), NULL);
	status_log_add(&j->status, "finished", &record, true, &err);
}

/* After the last record: nobody waits for this. */
static void clean_up(struct job *j)
{
	static const char *const parts[] = {"root", "control", JOB_ENGINE_DIR};

	compute_root_destroyp(&j->root);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		char *path CLEANUP(freep) = path_join(j->dir, parts[i]);

		file_remove_tree(path, NULL);
	}
}

static int watch_signals(struct job *j, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	j->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return j->signal_fd < 0 ? err_errno(err, errno, "cannot watch signals") : 0;
}

static int start_job(struct job *j, int echo_fd, struct err *err)
{
	char *log CLEANUP(freep) = path_join(j->dir, LEADER_LOG);
	struct towpath_leader_record r = {.pid = WIRE_SET_INT(getpid())};

	if (watch_signals(j, err) < 0 || load_spec(j, err) < 0)
		return -1;
	if (j->spec->notify_socket)
		status_log_notify(&j->status, j->spec->notify_socket, j->dir);
	/* Synced: from here on the job was run and will never be run again. */
	if (output_open(&j->output, log, &j->clock, echo_fd, err) < 0 ||
		status_log_add(&j->status, "started", &r, true, err) < 0)
		return -1;
	for (size_t i = 0; i < j->spec->secrets.n; i++)
		mask_add(&j->output.mask, j->spec->secrets.v[i]);
	if (stop_requested(j))
		end_now(j, JOB_STOPPED);
	set_variables(j);
	return runtime_point_cli(j, err);
}

static void job_release(struct job *j)
{
	engine_stop(j);
	compute_root_destroyp(&j->root);
	fd_closep(&j->engine.lock_fd);
	output_release(&j->output);
	status_log_release(&j->status);
	fd_closep(&j->status.lock_fd);
	fd_closep(&j->signal_fd);
	strv_release(&j->variables);
	vec_release(&j->mounts);
	arena_release(&j->arena);
	clock_release(&j->clock);
}

/* One of the few statuses, as a text that outlives the job. */
static const char *static_status(const char *status)
{
	static const char *const all[] = {"SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED"};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (streq(all[i], status))
			return all[i];
	return "FAULT";
}

static int run_job(struct job *j, int echo_fd, struct phase_result *r, struct err *err)
{
	if (start_job(j, echo_fd, err) < 0)
		return -1;
	*r = PHASE_OK;
	return run_phases(j, r, err);
}

/* Runs the job whose status log is open. */
static const char *run_open_job(struct job *j, int echo_fd)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	struct phase_result r;
	const char *status;

	if (run_job(j, echo_fd, &r, &err) < 0) {
		r = (struct phase_result){"FAULT", "INTERNAL_SERVICE_ERROR",
			arena_printf(&j->arena, "%s%s%s%s", err_message(&err), err.hint ? " (" : "",
				err.hint ? err.hint : "", err.hint ? ")" : "")};
		if (j->output.spool)
			output_line(&j->output, NULL, "The build cannot go on: %s", r.message);
	}
	phase_note_end(j, &r);
	status = static_status(r.status);
	finish(j, &r);
	clean_up(j);
	return status;
}

/* True time until the job's specification, which tells the server's, is read. */
static int open_job(struct job *j, const char *job_dir, struct err *err)
{
	*j = (struct job){.dir = job_dir,
		.signal_fd = -1,
		.status = STATUS_LOG_INIT,
		.output = {.echo_fd = -1, .pipe_fds = {-1, -1}},
		.engine = {.lock_fd = -1, .log_fd = -1, .told_fd = -1}};
	clock_init_real(&j->clock, 1.0);
	j->status.clock = &j->clock;
	return status_log_open(&j->status, job_dir, err);
}

int leader_run(const char *job_dir, int echo_fd, const char **ret_status, struct err *err)
{
	struct job j CLEANUP(job_release);

	if (open_job(&j, job_dir, err) < 0)
		return -1;
	*ret_status = run_open_job(&j, echo_fd);
	return 0;
}

void job_lead(const char *job_dir, void (*ready)(void *arg, const struct err *err), void *arg)
{
	struct job j CLEANUP(job_release);
	struct err err CLEANUP_ERR = ERR_INIT;
	int bad = open_job(&j, job_dir, &err);

	ready(arg, bad ? &err : NULL);
	if (bad == 0)
		run_open_job(&j, -1);
}
