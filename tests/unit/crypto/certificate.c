/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates: what is made is accepted for its names and its time, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/clock.h"
#include "crypto/certificate.h"

#define DAY (24 * 3600 * USEC_PER_SEC)
#define NOW (20000 * DAY)

struct made {
	struct str key, chain;
};

static void make(struct made *m, const char *const *names)
{
	struct strv list CLEANUP_STRV = {0};
	struct err err CLEANUP_ERR = ERR_INIT;

	*m = (struct made){0};
	for (size_t i = 0; names[i]; i++)
		strv_add(&list, names[i]);
	assert_int_equal(certificate_make_key(&m->key, &err), 0);
	assert_int_equal(
		certificate_make(str_view(&m->key), &list, NOW, 10 * DAY, &m->chain, &err), 0);
}

static void made_release(struct made *m)
{
	str_release(&m->key);
	str_release(&m->chain);
}

static void it_is_good_for_its_names(void **state)
{
	static const char *const names[] = {
		"towpath.example.com", "127.0.0.1", "::1", "*.s3.example.com", NULL};
	struct made m;
	struct view chain;

	(void)state;
	make(&m, names);
	chain = str_view(&m.chain);
	assert_true(certificate_covers(chain, "towpath.example.com"));
	assert_true(certificate_covers(chain, "TOWPATH.example.com"));
	assert_true(certificate_covers(chain, "127.0.0.1"));
	assert_true(certificate_covers(chain, "::1"));
	assert_true(certificate_covers(chain, "bucket.s3.example.com"));
	assert_false(certificate_covers(chain, "s3.example.com"));
	assert_false(certificate_covers(chain, "127.0.0.2"));
	assert_false(certificate_covers(chain, "example.com"));
	assert_false(certificate_covers(VIEW("nonsense"), "example.com"));
	made_release(&m);
}

static void it_is_good_for_its_time_and_key(void **state)
{
	static const char *const names[] = {"a", NULL};
	struct certificate_info info, again;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct made m, other;
	struct view chain, key;

	(void)state;
	make(&m, names);
	make(&other, names);
	chain = str_view(&m.chain);
	key = str_view(&m.key);
	assert_int_equal(certificate_check(chain, key, NOW, &info, &err), 0);
	assert_int_equal(info.not_after_usec, NOW + 10 * DAY);
	assert_int_equal(strlen(info.fingerprint.text), 32 * 3 - 1);
	assert_int_equal(
		certificate_check(chain, key, NOW + 10 * DAY - USEC_PER_SEC, &again, &err), 0);
	assert_string_equal(info.fingerprint.text, again.fingerprint.text);
	assert_int_equal(certificate_check(chain, key, NOW + 10 * DAY, &info, &err), -1);
	assert_string_equal(err_message(&err), "the certificate has expired");
	assert_int_equal(certificate_check(chain, key, NOW - 2 * DAY, &info, &err), -1);
	assert_string_equal(err_message(&err), "the certificate is not good yet");
	assert_int_equal(certificate_check(chain, str_view(&other.key), NOW, &info, &err), -1);
	assert_string_equal(err_message(&err), "the private key is not that of the certificate");
	assert_int_equal(certificate_check(key, key, NOW, &info, &err), -1);
	assert_int_equal(certificate_check(chain, chain, NOW, &info, &err), -1);
	made_release(&m);
	made_release(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_good_for_its_names),
		cmocka_unit_test(it_is_good_for_its_time_and_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
