/* SPDX-License-Identifier: Apache-2.0 */
/* Signed messages: what was signed can be opened, what was changed cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "crypto/cms.h"

struct signer {
	char *key, *certificate;
};

static int setup(void **state)
{
	struct signer *s = xcalloc(1, sizeof(*s));

	*state = s;
	return cms_make_signer("test", &s->key, &s->certificate, NULL);
}

static int teardown(void **state)
{
	struct signer *s = *state;

	free(s->key);
	free(s->certificate);
	free(s);
	return 0;
}

static void test_round_trip(void **state)
{
	struct signer *s = *state;
	struct str pem CLEANUP_STR = STR_INIT, content CLEANUP_STR = STR_INIT;

	assert_int_equal(cms_sign(s->key, s->certificate, VIEW("{\"DeploymentId\":\"d-1\"}\r\n"),
				 &pem, NULL),
		0);
	assert_true(view_starts_with(str_view(&pem), "-----BEGIN PKCS7-----\n"));
	assert_int_equal(cms_open(str_view(&pem), &content, NULL), 0);
	assert_string_equal(str_text(&content), "{\"DeploymentId\":\"d-1\"}\r\n");
}

static void test_changed_is_refused(void **state)
{
	struct signer *s = *state;
	struct str pem CLEANUP_STR = STR_INIT, content CLEANUP_STR = STR_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	char *last;

	assert_int_equal(cms_sign(s->key, s->certificate, VIEW("text"), &pem, NULL), 0);
	/* A letter within the signature, which stands at the end. */
	last = pem.p + pem.len - strlen("-----END PKCS7-----\n") - 20;
	*last = *last == 'A' ? 'B' : 'A';
	assert_int_equal(cms_open(str_view(&pem), &content, &err), -1);
	assert_true(err_is(&err, ERR_BAD_SIGNATURE) || err_is(&err, ERR_MALFORMED));
}

static void test_rubbish_is_refused(void **state)
{
	struct str content CLEANUP_STR = STR_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	assert_int_equal(cms_open(VIEW("rubbish"), &content, &err), -1);
	assert_true(err_is(&err, ERR_MALFORMED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_changed_is_refused),
		cmocka_unit_test(test_rubbish_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
