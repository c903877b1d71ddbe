/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of ecs on tasks. */
#include <stdio.h>

#include "base/id.h"
#include "fleet/capacity.h"

#define INVALID "InvalidParameterException"
#define RUN_MAX 10

/* ---- RunTask ---- */

static int refuse_unbuilt(const struct ecs_run_task_request *req, struct err *err)
{
	const struct {
		bool used;
		const char *name;
	} unbuilt[] = {
		{wire_or(req->enable_execute_command, false), "enableExecuteCommand"},
		{req->placement_constraints.n, "placementConstraints"},
		{req->placement_strategy.n, "placementStrategy"},
		{req->volume_configurations.n, "volumeConfigurations"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(unbuilt); i++)
		if (unbuilt[i].used)
			return err_set(err, ERR_UNSUPPORTED,
				"%s of a task is not implemented; leave it out", unbuilt[i].name);
	if (streq(req->propagate_tags, "SERVICE"))
		return err_set_wire(err, INVALID,
			"propagateTags SERVICE is for services; a task that is run by itself has "
			"TASK_DEFINITION or NONE.");
	return 0;
}

/* The size that the task gets must be one that its launch type has. */
static int override_size(struct ecs_task_override *o, const struct ecs_task_definition *d,
	const char *launch_type, struct arena *a, struct err *err)
{
	struct ecs_task_definition changed = *d;

	if (!o->cpu && !o->memory)
		return 0;
	if (fleet_task_size(&o->cpu, &o->memory, a, err) < 0)
		return -1;
	changed.cpu = o->cpu ? o->cpu : d->cpu;
	changed.memory = o->memory ? o->memory : d->memory;
	return streq(launch_type, "FARGATE") ? fleet_task_definition_fargate(&changed, err) : 0;
}

static int check_overrides(
	const struct ecs_task_override *o, const struct ecs_task_definition *d, struct err *err)
{
	wire_foreach (c, &o->container_overrides) {
		if (!c->name || !fleet_container_definition(d, c->name))
			return err_set_wire(err, INVALID,
				"Override for container named %s is not a container in the "
				"TaskDefinition.",
				c->name ? c->name : "(none)");
		if (c->environment_files.n || c->resource_requirements.n)
			return err_set(err, ERR_UNSUPPORTED,
				"environmentFiles and resourceRequirements of an override are not "
				"implemented");
	}
	return 0;
}

/* Tasks that an earlier call with the same token has made. */
static int run_again(
	struct db_tx *tx, const char *arns, struct arena *a, struct ecs_tasks *ret, struct err *err)
{
	struct view rest = view_of(arns);

	wire_list_alloc(a, ret, RUN_MAX);
	ret->n = 0;
	while (rest.len) {
		struct fleet_task task;
		int r = fleet_task_load(tx, arena_view_dup(a, view_cut(&rest, ' ')), a, &task, err);

		if (r < 0)
			return -1;
		if (r > 0)
			ret->v[ret->n++] = task.t;
	}
	return 0;
}

static int task_tags(struct db_tx *tx, const struct ecs_run_task_request *req,
	const struct ecs_cluster *c, const struct ecs_task_definition *d, struct arena *a,
	struct ecs_tags *ret, struct err *err)
{
	bool handed_on = streq(req->propagate_tags, "TASK_DEFINITION");

	return fleet_tags_for_task(tx,
		&(struct fleet_task_tags){
			.own = &req->tags,
			.source_arn = handed_on ? d->task_definition_arn : NULL,
			.managed = wire_or(req->enable_ecs_managed_tags, false),
			.cluster_arn = c->cluster_arn,
		},
		a, ret, err);
}

/* What is asked for, as a plan that all of the tasks have in common. */
static int plan_run(struct fleet_engine *e, struct db_tx *tx,
	const struct ecs_run_task_request *req, const struct ecs_cluster *c,
	const struct ecs_capacity_provider_strategy *strategy, struct arena *a,
	struct fleet_task_plan *ret, struct err *err)
{
	struct ecs_task_definition *d = arena_new(a, struct ecs_task_definition);
	struct ecs_task_override *overrides = arena_new(a, struct ecs_task_override);
	struct ecs_tags *tags = arena_new(a, struct ecs_tags);
	const char *launch_type = fleet_capacity_launch_type(req->launch_type, strategy), *version;

	if (req->overrides)
		*overrides = *req->overrides;
	if (refuse_unbuilt(req, err) < 0 || fleet_tags_check(&req->tags, err) < 0 ||
		fleet_capacity_check(c, strategy, req->launch_type, err) < 0 ||
		fleet_task_definition_need(e, tx, req->task_definition, a, d, err) < 0 ||
		fleet_task_definition_runs(d, launch_type, req->network_configuration, err) < 0 ||
		check_overrides(overrides, d, err) < 0 ||
		override_size(overrides, d, launch_type, a, err) < 0 ||
		fleet_platform_version(launch_type, req->platform_version, &version, err) < 0 ||
		task_tags(tx, req, c, d, a, tags, err) < 0)
		return -1;
	*ret = (struct fleet_task_plan){
		.cluster_arn = c->cluster_arn,
		.group = req->group ? req->group : arena_printf(a, "family:%s", d->family),
		.started_by = req->started_by,
		.launch_type = launch_type,
		.platform_version = version,
		.definition = d,
		.overrides = overrides,
		.network = req->network_configuration,
		.tags = tags,
	};
	return 0;
}

static int run_task_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, run_task);
	int count = (int)wire_or(req->count, 1);
	struct str arns CLEANUP_STR = STR_INIT;
	struct fleet_task_plan plan;
	struct fleet_capacity_placed placed = {0};
	struct ecs_capacity_provider_strategy strategy = req->capacity_provider_strategy;
	struct ecs_cluster c;
	struct fleet_token token = {.token = req->client_token};
	const char *again;
	int r;

	if (fleet_cluster_need(e, tx, req->cluster, a, &c, err) < 0)
		return -1;
	resp->failures.set = true;
	token.scope = arena_printf(a, "run-task|%s", c.cluster_arn);
	if (req->client_token)
		token.digest = wire_digest(&ecs_run_task_request_shape, req, a);
	r = fleet_token_get(tx, &token, a, &again, err);
	if (r != 0)
		return r < 0 ? -1 : run_again(tx, again, a, &resp->tasks, err);
	if (count < 1 || count > RUN_MAX)
		return err_set_wire(err, INVALID, "count must be from 1 to %d.", RUN_MAX);
	if (!strategy.n && !req->launch_type)
		strategy = c.default_capacity_provider_strategy;
	if (plan_run(e, tx, req, &c, &strategy, a, &plan, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->tasks, count);
	for (int i = 0; i < count; i++) {
		plan.capacity_provider = fleet_capacity_next(&strategy, &placed);
		if (fleet_task_make(e, tx, &plan, a, &resp->tasks.v[i], err) < 0)
			return -1;
		fleet_capacity_count(&strategy, plan.capacity_provider, &placed);
		str_addf(&arns, "%s%s", i ? " " : "", resp->tasks.v[i].task_arn);
	}
	return fleet_token_put(tx, &token, str_text(&arns), a, err);
}
FLEET_DEFINE(ecs, run_task, fleet_write)

/* ---- the others ---- */

static char *task_arn(
	struct fleet_engine *e, struct arena *a, const struct ecs_cluster *c, const char *name)
{
	return fleet_arn(e, a, "ecs", "task/%s/%s", c->cluster_name, fleet_last_part(name));
}

static int stop_task_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, stop_task);
	struct fleet_task task;
	struct ecs_cluster c;
	int r;

	if (fleet_cluster_need(e, tx, req->cluster, a, &c, err) < 0)
		return -1;
	r = fleet_task_load(tx, task_arn(e, a, &c, req->task), a, &task, err);
	if (r == 0)
		return err_set_wire(
			err, INVALID, "The referenced task was not found: %s", req->task);
	if (r < 0 || fleet_task_stop(e, tx, &task, "UserInitiated", false,
			     req->reason ? req->reason : "Task stopped by user", err) < 0)
		return -1;
	resp->task = wire_copy(&ecs_task_shape, &task.t, a);
	return 0;
}
FLEET_DEFINE(ecs, stop_task, fleet_write)

static int describe_tasks_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, describe_tasks);
	struct ecs_cluster c;
	bool tags = false;

	if (fleet_cluster_need(e, tx, req->cluster, a, &c, err) < 0)
		return -1;
	wire_foreach (field, &req->include)
		tags |= streq(*field, "TAGS");
	wire_list_alloc(a, &resp->tasks, req->tasks.n);
	wire_list_alloc(a, &resp->failures, req->tasks.n);
	resp->tasks.n = resp->failures.n = 0;
	wire_foreach (name, &req->tasks) {
		const char *arn = task_arn(e, a, &c, *name);
		struct fleet_task task;
		int r = fleet_task_load(tx, arn, a, &task, err);

		if (r < 0)
			return -1;
		if (r == 0) {
			resp->failures.v[resp->failures.n++] =
				(struct ecs_failure){.arn = arn, .reason = "MISSING"};
			continue;
		}
		if (tags && fleet_tags_of(tx, arn, a, &task.t.tags, err) < 0)
			return -1;
		resp->tasks.v[resp->tasks.n++] = task.t;
	}
	return 0;
}
FLEET_DEFINE(ecs, describe_tasks, fleet_read)

static const char *family_of(struct arena *a, const char *definition_arn)
{
	const char *name = fleet_last_part(definition_arn), *colon = strchr(name, ':');

	return colon ? arena_strndup(a, name, (size_t)(colon - name)) : name;
}

static bool listed(
	const struct ecs_list_tasks_request *req, const struct fleet_task *t, struct arena *a)
{
	const char *wanted = req->desired_status ? req->desired_status : "RUNNING";
	const char *group = req->service_name ? arena_printf(a, "service:%s",
							fleet_last_part(req->service_name))
					      : NULL;

	return streq(t->t.desired_status, wanted) &&
	       (!req->family || streq(family_of(a, t->t.task_definition_arn), req->family)) &&
	       (!group || streq(t->t.group, group)) &&
	       (!req->started_by || streq(t->t.started_by, req->started_by)) &&
	       (!req->launch_type || streq(t->t.launch_type, req->launch_type)) &&
	       !req->container_instance && !req->daemon_name;
}

static int list_tasks_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, list_tasks);
	struct fleet_tasks all;
	struct ecs_cluster c;
	struct ecs_service s;
	const char **arns;
	size_t n = 0;
	int r;

	if (fleet_cluster_need(e, tx, req->cluster, a, &c, err) < 0)
		return -1;
	if (req->service_name) {
		r = fleet_service_find(e, tx, req->cluster, req->service_name, a, &s, err);
		if (r == 0)
			return err_set_wire(err, "ServiceNotFoundException", "Service not found.");
		if (r < 0)
			return -1;
	}
	if (fleet_tasks_in(e, tx, c.cluster_name, a, &all, err) < 0)
		return -1;
	arns = arena_new_n(a, all.n + 1, const char *);
	for (size_t i = 0; i < all.n; i++)
		if (listed(req, &all.v[i], a))
			arns[n++] = all.v[i].t.task_arn;
	fleet_page(
		arns, n, req->next_token, req->max_results, a, &resp->task_arns, &resp->next_token);
	return 0;
}
FLEET_DEFINE(ecs, list_tasks, fleet_read)
