/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "vcs/child.h"
#include "vcs/pkt.h"

#define CHUNK (64 * KIB)
/* What git may say before the request was read to its end: acknowledgements, progress. */
#define EARLY_OUTPUT_MAX (8 * MIB)
#define REPORT_MAX (8 * MIB)
#define PROTOCOL_MAX 256

static const char *const commands[] = {
	[VCS_UPLOAD_PACK] = "upload-pack",
	[VCS_RECEIVE_PACK] = "receive-pack",
};

/* Syncing each of many new references by itself would take seconds; then one sync of the file
 * system, before the push is settled, stands for all. Of objects it is the other way round: what
 * the repository's configuration says, one sync for all, needs folders and moves that take longer
 * than the syncs of a few. */
#define ONE_BY_ONE_MAX 8
#define SYNC_LATER "core.fsync=objects,derived-metadata,-reference"
#define SYNC_EACH_OBJECT "core.fsyncMethod=fsync"
#define FORWARD_ONLY "receive.denyNonFastForwards=true"
#define SETTINGS_MAX 4

/* While a push is in quarantine its repository is an alternate of it, and git would start a process
 * that lists references which it knows already. */
#define NO_ALTERNATES "core.alternateRefsCommand=true"

/* One child, its peer, and what is under way between them. */
struct relay {
	struct vcs_child child;
	const struct vcs_stream *peer;
	char *buf;	  /* CHUNK bytes */
	struct str early; /* output that waits for the end of the request */
	bool refused;	  /* the child reads no further */
	uint64_t fed;	  /* bytes of the request, whether the child took them or not */
};

static void relay_release(struct relay *r)
{
	vcs_child_release(&r->child);
	free(r->buf);
	str_release(&r->early);
}

const char *vcs_protocol(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789=:-";

	return text && strlen(text) <= PROTOCOL_MAX && !text[strspn(text, plain)] ? text : NULL;
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

/* The peer's request up to its end, but for the last byte, which *ret_last gets (-1: none). */
static int feed_request(struct relay *r, struct view head, int *ret_last, struct err *err)
{
	ssize_t got;

	*ret_last = -1;
	r->fed = head.len;
	if (head.len) {
		*ret_last = (unsigned char)head.p[head.len - 1];
		if (feed(r, head.p, head.len - 1, err) < 0)
			return -1;
	}
	while ((got = r->peer->read(r->peer->arg, r->buf, CHUNK, err)) > 0) {
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

static int feed_last(struct relay *r, int last, struct err *err)
{
	char c = (char)last;

	if (last >= 0 && feed(r, &c, 1, err) < 0)
		return -1;
	fd_closep(&r->child.in);
	return fd_set_nonblock(r->child.out, false, err);
}

/* settings: "name=value" of git's configuration, up to NULL. */
static int relay_start(struct relay *r, const char *path, enum vcs_service service,
	const char *protocol, const char *const *settings, const struct vcs_stream *s,
	struct err *err)
{
	const char *args[2 * SETTINGS_MAX + 4];
	size_t n = 0;

	for (; *settings; settings++) {
		BUG_ON(n == 2 * SETTINGS_MAX);
		args[n++] = "-c";
		args[n++] = *settings;
	}
	args[n++] = commands[service];
	args[n++] = "--stateless-rpc";
	args[n++] = path;
	args[n] = NULL;
	r->peer = s;
	r->buf = xmalloc(CHUNK);
	if (vcs_child_start(path, args, protocol, &r->child, err) < 0 ||
		fd_set_nonblock(r->child.in, true, err) < 0 ||
		fd_set_nonblock(r->child.out, true, err) < 0)
		return -1;
	return 0;
}

static ssize_t read_child(struct relay *r, char *buf, size_t n, struct err *err)
{
	ssize_t got;

	do
		got = read(r->child.out, buf, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? err_errno(err, errno, "cannot read from git") : got;
}

int vcs_upload_pack(
	const char *path, const char *protocol, const struct vcs_stream *s, struct err *err)
{
	CLEANUP(relay_release) struct relay r = {.child = VCS_CHILD_INIT};
	const char *const no_settings[] = {NULL};
	ssize_t got;
	int last;

	if (relay_start(&r, path, VCS_UPLOAD_PACK, protocol, no_settings, s, err) < 0 ||
		feed_request(&r, (struct view){NULL, 0}, &last, err) < 0 ||
		feed_last(&r, last, err) < 0)
		return -1;
	if (r.early.len && s->write(s->arg, r.early.p, r.early.len, err) < 0)
		return -1;
	while ((got = read_child(&r, r.buf, CHUNK, err)) > 0)
		if (s->write(s->arg, r.buf, (size_t)got, err) < 0)
			return -1;
	return got < 0 ? -1 : vcs_child_wait(&r.child, err);
}

int vcs_upload_pack_fds(
	const char *path, const char *protocol, int in_fd, int out_fd, struct err *err)
{
	const char *const args[] = {"upload-pack", "--strict", path, NULL};
	CLEANUP_VCS_CHILD struct vcs_child child = VCS_CHILD_INIT;

	if (vcs_child_start_fds(path, args, protocol, in_fd, out_fd, &child, err) < 0)
		return -1;
	return vcs_child_wait(&child, err);
}

/* ---- the report of a push ---- */

/* What receive-pack says, taken apart: progress goes on at once, the report is kept. */
struct report {
	struct relay *r;
	const char *path;
	bool sideband, sync_later;
	struct str pending; /* a packet that is not complete yet */
	struct str kept;
};

static void report_release(struct report *p)
{
	str_release(&p->pending);
	str_release(&p->kept);
}

/* Progress (band 2) and keep-alives (an empty band 1) may be told before the push is settled. */
static bool may_pass(struct view packet)
{
	return packet.len == 5 || (packet.len > 5 && packet.p[4] == 2);
}

static int take_report(struct report *p, struct view bytes, struct err *err)
{
	size_t at = 0;

	if (!p->sideband) {
		str_add_view(&p->kept, bytes);
		return p->kept.len > REPORT_MAX
			       ? err_set(err, ERR_TOO_LARGE, "git's report is too long")
			       : 0;
	}
	str_add_view(&p->pending, bytes);
	while (p->pending.len - at >= 4) {
		int n = pkt_length(p->pending.p + at);
		struct view packet = {p->pending.p + at, n < 4 ? 4 : (size_t)n};

		if (n < 0)
			return err_set(err, ERR_IO, "git's report is not in its format");
		if (p->pending.len - at < packet.len)
			break;
		if (!may_pass(packet) || p->kept.len)
			str_add_view(&p->kept, packet);
		else if (p->r->peer->write(p->r->peer->arg, packet.p, packet.len, err) < 0)
			return -1;
		at += packet.len;
	}
	memmove(p->pending.p, p->pending.p + at, p->pending.len - at);
	str_truncate(&p->pending, p->pending.len - at);
	return p->kept.len > REPORT_MAX ? err_set(err, ERR_TOO_LARGE, "git's report is too long")
					: 0;
}

/* Reads the report to its end. A peer that broke off does not stop it: what git does to the
 * references must still be settled. */
static int read_report(struct report *p, struct err *err)
{
	CLEANUP_ERR struct err first = ERR_INIT;
	ssize_t got;

	if (p->r->early.len)
		take_report(p, str_view(&p->r->early), &first);
	while ((got = read_child(p->r, p->r->buf, CHUNK, err)) > 0)
		if (!first.kind)
			take_report(p, (struct view){p->r->buf, (size_t)got}, &first);
	if (got < 0)
		return -1;
	return first.kind ? err_move(err, &first) : 0;
}

static int sync_all(const char *path, struct err *err)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || syncfs(fd) < 0)
		return err_errno(err, errno, "cannot sync %s", path);
	return 0;
}

/* Many references, all of them new. */
static bool may_sync_later(const struct vcs_push *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!vcs_id_is_zero(&p->commands[i].before))
			return false;
	return p->n > ONE_BY_ONE_MAX;
}

static bool has_few_objects(const struct vcs_push *p)
{
	uint32_t n;

	return vcs_push_objects(p, &n) && n <= ONE_BY_ONE_MAX;
}

/* What of git's configuration is this push's own; settings takes SETTINGS_MAX and NULL. */
static void choose_settings(const struct vcs_push *p, const char **settings)
{
	size_t n = 0;

	settings[n++] = NO_ALTERNATES;
	if (may_sync_later(p))
		settings[n++] = SYNC_LATER;
	if (has_few_objects(p))
		settings[n++] = SYNC_EACH_OBJECT;
	if (p->forward_only)
		settings[n++] = FORWARD_ONLY;
	settings[n] = NULL;
}

/* git's own words do not always name the limit. */
static int tell_limit(struct report *p, struct err *err)
{
	CLEANUP_STR struct str text = STR_INIT, out = STR_INIT;
	const struct relay *r = p->r;
	uint64_t limit;

	if (!p->sideband || (p->kept.len && memmem(p->kept.p, p->kept.len, "unpack ok", 9)) ||
		vcs_push_limit(p->path, &limit, NULL) < 0 || r->fed <= limit)
		return 0;
	str_addf(&text, "A push may have %llu MiB; this one has %llu bytes.\n",
		(unsigned long long)(limit / MIB), (unsigned long long)r->fed);
	pkt_add_band(&out, 2, str_view(&text));
	return r->peer->write(r->peer->arg, out.p, out.len, err);
}

/* From here on references may change, so settle() is called whatever happens. */
static int finish_push(
	struct report *p, int last, const struct vcs_push_bracket *b, struct err *err)
{
	CLEANUP_ERR struct err ended = ERR_INIT;
	int rc = feed_last(p->r, last, err);

	if (rc == 0)
		rc = read_report(p, err);
	else
		fd_closep(&p->r->child.out);
	if (vcs_child_wait(&p->r->child, &ended) < 0 && rc == 0 && !p->kept.len)
		rc = err_move(err, &ended);
	if (p->sync_later && sync_all(p->path, rc == 0 ? err : NULL) < 0)
		rc = -1;
	if (b->settle(b->arg, rc == 0 ? err : NULL) < 0 || rc < 0)
		return -1;
	if (tell_limit(p, err) < 0)
		return -1;
	return p->kept.len ? p->r->peer->write(p->r->peer->arg, p->kept.p, p->kept.len, err) : 0;
}

int vcs_receive_pack(const char *path, const struct vcs_push *push, const struct vcs_stream *s,
	const struct vcs_push_bracket *b, struct err *err)
{
	CLEANUP(relay_release) struct relay r = {.child = VCS_CHILD_INIT};
	CLEANUP(report_release)
	struct report report = {.r = &r,
		.path = path,
		.sideband = push->sideband,
		.sync_later = may_sync_later(push)};
	const char *settings[SETTINGS_MAX + 1];
	int last;

	choose_settings(push, settings);
	if (relay_start(&r, path, VCS_RECEIVE_PACK, NULL, settings, s, err) < 0 ||
		feed_request(&r, str_view(&push->raw), &last, err) < 0)
		return -1;
	if (b->prepare(b->arg, err) < 0)
		return -1;
	return finish_push(&report, last, b, err);
}
