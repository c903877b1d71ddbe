/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-coding and query strings. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "codec/form.h"

static void fields(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	struct form f;

	(void)state;
	assert_int_equal(form_parse(VIEW("Action=Put&a=b+c%2B%20d&&uploads&x="), &a, &f, &err), 0);
	assert_int_equal(f.n, 4);
	assert_string_equal(form_get(&f, "Action"), "Put");
	assert_string_equal(form_get(&f, "a"), "b c+ d");
	assert_string_equal(form_get(&f, "uploads"), "");
	assert_null(form_get(&f, "nobody"));
	assert_int_equal(form_parse((struct view){0}, &a, &f, &err), 0);
	assert_int_equal(f.n, 0);
}

static void refused(void **state)
{
	static const char *const rows[] = {"a=%", "a=%4", "a=%zz", "a%00b=1"};
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str many = STR_INIT;
	struct form f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(form_parse(view_of(rows[i]), &a, &f, &err), -1);
	for (int i = 0; i < 60000; i++)
		str_add_c(&many, '&');
	assert_int_equal(form_parse(str_view(&many), &a, &f, &err), -1);
}

static void encoding(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STR struct str out = STR_INIT;
	struct view back;

	(void)state;
	form_encode(VIEW("a/b c+~\xc3\xa9"), true, &out);
	assert_string_equal(str_text(&out), "a/b%20c%2B~%C3%A9");
	assert_true(form_decode(str_view(&out), false, &a, &back));
	assert_string_equal(back.p, "a/b c+~\xc3\xa9");
	str_clear(&out);
	form_encode(VIEW("a/b"), false, &out);
	assert_string_equal(str_text(&out), "a%2Fb");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(refused),
		cmocka_unit_test(encoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
