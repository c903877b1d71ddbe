/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/bucket_right.h"

#include "base/mem.h"

#define S3_ARN "arn:aws:s3:::"

int bucket_role_may(struct artifact_engine *artifact, struct identity_engine *identity,
	const struct identity_actor *who, const char *action, const char *resource,
	const char *encryption, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct identity_actor actor = *who;
	const char *bucket = resource + strlen(S3_ARN), *policy = NULL;

	if (!artifact || !starts_with(resource, S3_ARN))
		return identity_role_may(identity, who, action, resource, NULL, err);
	bucket = arena_strndup(&a, bucket, strcspn(bucket, "/"));
	if (artifact_bucket_policy(artifact, bucket, false, &a, &policy, err) < 0)
		return -1;
	if (encryption && streq(action, "s3:PutObject"))
		actor.keys = identity_conditions_add(
			actor.keys, "s3:x-amz-server-side-encryption", encryption, &a);
	return identity_role_may(identity, &actor, action, resource, policy, err);
}
