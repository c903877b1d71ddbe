/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of ecr, served by the artifact engine. */
#include "api/svc_ecr.h"

#include "artifact/image.h"
#include "base/mem.h"

CALL_ADAPTER(artifact_ecr_batch_check_layer_availability)
CALL_ADAPTER(artifact_ecr_batch_delete_image)
CALL_ADAPTER(artifact_ecr_batch_get_image)
CALL_ADAPTER(artifact_ecr_batch_get_repository_scanning_configuration)
CALL_ADAPTER(artifact_ecr_complete_layer_upload)
CALL_ADAPTER(artifact_ecr_create_repository)
CALL_ADAPTER(artifact_ecr_delete_lifecycle_policy)
CALL_ADAPTER(artifact_ecr_delete_repository)
CALL_ADAPTER(artifact_ecr_delete_repository_policy)
CALL_ADAPTER(artifact_ecr_describe_images)
CALL_ADAPTER(artifact_ecr_describe_registry)
CALL_ADAPTER(artifact_ecr_describe_repositories)
CALL_ADAPTER(artifact_ecr_get_authorization_token)
CALL_ADAPTER(artifact_ecr_get_download_url_for_layer)
CALL_ADAPTER(artifact_ecr_get_lifecycle_policy)
CALL_ADAPTER(artifact_ecr_get_lifecycle_policy_preview)
CALL_ADAPTER(artifact_ecr_get_repository_policy)
CALL_ADAPTER(artifact_ecr_initiate_layer_upload)
CALL_ADAPTER(artifact_ecr_list_image_referrers)
CALL_ADAPTER(artifact_ecr_list_images)
CALL_ADAPTER(artifact_ecr_list_tags_for_resource)
CALL_ADAPTER(artifact_ecr_put_image)
CALL_ADAPTER(artifact_ecr_put_image_scanning_configuration)
CALL_ADAPTER(artifact_ecr_put_image_tag_mutability)
CALL_ADAPTER(artifact_ecr_put_lifecycle_policy)
CALL_ADAPTER(artifact_ecr_set_repository_policy)
CALL_ADAPTER(artifact_ecr_start_lifecycle_policy_preview)
CALL_ADAPTER(artifact_ecr_tag_resource)
CALL_ADAPTER(artifact_ecr_untag_resource)
CALL_ADAPTER(artifact_ecr_upload_layer_part)

static const call_handler handlers[ECR_OP_COUNT] = {
	[ECR_OP_BATCH_CHECK_LAYER_AVAILABILITY] = artifact_ecr_batch_check_layer_availability_call,
	[ECR_OP_BATCH_DELETE_IMAGE] = artifact_ecr_batch_delete_image_call,
	[ECR_OP_BATCH_GET_IMAGE] = artifact_ecr_batch_get_image_call,
	[ECR_OP_BATCH_GET_REPOSITORY_SCANNING_CONFIGURATION] =
		artifact_ecr_batch_get_repository_scanning_configuration_call,
	[ECR_OP_COMPLETE_LAYER_UPLOAD] = artifact_ecr_complete_layer_upload_call,
	[ECR_OP_CREATE_REPOSITORY] = artifact_ecr_create_repository_call,
	[ECR_OP_DELETE_LIFECYCLE_POLICY] = artifact_ecr_delete_lifecycle_policy_call,
	[ECR_OP_DELETE_REPOSITORY] = artifact_ecr_delete_repository_call,
	[ECR_OP_DELETE_REPOSITORY_POLICY] = artifact_ecr_delete_repository_policy_call,
	[ECR_OP_DESCRIBE_IMAGES] = artifact_ecr_describe_images_call,
	[ECR_OP_DESCRIBE_REGISTRY] = artifact_ecr_describe_registry_call,
	[ECR_OP_DESCRIBE_REPOSITORIES] = artifact_ecr_describe_repositories_call,
	[ECR_OP_GET_AUTHORIZATION_TOKEN] = artifact_ecr_get_authorization_token_call,
	[ECR_OP_GET_DOWNLOAD_URL_FOR_LAYER] = artifact_ecr_get_download_url_for_layer_call,
	[ECR_OP_GET_LIFECYCLE_POLICY] = artifact_ecr_get_lifecycle_policy_call,
	[ECR_OP_GET_LIFECYCLE_POLICY_PREVIEW] = artifact_ecr_get_lifecycle_policy_preview_call,
	[ECR_OP_GET_REPOSITORY_POLICY] = artifact_ecr_get_repository_policy_call,
	[ECR_OP_INITIATE_LAYER_UPLOAD] = artifact_ecr_initiate_layer_upload_call,
	[ECR_OP_LIST_IMAGE_REFERRERS] = artifact_ecr_list_image_referrers_call,
	[ECR_OP_LIST_IMAGES] = artifact_ecr_list_images_call,
	[ECR_OP_LIST_TAGS_FOR_RESOURCE] = artifact_ecr_list_tags_for_resource_call,
	[ECR_OP_PUT_IMAGE] = artifact_ecr_put_image_call,
	[ECR_OP_PUT_IMAGE_SCANNING_CONFIGURATION] =
		artifact_ecr_put_image_scanning_configuration_call,
	[ECR_OP_PUT_IMAGE_TAG_MUTABILITY] = artifact_ecr_put_image_tag_mutability_call,
	[ECR_OP_PUT_LIFECYCLE_POLICY] = artifact_ecr_put_lifecycle_policy_call,
	[ECR_OP_SET_REPOSITORY_POLICY] = artifact_ecr_set_repository_policy_call,
	[ECR_OP_START_LIFECYCLE_POLICY_PREVIEW] = artifact_ecr_start_lifecycle_policy_preview_call,
	[ECR_OP_TAG_RESOURCE] = artifact_ecr_tag_resource_call,
	[ECR_OP_UNTAG_RESOURCE] = artifact_ecr_untag_resource_call,
	[ECR_OP_UPLOAD_LAYER_PART] = artifact_ecr_upload_layer_part_call,
};

/* The policy that the repository has of its own. */
static int add_policy(
	void *engine, struct call *call, const void *req, struct call_access *ret, struct err *err)
{
	const struct wire_member *m =
		wire_member_find(call->operation->input, VIEW("repositoryName"));

	if (!m)
		return 0;
	ret->resource_implied = true;
	return artifact_image_policy(engine, *(const char *const *)((const char *)req + m->offset),
		call->arena, &ret->resource_policy, err);
}

struct call_service svc_ecr(struct artifact_engine *e)
{
	return (struct call_service){
		.wire = &ecr_service,
		.engine = e,
		.handlers = handlers,
		.access = add_policy,
		.refusals = {"InvalidParameterException", "InvalidParameterException"},
	};
}
