/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to an object beside its bytes. */
#ifndef TOWPATH_ARTIFACT_OBJECT_H
#define TOWPATH_ARTIFACT_OBJECT_H

#include "artifact/engine.h"

/* The meta of a request that makes an object (PutObject, CreateMultipartUpload, CopyObject):
 * defaults set, user metadata in lower case, its size checked. */
int artifact_new_meta(const struct wire_shape *shape, const void *req, struct arena *a,
	struct towpath_object_meta **ret, struct err *err);

#endif
