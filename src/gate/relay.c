/* SPDX-License-Identifier: Apache-2.0 */
/* Between a channel and a command. Memory is a buffer a direction and libssh's window: what the
 * command does not take is not read from the client, what the client does not take is not read from
 * the command. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "gate/gate.h"
#include "net/ssh_link.h"

#define CHUNK (64 * KIB)

struct relay {
	ssh_session ssh;
	ssh_event event;
	ssh_channel channel;
	int link;
	struct relay_fds *fds;
	char *pending; /* CHUNK bytes from the client, of which those from at to end are to go on */
	size_t at, end;
	char *buf; /* CHUNK bytes */
	bool deaf; /* the command reads no further */
	bool exited;
	int status;
};

/* Hands pending bytes to the command. */
static void feed(struct relay *r)
{
	while (r->at < r->end) {
		ssize_t put = r->deaf ? (ssize_t)(r->end - r->at)
				      : write(r->fds->in, r->pending + r->at, r->end - r->at);

		if (put < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (put < 0)
			r->deaf = true;
		else
			r->at += (size_t)put;
	}
	r->at = r->end = 0;
}

/* Takes what the client has sent; -1 when it is gone. */
static int take(struct relay *r)
{
	while (!r->end) {
		int got = ssh_channel_read_nonblocking(r->channel, r->pending, CHUNK, 0);

		if (got == SSH_ERROR)
			return -1;
		if (got <= 0)
			break;
		r->end = (size_t)got;
		feed(r);
	}
	if (!r->end && ssh_channel_is_eof(r->channel))
		fd_closep(&r->fds->in);
	return ssh_channel_is_closed(r->channel) ? -1 : 0;
}

/* Tells the client what the command said; its end closes the descriptor. */
static int tell(struct relay *r, int *fd, bool is_stderr)
{
	uint32_t room = ssh_channel_window_size(r->channel);
	ssize_t got;
	int put;

	if (!room)
		return 0;
	got = read(*fd, r->buf, MIN((size_t)room, (size_t)CHUNK));
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0) {
		fd_closep(fd);
		return 0;
	}
	put = is_stderr ? ssh_channel_write_stderr(r->channel, r->buf, (uint32_t)got)
			: ssh_channel_write(r->channel, r->buf, (uint32_t)got);
	return put == got ? 0 : -1;
}

static int hear_exit(struct relay *r)
{
	CLEANUP_SSH_LINK_MESSAGE struct ssh_link_message m;

	if (ssh_link_receive(r->link, &m, NULL) <= 0 || !streq(m.fields[0], "exit"))
		return -1;
	r->exited = true;
	r->status = atoi(m.fields[1]);
	return 0;
}

static int turn(struct relay *r)
{
	bool room = ssh_channel_window_size(r->channel) > 0;
	short flush = ssh_get_poll_flags(r->ssh) & SSH_WRITE_PENDING ? POLLOUT : 0;
	struct pollfd p[] = {
		{.fd = ssh_get_fd(r->ssh), .events = (short)(POLLIN | flush)},
		{.fd = r->exited ? -1 : r->link, .events = POLLIN},
		{.fd = r->end ? r->fds->in : -1, .events = POLLOUT},
		{.fd = room ? r->fds->out : -1, .events = POLLIN},
		{.fd = room ? r->fds->errout : -1, .events = POLLIN},
	};

	if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
		return -1;
	if (p[0].revents && ssh_event_dopoll(r->event, 0) == SSH_ERROR)
		return -1;
	if (p[1].revents && hear_exit(r) < 0)
		return -1;
	if (p[2].revents)
		feed(r);
	if (p[3].revents && tell(r, &r->fds->out, false) < 0)
		return -1;
	if (p[4].revents && tell(r, &r->fds->errout, true) < 0)
		return -1;
	return take(r);
}

int relay_run(ssh_session ssh, ssh_event event, ssh_channel channel, int link,
	struct relay_fds *fds, int *ret_status)
{
	struct relay r = {.ssh = ssh,
		.event = event,
		.channel = channel,
		.link = link,
		.fds = fds,
		.pending = xmalloc(CHUNK),
		.buf = xmalloc(CHUNK)};
	int rc = fd_set_nonblock(fds->in, true, NULL);

	if (rc == 0)
		rc = take(&r); /* what came along with the command */
	while (rc == 0 && !(r.exited && fds->out < 0 && fds->errout < 0))
		rc = turn(&r);
	*ret_status = r.status;
	fd_closep(&fds->in);
	fd_closep(&fds->out);
	fd_closep(&fds->errout);
	free(r.pending);
	free(r.buf);
	return rc;
}
