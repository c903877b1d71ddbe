/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on deployment groups. */
#include "base/id.h"
#include "base/mem.h"
#include "deploy/operation.h"
#include "deploy/scale_out.h"
#include "deploy/tags.h"
#include "store/deploy_group.h"

/* ---- what is absent gets its default ---- */

static bool is_server(const struct codedeploy_deployment_group_info *g)
{
	return streq(g->compute_platform, CODEDEPLOY_COMPUTE_PLATFORM_SERVER);
}

static void default_style(struct codedeploy_deployment_group_info *g, struct arena *a)
{
	struct codedeploy_deployment_style *s = arena_new(a, struct codedeploy_deployment_style);

	if (g->deployment_style)
		*s = *g->deployment_style;
	if (!s->deployment_type)
		s->deployment_type = is_server(g) ? CODEDEPLOY_DEPLOYMENT_TYPE_IN_PLACE
						  : CODEDEPLOY_DEPLOYMENT_TYPE_BLUE_GREEN;
	if (!s->deployment_option)
		s->deployment_option =
			streq(s->deployment_type, CODEDEPLOY_DEPLOYMENT_TYPE_BLUE_GREEN)
				? CODEDEPLOY_DEPLOYMENT_OPTION_WITH_TRAFFIC_CONTROL
				: CODEDEPLOY_DEPLOYMENT_OPTION_WITHOUT_TRAFFIC_CONTROL;
	g->deployment_style = s;
}

/* Clients rely on both waits being there. */
static void default_blue_green(struct codedeploy_deployment_group_info *g, struct arena *a)
{
	struct codedeploy_blue_green_deployment_configuration *c;
	struct codedeploy_deployment_ready_option *ready;
	struct codedeploy_blue_instance_termination_option *end;

	if (!streq(g->deployment_style->deployment_type, CODEDEPLOY_DEPLOYMENT_TYPE_BLUE_GREEN))
		return;
	c = arena_new(a, struct codedeploy_blue_green_deployment_configuration);
	ready = arena_new(a, struct codedeploy_deployment_ready_option);
	end = arena_new(a, struct codedeploy_blue_instance_termination_option);
	if (g->blue_green_deployment_configuration)
		*c = *g->blue_green_deployment_configuration;
	if (c->deployment_ready_option)
		*ready = *c->deployment_ready_option;
	if (c->terminate_blue_instances_on_deployment_success)
		*end = *c->terminate_blue_instances_on_deployment_success;
	if (!ready->action_on_timeout)
		ready->action_on_timeout = CODEDEPLOY_DEPLOYMENT_READY_ACTION_CONTINUE_DEPLOYMENT;
	ready->wait_time_in_minutes = WIRE_SET_INT(wire_or(ready->wait_time_in_minutes, 0));
	if (!end->action)
		end->action = CODEDEPLOY_INSTANCE_ACTION_TERMINATE;
	end->termination_wait_time_in_minutes =
		WIRE_SET_INT(wire_or(end->termination_wait_time_in_minutes, 0));
	if (!c->green_fleet_provisioning_option && is_server(g)) {
		c->green_fleet_provisioning_option =
			arena_new(a, struct codedeploy_green_fleet_provisioning_option);
		c->green_fleet_provisioning_option->action =
			g->auto_scaling_groups.n == 1
				? CODEDEPLOY_GREEN_FLEET_PROVISIONING_ACTION_COPY_AUTO_SCALING_GROUP
				: CODEDEPLOY_GREEN_FLEET_PROVISIONING_ACTION_DISCOVER_EXISTING;
	}
	c->deployment_ready_option = ready;
	c->terminate_blue_instances_on_deployment_success = end;
	g->blue_green_deployment_configuration = c;
}

/* A service is in the cluster "default" when none is named. */
static void default_cluster(struct codedeploy_deployment_group_info *g, struct arena *a)
{
	struct codedeploy_ecs_service_list list;

	wire_list_alloc(a, &list, g->ecs_services.n);
	for (size_t i = 0; i < g->ecs_services.n; i++) {
		list.v[i] = g->ecs_services.v[i];
		if (!list.v[i].cluster_name || !*list.v[i].cluster_name)
			list.v[i].cluster_name = "default";
	}
	if (list.n)
		g->ecs_services = list;
}

static void fill_defaults(struct codedeploy_deployment_group_info *g, struct arena *a)
{
	if (!g->deployment_config_name)
		g->deployment_config_name = is_server(g) ? "CodeDeployDefault.OneAtATime"
							 : "CodeDeployDefault.ECSAllAtOnce";
	if (!g->outdated_instances_strategy && is_server(g))
		g->outdated_instances_strategy = CODEDEPLOY_OUTDATED_INSTANCES_STRATEGY_UPDATE;
	default_style(g, a);
	default_blue_green(g, a);
	default_cluster(g, a);
}

static void set_fleets(struct codedeploy_deployment_group_info *g,
	const struct codedeploy_auto_scaling_group_name_list *names, struct arena *a)
{
	wire_list_alloc(a, &g->auto_scaling_groups, names->n);
	for (size_t i = 0; i < names->n; i++)
		g->auto_scaling_groups.v[i] =
			(struct codedeploy_auto_scaling_group){.name = names->v[i]};
}

/* Without container services there is nothing to deploy to. */
static int check_world(const struct deploy_engine *e,
	const struct codedeploy_deployment_group_info *g, struct err *err)
{
	if (!streq(g->compute_platform, CODEDEPLOY_COMPUTE_PLATFORM_ECS) || e->ports->service_get)
		return 0;
	return err_set_wire(err, "InvalidInputException",
		"This server runs no container services: deployment groups for the compute "
		"platform ECS cannot be made");
}

/* ---- operations ---- */

static void from_request(const struct codedeploy_create_deployment_group_request *req,
	struct arena *a, struct codedeploy_deployment_group_info *g)
{
	g->deployment_group_name = req->deployment_group_name;
	g->deployment_config_name = req->deployment_config_name;
	g->service_role_arn = req->service_role_arn;
	g->ec2_tag_filters = req->ec2_tag_filters;
	g->ec2_tag_set = req->ec2_tag_set;
	g->on_premises_instance_tag_filters = req->on_premises_instance_tag_filters;
	g->on_premises_tag_set = req->on_premises_tag_set;
	g->trigger_configurations = req->trigger_configurations;
	g->alarm_configuration = req->alarm_configuration;
	g->auto_rollback_configuration = req->auto_rollback_configuration;
	g->outdated_instances_strategy = req->outdated_instances_strategy;
	g->deployment_style = req->deployment_style;
	g->blue_green_deployment_configuration = req->blue_green_deployment_configuration;
	g->load_balancer_info = req->load_balancer_info;
	g->ecs_services = req->ecs_services;
	g->termination_hook_enabled = req->termination_hook_enabled;
	set_fleets(g, &req->auto_scaling_groups, a);
}

static int create(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_create_deployment_group_request *req = op->req;
	struct codedeploy_create_deployment_group_response *resp = op->resp;
	struct codedeploy_deployment_group_info group = {0}, other;
	struct codedeploy_application_info app;
	int found;

	if (need_application(tx, req->application_name, op->a, &app, err) < 0)
		return -1;
	from_request(req, op->a, &group);
	group.application_name = app.application_name;
	group.compute_platform = app.compute_platform;
	group.deployment_group_id = arena_strdup(op->a, id_uuid().text);
	fill_defaults(&group, op->a);
	if (check_world(op->e, &group, err) < 0 || deploy_group_check(tx, &group, op->a, err) < 0)
		return -1;
	found = store_deploy_group_find(
		tx, app.application_id, req->deployment_group_name, op->a, &other, err);
	if (found < 0)
		return -1;
	if (found)
		return err_set_wire(err, "DeploymentGroupAlreadyExistsException",
			"Deployment group already exists: %s", req->deployment_group_name);
	if (store_deploy_group_insert(tx, app.application_id, &group, err) < 0)
		return -1;
	resp->deployment_group_id = group.deployment_group_id;
	return deploy_tags_put(tx, group.deployment_group_id, &req->tags, err);
}

DEPLOY_OPERATION(create_deployment_group)
{
	if (check_application_name(req->application_name, err) < 0 ||
		check_group_name(req->deployment_group_name, err) < 0)
		return -1;
	return operation_write(e, call, req, resp, create, err);
}

static int get(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_get_deployment_group_request *req = op->req;
	struct codedeploy_get_deployment_group_response *resp = op->resp;
	struct codedeploy_application_info app;

	resp->deployment_group_info = arena_new(op->a, struct codedeploy_deployment_group_info);
	if (need_group(tx, req->application_name, req->deployment_group_name, op->a, &app,
		    resp->deployment_group_info, err) < 0)
		return -1;
	scale_out_show_hooks(resp->deployment_group_info, op->a);
	return 0;
}

DEPLOY_OPERATION(get_deployment_group)
{
	return operation_read(e, call, req, resp, get, err);
}

static int batch_get(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_batch_get_deployment_groups_request *req = op->req;
	struct codedeploy_batch_get_deployment_groups_response *resp = op->resp;
	struct codedeploy_application_info app;
	size_t n = 0;

	if (need_application(tx, req->application_name, op->a, &app, err) < 0)
		return -1;
	wire_list_alloc(op->a, &resp->deployment_groups_info, req->deployment_group_names.n);
	for (size_t i = 0; i < req->deployment_group_names.n; i++) {
		struct codedeploy_deployment_group_info *g = &resp->deployment_groups_info.v[n];
		int found = store_deploy_group_find(
			tx, app.application_id, req->deployment_group_names.v[i], op->a, g, err);

		if (found < 0)
			return -1;
		if (found)
			scale_out_show_hooks(g, op->a);
		n += (size_t)found;
		if (!found)
			resp->error_message =
				arena_printf(op->a, "No Deployment Group found for name: %s",
					req->deployment_group_names.v[i]);
	}
	resp->deployment_groups_info.n = n;
	return 0;
}

DEPLOY_OPERATION(batch_get_deployment_groups)
{
	if (check_batch(req->deployment_group_names.n, 100, "DeploymentGroupNameRequiredException",
		    err) < 0)
		return -1;
	return operation_read(e, call, req, resp, batch_get, err);
}

static int list(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_list_deployment_groups_request *req = op->req;
	struct codedeploy_list_deployment_groups_response *resp = op->resp;
	struct codedeploy_application_info app;
	struct store_deploy_page page;
	struct store_deploy_names names;

	if (need_application(tx, req->application_name, op->a, &app, err) < 0 ||
		page_open(req->next_token, op->a, &page, err) < 0 ||
		store_deploy_group_list(tx, app.application_id, &page, op->a, &names, err) < 0)
		return -1;
	resp->application_name = app.application_name;
	operation_names(op->a, &names, &resp->deployment_groups);
	resp->next_token = page_token(&names, op->a);
	return 0;
}

DEPLOY_OPERATION(list_deployment_groups)
{
	return operation_read(e, call, req, resp, list, err);
}

/* An absent member leaves things as they are; an empty list clears. */
static void change(const struct codedeploy_update_deployment_group_request *req, struct arena *a,
	struct codedeploy_deployment_group_info *g)
{
#define CHANGE(member)   \
	if (req->member) \
	g->member = req->member
#define CHANGE_SET(member)   \
	if (req->member.set) \
	g->member = req->member
	CHANGE(deployment_config_name);
	CHANGE(service_role_arn);
	CHANGE(ec2_tag_set);
	CHANGE(on_premises_tag_set);
	CHANGE(alarm_configuration);
	CHANGE(auto_rollback_configuration);
	CHANGE(outdated_instances_strategy);
	CHANGE(deployment_style);
	CHANGE(blue_green_deployment_configuration);
	CHANGE(load_balancer_info);
	CHANGE_SET(ec2_tag_filters);
	CHANGE_SET(on_premises_instance_tag_filters);
	CHANGE_SET(trigger_configurations);
	CHANGE_SET(ecs_services);
	CHANGE_SET(termination_hook_enabled);
#undef CHANGE
#undef CHANGE_SET
	if (req->auto_scaling_groups.set)
		set_fleets(g, &req->auto_scaling_groups, a);
	if (req->deployment_style && !req->blue_green_deployment_configuration &&
		!streq(req->deployment_style->deployment_type,
			CODEDEPLOY_DEPLOYMENT_TYPE_BLUE_GREEN))
		g->blue_green_deployment_configuration = NULL;
}

static int rename_group(struct db_tx *tx, struct operation *op, const char *application_id,
	struct codedeploy_deployment_group_info *g, struct err *err)
{
	const struct codedeploy_update_deployment_group_request *req = op->req;
	struct codedeploy_deployment_group_info other;
	int found;

	if (!req->new_deployment_group_name ||
		streq(req->new_deployment_group_name, g->deployment_group_name))
		return 0;
	if (check_group_name(req->new_deployment_group_name, err) < 0)
		return -1;
	found = store_deploy_group_find(
		tx, application_id, req->new_deployment_group_name, op->a, &other, err);
	if (found < 0)
		return -1;
	if (found)
		return err_set_wire(err, "DeploymentGroupAlreadyExistsException",
			"Deployment group already exists: %s", req->new_deployment_group_name);
	g->deployment_group_name = req->new_deployment_group_name;
	return 0;
}

static int update(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_update_deployment_group_request *req = op->req;
	struct codedeploy_update_deployment_group_response *resp = op->resp;
	struct codedeploy_deployment_group_info group;
	struct codedeploy_application_info app;

	if (need_group(tx, req->application_name, req->current_deployment_group_name, op->a, &app,
		    &group, err) < 0 ||
		scale_out_retry(op->e, tx, &group, err) < 0 ||
		rename_group(tx, op, app.application_id, &group, err) < 0)
		return -1;
	change(req, op->a, &group);
	fill_defaults(&group, op->a);
	if (deploy_group_check(tx, &group, op->a, err) < 0)
		return -1;
	wire_list_alloc(op->a, &resp->hooks_not_cleaned_up, 0);
	return store_deploy_group_update(tx, &group, err);
}

DEPLOY_OPERATION(update_deployment_group)
{
	return operation_write(e, call, req, resp, update, err);
}

static int delete (struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_delete_deployment_group_request *req = op->req;
	struct codedeploy_delete_deployment_group_response *resp = op->resp;
	struct codedeploy_deployment_group_info group;
	struct codedeploy_application_info app;
	struct err none CLEANUP_ERR = ERR_INIT;

	wire_list_alloc(op->a, &resp->hooks_not_cleaned_up, 0);
	if (need_group(tx, req->application_name, req->deployment_group_name, op->a, &app, &group,
		    &none) < 0)
		return none.wire ? 0 : err_move(err, &none); /* an unknown one is deleted already */
	return store_deploy_group_delete(tx, group.deployment_group_id, err);
}

DEPLOY_OPERATION(delete_deployment_group)
{
	if (check_application_name(req->application_name, err) < 0 ||
		check_group_name(req->deployment_group_name, err) < 0)
		return -1;
	return operation_write(e, call, req, resp, delete, err);
}
