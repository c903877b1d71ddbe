/* SPDX-License-Identifier: Apache-2.0 */
/* Watches the first processes of instances and the data plane: one thread waits for any of them to
 * end. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "fleet/containers.h"

#define EVENTS 32
#define PAUSE_MSEC 1000 /* before an end that could not be stored is looked at again */

/* Descriptors are told apart by the id's text in the map. */
void fleet_watch_root(struct fleet_engine *e, const char *id, struct compute_root *root)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	int fd = root->driver->watch_fd ? root->driver->watch_fd(root, &err) : -1;

	pthread_mutex_lock(&e->lock);
	map_set(&e->roots, id, root);
	if (fd >= 0) {
		struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = root};

		if (epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
			log_warn("fleet", "instance %s is not watched", id);
	}
	pthread_mutex_unlock(&e->lock);
}

bool fleet_watched_root(struct fleet_engine *e, const char *id)
{
	bool watched;

	pthread_mutex_lock(&e->lock);
	watched = map_has(&e->roots, id);
	pthread_mutex_unlock(&e->lock);
	return watched;
}

struct compute_root *fleet_unwatch_root(struct fleet_engine *e, const char *id)
{
	struct compute_root *root;

	pthread_mutex_lock(&e->lock);
	root = map_remove(&e->roots, id);
	if (root && root->driver->watch_fd) {
		int fd = root->driver->watch_fd(root, NULL);

		if (fd >= 0)
			epoll_ctl(e->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	}
	pthread_mutex_unlock(&e->lock);
	return root;
}

static int died_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_op *o = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct towpath_fleet_instance i;
	int r = fleet_instance_get(tx, o->req, &a, &i, err);

	if (r <= 0 || !fleet_instance_live(&i))
		return r < 0 ? -1 : 0;
	if (fleet_targets_drain_all(o->e, tx, i.instance_id, 0, true, &a, err) < 0)
		return -1;
	return fleet_instance_stop(o->e, tx, &i, "the instance ended by itself", &a, err);
}

/* Name of the instance whose root this is; a copy, or NULL. */
static char *id_of_root(struct fleet_engine *e, const struct compute_root *root)
{
	char *id = NULL;

	pthread_mutex_lock(&e->lock);
	map_foreach (it, &e->roots) {
		if (it->value == root && !id)
			id = xstrdup(it->key);
	}
	pthread_mutex_unlock(&e->lock);
	return id;
}

/* False when it could not be stored. */
static bool root_ended(struct fleet_engine *e, const struct compute_root *root)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	char *id CLEANUP(freep) = id_of_root(e, root);

	if (!id)
		return true;
	if (starts_with(id, "t-")) {
		if (fleet_container_ended(e, id, &err) == 0)
			return true;
		log_err("fleet", &err, "container %s ended", id);
		return false;
	}
	log_warn("fleet", "instance %s ended by itself", id);
	if (fleet_write(e, died_step, &(struct fleet_op){.e = e, .req = id}, &err) == 0)
		return true;
	log_err("fleet", &err, "instance %s ended", id);
	return false;
}

/* Those that have ended fire once more, the others do nothing. */
static void rearm_roots(struct fleet_engine *e)
{
	pthread_mutex_lock(&e->lock);
	map_foreach (it, &e->roots) {
		struct compute_root *root = it->value;
		struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = root};
		int fd = root->driver->watch_fd ? root->driver->watch_fd(root, NULL) : -1;

		if (fd >= 0 && epoll_ctl(e->epoll_fd, EPOLL_CTL_MOD, fd, &event) < 0)
			errno = 0;
	}
	pthread_mutex_unlock(&e->lock);
}

/* ---- the data plane ---- */

void fleet_watch_traffic(struct fleet_engine *e)
{
	struct traffic *t = e->cfg.traffic;
	struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = &e->traffic_fd};

	fd_closep(&e->traffic_fd);
	if (!t || !t->driver->watch_fd)
		return;
	e->traffic_fd = t->driver->watch_fd(t);
	if (e->traffic_fd >= 0 && epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, e->traffic_fd, &event) < 0)
		log_warn("fleet", "the data plane is not watched; it is looked after each second");
}

/* With the weights and targets that are stored; should that fail, the sampler tries again. */
static void traffic_ended(struct fleet_engine *e)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	log_warn("fleet", "the data plane ended; it is started anew");
	if (fleet_traffic_apply(e, &err) < 0)
		log_err("fleet", &err, "the data plane does not come up");
}

static void *watcher_main(void *arg)
{
	struct fleet_engine *e = arg;
	struct epoll_event events[EVENTS];
	bool again = false;

	for (;;) {
		int n = epoll_wait(e->epoll_fd, events, EVENTS, again ? PAUSE_MSEC : -1);

		if (n < 0 && errno != EINTR)
			return NULL;
		if (n == 0) {
			again = false;
			rearm_roots(e);
		}
		for (int i = 0; i < n; i++) {
			if (!events[i].data.ptr)
				return NULL; /* asked to stop */
			if (events[i].data.ptr == &e->traffic_fd)
				traffic_ended(e);
			else
				again |= !root_ended(e, events[i].data.ptr);
		}
	}
}

int fleet_watch_start(struct fleet_engine *e, struct err *err)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

	if (epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, e->wake_fd, &event) < 0 ||
		pthread_create(&e->watcher, NULL, watcher_main, e) != 0)
		return err_set(err, ERR_IO, "cannot start the thread that watches instances");
	return 0;
}

void fleet_watch_stop(struct fleet_engine *e)
{
	uint64_t one = 1;

	if (write(e->wake_fd, &one, sizeof(one)) < 0)
		log_warn("fleet", "cannot stop the thread that watches instances");
	pthread_join(e->watcher, NULL);
}
