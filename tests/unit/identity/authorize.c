/* SPDX-License-Identifier: Apache-2.0 */
/* How the kinds of policies decide together: one row a rule of the evaluation logic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "identity/engine.h"

#define V "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":"
#define ALLOW V "\"Allow\",\"Action\":\"s3:Get*\",\"Resource\":\"*\"}}"
#define OTHER V "\"Allow\",\"Action\":\"s3:Put*\",\"Resource\":\"*\"}}"
#define DENY V "\"Deny\",\"Action\":\"s3:*\",\"Resource\":\"*\"}}"
#define BUCKET(effect, who)                                                                     \
	V "\"" effect "\",\"Action\":\"s3:*\",\"Resource\":\"*\",\"Principal\":{\"AWS\":\"" who \
	  "\"}}}"
#define ACCOUNT "111122223333"
#define ROLE "arn:aws:iam::" ACCOUNT ":role/r"
#define SESSION "arn:aws:sts::" ACCOUNT ":assumed-role/r/s"

static const struct {
	bool root;
	const char *own, *boundary, *session, *resource;
	const char *kind; /* what denies; NULL: allowed */
	bool explicitly;
} rows[] = {
	{false, OTHER, NULL, NULL, NULL, "identity-based policy", false},
	{false, ALLOW, NULL, NULL, NULL, NULL, false},
	{false, DENY, NULL, NULL, NULL, "an identity-based policy", true},
	/* the boundary and the session's policies only narrow */
	{false, ALLOW, OTHER, NULL, NULL, "permissions boundary", false},
	{false, OTHER, ALLOW, ALLOW, NULL, "identity-based policy", false},
	{false, ALLOW, ALLOW, OTHER, NULL, "session policy", false},
	{false, ALLOW, ALLOW, ALLOW, NULL, NULL, false},
	{false, ALLOW, DENY, NULL, NULL, "a permissions boundary", true},
	{false, ALLOW, ALLOW, DENY, NULL, "a session policy", true},
	/* within the account, the resource's policy is enough */
	{false, OTHER, NULL, NULL, BUCKET("Allow", ACCOUNT), NULL, false},
	{false, OTHER, NULL, NULL, BUCKET("Allow", ROLE), NULL, false},
	{false, OTHER, OTHER, NULL, BUCKET("Allow", ROLE), "permissions boundary", false},
	{false, OTHER, NULL, OTHER, BUCKET("Allow", ROLE), "session policy", false},
	/* naming the session itself passes by boundary and session policy, but for their denies */
	{false, OTHER, OTHER, OTHER, BUCKET("Allow", SESSION), NULL, false},
	{false, OTHER, DENY, OTHER, BUCKET("Allow", SESSION), "a permissions boundary", true},
	{false, ALLOW, NULL, NULL, BUCKET("Deny", "*"), "a resource-based policy", true},
	/* root is only held back by a deny of the resource */
	{true, NULL, NULL, NULL, NULL, NULL, false},
	{true, NULL, NULL, NULL, BUCKET("Allow", ROLE), NULL, false},
	{true, NULL, NULL, NULL, BUCKET("Deny", "*"), "a resource-based policy", true},
	/* a session without a role has its own policy only */
	{false, NULL, NULL, ALLOW, NULL, NULL, false},
	{false, NULL, NULL, OTHER, NULL, "session policy", false},
};

static struct policy *parse(const char *text, enum policy_use use, struct arena *a)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	struct policy *p = NULL;

	if (text && policy_parse(view_of(text), use, a, &p, &err) < 0)
		fail_msg("%s: %s", text, err_message(&err));
	return p;
}

static void kinds_of_policies_decide_together(void **state)
{
	struct policy_request r = {.action = "s3:GetObject",
		.resource = "arn:aws:s3:::b/k",
		.principal = SESSION,
		.role = ROLE};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct arena a CLEANUP_ARENA = ARENA_INIT;
		struct policy *own = parse(rows[i].own, POLICY_IDENTITY, &a);
		struct policy *session = parse(rows[i].session, POLICY_IDENTITY, &a);
		struct policy *resource = parse(rows[i].resource, POLICY_RESOURCE, &a);
		struct identity_policies mine = {.v = &own, .n = 1};
		struct identity_evaluation v = {
			.own = own ? &mine : NULL,
			.root = rows[i].root,
			.session = &session,
			.n_session = session ? 1 : 0,
			.has_session = session != NULL,
			.resource = &resource,
			.n_resource = resource ? 1 : 0,
		};
		struct identity_verdict verdict;

		mine.boundary = parse(rows[i].boundary, POLICY_IDENTITY, &a);
		verdict = identity_decide(&v, &r);
		if (verdict.allowed != !rows[i].kind || verdict.explicitly != rows[i].explicitly ||
			!streq(verdict.kind, rows[i].kind))
			fail_msg("row %zu: %s", i, verdict.kind ? verdict.kind : "allowed");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_of_policies_decide_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
