/* SPDX-License-Identifier: Apache-2.0 */
/* A server with routes of every mode, asked by the client and by raw sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/http_client.h"
#include "net/http_server.h"

#define LIMIT ((size_t)100000)

struct fixture {
	struct http_server *server;
	struct http_client *client;
	struct http_exchange *deferred;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int gone;
	int64_t stream_bytes;
	bool stream_failed;
};

static struct fixture f = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static enum http_mode classify(void *arg, struct http_exchange *x)
{
	const char *path = http_raw_path(x);

	(void)arg;
	if (strcmp(path, "/refuse") == 0) {
		http_reply(x, 403, VIEW("no"));
		return HTTP_REFUSE;
	}
	if (strncmp(path, "/stream", 7) == 0)
		return HTTP_STREAM;
	return HTTP_BUFFERED;
}

static void on_gone(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&f.lock);
	f.gone++;
	pthread_cond_broadcast(&f.changed);
	pthread_mutex_unlock(&f.lock);
}

static void handle(void *arg, struct http_exchange *x)
{
	struct str out = STR_INIT;

	(void)arg;
	if (strcmp(http_raw_path(x), "/defer") == 0) {
		http_defer(x, on_gone, NULL);
		pthread_mutex_lock(&f.lock);
		f.deferred = x;
		pthread_cond_broadcast(&f.changed);
		pthread_mutex_unlock(&f.lock);
		return;
	}
	if (strcmp(http_raw_path(x), "/silent") == 0)
		return;
	str_addf(&out, "%s %s?%s host=%s body=%zu", http_method(x), http_raw_path(x),
		http_raw_query(x), http_header(x, "hOsT") ? "yes" : "no", http_body(x).len);
	http_set_header(x, "X-Test", "1");
	http_reply(x, 200, str_view(&out));
	str_release(&out);
}

static void stream_echo(struct http_exchange *x)
{
	char buf[5000];
	ssize_t n;

	if (http_start(x, 200, -1, NULL) < 0)
		return;
	while ((n = http_read(x, buf, sizeof(buf), NULL)) > 0) {
		if (http_write(x, buf, (size_t)n, NULL) < 0)
			return;
	}
	http_finish(x, n == 0);
}

static void stream_count(struct http_exchange *x)
{
	char buf[70000], text[32];
	int64_t total = 0;
	ssize_t n;

	while ((n = http_read(x, buf, sizeof(buf), NULL)) > 0) {
		total += n;
		pthread_mutex_lock(&f.lock);
		f.stream_bytes = total;
		pthread_cond_broadcast(&f.changed);
		pthread_mutex_unlock(&f.lock);
	}
	pthread_mutex_lock(&f.lock);
	f.stream_bytes = total;
	f.stream_failed = n < 0;
	pthread_cond_broadcast(&f.changed);
	pthread_mutex_unlock(&f.lock);
	snprintf(text, sizeof(text), "%lld", (long long)total);
	http_reply(x, 200, view_of(text));
}

static void stream_endless(struct http_exchange *x)
{
	static char buf[65536];
	int64_t total = 0;

	http_start(x, 200, -1, NULL);
	while (http_write(x, buf, sizeof(buf), NULL) == 0)
		total += (int64_t)sizeof(buf);
	pthread_mutex_lock(&f.lock);
	f.stream_bytes = total;
	f.stream_failed = true;
	pthread_cond_broadcast(&f.changed);
	pthread_mutex_unlock(&f.lock);
}

static void handle_stream(void *arg, struct http_exchange *x)
{
	const char *path = http_raw_path(x);

	(void)arg;
	if (strcmp(path, "/stream/echo") == 0) {
		stream_echo(x);
	} else if (strcmp(path, "/stream/count") == 0) {
		stream_count(x);
	} else if (strcmp(path, "/stream/endless") == 0) {
		stream_endless(x);
	} else if (strcmp(path, "/stream/early") == 0) {
		http_reply(x, 403, VIEW("early"));
	} else if (strcmp(path, "/stream/cut") == 0) {
		http_start(x, 200, -1, NULL);
		http_write(x, "half", 4, NULL);
		http_finish(x, false);
	}
}

static int setup(void **state)
{
	struct http_server_config c = {.address = "127.0.0.1",
		.threads = 2,
		.max_streams = 4,
		.body_limit = LIMIT,
		.routes = {.classify = classify, .handle = handle, .handle_stream = handle_stream}};

	(void)state;
	f.client = http_client_new();
	f.stream_failed = false;
	f.deferred = NULL;
	f.gone = 0;
	return http_server_start(&c, &f.server, NULL);
}

static int teardown(void **state)
{
	(void)state;
	f.server = http_server_stop(f.server, USEC_PER_SEC);
	f.client = http_client_free(f.client);
	return 0;
}

static void call(const char *method, const char *path, struct view body, struct http_answer *ret)
{
	char url[200];
	struct err err = ERR_INIT;
	struct http_call c = {
		.method = method, .url = url, .body = body, .timeout_usec = 120 * USEC_PER_SEC};

	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", http_server_port(f.server), path);
	if (http_client_call(f.client, &c, ret, &err) < 0)
		fail_msg("%s", err_message(&err));
}

static int dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)http_server_port(f.server)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void send_text(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* Reads until the peer closes. */
static void read_to_end(int fd, struct str *out)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		str_add_n(out, buf, (size_t)n);
}

static void wait_for(int *what, int value)
{
	pthread_mutex_lock(&f.lock);
	while (*what != value)
		pthread_cond_wait(&f.changed, &f.lock);
	pthread_mutex_unlock(&f.lock);
}

static void buffered_requests_see_what_was_sent(void **state)
{
	struct http_answer a = HTTP_ANSWER_INIT;

	(void)state;
	call("GET", "/a%20b/c+d?x=%2Fy&z", (struct view){0}, &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(str_text(&a.body), "GET /a%20b/c+d?x=%2Fy&z host=yes body=0");
	assert_string_equal(http_answer_header(&a, "x-test"), "1");
	assert_non_null(http_answer_header(&a, "date"));
	call("POST", "/", VIEW("hello"), &a);
	assert_string_equal(str_text(&a.body), "POST /? host=yes body=5");
	call("HEAD", "/", (struct view){0}, &a);
	assert_int_equal(a.body.len, 0);
	call("GET", "/silent", (struct view){0}, &a);
	assert_int_equal(a.status, 500);
	http_answer_release(&a);
}

static void bodies_over_the_limit_answer_413(void **state)
{
	struct http_answer a = HTTP_ANSWER_INIT;
	static char big[LIMIT + 1];
	int fd = dial();
	struct str out = STR_INIT;

	(void)state;
	call("POST", "/", (struct view){big, LIMIT}, &a);
	assert_int_equal(a.status, 200);
	call("POST", "/", (struct view){big, LIMIT + 1}, &a);
	assert_int_equal(a.status, 413);
	http_answer_release(&a);
	/* chunked, so that only the sum tells */
	send_text(fd, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
		      "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 110; i++) {
		char chunk[1100];

		memset(chunk, 'a', sizeof(chunk));
		memcpy(chunk, "3e8\r\n", 5);
		memcpy(chunk + 1005, "\r\n", 2);
		assert_int_equal(write(fd, chunk, 1007), 1007);
	}
	send_text(fd, "0\r\n\r\n");
	read_to_end(fd, &out);
	assert_non_null(strstr(str_text(&out), " 413 "));
	str_release(&out);
	close(fd);
}

static void heads_over_the_limit_are_refused(void **state)
{
	struct str head = STR_INIT, out = STR_INIT;
	int fd = dial();

	(void)state;
	str_add(&head, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
	for (int i = 0; i < 250; i++)
		str_addf(&head, "X-%d: y\r\n", i);
	str_add(&head, "\r\n");
	send_text(fd, str_text(&head));
	read_to_end(fd, &out);
	assert_non_null(strstr(str_text(&out), " 431 "));
	close(fd);
	str_release(&head);
	str_release(&out);
}

static void bodies_that_may_end_in_two_places_are_refused(void **state)
{
	static const char *const heads[] = {
		"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
		"Content-Length: 5\r\nContent-Length: 44\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		struct str head CLEANUP_STR = STR_INIT, out CLEANUP_STR = STR_INIT;
		int fd = dial();

		str_addf(&head, "POST / HTTP/1.1\r\nHost: x\r\n%s\r\n0\r\n\r\n", heads[i]);
		str_add(&head, "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
		send_text(fd, str_text(&head));
		read_to_end(fd, &out);
		assert_non_null(strstr(str_text(&out), " 400 "));
		assert_null(strstr(str_text(&out), "smuggled"));
		close(fd);
	}
}

static void a_refusal_saves_the_body(void **state)
{
	struct str out = STR_INIT;
	int fd = dial();

	(void)state;
	send_text(fd, "PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
		      "Expect: 100-continue\r\n\r\n");
	read_to_end(fd, &out);
	assert_null(strstr(str_text(&out), "100 Continue"));
	assert_non_null(strstr(str_text(&out), " 403 "));
	close(fd);
	str_clear(&out);
	fd = dial();
	send_text(fd, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n"
		      "Expect: 100-continue\r\n\r\n");
	while (!strstr(str_text(&out), "100 Continue\r\n\r\n")) {
		char c;

		assert_int_equal(read(fd, &c, 1), 1);
		str_add_c(&out, c);
	}
	send_text(fd, "hello");
	read_to_end(fd, &out);
	assert_non_null(strstr(str_text(&out), "body=5"));
	close(fd);
	str_release(&out);
}

/* Takes the exchange that "/defer" left. */
static struct http_exchange *await_deferred(void)
{
	struct http_exchange *x;

	pthread_mutex_lock(&f.lock);
	while (!f.deferred)
		pthread_cond_wait(&f.changed, &f.lock);
	x = f.deferred;
	pthread_mutex_unlock(&f.lock);
	return x;
}

static void *reply_later(void *arg)
{
	(void)arg;
	http_reply(await_deferred(), 200, VIEW("later"));
	return NULL;
}

static void deferred_replies_come_from_any_thread(void **state)
{
	struct http_answer a = HTTP_ANSWER_INIT;
	pthread_t thread;

	(void)state;
	pthread_create(&thread, NULL, reply_later, NULL);
	call("GET", "/defer", (struct view){0}, &a);
	pthread_join(thread, NULL);
	assert_string_equal(str_text(&a.body), "later");
	assert_int_equal(f.gone, 0);
	http_answer_release(&a);
}

/* Once the peer has taken enough of what is held for it. */
static enum http_pushed push_when_there_is_room(struct http_exchange *x, struct view piece)
{
	enum http_pushed r;

	while ((r = http_push(x, piece)) == HTTP_FULL)
		sched_yield();
	return r;
}

/* Returns the arg when all pieces were taken. */
static void *push_pieces(void *arg)
{
	struct http_exchange *x = await_deferred();
	static char big[100000];
	bool taken;

	memset(big, 'x', sizeof(big));
	http_open(x, 201);
	taken = http_push(x, VIEW("one,")) == HTTP_PUSHED;
	for (int i = 0; i < 40 && taken; i++) /* more than is held for a peer that takes nothing */
		taken = push_when_there_is_room(x, (struct view){big, sizeof(big)}) == HTTP_PUSHED;
	taken = taken && push_when_there_is_room(x, VIEW(",end")) == HTTP_PUSHED;
	http_close(x, true);
	return taken ? arg : NULL;
}

static void replies_may_come_in_pieces(void **state)
{
	struct http_answer a = HTTP_ANSWER_INIT;
	pthread_t thread;
	void *taken;

	(void)state;
	pthread_create(&thread, NULL, push_pieces, &f);
	call("GET", "/defer", (struct view){0}, &a);
	pthread_join(thread, &taken);
	assert_non_null(taken);
	assert_int_equal(a.status, 201);
	assert_int_equal(a.body.len, 4 + 40 * 100000 + 4);
	assert_memory_equal(a.body.p, "one,x", 5);
	assert_string_equal(str_text(&a.body) + a.body.len - 5, "x,end");
	assert_int_equal(f.gone, 0);
	http_answer_release(&a);
}

static void pieces_for_a_peer_that_went_are_refused(void **state)
{
	int fd = dial();
	struct http_exchange *x;
	enum http_pushed r = HTTP_PUSHED;

	(void)state;
	send_text(fd, "GET /defer HTTP/1.1\r\nHost: x\r\n\r\n");
	x = await_deferred();
	http_open(x, 200);
	assert_int_equal(http_push(x, VIEW("hello")), HTTP_PUSHED);
	close(fd);
	while (r != HTTP_GONE)
		r = http_push(x, VIEW("anybody there?"));
	http_close(x, true);
	assert_int_equal(f.gone, 0); /* the pieces say it */
}

static void a_stop_cuts_a_reply_in_pieces(void **state)
{
	int fd = dial();
	struct http_exchange *x;
	char text[4096] = "";
	size_t n = 0;
	ssize_t got;

	(void)state;
	send_text(fd, "GET /defer HTTP/1.1\r\nHost: x\r\n\r\n");
	x = await_deferred();
	http_open(x, 200);
	assert_int_equal(http_push(x, VIEW("hello")), HTTP_PUSHED);
	f.server = http_server_stop(f.server, 60 * USEC_PER_SEC);
	assert_int_equal(http_push(x, VIEW("too late")), HTTP_GONE);
	http_close(x, true);
	while ((got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	assert_non_null(strstr(text, "hello"));
	assert_null(strstr(text, "too late"));
	assert_null(strstr(text, "\r\n0\r\n")); /* no end of the chunks */
	close(fd);
}

static void the_owner_hears_when_the_peer_goes(void **state)
{
	int fd = dial();

	(void)state;
	send_text(fd, "GET /defer HTTP/1.1\r\nHost: x\r\n\r\n");
	await_deferred();
	close(fd);
	wait_for(&f.gone, 1);
	http_reply(f.deferred, 200, VIEW("dropped"));
}

static void a_stop_does_not_wait_for_deferred_owners(void **state)
{
	int fd = dial();
	struct http_exchange *x;

	(void)state;
	send_text(fd, "GET /defer HTTP/1.1\r\nHost: x\r\n\r\n");
	x = await_deferred();
	f.server = http_server_stop(f.server, 10000);
	http_reply(x, 200, VIEW("too late"));
	close(fd);
}

static void streams_carry_bytes_both_ways(void **state)
{
	struct http_answer a = HTTP_ANSWER_INIT;
	static char big[3000000];

	(void)state;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 + i / 251);
	call("POST", "/stream/echo", (struct view){big, 200000}, &a);
	assert_int_equal(a.status, 200);
	assert_int_equal(a.body.len, 200000);
	assert_memory_equal(a.body.p, big, 200000);
	call("PUT", "/stream/count", (struct view){big, sizeof(big)}, &a);
	assert_string_equal(str_text(&a.body), "3000000");
	call("PUT", "/stream/count", (struct view){0}, &a);
	assert_string_equal(str_text(&a.body), "0");
	call("PUT", "/stream/early", (struct view){big, sizeof(big)}, &a);
	assert_int_equal(a.status, 403);
	assert_string_equal(str_text(&a.body), "early");
	call("GET", "/stream/none", (struct view){0}, &a);
	assert_int_equal(a.status, 500);
	http_answer_release(&a);
}

static void a_cut_stream_is_noticed(void **state)
{
	struct http_answer a = HTTP_ANSWER_INIT;
	char url[200];
	struct http_call c = {.url = url};

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/stream/cut", http_server_port(f.server));
	assert_int_equal(http_client_call(f.client, &c, &a, NULL), -1);
	http_answer_release(&a);
}

static void wait_for_stream_end(void)
{
	pthread_mutex_lock(&f.lock);
	while (!f.stream_failed)
		pthread_cond_wait(&f.changed, &f.lock);
	pthread_mutex_unlock(&f.lock);
}

static void streams_notice_that_the_peer_went(void **state)
{
	int fd = dial();
	char buf[1000];

	(void)state;
	send_text(fd, "GET /stream/endless HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(read(fd, buf, sizeof(buf)) > 0);
	close(fd);
	wait_for_stream_end();
	f.stream_failed = false;
	fd = dial();
	send_text(fd, "PUT /stream/count HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nab");
	pthread_mutex_lock(&f.lock);
	while (f.stream_bytes != 2)
		pthread_cond_wait(&f.changed, &f.lock);
	pthread_mutex_unlock(&f.lock);
	close(fd);
	wait_for_stream_end();
	assert_int_equal(f.stream_bytes, 2);
}

static void a_stop_ends_streams(void **state)
{
	int fd = dial();
	char buf[1000];

	(void)state;
	send_text(fd, "GET /stream/endless HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_true(read(fd, buf, sizeof(buf)) > 0);
	f.server = http_server_stop(f.server, 10000);
	assert_true(f.stream_failed);
	close(fd);
}

static void replies_are_not_held_back(void **state)
{
	struct http_answer a = HTTP_ANSWER_INIT;
	int fast = 0;

	(void)state;
	/* Delayed acknowledgements would cost 40 ms each, but for the few of a connection's
	 * beginning; on a busy machine an answer may be late for other reasons. */
	for (int i = 0; i < 500 && fast < 50; i++) {
		int64_t start = monotonic_usec();

		call("POST", "/", VIEW("x"), &a);
		fast += monotonic_usec() - start < 20000;
	}
	assert_int_equal(fast, 50);
	http_answer_release(&a);
}

/* A socket to which one can connect, and that never answers. */
static int mute_host(int *ret_port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static void the_client_explains_failures(void **state)
{
	struct http_answer a = HTTP_ANSWER_INIT;
	struct err err = ERR_INIT;
	char url[200];
	struct http_call c = {.url = "http://127.0.0.1:1/", .timeout_usec = 60 * USEC_PER_SEC};
	int port, mute = mute_host(&port);

	(void)state;
	assert_int_equal(http_client_call(f.client, &c, &a, &err), -1);
	assert_int_equal(err.kind, ERR_UNAVAILABLE);
	c.url = url;
	c.limit = 3;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", http_server_port(f.server));
	assert_int_equal(http_client_call(f.client, &c, &a, &err), -1);
	assert_int_equal(err.kind, ERR_TOO_LARGE);
	c.timeout_usec = 50000;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", port);
	assert_int_equal(http_client_call(f.client, &c, &a, &err), -1);
	assert_int_equal(err.kind, ERR_TIMEOUT);
	close(mute);
	http_answer_release(&a);
	err_release(&err);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(buffered_requests_see_what_was_sent),
		CASE(bodies_over_the_limit_answer_413),
		CASE(heads_over_the_limit_are_refused),
		CASE(bodies_that_may_end_in_two_places_are_refused),
		CASE(a_refusal_saves_the_body),
		CASE(deferred_replies_come_from_any_thread),
		CASE(the_owner_hears_when_the_peer_goes),
		CASE(a_stop_does_not_wait_for_deferred_owners),
		CASE(replies_may_come_in_pieces),
		CASE(pieces_for_a_peer_that_went_are_refused),
		CASE(a_stop_cuts_a_reply_in_pieces),
		CASE(streams_carry_bytes_both_ways),
		CASE(a_cut_stream_is_noticed),
		CASE(streams_notice_that_the_peer_went),
		CASE(a_stop_ends_streams),
		CASE(replies_are_not_held_back),
		CASE(the_client_explains_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
