/* SPDX-License-Identifier: Apache-2.0 */
/* Sources from CodeCommit repositories: cloned from the disk, checked out with HEAD detached. */
#include <errno.h>
#include <unistd.h>

#include "base/mem.h"
#include "provider/build_world.h"

/* "refs/heads/x^{<commit>}" and "refs/tags/x^{<commit>}" name the commit themselves; a plain
 * "refs/heads/x" its branch. */
static const char *specifier_of(const char *version, struct arena *a)
{
	const char *brace;

	if (!version || !*version)
		return NULL;
	brace = strstr(version, "^{");
	if (brace)
		return arena_strndup(a, brace + 2, strcspn(brace + 2, "}"));
	if (starts_with(version, "refs/heads/"))
		return version + strlen("refs/heads/");
	return starts_with(version, "refs/tags/") ? version + strlen("refs/tags/") : version;
}

static int explain(const struct build_source_request *req, const char *name, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;
	const char *which = *req->identifier ? req->identifier : "primary source";

	err_move(&why, err);
	if (streq(why.wire, "RepositoryDoesNotExistException"))
		return err_set(err, ERR_NOT_FOUND, "repository not found for %s: %s", which, name);
	if (req->version)
		return err_set(err, ERR_NOT_FOUND,
			"reference not found for %s and source version %s: %s", which, req->version,
			err_message(&why));
	return err_set(err, ERR_NOT_FOUND, "no commit found for %s: %s", which, err_message(&why));
}

/* The commit that the specifier names, with all history (depth 0) or some. */
static int clone_commit(struct build_world *w, const struct build_source_request *req,
	const char *name, const char *specifier, int depth, struct arena *a,
	struct build_source_result *ret, struct err *err)
{
	const struct vcs_bounds bounds = build_source_bounds(w, req);
	struct source_commit commit;

	if (source_resolve(w->source, name, specifier, a, &commit, err) < 0)
		return explain(req, name, err);
	if (rmdir(req->dir) < 0 && errno != ENOENT)
		return err_errno(err, errno, "cannot empty %s", req->dir);
	if (vcs_clone(commit.repository_path, &commit.commit.id, NULL, depth, req->dir, &bounds,
		    err) < 0) {
		err_wrap(err, "cannot clone %s", name);
		return err_is(err, ERR_TOO_LARGE) ? err_hint(err, "%s", VCS_DISK_HINT) : -1;
	}
	ret->resolved_version = arena_strdup(a, commit.commit.id.hex);
	return 0;
}

int build_source_clone(struct build_world *w, const struct build_source_request *req,
	const struct towpath_build_clone *reference, struct arena *a,
	struct build_source_result *ret, struct err *err)
{
	const char *arn = arena_printf(a, "arn:aws:codecommit:%s:%s:%s", req->region, req->account,
		reference->repository_name);

	if (!w->source)
		return err_set(err, ERR_UNSUPPORTED, "there are no repositories in this server");
	if (build_world_may(w, &req->role, "codecommit:GitPull", arn, err) < 0)
		return -1;
	return clone_commit(
		w, req, reference->repository_name, reference->commit_id, 0, a, ret, err);
}

int build_source_codecommit(struct build_world *w, const struct build_source_request *req,
	struct arena *a, struct build_source_result *ret, struct err *err)
{
	const char *name = source_name_of_url(req->source->location, a);

	if (!w->source)
		return err_set(err, ERR_UNSUPPORTED, "there are no repositories in this server");
	if (!name)
		return err_set(err, ERR_INVALID,
			"source location %s is not a clone URL of CodeCommit "
			"(https://git-codecommit.REGION.amazonaws.com/v1/repos/NAME)",
			req->source->location);
	if (clone_commit(w, req, name, specifier_of(req->version, a),
		    wire_or(req->source->git_clone_depth, 0), a, ret, err) < 0)
		return -1;
	ret->url = req->source->location;
	ret->path_suffix =
		arena_printf(a, "git-codecommit.%s.amazonaws.com/v1/repos/%s", req->region, name);
	return 0;
}
