/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of elbv2 on rules: their actions, which listeners have too, and conditions. */
#include <stdlib.h>
#include <string.h>

#include "base/cidr.h"
#include "base/id.h"
#include "fleet/balancer.h"
#include "store/resource_tags.h"

#define MAX_CONDITIONS 5
#define MAX_STICKINESS_SEC 604800

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

/* One name after "#{", which must be known. */
static int check_part(const char *part, struct err *err)
{
	static const char *const names[] = {
		"#{protocol}", "#{host}", "#{port}", "#{path}", "#{query}"};

	for (const char *p = strstr(part, "#{"); p; p = strstr(p + 2, "#{")) {
		size_t i = 0;

		while (i < ARRAY_SIZE(names) && !starts_with(p, names[i]))
			i++;
		if (i == ARRAY_SIZE(names))
			return err_set_wire(err, "ValidationError",
				"The redirect's '%s' must name #{protocol}, #{host}, #{port}, "
				"#{path} or #{query}",
				part);
	}
	for (const char *p = part; *p; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f)
			return err_set_wire(err, "ValidationError",
				"The redirect's '%s' must not hold spaces or control characters",
				part);
	return 0;
}

/* What is not given stays as the request has it. */
static int check_redirect(struct elbv2_redirect_action_config *to, struct err *err)
{
	const struct {
		const char **part, *same;
	} parts[] = {{&to->protocol, "#{protocol}"}, {&to->host, "#{host}"}, {&to->port, "#{port}"},
		{&to->path, "/#{path}"}, {&to->query, "#{query}"}};
	bool moves = false;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!*parts[i].part)
			*parts[i].part = parts[i].same;
		if (check_part(*parts[i].part, err) < 0)
			return -1;
		moves |= !streq(*parts[i].part, parts[i].same) && parts[i].part != &to->query;
	}
	if (!moves)
		return err_set_wire(err, "InvalidLoadBalancerActionException",
			"You must modify at least one of the following components to avoid a "
			"redirect loop: protocol, port, hostname, path");
	if (!streq(to->port, "#{port}") && (strspn(to->port, "0123456789") != strlen(to->port) ||
						   atoi(to->port) < 1 || atoi(to->port) > 65535))
		return err_set_wire(err, "ValidationError",
			"The port of a redirect must be from 1 to 65535 or #{port}");
	if (to->path[0] != '/')
		return err_set_wire(
			err, "ValidationError", "A redirect's path must begin with '/'");
	return 0;
}

int fleet_actions_check(
	struct db_tx *tx, struct elbv2_actions *actions, struct arena *a, struct err *err)
{
	if (actions->n != 1)
		return err_set_wire(err, "InvalidLoadBalancerActionException",
			"Exactly one action is implemented, of type forward, redirect or "
			"fixed-response");
	wire_foreach (action, actions) {
		action->order = WIRE_SET_INT(wire_or(action->order, 1));
		if (streq(action->type, "forward")) {
			if (check_forward(tx, action, a, err) < 0)
				return -1;
		} else if (streq(action->type, "fixed-response")) {
			if (check_fixed(action, err) < 0)
				return -1;
		} else if (streq(action->type, "redirect")) {
			if (!action->redirect_config)
				return err_set_wire(err, "ValidationError",
					"A redirect action must have a redirect configuration");
			if (check_redirect(action->redirect_config, err) < 0)
				return -1;
		} else {
			return err_set(err, ERR_UNSUPPORTED,
				"actions of type %s are not implemented; use forward, redirect or "
				"fixed-response",
				action->type);
		}
	}
	return 0;
}

int fleet_rules_delete(struct db_tx *tx, const char *listener_arn, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct store_document_filter of = {.owner = listener_arn};
	struct store_documents all;

	if (store_document_list(tx, &STORE_RULE, &of, &a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (store_tags_forget(tx, all.ids[i], err) < 0)
			return -1;
	return store_document_delete_owned(tx, &STORE_RULE, listener_arn, err);
}

/* ---- rules ---- */

static bool is_network(const char *text)
{
	struct cidr range;

	return cidr_parse(view_of(text), &range) && range.ranged;
}

static int check_values(const struct elbv2_rule_condition *c, size_t *ret_n, struct err *err)
{
	*ret_n = c->values.n;
	if (c->path_pattern_config)
		*ret_n += c->path_pattern_config->values.n;
	if (c->host_header_config)
		*ret_n += c->host_header_config->values.n;
	if (c->http_request_method_config)
		*ret_n += c->http_request_method_config->values.n;
	if (c->http_header_config)
		*ret_n += c->http_header_config->values.n;
	if (c->source_ip_config)
		*ret_n += c->source_ip_config->values.n;
	if (c->query_string_config) {
		*ret_n += c->query_string_config->values.n;
		wire_foreach (pair, &c->query_string_config->values) {
			if (!pair->value)
				return err_set_wire(err, "ValidationError",
					"A query string condition must have a value");
		}
	}
	return 0;
}

static int check_condition(const struct elbv2_rule_condition *c, struct err *err)
{
	static const char *const fields[] = {"path-pattern", "host-header", "http-request-method",
		"http-header", "query-string", "source-ip"};
	bool known = false;
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		known |= streq(fields[i], c->field);
	if (!known || c->regex_values.n)
		return err_set(err, ERR_UNSUPPORTED,
			"conditions on %s (or with regular expressions) are not implemented",
			c->field ? c->field : "(none)");
	if (check_values(c, &n, err) < 0)
		return -1;
	if (!n || (streq(c->field, "query-string") && !c->query_string_config) ||
		(streq(c->field, "source-ip") && !c->source_ip_config) ||
		(streq(c->field, "http-header") && !c->http_header_config))
		return err_set_wire(err, "ValidationError", "A condition value must be specified");
	for (size_t i = 0; c->source_ip_config && i < c->source_ip_config->values.n; i++)
		if (!is_network(c->source_ip_config->values.v[i]))
			return err_set_wire(err, "ValidationError",
				"The source IP '%s' must be in CIDR format",
				c->source_ip_config->values.v[i]);
	return 0;
}

static int check_conditions(const struct elbv2_rule_condition_list *conditions, struct err *err)
{
	if (!conditions->n || conditions->n > MAX_CONDITIONS)
		return err_set_wire(
			err, "ValidationError", "A rule must have one to five conditions");
	wire_foreach (c, conditions) {
		if (check_condition(c, err) < 0)
			return -1;
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

	if (fleet_listener_need(tx, req->listener_arn, a, &l, err) < 0 ||
		store_document_list(tx, &STORE_RULE,
			&(struct store_document_filter){.owner = req->listener_arn}, a, &all,
			err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (streq(((struct elbv2_rule *)all.v[i])->priority, rule.priority))
			return err_set_wire(err, "PriorityInUseException",
				"Priority '%s' is currently in use", rule.priority);
	if (check_conditions(&req->conditions, err) < 0 ||
		fleet_actions_check(tx, &rule.actions, a, err) < 0)
		return -1;
	id_random_text(id, 16, ID_ALPHABET_HEX);
	tail = strstr(l.listener_arn, ":listener/") + strlen(":listener/");
	rule.rule_arn = fleet_arn(e, a, "elasticloadbalancing", "listener-rule/%s/%s", tail, id);
	if (store_document_put(tx, &STORE_RULE, rule.rule_arn, req->listener_arn, &rule, err) < 0 ||
		fleet_balancer_tags_put(tx, rule.rule_arn, &req->tags, a, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->rules, 1);
	resp->rules.v[0] = rule;
	return fleet_wake(e, tx, FLEET_TASK_TRAFFIC, "", 0, err);
}

int fleet_rule_need(
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

	if (fleet_rule_need(tx, req->rule_arn, a, &rule, err) < 0)
		return -1;
	if (req->conditions.set)
		rule.conditions = req->conditions;
	if (req->actions.set)
		rule.actions = req->actions;
	if (check_conditions(&rule.conditions, err) < 0 ||
		fleet_actions_check(tx, &rule.actions, a, err) < 0 ||
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

	if (fleet_rule_need(tx, req->rule_arn, a, &rule, err) < 0 ||
		store_document_delete(tx, &STORE_RULE, req->rule_arn, err) < 0 ||
		store_tags_forget(tx, req->rule_arn, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_TRAFFIC, "", 0, err);
}

static bool is_moved(const struct elbv2_rule_priority_list *moves, const char *rule_arn)
{
	wire_foreach (m, moves) {
		if (streq(m->rule_arn, rule_arn))
			return true;
	}
	return false;
}

/* Whether the priority is that of a rule that does not move, or of an earlier move. */
static int check_free(struct db_tx *tx, const struct elbv2_rule_priority_list *moves, size_t at,
	struct arena *a, struct err *err)
{
	const struct elbv2_rule_priority_pair *m = &moves->v[at];
	const char *listener = listener_of_rule(m->rule_arn, a);
	struct store_documents all;
	bool taken = false;

	if (store_document_list(tx, &STORE_RULE, &(struct store_document_filter){.owner = listener},
		    a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		taken |= !is_moved(moves, all.ids[i]) &&
			 atoi(((struct elbv2_rule *)all.v[i])->priority) == m->priority.v;
	for (size_t i = 0; i < at; i++)
		taken |= moves->v[i].priority.v == m->priority.v &&
			 streq(listener_of_rule(moves->v[i].rule_arn, a), listener);
	if (taken)
		return err_set_wire(err, "PriorityInUseException",
			"Priority '%d' is currently in use", m->priority.v);
	return 0;
}

static int set_rule_priorities_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, set_rule_priorities);
	const struct elbv2_rule_priority_list *moves = &req->rule_priorities;

	wire_list_alloc(a, &resp->rules, moves->n);
	for (size_t i = 0; i < moves->n; i++) {
		if (!moves->v[i].rule_arn || !moves->v[i].priority.set)
			return err_set_wire(err, "ValidationError",
				"A rule ARN and a priority must be specified");
		if (fleet_rule_need(tx, moves->v[i].rule_arn, a, &resp->rules.v[i], err) < 0 ||
			check_free(tx, moves, i, a, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < moves->n; i++) {
		struct elbv2_rule *rule = &resp->rules.v[i];

		rule->priority = arena_printf(a, "%d", moves->v[i].priority.v);
		if (store_document_put(tx, &STORE_RULE, rule->rule_arn,
			    listener_of_rule(rule->rule_arn, a), rule, err) < 0)
			return -1;
	}
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
		(fleet_listener_need(tx, req->listener_arn, a, &l, err) < 0 ||
			store_document_list(tx, &STORE_RULE,
				&(struct store_document_filter){.owner = req->listener_arn}, a,
				&all, err) < 0))
		return -1;
	wire_list_alloc(a, &resp->rules, all.n + req->rule_arns.n + 1);
	resp->rules.n = 0;
	for (size_t i = 0; i < all.n; i++)
		resp->rules.v[resp->rules.n++] = *(struct elbv2_rule *)all.v[i];
	wire_foreach (arn, &req->rule_arns) {
		if (fleet_rule_need(tx, *arn, a, &resp->rules.v[resp->rules.n++], err) < 0)
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

FLEET_DEFINE(elbv2, create_rule, fleet_balancer_changed)
FLEET_DEFINE(elbv2, delete_rule, fleet_balancer_changed)
FLEET_DEFINE(elbv2, describe_rules, fleet_read)
FLEET_DEFINE(elbv2, modify_rule, fleet_balancer_changed)
FLEET_DEFINE(elbv2, set_rule_priorities, fleet_balancer_changed)
