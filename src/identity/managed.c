/* SPDX-License-Identifier: Apache-2.0 */
/* Managed policies, AWS's own by name, and what they hang on. */
#include "identity/managed_aws.h"

#include <ctype.h>
#include <strings.h>

#include "crypto/token.h"
#include "identity/engine.h"
#include "identity/quota.h"

int identity_managed_document(
	struct db_tx *tx, const char *arn, struct arena *a, const char **ret, struct err *err)
{
	const struct managed_aws *built_in = managed_aws_find(arn);
	struct towpath_identity_document doc;
	int r;

	if (built_in) {
		*ret = built_in->document;
		return 1;
	}
	r = store_document_get(tx, &STORE_IAM_DOCUMENT, arn, a, &doc, err);
	if (r > 0)
		*ret = doc.document;
	return r;
}

static void add_bounded(struct identity_bounded_list *ret, const char *owner,
	const struct iam_attached_permissions_boundary *boundary)
{
	if (boundary)
		ret->v[ret->n++] =
			(struct identity_bounded){owner, boundary->permissions_boundary_arn};
}

int identity_bounded(struct identity_step *s, struct db_tx *tx, struct identity_bounded_list *ret,
	struct err *err)
{
	struct store_document_filter filter = {0};
	struct store_documents users, roles;

	if (store_document_list(tx, &STORE_IAM_USER, &filter, s->a, &users, err) < 0 ||
		store_document_list(tx, &STORE_IAM_ROLE, &filter, s->a, &roles, err) < 0)
		return -1;
	*ret = (struct identity_bounded_list){
		arena_new_n(s->a, users.n + roles.n + 1, struct identity_bounded), 0};
	for (size_t i = 0; i < users.n; i++)
		add_bounded(
			ret, users.ids[i], ((struct iam_user *)users.v[i])->permissions_boundary);
	for (size_t i = 0; i < roles.n; i++)
		add_bounded(
			ret, roles.ids[i], ((struct iam_role *)roles.v[i])->permissions_boundary);
	return 0;
}

size_t identity_count_bounded(const struct identity_bounded_list *list, const char *arn)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += streq(list->v[i].arn, arn);
	return n;
}

static int no_policy(struct err *err, const char *arn)
{
	return err_set_wire(
		err, "NoSuchEntity", "Policy %s does not exist or is not attachable.", arn);
}

/* How many users, roles and groups have it. */
static int count_attached(
	struct identity_step *s, struct db_tx *tx, const char *arn, size_t *ret, struct err *err)
{
	struct store_document_filter filter = {0};
	struct store_documents rows;

	*ret = 0;
	if (store_document_list(tx, &STORE_IAM_ATTACHED, &filter, s->a, &rows, err) < 0)
		return -1;
	for (size_t i = 0; i < rows.n; i++)
		*ret += streq(((struct iam_attached_policy *)rows.v[i])->policy_arn, arn);
	return 0;
}

int identity_need_policy(struct identity_step *s, struct db_tx *tx, const char *arn,
	struct iam_policy *ret, struct err *err)
{
	const struct managed_aws *built_in = managed_aws_find(arn);
	size_t n;
	int r;

	if (built_in) {
		*ret = (struct iam_policy){
			.arn = arn,
			.create_date = WIRE_SET_TIME(0),
			.default_version_id = "v1",
			.is_attachable = WIRE_SET_BOOL(true),
			.path = managed_aws_folder(built_in, s->a),
			.policy_name = identity_arn_name(arn),
			.policy_id = "ANPATOWPATHBUILTIN",
			.update_date = WIRE_SET_TIME(0),
		};
	} else {
		r = store_document_get(tx, &STORE_IAM_POLICY, arn, s->a, ret, err);
		if (r < 0)
			return -1;
		if (r == 0)
			return no_policy(err, arn);
	}
	if (count_attached(s, tx, arn, &n, err) < 0)
		return -1;
	ret->attachment_count = WIRE_SET_INT(n);
	return 0;
}

int identity_check_managed(const char *document, struct arena *a, struct err *err)
{
	struct policy *p;

	if (policy_check(view_of(document), POLICY_IDENTITY, a, &p, err) < 0)
		return -1;
	if (policy_size(document) > QUOTA_MANAGED_SIZE)
		return err_set_wire(err, "LimitExceeded", "Cannot exceed quota for PolicySize: %d",
			QUOTA_MANAGED_SIZE);
	return 0;
}

/* Names are unique in the account, whatever their paths and letter case. */
static int check_name(struct identity_step *s, struct db_tx *tx, const char *name, struct err *err)
{
	struct store_document_filter filter = {0};
	struct store_documents rows;

	if (store_document_list(tx, &STORE_IAM_POLICY, &filter, s->a, &rows, err) < 0)
		return -1;
	for (size_t i = 0; i < rows.n; i++) {
		if (strcasecmp(identity_arn_name(rows.ids[i]), name) == 0)
			return err_set_wire(err, "EntityAlreadyExists",
				"A policy called %s already exists. Duplicate names are not "
				"allowed.",
				name);
	}
	return 0;
}

static int create_policy(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_create_policy_request *req = s->req;
	struct iam_create_policy_response *resp = s->resp;
	struct iam_policy *p = arena_new(s->a, struct iam_policy);
	struct towpath_identity_document doc = {
		.policy_name = req->policy_name, .document = req->policy_document};
	struct wire_time now = WIRE_SET_TIME(durable_now(s->e->durable));
	struct iam_policy_version first = {
		.create_date = now,
		.document = req->policy_document,
		.is_default_version = WIRE_SET_BOOL(true),
		.version_id = "v1",
	};

	*p = (struct iam_policy){
		.arn = identity_arn(s->e, s->a, "policy", req->path, req->policy_name),
		.attachment_count = WIRE_SET_INT(0),
		.create_date = now,
		.default_version_id = "v1",
		.description = req->description,
		.is_attachable = WIRE_SET_BOOL(true),
		.path = req->path ? req->path : "/",
		.policy_id = arena_strdup(s->a, token_unique_id("ANPA").text),
		.policy_name = req->policy_name,
		.tags = req->tags,
		.update_date = now,
	};
	if (check_name(s, tx, req->policy_name, err) < 0 ||
		identity_check_managed(doc.document, s->a, err) < 0 ||
		identity_check_tags(&req->tags, err) < 0)
		return -1;
	resp->policy = p;
	if (store_document_put(tx, &STORE_IAM_POLICY, p->arn, "", p, err) < 0 ||
		identity_put_version(s, tx, p->arn, &first, err) < 0)
		return -1;
	return store_document_put(tx, &STORE_IAM_DOCUMENT, p->arn, "", &doc, err);
}

static int get_policy(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_get_policy_request *req = s->req;
	struct iam_get_policy_response *resp = s->resp;
	struct identity_bounded_list bounded;

	resp->policy = arena_new(s->a, struct iam_policy);
	if (identity_need_policy(s, tx, req->policy_arn, resp->policy, err) < 0 ||
		identity_bounded(s, tx, &bounded, err) < 0)
		return -1;
	resp->policy->permissions_boundary_usage_count =
		WIRE_SET_INT(identity_count_bounded(&bounded, req->policy_arn));
	return 0;
}

static int delete_policy(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_delete_policy_request *req = s->req;
	struct identity_bounded_list bounded;
	struct iam_policy p;
	size_t n;

	if (identity_need_policy(s, tx, req->policy_arn, &p, err) < 0)
		return -1;
	if (managed_aws_find(req->policy_arn))
		return err_set_wire(err, "NoSuchEntity", "Policy %s is built in.", req->policy_arn);
	if (identity_bounded(s, tx, &bounded, err) < 0)
		return -1;
	if (p.attachment_count.v > 0 || identity_count_bounded(&bounded, req->policy_arn) > 0)
		return err_set_wire(
			err, "DeleteConflict", "Cannot delete a policy attached to entities.");
	if (identity_count(s, tx, &STORE_IAM_VERSION, req->policy_arn, &n, err) < 0)
		return -1;
	if (n > 1)
		return err_set_wire(err, "DeleteConflict",
			"This policy has more than one version. Before you delete a policy, you "
			"must delete the policy's versions.");
	if (store_document_delete_owned(tx, &STORE_IAM_VERSION, req->policy_arn, err) < 0 ||
		store_document_delete(tx, &STORE_IAM_DOCUMENT, req->policy_arn, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_IAM_POLICY, req->policy_arn, err);
}

IDENTITY_STEP(iam, create_policy, identity_write)
IDENTITY_STEP(iam, get_policy, identity_read)
IDENTITY_STEP(iam, delete_policy, identity_write)

/* ---- attachments ---- */

static int attach(struct identity_step *s, struct db_tx *tx, const char *kind, const char *name,
	const char *arn, struct err *err)
{
	struct iam_attached_policy row;
	struct iam_policy p;
	const char *owner, *id;
	size_t n;
	int r;

	if (identity_need_owner(s, tx, kind, name, &owner, err) < 0 ||
		identity_need_policy(s, tx, arn, &p, err) < 0)
		return -1;
	id = arena_printf(s->a, "%s %s", owner, arn);
	r = store_document_get(tx, &STORE_IAM_ATTACHED, id, s->a, &row, err);
	if (r != 0) /* once more changes nothing */
		return MIN(r, 0);
	if (identity_count(s, tx, &STORE_IAM_ATTACHED, owner, &n, err) < 0)
		return -1;
	if (n >= QUOTA_ATTACHED)
		return err_set_wire(err, "LimitExceeded",
			"Cannot exceed quota for PoliciesPer%c%s: %d",
			toupper((unsigned char)kind[0]), kind + 1, QUOTA_ATTACHED);
	row = (struct iam_attached_policy){.policy_arn = arn, .policy_name = p.policy_name};
	return store_document_put(tx, &STORE_IAM_ATTACHED, id, owner, &row, err);
}

static int detach(struct identity_step *s, struct db_tx *tx, const char *kind, const char *name,
	const char *arn, struct err *err)
{
	struct iam_attached_policy row;
	const char *owner, *id;
	int r;

	if (identity_need_owner(s, tx, kind, name, &owner, err) < 0)
		return -1;
	id = arena_printf(s->a, "%s %s", owner, arn);
	r = store_document_get(tx, &STORE_IAM_ATTACHED, id, s->a, &row, err);
	if (r < 0)
		return -1;
	if (r == 0)
		return err_set_wire(err, "NoSuchEntity", "Policy %s was not found.", arn);
	return store_document_delete(tx, &STORE_IAM_ATTACHED, id, err);
}

/* "/team/" of arn:aws:iam::<account>:policy/team/name */
static bool has_path(const char *arn, const char *prefix)
{
	const char *path = strstr(arn, ":policy/");

	return !prefix || (path && starts_with(path + strlen(":policy"), prefix) &&
				  strlen(prefix) <= strlen(path + strlen(":policy")) -
							    strlen(identity_arn_name(arn)));
}

/* A page of what is attached. Of a path: those of the page that have it. */
static int list_attached(struct identity_step *s, struct db_tx *tx, const char *kind,
	const char *name, const char *path, struct identity_page *page,
	struct iam_attached_policies_list_type *ret, const char **ret_marker,
	struct wire_bool *ret_truncated, struct err *err)
{
	struct store_documents rows;

	page->kind = &STORE_IAM_ATTACHED;
	if (identity_need_owner(s, tx, kind, name, &page->owner, err) < 0 ||
		identity_list(s, tx, page, &rows, ret_marker, ret_truncated, err) < 0)
		return -1;
	wire_list_alloc(s->a, ret, rows.n);
	ret->n = 0;
	for (size_t i = 0; i < rows.n; i++) {
		const struct iam_attached_policy *row = rows.v[i];

		if (has_path(row->policy_arn, path))
			ret->v[ret->n++] = *row;
	}
	return 0;
}

#define ATTACH_OPERATIONS(kind)                                                                   \
	static int attach_##kind##_policy(                                                        \
		struct identity_step *s, struct db_tx *tx, struct err *err)                       \
	{                                                                                         \
		const struct iam_attach_##kind##_policy_request *req = s->req;                    \
                                                                                                  \
		return attach(s, tx, #kind, req->kind##_name, req->policy_arn, err);              \
	}                                                                                         \
	static int detach_##kind##_policy(                                                        \
		struct identity_step *s, struct db_tx *tx, struct err *err)                       \
	{                                                                                         \
		const struct iam_detach_##kind##_policy_request *req = s->req;                    \
                                                                                                  \
		return detach(s, tx, #kind, req->kind##_name, req->policy_arn, err);              \
	}                                                                                         \
	static int list_attached_##kind##_policies(                                               \
		struct identity_step *s, struct db_tx *tx, struct err *err)                       \
	{                                                                                         \
		const struct iam_list_attached_##kind##_policies_request *req = s->req;           \
		struct iam_list_attached_##kind##_policies_response *resp = s->resp;              \
		struct identity_page page = {.marker = req->marker, .max_items = req->max_items}; \
                                                                                                  \
		return list_attached(s, tx, #kind, req->kind##_name, req->path_prefix, &page,     \
			&resp->attached_policies, &resp->marker, &resp->is_truncated, err);       \
	}                                                                                         \
	IDENTITY_STEP(iam, attach_##kind##_policy, identity_write)                                \
	IDENTITY_STEP(iam, detach_##kind##_policy, identity_write)                                \
	IDENTITY_STEP(iam, list_attached_##kind##_policies, identity_read)

ATTACH_OPERATIONS(user)
ATTACH_OPERATIONS(role)
ATTACH_OPERATIONS(group)
