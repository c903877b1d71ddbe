/* SPDX-License-Identifier: Apache-2.0 */
/* How the walkers reach into generated structs. A slot is the place of a member, a list element
 * or a map value. Only src/wire/ includes this. */
#ifndef TOWPATH_WIRE_VALUE_H
#define TOWPATH_WIRE_VALUE_H

#include "base/limits.h"
#include "wire/wire.h"

/* Whether n elements of a list or map may be made: a short document must not ask for gigabytes
 * of structs. */
static inline bool wire_room(const struct wire_shape *shape, size_t n, const struct arena *a)
{
	return n * shape->stride + a->total <= LIMIT_WIRE_DECODED;
}

/* The slot of a member within its structure. */
static inline void *wire_member_slot(const struct wire_member *m, const void *structure)
{
	return (char *)structure + m->offset;
}

/* The i-th element of a list. */
static inline void *wire_element_slot(const struct wire_shape *list, const void *slot, size_t i)
{
	const struct wire_list *l = slot;

	return (char *)l->v + i * list->stride;
}

/* The i-th entry of a map: its key stands first. */
static inline const char **wire_entry_key(const struct wire_shape *map, const void *slot, size_t i)
{
	return wire_element_slot(map, slot, i);
}

static inline void *wire_entry_slot(const struct wire_shape *map, const void *slot, size_t i)
{
	return (char *)wire_element_slot(map, slot, i) + map->value_offset;
}

/* The structure a slot stands for: list elements hold it in place, all others point to it. */
static inline void *wire_structure_at(const void *slot, bool in_place)
{
	return in_place ? (void *)slot : *(void *const *)slot;
}

/* Whether the slot holds a value. in_place: a list element. */
static inline bool wire_slot_set(const struct wire_shape *shape, const void *slot, bool in_place)
{
	switch (shape->type) {
	case WIRE_STRING:
		return *(const char *const *)slot;
	case WIRE_BLOB:
		return ((const struct view *)slot)->p;
	case WIRE_BOOL:
		return ((const struct wire_bool *)slot)->set;
	case WIRE_INT:
		return ((const struct wire_int *)slot)->set;
	case WIRE_LONG:
		return ((const struct wire_long *)slot)->set;
	case WIRE_DOUBLE:
		return ((const struct wire_double *)slot)->set;
	case WIRE_TIMESTAMP:
		return ((const struct wire_time *)slot)->set;
	case WIRE_LIST:
	case WIRE_MAP:
		return ((const struct wire_list *)slot)->set;
	case WIRE_STRUCT:
		return wire_structure_at(slot, in_place);
	}
	return false;
}

/* The structure to fill behind a slot: the place itself, or a new one from the arena. */
static inline void *wire_structure_make(
	const struct wire_shape *shape, void *slot, bool in_place, struct arena *a)
{
	if (in_place)
		return slot;
	return *(void **)slot = arena_alloc(a, shape->size);
}

#endif
