/* SPDX-License-Identifier: Apache-2.0 */
/* A bare repository: making one, opening one, and its references. */
#ifndef TOWPATH_VCS_REPOSITORY_H
#define TOWPATH_VCS_REPOSITORY_H

#include "base/arena.h"
#include "base/err.h"
#include "vcs/bounds.h"
#include "vcs/id.h"

struct vcs_repository;

/* Makes an empty bare repository at path (which must not exist), synced to disk, with the
 * configuration that the server relies on: no hooks, objects checked on receipt, no automatic gc,
 * everything synced, files over 16 MiB streamed. HEAD names refs/heads/main. */
int vcs_repository_create(const char *path, struct err *err);
/* ERR_NOT_FOUND when there is none. */
int vcs_repository_open(const char *path, struct vcs_repository **ret, struct err *err);
struct vcs_repository *vcs_repository_close(struct vcs_repository *r);
DEFINE_FREEP(struct vcs_repository, vcs_repository_close)
#define CLEANUP_VCS CLEANUP(vcs_repository_closep)
/* Borrowed. */
const char *vcs_repository_path(const struct vcs_repository *r);

/* git check-ref-format for a full name (refs/...). */
bool vcs_ref_name_valid(const char *full_name);
/* The id that a reference holds (a tag's is not peeled): 1 found, 0 absent, -1 error. */
int vcs_ref_get(
	struct vcs_repository *r, const char *full_name, struct vcs_id *ret, struct err *err);
/* Creates (before zero), changes or deletes (after zero) a reference if it still holds `before`;
 * ERR_CONFLICT when it does not. Synced on return, as are the folders of all objects. */
int vcs_ref_update(struct vcs_repository *r, const char *full_name, const struct vcs_id *before,
	const struct vcs_id *after, struct err *err);

/* Syncs the folders that a reference stands in, so that a power cut neither takes it back nor
 * brings it back. */
int vcs_ref_sync_folders(const char *path, const char *full_name, struct err *err);

struct vcs_ref {
	const char *name; /* full */
	struct vcs_id id;
};
/* Direct references whose full name starts with prefix ("refs/heads/"), sorted by name. */
int vcs_refs_list(struct vcs_repository *r, const char *prefix, struct arena *a,
	struct vcs_ref **ret, size_t *ret_n, struct err *err);
/* The same for at most max of them behind the one named `after` (NULL: from the start), in time
 * that does not depend on the others. The prefix is a folder with its slash. *ret_more: others
 * follow. */
int vcs_refs_page(struct vcs_repository *r, const char *prefix, const char *after, size_t max,
	struct arena *a, struct vcs_ref **ret, size_t *ret_n, bool *ret_more, struct err *err);
/* 1 when any branch exists, 0 when none does, -1 error. */
int vcs_has_branches(struct vcs_repository *r, struct err *err);

/* HEAD names the branch that a clone checks out; the branch need not exist. */
int vcs_head_set(struct vcs_repository *r, const char *full_name, struct err *err);

/* After a crash: removes what a killed git left in the way of the named references (lock files,
 * empty files) and of the repository. Only while no child works in it. */
void vcs_remove_stale_locks(const char *path, const char *const *ref_names, size_t n);
/* Removes what pushes, uploads and packing that broke off have left half, where it is older than
 * since_usec (true time). */
void vcs_remove_leftovers(const char *path, int64_t since_usec);
/* Packs loose objects and small packs, with reachability bitmaps over all packs and a commit graph,
 * so that a repository stays fast after many small pushes: runs git, blocks while it works, readers
 * and pushes may go on. No object goes away, not even one that no reference reaches: pull requests,
 * comments and merges without a branch name such commits. 1, or 0 when little has gathered. */
int vcs_pack_objects(const char *path, const struct vcs_bounds *bounds, struct err *err);
/* The same for loose references. Nobody else may change references meanwhile. */
int vcs_pack_refs(const char *path, struct err *err);

#endif
