/* SPDX-License-Identifier: Apache-2.0 */
/* The docker engine of a build in privileged mode: dockerd(8) of this machine's packages, run
 * inside the build's own root, where it has all rights over the build and none over the machine
 * (compute_spec.privileged). It starts when something first connects to its socket and ends with
 * the root; what it stores is thrown away with the build, or kept for the project's next build when
 * the project caches docker layers.
 *
 * Invariants
 * 1. One engine at a time has a kept storage: it holds CACHE/lock.
 * 2. A kept storage is used again only when its engine ended in order: until then CACHE/in-use
 *    stands, and a storage with that is thrown away. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/spawn.h"
#include "leader/job.h"

#define STORAGE "/var/lib/docker" /* inside */
#define STOP_USEC (20 * USEC_PER_SEC)
#define LOG_SHOWN 2048

/* Programs of the machine, looked for before the build's root is made. */
static const struct {
	const char *program, *package;
} wanted[] = {
	{"dockerd", "docker.io"},
	{"docker", "docker.io"},
	{"containerd", "containerd"},
	{"iptables", "iptables"},
	{"pasta", "passt"},
	{"slirp4netns", "slirp4netns"},
};

static bool find_programs(struct job *j, struct phase_result *r, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (spawn_can_find(wanted[i].program))
			continue;
		*r = (struct phase_result){"FAILED", "INVALID_IMAGE",
			arena_printf(&j->arena,
				"Privileged mode needs the program %s on the machine that builds: "
				"install the package %s",
				wanted[i].program, wanted[i].package)};
		output_line(&j->output, err, "%s", r->message);
		return false;
	}
	return true;
}

/* ---- storage ---- */

static const char *kept_path(struct job *j, const char *name)
{
	return arena_printf(&j->arena, "%s/%s", j->spec->engine->cache_dir, name);
}

/* True when the kept storage is this build's alone; the lock falls with the process at the latest.
 */
static bool take_kept(struct job *j, struct err *err)
{
	int fd CLEANUP_FD =
		open(kept_path(j, "lock"), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
		j->engine.lock_fd = TAKE_FD(fd);
		return true;
	}
	output_line(&j->output, err,
		"Another build uses the project's docker layers: this one starts without");
	return false;
}

static int mark_in_use(struct job *j, struct err *err)
{
	const char *mark = kept_path(j, "in-use");
	int fd CLEANUP_FD = -1;

	if (file_exists(mark) && file_remove_tree(j->engine.storage, err) < 0)
		return -1;
	fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? err_errno(err, errno, "cannot make %s", mark) : 0;
}

static int choose_storage(struct job *j, struct err *err)
{
	j->engine.storage = arena_printf(&j->arena, "%s/" JOB_ENGINE_DIR, j->dir);
	if (j->spec->engine->cache_dir) {
		if (file_make_dirs(j->spec->engine->cache_dir, 0700, err) < 0)
			return -1;
		j->engine.kept = take_kept(j, err);
	}
	if (j->engine.kept) {
		j->engine.storage = kept_path(j, "storage");
		if (mark_in_use(j, err) < 0)
			return -1;
	}
	if (mkdir(j->engine.storage, 0711) < 0 && errno != EEXIST)
		return err_errno(err, errno, "cannot make %s", j->engine.storage);
	vec_push(&j->mounts,
		(struct compute_mount){
			.kind = COMPUTE_BIND, .source = j->engine.storage, .target = STORAGE});
	return 0;
}

int engine_prepare(struct job *j, struct phase_result *r, struct err *err)
{
	if (!j->spec->engine || !find_programs(j, r, err))
		return 0;
	return choose_storage(j, err);
}

/* ---- life ---- */

/* host:port of an endpoint without TLS, or NULL: the registry has its address. */
static const char *plain_registry(struct job *j)
{
	const char *endpoint = job_variable(j, "AWS_ENDPOINT_URL");
	static const char scheme[] = "http://";

	if (!endpoint || !starts_with(endpoint, scheme))
		return NULL;
	endpoint += strlen(scheme);
	return arena_strndup(&j->arena, endpoint, strcspn(endpoint, "/"));
}

static int open_log(struct job *j, struct err *err)
{
	char *path CLEANUP(freep) = path_join(j->dir, "docker.log");

	j->engine.log_fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	return j->engine.log_fd < 0 ? err_errno(err, errno, "cannot make %s", path) : 0;
}

int engine_start(struct job *j, struct err *err)
{
	const char *argv[] = {"dockerd", "--host", "fd://", "--data-root", STORAGE, "--exec-root",
		"/run/docker", "--pidfile", "/run/docker.pid", "--storage-driver", "overlay2",
		"--log-level", "warn", "--shutdown-timeout", "5", NULL, NULL, NULL};
	struct compute_process p = COMPUTE_PROCESS_INIT;
	size_t n = 15;
	char step;
	int told[2];

	if (!j->spec->engine)
		return 0;
	if (plain_registry(j)) {
		argv[n++] = "--insecure-registry";
		argv[n++] = plain_registry(j);
	}
	if (open_log(j, err) < 0)
		return -1;
	if (pipe2(told, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot start the docker engine");
	j->engine.told_fd = told[0];
	p.argv = argv;
	p.envp = j->variables.v;
	p.builtin = engine_inside;
	p.fds = &told[1];
	p.n_fds = 1;
	p.stdout_fd = p.stderr_fd = j->engine.log_fd;
	if (j->root->driver->exec(j->root, &p, &j->engine.exec, err) < 0) {
		close(told[1]);
		return -1;
	}
	close(told[1]);
	/* It tells when the socket is there, and again at its first use. */
	if (fd_read_full(told[0], &step, 1, err) != 1)
		return err_set(err, ERR_IO, "the socket of the docker engine could not be made");
	return 0;
}

static bool was_used(const struct job *j)
{
	struct pollfd p = {j->engine.told_fd, POLLIN, 0};

	return poll(&p, 1, 0) > 0 && (p.revents & POLLIN);
}

int engine_end_fd(const struct job *j)
{
	return j->engine.exec ? j->engine.exec->end_fd : -1;
}

int engine_note_end(struct job *j, struct err *err)
{
	struct str log CLEANUP_STR = STR_INIT;
	off_t size = lseek(j->engine.log_fd, 0, SEEK_END);

	lseek(j->engine.log_fd, MAX(size - LOG_SHOWN, 0), SEEK_SET);
	fd_read_all(j->engine.log_fd, LOG_SHOWN, &log, NULL);
	compute_exec_freep(&j->engine.exec);
	return output_line(&j->output, err, "The docker engine has ended. It wrote: %s",
		log.len ? str_text(&log) : "nothing");
}

/* Layers are worth keeping, what ran is not. */
static bool empty_engine(struct job *j, int64_t deadline_usec, struct err *err)
{
	static const char *const argv[] = {"sh", "-c",
		"docker ps -aq | xargs -r docker rm -fv && docker network prune -f && "
		"docker volume ls -q | xargs -r docker volume rm -f",
		NULL};
	struct compute_process p = COMPUTE_PROCESS_INIT;
	struct compute_exec *e CLEANUP_COMPUTE_EXEC = NULL;
	struct compute_exit ended;

	p.argv = argv;
	p.envp = j->variables.v;
	p.stdout_fd = p.stderr_fd = j->engine.log_fd;
	return j->root->driver->exec(j->root, &p, &e, err) == 0 &&
	       j->root->driver->wait(e, MAX(deadline_usec - monotonic_usec(), 0), &ended, err) >
		       0 &&
	       ended.exit_code == 0;
}

static bool end_in_order(struct job *j, struct err *err)
{
	int64_t deadline = monotonic_usec() + STOP_USEC;
	struct compute_exit ended;

	if (!was_used(j))
		return true;
	return empty_engine(j, deadline, err) &&
	       j->root->driver->signal(j->engine.exec, SIGTERM, err) == 0 &&
	       j->root->driver->wait(
		       j->engine.exec, MAX(deadline - monotonic_usec(), 0), &ended, err) > 0 &&
	       ended.exit_code == 0;
}

static void keep_layers(struct job *j)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	if (end_in_order(j, &err)) {
		unlink(kept_path(j, "in-use"));
		fd_closep(&j->engine.lock_fd);
		return;
	}
	output_line(&j->output, NULL,
		"The docker layers are not kept: the engine did not end in order%s%s",
		err.kind != ERR_NONE ? ": " : "", err.kind != ERR_NONE ? err_message(&err) : "");
}

void engine_stop(struct job *j)
{
	struct pollfd end = {engine_end_fd(j), POLLIN, 0};

	if (!j->ended && poll(&end, 1, 0) > 0)
		engine_note_end(j, NULL);
	if (j->engine.exec && j->engine.kept && !j->ended)
		keep_layers(j);
	compute_exec_freep(&j->engine.exec);
	fd_closep(&j->engine.told_fd);
	fd_closep(&j->engine.log_fd);
}
