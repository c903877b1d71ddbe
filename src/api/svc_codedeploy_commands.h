/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_CODEDEPLOY_COMMANDS_H
#define TOWPATH_API_SVC_CODEDEPLOY_COMMANDS_H

#include "deploy/deploy.h"

/* The engine is borrowed. */
struct call_service svc_codedeploy_commands(struct deploy_engine *e);
/* The same under the names that agents with enable_auth_policy use. */
struct call_service svc_codedeploy_commands_secure(struct deploy_engine *e);

#endif
