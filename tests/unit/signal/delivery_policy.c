/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery policies: which tries come when, and which policies are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "signal/delivery_policy.h"

/* The delays of all tries, as "0 1 20". */
static void delays(const char *own, const char *topic, char *ret, size_t size)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct delivery_policy p;
	size_t n = 0;

	ret[0] = '\0';
	delivery_policy_read(own, topic, &a, &p);
	for (int i = 0; delivery_policy_delay(&p, i) >= 0; i++)
		n += (size_t)snprintf(
			ret + n, size - n, i ? " %d" : "%d", delivery_policy_delay(&p, i));
}

static void test_delays(void **state)
{
	static const struct {
		const char *own, *topic, *delays;
	} cases[] = {
		{NULL, "", "20 20 20"},
		{"{}", NULL, "20 20 20"},
		{"{\"healthyRetryPolicy\":{\"numRetries\":0}}", NULL, ""},
		{"{\"healthyRetryPolicy\":{\"numRetries\":4,\"minDelayTarget\":5}}", NULL,
			"5 10 15 20"},
		{"{\"healthyRetryPolicy\":{\"numRetries\":8,\"minDelayTarget\":1,"
		 "\"maxDelayTarget\":"
		 "10,\"numNoDelayRetries\":1,\"numMinDelayRetries\":2,\"numMaxDelayRetries\":2}}",
			NULL, "0 1 1 1 5 10 10 10"},
		{NULL, "{\"http\":{\"defaultHealthyRetryPolicy\":{\"numRetries\":1}}}", "20"},
		{"{\"healthyRetryPolicy\":{\"numRetries\":2}}",
			"{\"http\":{\"defaultHealthyRetryPolicy\":{\"numRetries\":1}}}", "20 20"},
		{"{\"healthyRetryPolicy\":{\"numRetries\":2}}",
			"{\"http\":{\"disableSubscriptionOverrides\":true,"
			"\"defaultHealthyRetryPolicy\":{\"numRetries\":1}}}",
			"20"},
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		delays(cases[i].own, cases[i].topic, text, sizeof(text));
		assert_string_equal(text, cases[i].delays);
	}
}

static void test_checks(void **state)
{
	static const char *const wrong[] = {"[]", "x", "{\"healthyRetryPolicy\":[1]}",
		"{\"healthyRetryPolicy\":{\"numRetries\":-1}}",
		"{\"healthyRetryPolicy\":{\"numRetries\":\"3\"}}",
		"{\"healthyRetryPolicy\":{\"minDelayTarget\":0}}",
		"{\"healthyRetryPolicy\":{\"numRetries\":1,\"numMaxDelayRetries\":2}}",
		"{\"requestPolicy\":{\"headerContentType\":\"text/plain\\r\\nX: y\"}}"};
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		if (delivery_policy_check(wrong[i], false, &err) == 0)
			fail_msg("%s", wrong[i]);
		err_release(&err);
	}
	assert_int_equal(delivery_policy_check("{\"throttlePolicy\":null}", false, &err), 0);
	assert_int_equal(
		delivery_policy_check("{\"http\":{\"defaultThrottlePolicy\":{}}}", true, &err), -1);
	assert_int_equal(err.kind, ERR_UNSUPPORTED);
	err_release(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delays),
		cmocka_unit_test(test_checks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
