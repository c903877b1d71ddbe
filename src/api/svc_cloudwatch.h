/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_CLOUDWATCH_H
#define TOWPATH_API_SVC_CLOUDWATCH_H

#include "signal/signal.h"

/* The engine is borrowed. */
struct call_service svc_cloudwatch(struct signal_engine *e);

#endif
