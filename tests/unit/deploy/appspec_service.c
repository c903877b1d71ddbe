/* SPDX-License-Identifier: Apache-2.0 */
/* AppSpec files for container services: what is taken, and every complaint with its place. */
#include "service_fixture.h"

#include "deploy/appspec_service.h"
#include "deploy/shift.h"

static int parse(struct arena *a, const char *text, struct appspec_service *s, struct err *err)
{
	return appspec_service_parse("appspec.yaml", view_of(text), a, s, err);
}

static void test_whole(void **state)
{
	static const char text[] = "version: 0.0\n"
				   "Resources:\n"
				   "  - TargetService:\n"
				   "      Type: AWS::ECS::Service\n"
				   "      Properties:\n"
				   "        TaskDefinition: arn:td:1\n"
				   "        LoadBalancerInfo:\n"
				   "          ContainerName: web\n"
				   "          ContainerPort: 8080\n"
				   "        PlatformVersion: LATEST\n"
				   "        NetworkConfiguration:\n"
				   "          AwsvpcConfiguration:\n"
				   "            Subnets: [subnet-1, subnet-2]\n"
				   "            SecurityGroups: [sg-1]\n"
				   "            AssignPublicIp: ENABLED\n"
				   "        CapacityProviderStrategy:\n"
				   "          - CapacityProvider: FARGATE\n"
				   "            Base: 1\n"
				   "            Weight: 2\n"
				   "          - CapacityProvider: FARGATE_SPOT\n"
				   "            Weight: 1\n"
				   "Hooks:\n"
				   "  - BeforeInstall: before\n"
				   "  - AfterAllowTestTraffic: build:smoke\n"
				   "  - AfterAllowTraffic: script:hooks/after.sh\n";
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct appspec_service s;
	const char *what;

	(void)state;
	assert_int_equal(parse(&a, text, &s, &err), 0);
	assert_string_equal(s.task_definition, "arn:td:1");
	assert_string_equal(s.container, "web");
	assert_int_equal(s.port, 8080);
	assert_string_equal(s.platform_version, "LATEST");
	assert_string_equal(s.network_configuration,
		"{\"subnets\":[\"subnet-1\",\"subnet-2\"],"
		"\"securityGroups\":[\"sg-1\"],\"assignPublicIp\":\"ENABLED\"}");
	assert_string_equal(s.capacity_providers,
		"[{\"capacityProvider\":\"FARGATE\",\"base\":1,\"weight\":2},"
		"{\"capacityProvider\":\"FARGATE_SPOT\",\"base\":0,\"weight\":1}]");
	assert_int_equal(s.hooks.n, 3);
	assert_string_equal(s.hooks.v[0].event, "BeforeInstall");
	assert_int_equal(appspec_hook_form(s.hooks.v[0].function, &what), APPSPEC_HOOK_FUNCTION);
	assert_int_equal(appspec_hook_form(s.hooks.v[1].function, &what), APPSPEC_HOOK_BUILD);
	assert_string_equal(what, "smoke");
	assert_int_equal(appspec_hook_form(s.hooks.v[2].function, &what), APPSPEC_HOOK_SCRIPT);
	assert_string_equal(what, "hooks/after.sh");
	assert_int_equal(
		appspec_hook_form("arn:aws:lambda:r:1:function:f", &what), APPSPEC_HOOK_FUNCTION);
}

/* As the aws CLI sends it: JSON, keys in lower case, the version as a number. */
static void test_json(void **state)
{
	static const char text[] =
		"{\"version\": 0.0, \"resources\": [{\"TargetService\": {\"type\": "
		"\"AWS::ECS::Service\", \"properties\": {\"taskDefinition\": \"td:2\", "
		"\"loadBalancerInfo\": {\"containerName\": \"web\", \"containerPort\": 80}}}}], "
		"\"hooks\": [{\"beforeAllowTraffic\": \"f\"}]}";
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct appspec_service s;

	(void)state;
	if (parse(&a, text, &s, &err) < 0)
		fail_msg("%s", err_message(&err));
	assert_string_equal(s.task_definition, "td:2");
	assert_int_equal(s.port, 80);
	assert_null(s.platform_version);
	assert_string_equal(s.hooks.v[0].event, "BeforeAllowTraffic");
}

#define HEAD                                                                            \
	"version: 0.0\nResources:\n  - TargetService:\n      Type: AWS::ECS::Service\n" \
	"      Properties:\n        TaskDefinition: td:1\n        LoadBalancerInfo:\n"  \
	"          ContainerName: web\n          ContainerPort: 80\n"

static void test_complaints(void **state)
{
	static const struct {
		const char *text, *complaint;
	} rows[] = {
		{"", "is empty"},
		{"version: 0.0\n", "'Resources' is missing"},
		{"version: 1.0\nResources: []\n", "appspec.yaml:1:10: the version is 0.0"},
		{"version: 0.0\nos: linux\n", "appspec.yaml:2:5: 'os' belongs to AppSpec files"},
		{"version: 0.0\nResources: []\n", "exactly one resource"},
		{"version: 0.0\nResources:\n  - S:\n      Type: AWS::Lambda::Function\n",
			"appspec.yaml:4:13: the type AWS::Lambda::Function"},
		{"version: 0.0\nResources:\n  - S:\n      Type: AWS::ECS::Service\n",
			"'Properties' is missing"},
		{"version: 0.0\nResources:\n  - S:\n      Type: AWS::ECS::Service\n"
		 "      Properties:\n        LoadBalancerInfo: {ContainerName: w}\n",
			"'TaskDefinition' is missing"},
		{"version: 0.0\nResources:\n  - S:\n      Type: AWS::ECS::Service\n"
		 "      Properties:\n        TaskDefinition: t\n"
		 "        LoadBalancerInfo: {ContainerName: w, ContainerPort: eighty}\n",
			"appspec.yaml:7:61: 'ContainerPort' must be a number"},
		{HEAD "        NetworkConfiguration:\n          AwsvpcConfiguration:\n"
		      "            Subnets: [s]\n",
			"'SecurityGroups' is missing"},
		{HEAD "        CapacityProviderStrategy:\n"
		      "          - {CapacityProvider: a}\n          - {CapacityProvider: b}\n",
			"at least one needs a Weight"},
		{HEAD "Hooks:\n  BeforeInstall: f\n", "'Hooks' must be a list"},
		{HEAD "Hooks:\n  - BeforeStart: f\n",
			"appspec.yaml:11:5: 'BeforeStart' is no hook of an ECS deployment"},
		{HEAD "Hooks:\n  - BeforeInstall: f\n  - BeforeInstall: g\n",
			"appspec.yaml:12:5: the hook BeforeInstall is there twice"},
		{HEAD "Hooks:\n  - BeforeInstall: script:../../etc/passwd\n",
			"must be a path inside the revision"},
		{HEAD "Hooks:\n  - BeforeInstall: 'build:'\n", "names nothing"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct arena a CLEANUP_ARENA = ARENA_INIT;
		struct err err CLEANUP_ERR = ERR_INIT;
		struct appspec_service s;

		assert_int_equal(parse(&a, rows[i].text, &s, &err), -1);
		if (!strstr(err_message(&err), rows[i].complaint))
			fail_msg(
				"\"%s\" does not say \"%s\"", err_message(&err), rows[i].complaint);
	}
}

static void test_fits(void **state)
{
	static const int ports[] = {8080, 9090};
	struct deploy_container containers[] = {{"api", ports, 2}, {"proxy", ports, 0}};
	const struct deploy_task_definition t = {
		.arn = "td:1", .active = true, .containers = containers, .n = 2};
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct appspec_service s;

	(void)state;
	assert_int_equal(parse(&a, HEAD, &s, &err), 0);
	assert_int_equal(appspec_service_fits(&s, &t, &err), -1);
	assert_string_equal(err_message(&err),
		"appspec.yaml:8:26: the task definition td:1 has no container 'web'; it has api, "
		"proxy");
	err_release(&err);
	err = ERR_INIT;
	containers[0].name = "web";
	assert_int_equal(appspec_service_fits(&s, &t, &err), -1);
	assert_string_equal(err_message(&err), "appspec.yaml:9:26: the container 'web' of the task "
					       "definition td:1 does not listen "
					       "on port 80, but on 8080, 9090");
}

static void test_steps(void **state)
{
	const struct deploy_route canary = {.percent = 10, .minutes = 5, .canary = true};
	const struct deploy_route linear = {.percent = 30, .minutes = 1};
	const struct deploy_route at_once = deploy_route_of(NULL);

	(void)state;
	assert_int_equal(deploy_route_next(&canary, 0), 10);
	assert_int_equal(deploy_route_next(&canary, 10), 100);
	assert_int_equal(deploy_route_next(&linear, 0), 30);
	assert_int_equal(deploy_route_next(&linear, 30), 60);
	assert_int_equal(deploy_route_next(&linear, 90), 100);
	assert_int_equal(deploy_route_next(&at_once, 0), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_complaints),
		cmocka_unit_test(test_fits),
		cmocka_unit_test(test_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
