/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones: UTC, fixed offsets, and the system's zones by name (tzdata), without the process-wide
 * zone of libc, so that any thread may use any zone. */
#ifndef TOWPATH_BASE_ZONE_H
#define TOWPATH_BASE_ZONE_H

#include "base/err.h"
#include "base/str.h"

struct zone {
	/* Transitions in order: from `at` (seconds since 1970) on, so many seconds east of UTC. */
	struct zone_change {
		int64_t at;
		int32_t offset;
	} * changes;
	size_t n;
	int32_t offset; /* before the first one */
};

/* "UTC", "UTC+HH:MM", "UTC-HH:MM", or a file of the system's zones such as "Europe/Berlin". NULL is
 * UTC. ERR_NOT_FOUND: there is no such zone; ERR_MALFORMED: its file cannot be used. */
int zone_init(struct zone *z, const char *name, struct err *err);
void zone_release(struct zone *z);
#define CLEANUP_ZONE CLEANUP(zone_release)
/* What to add to a time (since 1970) for the zone's local time then. */
int64_t zone_offset_usec(const struct zone *z, int64_t usec);

#endif
