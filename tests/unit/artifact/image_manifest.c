/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests: what is read of them, what is refused, which member of an index is chosen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "artifact/image_manifest.h"

#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define WHAT(type, digest) "{\"mediaType\":\"" type "\",\"digest\":\"" digest "\",\"size\":7}"
#define IMAGE(more)                                                                                \
	"{\"schemaVersion\":2," more "\"config\":" WHAT("c", D1) ",\"layers\":[" WHAT("l", D2) "]" \
											       "}"

static void test_image(void **state)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct image_manifest m;

	(void)state;
	assert_int_equal(image_manifest_parse(VIEW(IMAGE("")), NULL, &a, &m, NULL), 0);
	assert_string_equal(m.media_type, IMAGE_OCI_MANIFEST);
	assert_string_equal(m.config.digest, D1);
	assert_int_equal(m.n_layers, 1);
	assert_string_equal(m.layers[0].digest, D2);
	assert_int_equal(m.layers[0].size, 7);
	assert_string_equal(m.artifact_type, "c");
	assert_string_equal(m.subject, "");
	assert_int_equal(
		image_manifest_parse(
			VIEW(IMAGE("\"subject\":" WHAT("s", D2) ",\"artifactType\":\"t\",")),
			IMAGE_DOCKER_MANIFEST, &a, &m, NULL),
		0);
	assert_string_equal(m.media_type, IMAGE_DOCKER_MANIFEST);
	assert_string_equal(m.subject, D2);
	assert_string_equal(m.artifact_type, "t");
}

static void test_refused(void **state)
{
	static const char *const bad[] = {"", "[]", "{}", "{\"schemaVersion\":1}",
		"{\"schemaVersion\":2}", "{\"schemaVersion\":2,\"config\":{},\"layers\":[]}",
		"{\"schemaVersion\":2,\"config\":" WHAT("c", "sha256:12") ",\"layers\":[]}",
		"{\"schemaVersion\":2,\"config\":" WHAT("c", "sha512:12") ",\"layers\":[]}",
		"{\"schemaVersion\":2,\"config\":" WHAT("c", D1) ",\"layers\":[7]}",
		"{\"schemaVersion\":2,\"mediaType\":\"x\",\"config\":" WHAT(
			"c", D1) ",\"layers\":[]}",
		IMAGE("\"manifests\":[],"), IMAGE("\"subject\":{},")};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct arena a CLEANUP_ARENA = ARENA_INIT;
		CLEANUP_ERR struct err err = ERR_INIT;
		struct image_manifest m;

		if (image_manifest_parse(view_of(bad[i]), NULL, &a, &m, &err) == 0)
			fail_msg("taken: %s", bad[i]);
		assert_string_equal(err.wire, "InvalidParameterException");
	}
}

#define MEMBER(digest, arch, more)                      \
	"{\"mediaType\":\"m\",\"digest\":\"" digest     \
	"\",\"size\":1,\"platform\":{\"os\":\"linux\"," \
	"\"architecture\":\"" arch "\"" more "}}"

static void test_index(void **state)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct image_manifest m;
	const struct image_member *member;

	(void)state;
	assert_int_equal(
		image_manifest_parse(VIEW("{\"schemaVersion\":2,\"manifests\":[" MEMBER(D1, "amd64",
					     "") "," MEMBER(D2, "arm", ",\"variant\":\"v7\"") "]}"),
			NULL, &a, &m, NULL),
		0);
	assert_true(m.is_index);
	member = image_manifest_select(
		&m, &(struct artifact_platform){.os = "linux", .architecture = "arm"});
	assert_string_equal(member->what.digest, D2);
	assert_null(image_manifest_select(&m, &(struct artifact_platform){"linux", "arm", "v6"}));
	assert_null(
		image_manifest_select(&m, &(struct artifact_platform){"windows", "amd64", NULL}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
