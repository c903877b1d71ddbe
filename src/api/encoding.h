/* SPDX-License-Identifier: Apache-2.0 */
/* Content codings: bodies that clients have packed, and answers that they take packed. */
#ifndef TOWPATH_API_ENCODING_H
#define TOWPATH_API_ENCODING_H

#include "api/protocol.h"

/* The body as the operation wants it: the exchange's, unpacked (into its arena) when it came as
 * "Content-Encoding: gzip". The signature covers what was sent. Errors: SerializationException for
 * what is not gzip, RequestEntityTooLarge past LIMIT_API_BODY. */
int api_body_unpack(struct http_exchange *x, struct view *ret, struct err *err);
/* Packs an answer that is large enough to win by it, for a client that takes gzip; sets the
 * headers that go with it. */
void api_reply_pack(struct http_exchange *x, struct api_reply *reply);

#endif
