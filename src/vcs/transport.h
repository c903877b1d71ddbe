/* SPDX-License-Identifier: Apache-2.0 */
/* The smart protocol: real `git upload-pack` and `git receive-pack` children behind streams.
 *
 * Everything here blocks; memory is bounded by a few buffers whatever is sent or fetched. A peer
 * that breaks off ends the child. */
#ifndef TOWPATH_VCS_TRANSPORT_H
#define TOWPATH_VCS_TRANSPORT_H

#include <sys/types.h>

#include "base/str.h"
#include "vcs/repository.h"

enum vcs_service { VCS_UPLOAD_PACK, VCS_RECEIVE_PACK };

/* The peer. A reply starts with the first write; nothing is written before the request was read
 * to its end. */
struct vcs_stream {
	/* Count, 0 at the end, -1 when the peer broke off. */
	ssize_t (*read)(void *arg, void *buf, size_t n, struct err *err);
	int (*write)(void *arg, const void *bytes, size_t n, struct err *err);
	void *arg;
};

/* A stream whose read side is gunzipped; the write side passes through. */
struct vcs_gunzip;
struct vcs_gunzip *vcs_gunzip_new(const struct vcs_stream *below);
struct vcs_gunzip *vcs_gunzip_free(struct vcs_gunzip *z);
DEFINE_FREEP(struct vcs_gunzip, vcs_gunzip_free)
struct vcs_stream vcs_gunzip_stream(struct vcs_gunzip *z);

/* A stream that ends behind a pack, where the connection does not. begun: what of the pack has been
 * read already; expected false: none comes. */
struct vcs_pack_end;
struct vcs_pack_end *vcs_pack_end_new(
	const struct vcs_stream *below, struct view begun, bool expected);
struct vcs_pack_end *vcs_pack_end_free(struct vcs_pack_end *p);
DEFINE_FREEP(struct vcs_pack_end, vcs_pack_end_free)
struct vcs_stream vcs_pack_end_stream(struct vcs_pack_end *p);

/* A "version=2" and the like from a client's GIT_PROTOCOL or Git-Protocol, or NULL: anything else
 * is not handed to git. */
const char *vcs_protocol(const char *text);
/* Appends what references there are, as git says it at the start of a connection. protocol as
 * vcs_protocol() gives it. nonce: what the certificate of a signed push must hold, letters, digits
 * and hyphens; NULL: signed pushes are not offered (nor are they in protocol 1, ever). */
int vcs_advertise(const char *path, enum vcs_service service, const char *protocol,
	const char *nonce, struct str *out, struct err *err);
/* The same as the answer to info/refs?service=...: with its service line for protocols 0 and 1. */
int vcs_advertise_http(const char *path, enum vcs_service service, const char *protocol,
	const char *nonce, struct str *out, struct err *err);
/* Serves one upload-pack request. */
int vcs_upload_pack(
	const char *path, const char *protocol, const struct vcs_stream *s, struct err *err);

/* Serves a whole connection over descriptors, from the advertisement on. */
int vcs_upload_pack_fds(
	const char *path, const char *protocol, int in_fd, int out_fd, struct err *err);

struct vcs_command {
	struct vcs_id before, after; /* as the client states them */
	const char *ref;
	bool forward_only; /* the caller's: it may move but to a commit that follows, or nothing of
			      the push is done */
};

/* What `git push --signed` sends in place of commands (git's protocol-pack: push certificates). */
struct vcs_push_cert {
	struct view text;    /* all of it */
	struct view payload; /* what is signed */
	struct view signature;
	const char *nonce; /* as it claims, or NULL */
};

/* The head of a receive-pack request: what the client wants to change. */
struct vcs_push {
	struct vcs_command *commands;
	size_t n;
	struct vcs_push_cert *cert; /* NULL: not signed. raw holds its commands, not itself */
	bool report_status, sideband, atomic, quiet, too_many;
	struct str shallow; /* ids of commits that the client has without parents, a line each */
	struct str raw;	    /* the bytes read so far, to be handed on */
	size_t head;	    /* how many of them are the commands; what follows is of the pack */
};

#define VCS_PUSH_COMMANDS_MAX 4000
/* A push and a file in it have at most so many bytes, unless receive.maxInputSize and
 * towpath.maxFileSize of the repository's configuration say otherwise. */
#define VCS_PUSH_MAX (16 * GIB)
#define VCS_FILE_MAX (2 * GIB)

/* Reads the commands, up to the flush packet. Zero commands: the client only probes.
 * ERR_TOO_LARGE over VCS_PUSH_COMMANDS_MAX; ERR_MALFORMED. Strings live in the arena. */
int vcs_push_read(
	const struct vcs_stream *s, struct arena *a, struct vcs_push *ret, struct err *err);
void vcs_push_release(struct vcs_push *p);
/* Whether a pack follows: deletions need none. */
bool vcs_push_has_pack(const struct vcs_push *p);
/* How many objects its pack says it holds; reads up to there. */
int vcs_push_objects(
	const struct vcs_stream *s, struct vcs_push *p, uint32_t *ret, struct err *err);
/* Reads the request to its end, if its pack has at most max bytes: 1, or 0 when it has more. */
int vcs_push_read_pack(const struct vcs_stream *s, struct vcs_push *p, size_t max, struct err *err);
/* Reads the rest of the request to its end and drops it. */
int vcs_push_drain(const struct vcs_stream *s, struct err *err);
/* Refuses: writes a report with unpack "ok" and a reason for each command; reasons[i] NULL is
 * told as accepted. message (may be NULL) is shown to the user as "remote: ...". */
int vcs_push_report(const struct vcs_push *p, const char *const *reasons, const char *message,
	const struct vcs_stream *s, struct err *err);

/* How the caller brackets the moment at which references change. */
struct vcs_push_bracket {
	/* The whole request is here, its objects are the repository's, receive-pack has all but
	 * its last byte: no reference has changed yet. -1 ends the push without a change. */
	int (*prepare)(void *arg, struct err *err);
	/* receive-pack has ended; what it changed has changed. The report goes to the client only
	 * after this returned 0. Called exactly when prepare() returned 0. */
	int (*settle)(void *arg, struct err *err);
	void *arg;
};
/* Receives the objects, hands the commands to receive-pack and its report to the client; pushes
 * that are small and plainly right (plain_push.h) need no process. What the repository's limits or
 * a command's forward_only refuse is told in a report as well, and then neither half of the bracket
 * is called. */
int vcs_receive_pack(const char *path, struct vcs_push *p, const struct vcs_stream *s,
	const struct vcs_push_bracket *b, struct err *err);

#endif
