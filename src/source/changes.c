/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that make commits: CreateCommit, PutFile, DeleteFile. */
#include "base/mem.h"
#include "source/file_set.h"
#include "source/ref_update.h"

#define ENTRIES_MAX 100

/* What the three operations have in common. */
struct work {
	struct source_engine *e;
	struct call *call;
	const char *repository_name, *branch, *parent, *name, *email, *message;
	bool parent_required;
	/* found: */
	struct store_source_repository r;
	struct vcs_repository *git;
	const char *ref;
	struct vcs_id parent_id; /* zeros: the first commit */
	struct file_set files;
	/* made: */
	struct vcs_id tree, commit;
};

/* The members that the three requests share. */
#define WORK_FROM(req, author)                                                                     \
	{                                                                                          \
		.e = e, .call = call, .repository_name = (req)->repository_name,                   \
		.branch = (req)->branch_name, .parent = (req)->parent_commit_id, .name = (author), \
		.email = (req)->email, .message = (req)->commit_message,                           \
	}
/* What the operations on one file answer. */
#define TELL_FILE(resp, w, made)                                                   \
	do {                                                                       \
		(resp)->commit_id = arena_strdup((w).call->arena, (w).commit.hex); \
		(resp)->tree_id = arena_strdup((w).call->arena, (w).tree.hex);     \
		(resp)->blob_id = arena_strdup((w).call->arena, (made).hex);       \
	} while (0)

static void work_release(struct work *w)
{
	file_set_release(&w->files);
	vcs_repository_close(w->git);
}

static int parent_outdated(const struct work *w, const struct vcs_id *tip, struct err *err)
{
	return err_set_wire(err, "ParentCommitIdOutdatedException",
		"%s is not the tip of %s; that is %s.", w->parent ? w->parent : "(none)", w->branch,
		tip->hex);
}

static int parent_invalid(const struct work *w, struct err *err)
{
	return err_set_wire(err, "InvalidParentCommitIdException",
		"%s is not a full commit ID of 40 hexadecimal digits.", w->parent);
}

static int parent_missing(const struct work *w, struct err *err)
{
	return err_set_wire(err, "ParentCommitDoesNotExistException",
		"The parent commit %s does not exist.", w->parent);
}

/* The parent of a commit on a branch that exists. */
static int check_parent(struct work *w, const struct vcs_id *tip, struct err *err)
{
	struct vcs_id given;

	if (!w->parent || !*w->parent)
		return err_set_wire(err, "ParentCommitIdRequiredException",
			"The branch %s exists, so the ID of its tip is required as the parent.",
			w->branch);
	if (!vcs_id_parse(view_of(w->parent), &given))
		return parent_invalid(w, err);
	if (vcs_object_type(w->git, &given) != VCS_COMMIT)
		return parent_missing(w, err);
	if (!vcs_id_eq(&given, tip))
		return parent_outdated(w, tip, err);
	w->parent_id = *tip;
	return 0;
}

static int missing_branch(struct work *w, struct err *err)
{
	struct vcs_id id;
	int rc = vcs_ref_get(
		w->git, arena_printf(w->call->arena, "refs/tags/%s", w->branch), &id, err);

	if (rc < 0)
		return -1;
	if (rc)
		return err_set_wire(err, "BranchNameIsTagNameException",
			"%s is the name of a tag, not of a branch.", w->branch);
	return err_set_wire(
		err, "BranchDoesNotExistException", "The branch %s does not exist.", w->branch);
}

/* The parent of a commit on a branch that does not exist: there is none, in a repository without
 * branches. */
static int check_first(struct work *w, struct err *err)
{
	int any = vcs_has_branches(w->git, err);

	if (any < 0)
		return -1;
	if (any || w->parent_required)
		return missing_branch(w, err);
	if (!w->parent || !*w->parent)
		return 0;
	if (!vcs_id_parse(view_of(w->parent), NULL))
		return parent_invalid(w, err);
	return parent_missing(w, err);
}

static int open_work(struct work *w, struct err *err)
{
	struct arena *a = w->call->arena;
	struct vcs_commit parent;
	struct vcs_id tip;
	int found;

	if (source_check_repository_name(w->repository_name, err) < 0 ||
		source_check_branch_name(w->branch, err) < 0 ||
		source_check_author(w->name, w->email, w->message, err) < 0 ||
		source_open(w->e, w->repository_name, a, &w->r, &w->git, err) < 0)
		return -1;
	w->files.git = w->git;
	w->files.arena = a;
	w->files.base = w->parent_id = VCS_ID_ZERO;
	w->ref = arena_printf(a, "refs/heads/%s", w->branch);
	found = vcs_ref_get(w->git, w->ref, &tip, err);
	if (found < 0)
		return -1;
	if (!found)
		return check_first(w, err);
	if (check_parent(w, &tip, err) < 0)
		return -1;
	found = vcs_commit_read(w->git, &w->parent_id, a, &parent, err);
	if (found > 0)
		w->files.base = parent.tree;
	return found > 0 ? 0 : err_set(err, ERR_IO, "%s holds no commit %s", w->branch, tip.hex);
}

static int write_commit(struct work *w, const char *default_message, struct err *err)
{
	struct vcs_signature who = {.name = w->name && *w->name ? w->name : w->call->principal_arn,
		.email = w->email ? w->email : "",
		.when = durable_now(w->e->durable) / USEC_PER_SEC};
	const char *message = w->message && *w->message ? w->message : default_message;

	return vcs_commit_write(w->git, &w->tree, &w->parent_id,
		vcs_id_is_zero(&w->parent_id) ? 0 : 1, &who, message, &w->commit, err);
}

/* Moves the branch to the new commit. */
static int advance(struct work *w, struct err *err)
{
	struct ref_change change = {
		.ref = w->ref, .check_before = true, .before = w->parent_id, .after = w->commit};
	CLEANUP_ERR struct err failed = ERR_INIT;

	if (ref_update_one(w->e, w->call, w->r.meta.repository_id, &change, NULL, &failed) == 0)
		return 0;
	if (err_is(&failed, ERR_CONFLICT))
		return err_set_wire(err, "ParentCommitIdOutdatedException",
			"The branch %s has moved meanwhile.", w->branch);
	return err_move(err, &failed);
}

static int finish_work(struct work *w, const char *default_message, struct err *err)
{
	if (write_commit(w, default_message, err) < 0)
		return -1;
	return advance(w, err);
}

/* ---- CreateCommit ---- */

static int add_put(struct file_set *s, const struct codecommit_put_file_entry *put, struct err *err)
{
	uint32_t mode;

	if (!put->file_path)
		return err_set_wire(err, "PathRequiredException", "A path is required.");
	if (put->source_file && put->file_content.p)
		return err_set_wire(err, "FileContentAndSourceFileSpecifiedException",
			"Give either content or a source file for %s, not both.", put->file_path);
	if (!put->source_file && !put->file_content.p)
		return err_set_wire(err, "SourceFileOrContentRequiredException",
			"Content or a source file is required for %s.", put->file_path);
	if (file_set_mode(put->file_mode, put->source_file ? 0 : VCS_MODE_FILE, &mode, err) < 0)
		return -1;
	if (put->source_file)
		return file_set_copy(s, put->file_path, put->source_file->file_path,
			wire_or(put->source_file->is_move, false), mode, err);
	return file_set_put(s, put->file_path, put->file_content, mode, err);
}

static int add_entries(
	struct file_set *s, const struct codecommit_create_commit_request *req, struct err *err)
{
	size_t n = req->put_files.n + req->delete_files.n + req->set_file_modes.n;

	if (n == 0)
		return err_set_wire(err, "FileEntryRequiredException",
			"At least one file to put, delete or set the mode of is required.");
	if (n > ENTRIES_MAX)
		return err_set_wire(err, "MaximumFileEntriesExceededException",
			"%zu files are named; a commit takes at most %d.", n, ENTRIES_MAX);
	wire_foreach (put, &req->put_files)
		if (add_put(s, put, err) < 0)
			return -1;
	wire_foreach (del, &req->delete_files)
		if (file_set_delete(s, del->file_path, err) < 0)
			return -1;
	wire_foreach (set, &req->set_file_modes) {
		uint32_t mode;

		if (!set->file_mode)
			return err_set_wire(err, "FileModeRequiredException",
				"A file mode is required for %s.", set->file_path);
		if (file_set_mode(set->file_mode, 0, &mode, err) < 0 ||
			file_set_chmod(s, set->file_path, mode, err) < 0)
			return -1;
	}
	return 0;
}

static void list_change(struct codecommit_create_commit_response *resp, const struct file_change *c,
	struct arena *a)
{
	bool was_file = c->before.mode && c->before.mode != VCS_MODE_TREE;
	struct codecommit_files_metadata *to = !c->mode	  ? &resp->files_deleted
					       : was_file ? &resp->files_updated
							  : &resp->files_added;
	uint32_t mode = c->mode ? c->mode : c->before.mode;

	if (c->mode == c->before.mode && vcs_id_eq(&c->blob, &c->before.id))
		return;
	to->v[to->n++] = (struct codecommit_file_metadata){.absolute_path = c->path,
		.blob_id = arena_strdup(a, c->mode ? c->blob.hex : c->before.id.hex),
		.file_mode = source_file_mode_name(mode)};
}

static void list_changes(const struct work *w, struct codecommit_create_commit_response *resp)
{
	struct arena *a = w->call->arena;

	wire_list_alloc(a, &resp->files_added, w->files.changes.n);
	wire_list_alloc(a, &resp->files_updated, w->files.changes.n);
	wire_list_alloc(a, &resp->files_deleted, w->files.changes.n);
	resp->files_added.n = resp->files_updated.n = resp->files_deleted.n = 0;
	vec_foreach (c, &w->files.changes)
		list_change(resp, c, a);
	resp->commit_id = arena_strdup(a, w->commit.hex);
	resp->tree_id = arena_strdup(a, w->tree.hex);
}

int source_create_commit(struct source_engine *e, struct call *call,
	const struct codecommit_create_commit_request *req,
	struct codecommit_create_commit_response *resp, struct err *err)
{
	CLEANUP(work_release)
	struct work w = WORK_FROM(req, req->author_name);

	w.files.keep_empty_folders = wire_or(req->keep_empty_folders, false);
	if (open_work(&w, err) < 0 || add_entries(&w.files, req, err) < 0 ||
		file_set_write(&w.files, &w.tree, err) < 0)
		return -1;
	if (vcs_id_eq(&w.tree, &w.files.base))
		return err_set_wire(err, "NoChangeException", "The request changes nothing in %s.",
			req->branch_name);
	if (finish_work(&w, "Commit created by CreateCommit", err) < 0)
		return -1;
	list_changes(&w, resp);
	return 0;
}

/* ---- PutFile, DeleteFile ---- */

int source_put_file(struct source_engine *e, struct call *call,
	const struct codecommit_put_file_request *req, struct codecommit_put_file_response *resp,
	struct err *err)
{
	CLEANUP(work_release)
	struct work w = WORK_FROM(req, req->name);
	const struct file_change *c;
	uint32_t mode;

	if (source_check_path(req->file_path, err) < 0 ||
		file_set_mode(req->file_mode, VCS_MODE_FILE, &mode, err) < 0)
		return -1;
	if (req->file_content.len == 0)
		return err_set_wire(err, "FileContentRequiredException",
			"Content is required: an empty file cannot be added by this operation.");
	if (open_work(&w, err) < 0 ||
		file_set_put(&w.files, req->file_path, req->file_content, mode, err) < 0 ||
		file_set_write(&w.files, &w.tree, err) < 0)
		return -1;
	c = &w.files.changes.v[0];
	if (c->before.mode == c->mode && vcs_id_eq(&c->before.id, &c->blob))
		return err_set_wire(err, "SameFileContentException",
			"The file %s has this content already.", req->file_path);
	if (finish_work(&w,
		    arena_printf(call->arena, "%s %s", c->before.mode ? "Edited" : "Added",
			    req->file_path),
		    err) < 0)
		return -1;
	TELL_FILE(resp, w, c->blob);
	return 0;
}

int source_delete_file(struct source_engine *e, struct call *call,
	const struct codecommit_delete_file_request *req,
	struct codecommit_delete_file_response *resp, struct err *err)
{
	CLEANUP(work_release)
	struct work w = WORK_FROM(req, req->name);

	w.parent_required = true;
	w.files.keep_empty_folders = wire_or(req->keep_empty_folders, false);
	if (source_check_path(req->file_path, err) < 0)
		return -1;
	if (!req->parent_commit_id)
		return err_set_wire(err, "ParentCommitIdRequiredException",
			"The ID of the branch's tip is required.");
	if (open_work(&w, err) < 0 || file_set_delete(&w.files, req->file_path, err) < 0 ||
		file_set_write(&w.files, &w.tree, err) < 0 ||
		finish_work(&w, arena_printf(call->arena, "Deleted %s", req->file_path), err) < 0)
		return -1;
	TELL_FILE(resp, w, w.files.changes.v[0].before.id);
	resp->file_path = req->file_path;
	return 0;
}
