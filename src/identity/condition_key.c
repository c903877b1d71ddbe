/* SPDX-License-Identifier: Apache-2.0 */
/* The condition keys of a request: what is known of who asks, whether a caller or a service, and of
 * how it was asked. */
#include "base/timefmt.h"
#include "identity/engine.h"
#include "identity/policy_match.h"

const char *const *identity_conditions_add(
	const char *const *conditions, const char *key, const char *value, struct arena *a)
{
	const char **all;
	size_t n = 0;

	while (conditions && conditions[n])
		n++;
	all = arena_new_n(a, n + 3, const char *);
	if (n)
		memcpy(all, conditions, n * sizeof(*all));
	all[n] = key;
	all[n + 1] = value;
	return all;
}

void identity_key_add(identity_keys *keys, const char *name, const char *value)
{
	if (value)
		vec_push(keys, (struct policy_key){name, value, policy_hash_name(view_of(name))});
}

/* Tags of the user or role; those of the session stand before them. */
static void add_tags(identity_keys *keys, const struct identity_principal *who,
	const struct identity_policies *own, struct arena *a)
{
	const struct towpath_identity_session *s = who->session;

	for (size_t i = 0; s && i < s->tags.n; i++)
		identity_key_add(keys, arena_printf(a, "aws:PrincipalTag/%s", s->tags.v[i].key),
			s->tags.v[i].value);
	for (size_t i = 0; own && own->tags && i < own->tags->n; i++) {
		const char *name = arena_printf(a, "aws:PrincipalTag/%s", own->tags->v[i].key);
		struct policy_request r = {.keys = keys->v, .n_keys = keys->n};

		if (policy_key_count(&r, view_of(name), policy_hash_name(view_of(name)), NULL) == 0)
			identity_key_add(keys, name, own->tags->v[i].value);
	}
}

static void add_session(
	identity_keys *keys, const struct towpath_identity_session *s, struct arena *a)
{
	if (!s)
		return;
	if (s->issued.set)
		identity_key_add(keys, "aws:TokenIssueTime",
			arena_strdup(a, timefmt_iso(s->issued.usec).text));
	identity_key_add(keys, "aws:MultiFactorAuthPresent", "false");
	identity_key_add(keys, "aws:SourceIdentity", s->source_identity);
	identity_key_add(keys, "aws:FederatedProvider", s->federated);
	identity_key_add(keys, "aws:CalledVia", s->invoked_by);
	identity_key_add(keys, "aws:CalledViaFirst", s->invoked_by);
	identity_key_add(keys, "aws:CalledViaLast", s->invoked_by);
	for (size_t i = 0; i + 1 < s->keys.n; i += 2)
		identity_key_add(keys, s->keys.v[i], s->keys.v[i + 1]);
}

static void add_principal(identity_keys *keys, const struct identity_principal *who,
	const struct identity_policies *own)
{
	static const char *const types[] = {
		[IDENTITY_ROOT] = "Account",
		[IDENTITY_USER] = "User",
		[IDENTITY_SESSION] = "AssumedRole",
	};

	identity_key_add(keys, "aws:PrincipalType", types[who->kind]);
	identity_key_add(keys, "aws:userid", who->id);
	identity_key_add(keys, "aws:PrincipalIsAWSService", "false");
	/* a session's PrincipalArn is its role's */
	identity_key_add(keys, "aws:PrincipalArn", own && own->arn ? own->arn : who->arn);
	if (who->kind == IDENTITY_USER)
		identity_key_add(keys, "aws:username", identity_arn_name(who->arn));
}

/* What is known of every request. */
static void add_request(
	struct identity_engine *e, bool secure, struct arena *a, identity_keys *keys)
{
	int64_t now = durable_now(e->durable);

	identity_key_add(keys, "aws:CurrentTime", arena_strdup(a, timefmt_iso(now).text));
	identity_key_add(
		keys, "aws:EpochTime", arena_printf(a, "%lld", (long long)(now / USEC_PER_SEC)));
	identity_key_add(keys, "aws:SecureTransport", secure ? "true" : "false");
	identity_key_add(keys, "aws:RequestedRegion", e->region);
	identity_key_add(keys, "aws:ResourceAccount", e->account);
}

static void add_pairs(identity_keys *keys, const char *const *pairs)
{
	for (size_t i = 0; pairs && pairs[i]; i += 2)
		identity_key_add(keys, pairs[i], pairs[i + 1]);
}

void identity_caller_keys(struct identity_engine *e, const struct identity_principal *who,
	const struct identity_policies *own, const struct identity_question *q, struct arena *a,
	identity_keys *keys)
{
	bool via = who && who->session && who->session->invoked_by;

	add_pairs(keys, q->conditions);
	add_request(e, q->secure, a, keys);
	identity_key_add(keys, "aws:SourceIp", q->source_ip);
	identity_key_add(keys, "aws:UserAgent", q->user_agent);
	identity_key_add(keys, "aws:Referer", q->referer);
	identity_key_add(keys, "aws:ViaAWSService", via ? "true" : "false");
	if (!who)
		return;
	identity_key_add(keys, "aws:PrincipalAccount", e->account);
	add_principal(keys, who, own);
	add_tags(keys, who, own, a);
	add_session(keys, who->session, a);
}

void identity_service_keys(struct identity_engine *e, const struct identity_actor *who,
	struct arena *a, identity_keys *keys)
{
	add_pairs(keys, who->keys);
	add_request(e, true, a, keys);
	identity_key_add(keys, "aws:PrincipalIsAWSService", "true");
	identity_key_add(keys, "aws:PrincipalServiceName", who->service);
	identity_key_add(keys, "aws:PrincipalServiceNamesList", who->service);
	/* what a service acts for is always of this account */
	identity_key_add(keys, "aws:SourceAccount", e->account);
	identity_key_add(keys, "aws:SourceArn", who->source_arn);
}
