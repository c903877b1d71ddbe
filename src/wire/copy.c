/* SPDX-License-Identifier: Apache-2.0 */
/* Deep copies of generated structs. */
#include "base/mem.h"
#include "wire/value.h"

static void copy_slot(
	const struct wire_shape *shape, const void *from, bool in_place, struct arena *a, void *to);

static void copy_structure(
	const struct wire_shape *shape, const void *from, struct arena *a, void *to)
{
	for (size_t i = 0; i < shape->n_members; i++) {
		const struct wire_member *m = &shape->members[i];

		copy_slot(m->shape, wire_member_slot(m, from), false, a, wire_member_slot(m, to));
	}
}

static void copy_elements(const struct wire_shape *shape, const struct wire_list *from,
	struct arena *a, struct wire_list *to)
{
	*to = (struct wire_list){.n = from->n, .set = from->set};
	if (!from->n)
		return;
	to->v = arena_array(a, from->n, shape->stride);
	for (size_t i = 0; i < from->n; i++) {
		if (shape->type == WIRE_MAP) {
			*wire_entry_key(shape, to, i) =
				arena_strdup(a, *wire_entry_key(shape, from, i));
			copy_slot(shape->element, wire_entry_slot(shape, from, i), false, a,
				wire_entry_slot(shape, to, i));
		} else {
			copy_slot(shape->element, wire_element_slot(shape, from, i), true, a,
				wire_element_slot(shape, to, i));
		}
	}
}

static void copy_slot(
	const struct wire_shape *shape, const void *from, bool in_place, struct arena *a, void *to)
{
	if (!wire_slot_set(shape, from, in_place))
		return;
	switch (shape->type) {
	case WIRE_STRING:
		*(char **)to = arena_strdup(a, *(const char *const *)from);
		return;
	case WIRE_BLOB: {
		const struct view *blob = from;

		*(struct view *)to = (struct view){arena_view_dup(a, *blob), blob->len};
		return;
	}
	case WIRE_LIST:
	case WIRE_MAP:
		copy_elements(shape, from, a, to);
		return;
	case WIRE_STRUCT:
		copy_structure(shape, wire_structure_at(from, in_place), a,
			wire_structure_make(shape, to, in_place, a));
		return;
	default:
		memcpy(to, from, shape->size);
	}
}

void *wire_copy(const struct wire_shape *shape, const void *value, struct arena *a)
{
	void *to = arena_alloc(a, shape->size);

	copy_slot(shape, value, true, a, to);
	return to;
}

/* Whether values of both can stand in the same place. */
static bool same_form(const struct wire_shape *a, const struct wire_shape *b)
{
	if (a == b)
		return true;
	if (a->type != b->type || a->type == WIRE_STRUCT)
		return false;
	if (a->type == WIRE_LIST || a->type == WIRE_MAP)
		return a->stride == b->stride && same_form(a->element, b->element);
	return true;
}

void wire_assign(const struct wire_shape *to_shape, void *to, const struct wire_shape *from_shape,
	const void *from)
{
	for (size_t i = 0; i < to_shape->n_members; i++) {
		const struct wire_member *t = &to_shape->members[i];

		for (size_t j = 0; j < from_shape->n_members; j++) {
			const struct wire_member *f = &from_shape->members[j];
			const void *slot = wire_member_slot(f, from);

			if (streq(t->name, f->name) && same_form(t->shape, f->shape) &&
				wire_slot_set(f->shape, slot, false))
				memcpy(wire_member_slot(t, to), slot,
					t->shape->type == WIRE_STRUCT ? sizeof(void *)
								      : t->shape->size);
		}
	}
}
