/* SPDX-License-Identifier: Apache-2.0 */
/* XML to structs. The tree's depth is limited by its parser. */
#include "base/mem.h"
#include "wire/text.h"
#include "wire/value.h"
#include "wire/xml.h"

static int decode_slot(const struct wire_shape *shape, const struct xml_node *node, bool in_place,
	struct arena *a, void *slot, struct err *err);

static int wanted(const struct xml_node *node, const char *what, struct err *err)
{
	BUG_ON(!node);
	return err_set(err, ERR_MALFORMED, "element '%s' must be %s", node->name, what);
}

/* Elements of a list: node and its siblings of that name when flattened, else its children. */
static int decode_items(const struct wire_shape *shape, const struct xml_node *first,
	struct arena *a, struct wire_list *list, struct err *err)
{
	size_t n = 0, i = 0;

	for (const struct xml_node *item = first; item; item = xml_same(item))
		n++;
	if (!wire_room(shape, n, a))
		return wanted(first, "fewer", err);
	list->set = true;
	list->v = arena_array(a, n, shape->stride);
	for (const struct xml_node *item = first; item; item = xml_same(item)) {
		if (decode_slot(shape->element, item, true, a, wire_element_slot(shape, list, i++),
			    err) < 0)
			return -1;
	}
	list->n = n;
	return 0;
}

static int decode_entries(const struct wire_shape *shape, const struct xml_node *first,
	struct arena *a, struct wire_list *map, struct err *err)
{
	size_t n = 0;

	for (const struct xml_node *item = first; item; item = xml_same(item))
		n++;
	if (!wire_room(shape, n, a))
		return wanted(first, "fewer", err);
	map->set = true;
	map->v = arena_array(a, n, shape->stride);
	for (const struct xml_node *item = first; item; item = xml_same(item)) {
		const struct xml_node *key =
			xml_child(item, shape->key_name ? shape->key_name : "key");
		const struct xml_node *value =
			xml_child(item, shape->element_name ? shape->element_name : "value");

		if (!key || !value)
			return wanted(item, "a pair of key and value", err);
		*wire_entry_key(shape, map, map->n) = arena_view_dup(a, key->text);
		if (decode_slot(shape->element, value, false, a,
			    wire_entry_slot(shape, map, map->n), err) < 0)
			return -1;
		map->n++;
	}
	return 0;
}

static const char *attribute(const struct xml_node *node, const char *name)
{
	for (size_t i = 0; i < node->n_attributes; i++)
		if (streq(node->attributes[i].name, name))
			return node->attributes[i].value;
	return NULL;
}

static int decode_member(const struct wire_member *m, const struct xml_node *node, struct arena *a,
	void *slot, struct err *err)
{
	const struct xml_node *child;
	const char *text;

	if (m->xml_attribute) {
		text = attribute(node, m->wire_name);
		if (text && !wire_text_parse(m->shape, view_of(text), a, slot))
			return wanted(node, wire_text_wanted(m->shape), err);
		return 0;
	}
	child = xml_child(node, m->wire_name);
	if (!child)
		return 0;
	if (m->flattened && m->shape->type == WIRE_LIST)
		return decode_items(m->shape, child, a, slot, err);
	if (m->flattened && m->shape->type == WIRE_MAP)
		return decode_entries(m->shape, child, a, slot, err);
	return decode_slot(m->shape, child, false, a, slot, err);
}

static int decode_structure(const struct wire_shape *shape, const struct xml_node *node, bool top,
	struct arena *a, void *structure, struct err *err)
{
	for (size_t i = 0; i < shape->n_members; i++) {
		const struct wire_member *m = &shape->members[i];

		if (top && m->location != WIRE_IN_BODY)
			continue;
		if (decode_member(m, node, a, wire_member_slot(m, structure), err) < 0)
			return -1;
	}
	return 0;
}

static int decode_slot(const struct wire_shape *shape, const struct xml_node *node, bool in_place,
	struct arena *a, void *slot, struct err *err)
{
	switch (shape->type) {
	case WIRE_STRUCT:
		return decode_structure(
			shape, node, false, a, wire_structure_make(shape, slot, in_place, a), err);
	case WIRE_LIST:
		return decode_items(shape,
			xml_child(node, shape->element_name ? shape->element_name : "member"), a,
			slot, err);
	case WIRE_MAP:
		return decode_entries(shape, xml_child(node, "entry"), a, slot, err);
	default:
		if (!wire_text_parse(shape, node->text, a, slot))
			return wanted(node, wire_text_wanted(shape), err);
		return 0;
	}
}

int wire_decode_xml(const struct wire_shape *shape, const struct xml_node *node, struct arena *a,
	void *ret, struct err *err)
{
	memset(ret, 0, shape->size);
	return decode_structure(shape, node, true, a, ret, err);
}
