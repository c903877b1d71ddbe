/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of users, roles, managed policies, instance profiles, server certificates and OIDC
 * providers. */
#include <strings.h>

#include "identity/engine.h"

/* Something that has tags, loaded. */
struct tagged {
	const struct store_document_kind *kind;
	const char *id;
	union {
		struct iam_user user;
		struct iam_role role;
		struct iam_policy policy;
		struct iam_instance_profile profile;
		struct iam_server_certificate certificate;
		struct iam_get_open_id_connect_provider_response provider;
	} doc;
	struct iam_tag_list_type *tags;
};

static int find_user(struct identity_step *s, struct db_tx *tx, const char *name, struct tagged *t,
	struct err *err)
{
	t->kind = &STORE_IAM_USER;
	t->tags = &t->doc.user.tags;
	return identity_need_user(s, tx, name, &t->doc.user, &t->id, err);
}

static int find_role(struct identity_step *s, struct db_tx *tx, const char *name, struct tagged *t,
	struct err *err)
{
	t->kind = &STORE_IAM_ROLE;
	t->tags = &t->doc.role.tags;
	return identity_need_role(s, tx, name, &t->doc.role, &t->id, err);
}

static int find_policy(struct identity_step *s, struct db_tx *tx, const char *arn, struct tagged *t,
	struct err *err)
{
	t->kind = &STORE_IAM_POLICY;
	t->tags = &t->doc.policy.tags;
	t->id = arn;
	return identity_need_policy(s, tx, arn, &t->doc.policy, err);
}

static int find_instance_profile(struct identity_step *s, struct db_tx *tx, const char *name,
	struct tagged *t, struct err *err)
{
	t->kind = &STORE_IAM_PROFILE;
	t->tags = &t->doc.profile.tags;
	return identity_need_profile(s, tx, name, &t->doc.profile, &t->id, err);
}

static int find_server_certificate(struct identity_step *s, struct db_tx *tx, const char *name,
	struct tagged *t, struct err *err)
{
	t->kind = &STORE_IAM_CERTIFICATE;
	t->tags = &t->doc.certificate.tags;
	return identity_need_certificate(s, tx, name, &t->doc.certificate, &t->id, err);
}

static int find_open_id_connect_provider(struct identity_step *s, struct db_tx *tx, const char *arn,
	struct tagged *t, struct err *err)
{
	t->kind = &STORE_IAM_PROVIDER;
	t->tags = &t->doc.provider.tags;
	t->id = arn;
	return identity_need_provider(s, tx, arn, &t->doc.provider, err);
}

static int save(struct identity_step *s, struct db_tx *tx, const struct tagged *t, struct err *err)
{
	(void)s;
	if (t->kind == &STORE_IAM_POLICY && starts_with(t->id, "arn:aws:iam::aws:"))
		return err_set_wire(
			err, "InvalidInput", "Policy %s is built in: it has no tags.", t->id);
	return store_document_put(tx, t->kind, t->id, "", &t->doc, err);
}

/* Letter case does not matter in keys. */
static struct iam_tag *find_tag(struct iam_tag_list_type *tags, const char *key)
{
	for (size_t i = 0; i < tags->n; i++) {
		if (strcasecmp(tags->v[i].key, key) == 0)
			return &tags->v[i];
	}
	return NULL;
}

static int add_tags(struct identity_step *s, struct tagged *t, const struct iam_tag_list_type *new,
	struct err *err)
{
	struct iam_tag_list_type all;

	if (identity_check_tags(new, err) < 0)
		return -1;
	wire_list_alloc(s->a, &all, t->tags->n + new->n);
	all.n = t->tags->n;
	for (size_t i = 0; i < t->tags->n; i++)
		all.v[i] = t->tags->v[i];
	for (size_t i = 0; i < new->n; i++) {
		struct iam_tag *old = find_tag(&all, new->v[i].key);

		*(old ? old : &all.v[all.n++]) = new->v[i];
	}
	*t->tags = all;
	return identity_check_tags(&all, err);
}

static void drop_tags(struct tagged *t, const struct iam_tag_key_list_type *keys)
{
	for (size_t i = 0; i < keys->n; i++) {
		struct iam_tag *old = find_tag(t->tags, keys->v[i]);

		if (old)
			*old = t->tags->v[--t->tags->n];
	}
}

#define TAG_OPERATIONS(thing, name)                                                                \
	static int tag_##thing(struct identity_step *s, struct db_tx *tx, struct err *err)         \
	{                                                                                          \
		const struct iam_tag_##thing##_request *req = s->req;                              \
		struct tagged t;                                                                   \
                                                                                                   \
		if (find_##thing(s, tx, req->name, &t, err) < 0 ||                                 \
			add_tags(s, &t, &req->tags, err) < 0)                                      \
			return -1;                                                                 \
		return save(s, tx, &t, err);                                                       \
	}                                                                                          \
	static int untag_##thing(struct identity_step *s, struct db_tx *tx, struct err *err)       \
	{                                                                                          \
		const struct iam_untag_##thing##_request *req = s->req;                            \
		struct tagged t;                                                                   \
                                                                                                   \
		if (find_##thing(s, tx, req->name, &t, err) < 0)                                   \
			return -1;                                                                 \
		drop_tags(&t, &req->tag_keys);                                                     \
		return save(s, tx, &t, err);                                                       \
	}                                                                                          \
	static int list_##thing##_tags(struct identity_step *s, struct db_tx *tx, struct err *err) \
	{                                                                                          \
		const struct iam_list_##thing##_tags_request *req = s->req;                        \
		struct iam_list_##thing##_tags_response *resp = s->resp;                           \
		struct tagged t;                                                                   \
                                                                                                   \
		if (find_##thing(s, tx, req->name, &t, err) < 0)                                   \
			return -1;                                                                 \
		resp->is_truncated = WIRE_SET_BOOL(false);                                         \
		resp->tags = *t.tags;                                                              \
		resp->tags.set = true;                                                             \
		return 0;                                                                          \
	}                                                                                          \
	IDENTITY_STEP(iam, tag_##thing, identity_write)                                            \
	IDENTITY_STEP(iam, untag_##thing, identity_write)                                          \
	IDENTITY_STEP(iam, list_##thing##_tags, identity_read)

TAG_OPERATIONS(user, user_name)
TAG_OPERATIONS(role, role_name)
TAG_OPERATIONS(policy, policy_arn)
TAG_OPERATIONS(instance_profile, instance_profile_name)
TAG_OPERATIONS(server_certificate, server_certificate_name)
TAG_OPERATIONS(open_id_connect_provider, open_id_connect_provider_arn)
