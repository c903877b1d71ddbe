/* SPDX-License-Identifier: Apache-2.0 */
/* What the identity engine keeps, as documents (store/document.h). Owners are "user/<name>",
 * "role/<name>", "group/<name>" in lower case, or "root". */
#ifndef TOWPATH_STORE_IAM_H
#define TOWPATH_STORE_IAM_H

#include "iam.gen.h"
#include "store/document.h"
#include "towpath.gen.h"

extern const struct store_document_kind STORE_IAM_SETTING;  /* towpath_identity_setting */
extern const struct store_document_kind STORE_IAM_USER;	    /* iam_user by "user/<name>" */
extern const struct store_document_kind STORE_IAM_ROLE;	    /* iam_role by "role/<name>" */
extern const struct store_document_kind STORE_IAM_KEY;	    /* iam_access_key, secret sealed */
extern const struct store_document_kind STORE_IAM_POLICY;   /* iam_policy by ARN */
extern const struct store_document_kind STORE_IAM_DOCUMENT; /* a managed policy's, by its ARN */
extern const struct store_document_kind STORE_IAM_INLINE;   /* by "<owner>/<policy>" */
extern const struct store_document_kind STORE_IAM_ATTACHED; /* by "<owner> <policy ARN>" */
extern const struct store_document_kind STORE_IAM_GIT;	    /* iam_service_specific_credential,
							     * password digested */
extern const struct store_document_kind STORE_IAM_GROUP;    /* iam_group by "group/<name>" */
extern const struct store_document_kind STORE_IAM_MEMBER;   /* towpath_identity_member by "<group>
							     * <user>", owner the user */
extern const struct store_document_kind STORE_IAM_PROFILE;  /* iam_instance_profile by
							     * "instance-profile/<name>"; of its role
							     * only the name */
extern const struct store_document_kind STORE_IAM_VERSION;  /* iam_policy_version by "<ARN> <id>",
							     * owner the ARN */
extern const struct store_document_kind STORE_IAM_SSH;	    /* iam_ssh_public_key by id */
extern const struct store_document_kind
	STORE_IAM_CERTIFICATE; /* iam_server_certificate by "server-certificate/<name>" */
extern const struct store_document_kind
	STORE_IAM_CERTIFICATE_KEY; /* towpath_identity_setting by the same: its sealed key */
extern const struct store_document_kind STORE_IAM_SESSION_KEY; /* towpath_identity_session_key, the
								* key sealed */
extern const struct store_document_kind STORE_IAM_USED;	    /* iam_access_key_last_used by key id */
extern const struct store_document_kind STORE_IAM_PROVIDER; /* iam_get_open_id_connect_provider_
							     * response by ARN */

#endif
