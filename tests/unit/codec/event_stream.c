/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of event streams, byte for byte. The checksums were computed apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "codec/event_stream.h"

static void check(const struct event_stream_header *headers, size_t n, struct view payload,
	const unsigned char *wanted, size_t n_wanted)
{
	struct str out CLEANUP_STR = STR_INIT;

	str_add(&out, "before"); /* is no part of the message */
	event_stream_add(&out, headers, n, payload);
	assert_int_equal(out.len, strlen("before") + n_wanted);
	assert_memory_equal(out.p + strlen("before"), wanted, n_wanted);
}

static void a_message_without_anything(void **state)
{
	static const unsigned char wanted[] = {
		0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff};

	(void)state;
	check(NULL, 0, (struct view){0}, wanted, sizeof(wanted));
}

static void a_payload(void **state)
{
	static const unsigned char wanted[] = {0, 0, 0, 0x1d, 0, 0, 0, 0, 0xfd, 0x52, 0x8c, 0x5a,
		'{', '\'', 'f', 'o', 'o', '\'', ':', '\'', 'b', 'a', 'r', '\'', '}', 0xc3, 0x65,
		0x39, 0x36};

	(void)state;
	check(NULL, 0, VIEW("{'foo':'bar'}"), wanted, sizeof(wanted));
}

static void a_header_and_a_payload(void **state)
{
	static const unsigned char wanted[] = {0, 0, 0, 0x21, 0, 0, 0, 0x0f, 0x09, 0x3c, 0xc4, 0x4c,
		10, 'e', 'v', 'e', 'n', 't', '-', 't', 'y', 'p', 'e', 7, 0, 1, 'x', '{', '}', 0xbc,
		0xc2, 0x18, 0xcd};

	(void)state;
	check(&(const struct event_stream_header){"event-type", "x"}, 1, VIEW("{}"), wanted,
		sizeof(wanted));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_without_anything),
		cmocka_unit_test(a_payload),
		cmocka_unit_test(a_header_and_a_payload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
