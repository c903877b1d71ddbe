/* SPDX-License-Identifier: Apache-2.0 */
/* Private to crypto/sigv4*.c: the canonical forms of a request. */
#ifndef TOWPATH_CRYPTO_SIGV4_CANONICAL_H
#define TOWPATH_CRYPTO_SIGV4_CANONICAL_H

#include "base/str.h"
#include "crypto/sigv4.h"

enum sigv4_path_form {
	SIGV4_PATH_TWICE,   /* normalised, then encoded once more: all services but S3 */
	SIGV4_PATH_AS_SENT, /* S3 */
	SIGV4_PATH_AGAIN,   /* S3, decoded and encoded: for clients that leave more unencoded */
};

/* Percent-encodes all but the unreserved characters, and '/' where keep_slash. */
void sigv4_encode(struct view v, bool keep_slash, struct str *out);
/* Decodes %XX; other bytes stay. */
void sigv4_decode(struct view v, struct str *out);
/* The canonical request (method to payload hash). signed_headers: "a;b;c". */
void sigv4_canonical(const struct sigv4_request *r, enum sigv4_path_form form,
	const char *signed_headers, const char *payload_hash, struct str *out);
/* The string to sign for a canonical request. */
void sigv4_string_to_sign(
	const char *amz_date, const char *scope, struct view canonical, struct str *out);
/* Hex HMAC of the string to sign. */
struct sigv4_text sigv4_signature(const struct sigv4_key *key, struct view string_to_sign);

#endif
