/* SPDX-License-Identifier: Apache-2.0 */
/* Users. */
#include "crypto/token.h"
#include "identity/engine.h"

int identity_need_user(struct identity_step *s, struct db_tx *tx, const char *name,
	struct iam_user *ret, const char **ret_owner, struct err *err)
{
	int r;

	*ret_owner = identity_owner(s->a, "user", name);
	r = store_document_get(tx, &STORE_IAM_USER, *ret_owner, s->a, ret, err);
	if (r < 0)
		return -1;
	return r > 0 ? 0 : identity_no_entity(err, "user", name);
}

static int create_user(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_create_user_request *req = s->req;
	struct iam_create_user_response *resp = s->resp;
	const char *owner = identity_owner(s->a, "user", req->user_name);
	struct iam_user old, *user = arena_new(s->a, struct iam_user);
	struct iam_attached_permissions_boundary *boundary;
	int r = store_document_get(tx, &STORE_IAM_USER, owner, s->a, &old, err);

	if (r < 0)
		return -1;
	if (r > 0)
		return err_set_wire(err, "EntityAlreadyExists", "User with name %s already exists.",
			req->user_name);
	if (identity_check_tags(&req->tags, err) < 0 ||
		identity_new_boundary(s, tx, req->permissions_boundary, &boundary, err) < 0)
		return -1;
	*user = (struct iam_user){
		.arn = identity_arn(s->e, s->a, "user", req->path, req->user_name),
		.create_date = WIRE_SET_TIME(durable_now(s->e->durable)),
		.path = req->path ? req->path : "/",
		.permissions_boundary = boundary,
		.tags = req->tags,
		.user_id = arena_strdup(s->a, token_unique_id("AIDA").text),
		.user_name = req->user_name,
	};
	resp->user = user;
	return store_document_put(tx, &STORE_IAM_USER, owner, "", user, err);
}

static int update_user(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_update_user_request *req = s->req;
	const char *owner, *to, *name = req->new_user_name ? req->new_user_name : req->user_name;
	struct iam_user user, taken;
	int r;

	if (identity_need_user(s, tx, req->user_name, &user, &owner, err) < 0)
		return -1;
	to = identity_owner(s->a, "user", name);
	r = streq(to, owner) ? 0 : store_document_get(tx, &STORE_IAM_USER, to, s->a, &taken, err);
	if (r < 0)
		return -1;
	if (r > 0)
		return err_set_wire(
			err, "EntityAlreadyExists", "User with name %s already exists.", name);
	if (req->new_path)
		user.path = req->new_path;
	if (req->new_user_name)
		user.user_name = req->new_user_name;
	user.arn = identity_arn(s->e, s->a, "user", user.path, user.user_name);
	if (!streq(to, owner) &&
		(identity_rename_owned(s, tx, owner, to, user.user_name, err) < 0 ||
			store_document_delete(tx, &STORE_IAM_USER, owner, err) < 0))
		return -1;
	return store_document_put(tx, &STORE_IAM_USER, to, "", &user, err);
}

static int delete_user(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_delete_user_request *req = s->req;
	struct iam_user user;
	const char *owner;

	if (identity_need_user(s, tx, req->user_name, &user, &owner, err) < 0 ||
		identity_check_free(s, tx, owner, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_IAM_USER, owner, err);
}

static int get_user(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_get_user_request *req = s->req;
	struct iam_get_user_response *resp = s->resp;
	struct iam_user *user = arena_new(s->a, struct iam_user);
	const char *name = req->user_name, *owner;

	resp->user = user;
	if (!name && strstr(s->call->principal_arn, ":root")) {
		*user = (struct iam_user){
			.arn = s->call->principal_arn,
			.create_date = WIRE_SET_TIME(0),
			.path = "/",
			.user_id = s->e->account,
			.user_name = "root",
		};
		return 0;
	}
	name = identity_user_or_self(s->call, name, err);
	return name ? identity_need_user(s, tx, name, user, &owner, err) : -1;
}

static int list_users(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_list_users_request *req = s->req;
	struct iam_list_users_response *resp = s->resp;
	struct identity_page page = {&STORE_IAM_USER, NULL, req->marker, req->max_items};
	struct store_documents rows;
	size_t n = 0;

	if (identity_list(s, tx, &page, &rows, &resp->marker, &resp->is_truncated, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->users, rows.n);
	for (size_t i = 0; i < rows.n; i++) {
		const struct iam_user *user = rows.v[i];

		if (!req->path_prefix || starts_with(user->path, req->path_prefix))
			resp->users.v[n++] = *user;
	}
	resp->users.n = n;
	return 0;
}

IDENTITY_STEP(iam, create_user, identity_write)
IDENTITY_STEP(iam, delete_user, identity_write)
IDENTITY_STEP(iam, get_user, identity_read)
IDENTITY_STEP(iam, list_users, identity_read)
IDENTITY_STEP(iam, update_user, identity_write)

int identity_get_caller_identity(struct identity_engine *e, struct call *call,
	const struct sts_get_caller_identity_request *req,
	struct sts_get_caller_identity_response *resp, struct err *err)
{
	(void)req, (void)err;
	resp->account = e->account;
	resp->arn = call->principal_arn;
	resp->user_id = call->principal_id;
	return 0;
}
