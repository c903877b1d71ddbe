/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_STS_H
#define TOWPATH_API_SVC_STS_H

#include "identity/identity.h"

/* The engine is borrowed. */
struct call_service svc_sts(struct identity_engine *e);

#endif
