/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/bounds.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/macros.h"

#define LOOK_SHARE 20 /* a look takes at most this part of the time */

int vcs_disk_over(struct vcs_disk_look *l, struct err *err)
{
	int64_t begun = monotonic_usec(), now;
	uint64_t used;

	if (file_tree_usage(l->folder, l->max, &used, err) < 0)
		return -1;
	now = monotonic_usec();
	l->next_usec = now + MAX(l->every_usec, (now - begun) * LOOK_SHARE);
	return used > l->max;
}
