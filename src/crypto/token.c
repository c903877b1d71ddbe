/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/token.h"

#include <string.h>

#include "base/id.h"

#define BASE32 "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

static struct token with_prefix(const char *prefix, size_t n)
{
	struct token t = {0};
	size_t len = strlen(prefix);

	memcpy(t.text, prefix, len);
	id_random_text(t.text + len, n, BASE32);
	return t;
}

struct token token_access_key_id(const char *prefix)
{
	return with_prefix(prefix, 16);
}

struct token token_unique_id(const char *prefix)
{
	return with_prefix(prefix, 17);
}

struct token token_secret(void)
{
	struct token t;

	id_random_text(t.text, 40, ID_ALPHABET_BASE62 "+/");
	return t;
}

struct token token_password(void)
{
	struct token t;

	id_random_text(t.text, 44, ID_ALPHABET_BASE62);
	return t;
}
