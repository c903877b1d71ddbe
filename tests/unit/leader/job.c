/* SPDX-License-Identifier: Apache-2.0 */
/* Builds as their leaders run them: order, state, failures, ends, artifacts. */
#include "job_fixture.h"
#include "unit/skip.h"

static void commands_share_state(void **state)
{
	struct job_fixture *f = *state;
	const struct towpath_leader_record *r;

	add_phase(
		f, "INSTALL", "mkdir sub && cd sub", "PLAIN='a b'", "export SHOWN=\"it's\"", NULL);
	add_phase(f, "BUILD", "echo $PLAIN/$SHOWN in $(basename $PWD)",
		"printf out; printf err >&2", "unset SHOWN; CODE=$((1 + 2))",
		"echo unset=${SHOWN-yes} last=$CODEBUILD_LAST_EXIT ok=$CODEBUILD_BUILD_SUCCEEDING",
		NULL);
	set_strings(f, &f->job.exported_variables, "PLAIN", "CODE", "NEVER_SET", NULL);
	run_job(f);
	expect_status(f, "SUCCEEDED");
	expect_log(f, "Running command echo $PLAIN");
	expect_log(f, "\na b/it's in sub\n\n[Container] ");
	expect_log(f, "\nouterr\n\n[Container] ");
	expect_log(f, "unset=yes last=0 ok=1\n");
	expect_phase(f, "PRE_BUILD", "SUCCEEDED");
	expect_phase(f, "POST_BUILD", "SUCCEEDED");
	r = record_of(f, "variables", NULL);
	assert_non_null(r);
	assert_int_equal(r->variables.n, 3);
	assert_string_equal(r->variables.v[0].value, "a b");
	assert_string_equal(r->variables.v[1].value, "3");
	assert_string_equal(r->variables.v[2].value, "");
}

static void a_failed_build_runs_post_build(void **state)
{
	struct job_fixture *f = *state;
	struct towpath_leader_phase *p;
	const struct towpath_leader_record *r;

	p = add_phase(f, "BUILD", "echo before", "exit 7", "echo never", NULL);
	set_strings(f, &p->finally_commands, "echo finally", NULL);
	add_phase(f, "POST_BUILD", "echo succeeding=$CODEBUILD_BUILD_SUCCEEDING", NULL);
	run_job(f);
	expect_status(f, "FAILED");
	expect_log(f, "Command did not exit successfully exit 7 exit status 7\n");
	expect_log(f, "Phase context status code: COMMAND_EXECUTION_ERROR Message: Error while "
		      "executing command: exit 7. Reason: exit status 7\n");
	expect_log(f, "\nfinally\n");
	expect_log(f, "succeeding=0\n");
	expect_no_log(f, "\nnever\n");
	expect_phase(f, "BUILD", "FAILED");
	expect_phase(f, "POST_BUILD", "SUCCEEDED");
	expect_phase(f, "UPLOAD_ARTIFACTS", "SUCCEEDED");
	r = record_of(f, "finished", NULL);
	assert_string_equal(r->status_code, "COMMAND_EXECUTION_ERROR");
}

static void a_failed_install_ends_the_build(void **state)
{
	struct job_fixture *f = *state;

	add_phase(f, "INSTALL", "false", NULL);
	add_phase(f, "BUILD", "echo never", NULL);
	run_job(f);
	expect_status(f, "FAILED");
	expect_no_log(f, "Entering phase PRE_BUILD");
	assert_null(record_of(f, "phaseStarted", "UPLOAD_ARTIFACTS"));
}

static void on_failure_decides(void **state)
{
	struct job_fixture *f = *state;
	struct towpath_leader_phase *p;

	p = add_phase(f, "INSTALL", "false", NULL);
	p->on_failure = "CONTINUE";
	p = add_phase(f, "PRE_BUILD", "echo try; echo x >> /tmp/tries",
		"test $(wc -l < /tmp/tries) = 3", NULL);
	p->on_failure = "RETRY";
	p->retry_pattern = "exit status \\d+$";
	p = add_phase(f, "BUILD", "false", NULL);
	p->on_failure = "ABORT";
	add_phase(f, "POST_BUILD", "echo never", NULL);
	run_job(f);
	expect_status(f, "FAILED");
	expect_phase(f, "INSTALL", "FAILED");
	expect_phase(f, "PRE_BUILD", "SUCCEEDED");
	expect_no_log(f, "Entering phase POST_BUILD");
	assert_null(record_of(f, "phaseStarted", "UPLOAD_ARTIFACTS"));
}

static void continued_failures_do_not_count(void **state)
{
	struct job_fixture *f = *state;
	struct towpath_leader_phase *p = add_phase(f, "PRE_BUILD", "false", NULL);

	p->on_failure = "CONTINUE";
	run_job(f);
	expect_status(f, "SUCCEEDED");
	expect_phase(f, "PRE_BUILD", "FAILED");
}

static void shells_and_users(void **state)
{
	struct job_fixture *f = *state;
	struct towpath_leader_phase *p;

	f->job.shell = "bash";
	add_phase(f, "INSTALL", "[[ a == a ]] && A=(1 2) && echo ${#A[@]} at $LINENO", NULL);
	p = add_phase(f, "BUILD", "id -un; cd /; KEPT=1", "echo $PWD$KEPT", NULL);
	p->run_as = "nobody";
	p = add_phase(f, "POST_BUILD", "true", NULL);
	p->run_as = "no-such-user";
	run_job(f);
	expect_log(f, "\n2 at 4\n");
	expect_log(f, "\nnobody\n");
	expect_log(f, "\n/1\n");
	expect_log(f, "no user no-such-user");
	expect_status(f, "FAILED");
}

static void version_one_carries_nothing(void **state)
{
	struct job_fixture *f = *state;

	f->job.version = "0.1";
	add_phase(f, "BUILD", "cd /; X=1; export X", "echo $X-$PWD-$CODEBUILD_SRC_DIR", NULL);
	run_job(f);
	expect_log(f, "\n-/codebuild/output/src1/src-/codebuild/output/src1/src\n");
}

static void secrets_do_not_reach_the_disk(void **state)
{
	struct job_fixture *f = *state;
	const struct towpath_leader_record *r;
	char command[256];
	struct str out CLEANUP_STR = STR_INIT;

	set_strings(f, &f->job.secrets, "s3cr3t-value", NULL);
	wire_list_alloc(&f->arena, &f->job.variables, 1);
	f->job.variables.v[0] =
		(struct towpath_leader_variable){.name = "TOKEN", .value = "s3cr3t-value"};
	add_phase(f, "BUILD", "echo token=$TOKEN", "printf s3cr; sleep 0.05; printf '3t-value!\\n'",
		"echo s3cr3t-value; false", NULL);
	run_job(f);
	expect_status(f, "FAILED");
	expect_log(f, "\ntoken=***\n");
	expect_log(f, "\n***!\n");
	r = record_of(f, "phaseEnded", "BUILD");
	assert_null(strstr(r->message, "s3cr3t-value"));
	/* Nowhere but in the spec itself. */
	snprintf(command, sizeof(command), "grep -rl s3cr3t-value %s", f->dir);
	FILE *p = popen(command, "r");

	fd_read_all(fileno(p), MIB, &out, NULL);
	pclose(p);
	assert_non_null(strstr(str_text(&out), LEADER_SPEC));
	assert_ptr_equal(strchr(str_text(&out), '\n'), strrchr(str_text(&out), '\n'));
}

/* The folder as before the first run. */
static void anew(struct job_fixture *f)
{
	file_remove_tree(f->dir, NULL);
	assert_int_equal(mkdir(f->dir, 0700), 0);
}

static void time_runs_out(void **state)
{
	struct job_fixture *f = *state;
	struct towpath_leader_phase *p;

	p = add_phase(f, "BUILD", "setsid sleep 300 & trap '' TERM; sleep 300", NULL);
	set_strings(f, &p->finally_commands, "echo never", NULL);
	/* Long enough for the build to come to its phase. */
	for (int64_t seconds = 1; !record_of(f, "phaseStarted", "BUILD"); seconds *= 2) {
		anew(f);
		f->job.timeout_seconds = WIRE_SET_LONG(seconds);
		run_job(f);
	}
	expect_status(f, "TIMED_OUT");
	expect_phase(f, "BUILD", "TIMED_OUT");
	expect_log(f, "BUILD_TIMED_OUT Message: Build has timed out. \n");
	expect_no_log(f, "\nnever\n");
	expect_no_log(f, "Entering phase POST_BUILD");
}

static void memory_runs_out(void **state)
{
	struct job_fixture *f = *state;
	struct towpath_leader_limits limits = {.memory_bytes = WIRE_SET_LONG(64 * (int64_t)MIB)};
	const char why[] = "A process was killed: the build went over its memory limit of 64 MiB";
	char *told CLEANUP(freep) = xasprintf("Reason: exit status 137. %s\n", why);

	if (!file_exists("/sys/fs/cgroup/memory") &&
		!file_exists("/sys/fs/cgroup/cgroup.controllers"))
		SKIP_CASE("no control groups are mounted here");
	f->job.limits = &limits;
	add_phase(f, "BUILD", "/usr/bin/python3 -c \"b'x' * (256 << 20)\"; exit $?", NULL);
	run_job(f);
	expect_status(f, "FAILED");
	expect_log(f, why);
	expect_log(f, told);
}

static void wait_for_log(struct job_fixture *f, const char *text)
{
	do {
		read_results(f);
		if (strstr(str_text(&f->log), text))
			return;
		usleep(10000);
	} while (!f->status.finished && !f->status.lost);
	fail_msg("never in the log: %s", text);
}

static void a_stop_request_ends_it(void **state)
{
	struct job_fixture *f = *state;
	pid_t pid;

	add_phase(f, "BUILD", "echo started", "sleep 300", NULL);
	pid = launch(f);
	wait_for_log(f, "\nstarted\n");
	assert_int_equal(leader_alive(f->dir), pid);
	assert_false(f->status.lost);
	assert_int_equal(leader_stop(f->dir, NULL), 0);
	await_exit(f, pid);
	expect_status(f, "STOPPED");
	expect_phase(f, "BUILD", "STOPPED");
	assert_int_equal(leader_alive(f->dir), 0);
	assert_int_equal(leader_stop(f->dir, NULL), 0);
}

static void a_killed_leader_is_noticed(void **state)
{
	struct job_fixture *f = *state;
	struct err err CLEANUP_ERR = ERR_INIT;
	pid_t pid;

	add_phase(f, "BUILD", "echo started", "sleep 300", NULL);
	pid = launch(f);
	wait_for_log(f, "Running command sleep 300");
	kill(pid, SIGKILL);
	await_exit(f, pid);
	assert_true(f->status.started);
	assert_true(f->status.lost);
	assert_int_equal(leader_launch(zygote, f->dir, NULL, &err), -1);
	assert_true(err_is(&err, ERR_CONFLICT));
}

static void daemons_do_not_hold_the_build(void **state)
{
	struct job_fixture *f = *state;

	add_phase(f, "INSTALL",
		"(while :; do echo tick; touch ticks; sleep 0.01; done) & echo $! > pid",
		"nohup setsid sleep 300 &", NULL);
	add_phase(f, "BUILD", "until [ -e ticks ]; do sleep 0.01; done",
		"kill -0 $(cat pid) && echo alive", NULL);
	run_job(f);
	expect_status(f, "SUCCEEDED");
	expect_log(f, "\nalive\n");
	expect_log(f, "\ntick\n");
}

static void odd_commands(void **state)
{
	struct job_fixture *f = *state;

	add_phase(f, "INSTALL", "exit 0", "set -e\nfalse || true\necho multi",
		"rm -rf /codebuild/output/tmp/*; ln -s /etc/passwd /codebuild/output/tmp/env.sh",
		"echo on", "mkdir gone && cd gone && rmdir ../gone", "pwd", "cat; echo no input",
		"test -t 1 || echo no terminal", NULL);
	add_phase(f, "BUILD", "kill -9 $$", NULL);
	run_job(f);
	expect_log(f, "\nmulti\n");
	expect_log(f, "\non\n");
	expect_log(f, "\nno input\n");
	expect_log(f, "\nno terminal\n");
	expect_log(f, "Reason: signal: killed");
	expect_status(f, "FAILED");
}

static struct towpath_leader_files *add_artifact(struct job_fixture *f, const char *identifier)
{
	struct towpath_leader_files *old = f->job.artifacts.v;
	size_t n = f->job.artifacts.n;

	wire_list_alloc(&f->arena, &f->job.artifacts, n + 1);
	for (size_t i = 0; i < n; i++)
		f->job.artifacts.v[i] = old[i];
	f->job.artifacts.v[n].identifier = identifier;
	return &f->job.artifacts.v[n];
}

static void expect_command(struct job_fixture *f, const char *format, const char *want)
{
	char *command CLEANUP(freep) = xasprintf("cd %s && %s", f->dir, format);
	struct str out CLEANUP_STR = STR_INIT;
	FILE *p = popen(command, "r");

	fd_read_all(fileno(p), MIB, &out, NULL);
	pclose(p);
	assert_string_equal(str_text(&out), want);
}

static void artifacts_are_gathered(void **state)
{
	struct job_fixture *f = *state;
	struct towpath_leader_files *a;
	const struct towpath_leader_record *r;

	add_phase(f, "BUILD",
		"mkdir -p dist/js dist/css other && echo 1 > dist/js/a.js && echo 2 > "
		"dist/css/b.css",
		"echo 3 > dist/.hidden; echo 4 > other/a.js; mkfifo dist/fifo; chmod 755 "
		"dist/js/a.js",
		"ln -s js/a.js dist/link; ln -s /etc/hostname dist/host; cd /", NULL);
	a = add_artifact(f, NULL);
	set_strings(f, &a->files, "**/*", "missing/*.x", NULL);
	set_strings(f, &a->exclude_paths, "css/**", NULL);
	a->base_directory = "dist";
	a->name = "app-$(echo 7).zip";
	a = add_artifact(f, "flat");
	set_strings(f, &a->files, "dist/**/*.js", "other/*", "/etc/passwd", NULL);
	a->packaging = "NONE";
	a->discard_paths = WIRE_SET_BOOL(true);
	run_job(f);
	expect_status(f, "SUCCEEDED");
	expect_log(f, "Skipping invalid file path missing/*.x\n");
	expect_log(f, "Found 4 file(s)\n");
	r = record_of(f, "artifact", NULL);
	assert_string_equal(r->path, "out/primary.zip");
	assert_string_equal(r->name, "app-7.zip");
	assert_int_equal(strlen(r->sha256), 64);
	expect_command(f,
		"python3 -m zipfile -l out/primary.zip | tail -n +2 | cut -d' ' -f1 | sort",
		".hidden\nhost\njs/a.js\nlink\n");
	expect_command(f, "ls out/flat; cat out/flat/a.js; grep -c ^root out/flat/passwd",
		"a.js\npasswd\n4\n1\n");
}

static void no_artifacts_fail_the_build(void **state)
{
	struct job_fixture *f = *state;
	struct towpath_leader_files *a;

	add_phase(f, "BUILD", "true", NULL);
	a = add_artifact(f, NULL);
	set_strings(f, &a->files, "nothing/**", NULL);
	run_job(f);
	expect_status(f, "FAILED");
	expect_phase(f, "BUILD", "SUCCEEDED");
	expect_phase(f, "UPLOAD_ARTIFACTS", "FAILED");
	expect_log(f, "CLIENT_ERROR Message: no matching artifact paths found\n");
}

static void the_host_cannot_be_collected(void **state)
{
	struct job_fixture *f = *state;
	struct towpath_leader_files *a;
	char link[256], secret[128];

	snprintf(secret, sizeof(secret), "%s/towpath.db", f->base);
	assert_int_equal(file_write_atomic(secret, VIEW("top secret"), 0600, NULL), 0);
	snprintf(link, sizeof(link),
		"ln -s %s stolen; ln -s / all; ln -s ../../../../../../ up; "
		"echo mine > mine",
		secret);
	add_phase(f, "BUILD", arena_strdup(&f->arena, link), NULL);
	a = add_artifact(f, NULL);
	a->packaging = "NONE";
	set_strings(f, &a->files, "stolen", "mine", arena_strdup(&f->arena, secret), "all/etc/*",
		"../../../../../../../etc/hostname", NULL);
	run_job(f);
	expect_status(f, "SUCCEEDED");
	expect_command(f, "find out/primary -type f", "out/primary/mine\n");
}

static void caches_live_on(void **state)
{
	struct job_fixture *f = *state;

	f->job.cache = arena_new(&f->arena, struct towpath_leader_cache);
	f->job.cache->dir = arena_printf(&f->arena, "%s/cache", f->base);
	set_strings(f, &f->job.cache->paths, "/root/.m2/**/*", "node_modules/**/*", NULL);
	add_phase(f, "BUILD",
		"cat /root/.m2/x node_modules/y 2>/dev/null; echo kept > /root/.m2/x; "
		"echo too > node_modules/y",
		NULL);
	run_job(f);
	expect_no_log(f, "\nkept\n");
	anew(f);
	run_job(f);
	expect_log(f, "\nkept\ntoo\n");
}

static void runtimes_of_the_host(void **state)
{
	struct job_fixture *f = *state;
	struct towpath_leader_phase *p = add_phase(f, "INSTALL", "python3 --version", NULL);

	f->job.runtimes_dir = arena_printf(&f->arena, "%s/runtimes", f->base);
	wire_list_alloc(&f->arena, &p->runtimes, 1);
	p->runtimes.v[0] = (struct towpath_leader_runtime){.name = "python", .version = "3.x"};
	run_job(f);
	expect_status(f, "SUCCEEDED");
	expect_log(f, "Selecting 'python' runtime version '3.x' based on manual selections...\n");
	anew(f);
	p->runtimes.v[0].version = "2.4";
	run_job(f);
	expect_status(f, "FAILED");
	expect_phase(f, "DOWNLOAD_SOURCE", "FAILED");
	expect_log(f,
		"YAML_FILE_ERROR Message: Unknown runtime version named '2.4' of python. This "
		"build image has the following versions: 3.");
}

static void a_bad_spec_is_a_fault(void **state)
{
	struct job_fixture *f = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/" LEADER_SPEC, f->dir);
	assert_int_equal(file_write_atomic(path, VIEW("{\"phases\": 3}"), 0600, NULL), 0);
	pid_t pid;

	assert_int_equal(leader_launch(zygote, f->dir, &pid, NULL), 0);
	int pidfd CLEANUP_FD = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {pidfd, POLLIN, 0};

	if (pidfd >= 0)
		assert_int_equal(poll(&p, 1, JOB_PATIENCE_MSEC), 1);
	assert_int_equal(leader_status_read(f->dir, &f->arena, &f->status, NULL), 0);
	assert_true(f->status.finished);
	assert_string_equal(f->status.build_status, "FAULT");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, job_setup, job_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(commands_share_state),
		TEST(a_failed_build_runs_post_build),
		TEST(a_failed_install_ends_the_build),
		TEST(on_failure_decides),
		TEST(continued_failures_do_not_count),
		TEST(shells_and_users),
		TEST(version_one_carries_nothing),
		TEST(secrets_do_not_reach_the_disk),
		TEST(time_runs_out),
		TEST(memory_runs_out),
		TEST(a_stop_request_ends_it),
		TEST(a_killed_leader_is_noticed),
		TEST(daemons_do_not_hold_the_build),
		TEST(odd_commands),
		TEST(artifacts_are_gathered),
		TEST(no_artifacts_fail_the_build),
		TEST(the_host_cannot_be_collected),
		TEST(caches_live_on),
		TEST(runtimes_of_the_host),
		TEST(a_bad_spec_is_a_fault),
	};
	int r;

	if (geteuid() != 0) {
		puts("1..0 # SKIP builds need roots, which user 0 makes");
		return 0;
	}
	if (leader_zygote_start(&zygote, NULL) < 0)
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	zygote_free(zygote);
	return r;
}
