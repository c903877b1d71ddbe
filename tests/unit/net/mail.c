/* SPDX-License-Identifier: Apache-2.0 */
/* What passes for a mail server's name and for an address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "net/mail.h"

static void test_servers(void **state)
{
	static const char *const good[] = {"localhost", "10.0.0.1:25", "mail.shop.example:65535"};
	static const char *const bad[] = {"", ":25", "a:", "a:0", "a:65536", "a:+1", "a:25x", "a/b",
		"a b", "smtp://a", "user@a"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(mail_check_server(good[i], NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(mail_check_server(bad[i], NULL), -1);
}

static void test_addresses(void **state)
{
	static const char *const good[] = {"a@b", "ann.b+ci@shop.example", "o'hara@x-y.example"};
	static const char *const bad[] = {
		"", "a", "@b", "a@", "a@b@c", "a b@c", "a@b>", "<a@b>", "a@b\r\nX: y", "a@b,c@d"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(mail_address_ok(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(mail_address_ok(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
