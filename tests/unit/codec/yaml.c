/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of codec/yaml: places, leniency for globs, limits, aliases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/limits.h"
#include "base/str.h"
#include "codec/yaml.h"

struct fixture {
	struct arena arena;
	struct yaml_document doc;
	struct err err;
};

static int parse(struct fixture *f, const char *text)
{
	err_release(&f->err);
	arena_release(&f->arena);
	return yaml_parse("f.yml", view_of(text), &f->arena, &f->doc, &f->err);
}

static void release(struct fixture *f)
{
	err_release(&f->err);
	arena_release(&f->arena);
}
#define FIXTURE CLEANUP(release) struct fixture f = {0}

static void refuses(struct fixture *f, const char *text, const char *message)
{
	assert_int_equal(parse(f, text), -1);
	if (!strstr(err_message(&f->err), message))
		fail_msg("'%s' is not in '%s'", message, err_message(&f->err));
}

static void remembers_places_and_quotes(void **state UNUSED)
{
	FIXTURE;
	struct yaml_node *b;

	assert_int_equal(parse(&f, "a: \"0644\"\nb:\n  - 0644\n  - |\n    x\n    y\nc:\n"), 0);
	assert_int_equal(f.doc.root->kind, YAML_MAPPING);
	assert_int_equal(f.doc.root->n, 3);
	assert_false(yaml_get(f.doc.root, "a")->plain);
	b = yaml_get(f.doc.root, "b");
	assert_int_equal(b->n, 2);
	assert_true(b->items[0]->plain);
	assert_string_equal(b->items[0]->text, "0644");
	assert_int_equal(b->items[0]->line, 3);
	assert_int_equal(b->items[0]->column, 5);
	assert_string_equal(b->items[1]->text, "x\ny\n");
	assert_false(b->items[1]->plain);
	assert_true(yaml_is_null(yaml_get(f.doc.root, "c")));
	assert_int_equal(yaml_get(f.doc.root, "c")->line, 7);
	assert_null(yaml_get(f.doc.root, "d"));
	assert_null(f.doc.warnings);
}

static void takes_unquoted_globs_as_text(void **state UNUSED)
{
	static const struct {
		const char *text;
		const char *item;
		int line, column;
	} cases[] = {
		{"f: [Dockerfile, **/*]\n", "**/*", 1, 17},
		{"f:\n  - Dockerfile\n  - **/*\n", "**/*", 3, 5},
		{"f:\n  - Dockerfile\n  - *.js\n", "*.js", 3, 5},
		{"f: [a, *]\n", "*", 1, 8},
		{"f:\n  - a\n  - *.{js,ts} # all\n", "*.{js,ts}", 3, 5},
		{"f: [a, *.{js,ts}]\n", "*.{js,ts}", 1, 8},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		FIXTURE;
		struct yaml_node *list, *n;

		if (parse(&f, cases[i].text) < 0)
			fail_msg("%s: %s", cases[i].text, err_message(&f.err));
		list = yaml_get(f.doc.root, "f");
		assert_int_equal(list->n, 2);
		n = list->items[1];
		assert_string_equal(n->text, cases[i].item);
		assert_int_equal(n->line, cases[i].line);
		assert_int_equal(n->column, cases[i].column);
		assert_non_null(f.doc.warnings);
		assert_null(f.doc.warnings->next);
		assert_int_equal(f.doc.warnings->line, cases[i].line);
		assert_int_equal(f.doc.warnings->column, cases[i].column);
		assert_non_null(strstr(f.doc.warnings->message, "write '"));
	}
}

static void keeps_columns_right_of_a_fixed_glob(void **state UNUSED)
{
	FIXTURE;
	struct yaml_node *list;

	assert_int_equal(parse(&f, "f: [*, *, b]\ng: h\n"), 0);
	list = yaml_get(f.doc.root, "f");
	assert_int_equal(list->n, 3);
	assert_int_equal(list->items[0]->column, 5);
	assert_int_equal(list->items[1]->column, 8);
	assert_int_equal(list->items[2]->column, 11);
	assert_string_equal(yaml_get(f.doc.root, "g")->text, "h");
}

static void resolves_aliases_and_merge_keys(void **state UNUSED)
{
	FIXTURE;
	struct yaml_node *m;

	assert_int_equal(parse(&f, "a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\nc: *x\n"), 0);
	m = yaml_get(f.doc.root, "b");
	assert_int_equal(m->n, 2);
	assert_string_equal(yaml_get(m, "p")->text, "1");
	assert_string_equal(yaml_get(m, "q")->text, "3");
	assert_ptr_equal(yaml_get(f.doc.root, "a"), yaml_get(f.doc.root, "c"));
}

static void refuses_bad_documents(void **state UNUSED)
{
	FIXTURE;

	refuses(&f, "a: 1\nb: 2\na: 3\n", "f.yml:3:1: key 'a' is given twice (first on line 1)");
	refuses(&f, "a: &x\n  b: *x\n", "f.yml:2:6: alias '*x' stands inside");
	refuses(&f, "a: *nobody\n", "f.yml:1:4: alias '*nobody' has no anchor");
	refuses(&f, "a: b: c\n", "f.yml:1:");
	refuses(&f, "a: 1\n---\nb: 2\n", "f.yml:2:1: a second document");
	refuses(&f, "[a, b]: c\n", "f.yml:1:1: a key must be text");
	refuses(&f, "a: [b\n", "f.yml:");
	refuses(&f, "a: \"\\0\"\n", "f.yml:1:4: text holds a NUL");
	refuses(&f, "a: 1\nb: \xbb\n", "f.yml:2:4: this is not UTF-8");
	refuses(&f, "a: \x01\n", "f.yml:1:4: a control character");
	refuses(&f, "%\n", "f.yml:1:1: YAML directives");
	assert_int_equal(parse(&f, " \n# nothing\n"), 0);
	assert_null(f.doc.root);
}

static void refuses_expansion_bombs(void **state UNUSED)
{
	FIXTURE;
	CLEANUP_STR struct str s = STR_INIT;

	str_add(&s, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 8; i++) {
		str_addf(&s, "a%d: &a%d [", i, i);
		for (int j = 0; j < 10; j++)
			str_addf(&s, "%s*a%d", j ? "," : "", i - 1);
		str_add(&s, "]\n");
	}
	refuses(&f, str_text(&s), "more than 100000 nodes");
	str_clear(&s);
	for (int i = 0; i < 200; i++)
		str_add_c(&s, '[');
	assert_int_equal(parse(&f, str_text(&s)), -1);
	str_clear(&s);
	str_add(&s, "a0: &a0 [x]\n");
	for (int i = 1; i < 80; i++)
		str_addf(&s, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	refuses(&f, str_text(&s), "nested more than 64 levels");
	str_clear(&s);
	while (s.len <= LIMIT_YAML_FILE)
		str_add(&s, "# a line of comment\n");
	refuses(&f, str_text(&s), "more than the limit");
}

static void reads_scalars(void **state UNUSED)
{
	FIXTURE;
	bool yes;
	int64_t n;

	assert_int_equal(parse(&f, "{a: yes, b: \"no\", c: maybe, d: 12, e: 0x1, f: ~, g: -3}"), 0);
	assert_true(yaml_bool(yaml_get(f.doc.root, "a"), &yes) && yes);
	assert_true(yaml_bool(yaml_get(f.doc.root, "b"), &yes) && !yes);
	assert_false(yaml_bool(yaml_get(f.doc.root, "c"), &yes));
	assert_true(yaml_int(yaml_get(f.doc.root, "d"), &n) && n == 12);
	assert_false(yaml_int(yaml_get(f.doc.root, "e"), &n));
	assert_true(yaml_is_null(yaml_get(f.doc.root, "f")));
	assert_true(yaml_int(yaml_get(f.doc.root, "g"), &n) && n == -3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remembers_places_and_quotes),
		cmocka_unit_test(takes_unquoted_globs_as_text),
		cmocka_unit_test(keeps_columns_right_of_a_fixed_glob),
		cmocka_unit_test(resolves_aliases_and_merge_keys),
		cmocka_unit_test(refuses_bad_documents),
		cmocka_unit_test(refuses_expansion_bombs),
		cmocka_unit_test(reads_scalars),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
