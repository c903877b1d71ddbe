/* SPDX-License-Identifier: Apache-2.0 */
/* What GetPipelineState shows, kept up to date as part of each step: so the answer is one row.
 * Executions of PARALLEL mode do not appear in it. */
#ifndef TOWPATH_PIPELINE_VIEW_STATE_H
#define TOWPATH_PIPELINE_VIEW_STATE_H

#include "pipeline/flow.h"

/* A fresh view of the present definition, which keeps what stages and actions of the same name
 * showed before (old may be NULL). */
struct codepipeline_get_pipeline_state_response *view_new(const struct flow_site *site,
	const struct store_pipeline *p, const struct codepipeline_get_pipeline_state_response *old,
	struct arena *a);
struct codepipeline_stage_state *view_stage(const struct flow *f, const char *stage);
void view_stage_changed(struct flow *f, const struct towpath_pipeline_run *run,
	const struct towpath_pipeline_stage_run *stage);
void view_action_started(struct flow *f, const struct towpath_pipeline_run *run,
	const struct codepipeline_action_execution_detail *d, bool approval);
/* Something about a running or just ended action is known now. */
void view_action_changed(struct flow *f, const struct towpath_pipeline_run *run, const char *stage,
	const char *action, const char *id, const char *status, const struct action_result *result,
	const struct flow_end *end);
/* Recomputes who waits in front of which stage: at the end of a step. */
void view_inbound(struct flow *f);

#endif
