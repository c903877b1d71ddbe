/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts of hooks, when shipping their log takes longer than they may take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/hook.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"

#define TIMEOUT_SEC 1
#define ATTEMPTS 20

struct shipping {
	const char *go;
	bool ended;
};

/* The script ends, and its time passes, while the log is shipped. */
static void ship(void *arg)
{
	struct shipping *s = arg;
	siginfo_t info;

	if (s->ended)
		return;
	assert_int_equal(file_replace(s->go, view_of(""), 0600, NULL), 0);
	if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) < 0)
		return; /* this process stood still before, until the time was over */
	sleep(TIMEOUT_SEC);
	s->ended = true;
}

static void a_script_that_ended_in_time_is_not_late(void **state)
{
	char dir[] = "/tmp/towpath-hook-XXXXXX";
	char *env[] = {NULL};
	struct appspec_script script = {.location = "hook.sh", .timeout_sec = TIMEOUT_SEC};
	struct appspec_hook hook = {.event = "AfterInstall", .scripts = &script, .n = 1};
	struct shipping shipping = {0};
	struct hook_run run = {
		.hook = &hook, .envp = env, .archive = dir, .logged = ship, .arg = &shipping};
	struct agent_result result = {0};
	char *path, *text, *log, *go;
	int failed = -1;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = path_join(dir, "hook.sh");
	log = path_join(dir, "logs/scripts.log");
	go = path_join(dir, "go");
	text = xasprintf("#!/bin/sh\n"
			 "until [ -e %s ]; do sleep 0.02; done\n"
			 "seq 1 9000\n"
			 "echo the last line\n",
		go);
	run.log_path = log;
	shipping.go = go;
	assert_int_equal(file_replace(path, view_of(text), 0755, NULL), 0);
	for (int n = 0; n < ATTEMPTS && !shipping.ended; n++) {
		unlink(go);
		agent_result_release(&result);
		result = (struct agent_result){0};
		failed = hook_run(&run, &result);
	}
	assert_true(shipping.ended);
	if (failed < 0)
		fail_msg("%s", result.message);
	assert_non_null(strstr(str_text(&result.log), "[stdout]9000\n[stdout]the last line\n"));
	agent_result_release(&result);
	file_remove_tree(dir, NULL);
	free(path);
	free(text);
	free(log);
	free(go);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_script_that_ended_in_time_is_not_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
