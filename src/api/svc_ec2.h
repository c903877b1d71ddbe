/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TOWPATH_API_SVC_EC2_H
#define TOWPATH_API_SVC_EC2_H

#include "fleet/fleet.h"

/* The engine is borrowed. */
struct call_service svc_ec2(struct fleet_engine *e);

#endif
