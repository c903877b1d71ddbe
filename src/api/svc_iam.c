/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of iam, served by the identity engine. */
#include "api/svc_iam.h"

#include "base/mem.h"

CALL_ADAPTER(identity_add_client_id_to_open_id_connect_provider)
CALL_ADAPTER(identity_add_role_to_instance_profile)
CALL_ADAPTER(identity_add_user_to_group)
CALL_ADAPTER(identity_attach_group_policy)
CALL_ADAPTER(identity_attach_role_policy)
CALL_ADAPTER(identity_attach_user_policy)
CALL_ADAPTER(identity_create_access_key)
CALL_ADAPTER(identity_create_account_alias)
CALL_ADAPTER(identity_create_group)
CALL_ADAPTER(identity_create_instance_profile)
CALL_ADAPTER(identity_create_open_id_connect_provider)
CALL_ADAPTER(identity_create_policy)
CALL_ADAPTER(identity_create_policy_version)
CALL_ADAPTER(identity_create_role)
CALL_ADAPTER(identity_create_service_specific_credential)
CALL_ADAPTER(identity_create_user)
CALL_ADAPTER(identity_delete_access_key)
CALL_ADAPTER(identity_delete_account_alias)
CALL_ADAPTER(identity_delete_group)
CALL_ADAPTER(identity_delete_group_policy)
CALL_ADAPTER(identity_delete_instance_profile)
CALL_ADAPTER(identity_delete_open_id_connect_provider)
CALL_ADAPTER(identity_delete_policy)
CALL_ADAPTER(identity_delete_policy_version)
CALL_ADAPTER(identity_delete_role)
CALL_ADAPTER(identity_delete_role_permissions_boundary)
CALL_ADAPTER(identity_delete_role_policy)
CALL_ADAPTER(identity_delete_server_certificate)
CALL_ADAPTER(identity_delete_ssh_public_key)
CALL_ADAPTER(identity_delete_service_specific_credential)
CALL_ADAPTER(identity_delete_user)
CALL_ADAPTER(identity_delete_user_permissions_boundary)
CALL_ADAPTER(identity_delete_user_policy)
CALL_ADAPTER(identity_detach_group_policy)
CALL_ADAPTER(identity_detach_role_policy)
CALL_ADAPTER(identity_detach_user_policy)
CALL_ADAPTER(identity_generate_credential_report)
CALL_ADAPTER(identity_get_access_key_last_used)
CALL_ADAPTER(identity_get_account_authorization_details)
CALL_ADAPTER(identity_get_account_summary)
CALL_ADAPTER(identity_get_context_keys_for_custom_policy)
CALL_ADAPTER(identity_get_context_keys_for_principal_policy)
CALL_ADAPTER(identity_get_credential_report)
CALL_ADAPTER(identity_get_group)
CALL_ADAPTER(identity_get_group_policy)
CALL_ADAPTER(identity_get_instance_profile)
CALL_ADAPTER(identity_get_open_id_connect_provider)
CALL_ADAPTER(identity_get_policy)
CALL_ADAPTER(identity_get_policy_version)
CALL_ADAPTER(identity_get_role)
CALL_ADAPTER(identity_get_role_policy)
CALL_ADAPTER(identity_get_server_certificate)
CALL_ADAPTER(identity_get_ssh_public_key)
CALL_ADAPTER(identity_get_user)
CALL_ADAPTER(identity_get_user_policy)
CALL_ADAPTER(identity_list_access_keys)
CALL_ADAPTER(identity_list_account_aliases)
CALL_ADAPTER(identity_list_attached_group_policies)
CALL_ADAPTER(identity_list_attached_role_policies)
CALL_ADAPTER(identity_list_attached_user_policies)
CALL_ADAPTER(identity_list_entities_for_policy)
CALL_ADAPTER(identity_list_group_policies)
CALL_ADAPTER(identity_list_groups)
CALL_ADAPTER(identity_list_groups_for_user)
CALL_ADAPTER(identity_list_instance_profile_tags)
CALL_ADAPTER(identity_list_instance_profiles)
CALL_ADAPTER(identity_list_instance_profiles_for_role)
CALL_ADAPTER(identity_list_open_id_connect_provider_tags)
CALL_ADAPTER(identity_list_open_id_connect_providers)
CALL_ADAPTER(identity_list_policies)
CALL_ADAPTER(identity_list_policy_tags)
CALL_ADAPTER(identity_list_policy_versions)
CALL_ADAPTER(identity_list_role_policies)
CALL_ADAPTER(identity_list_role_tags)
CALL_ADAPTER(identity_list_roles)
CALL_ADAPTER(identity_list_server_certificate_tags)
CALL_ADAPTER(identity_list_server_certificates)
CALL_ADAPTER(identity_list_ssh_public_keys)
CALL_ADAPTER(identity_list_service_specific_credentials)
CALL_ADAPTER(identity_list_user_policies)
CALL_ADAPTER(identity_list_user_tags)
CALL_ADAPTER(identity_list_users)
CALL_ADAPTER(identity_put_group_policy)
CALL_ADAPTER(identity_put_role_permissions_boundary)
CALL_ADAPTER(identity_put_role_policy)
CALL_ADAPTER(identity_put_user_permissions_boundary)
CALL_ADAPTER(identity_put_user_policy)
CALL_ADAPTER(identity_remove_client_id_from_open_id_connect_provider)
CALL_ADAPTER(identity_remove_role_from_instance_profile)
CALL_ADAPTER(identity_remove_user_from_group)
CALL_ADAPTER(identity_reset_service_specific_credential)
CALL_ADAPTER(identity_set_default_policy_version)
CALL_ADAPTER(identity_simulate_custom_policy)
CALL_ADAPTER(identity_simulate_principal_policy)
CALL_ADAPTER(identity_tag_instance_profile)
CALL_ADAPTER(identity_tag_open_id_connect_provider)
CALL_ADAPTER(identity_tag_policy)
CALL_ADAPTER(identity_tag_role)
CALL_ADAPTER(identity_tag_server_certificate)
CALL_ADAPTER(identity_tag_user)
CALL_ADAPTER(identity_untag_instance_profile)
CALL_ADAPTER(identity_untag_open_id_connect_provider)
CALL_ADAPTER(identity_untag_policy)
CALL_ADAPTER(identity_untag_role)
CALL_ADAPTER(identity_untag_server_certificate)
CALL_ADAPTER(identity_untag_user)
CALL_ADAPTER(identity_update_access_key)
CALL_ADAPTER(identity_update_assume_role_policy)
CALL_ADAPTER(identity_update_group)
CALL_ADAPTER(identity_update_open_id_connect_provider_thumbprint)
CALL_ADAPTER(identity_update_role)
CALL_ADAPTER(identity_update_role_description)
CALL_ADAPTER(identity_update_ssh_public_key)
CALL_ADAPTER(identity_update_service_specific_credential)
CALL_ADAPTER(identity_update_user)
CALL_ADAPTER(identity_upload_ssh_public_key)
CALL_ADAPTER(identity_upload_server_certificate)

static const call_handler handlers[IAM_OP_COUNT] = {
	[IAM_OP_ADD_CLIENT_ID_TO_OPEN_ID_CONNECT_PROVIDER] =
		identity_add_client_id_to_open_id_connect_provider_call,
	[IAM_OP_ADD_ROLE_TO_INSTANCE_PROFILE] = identity_add_role_to_instance_profile_call,
	[IAM_OP_ADD_USER_TO_GROUP] = identity_add_user_to_group_call,
	[IAM_OP_ATTACH_GROUP_POLICY] = identity_attach_group_policy_call,
	[IAM_OP_ATTACH_ROLE_POLICY] = identity_attach_role_policy_call,
	[IAM_OP_ATTACH_USER_POLICY] = identity_attach_user_policy_call,
	[IAM_OP_CREATE_ACCESS_KEY] = identity_create_access_key_call,
	[IAM_OP_CREATE_ACCOUNT_ALIAS] = identity_create_account_alias_call,
	[IAM_OP_CREATE_GROUP] = identity_create_group_call,
	[IAM_OP_CREATE_INSTANCE_PROFILE] = identity_create_instance_profile_call,
	[IAM_OP_CREATE_OPEN_ID_CONNECT_PROVIDER] = identity_create_open_id_connect_provider_call,
	[IAM_OP_CREATE_POLICY] = identity_create_policy_call,
	[IAM_OP_CREATE_POLICY_VERSION] = identity_create_policy_version_call,
	[IAM_OP_CREATE_ROLE] = identity_create_role_call,
	[IAM_OP_CREATE_SERVICE_SPECIFIC_CREDENTIAL] =
		identity_create_service_specific_credential_call,
	[IAM_OP_CREATE_USER] = identity_create_user_call,
	[IAM_OP_DELETE_ACCESS_KEY] = identity_delete_access_key_call,
	[IAM_OP_DELETE_ACCOUNT_ALIAS] = identity_delete_account_alias_call,
	[IAM_OP_DELETE_GROUP] = identity_delete_group_call,
	[IAM_OP_DELETE_GROUP_POLICY] = identity_delete_group_policy_call,
	[IAM_OP_DELETE_INSTANCE_PROFILE] = identity_delete_instance_profile_call,
	[IAM_OP_DELETE_OPEN_ID_CONNECT_PROVIDER] = identity_delete_open_id_connect_provider_call,
	[IAM_OP_DELETE_POLICY] = identity_delete_policy_call,
	[IAM_OP_DELETE_POLICY_VERSION] = identity_delete_policy_version_call,
	[IAM_OP_DELETE_ROLE] = identity_delete_role_call,
	[IAM_OP_DELETE_ROLE_PERMISSIONS_BOUNDARY] = identity_delete_role_permissions_boundary_call,
	[IAM_OP_DELETE_ROLE_POLICY] = identity_delete_role_policy_call,
	[IAM_OP_DELETE_SERVER_CERTIFICATE] = identity_delete_server_certificate_call,
	[IAM_OP_DELETE_SSH_PUBLIC_KEY] = identity_delete_ssh_public_key_call,
	[IAM_OP_DELETE_SERVICE_SPECIFIC_CREDENTIAL] =
		identity_delete_service_specific_credential_call,
	[IAM_OP_DELETE_USER] = identity_delete_user_call,
	[IAM_OP_DELETE_USER_PERMISSIONS_BOUNDARY] = identity_delete_user_permissions_boundary_call,
	[IAM_OP_DELETE_USER_POLICY] = identity_delete_user_policy_call,
	[IAM_OP_DETACH_GROUP_POLICY] = identity_detach_group_policy_call,
	[IAM_OP_DETACH_ROLE_POLICY] = identity_detach_role_policy_call,
	[IAM_OP_DETACH_USER_POLICY] = identity_detach_user_policy_call,
	[IAM_OP_GENERATE_CREDENTIAL_REPORT] = identity_generate_credential_report_call,
	[IAM_OP_GET_ACCESS_KEY_LAST_USED] = identity_get_access_key_last_used_call,
	[IAM_OP_GET_ACCOUNT_AUTHORIZATION_DETAILS] =
		identity_get_account_authorization_details_call,
	[IAM_OP_GET_ACCOUNT_SUMMARY] = identity_get_account_summary_call,
	[IAM_OP_GET_CONTEXT_KEYS_FOR_CUSTOM_POLICY] =
		identity_get_context_keys_for_custom_policy_call,
	[IAM_OP_GET_CONTEXT_KEYS_FOR_PRINCIPAL_POLICY] =
		identity_get_context_keys_for_principal_policy_call,
	[IAM_OP_GET_CREDENTIAL_REPORT] = identity_get_credential_report_call,
	[IAM_OP_GET_GROUP] = identity_get_group_call,
	[IAM_OP_GET_GROUP_POLICY] = identity_get_group_policy_call,
	[IAM_OP_GET_INSTANCE_PROFILE] = identity_get_instance_profile_call,
	[IAM_OP_GET_OPEN_ID_CONNECT_PROVIDER] = identity_get_open_id_connect_provider_call,
	[IAM_OP_GET_POLICY] = identity_get_policy_call,
	[IAM_OP_GET_POLICY_VERSION] = identity_get_policy_version_call,
	[IAM_OP_GET_ROLE] = identity_get_role_call,
	[IAM_OP_GET_ROLE_POLICY] = identity_get_role_policy_call,
	[IAM_OP_GET_SERVER_CERTIFICATE] = identity_get_server_certificate_call,
	[IAM_OP_GET_SSH_PUBLIC_KEY] = identity_get_ssh_public_key_call,
	[IAM_OP_GET_USER] = identity_get_user_call,
	[IAM_OP_GET_USER_POLICY] = identity_get_user_policy_call,
	[IAM_OP_LIST_ACCESS_KEYS] = identity_list_access_keys_call,
	[IAM_OP_LIST_ACCOUNT_ALIASES] = identity_list_account_aliases_call,
	[IAM_OP_LIST_ATTACHED_GROUP_POLICIES] = identity_list_attached_group_policies_call,
	[IAM_OP_LIST_ATTACHED_ROLE_POLICIES] = identity_list_attached_role_policies_call,
	[IAM_OP_LIST_ATTACHED_USER_POLICIES] = identity_list_attached_user_policies_call,
	[IAM_OP_LIST_ENTITIES_FOR_POLICY] = identity_list_entities_for_policy_call,
	[IAM_OP_LIST_GROUP_POLICIES] = identity_list_group_policies_call,
	[IAM_OP_LIST_GROUPS] = identity_list_groups_call,
	[IAM_OP_LIST_GROUPS_FOR_USER] = identity_list_groups_for_user_call,
	[IAM_OP_LIST_INSTANCE_PROFILE_TAGS] = identity_list_instance_profile_tags_call,
	[IAM_OP_LIST_INSTANCE_PROFILES] = identity_list_instance_profiles_call,
	[IAM_OP_LIST_INSTANCE_PROFILES_FOR_ROLE] = identity_list_instance_profiles_for_role_call,
	[IAM_OP_LIST_OPEN_ID_CONNECT_PROVIDER_TAGS] =
		identity_list_open_id_connect_provider_tags_call,
	[IAM_OP_LIST_OPEN_ID_CONNECT_PROVIDERS] = identity_list_open_id_connect_providers_call,
	[IAM_OP_LIST_POLICIES] = identity_list_policies_call,
	[IAM_OP_LIST_POLICY_TAGS] = identity_list_policy_tags_call,
	[IAM_OP_LIST_POLICY_VERSIONS] = identity_list_policy_versions_call,
	[IAM_OP_LIST_ROLE_POLICIES] = identity_list_role_policies_call,
	[IAM_OP_LIST_ROLE_TAGS] = identity_list_role_tags_call,
	[IAM_OP_LIST_ROLES] = identity_list_roles_call,
	[IAM_OP_LIST_SERVER_CERTIFICATE_TAGS] = identity_list_server_certificate_tags_call,
	[IAM_OP_LIST_SERVER_CERTIFICATES] = identity_list_server_certificates_call,
	[IAM_OP_LIST_SSH_PUBLIC_KEYS] = identity_list_ssh_public_keys_call,
	[IAM_OP_LIST_SERVICE_SPECIFIC_CREDENTIALS] =
		identity_list_service_specific_credentials_call,
	[IAM_OP_LIST_USER_POLICIES] = identity_list_user_policies_call,
	[IAM_OP_LIST_USER_TAGS] = identity_list_user_tags_call,
	[IAM_OP_LIST_USERS] = identity_list_users_call,
	[IAM_OP_PUT_GROUP_POLICY] = identity_put_group_policy_call,
	[IAM_OP_PUT_ROLE_PERMISSIONS_BOUNDARY] = identity_put_role_permissions_boundary_call,
	[IAM_OP_PUT_ROLE_POLICY] = identity_put_role_policy_call,
	[IAM_OP_PUT_USER_PERMISSIONS_BOUNDARY] = identity_put_user_permissions_boundary_call,
	[IAM_OP_PUT_USER_POLICY] = identity_put_user_policy_call,
	[IAM_OP_REMOVE_CLIENT_ID_FROM_OPEN_ID_CONNECT_PROVIDER] =
		identity_remove_client_id_from_open_id_connect_provider_call,
	[IAM_OP_REMOVE_ROLE_FROM_INSTANCE_PROFILE] =
		identity_remove_role_from_instance_profile_call,
	[IAM_OP_REMOVE_USER_FROM_GROUP] = identity_remove_user_from_group_call,
	[IAM_OP_RESET_SERVICE_SPECIFIC_CREDENTIAL] =
		identity_reset_service_specific_credential_call,
	[IAM_OP_SET_DEFAULT_POLICY_VERSION] = identity_set_default_policy_version_call,
	[IAM_OP_SIMULATE_CUSTOM_POLICY] = identity_simulate_custom_policy_call,
	[IAM_OP_SIMULATE_PRINCIPAL_POLICY] = identity_simulate_principal_policy_call,
	[IAM_OP_TAG_INSTANCE_PROFILE] = identity_tag_instance_profile_call,
	[IAM_OP_TAG_OPEN_ID_CONNECT_PROVIDER] = identity_tag_open_id_connect_provider_call,
	[IAM_OP_TAG_POLICY] = identity_tag_policy_call,
	[IAM_OP_TAG_ROLE] = identity_tag_role_call,
	[IAM_OP_TAG_SERVER_CERTIFICATE] = identity_tag_server_certificate_call,
	[IAM_OP_TAG_USER] = identity_tag_user_call,
	[IAM_OP_UNTAG_INSTANCE_PROFILE] = identity_untag_instance_profile_call,
	[IAM_OP_UNTAG_OPEN_ID_CONNECT_PROVIDER] = identity_untag_open_id_connect_provider_call,
	[IAM_OP_UNTAG_POLICY] = identity_untag_policy_call,
	[IAM_OP_UNTAG_ROLE] = identity_untag_role_call,
	[IAM_OP_UNTAG_SERVER_CERTIFICATE] = identity_untag_server_certificate_call,
	[IAM_OP_UNTAG_USER] = identity_untag_user_call,
	[IAM_OP_UPDATE_ACCESS_KEY] = identity_update_access_key_call,
	[IAM_OP_UPDATE_ASSUME_ROLE_POLICY] = identity_update_assume_role_policy_call,
	[IAM_OP_UPDATE_GROUP] = identity_update_group_call,
	[IAM_OP_UPDATE_OPEN_ID_CONNECT_PROVIDER_THUMBPRINT] =
		identity_update_open_id_connect_provider_thumbprint_call,
	[IAM_OP_UPDATE_ROLE] = identity_update_role_call,
	[IAM_OP_UPDATE_ROLE_DESCRIPTION] = identity_update_role_description_call,
	[IAM_OP_UPDATE_SSH_PUBLIC_KEY] = identity_update_ssh_public_key_call,
	[IAM_OP_UPDATE_SERVICE_SPECIFIC_CREDENTIAL] =
		identity_update_service_specific_credential_call,
	[IAM_OP_UPDATE_USER] = identity_update_user_call,
	[IAM_OP_UPLOAD_SSH_PUBLIC_KEY] = identity_upload_ssh_public_key_call,
	[IAM_OP_UPLOAD_SERVER_CERTIFICATE] = identity_upload_server_certificate_call,
};

static const char *lookup(void *engine, struct call *call, const char *kind, const char *name)
{
	if (ends_with(kind, "-boundary"))
		return identity_find_boundary(engine, call, streq(kind, "user-boundary"), name);
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
