/* SPDX-License-Identifier: Apache-2.0 */
/* Random lives of a pipeline, by seed: failures, starts, stops, retries, answers, transitions.
 * After every move the invariants P2..P4 of pipeline/flow.h are looked at from outside. */
#include "base/map.h"
#include "pipeline/status.h"
#include "unit/pipeline/harness.h"

#define MOVES 60
#define SEEDS 40

static const char *const modes[] = {"SUPERSEDED", "QUEUED", "PARALLEL"};
static const char *const stages[] = {"Source", "Build", "Approve", "Deploy"};

static uint64_t dice(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static const struct codepipeline_pipeline_execution_summary *pick(struct harness *h, uint64_t *seed)
{
	struct codepipeline_pipeline_execution_summary_list all = harness_executions(h, "p");

	return &all.v[dice(seed) % all.n];
}

static void move_stop(struct harness *h, uint64_t *seed)
{
	struct codepipeline_stop_pipeline_execution_request req = {.pipeline_name = "p",
		.pipeline_execution_id = pick(h, seed)->pipeline_execution_id,
		.abandon = WIRE_SET_BOOL(dice(seed) % 2)};
	struct codepipeline_stop_pipeline_execution_response resp;

	pipeline_stop_pipeline_execution(h->e, &h->call, &req, &resp, &h->err);
}

static void move_retry(struct harness *h, uint64_t *seed)
{
	struct codepipeline_retry_stage_execution_request req = {.pipeline_name = "p",
		.pipeline_execution_id = pick(h, seed)->pipeline_execution_id,
		.stage_name = stages[dice(seed) % ARRAY_SIZE(stages)],
		.retry_mode = dice(seed) % 2 ? "ALL_ACTIONS" : "FAILED_ACTIONS"};
	struct codepipeline_retry_stage_execution_response resp;

	pipeline_retry_stage_execution(h->e, &h->call, &req, &resp, &h->err);
}

static void move_rollback(struct harness *h, uint64_t *seed)
{
	struct codepipeline_rollback_stage_request req = {.pipeline_name = "p",
		.target_pipeline_execution_id = pick(h, seed)->pipeline_execution_id,
		.stage_name = stages[dice(seed) % ARRAY_SIZE(stages)]};
	struct codepipeline_rollback_stage_response resp;

	pipeline_rollback_stage(h->e, &h->call, &req, &resp, &h->err);
}

static void move_answer(struct harness *h, uint64_t *seed)
{
	const struct codepipeline_action_state *ask = harness_action(h, "p", "Approve", "Ask");

	if (ask->latest_execution && ask->latest_execution->token)
		harness_answer(h, "p", "Approve", "Ask", ask->latest_execution->token,
			dice(seed) % 4 != 0);
}

static void move_transition(struct harness *h, uint64_t *seed)
{
	const char *stage = stages[1 + dice(seed) % 3];
	struct codepipeline_disable_stage_transition_request off = {.pipeline_name = "p",
		.stage_name = stage,
		.transition_type = "Inbound",
		.reason = "x"};
	struct codepipeline_enable_stage_transition_request on = {
		.pipeline_name = "p", .stage_name = stage, .transition_type = "Inbound"};
	struct codepipeline_disable_stage_transition_response r1;
	struct codepipeline_enable_stage_transition_response r2;

	if (dice(seed) % 3 == 0)
		OK(h, pipeline_disable_stage_transition(h->e, &h->call, &off, &r1, &h->err));
	else
		OK(h, pipeline_enable_stage_transition(h->e, &h->call, &on, &r2, &h->err));
}

static void move_start(struct harness *h, uint64_t *seed)
{
	struct codepipeline_start_pipeline_execution_request req = {.name = "p"};
	struct codepipeline_start_pipeline_execution_response resp;

	(void)seed;
	pipeline_start_pipeline_execution(h->e, &h->call, &req, &resp, &h->err);
}

static void move_time(struct harness *h, uint64_t *seed)
{
	harness_run(h, (int64_t)(dice(seed) % 900) * USEC_PER_SEC);
}

static void (*const moves[])(struct harness *h, uint64_t *seed) = {
	move_start,
	move_start,
	move_time,
	move_time,
	move_time,
	move_answer,
	move_stop,
	move_retry,
	move_rollback,
	move_transition,
};

/* P3: of executions that have an action running in a stage there is one, unless PARALLEL. */
static void check_locks(struct harness *h, const char *mode,
	const struct codepipeline_action_execution_detail_list *actions)
{
	if (streq(mode, "PARALLEL"))
		return;
	for (size_t s = 0; s < ARRAY_SIZE(stages); s++) {
		const char *inside = NULL;

		wire_foreach (d, actions) {
			if (!streq(d->stage_name, stages[s]) || !streq(d->status, "InProgress"))
				continue;
			if (inside && !streq(inside, d->pipeline_execution_id))
				fail_msg("%s and %s are both in stage %s", inside,
					d->pipeline_execution_id, stages[s]);
			inside = d->pipeline_execution_id;
		}
	}
	(void)h;
}

static const char *status_of(
	const struct codepipeline_pipeline_execution_summary_list *all, const char *id)
{
	wire_foreach (x, all)
		if (streq(x->pipeline_execution_id, id))
			return x->status;
	return "(none)";
}

static void check(struct harness *h, const char *mode)
{
	struct codepipeline_pipeline_execution_summary_list all = harness_executions(h, "p");
	struct codepipeline_list_action_executions_request req = {
		.pipeline_name = "p", .max_results = WIRE_SET_INT(1000)};
	struct codepipeline_list_action_executions_response resp = {0};

	OK(h, pipeline_list_action_executions(h->e, &h->call, &req, &resp, &h->err));
	check_locks(h, mode, &resp.action_execution_details);
	/* Nothing runs in an execution that has ended; a stopping one has something to wait for. */
	wire_foreach (d, &resp.action_execution_details)
		if (streq(d->status, "InProgress") &&
			status_final(status_of(&all, d->pipeline_execution_id)))
			fail_msg("%s runs in an execution that is %s", d->action_name,
				status_of(&all, d->pipeline_execution_id));
	wire_foreach (x, &all) {
		bool running = false;

		wire_foreach (d, &resp.action_execution_details)
			running |= streq(d->pipeline_execution_id, x->pipeline_execution_id) &&
				   streq(d->status, "InProgress");
		if (streq(x->status, "Stopping") && !running)
			fail_msg("%s stops for nothing", x->pipeline_execution_id);
	}
}

/* In the end, with all doors open and all questions answered, everything is over. */
static void wind_up(struct harness *h, const char *mode)
{
	struct codepipeline_pipeline_execution_summary_list all;

	for (size_t s = 1; s < ARRAY_SIZE(stages); s++) {
		struct codepipeline_enable_stage_transition_request on = {.pipeline_name = "p",
			.stage_name = stages[s],
			.transition_type = "Inbound"};
		struct codepipeline_enable_stage_transition_response resp;

		OK(h, pipeline_enable_stage_transition(h->e, &h->call, &on, &resp, &h->err));
	}
	for (int i = 0; i < 80; i++)
		harness_run(h, 8 * 24 * HOUR); /* approvals expire */
	check(h, mode);
	all = harness_executions(h, "p");
	wire_foreach (x, &all)
		if (!status_final(x->status))
			fail_msg("%s is %s for ever", x->pipeline_execution_id, x->status);
}

/* P4, from the providers' notes: an id is started once for all crashes that did not happen. */
static void check_log(struct harness *h)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct map seen CLEANUP_MAP = MAP_INIT;
	struct view rest;

	OK(h, file_read(h->log, 16 * MIB, &text, &h->err));
	rest = str_view(&text);
	while (rest.len) {
		struct view line = view_cut(&rest, '\n');

		if (map_set_view(&seen, line, h))
			fail_msg("twice: " VIEW_FMT, VIEW_ARG(line));
	}
}

static void live(uint64_t seed, const char *mode)
{
	struct sim_pipeline_config sim = {.seed = seed, .fail_percent = 20};
	uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15);
	bool parallel = streq(mode, "PARALLEL");
	struct harness h;

	id_seed(seed);
	harness_init(&h, &sim);
	harness_create(&h, harness_json(&h, mode, true,
				   ",\"onFailure\":{\"result\":\"RETRY\",\"retryConfiguration\":{"
				   "\"retryMode\":"
				   "\"ALL_ACTIONS\"}}",
				   parallel ? "" : ",\"onFailure\":{\"result\":\"ROLLBACK\"}"));
	for (int i = 0; i < MOVES; i++) {
		moves[dice(&random) % ARRAY_SIZE(moves)](&h, &random);
		err_release(&h.err);
		check(&h, mode);
	}
	wind_up(&h, mode);
	check_log(&h);
	harness_release(&h);
	id_seed(0);
}

static void seeds(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		live(seed, modes[seed % ARRAY_SIZE(modes)]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
