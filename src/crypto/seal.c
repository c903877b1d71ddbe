/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/seal.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/id.h"
#include "base/mem.h"
#include "crypto/digest.h"

#define NONCE_SIZE 12
#define TAG_SIZE 16

int seal_key_load(const char *path, struct seal_key *ret, struct err *err)
{
	struct str bytes CLEANUP_STR = STR_INIT;

	if (!file_exists(path)) {
		id_random_bytes(ret->bytes, sizeof(ret->bytes));
		return file_write_atomic(
			path, (struct view){(char *)ret->bytes, sizeof(ret->bytes)}, 0600, err);
	}
	if (file_read(path, 4096, &bytes, err) < 0)
		return -1;
	if (bytes.len != SEAL_KEY_SIZE)
		return err_set(
			err, ERR_INVALID, "%s is not a key of %d bytes", path, SEAL_KEY_SIZE);
	memcpy(ret->bytes, bytes.p, SEAL_KEY_SIZE);
	explicit_bzero(bytes.p, bytes.len);
	return 0;
}

struct seal_key seal_derive(const struct seal_key *key, const char *purpose)
{
	struct seal_key derived;
	struct digest_value v = digest_hmac_sha256(
		(struct view){(const char *)key->bytes, sizeof(key->bytes)}, view_of(purpose));

	memcpy(derived.bytes, v.bytes, sizeof(derived.bytes));
	return derived;
}

static void add_hex(struct str *out, const unsigned char *p, size_t n)
{
	str_reserve(out, 2 * n);
	hex_write(out->p + out->len, p, n);
	out->len += 2 * n;
	out->p[out->len] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(struct view text, unsigned char *out)
{
	for (size_t i = 0; i < text.len / 2; i++) {
		int high = hex_digit(text.p[2 * i]), low = hex_digit(text.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (unsigned char)(high * 16 + low);
	}
	return text.len % 2 == 0;
}

void seal_close(const struct seal_key *key, struct view plain, const char *context, struct str *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	unsigned char nonce[NONCE_SIZE], tag[TAG_SIZE];
	unsigned char *text = xmalloc(plain.len + 1);
	int n = 0, total = 0;

	id_random_bytes(nonce, sizeof(nonce));
	BUG_ON(!c || EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, nonce) != 1 ||
		EVP_EncryptUpdate(
			c, NULL, &n, (const unsigned char *)context, (int)strlen(context)) != 1 ||
		EVP_EncryptUpdate(
			c, text, &total, (const unsigned char *)plain.p, (int)plain.len) != 1 ||
		EVP_EncryptFinal_ex(c, text + total, &n) != 1 ||
		EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, tag) != 1);
	add_hex(out, nonce, sizeof(nonce));
	add_hex(out, tag, sizeof(tag));
	add_hex(out, text, plain.len);
	free(text);
	EVP_CIPHER_CTX_free(c);
}

static bool decrypt(
	const struct seal_key *key, unsigned char *bytes, size_t n_text, const char *context)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	unsigned char *text = bytes + NONCE_SIZE + TAG_SIZE;
	int n = 0;
	bool ok;

	BUG_ON(!c);
	ok = EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key->bytes, bytes) == 1 &&
	     EVP_DecryptUpdate(c, NULL, &n, (const unsigned char *)context, (int)strlen(context)) ==
		     1 &&
	     EVP_DecryptUpdate(c, text, &n, text, (int)n_text) == 1 &&
	     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, bytes + NONCE_SIZE) == 1 &&
	     EVP_DecryptFinal_ex(c, text + n_text, &n) == 1;
	EVP_CIPHER_CTX_free(c);
	return ok;
}

int seal_open(const struct seal_key *key, struct view sealed, const char *context, struct str *out,
	struct err *err)
{
	unsigned char *bytes;
	bool ok = false;

	if (sealed.len < 2 * (NONCE_SIZE + TAG_SIZE) || sealed.len > INT32_MAX)
		return err_set(err, ERR_INVALID, "the secret of %s is damaged", context);
	bytes = xmalloc(sealed.len / 2 + 1);
	if (read_hex(sealed, bytes)) {
		size_t n = sealed.len / 2 - NONCE_SIZE - TAG_SIZE;

		ok = decrypt(key, bytes, n, context);
		if (ok)
			str_add_n(out, bytes + NONCE_SIZE + TAG_SIZE, n);
	}
	explicit_bzero(bytes, sealed.len / 2);
	free(bytes);
	if (ok)
		return 0;
	err_set(err, ERR_INVALID, "the secret of %s cannot be opened", context);
	return err_hint(err, "is the key file in keys/ the one that belongs to this database?");
}

int seal_again(const struct seal_key *from, const struct seal_key *to, struct view sealed,
	const char *context, struct str *out, struct err *err)
{
	struct str plain CLEANUP_STR = STR_INIT;

	if (seal_open(from, sealed, context, &plain, err) < 0)
		return -1;
	seal_close(to, str_view(&plain), context, out);
	explicit_bzero(plain.p, plain.len);
	return 0;
}
