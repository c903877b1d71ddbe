/* SPDX-License-Identifier: Apache-2.0 */
/* ECR as the API serves it. */
#ifndef TOWPATH_API_SVC_ECR_H
#define TOWPATH_API_SVC_ECR_H

#include "artifact/artifact.h"

struct call_service svc_ecr(struct artifact_engine *e);

#endif
