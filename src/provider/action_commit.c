/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/action_commit.h"

#include <string.h>

#include "base/mem.h"
#include "base/timefmt.h"
#include "vcs/diff.h"

#define MESSAGE_MAX (100 * KIB)
#define SUMMARY_MAX 2048

const char *action_commit_date(struct arena *a, const struct vcs_signature *s)
{
	return arena_strdup(a, timefmt_iso(s->when * USEC_PER_SEC).text);
}

const char *action_commit_message(struct arena *a, const struct vcs_commit *c)
{
	return arena_strndup(a, c->message, strnlen(c->message, MESSAGE_MAX));
}

const char *action_commit_summary(struct arena *a, const struct vcs_commit *c)
{
	size_t n = strnlen(c->message, SUMMARY_MAX);

	while (n && strchr("\n\r ", c->message[n - 1]))
		n--;
	return arena_strndup(a, c->message, n);
}

int action_commit_check_format(
	const struct codepipeline_action_declaration *action, struct err *err)
{
	const char *format = action_setting(action, "OutputArtifactFormat");

	if (!format || streq(format, ACTION_CODE_ZIP) || streq(format, ACTION_CLONE_REF))
		return 0;
	return err_set_wire(err, "InvalidActionDeclarationException",
		"Action configuration for action '%s': OutputArtifactFormat is " ACTION_CODE_ZIP
		" or " ACTION_CLONE_REF ", not %s",
		action->name, format);
}

bool action_commit_concerns(void *arg UNUSED, const struct codepipeline_action_declaration *action,
	const struct action_change *c)
{
	return c->branch && streq(c->branch, action_setting(action, "BranchName"));
}

int action_commit_paths(const char *repository_path, const struct vcs_id *before,
	const struct vcs_id *after, struct arena *a, const char *const **ret_paths, size_t *ret_n,
	struct err *err)
{
	struct vcs_repository *r CLEANUP_VCS = NULL;
	struct vcs_difference *diff;
	const char **paths;
	bool more;

	if (vcs_repository_open(repository_path, &r, err) < 0 ||
		vcs_diff_trees(r, before, after, "", NULL, ACTION_CHANGED_PATHS, a, &diff, ret_n,
			&more, err) < 0)
		return -1;
	paths = arena_new_n(a, *ret_n + 1, const char *);
	for (size_t i = 0; i < *ret_n; i++)
		paths[i] = diff[i].path;
	*ret_paths = paths;
	return 0;
}
