/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of elbv2 on load balancers, and tags. A change is in the data plane when the operation
 * answers: it is applied here, and again by a task should that fail. */
#include "fleet/balancer.h"

#include <string.h>
#include <unistd.h>

#include "base/id.h"
#include "base/log.h"

int fleet_balancer_changed(struct fleet_engine *e, db_fn fn, void *arg, struct err *err)
{
	struct err later CLEANUP_ERR = ERR_INIT;

	if (fleet_write(e, fn, arg, err) < 0)
		return -1;
	if (fleet_traffic_apply(e, &later) < 0)
		log_err("fleet", &later, "the data plane follows later");
	return 0;
}

int fleet_balancer_tags_put(struct db_tx *tx, const char *arn, const struct elbv2_tag_list *tags,
	struct arena *a, struct err *err)
{
	struct towpath_string_map map = {0};

	wire_list_alloc(a, &map, tags->n);
	for (size_t i = 0; i < tags->n; i++)
		map.v[i] = (struct towpath_string_map_kv){
			tags->v[i].key, tags->v[i].value ? tags->v[i].value : ""};
	return store_document_put(tx, &STORE_RESOURCE_TAGS, arn, NULL, &map, err);
}

int fleet_balancer_need(struct db_tx *tx, const char *arn, struct arena *a,
	struct elbv2_load_balancer *ret, struct err *err)
{
	int r = store_document_get(tx, &STORE_LOAD_BALANCER, arn, a, ret, err);

	if (r == 0)
		return err_set_wire(
			err, "LoadBalancerNotFoundException", "Load balancers '%s' not found", arn);
	return r < 0 ? -1 : 0;
}

static struct elbv2_load_balancer *balancer_by_name(
	const struct store_documents *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++) {
		struct elbv2_load_balancer *lb = all->v[i];

		if (streq(lb->load_balancer_name, name))
			return lb;
	}
	return NULL;
}

static int check_balancer_name(const char *name, struct err *err)
{
	size_t n = strlen(name);

	if (n < 1 || n > 32 || name[0] == '-' || name[n - 1] == '-' ||
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") !=
			n)
		return err_set_wire(err, "ValidationError",
			"The load balancer name '%s' must have 1 to 32 letters, digits and "
			"hyphens, "
			"and not begin or end with a hyphen",
			name);
	return 0;
}

bool fleet_address_is_any(const char *address)
{
	return streq(address, "0.0.0.0") || streq(address, "::");
}

const char *fleet_balancer_address(
	const struct fleet_engine *e, const struct elbv2_load_balancer *lb)
{
	const char *address = streq(lb->scheme, ELBV2_LOAD_BALANCER_SCHEME_ENUM_INTERNAL)
				      ? e->cfg.internal_balancer_address
				      : e->cfg.balancer_address;

	return address ? address : "127.0.0.1";
}

/* Clients find it at its address, or at this machine's name when it has all of them. */
static void name_host(const struct fleet_engine *e, struct elbv2_load_balancer *lb, struct arena *a)
{
	char host[256];

	lb->dns_name = fleet_balancer_address(e, lb);
	if (!fleet_address_is_any(lb->dns_name))
		return;
	lb->dns_name = gethostname(host, sizeof(host)) == 0 ? arena_strdup(a, host) : "127.0.0.1";
}

static int create_load_balancer_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, create_load_balancer);
	struct elbv2_load_balancer lb;
	struct store_documents all;
	char id[17];

	if (check_balancer_name(req->name, err) < 0 ||
		store_document_list(tx, &STORE_LOAD_BALANCER, NULL, a, &all, err) < 0)
		return -1;
	if (req->type && !streq(req->type, "application"))
		return err_set(err, ERR_UNSUPPORTED,
			"load balancers of type %s are not implemented; use application",
			req->type);
	if (balancer_by_name(&all, req->name))
		return err_set_wire(err, "DuplicateLoadBalancerNameException",
			"A load balancer with the same name '%s' exists, but with different "
			"settings",
			req->name);
	id_random_text(id, 16, ID_ALPHABET_HEX);
	lb = (struct elbv2_load_balancer){
		.load_balancer_name = req->name,
		.load_balancer_arn = fleet_arn(
			e, a, "elasticloadbalancing", "loadbalancer/app/%s/%s", req->name, id),
		.canonical_hosted_zone_id = "Z00000000TOWPATH",
		.created_time = WIRE_SET_TIME(durable_now(e->durable)),
		.scheme = req->scheme ? req->scheme : "internet-facing",
		.type = "application",
		.ip_address_type = "ipv4",
		.security_groups = req->security_groups,
		.state = arena_new(a, struct elbv2_load_balancer_state),
	};
	lb.state->code = "active";
	name_host(e, &lb, a);
	if (store_document_put(tx, &STORE_LOAD_BALANCER, lb.load_balancer_arn, NULL, &lb, err) <
			0 ||
		fleet_balancer_tags_put(tx, lb.load_balancer_arn, &req->tags, a, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->load_balancers, 1);
	resp->load_balancers.v[0] = lb;
	return 0;
}

static int describe_load_balancers_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, describe_load_balancers);
	struct store_documents all;

	if (store_document_list(tx, &STORE_LOAD_BALANCER, NULL, a, &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->load_balancers, all.n + req->names.n + req->load_balancer_arns.n);
	resp->load_balancers.n = 0;
	for (size_t i = 0; !req->names.n && !req->load_balancer_arns.n && i < all.n; i++)
		resp->load_balancers.v[resp->load_balancers.n++] =
			*(struct elbv2_load_balancer *)all.v[i];
	wire_foreach (name, &req->names) {
		const struct elbv2_load_balancer *lb = balancer_by_name(&all, *name);

		if (!lb)
			return err_set_wire(err, "LoadBalancerNotFoundException",
				"Load balancers '[%s]' not found", *name);
		resp->load_balancers.v[resp->load_balancers.n++] = *lb;
	}
	wire_foreach (arn, &req->load_balancer_arns) {
		if (fleet_balancer_need(tx, *arn, a,
			    &resp->load_balancers.v[resp->load_balancers.n++], err) < 0)
			return -1;
	}
	wire_foreach (lb, &resp->load_balancers)
		name_host(e, lb, a);
	return fleet_page_cut(&FLEET_PAGES_ELBV2,
		FLEET_LIST(&resp->load_balancers, load_balancer_arn), req->marker, req->page_size,
		a, &resp->next_marker, err);
}

static int delete_load_balancer_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, delete_load_balancer);
	struct store_documents all;

	if (store_document_list(tx, &STORE_LISTENER,
		    &(struct store_document_filter){.owner = req->load_balancer_arn}, a, &all,
		    err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (fleet_rules_delete(tx, all.ids[i], err) < 0 ||
			store_document_delete(tx, &STORE_LISTENER, all.ids[i], err) < 0)
			return -1;
	if (store_document_delete(tx, &STORE_RESOURCE_TAGS, req->load_balancer_arn, err) < 0 ||
		store_document_delete(tx, &STORE_LOAD_BALANCER, req->load_balancer_arn, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_TRAFFIC, "", 0, err);
}

/* ---- tags ---- */

static int tags_of(struct db_tx *tx, const char *arn, struct arena *a,
	struct towpath_string_map *ret, struct err *err)
{
	struct towpath_fleet_target_group more;
	int r = store_document_get(tx, &STORE_TARGET_GROUP_MORE, arn, a, &more, err);

	if (r > 0) {
		*ret = more.tags;
		return 1;
	}
	return r < 0 ? -1 : store_document_get(tx, &STORE_RESOURCE_TAGS, arn, a, ret, err);
}

static int describe_tags_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, describe_tags);

	wire_list_alloc(a, &resp->tag_descriptions, req->resource_arns.n);
	for (size_t i = 0; i < req->resource_arns.n; i++) {
		struct elbv2_tag_description *d = &resp->tag_descriptions.v[i];
		struct towpath_string_map tags = {0};
		int r = tags_of(tx, req->resource_arns.v[i], a, &tags, err);

		if (r < 0)
			return -1;
		if (r == 0 && strstr(req->resource_arns.v[i], ":loadbalancer/"))
			return err_set_wire(err, "LoadBalancerNotFoundException",
				"Load balancer '%s' not found", req->resource_arns.v[i]);
		if (r == 0 && strstr(req->resource_arns.v[i], ":targetgroup/"))
			return err_set_wire(err, "TargetGroupNotFoundException",
				"Target group '%s' not found", req->resource_arns.v[i]);
		d->resource_arn = req->resource_arns.v[i];
		wire_list_alloc(a, &d->tags, tags.n);
		for (size_t k = 0; k < tags.n; k++)
			d->tags.v[k] = (struct elbv2_tag){tags.v[k].key, tags.v[k].value};
	}
	return 0;
}

FLEET_DEFINE(elbv2, create_load_balancer, fleet_write)
FLEET_DEFINE(elbv2, delete_load_balancer, fleet_balancer_changed)
FLEET_DEFINE(elbv2, describe_load_balancers, fleet_read)
FLEET_DEFINE(elbv2, describe_tags, fleet_read)
