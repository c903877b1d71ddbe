/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_AUTOSCALING_H
#define TOWPATH_API_SVC_AUTOSCALING_H

#include "fleet/fleet.h"

/* The engine is borrowed. */
struct call_service svc_autoscaling(struct fleet_engine *e);

#endif
