/* SPDX-License-Identifier: Apache-2.0 */
/* The fleets of a blue/green deployment: green comes up, green takes over and blue goes, or green
 * goes again after a rollback. */
#include "base/mem.h"
#include "deploy/members.h"
#include "deploy/task_step.h"

#define LOOK_AGAIN (2 * USEC_PER_SEC)
#define PROVISION_LIMIT (60 * DEPLOY_MINUTE)

struct fleet_job {
	struct arena *a;
	struct deploy_engine *e;
	const struct task *task;
	struct store_deployment d;
	struct store_targets targets;
	struct deploy_members green;
	bool all_up;
	const char *failure;
};

static int load(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_job *j = arg;
	int found = store_deployment_get(tx, j->task->subject, j->a, &j->d, err);

	if (found <= 0)
		return found;
	return store_target_list(tx, j->task->subject, j->a, &j->targets, err);
}

static int open_job(struct fleet_job *j, enum deploy_phase phase, struct err *err)
{
	if (deploy_read(j->e, load, j, err) < 0)
		return -1;
	return j->d.active && deploy_phase_parse(j->d.state.phase) == phase;
}

/* A fault that may pass is -1; a final one fails the deployment. */
static int note_failure(struct fleet_job *j, struct err *why, struct err *err)
{
	if (err_is(why, ERR_UNAVAILABLE))
		return err_move(err, why);
	j->failure = arena_strdup(j->a, err_message(why));
	return 0;
}

/* ---- green comes up ---- */

static int bring_up(struct fleet_job *j, struct err *err)
{
	const struct deploy_ports *p = j->e->ports;
	const struct towpath_deploy_state *st = &j->d.state;
	struct err why CLEANUP_ERR = ERR_INIT;
	struct deploy_hosts hosts = {0};
	size_t size = (size_t)st->green_size.v, up = 0;

	if (!size && p->fleet_size(p->arg, st->blue_fleet, &size, &why) < 0)
		return note_failure(j, &why, err);
	if (!size) {
		j->failure = "The Auto Scaling group to copy has no instances.";
		return 0;
	}
	if (p->fleet_copy(p->arg, st->blue_fleet, st->green_fleet, size, &why) < 0)
		return note_failure(j, &why, err);
	if (p->hosts(p->arg, j->a, &hosts, err) < 0)
		return -1;
	deploy_members_of_fleet(st->green_fleet, &hosts, j->a, &j->green);
	for (size_t i = 0; i < j->green.n; i++)
		up += j->green.v[i].state == DEPLOY_HOST_RUNNING;
	j->all_up = up >= size;
	return 0;
}

static int begin_installing(struct step *s, const struct deploy_members *green, struct err *err)
{
	struct store_target *all = arena_new_n(s->a, green->n + 1, struct store_target);
	size_t n = 0;

	for (size_t i = 0; i < green->n; i++) {
		if (green->v[i].state != DEPLOY_HOST_RUNNING)
			continue;
		step_init_target(s, &all[n], green->v[i].id, CODEDEPLOY_TARGET_LABEL_GREEN,
			DEPLOY_TRACK_GREEN);
		all[n++].state.fleet = arena_strdup(s->a, s->d.state.green_fleet);
	}
	if (step_add_targets(s, all, n, err) < 0)
		return -1;
	step_set_phase(s, DEPLOY_PHASE_INSTALLING);
	return deploy_advance(s, err);
}

static int provisioned(struct step *s, void *arg, struct err *err)
{
	const struct fleet_job *j = arg;

	if (step_phase(s) != DEPLOY_PHASE_PROVISIONING)
		return 0;
	if (j->failure)
		return deploy_halt(s, CODEDEPLOY_ERROR_CODE_AUTO_SCALING_CONFIGURATION, err,
			"The replacement Auto Scaling group %s cannot be made: %s",
			s->d.state.green_fleet, j->failure);
	if (j->all_up)
		return begin_installing(s, &j->green, err);
	if (s->now > s->d.info.start_time.usec + PROVISION_LIMIT)
		return deploy_halt(s, CODEDEPLOY_ERROR_CODE_AUTO_SCALING_CONFIGURATION, err,
			"The instances of the replacement Auto Scaling group %s did not come up "
			"within 60 minutes.",
			s->d.state.green_fleet);
	return step_task(s, DEPLOY_TASK_PROVISION, "", s->now + LOOK_AGAIN, err);
}

static int run_provision(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct fleet_job j = {.a = &a, .e = arg, .task = t};
	int open = open_job(&j, DEPLOY_PHASE_PROVISIONING, err);

	(void)d;
	if (open <= 0)
		return open;
	if (bring_up(&j, err) < 0)
		return -1;
	return deploy_task_step(j.e, t, provisioned, &j, err);
}

/* ---- green takes over, blue goes ---- */

static int attach(struct fleet_job *j, struct err *err)
{
	const struct deploy_ports *p = j->e->ports;
	const struct towpath_deploy_balancer_list *from = &j->d.state.balancers;
	struct deploy_balancer *all = arena_new_n(j->a, from->n + 1, struct deploy_balancer);

	if (!j->d.state.green_fleet)
		return 0;
	for (size_t i = 0; i < from->n; i++)
		all[i] = (struct deploy_balancer){
			.name = from->v[i].name, .classic = from->v[i].classic.v};
	return p->fleet_attach(p->arg, j->d.state.green_fleet, all, from->n, err);
}

static int terminate_blue(struct fleet_job *j, struct err *err)
{
	const struct deploy_ports *p = j->e->ports;

	if (streq(j->d.state.termination_action, CODEDEPLOY_INSTANCE_ACTION_KEEP_ALIVE))
		return 0;
	if (j->d.state.blue_fleet && !streq(j->d.state.blue_fleet, j->d.state.green_fleet) &&
		p->fleet_delete(p->arg, j->d.state.blue_fleet, err) < 0)
		return -1;
	for (size_t i = 0; i < j->targets.n; i++) {
		const struct store_target *t = &j->targets.v[i];

		if (streq(t->info.instance_label, CODEDEPLOY_TARGET_LABEL_BLUE) &&
			!t->state.on_premises.v &&
			p->host_terminate(p->arg, t->info.target_id, err) < 0)
			return -1;
	}
	return 0;
}

static int terminated(struct step *s, void *arg, struct err *err)
{
	const struct fleet_job *j = arg;

	if (step_phase(s) != DEPLOY_PHASE_TERMINATING)
		return 0;
	if (j->failure)
		s->d.info.additional_deployment_status_info = arena_printf(
			s->a, "The original instances could not all be terminated: %s", j->failure);
	return deploy_finish(s, DEPLOY_SUCCEEDED, NULL, NULL, err);
}

static int run_terminate(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct fleet_job j = {.a = &a, .e = arg, .task = t};
	struct err why CLEANUP_ERR = ERR_INIT;
	int open = open_job(&j, DEPLOY_PHASE_TERMINATING, err);

	(void)d;
	if (open <= 0)
		return open;
	if ((attach(&j, &why) < 0 || terminate_blue(&j, &why) < 0) &&
		note_failure(&j, &why, err) < 0)
		return -1;
	return deploy_task_step(j.e, t, terminated, &j, err);
}

/* ---- after a rollback: what was made for the failed deployment goes ---- */

static int removed(struct step *s, void *arg, struct err *err)
{
	const struct fleet_job *j = arg;

	if (step_phase(s) != DEPLOY_PHASE_REMOVING)
		return 0;
	if (j->failure)
		s->d.info.additional_deployment_status_info = arena_printf(s->a,
			"The replacement Auto Scaling group %s could not be deleted: %s",
			s->d.state.green_fleet, j->failure);
	return deploy_finish(s, DEPLOY_SUCCEEDED, NULL, NULL, err);
}

static int run_remove(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct fleet_job j = {.a = &a, .e = arg, .task = t};
	struct err why CLEANUP_ERR = ERR_INIT;
	int open = open_job(&j, DEPLOY_PHASE_REMOVING, err);
	const struct deploy_ports *p = j.e->ports;

	(void)d;
	if (open <= 0)
		return open;
	if (j.d.state.green_owned.v && p->fleet_delete(p->arg, j.d.state.green_fleet, &why) < 0 &&
		note_failure(&j, &why, err) < 0)
		return -1;
	return deploy_task_step(j.e, t, removed, &j, err);
}

void deploy_register_fleet(struct deploy_engine *e)
{
	const struct task_kind kinds[] = {
		{.name = DEPLOY_TASK_PROVISION, .run = run_provision, .arg = e},
		{.name = DEPLOY_TASK_TERMINATE, .run = run_terminate, .arg = e},
		{.name = DEPLOY_TASK_REMOVE, .run = run_remove, .arg = e},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		task_register(e->durable, &kinds[i]);
}
