/* SPDX-License-Identifier: Apache-2.0 */
/* Deployments and their targets. Each row has the document that the API shows and the engine's
 * own state beside it. Finders answer 1 (found), 0 (none) or -1. */
#ifndef TOWPATH_STORE_DEPLOY_DEPLOYMENT_H
#define TOWPATH_STORE_DEPLOY_DEPLOYMENT_H

#include "codedeploy.gen.h"
#include "db/db.h"
#include "store/deploy_page.h"
#include "towpath.gen.h"

extern const struct db_migration store_deploy_deployment_migrations[];
extern const size_t store_deploy_deployment_migrations_n;

struct store_deployment {
	struct codedeploy_deployment_info info;
	struct towpath_deploy_state state;
	bool active; /* not in a terminal status */
};

int store_deployment_insert(struct db_tx *tx, const struct store_deployment *d, struct err *err);
int store_deployment_update(struct db_tx *tx, const struct store_deployment *d, struct err *err);
int store_deployment_get(struct db_tx *tx, const char *id, struct arena *a,
	struct store_deployment *ret, struct err *err);
/* The group's deployment that has not ended, of those that do not run beside it (made for a
 * launched instance): 1 and its id, 0 or -1. */
int store_deployment_active_of(struct db_tx *tx, const char *group_id, struct arena *a,
	const char **ret_id, struct err *err);
/* Ids of all deployments that have not ended. */
int store_deployment_active(
	struct db_tx *tx, struct arena *a, struct store_deploy_names *ret, struct err *err);

struct store_deployment_filter {
	const char *application_id, *group_id, *external_id; /* NULL: any */
	const char *const *statuses;
	size_t n_statuses;	    /* 0: any */
	int64_t from_usec, to_usec; /* creation; 0: open */
	int64_t before_usec; /* page: created before this, or then with a smaller id; 0: start */
	const char *before_id;
	size_t limit;
};

/* Newest first. */
int store_deployment_list(struct db_tx *tx, const struct store_deployment_filter *f,
	struct arena *a, struct store_deploy_names *ret, struct err *err);

/* ---- targets ---- */

struct store_target {
	struct codedeploy_instance_target info;
	struct towpath_deploy_target_state state;
};

struct store_targets {
	struct store_target *v;
	size_t n;
};

int store_target_put(
	struct db_tx *tx, size_t position, const struct store_target *t, struct err *err);
int store_target_update(struct db_tx *tx, const struct store_target *t, struct err *err);
int store_target_get(struct db_tx *tx, const char *deployment_id, const char *target_id,
	struct arena *a, struct store_target *ret, struct err *err);
/* All of a deployment in the order they were put. */
int store_target_list(struct db_tx *tx, const char *deployment_id, struct arena *a,
	struct store_targets *ret, struct err *err);
/* Ids of active deployments that have this target. */
int store_target_deployments(struct db_tx *tx, const char *target_id, struct arena *a,
	struct store_deploy_names *ret, struct err *err);

#endif
