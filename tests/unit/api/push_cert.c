/* SPDX-License-Identifier: Apache-2.0 */
/* Nonces of signed pushes by themselves: whose they are and how long they hold. Signatures are
 * proved with git in tests/api/git_signed_push.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "api/push_cert.h"
#include "base/mem.h"

#define NOW 1700000000

static const char *mark(void *arg, const char *text, struct arena *a)
{
	(void)arg;
	return arena_printf(a, "%zu%c", strlen(text), text[strlen("push ")]);
}

static bool mark_fits(void *arg, const char *text, const char *given)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;

	return streq(mark(arg, text, &a), given);
}

static int signing_key(void *arg, const struct auth_principal *who, const char *base64,
	struct arena *a, const char **ret_id, const char **ret_key, struct err *err)
{
	(void)arg;
	(void)who;
	(void)base64;
	(void)a;
	(void)ret_id;
	(void)ret_key;
	(void)err;
	return 0;
}

static const struct auth auth = {.mark = mark, .mark_fits = mark_fits, .signing_key = signing_key};

/* The status of a certificate with an OpenPGP signature, whose nonce is what counts here. */
static enum push_signer_status verify(const char *nonce, const char *repository, int64_t now)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	struct vcs_push_cert cert = {
		.nonce = nonce, .signature = view_of("-----BEGIN PGP SIGNATURE-----\n")};
	struct auth_principal who = {.arn = "arn:aws:iam::111122223333:user/x"};
	struct push_signer signer;
	int rc = push_cert_verify(&auth, &who, repository, &cert, now, &a, &signer, &err);

	assert_int_equal(rc, signer.status == PUSH_SIGNER_REFUSED ? -1 : 0);
	assert_non_null(signer.why);
	return signer.status;
}

static void test_nonces(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char *nonce = push_cert_nonce(&auth, "repository", NOW, &a);

	(void)state;
	assert_string_not_equal(nonce, push_cert_nonce(&auth, "repository", NOW, &a));
	assert_int_equal(verify(nonce, "repository", NOW), PUSH_SIGNER_UNVERIFIED);
	assert_int_equal(
		verify(nonce, "repository", NOW + PUSH_NONCE_SECONDS), PUSH_SIGNER_UNVERIFIED);
	assert_int_equal(
		verify(nonce, "repository", NOW + PUSH_NONCE_SECONDS + 1), PUSH_SIGNER_REFUSED);
	assert_int_equal(
		verify(nonce, "repository", NOW - PUSH_NONCE_SECONDS - 1), PUSH_SIGNER_REFUSED);
	assert_int_equal(verify(nonce, "another", NOW), PUSH_SIGNER_REFUSED);
	assert_int_equal(verify("1-2-3", "repository", NOW), PUSH_SIGNER_REFUSED);
	assert_int_equal(verify("", "repository", NOW), PUSH_SIGNER_REFUSED);
	assert_int_equal(verify(NULL, "repository", NOW), PUSH_SIGNER_REFUSED);
}

static void test_no_marks_no_nonces(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct auth none = {0};

	(void)state;
	assert_null(push_cert_nonce(&none, "repository", NOW, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nonces),
		cmocka_unit_test(test_no_marks_no_nonces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
