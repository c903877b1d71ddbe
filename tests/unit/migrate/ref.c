/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "migrate/ref.h"

static void test_carried(void **state)
{
	static const struct {
		const char *name;
		bool pulls, carried;
		enum migrate_kind kind;
	} cases[] = {
		{"refs/heads/a/b", false, true, MIGRATE_BRANCH},
		{"refs/tags/v1", false, true, MIGRATE_TAG},
		{"refs/notes/commits", false, true, MIGRATE_NOTE},
		{"refs/pull/12/head", true, true, MIGRATE_PULL},
		{"refs/pull/12/head", false, false, 0},
		{"refs/pull/12/merge", true, false, 0},
		{"refs/pull/x/head", true, false, 0},
		{"refs/pull//head", true, false, 0},
		{"refs/merge-requests/3/head", true, true, MIGRATE_PULL},
		{"refs/pull-requests/3/from", true, true, MIGRATE_PULL},
		{"refs/keep-around/abc", true, false, 0},
		{"HEAD", true, false, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum migrate_kind kind = MIGRATE_KINDS;

		assert_int_equal(migrate_ref_carried(view_of(cases[i].name), cases[i].pulls, &kind),
			cases[i].carried);
		if (cases[i].carried)
			assert_int_equal(kind, cases[i].kind);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_carried)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
