/* SPDX-License-Identifier: Apache-2.0 */
/* Archives of event buses, and replays of what is in them. */
#ifndef TOWPATH_SIGNAL_EVENT_ARCHIVE_H
#define TOWPATH_SIGNAL_EVENT_ARCHIVE_H

#include "signal/event.h"

/* Puts the event into every archive of its bus that wants it; node is its text as a tree. */
int event_archive_add(struct db_tx *tx, const struct event *x, const struct json_node *node,
	struct arena *a, struct err *err);
/* ResourceNotFoundException when there is none. */
int event_archive_need(struct db_tx *tx, const char *name, struct arena *a,
	struct events_describe_archive_response *ret, struct err *err);
/* Removes what archives keep no longer, and replays that ended long ago. */
int event_archive_prune(struct db_tx *tx, int64_t now_usec, struct err *err);
int event_replay_run(struct durable *d, const struct task *t, void *arg, struct err *err);

#endif
