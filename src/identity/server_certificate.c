/* SPDX-License-Identifier: Apache-2.0 */
/* Server certificates: what load balancers show to clients. The private key is kept sealed, and
 * apart. */
#include "crypto/certificate.h"
#include "crypto/token.h"
#include "identity/engine.h"

typedef struct iam_server_certificate certificate;
typedef struct iam_server_certificate_metadata metadata;

static const char *id_of(struct arena *a, const char *name)
{
	return identity_owner(a, "server-certificate", name);
}

int identity_need_certificate(struct identity_step *s, struct db_tx *tx, const char *name,
	struct iam_server_certificate *ret, const char **ret_id, struct err *err)
{
	int r;

	*ret_id = id_of(s->a, name);
	r = store_document_get(tx, &STORE_IAM_CERTIFICATE, *ret_id, s->a, ret, err);
	if (r < 0)
		return -1;
	return r > 0 ? 0 : identity_no_entity(err, "Server Certificate", name);
}

/* What stands in the request is a certificate, its issuers and its key. */
static int check_files(struct identity_step *s,
	const struct iam_upload_server_certificate_request *req, struct certificate_info *ret,
	struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;

	if (certificate_check(view_of(req->certificate_body), view_of(req->private_key),
		    durable_now(s->e->durable), ret, &why) < 0)
		return err_set_wire(err,
			why.kind == ERR_CONFLICT ? "KeyPairMismatch" : "MalformedCertificate", "%s",
			err_message(&why));
	if (req->certificate_chain &&
		certificate_chain_check(view_of(req->certificate_chain), &why) < 0)
		return err_set_wire(
			err, "MalformedCertificate", "CertificateChain: %s", err_message(&why));
	return 0;
}

static int put_key(struct identity_step *s, struct db_tx *tx, const char *id,
	const char *private_key, struct err *err)
{
	struct towpath_identity_setting key = {0};
	struct str sealed CLEANUP_STR = STR_INIT;

	seal_close(&s->e->seal, view_of(private_key), id, &sealed);
	key.value = str_text(&sealed);
	return store_document_put(tx, &STORE_IAM_CERTIFICATE_KEY, id, "", &key, err);
}

static int upload_server_certificate(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_upload_server_certificate_request *req = s->req;
	struct iam_upload_server_certificate_response *resp = s->resp;
	const char *id = id_of(s->a, req->server_certificate_name);
	metadata *m = arena_new(s->a, metadata);
	struct certificate_info info;
	certificate old;
	int r = store_document_get(tx, &STORE_IAM_CERTIFICATE, id, s->a, &old, err);

	if (r < 0 || identity_check_tags(&req->tags, err) < 0)
		return -1;
	if (r > 0)
		return err_set_wire(err, "EntityAlreadyExists",
			"The Server Certificate with name %s already exists.",
			req->server_certificate_name);
	if (check_files(s, req, &info, err) < 0)
		return -1;
	*m = (metadata){
		.arn = identity_arn(
			s->e, s->a, "server-certificate", req->path, req->server_certificate_name),
		.expiration = WIRE_SET_TIME(info.not_after_usec),
		.path = req->path ? req->path : "/",
		.server_certificate_id = arena_strdup(s->a, token_unique_id("ASCA").text),
		.server_certificate_name = req->server_certificate_name,
		.upload_date = WIRE_SET_TIME(durable_now(s->e->durable)),
	};
	resp->server_certificate_metadata = m;
	resp->tags = req->tags;
	if (put_key(s, tx, id, req->private_key, err) < 0)
		return -1;
	return store_document_put(tx, &STORE_IAM_CERTIFICATE, id, "",
		&(certificate){.certificate_body = req->certificate_body,
			.certificate_chain = req->certificate_chain,
			.server_certificate_metadata = m,
			.tags = req->tags},
		err);
}

static int get_server_certificate(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_get_server_certificate_request *req = s->req;
	struct iam_get_server_certificate_response *resp = s->resp;
	const char *id;

	resp->server_certificate = arena_new(s->a, certificate);
	return identity_need_certificate(
		s, tx, req->server_certificate_name, resp->server_certificate, &id, err);
}

static int delete_server_certificate(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_delete_server_certificate_request *req = s->req;
	const char *id, *arn, *user = NULL;
	certificate c;

	if (identity_need_certificate(s, tx, req->server_certificate_name, &c, &id, err) < 0)
		return -1;
	arn = c.server_certificate_metadata->arn;
	if (s->e->certificate_user &&
		s->e->certificate_user(s->e->certificate_arg, tx, arn, s->a, &user, err) < 0)
		return -1;
	if (user)
		return err_set_wire(err, "DeleteConflict",
			"Certificate: %s is currently in use by %s.",
			c.server_certificate_metadata->server_certificate_id, user);
	if (store_document_delete(tx, &STORE_IAM_CERTIFICATE_KEY, id, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_IAM_CERTIFICATE, id, err);
}

static int list_server_certificates(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_list_server_certificates_request *req = s->req;
	struct iam_list_server_certificates_response *resp = s->resp;
	struct identity_page page = {&STORE_IAM_CERTIFICATE, NULL, req->marker, req->max_items};
	struct store_documents rows;
	size_t n = 0;

	if (identity_list(s, tx, &page, &rows, &resp->marker, &resp->is_truncated, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->server_certificate_metadata_list, rows.n);
	for (size_t i = 0; i < rows.n; i++) {
		const metadata *m = ((certificate *)rows.v[i])->server_certificate_metadata;

		if (!req->path_prefix || starts_with(m->path, req->path_prefix))
			resp->server_certificate_metadata_list.v[n++] = *m;
	}
	resp->server_certificate_metadata_list.n = n;
	return 0;
}

IDENTITY_STEP(iam, delete_server_certificate, identity_write)
IDENTITY_STEP(iam, get_server_certificate, identity_read)
IDENTITY_STEP(iam, list_server_certificates, identity_read)
IDENTITY_STEP(iam, upload_server_certificate, identity_write)

/* ---- for load balancers ---- */

void identity_certificate_users(
	struct identity_engine *e, identity_certificate_user_fn user, void *arg)
{
	e->certificate_user = user;
	e->certificate_arg = arg;
}

static void add_pem(struct str *out, const char *pem)
{
	if (!pem)
		return;
	str_add(out, pem);
	if (out->len && out->p[out->len - 1] != '\n')
		str_add_c(out, '\n');
}

int identity_certificate(struct identity_engine *e, struct db_tx *tx, const char *arn,
	struct str *ret_pem, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct str key CLEANUP_STR = STR_INIT;
	struct towpath_identity_setting sealed;
	const char *id = id_of(&a, identity_arn_name(arn));
	certificate c;
	int r = store_document_get(tx, &STORE_IAM_CERTIFICATE, id, &a, &c, err);

	if (r <= 0)
		return r;
	if (!streq(c.server_certificate_metadata->arn, arn))
		return 0;
	r = store_document_get(tx, &STORE_IAM_CERTIFICATE_KEY, id, &a, &sealed, err);
	if (r > 0 && seal_open(&e->seal, view_of(sealed.value), id, &key, err) < 0)
		r = err_wrap(err, "the private key of %s", arn);
	if (r > 0) {
		add_pem(ret_pem, c.certificate_body);
		add_pem(ret_pem, c.certificate_chain);
		add_pem(ret_pem, str_text(&key));
	}
	if (key.p)
		explicit_bzero(key.p, key.len);
	return r;
}
