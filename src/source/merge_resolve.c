/* SPDX-License-Identifier: Apache-2.0 */
/* How a request settles what a merge leaves in conflict. */
#include "base/mem.h"
#include "source/file_set.h"
#include "source/merge.h"

#define ENTRIES_MAX 1000

struct resolving {
	struct merge *m;
	struct vcs_merge *v;
	struct map paths;
};

/* The path is one of the merge's, and named once. */
static int take_path(struct resolving *s, const char *path, struct err *err)
{
	if (source_check_path(path, err) < 0)
		return -1;
	if (map_set(&s->paths, path, s))
		return err_set_wire(err, "MultipleConflictResolutionEntriesException",
			"%s is named more than once.", path);
	return 0;
}

/* The version of one commit's tree: 1, 0 when the file is not in it. */
static int version_of(struct resolving *s, const struct vcs_id *tree, const char *path,
	struct vcs_merge_side *ret, struct err *err)
{
	struct vcs_entry e;
	int rc = vcs_tree_find(s->m->git, tree, path, s->m->call->arena, &e, err);

	*ret = (struct vcs_merge_side){0, VCS_ID_ZERO};
	if (rc <= 0 || e.mode == VCS_MODE_TREE)
		return MIN(rc, 0);
	*ret = (struct vcs_merge_side){e.mode, e.id};
	return 1;
}

/* Its versions in base, source and destination; at least one is there. */
static int versions_of(
	struct resolving *s, const char *path, struct vcs_merge_side ret[static 3], struct err *err)
{
	struct vcs_commit base;
	int found[3];

	if (vcs_commit_read(s->m->git, &s->m->base, s->m->call->arena, &base, err) < 0)
		return -1;
	found[0] = version_of(s, &base.tree, path, &ret[0], err);
	found[1] = found[0] < 0 ? -1 : version_of(s, &s->m->source.tree, path, &ret[1], err);
	found[2] = found[1] < 0 ? -1 : version_of(s, &s->m->destination.tree, path, &ret[2], err);
	if (found[2] < 0)
		return -1;
	if (!found[0] && !found[1] && !found[2])
		return err_set_wire(err, "InvalidConflictResolutionException",
			"%s is in none of the commits that are merged.", path);
	return 0;
}

static int new_content(struct resolving *s, const struct codecommit_replace_content_entry *r,
	struct vcs_merge_side *ret, const struct vcs_merge_side versions[static 3], struct err *err)
{
	if (!r->content.p)
		return err_set_wire(err, "ReplacementContentRequiredException",
			"Content is required for %s.", r->file_path);
	if (r->content.len > SOURCE_FILE_MAX)
		return err_set_wire(err, "FileContentSizeLimitExceededException",
			"The content of %s has more than %zu bytes.", r->file_path,
			SOURCE_FILE_MAX);
	ret->mode = versions[2].mode ? versions[2].mode : versions[1].mode;
	if (!ret->mode || ret->mode == VCS_MODE_SUBMODULE)
		ret->mode = VCS_MODE_FILE;
	return vcs_blob_write(s->m->git, r->content, &ret->id, err);
}

static int replace(
	struct resolving *s, const struct codecommit_replace_content_entry *r, struct err *err)
{
	static const char *const keeps[] = {CODECOMMIT_REPLACEMENT_TYPE_ENUM_KEEP_BASE,
		CODECOMMIT_REPLACEMENT_TYPE_ENUM_KEEP_SOURCE,
		CODECOMMIT_REPLACEMENT_TYPE_ENUM_KEEP_DESTINATION};
	struct vcs_merge_side versions[3], as = {0, VCS_ID_ZERO};
	size_t kept = 0;

	if (take_path(s, r->file_path, err) < 0)
		return -1;
	if (!r->replacement_type || !*r->replacement_type)
		return err_set_wire(err, "ReplacementTypeRequiredException",
			"A replacement type is required for %s.", r->file_path);
	if (versions_of(s, r->file_path, versions, err) < 0)
		return -1;
	while (kept < ARRAY_SIZE(keeps) && !streq(keeps[kept], r->replacement_type))
		kept++;
	if (kept < ARRAY_SIZE(keeps))
		as = versions[kept];
	else if (!streq(r->replacement_type, CODECOMMIT_REPLACEMENT_TYPE_ENUM_USE_NEW_CONTENT))
		return err_set_wire(err, "InvalidReplacementTypeException",
			"%s is not a replacement type; give KEEP_BASE, KEEP_SOURCE, "
			"KEEP_DESTINATION "
			"or USE_NEW_CONTENT.",
			r->replacement_type);
	else if (new_content(s, r, &as, versions, err) < 0)
		return -1;
	if (as.mode && file_set_mode(r->file_mode, as.mode, &as.mode, err) < 0)
		return -1;
	return vcs_merge_settle(s->v, r->file_path, &as, err);
}

static int delete_file(struct resolving *s, const char *path, struct err *err)
{
	static const struct vcs_merge_side nothing = {0};
	struct vcs_merge_side versions[3];

	if (take_path(s, path, err) < 0 || versions_of(s, path, versions, err) < 0)
		return -1;
	return vcs_merge_settle(s->v, path, &nothing, err);
}

/* A file that is merged, or whose two versions differ in nothing but the mode. */
static int set_mode(
	struct resolving *s, const struct codecommit_set_file_mode_entry *set, struct err *err)
{
	struct vcs_merge_side versions[3], as;

	if (take_path(s, set->file_path, err) < 0 ||
		versions_of(s, set->file_path, versions, err) < 0)
		return -1;
	if (!set->file_mode || !*set->file_mode)
		return err_set_wire(err, "FileModeRequiredException",
			"A file mode is required for %s.", set->file_path);
	if (!vcs_merge_find(s->v, set->file_path, &as)) {
		if (!vcs_id_eq(&versions[1].id, &versions[2].id))
			return err_set_wire(err, "InvalidConflictResolutionException",
				"The content of %s is in conflict too: give it by "
				"replaceContents.",
				set->file_path);
		as = versions[2];
	}
	if (file_set_mode(set->file_mode, 0, &as.mode, err) < 0)
		return -1;
	return vcs_merge_settle(s->v, set->file_path, &as, err);
}

int merge_resolve(struct merge *m, struct vcs_merge *v, struct err *err)
{
	const struct codecommit_conflict_resolution *r = m->resolution;
	struct resolving s = {.m = m, .v = v};
	int rc = 0;

	if (!r)
		return 0;
	if (r->replace_contents.n + r->delete_files.n + r->set_file_modes.n > ENTRIES_MAX)
		return err_set_wire(err, "MaximumConflictResolutionEntriesExceededException",
			"At most %d entries may be given.", ENTRIES_MAX);
	for (size_t i = 0; rc == 0 && i < r->replace_contents.n; i++)
		rc = replace(&s, &r->replace_contents.v[i], err);
	for (size_t i = 0; rc == 0 && i < r->delete_files.n; i++)
		rc = delete_file(&s, r->delete_files.v[i].file_path, err);
	for (size_t i = 0; rc == 0 && i < r->set_file_modes.n; i++)
		rc = set_mode(&s, &r->set_file_modes.v[i], err);
	map_release(&s.paths);
	return rc;
}
