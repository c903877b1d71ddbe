/* SPDX-License-Identifier: Apache-2.0 */
/* AppSpec files: what is accepted, what is refused, and that both name the line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "deploy/appspec.h"

#define HEAD "version: 0.0\nos: linux\n"

static void test_whole(void **state)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct appspec s;
	const struct appspec_permission *p;

	(void)state;
	if (appspec_parse("appspec.yml",
		    VIEW(HEAD "file_exists_behavior: RETAIN\n"
			      "files:\n  - source: /\n    destination: /srv/app\n"
			      "permissions:\n"
			      "  - object: /srv/app\n    pattern: '*.sh'\n    except: [x.sh]\n"
			      "    owner: root\n    group: staff\n    mode: 750\n"
			      "    type: [file]\n    acls: ['u:bob:rw', 'm::rwx']\n"
			      "    context:\n      type: etc_t\n      range: s0-s0:c0.c3,c9\n"
			      "hooks:\n  BeforeInstall:\n    - location: ' a.sh '\n"
			      "      timeout: 300\n      runas: bob\n  AfterInstall:\n"),
		    &a, &s, &err) < 0)
		fail_msg("%s", err_message(&err));
	assert_null(s.document.warnings);
	assert_string_equal(s.file_exists_behavior, "RETAIN");
	assert_int_equal(s.n_files, 1);
	assert_string_equal(s.files[0].destination, "/srv/app");
	p = &s.permissions[0];
	assert_string_equal(p->mode, "750");
	assert_true(p->files && !p->directories);
	assert_int_equal(p->n_acls, 2);
	assert_int_equal(p->acls[0].kind, 'u');
	assert_string_equal(p->acls[0].name, "bob");
	assert_string_equal(p->context_type, "etc_t");
	assert_int_equal(s.n_hooks, 1); /* an empty hook is none */
	assert_string_equal(appspec_hook(&s, "BeforeInstall")->scripts[0].location, "a.sh");
	assert_int_equal(appspec_hook(&s, "BeforeInstall")->scripts[0].timeout_sec, 300);
	assert_null(appspec_hook(&s, "AfterInstall"));
}

/* As a pipeline's author may write it: another version, and a key that there is not. */
static void test_lenient(void **state)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct appspec s;

	(void)state;
	assert_int_equal(appspec_parse("appspec.yml",
				 VIEW("version: 0.2\nos: linux\nhooks:\n  ValidateService:\n"
				      "    - location: scripts/health_check.sh\n"
				      "      timeout: 300\n"
				      "      onFailure: AbortDeployment  # Rollback\n"),
				 &a, &s, &err),
		0);
	assert_int_equal(s.document.warnings->line, 1);
	assert_non_null(strstr(s.document.warnings->message, "version: 0.0"));
	assert_int_equal(s.document.warnings->next->line, 7);
	assert_non_null(strstr(s.document.warnings->next->message, "onFailure"));
	assert_null(s.document.warnings->next->next);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *where, *what;
	} rows[] = {
		{"", "a.yml", "empty"},
		{"- a\n", "a.yml:1", "mapping"},
		{"os: linux\n", "a.yml:1", "'version' is missing"},
		{"version: \"0.0\"\nos: linux\n", "a.yml:1:10", "without quotes"},
		{"version: 1\nos: linux\n", "a.yml:1", "invalid version"},
		{"version: 0.0\n", "a.yml:1", "'os' is missing"},
		{"version: 0.0\nos: windows\n", "a.yml:2", "unsupported operating system"},
		{HEAD "files: /\n", "a.yml:3", "must be a list"},
		{HEAD "files:\n  - source: /\n", "a.yml:4", "only a source"},
		{HEAD "files:\n  - destination: /\n", "a.yml:4", "no source"},
		{HEAD "file_exists_behavior: overwrite\n", "a.yml:3", "OVERWRITE"},
		{HEAD "hooks:\n  AfterInstall:\n    - timeout: 3\n", "a.yml:5", "no location"},
		{HEAD "hooks:\n  AfterInstall:\n    - location: x\n      timeout: 0\n", "a.yml:6",
			"timeout"},
		{HEAD "hooks:\n  AfterInstall:\n    - location: x\n      timeout: soon\n",
			"a.yml:6", "timeout"},
		{HEAD "hooks: [a]\n", "a.yml:3", "mapping"},
		{HEAD "permissions:\n  - mode: 644\n", "a.yml:4", "no object"},
		{HEAD "permissions:\n  - object: /x\n    mode: 0644\n", "a.yml:5", "\"0644\""},
		{HEAD "permissions:\n  - object: /x\n    mode: 888\n", "a.yml:5", "mode"},
		{HEAD "permissions:\n  - object: /x\n    acls: ['u::rw']\n", "a.yml:5", "no name"},
		{HEAD "permissions:\n  - object: /x\n    acls: ['q:a:rw']\n", "a.yml:5", "ACL"},
		{HEAD "permissions:\n  - object: /x\n    context: {type: t, range: 's0:c9,c3'}\n",
			"a.yml:5", "range"},
		{"version: 0.0\nResources:\n  - T: {}\n", "a.yml:", "ECS"},
		{"a: &a [*a]\n", "a.yml", ""},
		{"\tx", "a.yml", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct arena a CLEANUP_ARENA = ARENA_INIT;
		struct err err CLEANUP_ERR = ERR_INIT;
		struct appspec s;

		if (appspec_parse("a.yml", view_of(rows[i].text), &a, &s, &err) == 0)
			fail_msg("accepted: %s", rows[i].text);
		if (!strstr(err_message(&err), rows[i].where) ||
			!strstr(err_message(&err), rows[i].what))
			fail_msg("%s: %s", rows[i].text, err_message(&err));
	}
}

static void test_glob(void **state)
{
	(void)state;
	assert_true(appspec_glob("*.sh", "a.sh"));
	assert_true(appspec_glob("a*b*c", "axxbyyc"));
	assert_true(appspec_glob("*", ""));
	assert_false(appspec_glob("*.sh", "d/a.sh"));
	assert_false(appspec_glob("*", "d/a"));
	assert_false(appspec_glob("a?", "ab"));
	assert_false(appspec_glob("*a", "ab"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_lenient),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_glob),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
