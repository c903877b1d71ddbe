/* SPDX-License-Identifier: Apache-2.0 */
/* Children of a zygote: what they are told, what they hold, and who outlives whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/zygote.h"

static int prepared;

static void prepare(void)
{
	prepared = 7;
}

/* "lives": answers and stays until it is killed. */
static void child(const char *argument, int answer_fd)
{
	char *text CLEANUP(freep) = NULL;

	if (streq(argument, "silent"))
		return;
	text = xasprintf("%s %d %d %d %d\n", argument, prepared, (int)getpid(), (int)getsid(0),
		fcntl(99, F_GETFD));
	fd_write_all(answer_fd, text, strlen(text), NULL);
	if (streq(argument, "lives"))
		pause();
}

static const struct zygote_role role = {
	.what = "test processes",
	.process = "towpath-test",
	.prepare = prepare,
	.main = child,
};

static struct zygote *zygote;

static int setup(void **state)
{
	(void)state;
	return zygote_start(&role, &zygote, NULL);
}

static int teardown(void **state)
{
	(void)state;
	zygote_free(zygote);
	return 0;
}

static void test_answer(void **state)
{
	struct str said CLEANUP_STR = STR_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	char word[32];
	int fd CLEANUP_FD = -1;
	int was_prepared, pid, session, inherited;

	(void)state;
	/* opened after the zygote was forked: its children do not have it */
	assert_int_equal(dup2(2, 99), 99);
	assert_int_equal(zygote_fork(zygote, "some/folder", &fd, &err), 0);
	close(99);
	assert_int_equal(fd_read_all(fd, 4096, &said, &err), 0);
	assert_int_equal(sscanf(str_text(&said), "%31s %d %d %d %d", word, &was_prepared, &pid,
				 &session, &inherited),
		5);
	assert_string_equal(word, "some/folder");
	assert_int_equal(was_prepared, 7);
	assert_int_equal(prepared, 0);
	assert_int_not_equal(pid, getpid());
	assert_int_equal(session, pid);
	assert_int_equal(inherited, -1);
}

static void test_silent(void **state)
{
	struct str said CLEANUP_STR = STR_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	int fd CLEANUP_FD = -1;

	(void)state;
	assert_int_equal(zygote_fork(zygote, "silent", &fd, &err), 0);
	assert_int_equal(fd_read_all(fd, 4096, &said, &err), 0);
	assert_int_equal(said.len, 0);
}

static void test_outlives(void **state)
{
	struct zygote *short_lived = NULL;
	struct err err CLEANUP_ERR = ERR_INIT;
	int fd CLEANUP_FD = -1;
	char line[128] = "";
	int pid = 0;

	(void)state;
	assert_int_equal(zygote_start(&role, &short_lived, &err), 0);
	assert_int_equal(zygote_fork(short_lived, "lives", &fd, &err), 0);
	assert_true(read(fd, line, sizeof(line) - 1) > 0);
	assert_int_equal(sscanf(line, "lives %*d %d", &pid), 1);
	zygote_free(short_lived); /* waits for the zygote */
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	/* its end closes the pipe */
	assert_int_equal(read(fd, line, sizeof(line)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_outlives),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
