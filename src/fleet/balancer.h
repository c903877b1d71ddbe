/* SPDX-License-Identifier: Apache-2.0 */
/* What the operations on load balancers, listeners and rules share. */
#ifndef TOWPATH_FLEET_BALANCER_H
#define TOWPATH_FLEET_BALANCER_H

#include "fleet/internal.h"

/* fleet_write() of a change that the data plane has when this returns; should it fail to take it,
 * it follows later. */
int fleet_balancer_changed(struct fleet_engine *e, db_fn fn, void *arg, struct err *err);
/* ---- attributes (attribute.c) ---- */

struct fleet_attribute {
	const char *key, *dflt;
	enum { FLEET_ATTRIBUTE_NUMBER, FLEET_ATTRIBUTE_FLAG, FLEET_ATTRIBUTE_FIXED } kind;
	long from, to; /* of a number */
};
struct fleet_attributes {
	const char *of; /* "Target group" */
	const struct fleet_attribute *v;
	size_t n;
};
/* Fails with the service's error when there is no such attribute, or no such value of it. */
int fleet_attribute_set(const struct fleet_attributes *kinds, struct towpath_string_map *m,
	const char *key, const char *value, struct arena *a, struct err *err);

/* ---- load balancers, listeners, rules ---- */

/* Fails with the service's error when there is none. */
int fleet_balancer_need(struct db_tx *tx, const char *arn, struct arena *a,
	struct elbv2_load_balancer *ret, struct err *err);
int fleet_listener_need(struct db_tx *tx, const char *arn, struct arena *a,
	struct elbv2_listener *ret, struct err *err);
/* What a new thing is tagged with. */
int fleet_balancer_tags_put(struct db_tx *tx, const char *arn, const struct elbv2_tag_list *tags,
	struct arena *a, struct err *err);
int fleet_rule_need(struct db_tx *tx, const char *arn, struct arena *a, struct elbv2_rule *ret,
	struct err *err);
int fleet_target_group_need(struct db_tx *tx, const char *arn, struct arena *a,
	struct elbv2_target_group *ret, struct err *err);
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
