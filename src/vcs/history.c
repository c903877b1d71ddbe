/* SPDX-License-Identifier: Apache-2.0 */
/* The history of one file: git's default simplification (a merge follows the parent in which the
 * file is the same), walked newest first. */
#include "base/map.h"
#include "base/vec.h"
#include "vcs/diff.h"
#include "vcs/git2.h"

/* A commit still to be looked at, with the file as it stands there. */
struct pending {
	git_oid commit;
	int64_t time;
	const char *path;
	git_oid blob;
	uint32_t mode;
	VEC(struct vcs_id) children; /* versions listed so far that were made from this one */
};

struct walk {
	struct vcs_repository *r;
	struct arena *arena;
	VEC(struct pending) pending;
	const struct vcs_version_mark *behind; /* not come to yet; or NULL */
	VEC(struct vcs_version) listed;	       /* behind that */
};

static void walk_release(struct walk *w)
{
	for (size_t i = 0; i < w->pending.n; i++)
		vec_release(&w->pending.v[i].children);
	vec_release(&w->pending);
	vec_release(&w->listed);
}

static int find_file(git_commit *commit, const char *path, struct pending *ret, struct err *err)
{
	CLEANUP(git_tree_freep) git_tree *tree = NULL;
	CLEANUP(git_tree_entry_freep) git_tree_entry *e = NULL;
	int rc = git_commit_tree(&tree, commit);

	if (rc == 0)
		rc = git_tree_entry_bypath(&e, tree, path);
	if (rc == GIT_ENOTFOUND || (rc == 0 && git_tree_entry_type(e) != GIT_OBJECT_BLOB))
		return 0;
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot look up %s", path);
	ret->commit = *git_commit_id(commit);
	ret->time = (int64_t)git_commit_time(commit);
	ret->path = path;
	ret->blob = *git_tree_entry_id(e);
	ret->mode = (uint32_t)git_tree_entry_filemode(e);
	return 1;
}

static void add_children(struct pending *to, const struct vcs_id *children, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool known = false;

		vec_foreach (c, &to->children)
			known = known || vcs_id_eq(c, &children[i]);
		if (!known)
			vec_push(&to->children, children[i]);
	}
}

static void add_pending(
	struct walk *w, const struct pending *p, const struct vcs_id *children, size_t n)
{
	vec_foreach (have, &w->pending) {
		if (git_oid_equal(&have->commit, &p->commit) && streq(have->path, p->path)) {
			add_children(have, children, n);
			return;
		}
	}
	vec_push(&w->pending, *p);
	add_children(&w->pending.v[w->pending.n - 1], children, n);
}

static struct pending take_newest(struct walk *w)
{
	size_t best = 0;
	struct pending p;

	for (size_t i = 1; i < w->pending.n; i++)
		if (w->pending.v[i].time > w->pending.v[best].time)
			best = i;
	p = w->pending.v[best];
	w->pending.v[best] = w->pending.v[--w->pending.n];
	return p;
}

static void list_version(struct walk *w, const struct pending *p)
{
	struct vcs_version v = {.commit = vcs_id_of(&p->commit),
		.blob = vcs_id_of(&p->blob),
		.path = p->path,
		.n_children = p->children.n};

	if (w->behind) {
		if (vcs_id_eq(&v.commit, &w->behind->commit) && streq(v.path, w->behind->path))
			w->behind = NULL;
		return;
	}
	v.children = arena_new_n(w->arena, p->children.n, struct vcs_id);
	for (size_t i = 0; i < p->children.n; i++)
		v.children[i] = p->children.v[i];
	vec_push(&w->listed, v);
}

/* The path that the file had in the parent before it was renamed; NULL when it was new. */
static int find_rename(struct walk *w, git_commit *parent, git_commit *commit, const char *path,
	const char **ret, struct err *err)
{
	CLEANUP(git_tree_freep) git_tree *old = NULL;
	CLEANUP(git_tree_freep) git_tree *new = NULL;
	CLEANUP(git_diff_freep) git_diff *diff = NULL;
	git_diff_find_options options = GIT_DIFF_FIND_OPTIONS_INIT;
	int rc = git_commit_tree(&old, parent);

	*ret = NULL;
	options.flags = GIT_DIFF_FIND_RENAMES;
	if (rc == 0)
		rc = git_commit_tree(&new, commit);
	if (rc == 0)
		rc = git_diff_tree_to_tree(&diff, w->r->git, old, new, NULL);
	if (rc == 0)
		rc = git_diff_find_similar(diff, &options);
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot look for a rename of %s", path);
	for (size_t i = 0; i < git_diff_num_deltas(diff); i++) {
		const git_diff_delta *d = git_diff_get_delta(diff, i);

		if (d->status == GIT_DELTA_RENAMED && streq(d->new_file.path, path))
			*ret = arena_strdup(w->arena, d->old_file.path);
	}
	return 0;
}

/* One parent: 2 the file is the same there, 1 it is another, 0 it is not there. */
static int look_at_parent(struct walk *w, git_commit *commit, const struct pending *p, unsigned i,
	bool renames, struct pending *ret, struct err *err)
{
	CLEANUP(git_commit_freep) git_commit *parent = NULL;
	const char *path = p->path;
	int rc = git_commit_parent(&parent, commit, i);

	if (rc == GIT_ENOTFOUND)
		return 0; /* a shallow history ends here */
	if (rc < 0)
		return vcs_git2_err(
			err, rc, "cannot read a parent of %s", vcs_id_of(&p->commit).hex);
	if (renames && find_rename(w, parent, commit, path, &path, err) < 0)
		return -1;
	if (!path)
		return 0;
	rc = find_file(parent, path, ret, err);
	if (rc <= 0)
		return rc;
	return !renames && git_oid_equal(&ret->blob, &p->blob) && ret->mode == p->mode ? 2 : 1;
}

static int visit(struct walk *w, const struct pending *p, struct err *err)
{
	CLEANUP(git_commit_freep) git_commit *commit = NULL;
	struct vcs_id id = vcs_id_of(&p->commit);
	VEC(struct pending) parents = {0};
	int rc = git_commit_lookup(&commit, w->r->git, &p->commit);

	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot read commit %s", id.hex);
	for (unsigned i = 0; i < git_commit_parentcount(commit) && rc != 2; i++) {
		struct pending parent = {0};

		rc = look_at_parent(w, commit, p, i, false, &parent, err);
		if (rc == 2)
			add_pending(w, &parent, p->children.v, p->children.n);
		else if (rc == 1)
			vec_push(&parents, parent);
		else if (rc < 0)
			goto out;
	}
	if (rc == 2) {
		rc = 0;
		goto out;
	}
	list_version(w, p);
	if (parents.n == 0 && git_commit_parentcount(commit) > 0) {
		struct pending parent = {0};

		rc = look_at_parent(w, commit, p, 0, true, &parent, err);
		if (rc > 0)
			vec_push(&parents, parent);
	}
	vec_foreach (parent, &parents)
		add_pending(w, parent, &id, 1);
out:
	vec_release(&parents);
	return rc < 0 ? -1 : 0;
}

static int walk(
	struct walk *w, const struct vcs_id *start, const char *path, size_t want, struct err *err)
{
	CLEANUP(git_commit_freep) git_commit *commit = NULL;
	git_oid oid = vcs_oid_of(start);
	struct pending first = {0};
	int rc = git_commit_lookup(&commit, w->r->git, &oid);

	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot read commit %s", start->hex);
	rc = find_file(commit, arena_strdup(w->arena, path), &first, err);
	if (rc <= 0)
		return rc;
	add_pending(w, &first, NULL, 0);
	while (w->pending.n && w->listed.n < want) {
		struct pending p = take_newest(w);

		rc = visit(w, &p, err);
		vec_release(&p.children);
		if (rc < 0)
			return -1;
	}
	return 0;
}

int vcs_file_history(struct vcs_repository *r, const struct vcs_id *start, const char *path,
	const struct vcs_version_mark *behind, size_t max, struct arena *a,
	struct vcs_version **ret, size_t *ret_n, bool *ret_more, struct err *err)
{
	CLEANUP(walk_release) struct walk w = {.r = r, .arena = a, .behind = behind};

	if (walk(&w, start, path, max + 1, err) < 0)
		return -1;
	*ret_n = MIN(max, w.listed.n);
	*ret_more = *ret_n < w.listed.n;
	*ret = arena_new_n(a, *ret_n, struct vcs_version);
	for (size_t i = 0; i < *ret_n; i++)
		(*ret)[i] = w.listed.v[i];
	return 0;
}
