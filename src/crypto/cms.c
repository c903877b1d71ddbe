/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS #7 SignedData over OpenSSL. */
#include "crypto/cms.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>

#include "base/mem.h"

#define TEN_YEARS (60L * 60 * 24 * 3650)

#define DEFINE_RELEASE(name, type, fn) \
	static void name(type **p)     \
	{                              \
		fn(*p);                \
	}
DEFINE_RELEASE(key_release, EVP_PKEY, EVP_PKEY_free)
DEFINE_RELEASE(cert_release, X509, X509_free)
DEFINE_RELEASE(bio_release, BIO, BIO_free_all)
DEFINE_RELEASE(pkcs7_release, PKCS7, PKCS7_free)

static int fail(struct err *err, enum err_kind kind, const char *what)
{
	char why[256] = "";

	ERR_error_string_n(ERR_get_error(), why, sizeof(why));
	ERR_clear_error();
	return err_set(err, kind, "%s: %s", what, why);
}

static char *bio_text(BIO *bio)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	return xstrndup(p, (size_t)n);
}

static bool fill_certificate(X509 *cert, EVP_PKEY *key, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(cert);

	return X509_set_version(cert, 2) && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), -60) &&
	       X509_gmtime_adj(X509_getm_notAfter(cert), TEN_YEARS) && X509_set_pubkey(cert, key) &&
	       X509_NAME_add_entry_by_txt(
		       subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) &&
	       X509_set_issuer_name(cert, subject) && X509_sign(cert, key, EVP_sha256());
}

int cms_make_signer(
	const char *name, char **ret_key_pem, char **ret_certificate_pem, struct err *err)
{
	EVP_PKEY *key CLEANUP(key_release) = EVP_RSA_gen(2048);
	X509 *cert CLEANUP(cert_release) = X509_new();
	BIO *key_bio CLEANUP(bio_release) = BIO_new(BIO_s_mem());
	BIO *cert_bio CLEANUP(bio_release) = BIO_new(BIO_s_mem());

	if (!key || !cert || !fill_certificate(cert, key, name) ||
		!PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) ||
		!PEM_write_bio_X509(cert_bio, cert))
		return fail(err, ERR_INTERNAL, "making a signing key");
	*ret_key_pem = bio_text(key_bio);
	*ret_certificate_pem = bio_text(cert_bio);
	return 0;
}

int cms_sign(const char *key_pem, const char *certificate_pem, struct view content, struct str *out,
	struct err *err)
{
	BIO *key_bio CLEANUP(bio_release) = BIO_new_mem_buf(key_pem, -1);
	BIO *cert_bio CLEANUP(bio_release) = BIO_new_mem_buf(certificate_pem, -1);
	BIO *data CLEANUP(bio_release) = BIO_new_mem_buf(content.p, (int)content.len);
	BIO *pem CLEANUP(bio_release) = BIO_new(BIO_s_mem());
	EVP_PKEY *key CLEANUP(key_release) = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
	X509 *cert CLEANUP(cert_release) = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
	PKCS7 *p7 CLEANUP(pkcs7_release) = NULL;
	int flags = PKCS7_BINARY | PKCS7_NOSMIMECAP;
	char *text;
	long n;

	if (!key || !cert)
		return fail(err, ERR_INTERNAL, "reading the signing key");
	p7 = PKCS7_sign(NULL, NULL, NULL, data, flags | PKCS7_PARTIAL);
	if (!p7 || !PKCS7_sign_add_signer(p7, cert, key, EVP_sha256(), flags) ||
		!PKCS7_final(p7, data, flags) || !PEM_write_bio_PKCS7(pem, p7))
		return fail(err, ERR_INTERNAL, "signing");
	n = BIO_get_mem_data(pem, &text);
	str_add_n(out, text, (size_t)n);
	return 0;
}

int cms_open(struct view pem, struct str *out, struct err *err)
{
	BIO *in CLEANUP(bio_release) = BIO_new_mem_buf(pem.p, (int)pem.len);
	BIO *data CLEANUP(bio_release) = BIO_new(BIO_s_mem());
	PKCS7 *p7 CLEANUP(pkcs7_release) = PEM_read_bio_PKCS7(in, NULL, NULL, NULL);
	char *text;
	long n;

	if (!p7)
		return fail(err, ERR_MALFORMED, "not a PKCS #7 message in PEM");
	if (!PKCS7_verify(p7, NULL, NULL, NULL, data, PKCS7_NOVERIFY | PKCS7_BINARY))
		return fail(err, ERR_BAD_SIGNATURE, "signature of a PKCS #7 message");
	n = BIO_get_mem_data(data, &text);
	str_add_n(out, text, (size_t)n);
	return 0;
}
