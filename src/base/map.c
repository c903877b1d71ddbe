/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include "base/mem.h"

/* FNV-1a, folded; keys from outside are capped by limits.h, so floods stay harmless. */
static uint64_t hash_bytes(struct view key)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < key.len; i++)
		h = (h ^ (unsigned char)key.p[i]) * UINT64_C(0x100000001b3);
	return h ^ (h >> 29);
}

void map_release(struct map *m)
{
	map_release_with(m, NULL);
}

void map_release_with(struct map *m, void (*free_value)(void *))
{
	map_foreach (it, m)
		if (free_value)
			free_value(it->value);
	for (size_t i = 0; i < m->n; i++)
		free(m->entries[i].key);
	free(m->entries);
	free(m->index);
	*m = MAP_INIT;
}

/* The index slot that holds key, or the free one where it would go. */
static uint32_t *find_slot(const struct map *m, struct view key, uint64_t hash)
{
	size_t mask = m->index_cap - 1;

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct map_entry *e;

		if (m->index[i] == 0)
			return &m->index[i];
		e = &m->entries[m->index[i] - 1];
		if (e->key && e->hash == hash && view_eq((struct view){e->key, e->key_len}, key))
			return &m->index[i];
	}
}

static void rebuild(struct map *m)
{
	size_t live = 0, want = 16;

	for (size_t i = 0; i < m->n; i++)
		if (m->entries[i].key)
			m->entries[live++] = m->entries[i];
	m->n = live;
	while (want < (live + 1) * 3)
		want *= 2;
	m->index_cap = want;
	m->index = xrealloc(m->index, want * sizeof(*m->index));
	memset(m->index, 0, want * sizeof(*m->index));
	for (size_t i = 0; i < m->n; i++) {
		struct map_entry *e = &m->entries[i];

		*find_slot(m, (struct view){e->key, e->key_len}, e->hash) = (uint32_t)i + 1;
	}
}

void *map_set_view(struct map *m, struct view key, void *value)
{
	uint64_t hash = hash_bytes(key);
	uint32_t *slot;

	if ((m->n + 1) * 2 > m->index_cap)
		rebuild(m);
	slot = find_slot(m, key, hash);
	if (*slot)
		return TAKE(m->entries[*slot - 1].value, value);
	if (m->n == m->cap) {
		m->cap = m->cap ? m->cap * 2 : 8;
		m->entries = xreallocarray(m->entries, m->cap, sizeof(*m->entries));
	}
	m->entries[m->n] = (struct map_entry){xstrndup(key.p, key.len), key.len, hash, value};
	*slot = (uint32_t)++m->n;
	m->count++;
	return NULL;
}

void *map_set(struct map *m, const char *key, void *value)
{
	return map_set_view(m, view_of(key), value);
}

static struct map_entry *find(const struct map *m, struct view key)
{
	uint32_t slot;

	if (!m->index_cap)
		return NULL;
	slot = *find_slot(m, key, hash_bytes(key));
	return slot ? &m->entries[slot - 1] : NULL;
}

void *map_get_view(const struct map *m, struct view key)
{
	struct map_entry *e = find(m, key);

	return e ? e->value : NULL;
}

void *map_get(const struct map *m, const char *key)
{
	return map_get_view(m, view_of(key));
}

bool map_has(const struct map *m, const char *key)
{
	return find(m, view_of(key)) != NULL;
}

void *map_remove(struct map *m, const char *key)
{
	struct map_entry *e = find(m, view_of(key));
	void *value;

	if (!e)
		return NULL;
	value = e->value;
	free(TAKE_PTR(e->key));
	e->value = NULL;
	m->count--;
	return value;
}

struct map_entry *map_next(const struct map *m, struct map_entry *it)
{
	size_t i = it ? (size_t)(it - m->entries) + 1 : 0;

	for (; i < m->n; i++)
		if (m->entries[i].key)
			return &m->entries[i];
	return NULL;
}
