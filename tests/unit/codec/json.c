/* SPDX-License-Identifier: Apache-2.0 */
/* JSON trees and writing; base64. */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "codec/base64.h"
#include "codec/json.h"

static void tree(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str out = STR_INIT;
	const struct json_node *root;

	(void)state;
	assert_int_equal(json_parse(VIEW("{\"b\": [1, 2.5, true, null, \"x\"],\n \"a\": {}}"), &a,
				 &root, &err),
		0);
	assert_int_equal(root->n, 2);
	assert_string_equal(root->items[0].key.p, "b");
	assert_int_equal(json_member(root, "b")->items[0].integer, 1);
	assert_null(json_member_text(root, "b"));
	assert_null(json_member(NULL, "b"));
	json_write(root, &out);
	assert_string_equal(str_text(&out), "{\"b\":[1,2.5,true,null,\"x\"],\"a\":{}}");
}

/* A number beyond 64 bits is a real one, and leaves the others what they are. */
static void large_numbers(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json_node *root;

	(void)state;
	assert_int_equal(json_parse(VIEW("[12345678901234567890,-7,1.5]"), &a, &root, NULL), 0);
	assert_int_equal(root->items[0].kind, JSON_KIND_REAL);
	assert_true(root->items[0].real == 12345678901234567890.0);
	assert_int_equal(root->items[1].kind, JSON_KIND_INT);
	assert_int_equal(root->items[1].integer, -7);
	assert_int_equal(root->items[2].kind, JSON_KIND_REAL);
	assert_int_equal(json_parse(VIEW("9223372036854775807"), &a, &root, NULL), 0);
	assert_true(root->integer == INT64_MAX);
	assert_int_equal(json_parse(VIEW("1e400"), &a, &root, NULL), -1);
}

static void refused(void **state)
{
	static const char *const rows[][2] = {
		{"{\n \"a\": x}", "line 2, column 7"},
		{"{\"a\":1,\"a\":2}", "duplicate"},
		{"\"\\u0000\"", "\\u0000"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		CLEANUP_ERR struct err err = ERR_INIT;
		const struct json_node *root;

		assert_int_equal(json_parse(view_of(rows[i][0]), &a, &root, &err), -1);
		assert_int_equal(err.kind, ERR_MALFORMED);
		if (!strstr(err_message(&err), rows[i][1]))
			fail_msg("%s: %s", rows[i][0], err_message(&err));
	}
}

static void too_deep(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str text = STR_INIT;
	const struct json_node *root;

	(void)state;
	for (int i = 0; i < 200; i++)
		str_add_c(&text, '[');
	for (int i = 0; i < 200; i++)
		str_add_c(&text, ']');
	assert_int_equal(json_parse(str_view(&text), &a, &root, &err), -1);
}

static void writer(void **state)
{
	CLEANUP_STR struct str out = STR_INIT;
	struct json_writer w = {.out = &out};

	(void)state;
	json_open(&w, '{');
	json_put_member(&w, "a", "1\"");
	json_put_member(&w, "gone", NULL);
	json_key(&w, "l");
	json_open(&w, '[');
	json_put_int(&w, -5);
	json_put_real(&w, INFINITY);
	json_put_bool(&w, false);
	json_put_raw(&w, VIEW("{}"));
	json_close(&w, ']');
	json_close(&w, '}');
	assert_string_equal(str_text(&out), "{\"a\":\"1\\\"\",\"l\":[-5,\"Infinity\",false,{}]}");
}

static void base64(void **state)
{
	static const char *const rows[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
		{"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\x7f", "//5/"}};
	static const char *const bad[] = {"Z", "Zg=", "Z===", "Zm9v=Zg", "Zm9*", "Zm9vA"};
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct view back;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_STR struct str out = STR_INIT;

		base64_encode(view_of(rows[i][0]), &out);
		assert_string_equal(str_text(&out), rows[i][1]);
		assert_true(base64_decode(view_of(rows[i][1]), &a, &back));
		assert_true(view_eq(back, view_of(rows[i][0])));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(base64_decode(view_of(bad[i]), &a, &back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree),
		cmocka_unit_test(large_numbers),
		cmocka_unit_test(refused),
		cmocka_unit_test(too_deep),
		cmocka_unit_test(writer),
		cmocka_unit_test(base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
