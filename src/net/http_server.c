/* SPDX-License-Identifier: Apache-2.0 */
/* The server's life, and the callbacks by which libmicrohttpd drives an exchange. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "net/http_exchange.h"

#define IDLE_SEC 75
#define MAX_CONNECTIONS 16384

/* ---- callbacks ---- */

/* While the server stops, nobody else comes in. (MHD_quiesce_daemon() would close the door earlier,
 * but races with its own threads over the epoll set in 0.9.75.) */
static enum MHD_Result on_accept(void *arg, const struct sockaddr *peer, socklen_t n)
{
	struct http_server *s = arg;

	(void)peer, (void)n;
	return __atomic_load_n(&s->stopping, __ATOMIC_RELAXED) ? MHD_NO : MHD_YES;
}

/* The peer's address is written out once a connection, not once a request. */
static void on_connection(void *arg, struct MHD_Connection *c, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	(void)arg;
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		*context = http_peer_text(c);
	else
		freep(context);
}

static void *on_target(void *arg, const char *target, struct MHD_Connection *c)
{
	return http_exchange_new(arg, c, target);
}

/* Chooses the way of the request from its head. */
static void begin(struct http_exchange *x, const char *method)
{
	struct http_server *s = x->server;
	int refused = http_exchange_begin(x, method);

	x->mode = HTTP_REFUSE;
	if (__atomic_load_n(&s->stopping, __ATOMIC_RELAXED))
		refused = 503;
	if (refused) {
		http_set_header(x, "Connection", "close");
		http_exchange_fail(x, refused);
		return;
	}
	x->mode = s->config.routes.classify(s->config.routes.arg, x);
	if (x->mode == HTTP_REFUSE && x->kind == HTTP_NO_REPLY)
		http_exchange_fail(x, 500);
	if (x->mode == HTTP_BUFFERED && x->content_length > (int64_t)s->config.body_limit) {
		x->mode = HTTP_REFUSE;
		http_exchange_fail(x, 413);
	}
}

static enum MHD_Result first_call(struct http_exchange *x, const char *method)
{
	const char *expect;
	enum MHD_Result r;

	begin(x, method);
	if (x->mode == HTTP_STREAM) {
		http_stream_submit(x);
		return MHD_YES;
	}
	if (x->mode == HTTP_BUFFERED)
		return MHD_YES;
	/* a peer that waits for 100-continue, or means to send for ever, gets its reply now */
	expect = http_header(x, "Expect");
	if (!expect && x->content_length <= (int64_t)HTTP_SWALLOW_LIMIT)
		return MHD_YES;
	pthread_mutex_lock(&x->lock);
	r = http_exchange_queue(x);
	pthread_mutex_unlock(&x->lock);
	return r;
}

static void gather(struct http_exchange *x, const char *bytes, size_t *n)
{
	size_t limit = x->server->config.body_limit;

	if (x->body_over || x->mode == HTTP_REFUSE) {
		x->swallowed += *n;
	} else if (*n > limit - x->body.len) {
		x->body_over = true;
		x->swallowed = *n;
	} else {
		str_add_n(&x->body, bytes, *n);
	}
	*n = 0;
}

/* The whole request is here. */
static enum MHD_Result complete(struct http_exchange *x)
{
	struct http_server *s = x->server;

	if (x->gone)
		return MHD_NO;
	if (x->body_over)
		http_exchange_fail(x, 413);
	if (x->kind == HTTP_NO_REPLY && !x->handled) {
		pthread_mutex_unlock(&x->lock);
		s->config.routes.handle(s->config.routes.arg, x);
		pthread_mutex_lock(&x->lock);
		x->handled = true;
		if (x->kind == HTTP_NO_REPLY && !x->deferred)
			http_exchange_fail(x, 500);
	}
	if (x->kind != HTTP_NO_REPLY)
		return http_exchange_queue(x);
	if (x->gone)
		return MHD_NO;
	if (x->on_gone)
		http_gone_add(s->watch, x);
	http_exchange_suspend(x);
	return MHD_YES;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *bytes, size_t *n, void **con_cls)
{
	struct http_exchange *x = *con_cls;
	enum MHD_Result r = MHD_YES;

	(void)arg, (void)c, (void)url, (void)version;
	if (!x->begun)
		return first_call(x, method);
	pthread_mutex_lock(&x->lock);
	if (x->mode == HTTP_STREAM) {
		r = http_stream_feed(x, bytes, n);
	} else if (*n > 0) {
		gather(x, bytes, n);
		r = x->swallowed > HTTP_SWALLOW_LIMIT ? MHD_NO : MHD_YES;
	} else {
		r = complete(x);
	}
	pthread_mutex_unlock(&x->lock);
	return r;
}

static void on_completed(
	void *arg, struct MHD_Connection *c, void **con_cls, enum MHD_RequestTerminationCode code)
{
	struct http_exchange *x = *con_cls;

	(void)arg, (void)c, (void)code;
	if (!x)
		return;
	*con_cls = NULL;
	pthread_mutex_lock(&x->lock);
	x->gone = true;
	x->suspended = false;
	pthread_cond_broadcast(&x->wake);
	pthread_mutex_unlock(&x->lock);
	pthread_mutex_lock(&x->server->lock);
	x->server->n_connected--;
	if (x->server->stopping)
		pthread_cond_broadcast(&x->server->changed);
	pthread_mutex_unlock(&x->server->lock);
	http_exchange_unref(x);
}

static void on_log(void *arg, const char *fmt, va_list ap)
{
	char text[512];

	(void)arg;
	if (!log_enabled("http", LOG_LEVEL_DEBUG))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_debug("http", "%s", text);
}

/* ---- life ---- */

union socket_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int parse_address(
	const struct http_server_config *c, union socket_address *ret, struct err *err)
{
	*ret = (union socket_address){0};
	if (c->port < 0 || c->port > 65535)
		return err_set(err, ERR_INVALID, "port %d is not between 0 and 65535", c->port);
	if (inet_pton(AF_INET, c->address, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons((uint16_t)c->port);
	} else if (inet_pton(AF_INET6, c->address, &ret->v6.sin6_addr) == 1) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons((uint16_t)c->port);
	} else {
		return err_set(
			err, ERR_INVALID, "%s is not an IP address to listen on", c->address);
	}
	return 0;
}

static struct MHD_Daemon *start_daemon(struct http_server *s, const union socket_address *addr)
{
	unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
			     MHD_USE_ERROR_LOG | MHD_USE_ITC;
	int64_t idle = s->config.idle_usec ? s->config.idle_usec : IDLE_SEC * USEC_PER_SEC;
	unsigned int threads = (unsigned int)MAX(s->config.threads, 1);

	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)http_tls_on_connection, s->tls},
		{MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, http_tls_certificate_callback},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)HTTP_TLS_PRIORITIES},
		{MHD_OPTION_END, 0, NULL},
	};

	if (addr->any.sa_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	if (s->tls)
		flags |= MHD_USE_TLS;
	else
		tls[0].option = MHD_OPTION_END;
	/* the logger comes first: it hears of errors in what follows */
	return MHD_start_daemon(flags, (uint16_t)s->config.port, on_accept, s, on_request, s,
		MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_SOCK_ADDR, &addr->any,
		MHD_OPTION_THREAD_POOL_SIZE, threads > 1 ? threads : 0,
		MHD_OPTION_THREAD_STACK_SIZE, HTTP_THREAD_STACK, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)MAX_CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		HTTP_CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned int)MAX(idle / USEC_PER_SEC, 1), MHD_OPTION_URI_LOG_CALLBACK, on_target,
		s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, NULL, MHD_OPTION_LISTEN_BACKLOG_SIZE, (unsigned int)1024,
		MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

static int start_tls(struct http_server *s, struct err *err)
{
	if (!s->config.tls_chain)
		return 0;
	s->tls = http_tls_new();
	return http_server_show(s, s->config.tls_chain, s->config.tls_key, err);
}

int http_server_start(const struct http_server_config *c, struct http_server **ret, struct err *err)
{
	union socket_address addr;
	const union MHD_DaemonInfo *info;
	struct http_server *s;

	if (parse_address(c, &addr, err) < 0)
		return -1;
	s = xcalloc(1, sizeof(*s));
	s->config = *c;
	s->jobs_tail = &s->jobs;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	if (http_proxies_parse(c->trusted_proxies, &s->proxies, err) < 0 || start_tls(s, err) < 0 ||
		http_gone_start(&s->watch, err) < 0) {
		http_server_free(s);
		return -1;
	}
	errno = 0;
	s->daemon = start_daemon(s, &addr);
	if (!s->daemon) {
		err_errno(err, errno ? errno : EINVAL, "cannot listen on %s port %d", c->address,
			c->port);
		http_server_free(s);
		return -1;
	}
	info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT);
	s->port = info ? info->port : c->port;
	s->config.tls_chain = s->config.tls_key = s->config.trusted_proxies = NULL;
	*ret = s;
	return 0;
}

int http_server_port(const struct http_server *s)
{
	return s->port;
}

int http_server_show(
	struct http_server *s, const char *tls_chain, const char *tls_key, struct err *err)
{
	BUG_ON(!s->tls);
	return http_tls_show(s->tls, view_of(tls_chain), view_of(tls_key), err);
}

void http_server_free(struct http_server *s)
{
	http_gone_free(s->watch);
	http_tls_free(s->tls);
	vec_release(&s->proxies.list);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Under s->lock: waits until every reply has gone out or the time is up. */
static void await_exchanges(struct http_server *s, int64_t usec)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += usec / USEC_PER_SEC;
	until.tv_nsec += usec % USEC_PER_SEC * 1000;
	if (until.tv_nsec >= 1000000000)
		until.tv_sec++, until.tv_nsec -= 1000000000;
	while (s->n_connected > 0) {
		if (pthread_cond_timedwait(&s->changed, &s->lock, &until) == ETIMEDOUT)
			return;
	}
}

/* Under s->lock: who waits for something to happen has nothing to wait for any more. */
static void answer_deferred(struct http_server *s)
{
	for (struct http_exchange *x = s->active; x; x = x->next) {
		pthread_mutex_lock(&x->lock);
		if (x->kind == HTTP_REPLY_PUSH)
			x->out_end = true;
		else if (x->deferred && x->suspended)
			http_exchange_fail(x, 503);
		if (x->deferred)
			http_exchange_resume(x);
		pthread_mutex_unlock(&x->lock);
	}
}

/* Under s->lock: cuts what is still there (H3). */
static void cancel_exchanges(struct http_server *s)
{
	for (struct http_exchange *x = s->active; x; x = x->next) {
		pthread_mutex_lock(&x->lock);
		http_exchange_resume(x);
		x->gone = true;
		pthread_cond_broadcast(&x->wake);
		pthread_mutex_unlock(&x->lock);
	}
}

struct http_server *http_server_stop(struct http_server *s, int64_t grace_usec)
{
	bool last;

	if (!s)
		return NULL;
	pthread_mutex_lock(&s->lock);
	__atomic_store_n(&s->stopping, true, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&s->changed);
	answer_deferred(s);
	await_exchanges(s, grace_usec);
	cancel_exchanges(s);
	pthread_mutex_unlock(&s->lock);
	http_gone_stop(s->watch);
	http_stream_join(s);
	MHD_stop_daemon(s->daemon);
	pthread_mutex_lock(&s->lock);
	s->stopped = true;
	last = s->n_active == 0;
	pthread_mutex_unlock(&s->lock);
	if (last)
		http_server_free(s);
	return NULL;
}
