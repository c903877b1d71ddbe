/* SPDX-License-Identifier: Apache-2.0 */
/* Generated structs to JSON text: one walker for what goes over the wire and what records show. */
#include <inttypes.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "wire/json_form.h"
#include "wire/text.h"
#include "wire/value.h"

struct encoder {
	const struct wire_json_form *form;
	struct str *out;
};

static void encode_slot(
	const struct encoder *e, const struct wire_shape *shape, const void *slot, bool in_place);

static void encode_list(const struct encoder *e, const struct wire_shape *shape, const void *slot)
{
	const struct wire_list *list = slot;

	str_add_c(e->out, '[');
	for (size_t i = 0; i < list->n; i++) {
		const void *element = wire_element_slot(shape, slot, i);

		if (i)
			str_add_c(e->out, ',');
		if (wire_slot_set(shape->element, element, true))
			encode_slot(e, shape->element, element, true);
		else
			str_add(e->out, "null");
	}
	str_add_c(e->out, ']');
}

/* A member or, where key is set, the entry of a map, whose name is written. */
static void encode_named(const struct encoder *e, const struct wire_shape *shape, const char *name,
	bool key, const void *slot)
{
	if (e->form->hides && e->form->hides(shape, name, key))
		str_add(e->out, WIRE_JSON_HIDDEN);
	else
		encode_slot(e, shape, slot, false);
}

static void encode_map(const struct encoder *e, const struct wire_shape *shape, const void *slot)
{
	const struct wire_list *map = slot;
	bool comma = false;

	str_add_c(e->out, '{');
	for (size_t i = 0; i < map->n; i++) {
		const char *key = *wire_entry_key(shape, slot, i);
		const void *value = wire_entry_slot(shape, slot, i);

		if (!key || !wire_slot_set(shape->element, value, false))
			continue;
		if (comma)
			str_add_c(e->out, ',');
		comma = true;
		json_write_string(e->out, view_of(key));
		str_add_c(e->out, ':');
		encode_named(e, shape->element, key, true, value);
	}
	str_add_c(e->out, '}');
}

static void encode_structure(
	const struct encoder *e, const struct wire_shape *shape, const void *structure, bool top)
{
	bool comma = false;

	str_add_c(e->out, '{');
	for (size_t i = 0; i < shape->n_members; i++) {
		const struct wire_member *m = &shape->members[i];
		const void *slot = wire_member_slot(m, structure);

		if (!wire_slot_set(m->shape, slot, false) || !e->form->takes(m, top))
			continue;
		if (comma)
			str_add_c(e->out, ',');
		comma = true;
		e->form->add_key(m, e->out);
		str_add_c(e->out, ':');
		encode_named(e, m->shape, m->name, false, slot);
	}
	str_add_c(e->out, '}');
}

static void encode_slot(
	const struct encoder *e, const struct wire_shape *shape, const void *slot, bool in_place)
{
	/* it will be thrown away: only its brackets are kept right */
	if (e->out->len > e->form->most) {
		str_add(e->out, "null");
		return;
	}
	if (e->form->hides && shape->sensitive) {
		str_add(e->out, WIRE_JSON_HIDDEN);
		return;
	}
	switch (shape->type) {
	case WIRE_STRING:
		json_write_string(e->out, view_of(*(const char *const *)slot));
		return;
	case WIRE_BLOB:
		e->form->add_blob(*(const struct view *)slot, e->out);
		return;
	case WIRE_BOOL:
	case WIRE_INT:
	case WIRE_LONG:
		wire_text_add(shape, slot, NULL, e->out);
		return;
	case WIRE_DOUBLE:
		json_write_real(e->out, ((const struct wire_double *)slot)->v);
		return;
	case WIRE_TIMESTAMP:
		e->form->add_time(((const struct wire_time *)slot)->usec, e->out);
		return;
	case WIRE_LIST:
		encode_list(e, shape, slot);
		return;
	case WIRE_MAP:
		encode_map(e, shape, slot);
		return;
	case WIRE_STRUCT:
		encode_structure(e, shape, wire_structure_at(slot, in_place), false);
		return;
	}
}

void wire_encode_form(const struct wire_json_form *form, const struct wire_shape *shape,
	const void *value, struct str *out)
{
	const struct encoder e = {form, out};

	if (shape->type == WIRE_STRUCT)
		encode_structure(&e, shape, value, true);
	else
		encode_slot(&e, shape, value, true);
}

/* ---- as it goes over the wire ---- */

static bool takes(const struct wire_member *m, bool top)
{
	return !top || m->location == WIRE_IN_BODY;
}

static void add_key(const struct wire_member *m, struct str *out)
{
	json_write_string(out, view_of(m->wire_name));
}

static void add_time(int64_t usec, struct str *out)
{
	int64_t msec = usec / 1000;
	bool negative = msec < 0;

	if (negative)
		msec = -msec;
	str_addf(out, "%s%" PRId64, negative ? "-" : "", msec / 1000);
	if (msec % 1000)
		str_addf(out, ".%03d", (int)(msec % 1000));
}

static void add_blob(struct view bytes, struct str *out)
{
	str_add_c(out, '"');
	base64_encode(bytes, out);
	str_add_c(out, '"');
}

void wire_encode_json(const struct wire_shape *shape, const void *value, struct str *out)
{
	static const struct wire_json_form form = {
		.most = SIZE_MAX,
		.takes = takes,
		.add_key = add_key,
		.add_time = add_time,
		.add_blob = add_blob,
	};

	wire_encode_form(&form, shape, value, out);
}
