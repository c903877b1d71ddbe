/* SPDX-License-Identifier: Apache-2.0 */
/* Two trees are walked side by side, and only where they differ: a small change in a large tree
 * reads few of its folders. (libgit2's own comparison reads all of them.) */
#include "vcs/diff.h"

#include "base/str.h"
#include "base/vec.h"
#include "vcs/git2.h"

#define DEPTH_MAX 1024

struct walk {
	struct vcs_repository *r;
	struct arena *arena;
	struct str path;    /* of the folder that is walked, with a slash at its end */
	const char *behind; /* what is up to this path was told before; or NULL */
	size_t max, depth;
	VEC(struct vcs_difference) found;
	bool more; /* what does not fit follows: the walk ends */
};

static void walk_release(struct walk *w)
{
	str_release(&w->path);
	vec_release(&w->found);
}

static bool is_tree(const git_tree_entry *e)
{
	return git_tree_entry_type(e) == GIT_OBJECT_TREE;
}

/* Paths come in the order of their bytes, as a folder's name counts with its slash. */
static bool told_before(const struct walk *w, const char *path)
{
	return w->behind && strcmp(path, w->behind) <= 0;
}

static bool folder_told_before(const struct walk *w)
{
	return w->behind && strncmp(str_text(&w->path), w->behind, w->path.len) < 0;
}

static void emit(struct walk *w, const git_tree_entry *old, const git_tree_entry *new)
{
	struct vcs_difference d = {.change = !old ? 'A' : !new ? 'D' : 'M'};
	size_t folder = w->path.len;

	str_add(&w->path, git_tree_entry_name(new ? new : old));
	if (!told_before(w, str_text(&w->path))) {
		w->more = w->found.n == w->max;
		d.path = w->more ? NULL : arena_strdup(w->arena, str_text(&w->path));
	}
	str_truncate(&w->path, folder);
	if (!d.path)
		return;
	if (old) {
		d.before = vcs_id_of(git_tree_entry_id(old));
		d.before_mode = (uint32_t)git_tree_entry_filemode(old);
	}
	if (new) {
		d.after = vcs_id_of(git_tree_entry_id(new));
		d.after_mode = (uint32_t)git_tree_entry_filemode(new);
	}
	vec_push(&w->found, d);
}

static int walk(struct walk *w, const git_oid *old_id, const git_oid *new_id, struct err *err);

/* One name, in one of the trees or, of the same kind, in both. */
static int visit(
	struct walk *w, const git_tree_entry *old, const git_tree_entry *new, struct err *err)
{
	const git_tree_entry *any = new ? new : old;
	size_t length = w->path.len;
	int rc;

	if (old && new &&git_oid_equal(git_tree_entry_id(old), git_tree_entry_id(new)) &&
		git_tree_entry_filemode(old) == git_tree_entry_filemode(new))
		return 0;
	if (!is_tree(any)) {
		emit(w, old, new);
		return 0;
	}
	str_addf(&w->path, "%s/", git_tree_entry_name(any));
	rc = folder_told_before(w) ? 0
				   : walk(w, old ? git_tree_entry_id(old) : NULL,
					     new ? git_tree_entry_id(new) : NULL, err);
	str_truncate(&w->path, length);
	return rc;
}

/* Git's order in a tree: a folder's name counts with a slash behind it. */
static int compare(const git_tree_entry *a, const git_tree_entry *b)
{
	const char *x, *y;
	size_t i = 0;
	int cx, cy;

	if (!a || !b)
		return a ? -1 : 1;
	x = git_tree_entry_name(a);
	y = git_tree_entry_name(b);
	while (x[i] && x[i] == y[i])
		i++;
	cx = x[i] || !is_tree(a) ? (unsigned char)x[i] : '/';
	cy = y[i] || !is_tree(b) ? (unsigned char)y[i] : '/';
	return cx - cy;
}

static int open_tree(struct walk *w, const git_oid *id, git_tree **ret, struct err *err)
{
	int rc = id ? git_tree_lookup(ret, w->r->git, id) : 0;

	return rc < 0 ? vcs_git2_err(err, rc, "cannot compare trees") : 0;
}

static int walk(struct walk *w, const git_oid *old_id, const git_oid *new_id, struct err *err)
{
	CLEANUP(git_tree_freep) git_tree *old = NULL;
	CLEANUP(git_tree_freep) git_tree *new = NULL;
	size_t i = 0, k = 0, n_old, n_new;

	if (++w->depth > DEPTH_MAX)
		return err_set(err, ERR_TOO_LARGE, "folders are nested more than %d deep at %.200s",
			DEPTH_MAX, str_text(&w->path));
	if (open_tree(w, old_id, &old, err) < 0 || open_tree(w, new_id, &new, err) < 0)
		return -1;
	n_old = old ? git_tree_entrycount(old) : 0;
	n_new = new ? git_tree_entrycount(new) : 0;
	while ((i < n_old || k < n_new) && !w->more) {
		const git_tree_entry *a = i < n_old ? git_tree_entry_byindex(old, i) : NULL;
		const git_tree_entry *b = k < n_new ? git_tree_entry_byindex(new, k) : NULL;
		int order = compare(a, b);

		i += order <= 0;
		k += order >= 0;
		if (visit(w, order <= 0 ? a : NULL, order >= 0 ? b : NULL, err) < 0)
			return -1;
	}
	w->depth--;
	return 0;
}

int vcs_diff_trees(struct vcs_repository *r, const struct vcs_id *before,
	const struct vcs_id *after, const char *prefix, const char *behind, size_t max,
	struct arena *a, struct vcs_difference **ret, size_t *ret_n, bool *ret_more,
	struct err *err)
{
	CLEANUP(walk_release)
	struct walk w = {.r = r, .arena = a, .behind = behind, .max = max};
	git_oid old = {{0}}, new = {{0}};

	str_add(&w.path, prefix);
	if (before)
		old = vcs_oid_of(before);
	if (after)
		new = vcs_oid_of(after);
	if (!(before && after && git_oid_equal(&old, &new)) &&
		walk(&w, before ? &old : NULL, after ? &new : NULL, err) < 0)
		return -1;
	*ret = arena_new_n(a, w.found.n, struct vcs_difference);
	if (w.found.n)
		memcpy(*ret, w.found.v, w.found.n * sizeof(**ret));
	*ret_n = w.found.n;
	*ret_more = w.more;
	return 0;
}
