/* SPDX-License-Identifier: Apache-2.0 */
/* Access keys: two a user, the secret shown once. */
#include "base/log.h"
#include "crypto/token.h"
#include "identity/engine.h"
#include "identity/quota.h"

static int keys_of(struct identity_step *s, struct db_tx *tx, const char *owner,
	struct store_documents *ret, struct err *err)
{
	struct store_document_filter filter = {.owner = owner};

	return store_document_list(tx, &STORE_IAM_KEY, &filter, s->a, ret, err);
}

static int create_access_key(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_create_access_key_request *req = s->req;
	struct iam_create_access_key_response *resp = s->resp;
	struct iam_access_key *key = arena_new(s->a, struct iam_access_key), stored;
	const char *name = identity_user_or_self(s->call, req->user_name, err), *owner;
	struct str sealed CLEANUP_STR = STR_INIT;
	struct store_documents rows;
	struct iam_user user;

	if (!name || identity_need_user(s, tx, name, &user, &owner, err) < 0 ||
		keys_of(s, tx, owner, &rows, err) < 0)
		return -1;
	if (rows.n >= QUOTA_KEYS_OF_USER)
		return err_set_wire(err, "LimitExceeded",
			"Cannot exceed quota for AccessKeysPerUser: %d", QUOTA_KEYS_OF_USER);
	*key = (struct iam_access_key){
		.access_key_id = arena_strdup(s->a, token_access_key_id("AKIA").text),
		.create_date = WIRE_SET_TIME(durable_now(s->e->durable)),
		.secret_access_key = arena_strdup(s->a, token_secret().text),
		.status = "Active",
		.user_name = user.user_name,
	};
	resp->access_key = key;
	stored = *key;
	seal_close(&s->e->seal, view_of(key->secret_access_key), key->access_key_id, &sealed);
	stored.secret_access_key = str_text(&sealed);
	return store_document_put(tx, &STORE_IAM_KEY, key->access_key_id, owner, &stored, err);
}

/* The key, which must be the user's. */
static int need_key(struct identity_step *s, struct db_tx *tx, const char *user_name,
	const char *id, struct iam_access_key *ret, const char **ret_owner, struct err *err)
{
	const char *name = identity_user_or_self(s->call, user_name, err);
	int r;

	if (!name)
		return -1;
	*ret_owner = identity_owner(s->a, "user", name);
	r = store_document_get(tx, &STORE_IAM_KEY, id, s->a, ret, err);
	if (r < 0)
		return -1;
	if (r == 0 || !ret->user_name ||
		!streq(identity_owner(s->a, "user", ret->user_name), *ret_owner))
		return err_set_wire(
			err, "NoSuchEntity", "The Access Key with id %s cannot be found.", id);
	return 0;
}

static int delete_access_key(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_delete_access_key_request *req = s->req;
	struct iam_access_key key;
	const char *owner;

	if (need_key(s, tx, req->user_name, req->access_key_id, &key, &owner, err) < 0)
		return -1;
	if (store_document_delete(tx, &STORE_IAM_USED, req->access_key_id, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_IAM_KEY, req->access_key_id, err);
}

static int update_access_key(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_update_access_key_request *req = s->req;
	struct iam_access_key key;
	const char *owner;

	if (need_key(s, tx, req->user_name, req->access_key_id, &key, &owner, err) < 0)
		return -1;
	key.status = req->status;
	return store_document_put(tx, &STORE_IAM_KEY, req->access_key_id, owner, &key, err);
}

static int list_access_keys(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_list_access_keys_request *req = s->req;
	struct iam_list_access_keys_response *resp = s->resp;
	struct store_documents rows;
	const char *owner = "root";
	struct iam_user user;

	if (req->user_name || !ends_with(s->call->principal_arn, ":root")) {
		const char *name = identity_user_or_self(s->call, req->user_name, err);

		if (!name || identity_need_user(s, tx, name, &user, &owner, err) < 0)
			return -1;
	}
	if (keys_of(s, tx, owner, &rows, err) < 0)
		return -1;
	resp->is_truncated = WIRE_SET_BOOL(false);
	wire_list_alloc(s->a, &resp->access_key_metadata, rows.n);
	for (size_t i = 0; i < rows.n; i++) {
		const struct iam_access_key *key = rows.v[i];

		resp->access_key_metadata.v[i] = (struct iam_access_key_metadata){
			.access_key_id = key->access_key_id,
			.create_date = key->create_date,
			.status = key->status,
			.user_name = key->user_name,
		};
	}
	return 0;
}

static int get_access_key_last_used(struct identity_step *s, struct db_tx *tx, struct err *err)
{
	const struct iam_get_access_key_last_used_request *req = s->req;
	struct iam_get_access_key_last_used_response *resp = s->resp;
	struct iam_access_key_last_used *used = arena_new(s->a, struct iam_access_key_last_used);
	struct iam_access_key key;
	int r = store_document_get(tx, &STORE_IAM_KEY, req->access_key_id, s->a, &key, err);

	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(err, ERR_DENIED,
			"User: %s is not authorized to perform: iam:GetAccessKeyLastUsed on "
			"resource: access key %s",
			s->call->principal_arn, req->access_key_id);
	r = store_document_get(tx, &STORE_IAM_USED, req->access_key_id, s->a, used, err);
	if (r < 0)
		return -1;
	if (r == 0)
		*used = (struct iam_access_key_last_used){.region = "N/A", .service_name = "N/A"};
	resp->access_key_last_used = used;
	resp->user_name = key.user_name ? key.user_name : s->e->account;
	return 0;
}

IDENTITY_STEP(iam, create_access_key, identity_write)
IDENTITY_STEP(iam, delete_access_key, identity_write)
IDENTITY_STEP(iam, get_access_key_last_used, identity_read)
IDENTITY_STEP(iam, list_access_keys, identity_read)
IDENTITY_STEP(iam, update_access_key, identity_write)

/* ---- last use ---- */

#define NOTED_EVERY_USEC (60 * USEC_PER_SEC)

/* Whether the use is to be stored now; if so, nobody else does for a minute. */
static bool is_due(struct identity_engine *e, const char *id)
{
	int64_t now = monotonic_usec(), *noted;
	bool due;

	pthread_mutex_lock(&e->lock);
	noted = map_get(&e->used, id);
	due = !noted || now - *noted > NOTED_EVERY_USEC;
	if (due && !noted) {
		noted = xcalloc(1, sizeof(*noted));
		map_set(&e->used, id, noted);
	}
	if (due)
		*noted = now;
	pthread_mutex_unlock(&e->lock);
	return due;
}

struct note_use {
	const char *id, *owner;
	struct iam_access_key_last_used used;
};

static int note_use(struct db_tx *tx, void *arg, struct err *err)
{
	struct note_use *n = arg;

	return store_document_put(tx, &STORE_IAM_USED, n->id, n->owner, &n->used, err);
}

void identity_key_used(
	struct identity_engine *e, const struct identity_principal *who, const char *service)
{
	struct note_use n = {
		.id = who->access_key_id,
		.owner = who->owner,
		.used = {.last_used_date = WIRE_SET_TIME(durable_now(e->durable)),
			.region = e->region,
			.service_name = service},
	};
	struct err why CLEANUP_ERR = ERR_INIT;

	if (who->session || !who->owner || !is_due(e, who->access_key_id))
		return;
	if (db_write(durable_db(e->durable), note_use, &n, &why) < 0)
		log_err("identity", &why, "the last use of key %s is not stored", n.id);
}

/* ---- another key ---- */

struct reseal {
	struct db_tx *tx;
	const struct seal_key *from, *to;
	struct arena *a;
	size_t n;
};

/* Every document of the kind; `secret_of` is where its secret stands. */
static int reseal_kind(struct reseal *r, const struct store_document_kind *kind,
	const char **(*secret_of)(void *document), struct err *err)
{
	struct store_documents rows;

	if (store_document_list(r->tx, kind, &(struct store_document_filter){0}, r->a, &rows, err) <
		0)
		return -1;
	for (size_t i = 0; i < rows.n; i++) {
		const char **secret = secret_of(rows.v[i]);
		struct str sealed CLEANUP_STR = STR_INIT;

		if (seal_again(r->from, r->to, view_of(*secret), rows.ids[i], &sealed, err) < 0)
			return -1;
		*secret = str_text(&sealed);
		if (store_document_rewrite(r->tx, kind, rows.ids[i], rows.v[i], err) < 0)
			return -1;
	}
	r->n += rows.n;
	return 0;
}

static const char **secret_of_key(void *document)
{
	return &((struct iam_access_key *)document)->secret_access_key;
}

static const char **secret_of_setting(void *document)
{
	return &((struct towpath_identity_setting *)document)->value;
}

static const char **secret_of_session_key(void *document)
{
	return &((struct towpath_identity_session_key *)document)->value;
}

int identity_reseal(struct db_tx *tx, const struct seal_key *from, const struct seal_key *to,
	size_t *n, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct reseal r = {.tx = tx, .from = from, .to = to, .a = &a};

	if (reseal_kind(&r, &STORE_IAM_KEY, secret_of_key, err) < 0 ||
		reseal_kind(&r, &STORE_IAM_CERTIFICATE_KEY, secret_of_setting, err) < 0 ||
		reseal_kind(&r, &STORE_IAM_SESSION_KEY, secret_of_session_key, err) < 0)
		return -1;
	*n += r.n;
	return identity_session_key_keep(tx, from, to, err);
}
