/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR item by item, on the examples of RFC 8949 (appendix A) and on what is malformed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/mem.h"
#include "codec/cbor.h"

#define BYTES(text) ((struct view){(text), sizeof(text) - 1})

static void numbers(void **state)
{
	static const struct {
		struct view bytes;
		enum cbor_kind kind;
		uint64_t n;
	} rows[] = {
		{BYTES("\x00"), CBOR_UINT, 0},
		{BYTES("\x17"), CBOR_UINT, 23},
		{BYTES("\x18\x18"), CBOR_UINT, 24},
		{BYTES("\x19\x03\xe8"), CBOR_UINT, 1000},
		{BYTES("\x1a\x00\x0f\x42\x40"), CBOR_UINT, 1000000},
		{BYTES("\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00"), CBOR_UINT, 1000000000000},
		{BYTES("\x1b\xff\xff\xff\xff\xff\xff\xff\xff"), CBOR_UINT, UINT64_MAX},
		{BYTES("\x20"), CBOR_NEGATIVE, 0},
		{BYTES("\x38\x63"), CBOR_NEGATIVE, 99},
		{BYTES("\x3b\xff\xff\xff\xff\xff\xff\xff\xff"), CBOR_NEGATIVE, UINT64_MAX},
		{BYTES("\xf4"), CBOR_BOOL, 0},
		{BYTES("\xf5"), CBOR_BOOL, 1},
		{BYTES("\xf6"), CBOR_NULL, 0},
		{BYTES("\xf7"), CBOR_NULL, 0},
		{BYTES("\xf0"), CBOR_SIMPLE, 0},
		{BYTES("\xf8\xff"), CBOR_SIMPLE, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ERR struct err err = ERR_INIT;
		struct cbor_reader r = cbor_reader(rows[i].bytes);
		struct cbor_item item;

		assert_int_equal(cbor_next(&r, &item, &err), 0);
		assert_int_equal(item.kind, rows[i].kind);
		assert_true(item.n == rows[i].n);
		assert_ptr_equal(r.p, r.end);
	}
}

static void floats(void **state)
{
	static const struct {
		struct view bytes;
		double v;
	} rows[] = {
		{BYTES("\xf9\x00\x00"), 0.0},
		{BYTES("\xf9\x3c\x00"), 1.0},
		{BYTES("\xf9\x3e\x00"), 1.5},
		{BYTES("\xf9\x7b\xff"), 65504.0},
		{BYTES("\xf9\x00\x01"), 5.960464477539063e-8},
		{BYTES("\xf9\x04\x00"), 0.00006103515625},
		{BYTES("\xf9\xc4\x00"), -4.0},
		{BYTES("\xf9\x7c\x00"), INFINITY},
		{BYTES("\xf9\xfc\x00"), -INFINITY},
		{BYTES("\xf9\x7e\x00"), NAN},
		{BYTES("\xfa\x47\xc3\x50\x00"), 100000.0},
		{BYTES("\xfa\x7f\x7f\xff\xff"), 3.4028234663852886e+38},
		{BYTES("\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a"), 1.1},
		{BYTES("\xfb\xc0\x10\x66\x66\x66\x66\x66\x66"), -4.1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ERR struct err err = ERR_INIT;
		struct cbor_reader r = cbor_reader(rows[i].bytes);
		struct cbor_item item;

		assert_int_equal(cbor_next(&r, &item, &err), 0);
		assert_int_equal(item.kind, CBOR_FLOAT);
		assert_true(isnan(rows[i].v) ? isnan(item.real) : item.real == rows[i].v);
	}
}

static void strings(void **state)
{
	static const struct {
		struct view bytes;
		const char *content;
	} rows[] = {
		{BYTES("\x60"), ""},
		{BYTES("\x64IETF"), "IETF"},
		{BYTES("\x62\xc3\xbc"), "\xc3\xbc"},
		{BYTES("\x44\x01\x02\x03\x04"), "\x01\x02\x03\x04"},
		{BYTES("\x7f\x65strea\x64ming\xff"), "streaming"},
		{BYTES("\x5f\x42\x01\x02\x43\x03\x04\x05\xff"), "\x01\x02\x03\x04\x05"},
		{BYTES("\x7f\xff"), ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		CLEANUP_ERR struct err err = ERR_INIT;
		struct cbor_reader r = cbor_reader(rows[i].bytes), again = r;
		struct cbor_item item;
		struct view content;

		assert_int_equal(cbor_next(&r, &item, &err), 0);
		assert_int_equal(cbor_content(&r, &item, &a, &content, &err), 0);
		assert_true(view_eq_str(content, rows[i].content));
		assert_ptr_equal(r.p, r.end);
		assert_int_equal(cbor_next(&again, &item, &err), 0);
		assert_int_equal(cbor_skip(&again, &item, &err), 0);
		assert_ptr_equal(again.p, again.end);
	}
}

static void containers(void **state)
{
	static const struct {
		struct view bytes;
		size_t n;
	} rows[] = {
		{BYTES("\x80"), 0},
		{BYTES("\x83\x01\x02\x03"), 3},
		{BYTES("\x83\x01\x82\x02\x03\x82\x04\x05"), 3},
		{BYTES("\x9f\xff"), 0},
		{BYTES("\x9f\x01\x82\x02\x03\x9f\x04\x05\xff\xff"), 3},
		{BYTES("\xa0"), 0},
		{BYTES("\xa2\x61\x61\x01\x61\x62\x82\x02\x03"), 2},
		{BYTES("\xbf\x61\x61\x01\x61\x62\x9f\x02\x03\xff\xff"), 2},
		{BYTES("\x82\xc1\x1a\x51\x4b\x67\xb0\xd8\x20\x61\x61"), 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ERR struct err err = ERR_INIT;
		struct cbor_reader r = cbor_reader(rows[i].bytes);
		struct cbor_item item;
		size_t n;

		assert_int_equal(cbor_next(&r, &item, &err), 0);
		assert_int_equal(cbor_count(&r, &item, &n, &err), 0);
		assert_int_equal(n, rows[i].n);
		assert_int_equal(cbor_skip(&r, &item, &err), 0);
		assert_ptr_equal(r.p, r.end);
	}
}

static void malformed(void **state)
{
	static const struct {
		struct view bytes;
		const char *why;
	} rows[] = {
		{BYTES(""), "CBOR at byte 0: an item is missing"},
		{BYTES("\x18"), "ends within"},
		{BYTES("\x1c"), "no known form"},
		{BYTES("\x1f"), "without an end"},
		{BYTES("\xdf\x00"), "without an end"},
		{BYTES("\x62\x61"), "ends within"},
		{BYTES("\x61\xff"), "not UTF-8"},
		{BYTES("\x7b\xff\xff\xff\xff\xff\xff\xff\xff"), "ends within"},
		{BYTES("\x9b\x00\x00\x00\x01\x00\x00\x00\x00\x01"), "ends within"},
		{BYTES("\xa1\x01"), "ends within"},
		{BYTES("\xc1"), "ends within"},
		{BYTES("\x9f\x01"), "missing"},
		{BYTES("\x7f\x41\x01\xff"), "another kind"},
		{BYTES("\x7f\x7f\xff\xff"), "another kind"},
		{BYTES("\xff"), "a break where"},
		{BYTES("\x82\x01\xff"), "a break where"},
		{BYTES("\xbf\x61\x61\xff"), "a break where"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ERR struct err err = ERR_INIT;
		struct cbor_reader r = cbor_reader(rows[i].bytes);
		struct cbor_item item;

		if (cbor_next(&r, &item, &err) == 0 && cbor_skip(&r, &item, &err) == 0)
			fail_msg("row %zu is no error", i);
		assert_int_equal(err.kind, ERR_MALFORMED);
		if (!strstr(err_message(&err), rows[i].why))
			fail_msg("row %zu: %s", i, err_message(&err));
	}
}

static void depth_is_limited(void **state)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str deep = STR_INIT;
	struct cbor_reader r;
	struct cbor_item item;

	(void)state;
	for (int i = 0; i < 100000; i++)
		str_add_c(&deep, '\x81');
	str_add_c(&deep, 0);
	r = cbor_reader(str_view(&deep));
	assert_int_equal(cbor_next(&r, &item, &err), 0);
	assert_int_equal(cbor_skip(&r, &item, &err), -1);
	assert_non_null(strstr(err_message(&err), "too deeply"));
}

static void writing(void **state)
{
	CLEANUP_STR struct str out = STR_INIT;

	(void)state;
	cbor_write_head(&out, CBOR_MAP, 2);
	cbor_write_integer(&out, -1);
	cbor_write_integer(&out, INT64_MIN);
	cbor_write_integer(&out, 255);
	cbor_write_integer(&out, 65536);
	cbor_write_text(&out, VIEW("\xc3\xbc"));
	cbor_write_text(&out, VIEW("\xff"));
	cbor_write_bytes(&out, VIEW("\x01"));
	cbor_write_bool(&out, true);
	cbor_write_null(&out);
	cbor_write_double(&out, 1.1);
	assert_true(view_eq(str_view(&out),
		BYTES("\xa2\x20\x3b\x7f\xff\xff\xff\xff\xff\xff\xff\x18\xff\x1a\x00\x01\x00\x00"
		      "\x62\xc3\xbc\x63\xef\xbf\xbd\x41\x01\xf5\xf6"
		      "\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(floats),
		cmocka_unit_test(strings),
		cmocka_unit_test(containers),
		cmocka_unit_test(malformed),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(writing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
