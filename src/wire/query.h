/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the query protocol (and EC2's variant): fields with dotted names. */
#ifndef TOWPATH_WIRE_QUERY_H
#define TOWPATH_WIRE_QUERY_H

#include "codec/form.h"
#include "wire/wire.h"

/* Decodes into *ret (shape->size bytes, zeroed here). Unknown fields are ignored. ERR_MALFORMED
 * names the field and what was wanted. */
int wire_decode_query(const struct wire_shape *shape, const struct form *form, bool ec2,
	struct arena *a, void *ret, struct err *err);

#endif
