/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/merge.h"

#include "base/map.h"
#include "base/vec.h"
#include "vcs/diff.h"
#include "vcs/git2.h"

/* What a path that both sides changed may have, all three versions together. */
#define LOAD_MAX ((uint64_t)64 * MIB)

struct vcs_merge {
	struct vcs_repository *r;
	git_index *index; /* in memory only */
};

VCS_DEFINE_FREEP(git_index_conflict_iterator, git_index_conflict_iterator_free)

int vcs_merge_base(struct vcs_repository *r, const struct vcs_id *ours, const struct vcs_id *theirs,
	struct vcs_id *ret, struct err *err)
{
	git_oid a = vcs_oid_of(ours), b = vcs_oid_of(theirs), base;
	int rc = git_merge_base(&base, r->git, &a, &b);

	if (rc == GIT_ENOTFOUND)
		return 0;
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot find what %s and %s have in common", ours->hex,
			theirs->hex);
	*ret = vcs_id_of(&base);
	return 1;
}

/* ---- paths that both sides changed ---- */

struct changed {
	struct vcs_merge_conflict *v;
	size_t n;
};

static int tree_of(struct vcs_repository *r, const struct vcs_id *commit, struct arena *a,
	struct vcs_id *ret, struct err *err)
{
	struct vcs_commit c;
	int rc = vcs_commit_read(r, commit, a, &c, err);

	if (rc > 0)
		*ret = c.tree;
	return rc > 0 ? 0 : rc < 0 ? -1 : err_set(err, ERR_IO, "commit %s is gone", commit->hex);
}

static int diff_commits(struct vcs_repository *r, const struct vcs_id *base,
	const struct vcs_id *side, struct arena *a, struct vcs_difference **ret, size_t *ret_n,
	struct err *err)
{
	struct vcs_id before, after;
	bool more;

	if (tree_of(r, base, a, &before, err) < 0 || tree_of(r, side, a, &after, err) < 0)
		return -1;
	return vcs_diff_trees(r, &before, &after, "", NULL, SIZE_MAX, a, ret, ret_n, &more, err);
}

/* A path changes its type (file to link) in two steps, its removal and its return. */
static void note(struct map *paths, const struct vcs_difference *d, struct arena *a)
{
	struct vcs_difference *known = map_get(paths, d->path);

	if (!known) {
		known = arena_new(a, struct vcs_difference);
		*known = *d;
		map_set(paths, d->path, known);
		return;
	}
	if (d->after_mode) {
		known->after = d->after;
		known->after_mode = d->after_mode;
	} else {
		known->before = d->before;
		known->before_mode = d->before_mode;
	}
}

static int both_changed(struct vcs_repository *r, const struct vcs_id *base,
	const struct vcs_id *ours, const struct vcs_id *theirs, struct arena *a,
	struct changed *ret, struct err *err)
{
	CLEANUP_MAP struct map mine = MAP_INIT;
	CLEANUP_MAP struct map other = MAP_INIT;
	struct vcs_difference *d;
	size_t n;

	if (diff_commits(r, base, ours, a, &d, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		note(&mine, &d[i], a);
	if (diff_commits(r, base, theirs, a, &d, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		note(&other, &d[i], a);
	ret->v = arena_new_n(a, n, struct vcs_merge_conflict);
	map_foreach (it, &other) {
		const struct vcs_difference *t = it->value, *o = map_get(&mine, t->path);

		if (!o || (o->after_mode == t->after_mode && vcs_id_eq(&o->after, &t->after)))
			continue;
		ret->v[ret->n++] = (struct vcs_merge_conflict){.path = t->path,
			.base = {t->before_mode, t->before},
			.ours = {o->after_mode, o->after},
			.theirs = {t->after_mode, t->after}};
	}
	return 0;
}

static int check_sizes(struct vcs_repository *r, const struct changed *changed, struct err *err)
{
	for (size_t i = 0; i < changed->n; i++) {
		const struct vcs_merge_conflict *c = &changed->v[i];
		const struct vcs_merge_side *sides[] = {&c->base, &c->ours, &c->theirs};
		uint64_t total = 0;

		for (size_t k = 0; k < ARRAY_SIZE(sides); k++) {
			uint64_t size = 0;

			if (sides[k]->mode && vcs_blob_size(r, &sides[k]->id, &size, err) < 0)
				return -1;
			total += size;
		}
		if (total > LOAD_MAX)
			return err_set(err, ERR_TOO_LARGE,
				"%s has more than %llu MiB in the versions to be merged", c->path,
				(unsigned long long)(LOAD_MAX / MIB));
	}
	return 0;
}

/* ---- the index ---- */

static const git_index_entry *entry_of(
	git_index_entry *e, const char *path, const struct vcs_merge_side *side)
{
	if (!side->mode)
		return NULL;
	*e = (git_index_entry){.mode = side->mode, .id = vcs_oid_of(&side->id), .path = path};
	return e;
}

static int drop_path(struct vcs_merge *m, const char *path, struct err *err)
{
	int rc = git_index_conflict_remove(m->index, path);

	if (rc == 0 || rc == GIT_ENOTFOUND)
		rc = git_index_remove(m->index, path, 0);
	return rc < 0 && rc != GIT_ENOTFOUND ? vcs_git2_err(err, rc, "cannot settle %s", path) : 0;
}

int vcs_merge_settle(
	struct vcs_merge *m, const char *path, const struct vcs_merge_side *as, struct err *err)
{
	git_index_entry e;
	int rc;

	if (drop_path(m, path, err) < 0)
		return -1;
	if (!entry_of(&e, path, as))
		return 0;
	rc = git_index_add(m->index, &e);
	return rc < 0 ? vcs_git2_err(err, rc, "cannot settle %s", path) : 0;
}

static int add_conflict(struct vcs_merge *m, const struct vcs_merge_conflict *c, struct err *err)
{
	git_index_entry base, ours, theirs;
	int rc;

	if (drop_path(m, c->path, err) < 0)
		return -1;
	rc = git_index_conflict_add(m->index, entry_of(&base, c->path, &c->base),
		entry_of(&ours, c->path, &c->ours), entry_of(&theirs, c->path, &c->theirs));
	return rc < 0 ? vcs_git2_err(err, rc, "cannot note the conflict of %s", c->path) : 0;
}

static int favor_side(struct vcs_merge *m, enum vcs_merge_favor favor, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct vcs_merge_conflict *v;
	size_t n;

	if (vcs_merge_conflicts(m, &a, &v, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (vcs_merge_settle(m, v[i].path,
			    favor == VCS_FAVOR_OURS ? &v[i].ours : &v[i].theirs, err) < 0)
			return -1;
	return 0;
}

static int merge_index(struct vcs_merge *m, const struct vcs_id *ours, const struct vcs_id *theirs,
	enum vcs_merge_level level, enum vcs_merge_favor favor, struct err *err)
{
	static const git_merge_file_favor_t favors[] = {
		[VCS_FAVOR_NONE] = GIT_MERGE_FILE_FAVOR_NORMAL,
		[VCS_FAVOR_OURS] = GIT_MERGE_FILE_FAVOR_OURS,
		[VCS_FAVOR_THEIRS] = GIT_MERGE_FILE_FAVOR_THEIRS,
	};
	CLEANUP(git_commit_freep) git_commit *mine = NULL;
	CLEANUP(git_commit_freep) git_commit *other = NULL;
	git_merge_options options = GIT_MERGE_OPTIONS_INIT;
	git_oid a = vcs_oid_of(ours), b = vcs_oid_of(theirs);
	int rc;

	if (level == VCS_MERGE_FILES)
		options.flags = 0;
	else
		options.file_favor = favors[favor];
	rc = git_commit_lookup(&mine, m->r->git, &a);
	if (rc == 0)
		rc = git_commit_lookup(&other, m->r->git, &b);
	if (rc == 0)
		rc = git_merge_commits(&m->index, m->r->git, mine, other, &options);
	return rc < 0 ? vcs_git2_err(err, rc, "cannot merge %s into %s", theirs->hex, ours->hex)
		      : 0;
}

/* What one side alone changed is that side's; false when both changed it, each in its own way. */
static bool mode_of_both(const struct vcs_merge_conflict *c, uint32_t *ret)
{
	*ret = c->ours.mode == c->base.mode ? c->theirs.mode : c->ours.mode;
	return *ret == c->theirs.mode || c->theirs.mode == c->base.mode;
}

static bool id_of_both(const struct vcs_merge_conflict *c, struct vcs_id *ret)
{
	*ret = vcs_id_eq(&c->ours.id, &c->base.id) ? c->theirs.id : c->ours.id;
	return vcs_id_eq(ret, &c->theirs.id) || vcs_id_eq(&c->theirs.id, &c->base.id);
}

/* libgit2 takes a binary file whose mode one side changed and whose content the other did for a
 * conflict; git does not. */
static int settle_modes(struct vcs_merge *m, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct vcs_merge_conflict *v;
	struct vcs_merge_side both;
	size_t n;

	if (vcs_merge_conflicts(m, &a, &v, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!v[i].base.mode || !v[i].ours.mode || !v[i].theirs.mode)
			continue;
		if (mode_of_both(&v[i], &both.mode) && id_of_both(&v[i], &both.id) &&
			vcs_merge_settle(m, v[i].path, &both, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- histories that cross ---- */

VCS_DEFINE_FREEP(git_index, git_index_free)

static int side_at(struct vcs_merge *m, const struct vcs_id *commit, const char *path,
	struct arena *a, struct vcs_merge_side *ret, struct err *err)
{
	struct vcs_id tree;
	struct vcs_entry e;
	int rc = tree_of(m->r, commit, a, &tree, err);

	*ret = (struct vcs_merge_side){0, VCS_ID_ZERO};
	if (rc == 0)
		rc = vcs_tree_find(m->r, &tree, path, a, &e, err);
	if (rc > 0 && e.mode != VCS_MODE_TREE)
		*ret = (struct vcs_merge_side){e.mode, e.id};
	return rc < 0 ? -1 : 0;
}

/* A path about which the bases disagree is in conflict, unless both sides have it alike. */
static int disagree(struct vcs_merge *m, const char *path, const struct vcs_id *base,
	const struct vcs_id *ours, const struct vcs_id *theirs, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct vcs_merge_conflict c = {.path = path};

	if (side_at(m, base, path, &a, &c.base, err) < 0 ||
		side_at(m, ours, path, &a, &c.ours, err) < 0 ||
		side_at(m, theirs, path, &a, &c.theirs, err) < 0)
		return -1;
	if (c.ours.mode == c.theirs.mode && vcs_id_eq(&c.ours.id, &c.theirs.id))
		return 0;
	return add_conflict(m, &c, err);
}

/* The conflicts of merging two bases with one another. */
static int base_conflicts(struct vcs_merge *m, const git_oid *one, const git_oid *two,
	struct arena *a, struct vcs_merge_conflict **ret, size_t *ret_n, struct err *err)
{
	CLEANUP(git_commit_freep) git_commit *first = NULL;
	CLEANUP(git_commit_freep) git_commit *second = NULL;
	CLEANUP(git_index_freep) git_index *index = NULL;
	struct vcs_merge bases = {.r = m->r};
	git_merge_options options = GIT_MERGE_OPTIONS_INIT;
	int rc = git_commit_lookup(&first, m->r->git, one);

	if (rc == 0)
		rc = git_commit_lookup(&second, m->r->git, two);
	if (rc == 0)
		rc = git_merge_commits(&index, m->r->git, first, second, &options);
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot merge the bases of two histories");
	bases.index = index;
	return vcs_merge_conflicts(&bases, a, ret, ret_n, err);
}

/* Histories with several bases: git merges those first. Where that conflicts, what would follow
 * from a base with conflict marks in it is left to people. */
static int meet_bases(struct vcs_merge *m, const struct vcs_id *ours, const struct vcs_id *theirs,
	const struct vcs_id *base, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	git_oid a = vcs_oid_of(ours), b = vcs_oid_of(theirs);
	git_oidarray bases = {0};
	int rc = git_merge_bases(&bases, m->r->git, &a, &b);

	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot find what two histories have in common");
	for (size_t i = 1; rc == 0 && i < bases.count; i++) {
		struct vcs_merge_conflict *v = NULL;
		size_t n = 0;

		rc = base_conflicts(m, &bases.ids[0], &bases.ids[i], &arena, &v, &n, err);
		for (size_t k = 0; rc == 0 && k < n; k++)
			rc = disagree(m, v[k].path, base, ours, theirs, err);
	}
	git_oidarray_dispose(&bases);
	return rc;
}

int vcs_merge_new(struct vcs_repository *r, const struct vcs_id *ours, const struct vcs_id *theirs,
	enum vcs_merge_level level, enum vcs_merge_favor favor, struct vcs_merge **ret,
	struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_MERGE struct vcs_merge *m = xcalloc(1, sizeof(*m));
	struct changed changed = {0};
	struct vcs_id base;
	int rc = vcs_merge_base(r, ours, theirs, &base, err);

	m->r = r;
	if (rc <= 0)
		return rc < 0 ? -1
			      : err_set(err, ERR_NOT_FOUND, "%s and %s have no history in common",
					ours->hex, theirs->hex);
	if (both_changed(r, &base, ours, theirs, &a, &changed, err) < 0 ||
		check_sizes(r, &changed, err) < 0 ||
		merge_index(m, ours, theirs, level, favor, err) < 0 || settle_modes(m, err) < 0 ||
		meet_bases(m, ours, theirs, &base, err) < 0)
		return -1;
	for (size_t i = 0; level == VCS_MERGE_FILES && i < changed.n; i++)
		if (add_conflict(m, &changed.v[i], err) < 0)
			return -1;
	if (favor != VCS_FAVOR_NONE && favor_side(m, favor, err) < 0)
		return -1;
	*ret = TAKE_PTR(m);
	return 0;
}

struct vcs_merge *vcs_merge_free(struct vcs_merge *m)
{
	if (m) {
		git_index_free(m->index);
		free(m);
	}
	return NULL;
}

/* ---- reading it ---- */

static struct vcs_merge_side side_of(const git_index_entry *e)
{
	if (!e)
		return (struct vcs_merge_side){0, VCS_ID_ZERO};
	return (struct vcs_merge_side){e->mode, vcs_id_of(&e->id)};
}

int vcs_merge_conflicts(struct vcs_merge *m, struct arena *a, struct vcs_merge_conflict **ret,
	size_t *ret_n, struct err *err)
{
	CLEANUP(git_index_conflict_iterator_freep) git_index_conflict_iterator *it = NULL;
	const git_index_entry *base, *ours, *theirs;
	VEC(struct vcs_merge_conflict) found = {0};
	int rc = git_index_conflict_iterator_new(&it, m->index);

	while (rc == 0 && (rc = git_index_conflict_next(&base, &ours, &theirs, it)) == 0) {
		const char *path = ours ? ours->path : theirs ? theirs->path : base->path;

		vec_push(&found, (struct vcs_merge_conflict){arena_strdup(a, path), side_of(base),
					 side_of(ours), side_of(theirs)});
	}
	*ret_n = found.n;
	*ret = arena_new_n(a, found.n, struct vcs_merge_conflict);
	if (found.n)
		memcpy(*ret, found.v, found.n * sizeof(*found.v));
	vec_release(&found);
	return rc == GIT_ITEROVER ? 0 : vcs_git2_err(err, rc, "cannot list conflicts");
}

int vcs_merge_find(const struct vcs_merge *m, const char *path, struct vcs_merge_side *ret)
{
	const git_index_entry *e = git_index_get_bypath(m->index, path, 0);

	*ret = side_of(e);
	return e != NULL;
}

int vcs_merge_write(struct vcs_merge *m, struct vcs_id *ret_tree, struct err *err)
{
	git_oid oid;
	int rc;

	if (git_index_has_conflicts(m->index))
		return err_set(err, ERR_CONFLICT, "conflicts are left");
	rc = git_index_write_tree_to(&oid, m->index, m->r->git);
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot write the merged tree");
	*ret_tree = vcs_id_of(&oid);
	return 0;
}
