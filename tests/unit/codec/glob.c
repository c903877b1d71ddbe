/* SPDX-License-Identifier: Apache-2.0 */
/* Path patterns: what fits, and what is found on the disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/glob.h"

static const struct {
	const char *pattern, *path;
	bool fits;
} cases[] = {
	{"a", "a", true}, {"a", "a/b", false}, {"*", "a", true}, {"*", ".a", true},
	{"*", "a/b", false}, {"*.js", "x.js", true}, {"*.js", "d/x.js", false}, {"?", "a", true},
	{"[ab]c", "bc", true}, {"d/*", "d/x", true}, {"./d//x", "d/x", true}, {"**", "a", true},
	{"**", "a/b/c", true}, {"**/*", "a", true}, {"**/*", "a/b/c", true}, {"**/x", "x", true},
	{"**/x", "a/b/x", true}, {"**/x", "a/b/y", false}, {"a/**/x", "a/x", true},
	{"a/**/x", "a/b/c/x", true}, {"a/**/x", "b/x", false}, {"a/**", "a/b/c", true},
	{"a/**", "a", false}, {"**/b/**", "a/b/c", true}, {"**/b/**", "a/c", false},
	{"a**", "abc", true}, /* within one part: two stars are one */
};

static void paths_fit(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (glob_match(cases[i].pattern, cases[i].path) != cases[i].fits)
			fail_msg("%s and %s", cases[i].pattern, cases[i].path);
}

static int note(const char *path, const struct stat *st, void *arg)
{
	(void)st;
	str_addf(arg, "%s ", path);
	return 0;
}

static void expect_walk(const char *base, const char *pattern, bool dirs, const char *want)
{
	struct str found CLEANUP_STR = STR_INIT;

	assert_int_equal(glob_walk(base, pattern, dirs, note, &found), 0);
	assert_string_equal(str_text(&found), want);
}

static void files_are_found(void **state)
{
	char base[] = "/tmp/glob-test.XXXXXX";
	static const char *const files[] = {"a.js", ".hidden", "d/b.js", "d/e/c.js", "d/e/c.css"};

	(void)state;
	assert_non_null(mkdtemp(base));
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char *path CLEANUP(freep) = xasprintf("%s/%s", base, files[i]);
		char *dir CLEANUP(freep) = xstrdup(path);

		*strrchr(dir, '/') = '\0';
		assert_int_equal(file_make_dirs(dir, 0755, NULL), 0);
		assert_int_equal(file_write_atomic(path, VIEW("x"), 0644, NULL), 0);
	}
	char *link CLEANUP(freep) = xasprintf("%s/loop", base);

	assert_int_equal(symlink(".", link), 0);
	expect_walk(base, "**/*", false, ".hidden a.js loop d/b.js d/e/c.css d/e/c.js ");
	expect_walk(base, "**", false, ".hidden a.js loop d/b.js d/e/c.css d/e/c.js ");
	expect_walk(base, "**/*.js", false, "a.js d/b.js d/e/c.js ");
	expect_walk(base, "d/**", false, "d/b.js d/e/c.css d/e/c.js ");
	expect_walk(base, "*", false, ".hidden a.js loop ");
	expect_walk(base, "d", false, "");
	expect_walk(base, "d", true, "d ");
	expect_walk(base, "*/e", true, "d/e ");
	expect_walk(base, "missing/*", false, "");
	file_remove_tree(base, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_fit),
		cmocka_unit_test(files_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
