/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials for git hosts: imported ones, one for each type of server, and those that a source
 * names. A token is in the database only sealed, bound to its type of server; one kept in Secrets
 * Manager is read there, under the build's role, each time. */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "build/engine.h"
#include "build/host.h"
#include "build/webhook.h"
#include "codec/json.h"
#include "store/build_credential.h"

#define SECRET_ARN "arn:aws:secretsmanager:"

typedef struct codebuild_import_source_credentials_request imported;

static bool is_sealed(const imported *c)
{
	return !streq(c->auth_type, CODEBUILD_AUTH_TYPE_SECRETS_MANAGER);
}

static const char *context_of(const char *server_type, struct arena *a)
{
	return arena_printf(a, "source credential %s", server_type);
}

static const char *arn_of(const struct build_engine *e, const char *server_type, struct arena *a)
{
	char *end = arena_strdup(a, server_type);

	for (char *p = end; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return arena_printf(a, "arn:aws:codebuild:%s:%s:token/%s", e->region, e->account, end);
}

/* ---- operations ---- */

struct credential_step {
	struct build_engine *e;
	struct call *call;
	const void *req;
	void *resp;
};

static int check(const struct build_engine *e, const imported *req, struct err *err)
{
	bool bitbucket = streq(req->server_type, CODEBUILD_SERVER_TYPE_BITBUCKET);

	if (streq(req->auth_type, CODEBUILD_AUTH_TYPE_OAUTH))
		return build_invalid(err, "OAUTH is not supported by the CodeBuild API. To connect "
					  "to your account with OAUTH, use the AWS CodeBuild "
					  "console.");
	if (streq(req->auth_type, CODEBUILD_AUTH_TYPE_CODECONNECTIONS))
		return build_invalid(err, "authType CODECONNECTIONS is not offered by this server: "
					  "use PERSONAL_ACCESS_TOKEN or SECRETS_MANAGER");
	if (streq(req->auth_type, CODEBUILD_AUTH_TYPE_BASIC_AUTH) && !bitbucket)
		return build_invalid(
			err, "Invalid AuthType provided for ServerType %s", req->server_type);
	if (streq(req->auth_type, CODEBUILD_AUTH_TYPE_BASIC_AUTH) && !req->username)
		return build_invalid(
			err, "Invalid input: username is required for authType BASIC_AUTH");
	if (!is_sealed(req) && !starts_with(req->token, SECRET_ARN))
		return build_invalid(err, "Invalid input: token must be the ARN of a secret for "
					  "authType SECRETS_MANAGER");
	if (strpbrk(req->token, "\r\n") || (req->username && strpbrk(req->username, "\r\n")))
		return build_invalid(
			err, "Invalid input: token and username must be of one line each");
	return e->seal ? 0
		       : err_set(err, ERR_UNSUPPORTED,
				 "this server has no key to keep tokens under");
}

static int import(struct db_tx *tx, void *arg, struct err *err)
{
	struct credential_step *s = arg;
	struct arena *a = s->call->arena;
	struct str sealed CLEANUP_STR = STR_INIT;
	imported c = *(const imported *)s->req, old;
	struct codebuild_import_source_credentials_response *resp = s->resp;
	int found = store_document_get(tx, &STORE_BUILD_CREDENTIAL, c.server_type, a, &old, err);

	if (found < 0)
		return -1;
	resp->arn = arn_of(s->e, c.server_type, a);
	if (found && !wire_or(c.should_overwrite, true))
		return err_set_wire(err, "ResourceAlreadyExistsException",
			"Access token with server type %s already exists: %s. Delete it, or set "
			"shouldOverwrite",
			c.server_type, resp->arn);
	if (is_sealed(&c)) {
		seal_close(s->e->seal, view_of(c.token), context_of(c.server_type, a), &sealed);
		c.token = str_text(&sealed);
	}
	c.should_overwrite = (struct wire_bool){0};
	return store_document_put(tx, &STORE_BUILD_CREDENTIAL, c.server_type, NULL, &c, err);
}

int build_import_source_credentials(struct build_engine *e, struct call *call,
	const struct codebuild_import_source_credentials_request *req,
	struct codebuild_import_source_credentials_response *resp, struct err *err)
{
	struct credential_step s = {e, call, req, resp};

	return check(e, req, err) < 0 ? -1 : durable_step(e->durable, import, &s, err);
}

static int list(struct db_tx *tx, void *arg, struct err *err)
{
	struct credential_step *s = arg;
	struct arena *a = s->call->arena;
	struct codebuild_list_source_credentials_response *resp = s->resp;
	struct store_documents all;

	if (store_document_list(tx, &STORE_BUILD_CREDENTIAL, &(struct store_document_filter){0}, a,
		    &all, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->source_credentials_infos, all.n);
	for (size_t i = 0; i < all.n; i++) {
		const imported *c = all.v[i];

		resp->source_credentials_infos.v[i] = (struct codebuild_source_credentials_info){
			.arn = arn_of(s->e, c->server_type, a),
			.server_type = c->server_type,
			.auth_type = c->auth_type,
			.resource = is_sealed(c) ? NULL : c->token,
		};
	}
	return 0;
}

int build_list_source_credentials(struct build_engine *e, struct call *call,
	const struct codebuild_list_source_credentials_request *req,
	struct codebuild_list_source_credentials_response *resp, struct err *err)
{
	struct credential_step s = {e, call, req, resp};

	return db_read(durable_db(e->durable), list, &s, err);
}

static int delete_one(struct db_tx *tx, void *arg, struct err *err)
{
	struct credential_step *s = arg;
	struct arena *a = s->call->arena;
	const struct codebuild_delete_source_credentials_request *req = s->req;
	struct codebuild_delete_source_credentials_response *resp = s->resp;
	struct store_documents all;

	if (store_document_list(tx, &STORE_BUILD_CREDENTIAL, &(struct store_document_filter){0}, a,
		    &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		resp->arn = arn_of(s->e, all.ids[i], a);
		if (streq(resp->arn, req->arn))
			return store_document_delete(tx, &STORE_BUILD_CREDENTIAL, all.ids[i], err);
	}
	return err_set_wire(err, "ResourceNotFoundException",
		"Source credentials cannot be found: %s", req->arn);
}

int build_delete_source_credentials(struct build_engine *e, struct call *call,
	const struct codebuild_delete_source_credentials_request *req,
	struct codebuild_delete_source_credentials_response *resp, struct err *err)
{
	struct credential_step s = {e, call, req, resp};

	return durable_step(e->durable, delete_one, &s, err);
}

/* ---- for a source ---- */

struct lookup {
	const char *server_type;
	struct arena *a;
	imported found;
	int r;
};

static int look_up(struct db_tx *tx, void *arg, struct err *err)
{
	struct lookup *l = arg;

	l->r = store_document_get(
		tx, &STORE_BUILD_CREDENTIAL, l->server_type, l->a, &l->found, err);
	return l->r < 0 ? -1 : 0;
}

/* A secret as the service documents it: {"ServerType", "AuthType", "Token", "Username"}. */
static int of_secret(const struct build_engine *e, const struct build_role *role,
	const struct build_host *host, const char *arn, struct arena *a,
	struct build_credential *ret, struct err *err)
{
	const struct build_values *port = &e->ports->values;
	const struct build_value_request req = {*role, "source credential", arn};
	CLEANUP_ERR struct err broken = ERR_INIT;
	const struct json_node *doc = NULL;
	const char *text, *user, *type;

	if (!arn)
		return err_set(err, ERR_INVALID,
			"auth of type SECRETS_MANAGER names no secret: "
			"resource must be its ARN");
	if (!port->secret)
		return err_set(err, ERR_UNSUPPORTED,
			"secret %s cannot be read: there is no "
			"Secrets Manager in this server",
			arn);
	if (port->secret(port->arg, &req, a, &text, err) < 0)
		return err_wrap(err, "credential for %s", host->label);
	if (json_parse(view_of(text), a, &doc, &broken) == 0)
		ret->password = json_member_text(doc, "Token");
	if (!ret->password || strpbrk(ret->password, "\r\n"))
		return err_set(err, ERR_INVALID,
			"secret %s is no source credential: it must be "
			"JSON with ServerType, AuthType and Token",
			arn);
	type = json_member_text(doc, "ServerType");
	if (type && !streq(type, host->type))
		return err_set(err, ERR_INVALID, "secret %s is for %s, the source is of type %s",
			arn, type, host->type);
	user = json_member_text(doc, "Username");
	ret->user = user && *user && !strpbrk(user, "\r\n") ? user : host->user;
	return 0;
}

static int of_import(const struct build_engine *e, const struct build_role *role,
	const struct build_host *host, const imported *c, struct arena *a,
	struct build_credential *ret, struct err *err)
{
	struct str plain CLEANUP_STR = STR_INIT;

	if (!is_sealed(c))
		return of_secret(e, role, host, c->token, a, ret, err);
	if (!e->seal ||
		seal_open(e->seal, view_of(c->token), context_of(host->type, a), &plain, err) < 0)
		return err_wrap(err, "the token for %s", host->label);
	ret->password = arena_strdup(a, str_text(&plain));
	ret->user = c->username ? c->username : host->user;
	explicit_bzero(plain.p, plain.len);
	return 0;
}

int build_credential_of(const struct build_engine *e, const struct build_role *role,
	const struct codebuild_project_source *source, struct arena *a,
	struct build_credential *ret, struct err *err)
{
	const struct build_host *host = build_host_of(source->type);
	struct lookup l = {.server_type = source->type, .a = a};

	*ret = (struct build_credential){0};
	if (!host)
		return 0;
	if (source->auth && streq(source->auth->type, CODEBUILD_SOURCE_AUTH_TYPE_SECRETS_MANAGER))
		return of_secret(e, role, host, source->auth->resource, a, ret, err) < 0 ? -1 : 1;
	if (db_read(durable_db(e->durable), look_up, &l, err) < 0)
		return -1;
	return !l.r ? 0 : of_import(e, role, host, &l.found, a, ret, err) < 0 ? -1 : 1;
}

int build_credential_exists(
	struct db_tx *tx, const struct codebuild_project_source *source, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	imported ignored;

	if (source->auth && streq(source->auth->type, CODEBUILD_SOURCE_AUTH_TYPE_SECRETS_MANAGER))
		return 1;
	return store_document_get(tx, &STORE_BUILD_CREDENTIAL, source->type, &a, &ignored, err);
}

int build_reseal(struct db_tx *tx, const struct seal_key *from, const struct seal_key *to,
	size_t *n, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct store_documents all;

	if (store_document_list(tx, &STORE_BUILD_CREDENTIAL, &(struct store_document_filter){0}, &a,
		    &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		struct str out CLEANUP_STR = STR_INIT;
		imported *c = all.v[i];

		if (!is_sealed(c))
			continue;
		if (seal_again(from, to, view_of(c->token), context_of(c->server_type, &a), &out,
			    err) < 0)
			return err_wrap(err, "the token for %s", c->server_type);
		c->token = str_text(&out);
		if (store_document_rewrite(tx, &STORE_BUILD_CREDENTIAL, all.ids[i], c, err) < 0)
			return -1;
		(*n)++;
	}
	return build_webhook_reseal(tx, from, to, n, err);
}
