/* SPDX-License-Identifier: Apache-2.0 */
/* Merges: random histories merged here and by git, conflicts, pieces of files. */
#include "fixture.h"

#include <stdlib.h>

#include "base/spawn.h"
#include "base/str.h"
#include "vcs/merge.h"

#define HISTORIES 300
#define FILES 6
#define LINES 24

/* ---- random histories ---- */

struct random {
	uint64_t state;
};

static unsigned draw(struct random *r, unsigned below)
{
	r->state = r->state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(r->state >> 33) % below;
}

struct file {
	bool there, moved, executable;
	int lines[LINES * 4];
	int n;
};
struct tree {
	struct file files[FILES];
};

static void random_tree(struct random *r, struct tree *t)
{
	memset(t, 0, sizeof(*t));
	for (int i = 0; i < FILES; i++) {
		t->files[i].there = draw(r, 6) > 0;
		t->files[i].n = 4 + (int)draw(r, LINES - 4);
		for (int k = 0; k < t->files[i].n; k++)
			t->files[i].lines[k] = i * 1000 + (draw(r, 5) ? k : 0);
	}
}

static void edit_lines(struct random *r, struct file *f)
{
	int at = (int)draw(r, (unsigned)f->n + 1), n = 1 + (int)draw(r, 3);

	switch (draw(r, 3)) {
	case 0: /* insert */
		if (f->n + n > LINES * 3)
			return;
		memmove(f->lines + at + n, f->lines + at, (size_t)(f->n - at) * sizeof(int));
		for (int k = 0; k < n; k++)
			f->lines[at + k] = 100000 + (int)draw(r, 4);
		f->n += n;
		break;
	case 1: /* remove */
		n = MIN(n, f->n - at);
		memmove(f->lines + at, f->lines + at + n, (size_t)(f->n - at - n) * sizeof(int));
		f->n -= n;
		break;
	default: /* change */
		for (int k = at; k < MIN(at + n, f->n); k++)
			f->lines[k] = 200000 + (int)draw(r, 4);
	}
}

static void edit_tree(struct random *r, struct tree *t)
{
	struct file *f = &t->files[draw(r, FILES)];

	switch (draw(r, 10)) {
	case 0:
		f->there = !f->there;
		break;
	case 1:
		f->moved = !f->moved;
		break;
	case 2:
		f->executable = !f->executable;
		break;
	default:
		edit_lines(r, f);
	}
}

static const char *path_of(int i, bool moved, struct arena *a)
{
	if (moved)
		return arena_printf(a, "moved/to%d.txt", i);
	return arena_printf(a, "dir%d/file%d.txt", i % 3, i);
}

static struct vcs_id write_tree(struct fixture *f, const struct tree *t)
{
	struct vcs_edit edits[FILES];
	struct vcs_id tree = VCS_ID_ZERO;
	size_t n = 0;

	for (int i = 0; i < FILES; i++) {
		const struct file *file = &t->files[i];
		CLEANUP_STR struct str text = STR_INIT;

		if (!file->there)
			continue;
		for (int k = 0; k < file->n; k++)
			str_addf(&text, "line %d of the file\n", file->lines[k]);
		edits[n] = (struct vcs_edit){.path = path_of(i, file->moved, &f->arena),
			.mode = file->executable ? VCS_MODE_EXECUTABLE : VCS_MODE_FILE};
		OK(vcs_blob_write(f->r, str_view(&text), &edits[n++].blob, E));
	}
	OK(vcs_tree_edit(f->r, &tree, edits, n, &tree, E));
	return tree;
}

static struct vcs_id commit_of(
	struct fixture *f, const struct vcs_id *tree, const struct vcs_id *parents, size_t n)
{
	static int64_t when = 1700000000;
	struct vcs_signature who = {"Ann", "ann@example.test", when++, 0};
	struct vcs_id id;

	OK(vcs_commit_write(f->r, tree, parents, n, &who, "m\n", &id, E));
	return id;
}

/* A side of 1..3 commits on top of the base. */
static struct vcs_id grow(
	struct fixture *f, struct random *r, struct tree *t, const struct vcs_id *base)
{
	struct vcs_id at = *base;

	for (unsigned commits = 1 + draw(r, 3); commits; commits--) {
		struct vcs_id tree;

		for (unsigned edits = 1 + draw(r, 2); edits; edits--)
			edit_tree(r, t);
		tree = write_tree(f, t);
		at = commit_of(f, &tree, &at, 1);
	}
	return at;
}

/* A side goes on with a merge that kept its own files: the histories cross. */
static struct vcs_id cross(struct fixture *f, struct random *r, struct tree *t,
	const struct vcs_id *own, const struct vcs_id *other)
{
	struct vcs_id tree = write_tree(f, t), parents[] = {*own, *other};
	struct vcs_id at = commit_of(f, &tree, parents, 2);

	return grow(f, r, t, &at);
}

/* ---- by git ---- */

/* True when git merges without conflict, with the tree it makes. */
static bool merge_by_git(struct fixture *f, const struct vcs_id *ours, const struct vcs_id *theirs,
	char tree[static 41])
{
	const char *argv[] = {"git", "-C", f->path, "-c", "merge.directoryRenames=false",
		"merge-tree", "--write-tree", ours->hex, theirs->hex, NULL};
	struct spawn s = SPAWN_INIT;
	CLEANUP_SPAWN_RESULT struct spawn_result result = {0};

	s.argv = argv;
	OK(spawn_run(&s, VIEW(""), 1 << 20, 60 * USEC_PER_SEC, &result, E));
	snprintf(tree, 41, "%s", str_text(&result.out));
	return result.exit_code == 0;
}

static bool merge_here(struct fixture *f, const struct vcs_id *ours, const struct vcs_id *theirs,
	struct vcs_id *ret)
{
	CLEANUP_MERGE struct vcs_merge *m = NULL;
	struct vcs_merge_conflict *conflicts;
	size_t n;

	OK(vcs_merge_new(f->r, ours, theirs, VCS_MERGE_LINES, VCS_FAVOR_NONE, &m, E));
	OK(vcs_merge_conflicts(m, &f->arena, &conflicts, &n, E));
	if (n)
		return false;
	OK(vcs_merge_write(m, ret, E));
	return true;
}

static void compare(struct fixture *f, unsigned seed, const struct vcs_id *ours,
	const struct vcs_id *theirs, bool crossed, size_t *clean, size_t *conflicts)
{
	char git_tree[41];
	struct vcs_id tree;
	bool by_git = merge_by_git(f, ours, theirs, git_tree);
	bool here = merge_here(f, ours, theirs, &tree);

	/* Where bases are in conflict with one another, more may be a conflict here, never less. */
	if (here ? !by_git : by_git && !crossed)
		fail_msg("history %u: %s by git, %s here (%s %s)", seed,
			by_git ? "clean" : "conflict", here ? "clean" : "conflict", ours->hex,
			theirs->hex);
	if (here && strcmp(git_tree, tree.hex) != 0)
		fail_msg("history %u: tree %s by git, %s here", seed, git_tree, tree.hex);
	*(here ? clean : conflicts) += 1;
}

static void test_as_git_merges(void **state)
{
	struct fixture *f = *state;
	size_t clean = 0, conflicts = 0;

	for (unsigned seed = 1; seed <= HISTORIES; seed++) {
		struct random r = {seed};
		struct tree base, one, two;
		struct vcs_id tree, root, ours, theirs;

		random_tree(&r, &base);
		tree = write_tree(f, &base);
		root = commit_of(f, &tree, NULL, 0);
		one = two = base;
		ours = grow(f, &r, &one, &root);
		theirs = grow(f, &r, &two, &root);
		if (seed % 4 == 0) {
			struct vcs_id crossed = cross(f, &r, &one, &ours, &theirs);

			theirs = cross(f, &r, &two, &theirs, &ours);
			ours = crossed;
		}
		compare(f, seed, &ours, &theirs, seed % 4 == 0, &clean, &conflicts);
		arena_release(&f->arena);
		f->arena = ARENA_INIT;
	}
	assert_true(clean >= HISTORIES / 4);
	assert_true(conflicts >= HISTORIES / 20);
}

/* ---- levels and favours ---- */

static const char base_text[] = "a\nb\nc\nd\ne\nf\ng\n";

struct sides {
	struct vcs_id base, ours, theirs;
};

static struct sides edited(struct fixture *f, const char *ours, const char *theirs)
{
	struct sides s = {.base = make_commit(f, NULL, "x", base_text, 1)};

	s.ours = make_commit(f, &s.base, "x", ours, 2);
	s.theirs = make_commit(f, &s.base, "x", theirs, 3);
	return s;
}

static const char *merged(struct fixture *f, const struct sides *s, enum vcs_merge_level level,
	enum vcs_merge_favor favor)
{
	CLEANUP_MERGE struct vcs_merge *m = NULL;
	struct vcs_merge_conflict *conflicts;
	struct vcs_merge_side side;
	struct view content;
	size_t n;

	OK(vcs_merge_new(f->r, &s->ours, &s->theirs, level, favor, &m, E));
	OK(vcs_merge_conflicts(m, &f->arena, &conflicts, &n, E));
	if (n)
		return "conflict";
	if (!vcs_merge_find(m, "x", &side))
		return "gone";
	OK(vcs_blob_read(f->r, &side.id, 1000, &f->arena, &content, E));
	return arena_view_dup(&f->arena, content);
}

static void test_levels(void **state)
{
	struct fixture *f = *state;
	struct sides apart = edited(f, "A\nb\nc\nd\ne\nf\ng\n", "a\nb\nc\nd\ne\nf\nG\n");
	struct sides same = edited(f, "a\nb\nX\nd\ne\nf\ng\n", "A\nb\nY\nd\ne\nf\ng\n");
	struct sides gone = edited(f, NULL, "a\nb\nY\nd\ne\nf\ng\n");

	assert_string_equal(
		merged(f, &apart, VCS_MERGE_LINES, VCS_FAVOR_NONE), "A\nb\nc\nd\ne\nf\nG\n");
	assert_string_equal(merged(f, &apart, VCS_MERGE_FILES, VCS_FAVOR_NONE), "conflict");
	assert_string_equal(
		merged(f, &apart, VCS_MERGE_FILES, VCS_FAVOR_THEIRS), "a\nb\nc\nd\ne\nf\nG\n");
	assert_string_equal(
		merged(f, &apart, VCS_MERGE_FILES, VCS_FAVOR_OURS), "A\nb\nc\nd\ne\nf\ng\n");
	assert_string_equal(merged(f, &same, VCS_MERGE_LINES, VCS_FAVOR_NONE), "conflict");
	assert_string_equal(
		merged(f, &same, VCS_MERGE_LINES, VCS_FAVOR_OURS), "A\nb\nX\nd\ne\nf\ng\n");
	assert_string_equal(
		merged(f, &same, VCS_MERGE_LINES, VCS_FAVOR_THEIRS), "A\nb\nY\nd\ne\nf\ng\n");
	assert_string_equal(merged(f, &gone, VCS_MERGE_LINES, VCS_FAVOR_NONE), "conflict");
	assert_string_equal(merged(f, &gone, VCS_MERGE_LINES, VCS_FAVOR_OURS), "gone");
	assert_string_equal(
		merged(f, &gone, VCS_MERGE_FILES, VCS_FAVOR_THEIRS), "a\nb\nY\nd\ne\nf\ng\n");
}

static void test_settling(void **state)
{
	struct fixture *f = *state;
	CLEANUP_MERGE struct vcs_merge *m = NULL;
	struct sides s = edited(f, "A\n", "B\n");
	struct vcs_merge_conflict *conflicts;
	struct vcs_id tree;
	struct vcs_entry e;
	struct err err = ERR_INIT;
	size_t n;

	OK(vcs_merge_new(f->r, &s.ours, &s.theirs, VCS_MERGE_LINES, VCS_FAVOR_NONE, &m, E));
	OK(vcs_merge_conflicts(m, &f->arena, &conflicts, &n, E));
	assert_int_equal(n, 1);
	assert_string_equal(conflicts[0].path, "x");
	assert_true(conflicts[0].base.mode && conflicts[0].ours.mode && conflicts[0].theirs.mode);
	assert_int_equal(vcs_merge_write(m, &tree, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	OK(vcs_merge_settle(m, "x", &conflicts[0].theirs, E));
	OK(vcs_merge_write(m, &tree, E));
	assert_int_equal(OK(vcs_tree_find(f->r, &tree, "x", &f->arena, &e, E)), 1);
	assert_true(vcs_id_eq(&e.id, &conflicts[0].theirs.id));
	err_release(&err);
}

static void test_unrelated(void **state)
{
	struct fixture *f = *state;
	struct vcs_id a = make_commit(f, NULL, "x", "1", 1), b = make_commit(f, NULL, "y", "1", 2);
	struct vcs_merge *m = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(
		vcs_merge_new(f->r, &a, &b, VCS_MERGE_LINES, VCS_FAVOR_NONE, &m, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	err_release(&err);
}

/* ---- pieces ---- */

static void test_hunks(void **state)
{
	struct fixture *f = *state;
	struct vcs_merge_hunk *h;
	size_t n;

	OK(vcs_merge_hunks(view_of(base_text), VIEW("A\nb\nc\nX\ne\nf\ng\nnew"),
		VIEW("a\nb\nc\nY\nZ\ne\nf\ng\n"), &f->arena, &h, &n, E));
	assert_int_equal(n, 3);
	assert_false(h[0].conflict);
	assert_true(view_eq(h[0].ours.text, VIEW("A\n")));
	assert_true(view_eq(h[0].theirs.text, VIEW("a\n")));
	assert_true(h[1].conflict);
	assert_true(view_eq(h[1].base.text, VIEW("d\n")));
	assert_true(view_eq(h[1].ours.text, VIEW("X\n")));
	assert_true(view_eq(h[1].theirs.text, VIEW("Y\nZ\n")));
	assert_int_equal(h[1].theirs.start, 3);
	assert_int_equal(h[1].theirs.n, 2);
	assert_false(h[2].conflict);
	assert_true(view_eq(h[2].ours.text, VIEW("new")));
	assert_int_equal(h[2].ours.start, 7);
	assert_int_equal(h[2].theirs.start, 8);
	OK(vcs_merge_hunks(VIEW(""), VIEW("one\n"), VIEW("two\n"), &f->arena, &h, &n, E));
	assert_int_equal(n, 1);
	assert_true(h[0].conflict);
	assert_true(view_eq(h[0].base.text, VIEW("")));
	OK(vcs_merge_hunks(VIEW("same\n"), VIEW(""), VIEW(""), &f->arena, &h, &n, E));
	assert_int_equal(n, 1);
	assert_false(h[0].conflict);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_as_git_merges, setup_in_memory, teardown),
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_settling, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unrelated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hunks, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
