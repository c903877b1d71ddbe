/* SPDX-License-Identifier: Apache-2.0 */
/* Files as replies: every byte in its place, few buffers, nothing kept for who left or lingers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_client.h"
#include "net/http_exchange.h"

#define FILE_SIZE (3 * MIB + 12345)

struct fixture {
	struct http_server *server;
	struct http_client *client;
	char path[64];
	char *bytes;
};

static struct fixture f;

static enum http_mode classify(void *arg, struct http_exchange *x)
{
	(void)arg, (void)x;
	return HTTP_BUFFERED;
}

/* "/<offset>/<length>" of the file. The lock tells the test when the last reply let go of it. */
static void handle(void *arg, struct http_exchange *x)
{
	int fd = open(f.path, O_RDONLY | O_CLOEXEC);
	long long offset, length;

	(void)arg;
	if (sscanf(http_raw_path(x), "/%lld/%lld", &offset, &length) != 2 || flock(fd, LOCK_SH) < 0)
		BUG("the test asks for %s", http_raw_path(x));
	http_reply_file(x, 200, fd, offset, length);
}

static int start(int64_t idle_usec)
{
	struct http_server_config c = {.address = "127.0.0.1",
		.threads = 2,
		.max_streams = 1,
		.idle_usec = idle_usec,
		.routes = {.classify = classify, .handle = handle}};
	uint32_t seed = 1;
	int fd;

	f.bytes = xmalloc(FILE_SIZE);
	for (size_t i = 0; i < FILE_SIZE; i++) {
		seed = seed * 1664525 + 1013904223;
		f.bytes[i] = (char)(seed >> 24);
	}
	snprintf(f.path, sizeof(f.path), "/tmp/towpath-http-file-XXXXXX");
	fd = mkostemp(f.path, O_CLOEXEC);
	assert_int_equal(write(fd, f.bytes, FILE_SIZE), (ssize_t)FILE_SIZE);
	close(fd);
	f.client = http_client_new();
	return http_server_start(&c, &f.server, NULL);
}

static int setup(void **state)
{
	(void)state;
	return start(600 * USEC_PER_SEC); /* longer than any connection has to wait for its turn */
}

static int setup_impatient(void **state)
{
	(void)state;
	return start(USEC_PER_SEC);
}

static int teardown(void **state)
{
	(void)state;
	f.server = http_server_stop(f.server, USEC_PER_SEC);
	f.client = http_client_free(f.client);
	unlink(f.path);
	free(f.bytes);
	return 0;
}

static int call(
	const char *method, size_t offset, size_t length, struct http_answer *ret, struct err *err)
{
	char url[200];
	struct http_call c = {.method = method, .url = url, .timeout_usec = 60 * USEC_PER_SEC};

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/%zu/%zu", http_server_port(f.server),
		offset, length);
	return http_client_call(f.client, &c, ret, err);
}

/* Asks for the first n bytes. */
static int dial(size_t n)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), room = 4096;
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)http_server_port(f.server)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char text[100];

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	snprintf(text, sizeof(text), "GET /0/%zu HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		n);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

/* Waits for so much of the answer that it is more than the head of it. */
static bool begun(int fd)
{
	char bytes[KIB];

	return recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_WAITALL) == (ssize_t)sizeof(bytes);
}

static int buffers_in_use(void)
{
	return __atomic_load_n(&f.server->n_file_buffers, __ATOMIC_RELAXED);
}

/* Blocks until no reply has the file open. */
static void await_closed(void)
{
	int fd = open(f.path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(flock(fd, LOCK_EX), 0);
	close(fd);
}

static void any_part_is_sent_as_it_is(void **state)
{
	static const struct {
		size_t offset, length;
	} parts[] = {
		{0, FILE_SIZE},
		{0, 0},
		{0, 1},
		{7, HTTP_FILE_BUFFER},
		{1, HTTP_FILE_BUFFER + 1},
		{HTTP_FILE_BUFFER - 1, 2 * HTTP_FILE_BUFFER + 3},
		{FILE_SIZE - 1, 1},
		{FILE_SIZE - HTTP_FILE_BUFFER - 5, HTTP_FILE_BUFFER + 5},
	};
	struct http_answer a = HTTP_ANSWER_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		assert_int_equal(call("GET", parts[i].offset, parts[i].length, &a, NULL), 0);
		assert_int_equal(a.body.len, parts[i].length);
		assert_true(!a.body.len ||
			    memcmp(str_text(&a.body), f.bytes + parts[i].offset, a.body.len) == 0);
	}
	assert_int_equal(call("HEAD", 0, FILE_SIZE, &a, NULL), 0);
	assert_string_equal(http_answer_header(&a, "content-length"), "3158073");
	assert_int_equal(a.body.len, 0);
	http_answer_release(&a);
	await_closed();
	assert_int_equal(buffers_in_use(), 0);
}

static void a_file_that_is_too_short_breaks_the_reply_off(void **state)
{
	struct http_answer a = HTTP_ANSWER_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(call("GET", 0, FILE_SIZE + 1, &a, &err), -1);
	http_answer_release(&a);
	err_release(&err);
	await_closed();
}

/* Little of a reply fits into the sockets of connections from now on. */
static void narrow(void)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(f.server->daemon, MHD_DAEMON_INFO_LISTEN_FD);
	int room = 4096;

	assert_int_equal(
		setsockopt(info->listen_fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
}

static void read_whole(int fd, char *into)
{
	size_t used = 0, body;
	ssize_t n;

	while ((n = read(fd, into + used, 2 * MIB - used)) > 0)
		used += (size_t)n;
	body = (size_t)((char *)memmem(into, used, "\r\n\r\n", 4) + 4 - into);
	assert_int_equal(used - body, MIB);
	assert_memory_equal(into + body, f.bytes, MIB);
	close(fd);
}

/* Those that find no buffer get their bytes as well. */
static void buffers_are_few(void **state)
{
	int fds[HTTP_FILE_BUFFERS + 8];
	char *into = xmalloc(2 * MIB);

	(void)state;
	narrow();
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = dial(MIB);
		assert_true(begun(fds[i]));
	}
	assert_int_equal(buffers_in_use(), HTTP_FILE_BUFFERS);
	for (size_t i = ARRAY_SIZE(fds); i-- > 0;)
		read_whole(fds[i], into);
	await_closed();
	assert_int_equal(buffers_in_use(), 0);
	free(into);
}

static void nothing_is_kept_for_who_left(void **state)
{
	int fd = dial(FILE_SIZE);

	(void)state;
	assert_true(begun(fd));
	close(fd);
	await_closed();
}

static void who_takes_nothing_is_cut(void **state)
{
	int fd;

	(void)state;
	/* who was too slow in asking is cut as well */
	for (fd = dial(FILE_SIZE); !begun(fd); fd = dial(FILE_SIZE))
		close(fd);
	await_closed();
	close(fd);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(any_part_is_sent_as_it_is),
		CASE(a_file_that_is_too_short_breaks_the_reply_off),
		CASE(buffers_are_few),
		CASE(nothing_is_kept_for_who_left),
		cmocka_unit_test_setup_teardown(
			who_takes_nothing_is_cut, setup_impatient, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
