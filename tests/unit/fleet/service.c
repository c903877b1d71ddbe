/* SPDX-License-Identifier: Apache-2.0 */
/* What services decide: rolling updates step by step, the circuit breaker, waits, health. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fleet/containers.h"

#define MEMBERS 64

/* A service whose tasks do what they are told; a step of the clock brings each one state on. */
struct world {
	struct fleet_roll_member v[MEMBERS];
	size_t n;
	int desired, minimum, maximum;
	int64_t clock;
	int most, least_healthy;
};

static void add(struct world *w, int count, bool primary, enum fleet_member_state state)
{
	for (; count > 0; count--) {
		assert_true(w->n < MEMBERS);
		w->v[w->n++] = (struct fleet_roll_member){primary, state, ++w->clock};
	}
}

static struct fleet_roll_decision decide(struct world *w, bool *stop)
{
	struct fleet_roll roll = {w->desired, w->minimum, w->maximum, w->v, w->n};
	struct fleet_roll_decision d = {.stop = stop};

	memset(stop, 0, MEMBERS * sizeof(*stop));
	fleet_roll_decide(&roll, &d);
	return d;
}

static int healthy(const struct world *w)
{
	int count = 0;

	for (size_t i = 0; i < w->n; i++)
		count += w->v[i].state == MEMBER_HEALTHY;
	return count;
}

/* Does what was decided; false when the deployment is done. */
static bool step(struct world *w)
{
	bool stop[MEMBERS];
	struct fleet_roll_decision d = decide(w, stop);
	size_t left = 0;

	assert_false(d.stuck);
	for (size_t i = 0; i < w->n; i++)
		if (!stop[i])
			w->v[left++] = w->v[i];
	w->n = left;
	add(w, d.start, true, MEMBER_STARTING);
	w->most = MAX(w->most, (int)w->n);
	w->least_healthy = MIN(w->least_healthy, healthy(w));
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].state == MEMBER_STARTING || w->v[i].state == MEMBER_SETTLING)
			w->v[i].state++;
	return !d.done;
}

static void roll_out(int desired, int minimum, int maximum, int most, int least_healthy)
{
	struct world w = {.desired = desired,
		.minimum = minimum,
		.maximum = maximum,
		.least_healthy = desired};
	int steps = 0;

	add(&w, desired, false, MEMBER_HEALTHY);
	while (step(&w))
		assert_true(++steps < 100);
	assert_int_equal(w.n, desired);
	for (size_t i = 0; i < w.n; i++)
		assert_true(w.v[i].primary);
	assert_int_equal(w.most, most);
	assert_int_equal(w.least_healthy, least_healthy);
}

/* (spec: ECS, "rolling": lower is rounded up, upper down) */
static void test_rolls(void **state)
{
	(void)state;
	roll_out(4, 100, 200, 8, 4);
	roll_out(4, 100, 150, 6, 4);
	roll_out(4, 50, 100, 4, 2);
	roll_out(3, 50, 100, 3, 2);
	roll_out(1, 0, 100, 1, 0);
	roll_out(5, 100, 125, 6, 5);
}

static void test_stuck(void **state)
{
	struct world w = {.desired = 1, .minimum = 100, .maximum = 150};
	bool stop[MEMBERS];

	(void)state;
	add(&w, 1, false, MEMBER_HEALTHY); /* 150% of one is one: no second may start */
	assert_true(decide(&w, stop).stuck);
	w.maximum = 200;
	assert_int_equal(decide(&w, stop).start, 1);
	assert_false(decide(&w, stop).stuck);
}

static void test_keeps(void **state)
{
	struct world w = {.desired = 3, .minimum = 100, .maximum = 200};
	bool stop[MEMBERS];
	struct fleet_roll_decision d;

	(void)state;
	assert_int_equal(decide(&w, stop).start, 3);
	add(&w, 3, true, MEMBER_HEALTHY);
	assert_true(decide(&w, stop).done);
	w.v[1].state = MEMBER_UNHEALTHY; /* replaced at once */
	d = decide(&w, stop);
	assert_true(d.start == 1 && stop[1] && !stop[0] && !stop[2] && !d.done);
	w.v[1].state = MEMBER_STARTING;
	w.desired = 2; /* what serves least goes first */
	d = decide(&w, stop);
	assert_true(stop[1] && !stop[0] && !stop[2]);
	w.desired = 0;
	d = decide(&w, stop);
	assert_true(stop[0] && stop[1] && stop[2]);
}

static void test_old_that_never_came_up(void **state)
{
	struct world w = {.desired = 2, .minimum = 100, .maximum = 200};
	bool stop[MEMBERS];

	(void)state;
	add(&w, 2, false, MEMBER_STARTING);
	add(&w, 2, true, MEMBER_STARTING);
	decide(&w, stop);
	assert_true(stop[0] && stop[1] && !stop[2] && !stop[3]);
}

/* A deployment that has failed: what serves, serves on. */
static void test_halted(void **state)
{
	struct fleet_roll_member v[] = {{false, MEMBER_HEALTHY, 1}, {false, MEMBER_UNHEALTHY, 2},
		{true, MEMBER_HEALTHY, 3}, {true, MEMBER_HEALTHY, 4}};
	struct fleet_roll roll = {.desired = 2,
		.minimum_percent = 50,
		.maximum_percent = 200,
		.v = v,
		.n = ARRAY_SIZE(v),
		.halted = true};
	bool stop[ARRAY_SIZE(v)] = {0};
	struct fleet_roll_decision d = {.stop = stop};

	(void)state;
	fleet_roll_decide(&roll, &d);
	assert_true(!stop[0] && stop[1] && !stop[2] && !stop[3]);
	assert_true(!d.start && !d.done && !d.stuck);
	roll.desired = 3; /* nothing is added */
	fleet_roll_decide(&roll, &d);
	assert_true(!stop[0] && !d.start && !d.stuck);
	roll.desired = 0;
	fleet_roll_decide(&roll, &d);
	assert_true(stop[0] && stop[1] && stop[2] && stop[3] && d.done);
}

/* (spec: ECS, "circuit breaker": half of desired, at least 3, at most 200) */
static void test_numbers(void **state)
{
	(void)state;
	assert_int_equal(fleet_breaker_threshold(1), 3);
	assert_int_equal(fleet_breaker_threshold(7), 4);
	assert_int_equal(fleet_breaker_threshold(1000), 200);
	assert_int_equal(fleet_backoff_usec(3), 0);
	assert_int_equal(fleet_backoff_usec(4), 5 * USEC_PER_SEC);
	assert_int_equal(fleet_backoff_usec(6), 20 * USEC_PER_SEC);
	assert_int_equal(fleet_backoff_usec(1000), 900 * USEC_PER_SEC);
	assert_int_equal(fleet_computed_desired(3, 50), 2);
	assert_int_equal(fleet_computed_desired(10, 10), 1);
	assert_int_equal(fleet_computed_desired(3, 0), 0);
	assert_int_equal(fleet_computed_desired(7, 100), 7);
}

static void test_health(void **state)
{
	struct fleet_health h = {.status = HEALTH_UNKNOWN};

	(void)state;
	for (int i = 0; i < 5; i++) /* forgiven in the start period */
		fleet_health_decide(&h, false, 2, 9, 10);
	assert_string_equal(h.status, HEALTH_UNKNOWN);
	fleet_health_decide(&h, true, 2, 9, 10);
	assert_string_equal(h.status, HEALTH_HEALTHY);
	fleet_health_decide(&h, false, 2, 9, 10); /* not forgiven any more */
	assert_string_equal(h.status, HEALTH_HEALTHY);
	fleet_health_decide(&h, false, 2, 9, 10);
	assert_string_equal(h.status, HEALTH_UNHEALTHY);
	fleet_health_decide(&h, true, 2, 20, 10);
	assert_string_equal(h.status, HEALTH_HEALTHY);
	assert_int_equal(h.failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rolls),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_keeps),
		cmocka_unit_test(test_old_that_never_came_up),
		cmocka_unit_test(test_halted),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_health),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
