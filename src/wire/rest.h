/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that are chosen by method, path and query, with members in all parts of a request:
 * rest-xml, and rest-json with the other body codec. */
#ifndef TOWPATH_WIRE_REST_H
#define TOWPATH_WIRE_REST_H

#include "codec/form.h"
#include "wire/wire.h"

struct wire_header {
	const char *name, *value;
};

struct wire_rest_request {
	const char *method;
	const char *path; /* as sent, not decoded; starts with a slash */
	struct form query;
	const struct wire_header *headers;
	size_t n_headers;
	struct view body;
};

struct wire_rest_response {
	int status;
	struct wire_header *headers; /* in the arena */
	size_t n_headers;
	struct str body;	  /* the caller's */
	const char *content_type; /* of the body; static or in the arena; NULL: no body */
};

enum wire_body { WIRE_BODY_XML, WIRE_BODY_JSON };

/* The operation that the request asks for, built or not; NULL when there is none. */
const struct wire_operation *wire_rest_route(
	const struct wire_service *s, const struct wire_rest_request *req);
/* Decodes into *ret (op->input->size bytes, zeroed here). A streaming payload is left out: it
 * stays in the exchange. ERR_MALFORMED: the body; ERR_INVALID: a header, the query, the path. */
int wire_rest_decode(const struct wire_operation *op, const struct wire_rest_request *req,
	enum wire_body body, struct arena *a, void *ret, struct err *err);
/* Encodes status, headers and body of a success; ret->body must be initialised. root: the body's
 * root element when the model does not name one (XML), xmlns its namespace. */
void wire_rest_encode(const struct wire_operation *op, const void *value, enum wire_body body,
	const char *root, const char *xmlns, struct arena *a, struct wire_rest_response *ret);
/* Value of a header, without regard to case; NULL when absent. */
const char *wire_rest_header(const struct wire_rest_request *req, const char *name);

#endif
