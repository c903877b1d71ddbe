/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks in the store: their statuses, how they come, are asked to end, and are forgotten.
 *
 *   PROVISIONING -> PENDING -> ACTIVATING -> RUNNING -> DEACTIVATING -> STOPPING
 *        \____________\____________\___________\___________\______________\
 *                                                                DEPROVISIONING -> STOPPED
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/id.h"
#include "base/path.h"
#include "fleet/containers.h"
#include "store/resource_tags.h"

#define ID_DIGITS 32
#define FIRST_HOST 10
#define LAST_HOST 250

static const char *const status_names[TASK_STATUSES] = {"PROVISIONING", "PENDING", "ACTIVATING",
	"RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"};
static const bool transitions[TASK_STATUSES][TASK_STATUSES] = {
	[TASK_PROVISIONING] = {[TASK_PENDING] = true, [TASK_DEPROVISIONING] = true},
	[TASK_PENDING] = {[TASK_ACTIVATING] = true, [TASK_STOPPING] = true},
	[TASK_ACTIVATING] = {[TASK_RUNNING] = true, [TASK_DEACTIVATING] = true},
	[TASK_RUNNING] = {[TASK_DEACTIVATING] = true},
	[TASK_DEACTIVATING] = {[TASK_STOPPING] = true},
	[TASK_STOPPING] = {[TASK_DEPROVISIONING] = true},
	[TASK_DEPROVISIONING] = {[TASK_STOPPED] = true},
};

const char *fleet_task_status_name(enum fleet_task_status status)
{
	return status_names[status];
}

enum fleet_task_status fleet_task_status(const struct fleet_task *task)
{
	for (int s = 0; s < TASK_STATUSES; s++)
		if (streq(status_names[s], task->t.last_status))
			return (enum fleet_task_status)s;
	BUG("no task status '%s'", task->t.last_status);
}

bool fleet_task_wanted(const struct fleet_task *task)
{
	return streq(task->t.desired_status, "RUNNING");
}

bool fleet_task_has_room(const struct fleet_task *task)
{
	return task->s.address || wire_or(task->s.pod, false);
}

/* ---- load and save ---- */

/* The service of a service's task, by the group that names it; NULL for others. */
static char *service_arn_of(const struct fleet_task *task, struct arena *a)
{
	const char *cluster = task->t.cluster_arn, *mark = strstr(cluster, ":cluster/");

	if (!starts_with(task->t.group, "service:") || !mark || !task->s.set_id)
		return NULL;
	return arena_printf(a, "%.*s:service/%s/%s", (int)(mark - cluster), cluster,
		mark + strlen(":cluster/"), task->t.group + strlen("service:"));
}

static const char *owner_of(const struct fleet_task *task, struct arena *a)
{
	const char *service = service_arn_of(task, a);

	return service ? service : task->t.cluster_arn;
}

int fleet_task_load(
	struct db_tx *tx, const char *arn, struct arena *a, struct fleet_task *ret, struct err *err)
{
	int r = store_document_get(tx, &STORE_TASK, arn, a, &ret->t, err);

	if (r <= 0)
		return r;
	return store_document_get(tx, &STORE_TASK_STATE, arn, a, &ret->s, err);
}

int fleet_task_save(struct db_tx *tx, struct fleet_task *task, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *owner = owner_of(task, &a);

	task->t.version = WIRE_SET_LONG(wire_or(task->t.version, 0) + 1);
	if (store_document_put(tx, &STORE_TASK, task->t.task_arn, owner, &task->t, err) < 0)
		return -1;
	return store_document_put(tx, &STORE_TASK_STATE, task->t.task_arn, owner, &task->s, err);
}

static int list(struct db_tx *tx, const struct store_document_filter *filter, struct arena *a,
	struct fleet_tasks *ret, struct err *err)
{
	struct store_documents tasks, states;

	if (store_document_list(tx, &STORE_TASK, filter, a, &tasks, err) < 0 ||
		store_document_list(tx, &STORE_TASK_STATE, filter, a, &states, err) < 0)
		return -1;
	BUG_ON(tasks.n != states.n); /* written and removed together */
	ret->n = tasks.n;
	ret->v = arena_new_n(a, tasks.n + 1, struct fleet_task);
	for (size_t i = 0; i < tasks.n; i++) {
		ret->v[i].t = *(struct ecs_task *)tasks.v[i];
		ret->v[i].s = *(struct towpath_fleet_task *)states.v[i];
	}
	return 0;
}

int fleet_tasks_of(struct db_tx *tx, const char *owner, struct arena *a, struct fleet_tasks *ret,
	struct err *err)
{
	return list(tx, &(struct store_document_filter){.owner = owner}, a, ret, err);
}

int fleet_tasks_in(struct fleet_engine *e, struct db_tx *tx, const char *cluster, struct arena *a,
	struct fleet_tasks *ret, struct err *err)
{
	struct store_document_filter filter = {0};

	if (cluster)
		filter.prefix = fleet_arn(e, a, "ecs", "task/%s/", cluster);
	return list(tx, &filter, a, ret, err);
}

/* ---- changes ---- */

int fleet_task_announce(
	struct fleet_engine *e, struct db_tx *tx, const struct fleet_task *task, struct err *err)
{
	struct str detail CLEANUP_STR = STR_INIT;
	struct towpath_event_task event = {
		.task_arn = task->t.task_arn,
		.cluster_arn = task->t.cluster_arn,
		.service_name = starts_with(task->t.group, "service:")
					? task->t.group + strlen("service:")
					: NULL,
		.task_set_id = task->s.set_id,
		.last_status = task->t.last_status,
		.desired_status = task->t.desired_status,
		.stop_code = task->t.stop_code,
		.stopped_reason = task->t.stopped_reason,
	};

	wire_encode_json(&towpath_event_task_shape, &event, &detail);
	return journal_append(e->durable, tx,
		&(struct journal_entry){.kind = "ecs.task",
			.subject = task->t.task_arn,
			.detail = str_text(&detail)},
		err);
}

int fleet_task_wake_service(
	struct fleet_engine *e, struct db_tx *tx, const struct fleet_task *task, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *service = service_arn_of(task, &a);

	return service ? fleet_wake(e, tx, FLEET_TASK_SERVICE, service, 0, err) : 0;
}

static void note_time(struct fleet_task *task, enum fleet_task_status status, int64_t now)
{
	struct wire_time t = WIRE_SET_TIME(now);

	if (status == TASK_RUNNING)
		task->t.started_at = t;
	if ((status == TASK_DEACTIVATING || status == TASK_STOPPING) && !task->t.stopping_at.set)
		task->t.stopping_at = t;
	if (status == TASK_DEPROVISIONING)
		task->t.execution_stopped_at = t;
	if (status == TASK_STOPPED)
		task->t.stopped_at = t;
}

int fleet_tasks_wake_waiting(struct fleet_engine *e, struct db_tx *tx, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct fleet_tasks all;

	if (fleet_tasks_in(e, tx, NULL, &a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (fleet_task_status(&all.v[i]) == TASK_PROVISIONING &&
			!fleet_task_has_room(&all.v[i]) &&
			fleet_wake(e, tx, FLEET_TASK_RUN, all.v[i].t.task_arn, 0, err) < 0)
			return -1;
	return 0;
}

int fleet_task_set_status(struct fleet_engine *e, struct db_tx *tx, struct fleet_task *task,
	enum fleet_task_status status, struct err *err)
{
	if (!transitions[fleet_task_status(task)][status])
		BUG("task %s cannot go from %s to %s", task->t.task_arn, task->t.last_status,
			status_names[status]);
	task->t.last_status = status_names[status];
	note_time(task, status, durable_now(e->durable));
	if (fleet_task_save(tx, task, err) < 0 || fleet_task_announce(e, tx, task, err) < 0 ||
		fleet_task_wake_service(e, tx, task, err) < 0)
		return -1;
	if (status != TASK_STOPPED)
		return 0;
	if (fleet_tasks_wake_waiting(e, tx, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_FORGET_TASK, task->t.task_arn,
		durable_now(e->durable) + ECS_FORGET_USEC, err);
}

/* Names the task and the container, since reasons of the real service do not. */
static const char *failure_text(const struct fleet_task *task, struct arena *a)
{
	wire_foreach (c, &task->s.containers) {
		if (!c->reason && !c->exit_code.set)
			continue;
		if (!streq(c->state, CONTAINER_STOPPED))
			continue;
		if (c->reason)
			return arena_printf(a, "task %s: %s (container %s: %s)",
				fleet_last_part(task->t.task_arn), task->t.stopped_reason, c->name,
				c->reason);
		return arena_printf(a, "task %s: %s (container %s: exit code %d)",
			fleet_last_part(task->t.task_arn), task->t.stopped_reason, c->name,
			(int)c->exit_code.v);
	}
	return arena_printf(
		a, "task %s: %s", fleet_last_part(task->t.task_arn), task->t.stopped_reason);
}

/* The set counts failures in all and in a row; the next start waits accordingly. */
static int count_failure(
	struct fleet_engine *e, struct db_tx *tx, const struct fleet_task *task, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *service = service_arn_of(task, &a);
	struct towpath_fleet_set set;

	if (!service)
		return 0;
	if (fleet_set_get(tx, task->s.set_id, service, &a, &set, err) < 0)
		return -1;
	set.failed = WIRE_SET_INT(wire_or(set.failed, 0) + 1);
	set.failures = WIRE_SET_INT(wire_or(set.failures, 0) + 1);
	set.failed_reason = failure_text(task, &a);
	set.not_before =
		WIRE_SET_TIME(durable_now(e->durable) + fleet_backoff_usec((int)set.failures.v));
	return fleet_set_put(tx, &set, err);
}

int fleet_task_stop(struct fleet_engine *e, struct db_tx *tx, struct fleet_task *task,
	const char *code, bool failed, const char *reason, struct err *err)
{
	if (!fleet_task_wanted(task))
		return 0;
	task->t.desired_status = "STOPPED";
	task->t.stop_code = code;
	task->t.stopped_reason = reason;
	if ((failed && count_failure(e, tx, task, err) < 0) || fleet_task_save(tx, task, err) < 0 ||
		fleet_task_announce(e, tx, task, err) < 0 ||
		fleet_task_wake_service(e, tx, task, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_RUN, task->t.task_arn, 0, err);
}

static bool is_at(const struct fleet_task *task, const char *address, int port)
{
	if (streq(task->s.address, address))
		return true;
	wire_foreach (p, &task->s.places) {
		if (streq(p->address, address) && p->port.v == port)
			return true;
	}
	return false;
}

bool fleet_task_is_target(const struct fleet_task *task, const struct towpath_fleet_target *target)
{
	return is_at(task, target->target_id, (int)wire_or(target->port, 0));
}

/* The task that is reached there, or 0. */
static int by_place(struct fleet_engine *e, struct db_tx *tx, const char *address, int port,
	struct arena *a, struct fleet_task *ret, struct err *err)
{
	struct fleet_tasks all;

	if (fleet_tasks_in(e, tx, NULL, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (fleet_task_status(&all.v[i]) != TASK_STOPPED &&
			is_at(&all.v[i], address, port)) {
			*ret = all.v[i];
			return 1;
		}
	return 0;
}

int fleet_task_target_changed(struct fleet_engine *e, struct db_tx *tx,
	const struct towpath_fleet_target *t, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct fleet_task task;
	int r;

	if (!starts_with(t->target_id, e->subnet) &&
		!(e->cfg.task_compute && e->cfg.task_compute->remote))
		return 0;
	r = by_place(e, tx, t->target_id, (int)t->port.v, &a, &task, err);
	if (r <= 0)
		return r;
	if (fleet_task_status(&task) == TASK_DEACTIVATING &&
		fleet_wake(e, tx, FLEET_TASK_RUN, task.t.task_arn, 0, err) < 0)
		return -1;
	return fleet_task_wake_service(e, tx, &task, err);
}

/* ---- new tasks ---- */

static const char *override_text(const char *a, const char *b)
{
	return a ? a : b;
}

static const char *override_number(struct wire_int v, struct wire_int dflt, struct arena *a)
{
	struct wire_int shown = v.set ? v : dflt;

	return shown.set ? arena_printf(a, "%d", (int)shown.v) : NULL;
}

static void make_containers(struct fleet_engine *e, struct fleet_task *task,
	const struct fleet_task_plan *p, const char *id, struct arena *a)
{
	const struct ecs_container_definitions *defs = &p->definition->container_definitions;
	size_t n = 0;

	wire_list_alloc(a, &task->t.containers, defs->n);
	wire_list_alloc(a, &task->s.containers, defs->n);
	wire_foreach (c, defs) {
		const struct ecs_container_override *o =
			fleet_container_override(p->overrides, c->name);

		task->t.containers.v[n] = (struct ecs_container){
			.container_arn = fleet_arn(e, a, "ecs", "container/%s/%s/%s",
				fleet_last_part(p->cluster_arn), id, id_uuid().text),
			.task_arn = task->t.task_arn,
			.name = c->name,
			.image = c->image,
			.last_status = "PENDING",
			.health_status = HEALTH_UNKNOWN,
			.cpu = override_number(
				o ? o->cpu : c->cpu, WIRE_SET_INT(wire_or(c->cpu, 0)), a),
			.memory = override_number(o ? o->memory : c->memory, c->memory, a),
			.memory_reservation =
				override_number(o ? o->memory_reservation : c->memory_reservation,
					c->memory_reservation, a),
			.network_interfaces.set = true,
			.network_bindings.set = true,
		};
		task->s.containers.v[n] = (struct towpath_fleet_container){
			.name = c->name,
			.root_id = arena_printf(a, "t-%s-%zu", id, n),
			.state = CONTAINER_WAITING,
			.health_status = c->health_check ? HEALTH_UNKNOWN : NULL,
		};
		n++;
	}
}

int fleet_task_make(struct fleet_engine *e, struct db_tx *tx, const struct fleet_task_plan *p,
	struct arena *a, struct ecs_task *ret, struct err *err)
{
	const struct ecs_task_definition *d = p->definition;
	const struct ecs_task_override *o = p->overrides;
	int64_t now = durable_now(e->durable);
	struct fleet_task task = {0};
	char id[ID_DIGITS + 1];

	id_random_text(id, ID_DIGITS, ID_ALPHABET_HEX);
	task.t = (struct ecs_task){
		.task_arn =
			fleet_arn(e, a, "ecs", "task/%s/%s", fleet_last_part(p->cluster_arn), id),
		.cluster_arn = p->cluster_arn,
		.task_definition_arn = d->task_definition_arn,
		.group = p->group,
		.started_by = p->started_by,
		.launch_type = p->launch_type ? p->launch_type : "EC2",
		.capacity_provider_name = p->capacity_provider,
		.platform_version = streq(p->launch_type, "FARGATE")
					    ? override_text(p->platform_version, "1.4.0")
					    : NULL,
		.platform_family = streq(p->launch_type, "FARGATE") ? "Linux" : NULL,
		.availability_zone = arena_printf(a, "%sa", e->cfg.region),
		.cpu = override_text(o ? o->cpu : NULL, d->cpu),
		.memory = override_text(o ? o->memory : NULL, d->memory),
		.last_status = status_names[TASK_PROVISIONING],
		.desired_status = "RUNNING",
		.health_status = HEALTH_UNKNOWN,
		.connectivity = "CONNECTED",
		.connectivity_at = WIRE_SET_TIME(now),
		.created_at = WIRE_SET_TIME(now),
		.overrides =
			o ? (struct ecs_task_override *)o : arena_new(a, struct ecs_task_override),
		.attributes.set = true,
		.inference_accelerators.set = true,
		.attachments.set = true,
		.enable_execute_command = WIRE_SET_BOOL(false),
	};
	task.t.overrides->container_overrides.set = true;
	task.t.overrides->inference_accelerator_overrides.set = true;
	task.s = (struct towpath_fleet_task){.task_arn = task.t.task_arn, .set_id = p->set_id};
	make_containers(e, &task, p, id, a);
	if (p->tags && fleet_tags_put(tx, task.t.task_arn, p->tags, a, err) < 0)
		return -1;
	if (fleet_task_save(tx, &task, err) < 0 || fleet_task_announce(e, tx, &task, err) < 0)
		return -1;
	*ret = task.t;
	return fleet_wake(e, tx, FLEET_TASK_RUN, task.t.task_arn, 0, err);
}

/* ---- names ---- */

const char *fleet_pod_id(const char *task_arn, struct arena *a)
{
	return arena_printf(a, "t-%s", fleet_last_part(task_arn));
}

char *fleet_task_dir(struct fleet_engine *e, const char *task_arn)
{
	return xasprintf("%s/fleet/t-%s", e->cfg.data_dir, fleet_last_part(task_arn));
}

const char *fleet_task_name(const char *task_arn)
{
	const char *mark = strstr(task_arn, ":task/");

	return mark ? mark + strlen(":task/") : task_arn;
}

char *fleet_images_dir(struct fleet_engine *e)
{
	return path_join(e->cfg.data_dir, "images");
}

char *fleet_task_logs_dir(struct fleet_engine *e)
{
	return path_join(e->cfg.data_dir, "task-logs");
}

char *fleet_address_free(struct fleet_engine *e, struct db_tx *tx, struct arena *a, struct err *err)
{
	struct store_documents instances, states, targets;
	struct map used CLEANUP_MAP = MAP_INIT;

	if (store_document_list(tx, &STORE_INSTANCE, NULL, a, &instances, err) < 0 ||
		store_document_list(tx, &STORE_TASK_STATE, NULL, a, &states, err) < 0 ||
		store_document_list(tx, &STORE_TARGET, NULL, a, &targets, err) < 0)
		return NULL;
	for (size_t i = 0; i < instances.n; i++) {
		const struct towpath_fleet_instance *x = instances.v[i];

		if (!streq(x->state, INSTANCE_GONE))
			map_set(&used, x->address, e);
	}
	for (size_t i = 0; i < states.n; i++) {
		const struct towpath_fleet_task *x = states.v[i];

		if (x->address)
			map_set(&used, x->address, e);
	}
	for (size_t i = 0; i < targets.n; i++)
		map_set(&used, ((struct towpath_fleet_target *)targets.v[i])->address, e);
	for (int host = FIRST_HOST; host <= LAST_HOST; host++) {
		char *address = arena_printf(a, "%s.%d", e->subnet, host);

		if (!map_has(&used, address))
			return address;
	}
	err_set(err, ERR_UNAVAILABLE, "no address of %s.0/24 is free", e->subnet);
	return NULL;
}

struct root_query {
	struct fleet_engine *e;
	const char *root;
};

static int ended_step(struct db_tx *tx, void *arg, struct err *err)
{
	const struct root_query *q = arg;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct fleet_tasks all;

	if (fleet_tasks_in(q->e, tx, NULL, &a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		wire_foreach (c, &all.v[i].s.containers) {
			if (streq(c->root_id, q->root))
				return fleet_wake(
					q->e, tx, FLEET_TASK_RUN, all.v[i].t.task_arn, 0, err);
		}
	return 0;
}

int fleet_container_ended(struct fleet_engine *e, const char *root_id, struct err *err)
{
	struct root_query q = {.e = e, .root = root_id};

	return fleet_write(e, ended_step, &q, err);
}

/* ---- roles ---- */

const char *fleet_task_role_of(
	const struct fleet_task *task, const struct ecs_task_definition *definition)
{
	const struct ecs_task_override *o = task->t.overrides;

	return o && o->task_role_arn ? o->task_role_arn : definition->task_role_arn;
}

struct role_query {
	struct fleet_engine *e;
	const char *name;
	struct arena *a;
	const char *role;
	bool alive;
};

static int role_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct role_query *q = arg;
	struct ecs_task_definition definition;
	struct fleet_task task;
	int r = fleet_task_load(
		tx, fleet_arn(q->e, q->a, "ecs", "task/%s", q->name), q->a, &task, err);

	q->alive = r > 0 && fleet_task_status(&task) < TASK_DEPROVISIONING;
	if (r < 0 || !q->alive)
		return r < 0 ? -1 : 0;
	r = fleet_task_definition_find(
		q->e, tx, task.t.task_definition_arn, q->a, &definition, err);
	if (r > 0)
		q->role = fleet_task_role_of(&task, &definition);
	return r < 0 ? -1 : 0;
}

int fleet_task_role(struct fleet_engine *e, const char *task, struct arena *a,
	const char **ret_role, struct err *err)
{
	struct role_query q = {.e = e, .name = task, .a = a};

	if (fleet_read(e, role_step, &q, err) < 0)
		return -1;
	*ret_role = q.role;
	return q.alive;
}

/* ---- forgetting ---- */

static int forget_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_op *o = arg;
	const struct task *t = o->req;

	if (store_document_delete(tx, &STORE_TASK, t->subject, err) < 0 ||
		store_document_delete(tx, &STORE_TASK_STATE, t->subject, err) < 0 ||
		store_tags_forget(tx, t->subject, err) < 0)
		return -1;
	return task_done(o->e->durable, tx, t, err);
}

int fleet_forget_task_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct fleet_op o = {.e = arg, .req = t};

	return durable_step(d, forget_step, &o, err);
}
