/* SPDX-License-Identifier: Apache-2.0 */
#include "store/string_map.h"

#include <string.h>

#include "base/mem.h"

static struct towpath_string_map_kv *find(const struct towpath_string_map *map, const char *key)
{
	wire_foreach (kv, map) {
		if (streq(kv->key, key))
			return kv;
	}
	return NULL;
}

const char *string_map_get(const struct towpath_string_map *map, const char *key)
{
	const struct towpath_string_map_kv *kv = find(map, key);

	return kv ? kv->value : NULL;
}

void string_map_put(
	struct towpath_string_map *map, const char *key, const char *value, struct arena *a)
{
	struct towpath_string_map_kv *there = find(map, key);
	struct towpath_string_map old = *map;

	if (!there) {
		wire_list_alloc(a, map, old.n + 1);
		if (old.n)
			memcpy(map->v, old.v, old.n * sizeof(*old.v));
		there = &map->v[old.n];
	}
	*there = (struct towpath_string_map_kv){key, value ? value : ""};
}

void string_map_drop(struct towpath_string_map *map, const char *key)
{
	size_t kept = 0;

	wire_foreach (kv, map) {
		if (!streq(kv->key, key))
			map->v[kept++] = *kv;
	}
	map->n = kept;
}
