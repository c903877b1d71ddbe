/* SPDX-License-Identifier: Apache-2.0 */
/* The deployment engine: applications, groups, configurations, revisions, deployments to servers
 * and container services, and the command service that host agents poll. One function an API
 * operation, in the handler form of wire/call.h. */
#ifndef TOWPATH_DEPLOY_DEPLOY_H
#define TOWPATH_DEPLOY_DEPLOY_H

#include "codedeploy.gen.h"
#include "codedeploy_commands.gen.h"
#include "deploy/ports.h"
#include "durable/durable.h"
#include "wire/call.h"

struct deploy_engine;

struct deploy_config {
	struct durable *durable;	  /* borrowed */
	const struct deploy_ports *ports; /* borrowed; must outlive the engine */
	const char *account, *region;
	const char *data_dir; /* keys/ and deploy/ (hook logs) are made below it */
};

/* Registers tasks and journal consumers: call before durable_start(). */
int deploy_engine_new(const struct deploy_config *c, struct deploy_engine **ret, struct err *err);
/* After durable_stop(): answers every poll that still waits, then frees. NULL is fine. */
struct deploy_engine *deploy_engine_free(struct deploy_engine *e);
DEFINE_FREEP(struct deploy_engine, deploy_engine_free)

/* Path of the whole log of hook scripts that a host shipped for a deployment; caller frees. The
 * file may be missing (a host whose agent does not ship logs, or no hook ran yet). */
char *deploy_hook_log_path(
	const struct deploy_engine *e, const char *deployment_id, const char *target_id) MUST_CHECK;

/* The names of the lifecycle hooks that a fleet has for its launches: one for each deployment group
 * that names it; in the arena. */
int deploy_launch_hooks(struct db_tx *tx, const char *fleet, struct arena *a, const char ***ret,
	size_t *ret_n, struct err *err);
/* For policies: the names of a deployment's application and group, in the call's arena. False
 * when there is no such deployment. */
bool deploy_find_group(struct deploy_engine *e, struct call *call, const char *deployment_id,
	const char **ret_application, const char **ret_group);
/* Whether the caller is a host: a session named after an instance, or the user or session of a
 * registered on-premises instance. It then gets its own commands and no others. */
bool deploy_is_host(struct deploy_engine *e, struct call *call);

#define DEPLOY_OPERATION(name)                                        \
	int deploy_##name(struct deploy_engine *e, struct call *call, \
		const struct codedeploy_##name##_request *req,        \
		struct codedeploy_##name##_response *resp, struct err *err)

DEPLOY_OPERATION(add_tags_to_on_premises_instances);
DEPLOY_OPERATION(batch_get_application_revisions);
DEPLOY_OPERATION(batch_get_applications);
DEPLOY_OPERATION(batch_get_deployment_groups);
DEPLOY_OPERATION(batch_get_deployment_instances);
DEPLOY_OPERATION(batch_get_deployment_targets);
DEPLOY_OPERATION(batch_get_deployments);
DEPLOY_OPERATION(batch_get_on_premises_instances);
DEPLOY_OPERATION(continue_deployment);
DEPLOY_OPERATION(create_application);
DEPLOY_OPERATION(create_deployment);
DEPLOY_OPERATION(create_deployment_config);
DEPLOY_OPERATION(create_deployment_group);
DEPLOY_OPERATION(delete_application);
DEPLOY_OPERATION(delete_deployment_config);
DEPLOY_OPERATION(delete_deployment_group);
DEPLOY_OPERATION(deregister_on_premises_instance);
DEPLOY_OPERATION(get_application);
DEPLOY_OPERATION(get_application_revision);
DEPLOY_OPERATION(get_deployment);
DEPLOY_OPERATION(get_deployment_config);
DEPLOY_OPERATION(get_deployment_group);
DEPLOY_OPERATION(get_deployment_instance);
DEPLOY_OPERATION(get_deployment_target);
DEPLOY_OPERATION(get_on_premises_instance);
DEPLOY_OPERATION(list_application_revisions);
DEPLOY_OPERATION(list_applications);
DEPLOY_OPERATION(list_deployment_configs);
DEPLOY_OPERATION(list_deployment_groups);
DEPLOY_OPERATION(list_deployment_instances);
DEPLOY_OPERATION(list_deployment_targets);
DEPLOY_OPERATION(list_deployments);
DEPLOY_OPERATION(list_on_premises_instances);
DEPLOY_OPERATION(list_tags_for_resource);
DEPLOY_OPERATION(put_lifecycle_event_hook_execution_status);
DEPLOY_OPERATION(register_application_revision);
DEPLOY_OPERATION(register_on_premises_instance);
DEPLOY_OPERATION(remove_tags_from_on_premises_instances);
DEPLOY_OPERATION(skip_wait_time_for_instance_termination);
DEPLOY_OPERATION(stop_deployment);
DEPLOY_OPERATION(tag_resource);
DEPLOY_OPERATION(untag_resource);
DEPLOY_OPERATION(update_application);
DEPLOY_OPERATION(update_deployment_group);

/* CreateDeployment for a pipeline's action: the same external id answers the same deployment. */
int deploy_create_for_pipeline(struct deploy_engine *e, struct call *call,
	const struct codedeploy_create_deployment_request *req, const char *external_id,
	struct codedeploy_create_deployment_response *resp, struct err *err);

/* ---- codedeploy-commands: what host agents call ---- */

#define DEPLOY_COMMAND(name)                                            \
	int deploy_##name(struct deploy_engine *e, struct call *call,   \
		const struct codedeploy_commands_##name##_request *req, \
		struct codedeploy_commands_##name##_response *resp, struct err *err)

/* Answers at once when a command is ready for the host; else, where the call can be deferred,
 * when one becomes ready or the long poll ends (an empty answer). */
DEPLOY_COMMAND(poll_host_command);
DEPLOY_COMMAND(get_deployment_specification);
DEPLOY_COMMAND(put_host_command_acknowledgement);
DEPLOY_COMMAND(post_host_command_update);
DEPLOY_COMMAND(put_host_command_complete);
DEPLOY_COMMAND(put_host_command_log);

#endif
