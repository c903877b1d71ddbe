/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of describe calls: whole, in order, over changes between the calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fleet/internal.h"

#define NONE ((struct wire_int){0})

struct tags {
	struct ec2_tag_description *v;
	size_t n;
};

/* Ids of a page's items as one text; letters are ids. */
static const char *page(const char *ids, const char *token, struct wire_int size,
	const struct fleet_pages *pages, struct arena *a, const char **ret_next)
{
	struct tags list = {arena_new_n(a, strlen(ids) + 1, struct ec2_tag_description), 0};
	struct err err CLEANUP_ERR = ERR_INIT;
	char *out = arena_strdup(a, "");

	for (; *ids; ids++)
		list.v[list.n++].resource_id = arena_strndup(a, ids, 1);
	*ret_next = NULL;
	if (fleet_page_cut(pages, FLEET_LIST(&list, resource_id), token, size, a, ret_next, &err) <
		0)
		return arena_printf(a, "%s: %s", err.wire, err_message(&err));
	for (size_t i = 0; i < list.n; i++)
		out = arena_printf(a, "%s%s", out, list.v[i].resource_id);
	return out;
}

static void test_pages(void **state)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const struct fleet_pages *p = &FLEET_PAGES_EC2;
	struct wire_int five = WIRE_SET_INT(5);
	const char *next, *second;

	(void)state;
	assert_string_equal(page("abcdefgh", NULL, NONE, p, &a, &next), "abcdefgh");
	assert_null(next);
	assert_string_equal(page("abcde", NULL, five, p, &a, &next), "abcde");
	assert_null(next);
	assert_string_equal(page("abcdefghijkl", NULL, five, p, &a, &next), "abcde");
	second = next;
	assert_string_equal(page("abcdefghijkl", second, five, p, &a, &next), "fghij");
	assert_string_equal(page("abcdefghijkl", next, five, p, &a, &next), "kl");
	assert_null(next);
	/* b is gone, then f itself: nothing is told twice; all gone: an empty page */
	assert_string_equal(page("acdefghijkl", second, five, p, &a, &next), "fghij");
	assert_string_equal(page("abcdeghijkl", second, five, p, &a, &next), "ghijk");
	assert_string_equal(page("ab", second, five, p, &a, &next), "");
	assert_null(next);
}

static void test_bad_pages(void **state)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *next;

	(void)state;
	assert_string_equal(page("ab", NULL, WIRE_SET_INT(4), &FLEET_PAGES_EC2, &a, &next),
		"InvalidParameterValue: MaxResults must be 5 to 1000, not 4");
	assert_string_equal(
		page("ab", NULL, WIRE_SET_INT(101), &FLEET_PAGES_AUTOSCALING, &a, &next),
		"ValidationError: MaxRecords must be 1 to 100, not 101");
	assert_string_equal(page("ab", "%", NONE, &FLEET_PAGES_AUTOSCALING, &a, &next),
		"InvalidNextToken: The token '%' is not valid");
	assert_string_equal(page("ab", "YWJj", NONE, &FLEET_PAGES_ELBV2, &a, &next),
		"ValidationError: The token 'YWJj' is not valid");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_bad_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
