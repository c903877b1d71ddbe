/* SPDX-License-Identifier: Apache-2.0 */
/* What policies of buckets may speak of: the actions of S3 on buckets and objects, and the
 * condition keys that requests here have (spec: Service Authorization Reference, Amazon S3). */
#include "provider/artifact_policy.h"

#include "base/mem.h"

#define ON_BUCKET(name)           \
	{                         \
		"s3:" name, false \
	}
#define ON_OBJECT(name)          \
	{                        \
		"s3:" name, true \
	}

static const struct identity_policy_action actions[] = {
	ON_BUCKET("CreateBucket"),
	ON_BUCKET("DeleteBucket"),
	ON_BUCKET("DeleteBucketPolicy"),
	ON_BUCKET("DeleteBucketWebsite"),
	ON_BUCKET("GetAccelerateConfiguration"),
	ON_BUCKET("GetAnalyticsConfiguration"),
	ON_BUCKET("GetBucketAbac"),
	ON_BUCKET("GetBucketAcl"),
	ON_BUCKET("GetBucketCORS"),
	ON_BUCKET("GetBucketLocation"),
	ON_BUCKET("GetBucketLogging"),
	ON_BUCKET("GetBucketMetadataTableConfiguration"),
	ON_BUCKET("GetBucketNotification"),
	ON_BUCKET("GetBucketObjectLockConfiguration"),
	ON_BUCKET("GetBucketOwnershipControls"),
	ON_BUCKET("GetBucketPolicy"),
	ON_BUCKET("GetBucketPolicyStatus"),
	ON_BUCKET("GetBucketPublicAccessBlock"),
	ON_BUCKET("GetBucketRequestPayment"),
	ON_BUCKET("GetBucketTagging"),
	ON_BUCKET("GetBucketVersioning"),
	ON_BUCKET("GetBucketWebsite"),
	ON_BUCKET("GetEncryptionConfiguration"),
	ON_BUCKET("GetIntelligentTieringConfiguration"),
	ON_BUCKET("GetInventoryConfiguration"),
	ON_BUCKET("GetLifecycleConfiguration"),
	ON_BUCKET("GetMetricsConfiguration"),
	ON_BUCKET("GetReplicationConfiguration"),
	ON_BUCKET("ListBucket"),
	ON_BUCKET("ListBucketMultipartUploads"),
	ON_BUCKET("ListBucketVersions"),
	ON_BUCKET("PutAccelerateConfiguration"),
	ON_BUCKET("PutAnalyticsConfiguration"),
	ON_BUCKET("PutBucketAbac"),
	ON_BUCKET("PutBucketAcl"),
	ON_BUCKET("PutBucketCORS"),
	ON_BUCKET("PutBucketLogging"),
	ON_BUCKET("PutBucketNotification"),
	ON_BUCKET("PutBucketObjectLockConfiguration"),
	ON_BUCKET("PutBucketOwnershipControls"),
	ON_BUCKET("PutBucketPolicy"),
	ON_BUCKET("PutBucketPublicAccessBlock"),
	ON_BUCKET("PutBucketRequestPayment"),
	ON_BUCKET("PutBucketTagging"),
	ON_BUCKET("PutBucketVersioning"),
	ON_BUCKET("PutBucketWebsite"),
	ON_BUCKET("PutEncryptionConfiguration"),
	ON_BUCKET("PutIntelligentTieringConfiguration"),
	ON_BUCKET("PutInventoryConfiguration"),
	ON_BUCKET("PutLifecycleConfiguration"),
	ON_BUCKET("PutMetricsConfiguration"),
	ON_BUCKET("PutReplicationConfiguration"),
	ON_OBJECT("AbortMultipartUpload"),
	ON_OBJECT("BypassGovernanceRetention"),
	ON_OBJECT("DeleteObject"),
	ON_OBJECT("DeleteObjectTagging"),
	ON_OBJECT("DeleteObjectVersion"),
	ON_OBJECT("DeleteObjectVersionTagging"),
	ON_OBJECT("GetObject"),
	ON_OBJECT("GetObjectAcl"),
	ON_OBJECT("GetObjectAttributes"),
	ON_OBJECT("GetObjectLegalHold"),
	ON_OBJECT("GetObjectRetention"),
	ON_OBJECT("GetObjectTagging"),
	ON_OBJECT("GetObjectTorrent"),
	ON_OBJECT("GetObjectVersion"),
	ON_OBJECT("GetObjectVersionAcl"),
	ON_OBJECT("GetObjectVersionAttributes"),
	ON_OBJECT("GetObjectVersionForReplication"),
	ON_OBJECT("GetObjectVersionTagging"),
	ON_OBJECT("GetObjectVersionTorrent"),
	ON_OBJECT("InitiateReplication"),
	ON_OBJECT("ListMultipartUploadParts"),
	ON_OBJECT("ObjectOwnerOverrideToBucketOwner"),
	ON_OBJECT("PutObject"),
	ON_OBJECT("PutObjectAcl"),
	ON_OBJECT("PutObjectLegalHold"),
	ON_OBJECT("PutObjectRetention"),
	ON_OBJECT("PutObjectTagging"),
	ON_OBJECT("PutObjectVersionAcl"),
	ON_OBJECT("PutObjectVersionTagging"),
	ON_OBJECT("ReplicateDelete"),
	ON_OBJECT("ReplicateObject"),
	ON_OBJECT("ReplicateTags"),
	ON_OBJECT("RestoreObject"),
	ON_OBJECT("UpdateObjectEncryption"),
};

/* As model/access/s3.txt has them, and what provider/bucket_right.c adds. */
static const char *const keys[] = {"s3:VersionId", "s3:delimiter", "s3:if-match",
	"s3:if-none-match", "s3:max-keys", "s3:prefix", "s3:x-amz-acl", "s3:x-amz-copy-source",
	"s3:x-amz-metadata-directive", "s3:x-amz-server-side-encryption",
	"s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:x-amz-storage-class"};

static int check_bucket(
	void *arg, const char *text, const char *bucket, bool *ret_public, struct err *err)
{
	char *arn CLEANUP(freep) = xasprintf("arn:aws:s3:::%s", bucket);
	const struct identity_policy_subject subject = {
		.resource = arn,
		.actions = actions,
		.n_actions = ARRAY_SIZE(actions),
		.keys = keys,
		.n_keys = ARRAY_SIZE(keys),
	};

	return identity_subject_policy_check(arg, text, &subject, ret_public, err);
}

static int check_repository(void *arg UNUSED, const char *text, struct err *err)
{
	return identity_repository_policy_check(text, err);
}

struct artifact_policies artifact_policies(struct identity_engine *e)
{
	return (struct artifact_policies){
		.arg = e, .check_repository = check_repository, .check_bucket = check_bucket};
}
