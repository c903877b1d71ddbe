/* SPDX-License-Identifier: Apache-2.0 */
/* Real git clients against the git routes, with an identity of the test's own: who may enter,
 * which references may be pushed, and that each accepted change has its event. */
#include "api/githttp.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/vec.h"
#include "store/migrations.h"

struct fixture {
	char dir[64];
	struct db *db;
	struct clock clock;
	struct durable *d;
	struct source_engine *source;
	struct auth auth;
	struct git_access_config config;
	struct http_server *server;
	struct arena arena;
	int protocol;
};

#define OK(call_)                                                       \
	({                                                              \
		struct err err_ = ERR_INIT;                             \
		int rc_ = (call_);                                      \
		if (rc_ < 0)                                            \
			fail_msg("%s: %s", #call_, err_message(&err_)); \
		err_release(&err_);                                     \
		rc_;                                                    \
	})
#define E (&err_)

/* ---- the identity ---- */

static int authenticate_git(void *arg, struct http_exchange *x, const char *user,
	const char *password, const char *path, struct auth_principal **ret, struct err *err)
{
	(void)arg;
	if (!starts_with(path, "/v1/repos/") || !streq(password, "secret"))
		return err_set(err, ERR_BAD_SIGNATURE, "the password is wrong");
	*ret = arena_new(http_arena(x), struct auth_principal);
	(*ret)->arn = arena_printf(http_arena(x), "arn:aws:iam::111122223333:user/%s", user);
	(*ret)->id = user;
	return 0;
}

static int authorize(void *arg, const struct auth_principal *who, const struct call_access *access,
	const struct call *call, struct err *err)
{
	const char *ref = access->conditions[0] ? access->conditions[1] : NULL;

	(void)arg;
	assert_non_null(call->endpoint);
	assert_true(starts_with(access->resources[0], "arn:aws:codecommit:eu-west-1:1111"));
	if (streq(who->id, "reader") && streq(access->action, "codecommit:GitPush"))
		return err_set(err, ERR_DENIED, "reader may not push");
	if (ref && streq(ref, "refs/heads/protected"))
		return err_set(err, ERR_DENIED, "refs/heads/protected is protected");
	return 0;
}

/* ---- the server ---- */

static enum http_mode classify(void *arg, struct http_exchange *x)
{
	assert_true(githttp_matches(x));
	return githttp_classify(arg, x);
}

static void handle_stream(void *arg, struct http_exchange *x)
{
	githttp_handle(arg, x);
}

static void start(struct fixture *f)
{
	struct source_config c = {
		.account = "111122223333", .region = "eu-west-1", .data_dir = f->dir};
	struct http_server_config http = {.address = "127.0.0.1",
		.threads = 1,
		.max_streams = 8,
		.routes = {
			.arg = &f->config, .classify = classify, .handle_stream = handle_stream}};
	char *url = arena_printf(&f->arena, "sqlite:%s/towpath.db", f->dir);

	OK(db_open(url, &f->db, E));
	OK(store_migrate(f->db, E));
	OK(durable_new(f->db, &f->clock, &f->d, E));
	c.durable = f->d;
	OK(source_engine_new(&c, &f->source, E));
	f->auth = (struct auth){.authenticate_git = authenticate_git, .authorize = authorize};
	f->config = (struct git_access_config){
		.source = f->source, .auth = &f->auth, .account = c.account, .region = c.region};
	OK(http_server_start(&http, &f->server, E));
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct codecommit_create_repository_request req = {.repository_name = "shop-api"};
	struct codecommit_create_repository_response resp = {0};
	struct call call = {.arena = &f->arena, .endpoint = "http://h"};

	snprintf(f->dir, sizeof(f->dir), "/tmp/towpath-githttp-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	clock_init_real(&f->clock, 1);
	f->protocol = 2;
	start(f);
	OK(source_create_repository(f->source, &call, &req, &resp, E));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	http_server_stop(f->server, 0);
	source_engine_free(f->source);
	durable_free(f->d);
	db_close(f->db);
	clock_release(&f->clock);
	arena_release(&f->arena);
	file_remove_tree(f->dir, NULL);
	free(f);
	return 0;
}

/* ---- the client ---- */

static const char *url_of(struct fixture *f, const char *login, const char *name)
{
	return arena_printf(&f->arena, "http://%s127.0.0.1:%d/v1/repos/%s", login,
		http_server_port(f->server), name);
}

/* Runs git in the folder dir/<where>; returns its exit status, *ret_text all that it said. */
static int git(struct fixture *f, const char *where, const char **ret_text, ...)
{
	CLEANUP_STRV struct strv argv = {0}, env = {0};
	CLEANUP_SPAWN_RESULT struct spawn_result result = {0};
	struct spawn s = SPAWN_INIT;
	const char *arg;
	va_list ap;

	strv_add(&argv, "git");
	strv_add(&argv, "-c");
	strv_addf(&argv, "protocol.version=%d", f->protocol);
	va_start(ap, ret_text);
	while ((arg = va_arg(ap, const char *)))
		strv_add(&argv, arg);
	va_end(ap);
	strv_setenv(&env, "PATH", getenv("PATH"));
	strv_setenv(&env, "HOME", f->dir);
	strv_setenv(&env, "GIT_CONFIG_NOSYSTEM", "1");
	strv_setenv(&env, "GIT_TERMINAL_PROMPT", "0");
	strv_setenv(&env, "GIT_AUTHOR_NAME", "Ann");
	strv_setenv(&env, "GIT_AUTHOR_EMAIL", "a@b");
	strv_setenv(&env, "GIT_COMMITTER_NAME", "Ann");
	strv_setenv(&env, "GIT_COMMITTER_EMAIL", "a@b");
	s.argv = (const char *const *)argv.v;
	s.envp = env.v;
	s.cwd = arena_printf(&f->arena, "%s/%s", f->dir, where);
	OK(spawn_run(&s, VIEW(""), MIB, 120 * USEC_PER_SEC, &result, E));
	if (ret_text)
		*ret_text = arena_printf(
			&f->arena, "%s%s", str_text(&result.out), str_text(&result.errout));
	else if (result.exit_code)
		print_error("git %s: %s%s\n", argv.v[3], str_text(&result.out),
			str_text(&result.errout));
	return result.exit_code;
}
#define GIT(where, ...) assert_int_equal(git(f, where, NULL, __VA_ARGS__, NULL), 0)
#define GIT_FAILS(where, text, ...)                                                \
	do {                                                                       \
		const char *said_;                                                 \
		assert_int_not_equal(git(f, where, &said_, __VA_ARGS__, NULL), 0); \
		if (!strstr(said_, text))                                          \
			fail_msg("\"%s\" is not in: %s", text, said_);             \
	} while (0)

static void commit_file(struct fixture *f, const char *where, const char *name, const char *text)
{
	OK(file_write_atomic(
		arena_printf(&f->arena, "%s/%s/%s", f->dir, where, name), view_of(text), 0644, E));
	GIT(where, "add", "-A");
	GIT(where, "commit", "-qm", text);
}

struct count {
	struct fixture *f;
	const char *text;
	int n;
};

static int count_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct count *c = arg;
	struct journal_entry *v;
	size_t n;

	if (journal_read(tx, 0, 10000, &c->f->arena, &v, &n, err) < 0)
		return -1;
	c->n = 0;
	for (size_t i = 0; i < n; i++)
		c->n += strstr(v[i].detail, c->text) != NULL;
	return 0;
}

/* Journal entries whose detail holds the text. */
static int events(struct fixture *f, const char *text)
{
	struct count c = {.f = f, .text = text};

	OK(db_read(f->db, count_fn, &c, E));
	return c.n;
}

/* A clone in dir/w with one commit on main, pushed. */
static void first_push(struct fixture *f)
{
	GIT("", "clone", "-q", url_of(f, "ann:secret@", "shop-api"), "w");
	GIT("w", "symbolic-ref", "HEAD", "refs/heads/main");
	commit_file(f, "w", "a", "one");
	GIT("w", "push", "-q", "origin", "main");
}

/* ---- tests ---- */

static void check_life(struct fixture *f)
{
	first_push(f);
	commit_file(f, "w", "b", "two");
	GIT("w", "tag", "-a", "v1", "-m", "one");
	GIT("w", "branch", "dev");
	GIT("w", "push", "-q", "origin", "main", "dev", "v1");
	assert_int_equal(events(f, "referenceCreated"), 3);
	assert_int_equal(events(f, "referenceUpdated"), 1);
	assert_int_equal(events(f, "\"tag\""), 1);
	GIT("", "clone", "-q", url_of(f, "ann:secret@", "shop-api"), "x");
	GIT("x", "cat-file", "-e", "v1^{commit}");
	GIT("", "clone", "-q", "--depth=1", url_of(f, "ann:secret@", "shop-api"), "shallow");
	GIT_FAILS("shallow", "", "cat-file", "-e", "HEAD~1");
	GIT("shallow", "fetch", "-q", "--unshallow");
	GIT("shallow", "cat-file", "-e", "HEAD~1");
	commit_file(f, "x", "c", "three");
	GIT("x", "push", "-q", "origin", "HEAD:main");
	GIT("w", "commit", "-q", "--amend", "-m", "rewritten");
	GIT_FAILS("w", "rejected", "push", "-q", "origin", "main");
	GIT("w", "push", "-q", "-f", "origin", "main");
	GIT("w", "push", "-q", "origin", ":dev");
	assert_int_equal(events(f, "referenceDeleted"), 1);
	GIT_FAILS("w", "the default branch cannot be deleted", "push", "origin", ":main");
	GIT("x", "fetch", "-q", "--prune");
	GIT_FAILS("x", "", "rev-parse", "--verify", "-q", "origin/dev");
	assert_int_equal(events(f, "codecommit"), 0);
	assert_int_equal(events(f, "user/ann"), 7);
}

static void test_life_of_a_repository(void **state)
{
	check_life(*state);
}

static void test_life_with_protocol_0(void **state)
{
	struct fixture *f = *state;

	f->protocol = 0;
	check_life(f);
}

static void test_who_may_enter(void **state)
{
	struct fixture *f = *state;

	first_push(f);
	GIT_FAILS("", "could not read Username", "ls-remote", url_of(f, "", "shop-api"));
	GIT_FAILS("", "403", "ls-remote", url_of(f, "ann:wrong@", "shop-api"));
	GIT_FAILS("", "does not exist", "ls-remote", url_of(f, "ann:secret@", "none"));
	GIT_FAILS("", "not found", "ls-remote", url_of(f, "ann:secret@", "none"));
	GIT("", "ls-remote", "-q", url_of(f, "reader:secret@", "shop-api"));
	GIT_FAILS("w", "reader may not push", "push", url_of(f, "reader:secret@", "shop-api"),
		"main:other");
}

static void test_protected_branch(void **state)
{
	struct fixture *f = *state;

	first_push(f);
	commit_file(f, "w", "b", "two");
	GIT_FAILS("w", "refs/heads/protected is protected", "push", "origin", "main:protected");
	/* One refused reference refuses the push. */
	GIT_FAILS("w", "[remote rejected] main -> main", "push", "origin", "main", "main:protected",
		"main:free");
	assert_int_equal(events(f, "referenceCreated"), 1);
	assert_int_equal(events(f, "referenceUpdated"), 0);
	GIT("w", "push", "-q", "origin", "main:free");
	assert_int_equal(events(f, "referenceCreated"), 2);
	GIT_FAILS("w", "not a valid branch name", "push", "origin",
		"main:refs/heads/0123456789012345678901234567890123456789");
}

static void test_default_branch_of_first_push(void **state)
{
	struct fixture *f = *state;
	const char *said;

	GIT("", "clone", "-q", url_of(f, "ann:secret@", "shop-api"), "w");
	GIT("w", "checkout", "-q", "-b", "dev");
	commit_file(f, "w", "a", "one");
	GIT("w", "push", "-q", "origin", "dev:dev", "dev:master");
	assert_int_equal(git(f, "", &said, "ls-remote", "--symref",
				 url_of(f, "ann:secret@", "shop-api"), "HEAD", NULL),
		0);
	assert_non_null(strstr(said, "ref: refs/heads/master"));
}

static void test_atomic_push(void **state)
{
	struct fixture *f = *state;

	first_push(f);
	GIT("", "clone", "-q", url_of(f, "ann:secret@", "shop-api"), "x");
	commit_file(f, "x", "b", "two");
	GIT("x", "push", "-q", "origin", "HEAD:main");
	GIT("w", "commit", "-q", "--amend", "-m", "other");
	GIT_FAILS("w", "rejected", "push", "--atomic", "origin", "main", "main:new");
	assert_int_equal(events(f, "referenceCreated"), 1);
}

static void test_large_file(void **state)
{
	struct fixture *f = *state;
	char *path = arena_printf(&f->arena, "%s/w/big", f->dir);
	CLEANUP(freep) char *block = xmalloc(MIB);
	FILE *file;

	first_push(f);
	file = fopen(path, "w");
	assert_non_null(file);
	for (int i = 0; i < 50; i++) {
		/* Not compressible. */
		for (size_t k = 0; k < MIB; k += 4) {
			int r = rand();

			memcpy(block + k, &r, 4);
		}
		assert_int_equal(fwrite(block, 1, MIB, file), MIB);
	}
	fclose(file);
	GIT("w", "add", "big");
	GIT("w", "commit", "-qm", "big");
	GIT("w", "push", "-q", "origin", "main");
	GIT("", "clone", "-q", url_of(f, "ann:secret@", "shop-api"), "x");
	GIT("", "diff", "--no-index", "--quiet", "w/big", "x/big");
}

/* Several clients push to one branch at once: each success has its event, and no other has. */
static void test_concurrent_pushes(void **state)
{
	struct fixture *f = *state;
	pid_t pids[6];
	int accepted = 0;

	first_push(f);
	for (int i = 0; i < 6; i++) {
		char *where = arena_printf(&f->arena, "c%d", i);

		GIT("", "clone", "-q", url_of(f, "ann:secret@", "shop-api"), where);
		commit_file(f, where, "own", where);
	}
	for (int i = 0; i < 6; i++) {
		const char *const argv[] = {"git", "-C",
			arena_printf(&f->arena, "%s/c%d", f->dir, i), "push", "-q", "origin",
			"HEAD:main", NULL};
		struct spawn s = SPAWN_INIT;

		s.argv = argv;
		OK(spawn_start(&s, &pids[i], E));
	}
	for (int i = 0; i < 6; i++) {
		struct spawn_result result = {0};

		OK(spawn_wait(pids[i], &result, E));
		accepted += result.exit_code == 0;
	}
	assert_true(accepted >= 1);
	assert_int_equal(events(f, "referenceUpdated"), accepted);
}

static void test_other_requests(void **state)
{
	static const struct {
		const char *method, *path, *status;
	} cases[] = {
		{"GET", "shop-api/info/refs", "400"},
		{"GET", "shop-api/info/refs?service=git-x", "403"},
		{"GET", "shop-api/HEAD", "404"},
		{"GET", "shop-api/../../etc/passwd", "404"},
		{"GET", "", "404"},
		{"GET", "shop-api/git-receive-pack", "405"},
		{"GET", "shop-api/info/refs?service=git-upload-pack", "401"},
		{"POST", "shop-api/git-upload-pack", "401"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const argv[] = {"curl", "-s", "-o", "/dev/null", "--path-as-is", "-w",
			"%{http_code}", "-X", cases[i].method, url_of(f, "", cases[i].path), NULL};
		CLEANUP_STR struct str out = STR_INIT;

		OK(spawn_check(argv, &out, E));
		assert_string_equal(str_text(&out), cases[i].status);
	}
}

static void test_garbage_in_a_push(void **state)
{
	static const char *const bodies[] = {"zzzz", "0010short", "00000000", "0000", ""};
	static const char *const statuses[] = {"400", "400", "200", "200", "200"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		const char *const argv[] = {"curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
			"--data-binary", bodies[i],
			url_of(f, "ann:secret@", "shop-api/git-receive-pack"), NULL};
		CLEANUP_STR struct str out = STR_INIT;

		OK(spawn_check(argv, &out, E));
		assert_string_equal(str_text(&out), statuses[i]);
	}
	assert_int_equal(events(f, ""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life_of_a_repository, setup, teardown),
		cmocka_unit_test_setup_teardown(test_life_with_protocol_0, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_may_enter, setup, teardown),
		cmocka_unit_test_setup_teardown(test_protected_branch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_default_branch_of_first_push, setup, teardown),
		cmocka_unit_test_setup_teardown(test_atomic_push, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_concurrent_pushes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage_in_a_push, setup, teardown),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
