/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of ssm on parameters. */
#include "api/svc_ssm.h"

CALL_ADAPTER(secret_ssm_add_tags_to_resource)
CALL_ADAPTER(secret_ssm_delete_parameter)
CALL_ADAPTER(secret_ssm_delete_parameters)
CALL_ADAPTER(secret_ssm_describe_parameters)
CALL_ADAPTER(secret_ssm_get_parameter)
CALL_ADAPTER(secret_ssm_get_parameter_history)
CALL_ADAPTER(secret_ssm_get_parameters)
CALL_ADAPTER(secret_ssm_get_parameters_by_path)
CALL_ADAPTER(secret_ssm_label_parameter_version)
CALL_ADAPTER(secret_ssm_list_tags_for_resource)
CALL_ADAPTER(secret_ssm_put_parameter)
CALL_ADAPTER(secret_ssm_remove_tags_from_resource)
CALL_ADAPTER(secret_ssm_unlabel_parameter_version)

static const call_handler handlers[SSM_OP_COUNT] = {
	[SSM_OP_ADD_TAGS_TO_RESOURCE] = secret_ssm_add_tags_to_resource_call,
	[SSM_OP_DELETE_PARAMETER] = secret_ssm_delete_parameter_call,
	[SSM_OP_DELETE_PARAMETERS] = secret_ssm_delete_parameters_call,
	[SSM_OP_DESCRIBE_PARAMETERS] = secret_ssm_describe_parameters_call,
	[SSM_OP_GET_PARAMETER] = secret_ssm_get_parameter_call,
	[SSM_OP_GET_PARAMETER_HISTORY] = secret_ssm_get_parameter_history_call,
	[SSM_OP_GET_PARAMETERS] = secret_ssm_get_parameters_call,
	[SSM_OP_GET_PARAMETERS_BY_PATH] = secret_ssm_get_parameters_by_path_call,
	[SSM_OP_LABEL_PARAMETER_VERSION] = secret_ssm_label_parameter_version_call,
	[SSM_OP_LIST_TAGS_FOR_RESOURCE] = secret_ssm_list_tags_for_resource_call,
	[SSM_OP_PUT_PARAMETER] = secret_ssm_put_parameter_call,
	[SSM_OP_REMOVE_TAGS_FROM_RESOURCE] = secret_ssm_remove_tags_from_resource_call,
	[SSM_OP_UNLABEL_PARAMETER_VERSION] = secret_ssm_unlabel_parameter_version_call,
};

static const char *lookup(
	void *engine, struct call *call, const char *kind UNUSED, const char *name)
{
	return secret_parameter_arn(engine, name, call->arena);
}

struct call_service svc_ssm(struct secret_engine *e)
{
	return (struct call_service){
		.wire = &ssm_service,
		.engine = e,
		.handlers = handlers,
		.lookup = lookup,
	};
}
