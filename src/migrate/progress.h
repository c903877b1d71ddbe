/* SPDX-License-Identifier: Apache-2.0 */
/* What a migration is doing, told on standard error: one line that is drawn over on a terminal, a
 * line now and then elsewhere. */
#ifndef TOWPATH_MIGRATE_PROGRESS_H
#define TOWPATH_MIGRATE_PROGRESS_H

#include "base/str.h"

struct migrate_progress {
	bool terminal, drawn;
	int64_t started_usec, told_usec, heard_usec;
	struct str step, detail;
};

void migrate_progress_init(struct migrate_progress *p);
void migrate_progress_release(struct migrate_progress *p);
/* A new step begins, such as "fetching references 1-20 of 300". */
void migrate_progress_step(struct migrate_progress *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* What git says of the step: "Receiving objects:  45% (450/1000)". */
void migrate_progress_detail(struct migrate_progress *p, struct view text);
/* Time has passed: says how long nothing was heard. */
void migrate_progress_tick(struct migrate_progress *p);
/* A line that stays. */
void migrate_progress_note(struct migrate_progress *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
