/* SPDX-License-Identifier: Apache-2.0 */
/* Custom action types, and what pipelines keep of secret properties, as documents
 * (store/document.h). */
#ifndef TOWPATH_STORE_PIPELINE_TYPE_H
#define TOWPATH_STORE_PIPELINE_TYPE_H

#include "codepipeline.gen.h"
#include "store/document.h"
#include "towpath.gen.h"

/* codepipeline_create_custom_action_type_request by "Category/Provider/Version", with its tags;
 * those that were deleted stay, so that they are not made again. */
extern const struct store_document_kind STORE_PIPELINE_TYPE;
extern const struct store_document_kind STORE_PIPELINE_TYPE_DELETED;
/* towpath_pipeline_text by a UUID, its value sealed; owner: pipeline id. */
extern const struct store_document_kind STORE_PIPELINE_SECRET;

#endif
