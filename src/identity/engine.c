/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's life: the account, root's key, the key file. */
#include "base/file.h"
#include "base/id.h"
#include "base/path.h"
#include "crypto/token.h"
#include "identity/engine.h"

#define ACCOUNT_DIGITS 12

struct pick_account {
	const char *wanted;
	struct arena *a;
	const char *account;
};

static int pick_account(struct db_tx *tx, void *arg, struct err *err)
{
	struct pick_account *p = arg;
	struct towpath_identity_setting s = {0};
	char made[ACCOUNT_DIGITS + 1];
	int r = store_document_get(tx, &STORE_IAM_SETTING, "account", p->a, &s, err);

	if (r < 0)
		return -1;
	if (r > 0) {
		p->account = s.value;
		if (!p->wanted || streq(p->wanted, s.value))
			return 0;
		err_set(err, ERR_CONFLICT, "the store belongs to account %s, not %s", s.value,
			p->wanted);
		return err_hint(err, "leave the account id away, or use another data folder");
	}
	id_random_text(made, 1, "123456789");
	id_random_text(made + 1, ACCOUNT_DIGITS - 1, "0123456789");
	p->account = arena_strdup(p->a, p->wanted ? p->wanted : made);
	s = (struct towpath_identity_setting){.value = p->account};
	return store_document_put(tx, &STORE_IAM_SETTING, "account", "", &s, err);
}

int identity_account(
	struct db *db, const char *wanted, struct arena *a, const char **ret, struct err *err)
{
	struct pick_account p = {wanted, a, NULL};

	if (wanted && (strlen(wanted) != ACCOUNT_DIGITS ||
			      strspn(wanted, "0123456789") != ACCOUNT_DIGITS))
		return err_set(err, ERR_INVALID, "the account id %s is not 12 digits", wanted);
	if (db_write(db, pick_account, &p, err) < 0)
		return -1;
	*ret = p.account;
	return 0;
}

/* ---- root's key ---- */

struct root_key {
	struct identity_engine *e;
	const char *id, *secret; /* wanted, or NULL */
	struct arena a;
};

static int store_root(
	struct root_key *k, struct db_tx *tx, const char *id, const char *secret, struct err *err)
{
	struct str sealed CLEANUP_STR = STR_INIT;
	struct iam_access_key row = {
		.access_key_id = id,
		.status = "Active",
		.create_date = WIRE_SET_TIME(durable_now(k->e->durable)),
	};

	seal_close(&k->e->seal, view_of(secret), id, &sealed);
	row.secret_access_key = str_text(&sealed);
	free(k->e->root_key_id);
	free(k->e->root_secret);
	k->e->root_key_id = xstrdup(id);
	k->e->root_secret = xstrdup(secret);
	return store_document_put(tx, &STORE_IAM_KEY, id, "root", &row, err);
}

static int load_root(struct db_tx *tx, void *arg, struct err *err)
{
	struct root_key *k = arg;
	struct store_document_filter filter = {.owner = "root"};
	struct store_documents rows;
	struct str secret CLEANUP_STR = STR_INIT;
	struct token id = token_access_key_id("AKIA"), made = token_secret();

	if (store_document_list(tx, &STORE_IAM_KEY, &filter, &k->a, &rows, err) < 0)
		return -1;
	if (k->id) { /* given: it is root's only key from now on */
		for (size_t i = 0; i < rows.n; i++) {
			if (store_document_delete(tx, &STORE_IAM_KEY, rows.ids[i], err) < 0)
				return -1;
		}
		return store_root(k, tx, k->id, k->secret, err);
	}
	if (rows.n == 0)
		return store_root(k, tx, id.text, made.text, err);
	if (seal_open(&k->e->seal, view_of(((struct iam_access_key *)rows.v[0])->secret_access_key),
		    rows.ids[0], &secret, err) < 0)
		return err_wrap(err, "root's access key");
	free(k->e->root_key_id);
	free(k->e->root_secret);
	k->e->root_key_id = xstrdup(rows.ids[0]);
	k->e->root_secret = str_take(&secret);
	return 0;
}

static int open_keys(struct identity_engine *e, const struct identity_config *c, struct err *err)
{
	char *folder CLEANUP(freep) = path_join(e->data_dir, "keys");
	char *file CLEANUP(freep) = path_join(folder, "seal.key");
	struct root_key k = {e, c->root_key_id, c->root_key_secret, ARENA_INIT};
	int r;

	if (!c->root_key_id != !c->root_key_secret)
		return err_set(
			err, ERR_INVALID, "root's access key needs both its id and its secret");
	if (c->seal)
		e->seal = *c->seal;
	else if (file_make_dirs(folder, 0700, err) < 0 || seal_key_load(file, &e->seal, err) < 0)
		return -1;
	r = db_write(durable_db(e->durable), load_root, &k, err);
	if (r == 0)
		r = identity_session_keys_open(e, err);
	arena_release(&k.a);
	return r;
}

int identity_engine_new(
	const struct identity_config *c, struct identity_engine **ret, struct err *err)
{
	struct identity_engine *e = xcalloc(1, sizeof(*e));

	e->durable = c->durable;
	e->account = xstrdup(c->account);
	e->region = xstrdup(c->region);
	e->data_dir = xstrdup(c->data_dir);
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->fetched, NULL);
	if (open_keys(e, c, err) < 0) {
		identity_engine_free(e);
		return -1;
	}
	*ret = e;
	return 0;
}

struct identity_engine *identity_engine_free(struct identity_engine *e)
{
	if (!e)
		return NULL;
	identity_web_identity_stop(e);
	map_release_with(&e->used, free);
	map_release_with(&e->failures, free);
	identity_cache_free(e);
	pthread_cond_destroy(&e->fetched);
	identity_session_keys_release(e);
	explicit_bzero(&e->seal, sizeof(e->seal));
	free(e->account);
	free(e->region);
	free(e->data_dir);
	free(e->root_key_id);
	free(e->root_secret);
	free(e);
	return NULL;
}

void identity_root_key(
	const struct identity_engine *e, const char **ret_id, const char **ret_secret)
{
	*ret_id = e->root_key_id;
	*ret_secret = e->root_secret;
}
