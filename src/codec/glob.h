/* SPDX-License-Identifier: Apache-2.0 */
/* Path patterns as buildspecs and pipelines use them: `*`, `?` and `[...]` stay within one part of
 * a path, `**` as a whole part crosses any number of folders, none included; as the last part it
 * means every file below. Names that start with a dot are names like others. */
#ifndef TOWPATH_CODEC_GLOB_H
#define TOWPATH_CODEC_GLOB_H

#include <sys/stat.h>

#include "base/err.h"

/* Whether the whole path fits the pattern; both relative. */
bool glob_match(const char *pattern, const char *path);
/* Whether text has any of the special characters. */
bool glob_is_pattern(const char *text);

/* Finds what fits the pattern below the folder `base`, in sorted order, and calls fn with the
 * path relative to base (an absolute pattern: the absolute path) and its lstat(). dirs false:
 * files and links, else folders only. Links are never entered. fn answers 0 to go on. Returns
 * fn's last answer; folders that cannot be read are passed over. */
int glob_walk(const char *base, const char *pattern, bool dirs,
	int (*fn)(const char *path, const struct stat *st, void *arg), void *arg);

#endif
