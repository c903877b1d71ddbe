/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of managed policies: up to five, one of them in force. Lists of policies and of what
 * they hang on. */
#include "identity/engine.h"
#include "identity/managed_aws.h"
#include "identity/quota.h"

static const char *version_id(struct identity_step *s, const char *arn, const char *version)
{
	return arena_printf(s->a, "%s %s", arn, version);
}

static int versions_of(struct identity_step *s, struct db_tx *tx, const char *arn,
	struct store_documents *ret, struct err *err)
{
	struct store_document_filter filter = {.owner = arn};

	return store_document_list(tx, &STORE_IAM_VERSION, &filter, s->a, ret, err);
}

int identity_put_version(struct identity_step *s, struct db_tx *tx, const char *arn,
	const struct iam_policy_version *v, struct err *err)
{
	return store_document_put(
		tx, &STORE_IAM_VERSION, version_id(s, arn, v->version_id), arn, v, err);
}

static int need_version(struct identity_step *s, struct db_tx *tx, const char *arn,
	const char *version, struct iam_policy_version *ret, struct err *err)
{
	const struct managed_aws *built_in = managed_aws_find(arn);
	int r = 0;

	if (built_in && streq(version, "v1")) {
		*ret = (struct iam_policy_version){
			.create_date = WIRE_SET_TIME(0),
			.document = built_in->document,
			.is_default_version = WIRE_SET_BOOL(true),
			.version_id = "v1",
		};
		return 0;
	}
	if (!built_in)
		r = store_document_get(
			tx, &STORE_IAM_VERSION, version_id(s, arn, version), s->a, ret, err);
	if (r < 0)
		return -1;
	if (r > 0)
		return 0;
	return err_set_wire(err, "NoSuchEntity",
		"Policy %s version %s does not exist or is not attachable.", arn, version);
}

/* A policy that may be changed. */
static int need_own(struct identity_step *s, struct db_tx *tx, const char *arn,
	struct iam_policy *ret, struct err *err)
{
	if (managed_aws_find(arn))
		return err_set(
			err, ERR_DENIED, "Policy %s is built in: it cannot be changed.", arn);
	return identity_need_policy(s, tx, arn, ret, err);
}

/* Puts a version in force: marks it, unmarks the old one, and stores its document where principals'
 * policies are read from. */
static int put_in_force(struct identity_step *s, struct db_tx *tx, struct iam_policy *p,
	struct iam_policy_version *v, struct err *err)
{
	struct towpath_identity_document doc = {
		.policy_name = p->policy_name, .document = v->document};
	struct iam_policy_version old;

	if (!streq(p->default_version_id, v->version_id)) {
		if (need_version(s, tx, p->arn, p->default_version_id, &old, err) < 0)
			return -1;
		old.is_default_version = WIRE_SET_BOOL(false);
		if (identity_put_version(s, tx, p->arn, &old, err) < 0)
			return -1;
	}
	v->is_default_version = WIRE_SET_BOOL(true);
	p->default_version_id = v->version_id;
	p->update_date = WIRE_SET_TIME(durable_now(s->e->durable));
	if (identity_put_version(s, tx, p->arn, v, err) < 0 ||
		store_document_put(tx, &STORE_IAM_DOCUMENT, p->arn, "", &doc, err) < 0)
		return -1;
	return store_document_put(tx, &STORE_IAM_POLICY, p->arn, "", p, err);
}

/* One more than the highest number that is there: numbers are not used twice while later ones
 * stand. */
static int next_number(const struct store_documents *rows)
{
	int most = 0;

	for (size_t i = 0; i < rows->n; i++) {
		const struct iam_policy_version *v = rows->v[i];

		most = MAX(most, atoi(v->version_id + 1));
	}
	return most + 1;
}

static int create_policy_version(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_create_policy_version_request *req = s->req;
	struct iam_create_policy_version_response *resp = s->resp;
	struct iam_policy_version *v = arena_new(s->a, struct iam_policy_version), *shown;
	struct store_documents rows;
	struct iam_policy p;

	if (need_own(s, tx, req->policy_arn, &p, err) < 0 ||
		identity_check_managed(req->policy_document, s->a, err) < 0 ||
		versions_of(s, tx, p.arn, &rows, err) < 0)
		return -1;
	if (rows.n >= QUOTA_VERSIONS_OF_POLICY)
		return err_set_wire(err, "LimitExceeded",
			"A managed policy can have up to %d versions. Before you create a new "
			"version, you must delete an existing version.",
			QUOTA_VERSIONS_OF_POLICY);
	*v = (struct iam_policy_version){
		.create_date = WIRE_SET_TIME(durable_now(s->e->durable)),
		.document = req->policy_document,
		.is_default_version = WIRE_SET_BOOL(wire_or(req->set_as_default, false)),
		.version_id = arena_printf(s->a, "v%d", next_number(&rows)),
	};
	shown = arena_new(s->a, struct iam_policy_version);
	*shown = *v;
	shown->document = NULL;
	resp->policy_version = shown;
	if (v->is_default_version.v)
		return put_in_force(s, tx, &p, v, err);
	return identity_put_version(s, tx, p.arn, v, err);
}

static int set_default_policy_version(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_set_default_policy_version_request *req = s->req;
	struct iam_policy_version v;
	struct iam_policy p;

	if (need_own(s, tx, req->policy_arn, &p, err) < 0 ||
		need_version(s, tx, p.arn, req->version_id, &v, err) < 0)
		return -1;
	return put_in_force(s, tx, &p, &v, err);
}

static int delete_policy_version(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_delete_policy_version_request *req = s->req;
	struct iam_policy_version v;
	struct iam_policy p;

	if (need_own(s, tx, req->policy_arn, &p, err) < 0 ||
		need_version(s, tx, p.arn, req->version_id, &v, err) < 0)
		return -1;
	if (wire_or(v.is_default_version, false))
		return err_set_wire(
			err, "DeleteConflict", "Cannot delete the default version of a policy.");
	return store_document_delete(
		tx, &STORE_IAM_VERSION, version_id(s, p.arn, v.version_id), err);
}

static int get_policy_version(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_get_policy_version_request *req = s->req;
	struct iam_get_policy_version_response *resp = s->resp;
	struct iam_policy_version *v = arena_new(s->a, struct iam_policy_version);
	struct iam_policy p;

	if (identity_need_policy(s, tx, req->policy_arn, &p, err) < 0 ||
		need_version(s, tx, req->policy_arn, req->version_id, v, err) < 0)
		return -1;
	v->document = identity_encoded_document(s->a, v->document);
	resp->policy_version = v;
	return 0;
}

int identity_list_versions(struct identity_step *s, struct db_tx *tx, const char *arn,
	bool documents, struct iam_policy_document_version_list_type *ret, struct err *err)
{
	struct store_documents rows = {0};

	if (managed_aws_find(arn)) {
		wire_list_alloc(s->a, ret, 1);
		if (need_version(s, tx, arn, "v1", &ret->v[0], err) < 0)
			return -1;
	} else if (versions_of(s, tx, arn, &rows, err) < 0) {
		return -1;
	} else {
		wire_list_alloc(s->a, ret, rows.n);
	}
	for (size_t i = 0; i < rows.n; i++) /* the newest first */
		ret->v[rows.n - 1 - i] = *(struct iam_policy_version *)rows.v[i];
	for (size_t i = 0; i < ret->n; i++)
		ret->v[i].document =
			documents ? identity_encoded_document(s->a, ret->v[i].document) : NULL;
	return 0;
}

static int list_policy_versions(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_list_policy_versions_request *req = s->req;
	struct iam_list_policy_versions_response *resp = s->resp;
	struct iam_policy p;

	resp->is_truncated = WIRE_SET_BOOL(false);
	if (identity_need_policy(s, tx, req->policy_arn, &p, err) < 0)
		return -1;
	return identity_list_versions(s, tx, req->policy_arn, false, &resp->versions, err);
}

IDENTITY_STEP(iam, create_policy_version, identity_write)
IDENTITY_STEP(iam, delete_policy_version, identity_write)
IDENTITY_STEP(iam, get_policy_version, identity_read)
IDENTITY_STEP(iam, list_policy_versions, identity_read)
IDENTITY_STEP(iam, set_default_policy_version, identity_write)

/* ---- lists of policies ---- */

static bool is_wanted(const struct iam_list_policies_request *req, const struct iam_policy *p)
{
	if (req->path_prefix && !starts_with(p->path, req->path_prefix))
		return false;
	if (wire_or(req->only_attached, false) && !wire_or(p->attachment_count, 0))
		return false;
	return !streq(req->policy_usage_filter, "PermissionsBoundary") ||
	       wire_or(p->permissions_boundary_usage_count, 0) > 0;
}

/* The ARNs of all policies of the scope, in their order. */
static int policy_arns(struct identity_step *s, struct db_tx *tx, const char *scope,
	struct store_documents *own, const char ***ret, size_t *ret_n, struct err *err)
{
	struct store_document_filter filter = {0};
	const char **arns;
	size_t n = 0;

	own->n = 0;
	if (!streq(scope, "AWS") &&
		store_document_list(tx, &STORE_IAM_POLICY, &filter, s->a, own, err) < 0)
		return -1;
	arns = arena_new_n(s->a, own->n + managed_aws_count() + 1, const char *);
	for (size_t i = 0; i < own->n; i++)
		arns[n++] = own->ids[i];
	for (size_t i = 0; !streq(scope, "Local") && i < managed_aws_count(); i++)
		arns[n++] = managed_aws_arn(i, s->a);
	*ret = arns;
	*ret_n = n;
	return 0;
}

/* Where a page begins: behind the marker, or at its place where that policy is gone. One's own come
 * first, by their ARNs. */
static size_t start_of(const char *const *arns, size_t n, size_t n_own, const char *marker)
{
	size_t i = 0;

	if (!marker)
		return 0;
	if (managed_aws_find(marker))
		for (i = n_own; i < n && !streq(arns[i], marker);)
			i++;
	else
		while (i < n_own && strcmp(arns[i], marker) < 0)
			i++;
	return i + (i < n && streq(arns[i], marker));
}

static int list_policies(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_list_policies_request *req = s->req;
	struct iam_list_policies_response *resp = s->resp;
	size_t max = (size_t)wire_or(req->max_items, 100), n, i;
	struct identity_bounded_list bounded;
	struct store_documents own;
	const char **arns;

	if (policy_arns(s, tx, req->scope, &own, &arns, &n, err) < 0 ||
		identity_bounded(s, tx, &bounded, err) < 0)
		return -1;
	i = start_of(arns, n, own.n, req->marker);
	wire_list_alloc(s->a, &resp->policies, MIN(n, max));
	resp->policies.n = 0;
	for (; i < n && resp->policies.n < max; i++) {
		struct iam_policy p;

		if (identity_need_policy(s, tx, arns[i], &p, err) < 0)
			return -1;
		p.permissions_boundary_usage_count =
			WIRE_SET_INT(identity_count_bounded(&bounded, arns[i]));
		if (!is_wanted(req, &p))
			continue;
		p.description = NULL; /* GetPolicy has them */
		p.tags.set = false;
		resp->policies.v[resp->policies.n++] = p;
		resp->marker = arns[i];
	}
	resp->is_truncated = WIRE_SET_BOOL(i < n);
	if (i >= n)
		resp->marker = NULL;
	return 0;
}

/* ---- what a policy hangs on ---- */

typedef struct iam_list_entities_for_policy_response entities;

/* Whether the request asks for this kind, and for this path. */
static bool wants(
	const struct iam_list_entities_for_policy_request *req, const char *kind, const char *path)
{
	return (!req->entity_filter || streq(req->entity_filter, kind)) &&
	       (!req->path_prefix || starts_with(path, req->path_prefix));
}

static int add_entity(struct identity_step *s, struct db_tx *tx, const char *owner, struct err *err)
{
	const struct iam_list_entities_for_policy_request *req = s->req;
	entities *resp = s->resp;
	const char *name = strchr(owner, '/') + 1, *id;
	struct iam_user user;
	struct iam_role role;
	struct iam_group group;

	if (starts_with(owner, "user/")) {
		if (identity_need_user(s, tx, name, &user, &id, err) < 0)
			return -1;
		if (wants(req, "User", user.path))
			resp->policy_users.v[resp->policy_users.n++] = (struct iam_policy_user){
				.user_id = user.user_id, .user_name = user.user_name};
	} else if (starts_with(owner, "role/")) {
		if (identity_need_role(s, tx, name, &role, &id, err) < 0)
			return -1;
		if (wants(req, "Role", role.path))
			resp->policy_roles.v[resp->policy_roles.n++] = (struct iam_policy_role){
				.role_id = role.role_id, .role_name = role.role_name};
	} else if (starts_with(owner, "group/")) {
		if (identity_need_group(s, tx, name, &group, &id, err) < 0)
			return -1;
		if (wants(req, "Group", group.path))
			resp->policy_groups.v[resp->policy_groups.n++] = (struct iam_policy_group){
				.group_id = group.group_id, .group_name = group.group_name};
	}
	return 0;
}

/* Those to whom it is attached: ids of attachments are "<owner> <ARN>". */
static int add_attached(struct identity_step *s, struct db_tx *tx,
	const struct store_documents *rows, struct err *err)
{
	const struct iam_list_entities_for_policy_request *req = s->req;

	for (size_t i = 0; i < rows->n; i++) {
		const struct iam_attached_policy *row = rows->v[i];
		const char *id = rows->ids[i];

		if (streq(row->policy_arn, req->policy_arn) && strchr(id, ' ') &&
			add_entity(s, tx, arena_strndup(s->a, id, strcspn(id, " ")), err) < 0)
			return -1;
	}
	return 0;
}

/* Those whose boundary it is; not those that are there already. */
static int add_bounded(struct identity_step *s, struct db_tx *tx, bool attached_too,
	const struct identity_bounded_list *list, struct err *err)
{
	const struct iam_list_entities_for_policy_request *req = s->req;
	struct iam_attached_policy row;
	int r = 0;

	for (size_t i = 0; i < list->n; i++) {
		const char *owner = list->v[i].owner;

		if (!streq(list->v[i].arn, req->policy_arn))
			continue;
		if (attached_too)
			r = store_document_get(tx, &STORE_IAM_ATTACHED,
				arena_printf(s->a, "%s %s", owner, req->policy_arn), s->a, &row,
				err);
		if (r < 0 || (r == 0 && add_entity(s, tx, owner, err) < 0))
			return -1;
	}
	return 0;
}

static int list_entities_for_policy(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_list_entities_for_policy_request *req = s->req;
	entities *resp = s->resp;
	bool attached = !streq(req->policy_usage_filter, "PermissionsBoundary");
	bool bounds = !streq(req->policy_usage_filter, "PermissionsPolicy");
	struct store_document_filter filter = {0};
	struct identity_bounded_list bounded;
	struct store_documents rows;
	struct iam_policy p;

	if (identity_need_policy(s, tx, req->policy_arn, &p, err) < 0 ||
		store_document_list(tx, &STORE_IAM_ATTACHED, &filter, s->a, &rows, err) < 0 ||
		identity_bounded(s, tx, &bounded, err) < 0)
		return -1;
	resp->is_truncated = WIRE_SET_BOOL(false);
	wire_list_alloc(s->a, &resp->policy_users, rows.n + bounded.n);
	wire_list_alloc(s->a, &resp->policy_roles, rows.n + bounded.n);
	wire_list_alloc(s->a, &resp->policy_groups, rows.n);
	resp->policy_users.n = resp->policy_roles.n = resp->policy_groups.n = 0;
	if (attached && add_attached(s, tx, &rows, err) < 0)
		return -1;
	return bounds ? add_bounded(s, tx, attached, &bounded, err) : 0;
}

IDENTITY_STEP(iam, list_entities_for_policy, identity_read)
IDENTITY_STEP(iam, list_policies, identity_read)
