/* SPDX-License-Identifier: Apache-2.0 */
/* Path names as text; nothing here touches the disk. */
#ifndef TOWPATH_BASE_PATH_H
#define TOWPATH_BASE_PATH_H

#include "base/macros.h"

/* "a/b" from "a" and "b"; an absolute second part wins. Caller frees. */
char *path_join(const char *a, const char *b) MUST_CHECK;
/* The part after the last slash; borrowed. */
const char *path_base(const char *path);
/* Without "." and empty parts, ".." resolved by text. NULL when ".." leads above the start of a
 * relative path or above the root. Caller frees. */
char *path_normalise(const char *path) MUST_CHECK;
/* True for a relative path that stays inside where it starts (no absolute, no escaping ".."). */
bool path_is_inside(const char *path);

#endif
