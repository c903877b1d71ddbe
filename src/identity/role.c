/* SPDX-License-Identifier: Apache-2.0 */
/* Roles and whom they trust. */
#include "crypto/token.h"
#include "identity/engine.h"

#define DEFAULT_SESSION_SEC 3600

int identity_need_role(struct identity_step *s, struct db_tx *tx, const char *name,
	struct iam_role *ret, const char **ret_owner, struct err *err)
{
	int r;

	*ret_owner = identity_owner(s->a, "role", name);
	r = store_document_get(tx, &STORE_IAM_ROLE, *ret_owner, s->a, ret, err);
	if (r < 0)
		return -1;
	return r > 0 ? 0 : identity_no_entity(err, "role", name);
}

static int create_role(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_create_role_request *req = s->req;
	struct iam_create_role_response *resp = s->resp;
	const char *owner = identity_owner(s->a, "role", req->role_name);
	struct iam_role old, *role = arena_new(s->a, struct iam_role);
	struct policy *trust;
	int r = store_document_get(tx, &STORE_IAM_ROLE, owner, s->a, &old, err);

	if (r < 0)
		return -1;
	if (r > 0)
		return err_set_wire(err, "EntityAlreadyExists", "Role with name %s already exists.",
			req->role_name);
	if (req->permissions_boundary)
		return err_set(err, ERR_UNSUPPORTED, "permissions boundaries are not implemented");
	if (policy_parse(
		    view_of(req->assume_role_policy_document), POLICY_TRUST, s->a, &trust, err) < 0)
		return -1;
	*role = (struct iam_role){
		.arn = identity_arn(s->e, s->a, "role", req->path, req->role_name),
		.assume_role_policy_document = req->assume_role_policy_document,
		.create_date = WIRE_SET_TIME(durable_now(s->e->durable)),
		.description = req->description,
		.max_session_duration =
			WIRE_SET_INT(wire_or(req->max_session_duration, DEFAULT_SESSION_SEC)),
		.path = req->path ? req->path : "/",
		.role_id = arena_strdup(s->a, token_unique_id("AROA").text),
		.role_name = req->role_name,
		.tags = req->tags,
	};
	if (store_document_put(tx, &STORE_IAM_ROLE, owner, "", role, err) < 0)
		return -1;
	role->assume_role_policy_document =
		identity_encoded_document(s->a, role->assume_role_policy_document);
	resp->role = role;
	return 0;
}

static int delete_role(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_delete_role_request *req = s->req;
	struct iam_role role;
	const char *owner;

	if (identity_need_role(s, tx, req->role_name, &role, &owner, err) < 0 ||
		identity_check_free(s, tx, owner, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_IAM_ROLE, owner, err);
}

static int get_role(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_get_role_request *req = s->req;
	struct iam_get_role_response *resp = s->resp;
	struct iam_role *role = arena_new(s->a, struct iam_role);
	const char *owner;

	if (identity_need_role(s, tx, req->role_name, role, &owner, err) < 0)
		return -1;
	role->assume_role_policy_document =
		identity_encoded_document(s->a, role->assume_role_policy_document);
	resp->role = role;
	return 0;
}

static int list_roles(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_list_roles_request *req = s->req;
	struct iam_list_roles_response *resp = s->resp;
	struct identity_page page = {&STORE_IAM_ROLE, NULL, req->marker, req->max_items};
	struct store_documents rows;
	size_t n = 0;

	if (identity_list(s, tx, &page, &rows, &resp->marker, &resp->is_truncated, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->roles, rows.n);
	for (size_t i = 0; i < rows.n; i++) {
		struct iam_role *role = rows.v[i];

		if (req->path_prefix && !starts_with(role->path, req->path_prefix))
			continue;
		role->assume_role_policy_document =
			identity_encoded_document(s->a, role->assume_role_policy_document);
		resp->roles.v[n++] = *role;
	}
	resp->roles.n = n;
	return 0;
}

IDENTITY_STEP(iam, create_role, identity_write)
IDENTITY_STEP(iam, delete_role, identity_write)
IDENTITY_STEP(iam, get_role, identity_read)
IDENTITY_STEP(iam, list_roles, identity_read)

/* ---- trust ---- */

struct trust_question {
	const char *owner;
	struct arena *a;
	struct iam_role role;
	int found;
};

static int load_role(struct db_tx *tx, void *arg, struct err *err)
{
	struct trust_question *q = arg;

	q->found = store_document_get(tx, &STORE_IAM_ROLE, q->owner, q->a, &q->role, err);
	return q->found < 0 ? -1 : 0;
}

int identity_role_trusts(struct identity_engine *e, const char *role_arn, const char *service,
	struct arena *a, const char **ret_why, struct err *err)
{
	struct trust_question q = {
		.owner = identity_owner(a, "role", identity_arn_name(role_arn)), .a = a};
	struct policy_request r = {
		.action = "sts:AssumeRole", .resource = role_arn, .service = service};
	struct policy *trust;

	if (db_read(durable_db(e->durable), load_role, &q, err) < 0)
		return -1;
	if (!q.found || !streq(q.role.arn, role_arn)) {
		*ret_why = arena_printf(a, "there is no role %s", role_arn);
		return 0;
	}
	if (policy_parse(
		    view_of(q.role.assume_role_policy_document), POLICY_TRUST, a, &trust, err) < 0)
		return -1;
	if (policy_allows(policy_evaluate(trust, &r)))
		return 1;
	*ret_why = arena_printf(
		a, "%s is not authorized to perform: sts:AssumeRole on %s", service, role_arn);
	return 0;
}
