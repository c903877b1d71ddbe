/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that tools/gen_wire.py makes from the service models, and the walkers over them.
 *
 * A model's shape becomes a C type and a `struct wire_shape`; one decoder, one validator and one
 * encoder a protocol walk these, so no engine and no handler ever sees JSON or XML.
 *
 * Absent and present are told apart everywhere: strings by NULL, blobs by p == NULL, nested
 * structures by NULL, numbers, booleans, times, lists and maps by their `set` flag. Decoded
 * values live in the arena they were decoded into. */
#ifndef TOWPATH_WIRE_WIRE_H
#define TOWPATH_WIRE_WIRE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/view.h"

struct wire_bool {
	bool set, v;
};
struct wire_int {
	bool set;
	int32_t v;
};
struct wire_long {
	bool set;
	int64_t v;
};
struct wire_double {
	bool set;
	double v;
};
struct wire_time {
	bool set;
	int64_t usec; /* since 1970-01-01T00:00:00Z */
};

#define WIRE_SET_BOOL(x) ((struct wire_bool){true, (x)})
#define WIRE_SET_INT(x) ((struct wire_int){true, (int32_t)(x)})
#define WIRE_SET_LONG(x) ((struct wire_long){true, (x)})
#define WIRE_SET_DOUBLE(x) ((struct wire_double){true, (x)})
#define WIRE_SET_TIME(x) ((struct wire_time){true, (x)})
/* The value, or dflt when absent. */
#define wire_or(field, dflt) ((field).set ? (field).v : (dflt))

/* Every generated list and map struct has this layout (v typed). */
struct wire_list {
	void *v;
	size_t n;
	bool set;
};

/* Makes room for n elements in a generated list or map, from the arena, and marks it set. */
#define wire_list_alloc(arena, list, count)                                      \
	do {                                                                     \
		(list)->n = (count);                                             \
		(list)->v = arena_array((arena), (list)->n, sizeof(*(list)->v)); \
		(list)->set = true;                                              \
	} while (0)
#define wire_foreach(it, list) \
	for (__typeof__(*(list)->v) *it = (list)->v; (it) && (it) < (list)->v + (list)->n; (it)++)

enum wire_type {
	WIRE_STRING,
	WIRE_BLOB,
	WIRE_BOOL,
	WIRE_INT,
	WIRE_LONG,
	WIRE_DOUBLE,
	WIRE_TIMESTAMP,
	WIRE_LIST,
	WIRE_MAP,
	WIRE_STRUCT,
};

enum wire_location {
	WIRE_IN_BODY,
	WIRE_IN_PAYLOAD, /* the whole HTTP body is this member */
	WIRE_IN_HEADER,
	WIRE_IN_HEADERS, /* a map; wire_name is the header prefix */
	WIRE_IN_QUERY,
	WIRE_IN_URI,
	WIRE_IN_STATUS,
};

enum wire_protocol {
	WIRE_JSON,
	WIRE_REST_JSON,
	WIRE_REST_XML,
	WIRE_QUERY,
	WIRE_EC2,
	WIRE_CBOR, /* RPC v2; such services speak JSON and, from their past, query as well */
};

struct wire_member;

struct wire_shape {
	const char *name; /* in the model */
	enum wire_type type;
	size_t size; /* of the C value */
	bool has_min, has_max;
	double min, max; /* of a number; of the length (characters) or count otherwise */
	const char *pattern;
	const char *const *enum_values; /* sorted by strcmp */
	size_t n_enum_values;
	const char *timestamp_format; /* iso8601, rfc822, unixTimestamp or NULL */
	bool sensitive, flattened, is_union;
	/* lists and maps */
	const struct wire_shape *element, *key;
	size_t stride, value_offset;
	const char *element_name, *key_name; /* XML and query names, or NULL */
	/* structures */
	const struct wire_member *members; /* sorted by wire_name by strcmp */
	size_t n_members;
	bool is_error;
	const char *error_code; /* on the wire */
	int http_status;
};

struct wire_member {
	const char *name, *wire_name;
	const struct wire_shape *shape;
	size_t offset;
	enum wire_location location;
	bool required, flattened, streaming, xml_attribute, idempotency_token;
	const char *query_name, *xml_namespace, *timestamp_format;
};

struct wire_operation {
	const char *name, *http_method, *uri;
	int http_status; /* of success; 0: 200 */
	/* Paged operations: which members are tokens (index + 1; 0: none): of the input; of the
	 * output, where a second one leads back or repeats the request's. */
	uint8_t page_in, page_out[2];
	const struct wire_shape *input, *output; /* NULL: known in the model, not built */
	bool has_output;
	const char *result_wrapper, *input_xml_name;
	const struct wire_shape *const *errors;
	size_t n_errors;
};

struct wire_service {
	const char *name; /* codebuild */
	enum wire_protocol protocol;
	const char *json_version, *target_prefix, *signing_name, *api_version, *xml_namespace;
	bool query_compatible; /* errors also carry the query protocol's code in a header */
	const struct wire_operation *operations; /* indexed by enum <service>_operation */
	size_t n_operations;
};

/* Decodes a JSON document into *ret (shape->size bytes, zeroed here). Unknown members are
 * ignored, null is absent. ERR_MALFORMED names the member and what was wanted. Required members
 * and constraints are wire_validate()'s affair. */
int wire_decode_json(const struct wire_shape *shape, struct view json, struct arena *a, void *ret,
	struct err *err);
/* Appends the value as JSON, body members only for a top-level request or response, in the
 * model's wire names; absent members are left out; times are epoch seconds with milliseconds. */
void wire_encode_json(const struct wire_shape *shape, const void *value, struct str *out);
/* SHA-256 of that JSON, in hexadecimal: two requests with the same parameters have the same. */
const char *wire_digest(const struct wire_shape *shape, const void *value, struct arena *a);
/* Appends the value as audit records have it: what is secret is hidden, bodies are left out, names
 * begin with a small letter; null when it would be longer than 100 KB. */
void wire_encode_redacted(const struct wire_shape *shape, const void *value, struct str *out);
/* Checks required, length, range, pattern and enum all the way down. The error names the member
 * in the form that the services use ("1 validation error detected: Value 'x' at 'name' failed to
 * satisfy constraint: ..."). */
int wire_validate(const struct wire_shape *shape, const void *value, struct err *err);
/* The same for what a service answers: there lists may be empty that a request must fill. */
int wire_validate_answer(const struct wire_shape *shape, const void *value, struct err *err);
/* What a service calls an input that breaks a constraint, and one that lacks a member; NULL: as its
 * protocol does. It counts where the operation has that exception, or no exception at all. */
struct wire_refusals {
	const char *invalid, *missing;
};
/* As wire_validate() for an operation's input, but where the operation has an exception of its own
 * for the first member at fault (XRequiredException, InvalidXException), that is set, and else what
 * the service calls it. */
int wire_validate_input(const struct wire_operation *op, const struct wire_refusals *names,
	const void *value, struct err *err);
/* Deep copy into the arena. */
void *wire_copy(const struct wire_shape *shape, const void *value, struct arena *a) MUST_CHECK;
/* Copies, not deeply, what both structures have a member for: of the same name and form. Members
 * that are absent in `from` stay as they are. */
void wire_assign(const struct wire_shape *to_shape, void *to, const struct wire_shape *from_shape,
	const void *from);
/* Row of an operation by name, or NULL. */
const struct wire_operation *wire_operation_find(const struct wire_service *s, struct view name);
/* Row of a structure's member by wire name, or NULL. */
const struct wire_member *wire_member_find(const struct wire_shape *shape, struct view wire_name);

#endif
