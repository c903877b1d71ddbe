/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of events, served by the signal engine. */
#include "api/svc_events.h"

CALL_ADAPTER(signal_events_delete_rule)
CALL_ADAPTER(signal_events_describe_rule)
CALL_ADAPTER(signal_events_disable_rule)
CALL_ADAPTER(signal_events_enable_rule)
CALL_ADAPTER(signal_events_list_rules)
CALL_ADAPTER(signal_events_list_targets_by_rule)
CALL_ADAPTER(signal_events_put_events)
CALL_ADAPTER(signal_events_put_rule)
CALL_ADAPTER(signal_events_put_targets)
CALL_ADAPTER(signal_events_remove_targets)

static const call_handler handlers[EVENTS_OP_COUNT] = {
	[EVENTS_OP_DELETE_RULE] = signal_events_delete_rule_call,
	[EVENTS_OP_DESCRIBE_RULE] = signal_events_describe_rule_call,
	[EVENTS_OP_DISABLE_RULE] = signal_events_disable_rule_call,
	[EVENTS_OP_ENABLE_RULE] = signal_events_enable_rule_call,
	[EVENTS_OP_LIST_RULES] = signal_events_list_rules_call,
	[EVENTS_OP_LIST_TARGETS_BY_RULE] = signal_events_list_targets_by_rule_call,
	[EVENTS_OP_PUT_EVENTS] = signal_events_put_events_call,
	[EVENTS_OP_PUT_RULE] = signal_events_put_rule_call,
	[EVENTS_OP_PUT_TARGETS] = signal_events_put_targets_call,
	[EVENTS_OP_REMOVE_TARGETS] = signal_events_remove_targets_call,
};

struct call_service svc_events(struct signal_engine *e)
{
	return (struct call_service){
		.wire = &events_service,
		.engine = e,
		.handlers = handlers,
	};
}
