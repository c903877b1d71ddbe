/* SPDX-License-Identifier: Apache-2.0 */
/* Instances that were launched while a deployment ran have another revision than it brought, or
 * none: after its success a deployment of creator CodeDeployAutoUpdate brings them up to date,
 * unless the group's outdatedInstancesStrategy is IGNORE. Those that are not in service yet (they
 * wait for their own deployment, or for hooks of others) are looked at when they go in service.
 *
 * The task's subject is the deployment that succeeded. One at a time runs in a group: the task
 * waits while another deployment does, and is woken when that ends. */
#include "base/mem.h"
#include "deploy/members.h"
#include "deploy/scale_out.h"
#include "store/deploy_group.h"

#define WAIT_AT_MOST (60 * DEPLOY_MINUTE)

struct look {
	struct arena *a;
	struct deploy_engine *e;
	const struct task *task;
	struct deploy_hosts hosts;
};

int outdated_look(struct deploy_engine *e, struct db_tx *tx,
	const struct codedeploy_deployment_group_info *g, struct err *err)
{
	if (!g->auto_scaling_groups.n || !g->last_successful_deployment ||
		streq(g->outdated_instances_strategy,
			CODEDEPLOY_OUTDATED_INSTANCES_STRATEGY_IGNORE))
		return 0;
	return task_enqueue(e->durable, tx,
		&(struct task){.kind = DEPLOY_TASK_OUTDATED,
			.subject = g->last_successful_deployment->deployment_id,
			.token = ""},
		err);
}

int outdated_look_again(
	struct step *s, const struct codedeploy_deployment_group_info *g, struct err *err)
{
	if (!g->last_successful_deployment)
		return 0;
	return task_reschedule(s->e->durable, s->tx, DEPLOY_TASK_OUTDATED,
		       g->last_successful_deployment->deployment_id, "", s->now, err) < 0
		       ? -1
		       : 0;
}

/* In service in one of the group's fleets, not reached by the deployment, and with a revision that
 * works but is not its. */
static int is_outdated(struct step *s, const struct codedeploy_deployment_group_info *g,
	const struct deploy_host *h, bool *ret, struct err *err)
{
	struct store_deploy_health health = {0};
	struct store_target target;
	int found;

	*ret = false;
	if (h->state != DEPLOY_HOST_RUNNING || !h->fleet || !scale_out_names_fleet(g, h->fleet))
		return 0;
	found = store_target_get(s->tx, s->d.info.deployment_id, h->id, s->a, &target, err);
	if (found != 0)
		return MIN(found, 0);
	found = store_deploy_health_get(s->tx, s->d.state.group_id, h->id, s->a, &health, err);
	*ret = found == 0 ||
	       (found > 0 && health.healthy && !streq(health.revision, s->d.state.revision_key));
	return MIN(found, 0);
}

static void relate(struct step *s, const char *id)
{
	struct codedeploy_related_deployments *r =
		arena_new(s->a, struct codedeploy_related_deployments);
	size_t n = 0;

	if (s->d.info.related_deployments)
		*r = *s->d.info.related_deployments;
	n = r->auto_update_outdated_instances_deployment_ids.n;
	if (n) {
		const char **old = r->auto_update_outdated_instances_deployment_ids.v;

		wire_list_alloc(s->a, &r->auto_update_outdated_instances_deployment_ids, n + 1);
		memcpy(r->auto_update_outdated_instances_deployment_ids.v, old, n * sizeof(*old));
	} else {
		wire_list_alloc(s->a, &r->auto_update_outdated_instances_deployment_ids, 1);
	}
	r->auto_update_outdated_instances_deployment_ids.v[n] = id;
	s->d.info.related_deployments = r;
}

static int update(struct step *s, const struct codedeploy_deployment_group_info *g,
	const char *const *hosts, size_t n, struct err *err)
{
	struct deploy_seed seed = {
		.application_id = s->d.state.application_id,
		.group = g,
		.revision = s->d.info.revision,
		.creator = CODEDEPLOY_DEPLOYMENT_CREATOR_CODEDEPLOYAUTOUPDATE,
		.description = arena_printf(s->a,
			"Deployment to instances that were launched while deployment %s ran",
			s->d.info.deployment_id),
		.config_name = "CodeDeployDefault.OneAtATime",
		.file_exists_behavior = s->d.info.file_exists_behavior,
		.ignore_stop_failures = s->d.info.ignore_application_stop_failures.v,
		.update_outdated_only = true,
		.in_place = true,
		.update_of = s->d.info.deployment_id,
		.only_hosts = hosts,
		.n_only_hosts = n,
	};
	const char *id;

	if (deploy_insert(s->e, s->tx, &seed, s->a, &id, err) < 0)
		return -1;
	relate(s, id);
	return task_enqueue(s->e->durable, s->tx,
		&(struct task){.kind = DEPLOY_TASK_START, .subject = id, .token = ""}, err);
}

static int look_step(struct step *s, const struct look *l,
	const struct codedeploy_deployment_group_info *g, struct err *err)
{
	const char **hosts = arena_new_n(s->a, l->hosts.n + 1, const char *);
	const char *active;
	size_t n = 0;
	int busy;

	for (size_t i = 0; i < l->hosts.n; i++) {
		bool outdated;

		if (is_outdated(s, g, &l->hosts.v[i], &outdated, err) < 0)
			return -1;
		if (outdated)
			hosts[n++] = l->hosts.v[i].id;
	}
	if (!n)
		return 0;
	busy = store_deployment_active_of(s->tx, s->d.state.group_id, s->a, &active, err);
	if (busy < 0)
		return -1;
	if (busy)
		return step_task(s, DEPLOY_TASK_OUTDATED, "", s->now + WAIT_AT_MOST, err);
	return update(s, g, hosts, n, err);
}

/* ---- instances that go in service ---- */

/* What it got is not what the group has now. */
static int has_another(struct db_tx *tx, const struct codedeploy_deployment_group_info *g,
	const char *host, struct arena *a, bool *ret, struct err *err)
{
	struct store_deploy_health health = {0};
	int found = store_deploy_health_get(tx, g->deployment_group_id, host, a, &health, err);

	*ret = found > 0 && health.healthy && g->target_revision &&
	       !streq(health.revision, deploy_revision_key(g->target_revision, a));
	return MIN(found, 0);
}

static int on_group(struct durable *d, struct db_tx *tx, const struct journal_entry *entry,
	void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct codedeploy_deployment_group_info *groups;
	struct towpath_event_group event;
	size_t n;

	(void)d;
	if (wire_decode_json(&towpath_event_group_shape, view_of(entry->detail), &a, &event, err) <
		0)
		return -1;
	if (!streq(event.event, "launched"))
		return 0;
	if (scale_out_groups(tx, event.auto_scaling_group_name, &a, &groups, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		bool another;

		if (has_another(tx, &groups[i], event.instance_id, &a, &another, err) < 0 ||
			(another && outdated_look(arg, tx, &groups[i], err) < 0))
			return -1;
	}
	return 0;
}

/* ---- the task ---- */

static int step(struct db_tx *tx, void *arg, struct err *err)
{
	const struct look *l = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct codedeploy_deployment_group_info g;
	struct step s;
	int found;

	if (task_done(l->e->durable, tx, l->task, err) < 0)
		return -1;
	found = step_open(l->e, tx, l->task->subject, &a, &s, err);
	if (found > 0)
		found = store_deploy_group_get(tx, s.d.state.group_id, &a, &g, err);
	if (found <= 0)
		return found;
	if (!g.last_successful_deployment ||
		!streq(g.last_successful_deployment->deployment_id, l->task->subject) ||
		streq(g.outdated_instances_strategy, CODEDEPLOY_OUTDATED_INSTANCES_STRATEGY_IGNORE))
		return 0;
	return look_step(&s, l, &g, err) < 0 ? -1 : step_close(&s, err);
}

static int run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct look l = {.a = &a, .e = arg, .task = t};
	const struct deploy_ports *p = l.e->ports;

	(void)d;
	if (p->hosts(p->arg, &a, &l.hosts, err) < 0)
		return -1;
	return deploy_write(l.e, step, &l, err);
}

void deploy_register_outdated(struct deploy_engine *e)
{
	task_register(e->durable,
		&(struct task_kind){.name = DEPLOY_TASK_OUTDATED, .run = run, .arg = e});
	journal_subscribe(e->durable,
		&(struct journal_consumer){"deploy.in-service", "autoscaling.group", on_group, e});
}
