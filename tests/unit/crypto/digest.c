/* SPDX-License-Identifier: Apache-2.0 */
/* Digests against published values. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/digest.h"

#define CHECK "123456789" /* the check input of the catalogues of CRCs */

static void published_values(void **state)
{
	static const struct {
		enum digest_kind kind;
		const char *text, *hex;
	} rows[] = {
		{DIGEST_MD5, "", "d41d8cd98f00b204e9800998ecf8427e"},
		{DIGEST_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
		{DIGEST_SHA256, "",
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{DIGEST_CRC32, CHECK, "cbf43926"},
		{DIGEST_CRC32C, CHECK, "e3069283"},
		{DIGEST_CRC64NVME, CHECK, "ae8b14860a799888"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct digest_value v = digest_of(rows[i].kind, view_of(rows[i].text));

		assert_string_equal(digest_hex(&v).text, rows[i].hex);
	}
}

static void in_pieces(void **state)
{
	char text[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7);
	for (int kind = DIGEST_MD5; kind <= DIGEST_CRC64NVME; kind++) {
		CLEANUP_DIGEST struct digest d;
		struct digest_value whole, pieces;

		whole = digest_of((enum digest_kind)kind, (struct view){text, sizeof(text)});
		digest_init(&d, (enum digest_kind)kind);
		for (size_t at = 0, n = 1; at < sizeof(text); at += n, n += 3) {
			n = MIN(n, sizeof(text) - at);
			digest_update(&d, text + at, n);
			digest_value(&d);
		}
		pieces = digest_value(&d);
		assert_true(digest_equal(digest_view(&whole), digest_view(&pieces)));
	}
}

/* RFC 4231, test case 2. */
static void hmac(void **state)
{
	struct digest_value v =
		digest_hmac_sha256(VIEW("Jefe"), VIEW("what do ya want for nothing?"));

	(void)state;
	assert_string_equal(digest_hex(&v).text,
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

/* RFC 4231, test cases 2 and 6: one message after the other, in pieces, and a long key. */
static void hmac_again(void **state)
{
	struct digest_hmac h;
	struct digest_value v;
	char key[131];

	(void)state;
	digest_hmac_init(&h, VIEW("Jefe"));
	for (int i = 0; i < 3; i++) {
		digest_hmac_update(&h, VIEW("what do ya want "));
		digest_hmac_update(&h, VIEW("for nothing?"));
		v = digest_hmac_value(&h);
		assert_string_equal(digest_hex(&v).text,
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	}
	digest_hmac_release(&h);
	memset(key, 0xaa, sizeof(key));
	v = digest_hmac_sha256((struct view){key, sizeof(key)},
		VIEW("Test Using Larger Than Block-Size Key - Hash Key First"));
	assert_string_equal(digest_hex(&v).text,
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_values),
		cmocka_unit_test(in_pieces),
		cmocka_unit_test(hmac),
		cmocka_unit_test(hmac_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
