/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/object.h"

#include "base/str.h"
#include "vcs/git2.h"

static enum vcs_type type_of(git_object_t type)
{
	switch (type) {
	case GIT_OBJECT_COMMIT:
		return VCS_COMMIT;
	case GIT_OBJECT_TREE:
		return VCS_TREE;
	case GIT_OBJECT_BLOB:
		return VCS_BLOB;
	case GIT_OBJECT_TAG:
		return VCS_TAG;
	default:
		return VCS_NONE;
	}
}

static int read_header(
	struct vcs_repository *r, const struct vcs_id *id, size_t *ret_size, git_object_t *ret_type)
{
	CLEANUP(git_odb_freep) git_odb *odb = NULL;
	git_oid oid = vcs_oid_of(id);
	int rc = git_repository_odb(&odb, r->git);

	return rc < 0 ? rc : git_odb_read_header(ret_size, ret_type, odb, &oid);
}

enum vcs_type vcs_object_type(struct vcs_repository *r, const struct vcs_id *id)
{
	size_t size;
	git_object_t type;

	return read_header(r, id, &size, &type) == 0 ? type_of(type) : VCS_NONE;
}

int vcs_peel_to_commit(
	struct vcs_repository *r, const struct vcs_id *id, struct vcs_id *ret, struct err *err)
{
	CLEANUP(git_object_freep) git_object *object = NULL;
	CLEANUP(git_object_freep) git_object *commit = NULL;
	git_oid oid = vcs_oid_of(id);
	int rc = git_object_lookup(&object, r->git, &oid, GIT_OBJECT_ANY);

	if (rc == GIT_ENOTFOUND)
		return 0;
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot read object %s", id->hex);
	rc = git_object_peel(&commit, object, GIT_OBJECT_COMMIT);
	if (rc == GIT_EPEEL || rc == GIT_EINVALIDSPEC || rc == GIT_ENOTFOUND ||
		rc == GIT_EAMBIGUOUS)
		return 0;
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot follow object %s to a commit", id->hex);
	*ret = vcs_id_of(git_object_id(commit));
	return 1;
}

static struct vcs_signature signature_of(const git_signature *s, struct arena *a)
{
	if (!s)
		return (struct vcs_signature){"", "", 0, 0};
	return (struct vcs_signature){arena_strdup(a, s->name), arena_strdup(a, s->email),
		(int64_t)s->when.time, s->when.offset};
}

/* Header lines beside tree, parent, author and committer, as they stand. */
static const char *extra_headers(const git_commit *commit, struct arena *a)
{
	static const char *const known[] = {"tree ", "parent ", "author ", "committer "};
	struct view raw = view_of(git_commit_raw_header(commit));
	CLEANUP_STR struct str out = STR_INIT;
	bool keep = false;

	while (raw.p && raw.len) {
		struct view line = view_cut(&raw, '\n');

		if (line.len == 0)
			break;
		if (line.p[0] != ' ') {
			keep = true;
			for (size_t i = 0; i < ARRAY_SIZE(known); i++)
				keep = keep && !view_starts_with(line, known[i]);
		}
		if (!keep)
			continue;
		if (out.len)
			str_add_c(&out, '\n');
		str_add_view(&out, line);
	}
	return arena_strdup(a, str_text(&out));
}

int vcs_commit_read(struct vcs_repository *r, const struct vcs_id *id, struct arena *a,
	struct vcs_commit *ret, struct err *err)
{
	CLEANUP(git_commit_freep) git_commit *commit = NULL;
	git_oid oid = vcs_oid_of(id);
	int rc = git_commit_lookup(&commit, r->git, &oid);

	if (rc == GIT_ENOTFOUND)
		return 0;
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot read commit %s", id->hex);
	*ret = (struct vcs_commit){.id = *id,
		.tree = vcs_id_of(git_commit_tree_id(commit)),
		.n_parents = git_commit_parentcount(commit),
		.author = signature_of(git_commit_author(commit), a),
		.committer = signature_of(git_commit_committer(commit), a),
		.message = arena_strdup(a, git_commit_message_raw(commit)),
		.extra = extra_headers(commit, a)};
	ret->parents = arena_new_n(a, ret->n_parents, struct vcs_id);
	for (size_t i = 0; i < ret->n_parents; i++)
		ret->parents[i] = vcs_id_of(git_commit_parent_id(commit, (unsigned)i));
	return 1;
}

static int tree_lookup(
	struct vcs_repository *r, const struct vcs_id *id, git_tree **ret, struct err *err)
{
	git_oid oid = vcs_oid_of(id);
	int rc = git_tree_lookup(ret, r->git, &oid);

	return rc < 0 ? vcs_git2_err(err, rc, "cannot read tree %s", id->hex) : 0;
}

static struct vcs_entry entry_of(const git_tree_entry *e, struct arena *a)
{
	return (struct vcs_entry){arena_strdup(a, git_tree_entry_name(e)),
		(uint32_t)git_tree_entry_filemode(e), vcs_id_of(git_tree_entry_id(e))};
}

int vcs_tree_read(struct vcs_repository *r, const struct vcs_id *tree, struct arena *a,
	struct vcs_entry **ret, size_t *ret_n, struct err *err)
{
	CLEANUP(git_tree_freep) git_tree *t = NULL;

	if (tree_lookup(r, tree, &t, err) < 0)
		return -1;
	*ret_n = git_tree_entrycount(t);
	*ret = arena_new_n(a, *ret_n, struct vcs_entry);
	for (size_t i = 0; i < *ret_n; i++)
		(*ret)[i] = entry_of(git_tree_entry_byindex(t, i), a);
	return 0;
}

int vcs_tree_find(struct vcs_repository *r, const struct vcs_id *tree, const char *path,
	struct arena *a, struct vcs_entry *ret, struct err *err)
{
	CLEANUP(git_tree_freep) git_tree *t = NULL;
	CLEANUP(git_tree_entry_freep) git_tree_entry *e = NULL;
	int rc;

	if (!*path) {
		*ret = (struct vcs_entry){"", VCS_MODE_TREE, *tree};
		return 1;
	}
	if (tree_lookup(r, tree, &t, err) < 0)
		return -1;
	rc = git_tree_entry_bypath(&e, t, path);
	if (rc == GIT_ENOTFOUND)
		return 0;
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot look up %s", path);
	*ret = entry_of(e, a);
	return 1;
}

int vcs_blob_size(struct vcs_repository *r, const struct vcs_id *id, uint64_t *ret, struct err *err)
{
	size_t size;
	git_object_t type;
	int rc = read_header(r, id, &size, &type);

	if (rc == GIT_ENOTFOUND)
		return 0;
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot read object %s", id->hex);
	if (type != GIT_OBJECT_BLOB)
		return 0;
	*ret = size;
	return 1;
}

int vcs_blob_read(struct vcs_repository *r, const struct vcs_id *id, size_t limit, struct arena *a,
	struct view *ret, struct err *err)
{
	CLEANUP(git_blob_freep) git_blob *blob = NULL;
	git_oid oid = vcs_oid_of(id);
	uint64_t size = 0;
	char *copy;
	int rc = vcs_blob_size(r, id, &size, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no blob %s", id->hex);
	if (size > limit)
		return err_set(err, ERR_TOO_LARGE, "blob %s has %llu bytes, more than %zu", id->hex,
			(unsigned long long)size, limit);
	rc = git_blob_lookup(&blob, r->git, &oid);
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot read blob %s", id->hex);
	copy = arena_alloc(a, (size_t)size + 1);
	memcpy(copy, git_blob_rawcontent(blob), (size_t)size);
	*ret = (struct view){copy, (size_t)size};
	return 0;
}

int vcs_is_ancestor(struct vcs_repository *r, const struct vcs_id *ancestor,
	const struct vcs_id *descendant, struct err *err)
{
	git_oid a = vcs_oid_of(ancestor), d = vcs_oid_of(descendant);
	int rc;

	if (vcs_id_eq(ancestor, descendant))
		return 1;
	rc = git_graph_descendant_of(r->git, &d, &a);
	return rc < 0 ? vcs_git2_err(
				err, rc, "cannot compare %s and %s", ancestor->hex, descendant->hex)
		      : rc;
}
