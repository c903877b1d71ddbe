/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of codedeploy-commands (what host agents call), served by the deployment engine.
 */
#include "api/svc_codedeploy_commands.h"

CALL_ADAPTER(deploy_get_deployment_specification)
CALL_ADAPTER(deploy_poll_host_command)
CALL_ADAPTER(deploy_post_host_command_update)
CALL_ADAPTER(deploy_put_host_command_acknowledgement)
CALL_ADAPTER(deploy_put_host_command_complete)
CALL_ADAPTER(deploy_put_host_command_log)

static const call_handler handlers[CODEDEPLOY_COMMANDS_OP_COUNT] = {
	[CODEDEPLOY_COMMANDS_OP_GET_DEPLOYMENT_SPECIFICATION] =
		deploy_get_deployment_specification_call,
	[CODEDEPLOY_COMMANDS_OP_POLL_HOST_COMMAND] = deploy_poll_host_command_call,
	[CODEDEPLOY_COMMANDS_OP_POST_HOST_COMMAND_UPDATE] = deploy_post_host_command_update_call,
	[CODEDEPLOY_COMMANDS_OP_PUT_HOST_COMMAND_ACKNOWLEDGEMENT] =
		deploy_put_host_command_acknowledgement_call,
	[CODEDEPLOY_COMMANDS_OP_PUT_HOST_COMMAND_COMPLETE] = deploy_put_host_command_complete_call,
	[CODEDEPLOY_COMMANDS_OP_PUT_HOST_COMMAND_LOG] = deploy_put_host_command_log_call,
};

/* A host may ask for itself without a policy; anybody else needs one. Which host a principal is,
 * the engine knows. */
static int access_of(
	void *engine, struct call *call, const void *req, struct call_access *ret, struct err *err)
{
	(void)req;
	(void)err;
	ret->unrestricted = deploy_is_host(engine, call);
	return 0;
}

#define ACTION_PREFIX "codedeploy-commands-secure"

struct call_service svc_codedeploy_commands(struct deploy_engine *e)
{
	return (struct call_service){
		.wire = &codedeploy_commands_service,
		.engine = e,
		.handlers = handlers,
		.access = access_of,
		.action_prefix = ACTION_PREFIX,
	};
}

struct call_service svc_codedeploy_commands_secure(struct deploy_engine *e)
{
	static struct wire_service secure;

	secure = codedeploy_commands_service;
	secure.target_prefix = "CodeDeployCommandService";
	secure.signing_name = "codedeploy-commands-secure";
	secure.api_version = "2019-11-11";
	return (struct call_service){
		.wire = &secure,
		.engine = e,
		.handlers = handlers,
		.access = access_of,
		.action_prefix = ACTION_PREFIX,
	};
}
