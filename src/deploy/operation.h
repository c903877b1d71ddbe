/* SPDX-License-Identifier: Apache-2.0 */
/* What the API operations of deploy/ share: transactions around them, finding things by name,
 * checking names, pages. Private to deploy/. */
#ifndef TOWPATH_DEPLOY_OPERATION_H
#define TOWPATH_DEPLOY_OPERATION_H

#include "deploy/task_step.h"

struct operation {
	struct deploy_engine *e;
	struct call *call;
	struct arena *a; /* the call's */
	const void *req;
	void *resp;
};

/* Runs fn in a transaction with a struct operation as its argument. */
int operation_write(struct deploy_engine *e, struct call *call, const void *req, void *resp,
	db_fn fn, struct err *err);
int operation_read(struct deploy_engine *e, struct call *call, const void *req, void *resp,
	db_fn fn, struct err *err);

/* Letters, digits and . _ + = , @ -, up to 100. NULL or empty: what it says under `required`. */
int check_name(const char *name, const char *required_error, const char *invalid_error,
	const char *what, struct err *err);
int check_application_name(const char *name, struct err *err);
int check_group_name(const char *name, struct err *err);
int check_deployment_id(const char *id, struct err *err);

/* These fail with the API's error when there is no such thing. */
int need_application(struct db_tx *tx, const char *name, struct arena *a,
	struct codedeploy_application_info *ret, struct err *err);
int need_group(struct db_tx *tx, const char *application, const char *name, struct arena *a,
	struct codedeploy_application_info *ret_application,
	struct codedeploy_deployment_group_info *ret, struct err *err);
int need_config(struct db_tx *tx, const char *name, const char *platform, struct arena *a,
	struct codedeploy_deployment_config_info *ret, struct err *err);
int need_deployment(struct db_tx *tx, const char *id, struct arena *a, struct store_deployment *ret,
	struct err *err);

/* Opaque page tokens over the last name of a page. */
#define PAGE_SIZE 100
const char *page_token(const struct store_deploy_names *names, struct arena *a);
/* InvalidNextTokenException. */
int page_open(const char *token, struct arena *a, struct store_deploy_page *ret, struct err *err);
/* BatchLimitExceededException, or what it says when empty. */
int check_batch(size_t n, size_t max, const char *empty_error, struct err *err);

/* Texts of a store's list as the API's list of texts. */
#define operation_names(arena, names, list)                \
	do {                                               \
		wire_list_alloc(arena, list, (names)->n);  \
		for (size_t i_ = 0; i_ < (names)->n; i_++) \
			(list)->v[i_] = (names)->v[i_];    \
	} while (0)

int deploy_revision_check(
	const struct codedeploy_revision_location *r, const char *platform, struct err *err);
/* An AppSpec given as text gets what it lacks: the digest of its content, or, for a digest alone,
 * the content that was registered; then it is parsed. Others are left as they are. */
int deploy_revision_complete(struct db_tx *tx, const char *application_id,
	const struct codedeploy_revision_location **r, struct arena *a, struct err *err);

/* As deploy_change_step(), with the API's errors. */
int deploy_change_deployment(struct deploy_engine *e, struct call *call, const char *id,
	deploy_change change, void *arg, struct err *err);

/* All that a group says, against the platform and itself. */
int deploy_group_check(struct db_tx *tx, const struct codedeploy_deployment_group_info *group,
	struct arena *a, struct err *err);
int deploy_alarms_check(const struct codedeploy_alarm_configuration *c, struct err *err);
int deploy_auto_rollback_check(
	const struct codedeploy_auto_rollback_configuration *c, struct err *err);
int deploy_tag_set_check(const struct codedeploy_ec2_tag_set *set, struct err *err);
/* What a group of the compute platform ECS says of its service and traffic, and what it must not.
 */
int deploy_group_check_service(struct db_tx *tx, const struct codedeploy_deployment_group_info *g,
	struct arena *a, struct err *err);

#endif
