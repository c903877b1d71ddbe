/* SPDX-License-Identifier: Apache-2.0 */
/* Services that act under a role: what the role lets them do, and credentials for what they start.
 */
#include "crypto/digest.h"
#include "crypto/token.h"
#include "identity/engine.h"

/* The role, which must be there and trust the service. */
static int need_role(struct identity_engine *e, const struct identity_actor *who, struct arena *a,
	struct iam_role *ret, struct err *err)
{
	const char *why = NULL;
	int trusted;

	if (!who->role_arn)
		return err_set(err, ERR_DENIED, "%s has no role to act under", who->service);
	trusted = identity_role_trusts(e, who, a, &why, err);
	if (trusted < 0)
		return -1;
	if (!trusted)
		return err_set(err, ERR_DENIED, "%s", why);
	return identity_load_role(e, who->role_arn, a, ret, err) < 0 ? -1 : 0;
}

/* The session that the service acts in, as a principal. */
static struct towpath_identity_session session_of(struct identity_engine *e,
	const struct identity_actor *who, const struct iam_role *role, struct arena *a)
{
	struct towpath_identity_session s = {
		.arn = arena_printf(a, "arn:aws:sts::%s:assumed-role/%s/%s", e->account,
			role->role_name, who->session_name),
		.principal_id = arena_printf(a, "%s:%s", role->role_id, who->session_name),
		.owner = identity_owner(a, "role", role->role_name),
	};
	size_t n = 0;

	while (who->keys && who->keys[n])
		n++;
	wire_list_alloc(a, &s.keys, n);
	for (size_t i = 0; i < n; i++)
		s.keys.v[i] = who->keys[i];
	return s;
}

int identity_role_may(struct identity_engine *e, const struct identity_actor *who,
	const char *action, const char *resource, const char *resource_policy, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct identity_question q = {
		.action = action,
		.resources = &resource,
		.n_resources = 1,
		.resource_policy = resource_policy,
		.source_ip = who->service,
		.user_agent = who->service,
		.secure = true,
	};
	struct towpath_identity_session s;
	struct identity_principal p = {.kind = IDENTITY_SESSION, .session = &s};
	struct iam_role role;

	if (need_role(e, who, &a, &role, err) < 0)
		return -1;
	s = session_of(e, who, &role, &a);
	s.invoked_by = who->service;
	p.arn = s.arn;
	p.id = s.principal_id;
	p.owner = s.owner;
	return identity_authorize(e, &p, &q, err);
}

int identity_role_session(struct identity_engine *e, const struct identity_actor *who,
	const char *part, int64_t duration_usec, struct arena *a, struct identity_session *ret,
	struct err *err)
{
	struct towpath_identity_session s;
	struct iam_role role;

	if (need_role(e, who, a, &role, err) < 0)
		return -1;
	s = session_of(e, who, &role, a);
	s.part = part;
	s.policy = who->policy;
	identity_session_seal(e, &s, duration_usec, a, ret);
	return 0;
}

/* ---- roles of Towpath's own ---- */

struct ensure_role {
	struct identity_engine *e;
	const char *name, *trust, *policy;
	struct arena a;
	bool made;
};

static int ensure_role(struct db_tx *tx, void *arg, struct err *err)
{
	struct ensure_role *w = arg;
	const char *owner = identity_owner(&w->a, "role", w->name);
	struct towpath_identity_document doc = {.policy_name = w->name, .document = w->policy};
	struct iam_role old, role = {
				     .arn = identity_arn(w->e, &w->a, "role", "/", w->name),
				     .assume_role_policy_document = w->trust,
				     .create_date = WIRE_SET_TIME(durable_now(w->e->durable)),
				     .description = "Made by Towpath",
				     .max_session_duration = WIRE_SET_INT(3600),
				     .path = "/",
				     .role_id = arena_strdup(&w->a, token_unique_id("AROA").text),
				     .role_name = w->name,
			     };
	int r = store_document_get(tx, &STORE_IAM_ROLE, owner, &w->a, &old, err);

	if (r != 0)
		return r < 0 ? -1 : 0;
	w->made = true;
	if (store_document_put(tx, &STORE_IAM_ROLE, owner, "", &role, err) < 0)
		return -1;
	return store_document_put(tx, &STORE_IAM_INLINE,
		arena_printf(&w->a, "%s/%s", owner, w->name), owner, &doc, err);
}

int identity_ensure_role(struct identity_engine *e, const char *name, const char *service,
	const char *policy_json, struct err *err)
{
	struct ensure_role w = {.e = e, .name = name, .policy = policy_json, .a = ARENA_INIT};
	int r;

	w.trust = arena_printf(&w.a,
		"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{"
		"\"Service\":\"%s\"},\"Action\":\"sts:AssumeRole\"}]}",
		service);
	r = db_write(durable_db(e->durable), ensure_role, &w, err);
	if (r == 0 && w.made)
		identity_cache_drop(e); /* I3 */
	arena_release(&w.a);
	return r;
}

/* ---- tickets ---- */

struct seal_key identity_derived_key(const struct identity_engine *e, const char *purpose)
{
	return seal_derive(&e->seal, purpose);
}

static struct digest_value ticket(struct identity_engine *e, const char *context)
{
	struct seal_key key = seal_derive(&e->seal, "towpath ticket");
	struct digest_value mark = digest_of(DIGEST_SHA256, view_of(context));

	return digest_hmac_sha256(
		(struct view){(const char *)key.bytes, sizeof(key.bytes)}, digest_view(&mark));
}

const char *identity_ticket(struct identity_engine *e, const char *context, struct arena *a)
{
	struct digest_value v = ticket(e, context);

	return arena_strdup(a, digest_hex(&v).text);
}

bool identity_ticket_fits(struct identity_engine *e, const char *context, const char *text)
{
	struct digest_value v = ticket(e, context);

	return text && digest_equal(view_of(digest_hex(&v).text), view_of(text));
}
