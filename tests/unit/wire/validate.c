/* SPDX-License-Identifier: Apache-2.0 */
/* Constraints of the models and the words they are answered in. */
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "codecommit.gen.h"
#include "codepipeline.gen.h"
#include "events.gen.h"
#include "wire/pattern.h"

static void messages(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"{}", "1 validation error detected: Value null at 'pipeline' failed to satisfy "
		       "constraint: Member must not be null"},
		{"{\"pipeline\":{\"name\":\"x y\",\"roleArn\":\"arn:aws:iam::123456789012:role/r\","
		 "\"stages\":[]}}",
			"1 validation error detected: Value 'x y' at 'pipeline.name' failed to "
			"satisfy constraint: Member must satisfy regular expression pattern: "
			"[A-Za-z0-9.@\\-_]+"},
		{"{\"pipeline\":{\"name\":\"x\",\"roleArn\":\"arn:aws:iam::123456789012:role/r\","
		 "\"version\":0,\"stages\":[{\"name\":\"s\",\"actions\":[]},{\"name\":\"\","
		 "\"actions\":[]}]}}",
			"Value '' at 'pipeline.stages.2.member.name' failed to satisfy constraint: "
			"Member must have length greater than or equal to 1"},
		{"{\"pipeline\":{\"name\":\"x\",\"roleArn\":\"arn:aws:iam::123456789012:role/r\","
		 "\"version\":0,\"stages\":[]}}",
			"Value '0' at 'pipeline.version' failed to satisfy constraint: Member must "
			"have value greater than or equal to 1"},
		{"{\"pipeline\":{\"name\":\"x\",\"roleArn\":\"arn:aws:iam::123456789012:role/r\","
		 "\"executionMode\":\"FAST\",\"stages\":[]}}",
			"Member must satisfy enum value set: [PARALLEL, QUEUED, SUPERSEDED]"},
	};
	struct codepipeline_create_pipeline_request req;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		CLEANUP_ERR struct err err = ERR_INIT;
		const struct wire_shape *shape = &codepipeline_create_pipeline_request_shape;

		assert_int_equal(
			wire_decode_json(shape, view_of(rows[i].text), &arena, &req, &err), 0);
		assert_int_equal(wire_validate(shape, &req, &err), -1);
		assert_int_equal(err.kind, ERR_INVALID);
		if (!strstr(err_message(&err), rows[i].message))
			fail_msg("%s: %s", rows[i].text, err_message(&err));
	}
}

static void several_in_one_message(void **state)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	struct codecommit_get_branch_request req = {.repository_name = "a b", .branch_name = ""};

	(void)state;
	assert_int_equal(wire_validate(&codecommit_get_branch_request_shape, &req, &err), -1);
	assert_true(starts_with(err_message(&err), "2 validation errors detected: "));
	assert_non_null(strstr(err_message(&err), "; Value"));
}

static void named_exceptions(void **state)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	struct codecommit_get_repository_request req = {0};
	const struct wire_operation *op =
		&codecommit_service.operations[CODECOMMIT_OP_GET_REPOSITORY];
	const struct wire_refusals none = {0};

	(void)state;
	assert_int_equal(wire_validate_input(op, &none, &req, &err), -1);
	assert_string_equal(err_wire_name(&err), "RepositoryNameRequiredException");
	req.repository_name = "a b";
	assert_int_equal(wire_validate_input(op, &none, &req, &err), -1);
	assert_string_equal(err_wire_name(&err), "InvalidRepositoryNameException");
	req.repository_name = "good";
	assert_int_equal(wire_validate_input(op, &none, &req, &err), 0);
}

static void secrets_stay_out(void **state)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	struct events_redshift_data_parameters secret = {.database = "d", .sql = ""};

	(void)state;
	assert_int_equal(wire_validate(&events_redshift_data_parameters_shape, &secret, &err), -1);
	assert_non_null(strstr(err_message(&err), "Value at 'sql' failed"));
}

static void characters_not_bytes(void **state)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str text = STR_INIT;
	struct codecommit_create_repository_request req = {.repository_name = "r"};

	(void)state;
	for (int i = 0; i < 1000; i++)
		str_add(&text, "\xc3\xa9");
	req.repository_description = str_text(&text);
	assert_int_equal(wire_validate(&codecommit_create_repository_request_shape, &req, &err), 0);
	str_add(&text, "x");
	req.repository_description = str_text(&text);
	assert_int_equal(
		wire_validate(&codecommit_create_repository_request_shape, &req, &err), -1);
}

static void patterns(void **state)
{
	static const struct {
		const char *pattern, *text;
		int matches;
	} rows[] = {
		{"[a-z]+", "abc", 1},
		{"[a-z]+", "abc1", 0},
		{"[a-z]+", "abc\n", 0},
		{"a|ab", "ab", 1},
		{"^[a-z]+$", "abc\n", 0},
		{"(\\u002F)|(\\u002F[\\u0021-\\u007E]+\\u002F)", "/a/", 1},
		{"[\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF\\r\\n\\t]*",
			"x\xf0\x9f\x98\x80", 1},
		{"[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u0085\\u00A0-\\uD7FF\\uE000-\\uFFFD"
		 "\\u10000-\\u10FFFF]+",
			"\x01", 0},
		{"(a+)+b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", 0},
	};
	static char long_text[2001]; /* more than the compiled pattern's stack is for */
	CLEANUP_ERR struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (wire_pattern_match(rows[i].pattern, rows[i].text, &err) != rows[i].matches)
			fail_msg("%s on %s: %s", rows[i].pattern, rows[i].text, err_message(&err));
	memset(long_text, 'a', sizeof(long_text) - 1);
	assert_int_equal(wire_pattern_match("([a-z]|\\-)*", long_text, &err), 1);
	assert_int_equal(wire_pattern_match("[", "x", &err), -1);
}

static void *match_many(void *arg)
{
	(void)arg;
	for (int i = 0; i < 200; i++)
		assert_int_equal(wire_pattern_match("[0-9]{1,9}x?", "12345", NULL), 1);
	return NULL;
}

static void patterns_on_threads(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, match_many, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages),
		cmocka_unit_test(several_in_one_message),
		cmocka_unit_test(named_exceptions),
		cmocka_unit_test(secrets_stay_out),
		cmocka_unit_test(characters_not_bytes),
		cmocka_unit_test(patterns),
		cmocka_unit_test(patterns_on_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
