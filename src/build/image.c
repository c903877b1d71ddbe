/* SPDX-License-Identifier: Apache-2.0 */
/* ListCuratedEnvironmentImages: the images whose names users know. Builds here run on the tools of
 * this machine and on language runtimes from the runtime store, whichever of them is named. */
#include "build/engine.h"

static const struct {
	const char *platform, *name, *description;
} images[] = {
	{"UBUNTU", "aws/codebuild/standard:7.0", "This machine's system with runtime-versions"},
	{"UBUNTU", "aws/codebuild/standard:6.0", "This machine's system with runtime-versions"},
	{"UBUNTU", "aws/codebuild/standard:5.0", "This machine's system with runtime-versions"},
	{"AMAZON_LINUX", "aws/codebuild/amazonlinux2-x86_64-standard:5.0",
		"This machine's system with runtime-versions"},
	{"AMAZON_LINUX", "aws/codebuild/amazonlinux-x86_64-standard:5.0",
		"This machine's system with runtime-versions"},
};

static size_t count(const char *platform)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(images); i++)
		n += streq(images[i].platform, platform);
	return n;
}

static void fill(struct codebuild_environment_platform *p, const char *platform, struct arena *a)
{
	struct codebuild_environment_language *language;
	size_t n = 0;

	p->platform = platform;
	wire_list_alloc(a, &p->languages, 1);
	language = p->languages.v;
	language->language = CODEBUILD_LANGUAGE_TYPE_BASE;
	wire_list_alloc(a, &language->images, count(platform));
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		struct codebuild_environment_image *image;

		if (!streq(images[i].platform, platform))
			continue;
		image = &language->images.v[n++];
		image->name = images[i].name;
		image->description = images[i].description;
		image->versions.set = true;
	}
}

int build_list_curated_environment_images(struct build_engine *e UNUSED, struct call *call,
	const struct codebuild_list_curated_environment_images_request *req UNUSED,
	struct codebuild_list_curated_environment_images_response *resp, struct err *err UNUSED)
{
	wire_list_alloc(call->arena, &resp->platforms, 2);
	fill(&resp->platforms.v[0], CODEBUILD_PLATFORM_TYPE_UBUNTU, call->arena);
	fill(&resp->platforms.v[1], CODEBUILD_PLATFORM_TYPE_AMAZON_LINUX, call->arena);
	return 0;
}
