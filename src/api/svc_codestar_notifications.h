/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_CODESTAR_NOTIFICATIONS_H
#define TOWPATH_API_SVC_CODESTAR_NOTIFICATIONS_H

#include "signal/signal.h"

/* The engine is borrowed. */
struct call_service svc_codestar_notifications(struct signal_engine *e);

#endif
