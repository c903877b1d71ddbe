/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones by offset and by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/timefmt.h"
#include "base/zone.h"

static int64_t offset_at(const char *zone, const char *time)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	CLEANUP_ZONE struct zone z;
	int64_t usec;

	assert_int_equal(zone_init(&z, zone, &err), 0);
	assert_true(timefmt_parse(time, &usec));
	return zone_offset_usec(&z, usec) / USEC_PER_SEC;
}

static void test_offsets(void **state)
{
	(void)state;
	assert_int_equal(offset_at(NULL, "2026-07-01T00:00:00Z"), 0);
	assert_int_equal(offset_at("UTC", "2026-07-01T00:00:00Z"), 0);
	assert_int_equal(offset_at("UTC+05:30", "2026-07-01T00:00:00Z"), 19800);
	assert_int_equal(offset_at("UTC-08:00", "2026-07-01T00:00:00Z"), -28800);
}

/* The clocks change at 01:00 UTC in Europe, at 02:00 of their own time in America. */
static void test_names(void **state)
{
	(void)state;
	assert_int_equal(offset_at("Europe/Berlin", "2026-03-29T00:59:59Z"), 3600);
	assert_int_equal(offset_at("Europe/Berlin", "2026-03-29T01:00:00Z"), 7200);
	assert_int_equal(offset_at("Europe/Berlin", "2026-10-25T01:00:00Z"), 3600);
	assert_int_equal(offset_at("America/New_York", "2026-11-01T05:59:59Z"), -14400);
	assert_int_equal(offset_at("America/New_York", "2026-11-01T06:00:00Z"), -18000);
	assert_int_equal(offset_at("Asia/Kolkata", "2031-01-01T00:00:00Z"), 19800);
	assert_int_equal(offset_at("Etc/UTC", "2026-01-01T00:00:00Z"), 0);
	assert_int_equal(offset_at("EST", "2026-07-01T00:00:00Z"), -18000);
}

static void test_refusals(void **state)
{
	static const char *const none[] = {"", "Mars/Base", "../zoneinfo/Europe/Berlin",
		"/etc/passwd", "Europe", "Europe//Berlin", "UTC+25:00", "UTC+5", "zone.tab"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		struct err err CLEANUP_ERR = ERR_INIT;
		struct zone z;

		assert_int_equal(zone_init(&z, none[i], &err), -1);
		assert_int_equal(err.kind, ERR_NOT_FOUND);
		zone_release(&z);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
