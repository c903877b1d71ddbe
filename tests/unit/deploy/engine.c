/* SPDX-License-Identifier: Apache-2.0 */
/* Whole deployments in simulated time: in place and blue/green, failing, stopped, rolled back. */
#include "fixture.h"

static struct codedeploy_auto_scaling_group_name_list fleet_names(struct fixture *f)
{
	struct codedeploy_auto_scaling_group_name_list list;

	wire_list_alloc(&f->arena, &list, 1);
	list.v[0] = "fleet";
	return list;
}

static struct codedeploy_load_balancer_info *balancer(struct fixture *f)
{
	struct codedeploy_load_balancer_info *lb =
		arena_new(&f->arena, struct codedeploy_load_balancer_info);

	wire_list_alloc(&f->arena, &lb->target_group_info_list, 1);
	lb->target_group_info_list.v[0].name = "tg";
	return lb;
}

static struct codedeploy_auto_rollback_configuration *rollback_on_all(struct fixture *f)
{
	struct codedeploy_auto_rollback_configuration *c =
		arena_new(&f->arena, struct codedeploy_auto_rollback_configuration);

	c->enabled = WIRE_SET_BOOL(true);
	wire_list_alloc(&f->arena, &c->events, 3);
	c->events.v[0] = CODEDEPLOY_AUTO_ROLLBACK_EVENT_DEPLOYMENT_FAILURE;
	c->events.v[1] = CODEDEPLOY_AUTO_ROLLBACK_EVENT_DEPLOYMENT_STOP_ON_ALARM;
	c->events.v[2] = CODEDEPLOY_AUTO_ROLLBACK_EVENT_DEPLOYMENT_STOP_ON_REQUEST;
	return c;
}

static void group_of(struct fixture *f, struct codedeploy_create_deployment_group_request *req)
{
	struct codedeploy_create_deployment_group_response resp = {0};

	req->application_name = "app";
	req->deployment_group_name = "group";
	req->service_role_arn = ROLE;
	req->auto_scaling_groups = fleet_names(f);
	OK(f, deploy_create_deployment_group(f->e, &f->call, req, &resp, &f->err));
}

static void in_place(struct fixture *f, const char *config, size_t n, bool balanced, bool rollback)
{
	struct codedeploy_deployment_style style = {
		.deployment_type = CODEDEPLOY_DEPLOYMENT_TYPE_IN_PLACE,
		.deployment_option =
			balanced ? CODEDEPLOY_DEPLOYMENT_OPTION_WITH_TRAFFIC_CONTROL
				 : CODEDEPLOY_DEPLOYMENT_OPTION_WITHOUT_TRAFFIC_CONTROL};
	struct codedeploy_create_deployment_group_request req = {.deployment_config_name = config,
		.deployment_style = &style,
		.load_balancer_info = balanced ? balancer(f) : NULL,
		.auto_rollback_configuration = rollback ? rollback_on_all(f) : NULL};

	fixture_application(f);
	group_of(f, &req);
	for (size_t i = 0; i < n; i++) {
		char id[16];

		snprintf(id, sizeof(id), "i-%zu", i);
		sim_deploy_add_host(f->world, id, "fleet", balanced);
	}
}

static void assert_status(const struct codedeploy_deployment_info *d, const char *status)
{
	if (!streq(d->status, status))
		fail_msg("%s is %s, not %s: %s %s", d->deployment_id, d->status, status,
			d->error_information ? d->error_information->code : "",
			d->error_information ? d->error_information->message : "");
}

static void assert_versions(struct fixture *f, const char *version)
{
	struct sim_host *h;

	for (size_t i = 0; (h = sim_deploy_host(f->world, i)); i++)
		if (h->state == DEPLOY_HOST_RUNNING)
			assert_string_equal(h->version, version);
}

static bool fails_bad(void *arg, const struct sim_host *h, const char *event, const char *version)
{
	(void)arg;
	(void)h;
	return streq(event, "ValidateService") && streq(version, "bad");
}

/* ---- in place ---- */

static void test_in_place(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {0};
	const struct codedeploy_instance_target *t;
	const struct codedeploy_deployment_info *d;
	const char *id;

	(void)state;
	fixture_init(&f, &c);
	in_place(&f, "CodeDeployDefault.AllAtOnce", 3, false, false);
	id = fixture_deploy(&f, "v1");
	assert_status(fixture_deployment(&f, id), "Created");
	d = fixture_finish(&f, id, 10 * MINUTE);
	assert_status(d, "Succeeded");
	assert_int_equal(d->deployment_overview->succeeded.v, 3);
	assert_int_equal(d->deployment_overview->pending.v, 0);
	assert_versions(&f, "v1");
	t = fixture_target(&f, id, "i-1");
	assert_int_equal(t->lifecycle_events.n, 7);
	assert_string_equal(t->lifecycle_events.v[0].lifecycle_event_name, "ApplicationStop");
	assert_string_equal(t->lifecycle_events.v[6].lifecycle_event_name, "ValidateService");
	for (size_t i = 0; i < 7; i++) {
		assert_string_equal(t->lifecycle_events.v[i].status, "Succeeded");
		assert_true(t->lifecycle_events.v[i].end_time.usec >=
			    t->lifecycle_events.v[i].start_time.usec);
		if (i)
			assert_true(t->lifecycle_events.v[i].start_time.usec >=
				    t->lifecycle_events.v[i - 1].end_time.usec);
	}
	fixture_release(&f);
}

static void test_one_active(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {0};
	struct codedeploy_create_deployment_request req = {0};
	const char *id, *second;

	(void)state;
	fixture_init(&f, &c);
	in_place(&f, "CodeDeployDefault.AllAtOnce", 1, false, false);
	id = fixture_deploy(&f, "v1");
	assert_int_equal(fixture_try_deploy(&f, "v2", &req, &second), -1);
	assert_string_equal(f.err.wire, "DeploymentLimitExceededException");
	assert_non_null(strstr(err_message(&f.err), id));
	fixture_release(&f);
}

/* Balanced: at most one of the fleet is out of the traffic at a time. */
static void all_but_one_serve(struct fixture *f)
{
	assert_true(sim_deploy_serving(f->world) >= 3);
}

static void test_one_at_a_time_balanced(void **state)
{
	struct fixture f = {.check = NULL};
	struct sim_deploy_config c = {0};
	const struct codedeploy_deployment_info *d;

	(void)state;
	fixture_init(&f, &c);
	in_place(&f, "CodeDeployDefault.OneAtATime", 4, true, false);
	f.check = all_but_one_serve;
	d = fixture_finish(&f, fixture_deploy(&f, "v1"), 60 * MINUTE);
	assert_status(d, "Succeeded");
	assert_int_equal(sim_deploy_serving(f.world), 4);
	assert_versions(&f, "v1");
	assert_int_equal(fixture_target(&f, d->deployment_id, "i-0")->lifecycle_events.n, 13);
	fixture_release(&f);
}

static void test_failure_rolls_back(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {.fails = fails_bad};
	const struct codedeploy_deployment_info *d, *r;

	(void)state;
	fixture_init(&f, &c);
	in_place(&f, "CodeDeployDefault.OneAtATime", 3, false, true);
	assert_status(fixture_finish(&f, fixture_deploy(&f, "v1"), 60 * MINUTE), "Succeeded");
	d = fixture_finish(&f, fixture_deploy(&f, "bad"), 60 * MINUTE);
	assert_status(d, "Failed");
	assert_string_equal(d->error_information->code, "HEALTH_CONSTRAINTS");
	assert_int_equal(d->deployment_overview->failed.v, 1);
	assert_int_equal(d->deployment_overview->skipped.v, 2);
	assert_non_null(d->rollback_info->rollback_deployment_id);
	r = fixture_finish(&f, d->rollback_info->rollback_deployment_id, 60 * MINUTE);
	assert_status(r, "Succeeded");
	assert_string_equal(r->creator, "codeDeployRollback");
	assert_string_equal(r->rollback_info->rollback_triggering_deployment_id, d->deployment_id);
	assert_versions(&f, "v1");
	fixture_release(&f);
}

static void test_first_failure_has_no_way_back(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {.fails = fails_bad};
	const struct codedeploy_deployment_info *d;
	const struct codedeploy_instance_target *t;

	(void)state;
	fixture_init(&f, &c);
	in_place(&f, "CodeDeployDefault.AllAtOnce", 1, false, true);
	d = fixture_finish(&f, fixture_deploy(&f, "bad"), 60 * MINUTE);
	assert_status(d, "Failed");
	assert_null(d->rollback_info->rollback_deployment_id);
	assert_non_null(d->rollback_info->rollback_message);
	t = fixture_target(&f, d->deployment_id, "i-0");
	assert_string_equal(t->lifecycle_events.v[6].status, "Failed");
	assert_string_equal(t->lifecycle_events.v[6].diagnostics->error_code, "ScriptFailed");
	assert_string_equal(t->lifecycle_events.v[6].diagnostics->log_tail, "oh");
	fixture_release(&f);
}

static void test_silent_agent(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {0};
	const struct codedeploy_deployment_info *d;

	(void)state;
	fixture_init(&f, &c);
	in_place(&f, "CodeDeployDefault.AllAtOnce", 1, false, false);
	sim_deploy_host(f.world, 0)->mood = SIM_AGENT_SILENT;
	d = fixture_finish(&f, fixture_deploy(&f, "v1"), 10 * MINUTE);
	assert_status(d, "Failed");
	assert_string_equal(d->error_information->code, "AGENT_ISSUE");
	assert_in_range(d->complete_time.usec - d->create_time.usec, 5 * MINUTE, 6 * MINUTE);
	fixture_release(&f);
}

static void test_hanging_event(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {0};
	const struct codedeploy_deployment_info *d;

	(void)state;
	fixture_init(&f, &c);
	in_place(&f, "CodeDeployDefault.AllAtOnce", 1, false, false);
	sim_deploy_host(f.world, 0)->mood = SIM_AGENT_HANGS;
	d = fixture_finish(&f, fixture_deploy(&f, "v1"), 70 * MINUTE);
	assert_status(d, "Failed");
	assert_string_equal(d->error_information->code, "HEALTH_CONSTRAINTS");
	assert_in_range(d->complete_time.usec - d->create_time.usec, 60 * MINUTE, 61 * MINUTE);
	fixture_release(&f);
}

static void test_missing_revision(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {0};
	const struct codedeploy_deployment_info *d;

	(void)state;
	fixture_init(&f, &c);
	in_place(&f, "CodeDeployDefault.AllAtOnce", 1, false, true);
	d = fixture_finish(&f, fixture_deploy(&f, "missing"), MINUTE);
	assert_status(d, "Failed");
	assert_string_equal(d->error_information->code, "REVISION_MISSING");
	fixture_release(&f);
}

static void test_no_instances(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {0};
	const struct codedeploy_deployment_info *d;

	(void)state;
	fixture_init(&f, &c);
	in_place(&f, "CodeDeployDefault.AllAtOnce", 0, false, false);
	d = fixture_finish(&f, fixture_deploy(&f, "v1"), MINUTE);
	assert_status(d, "Failed");
	assert_string_equal(d->error_information->code, "NO_INSTANCES");
	fixture_release(&f);
}

static void stop(struct fixture *f, const char *id, const char *expected)
{
	struct codedeploy_stop_deployment_request req = {.deployment_id = id};
	struct codedeploy_stop_deployment_response resp = {0};

	OK(f, deploy_stop_deployment(f->e, &f->call, &req, &resp, &f->err));
	assert_string_equal(resp.status, expected);
}

static void test_stop(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {.command_usec = 20 * USEC_PER_SEC};
	const struct codedeploy_deployment_info *d;
	struct codedeploy_stop_deployment_request again;
	struct codedeploy_stop_deployment_response resp = {0};
	const char *id;

	(void)state;
	fixture_init(&f, &c);
	in_place(&f, "CodeDeployDefault.AllAtOnce", 2, false, false);
	id = fixture_deploy(&f, "v1");
	fixture_pass(&f, 3 * USEC_PER_SEC);
	stop(&f, id, "Pending"); /* scripts run, and may end */
	d = fixture_finish(&f, id, 5 * MINUTE);
	assert_status(d, "Stopped");
	assert_string_equal(d->error_information->code, "MANUAL_STOP");
	assert_int_equal(d->deployment_overview->skipped.v, 2);
	again = (struct codedeploy_stop_deployment_request){.deployment_id = id};
	FAILS(&f, "DeploymentAlreadyCompletedException",
		deploy_stop_deployment(f.e, &f.call, &again, &resp, &f.err));
	fixture_release(&f);
}

/* ---- blue/green ---- */

static void blue_green(
	struct fixture *f, size_t n, const char *ready, int wait, int termination, bool keep)
{
	struct codedeploy_deployment_style style = {
		.deployment_type = CODEDEPLOY_DEPLOYMENT_TYPE_BLUE_GREEN,
		.deployment_option = CODEDEPLOY_DEPLOYMENT_OPTION_WITH_TRAFFIC_CONTROL};
	struct codedeploy_deployment_ready_option ready_option = {
		.action_on_timeout = ready, .wait_time_in_minutes = WIRE_SET_INT(wait)};
	struct codedeploy_blue_instance_termination_option end = {
		.action = keep ? CODEDEPLOY_INSTANCE_ACTION_KEEP_ALIVE
			       : CODEDEPLOY_INSTANCE_ACTION_TERMINATE,
		.termination_wait_time_in_minutes = WIRE_SET_INT(termination)};
	struct codedeploy_green_fleet_provisioning_option green = {
		.action = CODEDEPLOY_GREEN_FLEET_PROVISIONING_ACTION_COPY_AUTO_SCALING_GROUP};
	struct codedeploy_blue_green_deployment_configuration config = {
		.deployment_ready_option = &ready_option,
		.terminate_blue_instances_on_deployment_success = &end,
		.green_fleet_provisioning_option = &green};
	struct codedeploy_alarm_configuration alarms = {.enabled = WIRE_SET_BOOL(true)};
	struct codedeploy_create_deployment_group_request req = {
		.deployment_config_name = "CodeDeployDefault.AllAtOnce",
		.deployment_style = &style,
		.blue_green_deployment_configuration = &config,
		.load_balancer_info = balancer(f),
		.alarm_configuration = &alarms,
		.auto_rollback_configuration = rollback_on_all(f)};

	wire_list_alloc(&f->arena, &alarms.alarms, 1);
	alarms.alarms.v[0].name = "errors";
	fixture_application(f);
	group_of(f, &req);
	for (size_t i = 0; i < n; i++) {
		char id[16];

		snprintf(id, sizeof(id), "i-%zu", i);
		strcpy(sim_deploy_add_host(f->world, id, "fleet", true)->version, "v0");
	}
}

/* The service is never without a healthy host. */
static void always_served(struct fixture *f)
{
	assert_true(sim_deploy_serving(f->world) >= 2);
}

static void assert_serving(struct fixture *f, const char *version)
{
	struct sim_host *h;

	for (size_t i = 0; (h = sim_deploy_host(f->world, i)); i++)
		if (h->health == DEPLOY_TARGET_HEALTHY)
			assert_string_equal(h->version, version);
	assert_int_equal(sim_deploy_serving(f->world), 2);
}

static void test_blue_green(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {0};
	const struct codedeploy_deployment_info *d;
	struct codedeploy_get_deployment_group_request req = {
		.application_name = "app", .deployment_group_name = "group"};
	struct codedeploy_get_deployment_group_response resp = {0};

	(void)state;
	fixture_init(&f, &c);
	blue_green(&f, 2, "CONTINUE_DEPLOYMENT", 0, 0, false);
	f.check = always_served;
	d = fixture_finish(&f, fixture_deploy(&f, "v1"), 60 * MINUTE);
	assert_status(d, "Succeeded");
	assert_int_equal(d->deployment_overview->succeeded.v, 4);
	assert_serving(&f, "v1");
	assert_int_equal(sim_deploy_host(f.world, 0)->state, DEPLOY_HOST_GONE);
	OK(&f, deploy_get_deployment_group(f.e, &f.call, &req, &resp, &f.err));
	assert_int_equal(resp.deployment_group_info->auto_scaling_groups.n, 1);
	assert_true(starts_with(
		resp.deployment_group_info->auto_scaling_groups.v[0].name, "CodeDeploy_group_d-"));
	assert_string_equal(resp.deployment_group_info->target_revision->s3_location->key, "v1");
	/* And once more, from the fleet that was green. */
	d = fixture_finish(&f, fixture_deploy(&f, "v2"), 60 * MINUTE);
	assert_status(d, "Succeeded");
	assert_serving(&f, "v2");
	fixture_release(&f);
}

static void test_blue_green_failure(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {.fails = fails_bad};
	const struct codedeploy_deployment_info *d;

	(void)state;
	fixture_init(&f, &c);
	blue_green(&f, 2, "CONTINUE_DEPLOYMENT", 0, 0, false);
	f.check = always_served;
	d = fixture_finish(&f, fixture_deploy(&f, "bad"), 60 * MINUTE);
	assert_status(d, "Failed");
	assert_non_null(d->rollback_info->rollback_deployment_id);
	d = fixture_finish(&f, d->rollback_info->rollback_deployment_id, 60 * MINUTE);
	assert_status(d, "Succeeded");
	assert_serving(&f, "v0");
	assert_int_equal(sim_deploy_host(f.world, 2)->state, DEPLOY_HOST_GONE);
	fixture_release(&f);
}

static void raise_alarm(struct fixture *f, const char *name)
{
	sim_deploy_set_alarm(f->world, name);
}

static int append_alarm(struct db_tx *tx, void *arg, struct err *err)
{
	struct fixture *f = arg;
	struct journal_entry e = {.kind = "cloudwatch.alarm",
		.subject = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:errors",
		.detail = "{\"alarmName\":\"errors\",\"state\":\"ALARM\"}"};

	return journal_append(f->d, tx, &e, err);
}

static void test_alarm_in_termination_wait(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {0};
	const struct codedeploy_deployment_info *d;
	const char *id;

	(void)state;
	fixture_init(&f, &c);
	blue_green(&f, 2, "CONTINUE_DEPLOYMENT", 0, 5, false);
	f.check = always_served;
	id = fixture_deploy(&f, "v1");
	fixture_pass(&f, 2 * MINUTE);
	d = fixture_deployment(&f, id);
	assert_status(d, "InProgress");
	assert_true(d->instance_termination_wait_time_started.v);
	assert_serving(&f, "v1");
	raise_alarm(&f, "errors");
	OK(&f, durable_step(f.d, append_alarm, &f, &f.err));
	d = fixture_finish(&f, id, MINUTE);
	assert_status(d, "Stopped");
	assert_string_equal(d->error_information->code, "ALARM_ACTIVE");
	d = fixture_finish(&f, d->rollback_info->rollback_deployment_id, 10 * MINUTE);
	assert_status(d, "Succeeded");
	assert_serving(&f, "v0");
	fixture_release(&f);
}

static void test_alarm_at_start(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {0};
	const struct codedeploy_deployment_info *d;

	(void)state;
	fixture_init(&f, &c);
	blue_green(&f, 2, "CONTINUE_DEPLOYMENT", 0, 5, false);
	raise_alarm(&f, "errors");
	d = fixture_finish(&f, fixture_deploy(&f, "v1"), MINUTE);
	assert_status(d, "Stopped");
	assert_string_equal(d->error_information->code, "ALARM_ACTIVE");
	assert_serving(&f, "v0");
	fixture_release(&f);
}

static void test_ready_wait(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {0};
	const struct codedeploy_deployment_info *d;
	struct codedeploy_continue_deployment_request req = {0};
	struct codedeploy_continue_deployment_response resp = {0};

	(void)state;
	fixture_init(&f, &c);
	blue_green(&f, 2, "STOP_DEPLOYMENT", 30, 0, true);
	f.check = always_served;
	req.deployment_id = fixture_deploy(&f, "v1");
	FAILS(&f, "DeploymentIsNotInReadyStateException",
		deploy_continue_deployment(f.e, &f.call, &req, &resp, &f.err));
	fixture_pass(&f, 2 * MINUTE);
	assert_status(fixture_deployment(&f, req.deployment_id), "Ready");
	assert_serving(&f, "v0");
	OK(&f, deploy_continue_deployment(f.e, &f.call, &req, &resp, &f.err));
	d = fixture_finish(&f, req.deployment_id, 10 * MINUTE);
	assert_status(d, "Succeeded");
	assert_serving(&f, "v1");
	assert_int_equal(sim_deploy_host(f.world, 0)->state, DEPLOY_HOST_RUNNING); /* kept */
	fixture_release(&f);
}

static void test_ready_wait_expires(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {0};
	const struct codedeploy_deployment_info *d;

	(void)state;
	fixture_init(&f, &c);
	blue_green(&f, 2, "STOP_DEPLOYMENT", 30, 0, true);
	d = fixture_finish(&f, fixture_deploy(&f, "v1"), 60 * MINUTE);
	assert_status(d, "Stopped");
	assert_in_range(d->complete_time.usec - d->create_time.usec, 30 * MINUTE, 33 * MINUTE);
	assert_serving(&f, "v0");
	fixture_release(&f);
}

/* ---- restarts ---- */

static void test_restart(void **state)
{
	struct fixture f = {0};
	struct sim_deploy_config c = {0};
	const struct codedeploy_deployment_info *d;
	const char *id;

	(void)state;
	fixture_init(&f, &c);
	blue_green(&f, 2, "CONTINUE_DEPLOYMENT", 0, 2, false);
	f.check = always_served;
	id = fixture_deploy(&f, "v1");
	for (int i = 0; i < 40; i++) {
		fixture_pass(&f, 3 * USEC_PER_SEC);
		fixture_close(&f);
		fixture_open(&f);
	}
	d = fixture_finish(&f, id, 30 * MINUTE);
	assert_status(d, "Succeeded");
	assert_serving(&f, "v1");
	fixture_release(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_one_active),
		cmocka_unit_test(test_one_at_a_time_balanced),
		cmocka_unit_test(test_failure_rolls_back),
		cmocka_unit_test(test_first_failure_has_no_way_back),
		cmocka_unit_test(test_silent_agent),
		cmocka_unit_test(test_hanging_event),
		cmocka_unit_test(test_missing_revision),
		cmocka_unit_test(test_no_instances),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_blue_green),
		cmocka_unit_test(test_blue_green_failure),
		cmocka_unit_test(test_alarm_in_termination_wait),
		cmocka_unit_test(test_alarm_at_start),
		cmocka_unit_test(test_ready_wait),
		cmocka_unit_test(test_ready_wait_expires),
		cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
