/* SPDX-License-Identifier: Apache-2.0 */
/* Metric math, rules of composite alarms, statistics over values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "signal/alarm.h"
#include "signal/expression.h"

#define N 4

static struct arena arena;
static struct expression_scope scope;
static size_t *room;

/* m: 1 - 3 4; z: 0 0 0 2 */
static int find(void *arg, const char *id, struct expression_value *ret, struct err *err)
{
	static double m[N] = {1, 0, 3, 4}, z[N] = {0, 0, 0, 2};
	static bool some[N] = {true, false, true, true}, all[N] = {true, true, true, true};

	(void)arg;
	*ret = (struct expression_value){.kind = EXPRESSION_SERIES, .series = {.n = N}};
	ret->series.values = streq(id, "m") ? m : z;
	ret->series.present = streq(id, "m") ? some : all;
	if (streq(id, "m") || streq(id, "z"))
		return 0;
	return err_set_wire(err, "ValidationError", "there is no '%s'", id);
}

static int metrics(void *arg, const char *prefix, struct expression_value *ret, struct err *err)
{
	static const char *const ids[] = {"m", "z"};

	*ret = (struct expression_value){
		.kind = EXPRESSION_LIST, .list = arena_new_n(&arena, 3, struct signal_series)};
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct expression_value one;

		if (starts_with(ids[i], prefix) && find(arg, ids[i], &one, err) == 0)
			ret->list[ret->n_list++] = one.series;
	}
	return 0;
}

/* "1 - 3 4" */
static const char *shown(const char *text)
{
	static char out[256];
	struct expression_value v;
	struct err err CLEANUP_ERR = ERR_INIT;

	scope = (struct expression_scope){
		.a = &arena, .n = N, .room = room, .period = 60, .find = find, .metrics = metrics};
	out[0] = '\0';
	if (expression_evaluate(&scope, text, &v, &err) < 0) {
		snprintf(out, sizeof(out), "error: %.200s", err_message(&err));
		return out;
	}
	if (v.kind == EXPRESSION_NUMBER) {
		snprintf(out, sizeof(out), "%g", v.number);
		return out;
	}
	if (v.kind == EXPRESSION_LIST) {
		snprintf(out, sizeof(out), "%zu series", v.n_list);
		return out;
	}
	for (size_t i = 0, n = 0; i < N; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n,
			v.series.present[i] ? "%s%g" : "%s-", i ? " " : "", v.series.values[i]);
	return out;
}

/* Some operands after which there is no more room; a long list, and one that is too long. */
static void test_limits(void **state)
{
	struct str list CLEANUP_STR = STR_INIT;
	size_t left = 4 * (N + 2);

	(void)state;
	room = &left;
	assert_string_equal(shown("m * z + m"), "1 - 3 12");
	assert_non_null(strstr(shown("m + m + m + m + m"), "more is to be computed"));
	room = NULL;
	str_add(&list, "SUM([m");
	for (int i = 1; i < 500; i++)
		str_add(&list, ",z");
	str_add(&list, "])");
	assert_string_equal(shown(str_text(&list)), "1 0 3 1002");
	str_truncate(&list, list.len - 2);
	str_add(&list, ",z])");
	assert_true(starts_with(shown(str_text(&list)), "error"));
	arena_release(&arena);
}

static void test_math(void **state)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{"m", "1 - 3 4"},
		{"m + 1", "2 - 4 5"},
		{"100 * m / (m + z)", "100 - 100 66.6667"},
		{"m / z", "- - - 2"},
		{"-m ^ 2", "-1 - -9 -16"},
		{"2 ^ 3 ^ 2 - 1", "511"},
		{"1 + 2 * 3 == 7 AND NOT_A(1)", "error"},
		{"m >= 3 && z == 0", "0 - 1 0"},
		{"m > 3 OR z", "0 - 0 1"},
		{"FILL(m, 0)", "1 0 3 4"},
		{"FILL(m, REPEAT)", "1 1 3 4"},
		{"FILL(m, LINEAR)", "1 2 3 4"},
		{"IF(z > 0, m, 7)", "7 7 7 4"},
		{"IF(m > 1, m)", "- - 3 4"},
		{"RATE(m)", "- - 0.0166667 0.0166667"},
		{"DIFF(m)", "- - 2 1"},
		{"RUNNING_SUM(m)", "1 - 4 8"},
		{"SUM(METRICS())", "1 0 3 6"},
		{"AVG(METRICS())", "0.5 0 1.5 3"},
		{"MAX([m, z])", "1 0 3 4"},
		{"SUM([m, z, 1])", "2 1 4 7"},
		{"SUM(FILL([m, z], 0)) + 1", "2 1 4 7"},
		{"[m, METRICS()]", "3 series"},
		{"[m", "error"},
		{"[]", "error"},
		{"[m 'z']", "error"},
		{"['z']", "error"},
		{"SUM(METRICS('z'))", "0 0 0 2"},
		{"m - AVG(m)", "-1.66667 - 0.333333 1.33333"},
		{"MIN(m)", "1"},
		{"DATAPOINT_COUNT(m)", "3"},
		{"PERIOD(m)", "60"},
		{"METRICS()", "2 series"},
		{"CEIL(m / 2)", "1 - 2 2"},
		{"x", "error"},
		{"m +", "error"},
		{"(m", "error"},
		{"m m", "error"},
		{"SEARCH('a', 'b')", "error"},
		{"\"text\"", "error"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *got = shown(cases[i].text);

		if (streq(cases[i].shown, "error") ? !starts_with(got, "error")
						   : !streq(got, cases[i].shown))
			fail_msg("%s: %s, not %s", cases[i].text, got, cases[i].shown);
	}
	arena_release(&arena);
}

/* Alarms "a" and "b c" are in ALARM, "d" is OK. */
static int state_is(void *arg, const char *name, const char *asked, bool *ret, struct err *err)
{
	(void)arg;
	(void)err;
	*ret = streq(asked, streq(name, "d") ? "OK" : "ALARM") &&
	       (streq(name, "a") || streq(name, "b c") || streq(name, "d"));
	return 0;
}

static void test_rules(void **state)
{
	static const struct {
		const char *rule;
		int holds; /* -1: an error */
	} cases[] = {
		{"ALARM(a)", 1},
		{"ALARM(\"b c\")", 1},
		{"ALARM(b c)", 1},
		{"ALARM(arn:aws:cloudwatch:us-east-1:1:alarm:a)", 1},
		{"OK(a)", 0},
		{"ALARM(a) AND ALARM(d)", 0},
		{"ALARM(d) AND ALARM(d) OR ALARM(a)", 1},
		{"ALARM(a) OR ALARM(d) AND ALARM(d)", 1},
		{"(ALARM(a) OR ALARM(d)) AND ALARM(d)", 0},
		{"NOT ALARM(d) AND OK('d')", 1},
		{"NOT (ALARM(a))", 0},
		{"TRUE AND FALSE", 0},
		{"INSUFFICIENT_DATA(a) OR TRUE", 1},
		{"ALARM()", -1},
		{"ALARM(a", -1},
		{"ALARM(a) ALARM(d)", -1},
		{"a", -1},
		{"", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err CLEANUP_ERR = ERR_INIT;
		bool holds = false;
		int r = alarm_expression_evaluate(cases[i].rule, state_is, NULL, &holds, &err);

		if ((r < 0 ? -1 : holds) != cases[i].holds)
			fail_msg("%s: %d", cases[i].rule, r < 0 ? -1 : holds);
	}
}

static void test_statistics(void **state)
{
	/* 1 to 10 once each */
	double values[10], counts[10];
	struct store_metric_set set = {.count = 10,
		.sum = 55,
		.min = 1,
		.max = 10,
		.values = values,
		.counts = counts,
		.n = 10};
	static const struct {
		const char *text;
		double value;
	} cases[] = {
		{"p50", 5},
		{"p90", 9},
		{"p99.9", 10},
		{"tm90", 5},
		{"TM(10%:90%)", 5.5},
		{"IQM", 5.5},
		{"tc80", 8},
		{"ts20", 3},
		{"TM(2:4)", 3.5},
		{"TC(:4)", 4},
		{"PR(:4)", 40},
		{"WM(20%:80%)", 5.5},
		{"wm80", 5.2},
	};
	struct signal_stat stat;

	(void)state;
	for (int i = 0; i < 10; i++) {
		values[i] = i + 1;
		counts[i] = 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		double got = NAN;

		assert_true(signal_stat_parse(cases[i].text, &stat));
		assert_true(signal_stat_value(&stat, &set, 1, &got));
		if (fabs(got - cases[i].value) > 1e-9)
			fail_msg("%s: %g, not %g", cases[i].text, got, cases[i].value);
	}
	for (const char *const *bad = (const char *const[]){"p", "p101", "tm", "TM(5)", "TM(:)",
		     "TM(10%:5)", "PR(1%:2%)", "median", "pr50", "TM(90%:10%)", NULL};
		*bad; bad++)
		if (signal_stat_parse(*bad, &stat))
			fail_msg("%s was taken", *bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_math),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_statistics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
