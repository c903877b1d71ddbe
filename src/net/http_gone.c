/* SPDX-License-Identifier: Apache-2.0 */
/* Watches the sockets of suspended connections, which libmicrohttpd does not look at, and tells
 * the owner of a deferred reply when its peer has gone: one thread with one epoll set. */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/http_exchange.h"

struct http_gone_watch {
	int epoll, stop;
	bool running;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t done;		     /* an on_gone returned */
	VEC(struct http_exchange *) waiting; /* an epoll event's pointer counts only while here */
};

/* Under w->lock. */
static void unwatch(struct http_gone_watch *w, struct http_exchange *x)
{
	struct http_exchange *moved = w->waiting.v[w->waiting.n - 1];

	epoll_ctl(w->epoll, EPOLL_CTL_DEL, x->fd, NULL);
	w->waiting.v[x->watch_index] = moved;
	moved->watch_index = x->watch_index;
	w->waiting.n--;
	x->watched = false;
}

static bool is_waiting(struct http_gone_watch *w, struct http_exchange *x)
{
	vec_foreach (it, &w->waiting) {
		if (*it == x)
			return true;
	}
	return false;
}

static void peer_left(struct http_gone_watch *w, struct http_exchange *x)
{
	bool tell;

	pthread_mutex_lock(&w->lock);
	tell = is_waiting(w, x);
	if (tell) {
		http_exchange_ref(x);
		unwatch(w, x);
		x->gone_running = true;
		x->gone_thread = pthread_self();
	}
	pthread_mutex_unlock(&w->lock);
	if (!tell)
		return;
	x->on_gone(x->on_gone_arg);
	pthread_mutex_lock(&w->lock);
	x->gone_running = false;
	pthread_cond_broadcast(&w->done);
	pthread_mutex_unlock(&w->lock);
	http_exchange_unref(x);
}

static void *watch_main(void *arg)
{
	struct http_gone_watch *w = arg;
	struct epoll_event events[32];

	for (;;) {
		int n = epoll_wait(w->epoll, events, ARRAY_SIZE(events), -1);

		if (n < 0 && errno != EINTR)
			return NULL;
		for (int i = 0; i < n; i++) {
			if (!events[i].data.ptr)
				return NULL;
			peer_left(w, events[i].data.ptr);
		}
	}
}

static int start_thread(struct http_gone_watch *w, struct err *err)
{
	pthread_attr_t attr;
	int failed;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, HTTP_THREAD_STACK);
	failed = pthread_create(&w->thread, &attr, watch_main, w);
	pthread_attr_destroy(&attr);
	if (failed)
		return err_errno(err, failed, "cannot start a thread");
	pthread_setname_np(w->thread, "http-gone");
	w->running = true;
	return 0;
}

int http_gone_start(struct http_gone_watch **ret, struct err *err)
{
	struct http_gone_watch *w = xcalloc(1, sizeof(*w));
	struct epoll_event stop = {.events = EPOLLIN};

	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->done, NULL);
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->stop = eventfd(0, EFD_CLOEXEC);
	if (w->epoll < 0 || w->stop < 0 || epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->stop, &stop) < 0) {
		err_errno(err, errno, "cannot set up epoll");
		http_gone_free(w);
		return -1;
	}
	if (start_thread(w, err) < 0) {
		http_gone_free(w);
		return -1;
	}
	*ret = w;
	return 0;
}

void http_gone_stop(struct http_gone_watch *w)
{
	uint64_t one = 1;

	if (!w || !w->running)
		return;
	if (write(w->stop, &one, sizeof(one)) < 0)
		BUG("eventfd refused a write");
	pthread_join(w->thread, NULL);
	w->running = false;
}

struct http_gone_watch *http_gone_free(struct http_gone_watch *w)
{
	if (!w)
		return NULL;
	http_gone_stop(w);
	fd_closep(&w->epoll);
	fd_closep(&w->stop);
	vec_release(&w->waiting);
	pthread_cond_destroy(&w->done);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

void http_gone_add(struct http_gone_watch *w, struct http_exchange *x)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct epoll_event event = {.events = EPOLLRDHUP | EPOLLHUP | EPOLLERR, .data.ptr = x};

	if (!info)
		return;
	pthread_mutex_lock(&w->lock);
	x->fd = info->connect_fd;
	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, x->fd, &event) == 0) {
		x->watch_index = w->waiting.n;
		x->watched = true;
		vec_push(&w->waiting, x);
	}
	pthread_mutex_unlock(&w->lock);
}

void http_gone_remove(struct http_gone_watch *w, struct http_exchange *x)
{
	pthread_mutex_lock(&w->lock);
	if (x->watched)
		unwatch(w, x);
	if (x->gone_running && !pthread_equal(x->gone_thread, pthread_self())) {
		pthread_mutex_unlock(&x->lock);
		while (x->gone_running)
			pthread_cond_wait(&w->done, &w->lock);
		pthread_mutex_unlock(&w->lock);
		pthread_mutex_lock(&x->lock);
		return;
	}
	pthread_mutex_unlock(&w->lock);
}
