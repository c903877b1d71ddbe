/* SPDX-License-Identifier: Apache-2.0 */
/* Signed messages in the form of PKCS #7 (RFC 2315) SignedData with content and certificate
 * embedded, as PEM: deployment specifications that host agents read. */
#ifndef TOWPATH_CRYPTO_CMS_H
#define TOWPATH_CRYPTO_CMS_H

#include "base/err.h"
#include "base/str.h"
#include "base/view.h"

/* Makes an RSA key of 2048 bits and a self-signed certificate with this common name; both PEM,
 * the caller's to free. */
int cms_make_signer(
	const char *name, char **ret_key_pem, char **ret_certificate_pem, struct err *err);
/* Appends "-----BEGIN PKCS7-----" ... to out: SHA-256, one signer. */
int cms_sign(const char *key_pem, const char *certificate_pem, struct view content, struct str *out,
	struct err *err);
/* Appends the content to out. The signature has to be right for the embedded certificate; whose
 * certificate that is, is not looked at. ERR_BAD_SIGNATURE or ERR_MALFORMED. */
int cms_open(struct view pem, struct str *out, struct err *err);

#endif
