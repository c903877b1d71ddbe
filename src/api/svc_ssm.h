/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_SSM_H
#define TOWPATH_API_SVC_SSM_H

#include "secret/secret.h"

/* The engine is borrowed. */
struct call_service svc_ssm(struct secret_engine *e);

#endif
