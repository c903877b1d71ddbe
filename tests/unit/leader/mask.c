/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets are masked however the stream is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "leader/mask.h"

static void check(const char *const *secrets, const char *in, const char *want)
{
	for (size_t step = 1; step <= strlen(in) + 1; step++) {
		struct mask m CLEANUP(mask_release) = MASK_INIT;
		struct str out CLEANUP_STR = STR_INIT;

		for (const char *const *s = secrets; *s; s++)
			mask_add(&m, *s);
		for (size_t at = 0; at < strlen(in); at += step)
			str_add_view(&out,
				mask_bytes(&m, (struct view){in + at, MIN(step, strlen(in) - at)}));
		str_add_view(&out, mask_flush(&m));
		assert_string_equal(str_text(&out), want);
	}
}

static void one_secret(void **state)
{
	const char *secrets[] = {"hunter2", NULL};

	(void)state;
	check(secrets, "pw=hunter2;hunter2hunter2 hunter hunte", "pw=***;****** hunter hunte");
	check(secrets, "hunthunter2", "hunt***");
}

static void the_longest_wins(void **state)
{
	const char *secrets[] = {"abc", "abcdef", "xabcd", NULL};

	(void)state;
	check(secrets, "abcdef abcde abc xabcde ab", "*** ***de *** ***e ab");
}

static void lines_of_a_secret(void **state)
{
	const char *secrets[] = {"-----KEY\nline one\nline two\n", NULL};

	(void)state;
	check(secrets, "a line one b", "a *** b");
	check(secrets, "-----KEY\nline one\nline two\nend", "***end");
}

static void short_ones_are_left(void **state)
{
	const char *secrets[] = {"a", "", NULL};

	(void)state;
	check(secrets, "banana", "banana");
}

static void nothing_waits_without_need(void **state)
{
	struct mask m CLEANUP(mask_release) = MASK_INIT;
	struct view v;

	(void)state;
	mask_add(&m, "secret");
	v = mask_bytes(&m, VIEW("plain text\n"));
	assert_int_equal(v.len, 11);
	v = mask_bytes(&m, VIEW("so sec"));
	assert_int_equal(v.len, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_secret),
		cmocka_unit_test(the_longest_wins),
		cmocka_unit_test(lines_of_a_secret),
		cmocka_unit_test(short_ones_are_left),
		cmocka_unit_test(nothing_waits_without_need),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
