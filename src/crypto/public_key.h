/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys as people hand them over: OpenSSH's one-line form and PEM; and the verification of
 * signatures that JSON web tokens carry. */
#ifndef TOWPATH_CRYPTO_PUBLIC_KEY_H
#define TOWPATH_CRYPTO_PUBLIC_KEY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/view.h"

struct public_key {
	const char *kind;	 /* ssh-rsa, ssh-ed25519, ecdsa-sha2-nistp256, ... */
	int bits;		 /* of RSA; else 0 */
	const char *ssh;	 /* "ssh-rsa AAAA..." without comment */
	const char *pem;	 /* "-----BEGIN PUBLIC KEY-----..." of RSA; else NULL */
	const char *fingerprint; /* MD5 of the SSH form, colon-separated, lower case */
};

/* "ssh-rsa AAAA... comment", or the PEM of an RSA key. Texts go into the arena. ERR_INVALID: it is
 * no public key; ERR_UNSUPPORTED: it is none in one of these two forms. */
int public_key_parse(struct view text, struct arena *a, struct public_key *ret, struct err *err);

/* A key of a JSON web key set (RFC 7517): RSA by modulus and exponent, EC (P-256) by its
 * coordinates; all big-endian bytes. */
struct public_key_parts {
	struct view n, e; /* RSA */
	struct view x, y; /* EC, 32 bytes each */
};
/* Whether the signature of a token (RFC 7515) is the key's: RS256 for RSA, ES256 (r and s, 32 bytes
 * each) for EC. */
bool public_key_verify(
	const struct public_key_parts *key, struct view signed_text, struct view signature);

#endif
