/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that read files and folders, and what providers read. */
#include "base/mem.h"
#include "source/engine.h"

int source_get_blob(struct source_engine *e, struct call *call,
	const struct codecommit_get_blob_request *req, struct codecommit_get_blob_response *resp,
	struct err *err)
{
	CLEANUP_VCS struct vcs_repository *git = NULL;
	CLEANUP_ERR struct err failed = ERR_INIT;
	struct store_source_repository r;
	struct vcs_id id;

	if (source_open(e, req->repository_name, call->arena, &r, &git, err) < 0 ||
		source_check_id(req->blob_id, "BlobIdRequiredException", "InvalidBlobIdException",
			&id, err) < 0)
		return -1;
	if (vcs_blob_read(git, &id, SOURCE_FILE_MAX, call->arena, &resp->content, &failed) == 0)
		return 0;
	if (err_is(&failed, ERR_NOT_FOUND))
		return err_set_wire(err, "BlobIdDoesNotExistException",
			"The blob %s does not exist.", req->blob_id);
	if (err_is(&failed, ERR_TOO_LARGE))
		return err_set_wire(err, "FileTooLargeException", "%s", err_message(&failed));
	return err_move(err, &failed);
}

int source_get_file(struct source_engine *e, struct call *call,
	const struct codecommit_get_file_request *req, struct codecommit_get_file_response *resp,
	struct err *err)
{
	CLEANUP_VCS struct vcs_repository *git = NULL;
	CLEANUP_ERR struct err failed = ERR_INIT;
	struct store_source_repository r;
	struct vcs_commit commit;
	struct vcs_entry entry;
	int rc;

	if (source_check_path(req->file_path, err) < 0 ||
		source_open(e, req->repository_name, call->arena, &r, &git, err) < 0 ||
		source_find_commit(
			&r, git, req->commit_specifier, call->arena, &commit, NULL, err) < 0)
		return -1;
	rc = vcs_tree_find(git, &commit.tree, req->file_path, call->arena, &entry, err);
	if (rc < 0)
		return -1;
	if (!rc || entry.mode == VCS_MODE_TREE || entry.mode == VCS_MODE_SUBMODULE)
		return err_set_wire(err, "FileDoesNotExistException",
			"There is no file %s in commit %s.", req->file_path, commit.id.hex);
	if (vcs_blob_read(
		    git, &entry.id, SOURCE_FILE_MAX, call->arena, &resp->file_content, &failed) < 0)
		return err_is(&failed, ERR_TOO_LARGE) ? err_set_wire(err, "FileTooLargeException",
								"%s", err_message(&failed))
						      : err_move(err, &failed);
	resp->commit_id = arena_strdup(call->arena, commit.id.hex);
	resp->blob_id = arena_strdup(call->arena, entry.id.hex);
	resp->file_path = req->file_path;
	resp->file_mode = source_file_mode_name(entry.mode);
	resp->file_size = WIRE_SET_LONG((int64_t)resp->file_content.len);
	return 0;
}

/* ---- folders ---- */

static void list_alloc_all(struct codecommit_get_folder_response *resp, size_t n, struct arena *a)
{
	wire_list_alloc(a, &resp->files, n);
	wire_list_alloc(a, &resp->sub_folders, n);
	wire_list_alloc(a, &resp->symbolic_links, n);
	wire_list_alloc(a, &resp->sub_modules, n);
	resp->files.n = resp->sub_folders.n = 0;
	resp->symbolic_links.n = resp->sub_modules.n = 0;
}

static void list_entry(struct codecommit_get_folder_response *resp, const struct vcs_entry *entry,
	const char *folder, struct arena *a)
{
	const char *absolute = arena_printf(a, "%s%s%s", folder, *folder ? "/" : "", entry->name);
	const char *id = arena_strdup(a, entry->id.hex);

	switch (entry->mode) {
	case VCS_MODE_TREE:
		resp->sub_folders.v[resp->sub_folders.n++] = (struct codecommit_folder){
			.absolute_path = absolute, .relative_path = entry->name, .tree_id = id};
		break;
	case VCS_MODE_SUBMODULE:
		resp->sub_modules.v[resp->sub_modules.n++] = (struct codecommit_sub_module){
			.absolute_path = absolute, .relative_path = entry->name, .commit_id = id};
		break;
	case VCS_MODE_SYMLINK:
		resp->symbolic_links.v[resp->symbolic_links.n++] =
			(struct codecommit_symbolic_link){.absolute_path = absolute,
				.relative_path = entry->name,
				.blob_id = id,
				.file_mode = source_file_mode_name(entry->mode)};
		break;
	default:
		resp->files.v[resp->files.n++] = (struct codecommit_file){.absolute_path = absolute,
			.relative_path = entry->name,
			.blob_id = id,
			.file_mode = source_file_mode_name(entry->mode)};
	}
}

/* "/", "" and surrounding slashes stand for what they enclose. */
static const char *folder_path(const char *path, struct arena *a)
{
	struct view v = view_of(path);

	while (v.len && v.p[0] == '/')
		v.p++, v.len--;
	while (v.len && v.p[v.len - 1] == '/')
		v.len--;
	return v.len ? arena_view_dup(a, v) : "";
}

int source_get_folder(struct source_engine *e, struct call *call,
	const struct codecommit_get_folder_request *req,
	struct codecommit_get_folder_response *resp, struct err *err)
{
	CLEANUP_VCS struct vcs_repository *git = NULL;
	struct store_source_repository r;
	struct vcs_commit commit;
	struct vcs_entry folder, *entries;
	const char *path;
	size_t n;
	int rc;

	if (!req->folder_path)
		return err_set_wire(err, "PathRequiredException", "A folder's path is required.");
	path = folder_path(req->folder_path, call->arena);
	if ((*path && source_check_path(path, err) < 0) ||
		source_open(e, req->repository_name, call->arena, &r, &git, err) < 0 ||
		source_find_commit(
			&r, git, req->commit_specifier, call->arena, &commit, NULL, err) < 0)
		return -1;
	rc = vcs_tree_find(git, &commit.tree, path, call->arena, &folder, err);
	if (rc < 0)
		return -1;
	if (!rc || folder.mode != VCS_MODE_TREE)
		return err_set_wire(err, "FolderDoesNotExistException",
			"There is no folder %s in commit %s.", path, commit.id.hex);
	if (vcs_tree_read(git, &folder.id, call->arena, &entries, &n, err) < 0)
		return -1;
	resp->commit_id = arena_strdup(call->arena, commit.id.hex);
	resp->tree_id = arena_strdup(call->arena, folder.id.hex);
	resp->folder_path = path;
	list_alloc_all(resp, n, call->arena);
	for (size_t i = 0; i < n; i++)
		list_entry(resp, &entries[i], path, call->arena);
	return 0;
}

/* ---- for providers ---- */

int source_resolve(struct source_engine *e, const char *repository_name, const char *specifier,
	struct arena *a, struct source_commit *ret, struct err *err)
{
	CLEANUP_VCS struct vcs_repository *git = NULL;
	struct store_source_repository r;
	const char *branch;

	if (source_open(e, repository_name, a, &r, &git, err) < 0 ||
		source_find_commit(&r, git, specifier, a, &ret->commit, &branch, err) < 0)
		return -1;
	ret->repository_id = r.meta.repository_id;
	ret->repository_name = r.meta.repository_name;
	ret->repository_arn = source_arn(e, r.meta.repository_name, a);
	ret->repository_path = source_path(e, r.meta.repository_id, a);
	ret->branch = branch;
	return 0;
}
