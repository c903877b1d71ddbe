/* SPDX-License-Identifier: Apache-2.0 */
/* Pushes and fetches through real git children, on requests made by hand. */
#include "fixture.h"

#include <signal.h>
#include <zlib.h>

#include "base/spawn.h"
#include "memory.h"

#define STEP_WHOLE 1000000

struct bracket {
	struct fixture *f;
	struct memory *m;
	bool refuse;
	int prepared, settled;
	size_t out_at_settle;
};

static int prepare(void *arg, struct err *err)
{
	struct bracket *b = arg;
	struct vcs_id id;

	b->prepared++;
	assert_int_equal(b->m->in.len, 0);
	assert_int_equal(OK(vcs_ref_get(b->f->r, "refs/heads/main", &id, E)), 0);
	return b->refuse ? err_set(err, ERR_CONFLICT, "refused") : 0;
}

static int settle(void *arg, struct err *err)
{
	struct bracket *b = arg;

	(void)err;
	b->settled++;
	b->out_at_settle = b->m->out.len;
	return 0;
}

/* A push of one commit to refs/heads/main, made in a second repository. */
static struct vcs_id make_push(struct fixture *f, struct str *out, const char *capabilities)
{
	struct fixture other = {.path = xasprintf("%s/o.git", f->dir)};
	char *dir = arena_printf(&f->arena, "--git-dir=%s", other.path);
	const char *const argv[] = {"git", dir, "pack-objects", "--stdout", "--revs", "-q", NULL};
	struct spawn s = SPAWN_INIT;
	struct spawn_result result = {0};
	char *line;
	struct vcs_id id;

	OK(vcs_repository_create(other.path, E));
	OK(vcs_repository_open(other.path, &other.r, E));
	id = make_commit(&other, NULL, "a", "content", 1);
	vcs_repository_close(other.r);
	s.argv = argv;
	line = arena_printf(&f->arena, "%s\n", id.hex);
	OK(spawn_run(&s, view_of(line), MIB, 0, &result, E));
	assert_int_equal(result.exit_code, 0);
	line = arena_printf(&f->arena, "%s %s refs/heads/main", VCS_ID_ZERO.hex, id.hex);
	str_addf(out, "%04zx%s", strlen(line) + 1 + strlen(capabilities) + 4, line);
	str_add_n(out, "", 1);
	str_addf(out, "%s0000", capabilities);
	str_add_view(out, str_view(&result.out));
	spawn_result_release(&result);
	arena_release(&other.arena);
	free(other.path);
	return id;
}

static int push(struct fixture *f, struct memory *m, struct bracket *b, struct err *err)
{
	struct vcs_stream s = {memory_read, memory_write, m};
	struct vcs_push_bracket bracket = {prepare, settle, b};
	struct vcs_push p;
	uint32_t objects;
	int rc;

	if (vcs_push_read(&s, &f->arena, &p, err) < 0) {
		vcs_push_release(&p);
		return -1;
	}
	b->f = f;
	b->m = m;
	assert_int_equal(p.n, 1);
	assert_string_equal(p.commands[0].ref, "refs/heads/main");
	/* The pack holds a commit, its tree and a file. */
	if (vcs_push_objects(&s, &p, &objects, err) < 0) {
		vcs_push_release(&p);
		return -1;
	}
	assert_int_equal(objects, 3);
	rc = vcs_receive_pack(f->path, &p, &s, &bracket, err);
	vcs_push_release(&p);
	return rc;
}

static void check_push(struct fixture *f, const char *capabilities, size_t step)
{
	struct str request = STR_INIT;
	struct vcs_id id = make_push(f, &request, capabilities), got;
	struct memory m = {.in = str_view(&request), .step = step};
	struct bracket b = {0};

	OK(push(f, &m, &b, E));
	assert_int_equal(b.prepared, 1);
	assert_int_equal(b.settled, 1);
	assert_int_equal(OK(vcs_ref_get(f->r, "refs/heads/main", &got, E)), 1);
	assert_string_equal(got.hex, id.hex);
	/* Nothing of the report went out before the push was settled. */
	str_add_c(&m.out, '\0');
	assert_null(memmem(m.out.p, b.out_at_settle, "refs/heads/main", 15));
	assert_non_null(memmem(m.out.p, m.out.len, "ok refs/heads/main", 18));
	str_release(&m.out);
	str_release(&request);
}

static void test_push(void **state)
{
	check_push(*state, " report-status side-band-64k", STEP_WHOLE);
}

static void test_push_byte_by_byte(void **state)
{
	check_push(*state, " report-status side-band-64k", 1);
}

static void test_push_without_sideband(void **state)
{
	check_push(*state, " report-status", 7);
}

static void test_push_refused_by_prepare(void **state)
{
	struct fixture *f = *state;
	struct str request = STR_INIT;
	struct vcs_id got;
	struct memory m = {.step = 100};
	struct bracket b = {.refuse = true};
	struct err err = ERR_INIT;

	make_push(f, &request, " report-status side-band-64k");
	m.in = str_view(&request);
	assert_int_equal(push(f, &m, &b, &err), -1);
	assert_int_equal(b.settled, 0);
	assert_int_equal(OK(vcs_ref_get(f->r, "refs/heads/main", &got, E)), 0);
	err_release(&err);
	str_release(&m.out);
	str_release(&request);
}

static void test_push_broken_off(void **state)
{
	struct fixture *f = *state;
	struct str request = STR_INIT, leftovers = STR_INIT;
	struct vcs_id got;
	struct memory m = {.step = 100, .broken = true};
	struct bracket b = {0};
	struct err err = ERR_INIT;
	char *objects = arena_printf(&f->arena, "%s/objects", f->path);
	const char *const find[] = {"find", objects, "-name", "tmp_objdir*", NULL};

	make_push(f, &request, " report-status side-band-64k");
	m.in = str_view(&request);
	assert_int_equal(push(f, &m, &b, &err), -1);
	assert_int_equal(b.prepared, 0);
	assert_int_equal(OK(vcs_ref_get(f->r, "refs/heads/main", &got, E)), 0);
	OK(spawn_check(find, &leftovers, E));
	assert_string_equal(str_text(&leftovers), "");
	err_release(&err);
	str_release(&leftovers);
	str_release(&m.out);
	str_release(&request);
}

static void test_push_with_garbage(void **state)
{
	static const char *const bad[] = {
		"zzzz", "0003", "0010short", "000ehello pack0000", "fffffffffff"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct memory m = {.in = view_of(bad[i]), .step = 100};
		struct vcs_stream s = {memory_read, memory_write, &m};
		struct vcs_push p;
		struct err err = ERR_INIT;

		assert_int_equal(vcs_push_read(&s, &f->arena, &p, &err), -1);
		assert_int_equal(err.kind, ERR_MALFORMED);
		vcs_push_release(&p);
		err_release(&err);
	}
}

static void test_push_with_too_many_commands(void **state)
{
	struct fixture *f = *state;
	struct str request = STR_INIT;
	struct memory m = {.step = 4096};
	struct vcs_stream s = {memory_read, memory_write, &m};
	struct vcs_push p;
	struct err err = ERR_INIT;

	for (int i = 0; i <= VCS_PUSH_COMMANDS_MAX; i++) {
		char *line = arena_printf(&f->arena, "%s %s refs/heads/b%d", VCS_ID_ZERO.hex,
			"0123456789012345678901234567890123456789", i);

		str_addf(&request, "%04zx%s", strlen(line) + 4, line);
	}
	str_add(&request, "0000");
	m.in = str_view(&request);
	assert_int_equal(vcs_push_read(&s, &f->arena, &p, &err), -1);
	assert_int_equal(err.kind, ERR_TOO_LARGE);
	vcs_push_release(&p);
	err_release(&err);
	str_release(&request);
}

static void test_advertise_and_fetch(void **state)
{
	struct fixture *f = *state;
	struct vcs_id a = make_commit(f, NULL, "a", "1", 1), zero = VCS_ID_ZERO;
	struct str out = STR_INIT;
	struct memory m = {.step = 100};
	struct vcs_stream s = {memory_read, memory_write, &m};
	char *want = arena_printf(&f->arena, "0032want %s\n00000009done\n", a.hex);

	OK(vcs_ref_update(f->r, "refs/heads/main", &zero, &a, E));
	OK(vcs_advertise_http(f->path, VCS_UPLOAD_PACK, NULL, NULL, &out, E));
	assert_true(starts_with(str_text(&out), "001e# service=git-upload-pack\n0000"));
	assert_non_null(memmem(out.p, out.len, "refs/heads/main", 15));
	str_clear(&out);
	OK(vcs_advertise_http(f->path, VCS_UPLOAD_PACK, "version=2", NULL, &out, E));
	assert_true(starts_with(str_text(&out), "000eversion 2\n"));
	str_clear(&out);
	OK(vcs_advertise_http(f->path, VCS_RECEIVE_PACK, "version=2", NULL, &out, E));
	assert_true(starts_with(str_text(&out), "001f# service=git-receive-pack\n0000"));
	m.in = view_of(want);
	OK(vcs_upload_pack(f->path, NULL, &s, E));
	assert_non_null(memmem(m.out.p, m.out.len, "PACK", 4));
	str_release(&out);
	str_release(&m.out);
}

/* What git itself says. */
static void ask_git(struct fixture *f, const char *command, bool v2, struct str *out)
{
	const char *argv[] = {"env", v2 ? "GIT_PROTOCOL=version=2" : "A=", "git", command,
		"--http-backend-info-refs", f->path, NULL};

	OK(spawn_check(argv, out, E));
}

/* Whether the first answer or a later one, it is the same, byte for byte. */
static void check_as_git(struct fixture *f)
{
	for (int i = 0; i < 4; i++) {
		bool push = i % 2;
		struct str ours = STR_INIT, gits = STR_INIT;

		ask_git(f, push ? "receive-pack" : "upload-pack", !push, &gits);
		OK(vcs_advertise(f->path, push ? VCS_RECEIVE_PACK : VCS_UPLOAD_PACK,
			push ? NULL : "version=2", NULL, &ours, E));
		assert_int_equal(ours.len, gits.len);
		assert_memory_equal(ours.p, gits.p, gits.len);
		str_release(&ours);
		str_release(&gits);
	}
}

static void test_advertises_as_git(void **state)
{
	struct fixture *f = *state;
	struct vcs_id a = make_commit(f, NULL, "a", "1", 1), zero = VCS_ID_ZERO;
	const char *pack[] = {"git", "--git-dir", f->path, "pack-refs", "--all", NULL};
	const char *change[] = {
		"git", "--git-dir", f->path, "config", "receive.advertiseAtomic", "false", NULL};

	check_as_git(f);
	OK(vcs_ref_update(f->r, "refs/heads/main", &zero, &a, E));
	OK(vcs_ref_update(f->r, "refs/tags/a", &zero, &a, E));
	check_as_git(f);
	OK(spawn_check(pack, NULL, E));
	OK(vcs_ref_update(f->r, "refs/heads/b/c", &zero, &a, E));
	check_as_git(f);
	OK(spawn_check(change, NULL, E)); /* another configuration is asked for again */
	check_as_git(f);
}

static void test_gunzip(void **state)
{
	char zipped[256], buf[64];
	z_stream z = {0};
	struct memory m = {.step = 3};
	struct vcs_stream below = {memory_read, memory_write, &m}, s;
	struct vcs_gunzip *g;
	struct str text = STR_INIT;
	ssize_t got;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)"0032want something";
	z.avail_in = 18;
	z.next_out = (unsigned char *)zipped;
	z.avail_out = sizeof(zipped);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	for (int cut = 0; cut < 2; cut++) {
		m.in = (struct view){zipped, z.total_out - (cut ? 12 : 0)};
		g = vcs_gunzip_new(&below);
		s = vcs_gunzip_stream(g);
		while ((got = s.read(s.arg, buf, sizeof(buf), &err)) > 0)
			str_add_n(&text, buf, (size_t)got);
		assert_int_equal(got, cut ? -1 : 0);
		if (!cut)
			assert_string_equal(str_text(&text), "0032want something");
		vcs_gunzip_free(g);
	}
	deflateEnd(&z);
	err_release(&err);
	str_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_push, setup, teardown),
		cmocka_unit_test_setup_teardown(test_push_byte_by_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(test_push_without_sideband, setup, teardown),
		cmocka_unit_test_setup_teardown(test_push_refused_by_prepare, setup, teardown),
		cmocka_unit_test_setup_teardown(test_push_broken_off, setup, teardown),
		cmocka_unit_test_setup_teardown(test_push_with_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_push_with_too_many_commands, setup, teardown),
		cmocka_unit_test_setup_teardown(test_advertise_and_fetch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_advertises_as_git, setup, teardown),
		cmocka_unit_test(test_gunzip),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
