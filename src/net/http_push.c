/* SPDX-License-Identifier: Apache-2.0 */
/* Deferred replies that grow piece by piece: who has news adds it, the connection's thread takes it
 * away and is suspended when there is none. No thread belongs to such a reply. */
#include "net/http_exchange.h"

void http_open(struct http_exchange *x, int status)
{
	pthread_mutex_lock(&x->lock);
	BUG_ON(!x->deferred);
	http_exchange_claim(x, HTTP_REPLY_PUSH, status);
	if (x->on_gone)
		http_gone_remove(x->server->watch, x);
	http_exchange_resume(x);
	pthread_mutex_unlock(&x->lock);
}

/* Under x->lock: what was taken makes room. */
static void drop_taken(struct http_exchange *x)
{
	size_t left = x->pushed.len - x->push_taken;

	if (!x->push_taken)
		return;
	memmove(x->pushed.p, x->pushed.p + x->push_taken, left);
	str_truncate(&x->pushed, left);
	x->push_taken = 0;
}

enum http_pushed http_push(struct http_exchange *x, struct view bytes)
{
	enum http_pushed r = HTTP_PUSHED;

	pthread_mutex_lock(&x->lock);
	if (x->gone || x->kind != HTTP_REPLY_PUSH || x->out_end) {
		r = HTTP_GONE;
	} else if (x->pushed.len - x->push_taken > LIMIT_HTTP_PUSH) {
		r = HTTP_FULL;
	} else if (!x->is_head) {
		drop_taken(x);
		str_add_view(&x->pushed, bytes);
		if (x->queued)
			http_exchange_resume(x);
	}
	pthread_mutex_unlock(&x->lock);
	return r;
}

void http_close(struct http_exchange *x, bool ok)
{
	pthread_mutex_lock(&x->lock);
	if (!x->out_end) {
		x->out_end = true;
		x->out_ok = ok;
	}
	http_exchange_resume(x);
	pthread_mutex_unlock(&x->lock);
	http_exchange_unref(x);
}

/* Under x->lock. */
static size_t take(struct http_exchange *x, char *buf, size_t max)
{
	size_t n = MIN(max, x->pushed.len - x->push_taken);

	if (!n)
		return 0;
	memcpy(buf, x->pushed.p + x->push_taken, n);
	x->push_taken += n;
	if (x->push_taken == x->pushed.len) {
		str_release(&x->pushed);
		x->push_taken = 0;
	}
	return n;
}

ssize_t http_push_pull(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct http_exchange *x = arg;
	ssize_t n;

	(void)pos;
	pthread_mutex_lock(&x->lock);
	n = (ssize_t)take(x, buf, max);
	if (n == 0)
		n = http_exchange_wait_out(x);
	pthread_mutex_unlock(&x->lock);
	return n;
}
