/* SPDX-License-Identifier: Apache-2.0 */
/* Instance profiles: the roles that instances may act under. */
#include "crypto/token.h"
#include "identity/engine.h"

int identity_need_profile(struct identity_step *s, struct db_tx *tx, const char *name,
	struct iam_instance_profile *ret, const char **ret_id, struct err *err)
{
	int r;

	*ret_id = identity_owner(s->a, "instance-profile", name);
	r = store_document_get(tx, &STORE_IAM_PROFILE, *ret_id, s->a, ret, err);
	if (r < 0)
		return -1;
	if (r > 0)
		return 0;
	return err_set_wire(err, "NoSuchEntity", "Instance Profile %s cannot be found.", name);
}

/* Fills in the role that the stored profile only names. */
static int fill_roles(
	struct identity_step *s, struct db_tx *tx, struct iam_instance_profile *p, struct err *err)
{
	const char *owner;

	p->roles.set = true;
	for (size_t i = 0; i < p->roles.n; i++) {
		struct iam_role *role = &p->roles.v[i];

		if (identity_need_role(s, tx, role->role_name, role, &owner, err) < 0)
			return -1;
		role->assume_role_policy_document =
			identity_encoded_document(s->a, role->assume_role_policy_document);
	}
	return 0;
}

static int create_instance_profile(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_create_instance_profile_request *req = s->req;
	struct iam_create_instance_profile_response *resp = s->resp;
	struct iam_instance_profile old, *p = arena_new(s->a, struct iam_instance_profile);
	const char *id = identity_owner(s->a, "instance-profile", req->instance_profile_name);
	int r = store_document_get(tx, &STORE_IAM_PROFILE, id, s->a, &old, err);

	if (r < 0 || identity_check_tags(&req->tags, err) < 0)
		return -1;
	if (r > 0)
		return err_set_wire(err, "EntityAlreadyExists",
			"Instance Profile %s already exists.", req->instance_profile_name);
	*p = (struct iam_instance_profile){
		.arn = identity_arn(
			s->e, s->a, "instance-profile", req->path, req->instance_profile_name),
		.create_date = WIRE_SET_TIME(durable_now(s->e->durable)),
		.instance_profile_id = arena_strdup(s->a, token_unique_id("AIPA").text),
		.instance_profile_name = req->instance_profile_name,
		.path = req->path ? req->path : "/",
		.roles.set = true,
		.tags = req->tags,
	};
	resp->instance_profile = p;
	return store_document_put(tx, &STORE_IAM_PROFILE, id, "", p, err);
}

static int get_instance_profile(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_get_instance_profile_request *req = s->req;
	struct iam_get_instance_profile_response *resp = s->resp;
	const char *id;

	resp->instance_profile = arena_new(s->a, struct iam_instance_profile);
	if (identity_need_profile(
		    s, tx, req->instance_profile_name, resp->instance_profile, &id, err) < 0)
		return -1;
	return fill_roles(s, tx, resp->instance_profile, err);
}

static int delete_instance_profile(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_delete_instance_profile_request *req = s->req;
	struct iam_instance_profile p;
	const char *id;

	if (identity_need_profile(s, tx, req->instance_profile_name, &p, &id, err) < 0)
		return -1;
	if (p.roles.n)
		return err_set_wire(err, "DeleteConflict",
			"Cannot delete entity, must remove roles from instance profile first.");
	return store_document_delete(tx, &STORE_IAM_PROFILE, id, err);
}

static int add_role_to_instance_profile(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_add_role_to_instance_profile_request *req = s->req;
	struct iam_instance_profile p;
	struct iam_role role;
	const char *id, *owner;

	if (identity_need_profile(s, tx, req->instance_profile_name, &p, &id, err) < 0 ||
		identity_need_role(s, tx, req->role_name, &role, &owner, err) < 0)
		return -1;
	if (p.roles.n)
		return err_set_wire(err, "LimitExceeded",
			"Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1");
	wire_list_alloc(s->a, &p.roles, 1);
	p.roles.v[0] = (struct iam_role){.role_name = role.role_name};
	return store_document_put(tx, &STORE_IAM_PROFILE, id, "", &p, err);
}

static int remove_role_from_instance_profile(
	struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_remove_role_from_instance_profile_request *req = s->req;
	struct iam_instance_profile p;
	const char *id;

	if (identity_need_profile(s, tx, req->instance_profile_name, &p, &id, err) < 0)
		return -1;
	if (!p.roles.n || !streq(p.roles.v[0].role_name, req->role_name))
		return identity_no_entity(err, "role", req->role_name);
	p.roles.n = 0;
	return store_document_put(tx, &STORE_IAM_PROFILE, id, "", &p, err);
}

static int list_instance_profiles(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_list_instance_profiles_request *req = s->req;
	struct iam_list_instance_profiles_response *resp = s->resp;
	struct identity_page page = {&STORE_IAM_PROFILE, NULL, req->marker, req->max_items};
	struct store_documents rows;
	size_t n = 0;

	if (identity_list(s, tx, &page, &rows, &resp->marker, &resp->is_truncated, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->instance_profiles, rows.n);
	for (size_t i = 0; i < rows.n; i++) {
		struct iam_instance_profile *p = rows.v[i];

		if (req->path_prefix && !starts_with(p->path, req->path_prefix))
			continue;
		if (fill_roles(s, tx, p, err) < 0)
			return -1;
		resp->instance_profiles.v[n++] = *p;
	}
	resp->instance_profiles.n = n;
	return 0;
}

int identity_profiles_of(struct identity_step *s, struct db_tx *tx, const char *role_name,
	struct iam_instance_profile_list_type *ret, struct err *err)
{
	struct store_document_filter filter = {0};
	struct store_documents rows;
	size_t n = 0;

	if (store_document_list(tx, &STORE_IAM_PROFILE, &filter, s->a, &rows, err) < 0)
		return -1;
	wire_list_alloc(s->a, ret, rows.n);
	for (size_t i = 0; i < rows.n; i++) {
		struct iam_instance_profile *p = rows.v[i];

		if (!p->roles.n || !streq(p->roles.v[0].role_name, role_name))
			continue;
		if (fill_roles(s, tx, p, err) < 0)
			return -1;
		ret->v[n++] = *p;
	}
	ret->n = n;
	return 0;
}

static int list_instance_profiles_for_role(
	struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_list_instance_profiles_for_role_request *req = s->req;
	struct iam_list_instance_profiles_for_role_response *resp = s->resp;
	struct iam_role role;
	const char *owner;

	resp->is_truncated = WIRE_SET_BOOL(false);
	if (identity_need_role(s, tx, req->role_name, &role, &owner, err) < 0)
		return -1;
	return identity_profiles_of(s, tx, role.role_name, &resp->instance_profiles, err);
}

IDENTITY_STEP(iam, add_role_to_instance_profile, identity_write)
IDENTITY_STEP(iam, create_instance_profile, identity_write)
IDENTITY_STEP(iam, delete_instance_profile, identity_write)
IDENTITY_STEP(iam, get_instance_profile, identity_read)
IDENTITY_STEP(iam, list_instance_profiles, identity_read)
IDENTITY_STEP(iam, list_instance_profiles_for_role, identity_read)
IDENTITY_STEP(iam, remove_role_from_instance_profile, identity_write)
