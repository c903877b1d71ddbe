/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of a log stream, whichever way it is stored. */
#ifndef TOWPATH_SIGNAL_LOG_READ_H
#define TOWPATH_SIGNAL_LOG_READ_H

#include "signal/internal.h"

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
	const char *pattern; /* NULL: all */
};

struct log_page {
	struct log_event *v; /* oldest first */
	size_t n;
	const char *before, *after; /* places around the page */
};

/* Reads a page of stream s (its document's id: key). ERR_INVALID for a place of another stream. */
int log_page_read(struct signal_engine *e, const char *key, const struct towpath_signal_stream *s,
	const struct log_page_query *q, struct arena *a, struct log_page *ret, struct err *err);

/* Lines from before this time, in milliseconds, are not shown; 0: all are. (log_retention.c) */
int64_t log_retention_start(struct signal_engine *e, const struct logs_log_group *g);

#endif
