/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_CODESTAR_NOTIFICATIONS_H
#define TOWPATH_API_SVC_CODESTAR_NOTIFICATIONS_H

#include "codestar_notifications.gen.h"
#include "wire/call.h"

/* The service as the API serves it. */
struct call_service svc_codestar_notifications(void);

#endif
