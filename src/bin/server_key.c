/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/server_key.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/id.h"
#include "base/path.h"
#include "build/build.h"
#include "connection/connection.h"
#include "identity/identity.h"
#include "pipeline/pipeline.h"
#include "secret/secret.h"
#include "signal/signal.h"
#include "store/iam.h"

#define SETTING "seal-key"

struct key_mark {
	char text[33];
};

/* Says which key it is and nothing else of it. */
static struct key_mark mark_of(const struct seal_key *key)
{
	struct seal_key derived = seal_derive(key, "mark of the key");
	struct key_mark m = {0};

	hex_write(m.text, derived.bytes, sizeof(m.text) / 2);
	return m;
}

static char *next_path(const char *path)
{
	return xasprintf("%s.next", path);
}

char *server_key_path(const char *data_dir, const char *key_file)
{
	return key_file ? xstrdup(key_file) : xasprintf("%s/keys/seal.key", data_dir);
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

/* ---- what the database says ---- */

struct wanted {
	struct arena a;
	const char *mark; /* NULL: nothing yet */
	bool sealed;	  /* there are secrets in it */
};

static int read_mark(struct db_tx *tx, void *arg, struct err *err)
{
	struct wanted *w = arg;
	struct towpath_identity_setting s;
	struct store_documents keys;
	int r = store_document_get(tx, &STORE_IAM_SETTING, SETTING, &w->a, &s, err);

	if (r < 0 || store_document_list(tx, &STORE_IAM_KEY,
			     &(struct store_document_filter){.max = 1}, &w->a, &keys, err) < 0)
		return -1;
	w->mark = r ? s.value : NULL;
	w->sealed = keys.n > 0;
	return 0;
}

static int write_mark(struct db_tx *tx, const struct seal_key *key, struct err *err)
{
	struct key_mark m = mark_of(key);
	struct towpath_identity_setting s = {.value = m.text};

	return store_document_put(tx, &STORE_IAM_SETTING, SETTING, "", &s, err);
}

static int first_mark(struct db_tx *tx, void *arg, struct err *err)
{
	return write_mark(tx, arg, err);
}

/* ---- opening ---- */

static int take_place(const char *path, struct err *err)
{
	char *next CLEANUP(freep) = next_path(path);
	char *folder CLEANUP(freep) = folder_of(path);

	if (rename(next, path) < 0)
		return err_errno(err, errno, "cannot move %s to %s", next, path);
	return file_sync_dir(folder, err);
}

/* K2 */
static int settle(const char *path, const struct wanted *w, struct err *err)
{
	char *next CLEANUP(freep) = next_path(path);
	struct seal_key key;

	if (!file_exists(next))
		return 0;
	if (seal_key_load(next, &key, err) < 0)
		return -1;
	if (streq(w->mark, mark_of(&key).text))
		return take_place(path, err);
	if (unlink(next) < 0)
		return err_errno(err, errno, "cannot remove %s", next);
	return 0;
}

static int load(const char *path, const struct wanted *w, struct seal_key *ret, struct err *err)
{
	char *folder CLEANUP(freep) = folder_of(path);

	if (!file_exists(path) && w->sealed) {
		err_set(err, ERR_NOT_FOUND, "the key file %s is missing", path);
		return err_hint(err, "the secrets of this database can only be read with it: "
				     "name it with --key-file, or bring it back");
	}
	if (file_make_dirs(folder, 0700, err) < 0 || seal_key_load(path, ret, err) < 0)
		return -1;
	if (!w->mark || streq(w->mark, mark_of(ret).text))
		return 0;
	err_set(err, ERR_INVALID, "the key in %s is not the one that this database is sealed with",
		path);
	return err_hint(err, "was the database or the key brought back from another backup?");
}

int server_key_open(struct db *db, const char *path, struct seal_key *ret, struct err *err)
{
	struct wanted w = {0};
	int r = db_read(db, read_mark, &w, err);

	if (r == 0)
		r = settle(path, &w, err);
	if (r == 0)
		r = load(path, &w, ret, err);
	if (r == 0 && !w.mark)
		r = db_write(db, first_mark, ret, err);
	arena_release(&w.a);
	return r;
}

/* ---- another key ---- */

struct change {
	struct seal_key from, to;
	size_t n;
};

static int seal_all(struct db_tx *tx, void *arg, struct err *err)
{
	struct change *c = arg;

	c->n = 0; /* a unit of work may run again */
	if (identity_reseal(tx, &c->from, &c->to, &c->n, err) < 0 ||
		secret_reseal(tx, &c->from, &c->to, &c->n, err) < 0 ||
		signal_reseal(tx, &c->from, &c->to, &c->n, err) < 0 ||
		build_reseal(tx, &c->from, &c->to, &c->n, err) < 0 ||
		pipeline_reseal(tx, &c->from, &c->to, &c->n, err) < 0 ||
		connection_reseal(tx, &c->from, &c->to, &c->n, err) < 0)
		return -1;
	return write_mark(tx, &c->to, err); /* K1 */
}

int server_key_rotate(struct db *db, const char *path, size_t *ret_n, struct err *err)
{
	char *next CLEANUP(freep) = next_path(path);
	struct change c = {0};
	int r = server_key_open(db, path, &c.from, err);

	id_random_bytes(c.to.bytes, sizeof(c.to.bytes));
	if (r == 0)
		r = file_write_atomic(next,
			(struct view){(const char *)c.to.bytes, sizeof(c.to.bytes)}, 0600, err);
	if (r == 0)
		r = db_write(db, seal_all, &c, err);
	if (r == 0)
		r = take_place(path, err);
	*ret_n = c.n;
	explicit_bzero(&c, sizeof(c));
	return r;
}
