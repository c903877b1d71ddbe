/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a pipeline as a person sees it: a line an action, with elapsed time and what it
 * waits for. */
#ifndef TOWPATH_BIN_PIPELINE_VIEW_H
#define TOWPATH_BIN_PIPELINE_VIEW_H

#include "base/str.h"
#include "codepipeline.gen.h"

/* Appends the lines; now_usec is for elapsed times. */
void pipeline_view(const struct codepipeline_get_pipeline_state_response *state, bool colours,
	int64_t now_usec, struct str *out);
/* True while any action is in progress. */
bool pipeline_view_is_active(const struct codepipeline_get_pipeline_state_response *state);

#endif
