/* SPDX-License-Identifier: Apache-2.0 */
/* Automatic rollback: a new deployment, made in the step in which the failed one ends.
 *
 * In place: the revision of the group's last success is deployed again. Blue/green: while the
 * original environment lives, the traffic goes back to it; nothing is installed. Container
 * services: the same, and the replacement task set is deleted. */
#include "base/mem.h"
#include "deploy/advance.h"
#include "store/deploy_group.h"

static int no_way_back(struct step *s)
{
	s->d.info.rollback_info = arena_new(s->a, struct codedeploy_rollback_info);
	s->d.info.rollback_info->rollback_message =
		"No rollback: the deployment group has no last successful deployment.";
	return 0;
}

/* The original and the replacement hosts, each with what a rollback does to it. */
static int add_targets(const struct step *from, struct step *to, struct err *err)
{
	struct store_target *all = arena_new_n(to->a, from->targets.n + 1, struct store_target);

	for (size_t i = 0; i < from->targets.n; i++) {
		const struct store_target *t = &from->targets.v[i];
		bool service = from->d.state.service != NULL;
		bool blue = streq(t->info.instance_label, CODEDEPLOY_TARGET_LABEL_BLUE);

		step_init_target(to, &all[i], t->info.target_id,
			service ? CODEDEPLOY_TARGET_LABEL_BLUE : t->info.instance_label,
			service ? DEPLOY_TRACK_SERVICE_BACK
			: blue	? DEPLOY_TRACK_ALLOW
				: DEPLOY_TRACK_BLOCK);
		all[i].info.target_arn = t->info.target_arn;
	}
	return step_add_targets(to, all, from->targets.n, err);
}

static int restore_traffic(struct step *s, const char *id, struct err *err)
{
	struct step r;

	if (step_open(s->e, s->tx, id, s->a, &r, err) < 0 || add_targets(s, &r, err) < 0 ||
		step_set_status(&r, DEPLOY_IN_PROGRESS, err) < 0 ||
		step_task(&r, DEPLOY_TASK_DEADLINE, "", s->now + DEPLOY_IN_PLACE_LIMIT, err) < 0 ||
		deploy_advance(&r, err) < 0)
		return -1;
	return step_close(&r, err);
}

static int last_success(struct step *s, const struct codedeploy_deployment_group_info *group,
	struct store_deployment *ret, struct err *err)
{
	if (!group->last_successful_deployment)
		return 0;
	return store_deployment_get(
		s->tx, group->last_successful_deployment->deployment_id, s->a, ret, err);
}

int deploy_roll_back(struct step *s, struct err *err)
{
	struct codedeploy_deployment_group_info group;
	struct store_deployment last = {0};
	bool traffic = step_is_blue_green(s) && s->targets.n > 0;
	struct deploy_seed seed = {
		.application_id = s->d.state.application_id,
		.group = &group,
		.creator = CODEDEPLOY_DEPLOYMENT_CREATOR_CODEDEPLOYROLLBACK,
		.description =
			arena_printf(s->a, "Rollback of deployment %s", s->d.info.deployment_id),
		.config_name = s->d.info.deployment_config_name,
		.rollback_of = s->d.info.deployment_id,
		.undo = traffic ? &s->d.state : NULL,
	};
	const char *id;
	int found = store_deploy_group_get(s->tx, s->d.state.group_id, s->a, &group, err);

	if (found <= 0)
		return found;
	found = last_success(s, &group, &last, err);
	if (found < 0)
		return -1;
	if (!found && !traffic)
		return no_way_back(s);
	seed.revision = found ? last.info.revision : s->d.info.revision;
	seed.file_exists_behavior = found ? last.info.file_exists_behavior : NULL;
	if (deploy_insert(s->e, s->tx, &seed, s->a, &id, err) < 0)
		return -1;
	s->d.info.rollback_info = arena_new(s->a, struct codedeploy_rollback_info);
	s->d.info.rollback_info->rollback_deployment_id = id;
	s->d.info.rollback_info->rollback_message =
		arena_printf(s->a, "Deployment %s rolls this one back.", id);
	if (traffic)
		return restore_traffic(s, id, err);
	return task_enqueue(s->e->durable, s->tx,
		&(struct task){.kind = DEPLOY_TASK_START, .subject = id, .token = ""}, err);
}
