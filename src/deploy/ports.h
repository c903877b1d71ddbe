/* SPDX-License-Identifier: Apache-2.0 */
/* What deployments need from their surroundings: hosts, fleets, load balancers, alarms and
 * revision objects. Implemented over the sibling engines in provider/deploy_fleet.c and, for
 * simulations, in sim/deploy_world.c.
 *
 * Every function may be called from any worker thread, outside of transactions, and more than
 * once for the same wish: asking again for what is already so succeeds. None of them waits for
 * the world. What takes time is learnt by asking again after a journal event said that something
 * happened (`fleet.instance`, `elbv2.target`, `cloudwatch.alarm`; see model/events.txt). Texts
 * and lists that are returned live in the arena. A missing object is ERR_NOT_FOUND, a fault that
 * may pass is ERR_UNAVAILABLE, anything else is final. */
#ifndef TOWPATH_DEPLOY_PORTS_H
#define TOWPATH_DEPLOY_PORTS_H

#include "base/arena.h"
#include "base/err.h"

struct deploy_tag {
	const char *key, *value;
};

enum deploy_host_state {
	DEPLOY_HOST_PENDING, /* starting; may serve later */
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

struct deploy_object {
	const char *etag;    /* without quotes */
	const char *version; /* NULL in a bucket without versions */
	int64_t size;
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

	/* ---- alarms and revisions ---- */

	/* The first of the named alarms that is in state ALARM, or NULL. ERR_NOT_FOUND names an
	 * alarm that does not exist. */
	int (*alarm_active)(void *arg, const char *const *names, size_t n, struct arena *a,
		const char **ret_name, struct err *err);
	/* Looks a bundle up; version NULL: the newest. */
	int (*object_find)(void *arg, const char *bucket, const char *key, const char *version,
		struct arena *a, struct deploy_object *ret, struct err *err);
};

#endif
