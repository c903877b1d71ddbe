/* SPDX-License-Identifier: Apache-2.0 */
/* What task_start.c and task_pull.c share: the start of one container. */
#ifndef TOWPATH_FLEET_TASK_START_H
#define TOWPATH_FLEET_TASK_START_H

#include "compute/image.h"
#include "fleet/containers.h"

struct fleet_start {
	struct fleet_run *r;
	const struct ecs_container_definition *d;
	const struct ecs_container_override *o; /* or NULL */
	struct towpath_fleet_container *c;
	struct image image;	     /* unpacked; empty where the driver pulls */
	struct compute_image pulled; /* where it does */
	const char *registry_auth;   /* or NULL */
	struct strv env;
	struct compute_spec spec;
};

/* Brings the image: the one that the service's set has settled on, or settles on it. The error is
 * the task's stopped reason, but for an engine that cannot be asked. */
int fleet_start_pull(struct fleet_start *s, struct err *err);
/* Digest of the image that was brought, or NULL. */
const char *fleet_start_digest(const struct fleet_start *s);

#endif
