/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR requests: decode, validate, encode; what was encoded decodes to the same bytes. */
#include "base/mem.h"
#include "cloudwatch.gen.h"
#include "codec/cbor.h"
#include "codepipeline.gen.h"
#include "wire/cbor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one_shape(const struct wire_shape *shape, struct view cbor)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str one = STR_INIT, two = STR_INIT;
	void *value = arena_alloc(&a, shape->size), *again = arena_alloc(&a, shape->size);

	if (wire_decode_cbor(shape, cbor, &a, value, &err) < 0)
		return;
	wire_validate(shape, value, &err);
	wire_encode_cbor(shape, value, &one);
	if (wire_decode_cbor(shape, str_view(&one), &a, again, &err) < 0)
		BUG("%s cannot be read back: %s", shape->name, err_message(&err));
	wire_encode_cbor(shape, wire_copy(shape, again, &a), &two);
	if (!view_eq(str_view(&one), str_view(&two)))
		BUG("%s became another", shape->name);
}

static void items(struct view cbor)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	struct cbor_reader r = cbor_reader(cbor);
	struct cbor_item item;

	while (cbor_next(&r, &item, &err) == 0 && cbor_skip(&r, &item, &err) == 0)
		if (r.p > r.end)
			BUG("beyond the end");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view cbor = {(const char *)data, size};

	one_shape(&cloudwatch_put_metric_data_request_shape, cbor);
	one_shape(&cloudwatch_put_metric_alarm_request_shape, cbor);
	one_shape(&codepipeline_create_pipeline_request_shape, cbor);
	items(cbor);
	return 0;
}
