/* SPDX-License-Identifier: Apache-2.0 */
/* New credentials: ids, secrets and passwords from the kernel's random source. */
#ifndef TOWPATH_CRYPTO_TOKEN_H
#define TOWPATH_CRYPTO_TOKEN_H

struct token {
	char text[64];
};

/* prefix and 16 (key ids: "AKIA") or 17 (other ids: "AIDA") characters of A-Z2-7. */
struct token token_access_key_id(const char *prefix);
struct token token_unique_id(const char *prefix);
/* 40 characters, as secret access keys have. */
struct token token_secret(void);
/* 44 characters that need no quoting in URLs and shells. */
struct token token_password(void);

#endif
