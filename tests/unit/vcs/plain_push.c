/* SPDX-License-Identifier: Apache-2.0 */
/* Small pushes, made by git in a folder of its own: those that need no process, those that are
 * right but not plain, and those that nobody may accept. */
#include "fixture.h"

#include <dirent.h>
#include <signal.h>

#include "base/path.h"
#include "base/spawn.h"
#include "base/vec.h"
#include "memory.h"
#include "vcs/git2.h"

static const char zero[] = "0000000000000000000000000000000000000000";

/* Runs git in the client's folder: its output in the arena, all of it or (ret_bytes NULL) a line.
 */
static char *git_with(
	struct fixture *f, struct view input, struct view *ret_bytes, const char *words)
{
	CLEANUP_STRV struct strv argv = {0};
	struct view rest = view_of(words);
	struct spawn s = SPAWN_INIT;
	struct spawn_result result = {0};
	char *text;

	strv_add(&argv, "git");
	strv_add(&argv, "-C");
	strv_addf(&argv, "%s/c", f->dir);
	while (rest.p) {
		struct view word = view_cut(&rest, ' ');

		strv_addf(&argv, VIEW_FMT, VIEW_ARG(word));
	}
	s.argv = (const char *const *)argv.v;
	OK(spawn_run(&s, input, MIB, 0, &result, E));
	if (result.exit_code)
		fail_msg("git %s: %s", words, str_text(&result.errout));
	text = arena_view_dup(&f->arena, str_view(&result.out));
	if (ret_bytes)
		*ret_bytes = (struct view){text, result.out.len};
	else
		text[strcspn(text, "\n")] = '\0';
	spawn_result_release(&result);
	return text;
}

static char *git(struct fixture *f, const char *words)
{
	return git_with(f, VIEW(""), NULL, words);
}

static void put(struct fixture *f, const char *name, const char *content)
{
	char *path = arena_printf(&f->arena, "%s/c/%s", f->dir, name);
	char *folder = arena_strndup(&f->arena, path, (size_t)(path_base(path) - path));

	OK(file_make_dirs(folder, 0755, E));
	OK(file_replace(path, view_of(content), 0644, E));
}

/* All that stands in the folder, as a commit. */
static char *commit(struct fixture *f, const char *message)
{
	git(f, "add -A");
	git(f, arena_printf(&f->arena, "commit -q --allow-empty -m %s", message));
	return git(f, "rev-parse HEAD");
}

static int setup_client(void **state)
{
	struct fixture *f;
	char *path;

	setup_in_memory(state);
	f = *state;
	path = arena_printf(&f->arena, "%s/c", f->dir);
	OK(file_make_dirs(path, 0755, E));
	git(f, "init -q -b main");
	git(f, "config user.name T");
	git(f, "config user.email t@example.test");
	return 0;
}

static size_t count_packs(struct fixture *f)
{
	CLEANUP(freep) char *path = path_join(f->path, "objects/pack");
	DIR *dir = opendir(path);
	struct dirent *e;
	size_t n = 0;

	while ((e = readdir(dir)))
		n += ends_with(e->d_name, ".pack");
	closedir(dir);
	return n;
}

static int go_on(void *arg, struct err *err)
{
	(void)arg;
	(void)err;
	return 0;
}

/* One reference, and the pack that git makes of these revisions ("^ID" keeps back) or objects. */
struct
try {
	const char *ref, *before, *after;
	const char *revisions; /* lines; NULL: `after` without what `before` has */
	const char *objects;   /* lines, in place of revisions */
	bool forward_only, damaged;
};

/* What the client is told; *ret_plain: no pack came of it. */
static char *push(struct fixture *f, const struct try *t, bool *ret_plain)
{
	static const char capabilities[] = " report-status side-band-64k ofs-delta";
	struct vcs_push_bracket bracket = {go_on, go_on, NULL};
	struct str request = STR_INIT;
	struct memory m = {.step = 1000};
	struct vcs_stream s = {memory_read, memory_write, &m};
	size_t packs = count_packs(f);
	struct vcs_push p;
	struct view pack;
	char *line = arena_printf(&f->arena, "%s %s %s", t->before, t->after, t->ref), *said;
	const char *revisions = t->revisions ? t->revisions
				: streq(t->before, zero)
					? arena_printf(&f->arena, "%s\n", t->after)
					: arena_printf(&f->arena, "%s\n^%s\n", t->after, t->before);

	git_with(f, view_of(t->objects ? t->objects : revisions), &pack,
		t->objects ? "pack-objects --stdout -q"
			   : "pack-objects --stdout --revs --thin --delta-base-offset -q");
	str_addf(&request, "%04zx%s", strlen(line) + 1 + strlen(capabilities) + 4, line);
	str_add_n(&request, "", 1);
	str_addf(&request, "%s0000", capabilities);
	str_add_view(&request, pack);
	if (t->damaged)
		request.p[request.len - 30] ^= 1;
	m.in = str_view(&request);
	OK(vcs_push_read(&s, &f->arena, &p, E));
	p.commands[0].forward_only = t->forward_only;
	OK(vcs_receive_pack(f->path, &p, &s, &bracket, E));
	vcs_push_release(&p);
	said = arena_view_dup(&f->arena, str_view(&m.out));
	*ret_plain = count_packs(f) == packs;
	str_release(&m.out);
	str_release(&request);
	for (size_t i = 0; i < 40; i++) /* the bands' frames have no text */
		if (said[i] && (said[i] < ' ' || said[i] > '~'))
			said[i] = ' ';
	return said;
}

static bool holds(struct fixture *f, const char *ref, const char *id)
{
	struct vcs_id now;
	int rc = OK(vcs_ref_get(f->r, ref, &now, E));

	return streq(id, zero) ? rc == 0 : rc == 1 && streq(now.hex, id);
}

static void accept(struct fixture *f, struct try t, bool plain)
{
	const char *const fsck[] = {
		"git", "--git-dir", f->path, "fsck", "--strict", "--no-dangling", NULL};
	bool was_plain;
	char *said = push(f, &t, &was_plain);

	if (!strstr(said, "ok refs/") || !holds(f, t.ref, t.after))
		fail_msg("%s: %s", t.ref, said);
	assert_int_equal(was_plain, plain);
	OK(spawn_check(fsck, NULL, E));
}

static size_t count_objects(struct fixture *f)
{
	const char *const argv[] = {"git", "--git-dir", f->path, "cat-file", "--batch-check",
		"--batch-all-objects", NULL};
	CLEANUP_STR struct str out = STR_INIT;
	size_t n = 0;

	OK(spawn_check(argv, &out, E));
	for (size_t i = 0; i < out.len; i++)
		n += out.p[i] == '\n';
	return n;
}

/* Nothing changes; the client is told `why`. quarantined: nothing stays of it either. */
static void refuse(struct fixture *f, struct try t, const char *why, bool quarantined)
{
	size_t objects = count_objects(f);
	struct vcs_id id;
	bool plain;
	int had = OK(vcs_ref_get(f->r, t.ref, &id, E));
	char *said = push(f, &t, &plain);

	if (!strstr(said, arena_printf(&f->arena, "ng %s %s", t.ref, why)))
		fail_msg("%s: %s", t.ref, said);
	assert_true(holds(f, t.ref, had ? id.hex : zero));
	if (quarantined)
		assert_int_equal(count_objects(f), objects);
}

#define LINES "1\n2\n3\n4\n5\n6\n7\n8\n9\nten\neleven\ntwelve\nthirteen\nfourteen\nfifteen\n"

static void test_plain_pushes(void **state)
{
	struct fixture *f = *state;
	char *one, *two, *side, *merged;

	put(f, "file", LINES);
	put(f, "folder/deep/file", LINES);
	put(f, "folder.c", "between");
	put(f, ".gitignore", "*.o\n");
	one = commit(f, "one");
	accept(f, (struct try){"refs/heads/main", zero, one}, true);
	put(f, "file", LINES "changed\n"); /* goes as a difference */
	commit(f, "changed");
	put(f, "folder/deep/other", "new");
	two = commit(f, "two");
	accept(f, (struct try){"refs/heads/main", one, two}, true);
	accept(f,
		(struct try){"refs/heads/same", zero, two,
			.revisions = arena_printf(&f->arena, "%s\n^%s\n", two, two)},
		true);
	git(f, arena_printf(&f->arena, "checkout -q -b side %s", one));
	put(f, "folder/aside", "aside");
	side = commit(f, "side");
	accept(f,
		(struct try){"refs/heads/side", zero, side,
			.revisions = arena_printf(&f->arena, "%s\n^%s\n", side, one)},
		false);
	git(f, "checkout -q main");
	git(f, "merge -q --no-edit side");
	merged = git(f, "rev-parse HEAD");
	accept(f,
		(struct try){"refs/heads/main", two, merged,
			.revisions = arena_printf(&f->arena, "%s\n^%s\n^%s\n", merged, two, side)},
		true);
	git(f, "rm -q -r folder");
	accept(f, (struct try){"refs/heads/main", merged, commit(f, "less"), .forward_only = true},
		true);
}

static void test_pushes_that_git_judges(void **state)
{
	struct fixture *f = *state;
	char *one, *last, *now;

	put(f, "file", LINES);
	put(f, ".gitattributes", "* text\n");
	one = commit(f, "one");
	accept(f, (struct try){"refs/heads/main", zero, one}, false);
	put(f, "file", "2"); /* beside a name that is there already */
	last = commit(f, "two");
	accept(f, (struct try){"refs/heads/main", one, last}, true);
	put(f, "na\303\257ve", "3");
	now = commit(f, "name");
	accept(f, (struct try){"refs/heads/main", last, now}, false);
	git(f, "mv file moved");
	last = now;
	now = commit(f, "moved");
	accept(f, (struct try){"refs/heads/main", last, now}, false);
	git(f, arena_printf(&f->arena, "update-index --add --cacheinfo 160000,%s,module", one));
	git(f, "commit -q -m module");
	last = now;
	now = git(f, "rev-parse HEAD");
	accept(f, (struct try){"refs/heads/main", last, now}, false);
	git(f, "tag -a -m tag v1");
	accept(f,
		(struct try){"refs/tags/v1", zero, git(f, "rev-parse v1"),
			.revisions = arena_printf(&f->arena, "v1\n^%s\n", now)},
		false);
	git(f, arena_printf(&f->arena, "checkout -q --detach %s", one));
	put(f, "file", "forced");
	last = now;
	now = commit(f, "forced");
	refuse(f, (struct try){"refs/heads/main", last, now, .forward_only = true},
		"non-fast-forward", true);
	accept(f, (struct try){"refs/heads/main", last, now}, false);
}

/* A tree with one entry, written whatever it says. */
static char *write_tree(struct fixture *f, const char *mode, const char *name, const char *id)
{
	CLEANUP_STR struct str bytes = STR_INIT;
	git_oid oid;

	str_addf(&bytes, "%s %s", mode, name);
	str_add_c(&bytes, '\0');
	assert_int_equal(git_oid_fromstr(&oid, id), 0);
	str_add_n(&bytes, (const char *)oid.id, sizeof(oid.id));
	return git_with(f, str_view(&bytes), NULL, "hash-object -t tree --literally -w --stdin");
}

static char *commit_of(struct fixture *f, const char *tree, const char *more)
{
	return git(f, arena_printf(&f->arena, "commit-tree -m odd %s%s", tree, more));
}

static void test_wrong_pushes(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *mode, *name;
	} bad[] = {{"100644", ".git"}, {"100644", ".GIT"}, {"40000", "git~1"}, {"100644", ".."},
		{"100644", "a/b"}};
	char *blob, *tree, *id, *one, *two;
	struct view bytes;

	put(f, "file", LINES);
	one = commit(f, "one");
	blob = git(f, "rev-parse HEAD:file");
	put(f, "file", "two");
	two = commit(f, "two");
#define OBJECTS(...) arena_printf(&f->arena, __VA_ARGS__)
	/* Without the file that its tree names. */
	tree = git(f, arena_printf(&f->arena, "rev-parse %s^{tree}", one));
	refuse(f,
		(struct try){
			"refs/heads/main", zero, one, .objects = OBJECTS("%s\n%s\n", one, tree)},
		"unpacker error", true);
	/* Without the parent. */
	refuse(f,
		(struct try){"refs/heads/main", zero, two,
			.objects = OBJECTS("%s\n%s\n%s\n", two, git(f, "rev-parse HEAD^{tree}"),
				git(f, "rev-parse HEAD:file"))},
		"unpacker error", true);
	refuse(f, (struct try){"refs/heads/main", zero, one, .damaged = true}, "unpacker error",
		true);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *inner = streq(bad[i].mode, "40000") ? tree : blob;
		char *odd = write_tree(f, bad[i].mode, bad[i].name, inner);

		id = commit_of(f, odd, "");
		refuse(f,
			(struct try){"refs/heads/main", zero, id,
				.objects = OBJECTS("%s\n%s\n%s\n%s\n", id, odd, tree, blob)},
			"unpacker error", true);
	}
	accept(f, (struct try){"refs/heads/main", zero, one}, true);
	/* A commit is here, but no reference holds it, nor is its tree here. */
	git_with(f, VIEW(""), &bytes, arena_printf(&f->arena, "cat-file commit %s", two));
	git_with(f, bytes, NULL,
		arena_printf(&f->arena, "--git-dir=%s hash-object -t commit -w --stdin", f->path));
	id = commit_of(f, tree, arena_printf(&f->arena, " -p %s", two));
	refuse(f,
		(struct try){"refs/heads/hole", zero, id,
			.objects = OBJECTS("%s\n%s\n%s\n", id, tree, blob)},
		"missing necessary objects", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plain_pushes, setup_client, teardown),
		cmocka_unit_test_setup_teardown(
			test_pushes_that_git_judges, setup_client, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_pushes, setup_client, teardown),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
