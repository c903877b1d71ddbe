/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vcs/remote.h"

static void test_addresses(void **state)
{
	(void)state;
	assert_true(vcs_remote_is_url("https://example.com/a.git"));
	assert_true(vcs_remote_is_url("http://10.0.0.1:8080/a"));
	assert_false(vcs_remote_is_url("https:///a.git"));
	assert_false(vcs_remote_is_url("https://"));
	assert_false(vcs_remote_is_url("ssh://git@example.com/a.git"));
	assert_false(vcs_remote_is_url("git@example.com:a/b.git"));
	assert_false(vcs_remote_is_url("/srv/a.git"));
	assert_false(vcs_remote_is_url("--upload-pack=true"));
}

static void test_secrets_in_addresses(void **state)
{
	(void)state;
	assert_true(vcs_remote_url_has_secret("https://user:token@example.com/a.git"));
	assert_false(vcs_remote_url_has_secret("https://user@example.com/a.git"));
	assert_false(vcs_remote_url_has_secret("https://example.com:8443/a@b:c.git"));
	assert_false(vcs_remote_url_has_secret("git@example.com:a/b.git"));
	assert_false(vcs_remote_url_has_secret("/srv/a:b@c.git"));
}

static void test_settings_count_on(void **state)
{
	CLEANUP_STRV struct strv env = {0};

	(void)state;
	strv_setenv(&env, "GIT_CONFIG_COUNT", "3"); /* what the user has already */
	vcs_env_credential(&env, "https://example.com/", "me", "s3cret");
	assert_string_equal(strv_getenv(&env, "GIT_CONFIG_COUNT"), "6");
	assert_string_equal(
		strv_getenv(&env, "GIT_CONFIG_KEY_3"), "credential.https://example.com/.helper");
	assert_string_equal(strv_getenv(&env, "GIT_CONFIG_VALUE_3"), "");
	for (size_t i = 0; i < env.n; i++)
		if (strstr(env.v[i], "s3cret"))
			assert_int_equal(strncmp(env.v[i], "TOWPATH_GIT_PASSWORD=", 21), 0);
}

static void test_a_credential_is_for_its_host(void **state)
{
	const struct vcs_remote r = {.url = "https://git.example.com:8443/team/shop.git",
		.user = "me",
		.password = "s3cret",
		.insecure_tls = true};
	CLEANUP_STRV struct strv env = {0};
	bool verify = false, helper = false;

	(void)state;
	vcs_env_remote(&env, &r);
	for (size_t i = 0; i < env.n; i++) {
		verify |= strstr(env.v[i], "=http.https://git.example.com:8443/.sslVerify") != NULL;
		helper |= strstr(env.v[i], "=credential.https://git.example.com:8443/.helper") !=
			  NULL;
	}
	assert_true(verify && helper);
	assert_string_equal(strv_getenv(&env, "GIT_ALLOW_PROTOCOL"), "http:https");
}

static void test_troubles(void **state)
{
	static const struct {
		const char *said;
		enum vcs_trouble trouble;
	} cases[] = {
		{"fatal: Authentication failed for 'http://h/x'", VCS_TROUBLE_CREDENTIAL},
		{"fatal: repository 'http://h/x/' not found", VCS_TROUBLE_ADDRESS},
		{"fatal: unable to access 'https://h/': server certificate verification failed",
			VCS_TROUBLE_TLS},
		{"fatal: unable to access 'https://h/': Failed to connect to h", VCS_TROUBLE_REACH},
		{"fatal: couldn't find remote ref refs/heads/x", VCS_TROUBLE_REFERENCE},
		{"fatal: remote error: upload-pack: not our ref abc", VCS_TROUBLE_REFERENCE},
		{"fatal: something else", VCS_TROUBLE_OTHER},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(vcs_trouble_of(cases[i].said), cases[i].trouble);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_secrets_in_addresses),
		cmocka_unit_test(test_settings_count_on),
		cmocka_unit_test(test_a_credential_is_for_its_host),
		cmocka_unit_test(test_troubles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
