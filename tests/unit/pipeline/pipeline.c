/* SPDX-License-Identifier: Apache-2.0 */
/* Whole executions on the simulated clock: modes, approvals, retries, stops, rollbacks, events. */
#include "unit/pipeline/harness.h"

static const struct sim_pipeline_config plain = {0};

static int setup(void **state)
{
	struct harness *h = xcalloc(1, sizeof(*h));

	harness_init(h, &plain);
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	harness_release(*state);
	free(*state);
	return 0;
}

static void create(struct harness *h, const char *mode, bool approval)
{
	harness_create(h, harness_json(h, mode, approval, "", ""));
}

static const char *stage_status(struct harness *h, const char *stage)
{
	const struct codepipeline_stage_state *s = harness_stage(h, "p", stage);

	return s->latest_execution ? s->latest_execution->status : "(none)";
}

static const char *stage_run(struct harness *h, const char *stage)
{
	const struct codepipeline_stage_state *s = harness_stage(h, "p", stage);

	return s->latest_execution ? s->latest_execution->pipeline_execution_id : "(none)";
}

static const char *newest(struct harness *h)
{
	return harness_executions(h, "p").v[0].pipeline_execution_id;
}

static void runs_through(void **state)
{
	struct harness *h = *state;
	struct codepipeline_pipeline_execution_summary_list all;

	create(h, "SUPERSEDED", false);
	harness_run(h, HOUR);
	all = harness_executions(h, "p");
	assert_int_equal(all.n, 1);
	assert_string_equal(all.v[0].status, "Succeeded");
	assert_string_equal(all.v[0].trigger->trigger_type, "CreatePipeline");
	assert_string_equal(all.v[0].source_revisions.v[0].revision_id, "revision-1");
	assert_string_equal(stage_status(h, "Deploy"), "Succeeded");
}

static void approval_holds_its_stage(void **state)
{
	struct harness *h = *state;
	const struct codepipeline_action_state *ask;
	const char *token;

	create(h, "SUPERSEDED", true);
	harness_run(h, HOUR);
	ask = harness_action(h, "p", "Approve", "Ask");
	assert_string_equal(ask->latest_execution->status, "InProgress");
	token = ask->latest_execution->token;
	assert_non_null(token);
	FAILS(h,
		harness_answer(
			h, "p", "Approve", "Ask", "11111111-1111-1111-1111-111111111111", true),
		"InvalidApprovalTokenException", "no approval");
	FAILS(h, harness_answer(h, "p", "Nope", "Ask", token, true), "StageNotFoundException",
		"Nope");
	FAILS(h, harness_answer(h, "p", "Approve", "Nope", token, true), "ActionNotFoundException",
		"Nope");
	OK(h, harness_answer(h, "p", "Approve", "Ask", token, true));
	harness_run(h, HOUR);
	assert_string_equal(harness_executions(h, "p").v[0].status, "Succeeded");
	ask = harness_action(h, "p", "Approve", "Ask");
	assert_null(ask->latest_execution->token);
	assert_string_equal(ask->latest_execution->summary, "looked at it");
	assert_string_equal(
		ask->latest_execution->last_updated_by, "arn:aws:iam::123456789012:user/dev");
	FAILS(h, harness_answer(h, "p", "Approve", "Ask", token, true),
		"ApprovalAlreadyCompletedException", "already");
}

static void rejection_fails(void **state)
{
	struct harness *h = *state;
	const struct codepipeline_action_state *ask;

	create(h, "SUPERSEDED", true);
	harness_run(h, HOUR);
	ask = harness_action(h, "p", "Approve", "Ask");
	OK(h, harness_answer(h, "p", "Approve", "Ask", ask->latest_execution->token, false));
	assert_string_equal(harness_executions(h, "p").v[0].status, "Failed");
	ask = harness_action(h, "p", "Approve", "Ask");
	assert_string_equal(ask->latest_execution->error_details->message, "looked at it");
}

static void approval_expires(void **state)
{
	struct harness *h = *state;
	const struct codepipeline_action_state *ask;

	create(h, "SUPERSEDED", true);
	harness_run(h, 6 * 24 * HOUR);
	assert_string_equal(stage_status(h, "Approve"), "InProgress");
	harness_run(h, 2 * 24 * HOUR);
	assert_string_equal(stage_status(h, "Approve"), "Failed");
	ask = harness_action(h, "p", "Approve", "Ask");
	assert_string_equal(ask->latest_execution->error_details->code, "ApprovalTimedOut");
}

static void variables_are_resolved(void **state)
{
	struct harness *h = *state;
	struct codepipeline_list_action_executions_request req = {.pipeline_name = "p"};
	struct codepipeline_list_action_executions_response resp = {0};
	const struct codepipeline_action_execution_detail *ask;

	create(h, "SUPERSEDED", true);
	harness_run(h, HOUR);
	OK(h, pipeline_list_action_executions(h->e, &h->call, &req, &resp, &h->err));
	assert_int_equal(resp.action_execution_details.n, 3);
	ask = &resp.action_execution_details.v[0];
	assert_string_equal(ask->action_name, "Ask");
	assert_string_equal(ask->input->resolved_configuration.v[0].value,
		arena_printf(&h->arena, "Src-1 by %s", newest(h)));
	assert_string_equal(resp.action_execution_details.v[1]
				    .output->execution_result->external_execution_summary,
		"Done");
	assert_string_equal(
		resp.action_execution_details.v[1].input->input_artifacts.v[0].s3location->bucket,
		"artifacts");
}

static void newer_supersedes(void **state)
{
	struct harness *h = *state;
	const char *first, *second, *third;

	create(h, "SUPERSEDED", true);
	harness_run(h, HOUR);
	first = newest(h);
	second = harness_start(h, "p");
	harness_run(h, HOUR);
	assert_string_equal(harness_status(h, "p", second), "InProgress");
	assert_string_equal(
		harness_stage(h, "p", "Approve")->inbound_execution->pipeline_execution_id, second);
	third = harness_start(h, "p");
	harness_run(h, HOUR);
	assert_string_equal(harness_status(h, "p", first), "InProgress");
	assert_string_equal(harness_status(h, "p", second), "Superseded");
	OK(h, harness_answer(h, "p", "Approve", "Ask",
		      harness_action(h, "p", "Approve", "Ask")->latest_execution->token, true));
	harness_run(h, HOUR);
	assert_string_equal(harness_status(h, "p", first), "Succeeded");
	assert_string_equal(stage_run(h, "Approve"), third);
}

static void queue_keeps_order(void **state)
{
	struct harness *h = *state;
	const char *ids[3];

	create(h, "QUEUED", true);
	ids[0] = newest(h);
	ids[1] = harness_start(h, "p");
	ids[2] = harness_start(h, "p");
	for (int i = 0; i < 3; i++) {
		harness_run(h, HOUR);
		assert_string_equal(stage_run(h, "Approve"), ids[i]);
		OK(h, harness_answer(h, "p", "Approve", "Ask",
			      harness_action(h, "p", "Approve", "Ask")->latest_execution->token,
			      true));
	}
	harness_run(h, HOUR);
	for (int i = 0; i < 3; i++)
		assert_string_equal(harness_status(h, "p", ids[i]), "Succeeded");
}

static void parallel_ones_do_not_meet(void **state)
{
	struct harness *h = *state;
	struct codepipeline_start_pipeline_execution_request req = {.name = "p"};
	struct codepipeline_start_pipeline_execution_response resp = {0};

	create(h, "PARALLEL", true);
	for (int i = 1; i < 50; i++)
		harness_start(h, "p");
	FAILS(h, pipeline_start_pipeline_execution(h->e, &h->call, &req, &resp, &h->err),
		"ConcurrentPipelineExecutionsLimitExceededException", "50");
	harness_run(h, HOUR);
	assert_null(harness_stage(h, "p", "Source")->latest_execution);
	assert_int_equal(harness_executions(h, "p").n, 50);
}

static void disabled_transition_holds(void **state)
{
	struct harness *h = *state;
	struct codepipeline_disable_stage_transition_request off = {.pipeline_name = "p",
		.stage_name = "Deploy",
		.transition_type = "Inbound",
		.reason = "not today"};
	struct codepipeline_enable_stage_transition_request on = {
		.pipeline_name = "p", .stage_name = "Deploy", .transition_type = "Inbound"};
	struct codepipeline_disable_stage_transition_response r1;
	struct codepipeline_enable_stage_transition_response r2;
	const char *second;

	create(h, "SUPERSEDED", false);
	OK(h, pipeline_disable_stage_transition(h->e, &h->call, &off, &r1, &h->err));
	harness_run(h, HOUR);
	second = harness_start(h, "p");
	harness_run(h, HOUR);
	assert_false(harness_stage(h, "p", "Deploy")->inbound_transition_state->enabled.v);
	assert_string_equal(
		harness_stage(h, "p", "Deploy")->inbound_transition_state->disabled_reason,
		"not today");
	assert_null(harness_stage(h, "p", "Deploy")->latest_execution);
	OK(h, pipeline_enable_stage_transition(h->e, &h->call, &on, &r2, &h->err));
	harness_run(h, HOUR);
	assert_string_equal(stage_run(h, "Deploy"), second);
	assert_string_equal(harness_executions(h, "p").v[1].status, "Superseded");
	off.stage_name = "Nope";
	FAILS(h, pipeline_disable_stage_transition(h->e, &h->call, &off, &r1, &h->err),
		"StageNotFoundException", "Nope");
}

static int retry(struct harness *h, const char *stage, const char *id, const char *mode)
{
	struct codepipeline_retry_stage_execution_request req = {.pipeline_name = "p",
		.stage_name = stage,
		.pipeline_execution_id = id,
		.retry_mode = mode};
	struct codepipeline_retry_stage_execution_response resp = {0};

	return pipeline_retry_stage_execution(h->e, &h->call, &req, &resp, &h->err);
}

static void retry_goes_on(void **state)
{
	static const struct sim_action_script fails = {
		.action = "Make", .attempt = 1, .failure = "exit status 1", .usec = USEC_PER_SEC};
	struct harness *h = *state;
	const char *id;

	sim_pipeline_world_script(h->world, &fails);
	create(h, "SUPERSEDED", false);
	harness_run(h, HOUR);
	id = newest(h);
	assert_string_equal(harness_status(h, "p", id), "Failed");
	assert_string_equal(
		harness_action(h, "p", "Build", "Make")->latest_execution->error_details->message,
		"exit status 1");
	FAILS(h, retry(h, "Source", id, "FAILED_ACTIONS"), "StageNotRetryableException",
		"Succeeded");
	OK(h, retry(h, "Build", id, "FAILED_ACTIONS"));
	harness_run(h, HOUR);
	assert_string_equal(harness_status(h, "p", id), "Succeeded");
	assert_int_equal(
		harness_stage(h, "p", "Build")->retry_stage_metadata->manual_stage_retry_attempt.v,
		1);
}

static void retry_of_an_old_one_is_refused(void **state)
{
	static const struct sim_action_script fails = {
		.action = "Make", .number = 1, .failure = "no", .usec = USEC_PER_SEC};
	struct harness *h = *state;
	const char *id;

	sim_pipeline_world_script(h->world, &fails);
	create(h, "SUPERSEDED", false);
	harness_run(h, HOUR);
	id = newest(h);
	harness_start(h, "p");
	harness_run(h, HOUR);
	FAILS(h, retry(h, "Build", id, "FAILED_ACTIONS"), "NotLatestPipelineExecutionException",
		"newer");
}

static void automatic_retry(void **state)
{
	static const struct sim_action_script fails = {
		.action = "Make", .attempt = 1, .failure = "flaky", .usec = USEC_PER_SEC};
	struct harness *h = *state;

	sim_pipeline_world_script(h->world, &fails);
	harness_create(h, harness_json(h, "SUPERSEDED", false,
				  ",\"onFailure\":{\"result\":\"RETRY\",\"retryConfiguration\":{"
				  "\"retryMode\":\"FAILED_ACTIONS\"}}",
				  ""));
	harness_run(h, HOUR);
	assert_string_equal(harness_executions(h, "p").v[0].status, "Succeeded");
	assert_string_equal(
		harness_stage(h, "p", "Build")->retry_stage_metadata->latest_retry_trigger,
		"AutomatedStageRetry");
}

static void automatic_rollback(void **state)
{
	static const struct sim_action_script fails = {
		.action = "Ship", .number = 2, .failure = "unhealthy", .usec = USEC_PER_SEC};
	struct harness *h = *state;
	struct codepipeline_pipeline_execution_summary_list all;

	sim_pipeline_world_script(h->world, &fails);
	harness_create(h, harness_json(h, "SUPERSEDED", false, "",
				  ",\"onFailure\":{\"result\":\"ROLLBACK\"}"));
	harness_run(h, HOUR);
	harness_start(h, "p");
	harness_run(h, HOUR);
	all = harness_executions(h, "p");
	assert_int_equal(all.n, 3);
	assert_string_equal(all.v[0].status, "Succeeded");
	assert_string_equal(all.v[0].execution_type, "ROLLBACK");
	assert_string_equal(all.v[0].trigger->trigger_type, "AutomatedRollback");
	assert_string_equal(all.v[0].trigger->trigger_detail, all.v[1].pipeline_execution_id);
	assert_string_equal(all.v[0].rollback_metadata->rollback_target_pipeline_execution_id,
		all.v[2].pipeline_execution_id);
	assert_string_equal(all.v[0].source_revisions.v[0].revision_id, "revision-1");
	assert_string_equal(all.v[1].status, "Failed");
	assert_string_equal(stage_run(h, "Deploy"), all.v[0].pipeline_execution_id);
}

static void manual_rollback(void **state)
{
	struct harness *h = *state;
	struct codepipeline_rollback_stage_request req = {
		.pipeline_name = "p", .stage_name = "Deploy"};
	struct codepipeline_rollback_stage_response resp = {0};

	create(h, "SUPERSEDED", false);
	harness_run(h, HOUR);
	req.target_pipeline_execution_id = newest(h);
	harness_start(h, "p");
	harness_run(h, HOUR);
	OK(h, pipeline_rollback_stage(h->e, &h->call, &req, &resp, &h->err));
	harness_run(h, HOUR);
	assert_string_equal(harness_status(h, "p", resp.pipeline_execution_id), "Succeeded");
	assert_string_equal(harness_stage(h, "p", "Deploy")->latest_execution->type, "ROLLBACK");
	req.stage_name = "Source";
	FAILS(h, pipeline_rollback_stage(h->e, &h->call, &req, &resp, &h->err),
		"UnableToRollbackStageException", "source");
	req.stage_name = "Deploy";
	req.target_pipeline_execution_id = resp.pipeline_execution_id;
	FAILS(h, pipeline_rollback_stage(h->e, &h->call, &req, &resp, &h->err),
		"UnableToRollbackStageException", "rollback itself");
}

static int stop(struct harness *h, const char *id, bool abandon)
{
	struct codepipeline_stop_pipeline_execution_request req = {.pipeline_name = "p",
		.pipeline_execution_id = id,
		.abandon = WIRE_SET_BOOL(abandon),
		.reason = "enough"};
	struct codepipeline_stop_pipeline_execution_response resp = {0};

	return pipeline_stop_pipeline_execution(h->e, &h->call, &req, &resp, &h->err);
}

static void stop_waits_for_actions(void **state)
{
	struct harness *h = *state;
	const char *id;

	create(h, "SUPERSEDED", false);
	harness_settle(h);
	id = newest(h);
	OK(h, stop(h, id, false));
	assert_string_equal(harness_status(h, "p", id), "Stopping");
	FAILS(h, stop(h, id, false), "DuplicatedStopRequestException", "already");
	harness_run(h, HOUR);
	assert_string_equal(harness_status(h, "p", id), "Stopped");
	assert_string_equal(stage_status(h, "Source"), "Stopped");
	assert_string_equal(harness_executions(h, "p").v[0].stop_trigger->reason, "enough");
	FAILS(h, stop(h, id, false), "PipelineExecutionNotStoppableException", "Stopped");
	FAILS(h, retry(h, "Source", id, "FAILED_ACTIONS"), "StageNotRetryableException",
		"succeeded");
}

static void abandoning_is_at_once(void **state)
{
	struct harness *h = *state;
	const char *id, *token;

	create(h, "SUPERSEDED", true);
	harness_run(h, HOUR);
	id = newest(h);
	token = harness_action(h, "p", "Approve", "Ask")->latest_execution->token;
	OK(h, stop(h, id, false));
	OK(h, stop(h, id, true));
	assert_string_equal(harness_status(h, "p", id), "Stopped");
	assert_string_equal(
		harness_action(h, "p", "Approve", "Ask")->latest_execution->status, "Abandoned");
	FAILS(h, harness_answer(h, "p", "Approve", "Ask", token, true),
		"InvalidApprovalTokenException", "abandoned");
	OK(h, retry(h, "Approve", id, "FAILED_ACTIONS"));
	assert_string_equal(harness_status(h, "p", id), "InProgress");
	assert_string_not_equal(
		harness_action(h, "p", "Approve", "Ask")->latest_execution->token, token);
}

static void update_cancels(void **state)
{
	struct harness *h = *state;
	struct codepipeline_update_pipeline_request req = {0};
	struct codepipeline_update_pipeline_response resp = {0};
	const char *token;

	create(h, "SUPERSEDED", true);
	harness_run(h, HOUR);
	token = harness_action(h, "p", "Approve", "Ask")->latest_execution->token;
	req.pipeline = harness_declaration(h, harness_json(h, "QUEUED", true, "", ""));
	OK(h, pipeline_update_pipeline(h->e, &h->call, &req, &resp, &h->err));
	assert_int_equal(resp.pipeline->version.v, 2);
	assert_string_equal(harness_executions(h, "p").v[0].status, "Cancelled");
	assert_int_equal(harness_executions(h, "p").n, 1);
	FAILS(h, harness_answer(h, "p", "Approve", "Ask", token, true),
		"InvalidApprovalTokenException", "updated");
	assert_string_equal(harness_action(h, "p", "Approve", "Ask")->latest_execution->summary,
		"The approval action has been canceled.");
}

struct push {
	struct durable *d;
	const char *detail;
};

static int append_push(struct db_tx *tx, void *arg, struct err *err)
{
	struct push *p = arg;
	struct journal_entry e = {.kind = "codecommit.ref", .subject = "repo", .detail = p->detail};

	return journal_append(p->d, tx, &e, err);
}

static void push(struct harness *h, const char *type, const char *name)
{
	struct push p = {
		h->d, arena_printf(&h->arena,
			      "{\"repositoryName\":\"shop\",\"event\":\"referenceUpdated\","
			      "\"referenceType\":\"%s\",\"referenceName\":\"%s\",\"commitId\":"
			      "\"c0ffee\"}",
			      type, name)};

	OK(h, durable_step(h->d, append_push, &p, &h->err));
	harness_run(h, HOUR);
}

static void pushes_start_it(void **state)
{
	struct harness *h = *state;

	create(h, "SUPERSEDED", false);
	harness_run(h, HOUR);
	push(h, "branch", "other");
	push(h, "tag", "main");
	assert_int_equal(harness_executions(h, "p").n, 1);
	push(h, "branch", "main");
	assert_int_equal(harness_executions(h, "p").n, 2);
	assert_string_equal(
		harness_executions(h, "p").v[0].trigger->trigger_type, "PollForSourceChanges");
}

static void pushes_before_it_do_not_start_it(void **state)
{
	struct harness *h = *state;
	struct push p = {h->d, "{\"repositoryName\":\"shop\",\"event\":\"referenceUpdated\","
			       "\"referenceType\":\"branch\",\"referenceName\":\"main\"}"};

	harness_settle(h); /* consumers start at the journal's end of this moment */
	OK(h, durable_step(h->d, append_push, &p, &h->err));
	clock_advance(&h->clock, 1);
	create(h, "SUPERSEDED", false);
	harness_run(h, HOUR);
	assert_int_equal(harness_executions(h, "p").n, 1);
}

static void filters_choose_pushes(void **state)
{
	struct harness *h = *state;
	struct codepipeline_pipeline_declaration *d =
		harness_declaration(h, harness_json(h, "SUPERSEDED", false, "", ""));
	struct codepipeline_create_pipeline_request req = {.pipeline = d};
	struct codepipeline_create_pipeline_response resp = {0};

	OK(h, wire_decode_json(&codepipeline_pipeline_trigger_declaration_list_shape,
		      VIEW("[{\"providerType\":\"CodeStarSourceConnection\",\"gitConfiguration\":{"
			   "\"sourceActionName\":\"Src\",\"push\":[{\"branches\":{\"includes\":["
			   "\"release/*\"],\"excludes\":[\"release/old\"]}},{\"tags\":{"
			   "\"includes\":[\"v*\"]}}]}}]"),
		      &h->arena, &d->triggers, &h->err));
	OK(h, pipeline_create_pipeline(h->e, &h->call, &req, &resp, &h->err));
	harness_run(h, HOUR);
	push(h, "branch", "main");
	push(h, "branch", "release/old");
	assert_int_equal(harness_executions(h, "p").n, 1);
	push(h, "branch", "release/1");
	assert_int_equal(harness_executions(h, "p").n, 2);
	assert_string_equal(
		harness_executions(h, "p").v[0].source_revisions.v[0].revision_id, "c0ffee");
	push(h, "tag", "v1");
	assert_int_equal(harness_executions(h, "p").n, 3);
}

static void tokens_make_starts_idempotent(void **state)
{
	struct harness *h = *state;
	struct codepipeline_start_pipeline_execution_request req = {
		.name = "p", .client_request_token = "once"};
	struct codepipeline_start_pipeline_execution_response a = {0}, b = {0};

	create(h, "SUPERSEDED", false);
	OK(h, pipeline_start_pipeline_execution(h->e, &h->call, &req, &a, &h->err));
	OK(h, pipeline_start_pipeline_execution(h->e, &h->call, &req, &b, &h->err));
	assert_string_equal(a.pipeline_execution_id, b.pipeline_execution_id);
	assert_int_equal(harness_executions(h, "p").n, 2);
}

static void deleting_ends_everything(void **state)
{
	struct harness *h = *state;
	struct codepipeline_delete_pipeline_request req = {.name = "p"};
	struct codepipeline_delete_pipeline_response resp;
	struct codepipeline_get_pipeline_state_request get = {.name = "p"};
	struct codepipeline_get_pipeline_state_response state_resp;

	create(h, "SUPERSEDED", true);
	harness_settle(h);
	OK(h, pipeline_delete_pipeline(h->e, &h->call, &req, &resp, &h->err));
	OK(h, pipeline_delete_pipeline(h->e, &h->call, &req, &resp, &h->err));
	harness_run(h, 8 * 24 * HOUR);
	FAILS(h, pipeline_get_pipeline_state(h->e, &h->call, &get, &state_resp, &h->err),
		"PipelineNotFoundException",
		"Account '123456789012' does not have a pipeline with name 'p'");
	create(h, "SUPERSEDED", false);
	assert_int_equal(harness_executions(h, "p").n, 1);
}

static const char *const check_main =
	",\"beforeEntry\":{\"conditions\":[{\"result\":\"%s\",\"rules\":[{\"name\":\"r\","
	"\"ruleTypeId\":{\"category\":\"Rule\",\"owner\":\"AWS\",\"provider\":\"VariableCheck\","
	"\"version\":\"1\"},\"configuration\":{\"Variable\":\"#{SourceVariables.Result}\","
	"\"Operator\":\"MATCHES\",\"Value\":\"%s\"}}]}]}";

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static const char *entry(struct harness *h, const char *result, const char *value)
{
	return arena_printf(&h->arena, check_main, result, value);
}
#pragma GCC diagnostic pop

static void conditions_let_in_skip_and_fail(void **state)
{
	struct harness *h = *state;
	struct codepipeline_override_stage_condition_request req = {
		.pipeline_name = "p", .stage_name = "Deploy", .condition_type = "BEFORE_ENTRY"};
	struct codepipeline_override_stage_condition_response resp;

	harness_create(h, harness_json(h, "SUPERSEDED", false, entry(h, "SKIP", "Src-[2-9]"),
				  entry(h, "FAIL", "Src-2")));
	harness_run(h, HOUR);
	/* Build is skipped, so Deploy's input was never made; its entry fails first. */
	assert_string_equal(stage_status(h, "Build"), "Skipped");
	assert_string_equal(stage_status(h, "Deploy"), "Failed");
	assert_string_equal(harness_stage(h, "p", "Deploy")
				    ->before_entry_condition_state->latest_execution->status,
		"Failed");
	req.pipeline_execution_id = newest(h);
	OK(h, pipeline_override_stage_condition(h->e, &h->call, &req, &resp, &h->err));
	harness_run(h, HOUR);
	assert_string_equal(stage_status(h, "Deploy"), "Succeeded");
	harness_start(h, "p");
	harness_run(h, HOUR);
	assert_string_equal(stage_status(h, "Build"), "Succeeded");
	assert_string_equal(stage_status(h, "Deploy"), "Succeeded");
}

static void pages_of_executions(void **state)
{
	struct harness *h = *state;
	struct codepipeline_list_pipeline_executions_request req = {
		.pipeline_name = "p", .max_results = WIRE_SET_INT(2)};
	struct codepipeline_list_pipeline_executions_response resp = {0};

	create(h, "SUPERSEDED", false);
	for (int i = 0; i < 4; i++) {
		harness_run(h, HOUR);
		harness_start(h, "p");
	}
	for (size_t want = 2; want > 0; want--) {
		OK(h, pipeline_list_pipeline_executions(h->e, &h->call, &req, &resp, &h->err));
		assert_int_equal(resp.pipeline_execution_summaries.n, 2);
		assert_non_null(resp.next_token);
		req.next_token = resp.next_token;
	}
	resp.next_token = NULL;
	OK(h, pipeline_list_pipeline_executions(h->e, &h->call, &req, &resp, &h->err));
	assert_int_equal(resp.pipeline_execution_summaries.n, 1);
	assert_null(resp.next_token);
	req.next_token = "nonsense";
	FAILS(h, pipeline_list_pipeline_executions(h->e, &h->call, &req, &resp, &h->err),
		"InvalidNextTokenException", "token");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(runs_through),
		T(approval_holds_its_stage),
		T(rejection_fails),
		T(approval_expires),
		T(variables_are_resolved),
		T(newer_supersedes),
		T(queue_keeps_order),
		T(parallel_ones_do_not_meet),
		T(disabled_transition_holds),
		T(retry_goes_on),
		T(retry_of_an_old_one_is_refused),
		T(automatic_retry),
		T(automatic_rollback),
		T(manual_rollback),
		T(stop_waits_for_actions),
		T(abandoning_is_at_once),
		T(update_cancels),
		T(pushes_start_it),
		T(pushes_before_it_do_not_start_it),
		T(filters_choose_pushes),
		T(tokens_make_starts_idempotent),
		T(deleting_ends_everything),
		T(conditions_let_in_skip_and_fail),
		T(pages_of_executions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
