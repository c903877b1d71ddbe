/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of iam, served by the identity engine. */
#include "api/svc_iam.h"

#include "base/mem.h"

CALL_ADAPTER(identity_attach_role_policy)
CALL_ADAPTER(identity_attach_user_policy)
CALL_ADAPTER(identity_create_access_key)
CALL_ADAPTER(identity_create_policy)
CALL_ADAPTER(identity_create_role)
CALL_ADAPTER(identity_create_service_specific_credential)
CALL_ADAPTER(identity_create_user)
CALL_ADAPTER(identity_delete_access_key)
CALL_ADAPTER(identity_delete_policy)
CALL_ADAPTER(identity_delete_role)
CALL_ADAPTER(identity_delete_role_policy)
CALL_ADAPTER(identity_delete_service_specific_credential)
CALL_ADAPTER(identity_delete_user)
CALL_ADAPTER(identity_delete_user_policy)
CALL_ADAPTER(identity_detach_role_policy)
CALL_ADAPTER(identity_detach_user_policy)
CALL_ADAPTER(identity_get_policy)
CALL_ADAPTER(identity_get_role)
CALL_ADAPTER(identity_get_role_policy)
CALL_ADAPTER(identity_get_user)
CALL_ADAPTER(identity_get_user_policy)
CALL_ADAPTER(identity_list_access_keys)
CALL_ADAPTER(identity_list_attached_role_policies)
CALL_ADAPTER(identity_list_attached_user_policies)
CALL_ADAPTER(identity_list_role_policies)
CALL_ADAPTER(identity_list_roles)
CALL_ADAPTER(identity_list_service_specific_credentials)
CALL_ADAPTER(identity_list_user_policies)
CALL_ADAPTER(identity_list_users)
CALL_ADAPTER(identity_put_role_policy)
CALL_ADAPTER(identity_put_user_policy)
CALL_ADAPTER(identity_reset_service_specific_credential)
CALL_ADAPTER(identity_update_access_key)
CALL_ADAPTER(identity_update_service_specific_credential)

static const call_handler handlers[IAM_OP_COUNT] = {
	[IAM_OP_ATTACH_ROLE_POLICY] = identity_attach_role_policy_call,
	[IAM_OP_ATTACH_USER_POLICY] = identity_attach_user_policy_call,
	[IAM_OP_CREATE_ACCESS_KEY] = identity_create_access_key_call,
	[IAM_OP_CREATE_POLICY] = identity_create_policy_call,
	[IAM_OP_CREATE_ROLE] = identity_create_role_call,
	[IAM_OP_CREATE_SERVICE_SPECIFIC_CREDENTIAL] =
		identity_create_service_specific_credential_call,
	[IAM_OP_CREATE_USER] = identity_create_user_call,
	[IAM_OP_DELETE_ACCESS_KEY] = identity_delete_access_key_call,
	[IAM_OP_DELETE_POLICY] = identity_delete_policy_call,
	[IAM_OP_DELETE_ROLE] = identity_delete_role_call,
	[IAM_OP_DELETE_ROLE_POLICY] = identity_delete_role_policy_call,
	[IAM_OP_DELETE_SERVICE_SPECIFIC_CREDENTIAL] =
		identity_delete_service_specific_credential_call,
	[IAM_OP_DELETE_USER] = identity_delete_user_call,
	[IAM_OP_DELETE_USER_POLICY] = identity_delete_user_policy_call,
	[IAM_OP_DETACH_ROLE_POLICY] = identity_detach_role_policy_call,
	[IAM_OP_DETACH_USER_POLICY] = identity_detach_user_policy_call,
	[IAM_OP_GET_POLICY] = identity_get_policy_call,
	[IAM_OP_GET_ROLE] = identity_get_role_call,
	[IAM_OP_GET_ROLE_POLICY] = identity_get_role_policy_call,
	[IAM_OP_GET_USER] = identity_get_user_call,
	[IAM_OP_GET_USER_POLICY] = identity_get_user_policy_call,
	[IAM_OP_LIST_ACCESS_KEYS] = identity_list_access_keys_call,
	[IAM_OP_LIST_ATTACHED_ROLE_POLICIES] = identity_list_attached_role_policies_call,
	[IAM_OP_LIST_ATTACHED_USER_POLICIES] = identity_list_attached_user_policies_call,
	[IAM_OP_LIST_ROLE_POLICIES] = identity_list_role_policies_call,
	[IAM_OP_LIST_ROLES] = identity_list_roles_call,
	[IAM_OP_LIST_SERVICE_SPECIFIC_CREDENTIALS] =
		identity_list_service_specific_credentials_call,
	[IAM_OP_LIST_USER_POLICIES] = identity_list_user_policies_call,
	[IAM_OP_LIST_USERS] = identity_list_users_call,
	[IAM_OP_PUT_ROLE_POLICY] = identity_put_role_policy_call,
	[IAM_OP_PUT_USER_POLICY] = identity_put_user_policy_call,
	[IAM_OP_RESET_SERVICE_SPECIFIC_CREDENTIAL] =
		identity_reset_service_specific_credential_call,
	[IAM_OP_UPDATE_ACCESS_KEY] = identity_update_access_key_call,
	[IAM_OP_UPDATE_SERVICE_SPECIFIC_CREDENTIAL] =
		identity_update_service_specific_credential_call,
};

static const char *lookup(void *engine, struct call *call, const char *kind, const char *name)
{
	return identity_find_arn(engine, call, kind, name);
}

struct call_service svc_iam(struct identity_engine *e)
{
	return (struct call_service){
		.wire = &iam_service,
		.engine = e,
		.handlers = handlers,
		.lookup = lookup,
	};
}
