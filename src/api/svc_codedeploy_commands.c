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

struct call_service svc_codedeploy_commands(struct deploy_engine *e)
{
	return (struct call_service){
		.wire = &codedeploy_commands_service,
		.engine = e,
		.handlers = handlers,
	};
}
