/* SPDX-License-Identifier: Apache-2.0 */
#include "store/source_review.h"

#include "codecommit.gen.h"

#define KIND(var, kind_name, shape_name) \
	const struct store_document_kind var = {kind_name, &shape_name##_shape}

KIND(STORE_SOURCE_MERGE, "source-merge", codecommit_get_merge_commit_response);
