/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of events on the targets of rules. */
#include <string.h>

#include "signal/event.h"

#define MAX_TARGETS 5

char *event_target_key(struct arena *a, const char *rule_key, const char *target_id)
{
	return arena_printf(a, "%s|%s", rule_key, target_id);
}

/* The key of a rule that must be there. */
static int need_key(struct signal_engine *e, struct db_tx *tx, const char *bus, const char *rule,
	struct arena *a, const char **ret, struct err *err)
{
	struct events_describe_rule_response r;

	if (event_rule_need(e, tx, bus, rule, a, &r, err) < 0)
		return -1;
	*ret = event_rule_key(a, r.event_bus_name, r.name);
	return 0;
}

/* ---- putting ---- */

static int check_dead_letter(const struct events_target *t, struct err *err)
{
	const char *arn = t->dead_letter_config ? t->dead_letter_config->arn : NULL;

	if (!arn || event_arn_is(arn, "sns", "") || event_arn_is(arn, "logs", "log-group:"))
		return 0;
	return err_set(err, ERR_UNSUPPORTED,
		"target %s: dead letters cannot go to %s: queues are not implemented; a topic or a "
		"log group can take them",
		t->id, arn);
}

static int check_parameters(const struct events_target *t, struct err *err)
{
	const struct {
		const char *name;
		const void *value;
	} foreign[] = {{"AppSyncParameters", t->app_sync_parameters},
		{"BatchParameters", t->batch_parameters},
		{"KinesisParameters", t->kinesis_parameters},
		{"RedshiftDataParameters", t->redshift_data_parameters},
		{"RunCommandParameters", t->run_command_parameters},
		{"SageMakerPipelineParameters", t->sage_maker_pipeline_parameters},
		{"SqsParameters", t->sqs_parameters}};
	bool task = event_arn_is(t->arn, "ecs", "cluster/");

	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		if (foreign[i].value)
			return err_set_wire(err, "ValidationException",
				"Parameter %s is not valid for target %s.", foreign[i].name, t->id);
	if (task != !!t->ecs_parameters)
		return err_set_wire(err, "ValidationException",
			task ? "Parameter EcsParameters is required for target %s."
			     : "Parameter EcsParameters is not valid for target %s.",
			t->id);
	if (t->http_parameters && !event_arn_is(t->arn, "events", "api-destination/"))
		return err_set_wire(err, "ValidationException",
			"Parameter HttpParameters is not valid for target %s.", t->id);
	return 0;
}

static int check_task(const struct events_target *t, struct err *err)
{
	const struct events_ecs_parameters *p = t->ecs_parameters;
	const char *what = !p					       ? NULL
			   : p->placement_constraints.n		       ? "PlacementConstraints"
			   : p->placement_strategy.n		       ? "PlacementStrategy"
			   : wire_or(p->enable_execute_command, false) ? "EnableExecuteCommand"
								       : NULL;

	return what ? err_set(err, ERR_UNSUPPORTED,
			      "target %s: %s of tasks is not implemented; leave it out", t->id,
			      what)
		    : 0;
}

static int check_target(const struct events_target *t, struct err *err)
{
	bool role;

	if (!event_target_known(t->arn, &role))
		return err_set(err, ERR_UNSUPPORTED,
			"target %s: delivery to %s is not implemented; a target can be a pipeline, "
			"a build project, an ECS cluster, a topic, a log group, an event bus or an "
			"API destination",
			t->id, t->arn);
	if (role && !t->role_arn)
		return err_set_wire(
			err, "ValidationException", "RoleArn is required for target %s.", t->arn);
	if (check_parameters(t, err) < 0 || check_task(t, err) < 0 || check_dead_letter(t, err) < 0)
		return -1;
	return event_input_check(t, err);
}

static int put_targets_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, put_targets);
	struct store_documents all;
	const char *key;

	if (need_key(e, tx, req->event_bus_name, req->rule, a, &key, err) < 0)
		return -1;
	wire_foreach (t, &req->targets) {
		if (check_target(t, err) < 0 ||
			store_document_put(tx, &STORE_EVENT_TARGET, event_target_key(a, key, t->id),
				key, t, err) < 0)
			return -1;
	}
	if (store_document_list(tx, &STORE_EVENT_TARGET,
		    &(struct store_document_filter){.owner = key}, a, &all, err) < 0)
		return -1;
	if (all.n > MAX_TARGETS)
		return err_set_wire(err, "LimitExceededException",
			"The requested resource exceeds the maximum number of %d targets a rule.",
			MAX_TARGETS);
	wire_list_alloc(a, &resp->failed_entries, 0);
	resp->failed_entry_count = WIRE_SET_INT(0);
	return 0;
}

/* ---- removing and listing ---- */

static int remove_targets_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, remove_targets);
	const char *rule;

	if (need_key(e, tx, req->event_bus_name, req->rule, a, &rule, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->failed_entries, req->ids.n);
	resp->failed_entries.n = 0;
	wire_foreach (id, &req->ids) {
		const char *key = event_target_key(a, rule, *id);
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
	size_t max = (size_t)wire_or(req->limit, EVENT_PAGE);
	struct store_documents all;
	const char *rule;

	if (need_key(e, tx, req->event_bus_name, req->rule, a, &rule, err) < 0 ||
		store_document_list(tx, &STORE_EVENT_TARGET,
			&(struct store_document_filter){
				.owner = rule, .after = req->next_token, .max = max + 1},
			a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->targets, MIN(all.n, max));
	for (size_t i = 0; i < resp->targets.n; i++)
		resp->targets.v[i] = *(struct events_target *)all.v[i];
	if (all.n > max)
		resp->next_token = all.ids[max - 1];
	return 0;
}

static int list_rule_names_by_target_step(struct db_tx *tx, void *arg, struct err *err)
{
	SIGNAL_OP_ARGS(events, list_rule_names_by_target);
	size_t max = (size_t)wire_or(req->limit, EVENT_PAGE), n = 0;
	struct events_describe_event_bus_response bus;
	struct store_documents rules, targets;

	if (event_bus_need(e, tx, req->event_bus_name, a, &bus, err) < 0 ||
		store_document_list(tx, &STORE_EVENT_RULE,
			&(struct store_document_filter){
				.owner = event_bus_owner(bus.name), .after = req->next_token},
			a, &rules, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->rule_names, MIN(rules.n, max));
	for (size_t i = 0; i < rules.n; i++) {
		const struct events_describe_rule_response *rule = rules.v[i];
		bool has = false;

		if (store_document_list(tx, &STORE_EVENT_TARGET,
			    &(struct store_document_filter){.owner = rules.ids[i]}, a, &targets,
			    err) < 0)
			return -1;
		for (size_t k = 0; k < targets.n; k++)
			has |= streq(((struct events_target *)targets.v[k])->arn, req->target_arn);
		if (has && n == max) {
			resp->next_token = event_rule_key(a, bus.name, resp->rule_names.v[n - 1]);
			break;
		}
		if (has)
			resp->rule_names.v[n++] = rule->name;
	}
	resp->rule_names.n = n;
	return 0;
}

SIGNAL_DEFINE(events, list_rule_names_by_target, signal_read)
SIGNAL_DEFINE(events, list_targets_by_rule, signal_read)
SIGNAL_DEFINE(events, put_targets, signal_write)
SIGNAL_DEFINE(events, remove_targets, signal_write)
