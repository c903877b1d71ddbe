/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of autoscaling, served by the fleet engine. */
#include "api/svc_autoscaling.h"

CALL_ADAPTER(fleet_autoscaling_attach_load_balancer_target_groups)
CALL_ADAPTER(fleet_autoscaling_create_auto_scaling_group)
CALL_ADAPTER(fleet_autoscaling_create_launch_configuration)
CALL_ADAPTER(fleet_autoscaling_delete_auto_scaling_group)
CALL_ADAPTER(fleet_autoscaling_delete_launch_configuration)
CALL_ADAPTER(fleet_autoscaling_describe_auto_scaling_groups)
CALL_ADAPTER(fleet_autoscaling_describe_auto_scaling_instances)
CALL_ADAPTER(fleet_autoscaling_describe_launch_configurations)
CALL_ADAPTER(fleet_autoscaling_describe_load_balancer_target_groups)
CALL_ADAPTER(fleet_autoscaling_detach_load_balancer_target_groups)
CALL_ADAPTER(fleet_autoscaling_set_desired_capacity)
CALL_ADAPTER(fleet_autoscaling_terminate_instance_in_auto_scaling_group)
CALL_ADAPTER(fleet_autoscaling_update_auto_scaling_group)

static const call_handler handlers[AUTOSCALING_OP_COUNT] = {
	[AUTOSCALING_OP_ATTACH_LOAD_BALANCER_TARGET_GROUPS] =
		fleet_autoscaling_attach_load_balancer_target_groups_call,
	[AUTOSCALING_OP_CREATE_AUTO_SCALING_GROUP] =
		fleet_autoscaling_create_auto_scaling_group_call,
	[AUTOSCALING_OP_CREATE_LAUNCH_CONFIGURATION] =
		fleet_autoscaling_create_launch_configuration_call,
	[AUTOSCALING_OP_DELETE_AUTO_SCALING_GROUP] =
		fleet_autoscaling_delete_auto_scaling_group_call,
	[AUTOSCALING_OP_DELETE_LAUNCH_CONFIGURATION] =
		fleet_autoscaling_delete_launch_configuration_call,
	[AUTOSCALING_OP_DESCRIBE_AUTO_SCALING_GROUPS] =
		fleet_autoscaling_describe_auto_scaling_groups_call,
	[AUTOSCALING_OP_DESCRIBE_AUTO_SCALING_INSTANCES] =
		fleet_autoscaling_describe_auto_scaling_instances_call,
	[AUTOSCALING_OP_DESCRIBE_LAUNCH_CONFIGURATIONS] =
		fleet_autoscaling_describe_launch_configurations_call,
	[AUTOSCALING_OP_DESCRIBE_LOAD_BALANCER_TARGET_GROUPS] =
		fleet_autoscaling_describe_load_balancer_target_groups_call,
	[AUTOSCALING_OP_DETACH_LOAD_BALANCER_TARGET_GROUPS] =
		fleet_autoscaling_detach_load_balancer_target_groups_call,
	[AUTOSCALING_OP_SET_DESIRED_CAPACITY] = fleet_autoscaling_set_desired_capacity_call,
	[AUTOSCALING_OP_TERMINATE_INSTANCE_IN_AUTO_SCALING_GROUP] =
		fleet_autoscaling_terminate_instance_in_auto_scaling_group_call,
	[AUTOSCALING_OP_UPDATE_AUTO_SCALING_GROUP] =
		fleet_autoscaling_update_auto_scaling_group_call,
};

struct call_service svc_autoscaling(struct fleet_engine *e)
{
	return (struct call_service){
		.wire = &autoscaling_service,
		.engine = e,
		.handlers = handlers,
	};
}
