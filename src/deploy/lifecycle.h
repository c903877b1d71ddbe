/* SPDX-License-Identifier: Apache-2.0 */
/* Lifecycle events of deployments, in their order, and who carries each out: "AppSpec 'hooks'
 * section" of the CodeDeploy user guide. */
#ifndef TOWPATH_DEPLOY_LIFECYCLE_H
#define TOWPATH_DEPLOY_LIFECYCLE_H

#include "base/macros.h"

enum deploy_actor {
	DEPLOY_BY_AGENT, /* the host's agent, by a command */
	DEPLOY_BLOCKS,	 /* the server takes the host out of the load balancer */
	DEPLOY_ALLOWS,	 /* the server puts it in and waits for its health */
	/* of container services */
	DEPLOY_BY_HOOK, /* a function, build or script that the AppSpec names */
	DEPLOY_CREATES, /* the server makes the replacement task set and waits until it is steady */
	DEPLOY_TESTS,	/* the server turns the test listener to the replacement */
	DEPLOY_SHIFTS,	/* the server moves the production traffic, step by step */
	DEPLOY_RESTORES, /* the server gives all traffic back to the original task set */
};

struct deploy_event {
	const char *name;
	enum deploy_actor actor;
	bool failure_can_be_ignored; /* by ignoreApplicationStopFailures */
};

/* What a target goes through, and in which part of the deployment. */
enum deploy_track {
	DEPLOY_TRACK_IN_PLACE,		/* ApplicationStop .. ValidateService */
	DEPLOY_TRACK_IN_PLACE_BALANCED, /* the same between the Block and Allow trios */
	DEPLOY_TRACK_GREEN,		/* ApplicationStop .. ValidateService, then Allow trio */
	DEPLOY_TRACK_BLOCK,		/* Block trio */
	DEPLOY_TRACK_ALLOW,		/* Allow trio */
	DEPLOY_TRACK_SERVICE,		/* of a service: Install trio, Allow trio */
	DEPLOY_TRACK_SERVICE_TESTED,	/* the same with the test listener's two between */
	DEPLOY_TRACK_SERVICE_BACK,	/* of a service, rollback: AllowTraffic */
};

/* The events of a track, in order; *ret_n of them. */
const struct deploy_event *const *deploy_track_events(enum deploy_track track, size_t *ret_n);
/* By its name, of servers, or NULL. */
const struct deploy_event *deploy_event_find(const char *name);
/* By its name, of container services (of a rollback, if `back`), or NULL. */
const struct deploy_event *deploy_event_find_service(const char *name, bool back);
/* Number of events at the end of a green track, from BeforeAllowTraffic on. */
#define DEPLOY_TRAFFIC_EVENTS 3

#endif
