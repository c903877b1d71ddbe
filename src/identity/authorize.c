/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a principal may do it: explicit deny first, then the resource's own policy, the
 * principal's policies, its permissions boundary and its session's policies, in the order of the
 * service's evaluation logic within one account. */
#include "identity/engine.h"
#include "identity/policy_match.h"

/* ---- the decision ---- */

static enum policy_answer ask_all(struct policy *const *v, size_t n, const struct policy_request *r)
{
	enum policy_answer answer = POLICY_SILENT;

	for (size_t i = 0; i < n && answer != POLICY_DENIES; i++)
		answer = MAX(answer, policy_evaluate(v[i], r));
	return answer;
}

struct identity_verdict identity_decide(
	const struct identity_evaluation *v, const struct policy_request *r)
{
	const struct policy *boundary = v->own ? v->own->boundary : NULL;
	enum policy_answer own = v->own ? ask_all(v->own->v, v->own->n, r) : POLICY_ALLOWS;
	enum policy_answer resource = ask_all(v->resource, v->n_resource, r);
	enum policy_answer limit = boundary ? policy_evaluate(boundary, r) : POLICY_ALLOWS;
	enum policy_answer session =
		v->has_session ? ask_all(v->session, v->n_session, r) : POLICY_ALLOWS;
	const struct {
		enum policy_answer answer;
		const char *kind;
	} steps[] = {{v->root ? POLICY_ALLOWS : MAX(own, resource), "identity-based policy"},
		{limit, "permissions boundary"}, {session, "session policy"}};

	if (own == POLICY_DENIES)
		return (struct identity_verdict){false, true, "an identity-based policy"};
	if (resource == POLICY_DENIES)
		return (struct identity_verdict){false, true, "a resource-based policy"};
	if (limit == POLICY_DENIES)
		return (struct identity_verdict){false, true, "a permissions boundary"};
	if (session == POLICY_DENIES)
		return (struct identity_verdict){false, true, "a session policy"};
	if (v->root || resource == POLICY_ALLOWS_CALLER)
		return (struct identity_verdict){.allowed = true};
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		if (steps[i].answer == POLICY_SILENT)
			return (struct identity_verdict){false, false, steps[i].kind};
	}
	return (struct identity_verdict){.allowed = true};
}

#define EXPLICITLY "with an explicit deny in"

bool identity_denied_explicitly(const struct err *err)
{
	return err_is(err, ERR_DENIED) && strstr(err_message(err), EXPLICITLY);
}

int identity_denied(const char *arn, const struct policy_request *r,
	const struct identity_verdict *verdict, struct err *err)
{
	bool any = strcmp(r->resource, "*") == 0;
	const char *on = any ? "" : " on resource: ";
	const char *resource = any ? "" : r->resource;

	if (verdict->explicitly)
		return err_set(err, ERR_DENIED,
			"User: %s is not authorized to perform: %s%s%s " EXPLICITLY " %s", arn,
			r->action, on, resource, verdict->kind);
	return err_set(err, ERR_DENIED,
		"User: %s is not authorized to perform: %s%s%s because no %s allows the %s action",
		arn, r->action, on, resource, verdict->kind, r->action);
}

/* ---- session policies ---- */

struct session_documents {
	const struct towpath_identity_session *s;
	struct arena *a;
	const char **v;
	size_t n;
};

static int load_documents(struct db_tx *tx, void *arg, struct err *err)
{
	struct session_documents *d = arg;

	for (size_t i = 0; i < d->s->policy_arns.n; i++) {
		int r = identity_managed_document(
			tx, d->s->policy_arns.v[i], d->a, &d->v[d->n], err);

		if (r < 0)
			return -1;
		d->n += r > 0;
	}
	return 0;
}

/* Parses what the session was given; a managed policy that is gone allows nothing. */
static int load_session(struct identity_engine *e, const struct towpath_identity_session *s,
	struct arena *a, struct identity_evaluation *v, struct err *err)
{
	struct session_documents d = {.s = s, .a = a};
	struct policy **parsed;

	if (!s || (!s->policy && s->policy_arns.n == 0))
		return 0;
	d.v = arena_new_n(a, s->policy_arns.n + 1, const char *);
	if (s->policy_arns.n && db_read(durable_db(e->durable), load_documents, &d, err) < 0)
		return -1;
	if (s->policy)
		d.v[d.n++] = s->policy;
	parsed = arena_new_n(a, d.n + 1, struct policy *);
	for (size_t i = 0; i < d.n; i++) {
		if (policy_parse(view_of(d.v[i]), POLICY_IDENTITY, a, &parsed[i], err) < 0)
			return -1;
	}
	v->has_session = true;
	v->session = parsed;
	v->n_session = d.n;
	return 0;
}

/* ---- the question ---- */

/* Temporary credentials of a user do not reach iam, nor sts but for two operations and what the
 * first of them asks for. */
static int check_temporary(
	const struct identity_principal *who, const char *action, struct err *err)
{
	static const char *const open[] = {"sts:AssumeRole", "sts:GetCallerIdentity",
		"sts:SetSourceIdentity", "sts:TagSession"};
	bool user = who->session && who->kind != IDENTITY_SESSION;

	if (!user || (!starts_with(action, "iam:") && !starts_with(action, "sts:")))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(open); i++)
		if (streq(action, open[i]))
			return 0;
	return err_set(err, ERR_DENIED,
		"User: %s is not authorized to perform: %s with temporary credentials made without "
		"multi-factor authentication",
		who->arn, action);
}

/* The policies that belong to the resource, and those of the account about its kind. */
static int parse_resource(const struct identity_question *q, struct identity_evaluation *v,
	struct arena *a, struct err *err)
{
	const char *const *more = q->account_policies;
	struct policy **parsed;
	size_t n = 0;

	while (more && more[n])
		n++;
	v->resource = parsed = arena_new_n(a, n + 1, struct policy *);
	if (q->resource_policy && policy_parse(view_of(q->resource_policy),
					  q->resource_implied ? POLICY_REPOSITORY : POLICY_RESOURCE,
					  a, &parsed[v->n_resource++], err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (policy_parse(view_of(more[i]), POLICY_RESOURCE, a, &parsed[v->n_resource++],
			    err) < 0)
			return -1;
	return 0;
}

static int prepare(struct identity_engine *e, const struct identity_principal *who,
	const struct identity_question *q, struct identity_evaluation *v, struct arena *a,
	struct err *err)
{
	v->root = who->kind == IDENTITY_ROOT;
	return parse_resource(q, v, a, err) < 0 ? -1 : load_session(e, who->session, a, v, err);
}

/* ---- tags of resources ---- */

void identity_resource_tags(struct identity_engine *e, identity_tags_fn tags_of, void *arg)
{
	e->tags_of = tags_of;
	e->tags_arg = arg;
}

static bool asks_tags(const struct identity_evaluation *v)
{
	bool asks = v->own && v->own->asks_tags;

	for (size_t i = 0; !asks && i < v->n_resource; i++)
		asks = policy_asks_tags(v->resource[i]);
	for (size_t i = 0; !asks && i < v->n_session; i++)
		asks = policy_asks_tags(v->session[i]);
	return asks;
}

/* The services that call the tags of their resources by a name of their own as well. */
static const char *const own_tag_keys[] = {"ecr", "ecs", "iam", "secretsmanager", "ssm"};

struct tagged {
	identity_keys *keys;
	struct arena *a;
	const char *own_key; /* "iam", or NULL */
};

static const char *own_tag_key(const char *arn)
{
	const char *service = arn + strlen("arn:aws:");

	for (size_t i = 0; i < ARRAY_SIZE(own_tag_keys); i++) {
		size_t n = strlen(own_tag_keys[i]);

		if (strncmp(service, own_tag_keys[i], n) == 0 && service[n] == ':')
			return own_tag_keys[i];
	}
	return NULL;
}

static void add_resource_tag(void *to, const char *key, const char *value)
{
	struct tagged *t = to;

	identity_key_add(t->keys, arena_printf(t->a, "aws:ResourceTag/%s", key), value);
	if (t->own_key)
		identity_key_add(
			t->keys, arena_printf(t->a, "%s:ResourceTag/%s", t->own_key, key), value);
}

/* The keys of one resource stand behind the n that all have. */
static void take_tags(struct identity_engine *e, const struct identity_evaluation *v, size_t n,
	struct policy_request *r, struct arena *a, identity_keys *keys)
{
	struct tagged t = {keys, a, NULL};

	keys->n = n;
	if (e->tags_of && asks_tags(v) && starts_with(r->resource, "arn:aws:")) {
		t.own_key = own_tag_key(r->resource);
		e->tags_of(e->tags_arg, r->resource, a, add_resource_tag, &t);
	}
	r->keys = keys->v;
	r->n_keys = keys->n;
}

/* Every one of the resources is asked for; keys holds those of the request. */
static int ask_each(struct identity_engine *e, const struct identity_evaluation *v,
	const struct identity_question *q, struct policy_request *r, struct arena *a,
	identity_keys *keys, struct err *err)
{
	size_t n_keys = keys->n;

	for (size_t i = 0; i < MAX(q->n_resources, (size_t)1); i++) {
		struct identity_verdict verdict;

		r->resource = q->n_resources ? q->resources[i] : "*";
		take_tags(e, v, n_keys, r, a, keys);
		verdict = identity_decide(v, r);
		if (verdict.allowed)
			continue;
		if (!r->principal && !verdict.explicitly)
			verdict.kind = "resource-based policy";
		return identity_denied(
			r->principal ? r->principal : POLICY_ANYBODY, r, &verdict, err);
	}
	return 0;
}

/* Only the resource can let in who is unknown. */
static int authorize_anybody(
	struct identity_engine *e, const struct identity_question *q, struct err *err)
{
	static const struct identity_policies nothing = {0};
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct identity_evaluation v = {.own = &nothing};
	struct policy_request r = {.action = q->action};
	identity_keys keys = {0};
	int result;

	if (parse_resource(q, &v, &a, err) < 0)
		return -1;
	identity_caller_keys(e, NULL, NULL, q, &a, &keys);
	identity_key_add(&keys, "aws:PrincipalType", "Anonymous");
	identity_key_add(&keys, "aws:userid", POLICY_ANYBODY);
	identity_key_add(&keys, "aws:PrincipalIsAWSService", "false");
	result = ask_each(e, &v, q, &r, &a, &keys, err);
	vec_release(&keys);
	return result;
}

int identity_authorize(struct identity_engine *e, const struct identity_principal *who,
	const struct identity_question *q, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct identity_policies *own CLEANUP(identity_policies_release) = NULL;
	struct identity_evaluation v = {0};
	struct policy_request r = {.action = q->action};
	identity_keys keys = {0};
	int result;

	if (!who)
		return authorize_anybody(e, q, err);
	r.principal = who->arn;
	if (check_temporary(who, q->action, err) < 0)
		return -1;
	if (who->kind == IDENTITY_ROOT && !q->resource_policy && !q->account_policies &&
		!who->session)
		return 0;
	if (!who->owner && !(who->session && who->session->policy))
		return err_set(err, ERR_DENIED, "%s has no permissions", who->arn);
	if (who->owner && who->kind != IDENTITY_ROOT &&
		identity_policies_get(e, who->owner, &own, err) < 0)
		return -1;
	if (prepare(e, who, q, &v, &a, err) < 0)
		return -1;
	v.own = own;
	if (own && who->kind == IDENTITY_SESSION)
		r.role = own->arn;
	identity_caller_keys(e, who, own, q, &a, &keys);
	result = ask_each(e, &v, q, &r, &a, &keys, err);
	vec_release(&keys);
	return result;
}
