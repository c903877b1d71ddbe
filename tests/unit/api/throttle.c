/* SPDX-License-Identifier: Apache-2.0 */
/* Rates of requests: which rule counts, when the next one is taken, what is no rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "api/throttle.h"
#include "base/clock.h"
#include "codebuild.gen.h"
#include "codecommit.gen.h"

static const struct call_service build = {.wire = &codebuild_service};
static const struct call_service source = {.wire = &codecommit_service};
static const struct call_service *const services[] = {&build, &source};

static struct throttle *make(const char *rules)
{
	struct throttle *t = NULL;
	struct err err CLEANUP_ERR = ERR_INIT;

	if (throttle_new(rules, services, ARRAY_SIZE(services), &t, &err) < 0)
		fail_msg("%s", err_message(&err));
	return t;
}

/* How many of n at one moment are taken. */
static int taken(struct throttle *t, size_t service, int operation, int64_t now, int n)
{
	int count = 0;
	int64_t wait;

	for (int i = 0; i < n; i++)
		count += throttle_take(t, service, (size_t)operation, now, &wait, NULL) == 0;
	return count;
}

static void a_bucket_fills_again(void **state)
{
	struct throttle *t CLEANUP(throttle_freep) = make("codebuild.StartBuild=2:5");
	const int op = CODEBUILD_OP_START_BUILD;
	struct err err CLEANUP_ERR = ERR_INIT;
	int64_t now = 1000 * USEC_PER_SEC, wait = 0;

	(void)state;
	assert_int_equal(taken(t, 0, op, now, 9), 5);
	assert_int_equal(throttle_take(t, 0, (size_t)op, now, &wait, &err), -1);
	assert_string_equal(err_wire_name(&err), "ThrottlingException");
	assert_int_equal(wait, USEC_PER_SEC / 2);
	assert_int_equal(taken(t, 0, op, now + wait - 1, 1), 0);
	assert_int_equal(taken(t, 0, op, now + wait, 2), 1);
	assert_int_equal(taken(t, 0, op, now + 2 * USEC_PER_SEC, 9), 3);
	assert_int_equal(
		taken(t, 0, op, now + 60 * USEC_PER_SEC, 9), 5); /* no more than it holds */
	assert_int_equal(taken(t, 0, CODEBUILD_OP_LIST_BUILDS, now, 1000), 1000);
}

static void the_closest_rule_counts(void **state)
{
	struct throttle *t CLEANUP(throttle_freep) =
		make("default=1:4, codebuild=1:2,codebuild.ListBuilds=1:3");

	(void)state;
	assert_int_equal(taken(t, 0, CODEBUILD_OP_LIST_BUILDS, 0, 9), 3);
	assert_int_equal(taken(t, 0, CODEBUILD_OP_LIST_PROJECTS, 0, 1), 1);
	assert_int_equal(taken(t, 0, CODEBUILD_OP_START_BUILD, 0, 9), 1);
	assert_int_equal(taken(t, 1, CODECOMMIT_OP_LIST_BRANCHES, 0, 9), 4);
}

static void what_is_no_rule(void **state)
{
	static const char *const wrong[] = {"codebuild", "codebuild=", "codebuild=0",
		"codebuild=-1", "codebuild=x", "codebuild=1:", "codebuild=1:x", "codebuild=nan",
		"codebuild=1e9", "nothing=5", "codebuild.=5", "codebuild.StartBuilds=5", "=5"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct err err CLEANUP_ERR = ERR_INIT;
		struct throttle *t = NULL;

		if (throttle_new(wrong[i], services, ARRAY_SIZE(services), &t, &err) == 0)
			fail_msg("%s was taken", wrong[i]);
		assert_non_null(strstr(err_message(&err), "is no rate of requests"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_fills_again),
		cmocka_unit_test(the_closest_rule_counts),
		cmocka_unit_test(what_is_no_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
