/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and parsed policies, kept between requests (I3). Where other servers share the database
 * what is cached is believed for a moment only. */
#include "identity/engine.h"

#define SHARED_USEC (2 * USEC_PER_SEC)

static bool is_stale(const struct identity_engine *e, int64_t loaded_usec)
{
	return db_is_shared(durable_db(e->durable)) && monotonic_usec() - loaded_usec > SHARED_USEC;
}

static void key_free(void *p)
{
	struct identity_key *k = p;

	if (!k)
		return;
	if (k->secret)
		explicit_bzero(k->secret, strlen(k->secret));
	free(k->owner);
	free(k->secret);
	free(k->user_name);
	free(k->scope);
	explicit_bzero(&k->signing, sizeof(k->signing));
	free(k);
}

static void policies_unref(void *arg)
{
	struct identity_policies *p = arg;

	if (!p || __atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	arena_release(&p->arena);
	free(p);
}

void identity_policies_release(struct identity_policies **p)
{
	policies_unref(*p);
	*p = NULL;
}

void identity_cache_drop(struct identity_engine *e)
{
	pthread_mutex_lock(&e->lock);
	map_release_with(&e->keys, key_free);
	map_release_with(&e->policies, policies_unref);
	e->generation++;
	pthread_mutex_unlock(&e->lock);
}

void identity_cache_free(struct identity_engine *e)
{
	identity_cache_drop(e);
	pthread_mutex_destroy(&e->lock);
}

/* ---- access keys ---- */

struct load_key {
	struct identity_engine *e;
	const char *id;
	struct arena *a;
	struct identity_key *key;
	int found;
};

static int load_key(struct db_tx *tx, void *arg, struct err *err)
{
	struct load_key *l = arg;
	struct iam_access_key row;
	struct str secret CLEANUP_STR = STR_INIT;

	l->found = store_document_get(tx, &STORE_IAM_KEY, l->id, l->a, &row, err);
	if (l->found <= 0)
		return l->found;
	if (seal_open(&l->e->seal, view_of(row.secret_access_key), l->id, &secret, err) < 0)
		return -1;
	*l->key = (struct identity_key){
		.loaded_usec = monotonic_usec(),
		.active = streq(row.status, "Active"),
		.owner = row.user_name ? identity_owner(l->a, "user", row.user_name) : "root",
		.secret = arena_view_dup(l->a, str_view(&secret)),
		.user_name = (char *)(uintptr_t)row.user_name,
	};
	explicit_bzero(secret.p, secret.len);
	return 0;
}

static void remember_key(struct identity_engine *e, const char *id, const struct identity_key *k,
	uint64_t generation)
{
	struct identity_key *copy;

	pthread_mutex_lock(&e->lock);
	if (e->generation == generation) {
		copy = xcalloc(1, sizeof(*copy));
		copy->loaded_usec = k->loaded_usec;
		copy->active = k->active;
		copy->owner = xstrdup(k->owner);
		copy->secret = xstrdup(k->secret);
		copy->user_name = xstrdup_or_null(k->user_name);
		key_free(map_set(&e->keys, id, copy));
	}
	pthread_mutex_unlock(&e->lock);
}

int identity_key_find(struct identity_engine *e, const char *id, struct arena *a,
	struct identity_key *ret, struct err *err)
{
	struct load_key l = {e, id, a, ret, 0};
	struct identity_key *k;
	uint64_t generation;

	pthread_mutex_lock(&e->lock);
	generation = e->generation;
	k = map_get(&e->keys, id);
	if (k && !is_stale(e, k->loaded_usec)) {
		*ret = (struct identity_key){
			.active = k->active,
			.owner = arena_strdup(a, k->owner),
			.secret = arena_strdup(a, k->secret),
			.user_name = arena_strdup(a, k->user_name),
		};
		pthread_mutex_unlock(&e->lock);
		return 1;
	}
	pthread_mutex_unlock(&e->lock);
	if (db_read(durable_db(e->durable), load_key, &l, err) < 0)
		return -1;
	if (l.found > 0)
		remember_key(e, id, ret, generation);
	return l.found;
}

struct sigv4_key identity_signing_key(struct identity_engine *e, const char *key_id,
	const char *secret, const struct sigv4_claim *claim)
{
	struct sigv4_key key;
	struct identity_key *k;

	pthread_mutex_lock(&e->lock);
	k = map_get(&e->keys, key_id);
	if (k && streq(k->scope, claim->scope)) {
		key = k->signing;
		pthread_mutex_unlock(&e->lock);
		return key;
	}
	pthread_mutex_unlock(&e->lock);
	key = sigv4_derive(secret, claim->date, claim->region, claim->service);
	pthread_mutex_lock(&e->lock);
	k = map_get(&e->keys, key_id);
	if (k && streq(k->secret, secret)) {
		free(k->scope);
		k->scope = xstrdup(claim->scope);
		k->signing = key;
	}
	pthread_mutex_unlock(&e->lock);
	return key;
}

/* ---- policies ---- */

int identity_policies_get(struct identity_engine *e, const char *owner,
	struct identity_policies **ret, struct err *err)
{
	struct identity_policies *p;
	uint64_t generation;

	pthread_mutex_lock(&e->lock);
	generation = e->generation;
	p = map_get(&e->policies, owner);
	if (p && !is_stale(e, p->loaded_usec)) {
		__atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
		pthread_mutex_unlock(&e->lock);
		*ret = p;
		return 0;
	}
	pthread_mutex_unlock(&e->lock);
	p = xcalloc(1, sizeof(*p));
	p->refs = 1;
	p->loaded_usec = monotonic_usec();
	if (identity_policies_load(e, owner, p, err) < 0) {
		policies_unref(p);
		return -1;
	}
	pthread_mutex_lock(&e->lock);
	if (e->generation == generation) {
		p->refs++;
		policies_unref(map_set(&e->policies, owner, p));
	}
	pthread_mutex_unlock(&e->lock);
	*ret = p;
	return 0;
}
