/* SPDX-License-Identifier: Apache-2.0 */
/* Live tails of log groups (StartLiveTail): a client gets the lines that come in, every second, as
 * an event stream that is open for hours.
 *
 * Invariants:
 * L1 A tail has no thread and no task: one thread of the engine serves them all, and what a client
 *    does not take is left out and marked, never waited for.
 * L2 A tail lives in memory only: it ends with the server, and the client sees its stream cut.
 * L3 A line is told once, in the order of arrival in its stream; lines from before the tail never.
 */
#ifndef TOWPATH_SIGNAL_LOG_LIVE_H
#define TOWPATH_SIGNAL_LOG_LIVE_H

#include "signal/log_read.h"

struct log_live;

int log_live_new(struct signal_engine *e, struct log_live **ret, struct err *err);
/* Ends all tails. NULL is fine. */
void log_live_free(struct log_live *l);

/* ---- what a tail watches (log_watch.c) ---- */

#define LOG_WATCH_EVENTS 500

/* Strings and lists are borrowed. */
struct log_watch {
	const char *account;
	const char **groups; /* names */
	size_t n_groups;
	/* NULL: all streams. Names or prefixes of streams. */
	const struct logs_input_log_stream_names *streams;
	bool by_prefix;
	const struct log_pattern *pattern;
	/* how far it has seen */
	struct map places; /* by stream key: struct place */
	uint64_t version;  /* of the database, when it last looked */
};

/* What came in; in the order of the lines' time. */
struct log_news {
	struct logs_live_tail_session_log_event *v;
	size_t n;
	bool sampled; /* there was more */
};

/* From here on; ResourceNotFoundException when a group is missing. */
int log_watch_begin(struct signal_engine *e, struct log_watch *w, struct err *err);
/* What came since it last looked, up to LOG_WATCH_EVENTS; in the arena. */
int log_watch_look(struct signal_engine *e, struct log_watch *w, struct arena *a,
	struct log_news *ret, struct err *err);
void log_watch_release(struct log_watch *w);

#endif
