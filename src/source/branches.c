/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on branches. */
#include "base/mem.h"
#include "source/ref_update.h"

#define BRANCHES_PAGE 1000

static const char *full_name(struct arena *a, const char *branch)
{
	return arena_printf(a, "refs/heads/%s", branch);
}

/* A repository, opened, and a checked branch name. */
static int open_for_branch(struct source_engine *e, struct call *call, const char *repository,
	const char *branch, struct store_source_repository *ret, struct vcs_repository **ret_git,
	struct err *err)
{
	if (source_check_repository_name(repository, err) < 0 ||
		source_check_branch_name(branch, err) < 0)
		return -1;
	return source_open(e, repository, call->arena, ret, ret_git, err);
}

static int no_branch(const char *branch, struct err *err)
{
	return err_set_wire(
		err, "BranchDoesNotExistException", "The branch %s does not exist.", branch);
}

int source_create_branch(struct source_engine *e, struct call *call,
	const struct codecommit_create_branch_request *req,
	struct codecommit_create_branch_response *resp, struct err *err)
{
	CLEANUP_VCS struct vcs_repository *git = NULL;
	CLEANUP_ERR struct err failed = ERR_INIT;
	struct store_source_repository r;
	struct ref_change change = {.check_before = true, .before = VCS_ID_ZERO};

	(void)resp;
	if (open_for_branch(e, call, req->repository_name, req->branch_name, &r, &git, err) < 0 ||
		source_check_id(req->commit_id, "CommitIdRequiredException",
			"InvalidCommitIdException", &change.after, err) < 0)
		return -1;
	if (vcs_object_type(git, &change.after) != VCS_COMMIT)
		return err_set_wire(err, "CommitDoesNotExistException",
			"The commit %s does not exist.", req->commit_id);
	change.ref = full_name(call->arena, req->branch_name);
	if (ref_update_one(e, call, r.meta.repository_id, &change, NULL, &failed) == 0)
		return 0;
	if (!err_is(&failed, ERR_CONFLICT))
		return err_move(err, &failed);
	return err_set_wire(err, "BranchNameExistsException",
		"The branch %s, or one whose name it extends, exists already.", req->branch_name);
}

int source_delete_branch(struct source_engine *e, struct call *call,
	const struct codecommit_delete_branch_request *req,
	struct codecommit_delete_branch_response *resp, struct err *err)
{
	CLEANUP_VCS struct vcs_repository *git = NULL;
	struct store_source_repository r;
	struct ref_change change = {.after = VCS_ID_ZERO};

	if (open_for_branch(e, call, req->repository_name, req->branch_name, &r, &git, err) < 0)
		return -1;
	if (streq(r.meta.default_branch, req->branch_name))
		return err_set_wire(err, "DefaultBranchCannotBeDeletedException",
			"%s is the default branch of %s and cannot be deleted.", req->branch_name,
			req->repository_name);
	change.ref = full_name(call->arena, req->branch_name);
	if (ref_update_one(e, call, r.meta.repository_id, &change, NULL, err) < 0)
		return -1;
	if (change.noop) /* a branch that is not there is deleted already */
		return 0;
	resp->deleted_branch = arena_new(call->arena, struct codecommit_branch_info);
	resp->deleted_branch->branch_name = req->branch_name;
	resp->deleted_branch->commit_id = arena_strdup(call->arena, change.before.hex);
	return 0;
}

int source_get_branch(struct source_engine *e, struct call *call,
	const struct codecommit_get_branch_request *req,
	struct codecommit_get_branch_response *resp, struct err *err)
{
	CLEANUP_VCS struct vcs_repository *git = NULL;
	struct store_source_repository r;
	struct vcs_id id;
	int rc;

	if (open_for_branch(e, call, req->repository_name, req->branch_name, &r, &git, err) < 0)
		return -1;
	rc = vcs_ref_get(git, full_name(call->arena, req->branch_name), &id, err);
	if (rc <= 0)
		return rc < 0 ? -1 : no_branch(req->branch_name, err);
	resp->branch = arena_new(call->arena, struct codecommit_branch_info);
	resp->branch->branch_name = req->branch_name;
	resp->branch->commit_id = arena_strdup(call->arena, id.hex);
	return 0;
}

int source_list_branches(struct source_engine *e, struct call *call,
	const struct codecommit_list_branches_request *req,
	struct codecommit_list_branches_response *resp, struct err *err)
{
	CLEANUP_VCS struct vcs_repository *git = NULL;
	struct store_source_repository r;
	struct vcs_ref *refs;
	struct source_page page;
	bool more;
	size_t n;

	if (source_open(e, req->repository_name, call->arena, &r, &git, err) < 0 ||
		source_page_open(req->next_token, &page, err) < 0 ||
		vcs_refs_page(git, "refs/heads/", page.last, BRANCHES_PAGE, call->arena, &refs, &n,
			&more, err) < 0)
		return -1;
	wire_list_alloc(call->arena, &resp->branches, n);
	for (size_t i = 0; i < n; i++)
		resp->branches.v[i] = refs[i].name + strlen("refs/heads/");
	if (more)
		resp->next_token =
			source_page_behind(call->arena, page.place + n, refs[n - 1].name);
	return 0;
}

struct default_change {
	struct source_engine *e;
	const char *repository_id, *branch;
};

static int default_step(struct db_tx *tx, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct default_change *c = arg;
	struct store_source_repository r;
	struct task t = {.kind = SOURCE_TASK_HEAD, .subject = c->repository_id, .token = ""};
	int found = store_source_repository_get(tx, c->repository_id, &a, &r, err);

	if (found <= 0)
		return found < 0 ? -1
				 : err_set_wire(err, "RepositoryDoesNotExistException",
					   "The repository has been deleted");
	r.meta.default_branch = c->branch;
	r.meta.last_modified_date = WIRE_SET_TIME(durable_now(c->e->durable));
	if (store_source_repository_update(tx, &r, err) < 0)
		return -1;
	return task_enqueue(c->e->durable, tx, &t, err);
}

int source_update_default_branch(struct source_engine *e, struct call *call,
	const struct codecommit_update_default_branch_request *req,
	struct codecommit_update_default_branch_response *resp, struct err *err)
{
	CLEANUP_VCS struct vcs_repository *git = NULL;
	struct store_source_repository r;
	struct default_change change = {.e = e, .branch = req->default_branch_name};
	struct vcs_id id;
	int rc;

	(void)resp;
	if (open_for_branch(
		    e, call, req->repository_name, req->default_branch_name, &r, &git, err) < 0)
		return -1;
	rc = vcs_ref_get(git, full_name(call->arena, req->default_branch_name), &id, err);
	if (rc <= 0)
		return rc < 0 ? -1 : no_branch(req->default_branch_name, err);
	change.repository_id = r.meta.repository_id;
	if (durable_step(e->durable, default_step, &change, err) < 0)
		return -1;
	return source_write_head(e, r.meta.repository_id, err);
}
