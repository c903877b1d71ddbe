/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: a worker thread reads the body from one bounded ring and writes the reply to another,
 * while the connection's thread fills and drains them; whoever finds a ring full or empty waits
 * (the worker on a condition, the connection by being suspended). */
#include <errno.h>
#include <time.h>

#include "base/log.h"
#include "net/http_exchange.h"

#define WORKER_IDLE_SEC 10

/* ---- rings ---- */

static size_t ring_put(struct http_ring *r, const char *bytes, size_t n)
{
	size_t done = 0;

	if (!r->p)
		r->p = xmalloc(HTTP_RING_SIZE);
	n = MIN(n, HTTP_RING_SIZE - r->used);
	while (done < n) {
		size_t end = (r->start + r->used) % HTTP_RING_SIZE;
		size_t run = MIN(n - done, HTTP_RING_SIZE - end);

		memcpy(r->p + end, bytes + done, run);
		r->used += run;
		done += run;
	}
	return n;
}

static size_t ring_get(struct http_ring *r, char *buf, size_t n)
{
	size_t done = 0;

	n = MIN(n, r->used);
	while (done < n) {
		size_t run = MIN(n - done, HTTP_RING_SIZE - r->start);

		memcpy(buf + done, r->p + r->start, run);
		r->start = (r->start + run) % HTTP_RING_SIZE;
		r->used -= run;
		done += run;
	}
	return n;
}

/* ---- the connection's side ---- */

static bool swallow(struct http_exchange *x, size_t *n)
{
	x->swallowed += *n;
	*n = 0;
	return x->swallowed <= HTTP_SWALLOW_LIMIT;
}

enum MHD_Result http_stream_feed(struct http_exchange *x, const char *bytes, size_t *n)
{
	if (x->gone)
		return MHD_NO;
	if (*n == 0) {
		x->in_eof = true;
		pthread_cond_broadcast(&x->wake);
		if (x->kind != HTTP_NO_REPLY)
			return http_exchange_queue(x);
		http_exchange_suspend(x);
		return MHD_YES;
	}
	if (x->discard_in)
		return swallow(x, n) ? MHD_YES : MHD_NO;
	*n -= ring_put(&x->in, bytes, *n);
	pthread_cond_broadcast(&x->wake);
	if (*n > 0)
		http_exchange_suspend(x);
	return MHD_YES;
}

ssize_t http_stream_pull(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct http_exchange *x = arg;
	ssize_t n;

	(void)pos;
	pthread_mutex_lock(&x->lock);
	n = (ssize_t)ring_get(&x->out, buf, max);
	if (n > 0)
		pthread_cond_broadcast(&x->wake);
	else
		n = http_exchange_wait_out(x);
	pthread_mutex_unlock(&x->lock);
	return n;
}

/* ---- the worker's side ---- */

bool http_is_gone(struct http_exchange *x)
{
	bool gone;

	pthread_mutex_lock(&x->lock);
	gone = x->gone;
	pthread_mutex_unlock(&x->lock);
	return gone;
}

static int broke_off(struct err *err)
{
	return err_set(err, ERR_CANCELLED, "the peer broke off the connection");
}

ssize_t http_read(struct http_exchange *x, void *buf, size_t n, struct err *err)
{
	ssize_t got = 0;

	pthread_mutex_lock(&x->lock);
	while (!x->in.used && !x->in_eof && !x->gone)
		pthread_cond_wait(&x->wake, &x->lock);
	if (x->in.used) {
		got = (ssize_t)ring_get(&x->in, buf, n);
		/* with less than half free the connection would be woken for crumbs */
		if (x->in.used <= HTTP_RING_SIZE / 2 && !x->in_eof)
			http_exchange_resume(x);
	} else if (!x->in_eof) {
		got = broke_off(err);
	}
	pthread_mutex_unlock(&x->lock);
	return got;
}

int http_start(struct http_exchange *x, int status, int64_t length, struct err *err)
{
	int r = 0;

	pthread_mutex_lock(&x->lock);
	BUG_ON(x->mode != HTTP_STREAM || x->kind != HTTP_NO_REPLY);
	x->kind = HTTP_REPLY_STREAM;
	x->status = status;
	x->reply_length = length;
	if (x->gone)
		r = broke_off(err);
	else if (x->in_eof)
		http_exchange_resume(x);
	pthread_mutex_unlock(&x->lock);
	return r;
}

/* A peer may take the reply before it sent all of its body only if the rest of it is read: once
 * the reply has grown over the ring and body is still to come, the body is dropped. */
static void unblock_reply(struct http_exchange *x)
{
	if (x->queued || x->in_eof)
		return;
	x->discard_in = true;
	http_exchange_resume(x);
}

int http_write(struct http_exchange *x, const void *bytes, size_t n, struct err *err)
{
	const char *p = bytes;
	int r = 0;

	pthread_mutex_lock(&x->lock);
	BUG_ON(x->kind != HTTP_REPLY_STREAM);
	while (n > 0 && !x->gone && !x->is_head) {
		size_t put = ring_put(&x->out, p, n);

		p += put;
		n -= put;
		if (put && x->queued)
			http_exchange_resume(x);
		if (n > 0 && !put) {
			unblock_reply(x);
			pthread_cond_wait(&x->wake, &x->lock);
		}
	}
	if (x->gone)
		r = broke_off(err);
	pthread_mutex_unlock(&x->lock);
	return r;
}

void http_finish(struct http_exchange *x, bool ok)
{
	pthread_mutex_lock(&x->lock);
	x->out_end = true;
	x->out_ok = ok;
	x->discard_in = true;
	http_exchange_resume(x);
	pthread_mutex_unlock(&x->lock);
}

/* ---- the threads ---- */

static void serve_stream(struct http_exchange *x)
{
	x->server->config.routes.handle_stream(x->server->config.routes.arg, x);
	pthread_mutex_lock(&x->lock);
	if (x->kind == HTTP_NO_REPLY) {
		log_error("http", "no reply to %s %s", x->method, x->path);
		http_exchange_fail(x, 500);
	}
	if (x->kind == HTTP_REPLY_STREAM && !x->out_end) {
		x->out_end = true;
		x->out_ok = false;
	}
	x->discard_in = true;
	http_exchange_resume(x);
	pthread_mutex_unlock(&x->lock);
	http_exchange_unref(x);
}

/* Under s->lock: the next job, after a wait; NULL when this thread should end. */
static struct http_exchange *next_job(struct http_server *s)
{
	struct http_exchange *x;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WORKER_IDLE_SEC;
	s->n_idle_workers++;
	while (!s->jobs && !s->stopping) {
		if (pthread_cond_timedwait(&s->changed, &s->lock, &until) == ETIMEDOUT)
			break;
	}
	s->n_idle_workers--;
	x = s->jobs;
	if (x) {
		s->jobs = x->next_job;
		if (!s->jobs)
			s->jobs_tail = &s->jobs;
	}
	return x;
}

static void *worker_main(void *arg)
{
	struct http_server *s = arg;
	struct http_exchange *x;

	pthread_mutex_lock(&s->lock);
	while ((x = next_job(s))) {
		pthread_mutex_unlock(&s->lock);
		serve_stream(x);
		pthread_mutex_lock(&s->lock);
	}
	s->n_workers--;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* Under s->lock. */
static bool start_worker(struct http_server *s)
{
	pthread_attr_t attr;
	pthread_t thread;
	int failed;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, HTTP_STREAM_STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	failed = pthread_create(&thread, &attr, worker_main, s);
	pthread_attr_destroy(&attr);
	if (failed)
		return false;
	pthread_setname_np(thread, "http-stream");
	s->n_workers++;
	return true;
}

static size_t count_jobs(const struct http_server *s)
{
	size_t n = 0;

	for (const struct http_exchange *x = s->jobs; x; x = x->next_job)
		n++;
	return n;
}

void http_stream_submit(struct http_exchange *x)
{
	struct http_server *s = x->server;
	bool lost = false;

	http_exchange_ref(x);
	pthread_mutex_lock(&s->lock);
	x->next_job = NULL;
	*s->jobs_tail = x;
	s->jobs_tail = &x->next_job;
	if (count_jobs(s) > (size_t)s->n_idle_workers && s->n_workers < s->config.max_streams)
		lost = !start_worker(s) && s->n_workers == 0;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (lost)
		log_error("http", "cannot start a thread for streams; the request waits");
}

void http_stream_join(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->n_workers > 0)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}
