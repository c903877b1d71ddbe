/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a principal may do it: explicit deny, then an allow of its own policies and of its
 * session's. */
#include "base/timefmt.h"
#include "base/vec.h"
#include "identity/engine.h"

typedef VEC(struct policy_key) key_vec;

static void add_key(key_vec *keys, const char *name, const char *value)
{
	if (value)
		vec_push(keys, (struct policy_key){name, value});
}

static void fill_keys(struct identity_engine *e, const struct identity_principal *who,
	const struct identity_question *q, struct arena *a, key_vec *keys)
{
	static const char *const types[] = {
		[IDENTITY_ROOT] = "Account",
		[IDENTITY_USER] = "User",
		[IDENTITY_SESSION] = "AssumedRole",
	};
	int64_t now = durable_now(e->durable);

	for (size_t i = 0; q->conditions && q->conditions[i]; i += 2)
		add_key(keys, q->conditions[i], q->conditions[i + 1]);
	add_key(keys, "aws:CurrentTime", arena_strdup(a, timefmt_iso(now).text));
	add_key(keys, "aws:EpochTime", arena_printf(a, "%lld", (long long)(now / USEC_PER_SEC)));
	add_key(keys, "aws:SourceIp", q->source_ip);
	add_key(keys, "aws:SecureTransport", "false");
	add_key(keys, "aws:UserAgent", q->user_agent);
	add_key(keys, "aws:RequestedRegion", e->region);
	add_key(keys, "aws:PrincipalAccount", e->account);
	add_key(keys, "aws:PrincipalType", types[who->kind]);
	add_key(keys, "aws:userid", who->id);
	add_key(keys, "aws:PrincipalIsAWSService", "false");
	if (who->kind == IDENTITY_USER)
		add_key(keys, "aws:username", identity_arn_name(who->arn));
}

static enum policy_answer ask_all(const struct identity_policies *p, const struct policy_request *r)
{
	enum policy_answer answer = POLICY_SILENT;

	for (size_t i = 0; i < p->n; i++) {
		enum policy_answer one = policy_evaluate(p->v[i], r);

		if (one == POLICY_DENIES)
			return one;
		if (one == POLICY_ALLOWS)
			answer = one;
	}
	return answer;
}

static int denied(const struct identity_principal *who, const struct policy_request *r,
	const char *kind, bool explicitly, struct err *err)
{
	bool any = strcmp(r->resource, "*") == 0;
	const char *on = any ? "" : " on resource: ";
	const char *resource = any ? "" : r->resource;

	if (explicitly)
		return err_set(err, ERR_DENIED,
			"User: %s is not authorized to perform: %s%s%s with an explicit deny in "
			"%s policy",
			who->arn, r->action, on, resource, kind);
	return err_set(err, ERR_DENIED,
		"User: %s is not authorized to perform: %s%s%s because no %s policy allows the %s "
		"action",
		who->arn, r->action, on, resource, kind, r->action);
}

/* The session policy must allow as well. */
static int ask_session(const struct identity_principal *who, const struct policy_request *r,
	struct arena *a, struct err *err)
{
	struct policy *p;
	enum policy_answer answer;

	if (!who->session_policy)
		return 0;
	if (policy_parse(view_of(who->session_policy), POLICY_IDENTITY, a, &p, err) < 0)
		return -1;
	answer = policy_evaluate(p, r);
	if (answer == POLICY_ALLOWS)
		return 0;
	return denied(who, r, answer == POLICY_DENIES ? "a session" : "session",
		answer == POLICY_DENIES, err);
}

static int ask(const struct identity_principal *who, const struct identity_policies *p,
	const struct policy_request *r, struct arena *a, struct err *err)
{
	enum policy_answer answer;

	if (p) {
		answer = ask_all(p, r);
		if (answer != POLICY_ALLOWS)
			return denied(who, r,
				answer == POLICY_DENIES ? "an identity-based" : "identity-based",
				answer == POLICY_DENIES, err);
	}
	return ask_session(who, r, a, err);
}

int identity_authorize(struct identity_engine *e, const struct identity_principal *who,
	const struct identity_question *q, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct identity_policies *p CLEANUP(identity_policies_release) = NULL;
	struct policy_request r = {.action = q->action, .principal = who->arn};
	key_vec keys = {0};
	int result = 0;

	if (who->kind == IDENTITY_ROOT)
		return 0;
	if (!who->owner && !who->session_policy)
		return err_set(err, ERR_DENIED, "%s has no permissions", who->arn);
	if (who->owner && identity_policies_get(e, who->owner, &p, err) < 0)
		return -1;
	fill_keys(e, who, q, &a, &keys);
	/* a session's PrincipalArn is its role's */
	add_key(&keys, "aws:PrincipalArn", p && p->arn ? p->arn : who->arn);
	r.keys = keys.v;
	r.n_keys = keys.n;
	for (size_t i = 0; result == 0 && i < MAX(q->n_resources, (size_t)1); i++) {
		r.resource = q->n_resources ? q->resources[i] : "*";
		result = ask(who, p, &r, &a, err);
	}
	vec_release(&keys);
	return result;
}
