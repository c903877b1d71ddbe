/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed secrets: what is closed opens again, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/seal.h"
#include "crypto/token.h"

static void what_is_closed_opens(void **state)
{
	struct seal_key key = {{1, 2, 3}}, other = {{1, 2, 4}};
	struct str sealed CLEANUP_STR = STR_INIT, again CLEANUP_STR = STR_INIT;
	struct str plain CLEANUP_STR = STR_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	seal_close(&key, VIEW("a secret"), "AKIA1", &sealed);
	seal_close(&key, VIEW("a secret"), "AKIA1", &again);
	assert_string_not_equal(str_text(&sealed), str_text(&again));
	assert_null(strstr(str_text(&sealed), "secret"));
	assert_int_equal(seal_open(&key, str_view(&sealed), "AKIA1", &plain, &err), 0);
	assert_string_equal(str_text(&plain), "a secret");
	assert_int_equal(seal_open(&key, str_view(&sealed), "AKIA2", &plain, &err), -1);
	assert_int_equal(seal_open(&other, str_view(&sealed), "AKIA1", &plain, &err), -1);
	sealed.p[60] = sealed.p[60] == '0' ? '1' : '0';
	assert_int_equal(seal_open(&key, str_view(&sealed), "AKIA1", &plain, &err), -1);
	assert_int_equal(seal_open(&key, VIEW("xyz"), "AKIA1", &plain, &err), -1);
	assert_string_equal(str_text(&plain), "a secret");
}

static void empty_secrets_are_secrets(void **state)
{
	struct seal_key key = {{9}};
	struct str sealed CLEANUP_STR = STR_INIT, plain CLEANUP_STR = STR_INIT;

	(void)state;
	seal_close(&key, VIEW(""), "x", &sealed);
	assert_int_equal(seal_open(&key, str_view(&sealed), "x", &plain, NULL), 0);
	assert_int_equal(plain.len, 0);
}

static void the_key_file_is_made_once(void **state)
{
	char dir[] = "/tmp/towpath-seal-XXXXXX", path[64];
	struct seal_key first, second;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/seal.key", dir);
	assert_int_equal(seal_key_load(path, &first, NULL), 0);
	assert_int_equal(seal_key_load(path, &second, NULL), 0);
	assert_memory_equal(first.bytes, second.bytes, SEAL_KEY_SIZE);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(file_write_atomic(path, VIEW("short"), 0600, NULL), 0);
	assert_int_equal(seal_key_load(path, &second, NULL), -1);
	file_remove_tree(dir, NULL);
}

static void credentials_look_like_the_services(void **state)
{
	(void)state;
	assert_int_equal(strlen(token_access_key_id("AKIA").text), 20);
	assert_int_equal(strlen(token_unique_id("AIDA").text), 21);
	assert_int_equal(strlen(token_secret().text), 40);
	assert_int_equal(strlen(token_password().text), 44);
	assert_string_not_equal(token_secret().text, token_secret().text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_closed_opens),
		cmocka_unit_test(empty_secrets_are_secrets),
		cmocka_unit_test(the_key_file_is_made_once),
		cmocka_unit_test(credentials_look_like_the_services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
