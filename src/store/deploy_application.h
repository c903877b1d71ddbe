/* SPDX-License-Identifier: Apache-2.0 */
/* Applications of CodeDeploy. Their id stays when they are renamed; groups and revisions hang on
 * the id. Finders answer 1 (found), 0 (none) or -1 (error); texts live in the arena. */
#ifndef TOWPATH_STORE_DEPLOY_APPLICATION_H
#define TOWPATH_STORE_DEPLOY_APPLICATION_H

#include "codedeploy.gen.h"
#include "db/db.h"
#include "store/deploy_page.h"

extern const struct db_migration store_deploy_application_migrations[];
extern const size_t store_deploy_application_migrations_n;

/* ERR_CONFLICT when the name is taken. */
int store_deploy_application_insert(
	struct db_tx *tx, const struct codedeploy_application_info *info, struct err *err);
int store_deploy_application_update(
	struct db_tx *tx, const struct codedeploy_application_info *info, struct err *err);
int store_deploy_application_find(struct db_tx *tx, const char *name, struct arena *a,
	struct codedeploy_application_info *ret, struct err *err);
int store_deploy_application_get(struct db_tx *tx, const char *id, struct arena *a,
	struct codedeploy_application_info *ret, struct err *err);
int store_deploy_application_delete(struct db_tx *tx, const char *id, struct err *err);
/* Names after page->after, in order. */
int store_deploy_application_list(struct db_tx *tx, const struct store_deploy_page *page,
	struct arena *a, struct store_deploy_names *ret, struct err *err);

#endif
