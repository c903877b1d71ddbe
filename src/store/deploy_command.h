/* SPDX-License-Identifier: Apache-2.0 */
/* Commands for host agents: one row a lifecycle event that an agent has to carry out. A command
 * is waiting, polled (handed out, not acknowledged), running or ended. Also on-premises
 * instances, by which agents outside of the fleet are known. Finders answer 1, 0 or -1. */
#ifndef TOWPATH_STORE_DEPLOY_COMMAND_H
#define TOWPATH_STORE_DEPLOY_COMMAND_H

#include "codedeploy.gen.h"
#include "db/db.h"
#include "store/deploy_page.h"

extern const struct db_migration store_deploy_command_migrations[];
extern const size_t store_deploy_command_migrations_n;

enum store_command_state {
	STORE_COMMAND_WAITING,
	STORE_COMMAND_POLLED,
	STORE_COMMAND_RUNNING,
	STORE_COMMAND_ENDED,
};

struct store_command {
	const char *id;
	const char *host; /* target id: instance id or name of an on-premises instance */
	const char *deployment_id;
	const char *event;
	enum store_command_state state;
	int64_t created_usec, polled_usec;
	const char *polled_by; /* user agent of the poll that got it */
};

int store_command_insert(struct db_tx *tx, const struct store_command *c, struct err *err);
int store_command_update(struct db_tx *tx, const struct store_command *c, struct err *err);
int store_command_get(struct db_tx *tx, const char *id, struct arena *a, struct store_command *ret,
	struct err *err);
/* The oldest command of the host that is waiting, or that was polled before polled_before_usec or
 * by another agent process than polled_by, and never acknowledged. */
int store_command_next(struct db_tx *tx, const char *host, int64_t polled_before_usec,
	const char *polled_by, struct arena *a, struct store_command *ret, struct err *err);
/* Ends all commands of a deployment's target that have not ended. */
int store_command_end_all(
	struct db_tx *tx, const char *deployment_id, const char *host, struct err *err);

/* ---- on-premises instances ---- */

struct store_onprem {
	struct codedeploy_instance_info info;
	bool registered;
};

int store_onprem_put(struct db_tx *tx, const struct store_onprem *o, struct err *err);
int store_onprem_get(struct db_tx *tx, const char *name, struct arena *a, struct store_onprem *ret,
	struct err *err);
/* The registered instance with this user or session ARN. */
int store_onprem_by_arn(struct db_tx *tx, const char *arn, struct arena *a,
	struct store_onprem *ret, struct err *err);
int store_onprem_names(
	struct db_tx *tx, struct arena *a, struct store_deploy_names *ret, struct err *err);

#endif
