/* SPDX-License-Identifier: Apache-2.0 */
/* Every published row of "M out of N" and missing data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "signal/internal.h"

#define OK ALARM_OUTCOME_OK
#define ALARM ALARM_OUTCOME_ALARM
#define NONE ALARM_OUTCOME_NO_DATA
#define KEEP ALARM_OUTCOME_KEEP

/* Newest right; X breaching, 0 fine, - missing; three evaluation periods. */
static const struct {
	const char *points;
	size_t m;
	enum alarm_outcome missing, ignore, breaching, not_breaching;
} rows[] = {
	{"0-X-X", 3, OK, OK, OK, OK},
	{"0----", 3, OK, OK, OK, OK},
	{"-----", 3, NONE, KEEP, ALARM, OK},
	{"0XX-X", 3, ALARM, ALARM, ALARM, ALARM},
	{"--X--", 3, ALARM, KEEP, ALARM, OK},
	{"----X", 3, KEEP, KEEP, ALARM, OK},
	{"---X-", 3, KEEP, KEEP, ALARM, OK},
	{"0-X-X", 2, ALARM, ALARM, ALARM, ALARM},
	{"00X0X", 2, ALARM, ALARM, ALARM, ALARM},
	{"0-X--", 2, OK, OK, ALARM, OK},
	{"----0", 2, OK, OK, ALARM, OK},
	{"---X-", 2, ALARM, KEEP, ALARM, OK},
};

static enum alarm_outcome decide(const char *points, size_t m, enum alarm_missing missing)
{
	struct alarm_rule rule = {
		.n = 3,
		.m = m,
		.missing = missing,
		.comparison = "GreaterThanThreshold",
		.threshold = 5,
	};
	double values[5] = {0};
	bool present[5];

	for (size_t i = 0; i < 5; i++) {
		present[i] = points[i] != '-';
		values[i] = points[i] == 'X' ? 10 : 1;
	}
	return alarm_decide(&rule, values, present);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		print_message("# %s, %zu of 3\n", rows[i].points, rows[i].m);
		assert_int_equal(
			decide(rows[i].points, rows[i].m, MISSING_MISSING), rows[i].missing);
		assert_int_equal(decide(rows[i].points, rows[i].m, MISSING_IGNORE), rows[i].ignore);
		assert_int_equal(
			decide(rows[i].points, rows[i].m, MISSING_BREACHING), rows[i].breaching);
		assert_int_equal(decide(rows[i].points, rows[i].m, MISSING_NOT_BREACHING),
			rows[i].not_breaching);
	}
}

static void test_comparisons(void **state)
{
	static const struct {
		const char *name;
		bool below, same, above;
	} table[] = {
		{"GreaterThanThreshold", false, false, true},
		{"GreaterThanOrEqualToThreshold", false, true, true},
		{"LessThanThreshold", true, false, false},
		{"LessThanOrEqualToThreshold", true, true, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct alarm_rule rule = {.comparison = table[i].name, .threshold = 5};

		assert_int_equal(alarm_breaches(&rule, 4), table[i].below);
		assert_int_equal(alarm_breaches(&rule, 5), table[i].same);
		assert_int_equal(alarm_breaches(&rule, 6), table[i].above);
	}
}

static void test_statistics(void **state)
{
	const double values[] = {1, 2, 3, 100}, counts[] = {50, 40, 9, 1};
	struct store_metric_set set = {.count = 100,
		.sum = 257,
		.min = 1,
		.max = 100,
		.values = values,
		.counts = counts,
		.n = 4};
	static const struct {
		const char *text;
		double value;
	} table[] = {
		{"SampleCount", 100},
		{"Sum", 257},
		{"Average", 2.57},
		{"Minimum", 1},
		{"Maximum", 100},
		{"p50", 1},
		{"p90", 2},
		{"p99", 3},
		{"p99.9", 100},
	};
	struct signal_stat stat;
	double got;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		assert_true(signal_stat_parse(table[i].text, &stat));
		assert_true(signal_stat_value(&stat, &set, 1, &got));
		assert_true(got == table[i].value);
	}
	assert_false(signal_stat_value(&stat, NULL, 0, &got));
	assert_false(signal_stat_parse("p", &stat));
	assert_false(signal_stat_parse("p101", &stat));
	assert_false(signal_stat_parse("Median", &stat));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_comparisons),
		cmocka_unit_test(test_statistics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
