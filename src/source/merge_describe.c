/* SPDX-License-Identifier: Apache-2.0 */
/* Conflicts of a merge in the API's form. */
#include "base/mem.h"
#include "codec/base64.h"
#include "source/merge.h"

/* What is compared by lines; larger files are told without pieces. */
#define COMPARE_MAX ((size_t)6291456)

enum { BASE, SOURCE, DESTINATION, SIDES };

struct version {
	struct vcs_merge_side at;
	bool tree; /* a folder stands there */
	uint64_t size;
	struct view content; /* p NULL: not loaded */
	bool binary;
};

static int load(struct merge *m, const struct vcs_merge_side *at, const struct vcs_id *tree,
	const char *path, struct version *ret, struct err *err)
{
	struct arena *a = m->call->arena;
	struct vcs_entry e;

	*ret = (struct version){.at = *at};
	if (!at->mode) {
		int rc = vcs_tree_find(m->git, tree, path, a, &e, err);

		ret->tree = rc > 0 && e.mode == VCS_MODE_TREE;
		return rc < 0 ? -1 : 0;
	}
	if (at->mode == VCS_MODE_SUBMODULE)
		return 0;
	if (vcs_blob_size(m->git, &at->id, &ret->size, err) < 0)
		return -1;
	if (ret->size > COMPARE_MAX) {
		ret->binary = true;
		return 0;
	}
	if (vcs_blob_read(m->git, &at->id, COMPARE_MAX, a, &ret->content, err) < 0)
		return -1;
	ret->binary = vcs_is_binary(ret->content);
	return 0;
}

static int load_all(struct merge *m, const struct vcs_merge_conflict *c,
	struct version v[static SIDES], struct err *err)
{
	struct vcs_commit base;

	if (vcs_commit_read(m->git, &m->base, m->call->arena, &base, err) < 0 ||
		load(m, &c->base, &base.tree, c->path, &v[BASE], err) < 0 ||
		load(m, &c->theirs, &m->source.tree, c->path, &v[SOURCE], err) < 0)
		return -1;
	return load(m, &c->ours, &m->destination.tree, c->path, &v[DESTINATION], err);
}

static const char *type_of(const struct version *v)
{
	if (v->tree)
		return CODECOMMIT_OBJECT_TYPE_ENUM_DIRECTORY;
	switch (v->at.mode) {
	case 0:
		return NULL;
	case VCS_MODE_SUBMODULE:
		return CODECOMMIT_OBJECT_TYPE_ENUM_GIT_LINK;
	case VCS_MODE_SYMLINK:
		return CODECOMMIT_OBJECT_TYPE_ENUM_SYMBOLIC_LINK;
	default:
		return CODECOMMIT_OBJECT_TYPE_ENUM_FILE;
	}
}

static const char *mode_of(const struct version *v)
{
	return v->at.mode && v->at.mode != VCS_MODE_SUBMODULE ? source_file_mode_name(v->at.mode)
							      : NULL;
}

static const char *operation_of(const struct version *base, const struct version *side)
{
	if (base->at.mode == side->at.mode && vcs_id_eq(&base->at.id, &side->at.id))
		return NULL;
	if (!side->at.mode)
		return CODECOMMIT_CHANGE_TYPE_ENUM_D;
	return base->at.mode ? CODECOMMIT_CHANGE_TYPE_ENUM_M : CODECOMMIT_CHANGE_TYPE_ENUM_A;
}

static struct wire_long size_of(const struct version *v)
{
	return v->at.mode ? WIRE_SET_LONG((int64_t)v->size) : (struct wire_long){0};
}

static struct wire_bool binary_of(const struct version *v)
{
	return v->at.mode ? WIRE_SET_BOOL(v->binary) : (struct wire_bool){0};
}

static void fill(struct codecommit_conflict_metadata *ret, const char *path,
	const struct version v[static SIDES], bool conflict, struct arena *a)
{
	const struct version *s = &v[SOURCE], *d = &v[DESTINATION], *b = &v[BASE];
	const char *s_type = type_of(s), *d_type = type_of(d);
	bool both = s_type && d_type, types = both && !streq(s_type, d_type);
	bool modes = both && !types && s->at.mode != d->at.mode && s->at.mode != b->at.mode &&
		     d->at.mode != b->at.mode;

	ret->file_path = path;
	ret->file_sizes = arena_new(a, struct codecommit_file_sizes);
	*ret->file_sizes = (struct codecommit_file_sizes){size_of(b), size_of(d), size_of(s)};
	ret->file_modes = arena_new(a, struct codecommit_file_modes);
	*ret->file_modes = (struct codecommit_file_modes){mode_of(b), mode_of(d), mode_of(s)};
	ret->object_types = arena_new(a, struct codecommit_object_types);
	*ret->object_types = (struct codecommit_object_types){type_of(b), d_type, s_type};
	ret->is_binary_file = arena_new(a, struct codecommit_is_binary_file);
	*ret->is_binary_file =
		(struct codecommit_is_binary_file){binary_of(b), binary_of(d), binary_of(s)};
	ret->merge_operations = arena_new(a, struct codecommit_merge_operations);
	ret->merge_operations->source = operation_of(b, s);
	ret->merge_operations->destination = operation_of(b, d);
	ret->object_type_conflict = WIRE_SET_BOOL(conflict && types);
	ret->file_mode_conflict = WIRE_SET_BOOL(conflict && modes);
	ret->content_conflict =
		WIRE_SET_BOOL(conflict && !types && !vcs_id_eq(&s->at.id, &d->at.id));
}

/* ---- pieces ---- */

static struct codecommit_merge_hunk_detail *detail_of(
	const struct version *v, const struct vcs_merge_lines *l, struct arena *a)
{
	CLEANUP_STR struct str text = STR_INIT;
	struct codecommit_merge_hunk_detail *d;

	if (!v->at.mode)
		return NULL;
	base64_encode(l->text, &text);
	d = arena_new(a, struct codecommit_merge_hunk_detail);
	d->start_line = WIRE_SET_INT(l->start);
	d->end_line = WIRE_SET_INT(l->n ? l->start + l->n - 1 : l->start);
	d->hunk_content = arena_strdup(a, str_text(&text));
	return d;
}

static int lines_in(struct view text)
{
	int n = 0;

	for (size_t i = 0; text.p && i < text.len; i++)
		n += text.p[i] == '\n' || i + 1 == text.len;
	return n;
}

static struct vcs_merge_lines whole(const struct version *v)
{
	return (struct vcs_merge_lines){
		0, lines_in(v->content), v->content.p ? v->content : VIEW("")};
}

/* The file in pieces: none when a side is no text; one of the whole when files are merged whole. */
static int pieces_of(struct merge *m, const struct version v[static SIDES],
	struct vcs_merge_hunk **ret, size_t *ret_n, struct err *err)
{
	struct arena *a = m->call->arena;
	struct view texts[SIDES];

	*ret_n = 0;
	for (size_t i = 0; i < SIDES; i++) {
		if (v[i].binary || v[i].at.mode == VCS_MODE_SUBMODULE)
			return 0;
		texts[i] = v[i].content.p ? v[i].content : VIEW("");
	}
	if (!merge_by_file(m))
		return vcs_merge_hunks(
			texts[BASE], texts[DESTINATION], texts[SOURCE], a, ret, ret_n, err);
	*ret = arena_new(a, struct vcs_merge_hunk);
	*ret_n = 1;
	**ret = (struct vcs_merge_hunk){
		!view_eq(texts[SOURCE], texts[DESTINATION]),
		whole(&v[BASE]),
		whole(&v[DESTINATION]),
		whole(&v[SOURCE]),
	};
	return 0;
}

static bool in_conflict(const struct vcs_merge_hunk *h, bool conflict)
{
	return conflict && h->conflict;
}

int merge_describe(struct merge *m, const struct vcs_merge_conflict *c, bool conflict,
	struct codecommit_conflict_metadata *ret, struct codecommit_merge_hunks *hunks,
	size_t start, size_t max, bool *ret_more, struct err *err)
{
	struct arena *a = m->call->arena;
	struct version v[SIDES];
	struct vcs_merge_hunk *pieces = NULL;
	size_t n = 0, shown;
	int conflicts = 0;

	if (load_all(m, c, v, err) < 0 || pieces_of(m, v, &pieces, &n, err) < 0)
		return -1;
	fill(ret, c->path, v, conflict, a);
	for (size_t i = 0; i < n; i++)
		conflicts += in_conflict(&pieces[i], conflict);
	if (!conflicts && ret->content_conflict.v)
		conflicts = 1;
	conflicts += ret->file_mode_conflict.v + ret->object_type_conflict.v;
	ret->number_of_conflicts = WIRE_SET_INT(conflicts);
	if (!hunks)
		return 0;
	shown = start < n ? MIN(max, n - start) : 0;
	*ret_more = start + shown < n;
	wire_list_alloc(a, hunks, shown);
	for (size_t i = 0; i < shown; i++) {
		const struct vcs_merge_hunk *h = &pieces[start + i];

		hunks->v[i] = (struct codecommit_merge_hunk){
			.is_conflict = WIRE_SET_BOOL(in_conflict(h, conflict)),
			.base = detail_of(&v[BASE], &h->base, a),
			.source = detail_of(&v[SOURCE], &h->theirs, a),
			.destination = detail_of(&v[DESTINATION], &h->ours, a)};
	}
	return 0;
}
