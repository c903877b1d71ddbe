/* SPDX-License-Identifier: Apache-2.0 */
/* Deployments over many seeds: hosts whose scripts fail at random, restarts of the server at
 * random. Every deployment ends; the minimum of healthy hosts holds; after a rollback the old
 * version serves. */
#include "fixture.h"

#define SEEDS 9

struct world {
	uint64_t random;
	unsigned percent; /* of commands of the bad version that fail */
};

static uint64_t draw(struct world *w, uint64_t n)
{
	w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (w->random >> 33) % n;
}

static bool fails(void *arg, const struct sim_host *h, const char *event, const char *version)
{
	struct world *w = arg;

	(void)h;
	(void)event;
	return streq(version, "bad") && draw(w, 100) < w->percent;
}

static void make_group(struct fixture *f, bool blue_green, const char *config)
{
	struct codedeploy_deployment_style style = {
		.deployment_type = blue_green ? "BLUE_GREEN" : "IN_PLACE",
		.deployment_option = "WITH_TRAFFIC_CONTROL"};
	const char *events[] = {"DEPLOYMENT_FAILURE"};
	struct codedeploy_auto_rollback_configuration rollback = {
		.enabled = WIRE_SET_BOOL(true), .events = {.v = events, .n = 1, .set = true}};
	struct codedeploy_target_group_info tg = {.name = "tg"};
	struct codedeploy_load_balancer_info lb = {
		.target_group_info_list = {.v = &tg, .n = 1, .set = true}};
	const char *fleets[] = {"fleet"};
	struct codedeploy_create_deployment_group_request req = {.application_name = "app",
		.deployment_group_name = "group",
		.service_role_arn = ROLE,
		.deployment_config_name = config,
		.deployment_style = &style,
		.load_balancer_info = &lb,
		.auto_rollback_configuration = &rollback,
		.auto_scaling_groups = {.v = fleets, .n = 1, .set = true}};
	struct codedeploy_create_deployment_group_response resp = {0};

	fixture_application(f);
	OK(f, deploy_create_deployment_group(f->e, &f->call, &req, &resp, &f->err));
}

struct run {
	struct world world;
	size_t least;		 /* hosts that serve at any time */
	bool failed_hosts_count; /* in place: hosts whose scripts failed serve no more */
};

static void check_serving(struct fixture *f)
{
	const struct run *r = f->arg;
	size_t broken = 0;
	struct sim_host *h;

	/* A host whose script failed stays out of the traffic until it is deployed to again. */
	for (size_t i = 0; r->failed_hosts_count && (h = sim_deploy_host(f->world, i)); i++)
		broken += h->health == DEPLOY_TARGET_ABSENT && !h->busy_until;
	if (sim_deploy_serving(f->world) + broken < r->least)
		fail_msg("%zu hosts serve, %zu are out, at least %zu must",
			sim_deploy_serving(f->world), broken, r->least);
}

static const struct codedeploy_deployment_info *to_the_end(
	struct fixture *f, struct world *w, const char *id)
{
	const struct codedeploy_deployment_info *d = fixture_deployment(f, id);

	for (int rounds = 0; !d->complete_time.set; rounds++) {
		fixture_pass(f, 5 * USEC_PER_SEC);
		if (draw(w, 10) == 0) {
			fixture_close(f);
			fixture_open(f);
		}
		d = fixture_deployment(f, id);
		if (rounds > 2000)
			fail_msg("%s is still %s", id, d->status);
	}
	return d;
}

static void assert_old_serves(struct fixture *f, size_t n)
{
	struct sim_host *h;

	assert_int_equal(sim_deploy_serving(f->world), n);
	for (size_t i = 0; (h = sim_deploy_host(f->world, i)); i++)
		if (h->health == DEPLOY_TARGET_HEALTHY)
			assert_string_equal(h->version, "v1");
}

static void run_seed(uint64_t seed, bool blue_green)
{
	struct run r = {.world = {.random = seed, .percent = 5 + (unsigned)(seed * 7 % 60)}};
	struct sim_deploy_config c = {.seed = seed, .fails = fails, .arg = &r.world};
	struct fixture f = {.arg = &r};
	static const char *const configs[] = {"CodeDeployDefault.OneAtATime",
		"CodeDeployDefault.HalfAtATime", "CodeDeployDefault.AllAtOnce"};
	const char *config = configs[seed % 3];
	size_t n = 2 + seed % 4;
	const struct codedeploy_deployment_info *d;

	fixture_init(&f, &c);
	make_group(&f, blue_green, config);
	for (size_t i = 0; i < n; i++) {
		char id[16];

		snprintf(id, sizeof(id), "i-%zu", i);
		sim_deploy_add_host(f.world, id, "fleet", true);
	}
	d = to_the_end(&f, &r.world, fixture_deploy(&f, "v1"));
	assert_string_equal(d->status, "Succeeded");
	r.least = seed % 3 == 0 ? n - 1 : seed % 3 == 1 ? n - n / 2 : blue_green;
	r.failed_hosts_count = !blue_green;
	f.check = check_serving;
	d = to_the_end(&f, &r.world, fixture_deploy(&f, "bad"));
	if (streq(d->status, "Failed")) {
		assert_non_null(d->rollback_info->rollback_deployment_id);
		d = to_the_end(&f, &r.world, d->rollback_info->rollback_deployment_id);
		assert_string_equal(d->status, "Succeeded");
		assert_old_serves(&f, n);
	} else {
		assert_string_equal(d->status, "Succeeded");
	}
	fixture_release(&f);
}

static void test_in_place(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		run_seed(seed, false);
}

static void test_blue_green(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		run_seed(seed, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_blue_green),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
