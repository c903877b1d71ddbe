/* SPDX-License-Identifier: Apache-2.0 */
/* The server dies at the n-th commit of a deployment and starts again over hosts that went on
 * meanwhile: each time the same right end, and no host begins a lifecycle event twice. For every n
 * with TOWPATH_TEST_STRIDE=1; else for every 17th, from another one each time. */
#include "base/map.h"
#include "unit/deploy/fixture.h"

#define HOSTS 2
#define STRIDE 17
#define LIMIT (60 * MINUTE)

struct walk {
	struct fixture f;
	struct map begun; /* "deployment host event" */
	uint64_t left;	  /* commits until the server dies; 0: never */
	uint64_t commits; /* in all */
	bool dead;
	uint64_t again; /* after a start: dies after so many once more; 0: never */
};

static int at_commit(void *arg, uint64_t number)
{
	struct walk *w = arg;

	(void)number;
	w->commits += !w->dead;
	if (w->left && --w->left == 0)
		w->dead = true;
	return w->dead ? -1 : 0;
}

static void begins(void *arg, const struct sim_host *h)
{
	struct walk *w = arg;
	char *key CLEANUP(freep) = xasprintf("%s %s %s", h->deployment, h->id, h->event);

	if (map_set(&w->begun, key, w))
		fail_msg("%s is begun a second time", key);
}

static bool bad_version_fails(
	void *arg, const struct sim_host *h, const char *event, const char *version)
{
	(void)arg;
	(void)h;
	return streq(version, "bad") && streq(event, "AfterInstall");
}

static void restart(struct walk *w)
{
	err_release(&w->f.err);
	fixture_close(&w->f);
	fixture_open(&w->f);
	w->dead = false;
	w->left = w->again;
	if (w->left)
		db_set_commit_hook(w->f.db, at_commit, w);
}

/* A call that fails must have failed because the server is dead; then it starts again. */
static bool worked(struct walk *w, int r)
{
	if (!w->dead && r < 0)
		fail_msg("%s", err_message(&w->f.err));
	if (w->dead)
		restart(w);
	else
		return true;
	return false;
}

static const char *deploy(struct walk *w, const char *key)
{
	struct codedeploy_create_deployment_request req = {0};
	const char *id = NULL;

	/* A client whose call failed asks again. */
	while (!worked(w, fixture_try_deploy(&w->f, key, &req, &id)))
		;
	return id;
}

static void one_second(struct walk *w)
{
	struct fixture *f = &w->f;
	int64_t next = clock_now(&f->clock) + USEC_PER_SEC;

	worked(w, durable_run(f->d, true, next, &f->err) < 0 ? -1 : 0);
	if (clock_now(&f->clock) < next)
		clock_set(&f->clock, next);
	worked(w, sim_deploy_tick(f->world, f->e, &f->err));
	worked(w, durable_run(f->d, false, next, &f->err) < 0 ? -1 : 0);
}

static const struct codedeploy_deployment_info *to_the_end(struct walk *w, const char *id)
{
	int64_t until = clock_now(&w->f.clock) + LIMIT;
	const struct codedeploy_deployment_info *d = fixture_deployment(&w->f, id);

	while (!d->complete_time.set) {
		if (clock_now(&w->f.clock) > until)
			fail_msg("%s is still %s", id, d->status);
		for (int i = 0; i < 5; i++)
			one_second(w);
		d = fixture_deployment(&w->f, id);
	}
	return d;
}

static void make_group(struct fixture *f, bool blue_green)
{
	struct codedeploy_deployment_style style = {
		.deployment_type = blue_green ? "BLUE_GREEN" : "IN_PLACE",
		.deployment_option = "WITH_TRAFFIC_CONTROL"};
	const char *events[] = {"DEPLOYMENT_FAILURE"}, *fleets[] = {"fleet"};
	struct codedeploy_auto_rollback_configuration rollback = {
		.enabled = WIRE_SET_BOOL(true), .events = {.v = events, .n = 1, .set = true}};
	struct codedeploy_target_group_info tg = {.name = "tg"};
	struct codedeploy_load_balancer_info lb = {
		.target_group_info_list = {.v = &tg, .n = 1, .set = true}};
	struct codedeploy_create_deployment_group_request req = {.application_name = "app",
		.deployment_group_name = "group",
		.service_role_arn = ROLE,
		.deployment_config_name = "CodeDeployDefault.OneAtATime",
		.deployment_style = &style,
		.load_balancer_info = &lb,
		.auto_rollback_configuration = &rollback,
		.auto_scaling_groups = {.v = fleets, .n = 1, .set = true}};
	struct codedeploy_create_deployment_group_response resp = {0};

	fixture_application(f);
	OK(f, deploy_create_deployment_group(f->e, &f->call, &req, &resp, &f->err));
}

static void check_fleet(struct walk *w, const char *version)
{
	struct sim_host *h;

	assert_int_equal(sim_deploy_serving(w->f.world), HOSTS);
	for (size_t i = 0; (h = sim_deploy_host(w->f.world, i)); i++)
		if (h->health == DEPLOY_TARGET_HEALTHY)
			assert_string_equal(h->version, version);
}

/* One deployment that succeeds and one that fails and is rolled back. */
static uint64_t run(bool blue_green, uint64_t left, uint64_t again)
{
	struct walk w = {.left = left, .again = again};
	struct sim_deploy_config c = {
		.seed = 1, .fails = bad_version_fails, .begins = begins, .arg = &w};
	const struct codedeploy_deployment_info *d;

	fixture_init(&w.f, &c);
	make_group(&w.f, blue_green);
	sim_deploy_add_host(w.f.world, "i-0", "fleet", true);
	sim_deploy_add_host(w.f.world, "i-1", "fleet", true);
	db_set_commit_hook(w.f.db, at_commit, &w);
	d = to_the_end(&w, deploy(&w, "v1"));
	assert_string_equal(d->status, "Succeeded");
	check_fleet(&w, "v1");
	d = to_the_end(&w, deploy(&w, "bad"));
	assert_string_equal(d->status, "Failed");
	assert_non_null(d->rollback_info->rollback_deployment_id);
	d = to_the_end(&w, d->rollback_info->rollback_deployment_id);
	assert_string_equal(d->status, "Succeeded");
	check_fleet(&w, "v1");
	map_release(&w.begun);
	fixture_release(&w.f);
	return w.commits;
}

/* The fleet launches an instance while v2 is deployed: it gets v1 before it serves, then v2. */
static uint64_t run_scale_out(bool blue_green, uint64_t left, uint64_t again)
{
	struct walk w = {.left = left, .again = again};
	struct sim_deploy_config c = {.seed = 1, .begins = begins, .arg = &w};
	struct sim_host *h;
	const char *id;

	fixture_init(&w.f, &c);
	make_group(&w.f, blue_green);
	sim_deploy_add_host(w.f.world, "i-0", "fleet", true);
	assert_string_equal(to_the_end(&w, deploy(&w, "v1"))->status, "Succeeded");
	db_set_commit_hook(w.f.db, at_commit, &w);
	id = deploy(&w, "v2");
	h = sim_deploy_add_host(w.f.world, "i-new", "fleet", false);
	h->state = DEPLOY_HOST_WAITING;
	while (!worked(&w, fixture_try_launch(&w.f, "i-new")))
		;
	for (int64_t until = clock_now(&w.f.clock) + LIMIT; h->state == DEPLOY_HOST_WAITING;) {
		assert_true(clock_now(&w.f.clock) < until);
		assert_int_equal(h->health, DEPLOY_TARGET_ABSENT);
		one_second(&w);
	}
	assert_false(h->abandoned);
	assert_true(*h->version);
	assert_string_equal(to_the_end(&w, id)->status, "Succeeded");
	for (int64_t until = clock_now(&w.f.clock) + LIMIT;
		!streq(h->version, "v2") || sim_deploy_serving(w.f.world) < HOSTS;) {
		assert_true(clock_now(&w.f.clock) < until);
		one_second(&w);
	}
	map_release(&w.begun);
	fixture_release(&w.f);
	return w.commits;
}

static void walk(uint64_t (*run)(bool, uint64_t, uint64_t), bool blue_green)
{
	uint64_t all = run(blue_green, 0, 0);
	const char *text = getenv("TOWPATH_TEST_STRIDE");
	uint64_t stride = text ? strtoull(text, NULL, 10) : STRIDE;
	uint64_t first = 1 + (uint64_t)getpid() % stride;

	print_message("# dies at every %lluth of %llu commits, from the %lluth\n",
		(unsigned long long)stride, (unsigned long long)all, (unsigned long long)first);
	for (uint64_t n = first; n <= all; n += stride)
		run(blue_green, n, 0);
	assert_true(all > 20);
	/* Again and again, each time a little further on. */
	run(blue_green, 5, 5);
}

static void in_place(void **state)
{
	(void)state;
	walk(run, false);
}

static void blue_green(void **state)
{
	(void)state;
	walk(run, true);
}

static void scale_out(void **state)
{
	(void)state;
	walk(run_scale_out, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_place),
		cmocka_unit_test(blue_green),
		cmocka_unit_test(scale_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
