/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/base64.h"
#include "crypto/digest.h"

#define EC_PART 32

static void key_freep(EVP_PKEY **p)
{
	EVP_PKEY_free(*p);
}

static void bio_freep(BIO **p)
{
	BIO_free(*p);
}

static void number_freep(BIGNUM **p)
{
	BN_free(*p);
}

/* ---- the SSH form (RFC 4253, section 6.6): fields with a length of four bytes in front ---- */

static bool cut_field(struct view *blob, struct view *ret)
{
	const unsigned char *p = (const unsigned char *)blob->p;
	size_t n;

	if (blob->len < 4)
		return false;
	n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if (n > blob->len - 4)
		return false;
	*ret = (struct view){blob->p + 4, n};
	blob->p += 4 + n;
	blob->len -= 4 + n;
	return true;
}

static void add_field(struct str *out, struct view v)
{
	unsigned char head[4] = {(unsigned char)(v.len >> 24), (unsigned char)(v.len >> 16),
		(unsigned char)(v.len >> 8), (unsigned char)v.len};

	str_add_n(out, head, sizeof(head));
	str_add_view(out, v);
}

static const char *fingerprint(struct view blob, struct arena *a)
{
	struct digest_value d = digest_of(DIGEST_MD5, blob);
	struct str out CLEANUP_STR = STR_INIT;

	for (size_t i = 0; i < d.n; i++)
		str_addf(&out, "%s%02x", i ? ":" : "", d.bytes[i]);
	return arena_view_dup(a, str_view(&out));
}

static EVP_PKEY *rsa_of(struct view n, struct view e)
{
	BIGNUM *modulus CLEANUP(number_freep) = BN_bin2bn((const void *)n.p, (int)n.len, NULL);
	BIGNUM *exponent CLEANUP(number_freep) = BN_bin2bn((const void *)e.p, (int)e.len, NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;

	if (build && ctx && modulus && exponent &&
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus) &&
		OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent))
		params = OSSL_PARAM_BLD_to_param(build);
	if (!params || EVP_PKEY_fromdata_init(ctx) <= 0 ||
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static const char *pem_of(EVP_PKEY *key, struct arena *a)
{
	BIO *out CLEANUP(bio_freep) = BIO_new(BIO_s_mem());
	char *text;
	long n;

	if (!out || !PEM_write_bio_PUBKEY(out, key))
		return NULL;
	n = BIO_get_mem_data(out, &text);
	return arena_strndup(a, text, (size_t)n);
}

static void fill(
	struct view kind, struct view blob, EVP_PKEY *rsa, struct arena *a, struct public_key *ret)
{
	struct str encoded CLEANUP_STR = STR_INIT;

	base64_encode(blob, &encoded);
	*ret = (struct public_key){
		.kind = arena_view_dup(a, kind),
		.bits = rsa ? EVP_PKEY_get_bits(rsa) : 0,
		.ssh = arena_printf(a, VIEW_FMT " %s", VIEW_ARG(kind), str_text(&encoded)),
		.pem = rsa ? pem_of(rsa, a) : NULL,
		.fingerprint = fingerprint(blob, a),
	};
}

static int bad_key(struct err *err)
{
	return err_set(err, ERR_INVALID, "the public key cannot be read");
}

static int parse_ssh(struct view text, struct arena *a, struct public_key *ret, struct err *err)
{
	struct view kind = view_cut(&text, ' '), encoded = view_trim(view_cut(&text, ' '));
	struct view whole, blob, named, e, n;
	EVP_PKEY *key CLEANUP(key_freep) = NULL;

	if (!base64_decode(encoded, a, &whole))
		return bad_key(err);
	blob = whole;
	if (!cut_field(&blob, &named) || !view_eq(named, kind))
		return bad_key(err);
	if (view_eq_str(kind, "ssh-rsa")) {
		if (!cut_field(&blob, &e) || !cut_field(&blob, &n) || blob.len)
			return bad_key(err);
		key = rsa_of(n, e);
		if (!key)
			return bad_key(err);
	}
	fill(kind, whole, key, a, ret);
	return 0;
}

/* A number as SSH writes it: a zero in front where the first bit is set. */
static void add_number(struct str *out, const BIGNUM *number)
{
	size_t n = (size_t)BN_num_bytes(number);
	unsigned char *bytes = xcalloc(1, n + 1);

	BN_bn2bin(number, bytes + 1);
	if (bytes[1] & 0x80)
		add_field(out, (struct view){(char *)bytes, n + 1});
	else
		add_field(out, (struct view){(char *)bytes + 1, n});
	free(bytes);
}

static int parse_pem(struct view text, struct arena *a, struct public_key *ret, struct err *err)
{
	BIO *in CLEANUP(bio_freep) = BIO_new_mem_buf(text.p, (int)text.len);
	EVP_PKEY *key CLEANUP(key_freep) = in ? PEM_read_bio_PUBKEY(in, NULL, NULL, NULL) : NULL;
	BIGNUM *n CLEANUP(number_freep) = NULL, *e CLEANUP(number_freep) = NULL;
	struct str blob CLEANUP_STR = STR_INIT;

	if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA ||
		!EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) ||
		!EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e))
		return bad_key(err);
	add_field(&blob, VIEW("ssh-rsa"));
	add_number(&blob, e);
	add_number(&blob, n);
	fill(VIEW("ssh-rsa"), str_view(&blob), key, a, ret);
	return 0;
}

int public_key_parse(struct view text, struct arena *a, struct public_key *ret, struct err *err)
{
	text = view_trim(text);
	if (view_starts_with(text, "-----BEGIN PUBLIC KEY-----"))
		return parse_pem(text, a, ret, err);
	if (view_starts_with(text, "ssh-") || view_starts_with(text, "ecdsa-") ||
		view_starts_with(text, "sk-"))
		return parse_ssh(text, a, ret, err);
	return err_set(err, ERR_UNSUPPORTED,
		"a public key starts with ssh-rsa (or another of OpenSSH's kinds) or with "
		"-----BEGIN PUBLIC KEY-----");
}

/* ---- signatures of web tokens ---- */

static EVP_PKEY *ec_of(struct view x, struct view y)
{
	unsigned char point[1 + 2 * EC_PART] = {4};
	OSSL_PARAM params[3];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	char group[] = "P-256";

	if (x.len != EC_PART || y.len != EC_PART || !ctx) {
		EVP_PKEY_CTX_free(ctx);
		return NULL;
	}
	memcpy(point + 1, x.p, EC_PART);
	memcpy(point + 1 + EC_PART, y.p, EC_PART);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	params[1] =
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point));
	params[2] = OSSL_PARAM_construct_end();
	if (EVP_PKEY_fromdata_init(ctx) <= 0 ||
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* The DER form of r and s. */
static bool ec_signature(struct view raw, struct str *out)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r, *s;
	unsigned char *der = NULL;
	int n;

	if (raw.len != 2 * EC_PART || !sig) {
		ECDSA_SIG_free(sig);
		return false;
	}
	r = BN_bin2bn((const void *)raw.p, EC_PART, NULL);
	s = BN_bin2bn((const void *)(raw.p + EC_PART), EC_PART, NULL);
	ECDSA_SIG_set0(sig, r, s); /* takes both */
	n = i2d_ECDSA_SIG(sig, &der);
	ECDSA_SIG_free(sig);
	if (n <= 0)
		return false;
	str_add_n(out, der, (size_t)n);
	OPENSSL_free(der);
	return true;
}

bool public_key_verify(
	const struct public_key_parts *parts, struct view signed_text, struct view signature)
{
	EVP_PKEY *key CLEANUP(key_freep) =
		parts->n.len ? rsa_of(parts->n, parts->e) : ec_of(parts->x, parts->y);
	struct str der CLEANUP_STR = STR_INIT;
	EVP_MD_CTX *ctx;
	bool good;

	if (!key || (!parts->n.len && !ec_signature(signature, &der)))
		return false;
	if (!parts->n.len)
		signature = str_view(&der);
	ctx = EVP_MD_CTX_new();
	good = ctx && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	       EVP_DigestVerify(ctx, (const void *)signature.p, signature.len,
		       (const void *)signed_text.p, signed_text.len) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}
