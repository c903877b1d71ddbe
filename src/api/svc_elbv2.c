/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of elbv2, served by the fleet engine. */
#include "api/svc_elbv2.h"

CALL_ADAPTER(fleet_elbv2_add_listener_certificates)
CALL_ADAPTER(fleet_elbv2_add_tags)
CALL_ADAPTER(fleet_elbv2_create_listener)
CALL_ADAPTER(fleet_elbv2_create_load_balancer)
CALL_ADAPTER(fleet_elbv2_create_rule)
CALL_ADAPTER(fleet_elbv2_create_target_group)
CALL_ADAPTER(fleet_elbv2_delete_listener)
CALL_ADAPTER(fleet_elbv2_delete_load_balancer)
CALL_ADAPTER(fleet_elbv2_delete_rule)
CALL_ADAPTER(fleet_elbv2_delete_target_group)
CALL_ADAPTER(fleet_elbv2_deregister_targets)
CALL_ADAPTER(fleet_elbv2_describe_listener_certificates)
CALL_ADAPTER(fleet_elbv2_describe_listeners)
CALL_ADAPTER(fleet_elbv2_describe_load_balancer_attributes)
CALL_ADAPTER(fleet_elbv2_describe_load_balancers)
CALL_ADAPTER(fleet_elbv2_describe_rules)
CALL_ADAPTER(fleet_elbv2_describe_tags)
CALL_ADAPTER(fleet_elbv2_describe_target_group_attributes)
CALL_ADAPTER(fleet_elbv2_describe_target_groups)
CALL_ADAPTER(fleet_elbv2_describe_target_health)
CALL_ADAPTER(fleet_elbv2_modify_listener)
CALL_ADAPTER(fleet_elbv2_modify_load_balancer_attributes)
CALL_ADAPTER(fleet_elbv2_modify_rule)
CALL_ADAPTER(fleet_elbv2_modify_target_group)
CALL_ADAPTER(fleet_elbv2_modify_target_group_attributes)
CALL_ADAPTER(fleet_elbv2_register_targets)
CALL_ADAPTER(fleet_elbv2_remove_listener_certificates)
CALL_ADAPTER(fleet_elbv2_remove_tags)
CALL_ADAPTER(fleet_elbv2_set_rule_priorities)

static const call_handler handlers[ELBV2_OP_COUNT] = {
	[ELBV2_OP_ADD_LISTENER_CERTIFICATES] = fleet_elbv2_add_listener_certificates_call,
	[ELBV2_OP_ADD_TAGS] = fleet_elbv2_add_tags_call,
	[ELBV2_OP_CREATE_LISTENER] = fleet_elbv2_create_listener_call,
	[ELBV2_OP_CREATE_LOAD_BALANCER] = fleet_elbv2_create_load_balancer_call,
	[ELBV2_OP_CREATE_RULE] = fleet_elbv2_create_rule_call,
	[ELBV2_OP_CREATE_TARGET_GROUP] = fleet_elbv2_create_target_group_call,
	[ELBV2_OP_DELETE_LISTENER] = fleet_elbv2_delete_listener_call,
	[ELBV2_OP_DELETE_LOAD_BALANCER] = fleet_elbv2_delete_load_balancer_call,
	[ELBV2_OP_DELETE_RULE] = fleet_elbv2_delete_rule_call,
	[ELBV2_OP_DELETE_TARGET_GROUP] = fleet_elbv2_delete_target_group_call,
	[ELBV2_OP_DEREGISTER_TARGETS] = fleet_elbv2_deregister_targets_call,
	[ELBV2_OP_DESCRIBE_LISTENER_CERTIFICATES] = fleet_elbv2_describe_listener_certificates_call,
	[ELBV2_OP_DESCRIBE_LISTENERS] = fleet_elbv2_describe_listeners_call,
	[ELBV2_OP_DESCRIBE_LOAD_BALANCER_ATTRIBUTES] =
		fleet_elbv2_describe_load_balancer_attributes_call,
	[ELBV2_OP_DESCRIBE_LOAD_BALANCERS] = fleet_elbv2_describe_load_balancers_call,
	[ELBV2_OP_DESCRIBE_RULES] = fleet_elbv2_describe_rules_call,
	[ELBV2_OP_DESCRIBE_TAGS] = fleet_elbv2_describe_tags_call,
	[ELBV2_OP_DESCRIBE_TARGET_GROUP_ATTRIBUTES] =
		fleet_elbv2_describe_target_group_attributes_call,
	[ELBV2_OP_DESCRIBE_TARGET_GROUPS] = fleet_elbv2_describe_target_groups_call,
	[ELBV2_OP_DESCRIBE_TARGET_HEALTH] = fleet_elbv2_describe_target_health_call,
	[ELBV2_OP_MODIFY_LISTENER] = fleet_elbv2_modify_listener_call,
	[ELBV2_OP_MODIFY_LOAD_BALANCER_ATTRIBUTES] =
		fleet_elbv2_modify_load_balancer_attributes_call,
	[ELBV2_OP_MODIFY_RULE] = fleet_elbv2_modify_rule_call,
	[ELBV2_OP_MODIFY_TARGET_GROUP] = fleet_elbv2_modify_target_group_call,
	[ELBV2_OP_MODIFY_TARGET_GROUP_ATTRIBUTES] = fleet_elbv2_modify_target_group_attributes_call,
	[ELBV2_OP_REGISTER_TARGETS] = fleet_elbv2_register_targets_call,
	[ELBV2_OP_REMOVE_LISTENER_CERTIFICATES] = fleet_elbv2_remove_listener_certificates_call,
	[ELBV2_OP_REMOVE_TAGS] = fleet_elbv2_remove_tags_call,
	[ELBV2_OP_SET_RULE_PRIORITIES] = fleet_elbv2_set_rule_priorities_call,
};

struct call_service svc_elbv2(struct fleet_engine *e)
{
	return (struct call_service){
		.wire = &elbv2_service,
		.engine = e,
		.handlers = handlers,
	};
}
