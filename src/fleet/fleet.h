/* SPDX-License-Identifier: Apache-2.0 */
/* Instances, Auto Scaling groups, target groups, load balancers: the operations of autoscaling,
 * elbv2 and ec2, and what deployments ask of a fleet.
 *
 * Desired state lives in the store; durable tasks bring the world to it and are run again after a
 * crash. Instances are made by a compute driver, traffic goes through a traffic driver; both live
 * on while the server is down and are found again by fleet_engine_start(). */
#ifndef TOWPATH_FLEET_FLEET_H
#define TOWPATH_FLEET_FLEET_H

#include "autoscaling.gen.h"
#include "base/vec.h"
#include "compute/compute.h"
#include "durable/durable.h"
#include "ec2.gen.h"
#include "elbv2.gen.h"
#include "traffic/traffic.h"
#include "wire/call.h"

struct fleet_engine;

/* Port at which instances reach the API, at the address of their bridge. */
#define FLEET_API_PORT 8017

/* What one metric of a target group came to in one second. */
struct fleet_metric {
	const char *name;	   /* RequestCount, HTTPCode_Target_5XX_Count, ... */
	const char *load_balancer; /* app/name/id, or NULL */
	const char *target_group;  /* targetgroup/name/id */
	const char *unit;	   /* Count, Seconds */
	const double *values;	   /* with counts beside them */
	const double *counts;
	size_t n;
};

struct fleet_config {
	struct durable *durable;
	const char *account, *region;
	const char *data_dir; /* the server's; instances live in its fleet/ */
	const char *endpoint; /* of the API, as instances reach it; NULL: see endpoint_port */
	int endpoint_port;    /* the API's port: instances reach it at their bridge's address */
	const char *program;  /* path of the towpath executable that instances run as agent */
	const struct compute_driver *compute; /* NULL: instances wait until there is one */
	struct traffic *traffic;	      /* borrowed; NULL: no data plane */
	const char *subnet;	/* first three numbers, "10.88.7"; NULL: chosen from data_dir */
	int max_instances;	/* running at once; 0: 20. More wait. */
	size_t instance_memory; /* bytes a instance; 0: 1 GiB */
	/* Environment of the agent in instance `id`: adds credentials and what else it needs. */
	int (*agent_env)(void *arg, const char *instance_id, struct strv *env, struct err *err);
	/* Takes metrics; called each second at most, outside of transactions. NULL: dropped. */
	int (*metrics)(
		void *arg, int64_t usec, const struct fleet_metric *v, size_t n, struct err *err);
	void *arg;
};

int fleet_engine_new(const struct fleet_config *cfg, struct fleet_engine **ret, struct err *err);
struct fleet_engine *fleet_engine_free(struct fleet_engine *e);
DEFINE_FREEP(struct fleet_engine, fleet_engine_free)
/* The API's port on this host, once it is known. Before fleet_engine_start(). */
void fleet_engine_set_port(struct fleet_engine *e, int port);
/* After durable_start(): finds instances and data plane again, watches them, samples traffic. */
int fleet_engine_start(struct fleet_engine *e, struct err *err);
/* Before durable_stop(): ends the engine's threads; instances and traffic live on. */
void fleet_engine_stop(struct fleet_engine *e);
/* One round of what the sampler does each second (simulations call it by hand). */
int fleet_sample(struct fleet_engine *e, struct err *err);

/* ---- for deployments; callable from any thread, outside of transactions, idempotent ---- */

enum fleet_host_state { FLEET_HOST_PENDING, FLEET_HOST_RUNNING, FLEET_HOST_GONE };

struct fleet_tag {
	const char *key, *value;
};

struct fleet_host {
	const char *id;
	const char *group; /* Auto Scaling group's name or NULL */
	const char *zone;
	const char *address;
	enum fleet_host_state state;
	struct fleet_tag *tags;
	size_t n_tags;
};

/* All instances that are not gone, in the arena. */
int fleet_hosts(struct fleet_engine *e, struct arena *a, struct fleet_host **ret, size_t *ret_n,
	struct err *err);
/* ERR_NOT_FOUND when there is no such instance. */
int fleet_host_terminate(struct fleet_engine *e, const char *id, struct err *err);
/* An agent has spoken for this instance: from now on it counts as in service. */
int fleet_agent_seen(struct fleet_engine *e, const char *id, struct err *err);
/* ERR_NOT_FOUND when there is no such group. */
int fleet_group_desired(
	struct fleet_engine *e, const char *group, size_t *ret_desired, struct err *err);
/* Makes `green` like `blue` (launch configuration, tags, sizes) with `size` fresh instances, not
 * attached to any target group. A group `green` that exists is left alone. */
int fleet_group_copy(
	struct fleet_engine *e, const char *blue, const char *green, size_t size, struct err *err);
/* Instances that the group launches from now on are registered with these target groups (names);
 * those it has are registered as well. */
int fleet_group_attach(struct fleet_engine *e, const char *group, const char *const *target_groups,
	size_t n, struct err *err);
/* Terminates all instances, then forgets the group. A missing one is fine. */
int fleet_group_delete(struct fleet_engine *e, const char *group, struct err *err);

enum fleet_target_state {
	FLEET_TARGET_ABSENT,   /* not registered, or drained */
	FLEET_TARGET_DRAINING, /* requests are under way */
	FLEET_TARGET_INITIAL,
	FLEET_TARGET_HEALTHY,
	FLEET_TARGET_UNHEALTHY,
};

/* Target groups by name. Each change of a target's state is a journal entry `elbv2.target`. */
int fleet_target_register(
	struct fleet_engine *e, const char *target_group, const char *host, struct err *err);
int fleet_target_deregister(
	struct fleet_engine *e, const char *target_group, const char *host, struct err *err);
int fleet_target_health(struct fleet_engine *e, const char *target_group, const char *host,
	struct arena *a, enum fleet_target_state *ret, const char **ret_reason, struct err *err);

/* ---- operations ---- */

#define FLEET_OP(service, op)                                                 \
	int fleet_##service##_##op(struct fleet_engine *e, struct call *call, \
		const struct service##_##op##_request *req,                   \
		struct service##_##op##_response *resp, struct err *err);

/* autoscaling */
FLEET_OP(autoscaling, attach_load_balancer_target_groups)
FLEET_OP(autoscaling, create_auto_scaling_group)
FLEET_OP(autoscaling, create_launch_configuration)
FLEET_OP(autoscaling, delete_auto_scaling_group)
FLEET_OP(autoscaling, delete_launch_configuration)
FLEET_OP(autoscaling, describe_auto_scaling_groups)
FLEET_OP(autoscaling, describe_auto_scaling_instances)
FLEET_OP(autoscaling, describe_launch_configurations)
FLEET_OP(autoscaling, describe_load_balancer_target_groups)
FLEET_OP(autoscaling, detach_load_balancer_target_groups)
FLEET_OP(autoscaling, set_desired_capacity)
FLEET_OP(autoscaling, terminate_instance_in_auto_scaling_group)
FLEET_OP(autoscaling, update_auto_scaling_group)

/* elbv2 */
FLEET_OP(elbv2, create_listener)
FLEET_OP(elbv2, create_load_balancer)
FLEET_OP(elbv2, create_rule)
FLEET_OP(elbv2, create_target_group)
FLEET_OP(elbv2, delete_listener)
FLEET_OP(elbv2, delete_load_balancer)
FLEET_OP(elbv2, delete_rule)
FLEET_OP(elbv2, delete_target_group)
FLEET_OP(elbv2, deregister_targets)
FLEET_OP(elbv2, describe_listeners)
FLEET_OP(elbv2, describe_load_balancers)
FLEET_OP(elbv2, describe_rules)
FLEET_OP(elbv2, describe_tags)
FLEET_OP(elbv2, describe_target_group_attributes)
FLEET_OP(elbv2, describe_target_groups)
FLEET_OP(elbv2, describe_target_health)
FLEET_OP(elbv2, modify_listener)
FLEET_OP(elbv2, modify_rule)
FLEET_OP(elbv2, modify_target_group)
FLEET_OP(elbv2, modify_target_group_attributes)
FLEET_OP(elbv2, register_targets)

/* ec2 */
FLEET_OP(ec2, create_tags)
FLEET_OP(ec2, delete_tags)
FLEET_OP(ec2, describe_instances)
FLEET_OP(ec2, describe_tags)
FLEET_OP(ec2, terminate_instances)

#endif
