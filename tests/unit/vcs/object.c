/* SPDX-License-Identifier: Apache-2.0 */
/* Objects, edits, differences, history, archives and clones. */
#include "fixture.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/spawn.h"

static void test_commit_roundtrip(void **state)
{
	struct fixture *f = *state;
	struct vcs_id id = make_commit(f, NULL, "d/a.txt", "hello", 1700000000), none = id;
	struct vcs_commit c;
	struct vcs_entry e;
	struct view content;
	struct err err = ERR_INIT;

	assert_int_equal(OK(vcs_commit_read(f->r, &id, &f->arena, &c, E)), 1);
	assert_string_equal(c.author.name, "Ann x");
	assert_string_equal(c.committer.email, "ann@example.test");
	assert_int_equal(c.author.when, 1700000000);
	assert_int_equal(c.author.offset_minutes, 90);
	assert_string_equal(c.message, "message\n");
	assert_string_equal(c.extra, "");
	assert_int_equal(OK(vcs_tree_find(f->r, &c.tree, "d/a.txt", &f->arena, &e, E)), 1);
	assert_int_equal(e.mode, VCS_MODE_FILE);
	assert_int_equal(OK(vcs_tree_find(f->r, &c.tree, "d/b.txt", &f->arena, &e, E)), 0);
	assert_int_equal(OK(vcs_tree_find(f->r, &c.tree, "d", &f->arena, &e, E)), 1);
	assert_int_equal(e.mode, VCS_MODE_TREE);
	assert_int_equal(OK(vcs_tree_find(f->r, &c.tree, "d/a.txt", &f->arena, &e, E)), 1);
	OK(vcs_blob_read(f->r, &e.id, 5, &f->arena, &content, E));
	assert_true(view_eq(content, VIEW("hello")));
	assert_int_equal(vcs_blob_read(f->r, &e.id, 4, &f->arena, &content, &err), -1);
	assert_int_equal(err.kind, ERR_TOO_LARGE);
	none.hex[0] = none.hex[0] == '0' ? '1' : '0';
	assert_int_equal(vcs_blob_read(f->r, &none, 4, &f->arena, &content, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_int_equal(OK(vcs_commit_read(f->r, &none, &f->arena, &c, E)), 0);
	assert_int_equal(vcs_object_type(f->r, &none), VCS_NONE);
	assert_int_equal(vcs_object_type(f->r, &id), VCS_COMMIT);
	err_release(&err);
}

static void test_empty_folders_vanish(void **state)
{
	struct fixture *f = *state;
	struct vcs_id a = make_commit(f, NULL, "x", "1", 1),
		      b = make_commit(f, &a, "d/e/f", "2", 2),
		      c = make_commit(f, &b, "d/e/f", NULL, 3);
	struct vcs_commit ca, cc;

	OK(vcs_commit_read(f->r, &a, &f->arena, &ca, E));
	OK(vcs_commit_read(f->r, &c, &f->arena, &cc, E));
	assert_string_equal(ca.tree.hex, cc.tree.hex);
	assert_int_equal(OK(vcs_is_ancestor(f->r, &a, &c, E)), 1);
	assert_int_equal(OK(vcs_is_ancestor(f->r, &c, &a, E)), 0);
}

/* Lines of `git diff-tree --raw`, as ours would read. */
static void raw_of(const struct vcs_difference *d, size_t n, struct str *out)
{
	for (size_t i = 0; i < n; i++)
		str_addf(out, ":%06o %06o %s %s %c\t%s\n", d[i].before_mode, d[i].after_mode,
			d[i].before_mode ? d[i].before.hex : VCS_ID_ZERO.hex,
			d[i].after_mode ? d[i].after.hex : VCS_ID_ZERO.hex, d[i].change, d[i].path);
}

#define RANDOM_COMMITS 60

/* Files that become folders and back, names that sort around '/', modes and links. */
static void random_history(struct fixture *f)
{
	static const char *const names[] = {"a", "a.b", "a0", "b", "B"};
	static const char *const modes[] = {"100644", "100644", "100755", "120000"};
	const char *argv[] = {"git", "--git-dir", f->path, "fast-import", "--quiet", NULL};
	struct spawn s = SPAWN_INIT;
	struct spawn_result result = {0};
	struct str in = STR_INIT;

	srand(7);
	for (int i = 1; i <= RANDOM_COMMITS; i++) {
		str_addf(&in,
			"commit refs/heads/random\nmark :%d\ncommitter T <t@e> %d +0000\ndata "
			"1\nx\n",
			i, 1500000000 + i);
		for (int k = rand() % 4; k >= 0; k--) {
			struct str path = STR_INIT;

			for (int depth = rand() % 3; depth >= 0; depth--)
				str_addf(
					&path, "%s%s", names[(size_t)rand() % 5], depth ? "/" : "");
			if (rand() % 5 == 0)
				str_addf(&in, "D %s\n", str_text(&path));
			else
				str_addf(&in, "M %s inline %s\ndata 1\n%d\n", modes[rand() % 4],
					str_text(&path), rand() % 10);
			str_release(&path);
		}
	}
	s.argv = argv;
	OK(spawn_run(&s, str_view(&in), MIB, 0, &result, E));
	assert_int_equal(result.exit_code, 0);
	spawn_result_release(&result);
	str_release(&in);
}

static void test_differences_as_git(void **state)
{
	struct fixture *f = *state;

	random_history(f);
	for (int i = 0; i < 40; i++) {
		char *old = arena_printf(&f->arena, "random~%d^{tree}", rand() % RANDOM_COMMITS);
		char *new = arena_printf(&f->arena, "random~%d^{tree}", rand() % RANDOM_COMMITS);
		const char *ids[] = {"git", "--git-dir", f->path, "rev-parse", old, new, NULL};
		const char *diff[] = {"git", "--git-dir", f->path, "diff-tree", "-r", "--raw",
			"--no-abbrev", "--no-renames", old, new, NULL};
		struct str text = STR_INIT, want = STR_INIT, got = STR_INIT;
		struct vcs_difference *d;
		struct vcs_id a, b;
		const char *behind = NULL;
		struct view rest;
		size_t n;
		bool more = true;

		OK(spawn_check(ids, &text, E));
		rest = str_view(&text);
		vcs_id_parse(view_cut(&rest, '\n'), &a);
		vcs_id_parse(view_cut(&rest, '\n'), &b);
		OK(spawn_check(diff, &want, E));
		for (char *p = want.p; p && (p = strstr(p, " T\t")); p++)
			p[1] = 'M'; /* git tells a changed type apart */
		while (more) {	    /* by pages */
			OK(vcs_diff_trees(
				f->r, &a, &b, "", behind, 3, &f->arena, &d, &n, &more, E));
			raw_of(d, n, &got);
			behind = n ? d[n - 1].path : NULL;
		}
		assert_string_equal(str_text(&got), str_text(&want));
		str_release(&text);
		str_release(&want);
		str_release(&got);
	}
}

static void test_differences(void **state)
{
	struct fixture *f = *state;
	struct vcs_id a = make_commit(f, NULL, "x", "1", 1), b = make_commit(f, &a, "y", "2", 2),
		      c = make_commit(f, &b, "x", "3", 3), d = make_commit(f, &c, "y", NULL, 4);
	struct vcs_commit cb, cd;
	struct vcs_difference *diff;
	size_t n;
	bool more;

	OK(vcs_commit_read(f->r, &b, &f->arena, &cb, E));
	OK(vcs_commit_read(f->r, &d, &f->arena, &cd, E));
	OK(vcs_diff_trees(f->r, &cb.tree, &cd.tree, "", NULL, 10, &f->arena, &diff, &n, &more, E));
	assert_int_equal(n, 2);
	assert_false(more);
	assert_int_equal(diff[0].change, 'M');
	assert_string_equal(diff[0].path, "x");
	assert_int_equal(diff[1].change, 'D');
	assert_string_equal(diff[1].path, "y");
	assert_int_equal(diff[1].after_mode, 0);
	OK(vcs_diff_trees(f->r, NULL, &cb.tree, "p/", "p/x", 1, &f->arena, &diff, &n, &more, E));
	assert_int_equal(n, 1);
	assert_false(more);
	assert_int_equal(diff[0].change, 'A');
	assert_string_equal(diff[0].path, "p/y");
	OK(vcs_diff_trees(f->r, NULL, &cb.tree, "", NULL, 1, &f->arena, &diff, &n, &more, E));
	assert_true(more);
}

static void test_history_follows_renames(void **state)
{
	struct fixture *f = *state;
	struct vcs_id a = make_commit(f, NULL, "old", "line 1\nline 2\nline 3\n", 1),
		      b = make_commit(f, &a, "other", "x", 2), tree, moved, last, blob;
	struct vcs_commit cb;
	struct vcs_entry e;
	struct vcs_version *v;
	struct vcs_version_mark first;
	struct vcs_signature who = {"Ann", "", 3, 0};
	size_t n;
	bool more;

	OK(vcs_commit_read(f->r, &b, &f->arena, &cb, E));
	assert_int_equal(OK(vcs_tree_find(f->r, &cb.tree, "old", &f->arena, &e, E)), 1);
	blob = e.id;
	{
		struct vcs_edit edits[] = {{"old", 0, {""}}, {"new", VCS_MODE_FILE, blob}};

		OK(vcs_tree_edit(f->r, &cb.tree, edits, 2, &tree, E));
	}
	OK(vcs_commit_write(f->r, &tree, &b, 1, &who, "move", &moved, E));
	last = make_commit(f, &moved, "new", "line 1\nline 2\nline 4\n", 4);
	OK(vcs_file_history(f->r, &last, "new", NULL, 10, &f->arena, &v, &n, &more, E));
	assert_int_equal(n, 3);
	assert_false(more);
	assert_string_equal(v[0].commit.hex, last.hex);
	assert_int_equal(v[0].n_children, 0);
	assert_string_equal(v[1].commit.hex, moved.hex);
	assert_string_equal(v[1].path, "new");
	assert_int_equal(v[1].n_children, 1);
	assert_string_equal(v[1].children[0].hex, last.hex);
	assert_string_equal(v[2].commit.hex, a.hex);
	assert_string_equal(v[2].path, "old");
	first = (struct vcs_version_mark){last, "new"};
	OK(vcs_file_history(f->r, &last, "new", &first, 1, &f->arena, &v, &n, &more, E));
	assert_int_equal(n, 1);
	assert_true(more);
	assert_string_equal(v[0].commit.hex, moved.hex);
	assert_string_equal(v[0].children[0].hex, last.hex);
	OK(vcs_file_history(f->r, &last, "gone", NULL, 10, &f->arena, &v, &n, &more, E));
	assert_int_equal(n, 0);
}

static void test_archive_ignores_attributes(void **state)
{
	struct fixture *f = *state;
	struct vcs_id a = make_commit(f, NULL, ".gitattributes", "secret export-ignore\n", 1),
		      b = make_commit(f, &a, "secret", "kept", 2);
	char *zip = arena_printf(&f->arena, "%s/x.zip", f->dir);
	const char *const list[] = {"/usr/bin/python3", "-m", "zipfile", "-l", zip, NULL};
	struct str out = STR_INIT;
	int fd = open(zip, O_RDWR | O_CREAT, 0644);

	OK(vcs_archive_zip(f->path, &b, fd, NULL, E));
	close(fd);
	OK(spawn_check(list, &out, E));
	assert_non_null(strstr(str_text(&out), "secret"));
	str_release(&out);
}

static void test_clone(void **state)
{
	struct fixture *f = *state;
	struct vcs_id a = make_commit(f, NULL, "x", "1", 1), b = make_commit(f, &a, "x", "2", 2),
		      zero = VCS_ID_ZERO;
	static const int depths[] = {0, 1};

	OK(vcs_ref_update(f->r, "refs/heads/main", &zero, &b, E));
	for (size_t i = 0; i < ARRAY_SIZE(depths); i++) {
		char *dir = arena_printf(&f->arena, "%s/w%zu", f->dir, i);
		struct str text = STR_INIT;

		OK(vcs_clone(f->path, i ? &b : &a, i ? "main" : NULL, depths[i], dir, NULL, E));
		OK(file_read(arena_printf(&f->arena, "%s/x", dir), 10, &text, E));
		assert_string_equal(str_text(&text), i ? "2" : "1");
		str_release(&text);
	}
}

/* A file whose pack is too large, and one that is so only when it is checked out. */
static void test_clone_of_what_is_too_large(void **state)
{
	struct fixture *f = *state;
	static char noise[3 * MIB], zeros[3 * MIB];
	const struct {
		char *bytes;
		struct vcs_bounds bounds;
		bool fits;
	} cases[] = {
		{noise, {.disk_max = 2 * MIB}, false},
		{zeros, {.disk_max = 2 * MIB}, false},
		{zeros, {.disk_max = 16 * MIB}, true},
	};

	for (size_t at = 0; at < sizeof(noise); at += 4096)
		assert_int_equal(getrandom(noise + at, 4096, 0), 4096);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] |= 1; /* a text, which make_commit() takes */
	noise[sizeof(noise) - 1] = '\0';
	memset(zeros, '0', sizeof(zeros) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *dir = arena_printf(&f->arena, "%s/l%zu", f->dir, i);
		struct vcs_id c = make_commit(f, NULL, "x", cases[i].bytes, 1), zero = VCS_ID_ZERO;
		CLEANUP_ERR struct err err = ERR_INIT;
		char *ref = arena_printf(&f->arena, "refs/heads/b%zu", i);

		OK(vcs_ref_update(f->r, ref, &zero, &c, E));
		if (cases[i].fits) {
			OK(vcs_clone(f->path, &c, NULL, 1, dir, &cases[i].bounds, E));
			continue;
		}
		assert_int_equal(vcs_clone(f->path, &c, NULL, 1, dir, &cases[i].bounds, &err), -1);
		assert_true(err_is(&err, ERR_TOO_LARGE));
		assert_non_null(strstr(err_message(&err), "more than 2 MiB of the disk"));
		OK(vcs_ref_update(f->r, ref, &c, &zero, E));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_commit_roundtrip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clone_of_what_is_too_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_folders_vanish, setup, teardown),
		cmocka_unit_test_setup_teardown(test_differences, setup, teardown),
		cmocka_unit_test_setup_teardown(test_differences_as_git, setup, teardown),
		cmocka_unit_test_setup_teardown(test_history_follows_renames, setup, teardown),
		cmocka_unit_test_setup_teardown(test_archive_ignores_attributes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clone, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
