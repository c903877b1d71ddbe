/* SPDX-License-Identifier: Apache-2.0 */
/* Capacity providers of clusters, and strategies that spread tasks over them.
 *
 * What has a strategy (service, deployment, task set) has no launch type beside it, as the service
 * shows it; its tasks have both FARGATE and the name of their provider. */
#ifndef TOWPATH_FLEET_CAPACITY_H
#define TOWPATH_FLEET_CAPACITY_H

#include "fleet/containers.h"

/* The launch type of tasks: FARGATE with a strategy, else the one named (NULL: EC2). */
const char *fleet_capacity_launch_type(
	const char *launch_type, const struct ecs_capacity_provider_strategy *s);
/* A strategy that somebody asks for in a cluster, and the launch type beside it, which must be NULL
 * then. An empty strategy is fine. InvalidParameterException. */
int fleet_capacity_check(const struct ecs_cluster *c,
	const struct ecs_capacity_provider_strategy *s, const char *launch_type, struct err *err);
/* The providers of a cluster and its default strategy. InvalidParameterException. */
int fleet_capacity_of_cluster(const struct ecs_cluster *c, struct err *err);

/* Tasks that each item of a strategy has already. */
#define FLEET_CAPACITY_ITEMS 20
struct fleet_capacity_placed {
	int n[FLEET_CAPACITY_ITEMS];
};
/* A task more with this provider (NULL: with none). */
void fleet_capacity_count(const struct ecs_capacity_provider_strategy *s, const char *provider,
	struct fleet_capacity_placed *placed);
/* The wanted tasks of a deployment or task set. */
struct fleet_capacity_placed fleet_capacity_placed(const struct ecs_capacity_provider_strategy *s,
	const struct fleet_tasks *tasks, const char *set_id);
/* Provider of the next task: the base first, then whoever is furthest behind its weight. NULL
 * without a strategy. Pure. */
const char *fleet_capacity_next(
	const struct ecs_capacity_provider_strategy *s, const struct fleet_capacity_placed *placed);

#endif
