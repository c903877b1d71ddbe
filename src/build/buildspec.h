/* SPDX-License-Identifier: Apache-2.0 */
/* The buildspec: the file in which users say how to build (buildspec reference, versions 0.1 and
 * 0.2). Every key of the reference is understood; any other is refused with its line. */
#ifndef TOWPATH_BUILD_BUILDSPEC_H
#define TOWPATH_BUILD_BUILDSPEC_H

#include "codec/yaml.h"
#include "towpath.gen.h"

struct buildspec_result {
	struct towpath_buildspec *spec;
	const struct yaml_warning *warnings; /* in order; what was accepted but should be mended */
};

/* Reads a buildspec; everything lives in the arena. file is the name that messages begin with
 * ("buildspec.yml:12:5: ..."). ERR_MALFORMED, ERR_INVALID, ERR_TOO_LARGE. */
int buildspec_parse(const char *file, struct view text, struct arena *a,
	struct buildspec_result *ret, struct err *err);
/* As buildspec_parse() from a tree that was parsed already; warnings are added to doc. */
int buildspec_read(struct yaml_document *doc, struct towpath_buildspec **ret, struct err *err);
/* True when a tree looks like a buildspec (for `towpath lint`): phases, or env and version. */
bool buildspec_is(const struct yaml_document *doc);

#endif
