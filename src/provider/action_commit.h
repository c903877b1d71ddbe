/* SPDX-License-Identifier: Apache-2.0 */
/* A commit as source actions tell it. Results live in the arena. Private to provider/action_*.c. */
#ifndef TOWPATH_PROVIDER_ACTION_COMMIT_H
#define TOWPATH_PROVIDER_ACTION_COMMIT_H

#include "pipeline/provider.h"
#include "vcs/object.h"

#define ACTION_CODE_ZIP "CODE_ZIP"
#define ACTION_CLONE_REF "CODEBUILD_CLONE_REF"
#define ACTION_CHANGED_PATHS 100 /* files of a change that filters look at */

/* ISO date of a signature, in UTC. */
const char *action_commit_date(struct arena *a, const struct vcs_signature *s);
/* What a variable, and what a revision's summary holds of a message. */
const char *action_commit_message(struct arena *a, const struct vcs_commit *c);
const char *action_commit_summary(struct arena *a, const struct vcs_commit *c);
/* OutputArtifactFormat is one of the two above, or absent. */
int action_commit_check_format(
	const struct codepipeline_action_declaration *action, struct err *err);
/* `concerns` of an action provider: the change is of the action's branch. */
bool action_commit_concerns(void *arg, const struct codepipeline_action_declaration *action,
	const struct action_change *c);
/* The paths that differ between two trees of a repository on disk. */
int action_commit_paths(const char *repository_path, const struct vcs_id *before,
	const struct vcs_id *after, struct arena *a, const char *const **ret_paths, size_t *ret_n,
	struct err *err);

#endif
