/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of codedeploy, served by the deployment engine. */
#include "api/svc_codedeploy.h"

CALL_ADAPTER(deploy_add_tags_to_on_premises_instances)
CALL_ADAPTER(deploy_batch_get_application_revisions)
CALL_ADAPTER(deploy_batch_get_applications)
CALL_ADAPTER(deploy_batch_get_deployment_groups)
CALL_ADAPTER(deploy_batch_get_deployment_instances)
CALL_ADAPTER(deploy_batch_get_deployment_targets)
CALL_ADAPTER(deploy_batch_get_deployments)
CALL_ADAPTER(deploy_batch_get_on_premises_instances)
CALL_ADAPTER(deploy_continue_deployment)
CALL_ADAPTER(deploy_create_application)
CALL_ADAPTER(deploy_create_deployment)
CALL_ADAPTER(deploy_create_deployment_config)
CALL_ADAPTER(deploy_create_deployment_group)
CALL_ADAPTER(deploy_delete_application)
CALL_ADAPTER(deploy_delete_deployment_config)
CALL_ADAPTER(deploy_delete_deployment_group)
CALL_ADAPTER(deploy_deregister_on_premises_instance)
CALL_ADAPTER(deploy_get_application)
CALL_ADAPTER(deploy_get_application_revision)
CALL_ADAPTER(deploy_get_deployment)
CALL_ADAPTER(deploy_get_deployment_config)
CALL_ADAPTER(deploy_get_deployment_group)
CALL_ADAPTER(deploy_get_deployment_instance)
CALL_ADAPTER(deploy_get_deployment_target)
CALL_ADAPTER(deploy_get_on_premises_instance)
CALL_ADAPTER(deploy_list_application_revisions)
CALL_ADAPTER(deploy_list_applications)
CALL_ADAPTER(deploy_list_deployment_configs)
CALL_ADAPTER(deploy_list_deployment_groups)
CALL_ADAPTER(deploy_list_deployment_instances)
CALL_ADAPTER(deploy_list_deployment_targets)
CALL_ADAPTER(deploy_list_deployments)
CALL_ADAPTER(deploy_list_on_premises_instances)
CALL_ADAPTER(deploy_list_tags_for_resource)
CALL_ADAPTER(deploy_put_lifecycle_event_hook_execution_status)
CALL_ADAPTER(deploy_register_application_revision)
CALL_ADAPTER(deploy_register_on_premises_instance)
CALL_ADAPTER(deploy_remove_tags_from_on_premises_instances)
CALL_ADAPTER(deploy_skip_wait_time_for_instance_termination)
CALL_ADAPTER(deploy_stop_deployment)
CALL_ADAPTER(deploy_tag_resource)
CALL_ADAPTER(deploy_untag_resource)
CALL_ADAPTER(deploy_update_application)
CALL_ADAPTER(deploy_update_deployment_group)

static const call_handler handlers[CODEDEPLOY_OP_COUNT] = {
	[CODEDEPLOY_OP_ADD_TAGS_TO_ON_PREMISES_INSTANCES] =
		deploy_add_tags_to_on_premises_instances_call,
	[CODEDEPLOY_OP_BATCH_GET_APPLICATION_REVISIONS] =
		deploy_batch_get_application_revisions_call,
	[CODEDEPLOY_OP_BATCH_GET_APPLICATIONS] = deploy_batch_get_applications_call,
	[CODEDEPLOY_OP_BATCH_GET_DEPLOYMENT_GROUPS] = deploy_batch_get_deployment_groups_call,
	[CODEDEPLOY_OP_BATCH_GET_DEPLOYMENT_INSTANCES] = deploy_batch_get_deployment_instances_call,
	[CODEDEPLOY_OP_BATCH_GET_DEPLOYMENT_TARGETS] = deploy_batch_get_deployment_targets_call,
	[CODEDEPLOY_OP_BATCH_GET_DEPLOYMENTS] = deploy_batch_get_deployments_call,
	[CODEDEPLOY_OP_BATCH_GET_ON_PREMISES_INSTANCES] =
		deploy_batch_get_on_premises_instances_call,
	[CODEDEPLOY_OP_CONTINUE_DEPLOYMENT] = deploy_continue_deployment_call,
	[CODEDEPLOY_OP_CREATE_APPLICATION] = deploy_create_application_call,
	[CODEDEPLOY_OP_CREATE_DEPLOYMENT] = deploy_create_deployment_call,
	[CODEDEPLOY_OP_CREATE_DEPLOYMENT_CONFIG] = deploy_create_deployment_config_call,
	[CODEDEPLOY_OP_CREATE_DEPLOYMENT_GROUP] = deploy_create_deployment_group_call,
	[CODEDEPLOY_OP_DELETE_APPLICATION] = deploy_delete_application_call,
	[CODEDEPLOY_OP_DELETE_DEPLOYMENT_CONFIG] = deploy_delete_deployment_config_call,
	[CODEDEPLOY_OP_DELETE_DEPLOYMENT_GROUP] = deploy_delete_deployment_group_call,
	[CODEDEPLOY_OP_DEREGISTER_ON_PREMISES_INSTANCE] =
		deploy_deregister_on_premises_instance_call,
	[CODEDEPLOY_OP_GET_APPLICATION] = deploy_get_application_call,
	[CODEDEPLOY_OP_GET_APPLICATION_REVISION] = deploy_get_application_revision_call,
	[CODEDEPLOY_OP_GET_DEPLOYMENT] = deploy_get_deployment_call,
	[CODEDEPLOY_OP_GET_DEPLOYMENT_CONFIG] = deploy_get_deployment_config_call,
	[CODEDEPLOY_OP_GET_DEPLOYMENT_GROUP] = deploy_get_deployment_group_call,
	[CODEDEPLOY_OP_GET_DEPLOYMENT_INSTANCE] = deploy_get_deployment_instance_call,
	[CODEDEPLOY_OP_GET_DEPLOYMENT_TARGET] = deploy_get_deployment_target_call,
	[CODEDEPLOY_OP_GET_ON_PREMISES_INSTANCE] = deploy_get_on_premises_instance_call,
	[CODEDEPLOY_OP_LIST_APPLICATION_REVISIONS] = deploy_list_application_revisions_call,
	[CODEDEPLOY_OP_LIST_APPLICATIONS] = deploy_list_applications_call,
	[CODEDEPLOY_OP_LIST_DEPLOYMENT_CONFIGS] = deploy_list_deployment_configs_call,
	[CODEDEPLOY_OP_LIST_DEPLOYMENT_GROUPS] = deploy_list_deployment_groups_call,
	[CODEDEPLOY_OP_LIST_DEPLOYMENT_INSTANCES] = deploy_list_deployment_instances_call,
	[CODEDEPLOY_OP_LIST_DEPLOYMENT_TARGETS] = deploy_list_deployment_targets_call,
	[CODEDEPLOY_OP_LIST_DEPLOYMENTS] = deploy_list_deployments_call,
	[CODEDEPLOY_OP_LIST_ON_PREMISES_INSTANCES] = deploy_list_on_premises_instances_call,
	[CODEDEPLOY_OP_LIST_TAGS_FOR_RESOURCE] = deploy_list_tags_for_resource_call,
	[CODEDEPLOY_OP_PUT_LIFECYCLE_EVENT_HOOK_EXECUTION_STATUS] =
		deploy_put_lifecycle_event_hook_execution_status_call,
	[CODEDEPLOY_OP_REGISTER_APPLICATION_REVISION] = deploy_register_application_revision_call,
	[CODEDEPLOY_OP_REGISTER_ON_PREMISES_INSTANCE] = deploy_register_on_premises_instance_call,
	[CODEDEPLOY_OP_REMOVE_TAGS_FROM_ON_PREMISES_INSTANCES] =
		deploy_remove_tags_from_on_premises_instances_call,
	[CODEDEPLOY_OP_SKIP_WAIT_TIME_FOR_INSTANCE_TERMINATION] =
		deploy_skip_wait_time_for_instance_termination_call,
	[CODEDEPLOY_OP_STOP_DEPLOYMENT] = deploy_stop_deployment_call,
	[CODEDEPLOY_OP_TAG_RESOURCE] = deploy_tag_resource_call,
	[CODEDEPLOY_OP_UNTAG_RESOURCE] = deploy_untag_resource_call,
	[CODEDEPLOY_OP_UPDATE_APPLICATION] = deploy_update_application_call,
	[CODEDEPLOY_OP_UPDATE_DEPLOYMENT_GROUP] = deploy_update_deployment_group_call,
};

/* A deployment belongs to its group. */
static const char *lookup(void *engine, struct call *call, const char *kind, const char *deployment)
{
	const char *application, *group;

	(void)kind;
	if (!deploy_find_group(engine, call, deployment, &application, &group))
		return NULL;
	return call_arn(call, "codedeploy", "deploymentgroup:%s/%s", application, group);
}

struct call_service svc_codedeploy(struct deploy_engine *e)
{
	return (struct call_service){
		.wire = &codedeploy_service,
		.engine = e,
		.handlers = handlers,
		.lookup = lookup,
	};
}
