/* SPDX-License-Identifier: Apache-2.0 */
/* SSH public keys of users: git over SSH knows its user by the key's id. */
#include "crypto/public_key.h"
#include "crypto/token.h"
#include "identity/engine.h"

#define MAX_KEYS 5
#define MIN_BITS 2048
#define MAX_BITS 16384

typedef struct iam_ssh_public_key ssh_key;

static int keys_of(struct identity_step *s, struct db_tx *tx, const char *owner,
	struct store_documents *ret, struct err *err)
{
	struct store_document_filter filter = {.owner = owner};

	return store_document_list(tx, &STORE_IAM_SSH, &filter, s->a, ret, err);
}

static int parse_key(
	struct identity_step *s, const char *text, struct public_key *ret, struct err *err)
{
	struct err why CLEANUP_ERR = ERR_INIT;

	if (public_key_parse(view_of(text), s->a, ret, &why) < 0)
		return err_set_wire(err,
			why.kind == ERR_UNSUPPORTED ? "UnrecognizedPublicKeyEncoding"
						    : "InvalidPublicKey",
			"%s", err_message(&why));
	if (ret->bits && (ret->bits < MIN_BITS || ret->bits > MAX_BITS))
		return err_set_wire(err, "InvalidPublicKey",
			"RSA keys have %d to %d bits; this one has %d.", MIN_BITS, MAX_BITS,
			ret->bits);
	return 0;
}

static int upload_ssh_public_key(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_upload_ssh_public_key_request *req = s->req;
	struct iam_upload_ssh_public_key_response *resp = s->resp;
	ssh_key *key = arena_new(s->a, ssh_key);
	struct store_documents rows;
	struct public_key parsed;
	struct iam_user user;
	const char *owner;

	if (identity_need_user(s, tx, req->user_name, &user, &owner, err) < 0 ||
		parse_key(s, req->ssh_public_key_body, &parsed, err) < 0 ||
		keys_of(s, tx, owner, &rows, err) < 0)
		return -1;
	if (rows.n >= MAX_KEYS)
		return err_set_wire(err, "LimitExceeded",
			"Cannot exceed quota for PublicKeysPerUser: %d", MAX_KEYS);
	for (size_t i = 0; i < rows.n; i++) {
		if (streq(((ssh_key *)rows.v[i])->fingerprint, parsed.fingerprint))
			return err_set_wire(err, "DuplicateSSHPublicKey",
				"The SSH public key is already associated with the user %s.",
				user.user_name);
	}
	*key = (ssh_key){
		.fingerprint = parsed.fingerprint,
		.ssh_public_key_body = parsed.ssh,
		.ssh_public_key_id = arena_strdup(s->a, token_unique_id("APKA").text),
		.status = "Active",
		.upload_date = WIRE_SET_TIME(durable_now(s->e->durable)),
		.user_name = user.user_name,
	};
	resp->ssh_public_key = key;
	return store_document_put(tx, &STORE_IAM_SSH, key->ssh_public_key_id, owner, key, err);
}

static int need_key(struct identity_step *s, struct db_tx *tx, const char *user_name,
	const char *id, ssh_key *ret, const char **ret_owner, struct err *err)
{
	int r;

	*ret_owner = identity_owner(s->a, "user", user_name);
	r = store_document_get(tx, &STORE_IAM_SSH, id, s->a, ret, err);
	if (r < 0)
		return -1;
	if (r > 0 && streq(identity_owner(s->a, "user", ret->user_name), *ret_owner))
		return 0;
	return err_set_wire(err, "NoSuchEntity", "The Public Key with id %s cannot be found.", id);
}

static int get_ssh_public_key(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_get_ssh_public_key_request *req = s->req;
	struct iam_get_ssh_public_key_response *resp = s->resp;
	ssh_key *key = arena_new(s->a, ssh_key);
	struct public_key parsed;
	const char *owner;

	if (need_key(s, tx, req->user_name, req->ssh_public_key_id, key, &owner, err) < 0)
		return -1;
	if (streq(req->encoding, "PEM")) {
		if (parse_key(s, key->ssh_public_key_body, &parsed, err) < 0)
			return -1;
		if (!parsed.pem)
			return err_set_wire(err, "UnrecognizedPublicKeyEncoding",
				"Only RSA keys are shown as PEM; this one is %s.", parsed.kind);
		key->ssh_public_key_body = parsed.pem;
	}
	resp->ssh_public_key = key;
	return 0;
}

static int update_ssh_public_key(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_update_ssh_public_key_request *req = s->req;
	const char *owner;
	ssh_key key;

	if (need_key(s, tx, req->user_name, req->ssh_public_key_id, &key, &owner, err) < 0)
		return -1;
	key.status = req->status;
	return store_document_put(tx, &STORE_IAM_SSH, req->ssh_public_key_id, owner, &key, err);
}

static int delete_ssh_public_key(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_delete_ssh_public_key_request *req = s->req;
	const char *owner;
	ssh_key key;

	if (need_key(s, tx, req->user_name, req->ssh_public_key_id, &key, &owner, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_IAM_SSH, req->ssh_public_key_id, err);
}

static int list_ssh_public_keys(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_list_ssh_public_keys_request *req = s->req;
	struct iam_list_ssh_public_keys_response *resp = s->resp;
	const char *name = identity_user_or_self(s->call, req->user_name, err), *owner;
	struct store_documents rows;
	struct iam_user user;

	if (!name || identity_need_user(s, tx, name, &user, &owner, err) < 0 ||
		keys_of(s, tx, owner, &rows, err) < 0)
		return -1;
	resp->is_truncated = WIRE_SET_BOOL(false);
	wire_list_alloc(s->a, &resp->ssh_public_keys, rows.n);
	for (size_t i = 0; i < rows.n; i++) {
		const ssh_key *key = rows.v[i];

		resp->ssh_public_keys.v[i] = (struct iam_ssh_public_key_metadata){
			.ssh_public_key_id = key->ssh_public_key_id,
			.status = key->status,
			.upload_date = key->upload_date,
			.user_name = key->user_name,
		};
	}
	return 0;
}

IDENTITY_STEP(iam, delete_ssh_public_key, identity_write)
IDENTITY_STEP(iam, get_ssh_public_key, identity_read)
IDENTITY_STEP(iam, list_ssh_public_keys, identity_read)
IDENTITY_STEP(iam, update_ssh_public_key, identity_write)
IDENTITY_STEP(iam, upload_ssh_public_key, identity_write)

/* ---- for git over SSH ---- */

struct find_key {
	struct identity_engine *e;
	const char *id;
	struct arena *a;
	ssh_key key;
	int found;
};

static int find_key(struct db_tx *tx, void *arg, struct err *err)
{
	struct find_key *f = arg;

	f->found = store_document_get(tx, &STORE_IAM_SSH, f->id, f->a, &f->key, err);
	return f->found < 0 ? -1 : 0;
}

int identity_ssh_key(struct identity_engine *e, const char *id, struct arena *a,
	struct identity_principal *ret, const char **ret_key, struct err *err)
{
	struct identity_policies *p CLEANUP(identity_policies_release) = NULL;
	struct find_key f = {.e = e, .id = id, .a = a};
	const char *owner;

	if (db_read(durable_db(e->durable), find_key, &f, err) < 0)
		return -1;
	if (!f.found || !streq(f.key.status, "Active"))
		return 0;
	owner = identity_owner(a, "user", f.key.user_name);
	if (identity_policies_get(e, owner, &p, err) < 0)
		return -1;
	if (!p->exists)
		return 0;
	*ret = (struct identity_principal){
		.kind = IDENTITY_USER,
		.arn = arena_strdup(a, p->arn),
		.id = arena_strdup(a, p->id),
		.owner = owner,
	};
	*ret_key = f.key.ssh_public_key_body;
	return 1;
}

/* ---- for signed pushes ---- */

struct keys_of_user {
	struct arena *a;
	const char *owner;
	struct store_documents rows;
};

static int load_keys(struct db_tx *tx, void *arg, struct err *err)
{
	struct keys_of_user *k = arg;
	struct store_document_filter filter = {.owner = k->owner};

	return store_document_list(tx, &STORE_IAM_SSH, &filter, k->a, &k->rows, err);
}

/* "ssh-ed25519 AAAA..." */
static bool has_base64(const ssh_key *key, const char *base64)
{
	const char *blank = strchr(key->ssh_public_key_body, ' ');

	return blank && streq(blank + 1, base64);
}

int identity_ssh_key_of(struct identity_engine *e, const struct identity_principal *who,
	const char *base64, struct arena *a, const char **ret_id, const char **ret_key,
	struct err *err)
{
	struct keys_of_user k = {.a = a, .owner = who->owner};

	if (who->kind != IDENTITY_USER || !who->owner)
		return 0;
	if (db_read(durable_db(e->durable), load_keys, &k, err) < 0)
		return -1;
	for (size_t i = 0; i < k.rows.n; i++) {
		const ssh_key *key = k.rows.v[i];

		if (!streq(key->status, "Active") || !has_base64(key, base64))
			continue;
		*ret_id = key->ssh_public_key_id;
		*ret_key = key->ssh_public_key_body;
		return 1;
	}
	return 0;
}
