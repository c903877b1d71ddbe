/* SPDX-License-Identifier: Apache-2.0 */
/* REST requests: "METHOD PATH QUERY", lines "NAME: VALUE", an empty line, the body. They are
 * routed, decoded with either body codec, validated, and the answer of the same operation is
 * written. */
#include <string.h>

#include "base/mem.h"
#include "s3.gen.h"
#include "wire/rest.h"

#define MAX_HEADERS 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const struct wire_operation *op, const struct wire_rest_request *req,
	enum wire_body body, struct arena *a)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str out = STR_INIT;
	void *value = arena_alloc(a, op->input->size);

	if (wire_rest_decode(op, req, body, a, value, &err) < 0)
		return;
	wire_validate_input(op, &(struct wire_refusals){0}, value, &err);
	wire_encode_json(op->input, value, &out);
}

static void answer(const struct wire_operation *op, enum wire_body body, struct arena *a)
{
	struct wire_rest_response out = {0};

	wire_rest_encode(op, arena_alloc(a, op->output->size), body, NULL, NULL, a, &out);
	str_release(&out.body);
}

static bool has_nul(struct view v)
{
	return v.len && memchr(v.p, '\0', v.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct view rest = {(const char *)data, size}, line = view_cut(&rest, '\n'), query;
	struct wire_header headers[MAX_HEADERS];
	struct wire_rest_request req = {.headers = headers};
	const struct wire_operation *op;

	if (has_nul(line))
		return 0;
	req.method = arena_view_dup(&a, view_cut(&line, ' '));
	req.path = arena_view_dup(&a, view_cut(&line, ' '));
	query = line;
	if (form_parse(query, &a, &req.query, NULL) < 0)
		return 0;
	while (rest.len && req.n_headers < MAX_HEADERS) {
		struct view value = view_cut(&rest, '\n'), name;

		if (!value.len || has_nul(value))
			break;
		name = view_cut(&value, ':');
		headers[req.n_headers].name = arena_view_dup(&a, name);
		headers[req.n_headers++].value = arena_view_dup(&a, view_trim(value));
	}
	req.body = rest;
	op = wire_rest_route(&s3_service, &req);
	if (!op || !op->input)
		return 0;
	decode(op, &req, WIRE_BODY_XML, &a);
	decode(op, &req, WIRE_BODY_JSON, &a);
	answer(op, WIRE_BODY_XML, &a);
	answer(op, WIRE_BODY_JSON, &a);
	return 0;
}
