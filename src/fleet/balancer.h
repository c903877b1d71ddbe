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
/* Stores it; the data plane follows. */
int fleet_listener_put(
	struct fleet_engine *e, struct db_tx *tx, const struct elbv2_listener *l, struct err *err);

/* ---- HTTPS (listener_tls.c) ---- */

/* Completes what concerns TLS in place: HTTPS needs a certificate, HTTP has none. */
int fleet_listener_tls_check(struct fleet_engine *e, struct db_tx *tx, struct elbv2_listener *l,
	struct arena *a, struct err *err);
/* The one given becomes the default; those beside it stay. */
int fleet_listener_default_certificate(struct elbv2_listener *l,
	const struct elbv2_certificate_list *given, struct arena *a, struct err *err);
/* As operations on listeners answer it: with its default certificate only. */
struct elbv2_listener fleet_listener_shown(const struct elbv2_listener *l, struct arena *a);

/* All rules of a listener. */
int fleet_rules_delete(struct db_tx *tx, const char *listener_arn, struct err *err);

#endif
