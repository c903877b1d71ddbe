/* SPDX-License-Identifier: Apache-2.0 */
/* What the actions CodeDeploy and CodeDeployToECS share: both are a deployment of CodeDeploy, whose
 * id is the action's external id. Functions of pipeline/provider.h. */
#ifndef TOWPATH_PROVIDER_ACTION_DEPLOYMENT_H
#define TOWPATH_PROVIDER_ACTION_DEPLOYMENT_H

#include "provider/action_world.h"

extern const char *const action_deployment_kinds[];

/* Creates the deployment to the group that ApplicationName and DeploymentGroupName name. */
int action_deployment_create(struct action_world *w, const struct action_run *run,
	const struct codedeploy_revision_location *revision, struct action_result *ret,
	struct err *err);
int action_deployment_check(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err);
void action_deployment_stop(void *arg, const struct action_run *run);
const char *action_deployment_correlate(void *arg, const struct journal_entry *e, struct arena *a);
const char *action_deployment_url(void *arg, const struct codepipeline_action_declaration *action,
	const char *region, struct arena *a);

#endif
