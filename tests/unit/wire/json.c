/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to structs and back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "cloudwatch.gen.h"
#include "codecommit.gen.h"
#include "codepipeline.gen.h"
#include "towpath.gen.h"

#define DECODE(shape, text, ret, err) \
	wire_decode_json(&(shape), view_of(text), &arena, (ret), (err))

static void round_trip(void **state)
{
	static const char text[] =
		"{\"pipeline\":{\"name\":\"p\",\"roleArn\":\"r\",\"stages\":[{\"name\":\"Source\","
		"\"actions\":[{\"name\":\"a\",\"configuration\":{\"k\":"
		"\"v\\n\\u00e9\\ud83d\\ude00\"},"
		"\"runOrder\":2}]}],\"version\":3}}";
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str out = STR_INIT;
	struct codepipeline_create_pipeline_request req;

	(void)state;
	assert_int_equal(DECODE(codepipeline_create_pipeline_request_shape, text, &req, &err), 0);
	assert_string_equal(req.pipeline->name, "p");
	assert_int_equal(req.pipeline->stages.n, 1);
	assert_int_equal(req.pipeline->stages.v[0].actions.v[0].run_order.v, 2);
	assert_string_equal(req.pipeline->stages.v[0].actions.v[0].configuration.v[0].value,
		"v\n\xc3\xa9\xf0\x9f\x98\x80");
	assert_false(req.tags.set);
	wire_encode_json(&codepipeline_create_pipeline_request_shape, &req, &out);
	assert_string_equal(str_text(&out),
		"{\"pipeline\":{\"name\":\"p\",\"roleArn\":\"r\",\"stages\":[{\"actions\":[{"
		"\"configuration\":{\"k\":\"v\\n\xc3\xa9\xf0\x9f\x98\x80\"},\"name\":\"a\","
		"\"runOrder\":2}],\"name\":\"Source\"}],\"version\":3}}");
}

static void absent_and_unknown(void **state)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	struct codecommit_create_repository_request req;

	(void)state;
	assert_int_equal(DECODE(codecommit_create_repository_request_shape,
				 "{\"repositoryName\":null,\"tags\":{},\"nobody\":[1,{\"x\":2}]}",
				 &req, &err),
		0);
	assert_null(req.repository_name);
	assert_true(req.tags.set);
	assert_int_equal(req.tags.n, 0);
}

static void last_of_duplicates(void **state)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	struct codecommit_create_repository_request req;

	(void)state;
	assert_int_equal(DECODE(codecommit_create_repository_request_shape,
				 "{\"repositoryName\":\"a\",\"repositoryName\":\"b\"}", &req, &err),
		0);
	assert_string_equal(req.repository_name, "b");
}

static void times(void **state)
{
	static const char *const forms[] = {"1700000000.123", "\"2023-11-14T22:13:20.123Z\"",
		"\"2023-11-14T23:13:20.123+01:00\""};
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	struct cloudwatch_metric_datum datum;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		CLEANUP_STR struct str out = STR_INIT;

		assert_int_equal(
			DECODE(cloudwatch_metric_datum_shape,
				arena_printf(&arena, "{\"Timestamp\":%s}", forms[i]), &datum, &err),
			0);
		assert_true(datum.timestamp.usec == INT64_C(1700000000123000));
		wire_encode_json(&cloudwatch_metric_datum_shape, &datum, &out);
		assert_string_equal(str_text(&out), "{\"Timestamp\":1700000000.123}");
	}
}

static void doubles(void **state)
{
	static const char *const rows[][2] = {{"1", "1.0"}, {"0.1", "0.1"}, {"1e300", "1e+300"},
		{"-2.5", "-2.5"}, {"0.30000000000000004", "0.30000000000000004"},
		{"\"NaN\"", "\"NaN\""}, {"\"-Infinity\"", "\"-Infinity\""}};
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	struct cloudwatch_metric_datum datum;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_STR struct str out = STR_INIT;

		assert_int_equal(
			DECODE(cloudwatch_metric_datum_shape,
				arena_printf(&arena, "{\"Value\":%s}", rows[i][0]), &datum, &err),
			0);
		wire_encode_json(&cloudwatch_metric_datum_shape, &datum, &out);
		assert_string_equal(
			str_text(&out), arena_printf(&arena, "{\"Value\":%s}", rows[i][1]));
	}
}

static void refused(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"", "line 1, column 0"},
		{"[]", "the document must be an object, not an array"},
		{"{\"pipeline\":7}", "'pipeline' must be an object, not a number"},
		{"{\"pipeline\":{\"name\":1}}", "'pipeline.name' must be a string, not a number"},
		{"{\"pipeline\":{\"stages\":[{},{\"name\":{}}]}}",
			"'pipeline.stages[1].name' must be a string, not an object"},
		{"{\"pipeline\":{\"stages\":[null]}}",
			"'pipeline.stages[0]' must be a value, not null"},
		{"{\"pipeline\":{\"version\":2147483648}}",
			"'pipeline.version' must be a whole number of 32 bits"},
		{"{\"pipeline\":{\"version\":1.5}}", "'pipeline.version' must be a whole number"},
		{"{\"pipeline\":{\"version\":99999999999999999999999}}", "too big integer"},
		{"{\"pipeline\":{\"version\":1e999}}", "real number overflow"},
		{"{\"pipeline\":{\"name\":\"\xff\"}}", "unable to decode byte"},
		{"{\"pipeline\":{\"name\":\"\\ud800\"}}", "invalid Unicode"},
		{"{\"pipeline\":{\"name\":\"a\\u0000b\"}}", "\\u0000"},
		{"{\"pipeline\":{}} x", "end of file expected"},
		{"{\"pipeline\":{}", "line 1"},
	};
	struct codepipeline_create_pipeline_request req;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		CLEANUP_ERR struct err err = ERR_INIT;

		assert_int_equal(DECODE(codepipeline_create_pipeline_request_shape, rows[i].text,
					 &req, &err),
			-1);
		assert_int_equal(err.kind, ERR_MALFORMED);
		if (!strstr(err_message(&err), rows[i].message))
			fail_msg("%s: %s", rows[i].text, err_message(&err));
	}
}

static void deep_documents(void **state)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str text = STR_INIT;
	struct codepipeline_create_pipeline_request req;

	(void)state;
	str_add(&text, "{\"unknown\":");
	for (int i = 0; i < 100000; i++)
		str_add_c(&text, '[');
	assert_int_equal(wire_decode_json(&codepipeline_create_pipeline_request_shape,
				 str_view(&text), &arena, &req, &err),
		-1);
	assert_int_equal(err.kind, ERR_MALFORMED);
}

static void short_text_many_structs(void **state)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str text = STR_INIT;
	struct codepipeline_create_pipeline_request req;

	(void)state;
	str_add(&text, "{\"pipeline\":{\"stages\":[{}");
	for (int i = 0; i < 1000000; i++)
		str_add(&text, ",{}");
	str_add(&text, "]}}");
	assert_int_equal(wire_decode_json(&codepipeline_create_pipeline_request_shape,
				 str_view(&text), &arena, &req, &err),
		-1);
	assert_int_equal(err.kind, ERR_TOO_LARGE);
}

static void output_is_utf8(void **state)
{
	CLEANUP_STR struct str out = STR_INIT;
	struct towpath_event_object e = {.key = "a\xff\x01\"b"};

	(void)state;
	wire_encode_json(&towpath_event_object_shape, &e, &out);
	assert_string_equal(str_text(&out), "{\"key\":\"a\xef\xbf\xbd\\u0001\\\"b\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(absent_and_unknown),
		cmocka_unit_test(last_of_duplicates),
		cmocka_unit_test(times),
		cmocka_unit_test(doubles),
		cmocka_unit_test(refused),
		cmocka_unit_test(deep_documents),
		cmocka_unit_test(short_text_many_structs),
		cmocka_unit_test(output_is_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
