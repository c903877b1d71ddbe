/* SPDX-License-Identifier: Apache-2.0 */
/* Maps of strings as documents hold them: tags, attributes. Keys stand in the order in which they
 * came. */
#ifndef TOWPATH_STORE_STRING_MAP_H
#define TOWPATH_STORE_STRING_MAP_H

#include "towpath.gen.h"

/* The value of a key; NULL: it is not there. */
const char *string_map_get(const struct towpath_string_map *map, const char *key);
/* Adds or replaces. Key and value must live as long as the map; no value (NULL) counts as empty.
 * The list is looked through and copied: callers limit how many a client may add. */
void string_map_put(
	struct towpath_string_map *map, const char *key, const char *value, struct arena *a);
void string_map_drop(struct towpath_string_map *map, const char *key);

#endif
