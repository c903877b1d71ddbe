/* SPDX-License-Identifier: Apache-2.0 */
/* Git filters: patterns and their lists. */
#include "pipeline/git_pattern.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct {
	const char *pattern, *name;
	bool matches;
} rows[] = {
	{"main", "main", true},
	{"main", "main2", false},
	{"release", "release/1", false},
	{"release/*", "release/1", true},
	{"release/*", "release/1/2", false},
	{"release/**", "release/1/2", true},
	{"**", "a/b/c", true},
	{"*", "a/b", false},
	{"**/README.md", "docs/README.md", true},
	{"**/README.md", "README.md", false},
	{"v?.?", "v1.2", true},
	{"v?", "v/", false},
	{"v[0-9]*", "v12", true},
	{"v[!0-9]*", "v12", false},
	{"v[!0-9]*", "va", true},
	{"[abc]", "b", true},
	{"[abc", "b", true},
	{"*.{js,ts}", "app.ts", true},
	{"*.{js,ts}", "app.py", false},
	{"{a,b}/{c,d}", "b/c", true},
	{"{a", "a", false},
	{"a\\*b", "a*b", true},
	{"a\\*b", "axb", false},
	{"", "", true},
	{"*", "", true},
	{".*", ".gitignore", true},
	{"Main", "main", false},
};

static void patterns(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (git_pattern_matches(rows[i].pattern, rows[i].name) != rows[i].matches)
			fail_msg("%s against %s", rows[i].pattern, rows[i].name);
}

static void excludes_win(void **state)
{
	static const char *const in[] = {"release/*"}, *const out[] = {"release/old"};

	(void)state;
	assert_true(git_pattern_passes(in, 1, out, 1, "release/1"));
	assert_false(git_pattern_passes(in, 1, out, 1, "release/old"));
	assert_false(git_pattern_passes(in, 1, out, 1, "main"));
	assert_true(git_pattern_passes(NULL, 0, out, 1, "main"));
}

static void paths_are_judged_one_by_one(void **state)
{
	const char *includes[] = {"src/**"}, *excludes[] = {"src/docs/**"};
	struct codepipeline_git_file_path_filter_criteria paths = {
		.includes = {includes, 1, true}, .excludes = {excludes, 1, true}};
	struct codepipeline_git_push_filter filter = {.file_paths = &paths};
	struct codepipeline_git_configuration c = {.push = {&filter, 1, true}};
	const char *docs[] = {"README.md", "src/docs/a"}, *code[] = {"src/docs/a", "src/a"};
	struct git_push push = {.branch = "main", .paths = docs, .n_paths = 2};

	(void)state;
	assert_false(git_push_passes(&c, &push));
	push.paths = code;
	assert_true(git_push_passes(&c, &push));
	push.created = true;
	assert_false(git_push_passes(&c, &push));
	push = (struct git_push){.tag = "v1"};
	assert_false(git_push_passes(&c, &push));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns),
		cmocka_unit_test(excludes_win),
		cmocka_unit_test(paths_are_judged_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
