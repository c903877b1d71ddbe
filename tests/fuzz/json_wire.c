/* SPDX-License-Identifier: Apache-2.0 */
/* JSON requests: decode, validate, encode; what was encoded decodes to the same text. */
#include "base/mem.h"
#include "codebuild.gen.h"
#include "codec/json.h"
#include "codepipeline.gen.h"
#include "cloudwatch.gen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one_shape(const struct wire_shape *shape, struct view json)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str one = STR_INIT, two = STR_INIT;
	void *value = arena_alloc(&a, shape->size), *again = arena_alloc(&a, shape->size);

	if (wire_decode_json(shape, json, &a, value, &err) < 0)
		return;
	wire_validate(shape, value, &err);
	wire_encode_json(shape, value, &one);
	if (wire_decode_json(shape, str_view(&one), &a, again, &err) < 0)
		BUG("%s cannot be read back: %s", str_text(&one), err_message(&err));
	wire_encode_json(shape, wire_copy(shape, again, &a), &two);
	if (!view_eq(str_view(&one), str_view(&two)))
		BUG("%s became %s", str_text(&one), str_text(&two));
}

static void tree(struct view json)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STR struct str out = STR_INIT;
	const struct json_node *node;

	if (json_parse(json, &a, &node, NULL) == 0)
		json_write(node, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view json = {(const char *)data, size};

	one_shape(&codepipeline_create_pipeline_request_shape, json);
	one_shape(&codebuild_create_project_request_shape, json);
	one_shape(&cloudwatch_put_metric_data_request_shape, json);
	tree(json);
	return 0;
}
