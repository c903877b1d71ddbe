/* SPDX-License-Identifier: Apache-2.0 */
/* Published and recomputed vectors of Signature Version 4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/timefmt.h"
#include "crypto/digest.h"
#include "crypto/sigv4.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define BODY "{\"repositoryName\":\"MyDemoRepo\"}"

static struct sigv4_signer signer(const char *token)
{
	struct sigv4_signer s = {.access_key_id = "AKIDEXAMPLE",
		.secret = SECRET,
		.token = token,
		.region = "us-east-1",
		.service = "codecommit"};

	assert_true(timefmt_parse("20240102T030405Z", &s.time_usec));
	return s;
}

static const char *auth_of(const struct strv *headers)
{
	const char *last = headers->v[headers->n - 1];

	assert_int_equal(strncmp(last, "Authorization: ", 15), 0);
	return last + 15;
}

static int verify(const struct sigv4_request *r, const char *secret, const char *hash, bool s3,
	struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct sigv4_claim c;
	struct sigv4_key key;
	int found = sigv4_parse(r, &a, &c, err);

	if (found <= 0)
		return -1;
	key = sigv4_derive(secret, c.date, c.region, c.service);
	return sigv4_verify(r, &c, &key, hash, s3, &a, err);
}

#define JSON_HEADERS                                                \
	{"Content-Type", "application/x-amz-json-1.1"},             \
		{"Host", "codecommit.us-east-1.amazonaws.com"},     \
		{"X-Amz-Date", "20240102T030405Z"},                 \
	{                                                           \
		"X-Amz-Target", "CodeCommit_20150413.GetRepository" \
	}

static const char body_hash[] = "acae4629f6f5df80ff17efce8842f62475e8df3727e90e087d69cad043ffb54e";

static void header_form(void **state)
{
	struct err err = ERR_INIT;
	struct sigv4_header headers[] = {JSON_HEADERS,
		{"Authorization",
			"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20240102/us-east-1/codecommit/"
			"aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
			"Signature="
			"41494b506fe0de5260efd0bae17b734b6b8f107c00f2515c25b8a1f4542bb719"}};
	struct sigv4_request r = {"POST", "/", "", headers, ARRAY_SIZE(headers)};
	struct digest_value d = digest_of(DIGEST_SHA256, VIEW(BODY));

	(void)state;
	assert_string_equal(digest_hex(&d).text, body_hash);
	assert_int_equal(verify(&r, SECRET, body_hash, false, &err), 0);
	assert_int_equal(verify(&r, "another secret", body_hash, false, &err), -1);
	assert_string_equal(err_wire_name(&err), "SignatureDoesNotMatch");
	assert_non_null(strstr(err_message(&err), "should have been\n'POST\n/\n\ncontent-type:"));
	assert_int_equal(verify(&r, SECRET, SIGV4_EMPTY_HASH, false, NULL), -1);
	err_release(&err);
}

static void session_token_is_signed(void **state)
{
	struct sigv4_header headers[] = {JSON_HEADERS, {"X-Amz-Security-Token", "TOKEN"},
		{"Authorization",
			"AWS4-HMAC-SHA256 SignedHeaders=content-type;host;x-amz-date;"
			"x-amz-security-token;x-amz-target,Credential=AKIDEXAMPLE/20240102/"
			"us-east-1/codecommit/aws4_request,Signature="
			"f0cf5dad82e5b9ffff7da1aba51c629502181b96b2d38c086e51597fad6caba2"}};
	struct sigv4_request r = {"POST", "/", "", headers, ARRAY_SIZE(headers)};

	(void)state;
	assert_int_equal(verify(&r, SECRET, body_hash, false, NULL), 0);
	headers[4].value = "OTHER";
	assert_int_equal(verify(&r, SECRET, body_hash, false, NULL), -1);
}

static void presigned_form(void **state)
{
	struct sigv4_header headers[] = {{"Host", "s3.us-east-1.amazonaws.com"}};
	struct sigv4_request r = {"GET", "/my-bucket/a%20b/c+d",
		"list-type=2&prefix=x%2Fy&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
		"ASIAEXAMPLE%2F20240102%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date="
		"20240102T030405Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&"
		"X-Amz-Security-Token=tok%2Fen%2BEXAMPLE%3D%3D&X-Amz-Signature="
		"b0c8a88ba4399d8354f18ab8726cab414468180ac97bc9723ca8b62159bce5db",
		headers, 1};
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct sigv4_claim c;

	(void)state;
	assert_int_equal(sigv4_parse(&r, &a, &c, NULL), 1);
	assert_true(c.presigned);
	assert_int_equal(c.expires_sec, 900);
	assert_string_equal(c.access_key_id, "ASIAEXAMPLE");
	assert_string_equal(c.security_token, "tok/en+EXAMPLE==");
	if (verify(&r, "secretEXAMPLE", "UNSIGNED-PAYLOAD", true, NULL) < 0) {
		r.path = "/my-bucket/a%20b/c%2Bd"; /* as most clients send it */
		assert_int_equal(verify(&r, "secretEXAMPLE", "UNSIGNED-PAYLOAD", true, NULL), 0);
	}
}

static void chunks(void **state)
{
	struct sigv4_key key = sigv4_derive(
		"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524", "us-east-1", "s3");
	const char *scope = "20130524/us-east-1/s3/aws4_request", *date = "20130524T000000Z";
	static char data[66560];
	struct digest_value d;
	struct sigv4_text s;

	(void)state;
	memset(data, 'a', sizeof(data));
	d = digest_of(DIGEST_SHA256, (struct view){data, 65536});
	s = sigv4_chunk(&key, date, scope,
		"4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
		digest_hex(&d).text);
	assert_string_equal(
		s.text, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648");
	d = digest_of(DIGEST_SHA256, (struct view){data, 1024});
	s = sigv4_chunk(&key, date, scope, s.text, digest_hex(&d).text);
	assert_string_equal(
		s.text, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497");
	s = sigv4_chunk(&key, date, scope, s.text, SIGV4_EMPTY_HASH);
	assert_string_equal(
		s.text, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9");
}

static void what_is_signed_here_verifies_here(void **state)
{
	struct sigv4_signer s = signer("a token");
	struct strv lines CLEANUP_STRV = {0};
	struct sigv4_header headers[8];
	struct err err = ERR_INIT;
	struct sigv4_request r = {"POST", "/a%3Ab//./c", "z=1&y=%20+&y", headers, 0};

	(void)state;
	strv_add(&lines, "Content-Type:  two   blanks ");
	assert_int_equal(sigv4_sign(&s, "POST", "http://h:81/a%3Ab//./c?z=1&y=%20+&y", body_hash,
				 &lines, NULL),
		0);
	for (size_t i = 0; i < lines.n; i++) {
		char *colon = strchr(lines.v[i], ':');

		*colon = '\0';
		headers[i] = (struct sigv4_header){lines.v[i], colon + 2};
	}
	r.n_headers = lines.n;
	if (verify(&r, SECRET, body_hash, false, &err) < 0)
		fail_msg("%s", err_message(&err));
	r.query = "z=2&y=%20+&y";
	assert_int_equal(verify(&r, SECRET, body_hash, false, NULL), -1);
}

static const struct {
	const char *header, *wire;
} bad_headers[] = {
	{"Basic abc", "IncompleteSignature"},
	{"AWS4-HMAC-SHA256 Credential", "IncompleteSignature"},
	{"AWS4-HMAC-SHA256 Signature=1, SignedHeaders=host", "IncompleteSignature"},
	{"AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=1",
		"IncompleteSignature"},
	{"AWS4-HMAC-SHA256 Credential=a/20240103/r/s/aws4_request, SignedHeaders=host, "
	 "Signature=1",
		"SignatureDoesNotMatch"},
	{"AWS4-HMAC-SHA256 Credential=a/20240102/r/s/aws3_request, SignedHeaders=host, "
	 "Signature=1",
		"SignatureDoesNotMatch"},
	{"AWS4-HMAC-SHA256 Credential=a/20240102/r/s/aws4_request, SignedHeaders=x-amz-date, "
	 "Signature=1",
		"SignatureDoesNotMatch"},
	{"AWS4-HMAC-SHA256 Credential=a/20240102/r/s/aws4_request, SignedHeaders=host, "
	 "Signature=1",
		"AccessDeniedException"},
	{"AWS4-HMAC-SHA256 Credential=a/20240102/r/s/aws4_request, "
	 "SignedHeaders=host;x-amz-date, Signature=1",
		"SignatureDoesNotMatch"},
};

static void malformed_headers_say_so(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_headers); i++) {
		struct arena a CLEANUP_ARENA = ARENA_INIT;
		struct err err CLEANUP_ERR = ERR_INIT;
		struct sigv4_header headers[] = {{"host", "h"}, {"x-amz-date", "20240102T030405Z"},
			{"authorization", bad_headers[i].header}};
		struct sigv4_request r = {"GET", "/", "", headers, 3};
		struct sigv4_claim c;

		assert_int_equal(sigv4_parse(&r, &a, &c, &err), -1);
		assert_string_equal(err_wire_name(&err), bad_headers[i].wire);
	}
}

static void git_passwords(void **state)
{
	struct sigv4_signer s = signer(NULL);
	struct str out CLEANUP_STR = STR_INIT;
	int64_t when;

	(void)state;
	sigv4_git_password(&s, "20150830T123600", "git-codecommit.us-east-1.amazonaws.com",
		"/v1/repos/MyDemoRepo", &out);
	assert_string_equal(str_text(&out), "20150830T123600Z088fec8c788f892e6cb940f22a736b224a5a5"
					    "de18925fa5f02413a1bb215c389");
	assert_true(sigv4_git_verify(&s, str_text(&out),
		"git-codecommit.us-east-1.amazonaws.com:8080", "/v1/repos/MyDemoRepo", &when));
	assert_false(
		sigv4_git_verify(&s, str_text(&out), "elsewhere", "/v1/repos/MyDemoRepo", &when));
	assert_false(sigv4_git_verify(&s, str_text(&out), "git-codecommit.us-east-1.amazonaws.com",
		"/v1/repos/Other", &when));
	assert_false(sigv4_git_verify(&s, "short", "h", "/", &when));
	assert_true(sigv4_git_verify(&s,
		"20150830T123600Z9e09280c8cb69094fa2536b305cb1f3b67b62408a982122fc8383cf40f0d4b1e",
		"git.example.test:8443", "/v1/repos/MyDemoRepo", &when));
	assert_int_equal(when, INT64_C(1440938160000000));
}

static void signing_fills_in_the_header(void **state)
{
	struct sigv4_signer s = signer(NULL);
	struct strv lines CLEANUP_STRV = {0};

	(void)state;
	assert_int_equal(sigv4_sign(&s, "GET", "http://h", SIGV4_EMPTY_HASH, &lines, NULL), 0);
	assert_non_null(
		strstr(auth_of(&lines), "SignedHeaders=host;x-amz-content-sha256;x-amz-date,"));
	assert_int_equal(sigv4_sign(&s, "GET", "nonsense", SIGV4_EMPTY_HASH, &lines, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_form),
		cmocka_unit_test(session_token_is_signed),
		cmocka_unit_test(presigned_form),
		cmocka_unit_test(chunks),
		cmocka_unit_test(what_is_signed_here_verifies_here),
		cmocka_unit_test(malformed_headers_say_so),
		cmocka_unit_test(git_passwords),
		cmocka_unit_test(signing_fills_in_the_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
