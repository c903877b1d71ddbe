/* SPDX-License-Identifier: Apache-2.0 */
/* Names that some file system takes for ".git". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "vcs/dot_git.h"

static void test_names(void **state)
{
	static const char *const taken[] = {".git", ".GIT", ".git.", ".git . .", ".git:x", "git~1",
		"GIT~1 ", "a\\.git", ".git\\x", ".g\xe2\x80\x8cit", "\xef\xbb\xbf.git",
		".git\xe2\x81\xaf"};
	static const char *const other[] = {"", "git", ".gitx", ".git x", "git~2", "xgit~1",
		".gitignore", ".gitmodules", "a.git", ".gi", ".g\xe2\x80\x8bit", "\xe2\x80"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		if (!vcs_name_is_dot_git(view_of(taken[i])))
			fail_msg("%s", taken[i]);
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		if (vcs_name_is_dot_git(view_of(other[i])))
			fail_msg("%s", other[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
