/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_SNS_H
#define TOWPATH_API_SVC_SNS_H

#include "signal/signal.h"

/* The engine is borrowed. */
struct call_service svc_sns(struct signal_engine *e);

#endif
