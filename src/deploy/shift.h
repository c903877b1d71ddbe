/* SPDX-License-Identifier: Apache-2.0 */
/* How traffic moves from the original to the replacement: "Deployment configurations on an Amazon
 * ECS compute platform" of the CodeDeploy user guide. Pure functions. */
#ifndef TOWPATH_DEPLOY_SHIFT_H
#define TOWPATH_DEPLOY_SHIFT_H

#include "codedeploy.gen.h"

struct deploy_route {
	int percent; /* of each step; 100: all at once */
	int minutes; /* between steps */
	bool canary; /* after the first step, all the rest */
};

/* All at once when the configuration says nothing else. */
struct deploy_route deploy_route_of(const struct codedeploy_traffic_routing_config *c);
/* The replacement's share after `share` per cent (0 at the beginning): 1 to 100. */
int deploy_route_next(const struct deploy_route *r, int share);

#endif
