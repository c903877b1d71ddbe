/* SPDX-License-Identifier: Apache-2.0 */
/* Members in the path, the query, the headers and the body of HTTP requests and answers. */
#include <strings.h>

#include "base/mem.h"
#include "base/vec.h"
#include "wire/rest_path.h"
#include "wire/text.h"
#include "wire/value.h"
#include "wire/xml.h"

const char *wire_rest_header(const struct wire_rest_request *req, const char *name)
{
	for (size_t i = 0; i < req->n_headers; i++)
		if (strcasecmp(req->headers[i].name, name) == 0)
			return req->headers[i].value;
	return NULL;
}

static int bad_value(const struct wire_member *m, struct err *err)
{
	return err_set(
		err, ERR_INVALID, "'%s' must be %s", m->wire_name, wire_text_wanted(m->shape));
}

/* A comma-separated list in one header. */
static int decode_list_text(const struct wire_member *m, const char *text, struct arena *a,
	struct wire_list *list, struct err *err)
{
	struct view rest = view_of(text), item;
	size_t max = 1;

	for (const char *p = text; *p; p++)
		max += *p == ',';
	list->set = true;
	list->v = arena_array(a, max, m->shape->stride);
	while (rest.p) {
		item = view_trim(view_cut(&rest, ','));
		if (!wire_text_parse(m->shape->element, view_of(arena_view_dup(a, item)), a,
			    wire_element_slot(m->shape, list, list->n++)))
			return bad_value(m, err);
	}
	return 0;
}

static int decode_text(
	const struct wire_member *m, const char *text, struct arena *a, void *slot, struct err *err)
{
	if (!text)
		return 0;
	if (m->shape->type == WIRE_LIST)
		return decode_list_text(m, text, a, slot, err);
	return wire_text_parse(m->shape, view_of(text), a, slot) ? 0 : bad_value(m, err);
}

/* Each element of a list is a field of its own. */
static int decode_fields(const struct wire_member *m, const struct form *query, struct arena *a,
	void *slot, struct err *err)
{
	struct wire_list *list = slot;

	if (m->shape->type != WIRE_LIST)
		return decode_text(m, form_get(query, m->wire_name), a, slot, err);
	for (size_t i = 0; i < query->n; i++) {
		if (!streq(query->fields[i].name, m->wire_name))
			continue;
		if (!list->set)
			list->v = arena_array(a, query->n, m->shape->stride);
		list->set = true;
		if (!wire_text_parse(m->shape->element, query->fields[i].value, a,
			    wire_element_slot(m->shape, list, list->n++)))
			return bad_value(m, err);
	}
	return 0;
}

static int decode_label(const struct wire_member *m, const struct rest_labels *labels,
	struct arena *a, void *slot, struct err *err)
{
	struct view value;

	for (size_t i = 0; i < labels->n; i++) {
		if (!view_eq_str(labels->v[i].name, m->wire_name))
			continue;
		if (!form_decode(labels->v[i].value, false, a, &value))
			return err_set(err, ERR_INVALID, "bad percent-coding in the path");
		return decode_text(m, value.p, a, slot, err);
	}
	return 0;
}

/* All headers that start with the member's wire name, by what follows it. */
static void decode_prefixed(const struct wire_member *m, const struct wire_rest_request *req,
	struct arena *a, struct wire_list *map)
{
	size_t prefix = strlen(m->wire_name), n = 0;

	for (size_t i = 0; i < req->n_headers; i++)
		n += strncasecmp(req->headers[i].name, m->wire_name, prefix) == 0;
	if (!n)
		return;
	map->set = true;
	map->v = arena_array(a, n, m->shape->stride);
	for (size_t i = 0; i < req->n_headers; i++) {
		const struct wire_header *h = &req->headers[i];

		if (strncasecmp(h->name, m->wire_name, prefix) != 0)
			continue;
		*wire_entry_key(m->shape, map, map->n) = arena_strdup(a, h->name + prefix);
		*(const char **)wire_entry_slot(m->shape, map, map->n++) =
			arena_strdup(a, h->value);
	}
}

static int decode_document(const struct wire_shape *shape, const char *root, struct view text,
	enum wire_body body, struct arena *a, void *ret, struct err *err)
{
	const struct xml_node *node;

	if (body == WIRE_BODY_JSON)
		return wire_decode_json(shape, text, a, ret, err);
	if (xml_parse(text, a, &node, err) < 0)
		return -1;
	if (root && !streq(root, node->name))
		return err_set(err, ERR_MALFORMED, "the root element must be '%s', not '%s'", root,
			node->name);
	return wire_decode_xml(shape, node, a, ret, err);
}

static int decode_payload(const struct wire_member *m, const struct wire_rest_request *req,
	enum wire_body body, struct arena *a, void *slot, struct err *err)
{
	if (m->streaming || !req->body.len)
		return 0;
	if (m->shape->type == WIRE_STRUCT)
		return decode_document(m->shape, m->wire_name, req->body, body, a,
			wire_structure_make(m->shape, slot, false, a), err);
	if (m->shape->type == WIRE_BLOB)
		*(struct view *)slot = req->body;
	else
		*(const char **)slot = arena_view_dup(a, req->body);
	return 0;
}

static int decode_member(const struct wire_member *m, const struct wire_rest_request *req,
	const struct rest_labels *labels, enum wire_body body, struct arena *a, void *slot,
	struct err *err)
{
	switch (m->location) {
	case WIRE_IN_URI:
		return decode_label(m, labels, a, slot, err);
	case WIRE_IN_QUERY:
		return decode_fields(m, &req->query, a, slot, err);
	case WIRE_IN_HEADER:
		return decode_text(m, wire_rest_header(req, m->wire_name), a, slot, err);
	case WIRE_IN_HEADERS:
		decode_prefixed(m, req, a, slot);
		return 0;
	case WIRE_IN_PAYLOAD:
		return decode_payload(m, req, body, a, slot, err);
	case WIRE_IN_BODY:
	case WIRE_IN_STATUS:
		return 0;
	}
	return 0;
}

static bool has_location(const struct wire_shape *shape, enum wire_location location)
{
	for (size_t i = 0; i < shape->n_members; i++)
		if (shape->members[i].location == location)
			return true;
	return false;
}

int wire_rest_decode(const struct wire_operation *op, const struct wire_rest_request *req,
	enum wire_body body, struct arena *a, void *ret, struct err *err)
{
	const struct wire_shape *shape = op->input;
	struct rest_labels labels;

	memset(ret, 0, shape->size);
	if (!rest_match_path(op->uri, req->path, &labels))
		return err_set(err, ERR_INVALID, "the path is not one of %s", op->name);
	if (req->body.len && has_location(shape, WIRE_IN_BODY) &&
		decode_document(shape, op->input_xml_name, req->body, body, a, ret, err) < 0)
		return -1;
	for (size_t i = 0; i < shape->n_members; i++) {
		const struct wire_member *m = &shape->members[i];

		if (decode_member(m, req, &labels, body, a, wire_member_slot(m, ret), err) < 0)
			return -1;
	}
	return 0;
}

/* ---- answers ---- */

static void add_header(struct wire_rest_response *ret, const char *name, const char *value)
{
	ret->headers[ret->n_headers++] = (struct wire_header){name, value};
}

static const char *header_text(const struct wire_member *m, const void *slot, struct arena *a)
{
	const struct wire_list *list = slot;
	CLEANUP_STR struct str text = STR_INIT;
	const char *format = m->timestamp_format ? m->timestamp_format : "rfc822";

	if (m->shape->type != WIRE_LIST) {
		wire_text_add(m->shape, slot, format, &text);
		return arena_strdup(a, str_text(&text));
	}
	for (size_t i = 0; i < list->n; i++) {
		if (i)
			str_add_c(&text, ',');
		wire_text_add(
			m->shape->element, wire_element_slot(m->shape, slot, i), format, &text);
	}
	return arena_strdup(a, str_text(&text));
}

static size_t count_headers(const struct wire_shape *shape, const void *value)
{
	size_t n = 0;

	for (size_t i = 0; i < shape->n_members; i++) {
		const struct wire_member *m = &shape->members[i];
		const struct wire_list *map = wire_member_slot(m, value);

		n += m->location == WIRE_IN_HEADERS ? map->n : m->location == WIRE_IN_HEADER;
	}
	return n;
}

static void encode_headers(const struct wire_shape *shape, const void *value, struct arena *a,
	struct wire_rest_response *ret)
{
	ret->headers = arena_new_n(a, count_headers(shape, value), struct wire_header);
	for (size_t i = 0; i < shape->n_members; i++) {
		const struct wire_member *m = &shape->members[i];
		const void *slot = wire_member_slot(m, value);
		const struct wire_list *map = slot;

		if (!wire_slot_set(m->shape, slot, false))
			continue;
		if (m->location == WIRE_IN_STATUS)
			ret->status = ((const struct wire_int *)slot)->v;
		if (m->location == WIRE_IN_HEADER)
			add_header(ret, m->wire_name, header_text(m, slot, a));
		for (size_t j = 0; m->location == WIRE_IN_HEADERS && j < map->n; j++)
			add_header(ret,
				arena_printf(a, "%s%s", m->wire_name,
					*wire_entry_key(m->shape, slot, j)),
				*(const char **)wire_entry_slot(m->shape, slot, j));
	}
}

static void encode_document(const struct wire_shape *shape, const void *value, enum wire_body body,
	const char *root, const char *xmlns, struct wire_rest_response *ret)
{
	if (body == WIRE_BODY_JSON) {
		ret->content_type = "application/json";
		wire_encode_json(shape, value, &ret->body);
		return;
	}
	ret->content_type = "application/xml";
	str_add(&ret->body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	xml_open_ns(&ret->body, root, xmlns);
	wire_encode_xml_members(shape, value, &ret->body);
	xml_close(&ret->body, root);
}

static void encode_payload(const struct wire_member *m, const void *value, enum wire_body body,
	const char *xmlns, struct wire_rest_response *ret)
{
	const void *slot = wire_member_slot(m, value);

	if (m->streaming || !wire_slot_set(m->shape, slot, false))
		return;
	if (m->shape->type == WIRE_STRUCT) {
		encode_document(
			m->shape, wire_structure_at(slot, false), body, m->wire_name, xmlns, ret);
		return;
	}
	ret->content_type = "application/octet-stream";
	if (m->shape->type == WIRE_BLOB)
		str_add_view(&ret->body, *(const struct view *)slot);
	else
		str_add(&ret->body, *(const char *const *)slot);
}

void wire_rest_encode(const struct wire_operation *op, const void *value, enum wire_body body,
	const char *root, const char *xmlns, struct arena *a, struct wire_rest_response *ret)
{
	const struct wire_shape *shape = op->output;

	ret->status = op->http_status ? op->http_status : 200;
	ret->n_headers = 0;
	ret->content_type = NULL;
	encode_headers(shape, value, a, ret);
	for (size_t i = 0; i < shape->n_members; i++)
		if (shape->members[i].location == WIRE_IN_PAYLOAD) {
			encode_payload(&shape->members[i], value, body, xmlns, ret);
			return;
		}
	if (has_location(shape, WIRE_IN_BODY))
		encode_document(shape, value, body, root ? root : shape->name, xmlns, ret);
}
