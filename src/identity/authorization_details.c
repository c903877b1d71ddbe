/* SPDX-License-Identifier: Apache-2.0 */
/* GetAccountAuthorizationDetails: users, groups, roles and policies with all that hangs on them,
 * in one answer. */
#include "identity/engine.h"
#include "identity/managed_aws.h"

typedef struct iam_get_account_authorization_details_response details;

static int attached_of(struct identity_step *s, struct db_tx *tx, const char *owner,
	struct iam_attached_policies_list_type *ret, struct err *err)
{
	struct store_document_filter filter = {.owner = owner};
	struct store_documents rows;

	if (store_document_list(tx, &STORE_IAM_ATTACHED, &filter, s->a, &rows, err) < 0)
		return -1;
	wire_list_alloc(s->a, ret, rows.n);
	for (size_t i = 0; i < rows.n; i++)
		ret->v[i] = *(struct iam_attached_policy *)rows.v[i];
	return 0;
}

static int inlined_of(struct identity_step *s, struct db_tx *tx, const char *owner,
	struct iam_policy_detail_list_type *ret, struct err *err)
{
	struct store_document_filter filter = {.owner = owner};
	struct store_documents rows;

	if (store_document_list(tx, &STORE_IAM_INLINE, &filter, s->a, &rows, err) < 0)
		return -1;
	wire_list_alloc(s->a, ret, rows.n);
	for (size_t i = 0; i < rows.n; i++) {
		const struct towpath_identity_document *doc = rows.v[i];

		ret->v[i] = (struct iam_policy_detail){.policy_name = doc->policy_name,
			.policy_document = identity_encoded_document(s->a, doc->document)};
	}
	return 0;
}

static int groups_of(struct identity_step *s, struct db_tx *tx, const char *owner,
	struct iam_group_name_list_type *ret, struct err *err)
{
	struct store_document_filter filter = {.owner = owner};
	struct store_documents rows;

	if (store_document_list(tx, &STORE_IAM_MEMBER, &filter, s->a, &rows, err) < 0)
		return -1;
	wire_list_alloc(s->a, ret, rows.n);
	for (size_t i = 0; i < rows.n; i++)
		ret->v[i] = ((struct towpath_identity_member *)rows.v[i])->group_name;
	return 0;
}

static int add_users(struct identity_step *s, struct db_tx *tx, details *resp, struct err *err)
{
	struct store_document_filter filter = {0};
	struct store_documents rows;

	if (store_document_list(tx, &STORE_IAM_USER, &filter, s->a, &rows, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->user_detail_list, rows.n);
	for (size_t i = 0; i < rows.n; i++) {
		struct iam_user_detail *d = &resp->user_detail_list.v[i];

		wire_assign(&iam_user_detail_shape, d, &iam_user_shape, rows.v[i]);
		if (attached_of(s, tx, rows.ids[i], &d->attached_managed_policies, err) < 0 ||
			inlined_of(s, tx, rows.ids[i], &d->user_policy_list, err) < 0 ||
			groups_of(s, tx, rows.ids[i], &d->group_list, err) < 0)
			return -1;
	}
	return 0;
}

static int add_groups(struct identity_step *s, struct db_tx *tx, details *resp, struct err *err)
{
	struct store_document_filter filter = {0};
	struct store_documents rows;

	if (store_document_list(tx, &STORE_IAM_GROUP, &filter, s->a, &rows, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->group_detail_list, rows.n);
	for (size_t i = 0; i < rows.n; i++) {
		struct iam_group_detail *d = &resp->group_detail_list.v[i];

		wire_assign(&iam_group_detail_shape, d, &iam_group_shape, rows.v[i]);
		if (attached_of(s, tx, rows.ids[i], &d->attached_managed_policies, err) < 0 ||
			inlined_of(s, tx, rows.ids[i], &d->group_policy_list, err) < 0)
			return -1;
	}
	return 0;
}

static int add_roles(struct identity_step *s, struct db_tx *tx, details *resp, struct err *err)
{
	struct store_document_filter filter = {0};
	struct store_documents rows;

	if (store_document_list(tx, &STORE_IAM_ROLE, &filter, s->a, &rows, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->role_detail_list, rows.n);
	for (size_t i = 0; i < rows.n; i++) {
		struct iam_role_detail *d = &resp->role_detail_list.v[i];

		wire_assign(&iam_role_detail_shape, d, &iam_role_shape, rows.v[i]);
		d->assume_role_policy_document =
			identity_encoded_document(s->a, d->assume_role_policy_document);
		if (attached_of(s, tx, rows.ids[i], &d->attached_managed_policies, err) < 0 ||
			inlined_of(s, tx, rows.ids[i], &d->role_policy_list, err) < 0 ||
			identity_profiles_of(s, tx, d->role_name, &d->instance_profile_list, err) <
				0)
			return -1;
	}
	return 0;
}

static int add_policy(
	struct identity_step *s, struct db_tx *tx, const char *arn, details *resp, struct err *err)
{
	struct iam_managed_policy_detail *d = &resp->policies.v[resp->policies.n++];
	struct iam_policy *p = arena_new(s->a, struct iam_policy);

	if (identity_need_policy(s, tx, arn, p, err) < 0)
		return -1;
	wire_assign(&iam_managed_policy_detail_shape, d, &iam_policy_shape, p);
	return identity_list_versions(s, tx, arn, true, &d->policy_version_list, err);
}

static int add_policies(struct identity_step *s, struct db_tx *tx, bool own, bool aws,
	details *resp, struct err *err)
{
	struct store_document_filter filter = {0};
	struct store_documents rows;

	if (store_document_list(tx, &STORE_IAM_POLICY, &filter, s->a, &rows, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->policies, rows.n + managed_aws_count());
	resp->policies.n = 0;
	for (size_t i = 0; own && i < rows.n; i++) {
		if (add_policy(s, tx, rows.ids[i], resp, err) < 0)
			return -1;
	}
	for (size_t i = 0; aws && i < managed_aws_count(); i++) {
		if (add_policy(s, tx, managed_aws_arn(i, s->a), resp, err) < 0)
			return -1;
	}
	return 0;
}

static bool wants(const struct iam_get_account_authorization_details_request *req, const char *kind)
{
	for (size_t i = 0; i < req->filter.n; i++) {
		if (streq(req->filter.v[i], kind))
			return true;
	}
	return req->filter.n == 0;
}

static int get_account_authorization_details(
	struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_get_account_authorization_details_request *req = s->req;
	details *resp = s->resp;

	resp->is_truncated = WIRE_SET_BOOL(false);
	resp->user_detail_list.set = resp->group_detail_list.set = true;
	resp->role_detail_list.set = true;
	if ((wants(req, "User") && add_users(s, tx, resp, err) < 0) ||
		(wants(req, "Group") && add_groups(s, tx, resp, err) < 0) ||
		(wants(req, "Role") && add_roles(s, tx, resp, err) < 0))
		return -1;
	return add_policies(
		s, tx, wants(req, "LocalManagedPolicy"), wants(req, "AWSManagedPolicy"), resp, err);
}

IDENTITY_STEP(iam, get_account_authorization_details, identity_read)
