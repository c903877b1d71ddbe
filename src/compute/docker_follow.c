/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that follow roots of an engine: what the monitor of an oci root does, on the
 * server's side, since the engine keeps both output and end while no server runs.
 *
 * Files of a root's folder: engine (what it was made with), log-mark (docker_log.c), exit (how it
 * ended). The spool is finished before `exit` is there, `exit` before the root's descriptor says
 * so: whoever sees it readable finds both, or knows that the root is gone. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "base/path.h"
#include "compute/docker_internal.h"
#include "compute/oci_internal.h"

#define BUNDLE_FILE "engine"
#define EXIT_FILE "exit"
#define AGAIN_USEC (500 * USEC_PER_MSEC)
#define STACK_BYTES (512 * KIB)

/* ---- files of the folder ---- */

int docker_bundle_write(
	const struct docker_engine *e, const struct compute_spec *spec, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;

	str_addf(&text, "%s\n%s\n", e->name, spec->log_path ? spec->log_path : "");
	if (spec->clock)
		clock_describe(spec->clock, &text);
	str_add_c(&text, '\n');
	return oci_write(spec->dir, BUNDLE_FILE, str_view(&text), 0600, err);
}

/* The nth line of the bundle's file, or NULL. */
static char *bundle_line(const char *dir, int n)
{
	char *path CLEANUP(freep) = path_join(dir, BUNDLE_FILE);
	struct str text CLEANUP_STR = STR_INIT;
	struct view rest, line = {0};

	if (file_read(path, 16 * KIB, &text, NULL) < 0)
		return NULL;
	rest = str_view(&text);
	for (; n >= 0; n--)
		line = view_cut(&rest, '\n');
	return line.len ? xstrndup(line.p, line.len) : NULL;
}

const char *compute_engine_of(const char *dir, struct arena *a)
{
	char *name CLEANUP(freep) = bundle_line(dir, 0);

	return arena_strdup(a, name);
}

static int keep_end(const struct docker_follow *f, const struct compute_exit *end, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;

	str_addf(&text, "%d %d %d %d\n%s\n", end->exit_code, end->signal, end->out_of_memory,
		end->host_lost, end->why);
	return oci_write(f->dir, EXIT_FILE, str_view(&text), 0600, err);
}

int docker_ended(const struct compute_driver *d UNUSED, const char *id, const char *dir,
	struct compute_exit *ret, struct err *err)
{
	char *path CLEANUP(freep) = path_join(dir, EXIT_FILE);
	struct str text CLEANUP_STR = STR_INIT;
	int code, signal, oom, lost;
	struct view rest, why;

	if (!file_exists(path))
		return 0;
	if (file_read(path, 4 * KIB, &text, err) < 0)
		return -1;
	if (sscanf(str_text(&text), "%d %d %d %d", &code, &signal, &oom, &lost) != 4)
		return err_set(err, ERR_MALFORMED, "the end of root %s is not readable", id);
	*ret = (struct compute_exit){.exit_code = code,
		.signal = signal,
		.out_of_memory = oom != 0,
		.host_lost = lost != 0};
	rest = str_view(&text);
	view_cut(&rest, '\n');
	why = view_cut(&rest, '\n');
	snprintf(ret->why, sizeof(ret->why), VIEW_FMT, VIEW_ARG(why));
	return 1;
}

/* ---- waiting ---- */

bool docker_follow_stopped(void *follow)
{
	struct docker_follow *f = follow;
	bool stop;

	pthread_mutex_lock(&f->engine->lock);
	stop = f->stop;
	pthread_mutex_unlock(&f->engine->lock);
	return stop;
}

void docker_follow_pause(struct docker_follow *f, int64_t usec)
{
	int64_t until = monotonic_usec() + usec;
	struct timespec at = {until / USEC_PER_SEC, (until % USEC_PER_SEC) * 1000};

	pthread_mutex_lock(&f->engine->lock);
	if (!f->stop)
		pthread_cond_timedwait(&f->engine->changed, &f->engine->lock, &at);
	pthread_mutex_unlock(&f->engine->lock);
}

/* swarm: the task has ended, or nobody wants to know. */
static bool is_over(void *arg)
{
	struct docker_follow *f = arg;
	bool over;

	pthread_mutex_lock(&f->engine->lock);
	over = f->stop || f->ended;
	pthread_mutex_unlock(&f->engine->lock);
	return over;
}

/* ---- one round ---- */

#define LOG_QUERY "logs?stdout=1&stderr=1"

/* The output of a container ends with it. 1: it has ended. */
static int round_docker(struct docker_follow *f, struct compute_exit *end, struct err *err)
{
	char *name CLEANUP(freep) = docker_name(f->id);
	char *path CLEANUP(freep) = xasprintf("/containers/%s/" LOG_QUERY, name);

	if (f->log_path && docker_log_read(f, path, true, docker_follow_stopped, err) < 0)
		return -1;
	if (docker_container_wait(f, err) < 0)
		return -1;
	/* The stream may have been cut while the container ran on. */
	if (f->log_path && docker_log_read(f, path, false, docker_follow_stopped, err) < 0)
		return -1;
	return docker_container_state(f->engine, f->id, end, err);
}

/* The stream of a task's output does not end by itself. 1: the task has ended. */
static int round_swarm(struct docker_follow *f, struct compute_exit *end, struct err *err)
{
	struct docker_engine *e = f->engine;
	char *path CLEANUP(freep) = NULL;
	bool ended, readable;
	int r = 0;

	pthread_mutex_lock(&e->lock);
	while (!f->stop && !f->ended && !(f->started && f->log_path))
		pthread_cond_wait(&e->changed, &e->lock);
	if (f->task)
		path = xasprintf("/tasks/%s/" LOG_QUERY, f->task);
	pthread_mutex_unlock(&e->lock);
	if (f->log_path && path && !is_over(f))
		r = docker_log_read(f, path, true, is_over, err);
	pthread_mutex_lock(&e->lock);
	ended = f->ended && !f->stop;
	readable = f->started && !f->exit.host_lost;
	*end = f->exit;
	pthread_mutex_unlock(&e->lock);
	if (!ended)
		return r;
	/* A host that does not answer keeps what it has not sent. */
	if (f->log_path && path && readable &&
		docker_log_read(f, path, false, docker_follow_stopped, err) < 0)
		log_warn("compute", "the end of the output of %s is not there: %s", f->id,
			err ? err_message(err) : "");
	return 1;
}

/* 1: over. */
static int follow_round(struct docker_follow *f)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	struct compute_exit end = {.exit_code = -1};
	int r = f->engine->swarm ? round_swarm(f, &end, &err) : round_docker(f, &end, &err);

	if (docker_follow_stopped(f))
		return 1;
	if (r < 0 && err_is(&err, ERR_NOT_FOUND))
		return docker_log_finish(f, NULL) < 0 ? 0 : 1; /* gone: nobody knows how */
	if (r > 0 && (docker_log_finish(f, &err) < 0 || keep_end(f, &end, &err) < 0))
		r = -1;
	if (r < 0)
		log_debug("compute", "following %s: %s", f->id, err_message(&err));
	return r > 0;
}

static void follow_free(struct docker_follow *f)
{
	docker_log_free(f->log);
	fd_closep(&f->end_fd);
	free(f->id);
	free(f->dir);
	free(f->log_path);
	clock_release(&f->clock);
	free(f->task);
	free(f->node);
	free(f);
}

static void *follow_main(void *arg)
{
	struct docker_follow *f = arg;
	struct docker_engine *e = f->engine;
	uint64_t one = 1;

	while (follow_round(f) == 0)
		docker_follow_pause(f, AGAIN_USEC);
	pthread_mutex_lock(&e->lock);
	f->over = true;
	if (write(f->end_fd, &one, sizeof(one)) < 0)
		log_warn("compute", "nobody is told that %s has ended", f->id);
	while (!f->stop)
		pthread_cond_wait(&e->changed, &e->lock);
	e->n_threads--;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
	follow_free(f);
	return NULL;
}

/* ---- roots ---- */

static void start_thread(struct docker_engine *e, struct docker_follow *f)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, follow_main, f) != 0)
		BUG("cannot start a thread that follows root %s", f->id);
	pthread_attr_destroy(&attr);
	e->n_threads++;
	if (e->swarm && !e->watching) {
		if (pthread_create(&e->watcher, NULL, swarm_watcher_main, e) != 0)
			BUG("cannot start the thread that watches a swarm");
		e->watching = true;
	}
}

/* With the lock held. */
static struct compute_root *new_root(struct docker_follow *f)
{
	struct docker_root *r = xcalloc(1, sizeof(*r));

	r->base.driver = &f->engine->base;
	r->follow = f;
	f->n_roots++;
	return &r->base;
}

struct compute_root *docker_follow_find(struct docker_engine *e, const char *id)
{
	struct compute_root *r = NULL;
	struct docker_follow *f;

	pthread_mutex_lock(&e->lock);
	f = map_get(&e->follows, id);
	if (f && !f->over)
		r = new_root(f);
	pthread_mutex_unlock(&e->lock);
	return r;
}

/* True time when its description cannot be read: what was written counts more than when. */
static void read_clock(struct docker_follow *f)
{
	char *text CLEANUP(freep) = bundle_line(f->dir, 2);
	struct err err CLEANUP_ERR = ERR_INIT;

	if (clock_init_described(&f->clock, text, &err) < 0)
		log_warn("compute", "root %s: %s", f->id, err_message(&err));
}

struct compute_root *docker_follow_root(struct docker_engine *e, const char *id, const char *dir)
{
	struct docker_follow *f;
	struct compute_root *r;

	pthread_mutex_lock(&e->lock);
	f = map_get(&e->follows, id);
	if (!f || f->over) {
		f = xcalloc(1, sizeof(*f));
		f->engine = e;
		f->id = xstrdup(id);
		f->dir = xstrdup(dir);
		f->log_path = bundle_line(dir, 1);
		read_clock(f);
		f->end_fd = eventfd(0, EFD_CLOEXEC);
		BUG_ON(f->end_fd < 0);
		map_set(&e->follows, id, f);
		start_thread(e, f);
		pthread_cond_broadcast(&e->changed);
	}
	r = new_root(f);
	pthread_mutex_unlock(&e->lock);
	return r;
}

struct docker_follow *docker_follow_of(struct compute_root *r)
{
	return CONTAINER_OF(r, struct docker_root, base)->follow;
}

int docker_attach(const struct compute_driver *d, const char *id, const char *dir,
	int (*there)(struct docker_engine *e, const char *id, struct err *err),
	struct compute_root **ret, struct err *err)
{
	struct docker_engine *e = docker_engine_of(d);
	struct compute_exit end;
	int ended = docker_ended(d, id, dir, &end, err);

	if (ended != 0)
		return ended < 0 ? -1 : err_set(err, ERR_NOT_FOUND, "root %s has ended", id);
	*ret = docker_follow_find(e, id);
	if (*ret)
		return 0;
	if (there(e, id, err) < 0)
		return -1;
	*ret = docker_follow_root(e, id, dir);
	return 0;
}

int docker_destroy(struct compute_root *r, struct err *err)
{
	struct docker_follow *f;
	int result;

	if (!r)
		return 0;
	f = docker_follow_of(r);
	result = r->driver->discard(r->driver, f->id, f->dir, err);
	docker_detach(r);
	return result;
}

void docker_detach(struct compute_root *base)
{
	struct docker_root *r = base ? CONTAINER_OF(base, struct docker_root, base) : NULL;
	struct docker_engine *e;

	if (!r)
		return;
	e = r->follow->engine;
	pthread_mutex_lock(&e->lock);
	if (--r->follow->n_roots == 0) {
		if (map_get(&e->follows, r->follow->id) == r->follow)
			map_remove(&e->follows, r->follow->id);
		r->follow->stop = true; /* the thread frees it */
		pthread_cond_broadcast(&e->changed);
	}
	pthread_mutex_unlock(&e->lock);
	free(r);
}

int docker_watch_fd(struct compute_root *r, struct err *err UNUSED)
{
	return docker_follow_of(r)->end_fd;
}
