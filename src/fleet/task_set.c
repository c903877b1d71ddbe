/* SPDX-License-Identifier: Apache-2.0 */
/* Task sets of services whose controller is CODE_DEPLOY or EXTERNAL. */
#include <stdio.h>

#include "fleet/capacity.h"

#define SETS_MAX 5
#define EXTERNAL_MAX_SCALE 100.0

int fleet_task_set_put(struct db_tx *tx, const struct ecs_task_set *s, struct err *err)
{
	return store_document_put(tx, &STORE_TASK_SET, s->task_set_arn, s->service_arn, s, err);
}

static int by_age(const void *x, const void *y)
{
	const struct ecs_task_set *a = x, *b = y;

	return a->created_at.usec < b->created_at.usec ? -1
						       : a->created_at.usec > b->created_at.usec;
}

int fleet_task_sets_of(struct db_tx *tx, const char *service_arn, struct arena *a,
	struct ecs_task_sets *ret, struct err *err)
{
	struct store_documents all;

	if (store_document_list(tx, &STORE_TASK_SET,
		    &(struct store_document_filter){.owner = service_arn}, a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, ret, all.n);
	for (size_t i = 0; i < all.n; i++)
		ret->v[i] = *(struct ecs_task_set *)all.v[i];
	if (all.n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_age);
	return 0;
}

int fleet_task_set_find(struct db_tx *tx, const char *service_arn, const char *id, struct arena *a,
	struct ecs_task_set *ret, struct err *err)
{
	struct ecs_task_sets sets;

	if (fleet_task_sets_of(tx, service_arn, a, &sets, err) < 0)
		return -1;
	wire_foreach (s, &sets) {
		if (streq(s->id, id) || streq(s->task_set_arn, id) || streq(s->external_id, id)) {
			*ret = *s;
			return 1;
		}
	}
	return 0;
}

static int need_set(struct db_tx *tx, const char *service_arn, const char *id, struct arena *a,
	struct ecs_task_set *ret, struct err *err)
{
	int r = fleet_task_set_find(tx, service_arn, id, a, ret, err);

	if (r == 0)
		return err_set_wire(
			err, "TaskSetNotFoundException", "The specified task set does not exist.");
	return r < 0 ? -1 : 0;
}

int fleet_task_set_announce(struct fleet_engine *e, struct db_tx *tx, const struct ecs_task_set *s,
	const char *status, const char *reason, struct err *err)
{
	struct str detail CLEANUP_STR = STR_INIT;
	struct towpath_event_task_set event = {
		.task_set_arn = s->task_set_arn,
		.task_set_id = s->id,
		.service_arn = s->service_arn,
		.external_id = s->external_id,
		.status = status,
		.stability_status = s->stability_status,
		.reason = reason,
	};

	wire_encode_json(&towpath_event_task_set_shape, &event, &detail);
	return journal_append(e->durable, tx,
		&(struct journal_entry){.kind = "ecs.task-set",
			.subject = s->task_set_arn,
			.detail = str_text(&detail)},
		err);
}

/* ---- steps that operations and deployments share ---- */

static int store_changed(
	struct fleet_engine *e, struct db_tx *tx, struct ecs_task_set *set, struct err *err)
{
	set->updated_at = WIRE_SET_TIME(durable_now(e->durable));
	if (fleet_task_set_put(tx, set, err) < 0 ||
		fleet_task_set_announce(e, tx, set, set->status, NULL, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_SERVICE, set->service_arn, 0, err);
}

int fleet_task_set_add(struct fleet_engine *e, struct db_tx *tx, const struct ecs_service *s,
	struct ecs_task_set *set, struct arena *a, struct err *err)
{
	struct wire_time now = WIRE_SET_TIME(durable_now(e->durable));
	struct ecs_task_sets sets;
	const char *launch_type =
		fleet_capacity_launch_type(set->launch_type, &set->capacity_provider_strategy);
	struct ecs_cluster c;

	if (fleet_service_controller(s) == FLEET_CONTROLLER_ECS)
		return err_set_wire(err, "InvalidParameterException",
			"Task sets can only be used with services whose deployment controller is "
			"CODE_DEPLOY or EXTERNAL.");
	if (fleet_task_sets_of(tx, s->service_arn, a, &sets, err) < 0)
		return -1;
	if (sets.n >= SETS_MAX)
		return err_set_wire(err, "LimitExceededException",
			"A service can have at most %d task sets.", SETS_MAX);
	set->id = fleet_set_id(a);
	set->task_set_arn = fleet_arn(e, a, "ecs", "task-set/%s/%s/%s",
		fleet_last_part(s->cluster_arn), s->service_name, set->id);
	set->service_arn = s->service_arn;
	set->cluster_arn = s->cluster_arn;
	set->status = set->status ? set->status : SET_ACTIVE;
	if (fleet_cluster_need(e, tx, s->cluster_arn, a, &c, err) < 0 ||
		fleet_capacity_check(&c, &set->capacity_provider_strategy, set->launch_type, err) <
			0 ||
		fleet_platform_version(
			launch_type, set->platform_version, &set->platform_version, err) < 0)
		return -1;
	set->launch_type = set->capacity_provider_strategy.n ? NULL : launch_type;
	set->platform_family = streq(launch_type, "FARGATE") ? "Linux" : NULL;
	set->stability_status = "STABILIZING";
	set->stability_status_at = set->created_at = set->updated_at = now;
	set->running_count = set->pending_count = WIRE_SET_INT(0);
	set->computed_desired_count = WIRE_SET_INT(fleet_computed_desired(
		(int)wire_or(s->desired_count, 0), wire_or(set->scale->value, 100)));
	set->load_balancers.set = set->service_registries.set = true;
	return store_changed(e, tx, set, err);
}

int fleet_task_set_end(struct fleet_engine *e, struct db_tx *tx, struct ecs_task_set *set,
	bool force, struct err *err)
{
	if (streq(set->status, SET_DRAINING))
		return 0;
	if (!force && streq(set->status, SET_PRIMARY))
		return err_set_wire(err, "InvalidParameterException",
			"The primary task set %s cannot be deleted; make another one primary, or "
			"use force.",
			set->id);
	set->status = SET_DRAINING;
	return store_changed(e, tx, set, err);
}

int fleet_task_set_lead(struct fleet_engine *e, struct db_tx *tx, struct ecs_service *s,
	const char *id, struct arena *a, struct err *err)
{
	struct ecs_task_set chosen;
	struct ecs_task_sets sets;

	if (need_set(tx, s->service_arn, id, a, &chosen, err) < 0 ||
		fleet_task_sets_of(tx, s->service_arn, a, &sets, err) < 0)
		return -1;
	if (streq(chosen.status, SET_DRAINING))
		return err_set_wire(err, "InvalidParameterException",
			"Task set %s is being deleted and cannot become primary.", chosen.id);
	wire_foreach (set, &sets) {
		bool leads = streq(set->id, chosen.id);

		if (leads == streq(set->status, SET_PRIMARY) ||
			(!leads && streq(set->status, SET_DRAINING)))
			continue;
		set->status = leads ? SET_PRIMARY : SET_ACTIVE;
		if (store_changed(e, tx, set, err) < 0)
			return -1;
	}
	s->task_definition = chosen.task_definition;
	s->load_balancers = chosen.load_balancers;
	s->network_configuration = chosen.network_configuration;
	s->launch_type = chosen.launch_type;
	s->capacity_provider_strategy = chosen.capacity_provider_strategy;
	s->platform_version = chosen.platform_version;
	s->platform_family = chosen.platform_family;
	return fleet_service_save(tx, s, err);
}

/* ---- operations ---- */

static int check_scale(const struct ecs_scale *scale, struct err *err)
{
	if (scale && scale->unit && !streq(scale->unit, "PERCENT"))
		return err_set_wire(
			err, "InvalidParameterException", "The unit of a scale is PERCENT.");
	if (scale &&
		(wire_or(scale->value, 100) < 0 || wire_or(scale->value, 100) > EXTERNAL_MAX_SCALE))
		return err_set_wire(err, "InvalidParameterException",
			"The value of a scale must be between 0 and 100.");
	return 0;
}

static int create_task_set_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, create_task_set);
	struct ecs_task_set *set = arena_new(a, struct ecs_task_set);
	struct ecs_task_definition d;
	struct ecs_service s;
	struct fleet_token token = {.token = req->client_token};
	const char *again;
	int r;

	if (fleet_service_need(e, tx, req->cluster, req->service, a, &s, err) < 0 ||
		check_scale(req->scale, err) < 0)
		return -1;
	resp->task_set = set;
	token.scope = s.service_arn;
	r = fleet_token_get(tx, &token, a, &again, err);
	if (r != 0)
		return r < 0 ? -1 : need_set(tx, s.service_arn, again, a, set, err);
	if (req->service_registries.n)
		return err_set(err, ERR_UNSUPPORTED,
			"serviceRegistries of a task set is not implemented; leave it out");
	if (fleet_tags_check(&req->tags, err) < 0 ||
		fleet_task_definition_need(e, tx, req->task_definition, a, &d, err) < 0 ||
		fleet_load_balancers_check(tx, &req->load_balancers, &d, a, err) < 0)
		return -1;
	*set = (struct ecs_task_set){
		.external_id = req->external_id,
		.started_by = "EXTERNAL",
		.task_definition = d.task_definition_arn,
		.load_balancers = req->load_balancers,
		.network_configuration = req->network_configuration ? req->network_configuration
								    : s.network_configuration,
		.launch_type = req->launch_type,
		.capacity_provider_strategy = req->capacity_provider_strategy,
		.platform_version = req->platform_version,
		.scale = req->scale ? req->scale : arena_new(a, struct ecs_scale),
	};
	if (!req->launch_type && !req->capacity_provider_strategy.n) {
		set->launch_type = s.launch_type;
		set->capacity_provider_strategy = s.capacity_provider_strategy;
	}
	set->scale->unit = "PERCENT";
	set->scale->value = WIRE_SET_DOUBLE(wire_or(set->scale->value, 100));
	if (fleet_task_definition_runs(&d,
		    fleet_capacity_launch_type(set->launch_type, &set->capacity_provider_strategy),
		    set->network_configuration, err) < 0 ||
		fleet_task_set_add(e, tx, &s, set, a, err) < 0 ||
		fleet_tags_put(tx, set->task_set_arn, &req->tags, a, err) < 0)
		return -1;
	return fleet_token_put(tx, &token, set->task_set_arn, a, err);
}
FLEET_DEFINE(ecs, create_task_set, fleet_write)

static int update_task_set_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, update_task_set);
	struct ecs_task_set *set = arena_new(a, struct ecs_task_set);
	struct ecs_service s;

	if (fleet_service_need(e, tx, req->cluster, req->service, a, &s, err) < 0 ||
		need_set(tx, s.service_arn, req->task_set, a, set, err) < 0 ||
		check_scale(req->scale, err) < 0)
		return -1;
	set->scale = (struct ecs_scale *)req->scale;
	set->scale->unit = "PERCENT";
	set->scale->value = WIRE_SET_DOUBLE(wire_or(set->scale->value, 100));
	set->computed_desired_count = WIRE_SET_INT(
		fleet_computed_desired((int)wire_or(s.desired_count, 0), set->scale->value.v));
	resp->task_set = set;
	return store_changed(e, tx, set, err);
}
FLEET_DEFINE(ecs, update_task_set, fleet_write)

static int delete_task_set_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, delete_task_set);
	struct ecs_task_set *set = arena_new(a, struct ecs_task_set);
	struct ecs_service s;

	if (fleet_service_need(e, tx, req->cluster, req->service, a, &s, err) < 0 ||
		need_set(tx, s.service_arn, req->task_set, a, set, err) < 0)
		return -1;
	resp->task_set = set;
	return fleet_task_set_end(e, tx, set, wire_or(req->force, false), err);
}
FLEET_DEFINE(ecs, delete_task_set, fleet_write)

static int describe_task_sets_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, describe_task_sets);
	struct ecs_service s;
	bool tags = false;

	if (fleet_service_need(e, tx, req->cluster, req->service, a, &s, err) < 0)
		return -1;
	wire_foreach (field, &req->include)
		tags |= streq(*field, "TAGS");
	if (!req->task_sets.n) {
		resp->failures.set = true;
		if (fleet_task_sets_of(tx, s.service_arn, a, &resp->task_sets, err) < 0)
			return -1;
	} else {
		wire_list_alloc(a, &resp->task_sets, req->task_sets.n);
		wire_list_alloc(a, &resp->failures, req->task_sets.n);
		resp->task_sets.n = resp->failures.n = 0;
	}
	wire_foreach (id, &req->task_sets) {
		int r = fleet_task_set_find(
			tx, s.service_arn, *id, a, &resp->task_sets.v[resp->task_sets.n], err);

		if (r < 0)
			return -1;
		if (r > 0)
			resp->task_sets.n++;
		else
			resp->failures.v[resp->failures.n++] =
				(struct ecs_failure){.arn = *id, .reason = "MISSING"};
	}
	wire_foreach (set, &resp->task_sets) {
		if (tags && fleet_tags_of(tx, set->task_set_arn, a, &set->tags, err) < 0)
			return -1;
	}
	return 0;
}
FLEET_DEFINE(ecs, describe_task_sets, fleet_read)

static int update_service_primary_task_set_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, update_service_primary_task_set);
	struct ecs_service s;

	resp->task_set = arena_new(a, struct ecs_task_set);
	if (fleet_service_need(e, tx, req->cluster, req->service, a, &s, err) < 0 ||
		fleet_task_set_lead(e, tx, &s, req->primary_task_set, a, err) < 0)
		return -1;
	return need_set(tx, s.service_arn, req->primary_task_set, a, resp->task_set, err);
}
FLEET_DEFINE(ecs, update_service_primary_task_set, fleet_write)
