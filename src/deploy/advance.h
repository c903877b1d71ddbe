/* SPDX-License-Identifier: Apache-2.0 */
/* What happens next in a deployment. All of it within one step; private to deploy/. */
#ifndef TOWPATH_DEPLOY_ADVANCE_H
#define TOWPATH_DEPLOY_ADVANCE_H

#include "deploy/step.h"

/* Goes on as far as it can: starts targets, changes the phase, ends the deployment. Harmless when
 * there is nothing to do. */
int deploy_advance(struct step *s, struct err *err);
/* The target's current event has ended; goes on with the next one, or the deployment. */
int deploy_event_ended(struct step *s, struct store_target *t, bool ok,
	const struct codedeploy_diagnostics *diagnostics, struct err *err);
/* The deployment is to end: what runs may end, nothing is begun any more. code is one of the
 * API's error codes; MANUAL_STOP and ALARM_ACTIVE lead to Stopped, the others to Failed. The
 * first call decides. */
int deploy_halt(struct step *s, const char *code, struct err *err, const char *message_fmt, ...)
	PRINTF_LIKE(4, 5);
/* Ends it: status, targets, group, timers, and the rollback where one is wanted. */
int deploy_finish(struct step *s, enum deploy_status status, const char *code, const char *message,
	struct err *err);
/* How long the deployment may take. */
int64_t deploy_limit(const struct step *s);
/* Ends a phase that waits (ready wait, termination wait) and goes on. */
int deploy_leave_wait(struct step *s, struct err *err);

/* Begins the current event of a service. */
int deploy_service_issue(
	struct step *s, struct store_target *t, const struct deploy_event *event, struct err *err);
/* Notes why the deployment fails, unless that is known already: the event that is ended next
 * fails it. */
void deploy_blame(struct step *s, const char *code, const char *message);

/* What a new deployment is made from. */
struct deploy_seed {
	const char *application_id;
	const struct codedeploy_deployment_group_info *group;
	const struct codedeploy_revision_location *revision;
	const char *creator, *description, *config_name, *file_exists_behavior;
	const char *external_id; /* of a pipeline's action, or NULL */
	const struct codedeploy_auto_rollback_configuration *auto_rollback;
	const struct codedeploy_alarm_configuration *alarms; /* override, or NULL for the group's */
	const struct codedeploy_target_instances *target_instances;
	bool ignore_stop_failures, update_outdated_only;
	bool in_place;		 /* whatever the group's type */
	const char *launch_hook; /* that one launched instance waits for, or NULL */
	const char *update_of;	 /* deployment that did not reach these hosts, or NULL */
	const char *rollback_of; /* deployment that this one undoes */
	const struct towpath_deploy_state *undo; /* and its state, for blue/green */
	const char *const *only_hosts;		 /* of the group, or all of it */
	size_t n_only_hosts;
};

/* Inserts it; the id is new. The caller enqueues DEPLOY_TASK_START or advances it. */
int deploy_insert(struct deploy_engine *e, struct db_tx *tx, const struct deploy_seed *seed,
	struct arena *a, const char **ret_id, struct err *err);

/* The rollback of s, which has just ended; fills in s's rollback information. */
int deploy_roll_back(struct step *s, struct err *err);

/* A configuration by name, built-in or custom: 1, 0 or -1. */
int deploy_config_find(struct db_tx *tx, const char *name, struct arena *a,
	struct codedeploy_deployment_config_info *ret, struct err *err);
/* The location of a revision as one text, the same for the same thing. */
char *deploy_revision_key(const struct codedeploy_revision_location *r, struct arena *a);

#endif
