/* SPDX-License-Identifier: Apache-2.0 */
/* What users, roles and groups have in common: the things that hang on them, boundaries, tags. */
#include <stddef.h>
#include <strings.h>

#include "identity/engine.h"

#define MAX_TAGS 50

int identity_need_owner(struct identity_step *s, struct db_tx *tx, const char *kind,
	const char *name, const char **ret_owner, struct err *err)
{
	struct iam_user user;
	struct iam_role role;
	struct iam_group group;

	if (streq(kind, "user"))
		return identity_need_user(s, tx, name, &user, ret_owner, err);
	if (streq(kind, "group"))
		return identity_need_group(s, tx, name, &group, ret_owner, err);
	return identity_need_role(s, tx, name, &role, ret_owner, err);
}

int identity_count(struct identity_step *s, struct db_tx *tx,
	const struct store_document_kind *kind, const char *owner, size_t *ret, struct err *err)
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
		{&STORE_IAM_SSH, "delete ssh public keys"},
		{&STORE_IAM_MEMBER, "remove users from group"},
	};
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(holders); i++) {
		if (identity_count(s, tx, holders[i].kind, owner, &n, err) < 0)
			return -1;
		if (n > 0)
			return err_set_wire(err, "DeleteConflict",
				"Cannot delete entity, must %s first.", holders[i].what);
	}
	return 0;
}

/* ---- new names ---- */

/* Documents whose ids start with their owner's name get new ones, and those that hold the name of
 * their user the new name. */
static const struct owned {
	const struct store_document_kind *kind;
	bool id_has_owner;
	size_t name; /* offset of the name, or SIZE_MAX */
} owned[] = {
	{&STORE_IAM_ATTACHED, true, SIZE_MAX},
	{&STORE_IAM_INLINE, true, SIZE_MAX},
	{&STORE_IAM_KEY, false, offsetof(struct iam_access_key, user_name)},
	{&STORE_IAM_GIT, false, offsetof(struct iam_service_specific_credential, user_name)},
	{&STORE_IAM_SSH, false, offsetof(struct iam_ssh_public_key, user_name)},
};

static int move(struct identity_step *s, struct db_tx *tx, const struct owned *o, const char *from,
	const char *to, const char *new_name, struct err *err)
{
	struct store_document_filter filter = {.owner = from};
	struct store_documents rows;

	if (store_document_list(tx, o->kind, &filter, s->a, &rows, err) < 0)
		return -1;
	for (size_t i = 0; i < rows.n; i++) {
		const char *id = rows.ids[i];

		if (o->id_has_owner)
			id = arena_printf(s->a, "%s%s", to, rows.ids[i] + strlen(from));
		if (o->name != SIZE_MAX)
			*(const char **)((char *)rows.v[i] + o->name) = new_name;
		if (store_document_delete(tx, o->kind, rows.ids[i], err) < 0 ||
			store_document_put(tx, o->kind, id, to, rows.v[i], err) < 0)
			return -1;
	}
	return 0;
}

/* Memberships name both sides: "<group> <user>", owned by the user. */
static int move_members(struct identity_step *s, struct db_tx *tx, const char *from,
	const char *new_name, struct err *err)
{
	struct store_document_filter filter = {0};
	struct store_documents rows;
	bool group = starts_with(from, "group/");

	if (store_document_list(tx, &STORE_IAM_MEMBER, &filter, s->a, &rows, err) < 0)
		return -1;
	for (size_t i = 0; i < rows.n; i++) {
		struct towpath_identity_member *m = rows.v[i];
		const char **name = group ? &m->group_name : &m->user_name;

		if (!streq(identity_owner(s->a, group ? "group" : "user", *name), from))
			continue;
		*name = new_name;
		if (store_document_delete(tx, &STORE_IAM_MEMBER, rows.ids[i], err) < 0 ||
			identity_put_member(s, tx, m, err) < 0)
			return -1;
	}
	return 0;
}

int identity_rename_owned(struct identity_step *s, struct db_tx *tx, const char *from,
	const char *to, const char *new_name, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(owned); i++) {
		if (move(s, tx, &owned[i], from, to, new_name, err) < 0)
			return -1;
	}
	return move_members(s, tx, from, new_name, err);
}

/* ---- permissions boundaries ---- */

int identity_new_boundary(struct identity_step *s, struct db_tx *tx, const char *arn,
	struct iam_attached_permissions_boundary **ret, struct err *err)
{
	struct iam_policy p;

	*ret = NULL;
	if (!arn)
		return 0;
	if (identity_need_policy(s, tx, arn, &p, err) < 0)
		return -1;
	*ret = arena_new(s->a, struct iam_attached_permissions_boundary);
	**ret = (struct iam_attached_permissions_boundary){.permissions_boundary_arn = arn,
		.permissions_boundary_type = "PermissionsBoundaryPolicy"};
	return 0;
}

static int set_user_boundary(struct identity_step *s, struct db_tx *tx, const char *name,
	const char *arn, struct err *err)
{
	struct iam_user user;
	const char *owner;

	if (identity_need_user(s, tx, name, &user, &owner, err) < 0 ||
		identity_new_boundary(s, tx, arn, &user.permissions_boundary, err) < 0)
		return -1;
	return store_document_put(tx, &STORE_IAM_USER, owner, "", &user, err);
}

static int set_role_boundary(struct identity_step *s, struct db_tx *tx, const char *name,
	const char *arn, struct err *err)
{
	struct iam_role role;
	const char *owner;

	if (identity_need_role(s, tx, name, &role, &owner, err) < 0 ||
		identity_new_boundary(s, tx, arn, &role.permissions_boundary, err) < 0)
		return -1;
	return store_document_put(tx, &STORE_IAM_ROLE, owner, "", &role, err);
}

#define BOUNDARY_OPERATIONS(kind)                                                            \
	static int put_##kind##_permissions_boundary(                                        \
		struct identity_step *s, struct db_tx *tx, struct err *err)                  \
	{                                                                                    \
		const struct iam_put_##kind##_permissions_boundary_request *req = s->req;    \
                                                                                             \
		return set_##kind##_boundary(                                                \
			s, tx, req->kind##_name, req->permissions_boundary, err);            \
	}                                                                                    \
	static int delete_##kind##_permissions_boundary(                                     \
		struct identity_step *s, struct db_tx *tx, struct err *err)                  \
	{                                                                                    \
		const struct iam_delete_##kind##_permissions_boundary_request *req = s->req; \
                                                                                             \
		return set_##kind##_boundary(s, tx, req->kind##_name, NULL, err);            \
	}                                                                                    \
	IDENTITY_STEP(iam, put_##kind##_permissions_boundary, identity_write)                \
	IDENTITY_STEP(iam, delete_##kind##_permissions_boundary, identity_write)

BOUNDARY_OPERATIONS(user)
BOUNDARY_OPERATIONS(role)

/* ---- tags ---- */

int identity_check_tags(const struct iam_tag_list_type *tags, struct err *err)
{
	if (tags->n > MAX_TAGS)
		return err_set_wire(err, "LimitExceeded",
			"The number of tags has reached the maximum limit of %d.", MAX_TAGS);
	for (size_t i = 0; i < tags->n; i++) {
		if (strncasecmp(tags->v[i].key, "aws:", 4) == 0)
			return err_set_wire(err, "InvalidInput",
				"Tag keys that begin with aws: are the service's own: %s",
				tags->v[i].key);
		for (size_t k = 0; k < i; k++) {
			if (strcasecmp(tags->v[i].key, tags->v[k].key) == 0)
				return err_set_wire(err, "InvalidInput",
					"Duplicate tag keys found. Please note that Tag keys are "
					"case insensitive.");
		}
	}
	return 0;
}
