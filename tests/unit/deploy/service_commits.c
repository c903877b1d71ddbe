/* SPDX-License-Identifier: Apache-2.0 */
/* The server is killed at the n-th commit of a deployment to a container service, for every n, and
 * starts again: each deployment comes to its right end, the world was asked for nothing twice, and
 * the traffic moved by the same steps as undisturbed. */
#include "service_fixture.h"

struct walk {
	const struct service_group *group;
	const char *task_definition;
	const char *hooks;
	bool alarm; /* sounds when traffic has begun to move */
	const char *status, *serving;
	size_t moves;
};

struct killer {
	uint64_t left;
	bool dead;
};

/* From the n-th on no commit succeeds, until the next life. */
static int kill_at(void *arg, uint64_t commit)
{
	struct killer *k = arg;

	(void)commit;
	if (!k->dead && --k->left == 0)
		k->dead = true;
	return k->dead;
}

static void live_again(struct fixture *f, struct killer *k)
{
	err_release(&f->err);
	f->err = ERR_INIT;
	db_set_commit_hook(f->db, NULL, NULL);
	fixture_close(f);
	k->dead = false;
	k->left = UINT64_MAX;
	fixture_open(f);
}

/* As fixture_pass(), through deaths. */
static void pass(struct fixture *f, struct killer *k, int64_t usec)
{
	int64_t until = clock_now(&f->clock) + usec;

	while (clock_now(&f->clock) < until) {
		int64_t next = MIN(clock_now(&f->clock) + 5 * USEC_PER_SEC, until);

		if (durable_run(f->d, true, next, &f->err) < 0) {
			if (!k->dead)
				fail_msg("%s", err_message(&f->err));
			live_again(f, k);
		}
		if (clock_now(&f->clock) < next)
			clock_set(&f->clock, next);
	}
}

static const char *last_of(struct fixture *f)
{
	struct codedeploy_list_deployments_request req = {0};
	struct codedeploy_list_deployments_response resp = {0};

	OK(f, deploy_list_deployments(f->e, &f->call, &req, &resp, &f->err));
	return resp.deployments.n ? resp.deployments.v[0] : NULL;
}

static const struct codedeploy_deployment_info *to_the_end(
	struct fixture *f, struct killer *k, const struct walk *w, const char *id)
{
	const struct sim_service *s = sim_deploy_service(f->world);
	const struct codedeploy_deployment_info *d = fixture_deployment(f, id);
	bool alarmed = false;

	for (int rounds = 0; !d->complete_time.set; rounds++) {
		if (rounds > 1000)
			fail_msg("%s is still %s", id, d->status);
		pass(f, k, 10 * USEC_PER_SEC);
		if (w->alarm && !alarmed && s->n_moves) {
			alarmed = durable_step(f->d, service_tell_alarm, f, &f->err) == 0;
			if (!alarmed)
				live_again(f, k);
		}
		d = fixture_deployment(f, id);
	}
	return d;
}

static void check_end(struct fixture *f, const struct walk *w, uint64_t n)
{
	const struct sim_service *s = sim_deploy_service(f->world);

	if (!streq(service_serving(f), w->serving))
		fail_msg("killed at %llu: %s serves", (unsigned long long)n, service_serving(f));
	if (service_sets(f) != 1 || s->n != 2)
		fail_msg("killed at %llu: %zu task sets are there, %zu were made",
			(unsigned long long)n, service_sets(f), s->n);
	if (s->n_moves != w->moves)
		fail_msg("killed at %llu: traffic moved %zu times", (unsigned long long)n,
			s->n_moves);
	for (size_t i = 1; !w->alarm && i < s->n_moves; i++)
		assert_true(s->moves[i].share > s->moves[i - 1].share);
}

/* True when it was killed. */
static bool run(const struct walk *w, uint64_t n)
{
	const struct codedeploy_deployment_info *d;
	struct killer k = {.left = n};
	struct sim_deploy_config c = {0};
	struct fixture f = {0};
	const char *id;

	fixture_init(&f, &c);
	service_group_create(&f, w->group);
	db_set_commit_hook(f.db, kill_at, &k);
	if (service_try_deploy(&f, service_appspec(&f, w->task_definition, w->hooks), &id) < 0) {
		live_again(&f, &k);
		assert_null(last_of(&f)); /* not accepted: not there */
		fixture_release(&f);
		return true;
	}
	d = to_the_end(&f, &k, w, id);
	if (!streq(d->status, w->status))
		fail_msg("killed at %llu: %s", (unsigned long long)n, d->status);
	if (d->rollback_info) {
		const char *back = d->rollback_info->rollback_deployment_id;

		assert_string_equal(to_the_end(&f, &k, w, back)->status, "Succeeded");
	}
	check_end(&f, w, n);
	db_set_commit_hook(f.db, NULL, NULL);
	fixture_release(&f);
	return k.left == UINT64_MAX;
}

static void every_commit(const struct walk *w)
{
	uint64_t n = 1;

	while (run(w, n))
		n++;
	print_message("# killed at each of %llu commits\n", (unsigned long long)n - 1);
	assert_true(n > 15);
}

static const struct service_group canary = {
	.config = "CodeDeployDefault.ECSCanary10Percent5Minutes",
	.rollback = true,
	.alarm = true,
	.test_listener = true,
	.termination_minutes = 2};
static const struct service_group linear = {
	.config = "CodeDeployDefault.ECSLinear10PercentEvery1Minutes", .rollback = true};

static void test_canary(void **state)
{
	(void)state;
	every_commit(&(struct walk){.group = &canary,
		.task_definition = "web:2",
		.hooks = "  - AfterInstall: build:check\n",
		.status = "Succeeded",
		.serving = "web:2",
		.moves = 2});
}

static void test_canary_alarmed(void **state)
{
	(void)state;
	every_commit(&(struct walk){.group = &canary,
		.task_definition = "web:2",
		.hooks = "",
		.alarm = true,
		.status = "Stopped",
		.serving = "web:1",
		.moves = 2});
}

static void test_linear(void **state)
{
	(void)state;
	every_commit(&(struct walk){.group = &linear,
		.task_definition = "web:2",
		.hooks = "",
		.status = "Succeeded",
		.serving = "web:2",
		.moves = 10});
}

static void test_crash(void **state)
{
	(void)state;
	every_commit(&(struct walk){.group = &linear,
		.task_definition = "crash:1",
		.hooks = "",
		.status = "Failed",
		.serving = "web:1"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canary),
		cmocka_unit_test(test_canary_alarmed),
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
