/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's inside: shared by the files of deploy/, for nobody else. */
#ifndef TOWPATH_DEPLOY_ENGINE_H
#define TOWPATH_DEPLOY_ENGINE_H

#include <pthread.h>

#include "deploy/deploy.h"
#include "deploy/poll.h"
#include "store/deploy_deployment.h"

struct deploy_engine {
	struct durable *durable;
	const struct deploy_ports *ports;
	char *account, *region, *data_dir;
	struct deploy_poll *poll;	       /* agents that wait for a command */
	char *signer_key, *signer_certificate; /* PEM, of deployment specifications */
	pthread_mutex_t shift_lock;	       /* see service_shift.c, S1 */
};

/* Kinds of tasks; the subject is always a deployment's id. */
#define DEPLOY_TASK_START "deploy.start"	     /* gather facts, make the targets */
#define DEPLOY_TASK_PROVISION "deploy.provision"     /* bring up the green fleet */
#define DEPLOY_TASK_TRAFFIC "deploy.traffic"	     /* token: target id */
#define DEPLOY_TASK_TERMINATE "deploy.terminate"     /* green takes over, blue goes */
#define DEPLOY_TASK_REMOVE "deploy.remove"	     /* rollback: the green fleet goes */
#define DEPLOY_TASK_OUTDATED "deploy.outdated"	     /* instances launched meanwhile */
#define DEPLOY_TASK_EVENT_TIMER "deploy.event-timer" /* token: target id */
#define DEPLOY_TASK_WAIT_TIMER "deploy.wait-timer"   /* ready and termination wait */
#define DEPLOY_TASK_DEADLINE "deploy.deadline"	     /* of the whole deployment */
/* of container services; the token is empty where it is not said */
#define DEPLOY_TASK_INSTALL "deploy.install"	 /* the replacement task set comes up */
#define DEPLOY_TASK_SHIFT "deploy.shift"	 /* traffic moves, one step */
#define DEPLOY_TASK_GUARD "deploy.guard"	 /* looks after the task set that has traffic */
#define DEPLOY_TASK_RETIRE "deploy.retire"	 /* a task set goes */
#define DEPLOY_TASK_HOOK "deploy.hook"		 /* token: the invocation's id */
#define DEPLOY_TASK_HOOK_STOP "deploy.hook-stop" /* token: the run's name */

#define DEPLOY_MINUTE (60 * USEC_PER_SEC)
#define DEPLOY_EVENT_START_LIMIT (5 * DEPLOY_MINUTE)
#define DEPLOY_EVENT_LIMIT (60 * DEPLOY_MINUTE)
#define DEPLOY_IN_PLACE_LIMIT (8 * 60 * DEPLOY_MINUTE)
#define DEPLOY_BLUE_GREEN_LIMIT (109 * 60 * DEPLOY_MINUTE)
/* 120 hours until traffic moves, 48 of shifting, 48 until the original goes, a hook's hour. */
#define DEPLOY_SERVICE_LIMIT (217 * 60 * DEPLOY_MINUTE)

/* arn:aws:codedeploy:REGION:ACCOUNT:RESOURCE in the arena. */
char *deploy_arn(const struct deploy_engine *e, struct arena *a, const char *type,
	const char *name) MUST_CHECK;

/* Runs fn in one durable step (write) or on a snapshot (read), with ctx as its argument. */
int deploy_write(struct deploy_engine *e, db_fn fn, void *ctx, struct err *err);
int deploy_read(struct deploy_engine *e, db_fn fn, void *ctx, struct err *err);

/* Each registers its task kinds and consumers. */
void deploy_register_start(struct deploy_engine *e);
void deploy_register_traffic(struct deploy_engine *e);
void deploy_register_fleet(struct deploy_engine *e);
void deploy_register_outdated(struct deploy_engine *e);
void deploy_register_scale_out(struct deploy_engine *e);
void deploy_register_timers(struct deploy_engine *e);
void deploy_register_watch(struct deploy_engine *e);
void deploy_register_service(struct deploy_engine *e);
void deploy_register_hooks(struct deploy_engine *e);

#endif
