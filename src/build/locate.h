/* SPDX-License-Identifier: Apache-2.0 */
/* Where a build's buildspec is: inline, an object in S3, a path in the source, or buildspec.yml.
 * Private to build/. */
#ifndef TOWPATH_BUILD_LOCATE_H
#define TOWPATH_BUILD_LOCATE_H

#include "build/ports.h"

enum buildspec_origin { BUILDSPEC_INLINE, BUILDSPEC_OBJECT, BUILDSPEC_FILE };

/* Tells by the content of source.buildspec, as the service does. */
enum buildspec_origin build_locate_kind(const char *buildspec);
/* Reads the text. source_dir: the source on this machine; target_dir: the same as the build sees
 * it. *ret_origin is the name for log and messages. A file is only read inside the source. */
int build_locate(const struct build_sources *sources, const char *buildspec, const char *source_dir,
	const char *target_dir, struct arena *a, struct str *ret_text, const char **ret_origin,
	struct err *err);

#endif
