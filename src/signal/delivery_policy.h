/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery policies of topics and subscriptions (SNS's guide, "Amazon SNS message delivery
 * retries"). */
#ifndef TOWPATH_SIGNAL_DELIVERY_POLICY_H
#define TOWPATH_SIGNAL_DELIVERY_POLICY_H

#include "codec/json.h"

/* The tries of a message: numNoDelayRetries at once, then numMinDelayRetries after the least delay,
 * then from the least to the most delay, at last numMaxDelayRetries after the most. */
struct delivery_policy {
	int retries, at_once, at_least, at_most;
	int least_sec, most_sec;
	const char *content_type; /* or NULL */
};

/* Whether the text is a policy (of a topic, or of a subscription) of which all can be done;
 * InvalidParameter and ERR_UNSUPPORTED name what is wrong. */
int delivery_policy_check(const char *text, bool of_topic, struct err *err);
/* What counts of both texts (each NULL, empty, or one that was checked); it stays in the arena. */
void delivery_policy_read(const char *of_subscription, const char *of_topic, struct arena *a,
	struct delivery_policy *ret);
/* Seconds until the next try of a message that was tried again so many times; -1: no more tries. */
int delivery_policy_delay(const struct delivery_policy *p, int tried);

#endif
