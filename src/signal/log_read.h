/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of a log stream, whichever way it is stored. */
#ifndef TOWPATH_SIGNAL_LOG_READ_H
#define TOWPATH_SIGNAL_LOG_READ_H

#include "signal/internal.h"
#include "signal/log_pattern.h"

#define LOG_NO_STREAM "The specified log stream does not exist."

/* ---- groups and streams (log_group.c) ---- */

/* The id of a stream's document. */
char *log_stream_key(struct arena *a, const char *group, const char *stream);
/* The group's name, from a name, or from an identifier: a name or an ARN. NULL: neither or both. */
const char *log_group_name_of(const char *name, const char *identifier, struct arena *a);
/* ResourceNotFoundException when there is none. */
int log_group_need(struct db_tx *tx, const char *name, struct arena *a, struct logs_log_group *ret,
	struct err *err);
int log_group_put(struct signal_engine *e, struct db_tx *tx, const char *name, struct arena *a,
	struct err *err);
/* path: of the spool file that holds its lines, or NULL. */
int log_stream_put(struct signal_engine *e, struct db_tx *tx, const char *group, const char *stream,
	const char *path, struct arena *a, struct err *err);

/* ---- pages ---- */

struct log_event {
	int64_t msec, ingestion_msec;
	int64_t number; /* in its stream, from 0 */
	const char *message;
};

struct log_page_query {
	int64_t from_msec, to_msec; /* from <= time < to */
	const char *place;	    /* from an earlier page; NULL: the start, or the end */
	bool backwards;
	size_t max;
	const struct log_pattern *pattern; /* NULL: all */
};

struct log_page {
	struct log_event *v; /* oldest first */
	size_t n;
	const char *before, *after; /* places around the page */
};

/* Reads a page of stream s (its document's id: key). ERR_INVALID for a place of another stream. */
int log_page_read(struct signal_engine *e, const char *key, const struct towpath_signal_stream *s,
	const struct log_page_query *q, struct arena *a, struct log_page *ret, struct err *err);

/* Whether whoever writes the spool file has ended it: what is read after is all. */
bool log_spool_is_finished(const char *path);

/* What names an event in its group: sortable digits of time, stream, number in the stream. */
char *log_event_id(struct arena *a, const struct log_event *x, const char *stream);
/* Lines from before this time, in milliseconds, are not shown; 0: all are. (log_retention.c) */
int64_t log_retention_start(struct signal_engine *e, const struct logs_log_group *g);

#endif
