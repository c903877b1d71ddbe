/* SPDX-License-Identifier: Apache-2.0 */
/* Service-specific credentials: the user names and passwords that git may use. */
#include "crypto/digest.h"
#include "crypto/token.h"
#include "identity/engine.h"

#define MAX_CREDENTIALS 2

typedef struct iam_service_specific_credential credential;

static const char *password_digest(struct arena *a, const char *password)
{
	struct digest_value d = digest_of(DIGEST_SHA256, view_of(password));

	return arena_strdup(a, digest_hex(&d).text);
}

static int credentials_of(struct identity_step *s, struct db_tx *tx, const char *owner,
	struct store_documents *ret, struct err *err)
{
	struct store_document_filter filter = {.owner = owner};

	return store_document_list(tx, &STORE_IAM_GIT, &filter, s->a, ret, err);
}

static int check_service(const char *name, struct err *err)
{
	if (!name || streq(name, IDENTITY_CODECOMMIT))
		return 0;
	return err_set_wire(err, "NotSupportedService",
		"No such service %s is supported for Service Specific Credentials", name);
}

/* The first is user-at-account, the next user+1-at-account. */
static const char *service_user_name(
	struct identity_step *s, const char *user, const struct store_documents *taken)
{
	for (int i = 0;; i++) {
		const char *name =
			i == 0 ? arena_printf(s->a, "%s-at-%s", user, s->e->account)
			       : arena_printf(s->a, "%s+%d-at-%s", user, i, s->e->account);
		bool used = false;

		for (size_t k = 0; k < taken->n; k++)
			used |= streq(((credential *)taken->v[k])->service_user_name, name);
		if (!used)
			return name;
	}
}

/* Gives it a new password: the answer has it, the store its digest. */
static int put_with_password(struct identity_step *s, struct db_tx *tx, const char *owner,
	credential *c, struct err *err)
{
	credential stored;

	c->service_password = arena_strdup(s->a, token_password().text);
	stored = *c;
	stored.service_password = password_digest(s->a, c->service_password);
	return store_document_put(
		tx, &STORE_IAM_GIT, c->service_specific_credential_id, owner, &stored, err);
}

static int create_service_specific_credential(
	struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_create_service_specific_credential_request *req = s->req;
	struct iam_create_service_specific_credential_response *resp = s->resp;
	credential *c = arena_new(s->a, credential);
	struct store_documents rows;
	struct iam_user user;
	const char *owner;

	if (check_service(req->service_name, err) < 0 ||
		identity_need_user(s, tx, req->user_name, &user, &owner, err) < 0 ||
		credentials_of(s, tx, owner, &rows, err) < 0)
		return -1;
	if (rows.n >= MAX_CREDENTIALS)
		return err_set_wire(err, "LimitExceeded",
			"Cannot exceed quota for ServiceSpecificCredentialsPerUser: %d",
			MAX_CREDENTIALS);
	*c = (credential){
		.create_date = WIRE_SET_TIME(durable_now(s->e->durable)),
		.service_name = IDENTITY_CODECOMMIT,
		.service_specific_credential_id = arena_strdup(s->a, token_unique_id("ACCA").text),
		.service_user_name = service_user_name(s, user.user_name, &rows),
		.status = "Active",
		.user_name = user.user_name,
	};
	resp->service_specific_credential = c;
	return put_with_password(s, tx, owner, c, err);
}

static int need_credential(struct identity_step *s, struct db_tx *tx, const char *user_name,
	const char *id, credential *ret, const char **ret_owner, struct err *err)
{
	const char *name = identity_user_or_self(s->call, user_name, err);
	int r;

	if (!name)
		return -1;
	*ret_owner = identity_owner(s->a, "user", name);
	r = store_document_get(tx, &STORE_IAM_GIT, id, s->a, ret, err);
	if (r < 0)
		return -1;
	if (r == 0 || !streq(identity_owner(s->a, "user", ret->user_name), *ret_owner))
		return err_set_wire(
			err, "NoSuchEntity", "No such credential %s exists for user %s", id, name);
	return 0;
}

static int delete_service_specific_credential(
	struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_delete_service_specific_credential_request *req = s->req;
	const char *id = req->service_specific_credential_id, *owner;
	credential c;

	if (need_credential(s, tx, req->user_name, id, &c, &owner, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_IAM_GIT, id, err);
}

static int reset_service_specific_credential(
	struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_reset_service_specific_credential_request *req = s->req;
	struct iam_reset_service_specific_credential_response *resp = s->resp;
	credential *c = arena_new(s->a, credential);
	const char *owner;

	if (need_credential(
		    s, tx, req->user_name, req->service_specific_credential_id, c, &owner, err) < 0)
		return -1;
	resp->service_specific_credential = c;
	return put_with_password(s, tx, owner, c, err);
}

static int update_service_specific_credential(
	struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_update_service_specific_credential_request *req = s->req;
	const char *id = req->service_specific_credential_id, *owner;
	credential c;

	if (need_credential(s, tx, req->user_name, id, &c, &owner, err) < 0)
		return -1;
	c.status = req->status;
	return store_document_put(tx, &STORE_IAM_GIT, id, owner, &c, err);
}

static int list_service_specific_credentials(
	struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_list_service_specific_credentials_request *req = s->req;
	struct iam_list_service_specific_credentials_response *resp = s->resp;
	const char *name = NULL, *owner = NULL;
	struct store_documents rows;
	struct iam_user user;

	if (!wire_or(req->all_users, false)) {
		name = identity_user_or_self(s->call, req->user_name, err);
		if (!name || identity_need_user(s, tx, name, &user, &owner, err) < 0)
			return -1;
	}
	if (check_service(req->service_name, err) < 0 ||
		credentials_of(s, tx, owner, &rows, err) < 0)
		return -1;
	wire_list_alloc(s->a, &resp->service_specific_credentials, rows.n);
	for (size_t i = 0; i < rows.n; i++) {
		const credential *c = rows.v[i];

		resp->service_specific_credentials.v[i] =
			(struct iam_service_specific_credential_metadata){
				.create_date = c->create_date,
				.service_name = c->service_name,
				.service_specific_credential_id = c->service_specific_credential_id,
				.service_user_name = c->service_user_name,
				.status = c->status,
				.user_name = c->user_name,
			};
	}
	return 0;
}

IDENTITY_STEP(iam, create_service_specific_credential, identity_write)
IDENTITY_STEP(iam, delete_service_specific_credential, identity_write)
IDENTITY_STEP(iam, list_service_specific_credentials, identity_read)
IDENTITY_STEP(iam, reset_service_specific_credential, identity_write)
IDENTITY_STEP(iam, update_service_specific_credential, identity_write)
