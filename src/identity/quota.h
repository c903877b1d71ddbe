/* SPDX-License-Identifier: Apache-2.0 */
/* The quotas of an account, as the service has them unless somebody asks for more. */
#ifndef TOWPATH_IDENTITY_QUOTA_H
#define TOWPATH_IDENTITY_QUOTA_H

/* how many */
#define QUOTA_KEYS_OF_USER 2
#define QUOTA_VERSIONS_OF_POLICY 5
#define QUOTA_ATTACHED 10 /* of a user, of a role, of a group */
#define QUOTA_GROUPS_OF_USER 10

/* characters of policies, white space aside; inline ones together */
#define QUOTA_MANAGED_SIZE 6144
#define QUOTA_USER_SIZE 2048
#define QUOTA_GROUP_SIZE 5120
#define QUOTA_ROLE_SIZE 10240
#define QUOTA_TRUST_SIZE 2048

#endif
