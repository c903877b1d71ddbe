/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath approve` and `towpath reject`: answer the approval that a pipeline waits for. */
#include "bin/answer.h"
#include "bin/client.h"
#include "bin/command.h"
#include "codepipeline.gen.h"

static const struct option_spec options[] = {
	{"action", 0, "NAME", NULL, "which approval, when several wait"},
	{"message", 'm', "TEXT", NULL, "what to note with the answer"},
	{NULL, 0, NULL, NULL, NULL},
};

struct waiting {
	const char *stage, *action, *token;
	size_t n; /* how many wait */
};

static void find_waiting(const struct codepipeline_get_pipeline_state_response *state,
	const char *wanted, struct waiting *ret)
{
	wire_foreach (stage, &state->stage_states) {
		wire_foreach (action, &stage->action_states) {
			const struct codepipeline_action_execution *run = action->latest_execution;

			if (!run || !run->token || !streq(run->status, "InProgress") ||
				(wanted && !streq(action->action_name, wanted)))
				continue;
			*ret = (struct waiting){
				stage->stage_name, action->action_name, run->token, ret->n + 1};
		}
	}
}

static int answer(const struct options *o, const char *status, struct err *err)
{
	struct client *client CLEANUP(client_freep) = NULL;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *pipeline = o->words.v[0], *message = option_text(o, "message");
	struct codepipeline_get_pipeline_state_request ask = {.name = pipeline};
	struct codepipeline_get_pipeline_state_response state;
	struct codepipeline_approval_result result = {
		.status = status, .summary = message ? message : ""};
	struct codepipeline_put_approval_result_request put = {
		.pipeline_name = pipeline, .result = &result};
	struct codepipeline_put_approval_result_response done;
	struct waiting w = {0};

	if (client_open(o, &client, err) < 0 ||
		client_call(client, &codepipeline_service, CODEPIPELINE_OP_GET_PIPELINE_STATE, &ask,
			&a, &state, err) < 0)
		return -1;
	find_waiting(&state, option_text(o, "action"), &w);
	if (w.n == 0)
		return err_set(err, ERR_NOT_FOUND, "pipeline %s waits for no approval", pipeline);
	if (w.n > 1) {
		err_set(err, ERR_INVALID, "pipeline %s waits for %zu approvals", pipeline, w.n);
		return err_hint(err, "name one with --action");
	}
	put.stage_name = w.stage;
	put.action_name = w.action;
	put.token = w.token;
	if (client_call(client, &codepipeline_service, CODEPIPELINE_OP_PUT_APPROVAL_RESULT, &put,
		    &a, &done, err) < 0)
		return -1;
	answer_print(o,
		(const struct answer_member[]){{"pipeline", pipeline, 0}, {"stage", w.stage, 0},
			{"action", w.action, 0}, {"status", status, 0}, {NULL, NULL, 0}},
		"%s: %s/%s %s", pipeline, w.stage, w.action, status);
	return EXIT_OK;
}

static int run_approve(const struct options *o, struct err *err)
{
	return answer(o, CODEPIPELINE_APPROVAL_STATUS_APPROVED, err);
}

static int run_reject(const struct options *o, struct err *err)
{
	return answer(o, CODEPIPELINE_APPROVAL_STATUS_REJECTED, err);
}

const struct command command_approve = {
	.name = "approve",
	.arguments = "[-m TEXT] PIPELINE",
	.summary = "approve what a pipeline holds for approval",
	.options = options,
	.min_words = 1,
	.max_words = 1,
	.run = run_approve,
};

const struct command command_reject = {
	.name = "reject",
	.arguments = "[-m TEXT] PIPELINE",
	.summary = "reject what a pipeline holds for approval",
	.options = options,
	.min_words = 1,
	.max_words = 1,
	.run = run_reject,
};
