/* SPDX-License-Identifier: Apache-2.0 */
/* Topics and subscriptions, and what is sent to them: what the files on sns share. */
#ifndef TOWPATH_SIGNAL_TOPIC_H
#define TOWPATH_SIGNAL_TOPIC_H

#include "signal/internal.h"

#define TOPIC_NOTIFICATION "Notification"
#define TOPIC_CONFIRMATION "SubscriptionConfirmation"
#define TOPIC_FAREWELL "UnsubscribeConfirmation"
#define TOPIC_EMAIL "email"
#define TOPIC_EMAIL_JSON "email-json"
#define TOPIC_MESSAGE_MAX (256 * 1024)

/* NotFound when there is none. */
int topic_need(struct db_tx *tx, const char *arn, struct arena *a, struct towpath_signal_topic *ret,
	struct err *err);
int subscription_need(struct db_tx *tx, const char *arn, struct arena *a,
	struct towpath_signal_subscription *ret, struct err *err);
/* The policy that it was given, or NULL. */
const char *topic_policy(const struct signal_engine *e, const struct towpath_signal_topic *t);

/* A message on its way in. */
struct topic_message {
	const char *topic_arn, *subject, *message;
	bool by_protocol; /* message is JSON with a text for each protocol */
	const struct sns_message_attribute_map *attributes; /* or NULL */
	const struct signal_agent *by; /* a service, whom the topic's policy must let; or NULL */
};
/* A topic's name in its ARN. */
const char *topic_name(const char *arn);
/* Checks it and enqueues its delivery to each subscription that wants it. */
int topic_publish(struct signal_engine *e, struct db_tx *tx, const struct topic_message *m,
	struct arena *a, const char **ret_id, struct err *err);
/* Whether the topic is there and its policy lets the service publish: 0, or as topic_publish()
 * fails. */
int topic_takes(struct signal_engine *e, struct db_tx *tx, const char *topic_arn,
	const struct signal_agent *by, struct arena *a, struct err *err);
/* Whether it was refused for good (no such topic, its policy, the message) and did not just fail.
 */
static inline bool topic_refused(const struct err *why)
{
	return why->wire || err_is(why, ERR_DENIED);
}
/* Enqueues one message to one subscription. */
int topic_send(struct signal_engine *e, struct db_tx *tx, const char *subscription_arn,
	const struct towpath_signal_notice *notice, int64_t due_usec, struct err *err);
/* Whether the subscription's filter policy lets the message through. */
bool topic_filter_passes(const struct towpath_signal_subscription *s, const char *message,
	const struct sns_message_attribute_map *attributes, struct arena *a);
/* Sets one, which is checked by itself: InvalidParameter, ERR_UNSUPPORTED. */
int subscription_attribute_set(struct towpath_string_map *attributes, const char *name,
	const char *value, struct arena *a, struct err *err);
/* Whether they fit together: InvalidParameter. */
int subscription_attributes_check(const struct towpath_string_map *attributes, struct err *err);
/* Whether one of `from` is not, or not the same, in `to`. */
bool subscription_attributes_differ(
	const struct towpath_string_map *from, const struct towpath_string_map *to);

int signal_notify_run(struct durable *d, const struct task *t, void *arg, struct err *err);
/* The key that signs: made when missing. */
int signal_signer_open(struct signal_engine *e, struct err *err);

#endif
