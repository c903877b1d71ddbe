/* SPDX-License-Identifier: Apache-2.0 */
/* Definitions and states of the fleet, signal and connection engines. */
#include "store/document.h"

#include "autoscaling.gen.h"
#include "base/vec.h"
#include "cloudwatch.gen.h"
#include "codeconnections.gen.h"
#include "codestar_notifications.gen.h"
#include "ecs.gen.h"
#include "elbv2.gen.h"
#include "events.gen.h"
#include "logs.gen.h"
#include "towpath.gen.h"

const struct db_migration store_document_migrations[] = {
	{"1-create", "CREATE TABLE document ("
		     "kind TEXT NOT NULL, "
		     "id TEXT NOT NULL, "
		     "owner TEXT NOT NULL, "
		     "doc TEXT NOT NULL, "
		     "PRIMARY KEY (kind, id));\n"
		     "CREATE INDEX document_owner ON document (kind, owner, id)"},
};
const size_t store_document_migrations_n = ARRAY_SIZE(store_document_migrations);

#define KIND(var, kind_name, shape_name) \
	const struct store_document_kind var = {kind_name, &shape_name##_shape}

KIND(STORE_INSTANCE, "instance", towpath_fleet_instance);
KIND(STORE_SCALING_GROUP, "scaling-group", autoscaling_auto_scaling_group);
KIND(STORE_LIFECYCLE_HOOK, "lifecycle-hook", autoscaling_lifecycle_hook);
KIND(STORE_LAUNCH_CONFIGURATION, "launch-configuration", autoscaling_launch_configuration);
KIND(STORE_TARGET_GROUP, "target-group", elbv2_target_group);
KIND(STORE_TARGET_GROUP_MORE, "target-group-more", towpath_fleet_target_group);
KIND(STORE_TARGET, "target", towpath_fleet_target);
KIND(STORE_LOAD_BALANCER, "load-balancer", elbv2_load_balancer);
KIND(STORE_LOAD_BALANCER_ATTRIBUTES, "load-balancer-attributes", towpath_string_map);
KIND(STORE_LISTENER, "listener", elbv2_listener);
KIND(STORE_RULE, "rule", elbv2_rule);
KIND(STORE_RESOURCE_TAGS, "resource-tags", towpath_string_map);
KIND(STORE_CLUSTER, "ecs-cluster", ecs_cluster);
KIND(STORE_TASK_DEFINITION, "ecs-task-definition", ecs_task_definition);
KIND(STORE_SERVICE, "ecs-service", ecs_service);
KIND(STORE_SERVICE_SET, "ecs-service-set", towpath_fleet_set);
KIND(STORE_TASK_SET, "ecs-task-set", ecs_task_set);
KIND(STORE_TASK, "ecs-task", ecs_task);
KIND(STORE_TASK_STATE, "ecs-task-state", towpath_fleet_task);
KIND(STORE_TASK_TOKEN, "ecs-token", towpath_string_map);
KIND(STORE_ALARM, "alarm", cloudwatch_metric_alarm);
KIND(STORE_COMPOSITE_ALARM, "composite-alarm", cloudwatch_composite_alarm);
KIND(STORE_ALARM_LINK, "alarm-link", towpath_signal_alarm_link);
KIND(STORE_ALARM_HISTORY, "alarm-history", cloudwatch_alarm_history_item);
KIND(STORE_BUILD_COUNT, "build-count", towpath_signal_build_count);
KIND(STORE_LOG_CURSOR, "log-cursor", towpath_signal_log_cursor);
KIND(STORE_LOG_METRIC_FILTER, "log-metric-filter", logs_metric_filter);
KIND(STORE_LOG_POLICY, "log-policy", logs_resource_policy);
KIND(STORE_LOG_SUBSCRIPTION, "log-subscription", logs_subscription_filter);
KIND(STORE_LOG_GROUP, "log-group", logs_log_group);
KIND(STORE_LOG_STREAM, "log-stream", towpath_signal_stream);
KIND(STORE_EVENT_ARCHIVE, "event-archive", events_describe_archive_response);
KIND(STORE_EVENT_BUS, "event-bus", events_describe_event_bus_response);
KIND(STORE_EVENT_CONNECTION, "event-connection", events_describe_connection_response);
KIND(STORE_EVENT_CONNECTION_SECRET, "event-connection-secret", towpath_signal_connection_secret);
KIND(STORE_EVENT_DESTINATION, "event-destination", events_describe_api_destination_response);
KIND(STORE_EVENT_REPLAY, "event-replay", events_describe_replay_response);
KIND(STORE_EVENT_RULE, "event-rule", events_describe_rule_response);
KIND(STORE_NOTICE_RULE, "notice-rule", codestar_notifications_describe_notification_rule_response);
KIND(STORE_TOPIC, "topic", towpath_signal_topic);
KIND(STORE_SUBSCRIPTION, "subscription", towpath_signal_subscription);
KIND(STORE_SUBSCRIPTION_ENDED, "subscription-ended", towpath_signal_subscription);
KIND(STORE_EVENT_TARGET, "event-target", events_target);
KIND(STORE_CONNECTION, "connection", codeconnections_connection);
KIND(STORE_CONNECTION_ACCESS, "connection-access", towpath_connection_access);
KIND(STORE_CONNECTION_CANDIDATE, "connection-candidate", towpath_connection_access);
KIND(STORE_CONNECTION_HOST, "connection-host", codeconnections_host);
KIND(STORE_CONNECTION_WATCH, "connection-watch", towpath_connection_watch);

int store_document_put(struct db_tx *tx, const struct store_document_kind *kind, const char *id,
	const char *owner, const void *value, struct err *err)
{
	struct str doc CLEANUP_STR = STR_INIT;

	wire_encode_json(kind->shape, value, &doc);
	return db_exec(tx,
		"INSERT INTO document (kind, id, owner, doc) VALUES (?1, ?2, ?3, ?4) "
		"ON CONFLICT (kind, id) DO UPDATE SET owner = excluded.owner, doc = excluded.doc",
		DB_ARGS(DB_TEXT(kind->name), DB_TEXT(id), DB_TEXT(owner ? owner : ""),
			DB_TEXT_VIEW(str_view(&doc))),
		NULL, err);
}

int store_document_rewrite(struct db_tx *tx, const struct store_document_kind *kind, const char *id,
	const void *value, struct err *err)
{
	struct str doc CLEANUP_STR = STR_INIT;

	wire_encode_json(kind->shape, value, &doc);
	return db_exec(tx, "UPDATE document SET doc = ?3 WHERE kind = ?1 AND id = ?2",
		DB_ARGS(DB_TEXT(kind->name), DB_TEXT(id), DB_TEXT_VIEW(str_view(&doc))), NULL, err);
}

int store_document_get(struct db_tx *tx, const struct store_document_kind *kind, const char *id,
	struct arena *a, void *ret, struct err *err)
{
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int r;

	if (db_query(tx, "SELECT doc FROM document WHERE kind = ?1 AND id = ?2",
		    DB_ARGS(DB_TEXT(kind->name), DB_TEXT(id)), &rows, err) < 0)
		return -1;
	r = db_next(rows, err);
	if (r <= 0)
		return r;
	if (wire_decode_json(kind->shape, db_col_bytes(rows, 0), a, ret, err) < 0)
		return err_wrap(err, "stored %s %s", kind->name, id);
	return 1;
}

int store_document_delete(
	struct db_tx *tx, const struct store_document_kind *kind, const char *id, struct err *err)
{
	return db_exec(tx, "DELETE FROM document WHERE kind = ?1 AND id = ?2",
		DB_ARGS(DB_TEXT(kind->name), DB_TEXT(id)), NULL, err);
}

/* One more than every text that starts with prefix: prefix and the highest character. */
static char *prefix_end(struct arena *a, const char *prefix)
{
	return arena_printf(a, "%s\xf4\x8f\xbf\xbf", prefix ? prefix : "");
}

int store_document_list(struct db_tx *tx, const struct store_document_kind *kind,
	const struct store_document_filter *filter, struct arena *a, struct store_documents *ret,
	struct err *err)
{
	static const struct store_document_filter all;
	const struct store_document_filter *f = filter ? filter : &all;
	VEC(const char *) ids = {0};
	VEC(void *) values = {0};
	struct db_rows *rows CLEANUP_ROWS = NULL;
	int r;

	*ret = (struct store_documents){0};
	if (db_query(tx,
		    f->owner ? "SELECT id, doc FROM document WHERE kind = ?1 AND owner = ?2 AND "
			       "id > ?3 AND id >= ?4 AND id < ?5 ORDER BY id LIMIT ?6"
			     : "SELECT id, doc FROM document WHERE kind = ?1 AND ?2 = '' AND "
			       "id > ?3 AND id >= ?4 AND id < ?5 ORDER BY id LIMIT ?6",
		    DB_ARGS(DB_TEXT(kind->name), DB_TEXT(f->owner ? f->owner : ""),
			    DB_TEXT(f->after ? f->after : ""), DB_TEXT(f->prefix ? f->prefix : ""),
			    DB_TEXT(prefix_end(a, f->prefix)),
			    DB_INT(f->max ? (int64_t)f->max : INT64_MAX)),
		    &rows, err) < 0)
		return -1;
	while ((r = db_next(rows, err)) > 0) {
		void *value = arena_alloc(a, kind->shape->size);

		vec_push(&ids, db_col_text(rows, 0, a));
		vec_push(&values, value);
		r = wire_decode_json(kind->shape, db_col_bytes(rows, 1), a, value, err);
		if (r < 0)
			break;
	}
	if (r == 0 && ids.n) {
		ret->n = ids.n;
		ret->ids = arena_new_n(a, ids.n, const char *);
		ret->v = arena_new_n(a, ids.n, void *);
		memcpy(ret->ids, ids.v, ids.n * sizeof(*ids.v));
		memcpy(ret->v, values.v, values.n * sizeof(*values.v));
	}
	vec_release(&ids);
	vec_release(&values);
	return r;
}

int store_document_delete_owned(struct db_tx *tx, const struct store_document_kind *kind,
	const char *owner, struct err *err)
{
	return db_exec(tx, "DELETE FROM document WHERE kind = ?1 AND owner = ?2",
		DB_ARGS(DB_TEXT(kind->name), DB_TEXT(owner)), NULL, err);
}
