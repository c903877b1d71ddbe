/* SPDX-License-Identifier: Apache-2.0 */
/* Instances that an Auto Scaling group launches: what they get before they go in service, and what
 * follows when they are launched while a deployment runs. */
#include "fixture.h"

static void make_group(struct fixture *f, const char *strategy, bool rollback)
{
	struct codedeploy_deployment_style style = {
		.deployment_type = "IN_PLACE", .deployment_option = "WITH_TRAFFIC_CONTROL"};
	const char *fleets[] = {"fleet"}, *events[] = {"DEPLOYMENT_FAILURE"};
	struct codedeploy_alarm alarm = {.name = "busy"};
	struct codedeploy_alarm_configuration alarms = {
		.enabled = WIRE_SET_BOOL(true), .alarms = {.v = &alarm, .n = 1, .set = true}};
	struct codedeploy_auto_rollback_configuration on_failure = {
		.enabled = WIRE_SET_BOOL(rollback), .events = {.v = events, .n = 1, .set = true}};
	struct codedeploy_target_group_info tg = {.name = "tg"};
	struct codedeploy_load_balancer_info lb = {
		.target_group_info_list = {.v = &tg, .n = 1, .set = true}};
	struct codedeploy_create_deployment_group_request req = {.application_name = "app",
		.deployment_group_name = "group",
		.service_role_arn = ROLE,
		.deployment_config_name = "CodeDeployDefault.OneAtATime",
		.outdated_instances_strategy = strategy,
		.deployment_style = &style,
		.load_balancer_info = &lb,
		.alarm_configuration = &alarms,
		.auto_rollback_configuration = &on_failure,
		.auto_scaling_groups = {.v = fleets, .n = 1, .set = true}};
	struct codedeploy_create_deployment_group_response resp = {0};

	fixture_application(f);
	OK(f, deploy_create_deployment_group(f->e, &f->call, &req, &resp, &f->err));
	sim_deploy_add_host(f->world, "i-0", "fleet", true);
	sim_deploy_add_host(f->world, "i-1", "fleet", true);
}

/* The newest deployments of the group by this creator; *ret_n in all. */
static const struct codedeploy_deployment_info *newest(
	struct fixture *f, const char *creator, size_t *ret_n)
{
	struct codedeploy_list_deployments_request req = {
		.application_name = "app", .deployment_group_name = "group"};
	struct codedeploy_list_deployments_response resp = {0};
	const struct codedeploy_deployment_info *first = NULL;

	*ret_n = 0;
	OK(f, deploy_list_deployments(f->e, &f->call, &req, &resp, &f->err));
	for (size_t i = 0; i < resp.deployments.n; i++) {
		const struct codedeploy_deployment_info *d =
			fixture_deployment(f, resp.deployments.v[i]);

		if (!streq(d->creator, creator))
			continue;
		first = first ? first : d;
		++*ret_n;
	}
	return first;
}

static void deploy_well(struct fixture *f, const char *version)
{
	const struct codedeploy_deployment_info *d =
		fixture_finish(f, fixture_deploy(f, version), 30 * MINUTE);

	assert_string_equal(d->status, "Succeeded");
}

static bool fails_where_told(
	void *arg, const struct sim_host *h, const char *event, const char *version)
{
	(void)version;
	return streq(event, "ValidateService") && streq(h->id, arg);
}

static void test_gets_the_last_successful_revision(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {0};
	const struct codedeploy_deployment_info *d;
	const struct codedeploy_instance_target *t;
	struct sim_host *h;
	size_t n;

	(void)state;
	fixture_init(&f, &c);
	make_group(&f, NULL, true);
	fixture_pass(&f, USEC_PER_SEC);
	/* nothing has been deployed yet: in service at once */
	h = fixture_launch(&f, "i-first");
	fixture_pass(&f, USEC_PER_SEC);
	assert_int_equal(h->state, DEPLOY_HOST_RUNNING);
	newest(&f, "autoscaling", &n);
	assert_int_equal(n, 0);
	deploy_well(&f, "v1");
	assert_string_equal(h->version, "v1");
	/* an alarm that rings does not keep the fleet from growing */
	sim_deploy_set_alarm(f.world, "busy");
	h = fixture_launch(&f, "i-new");
	fixture_pass(&f, USEC_PER_SEC);
	assert_int_equal(h->state, DEPLOY_HOST_WAITING);
	assert_int_equal(h->health, DEPLOY_TARGET_ABSENT);
	d = newest(&f, "autoscaling", &n);
	assert_int_equal(n, 1);
	d = fixture_finish(&f, d->deployment_id, 10 * MINUTE);
	assert_string_equal(d->status, "Succeeded");
	assert_int_equal(d->deployment_overview->succeeded.v, 1);
	assert_string_equal(d->deployment_style->deployment_type, "IN_PLACE");
	assert_string_equal(d->revision->s3_location->key, "v1");
	t = fixture_target(&f, d->deployment_id, "i-new");
	assert_int_equal(t->lifecycle_events.n, 7);
	assert_int_equal(h->state, DEPLOY_HOST_RUNNING);
	assert_int_equal(h->health, DEPLOY_TARGET_HEALTHY);
	assert_string_equal(h->version, "v1");
	/* it is no part of the group's history, which names the hook */
	assert_string_not_equal(
		fixture_group(&f)->last_successful_deployment->deployment_id, d->deployment_id);
	assert_non_null(strstr(fixture_group(&f)->auto_scaling_groups.v[0].hook,
		"CodeDeploy-managed-automatic-launch-deployment-hook-group-"));
	newest(&f, "CodeDeployAutoUpdate", &n);
	assert_int_equal(n, 0);
	fixture_release(&f);
}

static void test_a_failed_launch_is_abandoned(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {.fails = fails_where_told, .arg = (void *)"i-bad"};
	const struct codedeploy_deployment_info *d;
	struct sim_host *h, *stopped;
	struct codedeploy_stop_deployment_request stop = {0};
	struct codedeploy_stop_deployment_response answer;
	size_t n;

	(void)state;
	fixture_init(&f, &c);
	make_group(&f, NULL, true);
	deploy_well(&f, "v1");
	h = fixture_launch(&f, "i-bad");
	fixture_pass(&f, USEC_PER_SEC);
	d = fixture_finish(&f, newest(&f, "autoscaling", &n)->deployment_id, 10 * MINUTE);
	assert_string_equal(d->status, "Failed");
	assert_true(h->abandoned);
	/* no rollback: what ran before runs on */
	assert_null(d->rollback_info);
	newest(&f, "codeDeployRollback", &n);
	assert_int_equal(n, 0);
	/* stopped by somebody */
	stopped = fixture_launch(&f, "i-stopped");
	fixture_pass(&f, USEC_PER_SEC);
	stop.deployment_id = newest(&f, "autoscaling", &n)->deployment_id;
	OK(&f, deploy_stop_deployment(f.e, &f.call, &stop, &answer, &f.err));
	d = fixture_finish(&f, stop.deployment_id, 10 * MINUTE);
	assert_string_equal(d->status, "Stopped");
	assert_true(stopped->abandoned);
	fixture_release(&f);
}

static int gone_step(struct db_tx *tx, void *arg, struct err *err)
{
	return journal_append(arg, tx,
		&(struct journal_entry){.kind = "fleet.instance",
			.subject = "i-new",
			.detail = "{\"instanceId\":\"i-new\",\"state\":\"shutting-down\","
				  "\"autoScalingGroupName\":\"fleet\"}"},
		err);
}

static void test_ends_with_its_instance(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {.command_usec = 30 * USEC_PER_SEC};
	const struct codedeploy_deployment_info *d;
	struct sim_host *h;
	size_t n;

	(void)state;
	fixture_init(&f, &c);
	make_group(&f, NULL, false);
	deploy_well(&f, "v1");
	h = fixture_launch(&f, "i-new");
	fixture_pass(&f, 10 * USEC_PER_SEC);
	h->state = DEPLOY_HOST_GONE;
	h->busy_until = 0;
	OK(&f, durable_step(f.d, gone_step, f.d, &f.err));
	fixture_pass(&f, USEC_PER_SEC);
	d = newest(&f, "autoscaling", &n);
	assert_string_equal(d->status, "Failed");
	assert_false(h->abandoned);
	fixture_release(&f);
}

/* Launched while v2 is deployed: it gets v1, and v2 afterwards unless the group says otherwise. */
static void launched_meanwhile(const char *strategy, bool ends_first)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {.command_usec = 10 * USEC_PER_SEC};
	const struct codedeploy_deployment_info *d, *update;
	const char *id, *launch;
	struct sim_host *h;
	size_t n;

	fixture_init(&f, &c);
	make_group(&f, strategy, false);
	deploy_well(&f, "v1");
	id = fixture_deploy(&f, "v2");
	fixture_pass(&f, 10 * USEC_PER_SEC);
	if (!ends_first) { /* the launch's deployment ends after this one */
		while (fixture_deployment(&f, id)->deployment_overview->succeeded.v < 1)
			fixture_pass(&f, 5 * USEC_PER_SEC);
		fixture_pass(&f, MINUTE);
	}
	assert_false(fixture_deployment(&f, id)->complete_time.set);
	h = fixture_launch(&f, "i-new");
	fixture_pass(&f, USEC_PER_SEC);
	launch = newest(&f, "autoscaling", &n)->deployment_id;
	d = fixture_finish(&f, launch, 30 * MINUTE);
	assert_string_equal(d->status, "Succeeded");
	assert_string_equal(d->revision->s3_location->key, "v1");
	assert_string_equal(fixture_finish(&f, id, 60 * MINUTE)->status, "Succeeded");
	if (ends_first)
		assert_true(d->complete_time.usec < fixture_deployment(&f, id)->complete_time.usec);
	fixture_pass(&f, USEC_PER_SEC);
	update = newest(&f, "CodeDeployAutoUpdate", &n);
	if (streq(strategy, "IGNORE")) {
		assert_int_equal(n, 0);
		assert_string_equal(h->version, "v1");
		fixture_release(&f);
		return;
	}
	assert_int_equal(n, 1);
	assert_string_equal(
		update->related_deployments->auto_update_outdated_instances_root_deployment_id, id);
	d = fixture_deployment(&f, id);
	assert_string_equal(
		d->related_deployments->auto_update_outdated_instances_deployment_ids.v[0],
		update->deployment_id);
	update = fixture_finish(&f, update->deployment_id, 60 * MINUTE);
	assert_string_equal(update->status, "Succeeded");
	assert_int_equal(update->deployment_overview->succeeded.v, 1);
	assert_string_equal(h->version, "v2");
	assert_int_equal(h->health, DEPLOY_TARGET_HEALTHY);
	fixture_pass(&f, 10 * MINUTE); /* and that was all */
	newest(&f, "CodeDeployAutoUpdate", &n);
	assert_int_equal(n, 1);
	fixture_release(&f);
}

static void test_is_brought_up_to_date(void **state)
{
	(void)state;
	launched_meanwhile("UPDATE", true);
}

static void test_is_brought_up_to_date_afterwards(void **state)
{
	(void)state;
	launched_meanwhile("UPDATE", false);
}

static void test_stays_behind(void **state)
{
	(void)state;
	launched_meanwhile("IGNORE", true);
}

struct entering {
	struct fixture *f;
	struct sim_host *h;
};

static int enter_step(struct db_tx *tx, void *arg, struct err *err)
{
	const struct entering *x = arg;

	return sim_deploy_enter_service(x->f->world, tx, x->h, err);
}

/* It has v1 and waits for a hook of somebody else while v2 comes: it gets v2 once in service. */
static void test_is_brought_up_to_date_once_in_service(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {0};
	const struct codedeploy_deployment_info *d;
	struct sim_host *h;
	size_t n;

	(void)state;
	fixture_init(&f, &c);
	make_group(&f, NULL, false);
	deploy_well(&f, "v1");
	h = fixture_launch(&f, "i-new");
	h->held = true;
	fixture_pass(&f, USEC_PER_SEC);
	d = fixture_finish(&f, newest(&f, "autoscaling", &n)->deployment_id, 10 * MINUTE);
	assert_string_equal(d->status, "Succeeded");
	assert_int_equal(h->state, DEPLOY_HOST_WAITING);
	deploy_well(&f, "v2");
	fixture_pass(&f, MINUTE);
	assert_string_equal(h->version, "v1");
	OK(&f, durable_step(f.d, enter_step, &(struct entering){&f, h}, &f.err));
	fixture_pass(&f, USEC_PER_SEC);
	d = newest(&f, "CodeDeployAutoUpdate", &n);
	assert_int_equal(n, 1);
	assert_string_equal(fixture_finish(&f, d->deployment_id, 10 * MINUTE)->status, "Succeeded");
	assert_string_equal(h->version, "v2");
	fixture_release(&f);
}

/* While all instances are launched, and get v1, there is none to deploy to. */
static void test_deployments_leave_launches_alone(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {0};
	const struct codedeploy_deployment_info *d;
	struct sim_host *h;

	(void)state;
	fixture_init(&f, &c);
	make_group(&f, NULL, false);
	deploy_well(&f, "v1");
	for (size_t i = 0; i < 2; i++)
		sim_deploy_host(f.world, i)->state = DEPLOY_HOST_GONE;
	h = sim_deploy_add_host(f.world, "i-new", "fleet", false);
	h->state = DEPLOY_HOST_WAITING;
	d = fixture_finish(&f, fixture_deploy(&f, "v2"), MINUTE);
	assert_string_equal(d->status, "Failed");
	assert_string_equal(d->error_information->code, "NO_INSTANCES");
	fixture_release(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gets_the_last_successful_revision),
		cmocka_unit_test(test_a_failed_launch_is_abandoned),
		cmocka_unit_test(test_ends_with_its_instance),
		cmocka_unit_test(test_is_brought_up_to_date),
		cmocka_unit_test(test_is_brought_up_to_date_afterwards),
		cmocka_unit_test(test_is_brought_up_to_date_once_in_service),
		cmocka_unit_test(test_stays_behind),
		cmocka_unit_test(test_deployments_leave_launches_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
