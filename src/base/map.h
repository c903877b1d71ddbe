/* SPDX-License-Identifier: Apache-2.0 */
/* A hash map from strings to pointers, in insertion order. Keys are copied, values are borrowed. */
#ifndef TOWPATH_BASE_MAP_H
#define TOWPATH_BASE_MAP_H

#include "base/macros.h"
#include "base/view.h"

struct map_entry {
	char *key; /* NULL when the entry was removed */
	size_t key_len;
	uint64_t hash;
	void *value;
};

struct map {
	struct map_entry *entries;
	size_t n; /* slots used in entries, removed ones included */
	size_t cap;
	size_t count;	 /* live entries */
	uint32_t *index; /* 0 = free, else entry number + 1 */
	size_t index_cap;
};

#define MAP_INIT ((struct map){0})
#define CLEANUP_MAP CLEANUP(map_release)

/* Frees the map; values are the caller's affair (see map_release_with). */
void map_release(struct map *m);
void map_release_with(struct map *m, void (*free_value)(void *));
/* Stores value under key; returns the value that stood there before, or NULL. */
void *map_set(struct map *m, const char *key, void *value);
void *map_set_view(struct map *m, struct view key, void *value);
void *map_get(const struct map *m, const char *key);
void *map_get_view(const struct map *m, struct view key);
bool map_has(const struct map *m, const char *key);
/* Removes key; returns its value, or NULL. */
void *map_remove(struct map *m, const char *key);
/* Next live entry after it (NULL: the first); NULL at the end. */
struct map_entry *map_next(const struct map *m, struct map_entry *it);
#define map_foreach(it, m) \
	for (struct map_entry *it = map_next((m), NULL); it; it = map_next((m), it))

#endif
