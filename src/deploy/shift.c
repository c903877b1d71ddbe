/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of a traffic shift. */
#include "deploy/shift.h"

#include "base/mem.h"

struct deploy_route deploy_route_of(const struct codedeploy_traffic_routing_config *c)
{
	struct deploy_route r = {.percent = 100};

	if (c && streq(c->type, CODEDEPLOY_TRAFFIC_ROUTING_TYPE_TIMEBASEDCANARY) &&
		c->time_based_canary)
		r = (struct deploy_route){
			.percent = wire_or(c->time_based_canary->canary_percentage, 100),
			.minutes = wire_or(c->time_based_canary->canary_interval, 0),
			.canary = true,
		};
	if (c && streq(c->type, CODEDEPLOY_TRAFFIC_ROUTING_TYPE_TIMEBASEDLINEAR) &&
		c->time_based_linear)
		r = (struct deploy_route){
			.percent = wire_or(c->time_based_linear->linear_percentage, 100),
			.minutes = wire_or(c->time_based_linear->linear_interval, 0),
		};
	return r;
}

int deploy_route_next(const struct deploy_route *r, int share)
{
	if (r->canary && share > 0)
		return 100;
	return MIN(100, share + MAX(r->percent, 1));
}
