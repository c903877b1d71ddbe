/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of secretsmanager. */
#include "api/svc_secretsmanager.h"

#include "identity/identity.h"

CALL_ADAPTER(secret_secretsmanager_batch_get_secret_value)
CALL_ADAPTER(secret_secretsmanager_create_secret)
CALL_ADAPTER(secret_secretsmanager_delete_resource_policy)
CALL_ADAPTER(secret_secretsmanager_delete_secret)
CALL_ADAPTER(secret_secretsmanager_describe_secret)
CALL_ADAPTER(secret_secretsmanager_get_random_password)
CALL_ADAPTER(secret_secretsmanager_get_resource_policy)
CALL_ADAPTER(secret_secretsmanager_get_secret_value)
CALL_ADAPTER(secret_secretsmanager_list_secret_version_ids)
CALL_ADAPTER(secret_secretsmanager_list_secrets)
CALL_ADAPTER(secret_secretsmanager_put_resource_policy)
CALL_ADAPTER(secret_secretsmanager_put_secret_value)
CALL_ADAPTER(secret_secretsmanager_restore_secret)
CALL_ADAPTER(secret_secretsmanager_tag_resource)
CALL_ADAPTER(secret_secretsmanager_untag_resource)
CALL_ADAPTER(secret_secretsmanager_update_secret)
CALL_ADAPTER(secret_secretsmanager_update_secret_version_stage)
CALL_ADAPTER(secret_secretsmanager_validate_resource_policy)

static const call_handler handlers[SECRETSMANAGER_OP_COUNT] = {
	[SECRETSMANAGER_OP_BATCH_GET_SECRET_VALUE] =
		secret_secretsmanager_batch_get_secret_value_call,
	[SECRETSMANAGER_OP_CREATE_SECRET] = secret_secretsmanager_create_secret_call,
	[SECRETSMANAGER_OP_DELETE_RESOURCE_POLICY] =
		secret_secretsmanager_delete_resource_policy_call,
	[SECRETSMANAGER_OP_DELETE_SECRET] = secret_secretsmanager_delete_secret_call,
	[SECRETSMANAGER_OP_DESCRIBE_SECRET] = secret_secretsmanager_describe_secret_call,
	[SECRETSMANAGER_OP_GET_RANDOM_PASSWORD] = secret_secretsmanager_get_random_password_call,
	[SECRETSMANAGER_OP_GET_RESOURCE_POLICY] = secret_secretsmanager_get_resource_policy_call,
	[SECRETSMANAGER_OP_GET_SECRET_VALUE] = secret_secretsmanager_get_secret_value_call,
	[SECRETSMANAGER_OP_LIST_SECRET_VERSION_IDS] =
		secret_secretsmanager_list_secret_version_ids_call,
	[SECRETSMANAGER_OP_LIST_SECRETS] = secret_secretsmanager_list_secrets_call,
	[SECRETSMANAGER_OP_PUT_RESOURCE_POLICY] = secret_secretsmanager_put_resource_policy_call,
	[SECRETSMANAGER_OP_PUT_SECRET_VALUE] = secret_secretsmanager_put_secret_value_call,
	[SECRETSMANAGER_OP_RESTORE_SECRET] = secret_secretsmanager_restore_secret_call,
	[SECRETSMANAGER_OP_TAG_RESOURCE] = secret_secretsmanager_tag_resource_call,
	[SECRETSMANAGER_OP_UNTAG_RESOURCE] = secret_secretsmanager_untag_resource_call,
	[SECRETSMANAGER_OP_UPDATE_SECRET] = secret_secretsmanager_update_secret_call,
	[SECRETSMANAGER_OP_UPDATE_SECRET_VERSION_STAGE] =
		secret_secretsmanager_update_secret_version_stage_call,
	[SECRETSMANAGER_OP_VALIDATE_RESOURCE_POLICY] =
		secret_secretsmanager_validate_resource_policy_call,
};

static const char *lookup(void *engine, struct call *call, const char *kind UNUSED, const char *id)
{
	CLEANUP_ERR struct err none = ERR_INIT;
	struct secret_resource found;

	return secret_resource(engine, id, call->arena, &found, &none) < 0 ? NULL : found.arn;
}

/* Where a request names its secret, whose own policy counts as well. */
#define ID(request) (offsetof(struct secretsmanager_##request##_request, secret_id) + 1)
static const size_t subjects[SECRETSMANAGER_OP_COUNT] = {
	[SECRETSMANAGER_OP_DELETE_RESOURCE_POLICY] = ID(delete_resource_policy),
	[SECRETSMANAGER_OP_DELETE_SECRET] = ID(delete_secret),
	[SECRETSMANAGER_OP_DESCRIBE_SECRET] = ID(describe_secret),
	[SECRETSMANAGER_OP_GET_RESOURCE_POLICY] = ID(get_resource_policy),
	[SECRETSMANAGER_OP_GET_SECRET_VALUE] = ID(get_secret_value),
	[SECRETSMANAGER_OP_LIST_SECRET_VERSION_IDS] = ID(list_secret_version_ids),
	[SECRETSMANAGER_OP_PUT_RESOURCE_POLICY] = ID(put_resource_policy),
	[SECRETSMANAGER_OP_PUT_SECRET_VALUE] = ID(put_secret_value),
	[SECRETSMANAGER_OP_RESTORE_SECRET] = ID(restore_secret),
	[SECRETSMANAGER_OP_TAG_RESOURCE] = ID(tag_resource),
	[SECRETSMANAGER_OP_UNTAG_RESOURCE] = ID(untag_resource),
	[SECRETSMANAGER_OP_UPDATE_SECRET] = ID(update_secret),
	[SECRETSMANAGER_OP_UPDATE_SECRET_VERSION_STAGE] = ID(update_secret_version_stage),
};

/* Who names no version means the current one, and is asked for it. */
static void add_current_stage(struct call *call,
	const struct secretsmanager_get_secret_value_request *req, struct call_access *ret)
{
	if (!req->version_id && !req->version_stage)
		ret->conditions = identity_conditions_add(
			ret->conditions, "secretsmanager:VersionStage", "AWSCURRENT", call->arena);
}

static int access(
	void *engine, struct call *call, const void *req, struct call_access *ret, struct err *err)
{
	size_t at = subjects[call->operation - secretsmanager_service.operations];
	const char *id = at ? *(const char *const *)((const char *)req + at - 1) : NULL;
	struct secret_resource found;

	if (!id)
		return 0;
	if (call->operation ==
		&secretsmanager_service.operations[SECRETSMANAGER_OP_GET_SECRET_VALUE])
		add_current_stage(call, req, ret);
	if (secret_resource(engine, id, call->arena, &found, err) < 0)
		return -1;
	ret->resource_policy = found.policy;
	return 0;
}

struct call_service svc_secretsmanager(struct secret_engine *e)
{
	return (struct call_service){
		.wire = &secretsmanager_service,
		.engine = e,
		.handlers = handlers,
		.access = access,
		.lookup = lookup,
	};
}
