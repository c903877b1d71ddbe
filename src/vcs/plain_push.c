/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/plain_push.h"

#include "vcs/pack.h"
#include "vcs/plain_object.h"

#define COMMANDS_MAX 8
#define REFS_MAX 256 /* how many references are looked through for a commit */

struct proof {
	struct vcs_repository *r;
	git_odb *odb;
	const struct vcs_push *push;
	uint64_t file_max;
	struct arena arena;
	struct pack pack;
};

static void proof_release(struct proof *f)
{
	git_odb_free(f->odb);
	vcs_repository_close(f->r);
	arena_release(&f->arena);
}

/* ---- what references hold ---- */

static bool is_before(const struct proof *f, const git_oid *id)
{
	for (size_t i = 0; i < f->push->n; i++) {
		git_oid before = vcs_oid_of(&f->push->commands[i].before);

		if (git_oid_equal(&before, id))
			return true;
	}
	return false;
}

static bool is_held(const struct proof *f, const git_oid *id)
{
	CLEANUP(git_reference_iterator_freep) git_reference_iterator *it = NULL;
	git_oid head;

	if (is_before(f, id))
		return true;
	if (git_reference_name_to_id(&head, f->r->git, "HEAD") == 0 && git_oid_equal(&head, id))
		return true;
	if (git_reference_iterator_new(&it, f->r->git) < 0)
		return false;
	for (size_t i = 0; i < REFS_MAX; i++) {
		CLEANUP(git_reference_freep) git_reference *ref = NULL;

		if (git_reference_next(&ref, it) < 0)
			return false;
		if (git_reference_target(ref) && git_oid_equal(git_reference_target(ref), id))
			return true;
	}
	return false;
}

/* Each `before` is what its reference holds. */
static bool befores_hold(const struct proof *f)
{
	for (size_t i = 0; i < f->push->n; i++) {
		const struct vcs_command *c = &f->push->commands[i];
		struct vcs_id now;
		int rc = vcs_ref_get(f->r, c->ref, &now, NULL);

		if (vcs_id_is_zero(&c->before) ? rc != 0 : rc <= 0 || !vcs_id_eq(&now, &c->before))
			return false;
	}
	return true;
}

/* ---- trees ---- */

/* The trees of the parents; the repository has them, with all that is in them, or has been shown to
 * get them. */
struct bases {
	struct view v[PLAIN_PARENTS_MAX];
	size_t n;
};

/* A tree's bytes, from the pack or the repository. */
static bool read_tree(struct proof *f, const git_oid *id, struct view *ret)
{
	const struct pack_object *here = pack_find(&f->pack, id);
	git_odb_object *o = NULL;

	if (here) {
		*ret = here->bytes;
		return here->type == GIT_OBJECT_TREE;
	}
	if (git_odb_read(&o, f->odb, id) < 0)
		return false;
	ret->len = git_odb_object_type(o) == GIT_OBJECT_TREE ? git_odb_object_size(o) : 0;
	ret->p = memcpy(arena_alloc(&f->arena, ret->len + 1), git_odb_object_data(o), ret->len);
	git_odb_object_free(o);
	return true;
}

/* The entries of that name in the bases, which are passed up to there. below gets their folders. */
static bool find_same(
	struct bases *bases, const struct plain_entry *e, git_oid *below, size_t *ret_n_below)
{
	bool same = false;

	*ret_n_below = 0;
	for (size_t i = 0; i < bases->n; i++) {
		struct view rest = bases->v[i];
		struct plain_entry other;

		while (plain_tree_next(&rest, &other)) {
			size_t n = MIN(e->name.len, other.name.len);
			int order = memcmp(other.name.p, e->name.p, n);

			if (order > 0)
				break; /* no further one is before it */
			if (order < 0 || !view_eq(other.name, e->name)) {
				if (order < 0)
					bases->v[i] = rest;
				continue;
			}
			same = same ||
			       (git_oid_equal(&other.id, &e->id) && view_eq(other.mode, e->mode));
			if (plain_entry_is_folder(&other))
				below[(*ret_n_below)++] = other.id;
			break;
		}
	}
	return same;
}

static bool check_tree(struct proof *f, const git_oid *id, const git_oid *base_ids, size_t n);

static bool check_entry(struct proof *f, struct bases *bases, const struct plain_entry *e)
{
	git_oid below[PLAIN_PARENTS_MAX];
	struct pack_object *o;
	size_t n_below;

	if (find_same(bases, e, below, &n_below))
		return true;
	o = pack_find(&f->pack, &e->id);
	if (!o || !plain_entry_ok(e))
		return false;
	if (plain_entry_is_folder(e))
		return check_tree(f, &e->id, below, n_below);
	o->visited = true;
	return o->type == GIT_OBJECT_BLOB && o->bytes.len <= f->file_max;
}

/* P1 and P3 of a tree: it is that of a parent, or of the pack and all in it is right. What was
 * found to be right once is right wherever it stands. */
static bool check_tree(struct proof *f, const git_oid *id, const git_oid *base_ids, size_t n)
{
	struct pack_object *o;
	struct bases bases = {.n = n};
	struct plain_entry e;
	struct view rest;

	for (size_t i = 0; i < n; i++)
		if (git_oid_equal(&base_ids[i], id))
			return true;
	o = pack_find(&f->pack, id);
	if (!o || o->type != GIT_OBJECT_TREE)
		return false;
	if (o->visited)
		return true;
	if (!plain_tree_is_ordered(o->bytes))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!read_tree(f, &base_ids[i], &bases.v[i]))
			return false;
	rest = o->bytes;
	while (plain_tree_next(&rest, &e))
		if (!check_entry(f, &bases, &e))
			return false;
	o->visited = true;
	return true;
}

/* ---- commits ---- */

/* The tree of a commit, here or there. */
static bool tree_of(struct proof *f, const git_oid *id, git_oid *ret)
{
	CLEANUP(git_commit_freep) git_commit *commit = NULL;
	const struct pack_object *here = pack_find(&f->pack, id);
	struct plain_commit parsed;

	if (here) {
		if (here->type != GIT_OBJECT_COMMIT || !plain_commit_parse(here->bytes, &parsed))
			return false;
		*ret = parsed.tree;
		return true;
	}
	if (git_commit_lookup(&commit, f->r->git, id) < 0)
		return false;
	*ret = *git_commit_tree_id(commit);
	return true;
}

/* P1 and P3 of a commit and those before it. *met: `goal` is among them. Commits of a pack cannot
 * be their own ancestors, so this ends; those with many ways to one another are git's. */
static bool check_commit(
	struct proof *f, const git_oid *id, const git_oid *goal, size_t *budget, bool *met)
{
	git_oid trees[PLAIN_PARENTS_MAX];
	struct plain_commit c;
	struct pack_object *o;

	*met = *met || git_oid_equal(id, goal);
	o = pack_find(&f->pack, id);
	if (!o)
		return is_held(f, id);
	if (o->type != GIT_OBJECT_COMMIT || !plain_commit_parse(o->bytes, &c) || !*budget)
		return false;
	(*budget)--;
	for (size_t i = 0; i < c.n_parents; i++)
		if (!check_commit(f, &c.parents[i], goal, budget, met) ||
			!tree_of(f, &c.parents[i], &trees[i]))
			return false;
	o->visited = true;
	return check_tree(f, &c.tree, trees, c.n_parents);
}

static bool check_command(struct proof *f, const struct vcs_command *c)
{
	git_oid after = vcs_oid_of(&c->after), before = vcs_oid_of(&c->before);
	size_t budget = 2 * PACK_OBJECTS_MAX;
	git_oid tree;
	bool met = false;

	if (!check_commit(f, &after, &before, &budget, &met) || !tree_of(f, &after, &tree))
		return false;
	return vcs_id_is_zero(&c->before) || met; /* P2 */
}

static bool is_plain(struct proof *f)
{
	struct view bytes = {f->push->raw.p + f->push->head, f->push->raw.len - f->push->head};

	if (!befores_hold(f) || !pack_open(bytes, f->odb, &f->arena, &f->pack))
		return false;
	for (size_t i = 0; i < f->push->n; i++)
		if (!check_command(f, &f->push->commands[i]))
			return false;
	for (size_t i = 0; i < f->pack.n; i++)
		if (!f->pack.v[i].visited)
			return false;
	return true;
}

/* ---- carrying out ---- */

/* Files before the trees that name them, trees before commits. */
static bool write_objects(struct proof *f)
{
	static const git_object_t order[] = {GIT_OBJECT_BLOB, GIT_OBJECT_TREE, GIT_OBJECT_COMMIT};

	for (size_t k = 0; k < ARRAY_SIZE(order); k++) {
		for (size_t i = 0; i < f->pack.n; i++) {
			const struct pack_object *o = &f->pack.v[i];
			git_oid id;

			if (o->type == order[k] &&
				git_odb_write(&id, f->odb, o->bytes.p, o->bytes.len, o->type) < 0)
				return false;
		}
	}
	return true;
}

/* Reasons for what could not be changed, in the arena. */
static void move_refs(struct proof *f, const char **reasons)
{
	for (size_t i = 0; i < f->push->n; i++) {
		const struct vcs_command *c = &f->push->commands[i];
		CLEANUP_ERR struct err err = ERR_INIT;

		if (!vcs_id_eq(&c->before, &c->after) &&
			vcs_ref_update(f->r, c->ref, &c->before, &c->after, &err) < 0)
			reasons[i] = arena_strdup(&f->arena, err_message(&err));
	}
}

static int carry_out(struct proof *f, const struct vcs_stream *s, const struct vcs_push_bracket *b,
	struct err *err)
{
	const char **reasons = arena_new_n(&f->arena, f->push->n, const char *);

	if (!write_objects(f))
		return 0; /* git can say better why not */
	if (b->prepare(b->arg, err) < 0)
		return -1;
	move_refs(f, reasons);
	if (b->settle(b->arg, err) < 0)
		return -1;
	return vcs_push_report(f->push, reasons, NULL, s, err) < 0 ? -1 : 1;
}

/* Before anything of the pack is read. */
static bool may_be_plain(const struct vcs_push *p)
{
	if (p->n > COMMANDS_MAX || p->shallow.len || (p->atomic && p->n > 1))
		return false;
	for (size_t i = 0; i < p->n; i++)
		if (vcs_id_is_zero(&p->commands[i].after))
			return false;
	return true;
}

int plain_push_serve(const char *path, struct vcs_push *p, uint64_t push_max, uint64_t file_max,
	const struct vcs_stream *s, const struct vcs_push_bracket *b, struct err *err)
{
	CLEANUP(proof_release) struct proof f = {.push = p, .file_max = file_max};
	uint32_t objects;
	int rc;

	if (!may_be_plain(p))
		return 0;
	if (vcs_push_objects(s, p, &objects, err) < 0)
		return -1;
	if (objects > PACK_OBJECTS_MAX)
		return 0;
	rc = vcs_push_read_pack(s, p, MIN(push_max, PACK_BYTES_MAX), err);
	if (rc <= 0)
		return rc;
	if (vcs_repository_open(path, &f.r, err) < 0)
		return -1;
	if (git_repository_odb(&f.odb, f.r->git) < 0 || !is_plain(&f))
		return 0;
	return carry_out(&f, s, b, err);
}
