/* SPDX-License-Identifier: Apache-2.0 */
/* Digests (OpenSSL) and checksums. */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <zlib.h>

#include "base/hex.h"
#include "crypto/digest.h"

/* Reflected polynomials of CRC-32C and CRC-64/NVME. */
#define CRC32C_POLYNOMIAL UINT64_C(0x82f63b78)
#define CRC64_POLYNOMIAL UINT64_C(0x9a6c9329ac4bc9b5)

/* Eight tables each, so that eight bytes are taken at a time. */
static uint64_t crc32c_tables[8][256], crc64_tables[8][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void make_tables(uint64_t tables[8][256], uint64_t polynomial)
{
	for (unsigned i = 0; i < 256; i++) {
		uint64_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ polynomial : crc >> 1;
		tables[0][i] = crc;
	}
	for (unsigned i = 0; i < 256; i++)
		for (int t = 1; t < 8; t++)
			tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 255];
}

static void make_all_tables(void)
{
	make_tables(crc32c_tables, CRC32C_POLYNOMIAL);
	make_tables(crc64_tables, CRC64_POLYNOMIAL);
}

static uint64_t crc_update(
	const uint64_t tables[8][256], uint64_t crc, const unsigned char *p, size_t n)
{
	for (; n >= 8; n -= 8, p += 8) {
		uint64_t word = 0;

		for (int i = 0; i < 8; i++)
			word |= (uint64_t)p[i] << 8 * i;
		word ^= crc;
		crc = 0;
		for (int i = 0; i < 8; i++)
			crc ^= tables[7 - i][word >> 8 * i & 255];
	}
	while (n--)
		crc = crc >> 8 ^ tables[0][(crc ^ *p++) & 255];
	return crc;
}

/* Fetched once: to look an algorithm up by its name costs as much as a short digest. */
static EVP_MD *message_digests[DIGEST_SHA512 + 1];
static EVP_MAC_CTX *hmac_sha256; /* without a key; copied for each use */
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static void fetch_all(void)
{
	static const char *const names[] = {
		[DIGEST_MD5] = "MD5",
		[DIGEST_SHA1] = "SHA1",
		[DIGEST_SHA256] = "SHA256",
		[DIGEST_SHA512] = "SHA512",
	};
	char sha256[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		message_digests[i] = EVP_MD_fetch(NULL, names[i], NULL);
		if (!message_digests[i])
			BUG("the digest %s cannot be had", names[i]);
	}
	hmac_sha256 = mac ? EVP_MAC_CTX_new(mac) : NULL;
	if (!hmac_sha256 || EVP_MAC_CTX_set_params(hmac_sha256, params) != 1)
		BUG("HMAC cannot be had");
	EVP_MAC_free(mac);
}

/* NULL for checksums. */
static const EVP_MD *message_digest(enum digest_kind kind)
{
	pthread_once(&fetch_once, fetch_all);
	return (size_t)kind < ARRAY_SIZE(message_digests) ? message_digests[kind] : NULL;
}

void digest_init(struct digest *d, enum digest_kind kind)
{
	const EVP_MD *md = message_digest(kind);

	*d = (struct digest){.kind = kind};
	if (md) {
		d->evp = EVP_MD_CTX_new();
		if (!d->evp || EVP_DigestInit_ex(d->evp, md, NULL) != 1)
			BUG("digest %d cannot be had", (int)kind);
		return;
	}
	pthread_once(&tables_once, make_all_tables);
	d->crc = kind == DIGEST_CRC32C ? UINT32_MAX : kind == DIGEST_CRC64NVME ? UINT64_MAX : 0;
}

void digest_release(struct digest *d)
{
	EVP_MD_CTX_free(d->evp);
	d->evp = NULL;
}

void digest_update(struct digest *d, const void *bytes, size_t n)
{
	if (d->evp) {
		if (EVP_DigestUpdate(d->evp, bytes, n) != 1)
			BUG("digest failed");
		return;
	}
	if (d->kind == DIGEST_CRC32)
		d->crc = crc32_z(d->crc, bytes, n);
	else if (d->kind == DIGEST_CRC32C)
		d->crc = crc_update(crc32c_tables, d->crc, bytes, n);
	else
		d->crc = crc_update(crc64_tables, d->crc, bytes, n);
}

struct digest_value digest_value(const struct digest *d)
{
	struct digest_value v = {0};
	uint64_t crc = d->kind == DIGEST_CRC32 ? d->crc : ~d->crc;
	unsigned n = 0;

	if (d->evp) {
		EVP_MD_CTX *copy = EVP_MD_CTX_new();

		if (!copy || EVP_MD_CTX_copy_ex(copy, d->evp) != 1 ||
			EVP_DigestFinal_ex(copy, v.bytes, &n) != 1)
			BUG("digest failed");
		EVP_MD_CTX_free(copy);
		v.n = n;
		return v;
	}
	v.n = d->kind == DIGEST_CRC64NVME ? 8 : 4;
	for (size_t i = 0; i < v.n; i++)
		v.bytes[i] = (unsigned char)(crc >> 8 * (v.n - 1 - i));
	return v;
}

struct digest_value digest_of(enum digest_kind kind, struct view bytes)
{
	CLEANUP_DIGEST struct digest d = {0};
	const EVP_MD *md = message_digest(kind);

	if (md) {
		struct digest_value v = {0};
		unsigned n = 0;

		if (EVP_Digest(bytes.p, bytes.len, v.bytes, &n, md, NULL) != 1)
			BUG("digest failed");
		v.n = n;
		return v;
	}
	digest_init(&d, kind);
	digest_update(&d, bytes.p, bytes.len);
	return digest_value(&d);
}

void digest_hmac_init(struct digest_hmac *h, struct view key)
{
	pthread_once(&fetch_once, fetch_all);
	h->evp = EVP_MAC_CTX_dup(hmac_sha256);
	if (!h->evp || EVP_MAC_init(h->evp, (const unsigned char *)(key.p ? key.p : ""), key.len,
			       NULL) != 1)
		BUG("HMAC cannot be had");
}

void digest_hmac_release(struct digest_hmac *h)
{
	EVP_MAC_CTX_free(h->evp);
	h->evp = NULL;
}

void digest_hmac_update(struct digest_hmac *h, struct view bytes)
{
	if (bytes.len && EVP_MAC_update(h->evp, (const unsigned char *)bytes.p, bytes.len) != 1)
		BUG("HMAC failed");
}

struct digest_value digest_hmac_value(struct digest_hmac *h)
{
	struct digest_value v = {0};

	/* begun anew without a key: with the one that it has */
	if (EVP_MAC_final(h->evp, v.bytes, &v.n, sizeof(v.bytes)) != 1 ||
		EVP_MAC_init(h->evp, NULL, 0, NULL) != 1)
		BUG("HMAC failed");
	return v;
}

#define SHA256_BLOCK 64

static struct digest_value add_block(
	EVP_MD_CTX *c, const unsigned char block[SHA256_BLOCK], struct view bytes)
{
	struct digest_value v = {0};
	unsigned n = 0;

	if (!c || EVP_DigestInit_ex(c, message_digest(DIGEST_SHA256), NULL) != 1 ||
		EVP_DigestUpdate(c, block, SHA256_BLOCK) != 1 ||
		EVP_DigestUpdate(c, bytes.p, bytes.len) != 1 ||
		EVP_DigestFinal_ex(c, v.bytes, &n) != 1)
		BUG("HMAC failed");
	v.n = n;
	return v;
}

/* RFC 2104 by two digests: OpenSSL's own costs twice as much for one short message, since it makes
 * three contexts, and each signed request needs one. */
struct digest_value digest_hmac_sha256(struct view key, struct view bytes)
{
	unsigned char inner[SHA256_BLOCK] = {0}, outer[SHA256_BLOCK];
	struct digest_value v = {0};
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	if (key.len > SHA256_BLOCK) {
		v = digest_of(DIGEST_SHA256, key);
		key = digest_view(&v);
	}
	if (key.len)
		memcpy(inner, key.p, key.len);
	for (size_t i = 0; i < SHA256_BLOCK; i++) {
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	v = add_block(c, inner, bytes);
	v = add_block(c, outer, digest_view(&v));
	OPENSSL_cleanse(inner, sizeof(inner));
	OPENSSL_cleanse(outer, sizeof(outer));
	EVP_MD_CTX_free(c);
	return v;
}

struct digest_text digest_hex(const struct digest_value *v)
{
	struct digest_text t;

	*hex_write(t.text, v->bytes, v->n) = '\0';
	return t;
}

bool digest_equal(struct view a, struct view b)
{
	return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.p, b.p, a.len) == 0);
}
