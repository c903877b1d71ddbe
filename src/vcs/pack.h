/* SPDX-License-Identifier: Apache-2.0 */
/* Inside vcs/ only: a small pack in memory, taken apart (git's pack-format, version 2). */
#ifndef TOWPATH_VCS_PACK_H
#define TOWPATH_VCS_PACK_H

#include "vcs/git2.h"

#define PACK_OBJECTS_MAX 100	     /* objects of a small pack */
#define PACK_BYTES_MAX (1 * MIB)     /* its bytes */
#define PACK_UNPACKED_MAX (16 * MIB) /* its objects' bytes together, with what they differ from */

struct pack_object {
	git_oid id;
	git_object_t type;
	struct view bytes;
	size_t at;    /* where in the pack it begins */
	bool visited; /* the reader's */
};

struct pack {
	struct pack_object *v;
	size_t n;
};

/* Takes a whole pack apart; objects live in the arena. odb has what thin packs differ from. False
 * when it is not small, not in order (what an object differs from stands behind it), or damaged in
 * whatever way: git can tell which. */
bool pack_open(struct view bytes, git_odb *odb, struct arena *a, struct pack *ret);
/* NULL: not in the pack. */
struct pack_object *pack_find(const struct pack *p, const git_oid *id);

#endif
