/* SPDX-License-Identifier: Apache-2.0 */
/* Actions and rules that are builds (action_codebuild.c, action_commands.c). */
#ifndef TOWPATH_PROVIDER_ACTION_BUILD_H
#define TOWPATH_PROVIDER_ACTION_BUILD_H

#include "provider/action_world.h"

struct action_build {
	const struct codebuild_start_build_request *request; /* its token is the action's id */
	const char *primary_input; /* whose files the build begins in; NULL: the first one */
	bool acts_as_pipeline;	   /* under the action's role, not a project's */
};

/* Starts the build with the action's artifacts. What the user can mend is ACTION_FAILED. */
int action_build_start(struct action_world *w, const struct action_run *run,
	const struct action_build *wish, struct action_result *ret, struct err *err);

/* What a build is told of the action: artifacts, names. primary as in struct action_build. */
void action_build_pipeline(
	const struct action_run *run, const char *primary, struct towpath_build_pipeline *p);

/* The rest of such a provider (pipeline/provider.h): follows automatic retries, gives exported
 * variables. */
int action_build_check(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err);
void action_build_stop(void *arg, const struct action_run *run);
const char *action_build_correlate(void *arg, const struct journal_entry *e, struct arena *a);
extern const char *const action_build_kinds[];

#endif
