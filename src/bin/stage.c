/* SPDX-License-Identifier: Apache-2.0 */
/* `towpath retry` and `towpath rollback`: a failed stage again, or back to what ran before. */
#include "bin/answer.h"
#include "bin/client.h"
#include "bin/command.h"
#include "codepipeline.gen.h"

static const struct option_spec retry_options[] = {
	{"all", 0, NULL, NULL, "all actions of the stage, not only those that failed"},
	{"stage", 0, "NAME", NULL, "which stage (the first that failed)"},
	{NULL, 0, NULL, NULL, NULL},
};

static const struct option_spec rollback_options[] = {
	{"execution", 0, "ID", NULL, "roll back to this one (the last that succeeded before)"},
	{"stage", 0, "NAME", NULL, "which stage (the last that ran)"},
	{NULL, 0, NULL, NULL, NULL},
};

struct place {
	struct client *client;
	struct arena *arena;
	const char *pipeline;
	const struct codepipeline_stage_state *stage;
};

/* The stage named, or the one that `fits` picks out. */
static int find_stage(struct place *p, const char *name,
	bool (*fits)(const struct codepipeline_stage_state *), struct err *err)
{
	struct codepipeline_get_pipeline_state_request ask = {.name = p->pipeline};
	struct codepipeline_get_pipeline_state_response *state =
		arena_new(p->arena, struct codepipeline_get_pipeline_state_response);

	if (client_call(p->client, &codepipeline_service, CODEPIPELINE_OP_GET_PIPELINE_STATE, &ask,
		    p->arena, state, err) < 0)
		return -1;
	wire_foreach (stage, &state->stage_states) {
		if (name ? streq(stage->stage_name, name) : fits(stage))
			p->stage = stage;
	}
	if (!p->stage && name)
		return err_set(
			err, ERR_NOT_FOUND, "pipeline %s has no stage %s", p->pipeline, name);
	if (!p->stage)
		return err_set(err, ERR_NOT_FOUND, "no stage of pipeline %s fits", p->pipeline);
	if (!p->stage->latest_execution)
		return err_set(
			err, ERR_NOT_FOUND, "stage %s has not run yet", p->stage->stage_name);
	return 0;
}

static bool has_failed(const struct codepipeline_stage_state *stage)
{
	return stage->latest_execution && streq(stage->latest_execution->status, "Failed");
}

static bool has_run(const struct codepipeline_stage_state *stage)
{
	return stage->latest_execution != NULL;
}

static int run_retry(const struct options *o, struct err *err)
{
	struct client *client CLEANUP(client_freep) = NULL;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct place p = {.arena = &a, .pipeline = o->words.v[0]};
	struct codepipeline_retry_stage_execution_request req = {.pipeline_name = p.pipeline};
	struct codepipeline_retry_stage_execution_response resp;

	if (client_open(o, &client, err) < 0)
		return -1;
	p.client = client;
	if (find_stage(&p, option_text(o, "stage"), has_failed, err) < 0)
		return -1;
	req.stage_name = p.stage->stage_name;
	req.pipeline_execution_id = p.stage->latest_execution->pipeline_execution_id;
	req.retry_mode = option_flag(o, "all") ? "ALL_ACTIONS" : "FAILED_ACTIONS";
	if (client_call(client, &codepipeline_service, CODEPIPELINE_OP_RETRY_STAGE_EXECUTION, &req,
		    &a, &resp, err) < 0)
		return -1;
	answer_print(o,
		(const struct answer_member[]){{"pipeline", p.pipeline, 0},
			{"stage", req.stage_name, 0}, {"execution", resp.pipeline_execution_id, 0},
			{NULL, NULL, 0}},
		"%s: stage %s runs again in execution %s", p.pipeline, req.stage_name,
		resp.pipeline_execution_id);
	return EXIT_OK;
}

/* The newest execution that succeeded, other than the one that stands in the stage now. */
static const char *find_target(struct place *p, struct err *err)
{
	struct codepipeline_list_pipeline_executions_request req = {.pipeline_name = p->pipeline};
	struct codepipeline_list_pipeline_executions_response resp;

	if (client_call(p->client, &codepipeline_service, CODEPIPELINE_OP_LIST_PIPELINE_EXECUTIONS,
		    &req, p->arena, &resp, err) < 0)
		return NULL;
	wire_foreach (e, &resp.pipeline_execution_summaries) {
		if (streq(e->status, "Succeeded") &&
			!streq(e->pipeline_execution_id,
				p->stage->latest_execution->pipeline_execution_id))
			return e->pipeline_execution_id;
	}
	err_set(err, ERR_NOT_FOUND, "no earlier execution of %s succeeded", p->pipeline);
	return NULL;
}

static int run_rollback(const struct options *o, struct err *err)
{
	struct client *client CLEANUP(client_freep) = NULL;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct place p = {.arena = &a, .pipeline = o->words.v[0]};
	struct codepipeline_rollback_stage_request req = {.pipeline_name = p.pipeline};
	struct codepipeline_rollback_stage_response resp;

	if (client_open(o, &client, err) < 0)
		return -1;
	p.client = client;
	if (find_stage(&p, option_text(o, "stage"), has_run, err) < 0)
		return -1;
	req.stage_name = p.stage->stage_name;
	req.target_pipeline_execution_id = option_text(o, "execution");
	if (!req.target_pipeline_execution_id)
		req.target_pipeline_execution_id = find_target(&p, err);
	if (!req.target_pipeline_execution_id)
		return -1;
	if (client_call(client, &codepipeline_service, CODEPIPELINE_OP_ROLLBACK_STAGE, &req, &a,
		    &resp, err) < 0)
		return -1;
	answer_print(o,
		(const struct answer_member[]){{"pipeline", p.pipeline, 0},
			{"stage", req.stage_name, 0},
			{"target", req.target_pipeline_execution_id, 0},
			{"execution", resp.pipeline_execution_id, 0}, {NULL, NULL, 0}},
		"%s: stage %s rolls back to %s in execution %s", p.pipeline, req.stage_name,
		req.target_pipeline_execution_id, resp.pipeline_execution_id);
	return EXIT_OK;
}

const struct command command_retry = {
	.name = "retry",
	.arguments = "[--all] [--stage NAME] PIPELINE",
	.summary = "run a failed stage again",
	.options = retry_options,
	.min_words = 1,
	.max_words = 1,
	.run = run_retry,
};

const struct command command_rollback = {
	.name = "rollback",
	.arguments = "[--stage NAME] [--execution ID] PIPELINE",
	.summary = "put an earlier execution back into a stage",
	.options = rollback_options,
	.min_words = 1,
	.max_words = 1,
	.run = run_rollback,
};
