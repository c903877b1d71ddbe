/* SPDX-License-Identifier: Apache-2.0 */
/* Deployments to instances that Auto Scaling groups have launched, and those that bring instances
 * up to date which were launched meanwhile. Private to deploy/. */
#ifndef TOWPATH_DEPLOY_SCALE_OUT_H
#define TOWPATH_DEPLOY_SCALE_OUT_H

#include "deploy/advance.h"

/* ---- scale-out (scale_out.c) ---- */

/* Names the hooks in a group's autoScalingGroups, as clients are shown it. */
void scale_out_show_hooks(struct codedeploy_deployment_group_info *g, struct arena *a);
bool scale_out_names_fleet(const struct codedeploy_deployment_group_info *g, const char *fleet);
/* The deployment groups that name the fleet now, in the arena. */
int scale_out_groups(struct db_tx *tx, const char *fleet, struct arena *a,
	struct codedeploy_deployment_group_info **ret, size_t *ret_n, struct err *err);
/* The deployment of s, made for a launched instance, has ended: the instance goes in service, or
 * its launch is abandoned. */
int scale_out_ended(struct step *s, enum deploy_status status, struct err *err);
/* The instance has ended: a deployment that was made for its launch fails. */
int scale_out_host_gone(struct deploy_engine *e, struct db_tx *tx, const char *host,
	struct arena *a, struct err *err);
/* A group has changed, or has a new last successful revision: its fleets try abandoned launches at
 * once. */
int scale_out_retry(struct deploy_engine *e, struct db_tx *tx,
	const struct codedeploy_deployment_group_info *g, struct err *err);

/* ---- instances that were launched meanwhile (outdated.c) ---- */

/* Have instances looked for that the group's last successful deployment did not reach. */
int outdated_look(struct deploy_engine *e, struct db_tx *tx,
	const struct codedeploy_deployment_group_info *g, struct err *err);
/* The group is free again: who waited for that looks now. */
int outdated_look_again(
	struct step *s, const struct codedeploy_deployment_group_info *g, struct err *err);

#endif
