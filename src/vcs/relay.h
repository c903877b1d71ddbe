/* SPDX-License-Identifier: Apache-2.0 */
/* Inside vcs/ only: a git child between a peer's request and its answer. */
#ifndef TOWPATH_VCS_RELAY_H
#define TOWPATH_VCS_RELAY_H

#include "vcs/child.h"
#include "vcs/transport.h"

#define RELAY_CHUNK (64 * KIB)

/* One child, its peer, and what is under way between them. */
struct relay {
	struct vcs_child child;
	const struct vcs_stream *peer;
	char *buf;	  /* RELAY_CHUNK bytes */
	struct str early; /* output that waits for the end of the request */
	bool refused;	  /* the child reads no further */
	uint64_t fed;	  /* bytes of the request, whether the child took them or not */
};
#define RELAY_INIT ((struct relay){.child = VCS_CHILD_INIT})

/* Starts `git <args>` in the repository. */
int relay_start(struct relay *r, const char *path, const char *const *args,
	const struct vcs_child_how *how, const struct vcs_stream *peer, struct err *err);
void relay_release(struct relay *r);
/* Hands it the head and then the peer's request up to its end, but for the last byte, which
 * *ret_last gets (-1: there was none). What the child says meanwhile is kept in `early`. */
int relay_feed(struct relay *r, struct view head, int *ret_last, struct err *err);
/* Hands it that byte, and then the end. */
int relay_feed_last(struct relay *r, int last, struct err *err);
/* What the child says next: count, 0 at its end. */
ssize_t relay_read(struct relay *r, struct err *err);

#endif
