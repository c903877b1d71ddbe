/* SPDX-License-Identifier: Apache-2.0 */
/* Generated structs to CBOR. */
#include "base/macros.h"
#include "codec/cbor.h"
#include "wire/cbor.h"
#include "wire/value.h"

static void encode_slot(
	const struct wire_shape *shape, const void *slot, bool in_place, struct str *out);

static void encode_time(int64_t usec, struct str *out)
{
	cbor_write_head(out, CBOR_TAG, CBOR_TAG_EPOCH);
	if (usec % USEC_PER_SEC == 0)
		cbor_write_integer(out, usec / USEC_PER_SEC);
	else
		cbor_write_double(out, (double)usec / USEC_PER_SEC);
}

static void encode_list(const struct wire_shape *shape, const void *slot, struct str *out)
{
	const struct wire_list *list = slot;

	cbor_write_head(out, CBOR_ARRAY, list->n);
	for (size_t i = 0; i < list->n; i++) {
		const void *element = wire_element_slot(shape, slot, i);

		if (wire_slot_set(shape->element, element, true))
			encode_slot(shape->element, element, true, out);
		else
			cbor_write_null(out);
	}
}

static bool entry_set(const struct wire_shape *shape, const void *slot, size_t i)
{
	return *wire_entry_key(shape, slot, i) &&
	       wire_slot_set(shape->element, wire_entry_slot(shape, slot, i), false);
}

static void encode_map(const struct wire_shape *shape, const void *slot, struct str *out)
{
	const struct wire_list *map = slot;
	size_t n = 0;

	for (size_t i = 0; i < map->n; i++)
		n += entry_set(shape, slot, i);
	cbor_write_head(out, CBOR_MAP, n);
	for (size_t i = 0; i < map->n; i++) {
		if (!entry_set(shape, slot, i))
			continue;
		cbor_write_text(out, view_of(*wire_entry_key(shape, slot, i)));
		encode_slot(shape->element, wire_entry_slot(shape, slot, i), false, out);
	}
}

static bool member_set(const struct wire_member *m, const void *structure, bool top)
{
	return (!top || m->location == WIRE_IN_BODY) &&
	       wire_slot_set(m->shape, wire_member_slot(m, structure), false);
}

static void encode_structure(
	const struct wire_shape *shape, const void *structure, bool top, struct str *out)
{
	size_t n = 0;

	for (size_t i = 0; i < shape->n_members; i++)
		n += member_set(&shape->members[i], structure, top);
	cbor_write_head(out, CBOR_MAP, n);
	for (size_t i = 0; i < shape->n_members; i++) {
		const struct wire_member *m = &shape->members[i];

		if (!member_set(m, structure, top))
			continue;
		cbor_write_text(out, view_of(m->wire_name));
		encode_slot(m->shape, wire_member_slot(m, structure), false, out);
	}
}

static void encode_slot(
	const struct wire_shape *shape, const void *slot, bool in_place, struct str *out)
{
	switch (shape->type) {
	case WIRE_STRING:
		cbor_write_text(out, view_of(*(const char *const *)slot));
		return;
	case WIRE_BLOB:
		cbor_write_bytes(out, *(const struct view *)slot);
		return;
	case WIRE_BOOL:
		cbor_write_bool(out, ((const struct wire_bool *)slot)->v);
		return;
	case WIRE_INT:
		cbor_write_integer(out, ((const struct wire_int *)slot)->v);
		return;
	case WIRE_LONG:
		cbor_write_integer(out, ((const struct wire_long *)slot)->v);
		return;
	case WIRE_DOUBLE:
		cbor_write_double(out, ((const struct wire_double *)slot)->v);
		return;
	case WIRE_TIMESTAMP:
		encode_time(((const struct wire_time *)slot)->usec, out);
		return;
	case WIRE_LIST:
		encode_list(shape, slot, out);
		return;
	case WIRE_MAP:
		encode_map(shape, slot, out);
		return;
	case WIRE_STRUCT:
		encode_structure(shape, wire_structure_at(slot, in_place), false, out);
		return;
	}
}

void wire_encode_cbor(const struct wire_shape *shape, const void *value, struct str *out)
{
	if (shape->type == WIRE_STRUCT)
		encode_structure(shape, value, true, out);
	else
		encode_slot(shape, value, true, out);
}
