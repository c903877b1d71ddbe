/* SPDX-License-Identifier: Apache-2.0 */
/* A task's last step: loads its deployment, ends the task, changes, stores. Private to deploy/. */
#ifndef TOWPATH_DEPLOY_TASK_STEP_H
#define TOWPATH_DEPLOY_TASK_STEP_H

#include "deploy/advance.h"

/* Changes s; arg is the caller's. */
typedef int (*deploy_change)(struct step *s, void *arg, struct err *err);

/* One durable step: ends the task first (so that the change may enqueue it anew), then runs
 * change unless the deployment has ended, and stores. */
int deploy_task_step(struct deploy_engine *e, const struct task *t, deploy_change change, void *arg,
	struct err *err);
/* The same without a task. ERR_NOT_FOUND (no wire name) when there is no such deployment; change
 * runs also when it has ended. */
int deploy_change_step(struct deploy_engine *e, const char *id, struct arena *a,
	deploy_change change, void *arg, struct err *err);

#endif
