/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of events on rules and targets. */
#include <string.h>

#include "signal/internal.h"

#define MAX_TARGETS 5
#define PAGE 100

static char *target_key(struct arena *a, const char *rule, const char *id)
{
	return arena_printf(a, "%s|%s", rule, id);
}

static int check_bus(const char *bus, struct err *err)
{
	const char *name = bus && strrchr(bus, '/') ? strrchr(bus, '/') + 1 : bus;

	if (!name || streq(name, "default"))
		return 0;
	return err_set_wire(err, "ResourceNotFoundException", "Event bus %s does not exist.", name);
}

static int need_rule(struct db_tx *tx, const char *bus, const char *name, struct arena *a,
	struct events_describe_rule_response *ret, struct err *err)
{
	int r;

	if (check_bus(bus, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_EVENT_RULE, name, a, ret, err);
	if (r == 0)
		return err_set_wire(err, "ResourceNotFoundException",
			"Rule %s does not exist on EventBus default.", name);
	return r < 0 ? -1 : 0;
}

/* ---- rules ---- */

static int put_rule_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, put_rule);
	const struct json_node *pattern;
	struct err why CLEANUP_ERR = ERR_INIT;
	struct events_describe_rule_response rule = {
		.name = req->name,
		.arn = signal_arn(e, a, "events", "rule/%s", req->name),
		.event_bus_name = "default",
		.event_pattern = req->event_pattern,
		.description = req->description,
		.role_arn = req->role_arn,
		.state = req->state ? req->state : "ENABLED",
		.created_by = e->cfg.account,
	};

	if (check_bus(req->event_bus_name, err) < 0)
		return -1;
	if (req->schedule_expression)
		return err_set(err, ERR_UNSUPPORTED,
			"scheduled rules are not implemented; give an EventPattern");
	if (!req->event_pattern)
		return err_set_wire(err, "ValidationException",
			"Parameter(s) EventPattern or ScheduleExpression must be specified.");
	if (json_parse(view_of(req->event_pattern), a, &pattern, &why) < 0)
		return err_set_wire(err, "InvalidEventPatternException",
			"Event pattern is not valid. Reason: %s", err_message(&why));
	if (event_pattern_check(pattern, err) < 0)
		return -1;
	resp->rule_arn = rule.arn;
	return store_document_put(tx, &STORE_EVENT_RULE, req->name, NULL, &rule, err);
}

static int describe_rule_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, describe_rule);

	return need_rule(tx, req->event_bus_name, req->name, a, resp, err);
}

static int delete_rule_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, delete_rule);
	struct store_documents targets;

	if (check_bus(req->event_bus_name, err) < 0 ||
		store_document_list(tx, &STORE_EVENT_TARGET,
			&(struct store_document_filter){.owner = req->name, .max = 1}, a, &targets,
			err) < 0)
		return -1;
	if (targets.n)
		return err_set_wire(
			err, "ValidationException", "Rule can't be deleted since it has targets.");
	return store_document_delete(tx, &STORE_EVENT_RULE, req->name, err);
}

static int set_rule_state(struct db_tx *tx, const char *bus, const char *name, const char *state,
	struct arena *a, struct err *err)
{
	struct events_describe_rule_response rule;

	if (need_rule(tx, bus, name, a, &rule, err) < 0)
		return -1;
	rule.state = state;
	return store_document_put(tx, &STORE_EVENT_RULE, name, NULL, &rule, err);
}

static int enable_rule_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, enable_rule);

	return set_rule_state(tx, req->event_bus_name, req->name, "ENABLED", a, err);
}

static int disable_rule_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, disable_rule);

	return set_rule_state(tx, req->event_bus_name, req->name, "DISABLED", a, err);
}

static int list_rules_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, list_rules);
	size_t max = (size_t)wire_or(req->limit, PAGE);
	struct store_documents all;

	if (check_bus(req->event_bus_name, err) < 0 ||
		store_document_list(tx, &STORE_EVENT_RULE,
			&(struct store_document_filter){.prefix = req->name_prefix,
				.after = req->next_token,
				.max = max + 1},
			a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->rules, MIN(all.n, max));
	for (size_t i = 0; i < resp->rules.n; i++) {
		const struct events_describe_rule_response *r = all.v[i];

		resp->rules.v[i] = (struct events_rule){
			.name = r->name,
			.arn = r->arn,
			.event_bus_name = r->event_bus_name,
			.event_pattern = r->event_pattern,
			.description = r->description,
			.role_arn = r->role_arn,
			.state = r->state,
		};
	}
	if (all.n > max)
		resp->next_token = all.ids[max - 1];
	return 0;
}

/* ---- targets ---- */

static const char *const deliverable[] = {":codepipeline:", ":codebuild:", ":log-group:", ":sns:"};

static int check_target(const struct events_target *t, struct err *err)
{
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(deliverable); i++)
		known |= strstr(t->arn, deliverable[i]) != NULL;
	if (!known)
		return err_set(err, ERR_UNSUPPORTED,
			"target %s: delivery to %s is not implemented; a target can be a pipeline, "
			"a build project, a log group or a topic",
			t->id, t->arn);
	if (t->input_path || t->input_transformer || t->dead_letter_config)
		return err_set(err, ERR_UNSUPPORTED,
			"target %s: InputPath, InputTransformer and DeadLetterConfig are not "
			"implemented; use Input",
			t->id);
	if (!strstr(t->arn, ":log-group:") && !strstr(t->arn, ":sns:") && !t->role_arn)
		return err_set_wire(
			err, "ValidationException", "RoleArn is required for target %s.", t->arn);
	return 0;
}

static int put_targets_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, put_targets);
	struct events_describe_rule_response rule;
	struct store_documents all;

	if (need_rule(tx, req->event_bus_name, req->rule, a, &rule, err) < 0)
		return -1;
	wire_foreach (t, &req->targets) {
		if (check_target(t, err) < 0 ||
			store_document_put(tx, &STORE_EVENT_TARGET, target_key(a, req->rule, t->id),
				req->rule, t, err) < 0)
			return -1;
	}
	if (store_document_list(tx, &STORE_EVENT_TARGET,
		    &(struct store_document_filter){.owner = req->rule}, a, &all, err) < 0)
		return -1;
	if (all.n > MAX_TARGETS)
		return err_set_wire(err, "LimitExceededException",
			"The requested resource exceeds the maximum number of %d targets a rule.",
			MAX_TARGETS);
	wire_list_alloc(a, &resp->failed_entries, 0);
	resp->failed_entry_count = WIRE_SET_INT(0);
	return 0;
}

static int remove_targets_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, remove_targets);
	struct events_describe_rule_response rule;

	if (need_rule(tx, req->event_bus_name, req->rule, a, &rule, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->failed_entries, req->ids.n);
	resp->failed_entries.n = 0;
	wire_foreach (id, &req->ids) {
		const char *key = target_key(a, req->rule, *id);
		struct events_target t;
		int r = store_document_get(tx, &STORE_EVENT_TARGET, key, a, &t, err);

		if (r < 0)
			return -1;
		if (r == 0)
			resp->failed_entries.v[resp->failed_entries.n++] =
				(struct events_remove_targets_result_entry){
					.target_id = *id,
					.error_code = "ResourceNotFoundException",
					.error_message = "The target does not exist.",
				};
		else if (store_document_delete(tx, &STORE_EVENT_TARGET, key, err) < 0)
			return -1;
	}
	resp->failed_entry_count = WIRE_SET_INT(resp->failed_entries.n);
	return 0;
}

static int list_targets_by_rule_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, list_targets_by_rule);
	struct events_describe_rule_response rule;
	struct store_documents all;

	if (need_rule(tx, req->event_bus_name, req->rule, a, &rule, err) < 0 ||
		store_document_list(tx, &STORE_EVENT_TARGET,
			&(struct store_document_filter){.owner = req->rule}, a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->targets, all.n);
	for (size_t i = 0; i < all.n; i++)
		resp->targets.v[i] = *(struct events_target *)all.v[i];
	return 0;
}

SIGNAL_DEFINE(events, delete_rule, signal_write)
SIGNAL_DEFINE(events, describe_rule, signal_read)
SIGNAL_DEFINE(events, disable_rule, signal_write)
SIGNAL_DEFINE(events, enable_rule, signal_write)
SIGNAL_DEFINE(events, list_rules, signal_read)
SIGNAL_DEFINE(events, list_targets_by_rule, signal_read)
SIGNAL_DEFINE(events, put_rule, signal_write)
SIGNAL_DEFINE(events, put_targets, signal_write)
SIGNAL_DEFINE(events, remove_targets, signal_write)
