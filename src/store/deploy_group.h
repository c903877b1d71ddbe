/* SPDX-License-Identifier: Apache-2.0 */
/* Deployment groups of CodeDeploy, tags of applications and groups, and what each group knows of
 * its hosts (health and revision after the last attempt). Finders answer 1, 0 or -1. */
#ifndef TOWPATH_STORE_DEPLOY_GROUP_H
#define TOWPATH_STORE_DEPLOY_GROUP_H

#include "codedeploy.gen.h"
#include "db/db.h"
#include "store/deploy_page.h"

extern const struct db_migration store_deploy_group_migrations[];
extern const size_t store_deploy_group_migrations_n;

/* ERR_CONFLICT when the application has a group of that name. */
int store_deploy_group_insert(struct db_tx *tx, const char *application_id,
	const struct codedeploy_deployment_group_info *info, struct err *err);
int store_deploy_group_update(
	struct db_tx *tx, const struct codedeploy_deployment_group_info *info, struct err *err);
int store_deploy_group_find(struct db_tx *tx, const char *application_id, const char *name,
	struct arena *a, struct codedeploy_deployment_group_info *ret, struct err *err);
int store_deploy_group_get(struct db_tx *tx, const char *id, struct arena *a,
	struct codedeploy_deployment_group_info *ret, struct err *err);
int store_deploy_group_delete(struct db_tx *tx, const char *id, struct err *err);
int store_deploy_group_list(struct db_tx *tx, const char *application_id,
	const struct store_deploy_page *page, struct arena *a, struct store_deploy_names *ret,
	struct err *err);
/* Ids of all groups of all applications. */
int store_deploy_group_ids(
	struct db_tx *tx, struct arena *a, struct store_deploy_names *ret, struct err *err);

/* ---- tags; resource is an application's or a group's id ---- */

int store_deploy_tag_put(struct db_tx *tx, const char *resource, const char *key, const char *value,
	struct err *err);
int store_deploy_tag_remove(
	struct db_tx *tx, const char *resource, const char *key, struct err *err);
int store_deploy_tag_list(struct db_tx *tx, const char *resource, struct arena *a,
	struct codedeploy_tag_list *ret, struct err *err);

/* ---- hosts of a group ---- */

struct store_deploy_health {
	bool healthy;
	const char *revision; /* key of the revision, or NULL when unknown */
};

int store_deploy_health_put(struct db_tx *tx, const char *group_id, const char *host,
	const struct store_deploy_health *health, struct err *err);
/* 0: never deployed to. */
int store_deploy_health_get(struct db_tx *tx, const char *group_id, const char *host,
	struct arena *a, struct store_deploy_health *ret, struct err *err);

#endif
