/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of elbv2 on listeners. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cidr.h"
#include "base/fd.h"
#include "base/id.h"
#include "fleet/balancer.h"
#include "store/resource_tags.h"

static const char *last_part(const char *arn)
{
	return strrchr(arn, '/') + 1;
}

int fleet_listener_need(struct db_tx *tx, const char *arn, struct arena *a,
	struct elbv2_listener *ret, struct err *err)
{
	int r = store_document_get(tx, &STORE_LISTENER, arn, a, ret, err);

	if (r == 0)
		return err_set_wire(
			err, "ListenerNotFoundException", "One or more listeners not found");
	return r < 0 ? -1 : 0;
}

/* Whether this machine lets the data plane listen there. */
static int try_port(const char *address, int port, struct err *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	char service[12];
	struct addrinfo *found = NULL;
	int fd CLEANUP_FD = -1;
	int on = 1, bad;

	snprintf(service, sizeof(service), "%d", port);
	if (getaddrinfo(address, service, &hints, &found) != 0)
		return err_set_wire(err, "InvalidConfigurationRequestException",
			"Load balancers cannot listen at %s", address);
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	bad = fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) < 0;
	freeaddrinfo(found);
	if (bad)
		return err_set_wire(err, "InvalidConfigurationRequestException",
			"Port %d of this host cannot be used: %s", port, strerror(errno));
	return 0;
}

/* Load balancers share the addresses of the machine, so that a port is one listener's alone. */
static int check_port(struct fleet_engine *e, struct db_tx *tx, const struct elbv2_listener *l,
	struct arena *a, struct err *err)
{
	struct store_documents all;
	struct elbv2_load_balancer lb, its;
	const char *address;

	if (fleet_balancer_need(tx, l->load_balancer_arn, a, &lb, err) < 0 ||
		store_document_list(tx, &STORE_LISTENER, NULL, a, &all, err) < 0)
		return -1;
	address = fleet_balancer_address(e, &lb);
	for (size_t i = 0; i < all.n; i++) {
		const struct elbv2_listener *other = all.v[i];
		const char *there;

		if (other->port.v != l->port.v)
			continue;
		if (streq(other->listener_arn, l->listener_arn))
			return 0;
		if (fleet_balancer_need(tx, other->load_balancer_arn, a, &its, err) < 0)
			return -1;
		there = fleet_balancer_address(e, &its);
		if (streq(address, there) || cidr_is_any_address(address) ||
			cidr_is_any_address(there))
			return err_set_wire(err, "DuplicateListenerException",
				"A listener already exists on port %d", l->port.v);
	}
	return try_port(address, l->port.v, err);
}

static int check_listener(struct fleet_engine *e, struct db_tx *tx, struct elbv2_listener *l,
	struct arena *a, struct err *err)
{
	if (!streq(l->protocol, "HTTP") && !streq(l->protocol, "HTTPS"))
		return err_set(err, ERR_UNSUPPORTED,
			"listeners of protocol %s are not implemented; use HTTP or HTTPS",
			l->protocol);
	return check_port(e, tx, l, a, err) < 0 || fleet_listener_tls_check(e, tx, l, a, err) < 0 ||
			       fleet_actions_check(tx, &l->default_actions, a, err) < 0
		       ? -1
		       : 0;
}

int fleet_listener_put(
	struct fleet_engine *e, struct db_tx *tx, const struct elbv2_listener *l, struct err *err)
{
	if (store_document_put(tx, &STORE_LISTENER, l->listener_arn, l->load_balancer_arn, l, err) <
		0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_TRAFFIC, "", 0, err);
}

static int create_listener_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, create_listener);
	struct elbv2_load_balancer lb;
	struct elbv2_listener l;
	char id[17];

	if (fleet_balancer_need(tx, req->load_balancer_arn, a, &lb, err) < 0)
		return -1;
	id_random_text(id, 16, ID_ALPHABET_HEX);
	l = (struct elbv2_listener){
		.listener_arn = fleet_arn(e, a, "elasticloadbalancing", "listener/app/%s/%s/%s",
			lb.load_balancer_name, last_part(lb.load_balancer_arn), id),
		.load_balancer_arn = lb.load_balancer_arn,
		.port = WIRE_SET_INT(wire_or(req->port, 80)),
		.protocol = req->protocol ? req->protocol : "HTTP",
		.default_actions = req->default_actions,
		.ssl_policy = req->ssl_policy,
		.mutual_authentication = req->mutual_authentication,
	};
	if (req->certificates.n &&
		fleet_listener_default_certificate(&l, &req->certificates, a, err) < 0)
		return -1;
	if (check_listener(e, tx, &l, a, err) < 0 || fleet_listener_put(e, tx, &l, err) < 0 ||
		fleet_balancer_tags_put(tx, l.listener_arn, &req->tags, a, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->listeners, 1);
	resp->listeners.v[0] = fleet_listener_shown(&l, a);
	return 0;
}

static int modify_listener_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, modify_listener);
	struct elbv2_listener l;

	if (fleet_listener_need(tx, req->listener_arn, a, &l, err) < 0)
		return -1;
	if (req->port.set)
		l.port = req->port;
	if (req->protocol)
		l.protocol = req->protocol;
	if (req->ssl_policy)
		l.ssl_policy = req->ssl_policy;
	if (req->mutual_authentication)
		l.mutual_authentication = req->mutual_authentication;
	if (!streq(l.protocol, "HTTPS") && req->protocol) {
		l.ssl_policy = req->ssl_policy;
		l.certificates.n = 0;
	}
	if (req->certificates.n &&
		fleet_listener_default_certificate(&l, &req->certificates, a, err) < 0)
		return -1;
	if (req->default_actions.set)
		l.default_actions = req->default_actions;
	if (check_listener(e, tx, &l, a, err) < 0 || fleet_listener_put(e, tx, &l, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->listeners, 1);
	resp->listeners.v[0] = fleet_listener_shown(&l, a);
	return 0;
}

static int delete_listener_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, delete_listener);
	struct elbv2_listener l;

	if (fleet_listener_need(tx, req->listener_arn, a, &l, err) < 0 ||
		fleet_rules_delete(tx, req->listener_arn, err) < 0 ||
		store_tags_forget(tx, req->listener_arn, err) < 0 ||
		store_document_delete(tx, &STORE_LISTENER, req->listener_arn, err) < 0)
		return -1;
	return fleet_wake(e, tx, FLEET_TASK_TRAFFIC, "", 0, err);
}

static int describe_listeners_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, describe_listeners);
	struct elbv2_load_balancer lb;
	struct store_documents all = {0};

	if (!req->load_balancer_arn && !req->listener_arns.n)
		return err_set_wire(err, "ValidationError",
			"You must specify either listener ARNs or a load balancer ARN");
	if (req->load_balancer_arn &&
		(fleet_balancer_need(tx, req->load_balancer_arn, a, &lb, err) < 0 ||
			store_document_list(tx, &STORE_LISTENER,
				&(struct store_document_filter){.owner = req->load_balancer_arn}, a,
				&all, err) < 0))
		return -1;
	wire_list_alloc(a, &resp->listeners, all.n + req->listener_arns.n);
	resp->listeners.n = 0;
	for (size_t i = 0; i < all.n; i++)
		resp->listeners.v[resp->listeners.n++] = *(struct elbv2_listener *)all.v[i];
	wire_foreach (arn, &req->listener_arns) {
		if (fleet_listener_need(tx, *arn, a, &resp->listeners.v[resp->listeners.n++], err) <
			0)
			return -1;
	}
	wire_foreach (l, &resp->listeners)
		*l = fleet_listener_shown(l, a);
	return fleet_page_cut(&FLEET_PAGES_ELBV2, FLEET_LIST(&resp->listeners, listener_arn),
		req->marker, req->page_size, a, &resp->next_marker, err);
}

FLEET_DEFINE(elbv2, create_listener, fleet_balancer_changed)
FLEET_DEFINE(elbv2, delete_listener, fleet_balancer_changed)
FLEET_DEFINE(elbv2, describe_listeners, fleet_read)
FLEET_DEFINE(elbv2, modify_listener, fleet_balancer_changed)
