/* SPDX-License-Identifier: Apache-2.0 */
/* Structs as CBOR documents (Smithy's RPC v2). */
#ifndef TOWPATH_WIRE_CBOR_H
#define TOWPATH_WIRE_CBOR_H

#include "wire/wire.h"

/* Decodes one CBOR item into *ret (shape->size bytes, zeroed here), as wire_decode_json() does:
 * unknown members are ignored, null and undefined are absent, of a key that stands twice the last
 * counts. Times carry tag 1. Errors as there. */
int wire_decode_cbor(const struct wire_shape *shape, struct view cbor, struct arena *a, void *ret,
	struct err *err);
/* Appends the value, body members only at the top; absent members are left out; times are whole
 * seconds where they can be. */
void wire_encode_cbor(const struct wire_shape *shape, const void *value, struct str *out);

#endif
