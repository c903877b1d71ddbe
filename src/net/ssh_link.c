/* SPDX-License-Identifier: Apache-2.0 */
#include "net/ssh_link.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/fd.h"
#include "base/mem.h"

union control {
	char bytes[CMSG_SPACE(SSH_LINK_FDS * sizeof(int))];
	struct cmsghdr align;
};

int ssh_link_pair(int ret[2], struct err *err)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0)
		return err_errno(err, errno, "cannot make a pair of sockets");
	return 0;
}

static void put_fds(struct msghdr *msg, union control *control, const int *fds, size_t n_fds)
{
	struct cmsghdr *c;

	msg->msg_control = control->bytes;
	msg->msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	c = CMSG_FIRSTHDR(msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
}

int ssh_link_send(int fd, const char *const *fields, const int *fds, size_t n_fds, struct err *err)
{
	CLEANUP_STR struct str text = STR_INIT;
	union control control = {0};
	struct iovec part;
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t put;

	for (; *fields; fields++)
		str_add_n(&text, *fields, strlen(*fields) + 1);
	if (text.len > SSH_LINK_BYTES)
		return err_set(err, ERR_TOO_LARGE, "a message of the SSH gate is too long");
	part = (struct iovec){text.p, text.len};
	if (n_fds)
		put_fds(&msg, &control, fds, n_fds);
	do
		put = sendmsg(fd, &msg, MSG_NOSIGNAL);
	while (put < 0 && errno == EINTR);
	return put < 0 ? err_errno(err, errno, "cannot send to the SSH gate") : 0;
}

static void take_fds(struct msghdr *msg, struct ssh_link_message *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(ret->fds, CMSG_DATA(c),
				MIN(c->cmsg_len - CMSG_LEN(0), sizeof(ret->fds)));
}

/* Splits the n bytes received; every field ends in a NUL. */
static bool split(struct ssh_link_message *m, size_t n)
{
	const char *at = m->bytes, *end = m->bytes + n;

	if (!n || m->bytes[n - 1])
		return false;
	for (; at < end; at += strlen(at) + 1) {
		if (m->n == SSH_LINK_FIELDS)
			return false;
		m->fields[m->n++] = at;
	}
	return true;
}

int ssh_link_receive(int fd, struct ssh_link_message *ret, struct err *err)
{
	union control control = {0};
	struct iovec part = {ret->bytes, sizeof(ret->bytes)};
	struct msghdr msg = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	ssize_t got;

	for (size_t i = 0; i < SSH_LINK_FIELDS; i++)
		ret->fields[i] = "";
	for (size_t i = 0; i < SSH_LINK_FDS; i++)
		ret->fds[i] = -1;
	ret->n = 0;
	do
		got = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return got < 0 && errno != ECONNRESET
			       ? err_errno(err, errno, "cannot receive from the SSH gate")
			       : 0;
	take_fds(&msg, ret);
	if ((msg.msg_flags & MSG_TRUNC) || !split(ret, (size_t)got)) {
		ssh_link_message_release(ret);
		return err_set(err, ERR_MALFORMED, "the SSH gate sent something else");
	}
	return 1;
}

void ssh_link_message_release(struct ssh_link_message *m)
{
	for (size_t i = 0; i < SSH_LINK_FDS; i++)
		fd_closep(&m->fds[i]);
}
