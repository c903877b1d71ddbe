/* SPDX-License-Identifier: Apache-2.0 */
/* Source / CodeStarSourceConnection: the files of a commit at a git host elsewhere, through a
 * connection. Its changes are what connection_watch.c tells. */
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/id.h"
#include "base/mem.h"
#include "codec/json.h"
#include "provider/action_commit.h"
#include "provider/action_world.h"
#include "provider/connection_watch.h"
#include "vcs/remote.h"

#define LIST_USEC (60 * USEC_PER_SEC)
#define FETCH_USEC (3600 * USEC_PER_SEC)

static const struct action_key keys[] = {
	{"ConnectionArn", true, false, "ARN of the connection to the host"},
	{"FullRepositoryId", true, false, "Repository at the host: owner/name"},
	{"BranchName", true, false, "Branch whose head is taken"},
	{"OutputArtifactFormat", false, false, ACTION_CODE_ZIP ": the files"},
	{"DetectChanges", false, false, "false: changes do not start the pipeline"},
};

static int validate(void *arg UNUSED, const struct codepipeline_action_declaration *action,
	struct arena *a UNUSED, struct err *err)
{
	const char *arn = action_setting(action, "ConnectionArn");
	const char *repository = action_setting(action, "FullRepositoryId");

	if (action_commit_check_format(action, err) < 0)
		return -1;
	if (streq(action_setting(action, "OutputArtifactFormat"), ACTION_CLONE_REF))
		return err_set_wire(err, "InvalidActionDeclarationException",
			"Action configuration for action '%s': "
			"OutputArtifactFormat " ACTION_CLONE_REF
			" is not available for connections; leave it out, or use " ACTION_CODE_ZIP,
			action->name);
	if (!action_value_is_variable(arn) && !connection_id_of(arn))
		return err_set_wire(err, "InvalidActionDeclarationException",
			"Action configuration for action '%s': ConnectionArn %s is not the ARN of "
			"a connection",
			action->name, arn);
	if (!action_value_is_variable(repository) && !connection_repository_valid(repository))
		return err_set_wire(err, "InvalidActionDeclarationException",
			"Action configuration for action '%s': FullRepositoryId %s is not the name "
			"of a repository (owner/name)",
			action->name, repository);
	return 0;
}

/* ---- failures ---- */

static const struct {
	enum err_kind kind;
	const char *code, *hint;
} troubles[] = {
	{ERR_DENIED, "ConfigurationError",
		"give the connection another token: towpath connection complete"},
	{ERR_NOT_FOUND, "ConfigurationError",
		"check FullRepositoryId and BranchName; hosts answer so as well where the token "
		"may "
		"not read a private repository"},
	{ERR_UNAVAILABLE, "SystemUnavailable",
		"check that this server reaches the host, then retry the stage"},
	{ERR_TIMEOUT, "SystemUnavailable",
		"check that this server reaches the host, then retry the stage"},
	{ERR_TOO_LARGE, "JobFailed",
		"start the server with a larger --clone-limit (TOWPATH_CLONE_LIMIT)"},
	{ERR_IO, "JobFailed", "retry the stage"},
};

/* What git said of the host ends the action; the rest is tried again. */
static int host_failed(const struct action_run *run, const struct connection_repository *r,
	struct action_result *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(troubles); i++) {
		if (!err_is(err, troubles[i].kind))
			continue;
		action_fail(run, ret, troubles[i].code,
			"Unable to read '%s' of the repository %s through the connection %s: %s "
			"(%s)",
			run->n_overrides ? run->overrides[0].revision_value
					 : action_run_setting(run, "BranchName"),
			action_run_setting(run, "FullRepositoryId"), r->arn, err_message(err),
			troubles[i].hint);
		err_release(err);
		return 0;
	}
	return -1;
}

/* ---- the action ---- */

struct fetched {
	char *dir; /* of the clone, of this try alone; removed with this */
	struct vcs_commit commit;
};

static void fetched_release(struct fetched *f)
{
	if (f->dir)
		file_remove_tree(f->dir, NULL);
	free(f->dir);
}

static int no_branch(const struct connection_repository *r, const char *branch, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "there is no branch %s at %s", branch, r->page);
}

/* The commit that the execution asks for, or the branch's head. */
static int choose(const struct action_run *run, const struct connection_repository *r,
	const struct vcs_remote *remote, struct vcs_remote_wish *ret, struct err *err)
{
	const char *branch = action_run_setting(run, "BranchName");
	const char *const names[] = {arena_printf(run->arena, "refs/heads/%s", branch), NULL};
	struct vcs_remote_refs refs;
	struct vcs_id id;

	*ret = (struct vcs_remote_wish){.depth = 1, .no_files = true};
	if (run->n_overrides) {
		ret->commit = run->overrides[0].revision_value;
		return vcs_id_parse(view_of(ret->commit), &id)
			       ? 0
			       : err_set(err, ERR_NOT_FOUND, "%s is not the full id of a commit",
					 ret->commit);
	}
	if (vcs_remote_list(remote, names, run->arena, &refs, err) < 0)
		return -1;
	if (!refs.n)
		return no_branch(r, branch, err);
	ret->ref = names[0];
	ret->commit = arena_strdup(run->arena, refs.v[0].id.hex);
	return 0;
}

static int fetch(const struct action_world *w, const struct action_run *run,
	const struct connection_repository *r, struct fetched *ret, struct err *err)
{
	struct vcs_remote remote = {
		.url = r->url, .user = r->user, .password = r->token, .timeout_usec = LIST_USEC};
	const struct vcs_bounds bounds = {.interrupt = run->interrupt, .disk_max = w->clone_max};
	struct vcs_repository *repository CLEANUP_VCS = NULL;
	CLEANUP(freep) char *git_dir = NULL;
	struct vcs_remote_wish wish;
	struct vcs_id id;

	remote.bounds = &bounds;
	if (choose(run, r, &remote, &wish, err) < 0)
		return -1;
	ret->dir = xasprintf("%s/actions/%s", w->data_dir, id_uuid().text);
	git_dir = xasprintf("%s/.git", ret->dir);
	remote.timeout_usec = FETCH_USEC;
	if (vcs_remote_clone(&remote, &wish, ret->dir, &id, err) < 0 ||
		vcs_repository_open(git_dir, &repository, err) < 0)
		return -1;
	return vcs_commit_read(repository, &id, run->arena, &ret->commit, err) < 0 ? -1 : 0;
}

static int store_artifact(struct action_world *w, const struct action_run *run,
	const struct fetched *f, struct err *err)
{
	CLEANUP(freep) char *git_dir = xasprintf("%s/.git", f->dir);
	const struct vcs_bounds bounds = {.interrupt = run->interrupt};
	struct artifact_put put = {.bucket = run->outputs[0].bucket,
		.key = run->outputs[0].key,
		.content_type = "application/zip",
		.server_side_encryption = BUCKET_ENCRYPTION};
	CLEANUP_FD int fd = -1;

	if (action_temp_file(w, &fd, err) < 0 ||
		vcs_archive_zip(git_dir, &f->commit.id, fd, &bounds, err) < 0)
		return -1;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(err, ERR_IO, "cannot read the artifact again");
	return artifact_put_fd(w->artifact, &put, fd, run->arena, NULL, err);
}

/* {"ProviderType": "GitHub", "CommitMessage": "..."} */
static const char *summary(const struct action_run *run, const struct connection_repository *r,
	const struct fetched *f)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &text};

	json_open(&w, '{');
	json_put_member(&w, "ProviderType", r->provider);
	json_put_member(&w, "CommitMessage", action_commit_summary(run->arena, &f->commit));
	json_close(&w, '}');
	return arena_view_dup(run->arena, str_view(&text));
}

static void fill(const struct action_run *run, const struct connection_repository *r,
	const struct fetched *f, struct action_result *ret)
{
	struct arena *a = run->arena;
	const struct vcs_commit *c = &f->commit;
	const char *id = arena_strdup(a, c->id.hex);
	const struct codepipeline_output_variables_map_kv rows[] = {
		{"AuthorDate", action_commit_date(a, &c->author)},
		{"BranchName", action_run_setting(run, "BranchName")},
		{"CommitId", id},
		{"CommitMessage", action_commit_message(a, c)},
		{"ConnectionArn", action_run_setting(run, "ConnectionArn")},
		{"FullRepositoryName", action_run_setting(run, "FullRepositoryId")},
	};

	ret->outcome = ACTION_SUCCEEDED;
	ret->revision_id = ret->revision_change_id = ret->external_id = id;
	ret->revision_summary = summary(run, r, f);
	ret->summary = ret->revision_summary;
	ret->revision_created = WIRE_SET_TIME(c->committer.when * USEC_PER_SEC);
	ret->revision_url = ret->external_url = connection_commit_page(r, id, a);
	wire_list_alloc(a, &ret->variables, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ret->variables.v[i] = rows[i];
}

static int start(
	void *arg, const struct action_run *run, struct action_result *ret, struct err *err)
{
	struct action_world *w = arg;
	CLEANUP(fetched_release) struct fetched f = {0};
	struct connection_repository r;

	if (connection_open(w->connection, action_run_setting(run, "ConnectionArn"),
		    action_run_setting(run, "FullRepositoryId"), run->arena, &r, err) < 0)
		return action_sibling_failed(run, ret, "ConfigurationError", "", err);
	if (fetch(w, run, &r, &f, err) < 0)
		return host_failed(run, &r, ret, err);
	if (store_artifact(w, run, &f, err) < 0)
		return action_sibling_failed(run, ret, "JobFailed",
			arena_printf(run->arena,
				"Unable to upload the source artifact to the bucket %s: ",
				run->outputs[0].bucket),
			err);
	fill(run, &r, &f, ret);
	return 0;
}

/* ---- changes ---- */

static const char *watch_key(
	void *arg UNUSED, const struct codepipeline_action_declaration *action, struct arena *a)
{
	return connection_watch_key(action_setting(action, "ConnectionArn"),
		action_setting(action, "FullRepositoryId"), a);
}

static int watched(void *arg, struct db_tx *tx, const char *key, struct err *err)
{
	struct action_world *w = arg;

	return w->durable ? connection_watch_begin(w->durable, tx, key, err) : 0;
}

static const char *entity_url(void *arg UNUSED,
	const struct codepipeline_action_declaration *action, const char *region, struct arena *a)
{
	return arena_printf(a,
		"https://%s.console.aws.amazon.com/codesuite/settings/connections/redirect?"
		"connectionArn=%s&referenceType=BRANCH&FullRepositoryId=%s&Branch=%s",
		region, action_setting(action, "ConnectionArn"),
		action_setting(action, "FullRepositoryId"), action_setting(action, "BranchName"));
}

static const char *const kinds[] = {"connection.ref", NULL};

const struct action_provider action_connection = {
	.category = "Source",
	.provider = "CodeStarSourceConnection",
	.min_outputs = 1,
	.max_outputs = 1,
	ACTION_KEYS(keys),
	.journal_kinds = kinds,
	.validate = validate,
	.start = start,
	.watch_key = watch_key,
	.watched = watched,
	.change = connection_watch_change,
	.concerns = action_commit_concerns,
	.changed_paths = connection_watch_paths,
	.trigger_detail = connection_watch_detail,
	.entity_url = entity_url,
};
