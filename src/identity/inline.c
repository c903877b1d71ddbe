/* SPDX-License-Identifier: Apache-2.0 */
/* Inline policies of users, roles and groups. */
#include "identity/engine.h"
#include "identity/quota.h"

static const char *row_id(struct identity_step *s, const char *owner, const char *policy)
{
	return arena_printf(s->a, "%s/%s", owner, policy);
}

/* All inline policies of an owner together, with this one in its old place, have a quota. */
static int check_size(struct identity_step *s, struct db_tx *tx, const char *kind, const char *name,
	const char *owner, const struct towpath_identity_document *doc, struct err *err)
{
	static const struct {
		const char *kind;
		size_t most;
	} quotas[] = {
		{"user", QUOTA_USER_SIZE}, {"group", QUOTA_GROUP_SIZE}, {"role", QUOTA_ROLE_SIZE}};
	struct store_document_filter filter = {.owner = owner};
	size_t n = policy_size(doc->document);
	struct store_documents rows;

	if (store_document_list(tx, &STORE_IAM_INLINE, &filter, s->a, &rows, err) < 0)
		return -1;
	for (size_t i = 0; i < rows.n; i++) {
		const struct towpath_identity_document *other = rows.v[i];

		if (!streq(other->policy_name, doc->policy_name))
			n += policy_size(other->document);
	}
	for (size_t i = 0; i < ARRAY_SIZE(quotas); i++) {
		if (streq(kind, quotas[i].kind) && n > quotas[i].most)
			return err_set_wire(err, "LimitExceeded",
				"Maximum policy size of %zu bytes exceeded for %s %s",
				quotas[i].most, kind, name);
	}
	return 0;
}

static int put_inline(struct identity_step *s, struct db_tx *tx, const char *kind, const char *name,
	const struct towpath_identity_document *doc, struct err *err)
{
	const char *owner;
	struct policy *p;

	if (identity_need_owner(s, tx, kind, name, &owner, err) < 0 ||
		policy_check(view_of(doc->document), POLICY_IDENTITY, s->a, &p, err) < 0 ||
		check_size(s, tx, kind, name, owner, doc, err) < 0)
		return -1;
	return store_document_put(
		tx, &STORE_IAM_INLINE, row_id(s, owner, doc->policy_name), owner, doc, err);
}

static int need_inline(struct identity_step *s, struct db_tx *tx, const char *kind,
	const char *name, const char *policy, struct towpath_identity_document *ret,
	const char **ret_id, struct err *err)
{
	const char *owner;
	int r;

	if (identity_need_owner(s, tx, kind, name, &owner, err) < 0)
		return -1;
	*ret_id = row_id(s, owner, policy);
	r = store_document_get(tx, &STORE_IAM_INLINE, *ret_id, s->a, ret, err);
	if (r < 0)
		return -1;
	if (r == 0)
		return err_set_wire(err, "NoSuchEntity",
			"The %s policy with name %s cannot be found.", kind, policy);
	return 0;
}

static int delete_inline(struct identity_step *s, struct db_tx *tx, const char *kind,
	const char *name, const char *policy, struct err *err)
{
	struct towpath_identity_document doc;
	const char *id;

	if (need_inline(s, tx, kind, name, policy, &doc, &id, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_IAM_INLINE, id, err);
}

static int list_inline(struct identity_step *s, struct db_tx *tx, const char *kind,
	const char *name, struct identity_page *page, struct iam_policy_name_list_type *ret,
	const char **ret_marker, struct wire_bool *ret_truncated, struct err *err)
{
	struct store_documents rows;

	page->kind = &STORE_IAM_INLINE;
	if (identity_need_owner(s, tx, kind, name, &page->owner, err) < 0 ||
		identity_list(s, tx, page, &rows, ret_marker, ret_truncated, err) < 0)
		return -1;
	wire_list_alloc(s->a, ret, rows.n);
	for (size_t i = 0; i < rows.n; i++)
		ret->v[i] = ((struct towpath_identity_document *)rows.v[i])->policy_name;
	return 0;
}

#define INLINE_OPERATIONS(kind)                                                                    \
	static int put_##kind##_policy(struct identity_step *s, struct db_tx *tx, struct err *err) \
	{                                                                                          \
		const struct iam_put_##kind##_policy_request *req = s->req;                        \
		struct towpath_identity_document doc = {                                           \
			.policy_name = req->policy_name, .document = req->policy_document};        \
                                                                                                   \
		return put_inline(s, tx, #kind, req->kind##_name, &doc, err);                      \
	}                                                                                          \
	static int get_##kind##_policy(struct identity_step *s, struct db_tx *tx, struct err *err) \
	{                                                                                          \
		const struct iam_get_##kind##_policy_request *req = s->req;                        \
		struct iam_get_##kind##_policy_response *resp = s->resp;                           \
		struct towpath_identity_document doc;                                              \
		const char *id;                                                                    \
                                                                                                   \
		if (need_inline(                                                                   \
			    s, tx, #kind, req->kind##_name, req->policy_name, &doc, &id, err) < 0) \
			return -1;                                                                 \
		resp->policy_name = doc.policy_name;                                               \
		resp->policy_document = identity_encoded_document(s->a, doc.document);             \
		resp->kind##_name = req->kind##_name;                                              \
		return 0;                                                                          \
	}                                                                                          \
	static int delete_##kind##_policy(                                                         \
		struct identity_step *s, struct db_tx *tx, struct err *err)                        \
	{                                                                                          \
		const struct iam_delete_##kind##_policy_request *req = s->req;                     \
                                                                                                   \
		return delete_inline(s, tx, #kind, req->kind##_name, req->policy_name, err);       \
	}                                                                                          \
	static int list_##kind##_policies(                                                         \
		struct identity_step *s, struct db_tx *tx, struct err *err)                        \
	{                                                                                          \
		const struct iam_list_##kind##_policies_request *req = s->req;                     \
		struct iam_list_##kind##_policies_response *resp = s->resp;                        \
		struct identity_page page = {.marker = req->marker, .max_items = req->max_items};  \
                                                                                                   \
		return list_inline(s, tx, #kind, req->kind##_name, &page, &resp->policy_names,     \
			&resp->marker, &resp->is_truncated, err);                                  \
	}                                                                                          \
	IDENTITY_STEP(iam, put_##kind##_policy, identity_write)                                    \
	IDENTITY_STEP(iam, get_##kind##_policy, identity_read)                                     \
	IDENTITY_STEP(iam, delete_##kind##_policy, identity_write)                                 \
	IDENTITY_STEP(iam, list_##kind##_policies, identity_read)

INLINE_OPERATIONS(user)
INLINE_OPERATIONS(role)
INLINE_OPERATIONS(group)
