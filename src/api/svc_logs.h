/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_LOGS_H
#define TOWPATH_API_SVC_LOGS_H

#include "signal/signal.h"

/* The engine is borrowed. */
struct call_service svc_logs(struct signal_engine *e);

#endif
