/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void fd_closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

int fd_write_all(int fd, const void *bytes, size_t n, struct err *err)
{
	const char *p = bytes;

	while (n) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_errno(err, errno, "write of %zu bytes", n);
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

ssize_t fd_read_full(int fd, void *buf, size_t n, struct err *err)
{
	size_t have = 0;

	while (have < n) {
		ssize_t got = read(fd, (char *)buf + have, n - have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, errno, "read of %zu bytes", n - have);
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

int fd_read_all(int fd, size_t limit, struct str *out, struct err *err)
{
	size_t start = out->len;

	for (;;) {
		ssize_t got;

		str_reserve(out, 64 * KIB);
		got = read(fd, out->p + out->len, out->cap - out->len - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, errno, "read");
		if (got == 0)
			break;
		out->len += (size_t)got;
		if (out->len - start > limit)
			return err_set(err, ERR_TOO_LARGE, "more than %zu bytes", limit);
	}
	out->p[out->len] = '\0';
	return 0;
}

static int change_flag(int fd, int get, int set, int flag, bool on, struct err *err)
{
	int flags = fcntl(fd, get);

	if (flags < 0)
		return err_errno(err, errno, "fcntl");
	flags = on ? flags | flag : flags & ~flag;
	if (fcntl(fd, set, flags) < 0)
		return err_errno(err, errno, "fcntl");
	return 0;
}

int fd_set_nonblock(int fd, bool on, struct err *err)
{
	return change_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on, err);
}

int fd_set_cloexec(int fd, bool on, struct err *err)
{
	return change_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on, err);
}
