/* SPDX-License-Identifier: Apache-2.0 */
/* One thread waits for all leaders: datagrams tell of new records, process descriptors of ends.
 * The engine is told the folder; what happened it reads from the folder's files, so a lost note
 * costs nothing but time, and the end of a leader is never lost. */
#include "leader/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/vec.h"
#include "compute/compute.h"
#include "leader/job.h"

#define SOCKET_NAME "leaders.sock"
#define PAUSE_MSEC 1000 /* before the engine is told again of what it could not store */

/* A leader that is watched for its end. */
struct watched {
	int pidfd;
	char *job_dir;
};

struct leader_runner {
	struct zygote *zygote;
	char *socket_path;
	int socket, epoll, wake;
	pthread_t thread;
	pthread_mutex_t lock;	 /* guards what follows */
	pthread_mutex_t calling; /* held around changed() */
	struct strv due;	 /* folders to tell of at once */
	struct map told;	 /* job_dir -> struct watched */
	struct map again;	 /* folders to tell of after a pause; the thread's own */
	bool stopping;
	int (*changed)(void *engine, const char *job_dir);
	void *engine;
};

/* What a leader that was killed could not take away itself. */
static void sweep(const char *job_dir)
{
	static const char *const roots[] = {"root", "helper"};

	char *engine CLEANUP(freep) = path_join(job_dir, JOB_ENGINE_DIR);

	if (leader_alive(job_dir) > 0)
		return;
	file_remove_tree(engine, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		char *dir CLEANUP(freep) = path_join(job_dir, roots[i]);
		struct err err CLEANUP_ERR = ERR_INIT;

		if (compute_sweep(dir, &err) < 0)
			log_err("leader", &err, "cannot take away what %s left", job_dir);
		rmdir(dir);
	}
}

/* ---- the thread ---- */

static void tell(struct leader_runner *r, const char *job_dir)
{
	int stored = 0;

	pthread_mutex_lock(&r->calling);
	if (r->changed)
		stored = r->changed(r->engine, job_dir);
	pthread_mutex_unlock(&r->calling);
	if (stored < 0)
		map_set(&r->again, job_dir, r);
	else
		map_remove(&r->again, job_dir);
}

/* The engine could not store what these told, for want of room or of its database. */
static void tell_again(struct leader_runner *r)
{
	struct strv due CLEANUP_STRV = {0};

	map_foreach (it, &r->again)
		strv_add(&due, it->key);
	for (size_t i = 0; i < due.n; i++)
		tell(r, due.v[i]);
}

static void take_notes(struct leader_runner *r)
{
	char job_dir[PATH_MAX];
	ssize_t got;

	while ((got = recv(r->socket, job_dir, sizeof(job_dir) - 1, MSG_DONTWAIT)) > 0) {
		job_dir[got] = '\0';
		tell(r, job_dir);
	}
}

static void take_end(struct leader_runner *r, struct watched *w)
{
	pthread_mutex_lock(&r->lock);
	epoll_ctl(r->epoll, EPOLL_CTL_DEL, w->pidfd, NULL);
	map_remove(&r->told, w->job_dir);
	pthread_mutex_unlock(&r->lock);
	tell(r, w->job_dir);
	sweep(w->job_dir);
	fd_closep(&w->pidfd);
	free(w->job_dir);
	free(w);
}

static bool take_wake(struct leader_runner *r)
{
	struct strv due;
	uint64_t count;
	bool stopping;

	if (read(r->wake, &count, sizeof(count)) < 0)
		errno = 0;
	pthread_mutex_lock(&r->lock);
	due = r->due;
	r->due = (struct strv){0};
	stopping = r->stopping;
	pthread_mutex_unlock(&r->lock);
	for (size_t i = 0; i < due.n && !stopping; i++)
		tell(r, due.v[i]);
	strv_release(&due);
	return !stopping;
}

static void *watch_loop(void *arg)
{
	struct leader_runner *r = arg;
	struct epoll_event events[64];
	bool goes_on = true;

	while (goes_on) {
		int n = epoll_wait(
			r->epoll, events, ARRAY_SIZE(events), r->again.count ? PAUSE_MSEC : -1);

		if (n == 0)
			tell_again(r);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == &r->wake)
				goes_on = take_wake(r);
			else if (events[i].data.ptr == &r->socket)
				take_notes(r);
			else
				take_end(r, events[i].data.ptr);
		}
	}
	return NULL;
}

static void wake(struct leader_runner *r)
{
	uint64_t one = 1;

	if (write(r->wake, &one, sizeof(one)) < 0)
		errno = 0; /* it is awake already */
}

static void tell_soon(struct leader_runner *r, const char *job_dir)
{
	pthread_mutex_lock(&r->lock);
	strv_add(&r->due, job_dir);
	pthread_mutex_unlock(&r->lock);
	wake(r);
}

/* Watches for the end of a process; when it is gone already the engine is told at once. */
static void watch_end(struct leader_runner *r, const char *job_dir, pid_t pid)
{
	struct watched *w;
	struct epoll_event event = {.events = EPOLLIN};
	int fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

	/* The number may mean another process by now: the lock says who it is. */
	if (fd >= 0 && leader_alive(job_dir) != pid)
		fd_closep(&fd);
	pthread_mutex_lock(&r->lock);
	if (fd >= 0 && !map_has(&r->told, job_dir)) {
		w = xcalloc(1, sizeof(*w));
		*w = (struct watched){TAKE_FD(fd), xstrdup(job_dir)};
		event.data.ptr = w;
		map_set(&r->told, job_dir, w);
		epoll_ctl(r->epoll, EPOLL_CTL_ADD, w->pidfd, &event);
	}
	pthread_mutex_unlock(&r->lock);
	fd_closep(&fd);
}

/* ---- the port ---- */

static int runner_start(
	void *arg, const char *job_dir, const struct towpath_leader_job *job, struct err *err)
{
	struct leader_runner *r = arg;
	struct towpath_leader_job own = *job;
	char *path CLEANUP(freep) = path_join(job_dir, LEADER_SPEC);
	struct str json CLEANUP_STR = STR_INIT;
	pid_t pid;

	if (!own.notify_socket)
		own.notify_socket = r->socket_path;
	wire_encode_json(&towpath_leader_job_shape, &own, &json);
	/* It holds resolved secrets: for this user alone. Not synced: no leader outlives the
	 * machine, and a start that is repeated writes it anew. */
	if (file_replace(path, str_view(&json), 0600, err) < 0 ||
		leader_launch(r->zygote, job_dir, &pid, err) < 0)
		return -1;
	watch_end(r, job_dir, pid);
	/* It may have ended before it was watched. */
	if (leader_alive(job_dir) != pid)
		tell_soon(r, job_dir);
	return 0;
}

static int runner_attach(void *arg, const char *job_dir, struct err *err)
{
	struct leader_runner *r = arg;

	(void)err;
	watch_end(r, job_dir, leader_alive(job_dir));
	tell_soon(r, job_dir);
	sweep(job_dir);
	return 0;
}

static int runner_stop(void *arg, const char *job_dir, struct err *err)
{
	(void)arg;
	return leader_stop(job_dir, err);
}

static int runner_status(
	void *arg, const char *job_dir, struct arena *a, struct build_run *ret, struct err *err)
{
	struct leader_status s;

	(void)arg;
	if (leader_status_read(job_dir, a, &s, err) < 0)
		return -1;
	*ret = (struct build_run){
		.started = s.started,
		.finished = s.finished,
		.lost = s.lost,
		.build_status = s.build_status,
		.records = s.records,
		.n_records = s.n_records,
	};
	return 0;
}

static void runner_watch(void *arg, int (*changed)(void *engine, const char *job_dir), void *engine)
{
	struct leader_runner *r = arg;

	pthread_mutex_lock(&r->calling);
	r->changed = changed;
	r->engine = engine;
	pthread_mutex_unlock(&r->calling);
}

static void runner_unwatch(void *arg)
{
	runner_watch(arg, NULL, NULL);
}

struct build_runner leader_runner_port(struct leader_runner *r)
{
	return (struct build_runner){
		.arg = r,
		.start = runner_start,
		.attach = runner_attach,
		.stop = runner_stop,
		.status = runner_status,
		.watch = runner_watch,
		.unwatch = runner_unwatch,
	};
}

/* ---- life ---- */

static int open_socket(struct leader_runner *r, const char *run_dir, struct err *err)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int dir CLEANUP_FD = open(run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	r->socket_path = path_join(run_dir, SOCKET_NAME);
	r->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (dir < 0 || r->socket < 0)
		return err_errno(err, errno, "cannot open %s", r->socket_path);
	unlink(r->socket_path);
	/* By the folder's descriptor: a socket's name is short, a data folder's may not be. */
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" SOCKET_NAME, dir);
	if (bind(r->socket, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_errno(err, errno, "cannot make socket %s", r->socket_path);
	return 0;
}

static int add_event(struct leader_runner *r, int fd, void *ptr, struct err *err)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = ptr};

	if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return err_errno(err, errno, "cannot watch leaders");
	return 0;
}

static int open_all(struct leader_runner *r, const char *run_dir, struct err *err)
{
	if (open_socket(r, run_dir, err) < 0)
		return -1;
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->epoll < 0 || r->wake < 0)
		return err_errno(err, errno, "cannot watch leaders");
	if (add_event(r, r->wake, &r->wake, err) < 0 ||
		add_event(r, r->socket, &r->socket, err) < 0)
		return -1;
	errno = pthread_create(&r->thread, NULL, watch_loop, r);
	return errno ? err_errno(err, errno, "cannot start the thread of leaders") : 0;
}

static void release(struct leader_runner *r)
{
	map_foreach (it, &r->told) {
		struct watched *w = it->value;

		fd_closep(&w->pidfd);
		free(w->job_dir);
		free(w);
	}
	map_release(&r->told);
	map_release(&r->again);
	strv_release(&r->due);
	fd_closep(&r->socket);
	fd_closep(&r->epoll);
	fd_closep(&r->wake);
	if (r->socket_path)
		unlink(r->socket_path);
	free(r->socket_path);
	pthread_mutex_destroy(&r->lock);
	pthread_mutex_destroy(&r->calling);
	free(r);
}

int leader_runner_new(
	struct zygote *z, const char *run_dir, struct leader_runner **ret, struct err *err)
{
	struct leader_runner *r = xcalloc(1, sizeof(*r));

	r->zygote = z;
	r->socket = r->epoll = r->wake = -1;
	pthread_mutex_init(&r->lock, NULL);
	pthread_mutex_init(&r->calling, NULL);
	if (open_all(r, run_dir, err) < 0) {
		release(r);
		return -1;
	}
	*ret = r;
	return 0;
}

void leader_runner_free(struct leader_runner *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stopping = true;
	pthread_mutex_unlock(&r->lock);
	wake(r);
	pthread_join(r->thread, NULL);
	release(r);
}
