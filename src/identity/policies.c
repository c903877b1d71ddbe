/* SPDX-License-Identifier: Apache-2.0 */
/* What counts for a user or role: its own policies, inline and attached, those of its groups, and
 * its permissions boundary. */
#include "base/log.h"
#include "base/vec.h"
#include "identity/engine.h"

struct load {
	const char *owner;
	struct identity_policies *p;
	VEC(struct policy *) found;
	VEC(const char *) names, kinds;
	const char *source;   /* whose inline policies are read: user, group or role */
	const char *boundary; /* ARN, or NULL */
};

/* A stored document that no longer parses counts as one that allows nothing. */
static struct policy *parse(struct load *l, const char *document, const char *name)
{
	struct err why CLEANUP_ERR = ERR_INIT;
	struct policy *p;

	if (policy_parse(view_of(document), POLICY_IDENTITY, &l->p->arena, &p, &why) == 0) {
		l->p->asks_tags |= policy_asks_tags(p);
		return p;
	}
	log_err("identity", &why, "the stored policy %s is ignored", name);
	return NULL;
}

static void add(struct load *l, const char *document, const char *name)
{
	struct policy *p = parse(l, document, name);

	if (!p)
		return;
	vec_push(&l->found, p);
	vec_push(&l->names, name);
	vec_push(&l->kinds, starts_with(name, "arn:aws:iam::aws:") ? "aws-managed"
			    : starts_with(name, "arn:")		   ? "user-managed"
								   : l->source);
}

/* Inline and attached policies of a user, role or group. */
static int load_owned(struct db_tx *tx, struct load *l, const char *owner, struct err *err)
{
	struct store_document_filter filter = {.owner = owner};
	struct arena *a = &l->p->arena;
	struct store_documents inlined, attached;
	const char *document;

	if (store_document_list(tx, &STORE_IAM_INLINE, &filter, a, &inlined, err) < 0 ||
		store_document_list(tx, &STORE_IAM_ATTACHED, &filter, a, &attached, err) < 0)
		return -1;
	for (size_t i = 0; i < inlined.n; i++) {
		const struct towpath_identity_document *row = inlined.v[i];

		add(l, row->document, row->policy_name);
	}
	for (size_t i = 0; i < attached.n; i++) {
		const struct iam_attached_policy *row = attached.v[i];
		int r = identity_managed_document(tx, row->policy_arn, a, &document, err);

		if (r < 0)
			return -1;
		if (r > 0)
			add(l, document, row->policy_arn);
	}
	return 0;
}

static int load_groups(struct db_tx *tx, struct load *l, struct err *err)
{
	struct store_document_filter filter = {.owner = l->owner};
	struct store_documents rows;

	if (store_document_list(tx, &STORE_IAM_MEMBER, &filter, &l->p->arena, &rows, err) < 0)
		return -1;
	l->source = "group";
	for (size_t i = 0; i < rows.n; i++) {
		const struct towpath_identity_member *m = rows.v[i];

		if (load_owned(tx, l, identity_owner(&l->p->arena, "group", m->group_name), err) <
			0)
			return -1;
	}
	return 0;
}

/* A boundary that is gone or broken allows nothing. */
static int load_boundary(struct db_tx *tx, struct load *l, struct err *err)
{
	const char *document = NULL;
	int r;

	if (!l->boundary)
		return 0;
	r = identity_managed_document(tx, l->boundary, &l->p->arena, &document, err);
	if (r < 0)
		return -1;
	if (r > 0)
		l->p->boundary = parse(l, document, l->boundary);
	if (!l->p->boundary)
		l->p->boundary = policy_nothing(&l->p->arena);
	return 0;
}

static const char *boundary_arn(const struct iam_attached_permissions_boundary *b)
{
	return b ? b->permissions_boundary_arn : NULL;
}

static int load_user(struct db_tx *tx, struct load *l, struct err *err)
{
	struct iam_user *user = arena_new(&l->p->arena, struct iam_user);
	int r = store_document_get(tx, &STORE_IAM_USER, l->owner, &l->p->arena, user, err);

	if (r <= 0)
		return r;
	l->p->arn = user->arn;
	l->p->id = user->user_id;
	l->p->name = user->user_name;
	l->p->tags = &user->tags;
	l->boundary = boundary_arn(user->permissions_boundary);
	return load_groups(tx, l, err) < 0 ? -1 : 1;
}

static int load_role(struct db_tx *tx, struct load *l, struct err *err)
{
	struct iam_role *role = arena_new(&l->p->arena, struct iam_role);
	int r = store_document_get(tx, &STORE_IAM_ROLE, l->owner, &l->p->arena, role, err);

	if (r <= 0)
		return r;
	l->p->arn = role->arn;
	l->p->id = role->role_id;
	l->p->name = role->role_name;
	l->p->tags = &role->tags;
	l->boundary = boundary_arn(role->permissions_boundary);
	return 1;
}

static int load(struct db_tx *tx, void *arg, struct err *err)
{
	struct load *l = arg;
	struct identity_policies *p = l->p;
	int r;

	arena_release(&p->arena);
	l->found.n = 0;
	p->n = 0;
	p->exists = false;
	p->boundary = NULL;
	l->names.n = l->kinds.n = 0;
	if (starts_with(l->owner, "group/"))
		r = 1;
	else if (starts_with(l->owner, "user/"))
		r = load_user(tx, l, err);
	else
		r = load_role(tx, l, err);
	if (r <= 0)
		return r;
	p->exists = true;
	l->source = starts_with(l->owner, "group/")  ? "group"
		    : starts_with(l->owner, "user/") ? "user"
						     : "role";
	if (load_owned(tx, l, l->owner, err) < 0 || load_boundary(tx, l, err) < 0)
		return -1;
	p->v = arena_new_n(&p->arena, l->found.n + 1, struct policy *);
	p->names = arena_new_n(&p->arena, l->found.n + 1, const char *);
	p->kinds = arena_new_n(&p->arena, l->found.n + 1, const char *);
	for (size_t i = 0; i < l->found.n; i++) {
		p->v[i] = l->found.v[i];
		p->names[i] = l->names.v[i];
		p->kinds[i] = l->kinds.v[i];
	}
	p->n = l->found.n;
	return 0;
}

int identity_policies_read(
	struct db_tx *tx, const char *owner, struct identity_policies *p, struct err *err)
{
	struct load l = {.owner = owner, .p = p};
	int r = load(tx, &l, err);

	vec_release(&l.found);
	vec_release(&l.names);
	vec_release(&l.kinds);
	return r;
}

int identity_policies_load(
	struct identity_engine *e, const char *owner, struct identity_policies *p, struct err *err)
{
	struct load l = {.owner = owner, .p = p};
	int r = db_read(durable_db(e->durable), load, &l, err);

	vec_release(&l.found);
	vec_release(&l.names);
	vec_release(&l.kinds);
	return r;
}
