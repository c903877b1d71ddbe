/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of ecs, served by the fleet engine. */
#include "api/svc_ecs.h"

CALL_ADAPTER(fleet_ecs_create_cluster)
CALL_ADAPTER(fleet_ecs_create_service)
CALL_ADAPTER(fleet_ecs_create_task_set)
CALL_ADAPTER(fleet_ecs_delete_cluster)
CALL_ADAPTER(fleet_ecs_delete_service)
CALL_ADAPTER(fleet_ecs_delete_task_set)
CALL_ADAPTER(fleet_ecs_deregister_task_definition)
CALL_ADAPTER(fleet_ecs_describe_capacity_providers)
CALL_ADAPTER(fleet_ecs_describe_clusters)
CALL_ADAPTER(fleet_ecs_describe_container_instances)
CALL_ADAPTER(fleet_ecs_describe_services)
CALL_ADAPTER(fleet_ecs_describe_task_definition)
CALL_ADAPTER(fleet_ecs_describe_task_sets)
CALL_ADAPTER(fleet_ecs_describe_tasks)
CALL_ADAPTER(fleet_ecs_list_clusters)
CALL_ADAPTER(fleet_ecs_list_container_instances)
CALL_ADAPTER(fleet_ecs_list_services)
CALL_ADAPTER(fleet_ecs_list_tags_for_resource)
CALL_ADAPTER(fleet_ecs_list_task_definition_families)
CALL_ADAPTER(fleet_ecs_list_task_definitions)
CALL_ADAPTER(fleet_ecs_list_tasks)
CALL_ADAPTER(fleet_ecs_put_cluster_capacity_providers)
CALL_ADAPTER(fleet_ecs_register_task_definition)
CALL_ADAPTER(fleet_ecs_run_task)
CALL_ADAPTER(fleet_ecs_stop_task)
CALL_ADAPTER(fleet_ecs_tag_resource)
CALL_ADAPTER(fleet_ecs_untag_resource)
CALL_ADAPTER(fleet_ecs_update_cluster)
CALL_ADAPTER(fleet_ecs_update_cluster_settings)
CALL_ADAPTER(fleet_ecs_update_service)
CALL_ADAPTER(fleet_ecs_update_service_primary_task_set)
CALL_ADAPTER(fleet_ecs_update_task_set)

static const call_handler handlers[ECS_OP_COUNT] = {
	[ECS_OP_CREATE_CLUSTER] = fleet_ecs_create_cluster_call,
	[ECS_OP_CREATE_SERVICE] = fleet_ecs_create_service_call,
	[ECS_OP_CREATE_TASK_SET] = fleet_ecs_create_task_set_call,
	[ECS_OP_DELETE_CLUSTER] = fleet_ecs_delete_cluster_call,
	[ECS_OP_DELETE_SERVICE] = fleet_ecs_delete_service_call,
	[ECS_OP_DELETE_TASK_SET] = fleet_ecs_delete_task_set_call,
	[ECS_OP_DEREGISTER_TASK_DEFINITION] = fleet_ecs_deregister_task_definition_call,
	[ECS_OP_DESCRIBE_CAPACITY_PROVIDERS] = fleet_ecs_describe_capacity_providers_call,
	[ECS_OP_DESCRIBE_CLUSTERS] = fleet_ecs_describe_clusters_call,
	[ECS_OP_DESCRIBE_CONTAINER_INSTANCES] = fleet_ecs_describe_container_instances_call,
	[ECS_OP_DESCRIBE_SERVICES] = fleet_ecs_describe_services_call,
	[ECS_OP_DESCRIBE_TASK_DEFINITION] = fleet_ecs_describe_task_definition_call,
	[ECS_OP_DESCRIBE_TASK_SETS] = fleet_ecs_describe_task_sets_call,
	[ECS_OP_DESCRIBE_TASKS] = fleet_ecs_describe_tasks_call,
	[ECS_OP_LIST_CLUSTERS] = fleet_ecs_list_clusters_call,
	[ECS_OP_LIST_CONTAINER_INSTANCES] = fleet_ecs_list_container_instances_call,
	[ECS_OP_LIST_SERVICES] = fleet_ecs_list_services_call,
	[ECS_OP_LIST_TAGS_FOR_RESOURCE] = fleet_ecs_list_tags_for_resource_call,
	[ECS_OP_LIST_TASK_DEFINITION_FAMILIES] = fleet_ecs_list_task_definition_families_call,
	[ECS_OP_LIST_TASK_DEFINITIONS] = fleet_ecs_list_task_definitions_call,
	[ECS_OP_LIST_TASKS] = fleet_ecs_list_tasks_call,
	[ECS_OP_PUT_CLUSTER_CAPACITY_PROVIDERS] = fleet_ecs_put_cluster_capacity_providers_call,
	[ECS_OP_REGISTER_TASK_DEFINITION] = fleet_ecs_register_task_definition_call,
	[ECS_OP_RUN_TASK] = fleet_ecs_run_task_call,
	[ECS_OP_STOP_TASK] = fleet_ecs_stop_task_call,
	[ECS_OP_TAG_RESOURCE] = fleet_ecs_tag_resource_call,
	[ECS_OP_UNTAG_RESOURCE] = fleet_ecs_untag_resource_call,
	[ECS_OP_UPDATE_CLUSTER] = fleet_ecs_update_cluster_call,
	[ECS_OP_UPDATE_CLUSTER_SETTINGS] = fleet_ecs_update_cluster_settings_call,
	[ECS_OP_UPDATE_SERVICE] = fleet_ecs_update_service_call,
	[ECS_OP_UPDATE_SERVICE_PRIMARY_TASK_SET] = fleet_ecs_update_service_primary_task_set_call,
	[ECS_OP_UPDATE_TASK_SET] = fleet_ecs_update_task_set_call,
};

struct call_service svc_ecs(struct fleet_engine *e)
{
	return (struct call_service){
		.wire = &ecs_service,
		.engine = e,
		.handlers = handlers,
		.refusals = {"InvalidParameterException", "InvalidParameterException"},
	};
}
