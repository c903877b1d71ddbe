/* SPDX-License-Identifier: Apache-2.0 */
/* Digests and checksums, whole or piece by piece, and HMAC. */
#ifndef TOWPATH_CRYPTO_DIGEST_H
#define TOWPATH_CRYPTO_DIGEST_H

#include "base/macros.h"
#include "base/view.h"

enum digest_kind {
	DIGEST_MD5,
	DIGEST_SHA1,
	DIGEST_SHA256,
	DIGEST_SHA512,
	DIGEST_CRC32,	  /* of zlib */
	DIGEST_CRC32C,	  /* Castagnoli */
	DIGEST_CRC64NVME, /* of the NVM Express specification */
};

#define DIGEST_MAX 64
#define DIGEST_SHA256_SIZE 32

/* A digest under way. */
struct digest {
	enum digest_kind kind;
	void *evp; /* OpenSSL's */
	uint64_t crc;
};

struct digest_value {
	unsigned char bytes[DIGEST_MAX]; /* checksums: most significant byte first */
	size_t n;
};

struct digest_text {
	char text[2 * DIGEST_MAX + 1];
};

#define CLEANUP_DIGEST CLEANUP(digest_release)
void digest_init(struct digest *d, enum digest_kind kind);
/* After digest_init(), or on zeroed memory. */
void digest_release(struct digest *d);
void digest_update(struct digest *d, const void *bytes, size_t n);
/* The digest of all so far; d can be updated further. */
struct digest_value digest_value(const struct digest *d);

struct digest_value digest_of(enum digest_kind kind, struct view bytes);
struct digest_value digest_hmac_sha256(struct view key, struct view bytes);

/* HMAC with SHA-256 of many messages under one key, one after the other. */
struct digest_hmac {
	void *evp; /* OpenSSL's */
};

void digest_hmac_init(struct digest_hmac *h, struct view key);
/* After digest_hmac_init(), or on zeroed memory. */
void digest_hmac_release(struct digest_hmac *h);
void digest_hmac_update(struct digest_hmac *h, struct view bytes);
/* Of all since the last one; the next message can follow. */
struct digest_value digest_hmac_value(struct digest_hmac *h);

/* Lower case. */
struct digest_text digest_hex(const struct digest_value *v);
static inline struct view digest_view(const struct digest_value *v)
{
	return (struct view){(const char *)v->bytes, v->n};
}
/* In constant time. */
bool digest_equal(struct view a, struct view b);

#endif
