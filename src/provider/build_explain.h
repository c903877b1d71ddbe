/* SPDX-License-Identifier: Apache-2.0 */
/* Why a build failed, in words, for those who asked for it: pipelines and deployments. */
#ifndef TOWPATH_PROVIDER_BUILD_EXPLAIN_H
#define TOWPATH_PROVIDER_BUILD_EXPLAIN_H

#include "base/arena.h"
#include "codebuild.gen.h"

/* "Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR, Message: ..."
 * of the phase that failed; in the arena. */
const char *build_explain(const struct codebuild_build *b, struct arena *a);

#endif
