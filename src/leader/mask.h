/* SPDX-License-Identifier: Apache-2.0 */
/* Replaces secrets in a stream of bytes by `***`, however the stream is cut into pieces. */
#ifndef TOWPATH_LEADER_MASK_H
#define TOWPATH_LEADER_MASK_H

#include "base/str.h"
#include "base/vec.h"

struct mask {
	VEC(struct view) secrets; /* longest first; borrowed */
	struct str held;	  /* end of the stream so far that may be the start of a secret */
	struct str out;
};

#define MASK_INIT ((struct mask){0})
void mask_release(struct mask *m);
/* secret must outlive the mask. Secrets shorter than 3 bytes are left: they would hide
 * everything. Those of several lines are masked as a whole and line by line. */
void mask_add(struct mask *m, const char *secret);
/* The bytes that can go out now; valid until the next call. */
struct view mask_bytes(struct mask *m, struct view bytes);
/* What was held back, when the stream pauses at a place where a secret cannot go on. */
struct view mask_flush(struct mask *m);

/* Appends a text of its own to out, masked; the stream is not touched. */
void mask_text(const struct mask *m, struct view text, struct str *out);

#endif
