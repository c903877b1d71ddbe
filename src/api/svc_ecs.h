/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_ECS_H
#define TOWPATH_API_SVC_ECS_H

#include "fleet/fleet.h"

/* The engine is borrowed. */
struct call_service svc_ecs(struct fleet_engine *e);

#endif
