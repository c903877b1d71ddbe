/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of the data plane: listeners and rules become routes, target groups in use become
 * pools, registered targets become servers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/internal.h"

struct planner {
	struct arena *a;
	struct db_tx *tx;
	struct fleet_engine *e;
	struct store_documents groups, targets, balancers, attributes, listeners, rules;
	const char **balancer_of; /* of each group: load balancer ARN; NULL: not in use */
	struct fleet_plan *ret;
};

char *fleet_pool_name(struct arena *a, const char *target_group_name)
{
	return arena_printf(a, "tg-%s", target_group_name);
}

const char *fleet_dimension(const char *arn)
{
	const char *at;

	if (!arn)
		return NULL;
	at = strstr(arn, ":loadbalancer/");
	if (at)
		return at + strlen(":loadbalancer/");
	at = strstr(arn, ":targetgroup/");
	return at ? at + 1 : arn;
}

static const struct elbv2_target_group *group_of(struct planner *p, const char *arn, size_t *ret_i)
{
	for (size_t i = 0; i < p->groups.n; i++)
		if (streq(p->groups.ids[i], arn)) {
			*ret_i = i;
			return p->groups.v[i];
		}
	return NULL;
}

static struct traffic_share share_of(
	struct planner *p, const char *arn, int weight, const char *balancer)
{
	size_t i = 0;
	const struct elbv2_target_group *tg = group_of(p, arn, &i);

	if (!tg)
		return (struct traffic_share){"nobody", weight};
	p->balancer_of[i] = balancer;
	return (struct traffic_share){fleet_pool_name(p->a, tg->target_group_name), weight};
}

static int sticky_of(const struct elbv2_action *action)
{
	const struct elbv2_target_group_stickiness_config *s =
		action->forward_config ? action->forward_config->target_group_stickiness_config
				       : NULL;

	return s && wire_or(s->enabled, false) ? wire_or(s->duration_seconds, 0) : 0;
}

static void plan_forward(struct planner *p, const struct elbv2_action *action, const char *balancer,
	struct traffic_route *ret)
{
	struct traffic_share *shares;
	size_t n = action->forward_config ? action->forward_config->target_groups.n : 0;

	shares = arena_new_n(p->a, n + 1, struct traffic_share);
	for (size_t i = 0; i < n; i++) {
		const struct elbv2_target_group_tuple *t =
			&action->forward_config->target_groups.v[i];

		shares[i] = share_of(p, t->target_group_arn, wire_or(t->weight, 1), balancer);
	}
	if (!n && action->target_group_arn)
		shares[n++] = share_of(p, action->target_group_arn, 1, balancer);
	ret->answer = TRAFFIC_FORWARD;
	ret->sticky_sec = n ? sticky_of(action) : 0;
	ret->shares = shares;
	ret->n_shares = n;
}

static void plan_actions(struct planner *p, const struct elbv2_actions *actions,
	const char *balancer, struct traffic_route *ret)
{
	const struct elbv2_action *action = &actions->v[actions->n - 1];

	if (streq(action->type, "fixed-response") && action->fixed_response_config) {
		ret->answer = TRAFFIC_FIXED;
		ret->status = atoi(action->fixed_response_config->status_code);
		ret->content_type = action->fixed_response_config->content_type;
		ret->body = action->fixed_response_config->message_body;
		return;
	}
	if (streq(action->type, "redirect") && action->redirect_config) {
		const struct elbv2_redirect_action_config *to = action->redirect_config;

		ret->answer = TRAFFIC_REDIRECT;
		ret->status = streq(to->status_code, "HTTP_301") ? 301 : 302;
		ret->redirect = (struct traffic_redirect){
			.protocol = streq(to->protocol, "HTTP")	   ? "http"
				    : streq(to->protocol, "HTTPS") ? "https"
								   : to->protocol,
			.host = to->host,
			.port = to->port,
			.path = to->path,
			.query = to->query};
		return;
	}
	plan_forward(p, action, balancer, ret);
}

/* ---- conditions ---- */

static void plan_query(struct planner *p,
	const struct elbv2_query_string_key_value_pair_list *pairs, struct traffic_condition *ret)
{
	const char **patterns = arena_new_n(p->a, pairs->n + 1, const char *);
	const char **parameters = arena_new_n(p->a, pairs->n + 1, const char *);

	for (size_t i = 0; i < pairs->n; i++) {
		patterns[i] = pairs->v[i].value;
		parameters[i] = pairs->v[i].key;
	}
	ret->kind = TRAFFIC_IF_QUERY;
	ret->patterns = patterns;
	ret->parameters = parameters;
	ret->n_patterns = pairs->n;
}

static void plan_condition(
	struct planner *p, const struct elbv2_rule_condition *c, struct traffic_condition *ret)
{
	const struct elbv2_list_of_string *values = &c->values;

	if (c->query_string_config) {
		plan_query(p, &c->query_string_config->values, ret);
		return;
	}
	if (c->path_pattern_config)
		values = &c->path_pattern_config->values;
	else if (c->host_header_config)
		values = &c->host_header_config->values;
	else if (c->http_request_method_config)
		values = &c->http_request_method_config->values;
	else if (c->http_header_config)
		values = &c->http_header_config->values;
	else if (c->source_ip_config)
		values = &c->source_ip_config->values;
	ret->kind = streq(c->field, "host-header")	     ? TRAFFIC_IF_HOST
		    : streq(c->field, "http-request-method") ? TRAFFIC_IF_METHOD
		    : streq(c->field, "http-header")	     ? TRAFFIC_IF_HEADER
		    : streq(c->field, "source-ip")	     ? TRAFFIC_IF_SOURCE
							     : TRAFFIC_IF_PATH;
	ret->header = c->http_header_config ? c->http_header_config->http_header_name : NULL;
	ret->patterns = values->v;
	ret->n_patterns = values->n;
}

static const char *route_name(struct planner *p, const char *arn)
{
	const char *slash = strrchr(arn, '/');

	return arena_printf(p->a, "r-%s", slash ? slash + 1 : arn);
}

static int by_priority(const void *x, const void *y)
{
	const struct elbv2_rule *a = *(const struct elbv2_rule *const *)x;
	const struct elbv2_rule *b = *(const struct elbv2_rule *const *)y;

	return atoi(a->priority) - atoi(b->priority);
}

static bool rule_of(const char *rule_arn, const char *listener_arn)
{
	/* .../listener/app/name/id/lid and .../listener-rule/app/name/id/lid/rid */
	const char *listener = strstr(listener_arn, ":listener/");
	const char *rule = strstr(rule_arn, ":listener-rule/");
	size_t n;

	if (!listener || !rule)
		return false;
	listener += strlen(":listener/");
	rule += strlen(":listener-rule/");
	n = strlen(listener);
	return strncmp(listener, rule, n) == 0 && rule[n] == '/';
}

static const char *address_of(const struct planner *p, const struct elbv2_listener *l)
{
	for (size_t i = 0; i < p->balancers.n; i++)
		if (streq(p->balancers.ids[i], l->load_balancer_arn))
			return fleet_balancer_address(p->e, p->balancers.v[i]);
	return "127.0.0.1";
}

/* An attribute of a load balancer, or NULL. */
static const char *attribute_of(const struct planner *p, const char *balancer, const char *key)
{
	for (size_t i = 0; i < p->attributes.n; i++)
		if (streq(p->attributes.ids[i], balancer))
			return fleet_attribute_get(p->attributes.v[i], key);
	return NULL;
}

static int idle_of(const struct planner *p, const char *balancer)
{
	const char *idle = attribute_of(p, balancer, FLEET_IDLE_TIMEOUT);

	return idle ? atoi(idle) : 0;
}

/* Never without: what is to be secret must not go out in the clear. */
static int plan_tls(struct planner *p, const struct elbv2_listener *l, struct traffic_listener *ret,
	struct err *err)
{
	const struct fleet_tls_policy *policy = fleet_tls_policy(l->ssl_policy);
	const char **pems;

	if (!streq(l->protocol, "HTTPS"))
		return 0;
	pems = arena_new_n(p->a, l->certificates.n + 1, const char *);
	for (size_t i = 0; i < l->certificates.n; i++) {
		const char *arn = l->certificates.v[i].certificate_arn;
		int r = p->e->cfg.certificate ? p->e->cfg.certificate(p->e->cfg.arg, p->tx, arn,
							p->a, &pems[i], err)
					      : 0;

		if (r == 0)
			return err_set(err, ERR_NOT_FOUND,
				"listener %s: there is no certificate %s", l->listener_arn, arn);
		if (r < 0)
			return -1;
	}
	ret->certificates = pems;
	ret->n_certificates = l->certificates.n;
	ret->tls_min = policy->min;
	ret->tls_max = policy->max;
	return 0;
}

static int plan_listener(struct planner *p, const struct elbv2_listener *l,
	struct traffic_listener *ret, struct err *err)
{
	const struct elbv2_rule **rules =
		arena_new_n(p->a, p->rules.n + 1, const struct elbv2_rule *);
	struct traffic_route *routes;
	size_t n = 0;

	for (size_t i = 0; i < p->rules.n; i++) {
		const struct elbv2_rule *rule = p->rules.v[i];

		if (rule_of(rule->rule_arn, l->listener_arn))
			rules[n++] = rule;
	}
	qsort(rules, n, sizeof(*rules), by_priority);
	routes = arena_new_n(p->a, n + 1, struct traffic_route);
	for (size_t i = 0; i < n; i++) {
		struct traffic_condition *conditions =
			arena_new_n(p->a, rules[i]->conditions.n + 1, struct traffic_condition);

		for (size_t k = 0; k < rules[i]->conditions.n; k++)
			plan_condition(p, &rules[i]->conditions.v[k], &conditions[k]);
		routes[i].name = route_name(p, rules[i]->rule_arn);
		routes[i].conditions = conditions;
		routes[i].n_conditions = rules[i]->conditions.n;
		plan_actions(p, &rules[i]->actions, l->load_balancer_arn, &routes[i]);
	}
	routes[n].name = route_name(p, l->listener_arn);
	plan_actions(p, &l->default_actions, l->load_balancer_arn, &routes[n]);
	*ret = (struct traffic_listener){
		.name = arena_printf(p->a, "l-%d-%s", l->port.v, routes[n].name + 2),
		.address = address_of(p, l),
		.port = l->port.v,
		.routes = routes,
		.n_routes = n + 1,
		.idle_sec = idle_of(p, l->load_balancer_arn),
		.http1_only = streq(attribute_of(p, l->load_balancer_arn, FLEET_HTTP2), "false"),
	};
	return plan_tls(p, l, ret, err);
}

/* ---- pools ---- */

static struct traffic_check check_of(const struct elbv2_target_group *tg)
{
	const char *port = tg->health_check_port;

	return (struct traffic_check){
		.enabled = wire_or(tg->health_check_enabled, true),
		.http = starts_with(tg->health_check_protocol, "HTTP"),
		.path = tg->health_check_path,
		.port = port && !streq(port, "traffic-port") ? atoi(port) : 0,
		.interval_sec = wire_or(tg->health_check_interval_seconds, 30),
		.timeout_sec = wire_or(tg->health_check_timeout_seconds, 5),
		.healthy_after = wire_or(tg->healthy_threshold_count, 5),
		.unhealthy_after = wire_or(tg->unhealthy_threshold_count, 2),
		.codes = tg->matcher ? tg->matcher->http_code : "200",
	};
}

/* Seconds for which clients stick to a target of the group; 0: they do not. */
static int stickiness_of(struct planner *p, const char *arn, struct err *err)
{
	const char *on =
		fleet_target_group_attribute(p->tx, arn, FLEET_STICKINESS_ENABLED, p->a, err);
	const char *seconds;

	if (!streq(on, "true"))
		return 0;
	seconds = fleet_target_group_attribute(p->tx, arn, FLEET_STICKINESS_DURATION, p->a, err);
	return seconds ? atoi(seconds) : FLEET_STICKINESS_SECONDS;
}

static void plan_pool(struct planner *p, size_t at, struct traffic_pool *ret, struct err *err)
{
	const struct elbv2_target_group *tg = p->groups.v[at];
	struct traffic_server *servers = arena_new_n(p->a, p->targets.n + 1, struct traffic_server);
	size_t n = 0;

	ret->name = fleet_pool_name(p->a, tg->target_group_name);
	ret->check = check_of(tg);
	ret->tls = streq(tg->protocol, "HTTPS");
	ret->sticky_sec = stickiness_of(p, tg->target_group_arn, err);
	ret->idle_sec = idle_of(p, p->balancer_of[at]);
	for (size_t i = 0; i < p->targets.n; i++) {
		const struct towpath_fleet_target *t = p->targets.v[i];

		if (!streq(t->target_group_arn, tg->target_group_arn) || wire_or(t->drained, false))
			continue;
		servers[n++] = (struct traffic_server){
			.name = t->server,
			.address = t->address,
			.port = t->port.v,
			.draining = streq(t->state, TARGET_DRAINING),
			.trusted = streq(t->state, TARGET_HEALTHY),
		};
		p->ret->servers[p->ret->n_servers++] = (struct fleet_planned){
			.key = arena_printf(p->a, "%s/%s", ret->name, t->server),
			.target_group_name = tg->target_group_name,
			.target_group_arn = tg->target_group_arn,
			.load_balancer_arn = p->balancer_of[at],
			.target = t,
		};
	}
	ret->servers = servers;
	ret->n_servers = n;
}

int fleet_plan_make(struct fleet_engine *e, struct db_tx *tx, struct arena *a,
	struct fleet_plan *ret, struct err *err)
{
	struct planner p = {.e = e, .a = a, .tx = tx, .ret = ret};
	struct traffic_listener *listeners;
	struct traffic_pool *pools;

	*ret = (struct fleet_plan){0};
	if (store_document_list(tx, &STORE_TARGET_GROUP, NULL, a, &p.groups, err) < 0 ||
		store_document_list(tx, &STORE_TARGET, NULL, a, &p.targets, err) < 0 ||
		store_document_list(tx, &STORE_LOAD_BALANCER, NULL, a, &p.balancers, err) < 0 ||
		store_document_list(
			tx, &STORE_LOAD_BALANCER_ATTRIBUTES, NULL, a, &p.attributes, err) < 0 ||
		store_document_list(tx, &STORE_LISTENER, NULL, a, &p.listeners, err) < 0 ||
		store_document_list(tx, &STORE_RULE, NULL, a, &p.rules, err) < 0)
		return -1;
	p.balancer_of = arena_new_n(a, p.groups.n + 1, const char *);
	listeners = arena_new_n(a, p.listeners.n + 1, struct traffic_listener);
	for (size_t i = 0; i < p.listeners.n; i++)
		if (plan_listener(&p, p.listeners.v[i], &listeners[i], err) < 0)
			return -1;
	pools = arena_new_n(a, p.groups.n + 1, struct traffic_pool);
	ret->servers = arena_new_n(a, p.targets.n + 1, struct fleet_planned);
	for (size_t i = 0; i < p.groups.n; i++)
		if (p.balancer_of[i])
			plan_pool(&p, i, &pools[ret->plan.n_pools++], err);
	ret->plan.listeners = listeners;
	ret->plan.n_listeners = p.listeners.n;
	ret->plan.pools = pools;
	return 0;
}
