/* SPDX-License-Identifier: Apache-2.0 */
/* How many instances a group launches, and which it stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fleet/internal.h"

static void test_decide(void **state)
{
	const struct fleet_member members[] = {
		{.running = true, .launch_usec = 30},
		{.running = true, .launch_usec = 10},
		{.running = false, .launch_usec = 40},
		{.running = true, .launch_usec = 20, .unhealthy = true},
	};
	bool stop[4] = {0};

	(void)state;
	assert_int_equal(fleet_group_decide(6, members, 4, stop), 2);
	assert_int_equal(fleet_group_decide(4, members, 4, stop), 0);
	assert_false(stop[0] || stop[1] || stop[2] || stop[3]);
	/* the unhealthy one, then the one not running yet, then the oldest */
	assert_int_equal(fleet_group_decide(3, members, 4, stop), 0);
	assert_true(stop[3] && !stop[0] && !stop[1] && !stop[2]);
	memset(stop, 0, sizeof(stop));
	fleet_group_decide(1, members, 4, stop);
	assert_true(stop[3] && stop[2] && stop[1] && !stop[0]);
	memset(stop, 0, sizeof(stop));
	fleet_group_decide(0, members, 4, stop);
	assert_true(stop[0] && stop[1] && stop[2] && stop[3]);
}

static void test_backoff(void **state)
{
	const int64_t s = USEC_PER_SEC, m = 60 * s;
	struct fleet_abandoned rounds[] = {
		{100 * s, 101 * s}, {10 * s, 20 * s}, {12 * s, 25 * s}, {60 * s, 70 * s}};
	struct fleet_abandoned many[12];

	(void)state;
	assert_int_equal(fleet_group_backoff(NULL, 0), 0);
	/* one launch, or two at once: half a minute after the last of them */
	assert_int_equal(
		fleet_group_backoff((struct fleet_abandoned[]){{10 * s, 20 * s}}, 1), 50 * s);
	assert_int_equal(fleet_group_backoff(
				 (struct fleet_abandoned[]){{10 * s, 20 * s}, {12 * s, 25 * s}}, 2),
		55 * s);
	/* three rounds, in any order: twice as long each time */
	assert_int_equal(fleet_group_backoff(rounds, 4), 101 * s + 2 * m);
	for (int i = 0; i < 12; i++)
		many[i] = (struct fleet_abandoned){i * m, i * m + s};
	assert_int_equal(fleet_group_backoff(many, 12), 11 * m + s + 15 * m);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(fleet_dimension("arn:aws:elasticloadbalancing:r:1:targetgroup/web/ab"),
		"targetgroup/web/ab");
	assert_string_equal(
		fleet_dimension("arn:aws:elasticloadbalancing:r:1:loadbalancer/app/web/cd"),
		"app/web/cd");
	assert_null(fleet_dimension(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decide),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
