/* SPDX-License-Identifier: Apache-2.0 */
/* Strings, views, arenas, maps, vectors, paths, times as text, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "base/timefmt.h"
#include "base/vec.h"

static void test_str(void **state)
{
	struct str s CLEANUP_STR = STR_INIT;
	char *taken CLEANUP(freep) = NULL;

	(void)state;
	assert_string_equal(str_text(&s), "");
	str_reserve(&s, 100);
	assert_string_equal(str_text(&s), "");
	for (int i = 0; i < 1000; i++)
		str_addf(&s, "%d,", i);
	assert_int_equal(s.len, 3890);
	str_truncate(&s, 4);
	assert_string_equal(str_text(&s), "0,1,");
	taken = str_take(&s);
	assert_string_equal(taken, "0,1,");
	assert_null(s.p);
	str_add_n(&s, "a\0b", 3);
	assert_int_equal(s.len, 3);
	assert_int_equal(s.p[3], 0);
}

static void test_view(void **state)
{
	struct view v = view_of("a,,b"), head;

	(void)state;
	head = view_cut(&v, ',');
	assert_true(view_eq_str(head, "a"));
	head = view_cut(&v, ',');
	assert_int_equal(head.len, 0);
	assert_non_null(v.p);
	head = view_cut(&v, ',');
	assert_true(view_eq_str(head, "b"));
	assert_null(v.p);
	assert_true(view_eq_str(view_trim(view_of(" \t x y\n")), "x y"));
	assert_true(view_starts_with(view_of("towpath"), "tow"));
	assert_false(view_starts_with(view_of("to"), "tow"));
}

static void test_arena(void **state)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	char *text;

	(void)state;
	for (size_t i = 1; i < 3000; i += 7) {
		char *p = arena_alloc(&a, i);

		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t k = 0; k < i; k++)
			assert_int_equal(p[k], 0);
		memset(p, 0xff, i);
	}
	text = arena_printf(&a, "%s-%d", "x", 5);
	assert_string_equal(text, "x-5");
	assert_null(arena_strdup(&a, NULL));
}

static void test_map(void **state)
{
	struct map m CLEANUP_MAP = MAP_INIT;
	static int values[2000];
	char key[16];
	int n = 0;

	(void)state;
	assert_null(map_get(&m, "nothing"));
	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		values[i] = i;
		assert_null(map_set(&m, key, &values[i]));
	}
	assert_ptr_equal(map_set(&m, "k7", &values[8]), &values[7]);
	for (int i = 0; i < 2000; i += 2) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_ptr_equal(map_remove(&m, key), &values[i]);
		assert_null(map_get(&m, key));
	}
	assert_int_equal(m.count, 1000);
	map_foreach (it, &m) {
		assert_int_equal(atoi(it->key + 1), n * 2 + 1); /* insertion order */
		n++;
	}
	assert_int_equal(n, 1000);
	for (int round = 0; round < 5000; round++) { /* removed slots are used again */
		map_set(&m, "come", &values[0]);
		map_remove(&m, "come");
	}
	assert_true(m.cap < 10000);
	assert_true(map_has(&m, "k1999"));
}

static void test_strv(void **state)
{
	struct strv s CLEANUP_STRV = {0};

	(void)state;
	strv_setenv(&s, "A", "1");
	strv_setenv(&s, "AB", "2");
	strv_setenv(&s, "A", "3");
	assert_int_equal(s.n, 2);
	assert_string_equal(strv_getenv(&s, "A"), "3");
	assert_string_equal(strv_getenv(&s, "AB"), "2");
	assert_null(strv_getenv(&s, "B"));
	assert_null(s.v[2]);
}

static void test_path(void **state)
{
	static const struct {
		const char *path, *normal;
	} rows[] = {
		{"a//b/./c", "a/b/c"},
		{"a/../b", "b"},
		{"/../a", NULL},
		{"/a/../../b", NULL},
		{"..", NULL},
		{"a/../..", NULL},
		{"/", "/"},
		{"", "."},
		{"a/..", "."},
		{"/a/b/..", "/a"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *got CLEANUP(freep) = path_normalise(rows[i].path);

		if (rows[i].normal)
			assert_string_equal(got, rows[i].normal);
		else
			assert_null(got);
	}
	assert_true(path_is_inside("a/b/../c"));
	assert_false(path_is_inside("a/../../c"));
	assert_false(path_is_inside("/etc"));
	assert_false(path_is_inside(""));
}

static void test_times(void **state)
{
	const int64_t t = INT64_C(1763872740123000); /* 2025-11-23T04:39:00.123Z */
	int64_t parsed;

	(void)state;
	assert_string_equal(timefmt_iso(t).text, "2025-11-23T04:39:00Z");
	assert_string_equal(timefmt_iso_msec(t).text, "2025-11-23T04:39:00.123Z");
	assert_string_equal(timefmt_basic(t).text, "20251123T043900Z");
	assert_string_equal(timefmt_http(t).text, "Sun, 23 Nov 2025 04:39:00 GMT");
	assert_true(timefmt_parse("2025-11-23T04:39:00.123Z", &parsed) && parsed == t);
	assert_true(timefmt_parse("2025-11-23T05:39:00.123+01:00", &parsed) && parsed == t);
	assert_true(timefmt_parse("20251123T043900Z", &parsed) && parsed == t - 123000);
	assert_true(
		timefmt_parse("Sun, 23 Nov 2025 04:39:00 GMT", &parsed) && parsed == t - 123000);
	assert_false(timefmt_parse("yesterday", &parsed));
	assert_false(timefmt_parse("20251323T043900Z", &parsed));
	assert_false(timefmt_parse("2025-11-23T04:39:00 or so", &parsed));
	assert_string_equal(timefmt_iso(-1).text, "1969-12-31T23:59:59Z");
	assert_string_equal(timefmt_duration(850000).text, "850ms");
	assert_string_equal(timefmt_duration(83 * USEC_PER_SEC).text, "1m23s");
}

static void test_clock(void **state)
{
	struct clock c;
	int64_t before, wait, took;

	(void)state;
	clock_init_simulated(&c, 1000);
	assert_int_equal(clock_now(&c), 1000);
	clock_advance(&c, 500);
	clock_set(&c, 1200); /* time never goes back */
	assert_int_equal(clock_now(&c), 1500);
	assert_int_equal(clock_true_wait(&c, 1500), 0);
	assert_true(clock_true_wait(&c, 1501) == INT64_MAX);
	assert_int_equal(clock_true_wait(&c, INT64_MIN), 0);
	clock_release(&c);
	clock_init_real(&c, 60.0);
	before = clock_true_now();
	wait = clock_true_wait(&c, clock_now(&c) + 60 * USEC_PER_SEC);
	took = clock_true_now() - before;
	assert_in_range(wait, MAX(999999 - took, 0), 1000001);
	clock_release(&c);
}

static void test_err(void **state)
{
	struct err e CLEANUP_ERR = ERR_INIT, other = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&e, ERR_INVALID, "bad %s", "thing"), -1);
	err_wrap(&e, "file %d", 3);
	err_hint(&e, "mend it");
	assert_string_equal(err_message(&e), "file 3: bad thing");
	assert_string_equal(err_wire_name(&e), "ValidationException");
	assert_int_equal(err_http_status(e.kind), 400);
	err_move(&other, &e);
	assert_int_equal(e.kind, ERR_NONE);
	assert_string_equal(other.hint, "mend it");
	err_set_wire(&other, "NoSuchKey", "gone");
	assert_string_equal(err_wire_name(&other), "NoSuchKey");
	assert_null(other.hint);
	err_release(&other);
	assert_int_equal(err_set(NULL, ERR_IO, "nobody listens"), -1);
}

static void test_ids(void **state)
{
	char a[13], b[13];
	struct uuid_text u = id_uuid();

	(void)state;
	assert_int_equal(strlen(u.text), 36);
	assert_int_equal(u.text[14], '4');
	id_random_text(a, 12, ID_ALPHABET_UPPER);
	id_random_text(b, 12, ID_ALPHABET_UPPER);
	assert_string_not_equal(a, b);
	id_seed(7);
	id_random_text(a, 12, ID_ALPHABET_HEX);
	id_seed(7);
	id_random_text(b, 12, ID_ALPHABET_HEX);
	id_seed(0);
	assert_string_equal(a, b);
}

/* A child must not draw what its parent draws next. */
static void test_ids_of_children(void **state)
{
	struct uuid_text here, there = {""};
	int ends[2];
	pid_t pid;

	(void)state;
	id_uuid();
	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		there = id_uuid();
		_exit(write(ends[1], &there, sizeof(there)) != sizeof(there));
	}
	here = id_uuid();
	assert_int_equal(read(ends[0], &there, sizeof(there)), sizeof(there));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(ends[0]);
	close(ends[1]);
	assert_string_not_equal(here.text, there.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_str),
		cmocka_unit_test(test_view),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_strv),
		cmocka_unit_test(test_path),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_err),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_ids_of_children),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
