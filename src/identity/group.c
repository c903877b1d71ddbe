/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of users. */
#include "crypto/token.h"
#include "identity/engine.h"
#include "identity/quota.h"

int identity_need_group(struct identity_step *s, struct db_tx *tx, const char *name,
	struct iam_group *ret, const char **ret_owner, struct err *err)
{
	int r;

	*ret_owner = identity_owner(s->a, "group", name);
	r = store_document_get(tx, &STORE_IAM_GROUP, *ret_owner, s->a, ret, err);
	if (r < 0)
		return -1;
	return r > 0 ? 0 : identity_no_entity(err, "group", name);
}

static int check_new(struct identity_step *s, struct db_tx *tx, const char *name, struct err *err)
{
	struct iam_group old;
	int r = store_document_get(
		tx, &STORE_IAM_GROUP, identity_owner(s->a, "group", name), s->a, &old, err);

	if (r <= 0)
		return r;
	return err_set_wire(err, "EntityAlreadyExists", "Group with name %s already exists.", name);
}

static int create_group(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_create_group_request *req = s->req;
	struct iam_create_group_response *resp = s->resp;
	struct iam_group *group = arena_new(s->a, struct iam_group);

	if (check_new(s, tx, req->group_name, err) < 0)
		return -1;
	*group = (struct iam_group){
		.arn = identity_arn(s->e, s->a, "group", req->path, req->group_name),
		.create_date = WIRE_SET_TIME(durable_now(s->e->durable)),
		.group_id = arena_strdup(s->a, token_unique_id("AGPA").text),
		.group_name = req->group_name,
		.path = req->path ? req->path : "/",
	};
	resp->group = group;
	return store_document_put(tx, &STORE_IAM_GROUP,
		identity_owner(s->a, "group", req->group_name), "", group, err);
}

static int update_group(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_update_group_request *req = s->req;
	const char *owner, *to, *name = req->new_group_name ? req->new_group_name : req->group_name;
	struct iam_group group;

	if (identity_need_group(s, tx, req->group_name, &group, &owner, err) < 0)
		return -1;
	to = identity_owner(s->a, "group", name);
	if (!streq(to, owner) && check_new(s, tx, name, err) < 0)
		return -1;
	if (req->new_path)
		group.path = req->new_path;
	group.group_name = name;
	group.arn = identity_arn(s->e, s->a, "group", group.path, name);
	if (!streq(to, owner) &&
		(identity_rename_owned(s, tx, owner, to, name, err) < 0 ||
			store_document_delete(tx, &STORE_IAM_GROUP, owner, err) < 0))
		return -1;
	return store_document_put(tx, &STORE_IAM_GROUP, to, "", &group, err);
}

static int list_groups(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_list_groups_request *req = s->req;
	struct iam_list_groups_response *resp = s->resp;
	struct identity_page page = {&STORE_IAM_GROUP, NULL, req->marker, req->max_items};
	struct store_documents rows;
	size_t n = 0;

	if (identity_list(s, tx, &page, &rows, &resp->marker, &resp->is_truncated, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->groups, rows.n);
	for (size_t i = 0; i < rows.n; i++) {
		const struct iam_group *group = rows.v[i];

		if (!req->path_prefix || starts_with(group->path, req->path_prefix))
			resp->groups.v[n++] = *group;
	}
	resp->groups.n = n;
	return 0;
}

/* ---- members ---- */

static const char *member_id(struct identity_step *s, const char *group, const char *user)
{
	return arena_printf(s->a, "%s %s", identity_owner(s->a, "group", group),
		identity_owner(s->a, "user", user));
}

int identity_put_member(struct identity_step *s, struct db_tx *tx,
	const struct towpath_identity_member *m, struct err *err)
{
	return store_document_put(tx, &STORE_IAM_MEMBER, member_id(s, m->group_name, m->user_name),
		identity_owner(s->a, "user", m->user_name), m, err);
}

/* Rows of the members of a group, in the order of their names. */
static int members_of(struct identity_step *s, struct db_tx *tx, const char *group_owner,
	const char *after, size_t max, struct store_documents *ret, struct err *err)
{
	struct store_document_filter filter = {
		.prefix = arena_printf(s->a, "%s ", group_owner), .after = after, .max = max};

	return store_document_list(tx, &STORE_IAM_MEMBER, &filter, s->a, ret, err);
}

/* Both must be there; *ret has their names as they are written. */
static int need_both(struct identity_step *s, struct db_tx *tx, const char *group_name,
	const char *user_name, struct towpath_identity_member *ret, struct err *err)
{
	struct iam_group group;
	struct iam_user user;
	const char *owner;

	if (identity_need_group(s, tx, group_name, &group, &owner, err) < 0 ||
		identity_need_user(s, tx, user_name, &user, &owner, err) < 0)
		return -1;
	*ret = (struct towpath_identity_member){
		.group_name = group.group_name, .user_name = user.user_name};
	return 0;
}

static int add_user_to_group(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_add_user_to_group_request *req = s->req;
	const char *owner = identity_owner(s->a, "user", req->user_name);
	struct towpath_identity_member m, old;
	size_t n;
	int r;

	if (need_both(s, tx, req->group_name, req->user_name, &m, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_IAM_MEMBER, member_id(s, req->group_name, req->user_name),
		s->a, &old, err);
	if (r != 0) /* is a member already */
		return MIN(r, 0);
	if (identity_count(s, tx, &STORE_IAM_MEMBER, owner, &n, err) < 0)
		return -1;
	if (n >= QUOTA_GROUPS_OF_USER)
		return err_set_wire(err, "LimitExceeded",
			"Cannot exceed quota for GroupsPerUser: %d", QUOTA_GROUPS_OF_USER);
	return identity_put_member(s, tx, &m, err);
}

static int remove_user_from_group(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_remove_user_from_group_request *req = s->req;
	struct towpath_identity_member m;

	if (need_both(s, tx, req->group_name, req->user_name, &m, err) < 0)
		return -1;
	return store_document_delete(
		tx, &STORE_IAM_MEMBER, member_id(s, req->group_name, req->user_name), err);
}

static int get_group(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_get_group_request *req = s->req;
	struct iam_get_group_response *resp = s->resp;
	size_t max = (size_t)wire_or(req->max_items, 100);
	struct store_documents rows;
	const char *owner;

	resp->group = arena_new(s->a, struct iam_group);
	if (identity_need_group(s, tx, req->group_name, resp->group, &owner, err) < 0 ||
		members_of(s, tx, owner, req->marker, max + 1, &rows, err) < 0)
		return -1;
	resp->is_truncated = WIRE_SET_BOOL(rows.n > max);
	if (rows.n > max) {
		rows.n = max;
		resp->marker = rows.ids[max - 1];
	}
	wire_list_alloc(s->a, &resp->users, rows.n);
	for (size_t i = 0; i < rows.n; i++) {
		const struct towpath_identity_member *m = rows.v[i];

		if (identity_need_user(s, tx, m->user_name, &resp->users.v[i], &owner, err) < 0)
			return -1;
	}
	return 0;
}

static int delete_group(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_delete_group_request *req = s->req;
	struct store_documents rows;
	struct iam_group group;
	const char *owner;

	if (identity_need_group(s, tx, req->group_name, &group, &owner, err) < 0 ||
		identity_check_free(s, tx, owner, err) < 0 ||
		members_of(s, tx, owner, NULL, 1, &rows, err) < 0)
		return -1;
	if (rows.n)
		return err_set_wire(err, "DeleteConflict",
			"Cannot delete entity, must remove users from group first.");
	return store_document_delete(tx, &STORE_IAM_GROUP, owner, err);
}

static int list_groups_for_user(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_list_groups_for_user_request *req = s->req;
	struct iam_list_groups_for_user_response *resp = s->resp;
	struct identity_page page = {
		.kind = &STORE_IAM_MEMBER, .marker = req->marker, .max_items = req->max_items};
	struct store_documents rows;
	struct iam_user user;
	const char *owner;

	if (identity_need_user(s, tx, req->user_name, &user, &page.owner, err) < 0 ||
		identity_list(s, tx, &page, &rows, &resp->marker, &resp->is_truncated, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->groups, rows.n);
	for (size_t i = 0; i < rows.n; i++) {
		const struct towpath_identity_member *m = rows.v[i];

		if (identity_need_group(s, tx, m->group_name, &resp->groups.v[i], &owner, err) < 0)
			return -1;
	}
	return 0;
}

IDENTITY_STEP(iam, add_user_to_group, identity_write)
IDENTITY_STEP(iam, create_group, identity_write)
IDENTITY_STEP(iam, delete_group, identity_write)
IDENTITY_STEP(iam, get_group, identity_read)
IDENTITY_STEP(iam, list_groups, identity_read)
IDENTITY_STEP(iam, list_groups_for_user, identity_read)
IDENTITY_STEP(iam, remove_user_from_group, identity_write)
IDENTITY_STEP(iam, update_group, identity_write)
