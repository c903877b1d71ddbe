/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "vcs/incoming.h"
#include "vcs/pkt.h"
#include "vcs/plain_push.h"
#include "vcs/relay.h"

#define REPORT_MAX (8 * MIB)
#define PROTOCOL_MAX 256

static const char *const commands[] = {
	[VCS_UPLOAD_PACK] = "upload-pack",
	[VCS_RECEIVE_PACK] = "receive-pack",
};

/* Syncing each of many new references by itself would take seconds; then one sync of the file
 * system, before the push is settled, stands for all. */
#define ONE_BY_ONE_MAX 8
#define SYNC_LATER "core.fsync=objects,derived-metadata,-reference"
#define SETTINGS_MAX 2

/* A push in git's quarantine has its repository as an alternate, and git would start a process that
 * lists references which it knows already. */
#define NO_ALTERNATES "core.alternateRefsCommand=true"

/* What follows the commands once the objects are here: a pack without objects. */
#define EMPTY_PACK                                                                             \
	"PACK\0\0\0\2\0\0\0\0\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c" \
	"\xfd\x3e\xd3\x1e"

const char *vcs_protocol(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789=:-";

	return text && strlen(text) <= PROTOCOL_MAX && !text[strspn(text, plain)] ? text : NULL;
}

/* settings: "name=value" of git's configuration, up to NULL. */
static int start_service(struct relay *r, const char *path, enum vcs_service service,
	const char *protocol, const char *const *settings, const struct vcs_stream *s,
	struct err *err)
{
	const struct vcs_child_how how = {.protocol = protocol};
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
	return relay_start(r, path, args, &how, s, err);
}

int vcs_upload_pack(
	const char *path, const char *protocol, const struct vcs_stream *s, struct err *err)
{
	CLEANUP(relay_release) struct relay r = RELAY_INIT;
	const char *const no_settings[] = {NULL};
	ssize_t got;
	int last;

	if (start_service(&r, path, VCS_UPLOAD_PACK, protocol, no_settings, s, err) < 0 ||
		relay_feed(&r, (struct view){NULL, 0}, &last, err) < 0 ||
		relay_feed_last(&r, last, err) < 0)
		return -1;
	if (r.early.len && s->write(s->arg, r.early.p, r.early.len, err) < 0)
		return -1;
	while ((got = relay_read(&r, err)) > 0)
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
	const struct vcs_push *push;
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
	while ((got = relay_read(p->r, err)) > 0)
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

/* git syncs a reference's file, but not the folder that it moves it to. */
static int sync_folders(const char *path, const struct vcs_push *push, struct err *err)
{
	for (size_t i = 0; i < push->n; i++)
		if (vcs_ref_sync_folders(path, push->commands[i].ref, err) < 0)
			return -1;
	return file_sync_dir(path, err); /* of packed references */
}

/* Many references, all of them new. */
static bool may_sync_later(const struct vcs_push *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (!vcs_id_is_zero(&p->commands[i].before))
			return false;
	return p->n > ONE_BY_ONE_MAX;
}

/* What of git's configuration is this push's own; settings takes SETTINGS_MAX and NULL. */
static void choose_settings(const struct vcs_push *p, const char **settings)
{
	size_t n = 0;

	settings[n++] = NO_ALTERNATES;
	if (may_sync_later(p))
		settings[n++] = SYNC_LATER;
	settings[n] = NULL;
}

/* From here on references may change, so settle() is called whatever happens. */
static int finish_push(
	struct report *p, int last, const struct vcs_push_bracket *b, struct err *err)
{
	CLEANUP_ERR struct err ended = ERR_INIT;
	int rc = relay_feed_last(p->r, last, err);

	if (rc == 0)
		rc = read_report(p, err);
	else
		fd_closep(&p->r->child.out);
	if (vcs_child_wait(&p->r->child, &ended) < 0 && rc == 0 && !p->kept.len)
		rc = err_move(err, &ended);
	if ((p->sync_later ? sync_all(p->path, rc == 0 ? err : NULL)
			   : sync_folders(p->path, p->push, rc == 0 ? err : NULL)) < 0)
		rc = -1;
	if (b->settle(b->arg, rc == 0 ? err : NULL) < 0 || rc < 0)
		return -1;
	return p->kept.len ? p->r->peer->write(p->r->peer->arg, p->kept.p, p->kept.len, err) : 0;
}

/* The commands, which receive-pack carries out, and the bracket around them. */
static int receive_commands(const char *path, const struct vcs_push *push, struct view request,
	const struct vcs_stream *s, const struct vcs_push_bracket *b, struct err *err)
{
	CLEANUP(relay_release) struct relay r = RELAY_INIT;
	CLEANUP(report_release)
	struct report report = {.r = &r,
		.push = push,
		.path = path,
		.sideband = push->sideband,
		.sync_later = may_sync_later(push)};
	const char *settings[SETTINGS_MAX + 1];
	int last;

	choose_settings(push, settings);
	if (start_service(&r, path, VCS_RECEIVE_PACK, NULL, settings, s, err) < 0 ||
		relay_feed(&r, request, &last, err) < 0)
		return -1;
	if (b->prepare(b->arg, err) < 0)
		return -1;
	return finish_push(&report, last, b, err);
}

/* 1 the objects are the repository's, 0 refused with reasons for each command. */
static int receive_objects(struct incoming *in, struct vcs_push *push, const struct vcs_stream *s,
	const char **reasons, struct err *err)
{
	uint32_t objects = 0;
	int rc = 1;

	if (vcs_push_has_pack(push) && vcs_push_objects(s, push, &objects, err) < 0)
		return -1;
	if (objects)
		rc = incoming_receive(in, push, s, reasons, err);
	if (rc > 0)
		rc = incoming_judge(in, push, reasons, err);
	return rc > 0 && incoming_take(in, err) < 0 ? -1 : rc;
}

int vcs_receive_pack(const char *path, struct vcs_push *push, const struct vcs_stream *s,
	const struct vcs_push_bracket *b, struct err *err)
{
	CLEANUP_INCOMING struct incoming in = {0};
	CLEANUP_STR struct str request = STR_INIT;
	CLEANUP(freep) const char **reasons = xcalloc(push->n, sizeof(*reasons));
	int rc;

	if (incoming_init(&in, path, err) < 0)
		return -1;
	rc = plain_push_serve(path, push, in.push_max, in.file_max, s, b, err);
	if (rc)
		return rc < 0 ? -1 : 0;
	rc = receive_objects(&in, push, s, reasons, err);
	if (rc < 0)
		return -1;
	if (rc == 0 && vcs_push_drain(s, err) < 0)
		return -1;
	if (rc == 0)
		return vcs_push_report(
			push, reasons, in.message.len ? str_text(&in.message) : NULL, s, err);
	str_add_n(&request, push->raw.p, push->head);
	if (in.folder)
		str_add_n(&request, EMPTY_PACK, sizeof(EMPTY_PACK) - 1);
	else
		str_add_n(&request, push->raw.p + push->head, push->raw.len - push->head);
	return receive_commands(path, push, str_view(&request), s, b, err);
}
