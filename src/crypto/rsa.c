/* SPDX-License-Identifier: Apache-2.0 */
/* RSA signatures over OpenSSL. */
#include "crypto/rsa.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#define MOST_SIGNATURE 1024

int rsa_sign(const char *key_pem, enum digest_kind kind, struct view text, struct str *out,
	struct err *err)
{
	BIO *bio = BIO_new_mem_buf(key_pem, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char signature[MOST_SIGNATURE];
	unsigned char base64[2 * MOST_SIGNATURE];
	size_t n = sizeof(signature);
	bool done =
		key && ctx &&
		EVP_DigestSignInit(ctx, NULL, kind == DIGEST_SHA1 ? EVP_sha1() : EVP_sha256(), NULL,
			key) == 1 &&
		EVP_DigestSign(ctx, signature, &n, (const unsigned char *)text.p, text.len) == 1;

	if (done)
		str_add_n(out, base64, (size_t)EVP_EncodeBlock(base64, signature, (int)n));
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	BIO_free(bio);
	return done ? 0 : err_set(err, ERR_INTERNAL, "the signing key cannot sign");
}
