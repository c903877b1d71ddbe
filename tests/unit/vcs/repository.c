/* SPDX-License-Identifier: Apache-2.0 */
/* Repositories and references. */
#include "fixture.h"

#include <unistd.h>

#include "base/spawn.h"

static void test_create(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	assert_int_equal(vcs_repository_create(f->path, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	err_release(&err);
	assert_int_equal(OK(vcs_has_branches(f->r, E)), 0);
	{
		struct vcs_repository *none = NULL;

		assert_int_equal(vcs_repository_open("/nonexistent/x.git", &none, &err), -1);
		assert_int_equal(err.kind, ERR_NOT_FOUND);
		err_release(&err);
	}
}

static void test_ref_compare_and_swap(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct vcs_id a = make_commit(f, NULL, "a", "1", 100),
		      b = make_commit(f, &a, "a", "2", 200), got, zero = VCS_ID_ZERO;

	assert_int_equal(OK(vcs_ref_get(f->r, "refs/heads/main", &got, E)), 0);
	OK(vcs_ref_update(f->r, "refs/heads/main", &zero, &a, E));
	assert_int_equal(OK(vcs_ref_get(f->r, "refs/heads/main", &got, E)), 1);
	assert_string_equal(got.hex, a.hex);
	/* It exists, it is not b, a folder of its name is in the way. */
	assert_int_equal(vcs_ref_update(f->r, "refs/heads/main", &zero, &b, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(vcs_ref_update(f->r, "refs/heads/main", &b, &a, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	assert_int_equal(vcs_ref_update(f->r, "refs/heads/main/x", &zero, &b, &err), -1);
	OK(vcs_ref_update(f->r, "refs/heads/main", &a, &b, E));
	assert_int_equal(vcs_ref_update(f->r, "refs/heads/main", &a, &zero, &err), -1);
	assert_int_equal(err.kind, ERR_CONFLICT);
	OK(vcs_ref_update(f->r, "refs/heads/main", &b, &zero, E));
	assert_int_equal(OK(vcs_ref_get(f->r, "refs/heads/main", &got, E)), 0);
	err_release(&err);
}

static void test_list_sorted_and_packed(void **state)
{
	struct fixture *f = *state;
	struct vcs_id a = make_commit(f, NULL, "a", "1", 100), zero = VCS_ID_ZERO;
	struct vcs_ref *refs;
	size_t n;

	for (int i = 0; i < 70; i++)
		OK(vcs_ref_update(
			f->r, arena_printf(&f->arena, "refs/heads/b%02d", 69 - i), &zero, &a, E));
	OK(vcs_ref_update(f->r, "refs/tags/t", &zero, &a, E));
	OK(vcs_pack_objects(f->path, NULL, E));
	OK(vcs_pack_refs(f->path, E));
	assert_true(access(arena_printf(&f->arena, "%s/packed-refs", f->path), F_OK) == 0);
	OK(vcs_ref_update(f->r, "refs/heads/c", &zero, &a, E));
	OK(vcs_ref_update(f->r, "refs/heads/b05", &a, &zero, E));
	OK(vcs_refs_list(f->r, "refs/heads/", &f->arena, &refs, &n, E));
	assert_int_equal(n, 70);
	assert_string_equal(refs[0].name, "refs/heads/b00");
	assert_string_equal(refs[5].name, "refs/heads/b06");
	assert_string_equal(refs[69].name, "refs/heads/c");
	assert_int_equal(OK(vcs_has_branches(f->r, E)), 1);
}

static void test_names(void **state)
{
	(void)state;
	assert_true(vcs_ref_name_valid("refs/heads/feature/x.y-1"));
	assert_false(vcs_ref_name_valid("refs/heads/a..b"));
	assert_false(vcs_ref_name_valid("refs/heads/a b"));
	assert_false(vcs_ref_name_valid("refs/heads/"));
	assert_false(vcs_ref_name_valid("main"));
	assert_true(vcs_id_parse(VIEW("0123456789ABCDEF0123456789abcdef01234567"), NULL));
	assert_false(vcs_id_parse(VIEW("0123456789abcdef"), NULL));
	assert_false(vcs_id_parse(VIEW("g123456789abcdef0123456789abcdef01234567"), NULL));
}

static void test_leftovers(void **state)
{
	struct fixture *f = *state;
	char *lock = arena_printf(&f->arena, "%s/refs/heads/main.lock", f->path);
	char *quarantine = arena_printf(&f->arena, "%s/objects/tmp_objdir-incoming-x", f->path);
	const char *const refs[] = {"refs/heads/main"};

	OK(file_write_atomic(lock, VIEW("x"), 0644, E));
	OK(file_make_dirs(quarantine, 0755, E));
	vcs_remove_stale_locks(f->path, refs, 1);
	assert_false(file_exists(lock));
	vcs_remove_leftovers(f->path, 0);
	assert_true(file_exists(quarantine));
	vcs_remove_leftovers(f->path, INT64_MAX);
	assert_false(file_exists(quarantine));
	OK(vcs_head_set(f->r, "refs/heads/trunk", E));
	{
		struct str text = STR_INIT;

		OK(file_read(arena_printf(&f->arena, "%s/HEAD", f->path), 100, &text, E));
		assert_string_equal(str_text(&text), "ref: refs/heads/trunk\n");
		str_release(&text);
	}
}

/* Pages of every size, joined, are the whole list: loose, packed, both, annotated tags between. */
static void check_pages_of(struct fixture *f, const char *prefix)
{
	struct vcs_ref *all, *page;
	size_t n_all, n;

	OK(vcs_refs_list(f->r, prefix, &f->arena, &all, &n_all, E));
	for (size_t max = 1; max <= n_all + 1; max++) {
		const char *after = NULL;
		size_t at = 0;
		bool more = true;

		while (more) {
			OK(vcs_refs_page(f->r, prefix, after, max, &f->arena, &page, &n, &more, E));
			assert_true(at + n <= n_all && (n == max || !more));
			for (size_t i = 0; i < n; i++, at++) {
				assert_string_equal(page[i].name, all[at].name);
				assert_string_equal(page[i].id.hex, all[at].id.hex);
				after = page[i].name;
			}
		}
		assert_int_equal(at, n_all);
	}
}

static void check_pages(struct fixture *f)
{
	check_pages_of(f, "refs/heads/");
	check_pages_of(f, "refs/tags/");
}

static void test_pages(void **state)
{
	static const char *const names[] = {"refs/heads/a", "refs/heads/b/c", "refs/heads/b-",
		"refs/heads/b/a/x", "refs/heads/b0", "refs/heads/z", "refs/heads/m",
		"refs/tags/heads", "refs/tags/a", "refs/tags/z", "refs/headz/q", "refs/a/b"};
	struct fixture *f = *state;
	struct vcs_id id = make_commit(f, NULL, "a", "1", 1),
		      other = make_commit(f, NULL, "a", "2", 1);
	struct vcs_id zero = VCS_ID_ZERO;
	const char *pack[] = {"git", "--git-dir", f->path, "pack-refs", "--all", NULL};
	const char *tag[] = {"git", "--git-dir", f->path, "-c", "user.name=T", "-c",
		"user.email=t@example.com", "tag", "-a", "-m", "x", "annotated", id.hex, NULL};

	check_pages(f);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		OK(vcs_ref_update(f->r, names[i], &zero, &id, E));
	check_pages(f);
	OK(spawn_check(tag, NULL, E)); /* packed, a peeled line stands below it */
	OK(spawn_check(pack, NULL, E));
	check_pages(f);
	OK(vcs_ref_update(f->r, "refs/heads/b0", &id, &other, E)); /* loose over packed */
	OK(vcs_ref_update(f->r, "refs/heads/a", &id, &zero, E));
	OK(vcs_ref_update(f->r, "refs/heads/c", &zero, &other, E));
	OK(vcs_ref_update(f->r, "refs/heads/zz/z", &zero, &other, E));
	check_pages(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_create, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ref_compare_and_swap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list_sorted_and_packed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leftovers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
