/* SPDX-License-Identifier: Apache-2.0 */
/* Archived events: rows in the order of their time. */
#ifndef TOWPATH_STORE_EVENT_ARCHIVE_H
#define TOWPATH_STORE_EVENT_ARCHIVE_H

#include "db/db.h"

extern const struct db_migration store_event_archive_migrations[];
extern const size_t store_event_archive_migrations_n;

struct store_archived_event {
	int64_t usec; /* the event's time */
	const char *id, *event;
};

/* One that is there already stays as it is. */
int store_event_archive_add(struct db_tx *tx, const char *archive,
	const struct store_archived_event *event, struct err *err);
/* Ordered by time, then id: from_usec <= usec < to_usec, after the place (at_usec, at_id). */
struct store_archive_query {
	const char *archive;
	int64_t from_usec, to_usec;
	int64_t at_usec;
	const char *at_id; /* NULL: from the start */
	size_t max;
};
int store_event_archive_read(struct db_tx *tx, const struct store_archive_query *q, struct arena *a,
	struct store_archived_event **ret, size_t *ret_n, struct err *err);
int store_event_archive_measure(struct db_tx *tx, const char *archive, int64_t *ret_count,
	int64_t *ret_bytes, struct err *err);
/* Those before a time; INT64_MAX: all. */
int store_event_archive_drop(
	struct db_tx *tx, const char *archive, int64_t before_usec, struct err *err);

#endif
