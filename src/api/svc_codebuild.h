/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_CODEBUILD_H
#define TOWPATH_API_SVC_CODEBUILD_H

#include "build/build.h"

/* The engine is borrowed. */
struct call_service svc_codebuild(struct build_engine *e);

#endif
