/* SPDX-License-Identifier: Apache-2.0 */
/* The events of builds, deployments and pipelines: their details are more than members of the
 * journal entry with other names, and one entry may be several events. */
#ifndef TOWPATH_SIGNAL_EVENT_DETAIL_H
#define TOWPATH_SIGNAL_EVENT_DETAIL_H

#include "signal/event.h"

/* What events are made of, and where. */
struct event_origin {
	struct signal_engine *e;
	struct db_tx *tx;
	const struct journal_entry *entry;
	struct arena *a;
};

/* Fills in ret from an entry of the kind: none, one or several events. */
typedef int (*event_maker)(const struct event_origin *o, struct event_list *ret, struct err *err);
/* The maker for a kind of journal entry, or NULL. */
event_maker event_maker_of(const char *kind);

/* Appends an event about these resources (n of them, at most 3); detail is JSON. Returns it. */
struct event_envelope *event_list_add(const struct event_origin *o, struct event_list *list,
	const char *source, const char *detail_type, const char *detail,
	const char *const *resources, size_t n);

/* codebuild.build: the change of the status, and each phase that ended. What the event says of the
 * build is read from it; of one that is deleted, only its change is told. (event_build.c) */
int event_make_build(const struct event_origin *o, struct event_list *ret, struct err *err);

#endif
