/* SPDX-License-Identifier: Apache-2.0 */
/* XML documents, as bodies of rest-xml requests. */
#include "s3.gen.h"
#include "wire/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one_shape(const struct wire_shape *shape, const struct xml_node *root, struct arena *a)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str out = STR_INIT;
	void *value = arena_alloc(a, shape->size);

	if (wire_decode_xml(shape, root, a, value, &err) < 0)
		return;
	wire_validate(shape, value, &err);
	wire_encode_xml_members(shape, value, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct xml_node *root;

	if (xml_parse((struct view){(const char *)data, size}, &a, &root, NULL) < 0)
		return 0;
	one_shape(&s3_delete_shape, root, &a);
	one_shape(&s3_completed_multipart_upload_shape, root, &a);
	one_shape(&s3_create_bucket_configuration_shape, root, &a);
	return 0;
}
