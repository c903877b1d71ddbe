/* SPDX-License-Identifier: Apache-2.0 */
#include "db/memo.h"

#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

struct db_memo {
	struct db *db;
	size_t max_bytes;
	pthread_mutex_t lock; /* guards all below */
	uint64_t version;     /* of all answers */
	struct map answers;   /* key -> struct str */
	size_t bytes;
};

static void answer_free(void *p)
{
	struct str *s = p;

	if (!s)
		return;
	str_release(s);
	free(s);
}

static void forget_all(struct db_memo *m)
{
	map_release_with(&m->answers, answer_free);
	m->bytes = 0;
}

struct db_memo *db_memo_new(struct db *db, size_t max_bytes)
{
	struct db_memo *m = xcalloc(1, sizeof(*m));

	m->db = db;
	m->max_bytes = max_bytes;
	pthread_mutex_init(&m->lock, NULL);
	return m;
}

struct db_memo *db_memo_free(struct db_memo *m)
{
	if (!m)
		return NULL;
	forget_all(m);
	pthread_mutex_destroy(&m->lock);
	free(m);
	return NULL;
}

bool db_memo_get(struct db_memo *m, const char *key, struct arena *a, struct view *ret,
	uint64_t *ret_version)
{
	const struct str *found = NULL;

	*ret_version = db_version(m->db);
	if (!*ret_version)
		return false;
	pthread_mutex_lock(&m->lock);
	if (m->version == *ret_version)
		found = map_get(&m->answers, key);
	if (found)
		*ret = (struct view){arena_view_dup(a, str_view(found)), found->len};
	pthread_mutex_unlock(&m->lock);
	return found != NULL;
}

void db_memo_put(struct db_memo *m, const char *key, uint64_t version, struct view answer)
{
	struct str *copy, *old;

	if (!version || db_version(m->db) != version)
		return;
	pthread_mutex_lock(&m->lock);
	/* versions only grow: a reader that was overtaken must not bring an old one back */
	if (version >= m->version && answer.len <= m->max_bytes) {
		if (m->version != version || answer.len > m->max_bytes - m->bytes)
			forget_all(m);
		m->version = version;
		copy = xcalloc(1, sizeof(*copy));
		str_add_view(copy, answer);
		m->bytes += answer.len;
		old = map_set(&m->answers, key, copy);
		m->bytes -= old ? old->len : 0;
		answer_free(old);
	}
	pthread_mutex_unlock(&m->lock);
}
