/* SPDX-License-Identifier: Apache-2.0 */
/* Task definitions: families and revisions. A revision is never used twice, so none is removed. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/json.h"
#include "fleet/containers.h"

#define STATUS_ACTIVE "ACTIVE"
#define STATUS_INACTIVE "INACTIVE"

static char *key_of(struct arena *a, const char *family, int revision)
{
	return arena_printf(a, "%s:%010d", family, revision);
}

static int put(
	struct db_tx *tx, const struct ecs_task_definition *d, struct arena *a, struct err *err)
{
	return store_document_put(
		tx, &STORE_TASK_DEFINITION, key_of(a, d->family, d->revision.v), d->family, d, err);
}

static int newest(struct db_tx *tx, const char *family, bool active, struct arena *a,
	struct ecs_task_definition *ret, struct err *err)
{
	struct store_documents all;

	if (store_document_list(tx, &STORE_TASK_DEFINITION,
		    &(struct store_document_filter){.owner = family}, a, &all, err) < 0)
		return -1;
	for (size_t i = all.n; i-- > 0;) {
		const struct ecs_task_definition *d = all.v[i];

		if (!active || streq(d->status, STATUS_ACTIVE)) {
			*ret = *d;
			return 1;
		}
	}
	return 0;
}

int fleet_task_definition_find(struct fleet_engine *e UNUSED, struct db_tx *tx, const char *name,
	struct arena *a, struct ecs_task_definition *ret, struct err *err)
{
	const char *plain = fleet_last_part(name), *colon = strchr(plain, ':');

	if (!colon)
		return newest(tx, plain, true, a, ret, err);
	return store_document_get(tx, &STORE_TASK_DEFINITION,
		key_of(a, arena_strndup(a, plain, (size_t)(colon - plain)), atoi(colon + 1)), a,
		ret, err);
}

int fleet_task_definition_need(struct fleet_engine *e, struct db_tx *tx, const char *name,
	struct arena *a, struct ecs_task_definition *ret, struct err *err)
{
	int r = name ? fleet_task_definition_find(e, tx, name, a, ret, err) : 0;

	if (r < 0)
		return -1;
	if (r == 0)
		return err_set_wire(err, "ClientException", "Unable to find task definition '%s'.",
			name ? name : "");
	if (!streq(ret->status, STATUS_ACTIVE))
		return err_set_wire(
			err, "ClientException", "TaskDefinition is inactive: '%s'", name);
	return 0;
}

/* ---- register ---- */

/* What it is able to be, whatever it requires. */
static void complete_compatibilities(struct ecs_task_definition *d, struct arena *a)
{
	static const char *const both[] = {"EC2", "FARGATE"};
	struct err why CLEANUP_ERR = ERR_INIT;
	bool fargate = fleet_task_definition_fargate(d, &why) == 0;

	wire_list_alloc(a, &d->compatibilities, fargate ? 2 : 1);
	for (size_t i = 0; i < d->compatibilities.n; i++)
		d->compatibilities.v[i] = both[i];
}

static void complete_containers(struct ecs_task_definition *d)
{
	wire_foreach (c, &d->container_definitions) {
		c->essential = WIRE_SET_BOOL(fleet_container_essential(c));
		c->cpu = WIRE_SET_INT(wire_or(c->cpu, 0));
		c->environment.set = c->mount_points.set = c->volumes_from.set = true;
		c->port_mappings.set = true;
		wire_foreach (p, &c->port_mappings) {
			p->protocol = p->protocol ? p->protocol : "tcp";
			p->host_port = p->container_port;
		}
	}
}

static int register_definition(struct fleet_engine *e, struct db_tx *tx,
	const struct ecs_register_task_definition_request *req, const char *by, struct arena *a,
	struct ecs_task_definition *d, struct err *err)
{
	struct ecs_task_definition last;
	int r;

	*d = (struct ecs_task_definition){0};
	wire_assign(
		&ecs_task_definition_shape, d, &ecs_register_task_definition_request_shape, req);
	if (fleet_tags_check(&req->tags, err) < 0 ||
		fleet_task_size(&d->cpu, &d->memory, a, err) < 0 ||
		fleet_task_definition_check(d, err) < 0 ||
		fleet_task_definition_fits(e, d, err) < 0)
		return -1;
	r = newest(tx, d->family, false, a, &last, err);
	if (r < 0)
		return -1;
	d->revision = WIRE_SET_INT(r > 0 ? last.revision.v + 1 : 1);
	d->task_definition_arn =
		fleet_arn(e, a, "ecs", "task-definition/%s:%d", d->family, (int)d->revision.v);
	d->network_mode = d->network_mode ? d->network_mode : "awsvpc";
	d->status = STATUS_ACTIVE;
	d->registered_at = WIRE_SET_TIME(durable_now(e->durable));
	d->registered_by = by;
	d->volumes.set = d->placement_constraints.set = true;
	complete_compatibilities(d, a);
	complete_containers(d);
	if (put(tx, d, a, err) < 0)
		return -1;
	return fleet_tags_put(tx, d->task_definition_arn, &req->tags, a, err);
}

static int register_task_definition_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, register_task_definition);

	resp->task_definition = arena_new(a, struct ecs_task_definition);
	resp->tags = req->tags;
	return register_definition(e, tx, req, call->principal_arn, a, resp->task_definition, err);
}
FLEET_DEFINE(ecs, register_task_definition, fleet_write)

/* ---- for deployments ---- */

struct definition_query {
	struct fleet_engine *e;
	const struct ecs_register_task_definition_request *req;
	const char *name, *token, *by;
	struct arena *a;
	const char *arn;
	struct ecs_task_definition d;
};

static int register_text_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct definition_query *q = arg;
	const struct fleet_token token = {.scope = "RegisterTaskDefinition", .token = q->token};
	int r = fleet_token_get(tx, &token, q->a, &q->arn, err);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (register_definition(q->e, tx, q->req, q->by, q->a, &q->d, err) < 0)
		return -1;
	q->arn = q->d.task_definition_arn;
	return fleet_token_put(tx, &token, q->arn, q->a, err);
}

int fleet_task_definition_register(struct fleet_engine *e, struct view json, const char *token,
	const char *principal_arn, struct arena *a, const char **ret_arn, struct err *err)
{
	struct ecs_register_task_definition_request req;
	struct definition_query q = {
		.e = e, .req = &req, .token = token, .by = principal_arn, .a = a};
	const struct json_node *root, *inside;
	struct str text CLEANUP_STR = STR_INIT;

	if (json_parse(json, a, &root, err) < 0)
		return err_wrap(err, "task definition");
	inside = json_member(root, "taskDefinition");
	if (inside && inside->kind == JSON_KIND_OBJECT) {
		json_write(inside, &text);
		json = (struct view){arena_view_dup(a, str_view(&text)), text.len};
	}
	if (wire_decode_json(&ecs_register_task_definition_request_shape, json, a, &req, err) < 0 ||
		wire_validate(&ecs_register_task_definition_request_shape, &req, err) < 0)
		return err_wrap(err, "task definition");
	if (fleet_write(e, register_text_step, &q, err) < 0)
		return -1;
	*ret_arn = q.arn;
	return 0;
}

static int get_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct definition_query *q = arg;
	int r = fleet_task_definition_find(q->e, tx, q->name, q->a, &q->d, err);

	if (r == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no task definition %s", q->name);
	return r < 0 ? -1 : 0;
}

int fleet_task_definition_get(struct fleet_engine *e, const char *task_definition, struct arena *a,
	struct fleet_task_definition *ret, struct err *err)
{
	struct definition_query q = {.e = e, .name = task_definition, .a = a};
	const char **names;
	struct fleet_container_port *ports;
	size_t n = 0, n_ports = 0;

	if (fleet_read(e, get_step, &q, err) < 0)
		return -1;
	wire_foreach (c, &q.d.container_definitions)
		n_ports += c->port_mappings.n;
	names = arena_new_n(a, q.d.container_definitions.n + 1, const char *);
	ports = arena_new_n(a, n_ports + 1, struct fleet_container_port);
	n_ports = 0;
	wire_foreach (c, &q.d.container_definitions) {
		names[n++] = c->name;
		wire_foreach (p, &c->port_mappings)
			ports[n_ports++] =
				(struct fleet_container_port){c->name, p->container_port.v};
	}
	*ret = (struct fleet_task_definition){
		.arn = q.d.task_definition_arn,
		.family = q.d.family,
		.status = q.d.status,
		.revision = q.d.revision.v,
		.containers = names,
		.n_containers = n,
		.ports = ports,
		.n_ports = n_ports,
	};
	return 0;
}

/* ---- other operations ---- */

static int describe_task_definition_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, describe_task_definition);
	struct ecs_task_definition *d = arena_new(a, struct ecs_task_definition);
	int r = fleet_task_definition_find(e, tx, req->task_definition, a, d, err);

	if (r == 0)
		return err_set_wire(err, "ClientException", "Unable to describe task definition.");
	if (r < 0)
		return -1;
	resp->task_definition = d;
	wire_foreach (field, &req->include) {
		if (streq(*field, "TAGS") &&
			fleet_tags_of(tx, d->task_definition_arn, a, &resp->tags, err) < 0)
			return -1;
	}
	return 0;
}
FLEET_DEFINE(ecs, describe_task_definition, fleet_read)

static int deregister_task_definition_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, deregister_task_definition);
	struct ecs_task_definition *d = arena_new(a, struct ecs_task_definition);

	if (!strchr(fleet_last_part(req->task_definition), ':'))
		return err_set_wire(err, "ClientException",
			"The revision is missing: family:revision or an ARN is needed.");
	if (fleet_task_definition_need(e, tx, req->task_definition, a, d, err) < 0)
		return -1;
	d->status = STATUS_INACTIVE;
	d->deregistered_at = WIRE_SET_TIME(durable_now(e->durable));
	resp->task_definition = d;
	return put(tx, d, a, err);
}
FLEET_DEFINE(ecs, deregister_task_definition, fleet_write)

static int list_task_definitions_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, list_task_definitions);
	const char *status = req->status ? req->status : STATUS_ACTIVE;
	bool descending = streq(req->sort, "DESC");
	size_t limit = (size_t)MAX(MIN(wire_or(req->max_results, 100), 100), 1), n = 0;
	bool passed = !req->next_token;
	struct store_documents all;

	if (store_document_list(tx, &STORE_TASK_DEFINITION,
		    &(struct store_document_filter){.owner = req->family_prefix}, a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->task_definition_arns, MIN(all.n, limit));
	resp->task_definition_arns.n = 0;
	for (size_t i = 0; i < all.n; i++) {
		const struct ecs_task_definition *d = all.v[descending ? all.n - 1 - i : i];

		if (streq(d->status, status)) {
			if (passed && n == limit) {
				resp->next_token = resp->task_definition_arns.v[n - 1];
				return 0;
			}
			if (passed) {
				resp->task_definition_arns.v[n++] = d->task_definition_arn;
				resp->task_definition_arns.n = n;
			}
		}
		passed |= streq(d->task_definition_arn, req->next_token);
	}
	return 0;
}
FLEET_DEFINE(ecs, list_task_definitions, fleet_read)

static int list_task_definition_families_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(ecs, list_task_definition_families);
	const char *status = req->status ? req->status : STATUS_ACTIVE;
	struct store_documents all;
	size_t n = 0;

	if (store_document_list(tx, &STORE_TASK_DEFINITION,
		    &(struct store_document_filter){.prefix = req->family_prefix}, a, &all,
		    err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct ecs_task_definition *d = all.v[i];

		if ((streq(status, "ALL") || streq(d->status, status)) &&
			(!n || !streq(all.ids[n - 1], d->family)))
			all.ids[n++] = d->family;
	}
	fleet_page(all.ids, n, req->next_token, req->max_results, a, &resp->families,
		&resp->next_token);
	return 0;
}
FLEET_DEFINE(ecs, list_task_definition_families, fleet_read)
