/* SPDX-License-Identifier: Apache-2.0 */
/* Minimum healthy hosts: the documented examples, and W1 to W5 over random histories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "deploy/wave.h"

#define HOSTS_MAX 20

static struct deploy_limits custom(const char *type, int value, size_t n)
{
	struct codedeploy_minimum_healthy_hosts hosts = {
		.type = type, .value = WIRE_SET_INT(value)};
	struct codedeploy_deployment_config_info config = {
		.deployment_config_name = "mine", .minimum_healthy_hosts = &hosts};

	return deploy_limits_for(&config, n);
}

static struct deploy_limits built_in(const char *name, size_t n)
{
	struct codedeploy_minimum_healthy_hosts hosts = {
		.type = "HOST_COUNT", .value = WIRE_SET_INT(0)};
	struct codedeploy_deployment_config_info config = {
		.deployment_config_name = name, .minimum_healthy_hosts = &hosts};

	return deploy_limits_for(&config, n);
}

static void test_arithmetic(void **state)
{
	static const struct {
		const char *type;
		int value;
		size_t n, minimum, slots;
	} rows[] = {
		{"HOST_COUNT", 6, 9, 6, 3},
		{"FLEET_PERCENT", 40, 9, 4, 5},
		{"FLEET_PERCENT", 95, 10, 10, 1},
		{"FLEET_PERCENT", 75, 2, 2, 1},
		{"FLEET_PERCENT", 0, 5, 0, 5},
		{"HOST_COUNT", 0, 3, 0, 3},
		{"HOST_COUNT", 9, 3, 9, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct deploy_limits l = custom(rows[i].type, rows[i].value, rows[i].n);

		assert_int_equal(l.minimum, rows[i].minimum);
		assert_int_equal(l.slots, rows[i].slots);
	}
	assert_int_equal(built_in("CodeDeployDefault.OneAtATime", 9).minimum, 8);
	assert_int_equal(built_in("CodeDeployDefault.OneAtATime", 9).slots, 1);
	assert_int_equal(built_in("CodeDeployDefault.OneAtATime", 1).minimum, 0);
	assert_int_equal(built_in("CodeDeployDefault.HalfAtATime", 9).slots, 4);
	assert_int_equal(built_in("CodeDeployDefault.HalfAtATime", 9).minimum, 5);
	assert_int_equal(built_in("CodeDeployDefault.HalfAtATime", 1).minimum, 0);
	assert_int_equal(built_in("CodeDeployDefault.AllAtOnce", 9).slots, 9);
}

static void test_check(void **state)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	assert_int_equal(deploy_minimum_check("HOST_COUNT", 0, NULL), 0);
	assert_int_equal(deploy_minimum_check("FLEET_PERCENT", 99, NULL), 0);
	assert_int_equal(deploy_minimum_check("FLEET_PERCENT", 100, &err), -1);
	assert_string_equal(err.wire, "InvalidMinimumHealthyHostValueException");
	assert_int_equal(deploy_minimum_check("HOST_COUNT", -1, NULL), -1);
	assert_int_equal(deploy_minimum_check("MOST_CONCURRENCY", 1, NULL), -1);
}

struct play {
	struct deploy_wave_target t[HOSTS_MAX];
	size_t n, running;
	struct deploy_limits limits;
};

static enum deploy_verdict step(struct play *p)
{
	size_t start[HOSTS_MAX], n_start;
	enum deploy_verdict v = deploy_wave_decide(p->t, p->n, &p->limits, start, &n_start);

	for (size_t i = 0; i < n_start; i++) {
		assert_int_equal(p->t[start[i]].turn, DEPLOY_TURN_WAITING);
		p->t[start[i]].turn = DEPLOY_TURN_RUNNING;
		p->running++;
	}
	return v;
}

static void finish(struct play *p, size_t i, bool ok)
{
	assert_int_equal(p->t[i].turn, DEPLOY_TURN_RUNNING);
	p->t[i].turn = ok ? DEPLOY_TURN_SUCCEEDED : DEPLOY_TURN_FAILED;
	p->running--;
}

static size_t first_running(const struct play *p)
{
	size_t i = 0;

	while (i < p->n && p->t[i].turn != DEPLOY_TURN_RUNNING)
		i++;
	return i;
}

/* Plays a serial wave of healthy hosts in which the fail-th fails; the verdict. */
static enum deploy_verdict serial(size_t n, struct deploy_limits limits, size_t fail)
{
	struct play p = {.n = n, .limits = limits};
	enum deploy_verdict v;
	size_t turn = 0;

	for (size_t i = 0; i < n; i++)
		p.t[i].healthy_before = true;
	while ((v = step(&p)) == DEPLOY_WAVE_RUNS)
		finish(&p, first_running(&p), ++turn != fail);
	return v;
}

static void test_documented_examples(void **state)
{
	(void)state;
	/* ten hosts, 95 %: nothing may be taken offline */
	assert_int_equal(serial(10, custom("FLEET_PERCENT", 95, 10), 0), DEPLOY_WAVE_IMPOSSIBLE);
	/* ten hosts, nine healthy: any failure but the tenth fails it */
	assert_int_equal(serial(10, custom("HOST_COUNT", 9, 10), 10), DEPLOY_WAVE_SUCCEEDED);
	assert_int_equal(serial(10, custom("HOST_COUNT", 9, 10), 9), DEPLOY_WAVE_FAILED);
	assert_int_equal(serial(10, custom("HOST_COUNT", 9, 10), 1), DEPLOY_WAVE_FAILED);
	/* one at a time: the last one may fail, but not an only one */
	assert_int_equal(
		serial(3, built_in("CodeDeployDefault.OneAtATime", 3), 3), DEPLOY_WAVE_SUCCEEDED);
	assert_int_equal(
		serial(3, built_in("CodeDeployDefault.OneAtATime", 3), 2), DEPLOY_WAVE_FAILED);
	assert_int_equal(
		serial(1, built_in("CodeDeployDefault.OneAtATime", 1), 1), DEPLOY_WAVE_FAILED);
	assert_int_equal(
		serial(4, built_in("CodeDeployDefault.AllAtOnce", 4), 1), DEPLOY_WAVE_SUCCEEDED);
}

static void test_order(void **state)
{
	struct play p = {.n = 4, .limits = {.minimum = 2, .slots = 1}};

	(void)state;
	p.t[0] = (struct deploy_wave_target){.healthy_before = true, .rank = 3};
	p.t[1] = (struct deploy_wave_target){.healthy_before = true, .rank = 2};
	p.t[2] = (struct deploy_wave_target){.healthy_before = true, .rank = 1};
	p.t[3] = (struct deploy_wave_target){.healthy_before = false, .rank = 0};
	for (size_t expected = 4; expected-- > 0;) {
		assert_int_equal(step(&p), DEPLOY_WAVE_RUNS);
		assert_int_equal(first_running(&p), expected);
		finish(&p, expected, true);
	}
	assert_int_equal(step(&p), DEPLOY_WAVE_SUCCEEDED);
}

static size_t count_healthy(const struct play *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->t[i].turn == DEPLOY_TURN_SUCCEEDED ||
		     (p->t[i].turn == DEPLOY_TURN_WAITING && p->t[i].healthy_before);
	return n;
}

static void play_random(unsigned seed)
{
	struct play p = {0};
	size_t healthy, succeeded = 0;
	enum deploy_verdict v;

	srand(seed);
	p.n = 1 + (size_t)rand() % HOSTS_MAX;
	p.limits = rand() % 2 ? custom("HOST_COUNT", rand() % (int)(p.n + 2), p.n)
			      : custom("FLEET_PERCENT", rand() % 100, p.n);
	for (size_t i = 0; i < p.n; i++)
		p.t[i] = (struct deploy_wave_target){
			.healthy_before = rand() % 4 > 0, .rank = rand() % DEPLOY_RANKS};
	healthy = count_healthy(&p);
	while ((v = step(&p)) == DEPLOY_WAVE_RUNS) {
		size_t i = first_running(&p);
		size_t failed = 0;

		/* W1, W4: only failures of what was begun take hosts below the minimum */
		for (size_t k = 0; k < p.n; k++)
			failed += p.t[k].turn == DEPLOY_TURN_FAILED && p.t[k].healthy_before;
		assert_true(count_healthy(&p) + failed >= MIN(p.limits.minimum, healthy));
		assert_true(p.running <= p.limits.slots); /* W2 */
		assert_true(p.running > 0);		  /* it goes on */
		for (size_t skip = (size_t)rand() % p.running; skip > 0; skip--)
			for (i++; p.t[i].turn != DEPLOY_TURN_RUNNING; i++)
				;
		finish(&p, i, rand() % 5 > 0);
	}
	for (size_t i = 0; i < p.n; i++)
		succeeded += p.t[i].turn == DEPLOY_TURN_SUCCEEDED;
	if (v == DEPLOY_WAVE_SUCCEEDED)
		assert_true(succeeded >= 1 && succeeded >= p.limits.minimum); /* W5 */
	if (v == DEPLOY_WAVE_IMPOSSIBLE)
		assert_int_equal(succeeded, 0);
}

static void test_random(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 20000; seed++)
		play_random(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arithmetic),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_documented_examples),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
