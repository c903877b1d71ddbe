/* SPDX-License-Identifier: Apache-2.0 */
/* Source / CodeCommit: the files of a commit as a zip, or a reference to it that builds clone. */
#include <unistd.h>
#include <errno.h>

#include "base/fd.h"
#include "base/mem.h"
#include "provider/action_commit.h"
#include "provider/action_world.h"
#include "provider/build_world.h"

static const struct action_key keys[] = {
	{"RepositoryName", true, false, "Name of the repository"},
	{"BranchName", true, false, "Branch whose head is taken"},
	{"PollForSourceChanges", false, false,
		"Changes start the pipeline either way; it decides how the start is explained"},
	{"OutputArtifactFormat", false, false,
		ACTION_CODE_ZIP ": the files (default); " ACTION_CLONE_REF
				": a reference that builds clone"},
};

static int validate(void *arg, const struct codepipeline_action_declaration *action,
	struct arena *a, struct err *err)
{
	(void)arg;
	(void)a;
	return action_commit_check_format(action, err);
}

static void fill_variables(
	const struct action_run *run, const struct vcs_commit *c, struct action_result *ret)
{
	struct arena *a = run->arena;
	const struct codepipeline_output_variables_map_kv rows[] = {
		{"AuthorDate", action_commit_date(a, &c->author)},
		{"BranchName", action_run_setting(run, "BranchName")},
		{"CommitId", arena_strdup(a, c->id.hex)},
		{"CommitMessage", action_commit_message(a, c)},
		{"CommitterDate", action_commit_date(a, &c->committer)},
		{"RepositoryName", action_run_setting(run, "RepositoryName")},
	};

	wire_list_alloc(a, &ret->variables, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ret->variables.v[i] = rows[i];
}

static void fill_revision(
	const struct action_run *run, const struct vcs_commit *c, struct action_result *ret)
{
	struct arena *a = run->arena;
	ret->revision_id = ret->revision_change_id = ret->external_id = arena_strdup(a, c->id.hex);
	ret->revision_summary = ret->summary = action_commit_summary(a, c);
	ret->revision_created = WIRE_SET_TIME(c->committer.when * USEC_PER_SEC);
	ret->revision_url = arena_printf(a,
		"https://%s.console.aws.amazon.com/codesuite/codecommit/repositories/%s/commit/"
		"%s?region=%s",
		run->region, action_run_setting(run, "RepositoryName"), c->id.hex, run->region);
	ret->external_url = ret->revision_url;
}

static int write_reference(
	const struct action_run *run, const struct source_commit *commit, int fd, struct err *err)
{
	CLEANUP_STR struct str text = STR_INIT;
	struct towpath_build_clone reference = {
		.repository_name = action_run_setting(run, "RepositoryName"),
		.branch_name = action_run_setting(run, "BranchName"),
		.commit_id = commit->commit.id.hex,
	};

	wire_encode_json(&towpath_build_clone_shape, &reference, &text);
	return fd_write_all(fd, text.p, text.len, err);
}

static int store_artifact(struct action_world *w, const struct action_run *run,
	const struct source_commit *commit, struct err *err)
{
	bool reference = streq(action_run_setting(run, "OutputArtifactFormat"), ACTION_CLONE_REF);
	struct artifact_put put = {.bucket = run->outputs[0].bucket,
		.key = run->outputs[0].key,
		.content_type = reference ? BUILD_CLONE_REFERENCE : "application/zip",
		.server_side_encryption = BUCKET_ENCRYPTION};
	const struct vcs_bounds bounds = {.interrupt = run->interrupt};
	CLEANUP_FD int fd = -1;

	if (action_temp_file(w, &fd, err) < 0)
		return -1;
	if (reference ? write_reference(run, commit, fd, err) < 0
		      : vcs_archive_zip(
				commit->repository_path, &commit->commit.id, fd, &bounds, err) < 0)
		return -1;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(err, errno, "source artifact");
	return artifact_put_fd(w->artifact, &put, fd, run->arena, NULL, err);
}

static int start(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	struct action_world *w = arg;
	const char *repository = action_run_setting(run, "RepositoryName");
	const char *wanted = run->n_overrides ? run->overrides[0].revision_value
					      : action_run_setting(run, "BranchName");
	struct source_commit commit;

	if (source_resolve(w->source, repository, wanted, run->arena, &commit, err) < 0)
		return action_sibling_failed(run, ret, "ConfigurationError",
			arena_printf(run->arena,
				"Unable to read %s '%s' of the CodeCommit repository %s: ",
				run->n_overrides ? "commit" : "branch", wanted, repository),
			err);
	if (store_artifact(w, run, &commit, err) < 0)
		return action_sibling_failed(run, ret, "JobFailed",
			arena_printf(run->arena,
				"Unable to upload the source artifact to the bucket %s: ",
				run->outputs[0].bucket),
			err);
	ret->outcome = ACTION_SUCCEEDED;
	fill_revision(run, &commit.commit, ret);
	fill_variables(run, &commit.commit, ret);
	return 0;
}

/* ---- changes ---- */

static const char *watch_key(
	void *arg, const struct codepipeline_action_declaration *action, struct arena *a)
{
	(void)arg;
	return arena_printf(a, "codecommit %s", action_setting(action, "RepositoryName"));
}

static bool change(
	void *arg, const struct journal_entry *e, struct arena *a, struct action_change *ret)
{
	struct towpath_event_ref ref;

	(void)arg;
	if (wire_decode_json(&towpath_event_ref_shape, view_of(e->detail), a, &ref, NULL) < 0 ||
		!ref.repository_name || streq(ref.event, "referenceDeleted"))
		return false;
	ret->watch = arena_printf(a, "codecommit %s", ref.repository_name);
	ret->repository = ref.repository_name;
	if (streq(ref.reference_type, "tag"))
		ret->tag = ref.reference_name;
	else
		ret->branch = ref.reference_name;
	ret->revision_type = CODEPIPELINE_SOURCE_REVISION_TYPE_COMMIT_ID;
	ret->revision = ref.commit_id;
	ret->old_revision = ref.old_commit_id;
	ret->created = streq(ref.event, "referenceCreated");
	return true;
}

static int tree_of(struct action_world *w, const struct action_change *c, const char *revision,
	struct arena *a, struct source_commit *ret, struct err *err)
{
	return source_resolve(w->source, c->repository, revision, a, ret, err);
}

static int changed_paths(void *arg, const struct action_change *c, struct arena *a,
	const char *const **ret_paths, size_t *ret_n, struct err *err)
{
	struct action_world *w = arg;
	struct source_commit before, after;

	if (tree_of(w, c, c->old_revision, a, &before, err) < 0 ||
		tree_of(w, c, c->revision, a, &after, err) < 0)
		return -1;
	return action_commit_paths(after.repository_path, &before.commit.tree, &after.commit.tree,
		a, ret_paths, ret_n, err);
}

static const char *entity_url(void *arg, const struct codepipeline_action_declaration *action,
	const char *region, struct arena *a)
{
	(void)arg;
	return arena_printf(a,
		"https://%s.console.aws.amazon.com/codesuite/codecommit/repositories/%s/browse/"
		"refs/"
		"heads/%s?region=%s",
		region, action_setting(action, "RepositoryName"),
		action_setting(action, "BranchName"), region);
}

static const char *const kinds[] = {"codecommit.ref", NULL};

const struct action_provider action_codecommit = {
	.category = "Source",
	.provider = "CodeCommit",
	.min_outputs = 1,
	.max_outputs = 1,
	ACTION_KEYS(keys),
	.journal_kinds = kinds,
	.validate = validate,
	.start = start,
	.watch_key = watch_key,
	.change = change,
	.concerns = action_commit_concerns,
	.changed_paths = changed_paths,
	.entity_url = entity_url,
};
