/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_IAM_H
#define TOWPATH_API_SVC_IAM_H

#include "identity/identity.h"

/* The engine is borrowed. */
struct call_service svc_iam(struct identity_engine *e);

#endif
