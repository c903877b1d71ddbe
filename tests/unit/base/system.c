/* SPDX-License-Identifier: Apache-2.0 */
/* Files, descriptors, child processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/spawn.h"

static char dir[64];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/towpath-base-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return file_remove_tree(dir, NULL);
}

static void test_write_and_read(void **state)
{
	char *path CLEANUP(freep) = xasprintf("%s/a/b/file", dir);
	char *folder CLEANUP(freep) = xasprintf("%s/a/b", dir);
	struct str text CLEANUP_STR = STR_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(file_make_dirs(folder, 0755, &err), 0);
	assert_int_equal(file_write_atomic(path, VIEW("old"), 0644, &err), 0);
	assert_int_equal(file_write_atomic(path, VIEW("new"), 0600, &err), 0);
	assert_int_equal(file_read(path, 3, &text, &err), 0);
	assert_string_equal(str_text(&text), "new");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_read(path, 2, &text, &err), -1);
	assert_int_equal(err.kind, ERR_TOO_LARGE);
	assert_non_null(strstr(err_message(&err), path));
	assert_int_equal(file_read("/nowhere", 2, &text, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void test_failed_write_leaves_the_old_file(void **state)
{
	char *path CLEANUP(freep) = xasprintf("%s/nowhere/file", dir);
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	assert_int_equal(file_write_atomic(path, VIEW("x"), 0644, &err), -1);
	assert_non_null(strstr(err_message(&err), path));
}

static void test_remove_does_not_follow_links(void **state)
{
	char *inside CLEANUP(freep) = xasprintf("%s/tree", dir);
	char *link CLEANUP(freep) = xasprintf("%s/tree/link", dir);
	char *kept CLEANUP(freep) = xasprintf("%s/kept", dir);
	char *file CLEANUP(freep) = xasprintf("%s/kept/file", dir);

	(void)state;
	assert_int_equal(file_make_dirs(inside, 0755, NULL), 0);
	assert_int_equal(file_make_dirs(kept, 0755, NULL), 0);
	assert_int_equal(file_write_atomic(file, VIEW("x"), 0644, NULL), 0);
	assert_int_equal(symlink(kept, link), 0);
	assert_int_equal(file_remove_tree(inside, NULL), 0);
	assert_false(file_exists(inside));
	assert_true(file_exists(file));
	assert_int_equal(file_remove_tree(inside, NULL), 0); /* missing is fine */
}

static int run(const char *const *argv, struct view input, int64_t timeout_usec,
	struct spawn_result *res, struct err *err)
{
	struct spawn s = SPAWN_INIT;

	s.argv = argv;
	s.new_session = true;
	return spawn_run(&s, input, 1000, timeout_usec, res, err);
}

static void test_spawn_pipes(void **state)
{
	const char *argv[] = {"sh", "-c", "cat; echo oops >&2; exit 3", NULL};
	struct spawn_result res CLEANUP_SPAWN_RESULT = {0};

	(void)state;
	assert_int_equal(run(argv, VIEW("input"), 0, &res, NULL), 0);
	assert_string_equal(str_text(&res.out), "input");
	assert_string_equal(str_text(&res.errout), "oops\n");
	assert_int_equal(res.exit_code, 3);
}

static void test_spawn_caps_output(void **state)
{
	const char *argv[] = {"head", "-c", "100000", "/dev/zero", NULL};
	struct spawn_result res CLEANUP_SPAWN_RESULT = {0};

	(void)state;
	assert_int_equal(run(argv, VIEW(""), 0, &res, NULL), 0);
	assert_int_equal(res.out.len, 1000);
	assert_true(res.truncated);
	assert_int_equal(res.exit_code, 0);
}

static void test_spawn_timeout_kills_the_tree(void **state)
{
	const char *argv[] = {"sh", "-c", "sleep 1000 & wait", NULL};
	struct spawn_result res CLEANUP_SPAWN_RESULT = {0};

	(void)state;
	assert_int_equal(run(argv, VIEW(""), 20000, &res, NULL), 0);
	assert_true(res.timed_out);
	assert_int_equal(res.signal, 9);
}

static void test_spawn_names_what_is_missing(void **state)
{
	const char *argv[] = {"towpath-no-such-program", NULL};
	struct spawn_result res CLEANUP_SPAWN_RESULT = {0};
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	assert_int_equal(run(argv, VIEW(""), 0, &res, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_non_null(strstr(err_message(&err), "towpath-no-such-program"));
}

/* No descriptor of ours leaks into a child, whatever its flags. */
static void test_spawn_closes_descriptors(void **state)
{
	const char *argv[] = {"sh", "-c", "ls /proc/self/fd | wc -l", NULL};
	struct spawn_result res CLEANUP_SPAWN_RESULT = {0};
	int leak = open("/dev/null", O_RDONLY);

	(void)state;
	assert_int_equal(run(argv, VIEW(""), 0, &res, NULL), 0);
	assert_string_equal(str_text(&res.out), "4\n"); /* 0, 1, 2 and ls's own */
	close(leak);
}

static void test_spawn_check(void **state)
{
	const char *good[] = {"echo", "hi", NULL},
		   *bad[] = {"sh", "-c", "echo why >&2; exit 1", NULL};
	struct str out CLEANUP_STR = STR_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	assert_int_equal(spawn_check(good, &out, &err), 0);
	assert_string_equal(str_text(&out), "hi\n");
	assert_int_equal(spawn_check(bad, NULL, &err), -1);
	assert_non_null(strstr(err_message(&err), "exit status 1: why"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_write_and_read),
		CASE(test_failed_write_leaves_the_old_file),
		CASE(test_remove_does_not_follow_links),
		cmocka_unit_test(test_spawn_pipes),
		cmocka_unit_test(test_spawn_caps_output),
		cmocka_unit_test(test_spawn_timeout_kills_the_tree),
		cmocka_unit_test(test_spawn_names_what_is_missing),
		cmocka_unit_test(test_spawn_closes_descriptors),
		cmocka_unit_test(test_spawn_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
