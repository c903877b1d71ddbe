/* SPDX-License-Identifier: Apache-2.0 */
/* Counts of what events, notifications and logs do: the metrics of AWS/Events, AWS/SNS and
 * AWS/Logs.
 *
 * A count is an addition in memory; a thread puts the sums of a minute into the metrics at its end,
 * and the rest when the engine ends. A server that is killed forgets those of its last minute. */
#ifndef TOWPATH_SIGNAL_TALLY_H
#define TOWPATH_SIGNAL_TALLY_H

#include "signal/internal.h"

enum tally_metric {
	TALLY_EVENTS_PUT,
	TALLY_EVENTS_PUT_FAILED,
	TALLY_EVENT_MATCHED,
	TALLY_INVOCATION_CREATED,
	/* of a rule: bus (NULL: the default one), rule */
	TALLY_RULE_MATCHED,
	TALLY_RULE_TRIGGERED,
	TALLY_RULE_THROTTLED,
	TALLY_ATTEMPT,
	TALLY_ATTEMPT_AGAIN,
	TALLY_ATTEMPT_SUCCEEDED,
	TALLY_INVOCATION,
	TALLY_INVOCATION_FAILED,
	TALLY_DEAD_LETTER,
	TALLY_DEAD_LETTER_LOST,
	/* of a topic */
	TALLY_PUBLISHED,
	TALLY_PUBLISHED_BYTES,
	TALLY_DELIVERED,
	TALLY_DELIVERY_FAILED,
	TALLY_FILTERED_OUT,
	TALLY_FILTERED_OUT_NO_ATTRIBUTES,
	/* of a log group */
	TALLY_LOG_BYTES,
	TALLY_LOG_EVENTS,
	/* of a log group, a kind of destination, a filter */
	TALLY_FORWARDED_BYTES,
	TALLY_FORWARDED_EVENTS,
	TALLY_FORWARD_FAILED,
	TALLY_METRICS,
};

/* What a count is about, as text: the values of the metric's dimensions, NULL for one that it has
 * not. Three at most. */
struct tally_subject {
	const char *v[3];
};
#define TALLY_OF(...) (&(const struct tally_subject){{__VA_ARGS__}})

struct tally;
struct tally *tally_new(struct signal_engine *e);
/* Puts what is left into the metrics, if tally_start() was called. The store still takes steps. */
void tally_free(struct tally *t);
int tally_start(struct tally *t, struct err *err);

/* Counts one value, once the step of tx has committed. */
void tally_note(struct signal_engine *e, struct db_tx *tx, enum tally_metric metric,
	const struct tally_subject *subject, double value);
/* Counts one value now. */
void tally_count(struct signal_engine *e, enum tally_metric metric,
	const struct tally_subject *subject, double value);

#endif
