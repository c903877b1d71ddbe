/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the fleet engine share. */
#ifndef TOWPATH_FLEET_INTERNAL_H
#define TOWPATH_FLEET_INTERNAL_H

#include <pthread.h>

#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"
#include "fleet/fleet.h"
#include "store/document.h"
#include "towpath.gen.h"

struct fleet_engine {
	struct fleet_config cfg;
	struct durable *durable;
	struct arena arena; /* strings of cfg */
	char subnet[16], gateway[20], bridge[16];
	fleet_hooks_fn managed_hooks; /* lifecycle.c; NULL: none */
	void *managed_hooks_arg;

	pthread_mutex_t lock; /* roots, running */
	struct map roots;     /* instance id: struct compute_root */
	int epoll_fd, wake_fd;
	int traffic_fd; /* readable once the data plane ended; -1: none (traffic_lock) */
	pthread_t watcher, sampler;
	bool running;

	pthread_mutex_t sample_lock; /* stopping, hurry */
	pthread_cond_t sample_cond;
	bool stopping;

	pthread_mutex_t traffic_lock; /* serialises the data plane and what follows */
	struct map watched;	      /* "pool/server": struct fleet_watched */
	struct map hosts;	      /* target group: struct fleet_hosts_sent */
	struct map usage;	      /* task: what it had used at the last look (usage.c) */
	int64_t usage_minute;	      /* of that look, on the one clock */
	int64_t looked_usec;	      /* the last look at its counters, on the one clock */
	int64_t complete_sec;	      /* the second of the last metrics */
};

/* ---- steps ---- */

/* An operation on its way into a step. */
struct fleet_op {
	struct fleet_engine *e;
	struct call *call;
	const void *req;
	void *resp;
};
#define FLEET_OP_ARGS(service, op)                                   \
	struct fleet_op *o_ = arg;                                   \
	struct fleet_engine *e UNUSED = o_->e;                       \
	struct call *call UNUSED = o_->call;                         \
	struct arena *a UNUSED = o_->call->arena;                    \
	const struct service##_##op##_request *req UNUSED = o_->req; \
	struct service##_##op##_response *resp UNUSED = o_->resp
/* Defines the public operation over op##_step(tx, arg, err). */
#define FLEET_DEFINE(service, op, runner)                                     \
	int fleet_##service##_##op(struct fleet_engine *e, struct call *call, \
		const struct service##_##op##_request *req,                   \
		struct service##_##op##_response *resp, struct err *err)      \
	{                                                                     \
		struct fleet_op o = {e, call, req, resp};                     \
                                                                              \
		return runner(e, op##_step, &o, err);                         \
	}
int fleet_write(struct fleet_engine *e, db_fn fn, void *arg, struct err *err);
int fleet_read(struct fleet_engine *e, db_fn fn, void *arg, struct err *err);

/* ---- pages (page.c) ---- */

/* A list of a response, complete and in its order; id_offset: where an item's id, a const char *,
 * stands in it. */
struct fleet_list {
	void *v;
	size_t *n, item_size, id_offset;
};
#define FLEET_LIST(list, id)   \
	(&(struct fleet_list){ \
		(list)->v, &(list)->n, sizeof(*(list)->v), offsetof(typeof(*(list)->v), id)})
/* What a service says about pages. */
struct fleet_pages {
	const char *size_name, *bad_size, *bad_token; /* the parameter; wire names of errors */
	int64_t low, high, dflt;		      /* dflt 0: all */
};
extern const struct fleet_pages FLEET_PAGES_AUTOSCALING, FLEET_PAGES_EC2, FLEET_PAGES_ELBV2;
/* Leaves the page asked for in the list; *ret_next is set when more follow. */
int fleet_page_cut(const struct fleet_pages *p, const struct fleet_list *l, const char *token,
	struct wire_int size, struct arena *a, const char **ret_next, struct err *err);

/* ---- names and tasks (fleet.c) ---- */

#define FLEET_TASK_GROUP "fleet.group"
#define FLEET_TASK_INSTANCE "fleet.instance"
#define FLEET_TASK_FORGET "fleet.forget"
#define FLEET_TASK_TRAFFIC "fleet.traffic"
#define FLEET_TASK_TARGET "fleet.target"

/* Has the one task of the kind and subject run at due_usec (0: now) or before (D5 of durable.h). */
int fleet_wake(struct fleet_engine *e, struct db_tx *tx, const char *kind, const char *subject,
	int64_t due_usec, struct err *err);
char *fleet_arn(struct fleet_engine *e, struct arena *a, const char *service, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* ---- instances (instance.c, launch.c, watch.c) ---- */

#define INSTANCE_PENDING "pending"
#define INSTANCE_RUNNING "running"
#define INSTANCE_STOPPING "shutting-down"
#define INSTANCE_GONE "terminated"

int fleet_instance_get(struct db_tx *tx, const char *id, struct arena *a,
	struct towpath_fleet_instance *ret, struct err *err);
int fleet_instance_put(struct db_tx *tx, const struct towpath_fleet_instance *i, struct err *err);
/* The one setter of an instance's state: checks the transition, stores, journals. */
int fleet_instance_set_state(struct fleet_engine *e, struct db_tx *tx,
	struct towpath_fleet_instance *i, const char *state, const char *reason, struct err *err);
/* New, pending, with its launch task. */
int fleet_instance_make(struct fleet_engine *e, struct db_tx *tx,
	const struct autoscaling_auto_scaling_group *g, struct arena *a, struct err *err);
/* Pending or running to shutting-down, targets draining, with its task; others are left. */
int fleet_instance_stop(struct fleet_engine *e, struct db_tx *tx, struct towpath_fleet_instance *i,
	const char *reason, struct arena *a, struct err *err);
bool fleet_instance_live(const struct towpath_fleet_instance *i);
/* Whether it runs and waits for no lifecycle hook, or waits for one (lifecycle.c). */
bool fleet_instance_in_service(const struct towpath_fleet_instance *i);
bool fleet_instance_waits(const struct towpath_fleet_instance *i);
/* What has become of it is an event of its group as well. */
int fleet_instance_journal_group(struct fleet_engine *e, struct db_tx *tx,
	const struct towpath_fleet_instance *i, const char *what, struct err *err);
char *fleet_instance_dir(struct fleet_engine *e, const char *id) MUST_CHECK;
int fleet_instance_run(struct durable *d, const struct task *t, void *arg, struct err *err);
int fleet_forget_run(struct durable *d, const struct task *t, void *arg, struct err *err);
/* Takes the root over into the engine's care. */
void fleet_watch_root(struct fleet_engine *e, const char *id, struct compute_root *root);
/* Out of the engine's care; NULL when it was not there. */
struct compute_root *fleet_unwatch_root(struct fleet_engine *e, const char *id);
bool fleet_watched_root(struct fleet_engine *e, const char *id);
int fleet_watch_start(struct fleet_engine *e, struct err *err);
/* After the data plane was brought to a plan: it is started anew when it ends. */
void fleet_watch_traffic(struct fleet_engine *e);
void fleet_watch_stop(struct fleet_engine *e);

/* ---- containers (containers.h has the rest) ---- */

/* An address or room has become free: tasks that wait for one look again. */
int fleet_tasks_wake_waiting(struct fleet_engine *e, struct db_tx *tx, struct err *err);

/* ---- groups (group.c) ---- */

struct fleet_member {
	bool running;
	int64_t launch_usec;
	bool unhealthy;
};
/* How many to launch, and whom to stop: stop[i] is set for the members chosen. Pure. */
size_t fleet_group_decide(size_t desired, const struct fleet_member *members, size_t n, bool *stop);
/* A launch that a lifecycle hook has abandoned. */
struct fleet_abandoned {
	int64_t launch_usec, end_usec;
};
/* When the group may launch again after these, which it sorts; 0: none were. The pause grows with
 * each round, which is all that were launched before the first of them had ended. Pure. */
int64_t fleet_group_backoff(struct fleet_abandoned *v, size_t n);
int fleet_group_run(struct durable *d, const struct task *t, void *arg, struct err *err);
int fleet_group_get(struct db_tx *tx, const char *name, struct arena *a,
	struct autoscaling_auto_scaling_group *ret, struct err *err);
/* The API's error when there is no such group. */
int fleet_group_need(struct db_tx *tx, const char *name, struct arena *a,
	struct autoscaling_auto_scaling_group *ret, struct err *err);
int fleet_group_put(
	struct db_tx *tx, const struct autoscaling_auto_scaling_group *g, struct err *err);
/* Adds the target group to g (the caller stores it) and registers g's running instances. */
int fleet_group_attach_arn(struct fleet_engine *e, struct db_tx *tx,
	struct autoscaling_auto_scaling_group *g, const struct elbv2_target_group *tg,
	struct arena *a, struct err *err);
#define GROUP_DELETING "Delete in progress"

/* ---- target groups and targets (target.c) ---- */

#define TARGET_INITIAL "initial"
#define TARGET_HEALTHY "healthy"
#define TARGET_UNHEALTHY "unhealthy"
#define TARGET_DRAINING "draining"
#define TARGET_UNUSED "unused"

/* Attributes of a target group by which clients stick to a target. */
#define FLEET_DELETION_PROTECTION "deletion_protection.enabled"
#define FLEET_IDLE_TIMEOUT "idle_timeout.timeout_seconds"
#define FLEET_HTTP2 "routing.http2.enabled"
#define FLEET_STICKINESS_ENABLED "stickiness.enabled"
#define FLEET_STICKINESS_DURATION "stickiness.lb_cookie.duration_seconds"
#define FLEET_STICKINESS_SECONDS 86400
int fleet_target_group_by_name(struct db_tx *tx, const char *name, struct arena *a,
	struct elbv2_target_group *ret, struct err *err);
/* The load balancer whose listener or rule forwards to the group, or NULL. */
int fleet_target_group_balancer(
	struct db_tx *tx, const char *arn, struct arena *a, const char **ret, struct err *err);
const char *fleet_target_group_attribute(
	struct db_tx *tx, const char *arn, const char *key, struct arena *a, struct err *err);
/* port 0: the group's. */
int fleet_target_add(struct fleet_engine *e, struct db_tx *tx, const struct elbv2_target_group *tg,
	const char *target_id, int port, struct arena *a, struct err *err);
/* port 0: all ports. Unknown is fine. */
int fleet_target_drain(struct fleet_engine *e, struct db_tx *tx,
	const struct elbv2_target_group *tg, const char *target_id, int port, struct arena *a,
	struct err *err);
/* All targets of an instance or address, in all groups; port 0: all ports; at once: without waiting
 * for requests. */
int fleet_targets_drain_all(struct fleet_engine *e, struct db_tx *tx, const char *target_id,
	int port, bool at_once, struct arena *a, struct err *err);
/* 1 while one of these targets is not drained; *ret_until when that ends at the latest. */
int fleet_targets_busy(struct db_tx *tx, const char *target_id, int port, struct arena *a,
	int64_t *ret_until, struct err *err);
/* The one setter of a target's state: stores and journals; drained means it has left. */
int fleet_target_set_state(struct fleet_engine *e, struct db_tx *tx, struct towpath_fleet_target *t,
	const char *state, const char *reason, const char *description, struct err *err);
char *fleet_target_key(struct arena *a, const struct towpath_fleet_target *t);
int fleet_target_run(struct durable *d, const struct task *t, void *arg, struct err *err);

/* ---- data plane (plan.c, sample.c) ---- */

/* A server that is in the data plane. */
struct fleet_watched {
	char *key;	     /* of the target in the store */
	char *target_group;  /* targetgroup/name/id */
	char *load_balancer; /* app/name/id or NULL */
	char *state;
	bool draining;
	int idle_rounds; /* draining: looks without a request under way */
	struct traffic_server_stat last;
	bool seen;
};
void fleet_watched_free(void *watched);
/* The counts of hosts that were last sent as metrics. */
struct fleet_hosts_sent {
	int64_t healthy, unhealthy, usec;
};
/* Where a load balancer's listeners are; of the configuration. */
const char *fleet_balancer_address(
	const struct fleet_engine *e, const struct elbv2_load_balancer *lb);
/* An attribute's value among those that were set, or NULL (attribute.c). */
const char *fleet_attribute_get(const struct towpath_string_map *m, const char *key);
struct fleet_tls_policy {
	const char *name, *min, *max; /* "TLSv1.2" */
};
/* NULL: there is none of that name. */
const struct fleet_tls_policy *fleet_tls_policy(const char *name);
/* The plan for what is stored now; shares are by rule. Everything in the arena. */
struct fleet_plan {
	struct traffic_plan plan;
	struct fleet_planned *servers; /* one for each server of the plan */
	size_t n_servers;
};
struct fleet_planned {
	const char *key; /* "pool/server" */
	const char *target_group_name, *target_group_arn, *load_balancer_arn;
	const struct towpath_fleet_target *target;
};
int fleet_plan_make(struct fleet_engine *e, struct db_tx *tx, struct arena *a,
	struct fleet_plan *ret, struct err *err);
/* Brings the data plane to what is stored. */
int fleet_traffic_apply(struct fleet_engine *e, struct err *err);
int fleet_traffic_run(struct durable *d, const struct task *t, void *arg, struct err *err);
/* Tells what services use, once a minute; the sampler's alone. */
int fleet_usage_look(struct fleet_engine *e, struct err *err);
void fleet_sampler_hurry(struct fleet_engine *e);
/* What the data plane counted before this server looked is not counted. */
int fleet_sampler_begin(struct fleet_engine *e, struct err *err);
void *fleet_sampler_main(void *arg);
/* Names of pools in the data plane and of a target group in dimensions. */
char *fleet_pool_name(struct arena *a, const char *target_group_name);
/* "targetgroup/name/id" from an ARN, "app/name/id" from a load balancer's. */
const char *fleet_dimension(const char *arn);

#endif
