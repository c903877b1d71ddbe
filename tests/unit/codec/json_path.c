/* SPDX-License-Identifier: Apache-2.0 */
/* Paths into a JSON document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "codec/json_path.h"

static const char document[] = "{\"a\":{\"b-c\":[1,{\"d\":\"x\"}]},\"e f\":true,\"n\":null}";

static void finds(void **state)
{
	static const struct {
		const char *path, *found; /* NULL: nothing */
	} rows[] = {
		{"$.a['b-c'][1].d", "\"x\""},
		{"$.a.b-c[0]", "1"},
		{"$['e f']", "true"},
		{"$[\"a\"][\"b-c\"][1]", "{\"d\":\"x\"}"},
		{"$.n", "null"},
		{"$.a.b-c[2]", NULL},
		{"$.a.x", NULL},
		{"$.n.x", NULL},
		{"$[0]", NULL},
		{"$.a.b-c.d", NULL},
	};
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const struct json_node *root;

	(void)state;
	assert_int_equal(json_parse(view_of(document), &a, &root, NULL), 0);
	assert_ptr_equal(json_path_find(root, VIEW("$")), root);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct json_node *node = json_path_find(root, view_of(rows[i].path));
		struct str text CLEANUP_STR = STR_INIT;

		assert_true(json_path_valid(view_of(rows[i].path)));
		if (node)
			json_write(node, &text);
		if (!node != !rows[i].found || (node && strcmp(str_text(&text), rows[i].found)))
			fail_msg("%s gave %s", rows[i].path, node ? str_text(&text) : "nothing");
	}
}

static void refuses(void **state)
{
	static const char *const rows[] = {"", "a", ".a", "$a", "$.", "$..a", "$.a[", "$.a[]",
		"$.a[x]", "$.a[1234567]", "$['a]", "$['a'", "$.a[-1]"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (json_path_valid(view_of(rows[i])))
			fail_msg("%s was taken", rows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(finds), cmocka_unit_test(refuses)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
