/* SPDX-License-Identifier: Apache-2.0 */
/* Revisions registered with an application of CodeDeploy. The key is the location as one text. */
#ifndef TOWPATH_STORE_DEPLOY_REVISION_H
#define TOWPATH_STORE_DEPLOY_REVISION_H

#include "codedeploy.gen.h"
#include "db/db.h"

extern const struct db_migration store_deploy_revision_migrations[];
extern const size_t store_deploy_revision_migrations_n;

int store_deploy_revision_put(struct db_tx *tx, const char *application_id, const char *key,
	const struct codedeploy_revision_info *info, struct err *err);
/* 1, 0 or -1. */
int store_deploy_revision_find(struct db_tx *tx, const char *application_id, const char *key,
	struct arena *a, struct codedeploy_revision_info *ret, struct err *err);
/* All of an application, in the order they were registered. */
int store_deploy_revision_list(struct db_tx *tx, const char *application_id, struct arena *a,
	struct codedeploy_revision_info_list *ret, struct err *err);
int store_deploy_revision_delete_all(struct db_tx *tx, const char *application_id, struct err *err);

#endif
