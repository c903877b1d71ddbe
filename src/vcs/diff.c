/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/diff.h"

#include "vcs/git2.h"

static struct vcs_difference difference_of(
	const git_diff_delta *d, const char *prefix, struct arena *a)
{
	struct vcs_difference ret = {.change = 'M'};

	ret.path = arena_printf(a, "%s%s", prefix, d->new_file.path);
	if (d->status == GIT_DELTA_ADDED)
		ret.change = 'A';
	if (d->status == GIT_DELTA_DELETED)
		ret.change = 'D';
	if (ret.change != 'A') {
		ret.before = vcs_id_of(&d->old_file.id);
		ret.before_mode = d->old_file.mode;
	}
	if (ret.change != 'D') {
		ret.after = vcs_id_of(&d->new_file.id);
		ret.after_mode = d->new_file.mode;
	}
	return ret;
}

int vcs_diff_trees(struct vcs_repository *r, const struct vcs_id *before,
	const struct vcs_id *after, const char *prefix, size_t skip, size_t max, struct arena *a,
	struct vcs_difference **ret, size_t *ret_n, bool *ret_more, struct err *err)
{
	CLEANUP(git_tree_freep) git_tree *old = NULL;
	CLEANUP(git_tree_freep) git_tree *new = NULL;
	CLEANUP(git_diff_freep) git_diff *diff = NULL;
	git_diff_options options = GIT_DIFF_OPTIONS_INIT;
	git_oid oid;
	size_t total;
	int rc = 0;

	options.flags |= GIT_DIFF_INCLUDE_TYPECHANGE | GIT_DIFF_SKIP_BINARY_CHECK;
	if (before) {
		oid = vcs_oid_of(before);
		rc = git_tree_lookup(&old, r->git, &oid);
	}
	if (rc == 0 && after) {
		oid = vcs_oid_of(after);
		rc = git_tree_lookup(&new, r->git, &oid);
	}
	if (rc == 0)
		rc = git_diff_tree_to_tree(&diff, r->git, old, new, &options);
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot compare trees");
	total = git_diff_num_deltas(diff);
	*ret_n = skip < total ? MIN(max, total - skip) : 0;
	*ret_more = skip + *ret_n < total;
	*ret = arena_new_n(a, *ret_n, struct vcs_difference);
	for (size_t i = 0; i < *ret_n; i++)
		(*ret)[i] = difference_of(git_diff_get_delta(diff, skip + i), prefix, a);
	return 0;
}
