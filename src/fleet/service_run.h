/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the task `fleet.service`, and what becomes of the newest rolling deployment in it. */
#ifndef TOWPATH_FLEET_SERVICE_RUN_H
#define TOWPATH_FLEET_SERVICE_RUN_H

#include "fleet/containers.h"

struct reconcile {
	struct fleet_engine *e;
	struct db_tx *tx;
	struct arena *a;
	struct ecs_service s;
	struct fleet_tasks tasks;
	int64_t now, wake_usec;
	bool changed; /* the service is to be saved */
};

/* The service is looked at again then, at the latest. */
void reconcile_wake_at(struct reconcile *x, int64_t usec);

/* ---- the newest deployment of a service with controller ECS (service_rollout.c) ---- */

/* 1: the circuit breaker or an alarm has failed it, and where that is asked for the last completed
 * one is deployed again. 0, -1. */
int rollout_fails(struct reconcile *x, struct err *err);
/* All of its tasks are there and healthy, and no others: it has completed, or bakes. */
int rollout_complete(struct reconcile *x, struct err *err);
/* Tasks are missing, or are more than are wanted. */
int rollout_unsteady(struct reconcile *x, struct err *err);

#endif
