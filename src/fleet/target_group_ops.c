/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of elbv2 on target groups and targets. */
#include <stdlib.h>

#include "base/id.h"
#include "fleet/balancer.h"

#define DEFAULT_MATCHER "200"

int fleet_target_group_need(struct db_tx *tx, const char *arn, struct arena *a,
	struct elbv2_target_group *ret, struct err *err)
{
	int r = store_document_get(tx, &STORE_TARGET_GROUP, arn, a, ret, err);

	if (r == 0)
		return err_set_wire(
			err, "TargetGroupNotFoundException", "Target groups '%s' not found", arn);
	return r < 0 ? -1 : 0;
}

static int put_target_group(struct db_tx *tx, const struct elbv2_target_group *tg, struct err *err)
{
	return store_document_put(tx, &STORE_TARGET_GROUP, tg->target_group_arn, NULL, tg, err);
}

/* ---- load balancers that use a group ---- */

static bool action_uses(const struct elbv2_actions *actions, const char *arn)
{
	wire_foreach (action, actions) {
		if (streq(action->target_group_arn, arn))
			return true;
		if (!action->forward_config)
			continue;
		wire_foreach (t, &action->forward_config->target_groups) {
			if (streq(t->target_group_arn, arn))
				return true;
		}
	}
	return false;
}

int fleet_target_group_balancer(
	struct db_tx *tx, const char *arn, struct arena *a, const char **ret, struct err *err)
{
	struct store_documents listeners, rules;

	*ret = NULL;
	if (store_document_list(tx, &STORE_LISTENER, NULL, a, &listeners, err) < 0)
		return -1;
	for (size_t i = 0; i < listeners.n; i++) {
		const struct elbv2_listener *l = listeners.v[i];

		if (action_uses(&l->default_actions, arn))
			*ret = l->load_balancer_arn;
		if (store_document_list(tx, &STORE_RULE,
			    &(struct store_document_filter){.owner = l->listener_arn}, a, &rules,
			    err) < 0)
			return -1;
		for (size_t k = 0; k < rules.n; k++)
			if (action_uses(&((struct elbv2_rule *)rules.v[k])->actions, arn))
				*ret = l->load_balancer_arn;
	}
	return 0;
}

static int fill_balancers(
	struct db_tx *tx, struct elbv2_target_group *tg, struct arena *a, struct err *err)
{
	const char *balancer;

	if (fleet_target_group_balancer(tx, tg->target_group_arn, a, &balancer, err) < 0)
		return -1;
	wire_list_alloc(a, &tg->load_balancer_arns, balancer ? 1 : 0);
	if (balancer)
		tg->load_balancer_arns.v[0] = balancer;
	return 0;
}

/* ---- checks ---- */

static bool http_like(const char *protocol)
{
	return streq(protocol, "HTTP") || streq(protocol, "HTTPS");
}

static bool matcher_ok(const char *codes)
{
	return *codes && strspn(codes, "0123456789,-") == strlen(codes);
}

static int check_target_group(const struct elbv2_target_group *tg, struct err *err)
{
	const char *port = tg->health_check_port;

	if (!http_like(tg->protocol))
		return err_set(err, ERR_UNSUPPORTED,
			"target groups of protocol %s are not implemented; use HTTP or HTTPS",
			tg->protocol);
	if (!http_like(tg->health_check_protocol) && !streq(tg->health_check_protocol, "TCP"))
		return err_set(err, ERR_UNSUPPORTED,
			"health checks of protocol %s are not implemented; use HTTP, HTTPS or TCP",
			tg->health_check_protocol);
	if (!streq(tg->target_type, "instance") && !streq(tg->target_type, "ip"))
		return err_set(err, ERR_UNSUPPORTED,
			"targets of type %s are not implemented; use instance or ip",
			tg->target_type);
	if (!streq(port, "traffic-port") && (atoi(port) < 1 || atoi(port) > 65535))
		return err_set_wire(err, "ValidationError",
			"Health check port '%s' must be 'traffic-port' or in the range 1-65535",
			port);
	if (tg->matcher && (!tg->matcher->http_code || !matcher_ok(tg->matcher->http_code)))
		return err_set_wire(err, "ValidationError",
			"Health check matcher must be HTTP codes such as 200, 200-299 or 200,301");
	if (http_like(tg->health_check_protocol) && tg->health_check_path[0] != '/')
		return err_set_wire(err, "ValidationError",
			"Health check path '%s' must begin with a '/' character",
			tg->health_check_path);
	if (tg->health_check_timeout_seconds.v > tg->health_check_interval_seconds.v)
		return err_set_wire(err, "ValidationError",
			"Health check timeout '%d' must be smaller than or equal to the interval "
			"'%d'",
			tg->health_check_timeout_seconds.v, tg->health_check_interval_seconds.v);
	return 0;
}

static int check_name(const char *name, struct err *err)
{
	size_t n = strlen(name);

	if (n < 1 || n > 32 || name[0] == '-' || name[n - 1] == '-' ||
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") !=
			n)
		return err_set_wire(err, "ValidationError",
			"Target group name '%s' must have 1 to 32 letters, digits and hyphens, and "
			"not begin or end with a hyphen",
			name);
	return 0;
}

/* ---- create, modify, delete ---- */

static void set_tags(
	const struct elbv2_tag_list *from, struct arena *a, struct towpath_string_map *to)
{
	wire_list_alloc(a, to, from->n);
	for (size_t i = 0; i < from->n; i++)
		to->v[i] = (struct towpath_string_map_kv){
			from->v[i].key, from->v[i].value ? from->v[i].value : ""};
}

static struct elbv2_matcher *matcher_or_default(struct elbv2_matcher *given, struct arena *a)
{
	struct elbv2_matcher *m = given;

	if (!m) {
		m = arena_new(a, struct elbv2_matcher);
		m->http_code = DEFAULT_MATCHER;
	}
	return m;
}

static int create_target_group_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, create_target_group);
	struct towpath_fleet_target_group more = {0};
	struct elbv2_target_group tg;
	char id[17];
	int r;

	if (check_name(req->name, err) < 0)
		return -1;
	r = fleet_target_group_by_name(tx, req->name, a, &tg, err);
	if (r > 0)
		return err_set_wire(err, "DuplicateTargetGroupNameException",
			"A target group with the same name '%s' exists, but with different "
			"settings",
			req->name);
	if (r < 0)
		return -1;
	id_random_text(id, 16, ID_ALPHABET_HEX);
	tg = (struct elbv2_target_group){
		.target_group_name = req->name,
		.target_group_arn =
			fleet_arn(e, a, "elasticloadbalancing", "targetgroup/%s/%s", req->name, id),
		.protocol = req->protocol ? req->protocol : "HTTP",
		.protocol_version = req->protocol_version ? req->protocol_version : "HTTP1",
		.port = WIRE_SET_INT(wire_or(req->port, 80)),
		.target_type = req->target_type ? req->target_type : "instance",
		.vpc_id = req->vpc_id,
		.health_check_enabled = WIRE_SET_BOOL(wire_or(req->health_check_enabled, true)),
		.health_check_interval_seconds =
			WIRE_SET_INT(wire_or(req->health_check_interval_seconds, 30)),
		.health_check_timeout_seconds =
			WIRE_SET_INT(wire_or(req->health_check_timeout_seconds, 5)),
		.healthy_threshold_count = WIRE_SET_INT(wire_or(req->healthy_threshold_count, 5)),
		.unhealthy_threshold_count =
			WIRE_SET_INT(wire_or(req->unhealthy_threshold_count, 2)),
		.health_check_path = req->health_check_path ? req->health_check_path : "/",
		.health_check_port =
			req->health_check_port ? req->health_check_port : "traffic-port",
		.matcher = matcher_or_default(req->matcher, a),
		.ip_address_type = "ipv4",
	};
	tg.health_check_protocol =
		req->health_check_protocol ? req->health_check_protocol : tg.protocol;
	set_tags(&req->tags, a, &more.tags);
	if (check_target_group(&tg, err) < 0 || put_target_group(tx, &tg, err) < 0 ||
		store_document_put(
			tx, &STORE_TARGET_GROUP_MORE, tg.target_group_arn, NULL, &more, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->target_groups, 1);
	resp->target_groups.v[0] = tg;
	return fill_balancers(tx, &resp->target_groups.v[0], a, err);
}

static int modify_target_group_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, modify_target_group);
	struct elbv2_target_group tg;

	if (fleet_target_group_need(tx, req->target_group_arn, a, &tg, err) < 0)
		return -1;
#define CHANGE(member)       \
	if (req->member.set) \
	tg.member = req->member
	CHANGE(health_check_enabled);
	CHANGE(health_check_interval_seconds);
	CHANGE(health_check_timeout_seconds);
	CHANGE(healthy_threshold_count);
	CHANGE(unhealthy_threshold_count);
#undef CHANGE
	if (req->health_check_path)
		tg.health_check_path = req->health_check_path;
	if (req->health_check_port)
		tg.health_check_port = req->health_check_port;
	if (req->health_check_protocol)
		tg.health_check_protocol = req->health_check_protocol;
	if (req->matcher)
		tg.matcher = req->matcher;
	if (check_target_group(&tg, err) < 0 || put_target_group(tx, &tg, err) < 0 ||
		fleet_wake(e, tx, FLEET_TASK_TRAFFIC, "", 0, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->target_groups, 1);
	resp->target_groups.v[0] = tg;
	return fill_balancers(tx, &resp->target_groups.v[0], a, err);
}

static int delete_target_group_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, delete_target_group);
	const char *balancer;

	if (fleet_target_group_balancer(tx, req->target_group_arn, a, &balancer, err) < 0)
		return -1;
	if (balancer)
		return err_set_wire(err, "ResourceInUseException",
			"Target group '%s' is currently in use by a listener or a rule",
			req->target_group_arn);
	if (store_document_delete(tx, &STORE_TARGET_GROUP, req->target_group_arn, err) < 0 ||
		store_document_delete(tx, &STORE_TARGET_GROUP_MORE, req->target_group_arn, err) <
			0 ||
		store_document_delete_owned(tx, &STORE_TARGET, req->target_group_arn, err) < 0 ||
		fleet_tasks_wake_waiting(e, tx, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_TRAFFIC, "", 0, err);
}

/* ---- describe ---- */

static bool one_of(const char *const *v, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (streq(v[i], text))
			return true;
	return false;
}

static int check_all_found(
	const struct elbv2_describe_target_groups_request *req, size_t found, struct err *err)
{
	size_t asked = req->names.n + req->target_group_arns.n;

	if (asked && found < asked)
		return err_set_wire(
			err, "TargetGroupNotFoundException", "One or more target groups not found");
	return 0;
}

static int describe_target_groups_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, describe_target_groups);
	struct store_documents all;

	if (store_document_list(tx, &STORE_TARGET_GROUP, NULL, a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->target_groups, all.n);
	resp->target_groups.n = 0;
	for (size_t i = 0; i < all.n; i++) {
		struct elbv2_target_group *tg = all.v[i];

		if ((req->names.n || req->target_group_arns.n) &&
			!one_of(req->names.v, req->names.n, tg->target_group_name) &&
			!one_of(req->target_group_arns.v, req->target_group_arns.n,
				tg->target_group_arn))
			continue;
		if (fill_balancers(tx, tg, a, err) < 0)
			return -1;
		if (req->load_balancer_arn &&
			(!tg->load_balancer_arns.n ||
				!streq(tg->load_balancer_arns.v[0], req->load_balancer_arn)))
			continue;
		resp->target_groups.v[resp->target_groups.n++] = *tg;
	}
	if (check_all_found(req, resp->target_groups.n, err) < 0)
		return -1;
	return fleet_page_cut(&FLEET_PAGES_ELBV2,
		FLEET_LIST(&resp->target_groups, target_group_arn), req->marker, req->page_size, a,
		&resp->next_marker, err);
}

/* ---- attributes ---- */

/* The data plane has one algorithm and one kind of stickiness. */
static const struct fleet_attribute attributes[] = {
	{"deregistration_delay.timeout_seconds", "300", FLEET_ATTRIBUTE_NUMBER, 0, 3600},
	{"load_balancing.algorithm.type", "round_robin", FLEET_ATTRIBUTE_FIXED, 0, 0},
	{"load_balancing.cross_zone.enabled", "use_load_balancer_configuration",
		FLEET_ATTRIBUTE_FIXED, 0, 0},
	{"slow_start.duration_seconds", "0", FLEET_ATTRIBUTE_FIXED, 0, 0},
	{FLEET_STICKINESS_ENABLED, "false", FLEET_ATTRIBUTE_FLAG, 0, 0},
	{FLEET_STICKINESS_DURATION, "86400", FLEET_ATTRIBUTE_NUMBER, 1, 604800},
	{"stickiness.type", "lb_cookie", FLEET_ATTRIBUTE_FIXED, 0, 0},
};

static const struct fleet_attributes kinds = {"Target group", attributes, ARRAY_SIZE(attributes)};

static int attributes_of(struct db_tx *tx, const char *arn, struct arena *a,
	struct elbv2_target_group_attributes *ret, struct err *err)
{
	wire_list_alloc(a, ret, ARRAY_SIZE(attributes));
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		const char *set = fleet_target_group_attribute(tx, arn, attributes[i].key, a, err);

		ret->v[i] = (struct elbv2_target_group_attribute){
			.key = attributes[i].key, .value = set ? set : attributes[i].dflt};
	}
	return 0;
}

static int describe_target_group_attributes_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, describe_target_group_attributes);
	struct elbv2_target_group tg;

	if (fleet_target_group_need(tx, req->target_group_arn, a, &tg, err) < 0)
		return -1;
	return attributes_of(tx, req->target_group_arn, a, &resp->attributes, err);
}

static int modify_target_group_attributes_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, modify_target_group_attributes);
	struct towpath_fleet_target_group more = {0};
	struct elbv2_target_group tg;

	if (fleet_target_group_need(tx, req->target_group_arn, a, &tg, err) < 0 ||
		store_document_get(
			tx, &STORE_TARGET_GROUP_MORE, req->target_group_arn, a, &more, err) < 0)
		return -1;
	wire_foreach (x, &req->attributes) {
		if (fleet_attribute_set(&kinds, &more.attributes, x->key, x->value, a, err) < 0)
			return -1;
	}
	if (store_document_put(
		    tx, &STORE_TARGET_GROUP_MORE, req->target_group_arn, NULL, &more, err) < 0 ||
		fleet_wake(e, tx, FLEET_TASK_TRAFFIC, "", 0, err) < 0)
		return -1;
	return attributes_of(tx, req->target_group_arn, a, &resp->attributes, err);
}

/* ---- targets ---- */

static int register_targets_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, register_targets);
	struct elbv2_target_group tg;

	if (fleet_target_group_need(tx, req->target_group_arn, a, &tg, err) < 0)
		return -1;
	wire_foreach (t, &req->targets) {
		if (streq(tg.target_type, "ip") && strspn(t->id, "0123456789.") != strlen(t->id))
			return err_set_wire(err, "InvalidTargetException",
				"The IP address '%s' is not a valid IPv4 address", t->id);
		if (fleet_target_add(e, tx, &tg, t->id, wire_or(t->port, 0), a, err) < 0)
			return -1;
	}
	return 0;
}

static int deregister_targets_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, deregister_targets);
	struct elbv2_target_group tg;

	if (fleet_target_group_need(tx, req->target_group_arn, a, &tg, err) < 0)
		return -1;
	wire_foreach (t, &req->targets) {
		if (fleet_target_drain(e, tx, &tg, t->id, wire_or(t->port, 0), a, err) < 0)
			return -1;
	}
	return 0;
}

static void describe_health(const struct elbv2_target_group *tg,
	const struct towpath_fleet_target *t, bool in_use, struct arena *a,
	struct elbv2_target_health_description *ret)
{
	struct elbv2_target_health *h = arena_new(a, struct elbv2_target_health);
	struct elbv2_target_description *target = arena_new(a, struct elbv2_target_description);

	target->id = t->target_id;
	target->port = t->port;
	*h = (struct elbv2_target_health){t->description, t->reason, t->state};
	if (!in_use && !streq(t->state, TARGET_DRAINING))
		*h = (struct elbv2_target_health){
			.state = TARGET_UNUSED,
			.reason = "Target.NotInUse",
			.description = "Target group is not configured to receive traffic from the "
				       "load balancer",
		};
	ret->target = target;
	ret->target_health = h;
	ret->health_check_port = streq(tg->health_check_port, "traffic-port")
					 ? arena_printf(a, "%d", t->port.v)
					 : tg->health_check_port;
}

static bool target_asked(const struct elbv2_describe_target_health_request *req,
	const struct towpath_fleet_target *t)
{
	if (!req->targets.n)
		return true;
	wire_foreach (x, &req->targets) {
		if (streq(x->id, t->target_id) && wire_or(x->port, t->port.v) == t->port.v)
			return true;
	}
	return false;
}

static void describe_absent(const struct elbv2_target_description *x, struct arena *a,
	struct elbv2_target_health_description *ret)
{
	ret->target = wire_copy(&elbv2_target_description_shape, x, a);
	ret->target_health = arena_new(a, struct elbv2_target_health);
	*ret->target_health = (struct elbv2_target_health){
		.state = TARGET_UNUSED,
		.reason = "Target.NotRegistered",
		.description = "Target is not registered to the target group",
	};
}

static int describe_target_health_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, describe_target_health);
	struct elbv2_target_health_descriptions *out = &resp->target_health_descriptions;
	struct elbv2_target_group tg;
	struct store_documents all;
	const char *balancer;

	if (fleet_target_group_need(tx, req->target_group_arn, a, &tg, err) < 0 ||
		fleet_target_group_balancer(tx, req->target_group_arn, a, &balancer, err) < 0 ||
		store_document_list(tx, &STORE_TARGET,
			&(struct store_document_filter){.owner = req->target_group_arn}, a, &all,
			err) < 0)
		return -1;
	wire_list_alloc(a, out, all.n + req->targets.n);
	out->n = 0;
	for (size_t i = 0; i < all.n; i++)
		if (target_asked(req, all.v[i]))
			describe_health(&tg, all.v[i], balancer, a, &out->v[out->n++]);
	wire_foreach (x, &req->targets) {
		bool known = false;

		for (size_t i = 0; i < all.n; i++)
			known |= streq(((struct towpath_fleet_target *)all.v[i])->target_id, x->id);
		if (!known)
			describe_absent(x, a, &out->v[out->n++]);
	}
	return 0;
}

FLEET_DEFINE(elbv2, create_target_group, fleet_write)
FLEET_DEFINE(elbv2, delete_target_group, fleet_write)
FLEET_DEFINE(elbv2, deregister_targets, fleet_write)
FLEET_DEFINE(elbv2, describe_target_group_attributes, fleet_read)
FLEET_DEFINE(elbv2, describe_target_groups, fleet_read)
FLEET_DEFINE(elbv2, describe_target_health, fleet_read)
FLEET_DEFINE(elbv2, modify_target_group, fleet_write)
FLEET_DEFINE(elbv2, modify_target_group_attributes, fleet_write)
FLEET_DEFINE(elbv2, register_targets, fleet_write)
