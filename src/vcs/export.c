/* SPDX-License-Identifier: Apache-2.0 */
/* Whole commits leaving the repository: archives and clones, by git itself. */
#include "base/vec.h"
#include "vcs/child.h"
#include "vcs/object.h"

int vcs_archive_zip(const char *repository_path, const struct vcs_id *commit, int fd,
	const struct vcs_bounds *bounds, struct err *err)
{
	const char *const args[] = {"archive", "--format=zip", "-1", commit->hex, NULL};
	const struct vcs_child_how how = {.bounds = bounds};

	if (vcs_git_how(repository_path, args, &how, -1, fd, err) < 0)
		return err_wrap(err, "cannot archive commit %s", commit->hex);
	return 0;
}

static int clone_objects(const char *repository_path, int depth, const char *dir,
	const struct vcs_child_how *how, struct err *err)
{
	CLEANUP_STRV struct strv args = {0};

	strv_add(&args, "clone");
	strv_add(&args, "--quiet");
	strv_add(&args, "--no-checkout");
	if (depth > 0) {
		strv_addf(&args, "--depth=%d", depth);
		strv_add(&args, "--no-single-branch");
		strv_addf(&args, "file://%s", repository_path);
	} else {
		strv_add(&args, "--no-hardlinks");
		strv_add(&args, repository_path);
	}
	strv_add(&args, dir);
	return vcs_git_how(NULL, (const char *const *)args.v, how, -1, -1, err);
}

/* A shallow clone lacks commits that are no branch's head. */
static int fetch_commit(const struct vcs_id *commit, int depth, const char *git_dir,
	const struct vcs_child_how *how, struct err *err)
{
	CLEANUP(freep) char *depth_arg = xasprintf("--depth=%d", depth);
	const char *const args[] = {"fetch", "--quiet", depth_arg, "origin", commit->hex, NULL};

	return depth > 0 ? vcs_git_how(git_dir, args, how, -1, -1, err) : 0;
}

int vcs_clone(const char *repository_path, const struct vcs_id *commit, const char *branch,
	int depth, const char *dir, const struct vcs_bounds *bounds, struct err *err)
{
	CLEANUP(freep) char *git_dir = xasprintf("%s/.git", dir);
	CLEANUP(freep) char *work_tree = xasprintf("--work-tree=%s", dir);
	const char *const on_branch[] = {work_tree, "-c", "core.hooksPath=/dev/null", "checkout",
		"--quiet", "-B", branch, commit->hex, NULL};
	const char *const detached[] = {work_tree, "-c", "core.hooksPath=/dev/null", "checkout",
		"--quiet", "--detach", commit->hex, NULL};
	const struct vcs_child_how how = {.bounds = bounds, .filled = dir};

	if (clone_objects(repository_path, depth, dir, &how, err) < 0 ||
		fetch_commit(commit, depth, git_dir, &how, err) < 0 ||
		vcs_git_how(git_dir, branch ? on_branch : detached, &how, -1, -1, err) < 0)
		return err_wrap(err, "cannot clone %s at %s", repository_path, commit->hex);
	return 0;
}
