/* SPDX-License-Identifier: Apache-2.0 */
/* The registry as a whole, and the policies of its repositories. */
#include "artifact/image_internal.h"
#include "base/mem.h"
#include "codec/base64.h"

#define PASSWORD_USEC (12 * 3600 * USEC_PER_SEC)

/* ---- GetAuthorizationToken ---- */

int artifact_ecr_get_authorization_token(struct artifact_engine *e, struct call *call,
	const struct ecr_get_authorization_token_request *req,
	struct ecr_get_authorization_token_response *resp, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct ecr_authorization_data *data;
	const char *password, *pair;
	int64_t expires;

	for (size_t i = 0; i < req->registry_ids.n; i++)
		if (!streq(req->registry_ids.v[i], e->account))
			return err_set_wire(err, "InvalidParameterException",
				"Invalid parameter at 'registryIds': only %s is served here, not "
				"%s",
				e->account, req->registry_ids.v[i]);
	if (!e->tokens)
		return err_set(err, ERR_UNSUPPORTED, "passwords of the registry are not made here");
	if (e->tokens->make(e->tokens->arg, call, NULL, PASSWORD_USEC, &password, &expires, err) <
		0)
		return -1;
	pair = arena_printf(call->arena, "AWS:%s", password);
	base64_encode(view_of(pair), &text);
	wire_list_alloc(call->arena, &resp->authorization_data, 1);
	data = &resp->authorization_data.v[0];
	data->authorization_token = arena_strdup(call->arena, str_text(&text));
	data->expires_at = WIRE_SET_TIME(expires);
	data->proxy_endpoint = image_registry_url(e, call, call->arena);
	return 0;
}

int artifact_ecr_describe_registry(struct artifact_engine *e, struct call *call,
	const struct ecr_describe_registry_request *req,
	struct ecr_describe_registry_response *resp, struct err *err)
{
	(void)req;
	(void)err;
	resp->registry_id = e->account;
	resp->replication_configuration =
		arena_new(call->arena, struct ecr_replication_configuration);
	wire_list_alloc(call->arena, &resp->replication_configuration->rules, 0);
	return 0;
}

/* ---- policies of repositories ---- */

static int need_policy(struct image_op *o, struct db_tx *tx, const char *registry, const char *name,
	struct ecr_get_repository_policy_response *ret, struct err *err)
{
	int r;

	if (image_check_registry(o->e, registry, name, err) < 0 ||
		image_check_repository(o->e, tx, name, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_IMAGE_POLICY, name, o->call->arena, ret, err);
	if (r > 0)
		return 0;
	return r < 0 ? -1
		     : err_set_wire(err, "RepositoryPolicyNotFoundException",
			       "Repository policy does not exist for the repository with name '%s' "
			       "in the registry with id '%s'",
			       name, o->e->account);
}

static int get_repository_policy_step(struct db_tx *tx, void *arg, struct err *err)
{
	IMAGE_OP_ARGS(get_repository_policy);

	return need_policy(o_, tx, req->registry_id, req->repository_name, resp, err);
}

static int delete_repository_policy_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct ecr_get_repository_policy_response present;
	IMAGE_OP_ARGS(delete_repository_policy);

	if (need_policy(o_, tx, req->registry_id, req->repository_name, &present, err) < 0)
		return -1;
	resp->registry_id = present.registry_id;
	resp->repository_name = present.repository_name;
	resp->policy_text = present.policy_text;
	return store_document_delete(tx, &STORE_IMAGE_POLICY, req->repository_name, err);
}

static int set_repository_policy_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct ecr_get_repository_policy_response doc;
	IMAGE_OP_ARGS(set_repository_policy);

	if (image_check_registry(e, req->registry_id, req->repository_name, err) < 0 ||
		image_check_repository(e, tx, req->repository_name, err) < 0)
		return -1;
	doc = (struct ecr_get_repository_policy_response){
		.registry_id = e->account,
		.repository_name = req->repository_name,
		.policy_text = req->policy_text,
	};
	resp->registry_id = doc.registry_id;
	resp->repository_name = doc.repository_name;
	resp->policy_text = doc.policy_text;
	return store_document_put(tx, &STORE_IMAGE_POLICY, req->repository_name, "", &doc, err);
}

IMAGE_DEFINE(get_repository_policy, image_read)
IMAGE_DEFINE(delete_repository_policy, image_write)

/* The grammar of policies is identity's: a document is good if it can be asked. */
int artifact_ecr_set_repository_policy(struct artifact_engine *e, struct call *call,
	const struct ecr_set_repository_policy_request *req,
	struct ecr_set_repository_policy_response *resp, struct err *err)
{
	struct image_op o = {e, call, req, resp};
	CLEANUP_ERR struct err why = ERR_INIT;

	if (e->policies &&
		e->policies->check_repository(e->policies->arg, req->policy_text, &why) < 0)
		return err_set_wire(err, "InvalidParameterException",
			"Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid "
			"repository policy provided': %s",
			err_message(&why));
	return image_write(e, set_repository_policy_step, &o, err);
}

struct find_policy {
	const char *repository;
	struct arena *a;
	const char *text;
};

static int find_policy(struct db_tx *tx, void *arg, struct err *err)
{
	struct find_policy *f = arg;
	struct ecr_get_repository_policy_response doc;
	int r = store_document_get(tx, &STORE_IMAGE_POLICY, f->repository, f->a, &doc, err);

	f->text = r > 0 ? doc.policy_text : NULL;
	return MIN(r, 0);
}

int artifact_image_policy(struct artifact_engine *e, const char *repository, struct arena *a,
	const char **ret, struct err *err)
{
	struct find_policy f = {repository, a, NULL};

	if (image_read(e, find_policy, &f, err) < 0)
		return -1;
	*ret = f.text;
	return 0;
}
