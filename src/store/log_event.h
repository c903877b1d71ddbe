/* SPDX-License-Identifier: Apache-2.0 */
/* Log events that came in by API: rows in the order of their time. */
#ifndef TOWPATH_STORE_LOG_EVENT_H
#define TOWPATH_STORE_LOG_EVENT_H

#include "db/db.h"

extern const struct db_migration store_log_event_migrations[];
extern const size_t store_log_event_migrations_n;

struct store_log_event {
	int64_t sequence; /* from 1 in its stream, in the order of arrival */
	int64_t msec, ingestion_msec;
	const char *message;
};

int store_log_event_add(
	struct db_tx *tx, const char *stream, const struct store_log_event *event, struct err *err);
/* Ordered by time, then arrival. from_msec <= msec < to_msec. After (before, if `backwards`: the
 * newest first) the place (at_msec, at_sequence), itself excluded; at most max, and none after so
 * many bytes of messages (0: no matter). */
struct store_log_query {
	const char *stream;
	int64_t from_msec, to_msec;
	int64_t at_msec, at_sequence;
	bool backwards;
	size_t max, bytes;
};
int store_log_event_read(struct db_tx *tx, const struct store_log_query *q, struct arena *a,
	struct store_log_event **ret, size_t *ret_n, struct err *err);
int store_log_event_drop(
	struct db_tx *tx, const char *stream, int64_t before_msec, struct err *err);

#endif
