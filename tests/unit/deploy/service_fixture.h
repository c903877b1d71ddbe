/* SPDX-License-Identifier: Apache-2.0 */
/* Deployments to the simulated container service, for the tests of deploy/. */
#ifndef TESTS_UNIT_DEPLOY_SERVICE_FIXTURE_H
#define TESTS_UNIT_DEPLOY_SERVICE_FIXTURE_H

#include "fixture.h"

/* What a deployment group of these tests can say; the rest is always the same. */
struct service_group {
	const char *config;
	bool test_listener, rollback, alarm;
	int ready_minutes; /* 0: goes on by itself */
	int termination_minutes;
};

static inline struct codedeploy_load_balancer_info *service_pair(struct fixture *f, bool test)
{
	struct codedeploy_load_balancer_info *lb =
		arena_new(&f->arena, struct codedeploy_load_balancer_info);
	struct codedeploy_target_group_pair_info *pair;

	wire_list_alloc(&f->arena, &lb->target_group_pair_info_list, 1);
	pair = &lb->target_group_pair_info_list.v[0];
	wire_list_alloc(&f->arena, &pair->target_groups, 2);
	pair->target_groups.v[0].name = "a";
	pair->target_groups.v[1].name = "b";
	pair->prod_traffic_route = arena_new(&f->arena, struct codedeploy_traffic_route);
	wire_list_alloc(&f->arena, &pair->prod_traffic_route->listener_arns, 1);
	pair->prod_traffic_route->listener_arns.v[0] = SIM_LISTENER;
	if (!test)
		return lb;
	pair->test_traffic_route = arena_new(&f->arena, struct codedeploy_traffic_route);
	wire_list_alloc(&f->arena, &pair->test_traffic_route->listener_arns, 1);
	pair->test_traffic_route->listener_arns.v[0] = SIM_TEST_LISTENER;
	return lb;
}

static inline struct codedeploy_blue_green_deployment_configuration *service_options(
	struct fixture *f, const struct service_group *g)
{
	struct codedeploy_blue_green_deployment_configuration *c =
		arena_new(&f->arena, struct codedeploy_blue_green_deployment_configuration);
	struct codedeploy_deployment_ready_option *ready =
		arena_new(&f->arena, struct codedeploy_deployment_ready_option);
	struct codedeploy_blue_instance_termination_option *end =
		arena_new(&f->arena, struct codedeploy_blue_instance_termination_option);

	ready->action_on_timeout = g->ready_minutes ? "STOP_DEPLOYMENT" : "CONTINUE_DEPLOYMENT";
	ready->wait_time_in_minutes = WIRE_SET_INT(g->ready_minutes);
	end->action = "TERMINATE";
	end->termination_wait_time_in_minutes = WIRE_SET_INT(g->termination_minutes);
	c->deployment_ready_option = ready;
	c->terminate_blue_instances_on_deployment_success = end;
	return c;
}

/* The request for group "group" of application "app". */
static inline struct codedeploy_create_deployment_group_request *service_request(
	struct fixture *f, const struct service_group *g)
{
	static const char *events[] = {
		"DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"};
	struct codedeploy_create_deployment_group_request *req =
		arena_new(&f->arena, struct codedeploy_create_deployment_group_request);

	req->application_name = "app";
	req->deployment_group_name = "group";
	req->service_role_arn = ROLE;
	req->deployment_config_name = g->config;
	wire_list_alloc(&f->arena, &req->ecs_services, 1);
	req->ecs_services.v[0] =
		(struct codedeploy_ecs_service){.cluster_name = "prod", .service_name = "web"};
	req->load_balancer_info = service_pair(f, g->test_listener);
	req->blue_green_deployment_configuration = service_options(f, g);
	req->auto_rollback_configuration =
		arena_new(&f->arena, struct codedeploy_auto_rollback_configuration);
	req->auto_rollback_configuration->enabled = WIRE_SET_BOOL(g->rollback);
	wire_list_alloc(&f->arena, &req->auto_rollback_configuration->events, 3);
	for (size_t i = 0; i < 3; i++)
		req->auto_rollback_configuration->events.v[i] = events[i];
	if (!g->alarm)
		return req;
	req->alarm_configuration = arena_new(&f->arena, struct codedeploy_alarm_configuration);
	req->alarm_configuration->enabled = WIRE_SET_BOOL(true);
	wire_list_alloc(&f->arena, &req->alarm_configuration->alarms, 1);
	req->alarm_configuration->alarms.v[0].name = "errors";
	return req;
}

static inline void service_group_create(struct fixture *f, const struct service_group *g)
{
	struct codedeploy_create_application_request app = {
		.application_name = "app", .compute_platform = "ECS"};
	struct codedeploy_create_application_response app_resp = {0};
	struct codedeploy_create_deployment_group_response resp = {0};

	OK(f, deploy_create_application(f->e, &f->call, &app, &app_resp, &f->err));
	OK(f, deploy_create_deployment_group(
		      f->e, &f->call, service_request(f, g), &resp, &f->err));
}

/* An AppSpec for this task definition; hooks as YAML list entries, or "". */
static inline const char *service_appspec(
	struct fixture *f, const char *task_definition, const char *hooks)
{
	return arena_printf(&f->arena,
		"version: 0.0\n"
		"Resources:\n"
		"  - TargetService:\n"
		"      Type: AWS::ECS::Service\n"
		"      Properties:\n"
		"        TaskDefinition: \"%s\"\n"
		"        LoadBalancerInfo:\n"
		"          ContainerName: web\n"
		"          ContainerPort: 80\n"
		"%s%s",
		task_definition, *hooks ? "Hooks:\n" : "", hooks);
}

static inline int service_try_deploy(struct fixture *f, const char *appspec, const char **ret_id)
{
	struct codedeploy_app_spec_content content = {.content = appspec};
	struct codedeploy_revision_location revision = {
		.revision_type = "AppSpecContent", .app_spec_content = &content};
	struct codedeploy_create_deployment_request req = {
		.application_name = "app", .deployment_group_name = "group", .revision = &revision};
	struct codedeploy_create_deployment_response resp = {0};
	int rc = deploy_create_deployment(f->e, &f->call, &req, &resp, &f->err);

	*ret_id = resp.deployment_id;
	return rc;
}

static inline const char *service_deploy(
	struct fixture *f, const char *task_definition, const char *hooks)
{
	const char *id;

	OK(f, service_try_deploy(f, service_appspec(f, task_definition, hooks), &id));
	return id;
}

static inline const struct codedeploy_ecs_target *service_target(struct fixture *f, const char *id)
{
	struct codedeploy_get_deployment_target_request req = {
		.deployment_id = id, .target_id = "prod:web"};
	struct codedeploy_get_deployment_target_response resp = {0};

	OK(f, deploy_get_deployment_target(f->e, &f->call, &req, &resp, &f->err));
	assert_string_equal(resp.deployment_target->deployment_target_type, "ECSTarget");
	return resp.deployment_target->ecs_target;
}

static inline const struct codedeploy_lifecycle_event *service_event(
	struct fixture *f, const char *id, const char *name)
{
	const struct codedeploy_ecs_target *t = service_target(f, id);

	wire_foreach (it, &t->lifecycle_events)
		if (streq(it->lifecycle_event_name, name))
			return it;
	fail_msg("no event %s", name);
	return NULL;
}

/* An alarm changes its state, as signal tells it. */
static inline int service_tell_alarm(struct db_tx *tx, void *arg, struct err *err)
{
	struct fixture *f = arg;

	return journal_append(f->d, tx,
		&(struct journal_entry){.kind = "cloudwatch.alarm",
			.subject = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:errors",
			.detail = "{\"alarmName\":\"errors\",\"state\":\"ALARM\","
				  "\"previousState\":\"OK\",\"reason\":\"r\"}"},
		err);
}

/* The task definition that gets all of the production traffic, or "shared". */
static inline const char *service_serving(struct fixture *f)
{
	const struct sim_service *s = sim_deploy_service(f->world);
	const struct sim_task_set *set = s->share == 0	   ? sim_service_behind(s, "a")
					 : s->share == 100 ? sim_service_behind(s, "b")
							   : NULL;

	return set ? set->task_definition : "shared";
}

static inline size_t service_sets(struct fixture *f)
{
	const struct sim_service *s = sim_deploy_service(f->world);
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->sets[i].there;
	return n;
}

#endif
