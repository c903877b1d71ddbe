/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR to structs and back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "cloudwatch.gen.h"
#include "codebuild.gen.h"
#include "wire/cbor.h"

#define BYTES(text) ((struct view){(text), sizeof(text) - 1})

/* Namespace "n"; MetricData: [{MetricName "m", Timestamp 1(1.5), Values [1, 2.0]}]; an unknown
 * member with a tag of nobody; everything without lengths. */
static const struct view metric = BYTES("\xbf"
					"\x69Namespace\x61n"
					"\x65other\x9f\xd9\x01\x00\x80\xff"
					"\x6aMetricData\x9f\xbf"
					"\x7f\x66Metric\x64Name\xff\x61m"
					"\x69Timestamp\xc1\xf9\x3e\x00"
					"\x65Value\xf6"
					"\x66Values\x9f\x01\xfa\x40\x00\x00\x00\xff"
					"\xff\xff\xff");

static void indefinite_lengths(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str out = STR_INIT, json = STR_INIT;
	struct cloudwatch_put_metric_data_request req, again;
	const struct wire_shape *shape = &cloudwatch_put_metric_data_request_shape;

	(void)state;
	if (wire_decode_cbor(shape, metric, &a, &req, &err) < 0)
		fail_msg("%s", err_message(&err));
	assert_string_equal(req.namespace, "n");
	assert_int_equal(req.metric_data.n, 1);
	assert_string_equal(req.metric_data.v[0].metric_name, "m");
	assert_true(req.metric_data.v[0].timestamp.usec == 1500000);
	assert_false(req.metric_data.v[0].value.set);
	assert_int_equal(req.metric_data.v[0].values.n, 2);
	assert_true(req.metric_data.v[0].values.v[1].v == 2.0);
	wire_encode_cbor(shape, &req, &out);
	assert_int_equal(wire_decode_cbor(shape, str_view(&out), &a, &again, &err), 0);
	wire_encode_json(shape, &again, &json);
	assert_string_equal(str_text(&json),
		"{\"MetricData\":[{\"MetricName\":\"m\",\"Timestamp\":1.500,"
		"\"Values\":[1.0,2.0]}],\"Namespace\":\"n\"}");
}

static void last_of_a_key_counts(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	struct cloudwatch_describe_alarms_request req;

	(void)state;
	assert_int_equal(wire_decode_cbor(&cloudwatch_describe_alarms_request_shape,
				 BYTES("\xa2\x6aMaxRecords\x01\x6aMaxRecords\x02"), &a, &req, &err),
		0);
	assert_int_equal(req.max_records.v, 2);
}

static void wrong_types(void **state)
{
	static const struct {
		struct view bytes;
		const char *why;
	} rows[] = {
		{BYTES("\x80"), "the document must be a map, not an array"},
		{BYTES("\xa1\x69Namespace\x01"), "'Namespace' must be a string, not a number"},
		{BYTES("\xa1\x69Namespace\x41x"), "'Namespace' must be a string, not bytes"},
		{BYTES("\xa1\x69Namespace\x61\x00"), "one with a NUL in it"},
		{BYTES("\xa1\x6aMetricData\xa0"), "'MetricData' must be an array, not a map"},
		{BYTES("\xa1\x6aMetricData\x81\xf6"), "'MetricData[0]' must be a value, not null"},
		{BYTES("\xa1\x6aMetricData\x81\xa1\x69Timestamp\x01"),
			"'MetricData[0].Timestamp' must be a time (seconds since 1970, under tag "
			"1), "
			"not a number"},
		{BYTES("\xa1\x6aMetricData\x81\xa1\x69Timestamp\xc0\x61x"), "under tag 1"},
		{BYTES("\xa1\x6aMetricData\x81\xa1\x69Timestamp\xc1\x61x"), "not a string"},
		{BYTES("\xa1\x6aMetricData\x81\xa1\x65Value\x61x"),
			"'MetricData[0].Value' must be a number, not a string"},
		{BYTES("\xa1\x6aMetricData\x81\xa1\x71StorageResolution\xfb\x3f\xf1\x99\x99\x99\x99"
		       "\x99\x9a"),
			"'MetricData[0].StorageResolution' must be a whole number of 32 bits"},
		{BYTES("\xa1\x6aMetricData\x81\xa1\x71StorageResolution\x1a\x80\x00\x00\x00"),
			"whole number of 32 bits"},
		{BYTES("\xa1\x01\x02"), "a map whose keys are strings"},
		{BYTES("\xa0\x00"), "something follows"},
		{BYTES("\xa1\x69Namespace"), "an item is missing"},
		{BYTES("\xbf\x6aMetricData\x9f"), "an item is missing"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		CLEANUP_ERR struct err err = ERR_INIT;
		struct cloudwatch_put_metric_data_request req;

		if (wire_decode_cbor(&cloudwatch_put_metric_data_request_shape, rows[i].bytes, &a,
			    &req, &err) == 0)
			fail_msg("row %zu is no error", i);
		assert_int_equal(err.kind, ERR_MALFORMED);
		if (!strstr(err_message(&err), rows[i].why))
			fail_msg("row %zu: %s", i, err_message(&err));
	}
}

/* An array that says it is long costs nothing unless it is. */
static void room_is_limited(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str text = STR_INIT;
	struct codebuild_batch_get_builds_request req;
	struct cloudwatch_put_metric_data_request data;

	(void)state;
	str_add(&text, "\xa1\x6aMetricData\x9a");
	str_add_n(&text, "\x00\x4c\x4b\x40", 4); /* five million */
	for (int i = 0; i < 5000000; i++)
		str_add_c(&text, '\xa0');
	assert_int_equal(wire_decode_cbor(&cloudwatch_put_metric_data_request_shape,
				 str_view(&text), &a, &data, &err),
		-1);
	assert_int_equal(err.kind, ERR_TOO_LARGE);
	err_release(&err);
	err = ERR_INIT;
	assert_int_equal(wire_decode_cbor(&codebuild_batch_get_builds_request_shape,
				 BYTES("\xa1\x63ids\x9b\x00\x00\x00\xff\x00\x00\x00\x00\x61x"), &a,
				 &req, &err),
		-1);
	assert_int_equal(err.kind, ERR_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(indefinite_lengths),
		cmocka_unit_test(last_of_a_key_counts),
		cmocka_unit_test(wrong_types),
		cmocka_unit_test(room_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
