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

static int count(struct identity_step *s, struct db_tx *tx, const struct store_document_kind *kind,
	const char *owner, size_t *ret, struct err *err)
{
	struct store_document_filter filter = {.owner = owner};
	struct store_documents rows;

	if (store_document_list(tx, kind, &filter, s->a, &rows, err) < 0)
		return -1;
	*ret = rows.n;
	return 0;
}

int identity_check_free(
	struct identity_step *s, struct db_tx *tx, const char *owner, struct err *err)
{
	static const struct {
		const struct store_document_kind *kind;
		const char *what;
	} holders[] = {
		{&STORE_IAM_ATTACHED, "detach all policies"},
		{&STORE_IAM_INLINE, "delete policies"},
		{&STORE_IAM_KEY, "delete access keys"},
		{&STORE_IAM_GIT, "delete service specific credentials"},
	};
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(holders); i++) {
		if (count(s, tx, holders[i].kind, owner, &n, err) < 0)
			return -1;
		if (n > 0)
			return err_set_wire(err, "DeleteConflict",
				"Cannot delete entity, must %s first.", holders[i].what);
	}
	return 0;
}

static int create_user(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_create_user_request *req = s->req;
	struct iam_create_user_response *resp = s->resp;
	const char *owner = identity_owner(s->a, "user", req->user_name);
	struct iam_user old, *user = arena_new(s->a, struct iam_user);
	int r = store_document_get(tx, &STORE_IAM_USER, owner, s->a, &old, err);

	if (r < 0)
		return -1;
	if (r > 0)
		return err_set_wire(err, "EntityAlreadyExists", "User with name %s already exists.",
			req->user_name);
	if (req->permissions_boundary)
		return err_set(err, ERR_UNSUPPORTED, "permissions boundaries are not implemented");
	*user = (struct iam_user){
		.arn = identity_arn(s->e, s->a, "user", req->path, req->user_name),
		.create_date = WIRE_SET_TIME(durable_now(s->e->durable)),
		.path = req->path ? req->path : "/",
		.tags = req->tags,
		.user_id = arena_strdup(s->a, token_unique_id("AIDA").text),
		.user_name = req->user_name,
	};
	resp->user = user;
	return store_document_put(tx, &STORE_IAM_USER, owner, "", user, err);
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
