/* SPDX-License-Identifier: Apache-2.0 */
/* S3 as the API serves it. */
#ifndef TOWPATH_API_SVC_S3_H
#define TOWPATH_API_SVC_S3_H

#include "artifact/artifact.h"

struct call_service svc_s3(struct artifact_engine *e);

#endif
