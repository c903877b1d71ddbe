/* SPDX-License-Identifier: Apache-2.0 */
/* Structs to XML. */
#include "base/mem.h"
#include "wire/text.h"
#include "wire/value.h"
#include "wire/xml.h"

static void encode_element(const struct wire_shape *shape, const char *name, const char *xmlns,
	const char *format, const void *slot, bool in_place, struct str *out);

static void encode_members(
	const struct wire_shape *shape, const void *structure, bool top, struct str *out)
{
	for (size_t i = 0; i < shape->n_members; i++) {
		const struct wire_member *m = &shape->members[i];

		if ((!top || m->location == WIRE_IN_BODY) && !m->xml_attribute)
			wire_encode_xml_member(m, structure, out);
	}
}

static void encode_attributes(
	const struct wire_shape *shape, const void *structure, struct str *out)
{
	CLEANUP_STR struct str text = STR_INIT;

	for (size_t i = 0; i < shape->n_members; i++) {
		const struct wire_member *m = &shape->members[i];
		const void *slot = wire_member_slot(m, structure);

		if (!m->xml_attribute || !wire_slot_set(m->shape, slot, false))
			continue;
		if (starts_with(m->wire_name, "xsi:"))
			str_add(out, " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"");
		str_clear(&text);
		wire_text_add(m->shape, slot, m->timestamp_format, &text);
		str_addf(out, " %s=\"", m->wire_name);
		xml_text(out, str_view(&text));
		str_add_c(out, '"');
	}
}

static void encode_structure(const struct wire_shape *shape, const char *name, const char *xmlns,
	const void *structure, struct str *out)
{
	xml_open_ns(out, name, xmlns);
	str_truncate(out, out->len - 1);
	encode_attributes(shape, structure, out);
	str_add_c(out, '>');
	encode_members(shape, structure, false, out);
	xml_close(out, name);
}

static void encode_list_items(
	const struct wire_shape *shape, const char *name, const void *slot, struct str *out)
{
	const struct wire_list *list = slot;

	for (size_t i = 0; i < list->n; i++) {
		const void *element = wire_element_slot(shape, slot, i);

		if (wire_slot_set(shape->element, element, true))
			encode_element(shape->element, name, NULL, NULL, element, true, out);
	}
}

static void encode_map_entries(
	const struct wire_shape *shape, const char *name, const void *slot, struct str *out)
{
	const struct wire_list *map = slot;

	for (size_t i = 0; i < map->n; i++) {
		const void *value = wire_entry_slot(shape, slot, i);

		if (!wire_slot_set(shape->element, value, false))
			continue;
		xml_open(out, name);
		xml_element(out, shape->key_name ? shape->key_name : "key",
			*wire_entry_key(shape, slot, i));
		encode_element(shape->element, shape->element_name ? shape->element_name : "value",
			NULL, NULL, value, false, out);
		xml_close(out, name);
	}
}

static void encode_element(const struct wire_shape *shape, const char *name, const char *xmlns,
	const char *format, const void *slot, bool in_place, struct str *out)
{
	CLEANUP_STR struct str text = STR_INIT;

	switch (shape->type) {
	case WIRE_STRUCT:
		encode_structure(shape, name, xmlns, wire_structure_at(slot, in_place), out);
		return;
	case WIRE_LIST:
		xml_open_ns(out, name, xmlns);
		encode_list_items(
			shape, shape->element_name ? shape->element_name : "member", slot, out);
		xml_close(out, name);
		return;
	case WIRE_MAP:
		xml_open_ns(out, name, xmlns);
		encode_map_entries(shape, "entry", slot, out);
		xml_close(out, name);
		return;
	default:
		wire_text_add(shape, slot, format, &text);
		xml_open_ns(out, name, xmlns);
		xml_text(out, str_view(&text));
		xml_close(out, name);
	}
}

void wire_encode_xml_member(const struct wire_member *m, const void *structure, struct str *out)
{
	const void *slot = wire_member_slot(m, structure);
	const char *item = m->shape->element_name && m->flattened && m->shape->type == WIRE_LIST &&
					   !m->shape->flattened
				   ? m->shape->element_name
				   : m->wire_name;

	if (!wire_slot_set(m->shape, slot, false))
		return;
	if (m->shape->type == WIRE_LIST && m->flattened)
		encode_list_items(m->shape, item, slot, out);
	else if (m->shape->type == WIRE_MAP && m->flattened)
		encode_map_entries(m->shape, m->wire_name, slot, out);
	else
		encode_element(m->shape, m->wire_name, m->xml_namespace, m->timestamp_format, slot,
			false, out);
}

void wire_encode_xml_members(const struct wire_shape *shape, const void *structure, struct str *out)
{
	encode_members(shape, structure, true, out);
}
