/* SPDX-License-Identifier: Apache-2.0 */
/* Digests (OpenSSL) and checksums. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <zlib.h>

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

static const EVP_MD *message_digest(enum digest_kind kind)
{
	switch (kind) {
	case DIGEST_MD5:
		return EVP_md5();
	case DIGEST_SHA1:
		return EVP_sha1();
	case DIGEST_SHA256:
		return EVP_sha256();
	case DIGEST_SHA512:
		return EVP_sha512();
	default:
		return NULL;
	}
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
	CLEANUP_DIGEST struct digest d;

	digest_init(&d, kind);
	digest_update(&d, bytes.p, bytes.len);
	return digest_value(&d);
}

struct digest_value digest_hmac_sha256(struct view key, struct view bytes)
{
	struct digest_value v = {0};
	unsigned n = 0;

	if (!HMAC(EVP_sha256(), key.p ? key.p : "", (int)key.len,
		    (const unsigned char *)(bytes.p ? bytes.p : ""), bytes.len, v.bytes, &n))
		BUG("HMAC failed");
	v.n = n;
	return v;
}

struct digest_text digest_hex(const struct digest_value *v)
{
	struct digest_text t = {{0}};

	for (size_t i = 0; i < v->n; i++)
		snprintf(t.text + 2 * i, 3, "%02x", v->bytes[i]);
	return t;
}

bool digest_equal(struct view a, struct view b)
{
	return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.p, b.p, a.len) == 0);
}
