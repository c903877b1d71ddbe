/* SPDX-License-Identifier: Apache-2.0 */
/* Kills the process at the n-th commit of a whole simulated pipeline run, for every n, starts
 * again on the same database, and wants the same right end each time: every action done, none
 * begun again after it had ended, the execution succeeded. */
#include <sys/wait.h>

#include "base/map.h"
#include "unit/pipeline/harness.h"

#define KILLED 99
#define RETRIED 1 /* the attempt of Make that fails first */

static const struct sim_pipeline_config plain = {0};
static const struct sim_action_script flaky = {
	.action = "Make", .attempt = RETRIED, .failure = "flaky", .usec = USEC_PER_SEC};

/* Counts from when the tables stand. */
static int kill_at(void *arg, uint64_t commit)
{
	uint64_t *left = arg;

	(void)commit;
	if (--*left == 0)
		_exit(KILLED);
	return 0;
}

static void open_at(struct harness *h, const char *dir, uint64_t *commit)
{
	*h = (struct harness){0};
	snprintf(h->dir, sizeof(h->dir), "%s", dir);
	h->url = xasprintf("sqlite:%s/towpath.db", dir);
	h->log = xasprintf("%s/log", dir);
	clock_init_simulated(&h->clock, HARNESS_START);
	h->call = (struct call){.arena = &h->arena,
		.account = "123456789012",
		.region = "us-east-1",
		.partition = "aws",
		.principal_arn = "arn:aws:iam::123456789012:user/dev"};
	harness_open(h, &plain);
	sim_pipeline_world_script(h->world, &flaky);
	if (commit)
		db_set_commit_hook(h->db, kill_at, commit);
}

static bool exists(struct harness *h)
{
	struct codepipeline_get_pipeline_state_request req = {.name = "p"};
	struct codepipeline_get_pipeline_state_response resp = {0};
	bool found = pipeline_get_pipeline_state(h->e, &h->call, &req, &resp, &h->err) == 0;

	err_release(&h->err);
	return found;
}

/* From wherever it stands to the end. */
static void drive(struct harness *h)
{
	const struct codepipeline_action_state *ask;

	if (!exists(h))
		harness_create(
			h, harness_json(h, "SUPERSEDED", true,
				   ",\"onFailure\":{\"result\":\"RETRY\",\"retryConfiguration\":{"
				   "\"retryMode\":\"FAILED_ACTIONS\"}}",
				   ""));
	harness_run(h, HOUR);
	ask = harness_action(h, "p", "Approve", "Ask");
	if (ask->latest_execution && ask->latest_execution->token)
		OK(h, harness_answer(h, "p", "Approve", "Ask", ask->latest_execution->token, true));
	harness_run(h, HOUR);
}

static void check_end(struct harness *h)
{
	struct codepipeline_pipeline_execution_summary_list all = harness_executions(h, "p");
	struct codepipeline_list_action_executions_request req = {.pipeline_name = "p"};
	struct codepipeline_list_action_executions_response resp = {0};

	assert_int_equal(all.n, 1);
	assert_string_equal(all.v[0].status, "Succeeded");
	OK(h, pipeline_list_action_executions(h->e, &h->call, &req, &resp, &h->err));
	/* Source, Make twice, approval, deployment. */
	assert_int_equal(resp.action_execution_details.n, 5);
	wire_foreach (d, &resp.action_execution_details)
		assert_string_not_equal(d->status, "InProgress");
}

/* No line "start ID" behind "end ID"; one id for each attempt of an action. */
static void check_log(struct harness *h)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct map ended CLEANUP_MAP = MAP_INIT, ids CLEANUP_MAP = MAP_INIT;
	struct view rest, line;

	OK(h, file_read(h->log, MIB, &text, &h->err));
	rest = str_view(&text);
	while (rest.len) {
		struct view what, id;
		const char *before, *known;

		line = view_cut(&rest, '\n');
		what = view_cut(&line, ' ');
		id = view_cut(&line, ' ');
		known = arena_view_dup(&h->arena, id);
		if (view_eq_str(what, "start")) {
			if (map_get_view(&ended, id))
				fail_msg("%s was started after its end", known);
			before = map_set_view(&ids, line, (void *)known);
			if (before && !streq(before, known))
				fail_msg("%s and %s are the same attempt", before, known);
		} else {
			map_set_view(&ended, id, h);
		}
	}
	assert_int_equal(ids.count, 5);
}

static int run_child(const char *dir, uint64_t kill_commit)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct harness h;

		setenv("CMOCKA_TEST_ABORT", "1", 1); /* a failure ends this process */

		open_at(&h, dir, kill_commit ? &kill_commit : NULL);
		drive(&h);
		check_end(&h);
		check_log(&h);
		harness_close(&h);
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void every_commit(void **state)
{
	uint64_t n = 1;
	int status;

	(void)state;
	for (;; n++) {
		char dir[] = "/tmp/towpath-fault-XXXXXX";

		assert_non_null(mkdtemp(dir));
		status = run_child(dir, n);
		if (status == 0) {
			file_remove_tree(dir, NULL);
			break;
		}
		if (status != KILLED)
			fail_msg("killed at commit %llu: the run itself failed",
				(unsigned long long)n);
		if (run_child(dir, 0) != 0)
			fail_msg("killed at commit %llu: did not come to the right end",
				(unsigned long long)n);
		file_remove_tree(dir, NULL);
	}
	print_message("# killed at each of %llu commits\n", (unsigned long long)n - 1);
	assert_true(n > 20);
}

/* Killed again and again, each time a little further on. */
static void again_and_again(void **state)
{
	char dir[] = "/tmp/towpath-fault-XXXXXX";
	int rounds = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	while (run_child(dir, 4) == KILLED)
		assert_true(++rounds < 500);
	assert_int_equal(run_child(dir, 0), 0);
	file_remove_tree(dir, NULL);
	assert_true(rounds > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_commit),
		cmocka_unit_test(again_and_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
