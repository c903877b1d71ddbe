/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of codecommit, served by the source engine, and what they need permission for. */
#include "api/svc_codecommit.h"

#include "base/mem.h"

CALL_ADAPTER(source_batch_get_commits)
CALL_ADAPTER(source_batch_get_repositories)
CALL_ADAPTER(source_create_branch)
CALL_ADAPTER(source_create_commit)
CALL_ADAPTER(source_create_repository)
CALL_ADAPTER(source_delete_branch)
CALL_ADAPTER(source_delete_file)
CALL_ADAPTER(source_delete_repository)
CALL_ADAPTER(source_get_blob)
CALL_ADAPTER(source_get_branch)
CALL_ADAPTER(source_get_commit)
CALL_ADAPTER(source_get_differences)
CALL_ADAPTER(source_get_file)
CALL_ADAPTER(source_get_folder)
CALL_ADAPTER(source_get_repository)
CALL_ADAPTER(source_list_branches)
CALL_ADAPTER(source_list_file_commit_history)
CALL_ADAPTER(source_list_repositories)
CALL_ADAPTER(source_list_tags_for_resource)
CALL_ADAPTER(source_put_file)
CALL_ADAPTER(source_tag_resource)
CALL_ADAPTER(source_untag_resource)
CALL_ADAPTER(source_update_default_branch)
CALL_ADAPTER(source_update_repository_description)
CALL_ADAPTER(source_update_repository_name)

static const call_handler handlers[CODECOMMIT_OP_COUNT] = {
	[CODECOMMIT_OP_BATCH_GET_COMMITS] = source_batch_get_commits_call,
	[CODECOMMIT_OP_BATCH_GET_REPOSITORIES] = source_batch_get_repositories_call,
	[CODECOMMIT_OP_CREATE_BRANCH] = source_create_branch_call,
	[CODECOMMIT_OP_CREATE_COMMIT] = source_create_commit_call,
	[CODECOMMIT_OP_CREATE_REPOSITORY] = source_create_repository_call,
	[CODECOMMIT_OP_DELETE_BRANCH] = source_delete_branch_call,
	[CODECOMMIT_OP_DELETE_FILE] = source_delete_file_call,
	[CODECOMMIT_OP_DELETE_REPOSITORY] = source_delete_repository_call,
	[CODECOMMIT_OP_GET_BLOB] = source_get_blob_call,
	[CODECOMMIT_OP_GET_BRANCH] = source_get_branch_call,
	[CODECOMMIT_OP_GET_COMMIT] = source_get_commit_call,
	[CODECOMMIT_OP_GET_DIFFERENCES] = source_get_differences_call,
	[CODECOMMIT_OP_GET_FILE] = source_get_file_call,
	[CODECOMMIT_OP_GET_FOLDER] = source_get_folder_call,
	[CODECOMMIT_OP_GET_REPOSITORY] = source_get_repository_call,
	[CODECOMMIT_OP_LIST_BRANCHES] = source_list_branches_call,
	[CODECOMMIT_OP_LIST_FILE_COMMIT_HISTORY] = source_list_file_commit_history_call,
	[CODECOMMIT_OP_LIST_REPOSITORIES] = source_list_repositories_call,
	[CODECOMMIT_OP_LIST_TAGS_FOR_RESOURCE] = source_list_tags_for_resource_call,
	[CODECOMMIT_OP_PUT_FILE] = source_put_file_call,
	[CODECOMMIT_OP_TAG_RESOURCE] = source_tag_resource_call,
	[CODECOMMIT_OP_UNTAG_RESOURCE] = source_untag_resource_call,
	[CODECOMMIT_OP_UPDATE_DEFAULT_BRANCH] = source_update_default_branch_call,
	[CODECOMMIT_OP_UPDATE_REPOSITORY_DESCRIPTION] = source_update_repository_description_call,
	[CODECOMMIT_OP_UPDATE_REPOSITORY_NAME] = source_update_repository_name_call,
};

/* A text member of the request by its wire name; NULL when there is none. */
static const char *text_member(const struct call *call, const void *req, const char *name)
{
	const struct wire_member *m = wire_member_find(call->operation->input, view_of(name));

	return m ? *(const char *const *)((const char *)req + m->offset) : NULL;
}

static const char *arn_of(struct call *call, const char *repository)
{
	return repository ? call_arn(call, "codecommit", "%s", repository) : NULL;
}

/* The members that name what is asked for, by operation; others name "repositoryName". */
static void add_resources(struct call *call, const void *req, struct call_access *ret)
{
	static const char *const members[] = {"repositoryName", "oldName", "newName"};
	const char **arns = arena_new_n(call->arena, ARRAY_SIZE(members) + 1, const char *);

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const char *arn = arn_of(call, text_member(call, req, members[i]));

		if (arn)
			arns[ret->n_resources++] = arn;
	}
	if (text_member(call, req, "resourceArn"))
		arns[ret->n_resources++] = text_member(call, req, "resourceArn");
	ret->resources = arns;
}

static void add_batch(struct call *call, const struct codecommit_repository_name_list *names,
	struct call_access *ret)
{
	const char **arns = arena_new_n(call->arena, names->n, const char *);

	for (size_t i = 0; i < names->n; i++)
		arns[i] = arn_of(call, names->v[i]);
	ret->resources = arns;
	ret->n_resources = names->n;
}

/* Operations that write a branch: policies see its full name as codecommit:References. */
static bool writes_branch(const char *operation)
{
	static const char *const names[] = {
		"CreateBranch", "CreateCommit", "DeleteBranch", "DeleteFile", "PutFile"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(names[i], operation))
			return true;
	return false;
}

static void add_reference(struct call *call, const char *branch, struct call_access *ret)
{
	const char **conditions = arena_new_n(call->arena, 3, const char *);

	conditions[0] = "codecommit:References";
	conditions[1] = arena_printf(call->arena, "refs/heads/%s", branch);
	ret->conditions = conditions;
}

static int access_of(
	void *engine, struct call *call, const void *req, struct call_access *ret, struct err *err)
{
	const char *branch = text_member(call, req, "branchName");

	(void)engine;
	(void)err;
	if (streq(call->operation->name, "BatchGetRepositories")) {
		const struct codecommit_batch_get_repositories_request *batch = req;

		add_batch(call, &batch->repository_names, ret);
		return 0;
	}
	add_resources(call, req, ret);
	if (branch && writes_branch(call->operation->name))
		add_reference(call, branch, ret);
	return 0;
}

struct call_service svc_codecommit(struct source_engine *e)
{
	return (struct call_service){
		.wire = &codecommit_service,
		.engine = e,
		.handlers = handlers,
		.access = access_of,
	};
}
