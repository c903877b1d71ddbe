/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing XML. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/xml.h"

static void tree(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	const struct xml_node *root, *n;

	(void)state;
	assert_int_equal(xml_parse(VIEW("<?xml version=\"1.0\"?><x:D xmlns:x='u'><O><Key>a &lt;b"
					"</Key></O><Q/><O t='1'><Key>\xc3\xa9</Key></O></x:D>"),
				 &a, &root, &err),
		0);
	assert_string_equal(root->name, "D");
	n = xml_child(root, "O");
	assert_string_equal(xml_child(n, "Key")->text.p, "a <b");
	n = xml_same(n);
	assert_string_equal(xml_child(n, "Key")->text.p, "\xc3\xa9");
	assert_string_equal(n->attributes[0].value, "1");
	assert_null(xml_same(n));
	assert_string_equal(xml_child(root, "Q")->text.p, "");
	assert_null(xml_child(root, "R"));
}

static void refused(void **state)
{
	static const char *const rows[][2] = {
		{"", "line 1, column 1"},
		{"<a>", "line 1"},
		{"<a></b>", "mismatched tag"},
		{"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>", "DOCTYPE"},
		{"<!DOCTYPE a [<!ENTITY b 'xx'><!ENTITY c '&b;&b;'>]><a>&c;</a>", "DOCTYPE"},
		{"<a>&nobody;</a>", "undefined entity"},
		{"<a>\xff</a>", "not well-formed"},
		{"<a/><b/>", "junk"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		CLEANUP_ERR struct err err = ERR_INIT;
		const struct xml_node *root;

		assert_int_equal(xml_parse(view_of(rows[i][0]), &a, &root, &err), -1);
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
	const struct xml_node *root;

	(void)state;
	for (int i = 0; i < 100; i++)
		str_add(&text, "<a>");
	assert_int_equal(xml_parse(str_view(&text), &a, &root, &err), -1);
	assert_non_null(strstr(err_message(&err), "too deep"));
}

static void writing(void **state)
{
	CLEANUP_STR struct str out = STR_INIT;

	(void)state;
	xml_open_ns(&out, "A", "http://x/?a&b");
	xml_element(&out, "B", "<&\">\x01\xff\r\xc3\xa9");
	xml_element(&out, "C", NULL);
	xml_close(&out, "A");
	assert_string_equal(str_text(&out),
		"<A xmlns=\"http://x/?a&amp;b\"><B>&lt;&amp;&quot;&gt;\xef\xbf\xbd\xef\xbf\xbd&#13;"
		"\xc3\xa9</B></A>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree),
		cmocka_unit_test(refused),
		cmocka_unit_test(too_deep),
		cmocka_unit_test(writing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
