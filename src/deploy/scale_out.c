/* SPDX-License-Identifier: Apache-2.0 */
/* Scale-out: an instance that an Auto Scaling group of a deployment group has launched waits for
 * the deployment group's lifecycle hook until a deployment of its own has installed the last
 * successful revision. Such deployments run beside the group's own; they are no part of its
 * history.
 *
 * O1 The hook's event and the deployment are one step, and so are the deployment's end and the end
 *    of the wait: no instance waits for nothing, and none goes in service without its revision.
 * O2 A hook is not stored: a fleet has one for each deployment group that names it now. */
#include "deploy/scale_out.h"

#include "base/mem.h"
#include "deploy/members.h"
#include "store/deploy_command.h"
#include "store/deploy_group.h"

#define LAUNCH_HOOK "CodeDeploy-managed-automatic-launch-deployment-hook-"
#define GROUP_ID_LENGTH 36 /* a UUID, the end of the hook's name */

/* ---- hooks ---- */

static bool is_server(const struct codedeploy_deployment_group_info *g)
{
	return streq(g->compute_platform, CODEDEPLOY_COMPUTE_PLATFORM_SERVER);
}

static const char *hook_name(const struct codedeploy_deployment_group_info *g, struct arena *a)
{
	return arena_printf(
		a, LAUNCH_HOOK "%s-%s", g->deployment_group_name, g->deployment_group_id);
}

bool scale_out_names_fleet(const struct codedeploy_deployment_group_info *g, const char *fleet)
{
	wire_foreach (it, &g->auto_scaling_groups)
		if (streq(it->name, fleet))
			return true;
	return false;
}

void scale_out_show_hooks(struct codedeploy_deployment_group_info *g, struct arena *a)
{
	if (is_server(g))
		wire_foreach (it, &g->auto_scaling_groups)
			it->hook = hook_name(g, a);
}

int scale_out_groups(struct db_tx *tx, const char *fleet, struct arena *a,
	struct codedeploy_deployment_group_info **ret, size_t *ret_n, struct err *err)
{
	struct store_deploy_names ids;

	*ret_n = 0;
	if (store_deploy_group_ids(tx, a, &ids, err) < 0)
		return -1;
	*ret = arena_new_n(a, ids.n + 1, struct codedeploy_deployment_group_info);
	for (size_t i = 0; i < ids.n; i++) {
		struct codedeploy_deployment_group_info *g = &(*ret)[*ret_n];
		int found = store_deploy_group_get(tx, ids.v[i], a, g, err);

		if (found < 0)
			return -1;
		if (found && is_server(g) && scale_out_names_fleet(g, fleet))
			++*ret_n;
	}
	return 0;
}

int deploy_launch_hooks(struct db_tx *tx, const char *fleet, struct arena *a, const char ***ret,
	size_t *ret_n, struct err *err)
{
	struct codedeploy_deployment_group_info *groups;

	if (scale_out_groups(tx, fleet, a, &groups, ret_n, err) < 0)
		return -1;
	*ret = arena_new_n(a, *ret_n + 1, const char *);
	for (size_t i = 0; i < *ret_n; i++)
		(*ret)[i] = hook_name(&groups[i], a);
	return 0;
}

/* ---- an instance waits ---- */

static int end_wait(
	struct deploy_engine *e, struct db_tx *tx, const struct deploy_launch *l, struct err *err)
{
	return e->ports->launch_end ? e->ports->launch_end(e->ports->arg, tx, l, err) : 0;
}

/* The group's last successful deployment: 1, 0 when there is none. */
static int last_success(struct db_tx *tx, const struct codedeploy_deployment_group_info *g,
	struct arena *a, struct store_deployment *ret, struct err *err)
{
	if (!g->last_successful_deployment)
		return 0;
	return store_deployment_get(tx, g->last_successful_deployment->deployment_id, a, ret, err);
}

static int begin(struct deploy_engine *e, struct db_tx *tx,
	const struct codedeploy_deployment_group_info *g, const struct store_deployment *last,
	const struct towpath_event_lifecycle *event, struct arena *a, struct err *err)
{
	const char *hosts[] = {event->instance_id}, *id;
	struct deploy_seed seed = {
		.application_id = last->state.application_id,
		.group = g,
		.revision = last->info.revision,
		.creator = CODEDEPLOY_DEPLOYMENT_CREATOR_AUTOSCALING,
		.description = arena_printf(a,
			"Deployment to instance %s, which the Auto Scaling group %s has launched",
			event->instance_id, event->auto_scaling_group_name),
		.file_exists_behavior = last->info.file_exists_behavior,
		.ignore_stop_failures = last->info.ignore_application_stop_failures.v,
		.in_place = true,
		.launch_hook = event->lifecycle_hook_name,
		.only_hosts = hosts,
		.n_only_hosts = 1,
	};

	if (deploy_insert(e, tx, &seed, a, &id, err) < 0)
		return -1;
	return task_enqueue(e->durable, tx,
		&(struct task){.kind = DEPLOY_TASK_START, .subject = id, .token = ""}, err);
}

static int on_lifecycle(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct codedeploy_deployment_group_info g;
	struct towpath_event_lifecycle event;
	struct store_deployment last;
	size_t length;
	int found;

	(void)d;
	if (wire_decode_json(
		    &towpath_event_lifecycle_shape, view_of(entry->detail), &a, &event, err) < 0)
		return -1;
	length = strlen(event.lifecycle_hook_name);
	if (!starts_with(event.lifecycle_hook_name, LAUNCH_HOOK) || length < GROUP_ID_LENGTH)
		return 0;
	found = store_deploy_group_get(
		tx, event.lifecycle_hook_name + length - GROUP_ID_LENGTH, &a, &g, err);
	if (found > 0 && scale_out_names_fleet(&g, event.auto_scaling_group_name))
		found = last_success(tx, &g, &a, &last, err);
	else
		found = MIN(found, 0);
	if (found < 0)
		return -1;
	if (found)
		return begin(arg, tx, &g, &last, &event, &a, err);
	return end_wait(arg, tx,
		&(struct deploy_launch){
			.host = event.instance_id, .hook = event.lifecycle_hook_name},
		err);
}

/* ---- its deployment ends ---- */

static const char *why_abandoned(const struct step *s)
{
	const struct codedeploy_error_information *e = s->d.info.error_information;

	return arena_printf(s->a, "deployment %s %s: %s", s->d.info.deployment_id,
		step_status(s) == DEPLOY_STOPPED ? "was stopped" : "failed",
		e && e->message ? e->message : "no reason is known");
}

int scale_out_ended(struct step *s, enum deploy_status status, struct err *err)
{
	const struct towpath_deploy_balancer_list *from = &s->d.state.balancers;
	struct deploy_balancer *to = arena_new_n(s->a, from->n + 1, struct deploy_balancer);
	struct deploy_launch l = {
		.host = s->d.state.hosts.v[0],
		.hook = s->d.state.launch_hook,
		.abandoned = status == DEPLOY_SUCCEEDED ? NULL : why_abandoned(s),
		.balancers = to,
		.n = from->n,
	};

	for (size_t i = 0; i < from->n; i++)
		to[i] = (struct deploy_balancer){
			.name = from->v[i].name, .classic = from->v[i].classic.v};
	return end_wait(s->e, s->tx, &l, err);
}

/* ---- the instance ends before ---- */

static int host_gone(struct step *s, const char *host, struct err *err)
{
	struct codedeploy_diagnostics diagnostics = {
		.error_code = CODEDEPLOY_LIFECYCLE_ERROR_CODE_UNKNOWNERROR,
		.script_name = "",
		.message = arena_printf(
			s->a, "The instance %s ended before its deployment did.", host),
		.log_tail = "",
	};
	struct store_target *t;

	if (step_targets(s, err) < 0)
		return -1;
	t = step_target(s, host);
	if (!t || !t->state.wave.v)
		return deploy_halt(s, CODEDEPLOY_ERROR_CODE_HEALTH_CONSTRAINTS, err, "%s",
			diagnostics.message);
	if (store_command_end_all(s->tx, s->d.info.deployment_id, host, err) < 0)
		return -1;
	return deploy_event_ended(s, t, false, &diagnostics, err);
}

int scale_out_host_gone(struct deploy_engine *e, struct db_tx *tx, const char *host,
	struct arena *a, struct err *err)
{
	struct store_deploy_names ids;

	if (store_target_deployments(tx, host, a, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++) {
		struct step s;
		int found = step_open(e, tx, ids.v[i], a, &s, err);

		if (found > 0 && s.d.active && s.d.state.launch_hook)
			found = host_gone(&s, host, err) < 0 ? -1 : step_close(&s, err);
		if (found < 0)
			return -1;
	}
	return 0;
}

int scale_out_retry(struct deploy_engine *e, struct db_tx *tx,
	const struct codedeploy_deployment_group_info *g, struct err *err)
{
	wire_foreach (it, &g->auto_scaling_groups)
		if (e->ports->fleet_retry &&
			e->ports->fleet_retry(e->ports->arg, tx, it->name, err) < 0)
			return -1;
	return 0;
}

void deploy_register_scale_out(struct deploy_engine *e)
{
	journal_subscribe(e->durable, &(struct journal_consumer){"deploy.lifecycle",
					      "autoscaling.lifecycle", on_lifecycle, e});
}
