/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a client token came with the same parameters before. */
#include "crypto/digest.h"
#include "wire/wire.h"

const char *wire_digest(const struct wire_shape *shape, const void *value, struct arena *a)
{
	CLEANUP_STR struct str json = STR_INIT;
	struct digest_value digest;

	wire_encode_json(shape, value, &json);
	digest = digest_of(DIGEST_SHA256, str_view(&json));
	return arena_strdup(a, digest_hex(&digest).text);
}
