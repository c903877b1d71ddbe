/* SPDX-License-Identifier: Apache-2.0 */
/* gzip: what is packed unpacks again, within bounds, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/limits.h"
#include "codec/gzip.h"

static void what_is_packed_unpacks(void **state)
{
	struct str plain CLEANUP_STR = STR_INIT, packed CLEANUP_STR = STR_INIT;
	struct str again CLEANUP_STR = STR_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	for (int i = 0; i < 100000; i++)
		str_addf(&plain, "%d,", i * 7919 % 1000);
	gzip_pack(str_view(&plain), &packed);
	assert_true(packed.len < plain.len / 2);
	/* members stand one after the other */
	gzip_pack(VIEW("end"), &packed);
	gzip_pack(VIEW(""), &packed);
	assert_int_equal(gzip_unpack(str_view(&packed), MIB, &again, &err), 0);
	str_add(&plain, "end");
	assert_true(view_eq(str_view(&plain), str_view(&again)));
}

static void the_limit_holds(void **state)
{
	struct str plain CLEANUP_STR = STR_INIT, packed CLEANUP_STR = STR_INIT;
	struct str again CLEANUP_STR = STR_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	str_reserve(&plain, 8 * MIB);
	memset(plain.p, 0, 8 * MIB);
	plain.len = 8 * MIB;
	gzip_pack(str_view(&plain), &packed);
	assert_true(packed.len < 64 * KIB);
	assert_int_equal(gzip_unpack(str_view(&packed), MIB, &again, &err), -1);
	assert_true(err_is(&err, ERR_TOO_LARGE));
	assert_true(again.len < 2 * MIB);
}

static void nonsense_is_refused(void **state)
{
	struct str packed CLEANUP_STR = STR_INIT, out CLEANUP_STR = STR_INIT;

	(void)state;
	gzip_pack(VIEW("hello hello hello"), &packed);
	for (size_t n = 0; n < packed.len; n++) {
		struct err err CLEANUP_ERR = ERR_INIT;

		assert_int_equal(gzip_unpack((struct view){packed.p, n}, MIB, &out, &err), -1);
		assert_true(err_is(&err, ERR_MALFORMED));
	}
	packed.p[packed.len - 6] ^= 1; /* of the checksum */
	assert_int_equal(gzip_unpack(str_view(&packed), MIB, &out, NULL), -1);
	assert_int_equal(gzip_unpack(VIEW("hello"), MIB, &out, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_unpacks),
		cmocka_unit_test(the_limit_holds),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
