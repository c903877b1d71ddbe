/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of elbv2 on load balancers, listeners and rules. A change is in the data plane when
 * the operation answers: it is applied here, and again by a task should that fail. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/id.h"
#include "base/log.h"
#include "fleet/internal.h"

#define BALANCER_HOST "127.0.0.1"
#define MAX_CONDITIONS 5
#define MAX_STICKINESS_SEC 604800

static int changed(struct fleet_engine *e, db_fn fn, void *arg, struct err *err)
{
	struct err later CLEANUP_ERR = ERR_INIT;

	if (fleet_write(e, fn, arg, err) < 0)
		return -1;
	if (fleet_traffic_apply(e, &later) < 0)
		log_err("fleet", &later, "the data plane follows later");
	return 0;
}

static const char *last_part(const char *arn)
{
	return strrchr(arn, '/') + 1;
}

static int store_tags(struct db_tx *tx, const char *arn, const struct elbv2_tag_list *tags,
	struct arena *a, struct err *err)
{
	struct towpath_string_map map = {0};

	wire_list_alloc(a, &map, tags->n);
	for (size_t i = 0; i < tags->n; i++)
		map.v[i] = (struct towpath_string_map_kv){
			tags->v[i].key, tags->v[i].value ? tags->v[i].value : ""};
	return store_document_put(tx, &STORE_RESOURCE_TAGS, arn, NULL, &map, err);
}

/* ---- actions ---- */

static int check_stickiness(const struct elbv2_target_group_stickiness_config *s, struct err *err)
{
	int seconds = s ? wire_or(s->duration_seconds, 0) : 0;

	if (s && wire_or(s->enabled, false) && (seconds < 1 || seconds > MAX_STICKINESS_SEC))
		return err_set_wire(err, "ValidationError",
			"Target group stickiness duration must be between 1 and %d seconds",
			MAX_STICKINESS_SEC);
	return 0;
}

static int check_forward(
	struct db_tx *tx, struct elbv2_action *action, struct arena *a, struct err *err)
{
	struct elbv2_forward_action_config *config = action->forward_config;
	struct elbv2_target_group tg;

	if (!config) {
		config = action->forward_config = arena_new(a, struct elbv2_forward_action_config);
	}
	if (!config->target_groups.n && action->target_group_arn) {
		wire_list_alloc(a, &config->target_groups, 1);
		config->target_groups.v[0] = (struct elbv2_target_group_tuple){
			.target_group_arn = action->target_group_arn, .weight = WIRE_SET_INT(1)};
	}
	if (check_stickiness(config->target_group_stickiness_config, err) < 0)
		return -1;
	if (!config->target_groups.n || config->target_groups.n > 5)
		return err_set_wire(err, "ValidationError",
			"A forward action must have one to five target groups");
	wire_foreach (t, &config->target_groups) {
		int r = store_document_get(
			tx, &STORE_TARGET_GROUP, t->target_group_arn, a, &tg, err);

		if (r == 0)
			return err_set_wire(err, "TargetGroupNotFoundException",
				"Target groups '%s' not found", t->target_group_arn);
		if (r < 0)
			return -1;
		t->weight = WIRE_SET_INT(wire_or(t->weight, 1));
		if (t->weight.v < 0 || t->weight.v > 999)
			return err_set_wire(err, "ValidationError",
				"The weight of a target group must be between 0 and 999");
	}
	if (config->target_groups.n == 1)
		action->target_group_arn = config->target_groups.v[0].target_group_arn;
	return 0;
}

static int check_fixed(const struct elbv2_action *action, struct err *err)
{
	const struct elbv2_fixed_response_action_config *f = action->fixed_response_config;
	int status = f && f->status_code ? atoi(f->status_code) : 0;

	if (status < 200 || status > 599 || (status >= 300 && status < 400))
		return err_set_wire(err, "InvalidLoadBalancerActionException",
			"A fixed response needs a status code of 2XX, 4XX or 5XX");
	for (const char *p = f->message_body ? f->message_body : ""; *p; p++)
		if ((unsigned char)*p < 0x20)
			return err_set(err, ERR_UNSUPPORTED,
				"control characters in a fixed response are not implemented");
	return 0;
}

/* Completes the actions in place, in the form that describing shows. */
static int check_actions(
	struct db_tx *tx, struct elbv2_actions *actions, struct arena *a, struct err *err)
{
	if (actions->n != 1)
		return err_set_wire(err, "InvalidLoadBalancerActionException",
			"Exactly one action is implemented, of type forward or fixed-response");
	wire_foreach (action, actions) {
		action->order = WIRE_SET_INT(wire_or(action->order, 1));
		if (streq(action->type, "forward")) {
			if (check_forward(tx, action, a, err) < 0)
				return -1;
		} else if (streq(action->type, "fixed-response")) {
			if (check_fixed(action, err) < 0)
				return -1;
		} else {
			return err_set(err, ERR_UNSUPPORTED,
				"actions of type %s are not implemented; use forward or "
				"fixed-response",
				action->type);
		}
	}
	return 0;
}

/* ---- load balancers ---- */

static int need_balancer(struct db_tx *tx, const char *arn, struct arena *a,
	struct elbv2_load_balancer *ret, struct err *err)
{
	int r = store_document_get(tx, &STORE_LOAD_BALANCER, arn, a, ret, err);

	if (r == 0)
		return err_set_wire(
			err, "LoadBalancerNotFoundException", "Load balancers '%s' not found", arn);
	return r < 0 ? -1 : 0;
}

static struct elbv2_load_balancer *balancer_by_name(
	const struct store_documents *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++) {
		struct elbv2_load_balancer *lb = all->v[i];

		if (streq(lb->load_balancer_name, name))
			return lb;
	}
	return NULL;
}

static int check_balancer_name(const char *name, struct err *err)
{
	size_t n = strlen(name);

	if (n < 1 || n > 32 || name[0] == '-' || name[n - 1] == '-' ||
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") !=
			n)
		return err_set_wire(err, "ValidationError",
			"The load balancer name '%s' must have 1 to 32 letters, digits and "
			"hyphens, "
			"and not begin or end with a hyphen",
			name);
	return 0;
}

static int create_load_balancer_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, create_load_balancer);
	struct elbv2_load_balancer lb;
	struct store_documents all;
	char id[17];

	if (check_balancer_name(req->name, err) < 0 ||
		store_document_list(tx, &STORE_LOAD_BALANCER, NULL, a, &all, err) < 0)
		return -1;
	if (req->type && !streq(req->type, "application"))
		return err_set(err, ERR_UNSUPPORTED,
			"load balancers of type %s are not implemented; use application",
			req->type);
	if (balancer_by_name(&all, req->name))
		return err_set_wire(err, "DuplicateLoadBalancerNameException",
			"A load balancer with the same name '%s' exists, but with different "
			"settings",
			req->name);
	id_random_text(id, 16, ID_ALPHABET_HEX);
	lb = (struct elbv2_load_balancer){
		.load_balancer_name = req->name,
		.load_balancer_arn = fleet_arn(
			e, a, "elasticloadbalancing", "loadbalancer/app/%s/%s", req->name, id),
		.dns_name = BALANCER_HOST,
		.canonical_hosted_zone_id = "Z00000000TOWPATH",
		.created_time = WIRE_SET_TIME(durable_now(e->durable)),
		.scheme = req->scheme ? req->scheme : "internet-facing",
		.type = "application",
		.ip_address_type = "ipv4",
		.security_groups = req->security_groups,
		.state = arena_new(a, struct elbv2_load_balancer_state),
	};
	lb.state->code = "active";
	if (store_document_put(tx, &STORE_LOAD_BALANCER, lb.load_balancer_arn, NULL, &lb, err) <
			0 ||
		store_tags(tx, lb.load_balancer_arn, &req->tags, a, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->load_balancers, 1);
	resp->load_balancers.v[0] = lb;
	return 0;
}

static int describe_load_balancers_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, describe_load_balancers);
	struct store_documents all;

	if (store_document_list(tx, &STORE_LOAD_BALANCER, NULL, a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->load_balancers, all.n + req->names.n + req->load_balancer_arns.n);
	resp->load_balancers.n = 0;
	for (size_t i = 0; !req->names.n && !req->load_balancer_arns.n && i < all.n; i++)
		resp->load_balancers.v[resp->load_balancers.n++] =
			*(struct elbv2_load_balancer *)all.v[i];
	wire_foreach (name, &req->names) {
		const struct elbv2_load_balancer *lb = balancer_by_name(&all, *name);

		if (!lb)
			return err_set_wire(err, "LoadBalancerNotFoundException",
				"Load balancers '[%s]' not found", *name);
		resp->load_balancers.v[resp->load_balancers.n++] = *lb;
	}
	wire_foreach (arn, &req->load_balancer_arns) {
		if (need_balancer(tx, *arn, a, &resp->load_balancers.v[resp->load_balancers.n++],
			    err) < 0)
			return -1;
	}
	return fleet_page_cut(&FLEET_PAGES_ELBV2,
		FLEET_LIST(&resp->load_balancers, load_balancer_arn), req->marker, req->page_size,
		a, &resp->next_marker, err);
}

static int delete_rules(struct db_tx *tx, const char *listener_arn, struct err *err)
{
	return store_document_delete_owned(tx, &STORE_RULE, listener_arn, err);
}

static int delete_load_balancer_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, delete_load_balancer);
	struct store_documents all;

	if (store_document_list(tx, &STORE_LISTENER,
		    &(struct store_document_filter){.owner = req->load_balancer_arn}, a, &all,
		    err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (delete_rules(tx, all.ids[i], err) < 0 ||
			store_document_delete(tx, &STORE_LISTENER, all.ids[i], err) < 0)
			return -1;
	if (store_document_delete(tx, &STORE_RESOURCE_TAGS, req->load_balancer_arn, err) < 0 ||
		store_document_delete(tx, &STORE_LOAD_BALANCER, req->load_balancer_arn, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_TRAFFIC, "", 0, err);
}

/* ---- listeners ---- */

static int need_listener(struct db_tx *tx, const char *arn, struct arena *a,
	struct elbv2_listener *ret, struct err *err)
{
	int r = store_document_get(tx, &STORE_LISTENER, arn, a, ret, err);

	if (r == 0)
		return err_set_wire(
			err, "ListenerNotFoundException", "One or more listeners not found");
	return r < 0 ? -1 : 0;
}

static int check_port(
	struct db_tx *tx, int port, const char *except_arn, struct arena *a, struct err *err)
{
	struct store_documents all;
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd CLEANUP_FD = -1;
	int on = 1;

	if (store_document_list(tx, &STORE_LISTENER, NULL, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct elbv2_listener *other = all.v[i];

		if (other->port.v == port && !streq(other->listener_arn, except_arn))
			return err_set_wire(err, "DuplicateListenerException",
				"A listener already exists on port %d", port);
		if (other->port.v == port)
			return 0;
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, BALANCER_HOST, &addr.sin_addr);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_set_wire(err, "InvalidConfigurationRequestException",
			"Port %d of this host cannot be used: %s", port, strerror(errno));
	return 0;
}

static int check_listener(
	struct db_tx *tx, struct elbv2_listener *l, struct arena *a, struct err *err)
{
	if (!streq(l->protocol, "HTTP"))
		return err_set(err, ERR_UNSUPPORTED,
			"listeners of protocol %s are not implemented; use HTTP", l->protocol);
	return check_port(tx, l->port.v, l->listener_arn, a, err) < 0 ||
			       check_actions(tx, &l->default_actions, a, err) < 0
		       ? -1
		       : 0;
}

static int put_listener(
	struct fleet_engine *e, struct db_tx *tx, const struct elbv2_listener *l, struct err *err)
{
	if (store_document_put(tx, &STORE_LISTENER, l->listener_arn, l->load_balancer_arn, l, err) <
		0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_TRAFFIC, "", 0, err);
}

static int create_listener_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, create_listener);
	struct elbv2_load_balancer lb;
	struct elbv2_listener l;
	char id[17];

	if (need_balancer(tx, req->load_balancer_arn, a, &lb, err) < 0)
		return -1;
	id_random_text(id, 16, ID_ALPHABET_HEX);
	l = (struct elbv2_listener){
		.listener_arn = fleet_arn(e, a, "elasticloadbalancing", "listener/app/%s/%s/%s",
			lb.load_balancer_name, last_part(lb.load_balancer_arn), id),
		.load_balancer_arn = lb.load_balancer_arn,
		.port = WIRE_SET_INT(wire_or(req->port, 80)),
		.protocol = req->protocol ? req->protocol : "HTTP",
		.default_actions = req->default_actions,
	};
	if (check_listener(tx, &l, a, err) < 0 || put_listener(e, tx, &l, err) < 0 ||
		store_tags(tx, l.listener_arn, &req->tags, a, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->listeners, 1);
	resp->listeners.v[0] = l;
	return 0;
}

static int modify_listener_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, modify_listener);
	struct elbv2_listener l;

	if (need_listener(tx, req->listener_arn, a, &l, err) < 0)
		return -1;
	if (req->port.set)
		l.port = req->port;
	if (req->protocol)
		l.protocol = req->protocol;
	if (req->default_actions.set)
		l.default_actions = req->default_actions;
	if (check_listener(tx, &l, a, err) < 0 || put_listener(e, tx, &l, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->listeners, 1);
	resp->listeners.v[0] = l;
	return 0;
}

static int delete_listener_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, delete_listener);
	struct elbv2_listener l;

	if (need_listener(tx, req->listener_arn, a, &l, err) < 0 ||
		delete_rules(tx, req->listener_arn, err) < 0 ||
		store_document_delete(tx, &STORE_LISTENER, req->listener_arn, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_TRAFFIC, "", 0, err);
}

static int describe_listeners_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, describe_listeners);
	struct elbv2_load_balancer lb;
	struct store_documents all = {0};

	if (!req->load_balancer_arn && !req->listener_arns.n)
		return err_set_wire(err, "ValidationError",
			"You must specify either listener ARNs or a load balancer ARN");
	if (req->load_balancer_arn &&
		(need_balancer(tx, req->load_balancer_arn, a, &lb, err) < 0 ||
			store_document_list(tx, &STORE_LISTENER,
				&(struct store_document_filter){.owner = req->load_balancer_arn}, a,
				&all, err) < 0))
		return -1;
	wire_list_alloc(a, &resp->listeners, all.n + req->listener_arns.n);
	resp->listeners.n = 0;
	for (size_t i = 0; i < all.n; i++)
		resp->listeners.v[resp->listeners.n++] = *(struct elbv2_listener *)all.v[i];
	wire_foreach (arn, &req->listener_arns) {
		if (need_listener(tx, *arn, a, &resp->listeners.v[resp->listeners.n++], err) < 0)
			return -1;
	}
	return fleet_page_cut(&FLEET_PAGES_ELBV2, FLEET_LIST(&resp->listeners, listener_arn),
		req->marker, req->page_size, a, &resp->next_marker, err);
}

/* ---- rules ---- */

static const char *const condition_fields[] = {
	"path-pattern", "host-header", "http-request-method", "http-header"};

static int check_conditions(const struct elbv2_rule_condition_list *conditions, struct err *err)
{
	if (!conditions->n || conditions->n > MAX_CONDITIONS)
		return err_set_wire(
			err, "ValidationError", "A rule must have one to five conditions");
	wire_foreach (c, conditions) {
		bool known = false;
		size_t values = c->values.n;

		for (size_t i = 0; i < ARRAY_SIZE(condition_fields); i++)
			known |= streq(condition_fields[i], c->field);
		if (!known || c->regex_values.n)
			return err_set(err, ERR_UNSUPPORTED,
				"conditions on %s (or with regular expressions) are not "
				"implemented",
				c->field ? c->field : "(none)");
		if (c->path_pattern_config)
			values += c->path_pattern_config->values.n;
		if (c->host_header_config)
			values += c->host_header_config->values.n;
		if (c->http_request_method_config)
			values += c->http_request_method_config->values.n;
		if (c->http_header_config)
			values += c->http_header_config->values.n;
		if (!values)
			return err_set_wire(
				err, "ValidationError", "A condition value must be specified");
	}
	return 0;
}

static int create_rule_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, create_rule);
	struct elbv2_listener l;
	struct store_documents all;
	struct elbv2_rule rule = {
		.conditions = req->conditions,
		.actions = req->actions,
		.is_default = WIRE_SET_BOOL(false),
		.priority = arena_printf(a, "%d", wire_or(req->priority, 1)),
	};
	const char *tail;
	char id[17];

	if (need_listener(tx, req->listener_arn, a, &l, err) < 0 ||
		store_document_list(tx, &STORE_RULE,
			&(struct store_document_filter){.owner = req->listener_arn}, a, &all,
			err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (streq(((struct elbv2_rule *)all.v[i])->priority, rule.priority))
			return err_set_wire(err, "PriorityInUseException",
				"Priority '%s' is currently in use", rule.priority);
	if (check_conditions(&req->conditions, err) < 0 ||
		check_actions(tx, &rule.actions, a, err) < 0)
		return -1;
	id_random_text(id, 16, ID_ALPHABET_HEX);
	tail = strstr(l.listener_arn, ":listener/") + strlen(":listener/");
	rule.rule_arn = fleet_arn(e, a, "elasticloadbalancing", "listener-rule/%s/%s", tail, id);
	if (store_document_put(tx, &STORE_RULE, rule.rule_arn, req->listener_arn, &rule, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->rules, 1);
	resp->rules.v[0] = rule;
	return fleet_wake(e, tx, FLEET_TASK_TRAFFIC, "", 0, err);
}

static int need_rule(
	struct db_tx *tx, const char *arn, struct arena *a, struct elbv2_rule *ret, struct err *err)
{
	int r = store_document_get(tx, &STORE_RULE, arn, a, ret, err);

	if (r == 0)
		return err_set_wire(err, "RuleNotFoundException", "One or more rules not found");
	return r < 0 ? -1 : 0;
}

/* ARN of the listener of a rule. */
static char *listener_of_rule(const char *rule_arn, struct arena *a)
{
	const char *mark = strstr(rule_arn, ":listener-rule/");
	const char *tail = mark + strlen(":listener-rule/");
	const char *end = strrchr(rule_arn, '/');

	return arena_printf(
		a, "%.*s:listener/%.*s", (int)(mark - rule_arn), rule_arn, (int)(end - tail), tail);
}

static int modify_rule_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, modify_rule);
	struct elbv2_rule rule;

	if (need_rule(tx, req->rule_arn, a, &rule, err) < 0)
		return -1;
	if (req->conditions.set)
		rule.conditions = req->conditions;
	if (req->actions.set)
		rule.actions = req->actions;
	if (check_conditions(&rule.conditions, err) < 0 ||
		check_actions(tx, &rule.actions, a, err) < 0 ||
		store_document_put(tx, &STORE_RULE, rule.rule_arn,
			listener_of_rule(rule.rule_arn, a), &rule, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->rules, 1);
	resp->rules.v[0] = rule;
	return fleet_wake(e, tx, FLEET_TASK_TRAFFIC, "", 0, err);
}

static int delete_rule_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, delete_rule);
	struct elbv2_rule rule;

	if (need_rule(tx, req->rule_arn, a, &rule, err) < 0 ||
		store_document_delete(tx, &STORE_RULE, req->rule_arn, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_TRAFFIC, "", 0, err);
}

static int rule_by_priority(const void *x, const void *y)
{
	const struct elbv2_rule *a = x, *b = y;

	if (wire_or(a->is_default, false) != wire_or(b->is_default, false))
		return wire_or(a->is_default, false) ? 1 : -1;
	return atoi(a->priority) - atoi(b->priority);
}

static int describe_rules_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, describe_rules);
	struct elbv2_listener l;
	struct store_documents all = {0};

	if (req->listener_arn &&
		(need_listener(tx, req->listener_arn, a, &l, err) < 0 ||
			store_document_list(tx, &STORE_RULE,
				&(struct store_document_filter){.owner = req->listener_arn}, a,
				&all, err) < 0))
		return -1;
	wire_list_alloc(a, &resp->rules, all.n + req->rule_arns.n + 1);
	resp->rules.n = 0;
	for (size_t i = 0; i < all.n; i++)
		resp->rules.v[resp->rules.n++] = *(struct elbv2_rule *)all.v[i];
	wire_foreach (arn, &req->rule_arns) {
		if (need_rule(tx, *arn, a, &resp->rules.v[resp->rules.n++], err) < 0)
			return -1;
	}
	if (req->listener_arn)
		resp->rules.v[resp->rules.n++] = (struct elbv2_rule){
			.rule_arn = fleet_arn(e, a, "elasticloadbalancing",
				"listener-rule/%s/0000000000000000",
				strstr(l.listener_arn, ":listener/") + strlen(":listener/")),
			.priority = "default",
			.is_default = WIRE_SET_BOOL(true),
			.conditions = {.set = true},
			.actions = l.default_actions,
		};
	qsort(resp->rules.v, resp->rules.n, sizeof(*resp->rules.v), rule_by_priority);
	return fleet_page_cut(&FLEET_PAGES_ELBV2, FLEET_LIST(&resp->rules, rule_arn), req->marker,
		req->page_size, a, &resp->next_marker, err);
}

/* ---- tags ---- */

static int tags_of(struct db_tx *tx, const char *arn, struct arena *a,
	struct towpath_string_map *ret, struct err *err)
{
	struct towpath_fleet_target_group more;
	int r = store_document_get(tx, &STORE_TARGET_GROUP_MORE, arn, a, &more, err);

	if (r > 0) {
		*ret = more.tags;
		return 1;
	}
	return r < 0 ? -1 : store_document_get(tx, &STORE_RESOURCE_TAGS, arn, a, ret, err);
}

static int describe_tags_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, describe_tags);

	wire_list_alloc(a, &resp->tag_descriptions, req->resource_arns.n);
	for (size_t i = 0; i < req->resource_arns.n; i++) {
		struct elbv2_tag_description *d = &resp->tag_descriptions.v[i];
		struct towpath_string_map tags = {0};
		int r = tags_of(tx, req->resource_arns.v[i], a, &tags, err);

		if (r < 0)
			return -1;
		if (r == 0 && strstr(req->resource_arns.v[i], ":loadbalancer/"))
			return err_set_wire(err, "LoadBalancerNotFoundException",
				"Load balancer '%s' not found", req->resource_arns.v[i]);
		if (r == 0 && strstr(req->resource_arns.v[i], ":targetgroup/"))
			return err_set_wire(err, "TargetGroupNotFoundException",
				"Target group '%s' not found", req->resource_arns.v[i]);
		d->resource_arn = req->resource_arns.v[i];
		wire_list_alloc(a, &d->tags, tags.n);
		for (size_t k = 0; k < tags.n; k++)
			d->tags.v[k] = (struct elbv2_tag){tags.v[k].key, tags.v[k].value};
	}
	return 0;
}

FLEET_DEFINE(elbv2, create_listener, changed)
FLEET_DEFINE(elbv2, create_load_balancer, fleet_write)
FLEET_DEFINE(elbv2, create_rule, changed)
FLEET_DEFINE(elbv2, delete_listener, changed)
FLEET_DEFINE(elbv2, delete_load_balancer, changed)
FLEET_DEFINE(elbv2, delete_rule, changed)
FLEET_DEFINE(elbv2, describe_listeners, fleet_read)
FLEET_DEFINE(elbv2, describe_load_balancers, fleet_read)
FLEET_DEFINE(elbv2, describe_rules, fleet_read)
FLEET_DEFINE(elbv2, describe_tags, fleet_read)
FLEET_DEFINE(elbv2, modify_listener, changed)
FLEET_DEFINE(elbv2, modify_rule, changed)
