/* SPDX-License-Identifier: Apache-2.0 */
/* Deployment configurations: the built-in ones as a table, custom ones in the store. */
#include "base/id.h"
#include "base/mem.h"
#include "deploy/operation.h"
#include "deploy/wave.h"
#include "store/deploy_config.h"
#include "store/deploy_group.h"

#define BUILT_IN "CodeDeployDefault."
#define SERVER CODEDEPLOY_COMPUTE_PLATFORM_SERVER
#define LAMBDA CODEDEPLOY_COMPUTE_PLATFORM_LAMBDA
#define ECS CODEDEPLOY_COMPUTE_PLATFORM_ECS
#define HOST_COUNT CODEDEPLOY_MINIMUM_HEALTHY_HOSTS_TYPE_HOST_COUNT
#define FLEET_PERCENT CODEDEPLOY_MINIMUM_HEALTHY_HOSTS_TYPE_FLEET_PERCENT
#define CANARY CODEDEPLOY_TRAFFIC_ROUTING_TYPE_TIMEBASEDCANARY
#define LINEAR CODEDEPLOY_TRAFFIC_ROUTING_TYPE_TIMEBASEDLINEAR
#define ALL_AT_ONCE CODEDEPLOY_TRAFFIC_ROUTING_TYPE_ALLATONCE
#define MAX_CUSTOM 200
#define MAX_SPAN_MINUTES 2880

struct built_in {
	const char *name, *platform;
	const char *hosts_type; /* Server */
	int hosts;
	const char *routing; /* the others */
	int percent, minutes;
};

/* Sorted by name. MOST_CONCURRENCY is what GetDeploymentConfig says of OneAtATime. */
static const struct built_in built_ins[] = {
	{BUILT_IN "AllAtOnce", SERVER, HOST_COUNT, 0, NULL, 0, 0},
	{BUILT_IN "ECSAllAtOnce", ECS, NULL, 0, ALL_AT_ONCE, 0, 0},
	{BUILT_IN "ECSCanary10Percent15Minutes", ECS, NULL, 0, CANARY, 10, 15},
	{BUILT_IN "ECSCanary10Percent5Minutes", ECS, NULL, 0, CANARY, 10, 5},
	{BUILT_IN "ECSLinear10PercentEvery1Minutes", ECS, NULL, 0, LINEAR, 10, 1},
	{BUILT_IN "ECSLinear10PercentEvery3Minutes", ECS, NULL, 0, LINEAR, 10, 3},
	{BUILT_IN "HalfAtATime", SERVER, FLEET_PERCENT, 50, NULL, 0, 0},
	{BUILT_IN "LambdaAllAtOnce", LAMBDA, NULL, 0, ALL_AT_ONCE, 0, 0},
	{BUILT_IN "LambdaCanary10Percent10Minutes", LAMBDA, NULL, 0, CANARY, 10, 10},
	{BUILT_IN "LambdaCanary10Percent15Minutes", LAMBDA, NULL, 0, CANARY, 10, 15},
	{BUILT_IN "LambdaCanary10Percent30Minutes", LAMBDA, NULL, 0, CANARY, 10, 30},
	{BUILT_IN "LambdaCanary10Percent5Minutes", LAMBDA, NULL, 0, CANARY, 10, 5},
	{BUILT_IN "LambdaLinear10PercentEvery10Minutes", LAMBDA, NULL, 0, LINEAR, 10, 10},
	{BUILT_IN "LambdaLinear10PercentEvery1Minute", LAMBDA, NULL, 0, LINEAR, 10, 1},
	{BUILT_IN "LambdaLinear10PercentEvery2Minutes", LAMBDA, NULL, 0, LINEAR, 10, 2},
	{BUILT_IN "LambdaLinear10PercentEvery3Minutes", LAMBDA, NULL, 0, LINEAR, 10, 3},
	{BUILT_IN "OneAtATime", SERVER, "MOST_CONCURRENCY", 1, NULL, 0, 0},
};

static void describe_routing(
	const struct built_in *b, struct arena *a, struct codedeploy_traffic_routing_config *r)
{
	r->type = b->routing;
	if (streq(b->routing, CANARY)) {
		r->time_based_canary = arena_new(a, struct codedeploy_time_based_canary);
		r->time_based_canary->canary_percentage = WIRE_SET_INT(b->percent);
		r->time_based_canary->canary_interval = WIRE_SET_INT(b->minutes);
	} else if (streq(b->routing, LINEAR)) {
		r->time_based_linear = arena_new(a, struct codedeploy_time_based_linear);
		r->time_based_linear->linear_percentage = WIRE_SET_INT(b->percent);
		r->time_based_linear->linear_interval = WIRE_SET_INT(b->minutes);
	}
}

static void describe(
	const struct built_in *b, struct arena *a, struct codedeploy_deployment_config_info *ret)
{
	*ret = (struct codedeploy_deployment_config_info){
		.deployment_config_name = b->name,
		.compute_platform = b->platform,
		/* Fixed, so that the same thing has the same id everywhere. */
		.deployment_config_id =
			arena_printf(a, "00000000-0000-0000-0000-%012d", (int)(b - built_ins) + 1),
		.create_time = WIRE_SET_TIME(INT64_C(1412640000) * USEC_PER_SEC),
	};
	if (b->hosts_type) {
		ret->minimum_healthy_hosts = arena_new(a, struct codedeploy_minimum_healthy_hosts);
		ret->minimum_healthy_hosts->type = b->hosts_type;
		ret->minimum_healthy_hosts->value = WIRE_SET_INT(b->hosts);
	} else {
		ret->traffic_routing_config =
			arena_new(a, struct codedeploy_traffic_routing_config);
		describe_routing(b, a, ret->traffic_routing_config);
	}
}

int deploy_config_find(struct db_tx *tx, const char *name, struct arena *a,
	struct codedeploy_deployment_config_info *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(built_ins); i++)
		if (streq(built_ins[i].name, name)) {
			describe(&built_ins[i], a, ret);
			return 1;
		}
	return store_deploy_config_find(tx, name, a, ret, err);
}

/* ---- creating ---- */

static int bad_routing(struct err *err, const char *why)
{
	return err_set_wire(err, "InvalidTrafficRoutingConfigurationException", "%s", why);
}

static int check_steps(int percent, int minutes, int steps, struct err *err)
{
	if (percent < 1 || percent > 99)
		return bad_routing(err, "The percentage must be 1 to 99");
	if (minutes < 1)
		return bad_routing(err, "The interval must be at least 1 minute");
	if ((int64_t)minutes * steps > MAX_SPAN_MINUTES)
		return bad_routing(
			err, "Shifting all traffic must not take more than 2880 minutes");
	return 0;
}

static int check_routing(const struct codedeploy_traffic_routing_config *r, struct err *err)
{
	if (!r)
		return bad_routing(err, "trafficRoutingConfig is required for Lambda and ECS");
	if ((r->time_based_canary && !streq(r->type, CANARY)) ||
		(r->time_based_linear && !streq(r->type, LINEAR)))
		return bad_routing(err, "timeBasedCanary is for the type TimeBasedCanary only, and "
					"timeBasedLinear for TimeBasedLinear");
	if (streq(r->type, CANARY)) {
		if (!r->time_based_canary)
			return bad_routing(err, "TimeBasedCanary needs timeBasedCanary");
		return check_steps(wire_or(r->time_based_canary->canary_percentage, 0),
			wire_or(r->time_based_canary->canary_interval, 0), 1, err);
	}
	if (streq(r->type, LINEAR)) {
		int percent = r->time_based_linear
				      ? wire_or(r->time_based_linear->linear_percentage, 0)
				      : 0;

		if (!r->time_based_linear)
			return bad_routing(err, "TimeBasedLinear needs timeBasedLinear");
		return check_steps(percent, wire_or(r->time_based_linear->linear_interval, 0),
			percent > 0 ? 100 / percent : 1, err);
	}
	if (!streq(r->type, ALL_AT_ONCE))
		return bad_routing(
			err, "The type is one of TimeBasedCanary, TimeBasedLinear, AllAtOnce");
	return 0;
}

static int check_zonal(const struct codedeploy_zonal_config *z, bool server, struct err *err)
{
	if (!z)
		return 0;
	if (!server)
		return err_set_wire(err, "InvalidZonalDeploymentConfigurationException",
			"zonalConfig is for the compute platform Server");
	return err_set_wire(err, "InvalidZonalDeploymentConfigurationException",
		"Zonal deployments are not built: this installation has one zone. Leave "
		"zonalConfig out.");
}

static int check_config(
	const struct codedeploy_create_deployment_config_request *req, struct err *err)
{
	const char *platform = req->compute_platform ? req->compute_platform : SERVER;
	bool server = streq(platform, SERVER);

	if (check_name(req->deployment_config_name, "DeploymentConfigNameRequiredException",
		    "InvalidDeploymentConfigNameException", "The deployment configuration name",
		    err) < 0)
		return -1;
	if (starts_with(req->deployment_config_name, BUILT_IN))
		return err_set_wire(err, "InvalidDeploymentConfigNameException",
			"Names that begin with " BUILT_IN " are reserved");
	if (!server && !streq(platform, LAMBDA) && !streq(platform, ECS))
		return err_set_wire(err, "InvalidComputePlatformException",
			"The compute platform \"%s\" is not one of Server, Lambda, ECS", platform);
	if (check_zonal(req->zonal_config, server, err) < 0)
		return -1;
	if (!server && req->minimum_healthy_hosts)
		return err_set_wire(err, "InvalidMinimumHealthyHostValueException",
			"minimumHealthyHosts is for the compute platform Server");
	if (!server)
		return check_routing(req->traffic_routing_config, err);
	if (req->traffic_routing_config)
		return bad_routing(err, "trafficRoutingConfig is for Lambda and ECS");
	if (!req->minimum_healthy_hosts || !req->minimum_healthy_hosts->value.set)
		return err_set_wire(err, "InvalidMinimumHealthyHostValueException",
			"minimumHealthyHosts needs a type and a value");
	return deploy_minimum_check(
		req->minimum_healthy_hosts->type, req->minimum_healthy_hosts->value.v, err);
}

static int create(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_create_deployment_config_request *req = op->req;
	struct codedeploy_create_deployment_config_response *resp = op->resp;
	struct codedeploy_deployment_config_info
		info =
			{
				.deployment_config_name = req->deployment_config_name,
				.deployment_config_id = arena_strdup(op->a, id_uuid().text),
				.compute_platform =
					req->compute_platform ? req->compute_platform : SERVER,
				.create_time = WIRE_SET_TIME(durable_now(op->e->durable)),
				.minimum_healthy_hosts = req->minimum_healthy_hosts,
				.traffic_routing_config = req->traffic_routing_config,
			},
		other;
	struct store_deploy_names names;
	int found = store_deploy_config_find(tx, req->deployment_config_name, op->a, &other, err);

	if (found < 0 || store_deploy_config_list(tx, op->a, &names, err) < 0)
		return -1;
	if (found)
		return err_set_wire(err, "DeploymentConfigAlreadyExistsException",
			"Deployment configuration already exists: %s", req->deployment_config_name);
	if (names.n >= MAX_CUSTOM)
		return err_set_wire(err, "DeploymentConfigLimitExceededException",
			"There are %d custom deployment configurations already", MAX_CUSTOM);
	resp->deployment_config_id = info.deployment_config_id;
	return store_deploy_config_insert(tx, &info, err);
}

DEPLOY_OPERATION(create_deployment_config)
{
	if (check_config(req, err) < 0)
		return -1;
	return operation_write(e, call, req, resp, create, err);
}

static int get(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_get_deployment_config_request *req = op->req;
	struct codedeploy_get_deployment_config_response *resp = op->resp;

	resp->deployment_config_info = arena_new(op->a, struct codedeploy_deployment_config_info);
	return need_config(
		tx, req->deployment_config_name, NULL, op->a, resp->deployment_config_info, err);
}

DEPLOY_OPERATION(get_deployment_config)
{
	return operation_read(e, call, req, resp, get, err);
}

static int list(struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_list_deployment_configs_request *req = op->req;
	struct codedeploy_list_deployment_configs_response *resp = op->resp;
	struct store_deploy_page page;
	struct store_deploy_names names;
	size_t n = 0;

	if (page_open(req->next_token, op->a, &page, err) < 0 ||
		store_deploy_config_list(tx, op->a, &names, err) < 0)
		return -1;
	/* At most 217: one page. */
	wire_list_alloc(op->a, &resp->deployment_configs_list, ARRAY_SIZE(built_ins) + names.n);
	for (size_t i = 0; i < ARRAY_SIZE(built_ins); i++)
		resp->deployment_configs_list.v[n++] = built_ins[i].name;
	for (size_t i = 0; i < names.n; i++)
		resp->deployment_configs_list.v[n++] = names.v[i];
	return 0;
}

DEPLOY_OPERATION(list_deployment_configs)
{
	return operation_read(e, call, req, resp, list, err);
}

static int delete (struct db_tx *tx, void *arg, struct err *err)
{
	struct operation *op = arg;
	const struct codedeploy_delete_deployment_config_request *req = op->req;
	struct store_deploy_names groups;

	if (store_deploy_group_ids(tx, op->a, &groups, err) < 0)
		return -1;
	for (size_t i = 0; i < groups.n; i++) {
		struct codedeploy_deployment_group_info g;
		int found = store_deploy_group_get(tx, groups.v[i], op->a, &g, err);

		if (found < 0)
			return -1;
		if (found && streq(g.deployment_config_name, req->deployment_config_name))
			return err_set_wire(err, "DeploymentConfigInUseException",
				"The deployment configuration %s is in use by deployment group %s",
				req->deployment_config_name, g.deployment_group_name);
	}
	return store_deploy_config_delete(tx, req->deployment_config_name, err);
}

DEPLOY_OPERATION(delete_deployment_config)
{
	if (check_name(req->deployment_config_name, "DeploymentConfigNameRequiredException",
		    "InvalidDeploymentConfigNameException", "The deployment configuration name",
		    err) < 0)
		return -1;
	if (starts_with(req->deployment_config_name, BUILT_IN))
		return err_set_wire(err, "InvalidOperationException",
			"The built-in deployment configuration %s cannot be deleted",
			req->deployment_config_name);
	return operation_write(e, call, req, resp, delete, err);
}
