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

/* A text member of a request, or NULL. */
static const char *member(struct call *call, const void *req, const char *name)
{
	const struct wire_member *m = wire_member_find(call->operation->input, view_of(name));

	if (!m || m->shape->type != WIRE_STRING)
		return NULL;
	return *(const char *const *)((const char *)req + m->offset);
}

static const char *group_arn(struct call *call, const char *application, const char *group)
{
	return call_arn(call, "codedeploy", "deploymentgroup:%s/%s", application, group);
}

/* What an operation is about follows from the names in its request; a deployment belongs to its
 * group. */
static const char *resource(struct deploy_engine *e, struct call *call, const void *req)
{
	const char *application = member(call, req, "applicationName");
	const char *group = member(call, req, "deploymentGroupName");
	const char *config = member(call, req, "deploymentConfigName");
	const char *deployment = member(call, req, "deploymentId");
	const char *instance = member(call, req, "instanceName");
	const char *arn = member(call, req, "ResourceArn");

	if (!group)
		group = member(call, req, "currentDeploymentGroupName");
	if (application && group)
		return group_arn(call, application, group);
	if (application)
		return call_arn(call, "codedeploy", "application:%s", application);
	if (config)
		return call_arn(call, "codedeploy", "deploymentconfig:%s", config);
	if (instance)
		return call_arn(call, "codedeploy", "instance:%s", instance);
	if (deployment && deploy_find_group(e, call, deployment, &application, &group))
		return group_arn(call, application, group);
	return arn;
}

static int access_of(
	void *engine, struct call *call, const void *req, struct call_access *ret, struct err *err)
{
	const char *arn = resource(engine, call, req);
	const char **list = arena_new(call->arena, const char *);

	(void)err;
	if (!arn)
		return 0;
	*list = arn;
	ret->resources = list;
	ret->n_resources = 1;
	return 0;
}

struct call_service svc_codedeploy(struct deploy_engine *e)
{
	return (struct call_service){
		.wire = &codedeploy_service,
		.engine = e,
		.handlers = handlers,
		.access = access_of,
	};
}
