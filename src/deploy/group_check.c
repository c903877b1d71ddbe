/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a deployment group makes sense, field by field, as the API's errors have it. */
#include "base/mem.h"
#include "deploy/operation.h"
#include "store/deploy_config.h"

#define MAX_LIST 10
#define MAX_TAG_GROUPS 3
#define MAX_TERMINATION_MINUTES 2880

static bool is_server(const struct codedeploy_deployment_group_info *g)
{
	return streq(g->compute_platform, CODEDEPLOY_COMPUTE_PLATFORM_SERVER);
}

static int check_filter(
	const char *key, const char *value, const char *type, const char *error, struct err *err)
{
	bool has_key = key && *key, has_value = value && *value;

	if (!type)
		return err_set_wire(err, error, "A tag filter needs a type");
	if ((streq(type, CODEDEPLOY_TAG_FILTER_TYPE_KEY_ONLY) && (!has_key || has_value)) ||
		(streq(type, CODEDEPLOY_TAG_FILTER_TYPE_VALUE_ONLY) && (has_key || !has_value)) ||
		(streq(type, CODEDEPLOY_TAG_FILTER_TYPE_KEY_AND_VALUE) && !has_key))
		return err_set_wire(err, error,
			"The tag filter of type %s does not go with its key and value", type);
	return 0;
}

static int check_ec2_filters(const struct codedeploy_ec2_tag_filter_list *list, struct err *err)
{
	if (list->n > MAX_LIST)
		return err_set_wire(
			err, "InvalidEC2TagException", "At most %d tag filters", MAX_LIST);
	wire_foreach (it, list)
		if (check_filter(it->key, it->value, it->type, "InvalidEC2TagException", err) < 0)
			return -1;
	return 0;
}

static int check_on_premises_filters(const struct codedeploy_tag_filter_list *list, struct err *err)
{
	if (list->n > MAX_LIST)
		return err_set_wire(err, "InvalidTagException", "At most %d tag filters", MAX_LIST);
	wire_foreach (it, list)
		if (check_filter(it->key, it->value, it->type, "InvalidTagException", err) < 0)
			return -1;
	return 0;
}

int deploy_tag_set_check(const struct codedeploy_ec2_tag_set *set, struct err *err)
{
	if (!set)
		return 0;
	if (set->ec2_tag_set_list.n > MAX_TAG_GROUPS)
		return err_set_wire(err, "TagSetListLimitExceededException",
			"At most %d groups in a tag set", MAX_TAG_GROUPS);
	wire_foreach (it, &set->ec2_tag_set_list)
		if (check_ec2_filters(it, err) < 0)
			return -1;
	return 0;
}

static int check_tags(const struct codedeploy_deployment_group_info *g, struct err *err)
{
	const struct codedeploy_on_premises_tag_set *set = g->on_premises_tag_set;

	if (g->ec2_tag_filters.n && g->ec2_tag_set && g->ec2_tag_set->ec2_tag_set_list.n)
		return err_set_wire(err, "InvalidEC2TagCombinationException",
			"ec2TagFilters and ec2TagSet cannot be used together");
	if (g->on_premises_instance_tag_filters.n && set && set->on_premises_tag_set_list.n)
		return err_set_wire(err, "InvalidOnPremisesTagCombinationException",
			"onPremisesInstanceTagFilters and onPremisesTagSet cannot be used "
			"together");
	if (check_ec2_filters(&g->ec2_tag_filters, err) < 0 ||
		deploy_tag_set_check(g->ec2_tag_set, err) < 0 ||
		check_on_premises_filters(&g->on_premises_instance_tag_filters, err) < 0)
		return -1;
	if (!set)
		return 0;
	if (set->on_premises_tag_set_list.n > MAX_TAG_GROUPS)
		return err_set_wire(err, "TagSetListLimitExceededException",
			"At most %d groups in a tag set", MAX_TAG_GROUPS);
	wire_foreach (it, &set->on_premises_tag_set_list)
		if (check_on_premises_filters(it, err) < 0)
			return -1;
	return 0;
}

static int check_role(const char *arn, struct err *err)
{
	if (!arn || !*arn)
		return err_set_wire(
			err, "RoleRequiredException", "The service role ARN is required");
	if (!starts_with(arn, "arn:") || !strstr(arn, ":role/"))
		return err_set_wire(
			err, "InvalidRoleException", "\"%s\" is not the ARN of a role", arn);
	return 0;
}

static int check_style(const struct codedeploy_deployment_group_info *g, struct err *err)
{
	const struct codedeploy_deployment_style *s = g->deployment_style;
	bool blue_green = streq(s->deployment_type, CODEDEPLOY_DEPLOYMENT_TYPE_BLUE_GREEN);
	bool control =
		streq(s->deployment_option, CODEDEPLOY_DEPLOYMENT_OPTION_WITH_TRAFFIC_CONTROL);

	if (!is_server(g) && (!blue_green || !control))
		return err_set_wire(err, "InvalidDeploymentStyleException",
			"Deployments of the compute platform %s are BLUE_GREEN and "
			"WITH_TRAFFIC_CONTROL",
			g->compute_platform);
	if (is_server(g) && blue_green && !control)
		return err_set_wire(err, "InvalidDeploymentStyleException",
			"A BLUE_GREEN deployment is always WITH_TRAFFIC_CONTROL");
	return 0;
}

static int check_balancers(const struct codedeploy_deployment_group_info *g, struct err *err)
{
	const struct codedeploy_load_balancer_info *lb = g->load_balancer_info;
	size_t n = lb ? lb->elb_info_list.n + lb->target_group_info_list.n : 0;

	if (!is_server(g))
		return 0;
	if (n > MAX_LIST)
		return err_set_wire(err, "InvalidLoadBalancerInfoException",
			"At most %d load balancers and target groups", MAX_LIST);
	if (lb && lb->target_group_pair_info_list.n)
		return err_set_wire(err, "InvalidTargetGroupPairException",
			"Pairs of target groups are for the compute platform ECS");
	if (streq(g->deployment_style->deployment_option,
		    CODEDEPLOY_DEPLOYMENT_OPTION_WITH_TRAFFIC_CONTROL) &&
		!n)
		return err_set_wire(err, "InvalidLoadBalancerInfoException",
			"The specification for load balancing in the deployment group is invalid. "
			"The deploymentOption value is set to WITH_TRAFFIC_CONTROL, but either no "
			"load balancer was specified in elbInfoList or no target group was "
			"specified in targetGroupInfoList.");
	return 0;
}

static int bad_blue_green(struct err *err, const char *why)
{
	return err_set_wire(err, "InvalidBlueGreenDeploymentConfigurationException", "%s", why);
}

static int check_ready(const struct codedeploy_deployment_ready_option *r, struct err *err)
{
	if (r && !streq(r->action_on_timeout, CODEDEPLOY_DEPLOYMENT_READY_ACTION_STOP_DEPLOYMENT) &&
		wire_or(r->wait_time_in_minutes, 0) != 0)
		return bad_blue_green(
			err, "waitTimeInMinutes goes only with the action STOP_DEPLOYMENT");
	if (r && wire_or(r->wait_time_in_minutes, 0) < 0)
		return bad_blue_green(err, "waitTimeInMinutes is negative");
	return 0;
}

static int check_blue_green(const struct codedeploy_deployment_group_info *g, struct err *err)
{
	const struct codedeploy_blue_green_deployment_configuration *c =
		g->blue_green_deployment_configuration;
	const struct codedeploy_blue_instance_termination_option *end;
	bool blue_green =
		streq(g->deployment_style->deployment_type, CODEDEPLOY_DEPLOYMENT_TYPE_BLUE_GREEN);
	bool copies;
	int wait;

	if (!c)
		return 0;
	if (!blue_green)
		return bad_blue_green(
			err, "blueGreenDeploymentConfiguration goes only with the type BLUE_GREEN");
	end = c->terminate_blue_instances_on_deployment_success;
	wait = end ? wire_or(end->termination_wait_time_in_minutes, 0) : 0;
	if (wait < 0 || wait > MAX_TERMINATION_MINUTES)
		return bad_blue_green(err, "terminationWaitTimeInMinutes must be 0 to 2880");
	if (check_ready(c->deployment_ready_option, err) < 0)
		return -1;
	copies = c->green_fleet_provisioning_option &&
		 streq(c->green_fleet_provisioning_option->action,
			 CODEDEPLOY_GREEN_FLEET_PROVISIONING_ACTION_COPY_AUTO_SCALING_GROUP);
	if (copies && g->auto_scaling_groups.n != 1)
		return bad_blue_green(
			err, "COPY_AUTO_SCALING_GROUP needs exactly one Auto Scaling group");
	return 0;
}

int deploy_alarms_check(const struct codedeploy_alarm_configuration *c, struct err *err)
{
	if (!c)
		return 0;
	if (wire_or(c->enabled, false) && !c->alarms.n)
		return err_set_wire(err, "InvalidAlarmConfigException",
			"Alarms are enabled, but the list of alarms is empty");
	for (size_t i = 0; i < c->alarms.n; i++) {
		const char *name = c->alarms.v[i].name;

		if (!name || !*name || strlen(name) > 255)
			return err_set_wire(err, "InvalidAlarmConfigException",
				"An alarm's name has 1 to 255 characters");
		for (size_t k = 0; k < i; k++)
			if (streq(name, c->alarms.v[k].name))
				return err_set_wire(err, "InvalidAlarmConfigException",
					"The alarm %s is in the list twice", name);
	}
	return 0;
}

int deploy_auto_rollback_check(
	const struct codedeploy_auto_rollback_configuration *c, struct err *err)
{
	if (c && wire_or(c->enabled, false) && !c->events.n)
		return err_set_wire(err, "InvalidAutoRollbackConfigException",
			"Automatic rollback is enabled, but the list of events is empty");
	return 0;
}

static int check_triggers(const struct codedeploy_trigger_config_list *list, struct err *err)
{
	if (list->n > MAX_LIST)
		return err_set_wire(err, "TriggerTargetsLimitExceededException",
			"At most %d triggers", MAX_LIST);
	wire_foreach (it, list)
		if (!it->trigger_name || !*it->trigger_name || !it->trigger_events.n ||
			!it->trigger_target_arn || !starts_with(it->trigger_target_arn, "arn:"))
			return err_set_wire(err, "InvalidTriggerConfigException",
				"A trigger needs a name, a topic's ARN and at least one event");
	return 0;
}

static int check_fleets(const struct codedeploy_deployment_group_info *g, struct err *err)
{
	if (g->auto_scaling_groups.n > MAX_LIST)
		return err_set_wire(err, "InvalidAutoScalingGroupException",
			"At most %d Auto Scaling groups", MAX_LIST);
	wire_foreach (it, &g->auto_scaling_groups)
		if (!it->name || !*it->name)
			return err_set_wire(err, "InvalidAutoScalingGroupException",
				"An Auto Scaling group's name is empty");
	return 0;
}

static int check_services(const struct codedeploy_deployment_group_info *g, struct err *err)
{
	if (!g->ecs_services.n || !is_server(g))
		return 0;
	return err_set_wire(err, "InvalidECSServiceException",
		"Should not specify ECS services parameter for %s deployment group",
		g->compute_platform);
}

int deploy_group_check(struct db_tx *tx, const struct codedeploy_deployment_group_info *g,
	struct arena *a, struct err *err)
{
	struct codedeploy_deployment_config_info config;

	if (streq(g->compute_platform, CODEDEPLOY_COMPUTE_PLATFORM_LAMBDA))
		return err_set_wire(err, "InvalidInputException",
			"Deployment groups for the compute platform %s are not built: use Server "
			"or ECS",
			g->compute_platform);
	if (wire_or(g->termination_hook_enabled, false))
		return err_set_wire(err, "InvalidInputException",
			"terminationHookEnabled is not built: leave it out");
	if (!is_server(g) && deploy_group_check_service(tx, g, a, err) < 0)
		return -1;
	return check_role(g->service_role_arn, err) < 0 || check_tags(g, err) < 0 ||
			       check_fleets(g, err) < 0 || check_services(g, err) < 0 ||
			       check_style(g, err) < 0 || check_balancers(g, err) < 0 ||
			       check_blue_green(g, err) < 0 ||
			       deploy_alarms_check(g->alarm_configuration, err) < 0 ||
			       deploy_auto_rollback_check(g->auto_rollback_configuration, err) <
				       0 ||
			       check_triggers(&g->trigger_configurations, err) < 0 ||
			       need_config(tx, g->deployment_config_name, g->compute_platform, a,
				       &config, err) < 0
		       ? -1
		       : 0;
}
