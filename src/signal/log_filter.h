/* SPDX-License-Identifier: Apache-2.0 */
/* Metric and subscription filters: what new lines of a log group lead to.
 *
 * Invariant: a line is told to the filters once, in the step that takes it in (rows), or that moves
 * its stream's cursor past it (spool files, which others write: log_tail.c). */
#ifndef TOWPATH_SIGNAL_LOG_FILTER_H
#define TOWPATH_SIGNAL_LOG_FILTER_H

#include "signal/log_read.h"

/* Tells the group's filters of new lines of a stream, as a part of the step. */
int log_feed(struct signal_engine *e, struct db_tx *tx, const char *group, const char *stream,
	const struct log_event *v, size_t n, struct err *err);
/* Forgets the filters and cursors of a group that is deleted. */
int log_filters_forget(struct db_tx *tx, const char *group, struct err *err);
int log_filters_count(
	struct db_tx *tx, const char *group, struct arena *a, size_t *ret, struct err *err);

/* ---- spool files (log_tail.c) ---- */

/* From now on the group's spool files are followed, as long as it has filters. */
int log_tail_begin(struct signal_engine *e, struct db_tx *tx, const char *group, struct err *err);
int log_tail_run(struct durable *d, const struct task *t, void *arg, struct err *err);

/* ---- deliveries of subscriptions (log_forward.c) ---- */

/* Whether lines can go there; refuses by name. */
int log_destination_check(const char *destination, const char *role_arn, struct err *err);
/* Lines that a subscription wants, on their way. */
int log_forward(struct signal_engine *e, struct db_tx *tx,
	const struct logs_subscription_filter *filter, const char *stream,
	const struct log_event *v, size_t n, struct arena *a, struct err *err);
int log_forward_run(struct durable *d, const struct task *t, void *arg, struct err *err);

#endif
