/* SPDX-License-Identifier: Apache-2.0 */
/* Assuming a role: what its trust policy says, what the caller may, and what the session is given.
 */
#include <strings.h>

#include "identity/engine.h"

#define DEFAULT_SEC 3600
#define CHAINED_SEC 3600
#define MAX_PACKED 2048
#define MAX_TAGS 50
#define MAX_POLICIES 10

/* ---- roles ---- */

struct load_role {
	const char *owner;
	struct arena *a;
	struct iam_role *role;
	int found;
};

static int load_role(struct db_tx *tx, void *arg, struct err *err)
{
	struct load_role *l = arg;

	l->found = store_document_get(tx, &STORE_IAM_ROLE, l->owner, l->a, l->role, err);
	return l->found < 0 ? -1 : 0;
}

int identity_load_role(struct identity_engine *e, const char *arn, struct arena *a,
	struct iam_role *ret, struct err *err)
{
	struct load_role l = {identity_owner(a, "role", identity_arn_name(arn)), a, ret, 0};

	if (db_read(durable_db(e->durable), load_role, &l, err) < 0)
		return -1;
	return l.found && streq(ret->arn, arn);
}

/* ---- may it be assumed ---- */

/* What the request itself says. */
static void add_request(const struct identity_assume *q, struct arena *a, identity_keys *keys)
{
	identity_key_add(keys, "sts:ExternalId", q->external_id);
	identity_key_add(keys, "sts:RoleSessionName", q->session_name);
	identity_key_add(keys, "sts:SourceIdentity", q->source_identity);
	for (size_t i = 0; q->tags && i < q->tags->n; i++) {
		identity_key_add(keys, "aws:TagKeys", q->tags->v[i].key);
		identity_key_add(keys, arena_printf(a, "aws:RequestTag/%s", q->tags->v[i].key),
			q->tags->v[i].value);
	}
	for (size_t i = 0; q->transitive && i < q->transitive->n; i++)
		identity_key_add(keys, "sts:TransitiveTagKeys", q->transitive->v[i]);
	for (size_t i = 0; i < q->n_keys; i++)
		vec_push(keys, q->keys[i]);
}

/* The same as a question has them. */
static const char *const *as_conditions(const identity_keys *keys, struct arena *a)
{
	const char **v = arena_new_n(a, 2 * keys->n + 1, const char *);

	for (size_t i = 0; i < keys->n; i++) {
		v[2 * i] = keys->v[i].name;
		v[2 * i + 1] = keys->v[i].value;
	}
	return v;
}

static int not_trusted(
	const struct identity_assume *q, const char *action, bool explicitly, struct err *err)
{
	struct identity_verdict verdict = {
		.explicitly = explicitly,
		.kind = explicitly ? "the role trust policy" : "role trust policy",
	};
	struct policy_request r = {.action = action, .resource = q->role_arn};

	if (q->caller)
		return identity_denied(q->caller->arn, &r, &verdict, err);
	return err_set(err, ERR_DENIED, "Not authorized to perform %s", action);
}

/* What the trust policy says of the caller, or of whom the provider knows. */
static int ask_trust(struct identity_engine *e, const struct identity_assume *q,
	const struct identity_question *question, const struct policy *trust, struct arena *a,
	enum policy_answer *ret, struct err *err)
{
	struct identity_policies *own CLEANUP(identity_policies_release) = NULL;
	const struct identity_principal *who = q->caller;
	struct policy_request r = {
		.action = question->action,
		.resource = q->role_arn,
		.principal = who ? who->arn : NULL,
		.federated = q->federated,
	};
	identity_keys keys = {0};

	if (who && who->owner && identity_policies_get(e, who->owner, &own, err) < 0)
		return -1;
	if (own && who->kind == IDENTITY_SESSION)
		r.role = own->arn;
	identity_caller_keys(e, who, own, question, a, &keys);
	identity_key_add(&keys, "aws:FederatedProvider", q->federated);
	r.keys = keys.v;
	r.n_keys = keys.n;
	*ret = policy_evaluate(trust, &r);
	vec_release(&keys);
	return 0;
}

/* The trust policy must allow it. Where it only names the account (or everybody), the caller's own
 * policies must as well; where it names the caller or the caller's role, it counts as the policies
 * of other resources do: nothing may deny it, and what narrows a role's sessions narrows this, too.
 */
static int check_action(struct identity_engine *e, struct call *call,
	const struct identity_assume *q, const struct iam_role *role, const struct policy *trust,
	const char *action, struct err *err)
{
	identity_keys said = {0};
	struct identity_question question = {.action = action,
		.resources = &q->role_arn,
		.n_resources = 1,
		.source_ip = call->source_ip,
		.user_agent = call->user_agent,
		.secure = call->endpoint && starts_with(call->endpoint, "https:")};
	enum policy_answer answer;

	add_request(q, call->arena, &said);
	question.conditions = as_conditions(&said, call->arena);
	vec_release(&said);
	if (ask_trust(e, q, &question, trust, call->arena, &answer, err) < 0)
		return -1;
	if (!policy_allows(answer))
		return not_trusted(q, action, answer == POLICY_DENIES, err);
	if (!q->caller)
		return 0;
	if (answer != POLICY_ALLOWS) {
		question.resource_policy = role->assume_role_policy_document;
		question.resource_implied = true;
	}
	return identity_authorize(e, q->caller, &question, err);
}

static int check_trust(struct identity_engine *e, struct call *call,
	const struct identity_assume *q, const struct iam_role *role, struct err *err)
{
	struct policy *trust;

	if (policy_parse(view_of(role->assume_role_policy_document), POLICY_TRUST, call->arena,
		    &trust, err) < 0 ||
		check_action(e, call, q, role, trust, q->action, err) < 0)
		return -1;
	if (q->tags && q->tags->n &&
		check_action(e, call, q, role, trust, "sts:TagSession", err) < 0)
		return -1;
	if (q->source_identity && !q->federated)
		return check_action(e, call, q, role, trust, "sts:SetSourceIdentity", err);
	return 0;
}

/* ---- what the session is given ---- */

static int check_duration(
	const struct identity_assume *q, const struct iam_role *role, struct err *err)
{
	int32_t sec = wire_or(q->duration, DEFAULT_SEC);

	if (sec > wire_or(role->max_session_duration, DEFAULT_SEC))
		return err_set_wire(err, "ValidationError",
			"The requested DurationSeconds exceeds the MaxSessionDuration set for this "
			"role.");
	if (q->chained && sec > CHAINED_SEC)
		return err_set_wire(err, "ValidationError",
			"The requested DurationSeconds exceeds the 1 hour session limit for roles "
			"assumed by role chaining.");
	return 0;
}

/* How much of the room for policies and tags is used, in percent. */
static int check_packed(const struct identity_assume *q, int *ret_percent, struct err *err)
{
	size_t n = q->policy ? strlen(q->policy) : 0;

	for (size_t i = 0; q->policy_arns && i < q->policy_arns->n; i++)
		n += strlen(q->policy_arns->v[i].arn);
	for (size_t i = 0; q->tags && i < q->tags->n; i++)
		n += strlen(q->tags->v[i].key) + strlen(q->tags->v[i].value);
	*ret_percent = (int)((n * 100 + MAX_PACKED - 1) / MAX_PACKED);
	if (n > MAX_PACKED)
		return err_set_wire(err, "PackedPolicyTooLarge",
			"The session's policies and tags take %d %% of the room for them.",
			*ret_percent);
	return 0;
}

/* The managed policies of a session must be there. */
static int find_policies(struct db_tx *tx, void *arg, struct err *err)
{
	const struct identity_assume *q = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;

	wire_foreach (p, q->policy_arns) {
		const char *document;
		int r = identity_managed_document(tx, p->arn ? p->arn : "", &a, &document, err);

		if (r < 0)
			return -1;
		if (!r)
			return err_set_wire(err, "MalformedPolicyDocument",
				"Policy %s does not exist or is not attachable.",
				p->arn ? p->arn : "without an ARN");
	}
	return 0;
}

static int check_policies(struct identity_engine *e, const struct identity_assume *q,
	struct arena *a, struct err *err)
{
	size_t n = q->policy_arns ? q->policy_arns->n : 0;
	struct policy *p;

	if (n > MAX_POLICIES)
		return err_set_wire(err, "ValidationError",
			"A session has at most %d managed policies.", MAX_POLICIES);
	if (n && db_read(durable_db(e->durable), find_policies, (void *)q, err) < 0)
		return -1;
	if (q->tags && q->tags->n > MAX_TAGS)
		return err_set_wire(
			err, "ValidationError", "A session has at most %d tags.", MAX_TAGS);
	return q->policy ? policy_check(view_of(q->policy), POLICY_IDENTITY, a, &p, err) : 0;
}

static bool has_tag(const struct sts_tag_list_type *tags, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(tags->v[i].key, key) == 0)
			return true;
	return false;
}

/* Letter case does not tell keys of tags apart: two that differ in it alone would be one condition
 * key with two values. */
static int check_tags(const struct identity_assume *q, struct err *err)
{
	size_t n = q->tags ? q->tags->n : 0;

	for (size_t i = 0; i < n; i++) {
		if (has_tag(q->tags, i, q->tags->v[i].key))
			return err_set_wire(err, "ValidationError",
				"Duplicate tag keys found. Please note that Tag keys are case "
				"insensitive.");
		if (strncasecmp(q->tags->v[i].key, "aws:", 4) == 0)
			return err_set_wire(err, "ValidationError",
				"aws: prefixed tag key names are not allowed for external use.");
	}
	for (size_t i = 0; q->transitive && i < q->transitive->n; i++)
		if (!has_tag(q->tags, n, q->transitive->v[i]))
			return err_set_wire(err, "ValidationError",
				"The specified transitive tag key must be included in the "
				"requested tags: %s",
				q->transitive->v[i]);
	return 0;
}

/* The caller's transitive tags, then the request's, which may not change those. */
static int fill_tags(const struct identity_assume *q, struct arena *a,
	struct towpath_identity_session *s, struct err *err)
{
	const struct towpath_identity_session *from = q->caller ? q->caller->session : NULL;
	size_t n = q->tags ? q->tags->n : 0, n_keys = q->transitive ? q->transitive->n : 0;

	wire_list_alloc(a, &s->tags, n + (from ? from->tags.n : 0));
	wire_list_alloc(
		a, &s->transitive_tag_keys, n_keys + (from ? from->transitive_tag_keys.n : 0));
	s->tags.n = s->transitive_tag_keys.n = 0;
	for (size_t i = 0; from && i < from->transitive_tag_keys.n; i++) {
		const char *key = from->transitive_tag_keys.v[i];

		s->transitive_tag_keys.v[s->transitive_tag_keys.n++] = key;
		for (size_t k = 0; k < from->tags.n; k++) {
			if (streq(from->tags.v[k].key, key))
				s->tags.v[s->tags.n++] = from->tags.v[k];
		}
		if (has_tag(q->tags, n, key))
			return err_set_wire(err, "ValidationError",
				"One of the specified transitive tag keys can't be set because it "
				"conflicts with a transitive tag key from the calling session: %s",
				key);
	}
	for (size_t i = 0; i < n; i++)
		s->tags.v[s->tags.n++] = (struct towpath_identity_tag){
			.key = q->tags->v[i].key, .value = q->tags->v[i].value};
	for (size_t i = 0; i < n_keys; i++)
		s->transitive_tag_keys.v[s->transitive_tag_keys.n++] = q->transitive->v[i];
	return 0;
}

static void fill_policy_arns(
	const struct identity_assume *q, struct arena *a, struct towpath_identity_session *s)
{
	if (!q->policy_arns || !q->policy_arns->n)
		return;
	wire_list_alloc(a, &s->policy_arns, q->policy_arns->n);
	for (size_t i = 0; i < q->policy_arns->n; i++)
		s->policy_arns.v[i] = q->policy_arns->v[i].arn;
}

static int make_session(struct identity_engine *e, struct call *call,
	const struct identity_assume *q, const struct iam_role *role, struct identity_assumed *ret,
	struct err *err)
{
	struct towpath_identity_session s = {
		.arn = arena_printf(call->arena, "arn:aws:sts::%s:assumed-role/%s/%s", e->account,
			role->role_name, q->session_name),
		.principal_id = arena_printf(call->arena, "%s:%s", role->role_id, q->session_name),
		.owner = identity_owner(call->arena, "role", role->role_name),
		.policy = q->policy,
		.federated = q->federated,
		.source_identity = q->source_identity,
	};
	struct identity_session session;

	if (fill_tags(q, call->arena, &s, err) < 0)
		return -1;
	fill_policy_arns(q, call->arena, &s);
	identity_session_seal(e, &s, wire_or(q->duration, DEFAULT_SEC) * (int64_t)USEC_PER_SEC,
		call->arena, &session);
	ret->user = arena_new(call->arena, struct sts_assumed_role_user);
	ret->user->arn = s.arn;
	ret->user->assumed_role_id = s.principal_id;
	ret->credentials = identity_credentials(&session, call->arena);
	ret->source_identity = s.source_identity;
	return 0;
}

int identity_assume(struct identity_engine *e, struct call *call, const struct identity_assume *q,
	struct identity_assumed *ret, struct err *err)
{
	struct iam_role role;
	int found = identity_load_role(e, q->role_arn, call->arena, &role, err);

	if (found < 0)
		return -1;
	if (!found)
		return not_trusted(q, q->action, false, err);
	if (check_trust(e, call, q, &role, err) < 0 ||
		identity_check_mfa(q->serial_number, q->token_code, err) < 0 ||
		check_duration(q, &role, err) < 0 || check_policies(e, q, call->arena, err) < 0 ||
		check_tags(q, err) < 0 || check_packed(q, &ret->packed_percent, err) < 0)
		return -1;
	return make_session(e, call, q, &role, ret, err);
}

int identity_assume_role(struct identity_engine *e, struct call *call,
	const struct sts_assume_role_request *req, struct sts_assume_role_response *resp,
	struct err *err)
{
	const struct identity_principal *who = call->principal;
	const char *inherited = who->session ? who->session->source_identity : NULL;
	struct identity_assume q = {
		.action = "sts:AssumeRole",
		.role_arn = req->role_arn,
		.session_name = req->role_session_name,
		.policy = req->policy,
		.policy_arns = &req->policy_arns,
		.tags = &req->tags,
		.transitive = &req->transitive_tag_keys,
		.external_id = req->external_id,
		.source_identity = inherited ? inherited : req->source_identity,
		.caller = who,
		.duration = req->duration_seconds,
		.chained = who->kind == IDENTITY_SESSION,
		.serial_number = req->serial_number,
		.token_code = req->token_code,
	};
	struct identity_assumed done = {0};

	if (who->kind == IDENTITY_ROOT)
		return err_set(err, ERR_DENIED, "Roles may not be assumed by root accounts.");
	if (inherited && req->source_identity && !streq(inherited, req->source_identity))
		return err_set(err, ERR_DENIED,
			"The source identity of a session goes along with it and cannot be "
			"changed: %s",
			inherited);
	if (identity_assume(e, call, &q, &done, err) < 0)
		return -1;
	resp->assumed_role_user = done.user;
	resp->credentials = done.credentials;
	resp->packed_policy_size = WIRE_SET_INT(done.packed_percent);
	resp->source_identity = done.source_identity;
	return 0;
}
