/* SPDX-License-Identifier: Apache-2.0 */
/* Actions that are batches of builds. */
#include "provider/action_batch.h"

#include "base/mem.h"

static void fill_links(const struct action_run *run, const struct codebuild_build_batch *b,
	struct action_result *ret)
{
	ret->external_id = b->id;
	ret->external_url = arena_printf(run->arena,
		"https://console.aws.amazon.com/codebuild/home?region=%s#/build-batches/%s/view/"
		"new",
		run->region, b->id);
}

int action_batch_start(struct action_world *w, const struct action_run *run,
	const struct codebuild_environment_variables *variables, struct action_result *ret,
	struct err *err)
{
	struct call call = action_call(run);
	struct codebuild_start_build_batch_request req = {
		.project_name = action_run_setting(run, "ProjectName"),
		.idempotency_token = run->id,
		.environment_variables_override = *variables};
	struct codebuild_start_build_batch_response resp = {0};
	struct towpath_build_pipeline pipeline;

	action_build_pipeline(run, action_run_setting(run, "PrimarySource"), &pipeline);
	pipeline.combine =
		WIRE_SET_BOOL(action_flag(action_run_setting(run, "CombineArtifacts"), false));
	if (build_start_batch_for_pipeline(w->build, &call, &req, &pipeline, &resp, err) < 0)
		return action_sibling_failed(
			run, ret, "JobFailed", "Error calling startBuildBatch: ", err);
	fill_links(run, resp.build_batch, ret);
	return 0;
}

static int load(struct action_world *w, const struct action_run *run,
	const struct codebuild_build_batch **ret, struct err *err)
{
	struct call call = action_call(run);
	struct codebuild_batch_get_build_batches_request req = {0};
	struct codebuild_batch_get_build_batches_response resp = {0};

	wire_list_alloc(run->arena, &req.ids, 1);
	req.ids.v[0] = run->external_id;
	if (build_batch_get_build_batches(w->build, &call, &req, &resp, err) < 0)
		return -1;
	*ret = resp.build_batches.n ? &resp.build_batches.v[0] : NULL;
	return 0;
}

/* The phase that did not succeed, and why. */
static const char *explain(const struct codebuild_build_batch *b, struct arena *a)
{
	wire_foreach (p, &b->phases)
		if (p->phase_status && !streq(p->phase_status, CODEBUILD_STATUS_TYPE_SUCCEEDED) &&
			p->contexts.n)
			return arena_printf(a, "%s. Phase: %s, Code: %s, Message: %s",
				b->build_batch_status, p->phase_type, p->contexts.v[0].status_code,
				p->contexts.v[0].message);
	return b->build_batch_status;
}

int action_batch_check(struct action_world *w, const struct action_run *run,
	struct action_result *ret, struct err *err)
{
	const struct codebuild_build_batch *b = NULL;

	if (load(w, run, &b, err) < 0)
		return -1;
	if (!b)
		return action_fail(run, ret, "JobFailed", "Build batch %s does not exist any more",
			run->external_id);
	fill_links(run, b, ret);
	if (!wire_or(b->complete, false))
		return 0;
	if (streq(b->build_batch_status, CODEBUILD_STATUS_TYPE_SUCCEEDED)) {
		ret->outcome = ACTION_SUCCEEDED;
		return 0;
	}
	action_fail(run, ret, "JobFailed", "Build batch terminated with state: %s",
		explain(b, run->arena));
	ret->summary = ret->error_message;
	return 0;
}

void action_batch_stop(struct action_world *w, const struct action_run *run)
{
	struct call call = action_call(run);
	struct codebuild_stop_build_batch_request req = {.id = run->external_id};
	struct codebuild_stop_build_batch_response resp = {0};

	build_stop_build_batch(w->build, &call, &req, &resp, NULL);
}

const char *action_batch_correlate(const struct journal_entry *e, struct arena *a)
{
	struct towpath_event_build_batch b;

	if (wire_decode_json(&towpath_event_build_batch_shape, view_of(e->detail), a, &b, NULL) <
			0 ||
		streq(b.build_batch_status, CODEBUILD_STATUS_TYPE_IN_PROGRESS))
		return NULL;
	return b.build_batch_id;
}
