/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the query protocols, as the aws CLI and botocore send them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "cloudwatch.gen.h"
#include "ec2.gen.h"
#include "sns.gen.h"
#include "wire/query.h"

static int decode(const struct wire_shape *shape, const char *text, bool ec2, struct arena *a,
	void *ret, struct err *err)
{
	struct form form;

	assert_int_equal(form_parse(view_of(text), a, &form, err), 0);
	return wire_decode_query(shape, &form, ec2, a, ret, err);
}

static void lists_and_structures(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	struct cloudwatch_put_metric_data_request req;

	(void)state;
	assert_int_equal(decode(&cloudwatch_put_metric_data_request_shape,
				 "Action=PutMetricData&Version=2010-08-01&Namespace=a%2Fb"
				 "&MetricData.member.1.MetricName=one"
				 "&MetricData.member.10.MetricName=ten"
				 "&MetricData.member.2.MetricName=two"
				 "&MetricData.member.2.Timestamp=2023-11-14T22%3A13%3A20Z"
				 "&MetricData.member.2.Value=1.5"
				 "&MetricData.member.2.Dimensions.member.1.Name=n"
				 "&MetricData.member.2.Dimensions.member.1.Value=v+w",
				 false, &a, &req, &err),
		0);
	assert_string_equal(req.namespace, "a/b");
	assert_int_equal(req.metric_data.n, 3);
	assert_string_equal(req.metric_data.v[0].metric_name, "one");
	assert_string_equal(req.metric_data.v[1].metric_name, "two");
	assert_string_equal(req.metric_data.v[2].metric_name, "ten");
	assert_true(req.metric_data.v[1].timestamp.usec == INT64_C(1700000000000000));
	assert_true(req.metric_data.v[1].value.v == 1.5);
	assert_string_equal(req.metric_data.v[1].dimensions.v[0].value, "v w");
	assert_false(req.metric_data.v[0].dimensions.set);
}

static void maps_and_empty_lists(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	struct sns_create_topic_request req;

	(void)state;
	assert_int_equal(decode(&sns_create_topic_request_shape,
				 "Name=t&Attributes.entry.1.key=Policy&Attributes.entry.1.value=x"
				 "&Tags=",
				 false, &a, &req, &err),
		0);
	assert_int_equal(req.attributes.n, 1);
	assert_string_equal(req.attributes.v[0].key, "Policy");
	assert_string_equal(req.attributes.v[0].value, "x");
	assert_true(req.tags.set);
	assert_int_equal(req.tags.n, 0);
}

static void ec2_lists_are_flat(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	struct ec2_describe_instances_request req;

	(void)state;
	assert_int_equal(decode(&ec2_describe_instances_request_shape,
				 "InstanceId.1=i-1&InstanceId.2=i-2&Filter.1.Name=tag%3Aa"
				 "&Filter.1.Value.1=x&Filter.1.Value.2=y&MaxResults=5",
				 true, &a, &req, &err),
		0);
	assert_int_equal(req.instance_ids.n, 2);
	assert_string_equal(req.instance_ids.v[1], "i-2");
	assert_string_equal(req.filters.v[0].name, "tag:a");
	assert_string_equal(req.filters.v[0].values.v[1], "y");
	assert_int_equal(req.max_results.v, 5);
}

static void refused(void **state)
{
	static const char *const rows[][2] = {
		{"MetricData.member.1.Value=x", "'MetricData.member.1.Value' must be a number"},
		{"MetricData.member.x.Value=1", "'MetricData.member.x' must be numbered from 1"},
		{"MetricData.member.0.Value=1", "must be numbered from 1"},
		{"MetricData=x", "'MetricData' must be a list"},
		{"MetricData.member.1=x", "'MetricData.member.1' must be a structure"},
		{"MetricData.member.1.Timestamp=soon", "must be a time"},
		{"Namespace.a=1", "'Namespace' must be text"},
	};
	struct cloudwatch_put_metric_data_request req;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		CLEANUP_ERR struct err err = ERR_INIT;

		assert_int_equal(decode(&cloudwatch_put_metric_data_request_shape, rows[i][0],
					 false, &a, &req, &err),
			-1);
		assert_int_equal(err.kind, ERR_MALFORMED);
		if (!strstr(err_message(&err), rows[i][1]))
			fail_msg("%s: %s", rows[i][0], err_message(&err));
	}
}

static void names_that_start_alike(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	struct cloudwatch_put_metric_data_request req;

	(void)state;
	assert_int_equal(decode(&cloudwatch_put_metric_data_request_shape,
				 "MetricData-x=1&MetricData.member.1.MetricName=a&MetricDatax=2"
				 "&Namespace=n&Namespace=again",
				 false, &a, &req, &err),
		0);
	assert_int_equal(req.metric_data.n, 1);
	assert_non_null(req.namespace);
}

static void deep_names(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str text = STR_INIT;
	struct cloudwatch_put_metric_data_request req;

	(void)state;
	for (int i = 0; i < 5000; i++)
		str_add(&text, "a.");
	str_add(&text, "b=1");
	assert_int_equal(decode(&cloudwatch_put_metric_data_request_shape, str_text(&text), false,
				 &a, &req, &err),
		-1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_and_structures),
		cmocka_unit_test(maps_and_empty_lists),
		cmocka_unit_test(ec2_lists_are_flat),
		cmocka_unit_test(refused),
		cmocka_unit_test(names_that_start_alike),
		cmocka_unit_test(deep_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
