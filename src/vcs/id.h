/* SPDX-License-Identifier: Apache-2.0 */
/* Object ids as text: 40 lower-case hexadecimal digits. */
#ifndef TOWPATH_VCS_ID_H
#define TOWPATH_VCS_ID_H

#include "base/view.h"

struct vcs_id {
	char hex[41];
};

#define VCS_ID_ZERO ((struct vcs_id){"0000000000000000000000000000000000000000"})

/* True for a full id; upper-case digits are lowered. ret may be NULL. */
bool vcs_id_parse(struct view text, struct vcs_id *ret);
/* True for the id of forty zeros ("no object") and for an empty one. */
bool vcs_id_is_zero(const struct vcs_id *id);
bool vcs_id_eq(const struct vcs_id *a, const struct vcs_id *b);

#endif
