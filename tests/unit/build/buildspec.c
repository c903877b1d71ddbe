/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of build/buildspec*: the whole grammar, every refusal by place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"
#include "build/buildspec.h"

struct fixture {
	struct arena arena;
	struct buildspec_result got;
	struct err err;
};

static void release(struct fixture *f)
{
	err_release(&f->err);
	arena_release(&f->arena);
}
#define FIXTURE CLEANUP(release) struct fixture f = {0}

static int parse(struct fixture *f, const char *text)
{
	release(f);
	return buildspec_parse("buildspec.yml", view_of(text), &f->arena, &f->got, &f->err);
}

static const struct towpath_buildspec *accepts(struct fixture *f, const char *text)
{
	if (parse(f, text) < 0)
		fail_msg("refused: %s", err_message(&f->err));
	return f->got.spec;
}

/* What a person would copy from the scenario: plain text with two slips. */
static const char shop_api[] = "version: 0.2\n"
			       "phases:\n"
			       "  install:\n"
			       "    runtime-versions:\n"
			       "      nodejs: 18     # Consistent across builds\n"
			       "    commands:\n"
			       "      - echo \"Installing dependencies...\"\n"
			       "      - npm ci      # Clean install vs npm install\n"
			       "  \n"
			       "  build:\n"
			       "    commands:\n"
			       "      - zip -r app.zip . -x \"*.git*\"    # Dev/Staging\n"
			       "artifacts:\n"
			       "  files: [app.zip, buildspec.yml, appspec.yml, scripts/**]\n"
			       "secondary-artifacts:\n"
			       "  docker:\n"
			       "    files: [Dockerfile, **/*]\n"
			       "reports:\n"
			       "  jest-reports:\n"
			       "    files:\n"
			       "      - 'coverage/**'\n"
			       "    base-directory: './test-results'\n";

static void takes_a_file_with_slips(void **state UNUSED)
{
	FIXTURE;
	const struct towpath_buildspec *s = accepts(&f, shop_api);

	assert_int_equal(s->phases.n, 2);
	assert_string_equal(s->phases.v[0].name, "INSTALL");
	assert_string_equal(s->phases.v[0].runtimes.v[0].name, "nodejs");
	assert_string_equal(s->phases.v[0].runtimes.v[0].version, "18");
	assert_string_equal(s->phases.v[0].commands.v[1], "npm ci");
	assert_string_equal(s->phases.v[1].commands.v[0], "zip -r app.zip . -x \"*.git*\"");
	assert_int_equal(s->artifacts->files.n, 4);
	assert_int_equal(s->secondary_artifacts.n, 1);
	assert_string_equal(s->secondary_artifacts.v[0].identifier, "docker");
	assert_string_equal(s->secondary_artifacts.v[0].files.v[1], "**/*");
	assert_string_equal(s->reports.v[0].format, "JUNITXML");
	assert_non_null(f.got.warnings);
	assert_int_equal(f.got.warnings->line, 17);
	assert_non_null(strstr(f.got.warnings->message, "write '**/*'"));
	assert_non_null(f.got.warnings->next);
	assert_int_equal(f.got.warnings->next->line, 16);
	assert_null(f.got.warnings->next->next);
}

static const char everything[] =
	"version: \"0.2\"\n"
	"run-as: dev\n"
	"env:\n"
	"  shell: bash\n"
	"  variables: {A: 1, B: yes, C: ~, D: 'x'}\n"
	"  parameter-store: {P: /a/b}\n"
	"  secrets-manager: {S: 'id:key'}\n"
	"  exported-variables: [A, AWS_X, B]\n"
	"  git-credential-helper: no\n"
	"proxy: {upload-artifacts: no, logs: yes}\n"
	"batch:\n"
	"  fast-fail: false\n"
	"  build-graph:\n"
	"    - identifier: a\n"
	"      env: {compute-type: X, variables: {K: v}}\n"
	"    - identifier: b\n"
	"      depend-on: [a]\n"
	"phases:\n"
	"  post_build:\n"
	"    commands: [a]\n"
	"    on-failure: retry-2-.*Error\n"
	"  pre_build:\n"
	"    run-as: other\n"
	"    on-failure: CONTINUE\n"
	"    commands:\n"
	"      - |\n"
	"        x\n"
	"        y\n"
	"    finally: [z]\n"
	"reports:\n"
	"  r: {files: ['*.xml'], discard-paths: yes, file-format: cobertURAxml}\n"
	"artifacts:\n"
	"  files: ['**/*']\n"
	"  name: app-$(date +%F)\n"
	"  discard-paths: no\n"
	"  base-directory: dist*\n"
	"  exclude-paths: ['*.map']\n"
	"  enable-symlinks: yes\n"
	"  s3-prefix: p\n"
	"  secondary-artifacts:\n"
	"    one: {files: [a], base-directory: x}\n"
	"cache:\n"
	"  key: k-$X\n"
	"  fallback-keys: [k-]\n"
	"  action: save\n"
	"  paths: ['/root/.npm/**/*']\n"
	"x-mine: &anchor {a: b}\n";

static void reads_every_key(void **state UNUSED)
{
	FIXTURE;
	const struct towpath_buildspec *s = accepts(&f, everything);
	const struct towpath_leader_phase *pre = &s->phases.v[0], *post = &s->phases.v[1];

	assert_string_equal(s->shell, "bash");
	assert_int_equal(s->variables.n, 4);
	assert_string_equal(s->variables.v[1].value, "yes");
	assert_string_equal(s->variables.v[2].value, "");
	assert_string_equal(s->parameter_store.v[0].value, "/a/b");
	assert_int_equal(s->exported_variables.n, 2);
	assert_string_equal(s->exported_variables.v[1], "B");
	assert_true(s->git_credential_helper.set && !s->git_credential_helper.v);
	assert_int_equal(s->phases.n, 2);
	assert_string_equal(pre->name, "PRE_BUILD");
	assert_string_equal(pre->run_as, "other");
	assert_string_equal(pre->commands.v[0], "x\ny\n");
	assert_string_equal(pre->finally_commands.v[0], "z");
	assert_string_equal(post->run_as, "dev");
	assert_string_equal(post->on_failure, "RETRY");
	assert_int_equal(post->retry_count.v, 2);
	assert_string_equal(post->retry_pattern, ".*Error");
	assert_string_equal(s->reports.v[0].kind, "CODE_COVERAGE");
	assert_string_equal(s->artifacts->name, "app-$(date +%F)");
	assert_string_equal(s->artifacts->s3_prefix, "p");
	assert_true(s->artifacts->enable_symlinks.v);
	assert_string_equal(s->secondary_artifacts.v[0].base_directory, "x");
	assert_string_equal(s->cache->action, "save");
	assert_int_equal(s->cache->fallback_keys.n, 1);
}

static void reads_version_0_1(void **state UNUSED)
{
	FIXTURE;
	const struct towpath_buildspec *s =
		accepts(&f, "version: 0.1\n"
			    "environment_variables: {plaintext: {K: v}}\n"
			    "phases: {build: {commands: [a]}}\n"
			    "artifacts: {type: zip, files: [x], discard-paths: yes}\n");

	assert_string_equal(s->version, "0.1");
	assert_string_equal(s->variables.v[0].name, "K");
	assert_true(s->artifacts->discard_paths.v);
	assert_int_equal(
		parse(&f, "version: 0.1\nenv: {}\nphases: {build: {commands: [a]}}\n"), -1);
	assert_non_null(strstr(err_message(&f.err), "buildspec.yml:2:1: key 'env' in the "
						    "buildspec needs version: 0.2"));
}

static void reads_on_failure(void **state UNUSED)
{
	static const struct {
		const char *text, *kind, *pattern;
		int count;
	} cases[] = {
		{"ABORT", "ABORT", NULL, 0},
		{"continue", "CONTINUE", NULL, 0},
		{"RETRY", "RETRY", ".*", 3},
		{"RETRY-0", "RETRY", ".*", 0},
		{"RETRY-100", "RETRY", ".*", 100},
		{"RETRY-5xx.*", "RETRY", "5xx.*", 3},
		{"Retry-.*Time-out", "RETRY", ".*Time-out", 3},
		{"RETRY-7-a-b", "RETRY", "a-b", 7},
		{"RETRY-2-exit status \\d+", "RETRY", "exit status \\d+", 2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		FIXTURE;
		CLEANUP(freep)
		char *text = xasprintf("version: 0.2\nphases:\n  build:\n    on-failure: '%s'\n"
				       "    commands: [a]\n",
			cases[i].text);
		const struct towpath_leader_phase *p = &accepts(&f, text)->phases.v[0];

		assert_string_equal(p->on_failure, cases[i].kind);
		assert_int_equal(wire_or(p->retry_count, 0), cases[i].count);
		assert_true(streq(p->retry_pattern, cases[i].pattern));
	}
}

#define V "version: 0.2\n"
#define P "phases: {build: {commands: [a]}}\n"

static void refuses_by_name_and_line(void **state UNUSED)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"", "buildspec.yml:1:1: the buildspec is empty"},
		{"- a\n", "buildspec.yml:1:1: 'buildspec' must be a mapping, not a list"},
		{P, "buildspec.yml:1:1: 'version' is missing"},
		{"version: 0.3\n" P, "buildspec.yml:1:10: unsupported version '0.3'"},
		{V, "buildspec.yml:1:1: 'phases' is missing in the buildspec"},
		{V "phases: {}\n", "buildspec.yml:2:9: 'phases' names no phase"},
		{V P "artefacts: {}\n",
			"buildspec.yml:3:1: unknown key 'artefacts' in the buildspec"},
		{V "phases: {test: {commands: [a]}}\n", "buildspec.yml:2:10: unknown phase 'test'"},
		{V "phases:\n  build:\n    command: [a]\n",
			"buildspec.yml:4:5: unknown key 'command' in phases.build"},
		{V "phases:\n  build:\n    finally: [a]\n",
			"buildspec.yml:3:3: 'commands' is missing in phases.build"},
		{V "phases:\n  build:\n    commands: npm test\n",
			"buildspec.yml:4:15: 'commands' must be a list, not text"},
		{V "phases:\n  build:\n    commands:\n      - echo a: b\n",
			"buildspec.yml:5:9: Expected Commands[0] to be of string type: found "
			"subkeys instead at line 5, value of the key tag on line 4 might be empty"},
		{V "phases:\n  build:\n    runtime-versions: {nodejs: 18}\n    commands: [a]\n",
			"buildspec.yml:4:23: runtime-versions belongs into the install phase"},
		{V "phases:\n  install:\n    runtime-versions: {node: 18}\n",
			"buildspec.yml:4:24: unknown runtime 'node'"},
		{V "phases: {build: {commands: [a], on-failure: STOP}}\n", "not 'STOP'"},
		{V "phases: {build: {commands: [a], on-failure: RETRY-101}}\n", "0 to 100"},
		{V "phases: {build: {commands: [a], on-failure: 'RETRY-('}}\n",
			"no regular expression"},
		{V P "env: {shell: powershell.exe}\n", "needs a Windows build environment"},
		{V P "env: {shell: fish}\n", "unknown shell 'fish'"},
		{V P "env: {variables: [a]}\n", "'variables' must be a mapping, not a list"},
		{V P "env: {variables: {A: [b]}}\n", "the value of 'A' in 'variables'"},
		{V P "env: {exported-variables: ['a b']}\n", "'a b' in 'exported-variables'"},
		{V P "env: {git-credential-helper: maybe}\n", "must be yes or no, not 'maybe'"},
		{V P "env: {plaintext: {}}\n", "unknown key 'plaintext' in env"},
		{V P "artifacts: {name: x}\n", "'files' is missing in artifacts"},
		{V P "artifacts:\n  files: [a]\n  secondary-artifacts: {b: {name: c}}\n",
			"buildspec.yml:5:28: 'files' is missing in secondary-artifacts.b"},
		{V P "reports: {a: {base-directory: b}}\n", "'files' is missing in reports.a"},
		{V P "reports: {a: {files: [b], file-format: PDF}}\n", "unknown file-format 'PDF'"},
		{V P "cache: {action: both, paths: [a]}\n", "restore or save, not 'both'"},
		{V P "cache: {paths: [a], fallback-keys: [a, b, c, d, e, f]}\n", "limit of 5"},
		{V P "batch: {fast-fail: true}\n", "'batch' needs one of"},
		{V P "batch: {build-graph: [{identifier: a, depend-on: [b]}]}\n",
			"depend-on names 'b'"},
		{V P "batch: {build-graph: [{identifier: a, depend-on: [b]}, "
		     "{identifier: b, depend-on: [a]}]}\n",
			"form a cycle"},
		{V P "batch: {build-list: [{identifier: a}, {identifier: a}]}\n", "used twice"},
		{V P "batch: {build-fanout: {}}\n", "'parallelism' is missing"},
		{V P V, "key 'version' is given twice"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		FIXTURE;

		if (parse(&f, cases[i].text) == 0)
			fail_msg("accepted: %s", cases[i].text);
		if (!strstr(err_message(&f.err), cases[i].message))
			fail_msg("'%s' is not in '%s'", cases[i].message, err_message(&f.err));
	}
}

static void survives_storage(void **state UNUSED)
{
	FIXTURE;
	CLEANUP_STR struct str one = STR_INIT, two = STR_INIT;
	struct towpath_buildspec back;

	wire_encode_json(&towpath_buildspec_shape, accepts(&f, everything), &one);
	assert_int_equal(
		wire_decode_json(&towpath_buildspec_shape, str_view(&one), &f.arena, &back, &f.err),
		0);
	wire_encode_json(&towpath_buildspec_shape, &back, &two);
	assert_string_equal(str_text(&one), str_text(&two));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_a_file_with_slips),
		cmocka_unit_test(reads_every_key),
		cmocka_unit_test(reads_version_0_1),
		cmocka_unit_test(reads_on_failure),
		cmocka_unit_test(refuses_by_name_and_line),
		cmocka_unit_test(survives_storage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
