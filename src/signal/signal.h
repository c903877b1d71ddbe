/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics and alarms, log groups, event rules: the operations of cloudwatch, logs and events, and
 * what the other parts feed into them.
 *
 * Alarms are evaluated by durable tasks at the ends of their periods. Journal entries become
 * events on the default bus; rules match them and hand them to targets by durable tasks. */
#ifndef TOWPATH_SIGNAL_SIGNAL_H
#define TOWPATH_SIGNAL_SIGNAL_H

#include "base/map.h"
#include "cloudwatch.gen.h"
#include "codestar_notifications.gen.h"
#include "crypto/seal.h"
#include "durable/durable.h"
#include "events.gen.h"
#include "logs.gen.h"
#include "sns.gen.h"
#include "wire/call.h"

struct signal_engine;

/* A service that acts: on a topic or bus whose policy may bind it, or under a role. */
struct signal_agent {
	const char *service;	/* events.amazonaws.com */
	const char *source_arn; /* what it acts for: a rule, an alarm */
	/* It has a role for it, which is not asked here: only a denial of the policy counts. */
	bool under_role;
};

/* What a rule starts. */
struct signal_start {
	const char *target_arn, *rule_arn;
	const char
		*input; /* JSON that the target's settings made of the event; NULL: none was made */
	const char *token;			  /* of the event and the target: one a delivery */
	const struct events_ecs_parameters *task; /* of a task */
};

struct signal_config {
	struct durable *durable;
	const char *account, *region;
	const char *endpoint; /* http://host:port of the API, for links in notifications */
	/* host[:port] that takes mail, or NULL: there is none; the address it comes from. */
	const char *mail_server, *mail_from;
	const char *keys_dir;	     /* where the key that signs notifications is kept */
	const struct seal_key *seal; /* NULL: seal.key in keys_dir */
	/* What event rules start elsewhere, for a target; a token of before starts nothing again.
	 * NULL: such deliveries fail with a reason. */
	int (*start_pipeline)(void *arg, const struct signal_start *s, struct err *err);
	int (*start_build)(void *arg, const struct signal_start *s, struct err *err);
	int (*start_task)(void *arg, const struct signal_start *s, struct err *err);
	/* Whether the role trusts the service and allows the action, or the resource's policy
	 * (JSON, or NULL) does; ERR_DENIED. NULL: nobody asks. */
	int (*role_may)(void *arg, const struct signal_agent *by, const char *role_arn,
		const char *action, const char *resource, const char *policy, struct err *err);
	/* Whether the resource's policy lets the service do it; ERR_DENIED. In transactions as
	 * well. NULL: nobody asks. */
	int (*service_may)(void *arg, const struct signal_agent *by, const char *action,
		const char *resource, const char *policy, struct err *err);
	/* The text of a secret (ARN), for webhooks; in the arena. ERR_NOT_FOUND. NULL: there are
	 * none.
	 */
	int (*read_secret)(
		void *arg, const char *arn, struct arena *a, const char **ret, struct err *err);
	/* Whether a topic's or bus's policy is well-formed; the error says what is wrong. NULL: no
	 * matter.
	 */
	int (*check_policy)(const char *policy, struct err *err);
	void *arg;
};

int signal_engine_new(const struct signal_config *cfg, struct signal_engine **ret, struct err *err);
struct signal_engine *signal_engine_free(struct signal_engine *e);
DEFINE_FREEP(struct signal_engine, signal_engine_free)
/* In a transaction of a stopped server: opens every secret with one key and seals it with the
 * other; adds how many to *n. */
int signal_reseal(struct db_tx *tx, const struct seal_key *from, const struct seal_key *to,
	size_t *n, struct err *err);
/* After durable_start(): sees to it that every alarm has its next evaluation. */
int signal_engine_start(struct signal_engine *e, struct err *err);

/* ---- for the other parts; callable from any thread, outside of transactions ---- */

struct signal_dimension {
	const char *name, *value;
};

/* One metric at one second. */
struct signal_datum {
	const char *name_space, *name, *unit;
	const struct signal_dimension *dimensions;
	size_t n_dimensions;
	int64_t usec;
	const double *values, *counts; /* counts NULL: one each */
	size_t n;
	bool high_resolution; /* kept by the second for three hours, by the minute for longer */
};
int signal_metric_put(
	struct signal_engine *e, const struct signal_datum *v, size_t n, struct err *err);

/* What is known of samples when their values are not: the extremes once, the rest at the mean.
 * values and counts have three places; how many are used. */
size_t signal_statistics_spread(
	double n, double sum, double min, double max, double *values, double *counts);

/* All data of the namespace of seconds before sec was put: alarms on it whose period ends there are
 * evaluated now. */
int signal_metrics_complete(
	struct signal_engine *e, const char *name_space, int64_t sec, struct err *err);

/* The first of the named alarms that is in state ALARM, or NULL; in the arena. ERR_NOT_FOUND
 * names an alarm that does not exist. */
int signal_alarm_active(struct signal_engine *e, const char *const *names, size_t n,
	struct arena *a, const char **ret_name, struct err *err);
/* How one alarm stands, as a part of the caller's step: 1, 0 when there is none, -1. What happened
 * longer than window_usec ago has been evaluated and does not count any more; a composite alarm has
 * the longest window among the alarms in its rule. */
struct signal_alarm_standing {
	bool active;
	int64_t window_usec;
};
int signal_alarm_stands(
	struct db_tx *tx, const char *name, struct signal_alarm_standing *ret, struct err *err);

/* The policy that a topic was given; NULL: none, or there is no such topic. */
int signal_topic_policy(struct signal_engine *e, const char *arn, struct arena *a, const char **ret,
	struct err *err);
/* Sends a message to a topic's subscribers; ERR_NOT_FOUND when there is no such topic, ERR_DENIED
 * when its policy does not let `by` publish (by NULL: that was asked before). The second is a part
 * of the caller's step. */
int signal_publish(struct signal_engine *e, const struct signal_agent *by, const char *topic_arn,
	const char *subject, const char *message, struct err *err);
int signal_publish_step(struct signal_engine *e, struct db_tx *tx, const struct signal_agent *by,
	const char *topic_arn, const char *subject, const char *message, struct err *err);
/* The certificate that is served at this path, in PEM, or NULL. */
const char *signal_signing_certificate(struct signal_engine *e, const char *path);
/* The policy of an event bus (name or ARN); NULL: none, or there is no such bus. */
int signal_event_bus_policy(struct signal_engine *e, const char *name_or_arn, struct arena *a,
	const char **ret, struct err *err);
/* Adds the condition keys of PutRule that its pattern fills (events:source, events:detail-type,
 * events:detail.service, ...) to those of *conditions (key, value, ..., NULL); a malformed pattern
 * fills none. */
void signal_event_rule_keys(const char *pattern, struct arena *a, const char *const **conditions);
/* Ends a subscription whose link was followed, unless it wants authentication. */
int signal_unsubscribe_by_link(struct signal_engine *e, const char *arn, struct err *err);

/* Makes a log stream (and its group, when missing) whose lines are in the spool file at path
 * (codec/spool.h), which may be written to later. A part of the caller's step. Again is fine. */
int signal_log_stream_attach(struct signal_engine *e, struct db_tx *tx, const char *group,
	const char *stream, const char *path, struct err *err);
/* Streams over spool files below dir, which the caller owns: a stream whose last line is older than
 * its group keeps lines has no file from here on; the paths of all others become keys of `ret`. */
int signal_log_spools_prune(struct signal_engine *e, struct db_tx *tx, const char *dir,
	struct map *ret, struct err *err);

/* ---- operations ---- */

#define SIGNAL_OP(service, op)                                                  \
	int signal_##service##_##op(struct signal_engine *e, struct call *call, \
		const struct service##_##op##_request *req,                     \
		struct service##_##op##_response *resp, struct err *err);

/* cloudwatch */
SIGNAL_OP(cloudwatch, delete_alarms)
SIGNAL_OP(cloudwatch, describe_alarm_history)
SIGNAL_OP(cloudwatch, describe_alarms)
SIGNAL_OP(cloudwatch, describe_alarms_for_metric)
SIGNAL_OP(cloudwatch, disable_alarm_actions)
SIGNAL_OP(cloudwatch, enable_alarm_actions)
SIGNAL_OP(cloudwatch, get_metric_data)
SIGNAL_OP(cloudwatch, get_metric_statistics)
SIGNAL_OP(cloudwatch, list_metrics)
SIGNAL_OP(cloudwatch, list_tags_for_resource)
SIGNAL_OP(cloudwatch, put_composite_alarm)
SIGNAL_OP(cloudwatch, put_metric_alarm)
SIGNAL_OP(cloudwatch, put_metric_data)
SIGNAL_OP(cloudwatch, set_alarm_state)
SIGNAL_OP(cloudwatch, tag_resource)
SIGNAL_OP(cloudwatch, untag_resource)

/* logs */
SIGNAL_OP(logs, create_log_group)
SIGNAL_OP(logs, create_log_stream)
SIGNAL_OP(logs, delete_log_group)
SIGNAL_OP(logs, delete_log_stream)
SIGNAL_OP(logs, delete_metric_filter)
SIGNAL_OP(logs, delete_resource_policy)
SIGNAL_OP(logs, delete_retention_policy)
SIGNAL_OP(logs, delete_subscription_filter)
SIGNAL_OP(logs, describe_log_groups)
SIGNAL_OP(logs, describe_log_streams)
SIGNAL_OP(logs, describe_metric_filters)
SIGNAL_OP(logs, describe_resource_policies)
SIGNAL_OP(logs, describe_subscription_filters)
SIGNAL_OP(logs, filter_log_events)
SIGNAL_OP(logs, get_log_events)
SIGNAL_OP(logs, list_tags_for_resource)
SIGNAL_OP(logs, list_tags_log_group)
SIGNAL_OP(logs, put_log_events)
SIGNAL_OP(logs, put_metric_filter)
SIGNAL_OP(logs, put_resource_policy)
SIGNAL_OP(logs, put_retention_policy)
SIGNAL_OP(logs, put_subscription_filter)
SIGNAL_OP(logs, start_live_tail)
SIGNAL_OP(logs, tag_log_group)
SIGNAL_OP(logs, tag_resource)
SIGNAL_OP(logs, test_metric_filter)
SIGNAL_OP(logs, untag_log_group)
SIGNAL_OP(logs, untag_resource)

/* sns */
SIGNAL_OP(sns, add_permission)
SIGNAL_OP(sns, confirm_subscription)
SIGNAL_OP(sns, create_topic)
SIGNAL_OP(sns, delete_topic)
SIGNAL_OP(sns, get_subscription_attributes)
SIGNAL_OP(sns, get_topic_attributes)
SIGNAL_OP(sns, list_subscriptions)
SIGNAL_OP(sns, list_subscriptions_by_topic)
SIGNAL_OP(sns, list_tags_for_resource)
SIGNAL_OP(sns, list_topics)
SIGNAL_OP(sns, publish)
SIGNAL_OP(sns, publish_batch)
SIGNAL_OP(sns, remove_permission)
SIGNAL_OP(sns, set_subscription_attributes)
SIGNAL_OP(sns, set_topic_attributes)
SIGNAL_OP(sns, subscribe)
SIGNAL_OP(sns, tag_resource)
SIGNAL_OP(sns, unsubscribe)
SIGNAL_OP(sns, untag_resource)

/* codestar-notifications */
SIGNAL_OP(codestar_notifications, create_notification_rule)
SIGNAL_OP(codestar_notifications, delete_notification_rule)
SIGNAL_OP(codestar_notifications, delete_target)
SIGNAL_OP(codestar_notifications, describe_notification_rule)
SIGNAL_OP(codestar_notifications, list_event_types)
SIGNAL_OP(codestar_notifications, list_notification_rules)
SIGNAL_OP(codestar_notifications, list_tags_for_resource)
SIGNAL_OP(codestar_notifications, list_targets)
SIGNAL_OP(codestar_notifications, subscribe)
SIGNAL_OP(codestar_notifications, tag_resource)
SIGNAL_OP(codestar_notifications, unsubscribe)
SIGNAL_OP(codestar_notifications, untag_resource)
SIGNAL_OP(codestar_notifications, update_notification_rule)

/* events */
SIGNAL_OP(events, cancel_replay)
SIGNAL_OP(events, create_api_destination)
SIGNAL_OP(events, create_archive)
SIGNAL_OP(events, create_connection)
SIGNAL_OP(events, create_event_bus)
SIGNAL_OP(events, deauthorize_connection)
SIGNAL_OP(events, delete_api_destination)
SIGNAL_OP(events, delete_archive)
SIGNAL_OP(events, delete_connection)
SIGNAL_OP(events, delete_event_bus)
SIGNAL_OP(events, delete_rule)
SIGNAL_OP(events, describe_api_destination)
SIGNAL_OP(events, describe_archive)
SIGNAL_OP(events, describe_connection)
SIGNAL_OP(events, describe_event_bus)
SIGNAL_OP(events, describe_replay)
SIGNAL_OP(events, describe_rule)
SIGNAL_OP(events, disable_rule)
SIGNAL_OP(events, enable_rule)
SIGNAL_OP(events, list_api_destinations)
SIGNAL_OP(events, list_archives)
SIGNAL_OP(events, list_connections)
SIGNAL_OP(events, list_event_buses)
SIGNAL_OP(events, list_replays)
SIGNAL_OP(events, list_rule_names_by_target)
SIGNAL_OP(events, list_rules)
SIGNAL_OP(events, list_tags_for_resource)
SIGNAL_OP(events, list_targets_by_rule)
SIGNAL_OP(events, put_events)
SIGNAL_OP(events, put_permission)
SIGNAL_OP(events, put_rule)
SIGNAL_OP(events, put_targets)
SIGNAL_OP(events, remove_permission)
SIGNAL_OP(events, remove_targets)
SIGNAL_OP(events, start_replay)
SIGNAL_OP(events, tag_resource)
SIGNAL_OP(events, test_event_pattern)
SIGNAL_OP(events, untag_resource)
SIGNAL_OP(events, update_api_destination)
SIGNAL_OP(events, update_archive)
SIGNAL_OP(events, update_connection)
SIGNAL_OP(events, update_event_bus)

#endif
