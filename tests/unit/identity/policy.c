/* SPDX-License-Identifier: Apache-2.0 */
/* Policy documents: one row a rule of the language. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "identity/policy.h"

#define V "\"Version\":\"2012-10-17\","
#define ALLOW(rest) "{" V "\"Statement\":{\"Effect\":\"Allow\"," rest "}}"
#define REPO "arn:aws:codecommit:us-east-1:111122223333:shop"

static enum policy_answer ask(const char *document, enum policy_use use, struct policy_request *r)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct policy *p;

	if (policy_parse(view_of(document), use, &a, &p, &err) < 0)
		fail_msg("%s: %s", document, err_message(&err));
	return policy_evaluate(p, r);
}

static const struct {
	const char *document, *action, *resource;
	enum policy_answer answer;
} plain[] = {
	{ALLOW("\"Action\":\"*\",\"Resource\":\"*\""), "s3:GetObject", "arn:aws:s3:::b/k",
		POLICY_ALLOWS},
	{ALLOW("\"Action\":\"S3:getobject\",\"Resource\":\"*\""), "s3:GetObject",
		"arn:aws:s3:::b/k", POLICY_ALLOWS},
	{ALLOW("\"Action\":[\"codecommit:Get*\",\"codecommit:Git?ull\"],\"Resource\":\"*\""),
		"codecommit:GitPull", REPO, POLICY_ALLOWS},
	{ALLOW("\"Action\":\"codecommit:Get*\",\"Resource\":\"*\""), "codecommit:GitPush", REPO,
		POLICY_SILENT},
	{ALLOW("\"Action\":\"codecommit:*\",\"Resource\":\"" REPO "\""), "codecommit:GitPush", REPO,
		POLICY_ALLOWS},
	/* ARNs are case sensitive, wildcards stay in their segment */
	{ALLOW("\"Action\":\"codecommit:*\",\"Resource\":\"arn:aws:codecommit:*:*:Shop\""),
		"codecommit:GitPush", REPO, POLICY_SILENT},
	{ALLOW("\"Action\":\"codecommit:*\",\"Resource\":\"arn:aws:codecommit:us-*:*:sh*\""),
		"codecommit:GitPush", REPO, POLICY_ALLOWS},
	{ALLOW("\"Action\":\"codecommit:*\",\"Resource\":\"arn:aws:*:us-east-1:111122223333:"
	       "shop\""),
		"codecommit:GitPush", REPO, POLICY_ALLOWS},
	{ALLOW("\"Action\":\"codecommit:*\",\"Resource\":\"arn:*:1111*:a:b:shop\""),
		"codecommit:GitPush", REPO, POLICY_SILENT},
	{ALLOW("\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::b/*\""), "s3:GetObject",
		"arn:aws:s3:::b/x/y:z", POLICY_ALLOWS},
	{ALLOW("\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::b/*\""), "s3:ListBucket",
		"arn:aws:s3:::b", POLICY_SILENT},
	/* what has no resource needs "*" */
	{ALLOW("\"Action\":\"codecommit:*\",\"Resource\":\"" REPO "\""),
		"codecommit:ListRepositories", "*", POLICY_SILENT},
	{ALLOW("\"Action\":\"codecommit:*\",\"Resource\":[\"" REPO "\",\"*\"]"),
		"codecommit:ListRepositories", "*", POLICY_ALLOWS},
	{ALLOW("\"NotAction\":\"iam:*\",\"Resource\":\"*\""), "s3:GetObject", "arn:aws:s3:::b/k",
		POLICY_ALLOWS},
	{ALLOW("\"NotAction\":\"iam:*\",\"Resource\":\"*\""), "iam:CreateUser",
		"arn:aws:iam::111122223333:user/x", POLICY_SILENT},
	{ALLOW("\"Action\":\"*\",\"NotResource\":\"" REPO "\""), "codecommit:GitPush", REPO,
		POLICY_SILENT},
	{ALLOW("\"Action\":\"*\",\"NotResource\":\"" REPO "\""), "codecommit:GitPush", REPO "2",
		POLICY_ALLOWS},
	{"{" V "\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"},"
	 "{\"Effect\":\"Deny\",\"Action\":\"codecommit:GitPush\",\"Resource\":\"*\"}]}",
		"codecommit:GitPush", REPO, POLICY_DENIES},
	/* variables */
	{ALLOW("\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::home/${aws:username}/*\""),
		"s3:GetObject", "arn:aws:s3:::home/a*b/k", POLICY_ALLOWS},
	{ALLOW("\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::home/${aws:username}/*\""),
		"s3:GetObject", "arn:aws:s3:::home/aXb/k", POLICY_SILENT},
	{ALLOW("\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::home/${aws:missing}/*\""),
		"s3:GetObject", "arn:aws:s3:::home//k", POLICY_SILENT},
	{ALLOW("\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::home/${aws:missing, 'd'}/*\""),
		"s3:GetObject", "arn:aws:s3:::home/d/k", POLICY_ALLOWS},
	{ALLOW("\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::a${*}b\""), "s3:GetObject",
		"arn:aws:s3:::a*b", POLICY_ALLOWS},
	{ALLOW("\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::a${*}b\""), "s3:GetObject",
		"arn:aws:s3:::axb", POLICY_SILENT},
	{"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":"
	 "\"arn:aws:s3:::home/${aws:username}\"}}",
		"s3:GetObject", "arn:aws:s3:::home/a*b", POLICY_SILENT},
};

static void statements_apply(void **state)
{
	struct policy_key keys[] = {{"aws:username", "a*b"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		struct policy_request r = {.action = plain[i].action,
			.resource = plain[i].resource,
			.keys = keys,
			.n_keys = 1};

		if (ask(plain[i].document, POLICY_IDENTITY, &r) != plain[i].answer)
			fail_msg("row %zu: %s", i, plain[i].document);
	}
}

static const struct {
	const char *condition;
	bool holds;
} conditions[] = {
	{"{\"StringEquals\":{\"codecommit:References\":[\"refs/heads/a\",\"refs/heads/main\"]}}",
		true},
	{"{\"StringEquals\":{\"codecommit:references\":\"refs/heads/main\"}}", true},
	{"{\"StringEquals\":{\"codecommit:References\":\"refs/heads/MAIN\"}}", false},
	{"{\"StringEqualsIgnoreCase\":{\"codecommit:References\":\"refs/heads/MAIN\"}}", true},
	{"{\"StringNotEquals\":{\"codecommit:References\":[\"refs/heads/main\",\"x\"]}}", false},
	{"{\"StringNotEquals\":{\"codecommit:References\":[\"y\",\"x\"]}}", true},
	{"{\"StringLike\":{\"codecommit:References\":\"refs/heads/m*\"}}", true},
	{"{\"StringNotLike\":{\"codecommit:References\":\"refs/heads/m*\"}}", false},
	/* a character is one, however many bytes it has */
	{"{\"StringLike\":{\"unicode\":\"?b?\"}}", true},
	{"{\"StringLike\":{\"unicode\":\"*??\"}}", true},
	{"{\"StringLike\":{\"unicode\":\"????\"}}", false},
	/* absent keys */
	{"{\"StringEquals\":{\"none\":\"x\"}}", false},
	{"{\"StringNotEquals\":{\"none\":\"x\"}}", true},
	{"{\"StringEqualsIfExists\":{\"none\":\"x\"}}", true},
	{"{\"StringEqualsIfExists\":{\"codecommit:References\":\"x\"}}", false},
	{"{\"Null\":{\"none\":\"true\"}}", true},
	{"{\"Null\":{\"none\":\"false\"}}", false},
	{"{\"Null\":{\"codecommit:References\":false}}", true},
	/* the usual way to protect a branch */
	{"{\"StringEqualsIfExists\":{\"codecommit:References\":[\"refs/heads/main\"]},"
	 "\"Null\":{\"codecommit:References\":\"false\"}}",
		true},
	/* several values */
	{"{\"StringEquals\":{\"many\":\"a\"}}", false},
	{"{\"ForAnyValue:StringEquals\":{\"many\":\"a\"}}", true},
	{"{\"ForAnyValue:StringEquals\":{\"many\":\"c\"}}", false},
	{"{\"ForAnyValue:StringNotEquals\":{\"many\":\"a\"}}", true},
	{"{\"ForAnyValue:StringEquals\":{\"none\":\"a\"}}", false},
	{"{\"ForAllValues:StringEquals\":{\"many\":[\"a\",\"b\",\"c\"]}}", true},
	{"{\"ForAllValues:StringEquals\":{\"many\":[\"a\"]}}", false},
	{"{\"ForAllValues:StringEquals\":{\"none\":[\"a\"]}}", true},
	/* numbers, times, booleans, addresses, ARNs */
	{"{\"NumericLessThan\":{\"size\":10}}", true},
	{"{\"NumericLessThanEquals\":{\"size\":\"9.5\"}}", true},
	{"{\"NumericGreaterThan\":{\"size\":\"9.5\"}}", false},
	{"{\"NumericEquals\":{\"size\":\"9.50\"}}", true},
	{"{\"NumericNotEquals\":{\"size\":\"9.50\"}}", false},
	{"{\"NumericEquals\":{\"many\":\"a\"}}", false},
	{"{\"DateLessThan\":{\"aws:CurrentTime\":\"2026-01-02T00:00:00Z\"}}", true},
	{"{\"DateGreaterThan\":{\"aws:CurrentTime\":\"1767225600\"}}", false},
	{"{\"DateGreaterThanEquals\":{\"aws:CurrentTime\":\"1767225600\"}}", true},
	/* the shorter forms of dates */
	{"{\"DateGreaterThan\":{\"aws:CurrentTime\":\"2025-12-31\"}}", true},
	{"{\"DateGreaterThan\":{\"aws:CurrentTime\":\"2026-01-02\"}}", false},
	{"{\"DateEquals\":{\"aws:CurrentTime\":\"2026-01\"}}", true},
	{"{\"DateEquals\":{\"aws:CurrentTime\":\"2026-01-01T01:00+01:00\"}}", true},
	{"{\"DateLessThan\":{\"aws:CurrentTime\":\"2026-01-01T00:01Z\"}}", true},
	{"{\"Bool\":{\"aws:SecureTransport\":\"FALSE\"}}", true},
	{"{\"Bool\":{\"aws:SecureTransport\":true}}", false},
	{"{\"IpAddress\":{\"aws:SourceIp\":\"10.1.0.0/16\"}}", true},
	{"{\"IpAddress\":{\"aws:SourceIp\":[\"10.2.0.0/16\",\"10.1.2.3\"]}}", true},
	{"{\"IpAddress\":{\"aws:SourceIp\":\"10.1.2.0/31\"}}", false},
	{"{\"NotIpAddress\":{\"aws:SourceIp\":\"10.1.0.0/16\"}}", false},
	{"{\"IpAddress\":{\"v6\":\"2001:db8::/33\"}}", true},
	{"{\"ArnLike\":{\"arn\":\"arn:aws:*:us-east-1:*:sh?p\"}}", true},
	{"{\"ArnEquals\":{\"arn\":\"arn:aws:codecommit:*:shop\"}}", false},
	{"{\"ArnNotLike\":{\"arn\":\"arn:aws:codecommit:*:*:shop\"}}", false},
	/* all operators and keys must hold */
	{"{\"StringEquals\":{\"one\":\"1\",\"size\":\"9.5\"}}", true},
	{"{\"StringEquals\":{\"one\":\"1\",\"size\":\"9\"}}", false},
	{"{\"StringEquals\":{\"one\":\"1\"},\"Bool\":{\"aws:SecureTransport\":\"true\"}}", false},
	{"{\"StringEquals\":{\"same\":\"${one}\"}}", true},
	{"{\"StringLike\":{\"same\":\"${none}*\"}}", false},
	{"{\"StringLike\":{\"same\":\"${none, '1'}\"}}", true},
	{"{\"StringLike\":{\"same\":\"${many}*\"}}", false}, /* several values are none */
	{"{\"StringLike\":{\"codecommit:References\":\"${wild}\"}}", false}, /* "\001" is no "*" */
	{"{\"Bool\":{\"aws:SecureTransport\":\"${secure}\"}}", true},
	/* IfExists with every kind of operator, and with sets */
	{"{\"NumericLessThanIfExists\":{\"none\":\"1\"}}", true},
	{"{\"DateLessThanIfExists\":{\"none\":\"2020-01-01T00:00:00Z\"}}", true},
	{"{\"BoolIfExists\":{\"none\":\"true\"}}", true},
	{"{\"IpAddressIfExists\":{\"none\":\"10.0.0.0/8\"}}", true},
	{"{\"ArnLikeIfExists\":{\"none\":\"arn:aws:s3:::b\"}}", true},
	{"{\"ForAnyValue:StringEqualsIfExists\":{\"none\":\"a\"}}", true},
	{"{\"ForAnyValue:StringLike\":{\"many\":\"b*\"}}", true},
	{"{\"ForAllValues:StringNotEquals\":{\"many\":[\"c\",\"d\"]}}", true},
	{"{\"ForAllValues:StringNotEquals\":{\"many\":[\"a\",\"d\"]}}", false},
	{"{\"StringNotEquals\":{\"many\":[\"c\"]}}", true},
	{"{\"BinaryEquals\":{\"binary\":\"QmluYXJ5\"}}", true},
	{"{\"BinaryEquals\":{\"binary\":\"qmluYXJ5\"}}", false},
	{"{\"IpAddress\":{\"aws:SourceIp\":\"10.1.0.0/x\"}}", false},
	{"{\"IpAddress\":{\"aws:SourceIp\":\"::/0\"}}", false},
};

static void conditions_hold(void **state)
{
	struct policy_key keys[] = {
		{"codecommit:References", "refs/heads/main"},
		{"many", "a"},
		{"many", "b"},
		{"size", "9.5"},
		{"one", "1"},
		{"same", "1"},
		{"aws:CurrentTime", "2026-01-01T00:00:00Z"},
		{"aws:SecureTransport", "false"},
		{"aws:SourceIp", "10.1.2.3"},
		{"v6", "2001:db8::1"},
		{"arn", REPO},
		{"wild", "refs/heads/\001"},
		{"secure", "false"},
		{"binary", "QmluYXJ5"},
		{"unicode", "\xc3\xbc"
			    "b\xe4\xb8\xad"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
		char *document CLEANUP(freep) =
			xasprintf(ALLOW("\"Action\":\"codecommit:GitPush\",\"Resource\":\"*\","
					"\"Condition\":%s"),
				conditions[i].condition);
		struct policy_request r = {.action = "codecommit:GitPush",
			.resource = REPO,
			.keys = keys,
			.n_keys = ARRAY_SIZE(keys)};

		if ((ask(document, POLICY_IDENTITY, &r) == POLICY_ALLOWS) != conditions[i].holds)
			fail_msg("row %zu: %s", i, conditions[i].condition);
	}
}

#define TRUST(who) ALLOW("\"Action\":\"sts:AssumeRole\",\"Principal\":" who)
#define NOT_TRUST(who) \
	"{" V "\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"sts:*\",\"NotPrincipal\":" who "}}"

#define ACCOUNT "111122223333"
#define USER "arn:aws:iam::" ACCOUNT ":user/x"
#define ROLE "arn:aws:iam::" ACCOUNT ":role/r"
#define SESSION "arn:aws:sts::" ACCOUNT ":assumed-role/r/s"
#define PROVIDER "arn:aws:iam::" ACCOUNT ":oidc-provider/token.example"

static const struct {
	const char *document;
	struct policy_request who;
	enum policy_answer answer;
} trusts[] = {
	{TRUST("{\"Service\":\"codebuild.amazonaws.com\"}"), {.service = "codebuild.amazonaws.com"},
		POLICY_ALLOWS_CALLER},
	{TRUST("{\"Service\":[\"a\",\"codebuild.amazonaws.com\"]}"),
		{.service = "codebuild.amazonaws.com"}, POLICY_ALLOWS_CALLER},
	{TRUST("{\"Service\":\"codedeploy.amazonaws.com\"}"),
		{.service = "codebuild.amazonaws.com"}, POLICY_SILENT},
	{TRUST("{\"Federated\":\"" PROVIDER "\"}"), {.federated = PROVIDER}, POLICY_ALLOWS_CALLER},
	{TRUST("{\"Federated\":\"" PROVIDER "\"}"), {.federated = PROVIDER "2"}, POLICY_SILENT},
	{TRUST("{\"Federated\":\"" PROVIDER "\"}"), {.principal = USER}, POLICY_SILENT},
	{TRUST("\"*\""), {.principal = USER}, POLICY_ALLOWS},
	{TRUST("{\"AWS\":\"*\"}"), {.principal = USER}, POLICY_ALLOWS},
	{TRUST("{\"AWS\":\"" ACCOUNT "\"}"), {.principal = USER}, POLICY_ALLOWS},
	{TRUST("{\"AWS\":\"arn:aws:iam::" ACCOUNT ":root\"}"), {.principal = USER}, POLICY_ALLOWS},
	{TRUST("{\"AWS\":\"arn:aws:iam::444455556666:root\"}"), {.principal = USER}, POLICY_SILENT},
	{TRUST("{\"AWS\":[\"" USER "y\",\"" USER "\"]}"), {.principal = USER},
		POLICY_ALLOWS_CALLER},
	{TRUST("{\"AWS\":\"" USER "y\"}"), {.principal = USER}, POLICY_SILENT},
	{TRUST("{\"AWS\":\"" ROLE "\"}"), {.principal = SESSION, .role = ROLE}, POLICY_ALLOWS_ROLE},
	{TRUST("{\"AWS\":[\"" ROLE "\",\"" SESSION "\"]}"), {.principal = SESSION, .role = ROLE},
		POLICY_ALLOWS_CALLER},
	{TRUST("{\"AWS\":\"" ROLE "\"}"), {.principal = USER}, POLICY_SILENT},
	/* all but those named */
	{NOT_TRUST("{\"AWS\":[\"" USER "\"]}"), {.principal = USER}, POLICY_SILENT},
	{NOT_TRUST("{\"AWS\":[\"" USER "\"]}"), {.principal = USER "y"}, POLICY_DENIES},
	/* the account beside them leaves out nobody else */
	{NOT_TRUST("{\"AWS\":[\"" USER "\",\"arn:aws:iam::" ACCOUNT ":root\"]}"),
		{.principal = USER}, POLICY_SILENT},
	{NOT_TRUST("{\"AWS\":[\"" USER "\",\"arn:aws:iam::" ACCOUNT ":root\"]}"),
		{.principal = USER "y"}, POLICY_DENIES},
	{NOT_TRUST("{\"AWS\":[\"" ROLE "\",\"" ACCOUNT "\"]}"),
		{.principal = SESSION, .role = ROLE}, POLICY_SILENT},
	{NOT_TRUST("{\"AWS\":[\"" ROLE "2\",\"" ACCOUNT "\"]}"),
		{.principal = SESSION, .role = ROLE}, POLICY_DENIES},
	{NOT_TRUST("{\"AWS\":\"" ACCOUNT "\"}"), {.principal = "arn:aws:iam::" ACCOUNT ":root"},
		POLICY_SILENT},
};

static void principals_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(trusts); i++) {
		struct policy_request r = trusts[i].who;

		r.action = "sts:AssumeRole";
		r.resource = ROLE;
		if (ask(trusts[i].document, POLICY_TRUST, &r) != trusts[i].answer)
			fail_msg("row %zu: %s", i, trusts[i].document);
	}
}

#define BUCKET(who, more) \
	ALLOW("\"Action\":\"s3:*\",\"Resource\":\"arn:aws:s3:::b/*\",\"Principal\":" who more)
#define EVERYBODY(condition) BUCKET("\"*\"", ",\"Condition\":{" condition "}")

static const struct {
	const char *document;
	bool is_public;
} openness[] = {
	{BUCKET("\"*\"", ""), true},
	{BUCKET("{\"AWS\":[\"" USER "\",\"*\"]}", ""), true},
	{BUCKET("{\"AWS\":\"" USER "\"}", ""), false},
	{BUCKET("{\"Service\":\"codebuild.amazonaws.com\"}", ""), false},
	{"{" V "\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\","
	 "\"NotPrincipal\":{\"AWS\":\"" USER "\"}}}",
		true},
	{"{" V "\"Statement\":{\"Effect\":\"Deny\",\"Action\":\"s3:*\",\"Resource\":\"*\","
	 "\"Principal\":\"*\"}}",
		false},
	/* known principals, sources and networks are not everybody */
	{EVERYBODY("\"ArnEquals\":{\"aws:PrincipalArn\":\"" ROLE "\"}"), false},
	{EVERYBODY("\"ArnLike\":{\"aws:PrincipalArn\":\"arn:aws:iam::*:role/r\"}"), true},
	{EVERYBODY("\"StringEquals\":{\"AWS:sourceaccount\":\"" ACCOUNT "\"}"), false},
	{EVERYBODY("\"StringEquals\":{\"aws:SourceAccount\":[\"${aws:PrincipalAccount}\"]}"), true},
	{EVERYBODY("\"StringNotEquals\":{\"aws:SourceAccount\":\"" ACCOUNT "\"}"), true},
	{EVERYBODY("\"StringEqualsIfExists\":{\"aws:SourceAccount\":\"" ACCOUNT "\"}"), true},
	{EVERYBODY("\"Null\":{\"aws:SourceAccount\":\"false\"}"), true},
	{EVERYBODY("\"StringEquals\":{\"aws:UserAgent\":\"x\"}"), true},
	{EVERYBODY("\"IpAddress\":{\"aws:SourceIp\":[\"10.0.0.0/8\",\"2001:db8::/32\"]}"), false},
	{EVERYBODY("\"IpAddress\":{\"aws:SourceIp\":[\"10.1.1.1\",\"0.0.0.0/1\"]}"), true},
	{EVERYBODY("\"IpAddress\":{\"aws:SourceIp\":\"2000::/16\"}"), true},
	{EVERYBODY("\"NotIpAddress\":{\"aws:SourceIp\":\"10.1.1.1\"}"), true},
	{EVERYBODY("\"StringEquals\":{\"aws:userid\":\"AIDAX\"}"), false},
	{EVERYBODY("\"StringEquals\":{\"aws:userid\":\"anonymous\"}"), true},
	{EVERYBODY("\"StringEquals\":{\"s3:x-amz-server-side-encryption-aws-kms-key-id\":\"k\"}"),
		true},
};

static void what_lets_in_everybody_is_public(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(openness); i++) {
		struct arena a CLEANUP_ARENA = ARENA_INIT;
		struct err err CLEANUP_ERR = ERR_INIT;
		struct policy *p;

		if (policy_parse(view_of(openness[i].document), POLICY_RESOURCE, &a, &p, &err) < 0)
			fail_msg("row %zu: %s", i, err_message(&err));
		if (policy_is_public(p) != openness[i].is_public)
			fail_msg("row %zu: %s", i, openness[i].document);
	}
}

static void note_key(struct view name, void *arg)
{
	str_add_view(arg, name);
	str_add_c(arg, ' ');
}

static void keys_are_listed(void **state)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct str names CLEANUP_STR = STR_INIT;
	struct policy *p;

	(void)state;
	assert_int_equal(
		policy_parse(view_of(ALLOW("\"Action\":\"s3:*\",\"Resource\":[\"arn:aws:s3:"
					   "::b/${aws:username}/${aws:PrincipalTag/t, "
					   "'x'}${*}\"],\"Condition\":{\"Bool\":{\"aws:"
					   "SecureTransport\":true}}")),
			POLICY_IDENTITY, &a, &p, NULL),
		0);
	policy_each_key(p, note_key, &names);
	assert_string_equal(
		str_text(&names), "aws:SecureTransport aws:username aws:PrincipalTag/t ");
}

static const char *const malformed[] = {
	"",
	"{",
	"[]",
	"{}",
	"{\"Version\":\"2012-10-18\",\"Statement\":[]}",
	"{\"Statement\":[]}",
	"{\"Statement\":[1]}",
	"{\"Statement\":{\"Effect\":\"allow\",\"Action\":\"a:b\",\"Resource\":\"*\"}}",
	"{\"Statement\":{\"Action\":\"a:b\",\"Resource\":\"*\"}}",
	ALLOW("\"Resource\":\"*\""),
	ALLOW("\"Action\":\"a:b\""),
	ALLOW("\"Action\":1,\"Resource\":\"*\""),
	ALLOW("\"Action\":[\"a:b\",1],\"Resource\":\"*\""),
	ALLOW("\"Action\":\"ab\",\"Resource\":\"*\""),
	ALLOW("\"Action\":\"a:b\",\"NotAction\":\"a:b\",\"Resource\":\"*\""),
	ALLOW("\"Action\":\"a:b\",\"Resource\":\"shop\""),
	ALLOW("\"Action\":\"a:b\",\"Resource\":\"arn:aws:s3:b\""),
	ALLOW("\"Action\":\"a:b\",\"Resource\":\"*\",\"Principal\":\"*\""),
	ALLOW("\"Action\":\"a:b\",\"Resource\":\"*\",\"Extra\":1"),
	ALLOW("\"Action\":\"a:b\",\"Resource\":\"*\",\"Condition\":[]"),
	ALLOW("\"Action\":\"a:b\",\"Resource\":\"*\",\"Condition\":{\"StringIs\":{}}"),
	ALLOW("\"Action\":\"a:b\",\"Resource\":\"*\",\"Condition\":{\"Bool\":1}"),
	"{\"Statement\":[{\"Sid\":\"a\",\"Effect\":\"Deny\",\"Action\":\"a:b\",\"Resource\":\"*\"},"
	"{\"Sid\":\"a\",\"Effect\":\"Deny\",\"Action\":\"a:b\",\"Resource\":\"*\"}]}",
};

static void malformed_documents_say_so(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++) {
		struct arena a CLEANUP_ARENA = ARENA_INIT;
		struct err err CLEANUP_ERR = ERR_INIT;
		struct policy *p;

		if (policy_parse(view_of(malformed[i]), POLICY_IDENTITY, &a, &p, &err) == 0)
			fail_msg("row %zu was taken: %s", i, malformed[i]);
		assert_string_equal(err_wire_name(&err), "MalformedPolicyDocument");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_apply),
		cmocka_unit_test(conditions_hold),
		cmocka_unit_test(principals_are_named),
		cmocka_unit_test(what_lets_in_everybody_is_public),
		cmocka_unit_test(keys_are_listed),
		cmocka_unit_test(malformed_documents_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
