/* SPDX-License-Identifier: Apache-2.0 */
/* What deployments get from their siblings (deploy/ports.h): hosts, target groups and container
 * services of the fleet, alarms of signal, revisions in the bucket store, hooks as builds. */
#ifndef TOWPATH_PROVIDER_DEPLOY_FLEET_H
#define TOWPATH_PROVIDER_DEPLOY_FLEET_H

#include "artifact/artifact.h"
#include "build/build.h"
#include "deploy/ports.h"
#include "fleet/fleet.h"
#include "identity/identity.h"
#include "signal/signal.h"

/* Borrowed; must outlive the deployment engine. */
struct deploy_fleet {
	struct fleet_engine *fleet;
	struct signal_engine *signal;
	struct artifact_engine *artifact;
	struct build_engine *build;
	const char *account, *region;
	struct identity_engine *identity; /* NULL: hooks need no role */
};

/* Fills in the ports, and has the fleet ask for the hooks of deployment groups; the world must
 * outlive both. */
void deploy_fleet_ports(struct deploy_fleet *w, struct deploy_ports *ret);

/* Parts, private to provider/deploy_*.c. */
void deploy_revision_ports(struct deploy_ports *ret);
void deploy_hook_ports(struct deploy_ports *ret);
void deploy_ecs_ports(struct deploy_ports *ret);

#endif
