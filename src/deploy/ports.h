/* SPDX-License-Identifier: Apache-2.0 */
/* What deployments need from their surroundings: hosts, fleets, load balancers, container
 * services, alarms, hooks and revision objects. Implemented over the sibling engines in
 * provider/deploy_fleet.c, deploy_ecs.c and deploy_hook.c and, for simulations, in
 * sim/deploy_world.c and sim/deploy_service.c.
 *
 * Every function may be called from any worker thread, outside of transactions (but those that are
 * a part of the caller's step), and more than once for the same wish: asking again for what is
 * already so succeeds. None of them waits for the world. What takes time is learnt by asking again
 * after a journal event said that something happened (`fleet.instance`, `elbv2.target`,
 * `ecs.task-set`, `codebuild.build`, `cloudwatch.alarm`; see model/events.txt). Texts and lists
 * that are returned live in the arena. A missing object is ERR_NOT_FOUND, a fault that may pass is
 * ERR_UNAVAILABLE, anything else is final. */
#ifndef TOWPATH_DEPLOY_PORTS_H
#define TOWPATH_DEPLOY_PORTS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "db/db.h"

struct deploy_tag {
	const char *key, *value;
};

enum deploy_host_state {
	DEPLOY_HOST_PENDING, /* starting; may serve later */
	DEPLOY_HOST_WAITING, /* up, not in service: waits for lifecycle hooks of its fleet */
	DEPLOY_HOST_RUNNING, /* up: its agent can be expected to poll */
	DEPLOY_HOST_GONE,    /* stopping, stopped or terminated */
};

struct deploy_host {
	const char *id;	   /* i-0123... */
	const char *fleet; /* name of its Auto Scaling group, or NULL */
	const char *zone;  /* availability zone, or NULL */
	enum deploy_host_state state;
	const struct deploy_tag *tags;
	size_t n_tags;
};

struct deploy_hosts {
	struct deploy_host *v;
	size_t n;
};

/* Where the traffic of a deployment group passes: a target group, or a classic load balancer. */
struct deploy_balancer {
	const char *name;
	bool classic; /* elbInfoList instead of targetGroupInfoList */
};

enum deploy_target_health {
	DEPLOY_TARGET_ABSENT,	/* not registered, or drained: gets no request any more */
	DEPLOY_TARGET_DRAINING, /* deregistered, requests under way */
	DEPLOY_TARGET_INITIAL,	/* registered, not yet known to be healthy */
	DEPLOY_TARGET_HEALTHY,	/* gets requests */
	DEPLOY_TARGET_UNHEALTHY,
};

/* Under whom a revision is read. */
struct deploy_reader {
	const char *role_arn;  /* the deployment group's */
	const char *group_arn; /* what it is read for */
	const char *deployment_id;
};

struct deploy_object {
	const char *etag;    /* without quotes */
	const char *version; /* NULL in a bucket without versions */
	int64_t size;
};

/* ---- container services ---- */

enum deploy_set_status { DEPLOY_SET_PRIMARY, DEPLOY_SET_ACTIVE, DEPLOY_SET_DRAINING };

/* A task set: one version of a service. */
struct deploy_set {
	const char *id;		 /* ecs-svc/0123... */
	const char *external_id; /* the deployment that made it, or NULL */
	const char *task_definition;
	const char *target_group; /* name, or NULL */
	enum deploy_set_status status;
	int desired, pending, running;
	bool steady;	      /* all tasks that are wanted run, and no others */
	int targets, healthy; /* of its running tasks: registered with the target group, healthy */
	int failed;	      /* tasks that ended by themselves or did not come up */
	const char *trouble;  /* why the last one did, or a target is not healthy; or NULL */
};

struct deploy_service {
	const char *arn, *cluster, *name;
	bool active;
	bool code_deploy;	 /* its deployment controller is CODE_DEPLOY */
	struct deploy_set *sets; /* oldest first */
	size_t n;
};

/* What a new task set is made from. What is NULL is as in the service's primary set. */
struct deploy_set_wish {
	const char *cluster, *service;
	const char *external_id; /* asking again with the same one is fine */
	const char *task_definition;
	const char *target_group, *container;
	int port;
	const char *like; /* id of the set whose settings it takes over */
	const char *platform_version;
	const char *network_configuration; /* JSON of ecs' AwsVpcConfiguration */
	const char *capacity_providers;	   /* JSON of ecs' CapacityProviderStrategy */
};

struct deploy_container {
	const char *name;
	const int *ports; /* that it listens on */
	size_t n_ports;
};

struct deploy_task_definition {
	const char *arn;
	bool active;
	struct deploy_container *containers;
	size_t n;
};

/* How a listener's requests are shared: `group` gets `weight` in 100, the other group the rest. */
struct deploy_shift {
	const char *listener; /* ARN */
	const char *group, *other;
	int weight;
};

/* ---- hooks ---- */

enum deploy_hook_kind { DEPLOY_HOOK_BUILD, DEPLOY_HOOK_SCRIPT };

struct deploy_hook_wish {
	const char *id; /* of the invocation; asking again with the same one is fine */
	enum deploy_hook_kind kind;
	const char *what; /* name of the build project, or path of the script in the revision */
	const char *deployment_id, *application, *group, *event;
	const char *bucket, *key, *version; /* the revision's object, of a script */
};

enum deploy_hook_state { DEPLOY_HOOK_RUNS, DEPLOY_HOOK_SUCCEEDED, DEPLOY_HOOK_FAILED };

/* A launched instance need not wait any more for a lifecycle hook. */
struct deploy_launch {
	const char *host, *hook;
	const char *abandoned;			 /* why it must not go in service; NULL: it may */
	const struct deploy_balancer *balancers; /* that it is registered with then */
	size_t n;
};

struct deploy_ports {
	void *arg;

	/* ---- hosts and fleets ---- */

	/* All instances of the account that are not gone, with their tags and fleets. */
	int (*hosts)(void *arg, struct arena *a, struct deploy_hosts *ret, struct err *err);
	/* Whether the Auto Scaling group exists (ERR_NOT_FOUND), and how many instances it wants.
	 */
	int (*fleet_size)(void *arg, const char *fleet, size_t *ret_desired, struct err *err);
	/* Makes Auto Scaling group `green` after the pattern of `blue` with `size` fresh instances.
	 * It is not attached to blue's target groups yet: the deployment registers the instances
	 * itself when they are ready. A group `green` that exists is left as it is. */
	int (*fleet_copy)(
		void *arg, const char *blue, const char *green, size_t size, struct err *err);
	/* Green takes over: instances that it launches from now on are registered with these. */
	int (*fleet_attach)(void *arg, const char *green, const struct deploy_balancer *balancers,
		size_t n, struct err *err);
	/* Deletes the group and terminates its instances; a missing one is fine. */
	int (*fleet_delete)(void *arg, const char *fleet, struct err *err);
	/* Terminates one instance; a missing one is fine. */
	int (*host_terminate)(void *arg, const char *host, struct err *err);
	/* Ends the wait of `autoscaling.lifecycle`; one that is over is fine. A part of the
	 * caller's step. NULL in a world whose fleets have no hooks. */
	int (*launch_end)(
		void *arg, struct db_tx *tx, const struct deploy_launch *l, struct err *err);
	/* The fleet may launch again what was abandoned, at once. A part of the caller's step. NULL
	 * with launch_end. */
	int (*fleet_retry)(void *arg, struct db_tx *tx, const char *fleet, struct err *err);
	/* The agent of this instance has asked for commands. */
	void (*host_seen)(void *arg, const char *host);

	/* ---- traffic ---- */

	/* Starts registering (the health check decides when it gets requests). */
	int (*target_register)(
		void *arg, const struct deploy_balancer *b, const char *host, struct err *err);
	/* Starts draining; an unknown target is fine. */
	int (*target_deregister)(
		void *arg, const struct deploy_balancer *b, const char *host, struct err *err);
	/* *ret_reason (may be NULL) says why a target is not healthy, in words. */
	int (*target_health)(void *arg, const struct deploy_balancer *b, const char *host,
		struct arena *a, enum deploy_target_health *ret, const char **ret_reason,
		struct err *err);

	/* ---- container services: NULL in a server that runs none ---- */

	/* The service and its task sets. */
	int (*service_get)(void *arg, const char *cluster, const char *service, struct arena *a,
		struct deploy_service *ret, struct err *err);
	/* By ARN, family:revision or family. */
	int (*task_definition_get)(void *arg, const char *name, struct arena *a,
		struct deploy_task_definition *ret, struct err *err);
	/* Starts making a task set of full scale; *ret_id names it. */
	int (*set_create)(void *arg, const struct deploy_set_wish *wish, struct arena *a,
		const char **ret_id, struct err *err);
	/* The service shows this set from now on. */
	int (*set_promote)(void *arg, const char *cluster, const char *service, const char *id,
		struct err *err);
	/* Starts draining and ending its tasks, then it is gone; a missing one is fine. */
	int (*set_delete)(void *arg, const char *cluster, const char *service, const char *id,
		struct err *err);
	/* The default action of the listener and all of its rules that forward to one of the two
	 * groups share so; the next request already does when this returns. ERR_CONFLICT when the
	 * listener forwards to neither. */
	int (*listener_shift)(void *arg, const struct deploy_shift *shift, struct err *err);
	/* *ret: whether the listener forwards to this target group, with whatever weight. */
	int (*listener_forwards)(
		void *arg, const char *listener, const char *group, bool *ret, struct err *err);

	/* ---- hooks ---- */

	/* Starts a build or script; *ret_run names the run. */
	int (*hook_start)(void *arg, const struct deploy_hook_wish *wish, struct arena *a,
		const char **ret_run, struct err *err);
	/* *ret_why: when it failed, what did, in words. */
	int (*hook_look)(void *arg, const char *run, struct arena *a, enum deploy_hook_state *ret,
		const char **ret_why, struct err *err);
	/* Ends it; one that has ended, or is unknown, is fine. */
	int (*hook_stop)(void *arg, const char *run, struct err *err);

	/* ---- alarms and revisions ---- */

	/* The first of the named alarms that is in state ALARM, or NULL. ERR_NOT_FOUND names an
	 * alarm that does not exist. */
	int (*alarm_active)(void *arg, const char *const *names, size_t n, struct arena *a,
		const char **ret_name, struct err *err);
	/* Looks a bundle up; version NULL: the newest. ERR_DENIED when a policy denies it to the
	 * group's role. */
	int (*object_find)(void *arg, const struct deploy_reader *by, const char *bucket,
		const char *key, const char *version, struct arena *a, struct deploy_object *ret,
		struct err *err);
	/* Reads the AppSpec of a revision: the object itself (bundle type YAML or JSON), or from
	 * the archive that it is appspec.yaml, appspec.yml or appspec.json. *ret_name: for
	 * messages. ERR_NOT_FOUND: no object, or no such file in it; ERR_TOO_LARGE; ERR_DENIED. */
	int (*appspec_read)(void *arg, const struct deploy_reader *by, const char *bucket,
		const char *key, const char *version, const char *bundle_type, struct arena *a,
		const char **ret_name, struct str *ret, struct err *err);
};

#endif
