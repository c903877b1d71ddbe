/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_CLOUDTRAIL_H
#define TOWPATH_API_SVC_CLOUDTRAIL_H

#include "audit/audit.h"

/* The engine is borrowed. */
struct call_service svc_cloudtrail(struct audit_engine *e);

#endif
