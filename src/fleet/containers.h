/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the fleet that run containers share: clusters, task definitions, services,
 * task sets, tasks.
 *
 * A service keeps one or more sets of tasks: with controller ECS its deployments, else its task
 * sets. A task belongs to a set by `startedBy`. `fleet.service` compares what each set wants with
 * what it has and starts or stops tasks; `fleet.task` brings one task from status to status.
 *
 * Invariants
 * 1. A task's status moves by fleet_task_set_status() alone, and each move is in the journal.
 * 2. Whoever wants a task to end sets its desired status; only fleet_task_run() acts on the world,
 *    one run a task at a time.
 * 3. A place (an address and a port where a container's port is reached) belongs to one task until
 *    it is STOPPED and its targets are forgotten. */
#ifndef TOWPATH_FLEET_CONTAINERS_H
#define TOWPATH_FLEET_CONTAINERS_H

#include "fleet/internal.h"

#define FLEET_TASK_SERVICE "fleet.service"
#define FLEET_TASK_RUN "fleet.task"
#define FLEET_TASK_HEALTH "fleet.health"
#define FLEET_TASK_FORGET_SERVICE "fleet.forget-service"
#define FLEET_TASK_FORGET_TASK "fleet.forget-task"
#define FLEET_TASK_COLLECT "fleet.collect"

#define ECS_FORGET_USEC (3600 * USEC_PER_SEC)
#define SET_ID_DIGITS 19

/* ---- platform versions (platform.c) ---- */

/* The version that a task of this launch type (NULL: EC2) has when so is asked for (NULL, LATEST, a
 * number); NULL for EC2, which has none. PlatformUnknownException, InvalidParameterException. */
int fleet_platform_version(
	const char *launch_type, const char *asked, const char **ret, struct err *err);

/* ---- clusters (cluster.c) ---- */

/* name or ARN, NULL: default. ClusterNotFoundException. */
int fleet_cluster_need(struct fleet_engine *e, struct db_tx *tx, const char *name, struct arena *a,
	struct ecs_cluster *ret, struct err *err);
/* The part of an ARN or name behind the last slash. */
const char *fleet_last_part(const char *arn);
/* Whether it may name a cluster, service, family or container: 1 to 255 letters, digits, '-', '_'.
 */
bool fleet_ecs_name(const char *name);
/* A client's token, or none. */
struct fleet_token {
	const char *scope;  /* of the operation: what it works on */
	const char *token;  /* NULL or empty: none */
	const char *digest; /* of the request, or NULL: other parameters are not noticed */
};
/* What an earlier call with the same token made: 1 and its ARN, or 0. ConflictException when that
 * had other parameters. */
int fleet_token_get(struct db_tx *tx, const struct fleet_token *t, struct arena *a,
	const char **ret_arn, struct err *err);
int fleet_token_put(struct db_tx *tx, const struct fleet_token *t, const char *arn, struct arena *a,
	struct err *err);
/* One page of ARNs: those behind next_token, at most max_results (100). */
void fleet_page(const char *const *arns, size_t n, const char *next_token, struct wire_int max,
	struct arena *a, struct ecs_string_list *ret, const char **ret_token);

/* ---- tags (tags.c) ---- */

/* Tags of the resource, in the model's form; none: not set. */
int fleet_tags_of(
	struct db_tx *tx, const char *arn, struct arena *a, struct ecs_tags *ret, struct err *err);
/* In place of those that it had. */
int fleet_tags_put(struct db_tx *tx, const char *arn, const struct ecs_tags *tags, struct arena *a,
	struct err *err);
/* Tags that a user gives: InvalidParameterException for reserved keys and too many. */
int fleet_tags_check(const struct ecs_tags *tags, struct err *err);
/* Where a new task's tags come from. */
struct fleet_task_tags {
	const struct ecs_tags *own; /* stand over those that are handed on; or NULL */
	const char *source_arn;	    /* service or task definition that hands its own on; or NULL */
	bool managed;		    /* and those that ECS gives, which name cluster and service */
	const char *cluster_arn, *service_name; /* service_name: NULL for a task by itself */
};
int fleet_tags_for_task(struct db_tx *tx, const struct fleet_task_tags *from, struct arena *a,
	struct ecs_tags *ret, struct err *err);

/* ---- task definitions (task_definition.c, task_definition_check.c) ---- */

/* "family", "family:revision" or ARN; of a family the newest ACTIVE one. 1, 0, -1. */
int fleet_task_definition_find(struct fleet_engine *e, struct db_tx *tx, const char *name,
	struct arena *a, struct ecs_task_definition *ret, struct err *err);
/* The same, ACTIVE; ClientException. */
int fleet_task_definition_need(struct fleet_engine *e, struct db_tx *tx, const char *name,
	struct arena *a, struct ecs_task_definition *ret, struct err *err);
/* What is not built, and what contradicts itself, is refused by name. */
int fleet_task_definition_check(const struct ecs_task_definition *d, struct err *err);
/* Whether the driver of tasks can run such tasks; ClientException says what it has not. */
int fleet_task_definition_fits(
	const struct fleet_engine *e, const struct ecs_task_definition *d, struct err *err);
/* InvalidParameterException unless tasks of it can be of this launch type in this network. */
int fleet_task_definition_runs(const struct ecs_task_definition *d, const char *launch_type,
	const struct ecs_network_configuration *network, struct err *err);
/* Whether its size and network mode are such as Fargate has; ClientException says why not. */
int fleet_task_definition_fargate(const struct ecs_task_definition *d, struct err *err);
/* Sizes of a task as whole numbers of CPU units and MiB, from such as ".5 vCPU" and "1 GB"; NULL
 * stays NULL. ClientException. */
int fleet_task_size(const char **cpu, const char **memory, struct arena *a, struct err *err);
const struct ecs_container_definition *fleet_container_definition(
	const struct ecs_task_definition *d, const char *name);
bool fleet_container_essential(const struct ecs_container_definition *c);
/* What a task's overrides (or NULL) say of one of its containers, or NULL. */
const struct ecs_container_override *fleet_container_override(
	const struct ecs_task_override *o, const char *name);

/* ---- tasks (task.c) ---- */

enum fleet_task_status {
	TASK_PROVISIONING,
	TASK_PENDING,
	TASK_ACTIVATING,
	TASK_RUNNING,
	TASK_DEACTIVATING,
	TASK_STOPPING,
	TASK_DEPROVISIONING,
	TASK_STOPPED,
	TASK_STATUSES,
};

#define CONTAINER_WAITING "waiting"
#define CONTAINER_RUNNING "running"
#define CONTAINER_STOPPED "stopped"
#define HEALTH_UNKNOWN "UNKNOWN"
#define HEALTH_HEALTHY "HEALTHY"
#define HEALTH_UNHEALTHY "UNHEALTHY"

struct fleet_task {
	struct ecs_task t;
	struct towpath_fleet_task s;
};

/* What a new task is made of. */
struct fleet_task_plan {
	const char *cluster_arn;
	const char *service_arn; /* NULL: run by itself */
	const char *set_id;	 /* deployment or task set; NULL */
	const char *group, *started_by, *launch_type, *platform_version;
	const char *capacity_provider; /* or NULL */
	const struct ecs_task_definition *definition;
	const struct ecs_task_override *overrides; /* or NULL */
	const struct ecs_network_configuration *network;
	const struct ecs_tags *tags;
};
int fleet_task_make(struct fleet_engine *e, struct db_tx *tx, const struct fleet_task_plan *p,
	struct arena *a, struct ecs_task *ret, struct err *err);
/* By ARN. 1, 0, -1. */
int fleet_task_load(struct db_tx *tx, const char *arn, struct arena *a, struct fleet_task *ret,
	struct err *err);
int fleet_task_save(struct db_tx *tx, struct fleet_task *task, struct err *err);
/* Tasks of a service (its ARN), or of a cluster that belong to none (its ARN). */
struct fleet_tasks {
	struct fleet_task *v;
	size_t n;
};
int fleet_tasks_of(struct db_tx *tx, const char *owner, struct arena *a, struct fleet_tasks *ret,
	struct err *err);
/* All tasks of a cluster, or of all clusters (NULL). */
int fleet_tasks_in(struct fleet_engine *e, struct db_tx *tx, const char *cluster, struct arena *a,
	struct fleet_tasks *ret, struct err *err);
enum fleet_task_status fleet_task_status(const struct fleet_task *task);
const char *fleet_task_status_name(enum fleet_task_status status);
bool fleet_task_wanted(const struct fleet_task *task);	 /* desired status RUNNING */
bool fleet_task_has_room(const struct fleet_task *task); /* counts among those that run */
/* Whether a load balancer's target is where the task is reached: at its address, or at the places
 * that its host has given it. */
bool fleet_task_is_target(const struct fleet_task *task, const struct towpath_fleet_target *target);
/* The one setter of a task's status: stores, journals, wakes the service. */
int fleet_task_set_status(struct fleet_engine *e, struct db_tx *tx, struct fleet_task *task,
	enum fleet_task_status status, struct err *err);
/* Desired status STOPPED with a reason; one that is on its way already keeps its own. The task is
 * stored and woken. failed: counted against its set. */
int fleet_task_stop(struct fleet_engine *e, struct db_tx *tx, struct fleet_task *task,
	const char *code, bool failed, const char *reason, struct err *err);
/* Journals a change that is not one of status (health). */
int fleet_task_announce(
	struct fleet_engine *e, struct db_tx *tx, const struct fleet_task *task, struct err *err);
/* 0 when the task is not part of a service. */
int fleet_task_wake_service(
	struct fleet_engine *e, struct db_tx *tx, const struct fleet_task *task, struct err *err);
/* A target's state has changed: if it is a task's, the task and its service are woken. */
int fleet_task_target_changed(struct fleet_engine *e, struct db_tx *tx,
	const struct towpath_fleet_target *t, struct err *err);
char *fleet_task_dir(struct fleet_engine *e, const char *task_arn) MUST_CHECK;
/* Id of its pod in the driver. */
const char *fleet_pod_id(const char *task_arn, struct arena *a);
/* "CLUSTER/ID" of an ARN. */
const char *fleet_task_name(const char *task_arn);
/* The role that its containers act under, or NULL. */
const char *fleet_task_role_of(
	const struct fleet_task *task, const struct ecs_task_definition *definition);
/* Where unpacked layers, and where the output of containers is kept. */
char *fleet_images_dir(struct fleet_engine *e) MUST_CHECK;
char *fleet_task_logs_dir(struct fleet_engine *e) MUST_CHECK;
/* A container's root has ended: wakes its task. */
int fleet_container_ended(struct fleet_engine *e, const char *root_id, struct err *err);
int fleet_forget_task_run(struct durable *d, const struct task *t, void *arg, struct err *err);

/* ---- the task in the world (task_run.c, task_start.c, task_activate.c, task_end.c,
 * task_health.c) ---- */

/* One run of the task fleet.task. */
struct fleet_run {
	struct fleet_engine *e;
	const char *arn;
	struct arena *a;
	struct fleet_task task;
	struct ecs_task_definition definition;
	int64_t wake_usec; /* 0: nothing to wait for but events */
	const struct interrupt *interrupt;
};
int fleet_task_run(struct durable *d, const struct task *t, void *arg, struct err *err);
/* Stores what the run has found or done; who asked for the task's end meanwhile is heeded. */
int fleet_run_commit(struct fleet_run *r, struct err *err);
int fleet_run_commit_status(struct fleet_run *r, enum fleet_task_status status, struct err *err);
/* An engine that cannot be asked now: the run is to be tried again. */
bool fleet_run_engine_away(const struct fleet_run *r, const struct err *err);
/* As fleet_task_stop(), on the run's own copy and in a step of its own. */
int fleet_run_stop(struct fleet_run *r, const char *code, const char *reason, struct err *err);
/* Starts the containers whose dependencies are met. 1: something has changed, 0: waits. */
int fleet_run_start(struct fleet_run *r, struct err *err);
/* One step of ending. 1: something has changed, 0: waits. */
int fleet_run_end(struct fleet_run *r, struct err *err);
/* Finds out which containers have ended. 1: some have. */
int fleet_run_observe(struct fleet_run *r, struct err *err);
/* Finds out where the task is reached, registers it where its service wants, and calls it RUNNING.
 * 1: something has changed, 0: waits. */
int fleet_run_activate(struct fleet_run *r, struct err *err);
/* Who asked for the end meanwhile, and who checked the health, did so in the store alone. */
int fleet_run_heed(struct fleet_run *r, struct db_tx *tx, struct err *err);
const char *fleet_run_hostname(struct fleet_run *r);
/* Shows an address as that of the task's network interface. */
void fleet_run_show_address(struct fleet_run *r, const char *address);
void fleet_run_wake_at(struct fleet_run *r, int64_t usec);
struct ecs_container *fleet_run_container(struct fleet_run *r, const char *name);
char *fleet_container_dir(struct fleet_run *r, const struct towpath_fleet_container *c) MUST_CHECK;
struct compute_pod fleet_run_pod(struct fleet_run *r);
#define FLEET_STOP_TIMEOUT_SEC 30
#define FLEET_HEALTH_INTERVAL_SEC 30
#define FLEET_HEALTH_TIMEOUT_SEC 5
#define FLEET_HEALTH_RETRIES 3
int fleet_health_run(struct durable *d, const struct task *t, void *arg, struct err *err);
int fleet_health_begin(struct fleet_engine *e, struct db_tx *tx, const struct fleet_task *task,
	const struct ecs_task_definition *d, struct err *err);

/* One check of a container's health and what follows. Pure. */
struct fleet_health {
	int failures; /* in a row */
	const char *status;
};
void fleet_health_decide(struct fleet_health *h, bool passed, int retries, int64_t running_usec,
	int64_t start_period_usec);

/* Image of a container, unpacked. digest NULL: the one the reference names now. The error is the
 * task's stopped reason. */
struct image;
int fleet_image_prepare(struct fleet_run *r, const char *reference, const char *digest,
	struct image *ret, struct err *err);

/* ---- collection (collect.c) ---- */

/* Layers that have not been used for long, and output whose log stream is gone or whose log group
 * keeps it no longer. */
int fleet_collect_run(struct durable *d, const struct task *t, void *arg, struct err *err);

/* ---- services (service.c, service_decide.c, service_run.c) ---- */

#define SERVICE_ACTIVE "ACTIVE"
#define SERVICE_DRAINING "DRAINING"
#define SERVICE_INACTIVE "INACTIVE"
#define SET_PRIMARY "PRIMARY"
#define SET_ACTIVE "ACTIVE"
#define SET_DRAINING "DRAINING"
#define ROLLOUT_IN_PROGRESS "IN_PROGRESS"
#define ROLLOUT_COMPLETED "COMPLETED"
#define ROLLOUT_FAILED "FAILED"

int fleet_service_find(struct fleet_engine *e, struct db_tx *tx, const char *cluster,
	const char *name, struct arena *a, struct ecs_service *ret, struct err *err);
/* ACTIVE; ServiceNotFoundException, ServiceNotActiveException. */
int fleet_service_need(struct fleet_engine *e, struct db_tx *tx, const char *cluster,
	const char *name, struct arena *a, struct ecs_service *ret, struct err *err);
int fleet_service_save(struct db_tx *tx, const struct ecs_service *s, struct err *err);
enum fleet_controller fleet_service_controller(const struct ecs_service *s);
/* A line of the service's events. */
void fleet_service_event(struct fleet_engine *e, struct ecs_service *s, struct arena *a,
	const char *fmt, ...) PRINTF_LIKE(4, 5);
/* ecs.service in the journal. */
int fleet_service_announce(struct fleet_engine *e, struct db_tx *tx, const struct ecs_service *s,
	const char *event, const char *deployment, const char *reason, struct err *err);
/* A fresh "ecs-svc/<19 digits>". */
const char *fleet_set_id(struct arena *a);
/* What is kept of a set beside its document; zeroed with its id when there is nothing. */
int fleet_set_get(struct db_tx *tx, const char *id, const char *service_arn, struct arena *a,
	struct towpath_fleet_set *ret, struct err *err);
int fleet_set_put(struct db_tx *tx, const struct towpath_fleet_set *s, struct err *err);
/* A new PRIMARY deployment of a service with controller ECS; the caller saves the service. */
struct ecs_deployment *fleet_deployment_add(
	struct fleet_engine *e, struct ecs_service *s, struct arena *a);
struct fleet_counts {
	int running, pending, stopping;
	bool healthy; /* all running ones, as far as they have health checks */
};
/* Of one set, or of all (NULL). */
struct fleet_counts fleet_counts_of(const struct fleet_tasks *tasks, const char *set_id);
int fleet_service_run(struct durable *d, const struct task *t, void *arg, struct err *err);
int fleet_forget_service_run(struct durable *d, const struct task *t, void *arg, struct err *err);
/* Starts a rolling deployment, as UpdateService does. */
int fleet_service_roll(struct fleet_engine *e, struct db_tx *tx, struct ecs_service *s,
	const struct ecs_task_definition *d, struct arena *a, const char **ret_id, struct err *err);
/* Fills in counts, task sets, tags, for describing. */
int fleet_service_complete(struct fleet_engine *e, struct db_tx *tx, struct ecs_service *s,
	bool tags, struct arena *a, struct err *err);
int fleet_load_balancers_check(struct db_tx *tx, const struct ecs_load_balancers *l,
	const struct ecs_task_definition *d, struct arena *a, struct err *err);

/* ---- alarms of rolling deployments (service_alarm.c) ---- */

int fleet_service_alarms_check(const struct ecs_deployment_configuration *c,
	enum fleet_controller controller, struct err *err);
/* A deployment starts: one of its alarms that is in ALARM now leaves it unwatched. */
int fleet_service_alarms_begin(struct fleet_engine *e, struct db_tx *tx, struct ecs_service *s,
	const struct ecs_deployment *d, struct arena *a, struct err *err);
/* The deployment is not watched: a rollback is what answers alarms. */
int fleet_service_alarms_ignore(struct db_tx *tx, const struct ecs_service *s,
	const struct ecs_deployment *d, struct arena *a, struct err *err);
/* The alarms that the newest deployment is watched by, or NULL. set: what is kept of it. */
const struct ecs_deployment_alarms *fleet_service_alarms(
	const struct ecs_service *s, const struct towpath_fleet_set *set);
/* How long a deployment is watched after its last task is healthy: what these alarms look back
 * over, the longest of them; 0 when none exists. */
int fleet_service_bake_usec(struct fleet_engine *e, struct db_tx *tx,
	const struct ecs_deployment_alarms *alarms, int64_t *ret_usec, struct err *err);
/* Before durable_start(): hears of alarms. */
void fleet_service_alarms_watch(struct fleet_engine *e);

/* ---- deciding (service_decide.c); all pure ---- */

enum fleet_member_state {
	MEMBER_STARTING,
	MEMBER_SETTLING, /* runs, but too short a time or not yet known to be healthy */
	MEMBER_HEALTHY,
	MEMBER_UNHEALTHY,
};
struct fleet_roll_member {
	bool primary; /* of the newest deployment */
	enum fleet_member_state state;
	int64_t created_usec;
};
struct fleet_roll {
	int desired, minimum_percent, maximum_percent;
	const struct fleet_roll_member *v; /* tasks that are wanted */
	size_t n;
	/* The deployment has failed: no more tasks are started, and those of earlier deployments
	 * that serve stay as long as any are desired. */
	bool halted;
};
struct fleet_roll_decision {
	int start;
	bool *stop; /* stop[i], n entries, by the caller, zeroed */
	bool done;  /* the primary deployment alone, complete and healthy */
	bool stuck; /* neither starting nor stopping is possible, and nothing is under way */
};
void fleet_roll_decide(const struct fleet_roll *r, struct fleet_roll_decision *ret);
/* Failures after which a deployment has failed. */
int fleet_breaker_threshold(int desired);
/* How long to wait with the next start after so many failures in a row. */
int64_t fleet_backoff_usec(int failures);
int fleet_computed_desired(int desired, double scale_percent);

/* ---- task sets (task_set.c) ---- */

/* By id, ARN or external id: 1, 0, -1. */
int fleet_task_set_find(struct db_tx *tx, const char *service_arn, const char *id, struct arena *a,
	struct ecs_task_set *ret, struct err *err);
int fleet_task_set_put(struct db_tx *tx, const struct ecs_task_set *s, struct err *err);
int fleet_task_sets_of(struct db_tx *tx, const char *service_arn, struct arena *a,
	struct ecs_task_sets *ret, struct err *err);
int fleet_task_set_announce(struct fleet_engine *e, struct db_tx *tx, const struct ecs_task_set *s,
	const char *status, const char *reason, struct err *err);
/* Stores a new set and wakes the service. Everything but ids, status and times is the caller's. */
int fleet_task_set_add(struct fleet_engine *e, struct db_tx *tx, const struct ecs_service *s,
	struct ecs_task_set *set, struct arena *a, struct err *err);
int fleet_task_set_end(struct fleet_engine *e, struct db_tx *tx, struct ecs_task_set *set,
	bool force, struct err *err);
int fleet_task_set_lead(struct fleet_engine *e, struct db_tx *tx, struct ecs_service *s,
	const char *id, struct arena *a, struct err *err);

/* First address of the subnet that nothing has, or NULL. */
char *fleet_address_free(
	struct fleet_engine *e, struct db_tx *tx, struct arena *a, struct err *err);

#endif
