/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/certificate.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/id.h"
#include "base/mem.h"

#define DAY_SEC (24 * 3600)

static void bio_freep(BIO **b)
{
	BIO_free(*b);
}

static void pkey_freep(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}

static void x509_freep(X509 **c)
{
	X509_free(*c);
}

/* What OpenSSL says, on its own terms. */
static int fail(struct err *err, const char *what)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return err_set(err, ERR_INVALID, "%s%s%s", what, why ? ": " : "", why ? why : "");
}

static void take_text(BIO *b, struct str *out)
{
	char *p;
	long n = BIO_get_mem_data(b, &p);

	str_add_n(out, p, (size_t)n);
}

static BIO *open_text(struct view text)
{
	BIO *b = BIO_new_mem_buf(text.p, (int)text.len);

	BUG_ON(!b);
	return b;
}

/* A key under a passphrase is refused: nobody is there to be asked. */
static int no_passphrase(char *buf UNUSED, int n UNUSED, int rw UNUSED, void *arg UNUSED)
{
	return -1;
}

static EVP_PKEY *read_key(struct view pem, struct err *err)
{
	BIO *b CLEANUP(bio_freep) = open_text(pem);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(b, NULL, no_passphrase, NULL);

	if (!key) {
		fail(err, "the private key cannot be read");
		err_hint(err, "it must be PEM and without a passphrase");
	}
	return key;
}

static X509 *read_certificate(struct view pem, struct err *err)
{
	BIO *b CLEANUP(bio_freep) = open_text(pem);
	X509 *c = PEM_read_bio_X509(b, NULL, no_passphrase, NULL);

	if (!c)
		fail(err, "the certificate cannot be read as PEM");
	return c;
}

int certificate_make_key(struct str *ret_pem, struct err *err)
{
	EVP_PKEY *key CLEANUP(pkey_freep) = EVP_EC_gen("P-256");
	BIO *b CLEANUP(bio_freep) = BIO_new(BIO_s_mem());

	if (!key || !b || !PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL))
		return fail(err, "cannot make a private key");
	take_text(b, ret_pem);
	return 0;
}

static bool is_address(const char *name)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static bool add_extension(X509 *c, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *x;
	bool ok;

	X509V3_set_ctx(&ctx, c, c, NULL, NULL, 0);
	x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ok = x && X509_add_ext(c, x, -1);
	X509_EXTENSION_free(x);
	return ok;
}

static bool add_names(X509 *c, const struct strv *names)
{
	struct str text CLEANUP_STR = STR_INIT;

	for (size_t i = 0; i < names->n; i++)
		str_addf(&text, "%s%s:%s", i ? "," : "", is_address(names->v[i]) ? "IP" : "DNS",
			names->v[i]);
	return add_extension(c, NID_subject_alt_name, str_text(&text));
}

static bool fill(X509 *c, EVP_PKEY *key, const struct strv *names, time_t now, long life)
{
	X509_NAME *subject = X509_get_subject_name(c);
	unsigned char serial[16];
	BIGNUM *number;
	bool ok;

	id_random_bytes(serial, sizeof(serial));
	serial[0] &= 0x7f;
	number = BN_bin2bn(serial, sizeof(serial), NULL);
	ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(c));
	BN_free(number);
	return ok && X509_set_version(c, X509_VERSION_3) &&
	       X509_time_adj_ex(X509_getm_notBefore(c), 0, -DAY_SEC, &now) &&
	       X509_time_adj_ex(X509_getm_notAfter(c), 0, life, &now) && X509_set_pubkey(c, key) &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
		       (const unsigned char *)names->v[0], -1, -1, 0) &&
	       X509_set_issuer_name(c, subject) &&
	       add_extension(c, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(c, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(c, NID_ext_key_usage, "serverAuth") &&
	       add_extension(c, NID_subject_key_identifier, "hash") && add_names(c, names);
}

int certificate_make(struct view key_pem, const struct strv *names, int64_t now_usec,
	int64_t life_usec, struct str *ret_pem, struct err *err)
{
	EVP_PKEY *key CLEANUP(pkey_freep) = read_key(key_pem, err);
	X509 *c CLEANUP(x509_freep) = X509_new();
	BIO *b CLEANUP(bio_freep) = BIO_new(BIO_s_mem());

	BUG_ON(!c || !b || !names->n);
	if (!key)
		return -1;
	if (!fill(c, key, names, (time_t)(now_usec / USEC_PER_SEC),
		    (long)(life_usec / USEC_PER_SEC)) ||
		!X509_sign(c, key, EVP_sha256()) || !PEM_write_bio_X509(b, c))
		return fail(err, "cannot make a certificate");
	take_text(b, ret_pem);
	return 0;
}

static int64_t usec_of(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) ? (int64_t)timegm(&tm) * USEC_PER_SEC : 0;
}

static struct certificate_fingerprint fingerprint_of(const X509 *c)
{
	struct certificate_fingerprint f = {0};
	unsigned char digest[32];
	char hex[2 * sizeof(digest)];
	unsigned int n = 0;

	BUG_ON(!X509_digest(c, EVP_sha256(), digest, &n) || n != sizeof(digest));
	hex_write(hex, digest, sizeof(digest));
	for (size_t i = 0; i < sizeof(digest); i++) {
		f.text[3 * i] = (char)(hex[2 * i] >= 'a' ? hex[2 * i] - 'a' + 'A' : hex[2 * i]);
		f.text[3 * i + 1] =
			(char)(hex[2 * i + 1] >= 'a' ? hex[2 * i + 1] - 'a' + 'A' : hex[2 * i + 1]);
		f.text[3 * i + 2] = ':';
	}
	f.text[sizeof(f.text) - 1] = '\0';
	return f;
}

int certificate_check(struct view chain_pem, struct view key_pem, int64_t now_usec,
	struct certificate_info *ret, struct err *err)
{
	X509 *c CLEANUP(x509_freep) = read_certificate(chain_pem, err);
	EVP_PKEY *key CLEANUP(pkey_freep) = c ? read_key(key_pem, err) : NULL;

	if (!c || !key)
		return -1;
	if (!X509_check_private_key(c, key)) {
		ERR_clear_error();
		err_set(err, ERR_CONFLICT, "the private key is not that of the certificate");
		return err_hint(err, "the server's own certificate comes first in its file");
	}
	if (usec_of(X509_get0_notBefore(c)) > now_usec)
		return err_set(err, ERR_INVALID, "the certificate is not good yet");
	if (usec_of(X509_get0_notAfter(c)) <= now_usec)
		return err_set(err, ERR_INVALID, "the certificate has expired");
	ret->fingerprint = fingerprint_of(c);
	ret->not_after_usec = usec_of(X509_get0_notAfter(c));
	return 0;
}

int certificate_chain_check(struct view pem, struct err *err)
{
	BIO *b CLEANUP(bio_freep) = open_text(pem);
	size_t n = 0;
	bool clean;

	for (;; n++) {
		X509 *c CLEANUP(x509_freep) = PEM_read_bio_X509(b, NULL, no_passphrase, NULL);

		if (!c)
			break;
	}
	clean = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	if (!n || !clean)
		return fail(err, "the chain cannot be read as certificates in PEM");
	ERR_clear_error();
	return 0;
}

bool certificate_covers(struct view chain_pem, const char *name)
{
	X509 *c CLEANUP(x509_freep) = read_certificate(chain_pem, NULL);

	if (!c)
		return false;
	return is_address(name) ? X509_check_ip_asc(c, name, 0) == 1
				: X509_check_host(c, name, 0, 0, NULL) == 1;
}
