/* SPDX-License-Identifier: Apache-2.0 */
/* From started containers to a task that runs: where it is reached, which the driver may know only
 * now, and what is to send requests there. */
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "fleet/containers.h"

void fleet_run_show_address(struct fleet_run *r, const char *address)
{
	struct ecs_task *t = &r->task.t;
	struct ecs_attachment *eni;
	const char *id = id_uuid().text;

	wire_list_alloc(r->a, &t->attachments, 1);
	eni = &t->attachments.v[0];
	eni->id = arena_strdup(r->a, id);
	eni->type = "ElasticNetworkInterface";
	eni->status = "ATTACHED";
	wire_list_alloc(r->a, &eni->details, 1);
	eni->details.v[0] = (struct ecs_key_value_pair){"privateIPv4Address", address};
	wire_foreach (c, &t->containers) {
		wire_list_alloc(r->a, &c->network_interfaces, 1);
		c->network_interfaces.v[0] = (struct ecs_network_interface){
			.attachment_id = eni->id, .private_ipv4_address = address};
	}
}

/* ---- places ---- */

/* 1, 0: nobody knows yet. */
static int locate(struct fleet_run *r, const struct towpath_fleet_container *c, int port,
	struct compute_place *ret, struct err *err)
{
	const struct compute_driver *compute = r->e->cfg.task_compute;
	char *dir CLEANUP(freep) = NULL;
	struct compute_root *root;
	int known;

	if (!compute->locate) {
		snprintf(ret->address, sizeof(ret->address), "%s",
			r->task.s.address ? r->task.s.address : "");
		ret->port = port;
		return 1;
	}
	dir = fleet_container_dir(r, c);
	if (compute->attach(compute, c->root_id, dir, &root, err) < 0)
		return -1;
	known = compute->locate(root, port, ret, err);
	compute->detach(root);
	return known;
}

static size_t count_ports(const struct fleet_run *r)
{
	size_t n = 0;

	wire_foreach (d, &r->definition.container_definitions)
		n += d->port_mappings.n;
	return n;
}

static int add_place(struct fleet_run *r, const struct towpath_fleet_container *c, int port,
	struct towpath_fleet_place_list *places, struct err *err)
{
	struct compute_place place = {0};
	int known;

	for (size_t i = 0; i < places->n; i++)
		if (streq(places->v[i].container, c->name) && places->v[i].container_port.v == port)
			return 1;
	known = locate(r, c, port, &place, err);
	if (known > 0)
		places->v[places->n++] = (struct towpath_fleet_place){.container = c->name,
			.container_port = WIRE_SET_INT(port),
			.address = arena_strdup(r->a, place.address),
			.port = WIRE_SET_INT(place.port)};
	return known;
}

/* The ports of a host that lead to a container. */
static void show_bindings(struct fleet_run *r, const struct towpath_fleet_place_list *places)
{
	wire_foreach (c, &r->task.t.containers) {
		size_t n = 0;

		wire_list_alloc(r->a, &c->network_bindings, places->n);
		wire_foreach (p, places) {
			if (streq(p->container, c->name))
				c->network_bindings.v[n++] =
					(struct ecs_network_binding){.bind_ip = p->address,
						.container_port = WIRE_SET_INT(p->container_port.v),
						.host_port = WIRE_SET_INT(p->port.v),
						.protocol = "tcp"};
		}
		c->network_bindings.n = n;
	}
}

/* All ports of all containers; 1, 0: one is not known yet, and the driver will tell. */
static int find_places(struct fleet_run *r, struct err *err)
{
	struct towpath_fleet_place_list places;

	wire_list_alloc(r->a, &places, count_ports(r));
	places.n = 0;
	wire_foreach (c, &r->task.s.containers) {
		const struct ecs_container_definition *d =
			fleet_container_definition(&r->definition, c->name);

		if (!streq(c->state, CONTAINER_RUNNING))
			continue;
		wire_foreach (m, &d->port_mappings) {
			int known =
				add_place(r, c, (int)wire_or(m->container_port, 0), &places, err);

			if (known <= 0)
				return known;
		}
	}
	r->task.s.places = places;
	if (r->e->cfg.task_compute->remote && places.n) {
		fleet_run_show_address(r, places.v[0].address);
		show_bindings(r, &places);
	}
	return 1;
}

/* ---- targets ---- */

struct load_balancers {
	const struct ecs_load_balancers *v;
	struct ecs_service service;
	struct ecs_task_set set;
};

/* Of the task's set, or of its service. */
static int find_load_balancers(
	struct fleet_run *r, struct db_tx *tx, struct load_balancers *ret, struct err *err)
{
	static const struct ecs_load_balancers none;
	const char *name = r->task.t.group + strlen("service:");
	int found;

	ret->v = &none;
	if (!r->task.s.set_id)
		return 0;
	found = fleet_service_find(r->e, tx, r->task.t.cluster_arn, name, r->a, &ret->service, err);
	if (found <= 0)
		return found;
	ret->v = &ret->service.load_balancers;
	if (fleet_service_controller(&ret->service) == FLEET_CONTROLLER_ECS)
		return 0;
	found = fleet_task_set_find(
		tx, ret->service.service_arn, r->task.s.set_id, r->a, &ret->set, err);
	ret->v = found > 0 ? &ret->set.load_balancers : &none;
	return found < 0 ? -1 : 0;
}

/* Where a load balancer reaches the task; NULL: nowhere. */
static const struct towpath_fleet_place *place_of(
	const struct fleet_run *r, const struct ecs_load_balancer *b)
{
	wire_foreach (p, &r->task.s.places) {
		if (streq(p->container, b->container_name) &&
			p->container_port.v == wire_or(b->container_port, 0))
			return p;
	}
	return NULL;
}

static int register_at(
	struct fleet_run *r, struct db_tx *tx, const struct ecs_load_balancer *b, struct err *err)
{
	const struct towpath_fleet_place *p = place_of(r, b);
	struct elbv2_target_group tg;
	int found = fleet_target_group_by_name(tx, b->target_group_arn, r->a, &tg, err);

	if (found < 0 ||
		(found > 0 && p &&
			fleet_target_add(r->e, tx, &tg, p->address, (int)p->port.v, r->a, err) < 0))
		return -1;
	r->task.s.registered = WIRE_SET_BOOL(true);
	return 0;
}

static int activate_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct fleet_run *r = arg;
	struct load_balancers l;

	if (fleet_run_heed(r, tx, err) < 0 || find_load_balancers(r, tx, &l, err) < 0)
		return -1;
	wire_foreach (b, l.v) {
		if (register_at(r, tx, b, err) < 0)
			return -1;
	}
	return fleet_task_set_status(r->e, tx, &r->task, TASK_RUNNING, err);
}

int fleet_run_activate(struct fleet_run *r, struct err *err)
{
	int known = find_places(r, err);

	if (known <= 0)
		return known;
	if (fleet_write(r->e, activate_step, r, err) < 0)
		return -1;
	if (wire_or(r->task.s.registered, false))
		fleet_sampler_hurry(r->e);
	return 1;
}
