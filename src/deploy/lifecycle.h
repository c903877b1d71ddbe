/* SPDX-License-Identifier: Apache-2.0 */
/* Lifecycle events of deployments to servers, in their order, and who carries each out: "AppSpec
 * 'hooks' section" of the CodeDeploy user guide. */
#ifndef TOWPATH_DEPLOY_LIFECYCLE_H
#define TOWPATH_DEPLOY_LIFECYCLE_H

#include "base/macros.h"

enum deploy_actor {
	DEPLOY_BY_AGENT, /* the host's agent, by a command */
	DEPLOY_BLOCKS,	 /* the server takes the host out of the load balancer */
	DEPLOY_ALLOWS,	 /* the server puts it in and waits for its health */
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
};

/* The events of a track, in order; *ret_n of them. */
const struct deploy_event *const *deploy_track_events(enum deploy_track track, size_t *ret_n);
/* By its name, or NULL. */
const struct deploy_event *deploy_event_find(const char *name);
/* Number of events of DEPLOY_TRACK_GREEN before traffic moves. */
#define DEPLOY_GREEN_INSTALL_EVENTS 7

#endif
