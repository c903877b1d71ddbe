/* SPDX-License-Identifier: Apache-2.0 */
#include "store/iam.h"

const struct store_document_kind STORE_IAM_SETTING = {
	"iam.setting", &towpath_identity_setting_shape};
const struct store_document_kind STORE_IAM_USER = {"iam.user", &iam_user_shape};
const struct store_document_kind STORE_IAM_ROLE = {"iam.role", &iam_role_shape};
const struct store_document_kind STORE_IAM_KEY = {"iam.key", &iam_access_key_shape};
const struct store_document_kind STORE_IAM_POLICY = {"iam.policy", &iam_policy_shape};
const struct store_document_kind STORE_IAM_DOCUMENT = {
	"iam.document", &towpath_identity_document_shape};
const struct store_document_kind STORE_IAM_INLINE = {
	"iam.inline", &towpath_identity_document_shape};
const struct store_document_kind STORE_IAM_ATTACHED = {"iam.attached", &iam_attached_policy_shape};
const struct store_document_kind STORE_IAM_GIT = {
	"iam.git", &iam_service_specific_credential_shape};
const struct store_document_kind STORE_IAM_GROUP = {"iam.group", &iam_group_shape};
const struct store_document_kind STORE_IAM_MEMBER = {"iam.member", &towpath_identity_member_shape};
const struct store_document_kind STORE_IAM_PROFILE = {"iam.profile", &iam_instance_profile_shape};
const struct store_document_kind STORE_IAM_VERSION = {"iam.version", &iam_policy_version_shape};
const struct store_document_kind STORE_IAM_SSH = {"iam.ssh", &iam_ssh_public_key_shape};
const struct store_document_kind STORE_IAM_CERTIFICATE = {
	"iam.certificate", &iam_server_certificate_shape};
const struct store_document_kind STORE_IAM_CERTIFICATE_KEY = {
	"iam.certificate-key", &towpath_identity_setting_shape};
const struct store_document_kind STORE_IAM_SESSION_KEY = {
	"iam.session-key", &towpath_identity_session_key_shape};
const struct store_document_kind STORE_IAM_USED = {"iam.used", &iam_access_key_last_used_shape};
const struct store_document_kind STORE_IAM_PROVIDER = {
	"iam.provider", &iam_get_open_id_connect_provider_response_shape};
