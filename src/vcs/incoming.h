/* SPDX-License-Identifier: Apache-2.0 */
/* Inside vcs/ only: the objects of a push on their way. They come into a folder of their own, where
 * git indexes and checks them (`git index-pack --strict`); what the repository's limits and the
 * push's references need is looked at there, and only then do they join the repository's. Until
 * then nobody sees them; when they are not to come they go away with the folder. */
#ifndef TOWPATH_VCS_INCOMING_H
#define TOWPATH_VCS_INCOMING_H

#include "vcs/transport.h"

struct incoming {
	const char *path; /* of the repository, borrowed */
	char *folder;	  /* NULL: no objects */
	uint64_t push_max, file_max;
	struct str strict;  /* index-pack's argument */
	struct str message; /* why the push is refused, for "remote: ..." */
};
#define CLEANUP_INCOMING CLEANUP(incoming_release)

/* Reads the limits of the repository at path. */
int incoming_init(struct incoming *in, const char *path, struct err *err);
/* Removes what has not been taken. */
void incoming_release(struct incoming *in);
/* Receives the pack, telling the peer git's progress. 1, or 0 when git takes it not: the reasons of
 * all commands say so, in.message may say more. */
int incoming_receive(struct incoming *in, const struct vcs_push *p, const struct vcs_stream *s,
	const char **reasons, struct err *err);
/* Whether files are small enough and branches move as they may: 1, or 0 with reasons as above. */
int incoming_judge(
	struct incoming *in, const struct vcs_push *p, const char **reasons, struct err *err);
/* Makes the objects the repository's own, so that a power cut leaves them there. */
int incoming_take(struct incoming *in, struct err *err);

#endif
