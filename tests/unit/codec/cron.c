/* SPDX-License-Identifier: Apache-2.0 */
/* Cron expressions of deployment windows. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "base/mem.h"
#include "codec/cron.h"

static int64_t usec_of(const char *text)
{
	struct tm t = {0};

	assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &t));
	return (int64_t)timegm(&t) * USEC_PER_SEC;
}

static void matching(void **state)
{
	static const struct {
		const char *cron, *time;
		bool in;
	} rows[] = {
		{"0 0 9-17 ? * MON-FRI *", "2026-11-27 09:00", true}, /* a Friday */
		{"0 0 9-17 ? * MON-FRI *", "2026-11-27 09:01", false},
		{"0 * 9-17 ? * mon-fri", "2026-11-27 17:59", true},
		{"0 * 9-17 ? * MON-FRI *", "2026-11-28 10:00", false},
		{"* * * ? * FRI-MON", "2026-11-30 00:00", true},
		{"* * * ? * FRI-MON", "2026-12-01 00:00", false},
		{"* 0/15 * * * ?", "2026-11-27 10:45", true},
		{"* 0/15 * * * ?", "2026-11-27 10:46", false},
		{"* * * 1,15 JAN,DEC ?", "2026-12-15 00:00", true},
		{"* * * 1,15 JAN,DEC ?", "2026-11-15 00:00", false},
		{"* * * L * ?", "2028-02-29 12:00", true},
		{"* * * L * ?", "2028-02-28 12:00", false},
		{"* * * LW * ?", "2026-10-30 12:00", true},  /* the 31st is a Saturday */
		{"* * * 15W * ?", "2026-11-16 12:00", true}, /* the 15th is a Sunday */
		{"* * * 15W * ?", "2026-11-15 12:00", false},
		{"* * * ? * 6L", "2026-11-27 12:00", true}, /* the last Friday */
		{"* * * ? * 6L", "2026-11-20 12:00", false},
		{"* * * ? * 6#3", "2026-11-20 12:00", true},
		{"* * * ? * FRI#3", "2026-11-27 12:00", false},
		{"* * * * * ? 2026-2030/2", "2028-01-01 00:00", true},
		{"* * * * * ? 2026-2030/2", "2027-01-01 00:00", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ERR struct err err = ERR_INIT;
		struct cron c;

		if (cron_parse(rows[i].cron, &c, &err) < 0)
			fail_msg("%s: %s", rows[i].cron, err_message(&err));
		if (cron_matches(&c, usec_of(rows[i].time)) != rows[i].in)
			fail_msg("%s at %s", rows[i].cron, rows[i].time);
	}
}

static void refused(void **state)
{
	static const char *const rows[][2] = {
		{"", "six or seven fields"},
		{"0 0 9 ? *", "six or seven fields"},
		{"0 0 9 ? * * * *", "six or seven fields"},
		{"0 60 9 ? * *", "'60' is not a minute"},
		{"0 0 24 ? * *", "hour"},
		{"0 0 9 0 * ?", "day of month"},
		{"0 0 9 ? FOO *", "'FOO' is not a month"},
		{"0 0 9 ? * 8", "day of week"},
		{"0 0 9 ? * 6#6", "day of week"},
		{"0 0/0 9 ? * *", "minute"},
		{"0 1,,2 9 ? * *", "minute"},
		{"0 0 9 ? * * 1969", "year"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ERR struct err err = ERR_INIT;
		struct cron c;

		if (cron_parse(rows[i][0], &c, &err) == 0)
			fail_msg("'%s' was accepted", rows[i][0]);
		if (!strstr(err_message(&err), rows[i][1]))
			fail_msg("%s: %s", rows[i][0], err_message(&err));
	}
}

static void next(void **state)
{
	static const struct {
		const char *cron, *after, *next; /* NULL: never */
	} rows[] = {
		{"0 0 10 * * ?", "2026-11-27 09:59", "2026-11-27 10:00"},
		{"0 0 10 * * ?", "2026-11-27 10:00", "2026-11-28 10:00"},
		{"0 15 12 ? * MON-FRI", "2026-11-27 12:15", "2026-11-30 12:15"},
		{"0 0/10 * ? * *", "2026-11-27 23:55", "2026-11-28 00:00"},
		{"0 0 8 L 2 ?", "2026-11-27 00:00", "2027-02-28 08:00"},
		{"0 0 18 ? * 6L 2026-2027", "2026-11-27 18:00", "2026-12-25 18:00"},
		{"0 0 0 29 2 ?", "2026-11-27 00:00", "2028-02-29 00:00"},
		{"0 0 0 1 1 ? 2020", "2026-11-27 00:00", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cron c;
		int64_t want = rows[i].next ? usec_of(rows[i].next) : INT64_MAX;

		assert_int_equal(cron_parse(rows[i].cron, &c, NULL), 0);
		if (cron_next(&c, usec_of(rows[i].after)) != want)
			fail_msg("%s after %s", rows[i].cron, rows[i].after);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matching),
		cmocka_unit_test(refused),
		cmocka_unit_test(next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
