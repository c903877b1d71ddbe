/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_EVENTS_H
#define TOWPATH_API_SVC_EVENTS_H

#include "signal/signal.h"

/* The engine is borrowed. */
struct call_service svc_events(struct signal_engine *e);

#endif
