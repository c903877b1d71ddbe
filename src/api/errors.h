/* SPDX-License-Identifier: Apache-2.0 */
/* Error names and statuses as each family of protocols has them. */
#ifndef TOWPATH_API_ERRORS_H
#define TOWPATH_API_ERRORS_H

#include "wire/wire.h"

enum api_family {
	API_FAMILY_JSON, /* and RPC v2 CBOR */
	API_FAMILY_QUERY,
	API_FAMILY_EC2,
	API_FAMILY_S3,
	API_FAMILY_REST_JSON,
	API_FAMILY_COUNT,
};

struct api_error {
	const char *code;		/* on the wire; static, or the error's own */
	int status;			/* HTTP */
	const char *legacy;		/* the query protocol's code, or NULL */
	const struct wire_shape *shape; /* of a modelled error, or NULL */
	bool known; /* modelled for the operation, or common; else the handler is at fault */
};

/* The operation may be NULL (none found). */
struct api_error api_error_of(
	enum api_family family, const struct wire_operation *op, const struct err *err);
/* Message and hint in one text, in the arena. */
const char *api_error_text(const struct err *err, struct arena *a);

#endif
