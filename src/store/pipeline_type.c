/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of documents of custom action types. */
#include "store/pipeline_type.h"

const struct store_document_kind STORE_PIPELINE_TYPE = {
	"pipeline-type", &codepipeline_create_custom_action_type_request_shape};
const struct store_document_kind STORE_PIPELINE_TYPE_DELETED = {
	"pipeline-type-deleted", &codepipeline_create_custom_action_type_request_shape};
const struct store_document_kind STORE_PIPELINE_SECRET = {
	"pipeline-secret", &towpath_pipeline_text_shape};
