/* SPDX-License-Identifier: Apache-2.0 */
/* What the fleet gets from its siblings (fleet/fleet.h): a home for its metrics and the logs of
 * its containers, images of our own registry, credentials for the agents of its instances and for
 * tasks with a role. */
#ifndef TOWPATH_PROVIDER_FLEET_WORLD_H
#define TOWPATH_PROVIDER_FLEET_WORLD_H

#include "artifact/image.h"
#include "fleet/fleet.h"
#include "identity/identity.h"
#include "secret/secret.h"
#include "signal/signal.h"

#define FLEET_TASK_SERVICE "ecs-tasks.amazonaws.com" /* assumes roles for tasks */

/* Borrowed; must outlive the fleet engine. */
struct fleet_world {
	const char *account, *region;
	struct signal_engine *signal;
	struct identity_engine *identity;
	struct artifact_engine *artifact;
	struct secret_engine *secret;
	struct fleet_engine *fleet; /* set when it is there, before requests come */
};

/* Sets the configuration's callbacks; the world must outlive the engine. */
void fleet_world_connect(struct fleet_world *w, struct fleet_config *cfg);
/* The configuration's `image_grant` (fleet_image.c). */
int fleet_world_image_grant(void *arg, const struct fleet_image *image, struct arena *a,
	struct fleet_image_grant *ret, struct err *err);
/* The configuration's `secret` (fleet_secret.c). */
int fleet_world_secret(void *arg, const struct fleet_secret_request *req, struct arena *a,
	const char **ret, struct err *err);
/* The configuration's `task_env` (task_role.c). */
int fleet_world_task_env(
	void *arg, const char *role_arn, const char *task, struct strv *env, struct err *err);
/* The configuration's `task_metadata` (task_metadata.c), and the answer of the address for what
 * follows its prefix, appended as JSON: 1, 0 when there is none, -1. */
const char *fleet_world_task_metadata(
	void *arg, const char *task, const char *container, struct arena *a);
int fleet_world_metadata(void *world, const char *path, struct str *json, struct err *err);
/* The answer of the container credentials address for "task/<cluster>/<id>" to who shows the task's
 * ticket, appended as JSON: 1, 0 when the ticket is another's or the task has ended, -1. */
int fleet_world_credentials(struct fleet_world *w, const char *part, const char *ticket,
	struct str *json, struct err *err);
/* The credentials of a task end with it, as those of an instance. */
void fleet_world_revoke_with_tasks(struct fleet_world *w);
/* The credentials of an instance end with it: sets identity_set_alive(). w->fleet is there. */
void fleet_world_revoke_with_instances(struct fleet_world *w);

#endif
