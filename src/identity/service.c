/* SPDX-License-Identifier: Apache-2.0 */
/* Services as principals: whether a role lets itself be assumed by one, and whether the policy of a
 * resource lets one act on it. Both see what the service acts for (aws:SourceArn). */
#include "identity/engine.h"

/* What a policy says of the service. */
static enum policy_answer ask(struct identity_engine *e, const struct policy *p,
	const struct identity_actor *who, const char *action, const char *resource, struct arena *a)
{
	struct policy_request r = {.action = action, .resource = resource, .service = who->service};
	identity_keys keys = {0};
	enum policy_answer answer;

	identity_service_keys(e, who, a, &keys);
	r.keys = keys.v;
	r.n_keys = keys.n;
	answer = policy_evaluate(p, &r);
	vec_release(&keys);
	return answer;
}

int identity_role_trusts(struct identity_engine *e, const struct identity_actor *who,
	struct arena *a, const char **ret_why, struct err *err)
{
	struct policy *trust;
	struct iam_role role;
	int found = identity_load_role(e, who->role_arn, a, &role, err);

	if (found < 0)
		return -1;
	if (!found) {
		*ret_why = arena_printf(a, "there is no role %s", who->role_arn);
		return 0;
	}
	if (policy_parse(view_of(role.assume_role_policy_document), POLICY_TRUST, a, &trust, err) <
		0)
		return -1;
	if (policy_allows(ask(e, trust, who, "sts:AssumeRole", who->role_arn, a)))
		return 1;
	*ret_why = arena_printf(a, "%s is not authorized to perform: sts:AssumeRole on %s%s%s",
		who->service, who->role_arn, who->source_arn ? " for " : "",
		who->source_arn ? who->source_arn : "");
	return 0;
}

int identity_service_may(struct identity_engine *e, const struct identity_actor *who,
	bool under_role, const char *action, const char *resource, const char *resource_policy,
	struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct identity_verdict verdict = {.kind = "resource-based policy"};
	struct policy_request r = {.action = action, .resource = resource};
	enum policy_answer answer;
	struct policy *p;

	if (policy_parse(view_of(resource_policy), POLICY_RESOURCE, &a, &p, err) < 0)
		return -1;
	answer = ask(e, p, who, action, resource, &a);
	if (answer == POLICY_DENIES)
		verdict = (struct identity_verdict){
			.explicitly = true, .kind = "a resource-based policy"};
	else if (under_role || policy_allows(answer))
		return 0;
	return identity_denied(who->service, &r, &verdict, err);
}
