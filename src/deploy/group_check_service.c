/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a deployment group of the compute platform ECS makes sense. */
#include <string.h>

#include "base/mem.h"
#include "deploy/operation.h"
#include "store/deploy_group.h"

#define NEEDS_PAIR                                                                              \
	"A deployment group associated with an application that uses the ECS compute platform " \
	"must contain a valid pair of target groups: "

static int bad_pair(struct err *err, const char *why)
{
	return err_set_wire(err, "InvalidTargetGroupPairException", NEEDS_PAIR "%s", why);
}

/* Listeners of one load balancer have ARNs that differ in their last part. */
static bool same_balancer(const char *a, const char *b)
{
	const char *end_a = strrchr(a, '/'), *end_b = strrchr(b, '/');

	return end_a && end_b && end_a - a == end_b - b && memcmp(a, b, (size_t)(end_a - a)) == 0;
}

static bool is_listener(const char *arn)
{
	return starts_with(arn, "arn:") && strstr(arn, ":listener/");
}

static int check_routes(const struct codedeploy_target_group_pair_info *pair, struct err *err)
{
	const struct codedeploy_traffic_route *prod = pair->prod_traffic_route;
	const struct codedeploy_traffic_route *test = pair->test_traffic_route;
	size_t n_test = test ? test->listener_arns.n : 0;

	if (!prod || prod->listener_arns.n != 1)
		return bad_pair(err, "prodTrafficRoute needs exactly one listener");
	if (n_test > 1)
		return bad_pair(err, "testTrafficRoute has at most one listener");
	if (!is_listener(prod->listener_arns.v[0]) ||
		(n_test && !is_listener(test->listener_arns.v[0])))
		return bad_pair(err, "listenerArns are ARNs of listeners");
	if (!n_test)
		return 0;
	if (streq(prod->listener_arns.v[0], test->listener_arns.v[0]))
		return bad_pair(err, "the production and the test listener are the same");
	if (!same_balancer(prod->listener_arns.v[0], test->listener_arns.v[0]))
		return bad_pair(err, "both listeners must belong to one load balancer");
	return 0;
}

static int check_pair(const struct codedeploy_load_balancer_info *lb, struct err *err)
{
	const struct codedeploy_target_group_pair_info *pair;

	if (!lb || lb->target_group_pair_info_list.n != 1)
		return bad_pair(err, "loadBalancerInfo.targetGroupPairInfoList needs one entry");
	if (lb->elb_info_list.n || lb->target_group_info_list.n)
		return err_set_wire(err, "InvalidLoadBalancerInfoException",
			"elbInfoList and targetGroupInfoList are for the compute platform Server");
	pair = &lb->target_group_pair_info_list.v[0];
	if (pair->target_groups.n != 2)
		return bad_pair(err, "targetGroups needs two target groups");
	for (size_t i = 0; i < 2; i++)
		if (!pair->target_groups.v[i].name || !*pair->target_groups.v[i].name)
			return bad_pair(err, "a target group needs a name");
	if (streq(pair->target_groups.v[0].name, pair->target_groups.v[1].name))
		return bad_pair(err, "the two target groups are the same");
	return check_routes(pair, err);
}

static int check_instances(const struct codedeploy_deployment_group_info *g, struct err *err)
{
	if (g->ec2_tag_filters.n || g->ec2_tag_set)
		return err_set_wire(err, "InvalidEC2TagException",
			"Should not specify EC2 tags for ECS deployment group");
	if (g->on_premises_instance_tag_filters.n || g->on_premises_tag_set)
		return err_set_wire(err, "InvalidTagException",
			"Should not specify on-premises tags for ECS deployment group");
	if (g->auto_scaling_groups.n)
		return err_set_wire(err, "InvalidAutoScalingGroupException",
			"Should not specify Auto Scaling groups for ECS deployment group");
	return 0;
}

static int check_options(const struct codedeploy_deployment_group_info *g, struct err *err)
{
	const struct codedeploy_blue_green_deployment_configuration *c =
		g->blue_green_deployment_configuration;
	const struct codedeploy_blue_instance_termination_option *end =
		c ? c->terminate_blue_instances_on_deployment_success : NULL;

	if (c && c->green_fleet_provisioning_option)
		return err_set_wire(err, "InvalidBlueGreenDeploymentConfigurationException",
			"greenFleetProvisioningOption is for the compute platform Server");
	if (end && streq(end->action, CODEDEPLOY_INSTANCE_ACTION_KEEP_ALIVE))
		return err_set_wire(err, "InvalidBlueGreenDeploymentConfigurationException",
			"The original task set of an ECS service cannot be kept: the action is "
			"TERMINATE, with a wait time of up to 2880 minutes");
	return 0;
}

static bool has_service(const struct codedeploy_deployment_group_info *g,
	const struct codedeploy_ecs_service *wanted)
{
	wire_foreach (it, &g->ecs_services)
		if (streq(it->service_name, wanted->service_name) &&
			streq(it->cluster_name, wanted->cluster_name))
			return true;
	return false;
}

/* A service belongs to one deployment group. */
static int check_mapping(struct db_tx *tx, const struct codedeploy_deployment_group_info *g,
	struct arena *a, struct err *err)
{
	struct store_deploy_names ids;

	if (store_deploy_group_ids(tx, a, &ids, err) < 0)
		return -1;
	for (size_t i = 0; i < ids.n; i++) {
		struct codedeploy_deployment_group_info other;
		int found = store_deploy_group_get(tx, ids.v[i], a, &other, err);

		if (found < 0)
			return -1;
		if (found && !streq(other.deployment_group_id, g->deployment_group_id) &&
			has_service(&other, &g->ecs_services.v[0]))
			return err_set_wire(err, "ECSServiceMappingLimitExceededException",
				"The ECS service %s of cluster %s belongs to the deployment group "
				"%s already",
				g->ecs_services.v[0].service_name,
				g->ecs_services.v[0].cluster_name, other.deployment_group_name);
	}
	return 0;
}

int deploy_group_check_service(struct db_tx *tx, const struct codedeploy_deployment_group_info *g,
	struct arena *a, struct err *err)
{
	if (g->ecs_services.n != 1 || !g->ecs_services.v[0].service_name ||
		!*g->ecs_services.v[0].service_name)
		return err_set_wire(err, "InvalidECSServiceException",
			"ecsServices of an ECS deployment group names exactly one service");
	return check_instances(g, err) < 0 || check_pair(g->load_balancer_info, err) < 0 ||
			       check_options(g, err) < 0 || check_mapping(tx, g, a, err) < 0
		       ? -1
		       : 0;
}
