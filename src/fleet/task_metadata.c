/* SPDX-License-Identifier: Apache-2.0 */
/* What a container is told about itself and its task, in the form of the task metadata address,
 * version 4. */
#include <stdlib.h>

#include "base/timefmt.h"
#include "codec/json.h"
#include "fleet/containers.h"

struct metadata {
	struct fleet_engine *e;
	const char *name, *container; /* of the task; of the container, or NULL */
	struct arena a;
	struct fleet_task task;
	struct ecs_task_definition definition;
	bool found;
};

static void metadata_release(struct metadata *m)
{
	arena_release(&m->a);
}

static int load_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct metadata *m = arg;
	int r = fleet_task_load(
		tx, fleet_arn(m->e, &m->a, "ecs", "task/%s", m->name), &m->a, &m->task, err);

	if (r <= 0)
		return r;
	r = fleet_task_definition_find(
		m->e, tx, m->task.t.task_definition_arn, &m->a, &m->definition, err);
	m->found = r > 0;
	return r < 0 ? -1 : 0;
}

/* ---- parts ---- */

static void put_time(struct json_writer *w, const char *key, struct wire_time t)
{
	if (t.set)
		json_put_member(w, key, timefmt_iso_msec(t.usec).text);
}

static void put_number(struct json_writer *w, const char *key, double v)
{
	json_key(w, key);
	json_put_real(w, v);
}

static void put_labels(struct json_writer *w, const struct metadata *m, const char *container)
{
	const struct ecs_container_definition *d =
		fleet_container_definition(&m->definition, container);
	struct str revision CLEANUP_STR = STR_INIT;

	str_addf(&revision, "%d", (int)wire_or(m->definition.revision, 0));
	json_key(w, "Labels");
	json_open(w, '{');
	json_put_member(w, "com.amazonaws.ecs.cluster", m->task.t.cluster_arn);
	json_put_member(w, "com.amazonaws.ecs.container-name", container);
	json_put_member(w, "com.amazonaws.ecs.task-arn", m->task.t.task_arn);
	json_put_member(w, "com.amazonaws.ecs.task-definition-family", m->definition.family);
	json_put_member(w, "com.amazonaws.ecs.task-definition-version", str_text(&revision));
	if (d)
		wire_foreach (kv, &d->docker_labels)
			json_put_member(w, kv->key, kv->value);
	json_close(w, '}');
}

static void put_log(struct json_writer *w, const struct ecs_log_configuration *log)
{
	if (!log)
		return;
	json_put_member(w, "LogDriver", log->log_driver);
	json_key(w, "LogOptions");
	json_open(w, '{');
	wire_foreach (kv, &log->options)
		json_put_member(w, kv->key, kv->value);
	json_close(w, '}');
}

static void put_networks(struct json_writer *w, const struct metadata *m)
{
	if (!m->task.s.address)
		return;
	json_key(w, "Networks");
	json_open(w, '[');
	json_open(w, '{');
	json_put_member(w, "NetworkMode", "awsvpc");
	json_key(w, "IPv4Addresses");
	json_open(w, '[');
	json_put_text(w, m->task.s.address);
	json_close(w, ']');
	json_close(w, '}');
	json_close(w, ']');
}

static void put_container(struct json_writer *w, const struct metadata *m,
	const struct ecs_container *c, const struct towpath_fleet_container *state)
{
	const struct ecs_container_definition *d =
		fleet_container_definition(&m->definition, c->name);

	json_open(w, '{');
	json_put_member(w, "DockerId", state->root_id);
	json_put_member(w, "Name", c->name);
	json_put_member(w, "DockerName", state->root_id);
	json_put_member(w, "Image", d->image);
	if (c->image_digest)
		json_put_member(w, "ImageID", c->image_digest);
	put_labels(w, m, c->name);
	json_put_member(w, "DesiredStatus", m->task.t.desired_status);
	json_put_member(w, "KnownStatus", c->last_status);
	if (c->exit_code.set) {
		json_key(w, "ExitCode");
		json_put_int(w, c->exit_code.v);
	}
	json_key(w, "Limits");
	json_open(w, '{');
	put_number(w, "CPU", wire_or(d->cpu, 0));
	if (d->memory.set)
		put_number(w, "Memory", d->memory.v);
	json_close(w, '}');
	put_time(w, "CreatedAt", m->task.t.created_at);
	put_time(w, "StartedAt", state->started_at);
	json_put_member(w, "Type", "NORMAL");
	json_put_member(w, "ContainerARN", c->container_arn);
	put_log(w, d->log_configuration);
	put_networks(w, m);
	json_close(w, '}');
}

/* The container of this name, or all of them: how many. */
static int put_containers(struct json_writer *w, const struct metadata *m)
{
	int n = 0;

	wire_foreach (c, &m->task.t.containers) {
		wire_foreach (state, &m->task.s.containers) {
			if (!streq(state->name, c->name) ||
				(m->container && !streq(m->container, c->name)))
				continue;
			put_container(w, m, c, state);
			n++;
		}
	}
	return n;
}

static void put_task(struct json_writer *w, const struct metadata *m)
{
	const struct ecs_task *t = &m->task.t;
	struct str revision CLEANUP_STR = STR_INIT;

	str_addf(&revision, "%d", (int)wire_or(m->definition.revision, 0));
	json_open(w, '{');
	json_put_member(w, "Cluster", t->cluster_arn);
	json_put_member(w, "TaskARN", t->task_arn);
	json_put_member(w, "Family", m->definition.family);
	json_put_member(w, "Revision", str_text(&revision));
	json_put_member(w, "DesiredStatus", t->desired_status);
	json_put_member(w, "KnownStatus", t->last_status);
	if (t->cpu || t->memory) {
		json_key(w, "Limits");
		json_open(w, '{');
		if (t->cpu) /* of processors */
			put_number(w, "CPU", (double)atoll(t->cpu) / 1024);
		if (t->memory)
			put_number(w, "Memory", (double)atoll(t->memory));
		json_close(w, '}');
	}
	put_time(w, "PullStartedAt", t->pull_started_at);
	put_time(w, "PullStoppedAt", t->pull_stopped_at);
	json_put_member(w, "AvailabilityZone", t->availability_zone);
	json_put_member(w, "LaunchType", t->launch_type);
	if (t->group && starts_with(t->group, "service:"))
		json_put_member(w, "ServiceName", t->group + strlen("service:"));
	json_key(w, "Containers");
	json_open(w, '[');
	put_containers(w, m);
	json_close(w, ']');
	json_close(w, '}');
}

int fleet_task_metadata(struct fleet_engine *e, const char *task, const char *container,
	struct str *json, struct err *err)
{
	CLEANUP(metadata_release)
	struct metadata m = {.e = e, .name = task, .container = container};
	struct json_writer w = {json, false};

	if (fleet_read(e, load_step, &m, err) < 0)
		return -1;
	if (!m.found)
		return 0;
	if (container)
		return put_containers(&w, &m);
	put_task(&w, &m);
	return 1;
}
