/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of servers (X.509, OpenSSL): making one that vouches for itself, and looking at one
 * that somebody else made. */
#ifndef TOWPATH_CRYPTO_CERTIFICATE_H
#define TOWPATH_CRYPTO_CERTIFICATE_H

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "base/view.h"

/* "AB:CD:..": the SHA-256 digest of the certificate, as `openssl x509 -fingerprint` writes it. */
struct certificate_fingerprint {
	char text[32 * 3];
};

struct certificate_info {
	struct certificate_fingerprint fingerprint;
	int64_t not_after_usec; /* since 1970 */
};

/* A new private key (ECDSA, P-256) as PEM. */
int certificate_make_key(struct str *ret_pem, struct err *err);
/* A certificate as PEM for a server of these names (host names and IP addresses; the first is its
 * subject), signed with its own key, good from a day before now_usec on for life_usec. */
int certificate_make(struct view key_pem, const struct strv *names, int64_t now_usec,
	int64_t life_usec, struct str *ret_pem, struct err *err);
/* Looks at a chain (the server's own certificate first) and its key: ERR_INVALID when one of them
 * cannot be read or the certificate is not good at now_usec, ERR_CONFLICT when they do not belong
 * together. */
int certificate_check(struct view chain_pem, struct view key_pem, int64_t now_usec,
	struct certificate_info *ret, struct err *err);
/* ERR_INVALID unless this is one certificate or more as PEM. */
int certificate_chain_check(struct view pem, struct err *err);
/* Whether a client that asks for this host name or IP address accepts the certificate. */
bool certificate_covers(struct view chain_pem, const char *name);

#endif
