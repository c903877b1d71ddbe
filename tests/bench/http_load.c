/* SPDX-License-Identifier: Apache-2.0 */
/* Sends one recorded request over and over on keep-alive connections and counts the answers:
 *   http_load PORT FILE SECONDS CONNECTIONS      prints "requests_per_second N", "failed N"
 *   http_load --floor FILE                       a server of the bare HTTP library that answers the
 *                                                file's content; prints its port, ends with stdin
 */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#define MAX_ANSWER (1024 * 1024)

struct connection {
	int fd;
	char *buf;
	size_t len;
};

static struct str request;
static uint64_t answered, failed;

static void send_request(struct connection *c)
{
	if (write(c->fd, request.p, request.len) != (ssize_t)request.len)
		BUG("short write");
}

/* The length of the whole answer, or 0 while it is not known. */
static size_t answer_length(const struct connection *c)
{
	const char *head = memmem(c->buf, c->len, "\r\n\r\n", 4);
	const char *field;

	if (!head)
		return 0;
	c->buf[c->len] = 0;
	field = strcasestr(c->buf, "\r\ncontent-length:");
	return (size_t)(head - c->buf) + 4 + (field ? strtoul(field + 17, NULL, 10) : 0);
}

static void on_readable(struct connection *c)
{
	ssize_t n = read(c->fd, c->buf + c->len, MAX_ANSWER - c->len - 1);
	size_t whole;

	if (n <= 0)
		BUG("the server closed a connection");
	c->len += (size_t)n;
	whole = answer_length(c);
	if (!whole || c->len < whole)
		return;
	answered++;
	failed += memcmp(c->buf, "HTTP/1.1 200", 12) != 0;
	c->len = 0;
	send_request(c);
}

static void open_connection(struct connection *c, int port, int ep)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct epoll_event e = {.events = EPOLLIN, .data = {.ptr = c}};
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	c->buf = xmalloc(MAX_ANSWER);
	c->len = 0;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
		epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e) < 0)
		BUG("port %d: %s", port, strerror(errno));
	send_request(c);
}

static int load(char **argv)
{
	int n = atoi(argv[4]), ep = epoll_create1(EPOLL_CLOEXEC);
	struct connection *all = xcalloc((size_t)n, sizeof(*all));
	int64_t start, end;

	if (file_read(argv[2], MIB, &request, NULL) < 0)
		BUG("cannot read %s", argv[2]);
	for (int i = 0; i < n; i++)
		open_connection(&all[i], atoi(argv[1]), ep);
	start = monotonic_usec();
	end = start + (int64_t)(atof(argv[3]) * 1e6);
	while (monotonic_usec() < end) {
		struct epoll_event events[64];
		/* never asleep: a server should not pay for waking its client */
		int ready = epoll_wait(ep, events, 64, 0);

		for (int i = 0; i < ready; i++)
			on_readable(events[i].data.ptr);
	}
	printf("requests_per_second %.0f\nfailed %llu\n",
		(double)answered * 1e6 / (double)(monotonic_usec() - start),
		(unsigned long long)failed);
	return 0;
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *body, size_t *size, void **seen)
{
	(void)url;
	(void)method;
	(void)version;
	(void)body;
	if (!*seen) {
		*seen = arg;
		return MHD_YES;
	}
	if (*size) {
		*size = 0;
		return MHD_YES;
	}
	return MHD_queue_response(c, 200, arg);
}

static int floor_server(const char *path)
{
	struct str content = STR_INIT;
	struct MHD_Response *response;
	struct MHD_Daemon *d;
	const union MHD_DaemonInfo *info;

	if (file_read(path, MIB, &content, NULL) < 0)
		BUG("cannot read %s", path);
	response = MHD_create_response_from_buffer(content.len, content.p, MHD_RESPMEM_PERSISTENT);
	d = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TCP_FASTOPEN, 0, NULL, NULL,
		answer, response, MHD_OPTION_END);
	if (!d)
		BUG("the floor does not start");
	info = MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT);
	printf("%d\n", info->port);
	fflush(stdout);
	while (getchar() != EOF)
		;
	MHD_stop_daemon(d);
	MHD_destroy_response(response);
	str_release(&content);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && streq(argv[1], "--floor"))
		return floor_server(argv[2]);
	if (argc == 5)
		return load(argv);
	fprintf(stderr, "usage: http_load PORT FILE SECONDS CONNECTIONS | --floor FILE\n");
	return 2;
}
