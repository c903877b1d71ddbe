/* SPDX-License-Identifier: Apache-2.0 */
/* HAProxy's Runtime API: one connection a command. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "traffic/haproxy_internal.h"

#define ANSWER_MAX (64 * MIB)
#define ANSWER_TIMEOUT_SEC 5

/* One that is there and silent (a machine that stalls) is something else than one that is not. */
static int silent(const char *path, struct err *err)
{
	return err_set(err, ERR_TIMEOUT, "HAProxy has not answered at %s within %d s", path,
		ANSWER_TIMEOUT_SEC);
}

static int cli_connect(const char *path, struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = ANSWER_TIMEOUT_SEC};
	int fd CLEANUP_FD = -1;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(err, ERR_INVALID, "the socket's path is too long: %s", path);
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(err, errno, "socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return TAKE_FD(fd);
	if (errno == EAGAIN)
		return silent(path, err);
	return err_set(
		err, ERR_UNAVAILABLE, "HAProxy does not answer at %s: %s", path, strerror(errno));
}

int haproxy_cli(const char *socket, const char *command, struct str *ret_answer, struct err *err)
{
	struct str line CLEANUP_STR = STR_INIT;
	int fd CLEANUP_FD = cli_connect(socket, err);

	/* In one piece: HAProxy may answer and hang up once it has seen a whole command. */
	str_addf(&line, "%s\n", command);
	if (fd < 0 || fd_write_all(fd, line.p, line.len, err) < 0)
		return -1;
	if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, ANSWER_TIMEOUT_SEC * 1000) == 0)
		return silent(socket, err);
	if (fd_read_all(fd, ANSWER_MAX, ret_answer, err) < 0)
		return err_wrap(err, "HAProxy's answer to '%.40s'", command);
	return 0;
}

int haproxy_cli_expect(const char *socket, const char *command, const char *expect, struct err *err)
{
	struct str answer CLEANUP_STR = STR_INIT;
	struct view text;

	if (haproxy_cli(socket, command, &answer, err) < 0)
		return -1;
	text = view_trim(str_view(&answer));
	if (text.len == 0 || (expect && view_starts_with(text, expect)))
		return 0;
	return err_set(err, ERR_IO, "HAProxy refused '%.80s': " VIEW_FMT, command, VIEW_ARG(text));
}
