/* SPDX-License-Identifier: Apache-2.0 */
/* Notification rules (CodeStar Notifications): which events of a repository, project, application
 * or pipeline are told to which topics, Slack channels and webhooks.
 *
 * A webhook's address is a secret, so a target of type Slack or Webhook names one of Secrets
 * Manager: its value is the address, or {"url": ..., "template": ...}. The address is read when a
 * message goes out, and is neither stored here nor logged. */
#ifndef TOWPATH_SIGNAL_NOTICE_H
#define TOWPATH_SIGNAL_NOTICE_H

#include "signal/event.h"

#define NOTICE_SNS "SNS"
#define NOTICE_SERVICE "codestar-notifications.amazonaws.com"
#define NOTICE_SLACK "Slack"
#define NOTICE_WEBHOOK "Webhook"

typedef struct codestar_notifications_describe_notification_rule_response notice_rule;

/* A type of event: what makes it of a journal entry. */
struct notice_type {
	const char *id, *kind;
	const char *member, *value;
	const char *member2, *value2; /* NULL: nothing more is asked */
};
extern const struct notice_type notice_types[];
extern const size_t notice_types_n;
/* NULL when there is none of that id. */
const struct notice_type *notice_type_find(const char *id);
/* "CodeBuild", "project"; in the arena. */
struct codestar_notifications_event_type_summary notice_type_summary(
	const struct notice_type *t, struct arena *a);

/* ResourceNotFoundException when there is none. */
int notice_rule_need(
	struct db_tx *tx, const char *arn, struct arena *a, notice_rule *ret, struct err *err);
int notice_rule_put(struct db_tx *tx, const notice_rule *rule, struct err *err);
/* ConfigurationException or unsupported: what is wrong with a target. */
int notice_target_check(const struct codestar_notifications_target *t, struct err *err);

int notice_journal(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err);
/* Enqueues the message for one target. */
int notice_send(struct signal_engine *e, struct db_tx *tx, const notice_rule *rule,
	const struct codestar_notifications_target_summary *t, const char *event_id,
	const char *message, struct err *err);
int notice_send_run(struct durable *d, const struct task *t, void *arg, struct err *err);
/* A template with its <$.path>s replaced by the message's values, escaped as JSON strings are when
 * the template is JSON. */
void notice_fill(const char *template, const struct json_node *message, struct str *out);

#endif
