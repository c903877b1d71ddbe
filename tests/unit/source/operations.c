/* SPDX-License-Identifier: Apache-2.0 */
/* The operations: results, exceptions and which of them comes first. */
#include "fixture.h"

#include "towpath.gen.h"

#define CALL(op, ...)                                                            \
	({                                                                       \
		struct codecommit_##op##_request req_ = {__VA_ARGS__};           \
		struct codecommit_##op##_response *resp_ =                       \
			arena_new(&f->arena, struct codecommit_##op##_response); \
		OK(source_##op(f->e, &f->call, &req_, resp_, E));                \
		resp_;                                                           \
	})
#define REFUSED(name, op, ...)                                              \
	do {                                                                \
		struct codecommit_##op##_request req_ = {__VA_ARGS__};      \
		struct codecommit_##op##_response resp_ = {0};              \
		FAILS(source_##op(f->e, &f->call, &req_, &resp_, E), name); \
	} while (0)

static void test_repositories(void **state)
{
	struct fixture *f = *state;
	const char *id = create(f, "shop-api");
	struct codecommit_repository_metadata *m =
		CALL(get_repository, .repository_name = "shop-api")->repository_metadata;

	assert_string_equal(m->repository_id, id);
	assert_string_equal(m->arn, "arn:aws:codecommit:eu-west-1:111122223333:shop-api");
	assert_string_equal(m->clone_url_http, "http://127.0.0.1:8080/v1/repos/shop-api");
	assert_string_equal(m->clone_url_ssh, "ssh://127.0.0.1/v1/repos/shop-api");
	assert_string_equal(m->account_id, "111122223333");
	assert_null(m->default_branch);
	REFUSED("RepositoryNameExists", create_repository, .repository_name = "shop-api");
	REFUSED("InvalidRepositoryName", create_repository, .repository_name = "shop.git");
	REFUSED("InvalidRepositoryName", create_repository, .repository_name = "a/b");
	REFUSED("RepositoryDoesNotExist", get_repository, .repository_name = "none");
	REFUSED("RepositoryNameRequired", get_repository, .repository_name = NULL);
	create(f, "other");
	REFUSED("RepositoryNameExists", update_repository_name, .old_name = "other",
		.new_name = "shop-api");
	CALL(update_repository_name, .old_name = "shop-api", .new_name = "shop");
	CALL(update_repository_description, .repository_name = "shop",
		.repository_description = "<b>new</b>");
	REFUSED("RepositoryDoesNotExist", get_repository, .repository_name = "shop-api");
	m = CALL(get_repository, .repository_name = "shop")->repository_metadata;
	assert_string_equal(m->repository_id, id);
	assert_string_equal(m->repository_description, "<b>new</b>");
	{
		struct codecommit_list_repositories_response *l =
			CALL(list_repositories, .order = "descending");

		assert_int_equal(l->repositories.n, 2);
		assert_string_equal(l->repositories.v[0].repository_name, "shop");
		assert_null(l->next_token);
	}
	REFUSED("InvalidContinuationToken", list_repositories, .next_token = "x");
	{
		const char *names[] = {"shop", "none"};
		struct codecommit_batch_get_repositories_response *b =
			CALL(batch_get_repositories, .repository_names = {names, 2, true});

		assert_int_equal(b->repositories.n, 1);
		assert_int_equal(b->repositories_not_found.n, 1);
	}
}

static void test_tags(void **state)
{
	struct fixture *f = *state;
	const char *arn = "arn:aws:codecommit:eu-west-1:111122223333:shop-api";
	struct codecommit_tags_map_kv two[] = {{"team", "a"}, {"stage", "test"}},
				      aws[] = {{"aws:x", "y"}};
	const char *keys[] = {"team", "none"};
	struct codecommit_list_tags_for_resource_response *l;

	create(f, "shop-api");
	CALL(tag_resource, .resource_arn = arn, .tags = {two, 2, true});
	two[0].value = "b";
	CALL(tag_resource, .resource_arn = arn, .tags = {two, 1, true});
	l = CALL(list_tags_for_resource, .resource_arn = arn);
	assert_int_equal(l->tags.n, 2);
	CALL(untag_resource, .resource_arn = arn, .tag_keys = {keys, 2, true});
	l = CALL(list_tags_for_resource, .resource_arn = arn);
	assert_int_equal(l->tags.n, 1);
	assert_string_equal(l->tags.v[0].key, "stage");
	REFUSED("InvalidSystemTagUsage", tag_resource, .resource_arn = arn, .tags = {aws, 1, true});
	REFUSED("InvalidResourceArn", list_tags_for_resource, .resource_arn = "arn:aws:s3:::x");
}

static void test_branches(void **state)
{
	struct fixture *f = *state;
	const char *first, *unknown = "0123456789012345678901234567890123456789";
	struct codecommit_list_branches_response *l;

	create(f, "r");
	first = put(f, "r", "trunk", NULL, "a", "1");
	assert_string_equal(
		CALL(get_repository, .repository_name = "r")->repository_metadata->default_branch,
		"trunk");
	CALL(create_branch, .repository_name = "r", .branch_name = "dev", .commit_id = first);
	REFUSED("BranchNameExists", create_branch, .repository_name = "r", .branch_name = "dev",
		.commit_id = first);
	REFUSED("BranchNameExists", create_branch, .repository_name = "r", .branch_name = "dev/x",
		.commit_id = first);
	REFUSED("InvalidBranchName", create_branch, .repository_name = "r", .branch_name = "a..b",
		.commit_id = first);
	REFUSED("InvalidBranchName", create_branch, .repository_name = "r", .branch_name = unknown,
		.commit_id = first);
	REFUSED("InvalidCommitId", create_branch, .repository_name = "r", .branch_name = "y",
		.commit_id = "abc");
	REFUSED("CommitDoesNotExist", create_branch, .repository_name = "r", .branch_name = "y",
		.commit_id = unknown);
	l = CALL(list_branches, .repository_name = "r");
	assert_int_equal(l->branches.n, 2);
	assert_string_equal(l->branches.v[0], "dev");
	assert_string_equal(
		CALL(get_branch, .repository_name = "r", .branch_name = "dev")->branch->commit_id,
		first);
	REFUSED("DefaultBranchCannotBeDeleted", delete_branch, .repository_name = "r",
		.branch_name = "trunk");
	CALL(update_default_branch, .repository_name = "r", .default_branch_name = "dev");
	REFUSED("BranchDoesNotExist", update_default_branch, .repository_name = "r",
		.default_branch_name = "none");
	assert_string_equal(CALL(delete_branch, .repository_name = "r", .branch_name = "trunk")
				    ->deleted_branch->commit_id,
		first);
	assert_null(CALL(delete_branch, .repository_name = "r", .branch_name = "trunk")
			    ->deleted_branch);
	REFUSED("BranchDoesNotExist", get_branch, .repository_name = "r", .branch_name = "trunk");
}

static void test_put_and_delete_file(void **state)
{
	struct fixture *f = *state;
	const char *first, *second, *unknown = "0123456789012345678901234567890123456789";
	struct codecommit_get_file_response *g;
	struct codecommit_get_commit_response *c;
	struct codecommit_delete_file_response *d;
	struct entries e;

	create(f, "r");
	REFUSED("FileContentRequired", put_file, .repository_name = "r", .branch_name = "main",
		.file_path = "a", .file_content = VIEW(""));
	first = put(f, "r", "main", NULL, "src/a", "1");
	REFUSED("ParentCommitIdRequired", put_file, .repository_name = "r", .branch_name = "main",
		.file_path = "a", .file_content = VIEW("1"));
	REFUSED("InvalidParentCommitId", put_file, .repository_name = "r", .branch_name = "main",
		.file_path = "a", .file_content = VIEW("1"), .parent_commit_id = "1");
	REFUSED("ParentCommitDoesNotExist", put_file, .repository_name = "r", .branch_name = "main",
		.file_path = "a", .file_content = VIEW("1"), .parent_commit_id = unknown);
	REFUSED("SameFileContent", put_file, .repository_name = "r", .branch_name = "main",
		.file_path = "src/a", .file_content = VIEW("1"), .parent_commit_id = first);
	REFUSED("BranchDoesNotExist", put_file, .repository_name = "r", .branch_name = "dev",
		.file_path = "src/a", .file_content = VIEW("1"), .parent_commit_id = first);
	REFUSED("FileNameConflictsWithDirectoryName", put_file, .repository_name = "r",
		.branch_name = "main", .file_path = "src", .file_content = VIEW("1"),
		.parent_commit_id = first);
	REFUSED("DirectoryNameConflictsWithFileName", put_file, .repository_name = "r",
		.branch_name = "main", .file_path = "src/a/b", .file_content = VIEW("1"),
		.parent_commit_id = first);
	REFUSED("InvalidPath", put_file, .repository_name = "r", .branch_name = "main",
		.file_path = "../a", .file_content = VIEW("1"), .parent_commit_id = first);
	REFUSED("InvalidPath", put_file, .repository_name = "r", .branch_name = "main",
		.file_path = ".git/config", .file_content = VIEW("1"), .parent_commit_id = first);
	second = put(f, "r", "main", first, "src/a", "2");
	REFUSED("ParentCommitIdOutdated", put_file, .repository_name = "r", .branch_name = "main",
		.file_path = "b", .file_content = VIEW("1"), .parent_commit_id = first);
	g = CALL(get_file, .repository_name = "r", .file_path = "src/a");
	assert_true(view_eq(g->file_content, VIEW("2")));
	assert_string_equal(g->commit_id, second);
	assert_string_equal(g->file_mode, "NORMAL");
	REFUSED("FileDoesNotExist", get_file, .repository_name = "r", .file_path = "src");
	REFUSED("CommitDoesNotExist", get_file, .repository_name = "r", .file_path = "src/a",
		.commit_specifier = "none");
	c = CALL(get_commit, .repository_name = "r", .commit_id = second);
	assert_string_equal(c->commit->message, "Edited src/a");
	assert_string_equal(c->commit->author->name, "arn:aws:iam::111122223333:user/ann");
	assert_string_equal(c->commit->author->date, "1700000000 +0000");
	assert_string_equal(c->commit->parents.v[0], first);
	d = CALL(delete_file, .repository_name = "r", .branch_name = "main", .file_path = "src/a",
		.parent_commit_id = second, .keep_empty_folders = WIRE_SET_BOOL(true));
	assert_string_equal(d->blob_id, g->blob_id);
	assert_int_equal(
		CALL(get_folder, .repository_name = "r", .folder_path = "src")->files.n, 1);
	e = journal_of(f);
	assert_int_equal(e.n, 3);
	assert_string_equal(e.v[0].subject, "arn:aws:codecommit:eu-west-1:111122223333:r");
	{
		struct towpath_event_ref event;

		OK(wire_decode_json(
			&towpath_event_ref_shape, view_of(e.v[1].detail), &f->arena, &event, E));
		assert_string_equal(event.event, "referenceUpdated");
		assert_string_equal(event.reference_type, "branch");
		assert_string_equal(event.reference_name, "main");
		assert_string_equal(event.reference_full_name, "refs/heads/main");
		assert_string_equal(event.commit_id, second);
		assert_string_equal(event.old_commit_id, first);
	}
}

static void test_create_commit(void **state)
{
	struct fixture *f = *state;
	struct codecommit_source_file_specifier move = {"a", WIRE_SET_BOOL(true)};
	struct codecommit_put_file_entry puts[] = {{VIEW("1"), NULL, "a", NULL},
		{VIEW("2"), "EXECUTABLE", "d/b", NULL}, {VIEW("x"), NULL, "d/c", NULL}};
	struct codecommit_put_file_entry again[] = {
		{.file_path = "d/moved", .source_file = &move}, {VIEW("new"), NULL, "e", NULL}};
	struct codecommit_put_file_entry clash[] = {
		{VIEW("1"), NULL, "q", NULL}, {VIEW("2"), NULL, "q/r", NULL}};
	struct codecommit_put_file_entry same[] = {{VIEW("new"), NULL, "e", NULL}},
					 neither[] = {{.file_path = "z"}},
					 both[] = {{VIEW("x"), NULL, "z", &move}};
	struct codecommit_delete_file_entry deletes[] = {{"d/c"}}, missing[] = {{"none"}},
					    e[] = {{"e"}};
	struct codecommit_set_file_mode_entry modes[] = {{"NORMAL", "d/b"}};
	struct codecommit_create_commit_response *c;
	struct codecommit_get_differences_response *d;
	const char *first;

	create(f, "r");
	REFUSED("FileEntryRequired", create_commit, .repository_name = "r", .branch_name = "main");
	c = CALL(create_commit, .repository_name = "r", .branch_name = "main",
		.put_files = {puts, 3, true}, .author_name = "Ann", .email = "a@b",
		.commit_message = "first");
	first = c->commit_id;
	assert_int_equal(c->files_added.n, 3);
	assert_string_equal(c->files_added.v[1].file_mode, "EXECUTABLE");
	assert_true(c->files_deleted.set);
	c = CALL(create_commit, .repository_name = "r", .branch_name = "main",
		.parent_commit_id = first, .put_files = {again, 2, true},
		.delete_files = {deletes, 1, true}, .set_file_modes = {modes, 1, true});
	assert_int_equal(c->files_added.n, 2);
	assert_int_equal(c->files_deleted.n, 2);
	assert_int_equal(c->files_updated.n, 1);
	d = CALL(get_differences, .repository_name = "r", .before_commit_specifier = first,
		.after_commit_specifier = "main");
	assert_int_equal(d->differences.n, 5);
	assert_string_equal(d->differences.v[0].change_type, "D");
	assert_string_equal(d->differences.v[1].change_type, "M");
	assert_string_equal(d->differences.v[1].before_blob->mode, "100755");
	assert_string_equal(d->differences.v[1].after_blob->mode, "100644");
	d = CALL(get_differences, .repository_name = "r", .after_commit_specifier = "HEAD",
		.after_path = "d", .max_results = WIRE_SET_INT(1));
	assert_int_equal(d->differences.n, 1);
	assert_string_equal(d->differences.v[0].after_blob->path, "d/b");
	assert_non_null(d->next_token);
	d = CALL(get_differences, .repository_name = "r", .after_commit_specifier = "HEAD",
		.after_path = "d", .next_token = d->next_token);
	assert_string_equal(d->differences.v[0].after_blob->path, "d/moved");
	assert_null(d->next_token);
	REFUSED("PathDoesNotExist", get_differences, .repository_name = "r",
		.after_commit_specifier = "HEAD", .after_path = "nowhere");
#define MORE .repository_name = "r", .branch_name = "main", .parent_commit_id = c->commit_id
	REFUSED("NoChange", create_commit, MORE, .put_files = {same, 1, true});
	REFUSED("PutFileEntryConflict", create_commit, MORE, .put_files = {clash, 2, true});
	REFUSED("SourceFileOrContentRequired", create_commit, MORE,
		.put_files = {neither, 1, true});
	REFUSED("FileContentAndSourceFileSpecified", create_commit, MORE,
		.put_files = {both, 1, true});
	REFUSED("FileDoesNotExist", create_commit, MORE, .delete_files = {missing, 1, true});
	REFUSED("SamePathRequest", create_commit, MORE, .put_files = {same, 1, true},
		.delete_files = {e, 1, true});
	assert_int_equal(
		CALL(list_file_commit_history, .repository_name = "r", .file_path = "d/moved")
			->revision_dag.n,
		2);
}

static void test_folders_and_blobs(void **state)
{
	struct fixture *f = *state;
	struct codecommit_put_file_entry puts[] = {{VIEW("1"), NULL, "a", NULL},
		{VIEW("a"), "SYMLINK", "link", NULL}, {VIEW("x"), NULL, "d/e/c", NULL}};
	struct codecommit_get_folder_response *g;

	create(f, "r");
	REFUSED("CommitDoesNotExist", get_folder, .repository_name = "r", .folder_path = "/");
	CALL(create_commit, .repository_name = "r", .branch_name = "main",
		.put_files = {puts, 3, true});
	g = CALL(get_folder, .repository_name = "r", .folder_path = "/");
	assert_string_equal(g->folder_path, "");
	assert_int_equal(g->files.n, 1);
	assert_int_equal(g->symbolic_links.n, 1);
	assert_int_equal(g->sub_folders.n, 1);
	assert_true(g->sub_modules.set);
	assert_true(view_eq(
		CALL(get_blob, .repository_name = "r", .blob_id = g->files.v[0].blob_id)->content,
		VIEW("1")));
	REFUSED("BlobIdDoesNotExist", get_blob, .repository_name = "r", .blob_id = g->tree_id);
	REFUSED("FolderDoesNotExist", get_folder, .repository_name = "r", .folder_path = "a");
	g = CALL(get_folder, .repository_name = "r", .folder_path = "d/");
	assert_string_equal(g->sub_folders.v[0].absolute_path, "d/e");
	assert_string_equal(g->sub_folders.v[0].relative_path, "e");
	{
		const char *ids[] = {g->commit_id, "bad", g->tree_id};
		struct codecommit_batch_get_commits_response *b = CALL(
			batch_get_commits, .repository_name = "r", .commit_ids = {ids, 3, true});

		assert_int_equal(b->commits.n, 1);
		assert_int_equal(b->errors.n, 2);
		assert_string_equal(b->errors.v[0].error_code, "InvalidCommitIdException");
	}
}

static void test_resolve(void **state)
{
	struct fixture *f = *state;
	struct source_commit c;
	const char *first;

	create(f, "r");
	first = put(f, "r", "main", NULL, "a", "1");
	OK(source_resolve(f->e, "r", NULL, &f->arena, &c, E));
	assert_string_equal(c.commit.id.hex, first);
	assert_string_equal(c.branch, "main");
	OK(source_resolve(f->e, "r", first, &f->arena, &c, E));
	assert_null(c.branch);
	OK(source_resolve(f->e, "r", "refs/heads/main", &f->arena, &c, E));
	assert_string_equal(c.branch, "main");
	FAILS(source_resolve(f->e, "r", "abc", &f->arena, &c, E), "CommitDoesNotExist");
	FAILS(source_resolve(f->e, "r", "main~1", &f->arena, &c, E), "InvalidCommit");
	assert_string_equal(source_name_of_url("http://h:1/v1/repos/shop", &f->arena), "shop");
	assert_null(source_name_of_url("http://h:1/other", &f->arena));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_repositories, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_branches, setup, teardown),
		cmocka_unit_test_setup_teardown(test_put_and_delete_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_create_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folders_and_blobs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resolve, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
