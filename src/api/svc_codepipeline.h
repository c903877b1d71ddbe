/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_CODEPIPELINE_H
#define TOWPATH_API_SVC_CODEPIPELINE_H

#include "pipeline/pipeline.h"

/* The engine is borrowed. */
struct call_service svc_codepipeline(struct pipeline_engine *e);

#endif
