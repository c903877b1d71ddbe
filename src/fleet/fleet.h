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
#include "base/map.h"
#include "base/vec.h"
#include "compute/compute.h"
#include "durable/durable.h"
#include "ec2.gen.h"
#include "ecs.gen.h"
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

/* A metric of a service in the minute that has passed: a value a task. */
struct fleet_usage {
	const char *cluster, *service; /* names */
	const char *name;	       /* CPUUtilization, MemoryUtilization */
	const double *values;	       /* percent of what the task has reserved */
	size_t n;
};

/* An image of our own registry. */
struct fleet_image {
	const char *repository, *digest; /* of the manifest for this machine */
	struct view manifest;
};

/* How an engine pulls it. */
struct fleet_image_grant {
	const char *reference; /* HOST[:PORT]/REPOSITORY@DIGEST */
	const char *host, *user, *password;
};

/* A value that a container's environment takes from where secrets are kept. */
struct fleet_secret_request {
	const char *value_from; /* parameter's name or ARN, or a secret's ARN and what follows it */
	const char *role_arn;	/* the execution role, whose policies must allow it */
	const char *task_arn;
};

/* An alarm that watches deployments of services. */
struct fleet_alarm {
	bool active;	     /* in state ALARM */
	int64_t window_usec; /* what has happened for so long is all that it looks at */
};

struct fleet_config {
	struct durable *durable;
	const char *account, *region;
	const char *data_dir; /* the server's; instances live in its fleet/ */
	const char *endpoint; /* of the API, as instances reach it; NULL: see endpoint_port */
	int endpoint_port;    /* the API's port: instances reach it at their bridge's address */
	/* Where load balancers listen that are internet-facing, and internal; NULL: 127.0.0.1. */
	const char *balancer_address, *internal_balancer_address;
	const char *program; /* path of the towpath executable that instances run as agent */
	const struct compute_driver *compute;	   /* NULL: instances wait until there is one */
	const struct compute_driver *task_compute; /* of tasks; NULL: the same. Borrowed */
	struct zygote *monitors;		   /* of containers, borrowed; compute/compute.h */
	struct traffic *traffic;		   /* borrowed; NULL: no data plane */
	const char *subnet;	/* first three numbers, "10.88.7"; NULL: chosen from data_dir */
	int max_instances;	/* running at once; 0: 20. More wait. */
	size_t instance_memory; /* bytes a instance; 0: 1 GiB */
	/* Environment of the agent in instance `id`: adds credentials and what else it needs. */
	int (*agent_env)(void *arg, const char *instance_id, struct strv *env, struct err *err);
	int max_tasks; /* running at once; 0: 100. More wait. */
	/* OCI runtime of tasks of launch type FARGATE and of the others; NULL: the driver's. */
	const char *fargate_runtime, *task_runtime;
	/* Environment of a task ("CLUSTER/ID") with a task role: adds where its credentials are.
	 * NULL: none. */
	int (*task_env)(void *arg, const char *role_arn, const char *task, struct strv *env,
		struct err *err);
	/* Address of what a container of a task ("CLUSTER/ID") may ask about itself, in the arena.
	 * NULL: none. */
	const char *(*task_metadata)(
		void *arg, const char *task, const char *container, struct arena *a);
	/* Images of our own registry. 1: the reference is one of them, *ret in the arena; 0:
	 * another registry's; -1: one of them, but it is not there. NULL: all are others'. */
	int (*image_resolve)(void *arg, const char *reference, struct arena *a,
		struct fleet_image *ret, struct err *err);
	int (*image_open)(void *arg, const char *repository, const char *digest, int *ret_fd,
		struct err *err);
	/* What an engine needs to pull an image of our own registry. NULL: nothing. */
	int (*image_grant)(void *arg, const struct fleet_image *image, struct arena *a,
		struct fleet_image_grant *ret, struct err *err);
	/* The text of a secret, in the arena. NULL: there are none. */
	int (*secret)(void *arg, const struct fleet_secret_request *req, struct arena *a,
		const char **ret, struct err *err);
	/* A server certificate by its ARN, as PEM with issuers and private key, in the arena; a
	 * part of the caller's step. 1, 0: there is none, -1. NULL: there are none. */
	int (*certificate)(void *arg, struct db_tx *tx, const char *arn, struct arena *a,
		const char **ret_pem, struct err *err);
	/* How an alarm stands, as a part of the caller's step. 1, 0: there is none, -1. NULL: there
	 * are none. */
	int (*alarm)(void *arg, struct db_tx *tx, const char *name, struct fleet_alarm *ret,
		struct err *err);
	/* Makes a log stream over a spool file, as a part of the caller's step. NULL: dropped. */
	int (*log_attach)(void *arg, struct db_tx *tx, const char *group, const char *stream,
		const char *path, struct err *err);
	/* Fills `ret` with the paths below dir that streams still need; streams whose group keeps
	 * them no longer lose theirs. A part of the caller's step. NULL with log_attach. */
	int (*logs_kept)(
		void *arg, struct db_tx *tx, const char *dir, struct map *ret, struct err *err);
	/* Takes metrics; called each second at most, outside of transactions. NULL: dropped. */
	int (*metrics)(
		void *arg, int64_t usec, const struct fleet_metric *v, size_t n, struct err *err);
	/* Takes what services use; called each minute at most, outside of transactions. NULL: it is
	 * not looked at. */
	int (*usage)(
		void *arg, int64_t usec, const struct fleet_usage *v, size_t n, struct err *err);
	/* All metrics of seconds before this one were given; called once a second. NULL: not. */
	int (*metrics_complete)(void *arg, int64_t sec, struct err *err);
	void *arg;
};

int fleet_engine_new(const struct fleet_config *cfg, struct fleet_engine **ret, struct err *err);
struct fleet_engine *fleet_engine_free(struct fleet_engine *e);
DEFINE_FREEP(struct fleet_engine, fleet_engine_free)
/* Appends what a container of the task ("CLUSTER/ID") is told about itself, container NULL: about
 * the task (the task metadata address, version 4): 1, 0 there is none, -1. */
int fleet_task_metadata(struct fleet_engine *e, const char *task, const char *container,
	struct str *json, struct err *err);
/* 1: the task ("CLUSTER/ID") may still act, *ret_role is its task role or NULL; 0: it has ended. */
int fleet_task_role(struct fleet_engine *e, const char *task, struct arena *a,
	const char **ret_role, struct err *err);
/* The API's port on this host, once it is known. Before fleet_engine_start(). */
void fleet_engine_set_port(struct fleet_engine *e, int port);
/* After durable_start(): finds instances and data plane again, watches them, samples traffic. */
int fleet_engine_start(struct fleet_engine *e, struct err *err);
/* Before durable_stop(): ends the engine's threads; instances and traffic live on. */
void fleet_engine_stop(struct fleet_engine *e);
/* The ARN of a listener that shows the server certificate, or NULL, in the arena. */
int fleet_certificate_user(
	struct db_tx *tx, const char *arn, struct arena *a, const char **ret, struct err *err);
/* The bridge of a data folder's instances and tasks, for who takes away what a stopped server has
 * left; its bridge is NULL when there has been none. */
struct compute_bridge fleet_bridge(const char *data_dir, struct arena *a);
/* One round of what the sampler does each second (simulations call it by hand). */
int fleet_sample(struct fleet_engine *e, struct err *err);

/* ---- for deployments; callable from any thread, outside of transactions, idempotent ---- */

enum fleet_host_state {
	FLEET_HOST_PENDING,
	FLEET_HOST_WAITING, /* up; waits for lifecycle hooks before it goes in service */
	FLEET_HOST_RUNNING, /* in service */
	FLEET_HOST_GONE,
};

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
/* 1 when there is such an instance that has not ended, 0 when not, -1. */
int fleet_host_exists(struct fleet_engine *e, const char *id, struct err *err);
/* When the oldest instance that has not ended was launched: 1, 0 when there is none, -1. */
int fleet_host_oldest(struct fleet_engine *e, int64_t *ret_usec, struct err *err);
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

/* Names of lifecycle hooks that are the server's own begin so. */
#define FLEET_MANAGED_HOOK "CodeDeploy-managed-"
/* Which of them a group has for launches, as a part of the caller's step; names in the arena. Each
 * instance that the group launches waits (`autoscaling.lifecycle` in the journal) until
 * fleet_launch_end() is called for each of them. */
typedef int (*fleet_hooks_fn)(void *arg, struct db_tx *tx, const char *group, struct arena *a,
	const char ***ret, size_t *ret_n, struct err *err);
/* Before durable_start(). */
void fleet_manage_hooks(struct fleet_engine *e, fleet_hooks_fn fn, void *arg);

/* The end of an instance's wait for a hook. */
struct fleet_launch {
	const char *instance, *hook;
	const char *abandoned; /* why it must not go in service; NULL: it may */
	/* Names of target groups that it is registered with when it goes in service, beside those
	 * of its group; one that is missing is left out. */
	const char *const *target_groups;
	size_t n;
};
/* A part of the caller's step. 1; 0: it does not wait for this hook (any more). */
int fleet_launch_end(
	struct fleet_engine *e, struct db_tx *tx, const struct fleet_launch *l, struct err *err);
/* The group need not wait any more after launches that were abandoned; a part of the caller's step.
 */
int fleet_group_retry(struct fleet_engine *e, struct db_tx *tx, const char *group, struct err *err);

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

/* ---- container services, for deployments; callable from any thread, outside of transactions,
 * idempotent. A cluster is a name or ARN (NULL: "default"), a service a name or ARN, a task
 * definition "family", "family:revision" or an ARN, a target group a name or ARN. What is answered
 * lives in the arena and names ARNs. ERR_NOT_FOUND names what is not there; a rule that the real
 * service has is its own exception (err_set_wire).
 *
 * Nobody polls: tasks, task sets and services announce their changes in the journal (ecs.task,
 * ecs.task-set, ecs.service; model/events.txt), targets theirs (elbv2.target). ---- */

enum fleet_controller {
	FLEET_CONTROLLER_ECS,	      /* rolling updates, by the fleet itself */
	FLEET_CONTROLLER_CODE_DEPLOY, /* task sets, made by a deployment */
	FLEET_CONTROLLER_EXTERNAL,    /* task sets, made by whoever calls the API */
};

/* Where a task's container is registered. */
struct fleet_attachment {
	const char *target_group, *container;
	int port; /* the container's */
};

enum fleet_task_set_status {
	FLEET_TASK_SET_PRIMARY,
	FLEET_TASK_SET_ACTIVE,
	FLEET_TASK_SET_DRAINING, /* being deleted: its tasks leave their target groups, then stop */
};

struct fleet_task_set {
	const char *id; /* ecs-svc/<19 digits> */
	const char *arn, *external_id, *started_by;
	enum fleet_task_set_status status;
	const char *task_definition;
	const struct fleet_attachment *attachments;
	size_t n_attachments;
	double scale;		       /* per cent of the service's desired count */
	int desired, pending, running; /* desired: ceil(service's desired * scale) */
	/* STEADY_STATE: as many tasks run as are desired, none is pending or stopping, and all
	 * whose container has a health check are healthy. Whether the load balancer finds the
	 * targets healthy is fleet_task_set_targets()'s affair. */
	bool steady;
	int failed; /* tasks of this set that ended by themselves or did not come up */
	const char *failed_reason; /* why the last of them did, naming task and container; NULL */
	int64_t created_usec;
};

struct fleet_service {
	const char *cluster, *name, *arn; /* the cluster's name */
	const char *status;		  /* ACTIVE, DRAINING, INACTIVE */
	enum fleet_controller controller;
	int desired, pending, running;
	const char *task_definition;		    /* of the primary task set or deployment */
	const struct fleet_attachment *attachments; /* of the same */
	size_t n_attachments;
	const struct fleet_task_set *sets; /* oldest first; none for controller ECS */
	size_t n_sets;
	const struct fleet_task_set *primary; /* one of sets, or NULL */
};

/* A service that was deleted is found, INACTIVE, for an hour. */
int fleet_service_get(struct fleet_engine *e, const char *cluster, const char *service,
	struct arena *a, struct fleet_service *ret, struct err *err);

struct fleet_container_port {
	const char *container;
	int port;
};
struct fleet_task_definition {
	const char *arn, *family, *status; /* ACTIVE, INACTIVE */
	int revision;
	const char *const *containers; /* names, in the order of the definition */
	size_t n_containers;
	const struct fleet_container_port *ports; /* all port mappings */
	size_t n_ports;
};
int fleet_task_definition_get(struct fleet_engine *e, const char *task_definition, struct arena *a,
	struct fleet_task_definition *ret, struct err *err);
/* Registers a revision from the JSON text of RegisterTaskDefinition's request; the members that
 * only DescribeTaskDefinition's answer has (revision, status, taskDefinitionArn, ...) are left
 * aside, a text {"taskDefinition": {...}} is taken as its inside. The same token (1 to 64
 * characters) answers the same revision again. ERR_MALFORMED or ERR_INVALID name the member. */
int fleet_task_definition_register(struct fleet_engine *e, struct view json, const char *token,
	const char *principal_arn, struct arena *a, const char **ret_arn, struct err *err);

/* Network configuration, launch type or strategy, platform version of a new task set: where `like`
 * names a task set of the service (id), they are that one's, else the service's own. */
struct fleet_task_set_request {
	const char *cluster, *service;
	const char *external_id; /* needed: creating again with the same answers the same set */
	const char *task_definition;
	const struct fleet_attachment *attachments;
	size_t n_attachments;
	double scale; /* per cent, 0 to 100 */
	const char *like;
	const char *started_by; /* CODE_DEPLOY, EXTERNAL */
	/* JSON text of an awsvpcConfiguration that takes the place of the one copied, or NULL. */
	const char *network_configuration;
	const char *platform_version; /* in place of the one copied, or NULL */
	/* JSON text of a capacityProviderStrategy in place of what is copied, or NULL. */
	const char *capacity_providers;
};
int fleet_task_set_create(struct fleet_engine *e, const struct fleet_task_set_request *r,
	struct arena *a, struct fleet_task_set *ret, struct err *err);
/* By id, ARN or external id. */
int fleet_task_set_get(struct fleet_engine *e, const char *cluster, const char *service,
	const char *id, struct arena *a, struct fleet_task_set *ret, struct err *err);
/* Targets of the set's running tasks, over all its target groups: how many are registered, how
 * many of these are healthy, and why the first one is not (NULL when none is unhealthy). A set
 * without target groups has zero of zero. */
struct fleet_task_set_targets {
	int registered, healthy;
	const char *reason;
};
int fleet_task_set_targets(struct fleet_engine *e, const char *cluster, const char *service,
	const char *id, struct arena *a, struct fleet_task_set_targets *ret, struct err *err);
/* The service then shows this set's task definition and load balancers. */
int fleet_task_set_promote(struct fleet_engine *e, const char *cluster, const char *service,
	const char *id, struct err *err);
int fleet_task_set_scale(struct fleet_engine *e, const char *cluster, const char *service,
	const char *id, double scale, struct err *err);
/* The set is DRAINING until its tasks have left and ended (ecs.task-set, status INACTIVE), then
 * gone. A missing one is fine; the primary one is refused unless `force`. */
int fleet_task_set_delete(struct fleet_engine *e, const char *cluster, const char *service,
	const char *id, bool force, struct err *err);

/* Controller ECS: starts a rolling deployment of a task definition (NULL: another of the present
 * one). *ret_deployment: ecs-svc/<19 digits>. The same token answers the same deployment. */
int fleet_service_deploy(struct fleet_engine *e, const char *cluster, const char *service,
	const char *task_definition, const char *token, struct arena *a,
	const char **ret_deployment, struct err *err);
enum fleet_rollout { FLEET_ROLLOUT_IN_PROGRESS, FLEET_ROLLOUT_COMPLETED, FLEET_ROLLOUT_FAILED };
/* A deployment that a newer one has replaced, or that is not known any more, has FAILED, and the
 * reason says so. ecs.service announces each change. */
int fleet_service_rollout(struct fleet_engine *e, const char *cluster, const char *service,
	const char *deployment, struct arena *a, enum fleet_rollout *ret, const char **ret_reason,
	struct err *err);

/* ---- shares of traffic among target groups ---- */

struct fleet_weight {
	const char *target_group; /* name or ARN; answered: ARN */
	int weight;		  /* 0 to 999 */
};
/* Gives these target groups these weights. `where` is a listener's ARN: its default action and
 * each of its rules that forward to one of the groups now; or a rule's ARN: that rule. What does
 * not forward to one of them is left alone; ERR_CONFLICT when nothing does. The data plane has
 * the weights when this returns; doing it again changes nothing. */
int fleet_listener_shift(struct fleet_engine *e, const char *where, const struct fleet_weight *w,
	size_t n, struct err *err);
/* The default action of a listener, or the action of a rule, as groups with weights. */
int fleet_listener_weights(struct fleet_engine *e, const char *where, struct arena *a,
	struct fleet_weight **ret, size_t *ret_n, struct err *err);

/* ---- operations ---- */

#define FLEET_OP(service, op)                                                 \
	int fleet_##service##_##op(struct fleet_engine *e, struct call *call, \
		const struct service##_##op##_request *req,                   \
		struct service##_##op##_response *resp, struct err *err);

/* autoscaling */
FLEET_OP(autoscaling, attach_load_balancer_target_groups)
FLEET_OP(autoscaling, complete_lifecycle_action)
FLEET_OP(autoscaling, create_auto_scaling_group)
FLEET_OP(autoscaling, create_launch_configuration)
FLEET_OP(autoscaling, delete_auto_scaling_group)
FLEET_OP(autoscaling, delete_launch_configuration)
FLEET_OP(autoscaling, delete_lifecycle_hook)
FLEET_OP(autoscaling, describe_auto_scaling_groups)
FLEET_OP(autoscaling, describe_auto_scaling_instances)
FLEET_OP(autoscaling, describe_launch_configurations)
FLEET_OP(autoscaling, describe_lifecycle_hooks)
FLEET_OP(autoscaling, describe_load_balancer_target_groups)
FLEET_OP(autoscaling, detach_load_balancer_target_groups)
FLEET_OP(autoscaling, put_lifecycle_hook)
FLEET_OP(autoscaling, record_lifecycle_action_heartbeat)
FLEET_OP(autoscaling, set_desired_capacity)
FLEET_OP(autoscaling, terminate_instance_in_auto_scaling_group)
FLEET_OP(autoscaling, update_auto_scaling_group)

/* elbv2 */
FLEET_OP(elbv2, add_listener_certificates)
FLEET_OP(elbv2, add_tags)
FLEET_OP(elbv2, create_listener)
FLEET_OP(elbv2, create_load_balancer)
FLEET_OP(elbv2, create_rule)
FLEET_OP(elbv2, create_target_group)
FLEET_OP(elbv2, delete_listener)
FLEET_OP(elbv2, delete_load_balancer)
FLEET_OP(elbv2, delete_rule)
FLEET_OP(elbv2, delete_target_group)
FLEET_OP(elbv2, deregister_targets)
FLEET_OP(elbv2, describe_listener_certificates)
FLEET_OP(elbv2, describe_listeners)
FLEET_OP(elbv2, describe_load_balancer_attributes)
FLEET_OP(elbv2, describe_load_balancers)
FLEET_OP(elbv2, describe_rules)
FLEET_OP(elbv2, describe_tags)
FLEET_OP(elbv2, describe_target_group_attributes)
FLEET_OP(elbv2, describe_target_groups)
FLEET_OP(elbv2, describe_target_health)
FLEET_OP(elbv2, modify_listener)
FLEET_OP(elbv2, modify_load_balancer_attributes)
FLEET_OP(elbv2, modify_rule)
FLEET_OP(elbv2, modify_target_group)
FLEET_OP(elbv2, modify_target_group_attributes)
FLEET_OP(elbv2, register_targets)
FLEET_OP(elbv2, remove_listener_certificates)
FLEET_OP(elbv2, remove_tags)
FLEET_OP(elbv2, set_rule_priorities)

/* ec2 */
FLEET_OP(ec2, create_tags)
FLEET_OP(ec2, delete_tags)
FLEET_OP(ec2, describe_instances)
FLEET_OP(ec2, describe_tags)
FLEET_OP(ec2, terminate_instances)

/* ecs */
FLEET_OP(ecs, create_cluster)
FLEET_OP(ecs, create_service)
FLEET_OP(ecs, create_task_set)
FLEET_OP(ecs, delete_cluster)
FLEET_OP(ecs, delete_service)
FLEET_OP(ecs, delete_task_set)
FLEET_OP(ecs, deregister_task_definition)
FLEET_OP(ecs, describe_capacity_providers)
FLEET_OP(ecs, describe_clusters)
FLEET_OP(ecs, describe_container_instances)
FLEET_OP(ecs, describe_services)
FLEET_OP(ecs, describe_task_definition)
FLEET_OP(ecs, describe_task_sets)
FLEET_OP(ecs, describe_tasks)
FLEET_OP(ecs, list_clusters)
FLEET_OP(ecs, list_container_instances)
FLEET_OP(ecs, list_services)
FLEET_OP(ecs, list_tags_for_resource)
FLEET_OP(ecs, list_task_definition_families)
FLEET_OP(ecs, list_task_definitions)
FLEET_OP(ecs, list_tasks)
FLEET_OP(ecs, put_cluster_capacity_providers)
FLEET_OP(ecs, register_task_definition)
FLEET_OP(ecs, run_task)
FLEET_OP(ecs, stop_task)
FLEET_OP(ecs, tag_resource)
FLEET_OP(ecs, untag_resource)
FLEET_OP(ecs, update_cluster)
FLEET_OP(ecs, update_cluster_settings)
FLEET_OP(ecs, update_service)
FLEET_OP(ecs, update_service_primary_task_set)
FLEET_OP(ecs, update_task_set)

#endif
