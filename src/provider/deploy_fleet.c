/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/deploy_fleet.h"

#include "base/log.h"
#include "base/mem.h"
#include "deploy/deploy.h"

static struct fleet_engine *fleet_of(void *arg)
{
	struct deploy_fleet *w = arg;

	return w->fleet;
}

/* ---- hosts and fleets ---- */

static enum deploy_host_state host_state(enum fleet_host_state state)
{
	switch (state) {
	case FLEET_HOST_PENDING:
		return DEPLOY_HOST_PENDING;
	case FLEET_HOST_WAITING:
		return DEPLOY_HOST_WAITING;
	case FLEET_HOST_RUNNING:
		return DEPLOY_HOST_RUNNING;
	case FLEET_HOST_GONE:
		break;
	}
	return DEPLOY_HOST_GONE;
}

static struct deploy_host to_host(const struct fleet_host *h, struct arena *a)
{
	struct deploy_tag *tags = arena_new_n(a, h->n_tags, struct deploy_tag);

	for (size_t i = 0; i < h->n_tags; i++)
		tags[i] = (struct deploy_tag){h->tags[i].key, h->tags[i].value};
	return (struct deploy_host){
		.id = h->id,
		.fleet = h->group,
		.zone = h->zone,
		.state = host_state(h->state),
		.tags = tags,
		.n_tags = h->n_tags,
	};
}

static int hosts(void *arg, struct arena *a, struct deploy_hosts *ret, struct err *err)
{
	struct fleet_host *found;

	*ret = (struct deploy_hosts){0};
	if (!fleet_of(arg))
		return 0; /* on-premises instances remain */
	if (fleet_hosts(fleet_of(arg), a, &found, &ret->n, err) < 0)
		return -1;
	ret->v = arena_new_n(a, ret->n, struct deploy_host);
	for (size_t i = 0; i < ret->n; i++)
		ret->v[i] = to_host(&found[i], a);
	return 0;
}

static int fleet_size(void *arg, const char *fleet, size_t *ret_desired, struct err *err)
{
	return fleet_group_desired(fleet_of(arg), fleet, ret_desired, err);
}

static int fleet_copy(void *arg, const char *blue, const char *green, size_t size, struct err *err)
{
	return fleet_group_copy(fleet_of(arg), blue, green, size, err);
}

/* Instances are members of target groups; there are no classic load balancers. */
static int refuse_classic(const struct deploy_balancer *b, struct err *err)
{
	if (!b->classic)
		return 0;
	err_set(err, ERR_UNSUPPORTED, "classic load balancer %s is not served", b->name);
	return err_hint(err, "name a target group in targetGroupInfoList");
}

static int fleet_attach(void *arg, const char *green, const struct deploy_balancer *balancers,
	size_t n, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char **names = arena_new_n(&a, n, const char *);

	for (size_t i = 0; i < n; i++) {
		if (refuse_classic(&balancers[i], err) < 0)
			return -1;
		names[i] = balancers[i].name;
	}
	return fleet_group_attach(fleet_of(arg), green, names, n, err);
}

static int fleet_delete(void *arg, const char *fleet, struct err *err)
{
	return fleet_group_delete(fleet_of(arg), fleet, err);
}

static int host_terminate(void *arg, const char *host, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;

	if (fleet_host_terminate(fleet_of(arg), host, &why) == 0 || err_is(&why, ERR_NOT_FOUND))
		return 0;
	return err_move(err, &why);
}

static int launch_end(void *arg, struct db_tx *tx, const struct deploy_launch *l, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char **names = arena_new_n(&a, l->n + 1, const char *);
	struct fleet_launch end = {.instance = l->host,
		.hook = l->hook,
		.abandoned = l->abandoned,
		.target_groups = names};

	for (size_t i = 0; i < l->n; i++)
		if (!l->balancers[i].classic)
			names[end.n++] = l->balancers[i].name;
	return fleet_launch_end(fleet_of(arg), tx, &end, err) < 0 ? -1 : 0;
}

static int fleet_retry(void *arg, struct db_tx *tx, const char *fleet, struct err *err)
{
	return fleet_group_retry(fleet_of(arg), tx, fleet, err);
}

static int launch_hooks(void *arg, struct db_tx *tx, const char *group, struct arena *a,
	const char ***ret, size_t *ret_n, struct err *err)
{
	(void)arg;
	return deploy_launch_hooks(tx, group, a, ret, ret_n, err);
}

static void host_seen(void *arg, const char *host)
{
	struct err why CLEANUP_ERR = ERR_INIT;

	if (fleet_of(arg) && fleet_agent_seen(fleet_of(arg), host, &why) < 0 &&
		!err_is(&why, ERR_NOT_FOUND))
		log_err("deploy", &why, "agent of %s", host);
}

/* ---- traffic ---- */

static int target_register(
	void *arg, const struct deploy_balancer *b, const char *host, struct err *err)
{
	if (refuse_classic(b, err) < 0)
		return -1;
	return fleet_target_register(fleet_of(arg), b->name, host, err);
}

static int target_deregister(
	void *arg, const struct deploy_balancer *b, const char *host, struct err *err)
{
	if (refuse_classic(b, err) < 0)
		return -1;
	return fleet_target_deregister(fleet_of(arg), b->name, host, err);
}

static enum deploy_target_health target_state(enum fleet_target_state state)
{
	switch (state) {
	case FLEET_TARGET_DRAINING:
		return DEPLOY_TARGET_DRAINING;
	case FLEET_TARGET_INITIAL:
		return DEPLOY_TARGET_INITIAL;
	case FLEET_TARGET_HEALTHY:
		return DEPLOY_TARGET_HEALTHY;
	case FLEET_TARGET_UNHEALTHY:
		return DEPLOY_TARGET_UNHEALTHY;
	case FLEET_TARGET_ABSENT:
		break;
	}
	return DEPLOY_TARGET_ABSENT;
}

static int target_health(void *arg, const struct deploy_balancer *b, const char *host,
	struct arena *a, enum deploy_target_health *ret, const char **ret_reason, struct err *err)
{
	enum fleet_target_state state;

	if (refuse_classic(b, err) < 0 ||
		fleet_target_health(fleet_of(arg), b->name, host, a, &state, ret_reason, err) < 0)
		return -1;
	*ret = target_state(state);
	return 0;
}

/* ---- alarms ---- */

static int alarm_active(void *arg, const char *const *names, size_t n, struct arena *a,
	const char **ret_name, struct err *err)
{
	struct deploy_fleet *w = arg;

	return signal_alarm_active(w->signal, names, n, a, ret_name, err);
}

void deploy_fleet_ports(struct deploy_fleet *w, struct deploy_ports *ret)
{
	*ret = (struct deploy_ports){
		.arg = w,
		.hosts = hosts,
		.fleet_size = fleet_size,
		.fleet_copy = fleet_copy,
		.fleet_attach = fleet_attach,
		.fleet_delete = fleet_delete,
		.host_terminate = host_terminate,
		.host_seen = host_seen,
		.target_register = target_register,
		.target_deregister = target_deregister,
		.target_health = target_health,
		.alarm_active = alarm_active,
	};
	deploy_revision_ports(ret);
	deploy_hook_ports(ret);
	if (w->fleet) {
		ret->launch_end = launch_end;
		ret->fleet_retry = fleet_retry;
		fleet_manage_hooks(w->fleet, launch_hooks, w);
		deploy_ecs_ports(ret);
	}
}
