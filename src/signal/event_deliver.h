/* SPDX-License-Identifier: Apache-2.0 */
/* One delivery of an event to a target, on its way. */
#ifndef TOWPATH_SIGNAL_EVENT_DELIVER_H
#define TOWPATH_SIGNAL_EVENT_DELIVER_H

#include "signal/event.h"

struct event_delivery {
	struct signal_engine *e;
	const struct task *t; /* its token is the event's id */
	struct arena *a;
	struct towpath_signal_delivery d;
	struct events_target target;
	const char *input; /* what the target gets */
	/* Set by what delivers: the next try is not before this; `waits` without an error: it was
	 * not tried at all (the rate limit), and does not count. */
	int64_t not_before_usec;
	bool waits;
	bool wanted, in_step; /* in_step: the delivery ended the task in its own step */
};

/* Calls the API destination (event_call.c): a status of 2xx is a success. */
int event_call_destination(struct event_delivery *x, struct err *err);

int signal_deliver_run(struct durable *d, const struct task *t, void *arg, struct err *err);

#endif
