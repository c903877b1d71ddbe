/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/relay.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

/* What git may say before the request was read to its end: acknowledgements, progress. */
#define EARLY_OUTPUT_MAX (8 * MIB)

void relay_release(struct relay *r)
{
	vcs_child_release(&r->child);
	free(r->buf);
	str_release(&r->early);
}

int relay_start(struct relay *r, const char *path, const char *const *args,
	const struct vcs_child_how *how, const struct vcs_stream *peer, struct err *err)
{
	r->peer = peer;
	r->buf = xmalloc(RELAY_CHUNK);
	if (vcs_child_start(path, args, how, &r->child, err) < 0 ||
		fd_set_nonblock(r->child.in, true, err) < 0 ||
		fd_set_nonblock(r->child.out, true, err) < 0)
		return -1;
	return 0;
}

/* Takes what the child says now; false at its end. */
static int take_early(struct relay *r, struct err *err)
{
	char buf[16 * 1024];
	ssize_t got = read(r->child.out, buf, sizeof(buf));

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got < 0)
		return err_errno(err, errno, "cannot read from git");
	if (got == 0) {
		r->refused = true;
		return 0;
	}
	str_add_n(&r->early, buf, (size_t)got);
	if (r->early.len > EARLY_OUTPUT_MAX)
		return err_set(err, ERR_TOO_LARGE, "git says too much before the request ends");
	return 0;
}

/* Hands bytes to the child, and meanwhile takes what it says. */
static int feed(struct relay *r, const char *bytes, size_t n, struct err *err)
{
	while (n && !r->refused) {
		struct pollfd p[2] = {{.fd = r->child.in, .events = POLLOUT},
			{.fd = r->child.out, .events = POLLIN}};
		ssize_t put;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_errno(err, errno, "cannot wait for git");
		if (p[1].revents && take_early(r, err) < 0)
			return -1;
		if (!p[0].revents)
			continue;
		put = write(r->child.in, bytes, n);
		if (put < 0 && errno == EPIPE) {
			r->refused = true;
			return 0;
		}
		if (put < 0 && errno != EAGAIN && errno != EINTR)
			return err_errno(err, errno, "cannot write to git");
		if (put > 0) {
			bytes += put;
			n -= (size_t)put;
		}
	}
	return 0;
}

int relay_feed(struct relay *r, struct view head, int *ret_last, struct err *err)
{
	ssize_t got;

	*ret_last = -1;
	r->fed = head.len;
	if (head.len) {
		*ret_last = (unsigned char)head.p[head.len - 1];
		if (feed(r, head.p, head.len - 1, err) < 0)
			return -1;
	}
	while ((got = r->peer->read(r->peer->arg, r->buf, RELAY_CHUNK, err)) > 0) {
		char last = (char)*ret_last;

		r->fed += (uint64_t)got;
		if (*ret_last >= 0 && feed(r, &last, 1, err) < 0)
			return -1;
		if (feed(r, r->buf, (size_t)got - 1, err) < 0)
			return -1;
		*ret_last = (unsigned char)r->buf[got - 1];
	}
	return got < 0 ? -1 : 0;
}

int relay_feed_last(struct relay *r, int last, struct err *err)
{
	char c = (char)last;

	if (last >= 0 && feed(r, &c, 1, err) < 0)
		return -1;
	fd_closep(&r->child.in);
	return fd_set_nonblock(r->child.out, false, err);
}

ssize_t relay_read(struct relay *r, struct err *err)
{
	ssize_t got;

	do
		got = read(r->child.out, r->buf, RELAY_CHUNK);
	while (got < 0 && errno == EINTR);
	return got < 0 ? err_errno(err, errno, "cannot read from git") : got;
}
