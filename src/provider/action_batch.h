/* SPDX-License-Identifier: Apache-2.0 */
/* CodeBuild actions with BatchEnabled (action_codebuild.c): what a provider does
 * (pipeline/provider.h) where the action is a batch of builds. */
#ifndef TOWPATH_PROVIDER_ACTION_BATCH_H
#define TOWPATH_PROVIDER_ACTION_BATCH_H

#include "provider/action_build.h"

int action_batch_start(struct action_world *w, const struct action_run *run,
	const struct codebuild_environment_variables *variables, struct action_result *ret,
	struct err *err);
int action_batch_check(struct action_world *w, const struct action_run *run,
	struct action_result *ret, struct err *err);
void action_batch_stop(struct action_world *w, const struct action_run *run);
const char *action_batch_correlate(const struct journal_entry *e, struct arena *a);

#endif
