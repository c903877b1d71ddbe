/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of events on rules, and tags. */
#include <string.h>

#include "signal/event.h"
#include "signal/event_pattern.h"
#include "store/resource_tags.h"

#define MAX_RULES 300

void event_rule_of_arn(
	const char *arn, struct arena *a, const char **ret_bus, const char **ret_rule)
{
	const char *resource = event_arn_resource(arn) + strlen("rule/");
	const char *slash = strrchr(resource, '/');

	*ret_bus = slash ? arena_strndup(a, resource, (size_t)(slash - resource)) : NULL;
	*ret_rule = slash ? slash + 1 : resource;
}

char *event_rule_key(struct arena *a, const char *bus, const char *rule)
{
	return streq(bus, EVENT_DEFAULT_BUS) ? arena_strdup(a, rule)
					     : arena_printf(a, "%s/%s", bus, rule);
}

int event_rule_need(struct signal_engine *e, struct db_tx *tx, const char *bus, const char *name,
	struct arena *a, struct events_describe_rule_response *ret, struct err *err)
{
	struct events_describe_event_bus_response b;
	int r;

	if (event_bus_need(e, tx, bus, a, &b, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_EVENT_RULE, event_rule_key(a, b.name, name), a, ret, err);
	if (r == 0)
		return err_set_wire(err, "ResourceNotFoundException",
			"Rule %s does not exist on EventBus %s.", name, b.name);
	return r < 0 ? -1 : 0;
}

static int put_rule(struct signal_engine *e, struct db_tx *tx,
	const struct events_describe_rule_response *rule, struct arena *a, struct err *err)
{
	return store_document_put(tx, &STORE_EVENT_RULE,
		       event_rule_key(a, rule->event_bus_name, rule->name),
		       event_bus_owner(rule->event_bus_name), rule, err) < 0
		       ? -1
		       : event_schedule_set(e, tx, rule, err);
}

static int check_rule(const struct events_put_rule_request *req, const char *bus, struct arena *a,
	struct err *err)
{
	const char *pattern = req->event_pattern && *req->event_pattern ? req->event_pattern : NULL;

	if (!pattern && !req->schedule_expression)
		return err_set_wire(err, "ValidationException",
			"Parameter(s) EventPattern or ScheduleExpression must be specified.");
	if (pattern && event_pattern_parse(pattern, a, NULL, err) < 0)
		return -1;
	if (!req->schedule_expression)
		return 0;
	if (!streq(bus, EVENT_DEFAULT_BUS))
		return err_set_wire(err, "ValidationException",
			"ScheduleExpression is supported only on the default event bus.");
	return event_schedule_check(req->schedule_expression, err);
}

static int check_room(
	struct db_tx *tx, const char *bus, const char *key, struct arena *a, struct err *err)
{
	struct events_describe_rule_response old;
	struct store_documents all;
	int r = store_document_get(tx, &STORE_EVENT_RULE, key, a, &old, err);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (store_document_list(tx, &STORE_EVENT_RULE,
		    &(struct store_document_filter){.owner = event_bus_owner(bus)}, a, &all,
		    err) < 0)
		return -1;
	return all.n < MAX_RULES
		       ? 0
		       : err_set_wire(err, "LimitExceededException",
				 "The requested resource exceeds the maximum number allowed: event "
				 "bus %s has %d rules",
				 bus, MAX_RULES);
}

static int put_rule_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, put_rule);
	struct events_describe_event_bus_response bus;
	struct events_describe_rule_response rule;
	struct towpath_string_map tags;

	if (event_bus_need(e, tx, req->event_bus_name, a, &bus, err) < 0 ||
		check_rule(req, bus.name, a, err) < 0 ||
		check_room(tx, bus.name, event_rule_key(a, bus.name, req->name), a, err) < 0)
		return -1;
	rule = (struct events_describe_rule_response){
		.name = req->name,
		.arn = streq(bus.name, EVENT_DEFAULT_BUS)
			       ? signal_arn(e, a, "events", "rule/%s", req->name)
			       : signal_arn(e, a, "events", "rule/%s/%s", bus.name, req->name),
		.event_bus_name = bus.name,
		.event_pattern = req->event_pattern,
		.schedule_expression = req->schedule_expression,
		.description = req->description,
		.role_arn = req->role_arn,
		.state = req->state ? req->state : "ENABLED",
		.created_by = e->cfg.account,
	};
	TAG_MAP(a, &req->tags, &tags);
	resp->rule_arn = rule.arn;
	return store_tags_add(tx, rule.arn, &tags, "LimitExceededException", a, err) < 0
		       ? -1
		       : put_rule(e, tx, &rule, a, err);
}

static int describe_rule_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, describe_rule);

	return event_rule_need(e, tx, req->event_bus_name, req->name, a, resp, err);
}

static int delete_rule_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, delete_rule);
	struct events_describe_event_bus_response bus;
	struct events_describe_rule_response rule;
	struct store_documents targets;
	const char *key;
	int r;

	if (event_bus_need(e, tx, req->event_bus_name, a, &bus, err) < 0)
		return -1;
	key = event_rule_key(a, bus.name, req->name);
	r = store_document_get(tx, &STORE_EVENT_RULE, key, a, &rule, err);
	if (r <= 0)
		return r;
	if (store_document_list(tx, &STORE_EVENT_TARGET,
		    &(struct store_document_filter){.owner = key, .max = 1}, a, &targets, err) < 0)
		return -1;
	if (targets.n)
		return err_set_wire(
			err, "ValidationException", "Rule can't be deleted since it has targets.");
	rule.state = "DISABLED";
	if (event_schedule_set(e, tx, &rule, err) < 0 || store_tags_forget(tx, rule.arn, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_EVENT_RULE, key, err);
}

static int set_rule_state(struct signal_engine *e, struct db_tx *tx, const char *bus,
	const char *name, const char *state, struct arena *a, struct err *err)
{
	struct events_describe_rule_response rule;

	if (event_rule_need(e, tx, bus, name, a, &rule, err) < 0)
		return -1;
	if (streq(rule.state, state))
		return 0;
	rule.state = state;
	return put_rule(e, tx, &rule, a, err);
}

static int enable_rule_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, enable_rule);

	return set_rule_state(e, tx, req->event_bus_name, req->name, "ENABLED", a, err);
}

static int disable_rule_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, disable_rule);

	return set_rule_state(e, tx, req->event_bus_name, req->name, "DISABLED", a, err);
}

static int list_rules_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, list_rules);
	size_t max = (size_t)wire_or(req->limit, EVENT_PAGE);
	const char *prefix = req->name_prefix ? req->name_prefix : "";
	struct events_describe_event_bus_response bus;
	struct store_documents all;

	if (event_bus_need(e, tx, req->event_bus_name, a, &bus, err) < 0 ||
		store_document_list(tx, &STORE_EVENT_RULE,
			&(struct store_document_filter){.owner = event_bus_owner(bus.name),
				.prefix = event_rule_key(a, bus.name, prefix),
				.after = req->next_token,
				.max = max + 1},
			a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->rules, MIN(all.n, max));
	for (size_t i = 0; i < resp->rules.n; i++) {
		resp->rules.v[i] = (struct events_rule){0};
		wire_assign(&events_rule_shape, &resp->rules.v[i],
			&events_describe_rule_response_shape, all.v[i]);
	}
	if (all.n > max)
		resp->next_token = all.ids[max - 1];
	return 0;
}

static int test_event_pattern_step(struct db_tx *tx UNUSED, void *arg, struct err *err)
{
	static const char *const needed[] = {
		"id", "account", "source", "time", "region", "resources", "detail-type"};
	SIGNAL_OP_ARGS(events, test_event_pattern);
	const struct json_node *pattern, *event;
	struct err why CLEANUP_ERR = ERR_INIT;

	if (event_pattern_parse(req->event_pattern, a, &pattern, err) < 0)
		return -1;
	if (json_parse(view_of(req->event), a, &event, &why) < 0)
		return err_set_wire(err, "ValidationException",
			"Parameter Event is not valid. Reason: %s", err_message(&why));
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!json_member(event, needed[i]))
			return err_set_wire(err, "ValidationException",
				"Parameter Event is not valid. Reason: %s is not set.", needed[i]);
	resp->result = WIRE_SET_BOOL(event_pattern_matches(pattern, event));
	return 0;
}

/* ---- tags ---- */

/* Buses and rules have tags: the one that the ARN names must be there. */
static int need_tagged(struct signal_engine *e, struct db_tx *tx, const char *arn, struct arena *a,
	struct err *err)
{
	struct events_describe_event_bus_response bus;
	struct events_describe_rule_response rule;
	const char *name, *rule_bus;

	if (event_arn_is(arn, "events", "event-bus/"))
		return event_bus_need(e, tx, arn, a, &bus, err);
	if (!event_arn_is(arn, "events", "rule/"))
		return err_set_wire(err, "ValidationException",
			"Parameter ResourceARN is not valid: %s is neither a rule nor a bus.", arn);
	event_rule_of_arn(arn, a, &rule_bus, &name);
	return event_rule_need(e, tx, rule_bus, name, a, &rule, err);
}

static int tag_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, tag_resource);
	struct towpath_string_map tags;

	TAG_MAP(a, &req->tags, &tags);
	return need_tagged(e, tx, req->resource_arn, a, err) < 0
		       ? -1
		       : store_tags_add(
				 tx, req->resource_arn, &tags, "LimitExceededException", a, err);
}

static int untag_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, untag_resource);

	return need_tagged(e, tx, req->resource_arn, a, err) < 0
		       ? -1
		       : store_tags_remove(
				 tx, req->resource_arn, req->tag_keys.v, req->tag_keys.n, a, err);
}

static int list_tags_for_resource_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, list_tags_for_resource);
	struct towpath_string_map tags;

	if (need_tagged(e, tx, req->resource_arn, a, err) < 0 ||
		store_tags_read(tx, req->resource_arn, a, &tags, err) < 0)
		return -1;
	TAG_LIST(a, &tags, &resp->tags);
	return 0;
}

SIGNAL_DEFINE(events, delete_rule, signal_write)
SIGNAL_DEFINE(events, describe_rule, signal_read)
SIGNAL_DEFINE(events, disable_rule, signal_write)
SIGNAL_DEFINE(events, enable_rule, signal_write)
SIGNAL_DEFINE(events, list_rules, signal_read)
SIGNAL_DEFINE(events, list_tags_for_resource, signal_read)
SIGNAL_DEFINE(events, put_rule, signal_write)
SIGNAL_DEFINE(events, tag_resource, signal_write)
SIGNAL_DEFINE(events, test_event_pattern, signal_read)
SIGNAL_DEFINE(events, untag_resource, signal_write)
