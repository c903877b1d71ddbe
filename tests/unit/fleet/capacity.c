/* SPDX-License-Identifier: Apache-2.0 */
/* How a strategy spreads tasks over its capacity providers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fleet/capacity.h"

struct spread {
	struct {
		int base, weight;
	} v[3];
	size_t n;
	int tasks, want[3];
};

static const char *const names[] = {"a", "b", "c"};

static void check(const struct spread *s)
{
	struct ecs_capacity_provider_strategy_item items[3];
	struct ecs_capacity_provider_strategy strategy = {.v = items, .n = s->n, .set = true};
	struct fleet_capacity_placed placed = {0};

	for (size_t i = 0; i < s->n; i++)
		items[i] = (struct ecs_capacity_provider_strategy_item){
			.capacity_provider = names[i],
			.base = WIRE_SET_INT(s->v[i].base),
			.weight = WIRE_SET_INT(s->v[i].weight),
		};
	for (int i = 0; i < s->tasks; i++)
		fleet_capacity_count(&strategy, fleet_capacity_next(&strategy, &placed), &placed);
	for (size_t i = 0; i < s->n; i++)
		assert_int_equal(placed.n[i], s->want[i]);
}

static void test_spreads(void **state)
{
	static const struct spread spreads[] = {
		{{{0, 1}, {0, 4}}, 2, 10, {2, 8}},
		{{{0, 1}, {0, 1}}, 2, 7, {4, 3}},
		{{{0, 2}, {0, 3}, {0, 5}}, 3, 20, {4, 6, 10}},
		{{{2, 1}, {0, 3}}, 2, 10, {4, 6}},
		{{{2, 1}, {0, 3}}, 2, 1, {1, 0}},
		{{{0, 1}, {3, 0}}, 2, 5, {2, 3}}, /* a base without weight: that many, no more */
		{{{0, 0}}, 1, 3, {3}},		  /* the only one needs no weight */
		{{{100000, 0}}, 1, 3, {3}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(spreads) / sizeof(spreads[0]); i++)
		check(&spreads[i]);
}

/* What is lost is made up for where it is missing. */
static void test_refills(void **state)
{
	struct ecs_capacity_provider_strategy_item items[] = {
		{.capacity_provider = "a", .base = WIRE_SET_INT(1), .weight = WIRE_SET_INT(1)},
		{.capacity_provider = "b", .weight = WIRE_SET_INT(1)},
	};
	struct ecs_capacity_provider_strategy strategy = {.v = items, .n = 2, .set = true};
	struct fleet_capacity_placed placed = {.n = {0, 5}};

	(void)state;
	assert_string_equal(fleet_capacity_next(&strategy, &placed), "a");
	placed.n[0] = 1;
	assert_string_equal(fleet_capacity_next(&strategy, &placed), "a");
	placed.n[0] = 7;
	assert_string_equal(fleet_capacity_next(&strategy, &placed), "b");
	strategy.n = 0;
	assert_null(fleet_capacity_next(&strategy, &placed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spreads),
		cmocka_unit_test(test_refills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
