/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of logs, served by the signal engine. */
#include "api/svc_logs.h"

CALL_ADAPTER(signal_logs_create_log_group)
CALL_ADAPTER(signal_logs_create_log_stream)
CALL_ADAPTER(signal_logs_delete_log_group)
CALL_ADAPTER(signal_logs_delete_log_stream)
CALL_ADAPTER(signal_logs_delete_metric_filter)
CALL_ADAPTER(signal_logs_delete_resource_policy)
CALL_ADAPTER(signal_logs_delete_retention_policy)
CALL_ADAPTER(signal_logs_delete_subscription_filter)
CALL_ADAPTER(signal_logs_describe_log_groups)
CALL_ADAPTER(signal_logs_describe_log_streams)
CALL_ADAPTER(signal_logs_describe_metric_filters)
CALL_ADAPTER(signal_logs_describe_resource_policies)
CALL_ADAPTER(signal_logs_describe_subscription_filters)
CALL_ADAPTER(signal_logs_filter_log_events)
CALL_ADAPTER(signal_logs_get_log_events)
CALL_ADAPTER(signal_logs_list_tags_for_resource)
CALL_ADAPTER(signal_logs_list_tags_log_group)
CALL_ADAPTER(signal_logs_put_log_events)
CALL_ADAPTER(signal_logs_put_metric_filter)
CALL_ADAPTER(signal_logs_put_resource_policy)
CALL_ADAPTER(signal_logs_put_retention_policy)
CALL_ADAPTER(signal_logs_put_subscription_filter)
CALL_ADAPTER(signal_logs_start_live_tail)
CALL_ADAPTER(signal_logs_tag_log_group)
CALL_ADAPTER(signal_logs_tag_resource)
CALL_ADAPTER(signal_logs_test_metric_filter)
CALL_ADAPTER(signal_logs_untag_log_group)
CALL_ADAPTER(signal_logs_untag_resource)

static const call_handler handlers[LOGS_OP_COUNT] = {
	[LOGS_OP_CREATE_LOG_GROUP] = signal_logs_create_log_group_call,
	[LOGS_OP_CREATE_LOG_STREAM] = signal_logs_create_log_stream_call,
	[LOGS_OP_DELETE_LOG_GROUP] = signal_logs_delete_log_group_call,
	[LOGS_OP_DELETE_LOG_STREAM] = signal_logs_delete_log_stream_call,
	[LOGS_OP_DELETE_METRIC_FILTER] = signal_logs_delete_metric_filter_call,
	[LOGS_OP_DELETE_RESOURCE_POLICY] = signal_logs_delete_resource_policy_call,
	[LOGS_OP_DELETE_RETENTION_POLICY] = signal_logs_delete_retention_policy_call,
	[LOGS_OP_DELETE_SUBSCRIPTION_FILTER] = signal_logs_delete_subscription_filter_call,
	[LOGS_OP_DESCRIBE_LOG_GROUPS] = signal_logs_describe_log_groups_call,
	[LOGS_OP_DESCRIBE_LOG_STREAMS] = signal_logs_describe_log_streams_call,
	[LOGS_OP_DESCRIBE_METRIC_FILTERS] = signal_logs_describe_metric_filters_call,
	[LOGS_OP_DESCRIBE_RESOURCE_POLICIES] = signal_logs_describe_resource_policies_call,
	[LOGS_OP_DESCRIBE_SUBSCRIPTION_FILTERS] = signal_logs_describe_subscription_filters_call,
	[LOGS_OP_FILTER_LOG_EVENTS] = signal_logs_filter_log_events_call,
	[LOGS_OP_GET_LOG_EVENTS] = signal_logs_get_log_events_call,
	[LOGS_OP_LIST_TAGS_FOR_RESOURCE] = signal_logs_list_tags_for_resource_call,
	[LOGS_OP_LIST_TAGS_LOG_GROUP] = signal_logs_list_tags_log_group_call,
	[LOGS_OP_PUT_LOG_EVENTS] = signal_logs_put_log_events_call,
	[LOGS_OP_PUT_METRIC_FILTER] = signal_logs_put_metric_filter_call,
	[LOGS_OP_PUT_RESOURCE_POLICY] = signal_logs_put_resource_policy_call,
	[LOGS_OP_PUT_RETENTION_POLICY] = signal_logs_put_retention_policy_call,
	[LOGS_OP_PUT_SUBSCRIPTION_FILTER] = signal_logs_put_subscription_filter_call,
	[LOGS_OP_START_LIVE_TAIL] = signal_logs_start_live_tail_call,
	[LOGS_OP_TAG_LOG_GROUP] = signal_logs_tag_log_group_call,
	[LOGS_OP_TAG_RESOURCE] = signal_logs_tag_resource_call,
	[LOGS_OP_TEST_METRIC_FILTER] = signal_logs_test_metric_filter_call,
	[LOGS_OP_UNTAG_LOG_GROUP] = signal_logs_untag_log_group_call,
	[LOGS_OP_UNTAG_RESOURCE] = signal_logs_untag_resource_call,
};

struct call_service svc_logs(struct signal_engine *e)
{
	return (struct call_service){
		.wire = &logs_service,
		.engine = e,
		.handlers = handlers,
		.refusals = {"InvalidParameterException", "InvalidParameterException"},
	};
}
