/* SPDX-License-Identifier: Apache-2.0 */
/* Names, ARNs and the sentences that name them. */
#include <ctype.h>

#include "base/log.h"
#include "identity/engine.h"

char *identity_owner(struct arena *a, const char *kind, const char *name)
{
	char *text = arena_printf(a, "%s/%s", kind, name);

	for (char *p = text; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return text;
}

char *identity_arn(struct identity_engine *e, struct arena *a, const char *kind, const char *path,
	const char *name)
{
	return arena_printf(a, "arn:aws:iam::%s:%s%s%s", e->account, kind, path ? path : "/", name);
}

struct find_arn {
	const char *kind, *owner;
	struct arena *a;
	const char *arn;
};

static int find_arn(struct db_tx *tx, void *arg, struct err *err)
{
	struct find_arn *f = arg;
	union {
		struct iam_user user;
		struct iam_role role;
		struct iam_group group;
		struct iam_instance_profile profile;
		struct iam_server_certificate certificate;
	} row;
	const struct {
		const char *kind;
		const struct store_document_kind *store;
		const char **arn;
	} kinds[] = {{"user", &STORE_IAM_USER, &row.user.arn},
		{"role", &STORE_IAM_ROLE, &row.role.arn},
		{"group", &STORE_IAM_GROUP, &row.group.arn},
		{"instance-profile", &STORE_IAM_PROFILE, &row.profile.arn},
		{"server-certificate", &STORE_IAM_CERTIFICATE, NULL}};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int r;

		if (!streq(kinds[i].kind, f->kind))
			continue;
		r = store_document_get(tx, kinds[i].store, f->owner, f->a, &row, err);
		if (r > 0)
			f->arn = kinds[i].arn ? *kinds[i].arn
					      : row.certificate.server_certificate_metadata->arn;
		return r < 0 ? -1 : 0;
	}
	return 0;
}

const char *identity_find_arn(
	struct identity_engine *e, struct call *call, const char *kind, const char *name)
{
	struct find_arn f = {.kind = kind, .a = call->arena};
	struct err why CLEANUP_ERR = ERR_INIT;

	if (!name)
		return call->principal_arn;
	f.owner = identity_owner(call->arena, kind, name);
	if (db_read(durable_db(e->durable), find_arn, &f, &why) < 0)
		log_err("identity", &why, "%s %s", kind, name);
	return f.arn ? f.arn : identity_arn(e, call->arena, kind, NULL, name);
}

struct find_boundary {
	bool user;
	const char *owner;
	struct arena *a;
	const char *arn;
};

static int find_boundary(struct db_tx *tx, void *arg, struct err *err)
{
	struct find_boundary *f = arg;
	struct iam_user user = {0};
	struct iam_role role = {0};
	int r = f->user ? store_document_get(tx, &STORE_IAM_USER, f->owner, f->a, &user, err)
			: store_document_get(tx, &STORE_IAM_ROLE, f->owner, f->a, &role, err);
	const struct iam_attached_permissions_boundary *set =
		f->user ? user.permissions_boundary : role.permissions_boundary;

	if (r > 0 && set)
		f->arn = set->permissions_boundary_arn;
	return r < 0 ? -1 : 0;
}

const char *identity_find_boundary(
	struct identity_engine *e, struct call *call, bool user, const char *name)
{
	struct find_boundary f = {.user = user, .a = call->arena};
	struct err why CLEANUP_ERR = ERR_INIT;

	f.owner = identity_owner(call->arena, user ? "user" : "role", name);
	if (db_read(durable_db(e->durable), find_boundary, &f, &why) < 0)
		log_err("identity", &why, "the permissions boundary of %s", name);
	return f.arn;
}

const char *identity_arn_name(const char *arn)
{
	const char *slash = strrchr(arn, '/');

	return slash ? slash + 1 : arn;
}

const char *identity_encoded_document(struct arena *a, const char *document)
{
	static const char hex[] = "0123456789ABCDEF";
	struct str out CLEANUP_STR = STR_INIT;

	for (const char *p = document; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			strchr("-._~", c)) {
			str_add_c(&out, *p);
		} else {
			str_add_c(&out, '%');
			str_add_c(&out, hex[c >> 4]);
			str_add_c(&out, hex[c & 15]);
		}
	}
	return arena_view_dup(a, str_view(&out));
}

int identity_no_entity(struct err *err, const char *kind, const char *name)
{
	return err_set_wire(
		err, "NoSuchEntity", "The %s with name %s cannot be found.", kind, name);
}

const char *identity_user_or_self(struct call *call, const char *name, struct err *err)
{
	if (name)
		return name;
	if (strstr(call->principal_arn, ":user/"))
		return identity_arn_name(call->principal_arn);
	err_set_wire(err, "ValidationError",
		"Must specify userName when calling with non-User credentials");
	return NULL;
}
