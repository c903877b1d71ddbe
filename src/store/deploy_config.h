/* SPDX-License-Identifier: Apache-2.0 */
/* Custom deployment configurations of CodeDeploy (the built-in ones are a table of the engine). */
#ifndef TOWPATH_STORE_DEPLOY_CONFIG_H
#define TOWPATH_STORE_DEPLOY_CONFIG_H

#include "codedeploy.gen.h"
#include "db/db.h"
#include "store/deploy_page.h"

extern const struct db_migration store_deploy_config_migrations[];
extern const size_t store_deploy_config_migrations_n;

/* ERR_CONFLICT when the name is taken. */
int store_deploy_config_insert(
	struct db_tx *tx, const struct codedeploy_deployment_config_info *info, struct err *err);
int store_deploy_config_find(struct db_tx *tx, const char *name, struct arena *a,
	struct codedeploy_deployment_config_info *ret, struct err *err);
int store_deploy_config_delete(struct db_tx *tx, const char *name, struct err *err);
int store_deploy_config_list(
	struct db_tx *tx, struct arena *a, struct store_deploy_names *ret, struct err *err);

#endif
