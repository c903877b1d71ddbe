/* SPDX-License-Identifier: Apache-2.0 */
/* The states of executions, stages, actions and jobs: which may follow which, and how events call
 * them. Names are those of the API. */
#ifndef TOWPATH_PIPELINE_STATUS_H
#define TOWPATH_PIPELINE_STATUS_H

#include "base/macros.h"

enum status_machine { STATUS_OF_RUN, STATUS_OF_STAGE, STATUS_OF_ACTION, STATUS_OF_JOB };

/* Whether `from` (NULL: it does not exist yet) may become `to`. */
bool status_may_follow(enum status_machine m, const char *from, const char *to);
/* The state in events: STARTED, RESUMED, SUCCEEDED, CANCELED, ...; static. NULL for
 * jobs. */
const char *status_event(enum status_machine m, const char *from, const char *to);
/* No further step happens by itself: Succeeded, Failed, Stopped, Superseded, Cancelled... */
bool status_final(const char *status);
/* Calls back for every row of a machine's table; for tests. */
void status_each(enum status_machine m,
	void (*fn)(void *arg, const char *from, const char *to, const char *event), void *arg);

#endif
