/* SPDX-License-Identifier: Apache-2.0 */
/* The keys that tokens of sessions and passwords of the registry are sealed with. It is a key of
 * its own, made of the one that seals secrets. When that is changed, the old session key stays in
 * the database, sealed with the new one, for as long as what it sealed may be good: it opens no
 * secret.
 *
 * The time counts from the first start with the new key: nothing is sealed with the old one later.
 */
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "identity/engine.h"

#define PURPOSE "temporary credentials"
#define TASK "identity.session-key"
/* GetSessionToken gives the longest ones; those of parts end with the part. */
#define LONGEST_USEC (36 * 3600 * USEC_PER_SEC)

/* ---- sealing and opening ---- */

void identity_session_close(
	struct identity_engine *e, struct view plain, const char *context, struct str *out)
{
	seal_close(&e->session_key, plain, context, out);
}

int identity_session_open(
	struct identity_engine *e, struct view sealed, const char *context, struct str *out)
{
	int r = seal_open(&e->session_key, sealed, context, out, NULL);

	if (r == 0)
		return 0;
	pthread_mutex_lock(&e->lock);
	for (size_t i = 0; r < 0 && i < e->old_session_keys.n; i++)
		r = seal_open(&e->old_session_keys.v[i].key, sealed, context, out, NULL);
	pthread_mutex_unlock(&e->lock);
	return r;
}

static void forget(struct identity_engine *e, const char *id)
{
	pthread_mutex_lock(&e->lock);
	for (size_t i = 0; i < e->old_session_keys.n; i++) {
		struct identity_old_key *k = &e->old_session_keys.v[i];

		if (!streq(k->id, id))
			continue;
		free(k->id);
		*k = e->old_session_keys.v[--e->old_session_keys.n];
		explicit_bzero(&e->old_session_keys.v[e->old_session_keys.n], sizeof(*k));
		break;
	}
	pthread_mutex_unlock(&e->lock);
}

void identity_session_keys_release(struct identity_engine *e)
{
	while (e->old_session_keys.n)
		forget(e, e->old_session_keys.v[0].id);
	vec_release(&e->old_session_keys);
	explicit_bzero(&e->session_key, sizeof(e->session_key));
}

/* ---- the end of an old key ---- */

struct step {
	struct identity_engine *e;
	struct arena *a;
	const struct task *task;
	int64_t since_usec;
	bool needed;
};

static int end_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct step *s = arg;
	struct durable *d = s->e->durable;
	struct task again = *s->task;

	again.due_usec = durable_now(d) + LONGEST_USEC;
	if (s->needed)
		return task_enqueue(d, tx, &again, err);
	if (store_document_delete(tx, &STORE_IAM_SESSION_KEY, s->task->subject, err) < 0)
		return -1;
	return task_done(d, tx, s->task, err);
}

/* Whether a part that was there before the key was changed is still there. */
static int is_needed(struct identity_engine *e, int64_t since_usec, bool *ret, struct err *err)
{
	*ret = false;
	for (size_t i = 0; i < e->n_parts; i++) {
		const struct identity_part *p = &e->parts[i];
		int64_t oldest;
		int r = p->oldest ? p->oldest(p->arg, &oldest, err) : 0;

		if (r < 0)
			return -1;
		*ret = *ret || (r && oldest <= since_usec);
	}
	return 0;
}

static int read_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct step *s = arg;
	struct towpath_identity_session_key key;
	int r = store_document_get(tx, &STORE_IAM_SESSION_KEY, s->task->subject, s->a, &key, err);

	s->since_usec = r > 0 ? key.since.usec : 0;
	return r < 0 ? -1 : 0;
}

static int end_key(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct step s = {.e = arg, .a = &a, .task = t};

	if (db_read(durable_db(d), read_step, &s, err) < 0 ||
		is_needed(s.e, s.since_usec, &s.needed, err) < 0 ||
		durable_step(d, end_step, &s, err) < 0)
		return -1;
	if (!s.needed) {
		forget(s.e, t->subject);
		log_info("identity", "the session key %s has ended", t->subject);
	}
	return 0;
}

/* ---- start ---- */

static int add_old(struct identity_engine *e, const char *id,
	const struct towpath_identity_session_key *doc, struct err *err)
{
	struct identity_old_key *k;
	struct str plain CLEANUP_STR = STR_INIT;

	if (seal_open(&e->seal, view_of(doc->value), id, &plain, err) < 0)
		return err_wrap(err, "the session key %s", id);
	if (plain.len != sizeof(k->key.bytes))
		return err_set(err, ERR_INVALID, "the session key %s is no key", id);
	vec_push(&e->old_session_keys, (struct identity_old_key){.id = xstrdup(id)});
	k = &e->old_session_keys.v[e->old_session_keys.n - 1];
	memcpy(k->key.bytes, plain.p, sizeof(k->key.bytes));
	explicit_bzero(plain.p, plain.len);
	return 0;
}

static int load_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct step *s = arg;
	struct identity_engine *e = s->e;
	struct store_documents all;
	int64_t now = durable_now(e->durable);

	identity_session_keys_release(e); /* a step may run again */
	e->session_key = seal_derive(&e->seal, PURPOSE);
	if (store_document_list(tx, &STORE_IAM_SESSION_KEY, &(struct store_document_filter){0},
		    s->a, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		struct towpath_identity_session_key *doc = all.v[i];
		struct task t = {.kind = TASK,
			.subject = all.ids[i],
			.token = "",
			.due_usec = now + LONGEST_USEC};

		if (add_old(e, all.ids[i], doc, err) < 0)
			return -1;
		if (doc->since.set)
			continue;
		doc->since = WIRE_SET_TIME(now);
		if (store_document_put(tx, &STORE_IAM_SESSION_KEY, all.ids[i], "", doc, err) < 0 ||
			task_enqueue(e->durable, tx, &t, err) < 0)
			return -1;
	}
	return 0;
}

int identity_session_keys_open(struct identity_engine *e, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct step s = {.e = e, .a = &a};

	task_register(e->durable, &(struct task_kind){.name = TASK, .run = end_key, .arg = e});
	return durable_step(e->durable, load_step, &s, err);
}

/* ---- another key ---- */

int identity_session_key_keep(
	struct db_tx *tx, const struct seal_key *from, const struct seal_key *to, struct err *err)
{
	struct seal_key key = seal_derive(from, PURPOSE);
	struct uuid_text id = id_uuid();
	struct str sealed CLEANUP_STR = STR_INIT;
	struct towpath_identity_session_key doc = {0};

	seal_close(to, (struct view){(const char *)key.bytes, sizeof(key.bytes)}, id.text, &sealed);
	explicit_bzero(&key, sizeof(key));
	doc.value = str_text(&sealed);
	return store_document_put(tx, &STORE_IAM_SESSION_KEY, id.text, "", &doc, err);
}
