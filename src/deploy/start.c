/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of a deployment: facts are gathered outside of any transaction (hosts, alarms,
 * the revision's object), then one step makes the targets and begins. */
#include "base/mem.h"
#include "deploy/members.h"
#include "deploy/scale_out.h"
#include "deploy/service.h"
#include "store/deploy_command.h"
#include "store/deploy_group.h"

#define NO_INSTANCES                                                                               \
	"The deployment failed because no instances were found for your deployment group. Check "  \
	"your deployment group settings to make sure the tags for your instances or Auto Scaling " \
	"groups correctly identify the instances you want to deploy to, and then try again."
#define ALL_LAUNCHING                                                                             \
	"The deployment failed because all instances of the deployment group are being launched " \
	"and get the last successful revision first: deploy again when one is in service."
#define MAX_TARGETS 1000

struct facts {
	struct arena *a;
	struct deploy_engine *e;
	const char *id;
	struct store_deployment d;
	struct codedeploy_deployment_group_info group;
	bool has_group;
	struct codedeploy_instance_info_list on_premises;
	struct deploy_members members; /* in place: all; blue/green: the original ones */
	struct deploy_members green;   /* DISCOVER_EXISTING */
	bool copies_fleet;
	struct service_plan service; /* of a container service */
	const char *code, *message;  /* why it cannot begin */
};

static void refuse(struct facts *f, const char *code, const char *message)
{
	if (!f->code) {
		f->code = code;
		f->message = message;
	}
}

static int load_on_premises(struct db_tx *tx, struct facts *f, struct err *err)
{
	struct store_deploy_names names;
	size_t n = 0;

	if (store_onprem_names(tx, f->a, &names, err) < 0)
		return -1;
	wire_list_alloc(f->a, &f->on_premises, names.n);
	for (size_t i = 0; i < names.n; i++) {
		struct store_onprem one;
		int found = store_onprem_get(tx, names.v[i], f->a, &one, err);

		if (found < 0)
			return -1;
		if (found && one.registered)
			f->on_premises.v[n++] = one.info;
	}
	f->on_premises.n = n;
	return 0;
}

static int load(struct db_tx *tx, void *arg, struct err *err)
{
	struct facts *f = arg;
	int found = store_deployment_get(tx, f->id, f->a, &f->d, err);

	if (found < 0)
		return -1;
	if (!found)
		return err_set(err, ERR_NOT_FOUND, "deployment %s is gone", f->id);
	found = store_deploy_group_get(tx, f->d.state.group_id, f->a, &f->group, err);
	if (found < 0)
		return -1;
	f->has_group = found > 0;
	return load_on_premises(tx, f, err);
}

static int check_alarms(struct facts *f, struct err *err)
{
	const struct deploy_ports *p = f->e->ports;
	const struct towpath_string_list *alarms = &f->d.state.alarms;
	struct err why CLEANUP_ERR = ERR_INIT;
	const char *active = NULL;

	if (!alarms->n)
		return 0;
	if (p->alarm_active(
		    p->arg, (const char *const *)alarms->v, alarms->n, f->a, &active, &why) < 0) {
		if (err_is(&why, ERR_UNAVAILABLE))
			return err_move(err, &why);
		if (!f->d.state.ignore_poll_alarm_failure.v)
			refuse(f, CODEDEPLOY_ERROR_CODE_ALARM_ACTIVE,
				arena_printf(f->a, "The state of the alarms cannot be read: %s",
					err_message(&why)));
		return 0;
	}
	if (active)
		refuse(f, CODEDEPLOY_ERROR_CODE_ALARM_ACTIVE,
			arena_printf(f->a, "One or more alarms have been activated: %s", active));
	return 0;
}

static struct deploy_reader reader_of(const struct facts *f)
{
	return (struct deploy_reader){
		.role_arn = f->group.service_role_arn,
		.group_arn = deploy_arn(f->e, f->a, "deploymentgroup",
			arena_printf(f->a, "%s/%s", f->d.info.application_name,
				f->d.info.deployment_group_name)),
		.deployment_id = f->id,
	};
}

static int check_revision(struct facts *f, struct err *err)
{
	const struct deploy_ports *p = f->e->ports;
	const struct codedeploy_s3_location *s3 = f->d.info.revision->s3_location;
	struct err why CLEANUP_ERR = ERR_INIT;
	struct deploy_reader by = reader_of(f);
	struct deploy_object object;

	if (!s3)
		return 0;
	if (p->object_find(p->arg, &by, s3->bucket, s3->key, s3->version, f->a, &object, &why) == 0)
		return 0;
	if (err_is(&why, ERR_UNAVAILABLE))
		return err_move(err, &why);
	refuse(f,
		err_is(&why, ERR_DENIED) ? CODEDEPLOY_ERROR_CODE_IAM_ROLE_PERMISSIONS
					 : CODEDEPLOY_ERROR_CODE_REVISION_MISSING,
		arena_printf(f->a, "The revision s3://%s/%s cannot be read: %s", s3->bucket,
			s3->key, err_message(&why)));
	return 0;
}

/* Keeps the hosts that the deployment was limited to. */
static void limit_hosts(struct facts *f)
{
	const struct towpath_string_list *only = &f->d.state.hosts;
	size_t n = 0;

	for (size_t i = 0; only->n && i < f->members.n; i++)
		for (size_t k = 0; k < only->n; k++)
			if (streq(only->v[k], f->members.v[i].id)) {
				f->members.v[n++] = f->members.v[i];
				break;
			}
	if (only->n)
		f->members.n = n;
}

/* Those that are being launched get the last successful revision by a deployment of their own. */
static void leave_out_launching(struct facts *f)
{
	size_t n = 0, all = f->members.n;

	if (!f->group.last_successful_deployment || f->d.state.launch_hook)
		return;
	for (size_t i = 0; i < all; i++) {
		const struct deploy_member *m = &f->members.v[i];

		if ((m->state != DEPLOY_HOST_PENDING && m->state != DEPLOY_HOST_WAITING) ||
			!m->fleet || !scale_out_names_fleet(&f->group, m->fleet))
			f->members.v[n++] = *m;
	}
	f->members.n = n;
	if (all && !n)
		refuse(f, CODEDEPLOY_ERROR_CODE_NO_INSTANCES, ALL_LAUNCHING);
}

static void leave_out(struct deploy_members *from, const struct deploy_members *what)
{
	size_t n = 0;

	for (size_t i = 0; i < from->n; i++)
		if (!deploy_members_have(what, from->v[i].id))
			from->v[n++] = from->v[i];
	from->n = n;
}

static void check_blue_green(struct facts *f)
{
	const struct codedeploy_blue_green_deployment_configuration *c =
		f->d.info.blue_green_deployment_configuration;
	const char *action = c && c->green_fleet_provisioning_option
				     ? c->green_fleet_provisioning_option->action
				     : NULL;

	if (!f->d.state.balancers.n)
		refuse(f, CODEDEPLOY_ERROR_CODE_MISSING_ELB_INFORMATION,
			"A blue/green deployment needs a load balancer or target group.");
	f->copies_fleet =
		!streq(action, CODEDEPLOY_GREEN_FLEET_PROVISIONING_ACTION_DISCOVER_EXISTING);
	if (f->copies_fleet && f->group.auto_scaling_groups.n != 1)
		refuse(f, CODEDEPLOY_ERROR_CODE_AUTO_SCALING_CONFIGURATION,
			"COPY_AUTO_SCALING_GROUP needs exactly one Auto Scaling group in the "
			"deployment group.");
	if (!f->copies_fleet && !f->green.n)
		refuse(f, CODEDEPLOY_ERROR_CODE_NO_INSTANCES,
			"No replacement instances match the targetInstances of the deployment.");
}

static int find_hosts(struct facts *f, struct err *err)
{
	const struct deploy_ports *p = f->e->ports;
	bool blue_green =
		f->d.info.deployment_style && streq(f->d.info.deployment_style->deployment_type,
						      CODEDEPLOY_DEPLOYMENT_TYPE_BLUE_GREEN);
	struct deploy_hosts hosts = {0};

	if (p->hosts(p->arg, f->a, &hosts, err) < 0)
		return -1;
	deploy_members_of_group(&f->group, &hosts, &f->on_premises, f->a, &f->members);
	limit_hosts(f);
	leave_out_launching(f);
	if (blue_green) {
		deploy_members_of_request(f->d.info.target_instances, &hosts, f->a, &f->green);
		leave_out(&f->members, &f->green);
		check_blue_green(f);
		return 0;
	}
	if (!f->members.n && !f->d.info.update_outdated_instances_only.v)
		refuse(f, CODEDEPLOY_ERROR_CODE_NO_INSTANCES, NO_INSTANCES);
	if (f->members.n > MAX_TARGETS)
		refuse(f, CODEDEPLOY_ERROR_CODE_OVER_MAX_INSTANCES,
			"The deployment has more than 1000 instances.");
	return 0;
}

static int find_service(struct facts *f, struct err *err)
{
	if (f->code)
		return 0;
	f->service =
		(struct service_plan){.a = f->a, .e = f->e, .d = &f->d, .reader = reader_of(f)};
	if (service_plan(&f->service, err) < 0)
		return -1;
	if (f->service.code)
		refuse(f, f->service.code, f->service.message);
	return 0;
}

/* ---- the step ---- */

/* Order: unhealthy, unknown revision, old revision, current revision. */
static int rate(struct step *s, struct store_target *t, const struct deploy_member *m,
	const char *current, struct err *err)
{
	struct store_deploy_health health;

	if (store_deploy_health_get(s->tx, s->d.state.group_id, m->id, s->a, &health, err) < 0)
		return -1;
	t->state.healthy_before = WIRE_SET_BOOL(health.healthy && m->state == DEPLOY_HOST_RUNNING);
	t->state.rank = WIRE_SET_LONG(!health.healthy			 ? 0
				      : !health.revision		 ? 1
				      : !streq(health.revision, current) ? 2
									 : 3);
	t->state.on_premises = WIRE_SET_BOOL(m->on_premises);
	t->state.fleet = arena_strdup(s->a, m->fleet);
	t->state.zone = arena_strdup(s->a, m->zone);
	return 0;
}

static int make_targets(struct step *s, const struct facts *f, const struct deploy_members *m,
	const char *label, enum deploy_track track, struct err *err)
{
	struct store_target *all = arena_new_n(s->a, m->n + 1, struct store_target);
	const char *current =
		f->group.target_revision ? deploy_revision_key(f->group.target_revision, s->a) : "";
	bool outdated_only = s->d.info.update_outdated_instances_only.v;
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		step_init_target(s, &all[n], m->v[i].id, label, track);
		if (m->v[i].on_premises)
			all[n].info.target_arn = deploy_arn(s->e, s->a, "instance", m->v[i].id);
		if (rate(s, &all[n], &m->v[i], current, err) < 0)
			return -1;
		if (!outdated_only || all[n].state.rank.v < 3)
			n++;
	}
	return step_add_targets(s, all, n, err);
}

static size_t running(const struct deploy_members *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += m->v[i].state == DEPLOY_HOST_RUNNING;
	return n;
}

static int begin_blue_green(struct step *s, const struct facts *f, struct err *err)
{
	if (make_targets(s, f, &f->members, CODEDEPLOY_TARGET_LABEL_BLUE, DEPLOY_TRACK_BLOCK, err) <
		0)
		return -1;
	if (f->group.auto_scaling_groups.n == 1)
		s->d.state.blue_fleet = f->group.auto_scaling_groups.v[0].name;
	if (f->copies_fleet) {
		s->d.state.green_fleet = arena_printf(s->a, "CodeDeploy_%s_%s",
			s->d.info.deployment_group_name, s->d.info.deployment_id);
		s->d.state.green_owned = WIRE_SET_BOOL(true);
		s->d.state.green_size = WIRE_SET_LONG((int64_t)running(&f->members));
		step_set_phase(s, DEPLOY_PHASE_PROVISIONING);
		return step_task(s, DEPLOY_TASK_PROVISION, "", 0, err);
	}
	if (f->green.n && f->green.v[0].fleet)
		s->d.state.green_fleet = arena_strdup(s->a, f->green.v[0].fleet);
	if (make_targets(s, f, &f->green, CODEDEPLOY_TARGET_LABEL_GREEN, DEPLOY_TRACK_GREEN, err) <
		0)
		return -1;
	step_set_phase(s, DEPLOY_PHASE_INSTALLING);
	return deploy_advance(s, err);
}

static int begin(struct step *s, void *arg, struct err *err)
{
	const struct facts *f = arg;
	bool blue_green = step_is_blue_green(s);

	if (step_phase(s) != DEPLOY_PHASE_CREATED)
		return 0;
	if (s->d.state.stop_code)
		return deploy_halt(s, s->d.state.stop_code, err, "%s", s->d.state.stop_message);
	if (f->code)
		return deploy_halt(s, f->code, err, "%s", f->message);
	if (step_set_status(s, DEPLOY_IN_PROGRESS, err) < 0 ||
		step_task(s, DEPLOY_TASK_DEADLINE, "", s->now + deploy_limit(s), err) < 0)
		return -1;
	if (s->d.state.service)
		return service_begin(s, &f->service, err);
	if (blue_green)
		return begin_blue_green(s, f, err);
	if (make_targets(s, f, &f->members, NULL,
		    s->d.state.balancers.n && !s->d.state.launch_hook
			    ? DEPLOY_TRACK_IN_PLACE_BALANCED
			    : DEPLOY_TRACK_IN_PLACE,
		    err) < 0)
		return -1;
	step_set_phase(s, DEPLOY_PHASE_INSTALLING);
	return deploy_advance(s, err);
}

static int run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct facts f = {.a = &a, .e = arg, .id = t->subject};

	(void)d;
	if (deploy_read(f.e, load, &f, err) < 0)
		return -1;
	if (!f.d.active || deploy_phase_parse(f.d.state.phase) != DEPLOY_PHASE_CREATED)
		return 0;
	if (!f.has_group)
		refuse(&f, CODEDEPLOY_ERROR_CODE_DEPLOYMENT_GROUP_MISSING,
			"The deployment group was deleted.");
	if (check_alarms(&f, err) < 0)
		return -1;
	if (f.d.state.service ? find_service(&f, err) < 0
			      : check_revision(&f, err) < 0 || find_hosts(&f, err) < 0)
		return -1;
	return deploy_task_step(f.e, t, begin, &f, err);
}

static int fail(struct step *s, void *arg, struct err *err)
{
	return deploy_halt(s, CODEDEPLOY_ERROR_CODE_INTERNAL_ERROR, err, "%s",
		err_message((const struct err *)arg));
}

static int gave_up(struct durable *d, struct db_tx *tx, const struct task *t, const struct err *why,
	void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct step s;
	int found;

	if (task_done(d, tx, t, err) < 0)
		return -1;
	found = step_open(arg, tx, t->subject, &a, &s, err);
	if (found <= 0)
		return found;
	if (fail(&s, (void *)why, err) < 0)
		return -1;
	return step_close(&s, err);
}

void deploy_register_start(struct deploy_engine *e)
{
	task_register(e->durable, &(struct task_kind){.name = DEPLOY_TASK_START,
					  .run = run,
					  .gave_up = gave_up,
					  .arg = e,
					  .max_attempts = 8});
}
