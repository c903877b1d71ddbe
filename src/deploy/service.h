/* SPDX-License-Identifier: Apache-2.0 */
/* Deployments to container services: what their files share. Private to deploy/.
 *
 * A service is one target, "CLUSTER:SERVICE", that goes through the events of a service's track
 * (lifecycle.h) in the phases of blue/green. What the AppSpec and the group said, and where the
 * deployment stands (task sets, weights, hooks), is `service` of the deployment's state. */
#ifndef TOWPATH_DEPLOY_SERVICE_H
#define TOWPATH_DEPLOY_SERVICE_H

#include "deploy/task_step.h"

/* A task of a deployment to a service at work, outside of transactions. */
struct service_job {
	struct arena *a;
	struct deploy_engine *e;
	const struct task *task;
	struct store_deployment d;
	struct store_target t;
	const struct deploy_event *event; /* the target's, when it is in a wave; else NULL */
	struct deploy_service now;	  /* after service_job_look() */
	const char *code, *failure;	  /* a final fault: error code and words */
};

/* Loads the deployment and its target: 1, or 0 when it has ended. */
int service_job_open(struct service_job *j, struct err *err);
/* Asks for the service and its task sets. A final fault is noted in j, one that may pass is -1. */
int service_job_look(struct service_job *j, struct err *err);
/* Notes a final fault and returns 0; one that may pass is -1. */
int service_job_failed(struct service_job *j, const char *code, struct err *why, struct err *err);
/* Whether its tasks run, and get requests. */
bool service_set_serves(const struct deploy_set *set);
/* The set that this deployment made (or the one that a rollback undoes), or NULL. */
const struct deploy_set *service_job_green(const struct service_job *j);
const struct deploy_set *service_set(const struct deploy_service *s, const char *id);
const struct deploy_set *service_primary(const struct deploy_service *s);

/* 1: the target's event is still that of the job; 0: it ended meanwhile. */
int service_still(
	struct step *s, const struct service_job *j, struct store_target **ret, struct err *err);
/* Task sets, labelled as the state knows them. */
void service_sets_of(const struct towpath_deploy_service *state, const struct deploy_service *now,
	struct arena *a, struct towpath_deploy_task_set_list *ret);
/* Keeps what the job saw of the task sets, for who asks later. */
void service_note_sets(struct step *s, const struct deploy_service *now);
/* The event ends; a failure's code and words become the deployment's. */
int service_event_ended(struct step *s, struct store_target *t, const char *code,
	const char *failure, struct err *err);
/* Wakes the tasks that wait for task sets of a deployment. */
int service_poke(struct step *s, struct err *err);
/* What of a service made its limit pass. */
int service_timed_out(struct step *s, struct store_target *t, struct err *err);

/* ---- the beginning (service_plan.c) ---- */

/* What has to be known before a deployment begins. */
struct service_plan {
	struct arena *a;
	struct deploy_engine *e;
	const struct store_deployment *d;
	struct deploy_reader reader;
	/* out */
	struct towpath_deploy_service state; /* as it is at the beginning */
	const char *arn;		     /* of the service */
	const char *code, *message;	     /* why it cannot begin */
};

/* Reads the AppSpec, looks at the service, its listeners and the task definition. What the user
 * has to mend is in code and message; -1: to be tried again. */
int service_plan(struct service_plan *p, struct err *err);
/* Makes the target and begins with its events. */
int service_begin(struct step *s, const struct service_plan *p, struct err *err);

/* ---- as the API shows it (service_target.c) ---- */

void service_as_target(const struct store_deployment *d, const struct store_target *t,
	struct arena *a, struct codedeploy_deployment_target *ret);
/* Outside of transactions: while the deployment runs, its task sets as they are now. Faults leave
 * what was seen last. */
void service_refresh_target(
	struct deploy_engine *e, struct arena *a, struct codedeploy_deployment_target *t);

/* ---- hooks ---- */

/* Begins the hook of an event: none is a success at once. */
int hook_begin(
	struct step *s, struct store_target *t, const struct deploy_event *event, struct err *err);
/* It did not report in time. */
int hook_timed_out(struct step *s, struct store_target *t, struct err *err);
/* A run has ended: the hook that waits for it looks. */
int hook_poke(struct step *s, const char *run, struct err *err);
/* Builds and scripts that run on are ended. */
int hook_abandon(struct step *s, struct err *err);

/* Parts of deploy_register_service(). */
void service_register_install(struct deploy_engine *e);
void service_register_shift(struct deploy_engine *e);
void service_register_retire(struct deploy_engine *e);
void service_register_guard(struct deploy_engine *e);

#endif
