/* SPDX-License-Identifier: Apache-2.0 */
/* Generated structs to JSON text. */
#include <inttypes.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "wire/text.h"
#include "wire/value.h"

static void encode_slot(
	const struct wire_shape *shape, const void *slot, bool in_place, struct str *out);

static void encode_time(int64_t usec, struct str *out)
{
	int64_t msec = usec / 1000;
	bool negative = msec < 0;

	if (negative)
		msec = -msec;
	str_addf(out, "%s%" PRId64, negative ? "-" : "", msec / 1000);
	if (msec % 1000)
		str_addf(out, ".%03d", (int)(msec % 1000));
}

static void encode_blob(struct view bytes, struct str *out)
{
	str_add_c(out, '"');
	base64_encode(bytes, out);
	str_add_c(out, '"');
}

static void encode_list(const struct wire_shape *shape, const void *slot, struct str *out)
{
	const struct wire_list *list = slot;

	str_add_c(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		const void *element = wire_element_slot(shape, slot, i);

		if (i)
			str_add_c(out, ',');
		if (wire_slot_set(shape->element, element, true))
			encode_slot(shape->element, element, true, out);
		else
			str_add(out, "null");
	}
	str_add_c(out, ']');
}

static void encode_map(const struct wire_shape *shape, const void *slot, struct str *out)
{
	const struct wire_list *map = slot;
	bool comma = false;

	str_add_c(out, '{');
	for (size_t i = 0; i < map->n; i++) {
		const char *key = *wire_entry_key(shape, slot, i);
		const void *value = wire_entry_slot(shape, slot, i);

		if (!key || !wire_slot_set(shape->element, value, false))
			continue;
		if (comma)
			str_add_c(out, ',');
		comma = true;
		json_write_string(out, view_of(key));
		str_add_c(out, ':');
		encode_slot(shape->element, value, false, out);
	}
	str_add_c(out, '}');
}

static void encode_structure(
	const struct wire_shape *shape, const void *structure, bool top, struct str *out)
{
	bool comma = false;

	str_add_c(out, '{');
	for (size_t i = 0; i < shape->n_members; i++) {
		const struct wire_member *m = &shape->members[i];
		const void *slot = wire_member_slot(m, structure);

		if ((top && m->location != WIRE_IN_BODY) || !wire_slot_set(m->shape, slot, false))
			continue;
		if (comma)
			str_add_c(out, ',');
		comma = true;
		json_write_string(out, view_of(m->wire_name));
		str_add_c(out, ':');
		encode_slot(m->shape, slot, false, out);
	}
	str_add_c(out, '}');
}

static void encode_slot(
	const struct wire_shape *shape, const void *slot, bool in_place, struct str *out)
{
	switch (shape->type) {
	case WIRE_STRING:
		json_write_string(out, view_of(*(const char *const *)slot));
		return;
	case WIRE_BLOB:
		encode_blob(*(const struct view *)slot, out);
		return;
	case WIRE_BOOL:
	case WIRE_INT:
	case WIRE_LONG:
		wire_text_add(shape, slot, NULL, out);
		return;
	case WIRE_DOUBLE:
		json_write_real(out, ((const struct wire_double *)slot)->v);
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

void wire_encode_json(const struct wire_shape *shape, const void *value, struct str *out)
{
	if (shape->type == WIRE_STRUCT)
		encode_structure(shape, value, true, out);
	else
		encode_slot(shape, value, true, out);
}
