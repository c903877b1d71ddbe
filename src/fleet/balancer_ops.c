/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of elbv2 on load balancers. A change is in the data plane when the operation
 * answers: it is applied here, and again by a task should that fail. */
#include "fleet/balancer.h"

#include <string.h>
#include <unistd.h>

#include "base/cidr.h"
#include "base/id.h"
#include "base/log.h"
#include "store/resource_tags.h"

int fleet_balancer_changed(struct fleet_engine *e, db_fn fn, void *arg, struct err *err)
{
	struct err later CLEANUP_ERR = ERR_INIT;

	if (fleet_write(e, fn, arg, err) < 0)
		return -1;
	if (fleet_traffic_apply(e, &later) < 0)
		log_err("fleet", &later, "the data plane follows later");
	return 0;
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
	if (!cidr_is_any_address(lb->dns_name))
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
	struct towpath_string_map set = {0};
	struct store_documents all;

	if (store_document_get(
		    tx, &STORE_LOAD_BALANCER_ATTRIBUTES, req->load_balancer_arn, a, &set, err) < 0)
		return -1;
	if (streq(fleet_attribute_get(&set, FLEET_DELETION_PROTECTION), "true"))
		return err_set_wire(err, "OperationNotPermittedException",
			"Load balancer '%s' cannot be deleted because deletion protection is "
			"enabled",
			req->load_balancer_arn);
	if (store_document_list(tx, &STORE_LISTENER,
		    &(struct store_document_filter){.owner = req->load_balancer_arn}, a, &all,
		    err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (fleet_rules_delete(tx, all.ids[i], err) < 0 ||
			store_tags_forget(tx, all.ids[i], err) < 0 ||
			store_document_delete(tx, &STORE_LISTENER, all.ids[i], err) < 0)
			return -1;
	if (store_tags_forget(tx, req->load_balancer_arn, err) < 0 ||
		store_document_delete(
			tx, &STORE_LOAD_BALANCER_ATTRIBUTES, req->load_balancer_arn, err) < 0 ||
		store_document_delete(tx, &STORE_LOAD_BALANCER, req->load_balancer_arn, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_TRAFFIC, "", 0, err);
}

/* ---- attributes ---- */

static const struct fleet_attribute attributes[] = {
	{"access_logs.s3.bucket", "", FLEET_ATTRIBUTE_FIXED, 0, 0},
	{"access_logs.s3.enabled", "false", FLEET_ATTRIBUTE_FIXED, 0, 0},
	{"access_logs.s3.prefix", "", FLEET_ATTRIBUTE_FIXED, 0, 0},
	{FLEET_DELETION_PROTECTION, "false", FLEET_ATTRIBUTE_FLAG, 0, 0},
	{FLEET_IDLE_TIMEOUT, "60", FLEET_ATTRIBUTE_NUMBER, 1, 4000},
	{"load_balancing.cross_zone.enabled", "true", FLEET_ATTRIBUTE_FIXED, 0, 0},
	{"routing.http.desync_mitigation_mode", "defensive", FLEET_ATTRIBUTE_FIXED, 0, 0},
	{"routing.http.drop_invalid_header_fields.enabled", "false", FLEET_ATTRIBUTE_FIXED, 0, 0},
	{"routing.http.preserve_host_header.enabled", "true", FLEET_ATTRIBUTE_FIXED, 0, 0},
	{"routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false", FLEET_ATTRIBUTE_FIXED,
		0, 0},
	{"routing.http.xff_client_port.enabled", "false", FLEET_ATTRIBUTE_FIXED, 0, 0},
	{"routing.http.xff_header_processing.mode", "append", FLEET_ATTRIBUTE_FIXED, 0, 0},
	{FLEET_HTTP2, "true", FLEET_ATTRIBUTE_FLAG, 0, 0},
	{"waf.fail_open.enabled", "false", FLEET_ATTRIBUTE_FIXED, 0, 0},
};

static const struct fleet_attributes kinds = {"Load balancer", attributes, ARRAY_SIZE(attributes)};

static void show_attributes(const struct towpath_string_map *set, struct arena *a,
	struct elbv2_load_balancer_attributes *ret)
{
	wire_list_alloc(a, ret, ARRAY_SIZE(attributes));
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		const char *value = fleet_attribute_get(set, attributes[i].key);

		ret->v[i] = (struct elbv2_load_balancer_attribute){
			.key = attributes[i].key, .value = value ? value : attributes[i].dflt};
	}
}

static int load_attributes(struct db_tx *tx, const char *arn, struct arena *a,
	struct towpath_string_map *ret, struct err *err)
{
	struct elbv2_load_balancer lb;

	*ret = (struct towpath_string_map){0};
	if (fleet_balancer_need(tx, arn, a, &lb, err) < 0)
		return -1;
	return store_document_get(tx, &STORE_LOAD_BALANCER_ATTRIBUTES, arn, a, ret, err) < 0 ? -1
											     : 0;
}

static int describe_load_balancer_attributes_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, describe_load_balancer_attributes);
	struct towpath_string_map set;

	if (load_attributes(tx, req->load_balancer_arn, a, &set, err) < 0)
		return -1;
	show_attributes(&set, a, &resp->attributes);
	return 0;
}

static int modify_load_balancer_attributes_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, modify_load_balancer_attributes);
	struct towpath_string_map set;

	if (load_attributes(tx, req->load_balancer_arn, a, &set, err) < 0)
		return -1;
	wire_foreach (x, &req->attributes) {
		if (fleet_attribute_set(&kinds, &set, x->key, x->value, a, err) < 0)
			return -1;
	}
	show_attributes(&set, a, &resp->attributes);
	if (store_document_put(tx, &STORE_LOAD_BALANCER_ATTRIBUTES, req->load_balancer_arn, NULL,
		    &set, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_TRAFFIC, "", 0, err);
}

FLEET_DEFINE(elbv2, create_load_balancer, fleet_write)
FLEET_DEFINE(elbv2, delete_load_balancer, fleet_balancer_changed)
FLEET_DEFINE(elbv2, describe_load_balancers, fleet_read)
FLEET_DEFINE(elbv2, describe_load_balancer_attributes, fleet_read)
FLEET_DEFINE(elbv2, modify_load_balancer_attributes, fleet_balancer_changed)
