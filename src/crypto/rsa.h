/* SPDX-License-Identifier: Apache-2.0 */
/* Detached RSA signatures (PKCS #1 v1.5) by a key in PEM. */
#ifndef TOWPATH_CRYPTO_RSA_H
#define TOWPATH_CRYPTO_RSA_H

#include "base/err.h"
#include "base/str.h"
#include "crypto/digest.h"

/* Appends the signature of the text, base64, by DIGEST_SHA1 or DIGEST_SHA256. */
int rsa_sign(const char *key_pem, enum digest_kind kind, struct view text, struct str *out,
	struct err *err);

#endif
