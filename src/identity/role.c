/* SPDX-License-Identifier: Apache-2.0 */
/* Roles and whom they trust. */
#include "crypto/token.h"
#include "identity/engine.h"
#include "identity/quota.h"

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

/* The role as answers have it: its trust policy percent-encoded. */
static struct iam_role *show(struct identity_step *s, struct iam_role *role)
{
	role->assume_role_policy_document =
		identity_encoded_document(s->a, role->assume_role_policy_document);
	return role;
}

static int check_trust(
	struct identity_step *s, struct db_tx *tx, const char *document, struct err *err)
{
	struct policy *trust;

	if (policy_check(view_of(document), POLICY_TRUST, s->a, &trust, err) < 0)
		return -1;
	if (policy_size(document) > QUOTA_TRUST_SIZE)
		return err_set_wire(err, "LimitExceeded",
			"Cannot exceed quota for ACLSizePerRole: %d", QUOTA_TRUST_SIZE);
	return identity_check_people(s->e, tx, trust, false, s->a, err);
}

static int create_role(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_create_role_request *req = s->req;
	struct iam_create_role_response *resp = s->resp;
	const char *owner = identity_owner(s->a, "role", req->role_name);
	struct iam_role old, *role = arena_new(s->a, struct iam_role);
	struct iam_attached_permissions_boundary *boundary;
	int r = store_document_get(tx, &STORE_IAM_ROLE, owner, s->a, &old, err);

	if (r < 0)
		return -1;
	if (r > 0)
		return err_set_wire(err, "EntityAlreadyExists", "Role with name %s already exists.",
			req->role_name);
	if (identity_check_tags(&req->tags, err) < 0 ||
		identity_new_boundary(s, tx, req->permissions_boundary, &boundary, err) < 0 ||
		check_trust(s, tx, req->assume_role_policy_document, err) < 0)
		return -1;
	*role = (struct iam_role){
		.arn = identity_arn(s->e, s->a, "role", req->path, req->role_name),
		.assume_role_policy_document = req->assume_role_policy_document,
		.create_date = WIRE_SET_TIME(durable_now(s->e->durable)),
		.description = req->description,
		.max_session_duration =
			WIRE_SET_INT(wire_or(req->max_session_duration, DEFAULT_SESSION_SEC)),
		.path = req->path ? req->path : "/",
		.permissions_boundary = boundary,
		.role_id = arena_strdup(s->a, token_unique_id("AROA").text),
		.role_name = req->role_name,
		.tags = req->tags,
	};
	if (store_document_put(tx, &STORE_IAM_ROLE, owner, "", role, err) < 0)
		return -1;
	resp->role = show(s, role);
	return 0;
}

static int update_role(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_update_role_request *req = s->req;
	struct iam_role role;
	const char *owner;

	if (identity_need_role(s, tx, req->role_name, &role, &owner, err) < 0)
		return -1;
	if (req->description)
		role.description = req->description;
	if (req->max_session_duration.set)
		role.max_session_duration = req->max_session_duration;
	return store_document_put(tx, &STORE_IAM_ROLE, owner, "", &role, err);
}

static int update_role_description(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_update_role_description_request *req = s->req;
	struct iam_update_role_description_response *resp = s->resp;
	struct iam_role *role = arena_new(s->a, struct iam_role);
	const char *owner;

	if (identity_need_role(s, tx, req->role_name, role, &owner, err) < 0)
		return -1;
	role->description = req->description;
	if (store_document_put(tx, &STORE_IAM_ROLE, owner, "", role, err) < 0)
		return -1;
	resp->role = show(s, role);
	return 0;
}

static int update_assume_role_policy(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_update_assume_role_policy_request *req = s->req;
	struct iam_role role;
	const char *owner;

	if (identity_need_role(s, tx, req->role_name, &role, &owner, err) < 0 ||
		check_trust(s, tx, req->policy_document, err) < 0)
		return -1;
	role.assume_role_policy_document = req->policy_document;
	return store_document_put(tx, &STORE_IAM_ROLE, owner, "", &role, err);
}

/* DeleteConflict while an instance profile holds the role. */
static int check_profiles(
	struct identity_step *s, struct db_tx *tx, const char *name, struct err *err)
{
	struct iam_instance_profile_list_type profiles;

	if (identity_profiles_of(s, tx, name, &profiles, err) < 0)
		return -1;
	if (profiles.n)
		return err_set_wire(err, "DeleteConflict",
			"Cannot delete entity, must remove roles from instance profile first.");
	return 0;
}

static int delete_role(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_delete_role_request *req = s->req;
	struct iam_role role;
	const char *owner;

	if (identity_need_role(s, tx, req->role_name, &role, &owner, err) < 0 ||
		identity_check_free(s, tx, owner, err) < 0 ||
		check_profiles(s, tx, role.role_name, err) < 0)
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
	resp->role = show(s, role);
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
		resp->roles.v[n++] = *show(s, role);
	}
	resp->roles.n = n;
	return 0;
}

IDENTITY_STEP(iam, create_role, identity_write)
IDENTITY_STEP(iam, delete_role, identity_write)
IDENTITY_STEP(iam, get_role, identity_read)
IDENTITY_STEP(iam, list_roles, identity_read)
IDENTITY_STEP(iam, update_assume_role_policy, identity_write)
IDENTITY_STEP(iam, update_role, identity_write)
IDENTITY_STEP(iam, update_role_description, identity_write)
