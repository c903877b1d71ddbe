/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of cloudwatch, served by the signal engine. */
#include "api/svc_cloudwatch.h"

CALL_ADAPTER(signal_cloudwatch_delete_alarms)
CALL_ADAPTER(signal_cloudwatch_describe_alarm_history)
CALL_ADAPTER(signal_cloudwatch_describe_alarms)
CALL_ADAPTER(signal_cloudwatch_describe_alarms_for_metric)
CALL_ADAPTER(signal_cloudwatch_disable_alarm_actions)
CALL_ADAPTER(signal_cloudwatch_enable_alarm_actions)
CALL_ADAPTER(signal_cloudwatch_get_metric_data)
CALL_ADAPTER(signal_cloudwatch_get_metric_statistics)
CALL_ADAPTER(signal_cloudwatch_list_metrics)
CALL_ADAPTER(signal_cloudwatch_put_metric_alarm)
CALL_ADAPTER(signal_cloudwatch_put_metric_data)
CALL_ADAPTER(signal_cloudwatch_set_alarm_state)
CALL_ADAPTER(signal_cloudwatch_list_tags_for_resource)
CALL_ADAPTER(signal_cloudwatch_put_composite_alarm)
CALL_ADAPTER(signal_cloudwatch_tag_resource)
CALL_ADAPTER(signal_cloudwatch_untag_resource)

static const call_handler handlers[CLOUDWATCH_OP_COUNT] = {
	[CLOUDWATCH_OP_DELETE_ALARMS] = signal_cloudwatch_delete_alarms_call,
	[CLOUDWATCH_OP_DESCRIBE_ALARM_HISTORY] = signal_cloudwatch_describe_alarm_history_call,
	[CLOUDWATCH_OP_DESCRIBE_ALARMS] = signal_cloudwatch_describe_alarms_call,
	[CLOUDWATCH_OP_DESCRIBE_ALARMS_FOR_METRIC] =
		signal_cloudwatch_describe_alarms_for_metric_call,
	[CLOUDWATCH_OP_DISABLE_ALARM_ACTIONS] = signal_cloudwatch_disable_alarm_actions_call,
	[CLOUDWATCH_OP_ENABLE_ALARM_ACTIONS] = signal_cloudwatch_enable_alarm_actions_call,
	[CLOUDWATCH_OP_GET_METRIC_DATA] = signal_cloudwatch_get_metric_data_call,
	[CLOUDWATCH_OP_GET_METRIC_STATISTICS] = signal_cloudwatch_get_metric_statistics_call,
	[CLOUDWATCH_OP_LIST_METRICS] = signal_cloudwatch_list_metrics_call,
	[CLOUDWATCH_OP_PUT_METRIC_ALARM] = signal_cloudwatch_put_metric_alarm_call,
	[CLOUDWATCH_OP_PUT_METRIC_DATA] = signal_cloudwatch_put_metric_data_call,
	[CLOUDWATCH_OP_SET_ALARM_STATE] = signal_cloudwatch_set_alarm_state_call,
	[CLOUDWATCH_OP_LIST_TAGS_FOR_RESOURCE] = signal_cloudwatch_list_tags_for_resource_call,
	[CLOUDWATCH_OP_PUT_COMPOSITE_ALARM] = signal_cloudwatch_put_composite_alarm_call,
	[CLOUDWATCH_OP_TAG_RESOURCE] = signal_cloudwatch_tag_resource_call,
	[CLOUDWATCH_OP_UNTAG_RESOURCE] = signal_cloudwatch_untag_resource_call,
};

struct call_service svc_cloudwatch(struct signal_engine *e)
{
	return (struct call_service){
		.wire = &cloudwatch_service,
		.engine = e,
		.handlers = handlers,
	};
}
