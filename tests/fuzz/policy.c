/* SPDX-License-Identifier: Apache-2.0 */
/* Policy documents: parsed for every use; what parses answers any request without falling over. */
#include "base/mem.h"
#include "identity/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct policy_key keys[] = {
	{"aws:username", "ann*?"},
	{"aws:SourceIp", "10.1.2.3"},
	{"aws:CurrentTime", "2026-01-01T00:00:00Z"},
	{"codecommit:References", "refs/heads/main"},
	{"many", "a"},
	{"many", "b"},
	{"size", "9.5"},
};

static void ask(const struct policy *p, const char *action, const char *resource)
{
	struct policy_request r = {
		.action = action,
		.resource = resource,
		.principal = "arn:aws:iam::111122223333:user/ann",
		.keys = keys,
		.n_keys = ARRAY_SIZE(keys),
	};
	enum policy_answer first = policy_evaluate(p, &r);

	if (policy_evaluate(p, &r) != first)
		BUG("the same question got two answers");
	r.service = "codebuild.amazonaws.com";
	(void)policy_evaluate(p, &r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int use = POLICY_IDENTITY; use <= POLICY_RESOURCE; use++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		CLEANUP_ERR struct err err = ERR_INIT;
		struct policy *p;

		if (policy_parse((struct view){(const char *)data, size}, (enum policy_use)use, &a,
			    &p, &err) < 0) {
			if (err.kind == ERR_NONE)
				BUG("a refusal without a reason");
			continue;
		}
		ask(p, "codecommit:GitPush", "arn:aws:codecommit:us-east-1:111122223333:shop");
		ask(p, "s3:GetObject", "arn:aws:s3:::home/ann*?/x:y/z");
		ask(p, "sts:AssumeRole", "*");
	}
	return 0;
}
