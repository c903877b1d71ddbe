/* SPDX-License-Identifier: Apache-2.0 */
/* Lifecycle hooks of Auto Scaling groups and the instances that wait for them; private to fleet/.
 */
#ifndef TOWPATH_FLEET_LIFECYCLE_H
#define TOWPATH_FLEET_LIFECYCLE_H

#include "fleet/internal.h"

#define FLEET_LAUNCHING "autoscaling:EC2_INSTANCE_LAUNCHING"
#define FLEET_TERMINATING "autoscaling:EC2_INSTANCE_TERMINATING"
#define FLEET_CONTINUE "CONTINUE"
#define FLEET_ABANDON "ABANDON"

#define FLEET_HEARTBEAT_SECONDS 3600	       /* when a hook does not say */
#define FLEET_GLOBAL_FACTOR 100		       /* heartbeats that an instance waits at most, */
#define FLEET_GLOBAL_SECONDS (48 * 3600)       /* and for so long */
#define FLEET_TASK_LIFECYCLE "fleet.lifecycle" /* subject: an instance; its next deadline */

/* Begins with this: no hook that clients put or delete. */
bool fleet_hook_is_managed(const char *name);
/* The hooks that clients have put. */
int fleet_own_hooks(struct db_tx *tx, const char *group, struct arena *a,
	struct store_documents *ret, struct err *err);
/* All launching hooks of a group, its own first. */
int fleet_hooks_of(struct fleet_engine *e, struct db_tx *tx, const char *group, struct arena *a,
	struct autoscaling_lifecycle_hooks *ret, struct err *err);

/* Of an instance that has just become running: it waits for hooks, or goes in service. */
int fleet_lifecycle_begin(struct fleet_engine *e, struct db_tx *tx,
	struct towpath_fleet_instance *i, struct arena *a, struct err *err);
/* The action by which the instance waits for this hook, or NULL; one of i->actions. */
struct towpath_fleet_lifecycle_action *fleet_action_find(
	const struct towpath_fleet_instance *i, const char *hook);
/* Ends one of i's actions: it goes on (abandoned NULL), in service after the last one, or its
 * launch is abandoned for this reason: it is terminated. */
int fleet_action_end(struct fleet_engine *e, struct db_tx *tx, struct towpath_fleet_instance *i,
	struct towpath_fleet_lifecycle_action *action, const char *abandoned, struct arena *a,
	struct err *err);
/* The task of FLEET_TASK_LIFECYCLE. */
int fleet_lifecycle_run(struct durable *d, const struct task *t, void *arg, struct err *err);

/* Puts the hooks that CreateAutoScalingGroup names. */
int fleet_hooks_put(struct db_tx *tx, const char *group,
	const struct autoscaling_lifecycle_hook_specifications *specs, struct arena *a,
	struct err *err);

#endif
