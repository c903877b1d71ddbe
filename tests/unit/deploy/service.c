/* SPDX-License-Identifier: Apache-2.0 */
/* Deployments to a container service in simulated time: shifts, waits, hooks, and the way back
 * from every phase. */
#include "service_fixture.h"

static const struct service_group all_at_once = {
	.config = "CodeDeployDefault.ECSAllAtOnce", .rollback = true, .alarm = true};
static const struct service_group canary = {
	.config = "CodeDeployDefault.ECSCanary10Percent5Minutes",
	.rollback = true,
	.alarm = true,
	.termination_minutes = 10};
static const struct service_group linear = {
	.config = "CodeDeployDefault.ECSLinear10PercentEvery3Minutes", .rollback = true};

static void open_with(struct fixture *f, const struct service_group *g)
{
	static struct sim_deploy_config c;

	c = (struct sim_deploy_config){0};
	fixture_init(f, &c);
	service_group_create(f, g);
}

static void assert_status(const struct codedeploy_deployment_info *d, const char *status)
{
	if (!streq(d->status, status))
		fail_msg("%s is %s, not %s: %s %s", d->deployment_id, d->status, status,
			d->error_information ? d->error_information->code : "",
			d->error_information ? d->error_information->message : "");
}

static void assert_error(
	const struct codedeploy_deployment_info *d, const char *code, const char *words)
{
	assert_non_null(d->error_information);
	assert_string_equal(d->error_information->code, code);
	if (!strstr(d->error_information->message, words))
		fail_msg("\"%s\" does not say \"%s\"", d->error_information->message, words);
}

static void sound_alarm(struct fixture *f)
{
	OK(f, durable_step(f->d, service_tell_alarm, f, &f->err));
}

/* Passes time until the event is under way. */
static void until_event(struct fixture *f, const char *id, const char *event, const char *status)
{
	for (int i = 0; i < 4000; i++) {
		const struct codedeploy_deployment_info *d = fixture_deployment(f, id);

		if (d->start_time.set && streq(service_event(f, id, event)->status, status))
			return;
		fixture_pass(f, USEC_PER_SEC);
	}
	fail_msg("%s did not become %s", event, status);
}

/* The traffic is where it was, on the first version, and the replacement is gone. */
static void assert_back(struct fixture *f, const struct codedeploy_deployment_info *d)
{
	const struct sim_service *s = sim_deploy_service(f->world);
	const char *id;

	assert_non_null(d->rollback_info);
	id = d->rollback_info->rollback_deployment_id;
	assert_non_null(id);
	d = fixture_finish(f, id, 10 * MINUTE);
	assert_status(d, "Succeeded");
	assert_string_equal(d->creator, "codeDeployRollback");
	assert_string_equal(service_serving(f), "web:1");
	assert_int_equal(service_sets(f), 1);
	assert_true(s->sets[0].there && s->sets[0].primary);
	assert_int_equal(s->test_share, 0);
}

/* ---- forward ---- */

static void test_all_at_once(void **state)
{
	static const char *const events[] = {"BeforeInstall", "Install", "AfterInstall",
		"BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"};
	const struct codedeploy_deployment_info *d;
	const struct codedeploy_ecs_target *t;
	struct fixture f = {0};
	const char *id;

	(void)state;
	open_with(&f, &all_at_once);
	id = service_deploy(&f, "web:2", "");
	d = fixture_finish(&f, id, 10 * MINUTE);
	assert_status(d, "Succeeded");
	assert_string_equal(d->compute_platform, "ECS");
	assert_null(d->revision->app_spec_content->content);
	assert_int_equal(strlen(d->revision->app_spec_content->sha256), 64);
	assert_string_equal(service_serving(&f), "web:2");
	assert_int_equal(service_sets(&f), 1);
	t = service_target(&f, id);
	assert_string_equal(t->status, "Succeeded");
	assert_string_equal(t->target_arn, "arn:aws:ecs:us-east-1:123456789012:service/prod/web");
	assert_int_equal(t->lifecycle_events.n, ARRAY_SIZE(events));
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		assert_string_equal(t->lifecycle_events.v[i].lifecycle_event_name, events[i]);
		assert_string_equal(t->lifecycle_events.v[i].status, "Succeeded");
		assert_null(t->lifecycle_events.v[i].diagnostics);
	}
	assert_int_equal(t->task_sets_info.n, 1);
	assert_string_equal(t->task_sets_info.v[0].task_set_label, "Green");
	assert_string_equal(t->task_sets_info.v[0].status, "PRIMARY");
	assert_true(t->task_sets_info.v[0].traffic_weight.v == 100);
	/* The roles of the target groups change with each deployment. */
	id = service_deploy(&f, "web:3", "");
	assert_status(fixture_finish(&f, id, 10 * MINUTE), "Succeeded");
	assert_string_equal(service_serving(&f), "web:3");
	assert_int_equal(sim_deploy_service(f.world)->share, 0);
	fixture_release(&f);
}

/* The original does not go: after two hours the deployment has succeeded without that, and says so.
 */
static void test_original_stays(void **state)
{
	const struct codedeploy_deployment_info *d;
	struct fixture f = {0};
	const char *id;

	(void)state;
	open_with(&f, &all_at_once);
	sim_deploy_service(f.world)->clings = true;
	id = service_deploy(&f, "web:2", "");
	until_event(&f, id, "AfterAllowTraffic", "Succeeded");
	fixture_pass(&f, 100 * MINUTE);
	assert_status(fixture_deployment(&f, id), "InProgress");
	d = fixture_finish(&f, id, 40 * MINUTE);
	assert_status(d, "Succeeded");
	assert_string_equal(d->additional_deployment_status_info,
		"The original task set could not be deleted: it still has tasks after 2 hours");
	assert_string_equal(service_serving(&f), "web:2");
	assert_null(d->rollback_info);
	fixture_release(&f);
}

static void test_canary(void **state)
{
	const struct codedeploy_deployment_info *d;
	const struct sim_service *s;
	struct fixture f = {0};
	const char *id;

	(void)state;
	open_with(&f, &canary);
	s = sim_deploy_service(f.world);
	id = service_deploy(&f, "web:2", "");
	until_event(&f, id, "AfterAllowTraffic", "Succeeded");
	assert_int_equal(s->n_moves, 2);
	assert_int_equal(s->moves[0].share, 10);
	assert_int_equal(s->moves[1].share, 100);
	assert_true(s->moves[1].usec - s->moves[0].usec >= 5 * MINUTE);
	assert_true(s->moves[1].usec - s->moves[0].usec < 5 * MINUTE + 5 * USEC_PER_SEC);
	/* The original is kept for the way back. */
	d = fixture_deployment(&f, id);
	assert_status(d, "InProgress");
	assert_true(d->instance_termination_wait_time_started.v);
	assert_int_equal(service_sets(&f), 2);
	fixture_pass(&f, 9 * MINUTE);
	assert_int_equal(service_sets(&f), 2);
	assert_status(fixture_finish(&f, id, 3 * MINUTE), "Succeeded");
	assert_int_equal(service_sets(&f), 1);
	fixture_release(&f);
}

static void test_linear(void **state)
{
	const struct sim_service *s;
	struct fixture f = {0};
	const char *id;

	(void)state;
	open_with(&f, &linear);
	s = sim_deploy_service(f.world);
	id = service_deploy(&f, "web:2", "");
	assert_status(fixture_finish(&f, id, 60 * MINUTE), "Succeeded");
	assert_int_equal(s->n_moves, 10);
	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(s->moves[i].share, 10 * (i + 1));
		if (i)
			assert_true(s->moves[i].usec - s->moves[i - 1].usec >= 3 * MINUTE);
	}
	fixture_release(&f);
}

/* Two days of shifting, in simulated time. */
static void test_custom_linear(void **state)
{
	struct codedeploy_time_based_linear steps = {
		.linear_percentage = WIRE_SET_INT(30), .linear_interval = WIRE_SET_INT(900)};
	struct codedeploy_traffic_routing_config routing = {
		.type = "TimeBasedLinear", .time_based_linear = &steps};
	struct codedeploy_create_deployment_config_request config = {
		.deployment_config_name = "Slow",
		.compute_platform = "ECS",
		.traffic_routing_config = &routing};
	struct codedeploy_create_deployment_config_response resp = {0};
	const struct service_group g = {.config = "Slow"};
	static const int shares[] = {30, 60, 90, 100};
	struct sim_deploy_config c = {0};
	const struct sim_service *s;
	struct fixture f = {0};
	const char *id;

	(void)state;
	fixture_init(&f, &c);
	OK(&f, deploy_create_deployment_config(f.e, &f.call, &config, &resp, &f.err));
	service_group_create(&f, &g);
	s = sim_deploy_service(f.world);
	id = service_deploy(&f, "web:2", "");
	while (!fixture_deployment(&f, id)->complete_time.set &&
		clock_now(&f.clock) < START + 60 * 60 * MINUTE) {
		int64_t next = clock_now(&f.clock) + 10 * MINUTE;

		OK(&f, durable_run(f.d, true, next, &f.err));
		clock_set(&f.clock, MAX(next, clock_now(&f.clock)));
	}
	assert_status(fixture_deployment(&f, id), "Succeeded");
	assert_int_equal(s->n_moves, ARRAY_SIZE(shares));
	for (size_t i = 0; i < ARRAY_SIZE(shares); i++)
		assert_int_equal(s->moves[i].share, shares[i]);
	assert_true(s->moves[3].usec - s->moves[0].usec >= 3 * 900 * MINUTE);
	fixture_release(&f);
}

static void continue_it(struct fixture *f, const char *id, const char *wait)
{
	struct codedeploy_continue_deployment_request req = {
		.deployment_id = id, .deployment_wait_type = wait};

	OK(f, deploy_continue_deployment(f->e, &f->call, &req, NULL, &f->err));
}

static void test_waits(void **state)
{
	const struct service_group g = {.config = "CodeDeployDefault.ECSAllAtOnce",
		.test_listener = true,
		.ready_minutes = 60,
		.termination_minutes = 60};
	struct codedeploy_skip_wait_time_for_instance_termination_request skip = {0};
	struct fixture f = {0};
	const char *id;

	(void)state;
	open_with(&f, &g);
	id = service_deploy(&f, "web:2", "");
	until_event(&f, id, "AfterAllowTestTraffic", "Succeeded");
	assert_status(fixture_deployment(&f, id), "Ready");
	assert_int_equal(sim_deploy_service(f.world)->test_share, 100);
	assert_string_equal(service_serving(&f), "web:1");
	fixture_pass(&f, 30 * MINUTE);
	assert_status(fixture_deployment(&f, id), "Ready");
	continue_it(&f, id, NULL);
	until_event(&f, id, "AfterAllowTraffic", "Succeeded");
	assert_status(fixture_deployment(&f, id), "InProgress");
	continue_it(&f, id, "TERMINATION_WAIT");
	assert_status(fixture_finish(&f, id, 2 * MINUTE), "Succeeded");
	/* and by the older operation; nobody says go on: it is stopped */
	id = service_deploy(&f, "web:3", "");
	until_event(&f, id, "AfterAllowTestTraffic", "Succeeded");
	continue_it(&f, id, "READY_WAIT");
	until_event(&f, id, "AfterAllowTraffic", "Succeeded");
	skip.deployment_id = id;
	OK(&f, deploy_skip_wait_time_for_instance_termination(f.e, &f.call, &skip, NULL, &f.err));
	assert_status(fixture_finish(&f, id, 2 * MINUTE), "Succeeded");
	id = service_deploy(&f, "web:4", "");
	assert_status(fixture_finish(&f, id, 90 * MINUTE), "Stopped");
	assert_string_equal(service_serving(&f), "web:3");
	/* What it left goes before the next one installs. */
	id = service_deploy(&f, "web:5", "");
	until_event(&f, id, "AfterInstall", "Succeeded");
	assert_int_equal(service_sets(&f), 2);
	fixture_release(&f);
}

/* ---- back ---- */

static void test_alarm_in_canary(void **state)
{
	const struct codedeploy_deployment_info *d;
	const struct sim_service *s;
	struct fixture f = {0};
	int64_t alarmed;
	const char *id;

	(void)state;
	open_with(&f, &canary);
	s = sim_deploy_service(f.world);
	id = service_deploy(&f, "web:2", "");
	until_event(&f, id, "AllowTraffic", "InProgress");
	fixture_pass(&f, 2 * MINUTE);
	assert_int_equal(s->share, 10);
	alarmed = clock_now(&f.clock);
	sound_alarm(&f);
	OK(&f, durable_run(f.d, false, alarmed, &f.err));
	assert_int_equal(s->share, 0); /* at once */
	assert_int_equal(clock_now(&f.clock), alarmed);
	d = fixture_deployment(&f, id);
	assert_status(d, "Stopped");
	assert_error(d, "ALARM_ACTIVE", "errors");
	assert_back(&f, d);
	fixture_release(&f);
}

/* All traffic has moved, the original waits for its end: the way back is still there. */
static void test_alarm_in_termination_wait(void **state)
{
	struct fixture f = {0};
	const char *id;

	(void)state;
	open_with(&f, &canary);
	id = service_deploy(&f, "web:2", "");
	until_event(&f, id, "AfterAllowTraffic", "Succeeded");
	assert_string_equal(service_serving(&f), "web:2");
	fixture_pass(&f, 5 * MINUTE);
	sound_alarm(&f);
	fixture_pass(&f, USEC_PER_SEC);
	assert_string_equal(service_serving(&f), "web:1");
	assert_back(&f, fixture_deployment(&f, id));
	fixture_release(&f);
}

static void test_alarm_before_traffic(void **state)
{
	struct fixture f = {0};
	const char *id;

	(void)state;
	open_with(&f, &canary);
	id = service_deploy(&f, "web:2", "");
	until_event(&f, id, "Install", "InProgress");
	sound_alarm(&f);
	fixture_pass(&f, USEC_PER_SEC);
	assert_status(fixture_deployment(&f, id), "Stopped");
	assert_back(&f, fixture_deployment(&f, id));
	fixture_release(&f);
}

static void test_install_fails(void **state)
{
	const struct codedeploy_deployment_info *d;
	struct fixture f = {0};
	const char *id;

	(void)state;
	open_with(&f, &all_at_once);
	id = service_deploy(&f, "crash:1", "");
	d = fixture_finish(&f, id, 5 * MINUTE);
	assert_status(d, "Failed");
	assert_error(d, "CUSTOMER_APPLICATION_UNHEALTHY", "the container web exited with code 1");
	assert_string_equal(service_event(&f, id, "Install")->status, "Failed");
	assert_string_equal(service_event(&f, id, "AllowTraffic")->status, "Skipped");
	assert_back(&f, d);
	/* Tasks that run and never get healthy have an hour. */
	id = service_deploy(&f, "slow:1", "");
	d = fixture_finish(&f, id, 50 * MINUTE);
	assert_status(d, "InProgress");
	d = fixture_finish(&f, id, 15 * MINUTE);
	assert_status(d, "Failed");
	assert_error(d, "TIMEOUT", "health checks failed with these codes: [500]");
	assert_back(&f, d);
	fixture_release(&f);
}

/* A target of group "b" has changed its state. */
static int tell_target(struct db_tx *tx, void *arg, struct err *err)
{
	struct fixture *f = arg;

	return journal_append(f->d, tx,
		&(struct journal_entry){.kind = "elbv2.target",
			.subject = "arn",
			.detail = "{\"targetGroupName\":\"b\",\"targetId\":\"10.0.0.1\","
				  "\"state\":\"unhealthy\"}"},
		err);
}

/* The replacement sickens while it has 10% of the traffic. */
static void test_sick_in_canary(void **state)
{
	const struct codedeploy_deployment_info *d;
	struct fixture f = {0};
	const char *id;

	(void)state;
	open_with(&f, &canary);
	id = service_deploy(&f, "sick:1", "");
	d = fixture_finish(&f, id, 20 * MINUTE);
	assert_status(d, "Failed");
	assert_error(d, "CUSTOMER_APPLICATION_UNHEALTHY", "for 5 minutes");
	assert_back(&f, d);
	assert_int_equal(sim_deploy_service(f.world)->n_moves, 2); /* 10, then back */
	/* Told of it by the load balancer, it fails before the shift is due. */
	id = service_deploy(&f, "sick:2", "");
	until_event(&f, id, "AllowTraffic", "InProgress");
	fixture_pass(&f, 2 * MINUTE);
	OK(&f, durable_step(f.d, tell_target, &f, &f.err));
	fixture_pass(&f, 5 * MINUTE - 30 * USEC_PER_SEC);
	assert_status(fixture_deployment(&f, id), "InProgress");
	fixture_pass(&f, MINUTE);
	assert_status(fixture_deployment(&f, id), "Failed");
	assert_back(&f, fixture_deployment(&f, id));
	fixture_release(&f);
}

static void stop_it(struct fixture *f, const char *id, bool rollback)
{
	struct codedeploy_stop_deployment_request req = {
		.deployment_id = id, .auto_rollback_enabled = WIRE_SET_BOOL(rollback)};
	struct codedeploy_stop_deployment_response resp = {0};

	OK(f, deploy_stop_deployment(f->e, &f->call, &req, &resp, &f->err));
	assert_string_equal(resp.status, "Succeeded");
}

static void test_stop(void **state)
{
	const struct codedeploy_deployment_info *d;
	struct fixture f = {0};
	const char *id;

	(void)state;
	open_with(&f, &linear);
	id = service_deploy(&f, "web:2", "");
	until_event(&f, id, "AllowTraffic", "InProgress");
	fixture_pass(&f, 4 * MINUTE);
	stop_it(&f, id, true);
	d = fixture_deployment(&f, id);
	assert_status(d, "Stopped");
	assert_error(d, "MANUAL_STOP", "stopped by request");
	assert_back(&f, d);
	/* Without a rollback all stays as it was at that moment. */
	id = service_deploy(&f, "web:3", "");
	until_event(&f, id, "AllowTraffic", "InProgress");
	fixture_pass(&f, 4 * MINUTE);
	stop_it(&f, id, false);
	fixture_pass(&f, 10 * MINUTE);
	assert_null(fixture_deployment(&f, id)->rollback_info);
	assert_string_equal(service_serving(&f), "shared");
	/* The next one sets out from the original. */
	id = service_deploy(&f, "web:4", "");
	assert_status(fixture_finish(&f, id, 60 * MINUTE), "Succeeded");
	assert_string_equal(service_serving(&f), "web:4");
	assert_int_equal(service_sets(&f), 1);
	fixture_release(&f);
}

static void test_stop_too_late(void **state)
{
	struct codedeploy_stop_deployment_request req = {0};
	struct codedeploy_stop_deployment_response resp = {0};
	struct fixture f = {0};
	const char *id;

	(void)state;
	open_with(&f, &all_at_once);
	req.deployment_id = id = service_deploy(&f, "web:2", "");
	until_event(&f, id, "AfterAllowTraffic", "Succeeded");
	assert_status(fixture_deployment(&f, id), "InProgress"); /* the original is going */
	FAILS(&f, "DeploymentAlreadyCompletedException",
		deploy_stop_deployment(f.e, &f.call, &req, &resp, &f.err));
	sound_alarm(&f);
	assert_status(fixture_finish(&f, id, 2 * MINUTE), "Succeeded");
	assert_string_equal(service_serving(&f), "web:2");
	fixture_release(&f);
}

/* ---- hooks ---- */

/* The id that the function of the hook has to hand back, from the event's diagnostics. */
static const char *execution_id(struct fixture *f, const char *id, const char *event)
{
	const char *text = service_event(f, id, event)->diagnostics->message;
	const char *at = strstr(text, "lifecycleEventHookExecutionId ");

	assert_non_null(at);
	at += strlen("lifecycleEventHookExecutionId ");
	return arena_strndup(&f->arena, at, strcspn(at, "."));
}

static int put_status(struct fixture *f, const char *id, const char *execution, const char *status)
{
	struct codedeploy_put_lifecycle_event_hook_execution_status_request req = {
		.deployment_id = id,
		.lifecycle_event_hook_execution_id = execution,
		.status = status};
	struct codedeploy_put_lifecycle_event_hook_execution_status_response resp = {0};

	return deploy_put_lifecycle_event_hook_execution_status(
		f->e, &f->call, &req, &resp, &f->err);
}

static void test_function_hooks(void **state)
{
	static const char *const events[] = {"BeforeInstall", "AfterInstall",
		"AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"};
	const struct service_group g = {.config = "CodeDeployDefault.ECSAllAtOnce",
		.test_listener = true,
		.rollback = true};
	struct str hooks CLEANUP_STR = STR_INIT;
	const char *id, *execution = NULL;
	struct fixture f = {0};

	(void)state;
	open_with(&f, &g);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		str_addf(&hooks, "  - %s: check-%zu\n", events[i], i);
	id = service_deploy(&f, "web:2", str_text(&hooks));
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		until_event(&f, id, events[i], "InProgress");
		fixture_pass(&f, 20 * MINUTE);
		execution = execution_id(&f, id, events[i]);
		FAILS(&f, "InvalidLifecycleEventHookExecutionIdException",
			put_status(&f, id, "other", "Succeeded"));
		FAILS(&f, "InvalidLifecycleEventHookExecutionStatusException",
			put_status(&f, id, execution, "Skipped"));
		OK(&f, put_status(&f, id, execution, "Succeeded"));
		FAILS(&f, "LifecycleEventAlreadyCompletedException",
			put_status(&f, id, execution, "Succeeded"));
	}
	assert_status(fixture_finish(&f, id, 5 * MINUTE), "Succeeded");
	FAILS(&f, "LifecycleEventAlreadyCompletedException",
		put_status(&f, id, execution, "Failed"));
	fixture_release(&f);
}

static void test_hook_fails(void **state)
{
	const struct codedeploy_deployment_info *d;
	const struct codedeploy_lifecycle_event *event;
	struct fixture f = {0};
	const char *id;

	(void)state;
	open_with(&f, &all_at_once);
	id = service_deploy(&f, "web:2", "  - BeforeAllowTraffic: smoke\n");
	until_event(&f, id, "BeforeAllowTraffic", "InProgress");
	OK(&f, put_status(&f, id, execution_id(&f, id, "BeforeAllowTraffic"), "Failed"));
	d = fixture_deployment(&f, id);
	assert_status(d, "Failed");
	assert_error(d, "HOOK_EXECUTION_FAILURE", "BeforeAllowTraffic (smoke)");
	assert_back(&f, d);
	/* One that nobody answers fails after an hour. */
	id = service_deploy(&f, "web:3", "  - AfterAllowTraffic: smoke\n");
	until_event(&f, id, "AfterAllowTraffic", "InProgress");
	fixture_pass(&f, 59 * MINUTE);
	assert_status(fixture_deployment(&f, id), "InProgress");
	fixture_pass(&f, 2 * MINUTE);
	d = fixture_deployment(&f, id);
	assert_status(d, "Failed");
	assert_error(d, "HOOK_EXECUTION_FAILURE", "3600 seconds");
	event = service_event(&f, id, "AfterAllowTraffic");
	assert_string_equal(event->diagnostics->error_code, "ScriptTimedOut");
	assert_back(&f, d);
	fixture_release(&f);
}

static void test_build_hooks(void **state)
{
	const struct codedeploy_deployment_info *d;
	const struct sim_service *s;
	struct fixture f = {0};
	const char *id;

	(void)state;
	open_with(&f, &all_at_once);
	s = sim_deploy_service(f.world);
	id = service_deploy(&f, "web:2",
		"  - BeforeInstall: build:check\n"
		"  - AfterAllowTraffic: "
		"arn:aws:codebuild:us-east-1:123456789012:project/other\n");
	assert_status(fixture_finish(&f, id, 10 * MINUTE), "Succeeded");
	assert_int_equal(s->n_runs, 2);
	assert_string_equal(s->runs[0].what, "check");
	assert_string_equal(s->runs[1].what, "other");
	id = service_deploy(&f, "web:3", "  - AfterInstall: build:fails\n");
	d = fixture_finish(&f, id, 10 * MINUTE);
	assert_error(d, "HOOK_EXECUTION_FAILURE", "Phase BUILD: exit status 1");
	id = d->rollback_info->rollback_deployment_id;
	assert_status(fixture_finish(&f, id, 10 * MINUTE), "Succeeded");
	id = service_deploy(&f, "web:4", "  - AfterInstall: build:missing\n");
	d = fixture_finish(&f, id, 10 * MINUTE);
	assert_error(d, "HOOK_EXECUTION_FAILURE", "there is no project missing");
	id = d->rollback_info->rollback_deployment_id;
	assert_status(fixture_finish(&f, id, 10 * MINUTE), "Succeeded");
	/* A build that runs while the deployment is stopped is ended. */
	id = service_deploy(&f, "web:5", "  - AfterInstall: build:hangs\n");
	until_event(&f, id, "AfterInstall", "InProgress");
	fixture_pass(&f, MINUTE);
	stop_it(&f, id, true);
	fixture_pass(&f, USEC_PER_SEC);
	assert_true(s->runs[s->n_runs - 1].stopped);
	fixture_release(&f);
}

static void test_script_hook(void **state)
{
	struct codedeploy_s3_location s3 = {
		.bucket = "b", .key = "release.zip", .bundle_type = "zip"};
	struct codedeploy_revision_location revision = {.revision_type = "S3", .s3_location = &s3};
	struct codedeploy_create_deployment_request req = {
		.application_name = "app", .deployment_group_name = "group", .revision = &revision};
	struct codedeploy_create_deployment_response resp = {0};
	const struct codedeploy_deployment_info *d;
	struct sim_service *s;
	struct fixture f = {0};
	const char *id;

	(void)state;
	open_with(&f, &all_at_once);
	s = sim_deploy_service(f.world);
	OK(&f, deploy_create_deployment(f.e, &f.call, &req, &resp, &f.err));
	d = fixture_finish(&f, resp.deployment_id, MINUTE);
	assert_error(d, "REVISION_MISSING", "there is no object s3://b/release.zip");
	s->appspec = service_appspec(&f, "web:2", "  - AfterInstall: script:hooks/smoke.sh\n");
	OK(&f, deploy_create_deployment(f.e, &f.call, &req, &resp, &f.err));
	assert_status(fixture_finish(&f, resp.deployment_id, 10 * MINUTE), "Succeeded");
	assert_string_equal(s->runs[0].what, "hooks/smoke.sh");
	/* An AppSpec alone has no scripts. */
	id = service_deploy(&f, "web:3", "  - AfterInstall: script:hooks/smoke.sh\n");
	assert_error(fixture_finish(&f, id, MINUTE), "INVALID_REVISION", "AppSpec alone");
	fixture_release(&f);
}

/* ---- what is refused ---- */

static void test_bad_deployments(void **state)
{
	struct sim_service *s;
	struct fixture f = {0};
	const char *id;

	(void)state;
	open_with(&f, &all_at_once);
	s = sim_deploy_service(f.world);
	FAILS(&f, "InvalidRevisionException", service_try_deploy(&f, "version: 0.0\n", &id));
	id = service_deploy(&f, "missing:1", "");
	assert_error(fixture_finish(&f, id, MINUTE), "INVALID_REVISION", "missing:1");
	s->rolling = true;
	id = service_deploy(&f, "web:2", "");
	assert_error(fixture_finish(&f, id, MINUTE), "INVALID_ECS_SERVICE", "CODE_DEPLOY");
	s->rolling = false;
	s->missing = true;
	id = service_deploy(&f, "web:2", "");
	assert_error(fixture_finish(&f, id, MINUTE), "INVALID_ECS_SERVICE", "no service web");
	s->missing = false;
	snprintf(s->sets[0].group, sizeof(s->sets[0].group), "c");
	id = service_deploy(&f, "web:2", "");
	assert_error(fixture_finish(&f, id, MINUTE), "ELASTIC_LOAD_BALANCING_INVALID",
		"behind the target group c");
	assert_int_equal(service_sets(&f), 1);
	fixture_release(&f);
}

static void test_bad_groups(void **state)
{
	struct codedeploy_create_deployment_group_response resp = {0};
	struct codedeploy_create_deployment_group_request *req;
	struct fixture f = {0};

	(void)state;
	open_with(&f, &all_at_once);
#define REFUSED(wire_name, change)                                                         \
	do {                                                                               \
		req = service_request(&f, &all_at_once);                                   \
		req->deployment_group_name = "other";                                      \
		req->ecs_services.v[0].service_name = "other";                             \
		change;                                                                    \
		FAILS(&f, wire_name,                                                       \
			deploy_create_deployment_group(f.e, &f.call, req, &resp, &f.err)); \
	} while (0)
	REFUSED("ECSServiceMappingLimitExceededException",
		req->ecs_services.v[0].service_name = "web");
	REFUSED("InvalidECSServiceException", req->ecs_services.n = 0);
	REFUSED("InvalidTargetGroupPairException", req->load_balancer_info = NULL);
	REFUSED("InvalidTargetGroupPairException",
		req->load_balancer_info->target_group_pair_info_list.v[0].target_groups.n = 1);
	REFUSED("InvalidTargetGroupPairException",
		req->load_balancer_info->target_group_pair_info_list.v[0].target_groups.v[1].name =
			"a");
	REFUSED("InvalidTargetGroupPairException",
		req->load_balancer_info->target_group_pair_info_list.v[0]
			.prod_traffic_route->listener_arns.n = 0);
	REFUSED("InvalidTargetGroupPairException",
		req->load_balancer_info->target_group_pair_info_list.v[0].test_traffic_route =
			req->load_balancer_info->target_group_pair_info_list.v[0]
				.prod_traffic_route);
	REFUSED("InvalidBlueGreenDeploymentConfigurationException",
		req->blue_green_deployment_configuration
			->terminate_blue_instances_on_deployment_success->action = "KEEP_ALIVE");
	REFUSED("InvalidDeploymentConfigNameException",
		req->deployment_config_name = "CodeDeployDefault.AllAtOnce");
	REFUSED("InvalidAutoScalingGroupException", ({
		wire_list_alloc(&f.arena, &req->auto_scaling_groups, 1);
		req->auto_scaling_groups.v[0] = "fleet";
	}));
#undef REFUSED
	fixture_release(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_original_stays),
		cmocka_unit_test(test_canary),
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_custom_linear),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_alarm_in_canary),
		cmocka_unit_test(test_alarm_in_termination_wait),
		cmocka_unit_test(test_alarm_before_traffic),
		cmocka_unit_test(test_install_fails),
		cmocka_unit_test(test_sick_in_canary),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_stop_too_late),
		cmocka_unit_test(test_function_hooks),
		cmocka_unit_test(test_hook_fails),
		cmocka_unit_test(test_build_hooks),
		cmocka_unit_test(test_script_hook),
		cmocka_unit_test(test_bad_deployments),
		cmocka_unit_test(test_bad_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
