/* SPDX-License-Identifier: Apache-2.0 */
/* What services may do in buckets under the roles that they act under: the role's policies and the
 * bucket's own decide together. */
#ifndef TOWPATH_PROVIDER_BUCKET_RIGHT_H
#define TOWPATH_PROVIDER_BUCKET_RIGHT_H

#include "artifact/artifact.h"
#include "identity/identity.h"

/* What services encrypt by where they are not told otherwise, as the conditions of policies see it.
 */
#define BUCKET_ENCRYPTION "aws:kms"

/* As identity_role_may(). Where resource is a bucket or an object in one, the bucket's policy
 * counts as well; encryption: the value of s3:x-amz-server-side-encryption when an object is
 * stored, or NULL. artifact NULL: there are no buckets. */
int bucket_role_may(struct artifact_engine *artifact, struct identity_engine *identity,
	const struct identity_actor *who, const char *action, const char *resource,
	const char *encryption, struct err *err);

#endif
