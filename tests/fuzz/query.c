/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the query protocols. */
#include "cloudwatch.gen.h"
#include "ec2.gen.h"
#include "elbv2.gen.h"
#include "wire/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one_shape(
	const struct wire_shape *shape, const struct form *form, bool ec2, struct arena *a)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str out = STR_INIT;
	void *value = arena_alloc(a, shape->size);

	if (wire_decode_query(shape, form, ec2, a, value, &err) < 0)
		return;
	wire_validate(shape, value, &err);
	wire_encode_json(shape, value, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct form form;

	if (form_parse((struct view){(const char *)data, size}, &a, &form, NULL) < 0)
		return 0;
	one_shape(&cloudwatch_put_metric_data_request_shape, &form, false, &a);
	one_shape(&elbv2_create_rule_request_shape, &form, false, &a);
	one_shape(&ec2_describe_instances_request_shape, &form, true, &a);
	return 0;
}
