/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of events, served by the signal engine. */
#include "api/svc_events.h"

#include <string.h>

CALL_ADAPTER(signal_events_cancel_replay)
CALL_ADAPTER(signal_events_create_api_destination)
CALL_ADAPTER(signal_events_create_archive)
CALL_ADAPTER(signal_events_create_connection)
CALL_ADAPTER(signal_events_create_event_bus)
CALL_ADAPTER(signal_events_deauthorize_connection)
CALL_ADAPTER(signal_events_delete_api_destination)
CALL_ADAPTER(signal_events_delete_archive)
CALL_ADAPTER(signal_events_delete_connection)
CALL_ADAPTER(signal_events_delete_event_bus)
CALL_ADAPTER(signal_events_delete_rule)
CALL_ADAPTER(signal_events_describe_api_destination)
CALL_ADAPTER(signal_events_describe_archive)
CALL_ADAPTER(signal_events_describe_connection)
CALL_ADAPTER(signal_events_describe_event_bus)
CALL_ADAPTER(signal_events_describe_replay)
CALL_ADAPTER(signal_events_describe_rule)
CALL_ADAPTER(signal_events_disable_rule)
CALL_ADAPTER(signal_events_enable_rule)
CALL_ADAPTER(signal_events_list_api_destinations)
CALL_ADAPTER(signal_events_list_archives)
CALL_ADAPTER(signal_events_list_connections)
CALL_ADAPTER(signal_events_list_event_buses)
CALL_ADAPTER(signal_events_list_replays)
CALL_ADAPTER(signal_events_list_rule_names_by_target)
CALL_ADAPTER(signal_events_list_rules)
CALL_ADAPTER(signal_events_list_tags_for_resource)
CALL_ADAPTER(signal_events_list_targets_by_rule)
CALL_ADAPTER(signal_events_put_events)
CALL_ADAPTER(signal_events_put_permission)
CALL_ADAPTER(signal_events_put_rule)
CALL_ADAPTER(signal_events_put_targets)
CALL_ADAPTER(signal_events_remove_permission)
CALL_ADAPTER(signal_events_remove_targets)
CALL_ADAPTER(signal_events_start_replay)
CALL_ADAPTER(signal_events_tag_resource)
CALL_ADAPTER(signal_events_test_event_pattern)
CALL_ADAPTER(signal_events_untag_resource)
CALL_ADAPTER(signal_events_update_api_destination)
CALL_ADAPTER(signal_events_update_archive)
CALL_ADAPTER(signal_events_update_connection)
CALL_ADAPTER(signal_events_update_event_bus)

static const call_handler handlers[EVENTS_OP_COUNT] = {
	[EVENTS_OP_CANCEL_REPLAY] = signal_events_cancel_replay_call,
	[EVENTS_OP_CREATE_API_DESTINATION] = signal_events_create_api_destination_call,
	[EVENTS_OP_CREATE_ARCHIVE] = signal_events_create_archive_call,
	[EVENTS_OP_CREATE_CONNECTION] = signal_events_create_connection_call,
	[EVENTS_OP_CREATE_EVENT_BUS] = signal_events_create_event_bus_call,
	[EVENTS_OP_DEAUTHORIZE_CONNECTION] = signal_events_deauthorize_connection_call,
	[EVENTS_OP_DELETE_API_DESTINATION] = signal_events_delete_api_destination_call,
	[EVENTS_OP_DELETE_ARCHIVE] = signal_events_delete_archive_call,
	[EVENTS_OP_DELETE_CONNECTION] = signal_events_delete_connection_call,
	[EVENTS_OP_DELETE_EVENT_BUS] = signal_events_delete_event_bus_call,
	[EVENTS_OP_DELETE_RULE] = signal_events_delete_rule_call,
	[EVENTS_OP_DESCRIBE_API_DESTINATION] = signal_events_describe_api_destination_call,
	[EVENTS_OP_DESCRIBE_ARCHIVE] = signal_events_describe_archive_call,
	[EVENTS_OP_DESCRIBE_CONNECTION] = signal_events_describe_connection_call,
	[EVENTS_OP_DESCRIBE_EVENT_BUS] = signal_events_describe_event_bus_call,
	[EVENTS_OP_DESCRIBE_REPLAY] = signal_events_describe_replay_call,
	[EVENTS_OP_DESCRIBE_RULE] = signal_events_describe_rule_call,
	[EVENTS_OP_DISABLE_RULE] = signal_events_disable_rule_call,
	[EVENTS_OP_ENABLE_RULE] = signal_events_enable_rule_call,
	[EVENTS_OP_LIST_API_DESTINATIONS] = signal_events_list_api_destinations_call,
	[EVENTS_OP_LIST_ARCHIVES] = signal_events_list_archives_call,
	[EVENTS_OP_LIST_CONNECTIONS] = signal_events_list_connections_call,
	[EVENTS_OP_LIST_EVENT_BUSES] = signal_events_list_event_buses_call,
	[EVENTS_OP_LIST_REPLAYS] = signal_events_list_replays_call,
	[EVENTS_OP_LIST_RULE_NAMES_BY_TARGET] = signal_events_list_rule_names_by_target_call,
	[EVENTS_OP_LIST_RULES] = signal_events_list_rules_call,
	[EVENTS_OP_LIST_TAGS_FOR_RESOURCE] = signal_events_list_tags_for_resource_call,
	[EVENTS_OP_LIST_TARGETS_BY_RULE] = signal_events_list_targets_by_rule_call,
	[EVENTS_OP_PUT_EVENTS] = signal_events_put_events_call,
	[EVENTS_OP_PUT_PERMISSION] = signal_events_put_permission_call,
	[EVENTS_OP_PUT_RULE] = signal_events_put_rule_call,
	[EVENTS_OP_PUT_TARGETS] = signal_events_put_targets_call,
	[EVENTS_OP_REMOVE_PERMISSION] = signal_events_remove_permission_call,
	[EVENTS_OP_REMOVE_TARGETS] = signal_events_remove_targets_call,
	[EVENTS_OP_START_REPLAY] = signal_events_start_replay_call,
	[EVENTS_OP_TAG_RESOURCE] = signal_events_tag_resource_call,
	[EVENTS_OP_TEST_EVENT_PATTERN] = signal_events_test_event_pattern_call,
	[EVENTS_OP_UNTAG_RESOURCE] = signal_events_untag_resource_call,
	[EVENTS_OP_UPDATE_API_DESTINATION] = signal_events_update_api_destination_call,
	[EVENTS_OP_UPDATE_ARCHIVE] = signal_events_update_archive_call,
	[EVENTS_OP_UPDATE_CONNECTION] = signal_events_update_connection_call,
	[EVENTS_OP_UPDATE_EVENT_BUS] = signal_events_update_event_bus_call,
};

/* What a new rule's pattern says, and the policy that the bus has of its own. */
static int complete(
	void *engine, struct call *call, const void *req, struct call_access *ret, struct err *err)
{
	if (call->operation == &events_service.operations[EVENTS_OP_PUT_RULE])
		signal_event_rule_keys(((const struct events_put_rule_request *)req)->event_pattern,
			call->arena, &ret->conditions);
	if (ret->n_resources != 1 || !strstr(ret->resources[0], ":event-bus/"))
		return 0;
	return signal_event_bus_policy(
		engine, ret->resources[0], call->arena, &ret->resource_policy, err);
}

struct call_service svc_events(struct signal_engine *e)
{
	return (struct call_service){
		.wire = &events_service,
		.engine = e,
		.handlers = handlers,
		.access = complete,
	};
}
