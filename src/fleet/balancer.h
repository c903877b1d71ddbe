/* SPDX-License-Identifier: Apache-2.0 */
/* What the operations on load balancers, listeners and rules share. */
#ifndef TOWPATH_FLEET_BALANCER_H
#define TOWPATH_FLEET_BALANCER_H

#include "fleet/internal.h"

/* fleet_write() of a change that the data plane has when this returns; should it fail to take it,
 * it follows later. */
int fleet_balancer_changed(struct fleet_engine *e, db_fn fn, void *arg, struct err *err);
/* Fails with the service's error when there is none. */
int fleet_balancer_need(struct db_tx *tx, const char *arn, struct arena *a,
	struct elbv2_load_balancer *ret, struct err *err);
int fleet_listener_need(struct db_tx *tx, const char *arn, struct arena *a,
	struct elbv2_listener *ret, struct err *err);
int fleet_balancer_tags_put(struct db_tx *tx, const char *arn, const struct elbv2_tag_list *tags,
	struct arena *a, struct err *err);
/* Completes the actions in place, in the form that describing shows. */
int fleet_actions_check(
	struct db_tx *tx, struct elbv2_actions *actions, struct arena *a, struct err *err);
/* All rules of a listener. */
int fleet_rules_delete(struct db_tx *tx, const char *listener_arn, struct err *err);

#endif
