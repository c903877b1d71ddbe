/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners of protocol HTTPS: their certificates and security policies. The first certificate is
 * the default one, the others are for clients that name a host of theirs. */
#include "fleet/balancer.h"

#define MAX_CERTIFICATES 26
#define DEFAULT_POLICY "ELBSecurityPolicy-2016-08"

/* The protocols of the service's policies. None goes below TLS 1.2: no library of this day does. */
static const struct fleet_tls_policy policies[] = {
	{"ELBSecurityPolicy-2016-08", "TLSv1.2", "TLSv1.2"},
	{"ELBSecurityPolicy-FS-1-2-2019-08", "TLSv1.2", "TLSv1.2"},
	{"ELBSecurityPolicy-FS-1-2-Res-2019-08", "TLSv1.2", "TLSv1.2"},
	{"ELBSecurityPolicy-FS-1-2-Res-2020-10", "TLSv1.2", "TLSv1.2"},
	{"ELBSecurityPolicy-TLS-1-2-2017-01", "TLSv1.2", "TLSv1.2"},
	{"ELBSecurityPolicy-TLS-1-2-Ext-2018-06", "TLSv1.2", "TLSv1.2"},
	{"ELBSecurityPolicy-TLS13-1-2-2021-06", "TLSv1.2", "TLSv1.3"},
	{"ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", "TLSv1.2", "TLSv1.3"},
	{"ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", "TLSv1.2", "TLSv1.3"},
	{"ELBSecurityPolicy-TLS13-1-2-Res-2021-06", "TLSv1.2", "TLSv1.3"},
	{"ELBSecurityPolicy-TLS13-1-3-2021-06", "TLSv1.3", "TLSv1.3"},
};

const struct fleet_tls_policy *fleet_tls_policy(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
		if (streq(policies[i].name, name))
			return &policies[i];
	return NULL;
}

static int check_certificate(
	struct fleet_engine *e, struct db_tx *tx, const char *arn, struct arena *a, struct err *err)
{
	const char *pem;
	int r = arn && e->cfg.certificate ? e->cfg.certificate(e->cfg.arg, tx, arn, a, &pem, err)
					  : 0;

	if (r == 0)
		return err_set_wire(err, "CertificateNotFoundException",
			"Certificate '%s' not found", arn ? arn : "");
	return r < 0 ? -1 : 0;
}

static int check_plain(const struct elbv2_listener *l, struct err *err)
{
	if (l->certificates.n || l->ssl_policy)
		return err_set_wire(err, "InvalidConfigurationRequestException",
			"Certificates and security policies are for listeners of protocol HTTPS");
	return 0;
}

int fleet_listener_tls_check(struct fleet_engine *e, struct db_tx *tx, struct elbv2_listener *l,
	struct arena *a, struct err *err)
{
	if (!streq(l->protocol, "HTTPS"))
		return check_plain(l, err);
	if (l->mutual_authentication && !streq(l->mutual_authentication->mode, "off"))
		return err_set(err, ERR_UNSUPPORTED,
			"certificates of clients are not implemented; use mode off");
	if (!l->ssl_policy)
		l->ssl_policy = DEFAULT_POLICY;
	if (!fleet_tls_policy(l->ssl_policy))
		return err_set_wire(err, "SSLPolicyNotFoundException", "SSL policy '%s' not found",
			l->ssl_policy);
	if (!l->certificates.n)
		return err_set_wire(err, "ValidationError",
			"A certificate must be specified for HTTPS listeners");
	wire_foreach (c, &l->certificates) {
		c->is_default = WIRE_SET_BOOL(c == l->certificates.v);
		if (check_certificate(e, tx, c->certificate_arn, a, err) < 0)
			return -1;
	}
	return 0;
}

int fleet_listener_default_certificate(struct elbv2_listener *l,
	const struct elbv2_certificate_list *given, struct arena *a, struct err *err)
{
	struct elbv2_certificate_list all;

	if (given->n != 1)
		return err_set_wire(err, "ValidationError",
			"Exactly one certificate, the default one, must be specified; others are "
			"added by "
			"AddListenerCertificates");
	wire_list_alloc(a, &all, MAX(l->certificates.n, 1));
	all.v[0] = given->v[0];
	all.n = 1;
	for (size_t i = 1; i < l->certificates.n; i++)
		if (!streq(l->certificates.v[i].certificate_arn, given->v[0].certificate_arn))
			all.v[all.n++] = l->certificates.v[i];
	l->certificates = all;
	return 0;
}

struct elbv2_listener fleet_listener_shown(const struct elbv2_listener *l, struct arena *a)
{
	struct elbv2_listener shown = *l;

	if (!l->certificates.n)
		return shown;
	wire_list_alloc(a, &shown.certificates, 1);
	shown.certificates.v[0] =
		(struct elbv2_certificate){.certificate_arn = l->certificates.v[0].certificate_arn};
	return shown;
}

int fleet_certificate_user(
	struct db_tx *tx, const char *arn, struct arena *a, const char **ret, struct err *err)
{
	struct store_documents all;

	*ret = NULL;
	if (store_document_list(tx, &STORE_LISTENER, NULL, a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		const struct elbv2_listener *l = all.v[i];

		wire_foreach (c, &l->certificates) {
			if (streq(c->certificate_arn, arn))
				*ret = l->listener_arn;
		}
	}
	return 0;
}

/* ---- those beside the default one ---- */

static struct elbv2_certificate *find(struct elbv2_listener *l, const char *arn)
{
	wire_foreach (c, &l->certificates) {
		if (streq(c->certificate_arn, arn))
			return c;
	}
	return NULL;
}

static int need_tls(struct db_tx *tx, const char *arn, struct arena *a, struct elbv2_listener *ret,
	struct err *err)
{
	if (fleet_listener_need(tx, arn, a, ret, err) < 0)
		return -1;
	if (!streq(ret->protocol, "HTTPS"))
		return err_set_wire(err, "ValidationError",
			"Only listeners of protocol HTTPS have certificates; this one's is %s",
			ret->protocol);
	return 0;
}

static int add_listener_certificates_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, add_listener_certificates);
	struct elbv2_certificate_list all;
	struct elbv2_listener l;

	if (need_tls(tx, req->listener_arn, a, &l, err) < 0)
		return -1;
	wire_list_alloc(a, &all, l.certificates.n + req->certificates.n);
	memcpy(all.v, l.certificates.v, l.certificates.n * sizeof(*all.v));
	all.n = l.certificates.n;
	l.certificates = all;
	wire_foreach (c, &req->certificates) {
		if (!find(&l, c->certificate_arn))
			l.certificates.v[l.certificates.n++] = *c;
	}
	if (l.certificates.n > MAX_CERTIFICATES)
		return err_set_wire(err, "TooManyCertificatesException",
			"A listener may have %d certificates beside the default one",
			MAX_CERTIFICATES - 1);
	if (fleet_listener_tls_check(e, tx, &l, a, err) < 0 ||
		fleet_listener_put(e, tx, &l, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->certificates, req->certificates.n);
	for (size_t i = 0; i < req->certificates.n; i++)
		resp->certificates.v[i] = *find(&l, req->certificates.v[i].certificate_arn);
	return 0;
}
FLEET_DEFINE(elbv2, add_listener_certificates, fleet_balancer_changed)

static int remove_listener_certificates_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, remove_listener_certificates);
	struct elbv2_listener l;

	if (need_tls(tx, req->listener_arn, a, &l, err) < 0)
		return -1;
	wire_foreach (c, &req->certificates) {
		struct elbv2_certificate *there = find(&l, c->certificate_arn);
		size_t i = there ? (size_t)(there - l.certificates.v) : 0;

		if (!there)
			continue;
		if (i == 0)
			return err_set_wire(err, "OperationNotPermittedException",
				"The default certificate cannot be removed; ModifyListener "
				"replaces it");
		memmove(there, there + 1, (--l.certificates.n - i) * sizeof(*there));
	}
	return fleet_listener_put(e, tx, &l, err);
}
FLEET_DEFINE(elbv2, remove_listener_certificates, fleet_balancer_changed)

static int describe_listener_certificates_step(struct db_tx *tx, void *arg, struct err *err)
{
	FLEET_OP_ARGS(elbv2, describe_listener_certificates);
	struct elbv2_listener l;

	if (need_tls(tx, req->listener_arn, a, &l, err) < 0)
		return -1;
	resp->certificates = l.certificates;
	return fleet_page_cut(&FLEET_PAGES_ELBV2, FLEET_LIST(&resp->certificates, certificate_arn),
		req->marker, req->page_size, a, &resp->next_marker, err);
}
FLEET_DEFINE(elbv2, describe_listener_certificates, fleet_read)
